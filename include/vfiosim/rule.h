/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Rules: every refusal and every guaranteed effect, as data.
 *
 * model/rules.def has one row each. Conformance counts rules, not lines.
 */
#ifndef VFIOSIM_RULE_H
#define VFIOSIM_RULE_H

#include <stdbool.h>
#include <stddef.h>

enum rule {
	RULE_NONE = 0,
#define RULE(id, name, errno_name, sentence, source) RULE_##id,
#include "rules.def"
	RULE_COUNT
};

struct rule_desc {
	const char *name;     /* "T1-MAP-ALIGN" */
	int error;	      /* the errno as a negative number, 0 for an effect; a profile may say otherwise */
	const char *sentence; /* what holds */
	const char *source;   /* where it comes from */
};

extern const struct rule_desc rules[RULE_COUNT];

/* The rule with this name, or RULE_NONE. */
enum rule rule_by_name(const char *name);

/* Whether this is what a kernel does wrong: its sentence begins with "fault:". */
bool rule_is_fault(enum rule rule);

/* Whether this is a rule by which a kernel complains about itself. */
bool rule_complains(enum rule rule);

/*
 * Whether a line of a kernel's console is what the kernel complains with by @rule, and whether such a complaint is its
 * last word. False for rules by which no kernel complains. model/complaints.def has those by which one does. A silent
 * one is no line: the kernel just does not answer any more.
 */
bool rule_complaint_is(enum rule rule, const char *line);
bool rule_complaint_silent(enum rule rule);
bool rule_complaint_fatal(enum rule rule);

#endif
