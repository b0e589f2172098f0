/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Shipped traces, each with one thing wrong: every one is noticed, at its line and with its rule. And files that
 * are no traces any more: each is refused at its place, in bounded memory.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zstd.h>

#include "run.h"

#define MUTATED	    "mutated"
#define SAMPLES	    100		 /* mutations of one kind of one trace */
#define MEMORY_MOST (256l << 10) /* KiB */
#define MIB	    ((size_t)1 << 20)

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define IS_SANITIZED true /* most of the memory is then the sanitizer's */
#else
#define IS_SANITIZED false
#endif

static const char *const traces[] = {"edu-session-6.12", "error-sweep-6.1", "multi-group-6.12", "dpdk-testpmd-6.1"};

#define TRACE_COUNT (sizeof(traces) / sizeof(traces[0]))

/* A trace as lines without their newlines. Lines count from 1. */
struct text {
	const char *name;
	char *bytes;
	size_t length;
	char **lines;
	size_t count;
};

TestSuite(mutations, .init = folder_begin, .fini = folder_end);

static uint64_t random_state = 20090101;

/* A number below @bound; the same sequence in every run. */
static size_t draw(size_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(random_state >> 33) % bound;
}

static void text_read(struct text *text, const char *name)
{
	char path[4096], *newline;
	size_t size = 0;
	FILE *file;
	ssize_t got;

	snprintf(path, sizeof(path), TRACES_FOLDER "/%s.trace", name);
	*text = (struct text){.name = name};
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	got = getdelim(&text->bytes, &size, '\0', file);
	cr_assert_gt(got, 0);
	fclose(file);
	text->length = (size_t)got;
	text->lines = calloc(text->length, sizeof(*text->lines));
	for (char *line = text->bytes; (newline = strchr(line, '\n')); line = newline + 1)
		text->lines[++text->count] = strndup(line, (size_t)(newline - line));
}

static void text_free(struct text *text)
{
	for (size_t i = 1; i <= text->count; i++)
		free(text->lines[i]);
	free(text->lines);
	free(text->bytes);
}

/* Writes the trace with another line @number; NULL leaves it out. */
static void text_write(const struct text *text, size_t number, const char *instead)
{
	FILE *file = fopen(MUTATED, "w");

	cr_assert_not_null(file);
	for (size_t i = 1; i <= text->count; i++)
		if (i != number)
			fprintf(file, "%s\n", text->lines[i]);
		else if (instead)
			fprintf(file, "%s\n", instead);
	cr_assert_eq(fclose(file), 0);
}

static bool is_event(const char *line)
{
	return isdigit((unsigned char)line[0]);
}

/* Where the answer of an event begins, behind its last " = "; NULL if it has none. */
static const char *answer_of(const char *line)
{
	const char *answer = NULL;

	if (!is_event(line))
		return NULL;
	for (const char *s = line; (s = strstr(s, " = ")); s += 3)
		answer = s + 3;
	return answer && *answer != '?' ? answer : NULL;
}

/* Makes another line of @line, or returns NULL if it cannot be done to this one. */
typedef char *mutation_fn(const char *line);

/* Another errno, or an errno in place of success. */
static char *flip_answer(const char *line)
{
	static const char *const errors[] = {"EXDEV", "ENOSPC", "EINVAL", "EBUSY", "EPERM", "ENODEV"};
	const char *answer = answer_of(line), *rest;
	const char *error = errors[draw(sizeof(errors) / sizeof(errors[0]))];
	char *flipped = NULL;

	if (!answer)
		return NULL;
	rest = strchr(answer, '{');
	if (strncmp(answer, "-1 ", 3) == 0 && strncmp(answer + 3, error, strlen(error)) == 0)
		error = "EXDEV";
	if (strncmp(answer, "-1 EXDEV", 8) == 0)
		error = "ENOSPC";
	cr_assert_gt(
	    asprintf(&flipped, "%.*s-1 %s%s%s", (int)(answer - line), line, error, rest ? " " : "", rest ? rest : ""),
	    0);
	return flipped;
}

