/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Range maps: sets of disjoint ranges of 64-bit numbers, each with a small value.
 *
 * Everything in the model that has extent is one of these: DMA mappings by IOVA,
 * memory areas by address, pages, known memory contents. A range costs the same
 * however long it is. Copies share structure: a copy is one reference, and a later change of
 * either side copies only the path to what changed.
 */
#ifndef MODEL_RANGEMAP_H
#define MODEL_RANGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t first, last; /* inclusive, so that a range can end at the top of the address space */
	uint64_t value, weight, place;
	uint32_t tag, serial;
};

struct rangemap_node;

struct rangemap {
	struct rangemap_node *root; /* NULL when empty */
	uint64_t count;
};

/* An empty map is all zeroes. */

/* Makes @copy, which must be empty, equal to @map: constant cost. */
void rangemap_copy(struct rangemap *copy, const struct rangemap *map);

/* Gives a map that was copied by assignment its own reference to the shared tree. */
void rangemap_unshare(struct rangemap *map);

/* Empties the map and gives back what nobody shares. */
void rangemap_clear(struct rangemap *map);

/* The first range that does not end before @point, or NULL. Valid until the map changes. */
const struct range *rangemap_from(const struct rangemap *map, uint64_t point);

/* The range that contains @point, or NULL. */
const struct range *rangemap_at(const struct rangemap *map, uint64_t point);

/* The first range that shares a point with [first, last], or NULL. */
const struct range *rangemap_overlap(const struct rangemap *map, uint64_t first, uint64_t last);

/* Adds a range; it must not overlap any other. */
void rangemap_insert(struct rangemap *map, const struct range *range);

/* Removes the range that begins exactly at @first; there must be one. */
void rangemap_remove(struct rangemap *map, uint64_t first);

/* The range that begins exactly at @first, for changing all but where it begins and ends; there must be one. */
struct range *rangemap_edit(struct rangemap *map, uint64_t first);

/* The range that contains @point, for the same, or NULL. */
struct range *rangemap_edit_at(struct rangemap *map, uint64_t point);

/*
 * Adds a range as one with its neighbours, as far as they touch it and say the same: with @value_follows, they do if
 * value goes on where the one before ends.
 */
void rangemap_join(struct rangemap *map, const struct range *range, bool value_follows);

/* Takes [first, last] out of the map: ranges inside go, ranges that reach over its ends are cut (value kept in step
 * with first when @value_follows is set). */
void rangemap_carve(struct rangemap *map, uint64_t first, uint64_t last, bool value_follows);

/*
 * Takes the first range in [first, last] out of the map, as far as it lies there, its value in step with its first;
 * false if there is none.
 */
bool rangemap_take(struct rangemap *map, uint64_t first, uint64_t last, struct range *taken);

/* Adds [first, last] to a map used as a plain set: overlapping and touching ranges become one. */
void rangemap_cover(struct rangemap *map, uint64_t first, uint64_t last);

/* How many points of [first, last] are in the map. */
uint64_t rangemap_covered(const struct rangemap *map, uint64_t first, uint64_t last);

/* Mixes one more value into a digest. Multiplied by an odd number, none is lost; turned, order matters. */
static inline uint64_t digest_mix(uint64_t digest, uint64_t value)
{
	return ((digest << 5 | digest >> 59) ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Mixes all ranges into a digest: the same for maps with the same ranges, however they came about. */
uint64_t rangemap_digest(const struct rangemap *map, uint64_t digest);

/* Checks order, fill and counts of the whole tree; for tests and audits. */
bool rangemap_valid(const struct rangemap *map);

#endif
