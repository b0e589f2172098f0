/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the multiplying out of space.def. */
#include "space.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vfiosim/ioctl.h"

struct row {
	const char *name, *calls;
};

#define STATE(name, calls) {name, calls},
static const struct row states[] = {
#include "space.def"
};

#define OPERATION(name, calls) {name, calls},
static const struct row operations[] = {
#include "space.def"
};

#define DESCRIPTOR(name, calls) {name, calls},
static const struct row descriptors[] = {
#include "space.def"
};

#define WATCH(calls) calls
static const char watch[] =
#include "space.def"
    ;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void print_header(FILE *out, const char *program)
{
	fprintf(out,
		"vfiosim-trace 1\n"
		"arch: x86_64\n"
		"page-size: 4096\n"
		"machine: q35-multi\n"
		"profile: 6.12\n"
		"program: \"%s\"\n",
		program);
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

char *space_pairs(size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	print_header(out, "every ordered pair of operations on containers and groups, in every state");
	for (size_t s = 0; s < COUNT(states); s++)
		for (size_t first = 0; first < COUNT(operations); first++)
			for (size_t second = 0; second < COUNT(operations); second++)
				fprintf(out, "run \"%s: %s, then %s\"\n%s%s%s%s", states[s].name,
					operations[first].name, operations[second].name, states[s].calls,
					operations[first].calls, operations[second].calls, watch);
	return finish_text(out, &text);
}

/* One ioctl on descriptor 9: with an argument that is all right or nearly so, with one that is too small, and with
 * none. */
static void print_ioctl(FILE *out, const struct ioctl_row *row)
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
		fprintf(out,
			"1 ioctl(9, %s, \"0000:00:03.0\") = ?\n1 ioctl(9, %s, \"\") = ?\n1 ioctl(9, %s, 0x10) = ?\n",
			row->name, row->name, row->name);
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

char *space_descriptors(size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	print_header(out, "every ioctl on a descriptor in every state");
	for (size_t d = 0; d < COUNT(descriptors); d++) {
		for (size_t i = 0; i < ioctl_count; i++) {
			fprintf(out, "run \"%s on %s\"\n%s", ioctl_table[i].name, descriptors[d].name,
				descriptors[d].calls);
			print_ioctl(out, &ioctl_table[i]);
		}
	}
	return finish_text(out, &text);
}