/* Whether the digit at @s of @line is one of a field's number or of bytes, and free to be any other. */
static bool is_free_digit(const char *line, const char *s)
{
	static const char *const shapes[] = {"cap_offset", "nr_iovas"}; /* what they count is beside them */
	const char *start = s;

	if (!isdigit((unsigned char)*s) || s[1] == 'x')
		return false;
	while (start > line && isxdigit((unsigned char)start[-1]))
		start--;
	if (start[-1] == 'x' && start[-2] == '0')
		start -= 2;
	if (start[-1] == ' ' || start[-1] == '(')
		return true;
	if (start[-1] != '=')
		return false;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		size_t length = strlen(shapes[i]);

		if (start - line > (ptrdiff_t)length && strncmp(start - 1 - length, shapes[i], length) == 0)
			return false;
	}
	return true;
}

/* One digit of what the call wrote. What a device's registers hold is not for the API to say. */
static char *change_output(const char *line)
{
	const char *arrow = is_event(line) ? strstr(line, "=> ") : NULL, *answer = answer_of(line);
	const char *end = arrow ? strchr(arrow, ')') : NULL;
	size_t places[4096], count = 0;
	char *changed;

	if (!arrow || !answer || strstr(line, " pread("))
		return NULL;
	for (const char *s = arrow + 3; s < end && count < sizeof(places) / sizeof(places[0]); s++)
		if (is_free_digit(line, s))
			places[count++] = (size_t)(s - line);
	if (count == 0)
		return NULL;
	changed = strdup(line);
	count = places[draw(count)];
	changed[count] = changed[count] == '1' ? '2' : '1';
	return changed;
}

/* A page more is charged than the kernel charged. */
static char *change_accounting(const char *line)
{
	const char *answer = answer_of(line), *locked = answer ? strstr(answer, "{VmLck=") : NULL;
	const char *after = locked ? strstr(locked, "->") : NULL;
	char *changed = NULL, *end;
	unsigned long long bytes;

	if (!after)
		return NULL;
	bytes = strtoull(after + 2, &end, 10);
	cr_assert_gt(asprintf(&changed, "%.*s%llu%s", (int)(after + 2 - line), line, bytes + 4096, end), 0);
	return changed;
}

/* Asserts that what was said speaks of a divergence at @line, with a rule. */
static void expect_finding(const struct outcome_of_run *result, size_t line, const char *what)
{
	char title[64];
	const char *finding, *end, *rule;

	cr_assert_eq(result->status, 1, "%s: exit %d\n%s%s", what, result->status, result->out, result->err);
	snprintf(title, sizeof(title), MUTATED ":%zu: diverges: ", line);
	finding = strstr(result->out, title);
	cr_assert_not_null(finding, "%s: no \"%s\" in\n%s", what, title, result->out);
	end = strstr(finding, "\n\n");
	rule = strstr(finding, "\n  rule      ");
	cr_assert(rule && end && rule < end, "%s: no rule in\n%s", what, result->out);
}

/* Asserts that the file was refused at a line and a column. */
static void expect_place(const struct outcome_of_run *result, const char *what)
{
	const char *place = strstr(result->err, MUTATED ":");
	unsigned long line, column;

	cr_assert_eq(result->status, 2, "%s: exit %d\n%s%s", what, result->status, result->out, result->err);
	cr_assert_not_null(place, "%s: %s", what, result->err);
	cr_assert_eq(sscanf(place, MUTATED ":%lu:%lu: expected ", &line, &column), 2, "%s: %s", what, result->err);
}

/* Does @mutate to lines of each trace, one at a time. */
static void mutate_all(mutation_fn *mutate)
{
	for (size_t i = 0; i < TRACE_COUNT; i++) {
		struct text text;
		size_t made = 0;

		text_read(&text, traces[i]);
		for (size_t tries = 0; made < SAMPLES && tries < 50 * SAMPLES; tries++) {
			size_t line = 1 + draw(text.count);
			char *mutated = mutate(text.lines[line]);

			if (!mutated)
				continue;
			text_write(&text, line, mutated);
			expect_finding(run("check " MUTATED), line, mutated);
			free(mutated);
			made++;
		}
		cr_assert_eq(made, SAMPLES, "%s: only %zu", traces[i], made);
		text_free(&text);
	}
}

Test(mutations, answer_that_is_flipped_diverges_at_its_line)
{
	mutate_all(flip_answer);
}

