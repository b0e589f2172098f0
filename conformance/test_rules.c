/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Rules and what shows them: the hand-written programs under traces/programs together hit every rule on one profile
 * or another, and the recordings under traces show that real kernels follow it.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>

#include "check/rulebook.h"

#define FOLLOWED_SHARE 95 /* of a hundred rules that can be observed, those that two kernels must be seen to follow */

/* Rules that no program hits, and those that real kernels cannot be seen to follow: why not. */
static const char *const unperformed[RULE_COUNT] = {
#define UNPERFORMED(rule, reason) [RULE_##rule] = reason,
#define UNOBSERVED(rule, reason)
#include "conformance/excused.def"
};

static const char *const unobserved[RULE_COUNT] = {
#define UNPERFORMED(rule, reason)
#define UNOBSERVED(rule, reason) [RULE_##rule] = reason,
#include "conformance/excused.def"
};

static void read_all(struct rulebook *book, const char *pattern)
{
	struct diag diag = {.text = ""};
	glob_t found;

	cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "nothing matches %s", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++)
		cr_assert_eq(rulebook_add(book, found.gl_pathv[i], &diag), 0, "%s:%" PRIu64 ": %s", found.gl_pathv[i],
			     diag.line, diag.text);
	globfree(&found);
}

Test(rules, each_has_a_case_or_an_excuse)
{
	struct rulebook *book = rulebook_new();

	cr_assert_not_null(book);
	read_all(book, TRACES_FOLDER "/programs/*.trace");
	for (unsigned rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		if (unperformed[rule])
			cr_expect_eq(book->entries[rule].cases, 0, "%s is excused, but a program hits it",
				     rules[rule].name);
		else
			cr_expect_gt(book->entries[rule].cases, 0, "no program hits %s: %s", rules[rule].name,
				     rules[rule].sentence);
	}
	free(book);
}

Test(rules, nearly_all_are_seen_on_two_kernels)
{
	struct rulebook *book = rulebook_new();
	unsigned seen = 0, reachable = 0;

	cr_assert_not_null(book);
	read_all(book, TRACES_FOLDER "/*.trace");
	read_all(book, TRACES_FOLDER "/*.trace.zst");
	for (unsigned rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		const bool twice = __builtin_popcount(book->entries[rule].kernels) >= 2;

		seen += twice;
		reachable += twice || !unobserved[rule];
	}
	cr_expect_geq(seen * 100, reachable * FOLLOWED_SHARE, "%u of %u rules were seen on two kernels", seen,
		      reachable);
	free(book);
}
