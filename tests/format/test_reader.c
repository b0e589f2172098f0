/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Reading whole traces: header, runs, comments, cut-off and endless input, zstd.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include "vfiosim/trace.h"

/* What reading any trace may take, in KiB; the address sanitizer keeps freed memory for a while. */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define MEMORY_MAX (700 << 10)
#else
#define MEMORY_MAX (200 << 10)
#endif

static const char header_text[] = "vfiosim-trace 1\n"
				  "kernel: 6.1.0-50-amd64 (6.1.176-1)\n"
				  "arch: x86_64\n"
				  "page-size: 4096\n"
				  "machine: q35-edu\n"
				  "profile: 6.1\n"
				  "program: \"dpdk-testpmd -l 0\"\n"
				  "field: wrap_refused = EINVAL\n"
				  "\n";

static struct trace_reader *open_text(const char *text, struct diag *diag)
{
	return trace_open_memory("mem", text, strlen(text), diag);
}

Test(reader, header_is_read_and_printed_as_it_was)
{
	struct diag diag = {0};
	struct trace_reader *reader = open_text(header_text, &diag);
	const struct trace_header *header;
	struct text text = {0};
	struct event event;

	cr_assert_not_null(reader, "%s", diag.text);
	header = trace_header(reader);
	cr_assert_eq(header->version, 1);
	cr_assert_str_eq(header->kernel, "6.1.0-50-amd64 (6.1.176-1)");
	cr_assert_str_eq(header->arch, "x86_64");
	cr_assert_eq(header->page_size, 4096);
	cr_assert_str_eq(header->machine, "q35-edu");
	cr_assert_str_eq(header->profile, "6.1");
	cr_assert_str_eq(header->program, "dpdk-testpmd -l 0");
	cr_assert_eq(header->field_count, 1);
	cr_assert_str_eq(header->fields[0].name, "wrap_refused");
	cr_assert_str_eq(header->fields[0].value, "EINVAL");
	header_print(&text, header);
	cr_assert_str_eq(text.text, header_text);
	/* A header alone is not a trace: what it is about has been cut off. */
	cr_assert_eq(trace_next(reader, &event, &diag), TRACE_ERROR);
	cr_assert_eq(diag.line, 10);
	cr_assert_eq(diag.column, 1);
	cr_assert_eq(trace_next(reader, &event, &diag), TRACE_ERROR);
	free(text.text);
	trace_close(reader);
}

Test(reader, header_values_with_any_bytes_come_back)
{
	static const char *const values[] = {"",    " ",    "a b", "\"",       "a\"b", " a", "a ",
					     "a#b", "#",    "a=b", "\n",       "\xff", "\\", "a: b",
					     "\t",  "a\tb", "=",   "\x01\x7f", "x = y"};
	size_t count = sizeof(values) / sizeof(values[0]);
	struct trace_header *header = calloc(1, sizeof(*header));

	header->version = 1;
	header->page_size = 65536;
	header->field_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		snprintf(header->fields[i].name, sizeof(header->fields[i].name), "%s", values[i]);
		snprintf(header->fields[i].value, sizeof(header->fields[i].value), "%s", values[count - 1 - i]);
	}
	for (size_t i = 0; i < count; i++) {
		struct text text = {0}, again = {0};
		struct trace_reader *reader;
		struct diag diag = {0};

		strncpy(header->kernel, values[i], TRACE_TEXT_MAX - 1);
		strncpy(header->arch, values[i], TRACE_TEXT_MAX - 1);
		strncpy(header->machine, values[i], TRACE_TEXT_MAX - 1);
		strncpy(header->profile, values[i], TRACE_TEXT_MAX - 1);
		strncpy(header->program, values[i], TRACE_TEXT_MAX - 1);
		header_print(&text, header);
		reader = open_text(text.text, &diag);
		cr_assert_not_null(reader, "%lu: %s\n%s", (unsigned long)diag.line, diag.text, text.text);
		cr_assert_eq(memcmp(trace_header(reader), header, sizeof(*header)), 0, "%s", text.text);
		header_print(&again, trace_header(reader));
		cr_assert_str_eq(again.text, text.text);
		trace_close(reader);
		free(text.text);
		free(again.text);
	}
	free(header);
}

