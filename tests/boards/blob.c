/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Reading and editing of compiled boards: see blob.h. */
#include "blob.h"

#include <criterion/criterion.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 65536 /* bytes that edits may add */

struct blob blob_open(const char *name)
{
	static char bytes[ROOM];
	struct blob blob = {.size = 2 * ROOM};
	char path[512];
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), BOARDS_FOLDER "/%s.dtb", name);
	file = fopen(path, "rb");
	cr_assert_not_null(file, "%s", path);
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	cr_assert_lt(length, sizeof(bytes));
	blob.bytes = malloc(blob.size);
	cr_assert_not_null(blob.bytes);
	cr_assert_eq(fdt_open_into(bytes, blob.bytes, (int)blob.size), 0);
	return blob;
}

void blob_set(struct blob *blob, const char *path, const char *property, const unsigned *cells, size_t count)
{
	const int node = fdt_path_offset(blob->bytes, path);
	fdt32_t value[2048];

	cr_assert_geq(node, 0, "there is no node %s", path);
	cr_assert_leq(count, sizeof(value) / sizeof(value[0]));
	for (size_t i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	cr_assert_eq(fdt_setprop(blob->bytes, node, property, value, (int)(count * sizeof(value[0]))), 0);
}

void blob_refused(struct blob *blob, const char *what)
{
	struct diag diag = {.text = ""};
	struct board *board = board_load(blob->bytes, blob->size, "spoilt", &diag);

	cr_expect_null(board, "taken, but expected: %s", what);
	board_free(board);
	cr_expect_str_eq(diag.file, "spoilt");
	cr_expect_not_null(strstr(diag.text, what), "\"%s\" lacks \"%s\"", diag.text, what);
	cr_expect_null(strchr(diag.text, '\n'));
	free(blob->bytes);
	blob->bytes = NULL;
}
