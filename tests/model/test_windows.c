/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Windows against a naive twin: a small space in which each address is valid or not, and only a window of a single
 * address, which narrowing takes for none, makes a difference.
 */
#include <criterion/criterion.h>
#include <stdint.h>

#include "type1.h"

enum { SPACE = 24, ROUNDS = 20000 };

/* A generator of numbers, the same ones each time. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) % below;
}

static void expect_same(const struct windows *windows, const bool *valid)
{
	for (uint64_t first = 0; first < SPACE; first++) {
		bool all = true;

		for (uint64_t last = first; last < SPACE; last++) {
			all &= valid[last];
			cr_assert_eq(windows_allow(windows, first, last), all);
		}
	}
}

/* A window of one address is gone when narrowing looks at it from outside or at its only address. */
static bool lone(const bool *valid, int at)
{
	return valid[at] && (at == 0 || !valid[at - 1]) && (at == SPACE - 1 || !valid[at + 1]);
}

Test(windows, narrow_and_exclude_like_a_list_of_addresses)
{
	uint64_t state = 1;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct windows windows = {0};
		bool valid[SPACE];

		for (int i = 0; i < SPACE; i++)
			valid[i] = true;
		windows_narrow(&windows, (struct iova_range){0, SPACE - 1});
		for (unsigned steps = 1 + draw(&state, 4); steps && windows.count; steps--) {
			struct iova_range range = {.first = draw(&state, SPACE)};

			range.last = range.first + draw(&state, SPACE - (uint32_t)range.first);
			if (draw(&state, 2)) {
				windows_exclude(&windows, &range);
				for (uint64_t i = range.first; i <= range.last; i++)
					valid[i] = false;
				continue;
			}
			/* Where an end of the aperture meets a single address is left to the next test. */
			if (range.first == range.last || lone(valid, (int)range.first) ||
			    lone(valid, (int)range.last) ||
			    (range.first && valid[range.first] && range.first < SPACE - 1 && !valid[range.first + 1]) ||
			    (range.last && valid[range.last] && !valid[range.last - 1]))
				continue;
			windows_narrow(&windows, range);
			for (uint64_t i = 0; i < SPACE; i++)
				valid[i] &= i >= range.first && i <= range.last;
		}
		if (windows.count)
			expect_same(&windows, valid);
		windows_clear(&windows);
	}
}

Test(windows, narrowing_to_one_address_of_a_window_takes_it_away)
{
	struct windows windows = {0};

	windows_narrow(&windows, (struct iova_range){10, 20});
	windows_narrow(&windows, (struct iova_range){20, 30});
	cr_expect_eq(windows.count, 0);
	windows_narrow(&windows, (struct iova_range){10, 20});
	windows_narrow(&windows, (struct iova_range){0, 10});
	cr_expect_eq(windows.count, 0);
	windows_clear(&windows);
}

Test(windows, without_any_everything_is_allowed)
{
	struct windows windows = {0};

	cr_expect(windows_allow(&windows, 0, UINT64_MAX));
	windows_narrow(&windows, (struct iova_range){0x1000, 0x2fff});
	cr_expect(windows_allow(&windows, 0x1000, 0x2fff));
	cr_expect_not(windows_allow(&windows, 0x1000, 0x3000));
	cr_expect_not(windows_allow(&windows, 0xfff, 0x1000));
	windows_clear(&windows);
}
