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

#define PATH_MAX_BYTES 512

struct path {
	char text[PATH_MAX_BYTES];
};

static void free_paths(struct criterion_test_params *params)
{
	cr_free(params->params);
}

ParameterizedTestParameters(programs, every_run_conforms)
{
	struct path *paths;
	size_t count = 0;
	glob_t found;

	/* Where there are none, the pattern is a file that cannot be read. */
	if (glob(TRACES_FOLDER "/programs/*.trace", GLOB_NOCHECK, NULL, &found) != 0)
		return cr_make_param_array(struct path, NULL, 0);
	/* The tests are processes of their own, which see this memory. */
	paths = cr_malloc(found.gl_pathc * sizeof(*paths));
	for (; count < found.gl_pathc; count++)
		snprintf(paths[count].text, sizeof(paths[count].text), "%s", found.gl_pathv[count]);
	globfree(&found);
	return cr_make_param_array(struct path, paths, count, free_paths);
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