Test(reader, run_says_why_it_is_destructive)
{
	struct trace_reader *reader = open_text("vfiosim-trace 1\n"
						"run \"a\" destructive \"ends \\\"it\\\"\" # really\n"
						"1 close(3) = 0\n"
						"run \"b\"\n",
						NULL);
	struct event event;

	cr_assert_not_null(reader);
	cr_assert_null(trace_run_destructive(reader));
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_RUN);
	cr_assert_str_eq(trace_run_name(reader), "a");
	cr_assert_str_eq(trace_run_destructive(reader), "ends \"it\"");
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_EVENT);
	cr_assert_not_null(trace_run_destructive(reader));
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_RUN);
	cr_assert_null(trace_run_destructive(reader));
	trace_close(reader);
}

Test(reader, runs_comments_and_blank_lines)
{
	struct trace_reader *reader = open_text("vfiosim-trace 1 # of 2026\n"
						"# a remark\n"
						"\n"
						"arch: x86_64 # which one\n"
						"1 close(3) = 0\n"
						"run \"a \\\"b\\\"\"\n"
						"  # more\n"
						"\t\n"
						"  1 close(4) = 0\n"
						" run \"c\" # again\n",
						NULL);
	struct event event;

	cr_assert_not_null(reader);
	cr_assert_str_eq(trace_header(reader)->arch, "x86_64");
	cr_assert_eq(trace_header(reader)->page_size, 4096);
	cr_assert_str_eq(trace_run_name(reader), "");
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_EVENT);
	cr_assert_eq(event.line, 5);
	cr_assert_eq(event.call.args[0], 3);
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_RUN);
	cr_assert_str_eq(trace_run_name(reader), "a \"b\"");
	cr_assert_eq(trace_line(reader), 6);
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_EVENT);
	cr_assert_eq(event.line, 9);
	cr_assert_eq(trace_line(reader), 9);
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_RUN);
	cr_assert_str_eq(trace_run_name(reader), "c");
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_END);
	trace_close(reader);
}

#define V "vfiosim-trace 1\n"
#define C V "counted: 2\n"

