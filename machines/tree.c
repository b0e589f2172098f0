/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Typed reading of a flattened device tree: see tree.h.
 *
 * Only this file knows libfdt's calls for properties, and that numbers in a blob are
 * big-endian and need not be aligned for the machine that reads them.
 */
#include "tree.h"

#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 160

/* Blocks are chained so that one call frees a machine, however far its reading came. */
struct block {
	struct block *next;
	max_align_t data[];
};

struct pool {
	struct block *blocks;
};

const char *const tree_nothing[] = {NULL};

struct pool *pool_new(void)
{
	return calloc(1, sizeof(struct pool));
}

void pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	for (struct block *block = pool->blocks; block != NULL;) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
	free(pool);
}

void *tree_take(struct tree *tree, size_t count, size_t size)
{
	struct block *block = NULL;

	if (size == 0 || count <= (SIZE_MAX - sizeof(*block)) / size)
		block = calloc(1, sizeof(*block) + count * size);
	if (block == NULL) {
		diag_set(tree->diag, tree->name, 0, 0, "out of memory while reading the machine");
		return NULL;
	}
	block->next = tree->pool->blocks;
	tree->pool->blocks = block;
	return block->data;
}

/* Names in a blob are any bytes; a diagnostic is one line of text. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* The number that @width bytes stand for. */
static uint64_t big_endian(const void *bytes, size_t width)
{
	const uint8_t *byte = bytes;
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value = value << 8 | byte[i];
	return value;
}

int tree_open(struct tree *tree, const void *blob, size_t length)
{
	void *copy;
	int error;

	if (length > TREE_BLOB_MAX)
		return diag_set(tree->diag, tree->name, 0, 0, "device tree of %zu bytes, expected at most %u", length,
				TREE_BLOB_MAX);
	if (length < sizeof(struct fdt_header))
		return diag_set(tree->diag, tree->name, 0, 0,
				"%zu bytes are too short for a compiled device tree, expected at least %zu", length,
				sizeof(struct fdt_header));
	copy = tree_take(tree, 1, length);
	if (copy == NULL)
		return -1;
	memcpy(copy, blob, length);
	error = fdt_check_full(copy, length);
	if (error != 0)
		return diag_set(tree->diag, tree->name, 0, 0, "not a sound compiled device tree: %s",
				fdt_strerror(error));
	tree->blob = copy;
	return 0;
}

