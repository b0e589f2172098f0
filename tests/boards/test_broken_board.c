/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Boards that cannot be understood are refused with a message that names node and property; any bytes at all are read
 * without harm.
 */
#include <criterion/criterion.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct spoiling {
	const char *path, *property;
	size_t count;
	unsigned cells[4];
	const char *message;
};

static const struct spoiling spoilings[] = {
    {"/", "#address-cells", 1, {0}, "/: property \"#address-cells\" is 0, expected 1 to 4: a node below has \"reg\""},
    {"/", "#address-cells", 1, {9}, "/: property \"#address-cells\" is 9, expected 0 to 4"},
    {"/", "#size-cells", 1, {9}, "/: property \"#size-cells\" is 9, expected 0 to 4"},
    {"/", "#size-cells", 2, {0, 2}, "/: property \"#size-cells\" has 8 bytes, expected one cell of 4"},
    {"/interrupt-controller@10000", "#interrupt-cells", 1, {0}, "\"#interrupt-cells\" is 0, expected 1 to 16"},
    {"/interrupt-controller@10000", "#interrupt-cells", 1, {99}, "\"#interrupt-cells\" is 99, expected 1 to 16"},
    {"/interrupt-controller@10000", "#interrupt-cells", 1, {2}, "\"interrupts\" has 12 bytes, expected entries of 2"},
    {"/", "interrupt-parent", 1, {77}, "/: property \"interrupt-parent\" refers to phandle 0x4d, which no node has"},
    {"/", "interrupt-parent", 2, {1, 1}, "/: property \"interrupt-parent\" has 8 bytes, expected one cell"},
    {"/timer", "interrupts", 2, {1, 1}, "/timer: property \"interrupts\" has 8 bytes, expected entries of 3 cells"},
    {"/timer", "interrupts-extended", 1, {77}, "/timer: property \"interrupts-extended\" refers to phandle 0x4d"},
    {"/timer", "phandle", 1, {1}, "property \"phandle\" is 0x1, which another node has, too"},
    {"/high@8000000000", "reg", 3, {0, 1, 2}, "/high@8000000000: property \"reg\" has 12 bytes, expected entries of 4"},
    {"/high@8000000000", "reg", 4, {~0u, ~0u, 0, 2}, "/high@8000000000: property \"reg\": entry 0 runs over the top"},
    {"/pcie@70000000", "ranges", 4, {1, 2, 3, 4}, "/pcie@70000000: property \"ranges\" has 16 bytes"},
};

Test(board, spoilt_in_one_place_is_refused_with_place_and_reason)
{
	for (size_t i = 0; i < COUNT(spoilings); i++) {
		const struct spoiling *spoiling = &spoilings[i];
		struct blob blob = blob_open("shapes");

		blob_set(&blob, spoiling->path, spoiling->property, spoiling->cells, spoiling->count);
		blob_refused(&blob, spoiling->message);
	}
}

Test(board, interrupt_parents_in_a_circle_are_refused)
{
	static const unsigned to_high = 90, to_wide = 91;
	struct blob blob = blob_open("shapes");

	blob_set(&blob, "/high@8000000000", "phandle", &to_high, 1);
	blob_set(&blob, "/wide", "phandle", &to_wide, 1);
	blob_set(&blob, "/high@8000000000", "interrupt-parent", &to_wide, 1);
	blob_set(&blob, "/wide", "interrupt-parent", &to_high, 1);
	blob_set(&blob, "/timer", "interrupt-parent", &to_high, 1);
	blob_refused(&blob, "/timer: its interrupt parents refer to each other in a circle");
}

Test(board, root_without_interrupt_parent_is_refused)
{
	struct blob blob = blob_open("shapes");

	cr_assert_eq(fdt_delprop(blob.bytes, 0, "interrupt-parent"), 0);
	blob_refused(&blob, "/: property \"interrupt-parent\" is missing, expected a phandle");
}

Test(board, extended_interrupts_that_end_early_are_refused)
{
	struct blob blob = blob_open("shapes");
	const int gic = fdt_path_offset(blob.bytes, "/interrupt-controller@10000");
	const unsigned cells[] = {fdt_get_phandle(blob.bytes, gic), 1, 2};

	blob_set(&blob, "/timer", "interrupts-extended", cells, COUNT(cells));
	blob_refused(&blob, "property \"interrupts-extended\" ends within entry 0, expected 3 cells");
}

Test(board, size_beyond_64_bits_is_refused)
{
	static const unsigned three = 3, reg[] = {0x80, 0, 1, 0, 0};
	struct blob blob = blob_open("shapes");

	blob_set(&blob, "/select@40000000", "#size-cells", &three, 1);
	cr_assert_eq(fdt_delprop(blob.bytes, fdt_path_offset(blob.bytes, "/select@40000000"), "ranges"), 0);
	cr_assert_eq(fdt_setprop(blob.bytes, fdt_path_offset(blob.bytes, "/select@40000000"), "ranges", NULL, 0), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const nodes[] = {"/select@40000000/flash@0,0", "/select@40000000/chip@3,1000",
						    "/select@40000000/none@1,0"};

		blob_set(&blob, nodes[i], "reg", reg, COUNT(reg));
	}
	blob_refused(&blob, "/select@40000000/flash@0,0: property \"reg\": entry 0 takes more than 64 bits");
}

