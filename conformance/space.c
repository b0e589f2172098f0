/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the multiplying out of space.def. */
#include "space.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfiosim/ioctl.h"

enum iommu { ANY, TYPE1, SPAPR };

struct place {
	const char *machine, *architecture;
	enum iommu iommu;
};

#define PLACE(name, machine, architecture, iommu) {machine, architecture, iommu},
static const struct place places[] = {
#include "space.def"
};

struct word {
	enum space_place place;
	const char *word, *text;
};

#define WORD(place, word, text) {SPACE_##place, #word, text},
static const struct word words[] = {
#include "space.def"
};

struct row {
	enum iommu iommu;
	const char *name, *calls;
};

#define STATE(iommu, name, calls) {iommu, name, calls},
static const struct row states[] = {
#include "space.def"
};

#define OPERATION(iommu, name, calls) {iommu, name, calls},
static const struct row operations[] = {
#include "space.def"
};

#define DESCRIPTOR(iommu, name, calls) {iommu, name, calls},
static const struct row descriptors[] = {
#include "space.def"
};

#define WATCH(iommu, calls) {iommu, "watch", calls},
static const struct row watches[] = {
#include "space.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Each row of @table that is for @place, one after the other. */
#define FOR_ROWS(each, table, place)                                                  \
	for (const struct row *each = (table); each < (table) + COUNT(table); each++) \
		if (each->iommu == ANY || each->iommu == places[place].iommu)

static void print_header(FILE *out, enum space_place place, const char *program)
{
	fprintf(out,
		"vfiosim-trace 1\n"
		"arch: %s\n"
		"page-size: 4096\n"
		"machine: %s\n"
		"profile: 6.12\n"
		"program: \"%s\"\n",
		places[place].architecture, places[place].machine, program);
}

static const struct word *find_word(enum space_place place, const char *name, size_t length)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].place == place && strlen(words[i].word) == length &&
		    strncmp(words[i].word, name, length) == 0)
			return &words[i];
	return NULL;
}

/* The calls as they are at @place: each $word is the text that it has there. */
static void print_calls(FILE *out, enum space_place place, const char *calls)
{
	for (const char *dollar; (dollar = strchr(calls, '$'));) {
		const char *end = dollar + 1;
		const struct word *word;

		while (isalnum((unsigned char)*end) || *end == '_')
			end++;
		word = find_word(place, dollar + 1, (size_t)(end - dollar - 1));
		assert(word && "a word of space.def that has no text at this place");
		fprintf(out, "%.*s%s", (int)(dollar - calls), calls, word->text);
		calls = end;
	}
	fputs(calls, out);
}

/* Closes the stream; NULL if anything went wrong. */
static char *finish_text(FILE *out, char **text)
{
	int failed = ferror(out);

	if (fclose(out) == 0 && !failed)
		return *text;
	free(*text);
	return NULL;
}

static void print_pair(FILE *out, enum space_place place, const struct row *state, const struct row *first,
		       const struct row *second)
{
	fprintf(out, "run \"%s: %s, then %s\"\n", state->name, first->name, second->name);
	print_calls(out, place, state->calls);
	print_calls(out, place, first->calls);
	print_calls(out, place, second->calls);
	FOR_ROWS (watch, watches, place)
		print_calls(out, place, watch->calls);
}

char *space_pairs(enum space_place place, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	print_header(out, place, "every ordered pair of operations on containers and groups, in every state");
	FOR_ROWS (state, states, place)
		FOR_ROWS (first, operations, place)
			FOR_ROWS (second, operations, place)
				print_pair(out, place, state, first, second);
	return finish_text(out, &text);
}

/* One ioctl on descriptor 9: with an argument that is all right or nearly so, with one that is too small, and with
 * none. */
static void print_ioctl(FILE *out, enum space_place place, const struct ioctl_row *row)
{
	switch (row->arg) {
	case ARG_NONE:
		fprintf(out, "1 ioctl(9, %s) = ?\n", row->name);
		break;
	case ARG_VALUE:
		fprintf(out, "1 ioctl(9, %s, 0) = ?\n1 ioctl(9, %s, 1) = ?\n", row->name, row->name);
		break;
	case ARG_INT:
		fprintf(out, "1 ioctl(9, %s, [9]) = ?\n1 ioctl(9, %s, [-1]) = ?\n1 ioctl(9, %s, 0x10) = ?\n", row->name,
			row->name, row->name);
		break;
	case ARG_STRING:
		fprintf(out, "1 ioctl(9, %s, ", row->name);
		print_calls(out, place, "\"$device\") = ?\n");
		fprintf(out, "1 ioctl(9, %s, \"\") = ?\n1 ioctl(9, %s, 0x10) = ?\n", row->name, row->name);
		break;
	case ARG_STRUCT:
		fprintf(out,
			"1 ioctl(9, %s, {argsz=%" PRIu32 "}) = ?\n"
			"1 ioctl(9, %s, {argsz=%" PRIu32 "}) = ?\n"
			"1 ioctl(9, %s, 0x10) = ?\n",
			row->name, row->layout->size, row->name, row->minsz - 1, row->name);
		break;
	}
}

char *space_descriptors(enum space_place place, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	print_header(out, place, "every ioctl on a descriptor in every state");
	FOR_ROWS (descriptor, descriptors, place) {
		for (size_t i = 0; i < ioctl_count; i++) {
			fprintf(out, "run \"%s on %s\"\n", ioctl_table[i].name, descriptor->name);
			print_calls(out, place, descriptor->calls);
			print_ioctl(out, place, &ioctl_table[i]);
		}
	}
	return finish_text(out, &text);
}
