/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Changing inputs of the fuzz target as what they are: records of draws, one for each call. A byte put in anywhere
 * would shift all that follows into nonsense.
 */
#ifndef VFIOSIM_FUZZ_MUTATOR_H
#define VFIOSIM_FUZZ_MUTATOR_H

#include <stddef.h>

#include "prng.h"

/*
 * Leaves out, repeats, moves or changes a record of the @size bytes at @input, an input with its subject; there is room
 * for @room. The new size, which is 0 when there is no record to change.
 */
size_t mutate_records(uint8_t *input, size_t size, size_t room, struct prng *random);

/*
 * The beginning of the program @first and the end of @second, on the subject of the first, into the @room bytes at
 * @out. The size.
 */
size_t cross_records(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size, uint8_t *out,
		     size_t room, struct prng *random);

#endif