static const struct {
	const char *text;
	uint64_t line;
	uint32_t column;
	const char *expected;
} bad[] = {
    {"", 1, 1, "\"vfiosim-trace 1\", found the end of the file"},
    {"\n", 1, 1, "\"vfiosim-trace 1\", found the end of the line"},
    {"# remark\n" V, 1, 1, "\"vfiosim-trace 1\""},
    {"vfiosim-trace\n", 1, 1, "\"vfiosim-trace 1\""},
    {"vfiosim-trace 2\n", 1, 15, "version 1"},
    {"vfiosim-trace 1", 1, 16, "a newline, found the end of the file: it is cut off"},
    {"vfiosim-trace x\n", 1, 15, "a number"},
    {"vfiosim-trace 1 x\n", 1, 17, "the end of the line"},
    {V "colour: red\n", 2, 1, "kernel, arch, page-size, machine, profile, program, field, counted"},
    {V "arch: x\narch: x\n", 3, 1, "this key once only"},
    {V "page-size: 4096\npage-size: 4096\n", 3, 1, "this key once only"},
    {V "page-size: 4095\n", 2, 12, "a page size that is a power of two"},
    {V "page-size: 0\n", 2, 12, "a page size that is a power of two"},
    {V "page-size: 4294967296\n", 2, 12, "a number of at most 1073741824"},
    {V "arch: x\001\n", 2, 8, "the end of the line, found byte 0x01"},
    {V "arch: \"x\n", 2, 9, "'\"'"},
    {V "arch: \"x\\x00\"\n", 2, 7, "a string without \\x00"},
    {V "field: = x\n", 2, 8, "the name of a profile field"},
    {V "field: x\n", 2, 9, "'='"},
    {V "field: x = 1\nfield: x = 2\n", 3, 8, "each profile field once only"},
    {V "1 close(3) = 0\narch: x\n", 3, 1, "an event (which begins with the number of its task), a run or a comment"},
    {V "\001\002\003\n", 2, 1, "an event"},
    {V "run\n", 2, 4, "'\"'"},
    {V "run a\n", 2, 5, "'\"'"},
    {V "run \"a\n", 2, 7, "'\"'"},
    {V "run \"a\" b\n", 2, 9, "the end of the line"},
    {V "run \"a\\x00\"\n", 2, 5, "a string without \\x00"},
    {V "run \"a\" destructive\n", 2, 20, "'\"'"},
    {V "run \"a\" destructive \"\"\n", 2, 21, "a reason"},
    {V "run \"a\" destructive \"b\\x00\"\n", 2, 21, "a string without \\x00"},
    {V "run \"a\" destructive \"b\" c\n", 2, 25, "the end of the line"},
    {V "running\n", 2, 1, "an event"},
    {V "1 close(3) = 0\n1 close(3) = 1", 3, 15, "a newline, found the end of the file: it is cut off"},
    {V "1 close(3) = 0\n1 close(3) = 0 0\n", 3, 16, "the end of the line"},
    {V "counted: yes\n", 2, 10, "a number"},
    {V "counted: 3\n", 2, 10, "2, as many as the header has lines"},
    {V "counted: 1\n", 2, 10, "2, as many as the header has lines"},
    {V "arch: x\n\n# remark\ncounted: 5\n", 5, 10, "3, as many as the header has lines"},
    {V "field: a = 1\nfield: b = 1\ncounted: 3\n", 4, 10, "4, as many as the header has lines"},
    {C "counted: 3\n", 3, 1, "a run or an event, as \"counted\" is the header's last line"},
    {C "arch: x\n", 3, 1, "a run or an event, as \"counted\" is the header's last line"},
    {V "run \"a\"\nend 0\n", 3, 1, "\"counted: LINES\" at the end of the header"},
    {V "run \"a\"\nruns 1\n", 3, 1, "\"counted: LINES\" at the end of the header"},
    {C, 3, 1,
     "an event (which begins with the number of its task), a run or \"runs COUNT\", found the end of the file"},
    {C "end 0\n", 3, 1, "a run or \"runs COUNT\""},
    {C "run \"a\"\n", 4, 1, "\"end COUNT\", which ends the run, found the end of the file"},
    {C "run \"a\"\nruns 1\n", 4, 1, "\"end COUNT\", which ends the run"},
    {C "1 close(3) = 0\nrun \"a\"\n", 4, 1, "\"end COUNT\", which ends the run"},
    {C "run \"a\"\nend 0\n", 5, 1, "a run or \"runs COUNT\" (the last run has ended), found the end of the file"},
    {C "run \"a\"\nend 0\nend 0\n", 5, 1, "a run or \"runs COUNT\" (the last run has ended)"},
    {C "run \"a\"\nend 0\n1 close(3) = 0\n", 5, 1, "a run or \"runs COUNT\" (the last run has ended)"},
    {C "run \"a\"\nend\n", 4, 4, "a number"},
    {C "run \"a\"\nend -1\n", 4, 5, "a number"},
    {C "run \"a\"\nend 0 0\n", 4, 7, "the end of the line"},
    {C "run \"a\"\nend 18446744073709551616\n", 4, 5, "a number of at most 18446744073709551615"},
    {C "run \"a\"\nend 0\nruns 2\n", 5, 6, "1, as many as there are lines that begin a run"},
    {C "runs 0\nrun \"a\"\n", 4, 1, "the end of the file"},
    {C "runs 0\nruns 0\n", 4, 1, "the end of the file"},
};

Test(reader, counted_trace_tells_where_runs_end_and_what_they_say)
{
	struct trace_reader *reader = open_text(C "1 close(3) = 0\nend 1 # of one\nrun \"a\"\n"
						  "\n# nothing\n end 0x7\nruns 1\n# over\n",
						NULL);
	struct event event;

	cr_assert_not_null(reader);
	cr_assert(trace_header(reader)->counted);
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_EVENT);
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_RUN_END);
	cr_assert_eq(trace_run_count(reader), 1);
	cr_assert_eq(trace_line(reader), 4);
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_RUN);
	/* Whether it is true is not the reader's business. */
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_RUN_END);
	cr_assert_eq(trace_run_count(reader), 7);
	cr_assert_eq(trace_line(reader), 8);
	cr_assert_str_eq(trace_run_name(reader), "a");
	cr_assert_eq(trace_next(reader, &event, NULL), TRACE_END);
	trace_close(reader);
}

