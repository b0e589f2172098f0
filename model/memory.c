/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

void *memory_allocate(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

void *memory_resize(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

uint32_t table_grow(void **items, uint32_t *count, uint32_t *capacity, size_t size)
{
	if (*count == *capacity) {
		uint32_t wanted = *capacity ? *capacity * 2 : 8;

		*items = memory_resize(*items, wanted * size);
		*capacity = wanted;
	}
	memset((char *)*items + *count * size, 0, size);
	return (*count)++;
}

void *memory_assign(void *to, const void *from, uint32_t *capacity, uint32_t count, size_t size)
{
	if (*capacity < count) {
		to = memory_resize(to, count * size);
		*capacity = count;
	}
	if (count)
		memcpy(to, from, count * size);
	return to;
}

void *memory_duplicate(const void *items, uint32_t count, uint32_t capacity, size_t size)
{
	void *copy;

	if (!capacity)
		return NULL;
	copy = memory_allocate(capacity * size);
	memcpy(copy, items, count * size);
	return copy;
}
