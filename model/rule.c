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
