/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Writing traces: what is written is read back, and only complete traces get their name.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfiosim/trace.h"

static char directory[64], path[128];

static void make_directory(void)
{
	strcpy(directory, "/tmp/vfiosim-test-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a.trace", directory);
}

/* How many files there are in the directory. */
static size_t count_files(void)
{
	char pattern[128];
	glob_t found;
	size_t count;

	snprintf(pattern, sizeof(pattern), "%s/*", directory);
	count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return count;
}

static void remove_directory(void)
{
	unlink(path);
	cr_assert_eq(rmdir(directory), 0, "something is left in %s", directory);
}

TestSuite(writer, .init = make_directory, .fini = remove_directory);

static const struct trace_header header = {.version = 1, .page_size = 4096, .arch = "x86_64", .program = "test"};

static void write_close(struct trace_writer *writer, uint64_t fd)
{
	struct event event = {.call = {.task = 1, .thread = 1, .op = CALL_CLOSE, .args = {fd}},
			      .answer = {.known = true}};

	cr_assert_eq(trace_write_event(writer, &event), 0);
}

/* Writes a trace with @count events in two runs and reads it back. */
static void write_and_read(int count)
{
	struct diag diag = {0};
	struct trace_writer *writer = trace_create(path, &header, &diag);
	struct trace_header counted = header;
	struct trace_reader *reader;
	struct event event;

	counted.counted = true;
	cr_assert_not_null(writer, "%s", diag.text);
	for (int run = 0; run < 2; run++) {
		cr_assert_eq(trace_write_run(writer, run ? "second \"run\"" : "first", run ? "it \"ends\"" : NULL), 0);
		for (int i = 0; i < count; i++)
			write_close(writer, (uint64_t)i);
	}
	cr_assert_neq(access(path, F_OK), 0, "the name is there before the trace is complete");
	cr_assert_eq(trace_commit(writer, &diag), 0, "%s", diag.text);
	cr_assert_eq(count_files(), 1);

	reader = trace_open(path, &diag);
	cr_assert_not_null(reader, "%s", diag.text);
	cr_assert_eq(memcmp(trace_header(reader), &counted, sizeof(counted)), 0);
	for (int run = 0; run < 2; run++) {
		cr_assert_eq(trace_next(reader, &event, &diag), TRACE_RUN, "%s", diag.text);
		cr_assert_str_eq(trace_run_name(reader), run ? "second \"run\"" : "first");
		cr_assert(run ? trace_run_destructive(reader) && !strcmp(trace_run_destructive(reader), "it \"ends\"")
			      : !trace_run_destructive(reader));
		for (int i = 0; i < count; i++) {
			cr_assert_eq(trace_next(reader, &event, &diag), TRACE_EVENT, "%s", diag.text);
			cr_assert_eq(event.call.args[0], (uint64_t)i);
		}
		cr_assert_eq(trace_next(reader, &event, &diag), TRACE_RUN_END, "%s", diag.text);
		cr_assert_eq(trace_run_count(reader), (uint64_t)count);
	}
	cr_assert_eq(trace_next(reader, &event, &diag), TRACE_END);
	trace_close(reader);
}

Test(writer, trace_is_read_back)
{
	write_and_read(20000);
}

Test(writer, empty_trace_is_read_back)
{
	write_and_read(0);
}