Test(reader, bad_trace_is_refused_at_line_and_column)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct diag diag = {0};
		struct trace_reader *reader = open_text(bad[i].text, &diag);
		enum trace_item item = TRACE_ERROR;
		struct event event;

		while (reader && (item = trace_next(reader, &event, &diag)) != TRACE_ERROR && item != TRACE_END)
			;
		cr_expect_eq(item, TRACE_ERROR, "accepted: %s", bad[i].text);
		cr_expect_eq(diag.line, bad[i].line, "line %lu of %s", (unsigned long)diag.line, bad[i].text);
		cr_expect_eq(diag.column, bad[i].column, "column %u of %s", diag.column, bad[i].text);
		cr_expect_not_null(strstr(diag.text, bad[i].expected), "\"%s\" of %s", diag.text, bad[i].text);
		cr_expect_str_eq(diag.file, "mem");
		if (reader) {
			struct diag again = {0};

			/* An error stays: what follows it cannot be trusted. */
			cr_expect_eq(trace_next(reader, &event, &again), TRACE_ERROR);
			cr_expect_str_eq(again.text, diag.text);
		}
		trace_close(reader);
	}
}

Test(reader, too_many_profile_fields_are_refused)
{
	struct text text = {0};
	struct diag diag = {0};
	FILE *out = open_memstream(&text.text, &text.length);

	fputs(V, out);
	for (int i = 0; i <= TRACE_FIELDS_MAX; i++)
		fprintf(out, "field: f%d = 1\n", i);
	fclose(out);
	cr_assert_null(open_text(text.text, &diag));
	cr_assert_eq(diag.line, TRACE_FIELDS_MAX + 2);
	cr_assert_not_null(strstr(diag.text, "at most 64 profile fields"));
	free(text.text);
}

Test(reader, header_value_that_is_too_long_is_refused)
{
	char text[1024];

	for (int extra = 0; extra < 2; extra++) {
		struct trace_reader *reader;
		struct diag diag = {0};

		snprintf(text, sizeof(text), V "arch: %0*d\n", TRACE_TEXT_MAX - 1 + extra, 1);
		reader = open_text(text, &diag);
		cr_expect_eq(reader == NULL, extra);
		cr_expect_eq(diag.column, extra ? 7 : 0);
		trace_close(reader);
		snprintf(text, sizeof(text), V "arch: \"%0*d\"\n", TRACE_TEXT_MAX - 1 + extra, 1);
		reader = open_text(text, &diag);
		cr_expect_eq(reader == NULL, extra);
		trace_close(reader);
	}
}

