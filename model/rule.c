/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The rules, from their table.
 */
#include "vfiosim/rule.h"

#include <string.h>

#include "linux_errno.h"

const struct rule_desc rules[RULE_COUNT] = {
    [RULE_NONE] = {"none", 0, "", ""},
#define RULE(id, name, error, sentence, source) [RULE_##id] = {name, -LINUX_##error, sentence, source},
#include "rules.def"
};

enum rule rule_by_name(const char *name)
{
	for (int rule = 1; rule < RULE_COUNT; rule++)
		if (!strcmp(rules[rule].name, name))
			return (enum rule)rule;
	return RULE_NONE;
}

bool rule_is_fault(enum rule rule)
{
	static const char mark[] = "fault:";

	return !strncmp(rules[rule].sentence, mark, sizeof(mark) - 1);
}

/* By rule; without words it does not complain. */
static const struct {
	const char *words, *place;
	bool fatal;
} complaints[RULE_COUNT] = {
#define COMPLAINT(rule, words, place, fatal) [RULE_##rule] = {words, place, fatal},
#include "complaints.def"
};

bool rule_complaint_is(enum rule rule, const char *line)
{
	const char *found =
	    rule_complains(rule) && !rule_complaint_silent(rule) ? strstr(line, complaints[rule].words) : NULL;

	return found && strstr(found, complaints[rule].place);
}

bool rule_complains(enum rule rule)
{
	return complaints[rule].words != NULL;
}

bool rule_complaint_silent(enum rule rule)
{
	return complaints[rule].words && !*complaints[rule].words;
}

bool rule_complaint_fatal(enum rule rule)
{
	return complaints[rule].fatal;
}
