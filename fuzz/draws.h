/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Draws: where the decisions of the generator come from, a seed or bytes.
 *
 * Draws come in records: one for the plan of a program, one for each call that is tried. What is drawn in one record
 * does not shift what another one gets. From a seed, every record has a seed of its own. As bytes, a record is its
 * length (one byte, or two: seven bits each, lower ones first, the first with its top bit set) and then its draws in
 * order, each in as many bytes as its bound needs, lower ones first. A record that is too short goes on with zeros,
 * which stand for what is usual; what is left of a longer one is passed over.
 *
 * So what was drawn from a seed can be taken down as bytes, and these give the same program.
 */
#ifndef VFIOSIM_FUZZ_DRAWS_H
#define VFIOSIM_FUZZ_DRAWS_H

#include <stddef.h>

#include "prng.h"

#define DRAWS_RECORD_MAX 16383 /* bytes of one record */
#define DRAWS_PREFIX_MAX 2     /* bytes of its length */

/* Draws that were taken down. All zero: nothing yet. */
struct tape {
	uint8_t *bytes;
	size_t length, capacity; /* @length: of the records that are complete */
	size_t record;		 /* bytes of the one that is open */
	bool open;
	bool failed; /* memory ran out, or a record was too long */
};

struct draws {
	bool from_bytes;
	struct prng random; /* of the open record */
	uint64_t seed, records;
	const uint8_t *next, *record_end, *end;
	struct tape *tape; /* NULL: nothing is taken down */
};

/* Draws from @seed; takes them down on @tape, unless that is NULL. */
void draws_from_seed(struct draws *draws, uint64_t seed, struct tape *tape);

/* Draws from @bytes, which must outlive them. */
void draws_from_bytes(struct draws *draws, const uint8_t *bytes, size_t length);

/* Writes to @at, where there is room for the longest, what stands before a record of @length bytes. Its size. */
size_t draws_prefix(uint8_t *at, size_t length);

/* Begins the next record. False when the bytes are at their end; a seed has none. */
bool draws_record(struct draws *draws);

/* Forgets the open record, so that a tape does not have it: it had no consequence. */
void draws_forget(struct draws *draws);

/* How long a program is, from @least to @most: drawn from a seed, but never taken down, because bytes simply end. */
uint32_t draws_length(const struct draws *draws, uint32_t least, uint32_t most);

/* As draws_below(), from whatever source and with whatever bound. */
uint64_t draws_below_any(struct draws *draws, uint64_t bound);

/* A number below @bound, which is not 0. From a seed all are equally likely. */
static inline uint64_t draws_below(struct draws *draws, uint64_t bound)
{
	/* Most of what the fuzz target draws is one byte. */
	if (draws->from_bytes && bound > 1 && bound <= 256 && draws->next < draws->record_end)
		return *draws->next++ % (uint32_t)bound;
	return draws_below_any(draws, bound);
}

/* Any number of 64 bits. */
uint64_t draws_any(struct draws *draws);

/* True @times out of @of; a draw of 0 is false, unless it is always true. */
static inline bool draws_chance(struct draws *draws, uint32_t times, uint32_t of)
{
	return draws_below(draws, of) >= of - times;
}

/* Completes the last record. 0, or -1 if the tape is not whole. */
int tape_end(struct tape *tape);
void tape_free(struct tape *tape);

#endif