/* A file with @length bytes at @bytes; the name is in @path. */
static void make_file(char *path, const void *bytes, size_t length)
{
	int fd;

	strcpy(path, "/tmp/vfiosim-test-XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* Reads all of @path; the number of events, or -1 with @diag. */
static long count_events(const char *path, struct diag *diag)
{
	struct trace_reader *reader = trace_open(path, diag);
	enum trace_item item = TRACE_ERROR;
	struct event event;
	long count = 0;

	while (reader && (item = trace_next(reader, &event, diag)) == TRACE_EVENT)
		count++;
	trace_close(reader);
	return item == TRACE_END ? count : -1;
}

/* A trace of @count events, with a long line now and then, so that lines cross the ends of buffers. */
static char *long_trace(int count, size_t *length)
{
	char *text;
	FILE *out = open_memstream(&text, length);

	fputs(V, out);
	for (int i = 0; i < count; i++) {
		fputs("1 poke(0x1000, hex(", out);
		for (int n = i % 1000 == 7 ? 400000 : 1 + i % 40; n; n--)
			fprintf(out, "%02x", (i + n) & 255);
		fputs(")) = 0\n", out);
	}
	fclose(out);
	return text;
}

Test(reader, file_of_many_buffers_is_read_whole)
{
	char path[64];
	size_t length;
	char *text = long_trace(30000, &length);
	struct diag diag = {0};

	make_file(path, text, length);
	cr_assert_eq(count_events(path, &diag), 30000, "%s", diag.text);
	unlink(path);
	free(text);
}

Test(reader, missing_file_and_directory_are_refused_by_name)
{
	struct diag diag = {0};

	cr_assert_null(trace_open("/nonexistent.trace", &diag));
	cr_assert_str_eq(diag.file, "/nonexistent.trace");
	cr_assert_not_null(strstr(diag.text, "cannot open: No such file"));
	cr_assert_null(trace_open("/tmp", &diag));
	cr_assert_not_null(strstr(diag.text, "cannot read: Is a directory"));
}

Test(reader, endless_line_is_refused_with_bounded_memory)
{
	struct diag diag = {0};
	struct rusage usage;
	char path[64];
	FILE *file;

	make_file(path, V, strlen(V));
	file = fopen(path, "a");
	for (int i = 0; i < 40; i++)
		fprintf(file, "%01048576d", 0);
	fclose(file);
	cr_assert_eq(count_events(path, &diag), -1);
	cr_assert_eq(diag.line, 2);
	cr_assert_eq(diag.column, TRACE_LINE_MAX);
	cr_assert_not_null(strstr(diag.text, "a line of less than 16777216 bytes"));
	getrusage(RUSAGE_SELF, &usage);
	cr_assert_lt(usage.ru_maxrss, MEMORY_MAX);
	unlink(path);
}

Test(reader, endless_line_in_memory_is_refused)
{
	size_t length = TRACE_LINE_MAX + 100;
	char *text = malloc(length);
	struct diag diag = {0};

	memset(text, '#', length);
	memcpy(text, V, strlen(V));
	cr_assert_null(trace_open_memory("mem", text, length, &diag));
	cr_assert_eq(diag.line, 2);
	text[length - 1] = '\n';
	cr_assert_null(trace_open_memory("mem", text, length, &diag));
	cr_assert_eq(diag.line, 2);
	cr_assert_eq(diag.column, TRACE_LINE_MAX);
	/* The longest line that there can be. */
	text[strlen(V) + TRACE_LINE_MAX - 1] = '\n';
	text[length - 1] = '\n';
	trace_close(trace_open_memory("mem", text, length, &diag));
	cr_assert_eq(diag.line, 2);
	free(text);
}

Test(reader, longest_line_is_read)
{
	size_t length = strlen(V) + TRACE_LINE_MAX;
	char *text = malloc(length);
	struct trace_reader *reader;
	struct diag diag = {0};
	char path[64];

	memset(text, '#', length);
	memcpy(text, V "1 close(3) = 0 ", strlen(V "1 close(3) = 0 "));
	text[length - 1] = '\n';
	reader = trace_open_memory("mem", text, length, &diag);
	cr_assert_not_null(reader, "%s", diag.text);
	trace_close(reader);
	make_file(path, text, length);
	cr_assert_eq(count_events(path, &diag), 1, "%s", diag.text);
	unlink(path);
	free(text);
}

/* Compresses with a window of 2^@window_log bytes; the caller frees the result. */
static void *pack(const void *bytes, size_t length, int window_log, size_t *packed_length)
{
	size_t room = ZSTD_compressBound(length);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	void *packed = malloc(room);

	ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
	*packed_length = ZSTD_compress2(context, packed, room, bytes, length);
	cr_assert(!ZSTD_isError(*packed_length));
	ZSTD_freeCCtx(context);
	return packed;
}

Test(reader, zstd_is_read_from_files_and_memory_whatever_the_name)
{
	size_t length, packed_length;
	char *text = long_trace(5000, &length), path[64];
	uint8_t *packed = pack(text, length, 0, &packed_length);
	struct trace_reader *reader;
	struct diag diag = {0};

	make_file(path, packed, packed_length);
	cr_assert_eq(count_events(path, &diag), 5000, "%s", diag.text);
	reader = trace_open_memory("mem", packed, packed_length, &diag);
	cr_assert_not_null(reader, "%s", diag.text);
	trace_close(reader);
	unlink(path);
	free(packed);
	free(text);
}

Test(reader, zstd_frames_may_follow_each_other)
{
	const char *second = "1 close(3) = 0\n";
	size_t first_length, second_length;
	uint8_t *one = pack(V, strlen(V), 0, &first_length), *other = pack(second, strlen(second), 0, &second_length);
	struct diag diag = {0};
	char path[64];

	one = realloc(one, first_length + second_length);
	memcpy(one + first_length, other, second_length);
	make_file(path, one, first_length + second_length);
	cr_assert_eq(count_events(path, &diag), 1, "%s", diag.text);
	unlink(path);
	free(one);
	free(other);
}

Test(reader, zstd_that_is_cut_off_is_refused_wherever_the_cut)
{
	size_t length, packed_length;
	char *text = long_trace(5, &length), path[64];
	uint8_t *packed = pack(text, length, 0, &packed_length);

	for (size_t cut = 4; cut < packed_length; cut++) {
		struct diag diag = {0};

		make_file(path, packed, cut);
		cr_expect_eq(count_events(path, &diag), -1, "cut at %zu of %zu", cut, packed_length);
		cr_expect_not_null(strstr(diag.text, "cut off"), "%s", diag.text);
		unlink(path);
	}
	free(packed);
	free(text);
}

/* A few bits of a frame have no meaning; whatever is accepted has passed the checksum of its content. */
Test(reader, zstd_that_is_damaged_is_refused)
{
	size_t length, packed_length, tried = 0, refused = 0;
	char *text = long_trace(50, &length), path[64];
	uint8_t *packed = pack(text, length, 0, &packed_length);

	for (size_t at = 4; at < packed_length; at += 3) {
		struct diag diag = {0};
		long count;

		packed[at] ^= 0x55;
		make_file(path, packed, packed_length);
		count = count_events(path, &diag);
		cr_expect(count == -1 || count == 50, "byte %zu", at);
		refused += count == -1;
		tried++;
		packed[at] ^= 0x55;
		unlink(path);
	}
	cr_assert_geq(refused * 20, tried * 19);
	free(packed);
	free(text);
}

Test(reader, zstd_with_bytes_behind_it_is_refused)
{
	size_t packed_length;
	uint8_t *packed = pack(V, strlen(V), 0, &packed_length);
	struct diag diag = {0};
	char path[64];

	packed = realloc(packed, packed_length + 8);
	memcpy(packed + packed_length, "trailing", 8);
	make_file(path, packed, packed_length + 8);
	cr_assert_eq(count_events(path, &diag), -1);
	cr_assert_not_null(strstr(diag.text, "bad zstd data: "), "%s", diag.text);
	cr_assert_eq(diag.line, 1);
	unlink(path);
	free(packed);
}

Test(reader, zstd_with_too_big_a_window_is_refused)
{
	size_t length = (size_t)70 << 20, packed_length;
	struct diag diag = {0};
	char *text = malloc(length), path[64];
	uint8_t *packed;

	memset(text, '\n', length);
	memcpy(text, V, strlen(V));
	packed = pack(text, length, 26, &packed_length);
	make_file(path, packed, packed_length);
	cr_assert_eq(count_events(path, &diag), -1);
	cr_assert_not_null(strstr(diag.text, "bad zstd data: "), "%s", diag.text);
	unlink(path);
	free(packed);
	free(text);
}

Test(reader, zstd_bomb_is_refused_with_bounded_memory)
{
	size_t length = (size_t)64 << 20, packed_length;
	char *text = calloc(1, length), path[64];
	struct diag diag = {0};
	struct rusage before, after;
	uint8_t *packed;

	memcpy(text, V, strlen(V));
	packed = pack(text, length, 20, &packed_length);
	cr_assert_lt(packed_length, 1 << 16);
	make_file(path, packed, packed_length);
	getrusage(RUSAGE_SELF, &before);
	cr_assert_eq(count_events(path, &diag), -1);
	getrusage(RUSAGE_SELF, &after);
	cr_assert_eq(diag.line, 2);
	cr_assert_not_null(strstr(diag.text, "a line of less than"), "%s", diag.text);
	cr_assert_lt(after.ru_maxrss - before.ru_maxrss, 64 << 10);
	unlink(path);
	free(packed);
	free(text);
}

Test(reader, plain_text_under_a_zst_name_is_refused)
{
	char path[64] = "/tmp/vfiosim-test-XXXXXX.zst";
	struct diag diag = {0};
	int fd = mkstemps(path, 4);

	cr_assert_eq(write(fd, V, strlen(V)), (ssize_t)strlen(V));
	close(fd);
	cr_assert_null(trace_open(path, &diag));
	cr_assert_not_null(strstr(diag.text, "expected zstd data"));
	unlink(path);
}

/* Runs written as one short piece each may ask for much memory; it is bounded, and given back. */
Test(reader, absurd_counts_are_read_with_bounded_memory)
{
	struct text text = {0};
	FILE *out = open_memstream(&text.text, &text.length);
	struct diag diag = {0};
	struct rusage usage;
	char path[64];

	fputs(V, out);
	for (int i = 0; i < 20; i++)
		fputs("1 ioctl(5, 0x3bff, hex(00*4194304 => 01*4194304), @0x1: hex(00*4194304 => 01*4194304), "
		      "@0x2: hex(00*4194304 => 01*4194304), @0x3: hex(00*4194304 => 01*4194304)) = 0\n",
		      out);
	fclose(out);
	make_file(path, text.text, text.length);
	cr_assert_eq(count_events(path, &diag), 20, "%s", diag.text);
	getrusage(RUSAGE_SELF, &usage);
	cr_assert_lt(usage.ru_maxrss, MEMORY_MAX);
	unlink(path);
	free(text.text);
}