Test(mutations, output_that_is_changed_diverges_at_its_line)
{
	mutate_all(change_output);
}

Test(mutations, accounting_that_is_changed_diverges_at_its_line)
{
	mutate_all(change_accounting);
}

/* Without line @number the trace diverges by some rule, or cannot be read. */
static void expect_missed(const struct text *text, size_t number)
{
	const struct outcome_of_run *result;

	text_write(text, number, NULL);
	result = run("check " MUTATED);
	if (result->status == 2 && !is_event(text->lines[number]))
		return expect_place(result, text->lines[number]);
	cr_assert_eq(result->status, 1, "%s: exit %d\n%s%s", text->lines[number], result->status, result->out,
		     result->err);
	cr_assert_not_null(strstr(result->out, ": diverges: "));
	cr_assert_not_null(strstr(result->out, "\n  rule      "), "%s: %s", text->lines[number], result->out);
}

Test(mutations, line_that_is_dropped_is_missed)
{
	for (size_t i = 0; i < TRACE_COUNT; i++) {
		struct text text;
		size_t number = 1;

		text_read(&text, traces[i]);
		/* The header, up to the blank line; the first run; the last two lines. */
		for (; text.lines[number][0]; number++)
			expect_missed(&text, number);
		expect_missed(&text, number + 1);
		expect_missed(&text, text.count - 1);
		expect_missed(&text, text.count);
		for (size_t made = 0; made < SAMPLES; made++)
			expect_missed(&text, number + 1 + draw(text.count - number));
		text_free(&text);
	}
}

static void bytes_write(const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, length, file), length);
	cr_assert_eq(fclose(file), 0);
}

static size_t header_length(const struct text *text)
{
	return (size_t)(strstr(text->bytes, "\n\n") - text->bytes);
}

/* A file of @length bytes is the trace cut off there: in a line, or between two. */
static void expect_cut_noticed(const struct text *text, size_t length)
{
	char what[64];

	snprintf(what, sizeof(what), "%s, %zu bytes", text->name, length);
	bytes_write(MUTATED, text->bytes, length);
	/* Half a header does not say what to judge by, which is no matter of one line. */
	if (length < header_length(text) && (length == 0 || text->bytes[length - 1] == '\n'))
		cr_assert_eq(run("check -q " MUTATED)->status, 2, "%s", what);
	else
		expect_place(run("check -q " MUTATED), what);
}

Test(mutations, trace_that_is_cut_off_anywhere_is_refused)
{
	for (size_t i = 0; i < TRACE_COUNT; i++) {
		struct text text;

		text_read(&text, traces[i]);
		expect_cut_noticed(&text, 0);
		expect_cut_noticed(&text, text.length - 1);
		for (size_t made = 0; made < SAMPLES / 2; made++) {
			size_t length = 1 + draw(text.length - 1);

			expect_cut_noticed(&text, length);
			while (length > 0 && text.bytes[length - 1] != '\n')
				length--;
			expect_cut_noticed(&text, length);
		}
		text_free(&text);
	}
}

#define HEADER	    "vfiosim-trace 1\nkernel: 6.1.0\npage-size: 4096\nmachine: q35-edu\n"
#define HEADER_SIZE (sizeof(HEADER) - 1)

static void expect_little_memory(void)
{
	struct rusage usage;

	cr_assert_eq(getrusage(RUSAGE_CHILDREN, &usage), 0);
	if (!IS_SANITIZED)
		cr_assert_lt(usage.ru_maxrss, MEMORY_MOST);
}

static void expect_refused(const char *what, const char *place)
{
	const struct outcome_of_run *result = run("check " MUTATED);

	expect_place(result, what);
	cr_assert_not_null(strstr(result->err, place), "%s: no %s in %s", what, place, result->err);
	expect_little_memory();
}

Test(mutations, binary_garbage_is_refused)
{
	uint8_t bytes[HEADER_SIZE + 4096] = HEADER;

	for (size_t i = 0; i < 20; i++) {
		for (size_t at = HEADER_SIZE; at < sizeof(bytes); at++)
			bytes[at] = (uint8_t)draw(256);
		bytes[HEADER_SIZE] |= 0x80; /* no comment, and no blank line */
		bytes_write(MUTATED, bytes, sizeof(bytes));
		expect_refused("garbage behind a header", MUTATED ":5:1: ");
		bytes_write(MUTATED, bytes + HEADER_SIZE, sizeof(bytes) - HEADER_SIZE);
		expect_refused("garbage", MUTATED ":1:1: ");
	}
}

