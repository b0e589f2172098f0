/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Typed reading of a flattened device tree.
 *
 * Every reader says no to what is missing, mis-typed or out of bounds, with a
 * diagnostic that names node and property, and then returns -1; 0 is success.
 * Strings are pointers into the blob; what is built from them comes from tree_take().
 */
#ifndef VFIOSIM_MACHINES_TREE_H
#define VFIOSIM_MACHINES_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfiosim/diag.h"

#define TREE_BLOB_MAX (1u << 20) /* bytes of one compiled device tree */
#define TREE_ROOT     0		 /* the root node */

struct pool; /* memory that lives as long as the machine */

struct tree {
	const void *blob; /* checked by tree_open() */
	const char *name; /* of the input, for messages */
	struct diag *diag;
	struct pool *pool;
};

/* A name that a property may hold, and what it stands for. */
struct tree_word {
	const char *name;
	uint32_t value;
};

extern const char *const tree_nothing[]; /* an empty list of names */

struct pool *pool_new(void);
void pool_free(struct pool *pool);

/*
 * Copies the blob into the pool and checks its structure, so that nothing below reads outside of it.
 */
int tree_open(struct tree *tree, const void *blob, size_t length);

/* Zeroed memory for @count objects of @size bytes from the pool; NULL with a diagnostic. @count 0 gives a valid
 * pointer. */
void *tree_take(struct tree *tree, size_t count, size_t size);

/* Fills the diagnostic: "/groups/group@1: " and the text. Returns -1. */
int tree_fail(const struct tree *tree, int node, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Fails unless every property of @node is one of @properties, and every child one of @children (both end with NULL;
 * @children NULL: any). What is misspelled must not look like something left out.
 */
int tree_known(const struct tree *tree, int node, const char *const *properties, const char *const *children);

bool tree_has(const struct tree *tree, int node, const char *property);
bool tree_has_child(const struct tree *tree, int node, const char *name);

/* The bytes of a property and how many there are; NULL if it is not there. */
const uint8_t *tree_bytes(const struct tree *tree, int node, const char *property, uint32_t *length);

/* The number that @count cells, at most 2, stand for; 0 for none. */
uint64_t tree_cells(const uint8_t *bytes, uint32_t count);

/* A property that is there or not and has no value. */
int tree_bool(const struct tree *tree, int node, const char *property, bool *value);

/* One cell between @low and @high, inclusive. */
int tree_u32(const struct tree *tree, int node, const char *property, uint32_t low, uint32_t high, uint32_t *value);

/* One 64-bit number between @low and @high, inclusive. */
int tree_u64(const struct tree *tree, int node, const char *property, uint64_t low, uint64_t high, uint64_t *value);

/* An even number of 64-bit numbers, at most @pairs_max pairs; @values is taken from the pool. */
int tree_pairs(struct tree *tree, int node, const char *property, size_t pairs_max, uint64_t **values, size_t *pairs);

/* One string that is not empty. */
int tree_string(const struct tree *tree, int node, const char *property, const char **value);

/* A list of strings without blanks in them, joined by single spaces. */
int tree_joined(struct tree *tree, int node, const char *property, const char **value);

/* One of @words (ends with a NULL name). */
int tree_choice(const struct tree *tree, int node, const char *property, const struct tree_word *words,
		uint32_t *value);

/* A list of @words, each at most once; @value is the union of what they stand for. */
int tree_flags(const struct tree *tree, int node, const char *property, const struct tree_word *words, uint32_t *value);

/* The child with this name, or -1 with a diagnostic. */
int tree_child(const struct tree *tree, int node, const char *name);

/* The number of children; -1 with a diagnostic when they are none or more than @max. */
int tree_count(const struct tree *tree, int node, uint32_t max);

#endif
