/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Edits copies of built-in device trees: see editor.h.
 */
#include "editor.h"

#include <criterion/criterion.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "../../machines/machines_internal.h"

struct editor editor_open(const char *machine)
{
	struct editor editor = {NULL, 0};

	for (size_t i = 0; i < builtin_count; i++) {
		const struct builtin *builtin = &builtin_machines[i];

		if (strcmp(builtin->name, machine) != 0)
			continue;
		editor.size = builtin->length + EDITOR_ROOM;
		editor.blob = malloc(editor.size);
		cr_assert_not_null(editor.blob);
		cr_assert_eq(fdt_open_into(builtin->blob, editor.blob, (int)editor.size), 0);
	}
	cr_assert_not_null(editor.blob, "there is no machine %s", machine);
	return editor;
}

void editor_close(struct editor *editor)
{
	free(editor->blob);
}

int editor_node(const struct editor *editor, const char *path)
{
	int node = fdt_path_offset(editor->blob, path);

	cr_assert_geq(node, 0, "there is no node %s", path);
	return node;
}

void editor_set_bytes(struct editor *editor, const char *path, const char *property, const void *bytes, size_t size)
{
	cr_assert_eq(fdt_setprop(editor->blob, editor_node(editor, path), property, bytes, (int)size), 0);
}

void editor_set_cell(struct editor *editor, const char *path, const char *property, uint32_t value)
{
	cr_assert_eq(fdt_setprop_u32(editor->blob, editor_node(editor, path), property, value), 0);
}

void editor_set_u64s(struct editor *editor, const char *path, const char *property, const uint64_t *values,
		     size_t count)
{
	fdt64_t cells[8];

	cr_assert_leq(count, 8);
	for (size_t i = 0; i < count; i++)
		cells[i] = cpu_to_fdt64(values[i]);
	editor_set_bytes(editor, path, property, cells, count * sizeof(cells[0]));
}

void editor_delete(struct editor *editor, const char *path, const char *property)
{
	cr_assert_eq(fdt_delprop(editor->blob, editor_node(editor, path), property), 0, "%s has no %s", path, property);
}

void editor_delete_node(struct editor *editor, const char *path)
{
	cr_assert_eq(fdt_del_node(editor->blob, editor_node(editor, path)), 0);
}

/* Properties are copied last to first, because a new one comes before those that are there. */
void editor_copy_leaf(struct editor *editor, const char *from, const char *parent, const char *name)
{
	int count = 0, property, target;

	target = fdt_add_subnode(editor->blob, editor_node(editor, parent), name);
	cr_assert_geq(target, 0);
	fdt_for_each_property_offset(property, editor->blob, editor_node(editor, from)) count++;
	for (int wanted = count - 1; wanted >= 0; wanted--) {
		const char *property_name;
		uint8_t value[64];
		const void *bytes;
		int length;

		/* Every offset is looked up again, because a new property moves what lies behind it. */
		property = fdt_first_property_offset(editor->blob, editor_node(editor, from));
		for (int i = 0; i < wanted; i++)
			property = fdt_next_property_offset(editor->blob, property);
		bytes = fdt_getprop_by_offset(editor->blob, property, &property_name, &length);
		cr_assert_not_null(bytes);
		cr_assert_leq(length, (int)sizeof(value));
		memcpy(value, bytes, (size_t)length);
		target = fdt_subnode_offset(editor->blob, editor_node(editor, parent), name);
		cr_assert_eq(fdt_setprop(editor->blob, target, property_name, value, length), 0);
	}
}

void expect_refused(const struct editor *editor, const char *where, const char *what)
{
	struct diag diag = {.text = ""};
	struct machine *machine = machine_load(editor->blob, editor->size, "spoilt", &diag);

	cr_expect_null(machine, "taken, but expected: %s: %s", where, what);
	machine_free(machine);
	cr_expect_str_eq(diag.file, "spoilt");
	cr_expect(strstr(diag.text, where) != NULL && strstr(diag.text, what) != NULL, "\"%s\" lacks \"%s\" or \"%s\"",
		  diag.text, where, what);
	cr_expect_null(strchr(diag.text, '\n'));
}