Test(mutations, endless_line_is_refused)
{
	char *block = malloc(MIB);
	FILE *file = fopen(MUTATED, "w");

	cr_assert(block && file);
	memset(block, '0', MIB);
	fputs(HEADER "1 poke(0x1000, hex(", file);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(fwrite(block, 1, MIB, file), MIB);
	cr_assert_eq(fclose(file), 0);
	expect_refused("endless line", MUTATED ":5:16777216: expected a line of less than 16777216 bytes");
	free(block);
}

Test(mutations, absurd_sizes_are_refused)
{
	static const char *const lines[] = {
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=4294967296, flags=READ}) = 0",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 4294967295:{argsz=4294967295, flags=READ}) = 0",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 9223372036854775808:{argsz=32}) = 0",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, hex(00*9223372036854775808)) = 0",
	    "1 ioctl(5, VFIO_DEVICE_SET_IRQS, {argsz=24, data=[7*9223372036854775808]}) = 0",
	    "1 ioctl(5, VFIO_DEVICE_SET_IRQS, {argsz=24, data=[7*4294967295]}) = 0",
	    "1 poke(0x1000, hex(XX*9223372036854775808)) = 8",
	    "1 poke(0x1000, hex(ff*9223372036854775808)) = 8",
	    "1 poke(0x1000, hex(ff*4194304 ff*4194304)) = 8",
	    "1 pread(5, hex(=> 00*18446744073709551616), 4, 0x0) = 4",
	    "9223372036854775808 close(3) = 0",
	    "1 close(18446744073709551616) = 0",
	};
	char text[HEADER_SIZE + 256];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), HEADER "%s\n", lines[i]);
		file_write(MUTATED, text);
		expect_refused(lines[i], MUTATED ":5:");
	}
}

/* A size that a struct may say, and that is only told the kernel, costs nothing. */
Test(mutations, largest_argsz_is_judged_in_little_memory)
{
	file_write(MUTATED, HEADER "1 open(\"/dev/vfio/vfio\", O_RDWR) = 3\n"
				   "1 ioctl(3, VFIO_IOMMU_GET_INFO, {argsz=4294967295, flags=0, iova_pgsizes=0x0, "
				   "cap_offset=0}) = 0\n");
	expect_finding(run("check " MUTATED), 6, "argsz=4294967295");
	expect_little_memory();
}

/* Writes HEADER and @length zeros as one zstd frame. */
static void write_bomb(const char *name, size_t length, int window_log)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	uint8_t packed[65536], *block = calloc(1, MIB);
	FILE *file = fopen(name, "w");

	cr_assert(zstd && block && file);
	if (window_log)
		ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window_log);
	memcpy(block, HEADER, HEADER_SIZE);
	for (size_t done = 0; done < length; done += MIB) {
		ZSTD_inBuffer input = {.src = block, .size = MIB};
		bool last = done + MIB >= length;
		size_t left;

		do {
			ZSTD_outBuffer output = {.dst = packed, .size = sizeof(packed)};

			left = ZSTD_compressStream2(zstd, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
			cr_assert(!ZSTD_isError(left));
			cr_assert_eq(fwrite(packed, 1, output.pos, file), output.pos);
		} while (last ? left != 0 : input.pos < input.size);
		memset(block, 0, HEADER_SIZE);
	}
	cr_assert_eq(fclose(file), 0);
	free(block);
	ZSTD_freeCCtx(zstd);
}

Test(mutations, zstd_bomb_is_refused)
{
	const struct outcome_of_run *result;

	write_bomb(MUTATED, 1024 * MIB, 0);
	expect_refused("a line of 1 GiB", MUTATED ":5:16777216: expected a line of less than 16777216 bytes");
	write_bomb(MUTATED, 256 * MIB, 27);
	result = run("check " MUTATED);
	cr_assert_eq(result->status, 2, "%s%s", result->out, result->err);
	cr_assert_not_null(strstr(result->err, MUTATED ": bad zstd data: "), "%s", result->err);
	expect_little_memory();
}
