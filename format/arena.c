/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The arena: memory that one event borrows and that all goes back together.
 *
 * Most events fit into the first block, which stays; an event with megabytes of
 * payload makes further blocks, which the next reset frees.
 */
#include <stdlib.h>

#include "format_internal.h"

#define BLOCK_SIZE ((size_t)64 << 10)

static struct arena_block *block_new(struct arena_block *older, size_t capacity)
{
	struct arena_block *block = malloc(sizeof(*block) + capacity);

	if (!block)
		return NULL;
	block->older = older;
	block->capacity = capacity;
	block->used = 0;
	return block;
}

struct arena *arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return NULL;
	arena->block = block_new(NULL, BLOCK_SIZE);
	if (!arena->block) {
		free(arena);
		return NULL;
	}
	return arena;
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	arena_reset(arena);
	free(arena->block);
	free(arena);
}

void arena_reset(struct arena *arena)
{
	while (arena->block->older) {
		struct arena_block *older = arena->block->older;

		free(arena->block);
		arena->block = older;
	}
	arena->block->used = 0;
}

/* Makes a block with room for @size bytes the newest one; bigger than asked, so that growing stays cheap. */
static bool arena_grow(struct arena *arena, size_t size)
{
	size_t capacity = BLOCK_SIZE;
	struct arena_block *block;

	while (capacity < size)
		capacity *= 2;
	block = block_new(arena->block, capacity);
	if (!block)
		return false;
	arena->block = block;
	return true;
}

uint8_t *arena_take(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->block;
	uint8_t *bytes;

	if (size > block->capacity - block->used) {
		if (!arena_grow(arena, size))
			return NULL;
		block = arena->block;
	}
	bytes = block->bytes + block->used;
	block->used += size;
	return bytes;
}

uint8_t *arena_extend(struct arena *arena, uint8_t *bytes, size_t old_size, size_t size)
{
	struct arena_block *block = arena->block;
	uint8_t *moved;

	if (bytes && bytes + old_size == block->bytes + block->used &&
	    size - old_size <= block->capacity - block->used) {
		block->used += size - old_size;
		return bytes;
	}
	moved = arena_take(arena, size);
	if (moved && bytes)
		memcpy(moved, bytes, old_size);
	return moved;
}
