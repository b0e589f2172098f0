/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What travels with a program.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "travel.h"

/* How many of the paths have @part in them. */
static unsigned with(const struct travel *travel, const char *part)
{
	unsigned count = 0;

	for (size_t i = 0; i < travel->count; i++)
		count += strstr(travel->paths[i], part) != NULL;
	return count;
}

static void expect_refused(const char *path, const char *text)
{
	struct travel travel = {.paths = NULL};
	struct diag diag = {.text = ""};

	cr_expect_eq(travel_add(&travel, path, &diag), -1);
	cr_expect_str_eq(diag.text, text);
	travel_free(&travel);
}

Test(travel, dynamic_program_brings_its_loader_and_libraries)
{
	struct travel travel = {.paths = NULL};
	struct diag diag = {.text = ""};

	cr_assert_eq(travel_add(&travel, getenv("TRACER_SUBJECT"), &diag), 0, "%s", diag.text);
	cr_expect_eq(with(&travel, "/libc.so"), 1);
	cr_expect_geq(with(&travel, "/ld"), 1);
	cr_expect_str_eq(travel.paths[0], getenv("TRACER_SUBJECT"));
	travel_free(&travel);
}

Test(travel, static_program_travels_alone)
{
	struct travel travel = {.paths = NULL};
	struct diag diag = {.text = ""};

	cr_assert_eq(travel_add(&travel, getenv("TRACER_SUBJECT_STATIC"), &diag), 0, "%s", diag.text);
	cr_expect_eq(travel.count, 1);
	travel_free(&travel);
}

Test(travel, nothing_travels_twice)
{
	struct travel travel = {.paths = NULL};
	struct diag diag = {.text = ""};
	size_t count;

	cr_assert_eq(travel_add(&travel, getenv("TRACER_SUBJECT"), &diag), 0, "%s", diag.text);
	count = travel.count;
	cr_assert_eq(travel_add(&travel, getenv("TRACER_SUBJECT"), &diag), 0, "%s", diag.text);
	cr_expect_eq(travel.count, count);
	travel_free(&travel);
}

Test(travel, directory_brings_what_scripts_in_it_need)
{
	char directory[] = "/tmp/vfiosim-travel-XXXXXX", script[64], text[64];
	static const char content[] = "#! /bin/sh -e\necho\n";
	struct travel travel = {.paths = NULL};
	struct diag diag = {.text = ""};

	cr_assert(mkdtemp(directory));
	snprintf(script, sizeof(script), "%s/script", directory);
	snprintf(text, sizeof(text), "%s/text", directory);
	int fd = open(script, O_WRONLY | O_CREAT, 0755);

	cr_assert_eq(write(fd, content, sizeof(content) - 1), (ssize_t)sizeof(content) - 1);
	close(fd);
	close(open(text, O_WRONLY | O_CREAT, 0644));
	int result = travel_add(&travel, directory, &diag);

	unlink(script);
	unlink(text);
	rmdir(directory);
	cr_assert_eq(result, 0, "%s", diag.text);
	cr_expect_eq(with(&travel, directory), 2);
	cr_expect_eq(with(&travel, "/bin/sh"), 1);
	cr_expect_eq(with(&travel, "/libc.so"), 1);
	travel_free(&travel);
}

Test(travel, relative_path_is_refused)
{
	expect_refused("some/file", "cannot take some/file along: expected an absolute path");
}

Test(travel, missing_file_is_refused)
{
	expect_refused("/nowhere/file", "cannot take /nowhere/file along: No such file or directory");
}

Test(travel, program_is_found_in_path)
{
	struct diag diag = {.text = ""};

	setenv("PATH", "/nowhere:/bin", 1);
	char *path = travel_find_program("sh", &diag);

	cr_expect_str_eq(path, "/bin/sh");
	free(path);
	cr_expect_null(travel_find_program("no-such-program", &diag));
	cr_expect_str_eq(diag.text, "cannot run no-such-program: it is not in PATH");
}

Test(travel, program_by_relative_path_becomes_absolute)
{
	struct diag diag = {.text = ""};

	cr_assert_eq(chdir("/proc/self"), 0);
	char *path = travel_find_program("../../bin/sh", &diag);

	cr_assert(path, "%s", diag.text);
	cr_expect_eq(path[0], '/');
	cr_expect_eq(access(path, X_OK), 0);
	free(path);
	cr_expect_null(travel_find_program("./nothing", &diag));
	cr_expect_str_eq(diag.text, "cannot run ./nothing: No such file or directory");
}
