/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Trials: programs that are examined while they are made. A suspect, which is a model with bugs, can be made to run
 * beside: it must not answer unlike the model without.
 */
#ifndef VFIOSIM_FUZZ_TRIAL_H
#define VFIOSIM_FUZZ_TRIAL_H

#include "generator.h"
#include "subject.h"

struct trial;

struct trial_verdict {
	const char *wrong;	       /* NULL: nothing */
	bool of_suspect;	       /* it is the suspect that is wrong */
	const struct program *program; /* up to the call that showed it */
	uint64_t calls;		       /* made, those included that are not modelled */
	enum rule rule;		       /* that decided the last of them */
};

/* Trials on @subject; @bugs are those of the suspect, NULL if there is none. NULL when memory is out. */
struct trial *trial_new(const struct fuzz_subject *subject, const struct defect_set *bugs);
void trial_free(struct trial *trial);

/* Lets trials mark, in these @count places, which rule decided after which other one. */
void trial_count_rules(struct trial *trial, uint8_t *counters, size_t count);

/*
 * Makes the program of these draws and examines it. What @verdict points to is valid until the next one. 0, or -1 when
 * memory is out.
 */
int trial_run(struct trial *trial, struct draws *draws, const struct generator_options *options,
	      struct trial_verdict *verdict);

/* Takes down on @tape the program of @seed on the trials' subject, unexamined. 0, or -1 when memory is out. */
int trial_draft(struct trial *trial, uint64_t seed, const struct generator_options *options, struct tape *tape);

#endif
