/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Both sources of draws, and the tape that turns the one into the other.
 */
#include "draws.h"

#include <stdlib.h>
#include <string.h>

enum { LONG = 0x80 };

void draws_from_seed(struct draws *draws, uint64_t seed, struct tape *tape)
{
	*draws = (struct draws){.seed = seed, .tape = tape};
}

void draws_from_bytes(struct draws *draws, const uint8_t *bytes, size_t length)
{
	*draws = (struct draws){.from_bytes = true, .next = bytes, .record_end = bytes, .end = bytes + length};
}

size_t draws_prefix(uint8_t *at, size_t length)
{
	if (length < LONG) {
		at[0] = (uint8_t)length;
		return 1;
	}
	at[0] = (uint8_t)((length & (LONG - 1)) | LONG);
	at[1] = (uint8_t)(length >> 7);
	return 2;
}

/* ---- the tape -------------------------------------------------------------------------------- */

/* Room for @size bytes of the open record, behind the longest prefix and what it has. */
static bool tape_reserve(struct tape *tape, size_t size)
{
	size_t needed = tape->length + DRAWS_PREFIX_MAX + tape->record + size;
	uint8_t *bytes;

	if (tape->record + size > DRAWS_RECORD_MAX)
		tape->failed = true;
	if (tape->failed)
		return false;
	if (needed <= tape->capacity)
		return true;
	bytes = realloc(tape->bytes, 2 * needed);
	if (!bytes) {
		tape->failed = true;
		return false;
	}
	tape->bytes = bytes;
	tape->capacity = 2 * needed;
	return true;
}

static void tape_put(struct tape *tape, uint64_t value, unsigned width)
{
	uint8_t *at;

	if (!tape_reserve(tape, width))
		return;
	at = tape->bytes + tape->length + DRAWS_PREFIX_MAX + tape->record;
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(value >> 8 * i);
	tape->record += width;
}

/* Writes the prefix of the open record and lets its bytes follow. */
static void tape_close_record(struct tape *tape)
{
	uint8_t *at;
	size_t prefix;

	if (!tape_reserve(tape, 0))
		return;
	at = tape->bytes + tape->length;
	/* Trailing zeros are what a record that is too short goes on with. */
	while (tape->record && !at[DRAWS_PREFIX_MAX + tape->record - 1])
		tape->record--;
	prefix = draws_prefix(at, tape->record);
	memmove(at + prefix, at + DRAWS_PREFIX_MAX, tape->record);
	tape->length += prefix + tape->record;
	tape->record = 0;
}

int tape_end(struct tape *tape)
{
	if (tape->open)
		tape_close_record(tape);
	tape->open = false;
	return tape->failed ? -1 : 0;
}

void tape_free(struct tape *tape)
{
	free(tape->bytes);
	*tape = (struct tape){0};
}

/* ---- records --------------------------------------------------------------------------------- */

static bool next_record_of_bytes(struct draws *draws)
{
	size_t length;

	draws->next = draws->record_end;
	if (draws->next == draws->end)
		return false;
	length = *draws->next++;
	if (length & LONG) {
		length &= LONG - 1;
		if (draws->next < draws->end)
			length |= (size_t)(*draws->next++ & (LONG - 1)) << 7;
	}
	draws->record_end = length < (size_t)(draws->end - draws->next) ? draws->next + length : draws->end;
	return true;
}

bool draws_record(struct draws *draws)
{
	if (draws->from_bytes)
		return next_record_of_bytes(draws);
	if (draws->tape && draws->tape->open)
		tape_close_record(draws->tape);
	if (draws->tape)
		draws->tape->open = true;
	prng_seed(&draws->random, seed_child(draws->seed, draws->records++));
	return true;
}

void draws_forget(struct draws *draws)
{
	if (!draws->tape)
		return;
	draws->tape->record = 0;
	draws->tape->open = false;
}

uint32_t draws_length(const struct draws *draws, uint32_t least, uint32_t most)
{
	struct prng random;

	if (draws->from_bytes)
		return most;
	/* No record has this number. */
	prng_seed(&random, seed_child(draws->seed, UINT64_MAX));
	return least + (uint32_t)prng_below(&random, (uint64_t)most - least + 1);
}

/* ---- draws ----------------------------------------------------------------------------------- */

/* The bytes that a number below @bound needs; all of them when it is 0. */
static unsigned width_of(uint64_t bound)
{
	if (bound - 1 < UINT64_C(1) << 8)
		return bound == 1 ? 0 : 1;
	if (bound - 1 < UINT64_C(1) << 16)
		return 2;
	return bound - 1 < UINT64_C(1) << 32 ? 4 : 8;
}

static uint64_t take(struct draws *draws, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width && draws->next < draws->record_end; i++)
		value |= (uint64_t)*draws->next++ << 8 * i;
	return value;
}

uint64_t draws_below_any(struct draws *draws, uint64_t bound)
{
	uint64_t value;

	if (draws->from_bytes) {
		value = take(draws, width_of(bound));
		return value < bound ? value : value % bound;
	}
	value = prng_below(&draws->random, bound);
	if (draws->tape)
		tape_put(draws->tape, value, width_of(bound));
	return value;
}

uint64_t draws_any(struct draws *draws)
{
	uint64_t value;

	if (draws->from_bytes)
		return take(draws, width_of(0));
	value = prng_next(&draws->random);
	if (draws->tape)
		tape_put(draws->tape, value, width_of(0));
	return value;
}