/* The text of the trace that was just made. */
static char *slurp(void)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	cr_assert_not_null(file);
	cr_assert_gt(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

Test(writer, runs_are_counted_with_and_without_names)
{
	struct trace_writer *writer = trace_create(path, &header, NULL);
	char *text;

	write_close(writer, 3);
	write_close(writer, 4);
	cr_assert_eq(trace_write_run(writer, "empty", NULL), 0);
	cr_assert_eq(trace_write_run(writer, "one", NULL), 0);
	write_close(writer, 5);
	cr_assert_eq(trace_commit(writer, NULL), 0);
	text = slurp();
	cr_assert_str_eq(text, "vfiosim-trace 1\narch: x86_64\npage-size: 4096\nprogram: \"test\"\ncounted: 5\n\n"
			       "1 close(3) = 0\n1 close(4) = 0\nend 2\n"
			       "run \"empty\"\nend 0\nrun \"one\"\n1 close(5) = 0\nend 1\nruns 2\n");
	free(text);
}

Test(writer, trace_without_runs_says_so)
{
	struct trace_writer *writer = trace_create(path, &header, NULL);
	char *text;

	cr_assert_eq(trace_commit(writer, NULL), 0);
	text = slurp();
	cr_assert_not_null(strstr(text, "\n\nruns 0\n"), "%s", text);
	free(text);
}

Test(writer, zst_name_makes_zstd_that_is_read_back)
{
	struct stat status;

	strcat(path, ".zst");
	write_and_read(50000);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_lt(status.st_size, 200000);
}

Test(writer, abandoned_trace_leaves_nothing)
{
	struct trace_writer *writer = trace_create(path, &header, NULL);

	cr_assert_not_null(writer);
	write_close(writer, 3);
	cr_assert_eq(count_files(), 1);
	trace_abandon(writer);
	cr_assert_eq(count_files(), 0);
}

Test(writer, older_trace_stays_until_the_new_one_is_complete)
{
	struct trace_writer *writer;
	struct stat before, during, after;

	write_and_read(3);
	stat(path, &before);
	writer = trace_create(path, &header, NULL);
	cr_assert_not_null(writer);
	write_close(writer, 3);
	stat(path, &during);
	cr_assert_eq(before.st_ino, during.st_ino);
	cr_assert_eq(before.st_size, during.st_size);
	cr_assert_eq(trace_commit(writer, NULL), 0);
	stat(path, &after);
	cr_assert_neq(after.st_ino, before.st_ino);
	cr_assert_eq(count_files(), 1);
}

Test(writer, two_writers_of_one_name_do_not_meet)
{
	struct trace_writer *one = trace_create(path, &header, NULL), *other = trace_create(path, &header, NULL);

	cr_assert(one && other);
	write_close(one, 1);
	write_close(other, 2);
	cr_assert_eq(trace_commit(one, NULL), 0);
	cr_assert_eq(trace_commit(other, NULL), 0);
	cr_assert_eq(count_files(), 1);
}

Test(writer, directory_that_is_not_there_is_refused)
{
	struct diag diag = {0};

	cr_assert_null(trace_create("/nonexistent/a.trace", &header, &diag));
	cr_assert_str_eq(diag.file, "/nonexistent/a.trace");
	cr_assert_not_null(strstr(diag.text, "No such file or directory"), "%s", diag.text);
}

Test(writer, header_that_could_not_be_read_is_refused)
{
	struct trace_header wrong[4] = {header, header, header, header};
	struct diag diag = {0};

	wrong[0].page_size = 0;
	wrong[1].version = 2;
	wrong[2].field_count = TRACE_FIELDS_MAX + 1;
	wrong[3].field_count = 2; /* of the same, empty name */
	for (int i = 0; i < 4; i++) {
		cr_expect_null(trace_create(path, &wrong[i], &diag));
		cr_expect_not_null(strstr(diag.text, "cannot write this header: "), "%s", diag.text);
	}
	cr_assert_eq(count_files(), 0);
}

Test(writer, event_longer_than_a_line_fails_the_trace)
{
	uint8_t *bytes = malloc(2 * CALL_PAYLOAD_MAX);
	struct event event = {.call = {.task = 1, .thread = 1, .op = CALL_PREAD, .buffer_count = 1},
			      .answer = {.known = true}};
	struct trace_writer *writer = trace_create(path, &header, NULL);
	struct diag diag = {0};

	for (size_t i = 0; i < 2 * CALL_PAYLOAD_MAX; i++)
		bytes[i] = (uint8_t)(i + (i >> 22));
	event.call.buffers[0] =
	    (struct buffer){.length = CALL_PAYLOAD_MAX, .in = bytes, .out = bytes + CALL_PAYLOAD_MAX};
	cr_assert_eq(trace_write_event(writer, &event), -1);
	cr_assert_eq(trace_write_run(writer, "a", NULL), -1);
	cr_assert_eq(trace_commit(writer, &diag), -1);
	cr_assert_not_null(strstr(diag.text, "longer than a line can be"), "%s", diag.text);
	cr_assert_eq(count_files(), 0);
	free(bytes);
}

Test(writer, run_name_that_is_too_long_fails_the_trace)
{
	struct trace_writer *writer = trace_create(path, &header, NULL);
	char name[TRACE_TEXT_MAX + 1];
	struct diag diag = {0};

	memset(name, 'a', sizeof(name));
	name[TRACE_TEXT_MAX] = '\0';
	cr_assert_eq(trace_write_run(writer, name, NULL), -1);
	cr_assert_eq(trace_commit(writer, &diag), -1);
	cr_assert_not_null(strstr(diag.text, "the name of a run is too long"), "%s", diag.text);
}

Test(writer, destructive_run_without_a_reason_fails_the_trace)
{
	struct trace_writer *writer = trace_create(path, &header, NULL);
	struct diag diag = {0};

	cr_assert_eq(trace_write_run(writer, "a", ""), -1);
	cr_assert_eq(trace_commit(writer, &diag), -1);
	cr_assert_not_null(strstr(diag.text, "what makes a run destructive is not said"), "%s", diag.text);
}

Test(writer, full_disk_fails_the_commit)
{
	struct diag diag = {0};
	struct trace_writer *writer = trace_create("/dev/full", &header, &diag);
	struct stat status;

	cr_assert_not_null(writer, "%s", diag.text);
	cr_assert_eq(trace_commit(writer, &diag), -1);
	cr_assert_not_null(strstr(diag.text, "No space left on device"), "%s", diag.text);
	/* What is no regular file is written in place, never replaced. */
	cr_assert_eq(stat("/dev/full", &status), 0);
	cr_assert(S_ISCHR(status.st_mode));
}
