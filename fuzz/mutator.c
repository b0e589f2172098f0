/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the cutting of inputs into records, and what is done with these.
 */
#include "mutator.h"

#include <string.h>

#include "draws.h"

enum { RECORDS_MAX = 256, GROWTH_MAX = 4 };

/* The bytes of a record, its length in front included. */
struct piece {
	const uint8_t *bytes;
	size_t size, prefix;
};

/* Cuts what follows the subject into at most RECORDS_MAX pieces; what is behind them is left. */
static size_t cut(const uint8_t *input, size_t size, struct piece *pieces)
{
	struct draws draws;
	size_t count = 0;

	draws_from_bytes(&draws, input + !!size, size - !!size);
	while (count < RECORDS_MAX) {
		const uint8_t *begin = draws.record_end;

		if (!draws_record(&draws))
			break;
		pieces[count++] = (struct piece){
		    .bytes = begin, .size = (size_t)(draws.record_end - begin), .prefix = (size_t)(draws.next - begin)};
	}
	return count;
}

/* Appends @size bytes at @bytes if there is room for all. */
static size_t append(uint8_t *out, size_t length, size_t room, const uint8_t *bytes, size_t size)
{
	if (size > room - length)
		return length;
	memcpy(out + length, bytes, size);
	return length + size;
}

static size_t append_pieces(uint8_t *out, size_t length, size_t room, const struct piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		length = append(out, length, room, pieces[i].bytes, pieces[i].size);
	return length;
}

/* Small numbers stand for what is usual and the first of a list, large ones for what is strange. */
static uint8_t random_draw(struct prng *random)
{
	return prng_chance(random, 1, 2) ? (uint8_t)prng_below(random, 16) : (uint8_t)prng_next(random);
}

/* Appends @piece with one of its draws changed, some more of them, or fewer. */
static size_t append_changed(uint8_t *out, size_t length, size_t room, const struct piece *piece, struct prng *random)
{
	uint8_t changed[DRAWS_PREFIX_MAX + DRAWS_RECORD_MAX + GROWTH_MAX];
	uint8_t *draws = changed + DRAWS_PREFIX_MAX;
	size_t count = piece->size - piece->prefix, prefix;

	memcpy(draws, piece->bytes + piece->prefix, count);
	switch (count ? prng_below(random, 4) : 0) {
	case 0:
		if (count + GROWTH_MAX > DRAWS_RECORD_MAX)
			break;
		for (uint64_t more = 1 + prng_below(random, GROWTH_MAX); more; more--)
			draws[count++] = random_draw(random);
		break;
	case 1:
		count = prng_below(random, count);
		break;
	default:
		draws[prng_below(random, count)] = random_draw(random);
		break;
	}
	prefix = draws_prefix(changed, count);
	memmove(changed + prefix, draws, count);
	return append(out, length, room, changed, prefix + count);
}

size_t mutate_records(uint8_t *input, size_t size, size_t room, struct prng *random)
{
	struct piece pieces[RECORDS_MAX];
	const size_t count = cut(input, size, pieces);
	uint8_t copy[1 << 14];
	size_t at, to, length = 1;

	if (!count || size > sizeof(copy))
		return 0;
	memcpy(copy, input, size);
	for (size_t i = 0; i < count; i++)
		pieces[i].bytes = copy + (pieces[i].bytes - input);
	at = prng_below(random, count);
	to = prng_below(random, count);
	length = append_pieces(input, length, room, pieces, at);
	switch (prng_below(random, 6)) {
	case 0: /* gone */
		break;
	case 1: /* twice */
		length = append_pieces(input, length, room, &pieces[at], 1);
		length = append_pieces(input, length, room, &pieces[at], 1);
		break;
	case 2: /* another one in front */
		length = append_pieces(input, length, room, &pieces[to], 1);
		length = append_pieces(input, length, room, &pieces[at], 1);
		break;
	default:
		length = append_changed(input, length, room, &pieces[at], random);
		break;
	}
	length = append_pieces(input, length, room, pieces + at + 1, count - at - 1);
	return length;
}

size_t cross_records(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size, uint8_t *out,
		     size_t room, struct prng *random)
{
	struct piece before[RECORDS_MAX], after[RECORDS_MAX];
	const size_t before_count = cut(first, first_size, before), after_count = cut(second, second_size, after);
	size_t kept, left, length;

	if (!before_count || !after_count || !room)
		return 0;
	/* The first record is the plan of the program. */
	kept = 1 + prng_below(random, before_count);
	left = prng_below(random, after_count);
	length = append(out, 0, room, first, 1);
	length = append_pieces(out, length, room, before, kept);
	return append_pieces(out, length, room, after + left, after_count - left);
}
