/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Blocks of bytes that are kept together and given back together.
 */
#include <stdlib.h>
#include <string.h>

#include "backends_internal.h"

#define BLOCK_BYTES 65536u

struct bytes_block {
	struct bytes_block *older;
	size_t used, capacity;
	uint8_t bytes[];
};

uint8_t *bytes_keep(struct bytes_chain *chain, const uint8_t *bytes, size_t length)
{
	struct bytes_block *block = chain->newest;

	if (!block || block->capacity - block->used < length) {
		size_t capacity = length > BLOCK_BYTES ? length : BLOCK_BYTES;
		block = malloc(sizeof(*block) + capacity);
		if (!block)
			return NULL;
		*block = (struct bytes_block){.older = chain->newest, .capacity = capacity};
		chain->newest = block;
	}
	uint8_t *copy = block->bytes + block->used;
	if (length)
		memcpy(copy, bytes, length);
	block->used += length;
	return copy;
}

void bytes_clear(struct bytes_chain *chain)
{
	while (chain->newest) {
		struct bytes_block *block = chain->newest;
		chain->newest = block->older;
		free(block);
	}
}
