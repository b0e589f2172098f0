/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the judge that the tests of check/ share. */
#include "court.h"

#include <criterion/criterion.h>
#include <string.h>

const char *const lines_attached[] = {LINE_OPEN_CONTAINER, LINE_OPEN_GROUP, LINE_SET_CONTAINER,
				      LINE_SET_IOMMU,	   LINE_MMAP,	    NULL};

void court_open(struct court *court)
{
	*court = (struct court){.arena = arena_new()};
	cr_assert_eq(profile_find("6.1", &court->profile), 0);
	court->judge = judge_new(machine_find("q35-edu"), &court->profile);
	cr_assert_not_null(court->judge);
	cr_assert_not_null(court->arena);
}

void court_close(struct court *court)
{
	cr_assert_null(judge_audit(court->judge));
	judge_free(court->judge);
	arena_free(court->arena);
}

enum verdict court_judge(struct court *court, const char *text)
{
	struct diag diag;

	court->line++;
	cr_assert_eq(event_parse(text, strlen(text), &court->event, court->arena, "test", court->line, &diag), 0,
		     "%s: column %u: %s", text, diag.column, diag.text);
	return judge_event(court->judge, &court->event, &court->finding);
}

void court_accept(struct court *court, const char *const *lines)
{
	for (; *lines; lines++)
		cr_assert_eq(court_judge(court, *lines), VERDICT_CONFORMS, "%s: %s", *lines, court_rule(court));
}

const char *court_rule(const struct court *court)
{
	const struct outcome *allowed = court->finding.allowed;

	if (!allowed->modelled || allowed->rule_count == 0)
		return "";
	return rules[allowed->rules[allowed->rule_count - 1]].name;
}