Test(board, windows_without_addresses_are_refused)
{
	static const unsigned none = 0, ranges[] = {0, 0x1000, 0, 0x1000};
	struct blob blob = blob_open("shapes");

	blob_set(&blob, "/pcie@70000000", "#address-cells", &none, 1);
	blob_set(&blob, "/pcie@70000000", "ranges", ranges, COUNT(ranges));
	blob_refused(&blob, "/pcie@70000000: property \"ranges\" has entries, expected \"#address-cells\" of 1 to 4");
}

Test(board, windows_of_no_cells_are_refused)
{
	static const char part[] = "/wide/part@7,8";
	static const unsigned none = 0;
	struct blob blob = blob_open("shapes");

	blob_set(&blob, "/wide", "#address-cells", &none, 1);
	blob_set(&blob, "/wide", "ranges", NULL, 0);
	blob_set(&blob, part, "#address-cells", &none, 1);
	blob_set(&blob, part, "#size-cells", &none, 1);
	blob_set(&blob, part, "ranges", &none, 1);
	blob_refused(&blob, "/wide/part@7,8: property \"ranges\" has 4 bytes, expected entries of 0 cells");
}

Test(board, too_many_windows_are_refused)
{
	unsigned cells[4 * 257] = {0};
	struct blob blob = blob_open("thread");

	blob_set(&blob, "/soc@ffe000000", "ranges", cells, COUNT(cells));
	blob_refused(&blob, "/soc@ffe000000: property \"ranges\" has 257 entries, expected at most 256");
}

Test(board, compatible_without_an_end_is_refused)
{
	struct blob blob = blob_open("shapes");

	cr_assert_eq(fdt_setprop(blob.bytes, fdt_path_offset(blob.bytes, "/timer"), "compatible", "abc", 3), 0);
	blob_refused(&blob, "/timer: property \"compatible\" does not end with a NUL");
}

Test(board, too_deep_a_tree_is_refused)
{
	struct blob blob = blob_open("shapes");
	int node = fdt_path_offset(blob.bytes, "/wide");

	for (int i = 0; i < 32; i++)
		node = fdt_add_subnode(blob.bytes, node, "d");
	cr_assert_geq(node, 0);
	blob_refused(&blob, "more than 32 nodes above each other");
}

Test(board, too_long_a_name_is_refused)
{
	struct blob blob = blob_open("shapes");
	char name[1100];
	int node;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	node = fdt_add_subnode(blob.bytes, 0, name);
	cr_assert_geq(node, 0);
	cr_assert_eq(fdt_setprop_string(blob.bytes, node, "compatible", "test,long"), 0);
	blob_refused(&blob, "its name is longer than 1024 bytes");
}

/* Whatever is cut off: what a sound blob needs is missing somewhere. */
Test(board, cut_off_anywhere_is_refused)
{
	struct blob blob = blob_open("thread");
	size_t length;

	cr_assert_eq(fdt_pack(blob.bytes), 0);
	length = fdt_totalsize(blob.bytes);
	for (size_t cut = 0; cut < length; cut++) {
		struct diag diag = {.text = ""};
		void *copy = malloc(cut + !cut);

		cr_assert_not_null(copy);
		memcpy(copy, blob.bytes, cut);
		cr_expect_null(board_load(copy, cut, "cut", &diag), "%zu bytes", cut);
		cr_expect_neq(diag.text[0], '\0');
		free(copy);
	}
	free(blob.bytes);
}

/* Every byte is spoilt in turn: taken or refused, but read to the end, and never without a reason. */
Test(board, with_any_byte_spoilt_is_taken_or_refused_with_a_reason)
{
	static const unsigned char values[] = {0x00, 0x01, 0x7f, 0xff};
	struct blob blob = blob_open("shapes");
	size_t refused = 0, taken = 0;

	cr_assert_eq(fdt_pack(blob.bytes), 0);
	for (size_t at = 0; at < fdt_totalsize(blob.bytes); at++) {
		unsigned char *byte = (unsigned char *)blob.bytes + at, kept = *byte;

		for (size_t i = 0; i < COUNT(values); i++) {
			struct diag diag = {.text = ""};
			struct board *board;

			*byte = values[i];
			board = board_load(blob.bytes, blob.size, "spoilt", &diag);
			cr_expect(board || diag.text[0]);
			*(board ? &taken : &refused) += 1;
			board_free(board);
			*byte = kept;
		}
	}
	cr_expect_gt(refused, 0);
	cr_expect_gt(taken, 0);
	free(blob.bytes);
}
