/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* docs/incidents.md says what notices each bug that kernels had: all that it names there exists. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"
#include "vfiosim/defect.h"
#include "vfiosim/profile.h"
#include "vfiosim/rule.h"

#define DOCUMENT TRACES_FOLDER "/../docs/incidents.md"

static bool is_rule(const char *name)
{
	unsigned rule = RULE_NONE + 1;

	while (rule < RULE_COUNT && strcmp(rules[rule].name, name) != 0)
		rule++;
	return rule < RULE_COUNT;
}

/* A name is a defect's, a field's, a rule's, or the path of a trace. */
static bool is_known(const char *name)
{
	return defect_by_name(name) != DEFECT_COUNT || profile_field_find(name) || is_rule(name) ||
	       strncmp(name, "traces/", strlen("traces/")) == 0;
}

/* The last cell of a row, of the row's @length bytes; NULL if this is no row. */
static const char *last_cell(const char *line, size_t length)
{
	const char *cell = line + length;

	if (length < 3 || line[0] != '|' || line[length - 1] != '|')
		return NULL;
	cell--;
	while (cell[-1] != '|')
		cell--;
	return cell;
}

/* Looks up every name between backquotes of [cell, end). How many there were. */
static size_t look_up(const char *cell, const char *end)
{
	size_t count = 0;

	for (;;) {
		const char *open = memchr(cell, '`', (size_t)(end - cell));
		const char *close = open ? memchr(open + 1, '`', (size_t)(end - open - 1)) : NULL;
		char name[128];

		if (!close)
			return count;
		snprintf(name, sizeof(name), "%.*s", (int)(close - open - 1), open + 1);
		cr_expect(is_known(name), "docs/incidents.md: '%s' is no defect, field or rule", name);
		count++;
		cell = close + 1;
	}
}

Test(incidents, everything_that_is_named_exists)
{
	size_t length, named = 0;
	char *document = stage_read(DOCUMENT, &length);

	for (const char *line = document; *line;) {
		size_t bytes = strcspn(line, "\n");
		const char *cell = last_cell(line, bytes);

		if (cell)
			named += look_up(cell, line + bytes);
		line += bytes + (line[bytes] == '\n');
	}
	cr_expect_gt(named, 0);
	free(document);
}
