/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Random numbers: the published sequence, bounds, and independent components. */
#include <criterion/criterion.h>

#include "fuzz/prng.h"

/* xoshiro256** seeded by splitmix64 from 0, as several other implementations give it. */
Test(prng, seed_zero_gives_the_published_numbers)
{
	static const uint64_t expected[] = {UINT64_C(0x99ec5f36cb75f2b4), UINT64_C(0xbf6e1f784956452a),
					    UINT64_C(0x1a5f849d4933e6e0), UINT64_C(0x6aa594f1262d2d2c)};
	struct prng prng;

	prng_seed(&prng, 0);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(prng_next(&prng), expected[i]);
}

Test(prng, below_stays_below_and_reaches_everything)
{
	unsigned seen[10] = {0};
	struct prng prng;

	prng_seed(&prng, 7);
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t value = prng_below(&prng, 10);

		cr_assert_lt(value, 10);
		seen[value]++;
	}
	for (unsigned i = 0; i < 10; i++)
		cr_assert(seen[i] > 800 && seen[i] < 1200, "%u came %u times", i, seen[i]);
	cr_assert_eq(prng_below(&prng, 1), 0);
}

Test(prng, chance_of_none_and_of_all_are_certain)
{
	struct prng prng;

	prng_seed(&prng, 7);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_not(prng_chance(&prng, 0, 3));
		cr_assert(prng_chance(&prng, 3, 3));
	}
}

/* Neighbouring seeds and components are what campaigns are made of. */
Test(prng, children_of_neighbouring_seeds_all_differ)
{
	enum { SEEDS = 40, COMPONENTS = 40 };
	static uint64_t children[SEEDS * COMPONENTS];

	for (uint64_t seed = 0; seed < SEEDS; seed++)
		for (uint64_t component = 0; component < COMPONENTS; component++)
			children[seed * COMPONENTS + component] = seed_child(seed, component);
	for (unsigned i = 0; i < SEEDS * COMPONENTS; i++)
		for (unsigned k = 0; k < i; k++)
			cr_assert_neq(children[i], children[k]);
}
