/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Findings in words: what was observed, what was allowed, and where they differ.
 */
#ifndef VFIOSIM_CHECK_EXPLAIN_H
#define VFIOSIM_CHECK_EXPLAIN_H

#include "vfiosim/judge.h"

/* Of one printed event, this many bytes are shown at most; the rest is counted. */
#define EXPLAIN_LINE_MAX 4000

/* What an answer follows from, a rule or a field of the profile; @name is NULL if there is nothing. */
struct ground {
	const char *kind; /* "rule" or "field" */
	const char *name, *sentence, *source;
};

struct ground ground_of_rule(enum rule rule);

struct explanation {
	const char *kind;     /* "return value", "bytes", ...; never NULL */
	char *observed;	      /* the event, or the end of the run, as it was observed, as a trace writes it */
	char *allowed;	      /* the same call with the model's answer; NULL if there is none */
	char *where;	      /* which byte of which field, which amount; NULL if the lines say it all */
	struct ground ground; /* what decided */
};

/* Puts @finding in words; call it in the callback's time only. Returns 0, or -1 when memory is out. */
int finding_explain(const struct finding *finding, struct explanation *explanation);

void explanation_clear(struct explanation *explanation);

#endif
