/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Memory for the model: allocation that does not fail, and growing arrays.
 *
 * The model has no way to go on without memory and must not answer differently for
 * want of it, so running out ends the program.
 */
#ifndef MODEL_MEMORY_H
#define MODEL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* @size bytes, not cleared. Never NULL. Free with free(). */
void *memory_allocate(size_t size);

/* @size bytes at @old or elsewhere, as realloc(). Never NULL. */
void *memory_resize(void *old, size_t size);

/*
 * Object tables: arrays whose elements are named by index, so that a host can be cloned by
 * copying them. TABLE(struct file) declares one; index 0 is a valid object.
 */
#define TABLE(type)                       \
	struct {                          \
		type *items;              \
		uint32_t count, capacity; \
	}

/* Makes room for one more element at index count, cleared, and counts it; gives its index. */
#define table_add(table) \
	table_grow((void **)&(table)->items, &(table)->count, &(table)->capacity, sizeof(*(table)->items))

/* The index of the first element whose member @used is 0, or of one more. Whoever takes it fills it in. */
#define table_take(table, used)                                          \
	({                                                               \
		uint32_t at_ = 0;                                        \
                                                                         \
		while (at_ < (table)->count && (table)->items[at_].used) \
			at_++;                                           \
		at_ < (table)->count ? at_ : table_add(table);           \
	})

/* Duplicates the array behind a table that was copied by assignment. */
#define table_unshare(table) \
	((table)->items = memory_duplicate((table)->items, (table)->count, (table)->capacity, sizeof(*(table)->items)))

/* Makes a table equal to another one of the same type, in the memory that it has if that is enough. */
#define table_assign(to, from)                                                                                \
	((to)->items =                                                                                        \
	     memory_assign((to)->items, (from)->items, &(to)->capacity, (from)->count, sizeof(*(to)->items)), \
	 (to)->count = (from)->count)

uint32_t table_grow(void **items, uint32_t *count, uint32_t *capacity, size_t size);
void *memory_assign(void *to, const void *from, uint32_t *capacity, uint32_t count, size_t size);
void *memory_duplicate(const void *items, uint32_t count, uint32_t capacity, size_t size);

#endif
