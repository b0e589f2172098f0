/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Inputs that are changed stay records, all but one of them as they were. */
#include <criterion/criterion.h>
#include <string.h>

#include "fuzz/draws.h"
#include "fuzz/mutator.h"

enum { INPUT_MAX = 4096 };

struct record {
	const uint8_t *bytes;
	size_t size;
};

/* Records of 1, 2, 3... bytes, all of them the number of their record; the longest has a prefix of two bytes. */
static size_t make_input(uint8_t *input, uint8_t subject, unsigned count)
{
	size_t length = 0;

	input[length++] = subject;
	for (unsigned i = 1; i <= count; i++) {
		const size_t size = i < count ? i : 200;

		length += draws_prefix(input + length, size);
		memset(input + length, (int)i, size);
		length += size;
	}
	return length;
}

static unsigned cut(const uint8_t *input, size_t size, struct record *records)
{
	struct draws draws;
	unsigned count = 0;

	draws_from_bytes(&draws, input + 1, size - 1);
	while (draws_record(&draws))
		records[count++] = (struct record){draws.next, (size_t)(draws.record_end - draws.next)};
	return count;
}

static bool same(const struct record *a, const struct record *b)
{
	return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

Test(mutator, all_records_but_one_stay_as_they_were)
{
	uint8_t original[INPUT_MAX], changed[INPUT_MAX];
	const size_t size = make_input(original, 7, 12);
	struct record before[64], after[64];
	unsigned kinds[3] = {0};
	struct prng random;

	prng_seed(&random, 1);
	cr_assert_eq(cut(original, size, before), 12);
	for (unsigned i = 0; i < 2000; i++) {
		unsigned count, front = 0, back = 0;
		size_t length;

		memcpy(changed, original, size);
		length = mutate_records(changed, size, INPUT_MAX, &random);
		cr_assert_eq(changed[0], 7);
		count = cut(changed, length, after);
		cr_assert(count >= 11 && count <= 13, "%u", count);
		kinds[count - 11]++;
		while (front < count && front < 12 && same(&before[front], &after[front]))
			front++;
		while (back < count && back < 12 && same(&before[11 - back], &after[count - 1 - back]))
			back++;
		cr_assert_geq(front + back, 11);
	}
	cr_assert(kinds[0] > 100 && kinds[1] > 100 && kinds[2] > 100);
}

Test(mutator, crossed_program_begins_like_one_and_ends_like_the_other)
{
	uint8_t first[INPUT_MAX], second[INPUT_MAX], out[INPUT_MAX];
	const size_t first_size = make_input(first, 7, 12), second_size = make_input(second, 9, 20);
	struct record a[64], b[64], crossed[64];
	struct prng random;

	prng_seed(&random, 1);
	cut(first, first_size, a);
	cut(second, second_size, b);
	for (unsigned i = 0; i < 1000; i++) {
		const size_t length = cross_records(first, first_size, second, second_size, out, sizeof(out), &random);
		const unsigned count = cut(out, length, crossed);

		cr_assert_eq(out[0], 7);
		cr_assert_geq(count, 2);
		cr_assert(same(&crossed[0], &a[0]));
		cr_assert(same(&crossed[count - 1], &b[19]));
	}
}

Test(mutator, room_is_kept)
{
	uint8_t input[INPUT_MAX], other[INPUT_MAX], out[INPUT_MAX];
	const size_t size = make_input(input, 7, 12), other_size = make_input(other, 9, 20);
	struct prng random;

	prng_seed(&random, 1);
	for (unsigned i = 0; i < 1000; i++) {
		const size_t room = 1 + prng_below(&random, 400);

		make_input(input, 7, 12);
		cr_assert_leq(mutate_records(input, size, size, &random), size);
		memset(out, 0xa5, sizeof(out));
		cr_assert_leq(cross_records(input, size, other, other_size, out, room, &random), room);
		cr_assert_eq(out[room], 0xa5);
	}
}

Test(mutator, input_without_records_is_not_changed)
{
	uint8_t input[8] = {7};
	struct prng random;

	prng_seed(&random, 1);
	cr_assert_eq(mutate_records(input, 1, sizeof(input), &random), 0);
	cr_assert_eq(mutate_records(input, 0, sizeof(input), &random), 0);
	cr_assert_eq(cross_records(input, 1, input, 1, input, sizeof(input), &random), 0);
	cr_assert_eq(input[0], 7);
}