int tree_fail(const struct tree *tree, int node, const char *format, ...)
{
	char path[PATH_MAX_BYTES];
	char text[DIAG_TEXT_MAX];
	va_list arguments;

	if (fdt_get_path(tree->blob, node, path, sizeof(path)) != 0)
		strcpy(path, "(a deep node)");
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	make_printable(path);
	make_printable(text);
	return diag_set(tree->diag, tree->name, 0, 0, "%s: %s", path, text);
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names != NULL && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

int tree_known(const struct tree *tree, int node, const char *const *properties, const char *const *children)
{
	int property, child;

	fdt_for_each_property_offset(property, tree->blob, node)
	{
		const char *name = NULL;

		if (fdt_getprop_by_offset(tree->blob, property, &name, NULL) == NULL)
			return tree_fail(tree, node, "a property cannot be read");
		if (!is_one_of(name, properties))
			return tree_fail(tree, node, "property \"%.64s\" is not one that this node may have", name);
	}
	if (children == NULL)
		return 0;
	fdt_for_each_subnode(child, tree->blob, node)
	{
		if (!is_one_of(fdt_get_name(tree->blob, child, NULL), children))
			return tree_fail(tree, child, "this node is not one that its parent may have");
	}
	return 0;
}

bool tree_has(const struct tree *tree, int node, const char *property)
{
	return fdt_getprop(tree->blob, node, property, NULL) != NULL;
}

bool tree_has_child(const struct tree *tree, int node, const char *name)
{
	return fdt_subnode_offset(tree->blob, node, name) >= 0;
}

const uint8_t *tree_bytes(const struct tree *tree, int node, const char *property, uint32_t *length)
{
	int signed_length = 0;
	const uint8_t *bytes = fdt_getprop(tree->blob, node, property, &signed_length);

	*length = bytes != NULL ? (uint32_t)signed_length : 0;
	return bytes;
}

uint64_t tree_cells(const uint8_t *bytes, uint32_t count)
{
	return big_endian(bytes, (size_t)count * sizeof(fdt32_t));
}

int tree_bool(const struct tree *tree, int node, const char *property, bool *value)
{
	int length = 0;

	*value = fdt_getprop(tree->blob, node, property, &length) != NULL;
	if (*value && length != 0)
		return tree_fail(tree, node, "property \"%s\" has a value of %d bytes, expected none", property,
				 length);
	return 0;
}

/* The bytes of a property that has to be there. */
static const void *bytes_of(const struct tree *tree, int node, const char *property, const char *expected, int *length)
{
	const void *bytes = fdt_getprop(tree->blob, node, property, length);

	if (bytes == NULL)
		tree_fail(tree, node, "property \"%s\" is missing, expected %s", property, expected);
	return bytes;
}

int tree_u32(const struct tree *tree, int node, const char *property, uint32_t low, uint32_t high, uint32_t *value)
{
	int length;
	const void *bytes = bytes_of(tree, node, property, "one cell", &length);

	if (bytes == NULL)
		return -1;
	if (length != (int)sizeof(fdt32_t))
		return tree_fail(tree, node, "property \"%s\" has %d bytes, expected one cell of 4", property, length);
	*value = (uint32_t)big_endian(bytes, sizeof(fdt32_t));
	if (*value < low || *value > high)
		return tree_fail(tree, node, "property \"%s\" is %u, expected %u to %u", property, *value, low, high);
	return 0;
}

int tree_u64(const struct tree *tree, int node, const char *property, uint64_t low, uint64_t high, uint64_t *value)
{
	int length;
	const void *bytes = bytes_of(tree, node, property, "one 64-bit number", &length);

	if (bytes == NULL)
		return -1;
	if (length != (int)sizeof(fdt64_t))
		return tree_fail(tree, node, "property \"%s\" has %d bytes, expected one 64-bit number of 8", property,
				 length);
	*value = big_endian(bytes, sizeof(fdt64_t));
	if (*value < low || *value > high)
		return tree_fail(tree, node, "property \"%s\" is 0x%llx, expected 0x%llx to 0x%llx", property,
				 (unsigned long long)*value, (unsigned long long)low, (unsigned long long)high);
	return 0;
}

int tree_pairs(struct tree *tree, int node, const char *property, size_t pairs_max, uint64_t **values, size_t *pairs)
{
	int length;
	const uint8_t *bytes = bytes_of(tree, node, property, "pairs of 64-bit numbers", &length);

	if (bytes == NULL)
		return -1;
	if (length <= 0 || length % (int)(2 * sizeof(fdt64_t)) != 0)
		return tree_fail(tree, node, "property \"%s\" has %d bytes, expected pairs of 64-bit numbers (16 each)",
				 property, length);
	*pairs = (size_t)length / (2 * sizeof(fdt64_t));
	if (*pairs > pairs_max)
		return tree_fail(tree, node, "property \"%s\" has %zu pairs, expected at most %zu", property, *pairs,
				 pairs_max);
	*values = tree_take(tree, 2 * *pairs, sizeof(**values));
	if (*values == NULL)
		return -1;
	for (size_t i = 0; i < 2 * *pairs; i++)
		(*values)[i] = big_endian(bytes + i * sizeof(fdt64_t), sizeof(fdt64_t));
	return 0;
}

/*
 * Steps through a list of strings: *@at moves behind the string that is returned; NULL at the end of the list.
 * The caller has made sure that the list ends with a NUL.
 */
static const char *next_string(const char *list, size_t length, size_t *at)
{
	const char *string = list + *at;

	if (*at >= length)
		return NULL;
	*at += strlen(string) + 1;
	return string;
}

/* A list of strings that has to be there, none of them empty. */
static const char *strings_of(const struct tree *tree, int node, const char *property, const char *expected,
			      size_t *length)
{
	int bytes_length;
	const char *list = bytes_of(tree, node, property, expected, &bytes_length);
	const char *string;
	size_t at = 0;

	if (list == NULL)
		return NULL;
	if (bytes_length <= 0 || list[bytes_length - 1] != '\0') {
		tree_fail(tree, node, "property \"%s\" does not end with a NUL, expected %s", property, expected);
		return NULL;
	}
	*length = (size_t)bytes_length;
	while ((string = next_string(list, *length, &at)) != NULL) {
		if (*string == '\0') {
			tree_fail(tree, node, "property \"%s\" has an empty string, expected %s", property, expected);
			return NULL;
		}
		for (const char *c = string; *c != '\0'; c++) {
			if (*c < ' ' || *c > '~') {
				tree_fail(tree, node, "property \"%s\" has a byte that is not printable, expected %s",
					  property, expected);
				return NULL;
			}
		}
	}
	return list;
}

int tree_string(const struct tree *tree, int node, const char *property, const char **value)
{
	size_t length;
	const char *string = strings_of(tree, node, property, "one string", &length);

	if (string == NULL)
		return -1;
	if (strlen(string) + 1 != length)
		return tree_fail(tree, node, "property \"%s\" has several strings, expected one", property);
	*value = string;
	return 0;
}

int tree_joined(struct tree *tree, int node, const char *property, const char **value)
{
	size_t length;
	const char *list = strings_of(tree, node, property, "strings without blanks", &length);
	char *joined;

	if (list == NULL)
		return -1;
	if (memchr(list, ' ', length) != NULL)
		return tree_fail(tree, node, "property \"%s\" has a string with a blank, expected one word a string",
				 property);
	joined = tree_take(tree, length, 1);
	if (joined == NULL)
		return -1;
	for (size_t i = 0; i + 1 < length; i++)
		joined[i] = list[i] == '\0' ? ' ' : list[i];
	*value = joined;
	return 0;
}

/* The word in @words, or NULL with a diagnostic that lists what there is. */
static const struct tree_word *find_word(const struct tree *tree, int node, const char *property,
					 const struct tree_word *words, const char *string)
{
	char known[DIAG_TEXT_MAX / 2] = "";
	size_t used = 0;

	for (size_t i = 0; words[i].name != NULL; i++) {
		if (strcmp(words[i].name, string) == 0)
			return &words[i];
		if (used < sizeof(known))
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i == 0 ? "" : ", ",
						 words[i].name);
	}
	tree_fail(tree, node, "property \"%s\" says \"%.64s\", expected one of: %s", property, string, known);
	return NULL;
}

