/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Runs the built vfiosim, whose path is in the environment as VFIOSIM, and keeps what it says. */
#ifndef VFIOSIM_TESTS_CLI_RUN_H
#define VFIOSIM_TESTS_CLI_RUN_H

#define RUN_ARGUMENTS_MAX 16

struct outcome_of_run {
	int status; /* exit code; -1 if a signal ended it */
	char *out, *err;
};

/* Runs `vfiosim ARGUMENTS`, split at blanks, in the test's folder. The texts live until the next run. */
const struct outcome_of_run *run(const char *arguments);

/* The same, and asserts the exit code. */
const struct outcome_of_run *expect(int status, const char *arguments);

/* Asserts that @part is in @text. */
void expect_text(const char *text, const char *part);

/* Makes a folder for the test and goes there; removes it with everything in it. */
void folder_begin(void);
void folder_end(void);

/* Writes @text to the file @name. */
void file_write(const char *name, const char *text);

/* The text of the file @name; valid until the next call. */
const char *file_read(const char *name);

#endif
