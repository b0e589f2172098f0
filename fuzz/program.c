/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The list of events and the blocks of memory behind them.
 */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)16 << 10)

struct program_block {
	struct program_block *older;
	size_t capacity, used;
	uint8_t bytes[];
};

struct program *program_new(void)
{
	return calloc(1, sizeof(struct program));
}

void program_free(struct program *program)
{
	if (!program)
		return;
	while (program->blocks) {
		struct program_block *block = program->blocks;

		program->blocks = block->older;
		free(block);
	}
	free(program->events);
	free(program);
}

void program_reset(struct program *program)
{
	struct program_block *kept = program->blocks;

	program->count = 0;
	program->destructive = NULL;
	if (!kept)
		return;
	while (kept->older) {
		struct program_block *older = kept->older->older;

		free(kept->older);
		kept->older = older;
	}
	memset(kept->bytes, 0, kept->used);
	kept->used = 0;
}

void *program_memory(struct program *program, size_t size)
{
	struct program_block *block = program->blocks;

	if (!size)
		size = 1;
	if (!block || size > block->capacity - block->used) {
		size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		block = calloc(1, sizeof(*block) + capacity);
		if (!block)
			return NULL;
		block->capacity = capacity;
		block->older = program->blocks;
		program->blocks = block;
	}
	block->used += size;
	return block->bytes + block->used - size;
}

struct call *program_draft(struct program *program)
{
	if (program->count == program->capacity) {
		size_t capacity = program->capacity ? 2 * program->capacity : 64;
		struct event *events = realloc(program->events, capacity * sizeof(*events));

		if (!events)
			return NULL;
		program->events = events;
		program->capacity = capacity;
	}
	memset(&program->events[program->count], 0, sizeof(program->events[0]));
	return &program->events[program->count].call;
}

void program_append(struct program *program)
{
	program->count++;
}
