/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Random numbers that are the same everywhere: integers only, no state outside the struct.
 *
 * One 64-bit seed is the root of everything that a campaign draws. Each component has a child
 * seed of its own, so that what one draws does not shift what another one gets.
 */
#ifndef VFIOSIM_FUZZ_PRNG_H
#define VFIOSIM_FUZZ_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
	uint64_t state[4];
};

/* The seed of component number @component of whatever has @seed. */
uint64_t seed_child(uint64_t seed, uint64_t component);

void prng_seed(struct prng *prng, uint64_t seed);

uint64_t prng_next(struct prng *prng);

/* A number below @bound, all equally likely. @bound is not 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);

/* True @times out of @of. */
bool prng_chance(struct prng *prng, uint32_t times, uint32_t of);

#endif
