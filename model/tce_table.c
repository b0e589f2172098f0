/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * TCE tables as the trees that hardware has for them, with large pages at every level: a slot of a node stands for as
 * many entries as its height says, which either follow each other in memory, and are one number then, or have a node
 * below. So one entry among a million others is a few steps away, and takes eight bytes; and a thousand that follow
 * each other are a handful of slots.
 *
 * Copies share nodes: one that somebody else refers to as well is copied before it is changed.
 */
#include "tce_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { NODE_SHIFT = 5, NODE_SLOTS = 1 << NODE_SHIFT };

/*
 * A slot is 0 where there are no entries. Else it is the address of a node; or, marked as PRESENT, the user address of
 * its first entry, which is a multiple of a page, and what devices may do there.
 */
#define PRESENT UINT64_C(4)
#define ACCESS	UINT64_C(3)

struct tce_node {
	uint32_t references;
	uint64_t entries; /* that are there, below it */
	uint64_t slots[NODE_SLOTS];
};

/* Entries that a slot at this height stands for, as far as there is a number for so many. */
static uint64_t span(unsigned height)
{
	return NODE_SHIFT * height < 64 ? UINT64_C(1) << NODE_SHIFT * height : UINT64_MAX;
}

/* The height of the slot that all entries of a table are below. */
static unsigned table_height(const struct tce_table *table)
{
	const uint64_t last = (table->last - table->first) >> table->page_shift;
	unsigned height = 0;

	while (last >= span(height))
		height++;
	return height;
}

static bool has_node(uint64_t slot)
{
	return slot && !(slot & PRESENT);
}

static struct tce_node *node_of(uint64_t slot)
{
	assert(has_node(slot));
	return (struct tce_node *)(uintptr_t)slot;
}

static uint64_t slot_entries(uint64_t slot, unsigned height)
{
	if (has_node(slot))
		return node_of(slot)->entries;
	return slot ? span(height) : 0;
}

/* What the slot says of the entry that is @entries behind its first one. */
static uint64_t slot_behind(const struct tce_table *table, uint64_t slot, uint64_t entries)
{
	return slot ? slot + (entries << table->page_shift) : 0;
}

static void slot_release(uint64_t slot)
{
	struct tce_node *node;

	if (!has_node(slot))
		return;
	node = node_of(slot);
	if (--node->references)
		return;
	for (unsigned i = 0; i < NODE_SLOTS; i++)
		slot_release(node->slots[i]);
	free(node);
}

/* Makes what is below the slot a node that only this table refers to. */
static struct tce_node *slot_own(const struct tce_table *table, uint64_t *slot, unsigned height)
{
	struct tce_node *node;

	if (has_node(*slot) && node_of(*slot)->references == 1)
		return node_of(*slot);
	node = memory_allocate(sizeof(*node));
	if (has_node(*slot)) {
		*node = *node_of(*slot);
		node_of(*slot)->references--;
		for (unsigned i = 0; i < NODE_SLOTS; i++)
			if (has_node(node->slots[i]))
				node_of(node->slots[i])->references++;
	} else {
		node->entries = slot_entries(*slot, height);
		for (unsigned i = 0; i < NODE_SLOTS; i++)
			node->slots[i] = slot_behind(table, *slot, i * span(height - 1));
	}
	node->references = 1;
	*slot = (uintptr_t)node;
	return node;
}

/* Changes the entries [first, last] below a slot, counted from its first one, to what @value says of @first. */
static void slot_fill(const struct tce_table *table, uint64_t *slot, unsigned height, uint64_t first, uint64_t last,
		      uint64_t value)
{
	struct tce_node *node;
	uint64_t below;

	if (!*slot && !value)
		return;
	if (last - first + 1 == span(height)) {
		slot_release(*slot);
		*slot = value;
		return;
	}
	node = slot_own(table, slot, height--);
	below = span(height);
	for (uint64_t i = first / below; i <= last / below; i++) {
		const uint64_t begin = i * below, low = first > begin ? first - begin : 0;
		const uint64_t high = last - begin < below ? last - begin : below - 1;

		node->entries -= slot_entries(node->slots[i], height);
		slot_fill(table, &node->slots[i], height, low, high, slot_behind(table, value, begin + low - first));
		node->entries += slot_entries(node->slots[i], height);
	}
	if (!node->entries) {
		slot_release(*slot);
		*slot = 0;
	}
}

/* Entries that are there, by number, and what a slot would say of the first. */
struct piece {
	uint64_t first, count;
	uint64_t value;
};

/* Finds the first of the entries [first, last] that is there, and those behind it that are in the same slot. */
static bool slot_find(const struct tce_table *table, uint64_t slot, unsigned height, uint64_t first, uint64_t last,
		      struct piece *piece)
{
	uint64_t below;

