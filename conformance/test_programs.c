/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The hand-written programs under traces/programs, each a case for every run: the backend that VFIOSIM_ON names answers
 * as the rules allow.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

enum { PATH_MAX_BYTES = 512, PROGRAMS_MAX = 256 };

struct path {
	char text[PATH_MAX_BYTES];
};

ParameterizedTestParameters(programs, every_run_conforms)
{
	static struct path paths[PROGRAMS_MAX];
	size_t count = 0;
	glob_t found;

	if (glob(TRACES_FOLDER "/programs/*.trace", 0, NULL, &found) == 0) {
		cr_assert_leq(found.gl_pathc, PROGRAMS_MAX);
		for (; count < found.gl_pathc; count++)
			snprintf(paths[count].text, sizeof(paths[count].text), "%s", found.gl_pathv[count]);
		globfree(&found);
	}
	return cr_make_param_array(struct path, paths, count);
}

ParameterizedTest(const struct path *path, programs, every_run_conforms)
{
	size_t length;
	char *text = stage_read(path->text, &length);
	struct stage_result result = stage_perform(strrchr(path->text, '/') + 1, text, length);

	free(text);
	cr_expect_gt(result.calls, 0);
	cr_expect_eq(result.failed, 0, "%s: %lu of %lu calls", path->text, (unsigned long)result.failed,
		     (unsigned long)result.calls);
}
