/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The agent's answer about counters, from files that stand for the kernel's.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/counters.h"

static char said[1024];

/* What the agent says of the tree that @make, a shell command, makes. */
static const char *answer_about(const char *make)
{
	char command[512], root[] = "/tmp/vfiosim-gcov-XXXXXX";
	int ends[2];
	ssize_t got;

	cr_assert(ne(ptr, mkdtemp(root), NULL));
	snprintf(command, sizeof(command), "cd %s; %s", root, make);
	cr_assert(zero(int, system(command)));
	cr_assert(zero(int, pipe(ends)));
	cr_expect(zero(int, counters_send(ends[1], root)));
	close(ends[1]);
	got = read(ends[0], said, sizeof(said) - 1);
	said[got < 0 ? 0 : got] = '\0';
	close(ends[0]);
	snprintf(command, sizeof(command), "rm -r %s", root);
	cr_assert(zero(int, system(command)));
	return said;
}

Test(counters, kernel_that_does_not_count_has_none)
{
	cr_expect_str_eq(answer_about("true"), "counters 0\n");
}

Test(counters, files_are_found_at_any_depth_and_sent_as_they_are)
{
	cr_expect_str_eq(answer_about("mkdir -p x/y; printf '\\000\\377\\n' > x/y/a.gcda; : > x/reset; "
				      "ln -s a.gcda x/y/b.gcda"),
			 "counters 1\na.gcda 00ff0a\n");
}

Test(counters, empty_file_is_named)
{
	cr_expect_str_eq(answer_about(": > a.gcda"), "counters 1\na.gcda \n");
}
