/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Edits a copy of a built-in device tree, so that each test spoils one thing and all else stays sound.
 * A function that cannot make its edit fails the test.
 */
#ifndef VFIOSIM_TESTS_MACHINES_EDITOR_H
#define VFIOSIM_TESTS_MACHINES_EDITOR_H

#include <stddef.h>
#include <stdint.h>

#include "vfiosim/machine.h"

#define EDITOR_ROOM 8192 /* bytes that edits may add */

struct editor {
	void *blob; /* with room for more; free with editor_close() */
	size_t size;
};

struct editor editor_open(const char *machine);
void editor_close(struct editor *editor);

/* The node at @path, or a failed test. */
int editor_node(const struct editor *editor, const char *path);

void editor_set_cell(struct editor *editor, const char *path, const char *property, uint32_t value);
void editor_set_u64s(struct editor *editor, const char *path, const char *property, const uint64_t *values,
		     size_t count);
void editor_set_bytes(struct editor *editor, const char *path, const char *property, const void *bytes, size_t size);
void editor_delete(struct editor *editor, const char *path, const char *property);
void editor_delete_node(struct editor *editor, const char *path);

/* Copies the node at @from, which has no children, to a new child @name of @parent. */
void editor_copy_leaf(struct editor *editor, const char *from, const char *parent, const char *name);

/* Loads the edited tree and expects it to be refused with a message that has both @where and @what in it. */
void expect_refused(const struct editor *editor, const char *where, const char *what);

#endif
