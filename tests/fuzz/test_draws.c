/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Draws: what a seed gives can be taken down, and bytes of any kind are draws. */
#include <criterion/criterion.h>
#include <string.h>

#include "fuzz/draws.h"

enum { RECORDS = 40, DRAWS = 30 };

static const uint64_t bounds[] = {1,	     2, 7, 256, 257, 65536, 65537, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1,
				  UINT64_MAX};

/* Draws the same again and again; another number of draws in each record. */
static void draw_all(struct draws *draws, uint64_t values[RECORDS][DRAWS])
{
	for (unsigned record = 0; record < RECORDS; record++) {
		cr_assert(draws_record(draws));
		for (unsigned i = 0; i < DRAWS; i++) {
			const uint64_t bound = bounds[(record + i) % (sizeof(bounds) / sizeof(bounds[0]))];

			values[record][i] = i > record ? 0 : i == 3 ? draws_any(draws) : draws_below(draws, bound);
		}
	}
}

Test(draws, seed_taken_down_gives_the_same_from_bytes)
{
	static uint64_t drawn[RECORDS][DRAWS], again[RECORDS][DRAWS];
	struct tape tape = {0};
	struct draws draws;

	draws_from_seed(&draws, 7, &tape);
	draw_all(&draws, drawn);
	cr_assert_eq(tape_end(&tape), 0);
	draws_from_bytes(&draws, tape.bytes, tape.length);
	draw_all(&draws, again);
	cr_assert_eq(memcmp(drawn, again, sizeof(drawn)), 0);
	cr_assert_not(draws_record(&draws));
	tape_free(&tape);
}

Test(draws, record_that_is_forgotten_is_not_on_the_tape)
{
	struct tape tape = {0};
	struct draws draws;
	uint64_t kept;

	draws_from_seed(&draws, 7, &tape);
	draws_record(&draws);
	draws_any(&draws);
	draws_forget(&draws);
	draws_record(&draws);
	kept = draws_any(&draws);
	cr_assert_eq(tape_end(&tape), 0);
	draws_from_bytes(&draws, tape.bytes, tape.length);
	cr_assert(draws_record(&draws));
	cr_assert_eq(draws_any(&draws), kept);
	cr_assert_not(draws_record(&draws));
	tape_free(&tape);
}

Test(draws, record_does_not_shift_the_next_one)
{
	static const uint8_t bytes[] = {3, 1, 2, 3, 1, 42};
	struct draws draws;

	for (unsigned taken = 0; taken < 6; taken++) {
		draws_from_bytes(&draws, bytes, sizeof(bytes));
		cr_assert(draws_record(&draws));
		for (unsigned i = 0; i < taken; i++)
			cr_assert_eq(draws_below(&draws, 256), i < 3 ? i + 1 : 0);
		cr_assert(draws_record(&draws));
		cr_assert_eq(draws_below(&draws, 256), 42);
		cr_assert_not(draws_record(&draws));
	}
}

Test(draws, what_is_missing_is_zero_and_what_is_too_large_is_taken_down)
{
	static const uint8_t bytes[] = {0xff, 0xff, 200};
	struct draws draws;

	draws_from_bytes(&draws, bytes, sizeof(bytes));
	cr_assert(draws_record(&draws));
	cr_assert_eq(draws_below(&draws, 150), 50);
	cr_assert_eq(draws_any(&draws), 0);
	cr_assert_not(draws_chance(&draws, 31, 32));
	cr_assert(draws_chance(&draws, 32, 32));
	cr_assert_not(draws_record(&draws));
	draws_from_bytes(&draws, bytes, 0);
	cr_assert_not(draws_record(&draws));
}

Test(draws, long_record_has_two_bytes_of_length)
{
	struct tape tape = {0};
	struct draws draws;
	uint64_t last = 0;

	draws_from_seed(&draws, 1, &tape);
	draws_record(&draws);
	for (unsigned i = 0; i < 100; i++)
		last = draws_any(&draws);
	cr_assert_eq(tape_end(&tape), 0);
	cr_assert_eq(tape.length, 802);
	draws_from_bytes(&draws, tape.bytes, tape.length);
	draws_record(&draws);
	for (unsigned i = 0; i < 99; i++)
		draws_any(&draws);
	cr_assert_eq(draws_any(&draws), last);
	tape_free(&tape);
}

Test(draws, record_that_is_too_long_is_told)
{
	struct tape tape = {0};
	struct draws draws;

	draws_from_seed(&draws, 1, &tape);
	draws_record(&draws);
	for (unsigned i = 0; i < DRAWS_RECORD_MAX / 8 + 1; i++)
		draws_any(&draws);
	cr_assert_eq(tape_end(&tape), -1);
	tape_free(&tape);
}
