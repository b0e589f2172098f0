/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The state space: what space.def multiplies out is modelled as a whole, the ledger adds up after every call, and the
 * backend that VFIOSIM_ON names answers as the rules allow. A suite for each place.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "space.h"
#include "stage.h"

static void perform_space(const char *name, enum space_place place, char *make(enum space_place, size_t *))
{
	size_t length;
	char *text = make(place, &length);
	struct stage_result result;

	cr_assert_not_null(text);
	result = stage_perform(name, text, length);
	free(text);
	cr_expect_gt(result.calls, 0);
	cr_expect_eq(result.failed, 0, "%s: %lu of %lu calls", name, (unsigned long)result.failed,
		     (unsigned long)result.calls);
}

#define PLACE(name, machine, architecture, iommu)                                          \
	Test(name, pairs_of_operations_conform)                                            \
	{                                                                                  \
		perform_space("pairs on " machine, SPACE_##name, space_pairs);             \
	}                                                                                  \
	Test(name, ioctls_on_descriptors_conform)                                          \
	{                                                                                  \
		perform_space("descriptors on " machine, SPACE_##name, space_descriptors); \
	}
#include "space.def"
