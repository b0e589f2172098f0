/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * xoshiro256** (Blackman and Vigna), seeded by splitmix64 as its authors advise.
 */
#include "prng.h"

#define GOLDEN_RATIO UINT64_C(0x9e3779b97f4a7c15) /* of 2^64 */

/* The output function of splitmix64: every bit of the result depends on every bit of @value. */
static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

uint64_t seed_child(uint64_t seed, uint64_t component)
{
	/* Mixed twice, so that seeds that lie side by side do not share children. */
	return mix(mix(seed + GOLDEN_RATIO) + (component + 1) * GOLDEN_RATIO);
}

void prng_seed(struct prng *prng, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++) {
		seed += GOLDEN_RATIO;
		prng->state[i] = mix(seed);
	}
}

static uint64_t rotate_left(uint64_t value, unsigned by)
{
	return value << by | value >> (64 - by);
}

uint64_t prng_next(struct prng *prng)
{
	uint64_t *state = prng->state;
	uint64_t result = rotate_left(state[1] * 5, 7) * 9;
	uint64_t shifted = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = rotate_left(state[3], 45);
	return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
	/* What is left over when 2^64 is shared out evenly is drawn again. */
	uint64_t uneven = -bound % bound, value;

	do
		value = prng_next(prng);
	while (value < uneven);
	return value % bound;
}

bool prng_chance(struct prng *prng, uint32_t times, uint32_t of)
{
	return prng_below(prng, of) < times;
}