int tree_choice(const struct tree *tree, int node, const char *property, const struct tree_word *words, uint32_t *value)
{
	const struct tree_word *word;
	const char *string = NULL;

	if (tree_string(tree, node, property, &string) != 0)
		return -1;
	word = find_word(tree, node, property, words, string);
	if (word == NULL)
		return -1;
	*value = word->value;
	return 0;
}

int tree_flags(const struct tree *tree, int node, const char *property, const struct tree_word *words, uint32_t *value)
{
	size_t length, at = 0;
	const char *list = strings_of(tree, node, property, "a list of flags", &length);
	const char *string;

	if (list == NULL)
		return -1;
	*value = 0;
	while ((string = next_string(list, length, &at)) != NULL) {
		const struct tree_word *word = find_word(tree, node, property, words, string);

		if (word == NULL)
			return -1;
		if ((*value & word->value) != 0)
			return tree_fail(tree, node, "property \"%s\" says \"%s\" twice", property, string);
		*value |= word->value;
	}
	return 0;
}

int tree_child(const struct tree *tree, int node, const char *name)
{
	int child = fdt_subnode_offset(tree->blob, node, name);

	return child < 0 ? tree_fail(tree, node, "node \"%s\" is missing", name) : child;
}

int tree_count(const struct tree *tree, int node, uint32_t max)
{
	uint32_t count = 0;
	int child;

	fdt_for_each_subnode(child, tree->blob, node)
	{
		if (++count > max)
			return tree_fail(tree, node, "more than %u nodes in it", max);
	}
	if (count == 0)
		return tree_fail(tree, node, "no node in it, expected at least one");
	return (int)count;
}
