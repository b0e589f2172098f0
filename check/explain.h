/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Findings in words: what was observed, what was allowed, and where they differ.
 */
#ifndef VFIOSIM_CHECK_EXPLAIN_H
#define VFIOSIM_CHECK_EXPLAIN_H

#include "vfiosim/judge.h"

/* Of one printed event, this many bytes are shown at most; the rest is counted. */
#define EXPLAIN_LINE_MAX 4000

struct explanation {
	const char *kind; /* "return value", "bytes", ...; never NULL */
	char *observed;	  /* the event, or the end of the run, as it was observed, as a trace writes it */
	char *allowed;	  /* the same call with the model's answer; NULL if there is none */
	char *where;	  /* which byte of which field, which amount; NULL if the lines say it all */
	enum rule rule;	  /* the rule that decided; RULE_NONE if there is none */
};

/* Puts @finding in words; call it in the callback's time only. Returns 0, or -1 when memory is out. */
int finding_explain(const struct finding *finding, struct explanation *explanation);

void explanation_clear(struct explanation *explanation);

#endif
