/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Records a scenario of subject.c and gives its trace as lines that are the same each time.
 */
#ifndef TESTS_TRACER_RECORDING_H
#define TESTS_TRACER_RECORDING_H

#include <stddef.h>

#define LINES_MAX 2048

struct recording {
	int status; /* exit status of the program */
	size_t count;
	/*
	 * The events without their observations. The directory is written as `D`; addresses relative
	 * to the first large one: `A`, `A+0x1000`.
	 */
	char *lines[LINES_MAX];
};

/* Which build of the subject is recorded. */
enum subject { SUBJECT_DYNAMIC, SUBJECT_STATIC };

/*
 * Records `subject SCENARIO DIRECTORY`. The test fails if that cannot be done, and is skipped
 * where programs may not be traced at all.
 */
void recording_make(struct recording *recording, enum subject subject, const char *scenario);
void recording_free(struct recording *recording);

/* Records the scenario and checks that it ends with @status and leaves exactly these lines, NULL at the end. */
void expect_recording(enum subject subject, const char *scenario, int status, const char *const *lines);

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_LINES   ((const char *const[]){NULL})

#endif