	if (!slot)
		return false;
	if (!has_node(slot)) {
		*piece = (struct piece){first, span(height) - first, slot_behind(table, slot, first)};
		return true;
	}
	/* Who looks for entries mostly changes them next: then what is counted is asked for together with the slot. */
	__builtin_prefetch(node_of(slot));
	below = span(--height);
	for (uint64_t i = first / below; i <= last / below; i++) {
		const uint64_t begin = i * below, low = first > begin ? first - begin : 0;
		const uint64_t high = last - begin < below ? last - begin : below - 1;

		if (slot_find(table, node_of(slot)->slots[i], height, low, high, piece)) {
			piece->first += begin;
			return true;
		}
	}
	return false;
}

/* Changes @count entries from @address on. */
static void fill(struct tce_table *table, uint64_t address, uint64_t count, uint64_t value)
{
	const uint64_t first = (address - table->first) >> table->page_shift;

	if (count)
		slot_fill(table, &table->root, table_height(table), first, first + count - 1, value);
}

void tce_table_put(struct tce_table *table, uint64_t address, uint64_t count, uint64_t user, uint32_t access)
{
	assert(!(user & (PRESENT | ACCESS)) && !(access & ~ACCESS));
	fill(table, address, count, user | PRESENT | access);
}

void tce_table_clear(struct tce_table *table, uint64_t address, uint64_t count)
{
	fill(table, address, count, 0);
}

bool tce_table_find(const struct tce_table *table, uint64_t first, uint64_t last, struct range *found)
{
	const uint64_t last_entry = (last - table->first) >> table->page_shift;
	const unsigned height = table_height(table);
	struct piece piece, next;
	uint64_t end, cut;

	if (!slot_find(table, table->root, height, (first - table->first) >> table->page_shift, last_entry, &piece))
		return false;
	for (end = piece.first + piece.count; end <= last_entry; end += next.count)
		if (!slot_find(table, table->root, height, end, end, &next) ||
		    next.value != slot_behind(table, piece.value, end - piece.first))
			break;
	*found = (struct range){.first = table->first + (piece.first << table->page_shift),
				.last = table->first + (end << table->page_shift) - 1,
				.value = piece.value & ~(PRESENT | ACCESS),
				.tag = piece.value & ACCESS};
	cut = found->first < first ? first - found->first : 0;
	found->first += cut;
	found->value += cut;
	found->last = found->last < last ? found->last : last;
	return true;
}

uint64_t tce_table_entries(const struct tce_table *table)
{
	return tce_table_exists(table) ? slot_entries(table->root, table_height(table)) : 0;
}

uint64_t tce_table_uses(const struct tce_table *table, uint64_t first, uint64_t last)
{
	uint64_t entries = 0, from = table->first;
	struct range run;

	if (!tce_table_entries(table))
		return 0;
	while (tce_table_find(table, from, table->last, &run)) {
		const uint64_t run_last = run.value + (run.last - run.first);
		const uint64_t low = run.value > first ? run.value : first, high = run_last < last ? run_last : last;

		entries += low <= high ? (high - low + 1) >> table->page_shift : 0;
		if (run.last == table->last)
			break;
		from = run.last + 1;
	}
	return entries;
}

void tce_table_unshare(struct tce_table *table)
{
	if (has_node(table->root))
		node_of(table->root)->references++;
}

void tce_table_free(struct tce_table *table)
{
	slot_release(table->root);
	memset(table, 0, sizeof(*table));
}

uint64_t tce_table_digest(const struct tce_table *table, uint64_t digest)
{
	uint64_t from = table->first;
	struct range run;

	while (tce_table_entries(table) && tce_table_find(table, from, table->last, &run)) {
		digest = digest_mix(digest, run.first);
		digest = digest_mix(digest, run.last);
		digest = digest_mix(digest, run.value);
		digest = digest_mix(digest, run.tag);
		if (run.last == table->last)
			break;
		from = run.last + 1;
	}
	return digest_mix(digest, tce_table_entries(table));
}

static bool slot_valid(uint64_t slot, unsigned height)
{
	uint64_t entries = 0;

	if (!has_node(slot))
		return true;
	for (unsigned i = 0; i < NODE_SLOTS; i++) {
		if (!height || !slot_valid(node_of(slot)->slots[i], height - 1))
			return false;
		entries += slot_entries(node_of(slot)->slots[i], height - 1);
	}
	return entries && entries == node_of(slot)->entries;
}

bool tce_table_valid(const struct tce_table *table)
{
	return tce_table_exists(table) ? slot_valid(table->root, table_height(table)) : !table->root;
}
