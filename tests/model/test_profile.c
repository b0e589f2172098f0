/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Profiles: found by name and by release, and changed field by field, as the header of a trace does it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "vfiosim/profile.h"

Test(profile, of_a_release_is_the_newest_that_is_not_newer)
{
	cr_assert_str_eq(profile_for_release("5.10.0-46-amd64"), "5.10");
	cr_assert_str_eq(profile_for_release("6.6.1"), "6.1");
	cr_assert_str_eq(profile_for_release("6.12.117+deb13-amd64"), "6.12");
	cr_assert_str_eq(profile_for_release("8.0"), "7.2");
	cr_assert_null(profile_for_release("5.9.1"));
	cr_assert_null(profile_for_release("next"));
}

Test(profile, that_is_not_there_is_not_found)
{
	struct profile profile;

	cr_assert_eq(profile_find("5.9", &profile), -1);
}

Test(profile, of_a_proposal_is_a_kernel_with_what_was_proposed)
{
	struct profile proposal, kernel;

	cr_assert_eq(profile_find("devtree-2013", &proposal), 0);
	cr_assert_str_eq(proposal.name, "devtree-2013");
	cr_assert_str_eq(profile_base("devtree-2013"), "5.10");
	cr_assert_not_null(strstr(profile_source("devtree-2013"), "2013"));
	cr_assert_eq(profile_find("5.10", &kernel), 0);
	for (unsigned field = 0; field < PROFILE_FIELD_COUNT; field++)
		cr_expect_eq(proposal.values[field], field == PROFILE_PLATFORM_DEVICES ? 1 : kernel.values[field]);
	cr_assert_eq(profile_find("tce-v7-2012", &proposal), 0);
	cr_assert_eq(proposal.values[PROFILE_TCE_PUT], 1);
	cr_assert_null(profile_base("5.10"));
	cr_assert_null(profile_source("no such"));
}

Test(profile, field_takes_numbers_bitmaps_and_errno_names)
{
	struct profile profile;

	cr_assert_eq(profile_find("6.12", &profile), 0);
	cr_assert_eq(profile_set(&profile, "dma_entry_limit", "3"), 0);
	cr_assert_eq(profile.values[PROFILE_DMA_ENTRY_LIMIT], 3);
	cr_assert_eq(profile_set(&profile, "wrap_refused", "-75"), 0);
	cr_assert_eq(profile.values[PROFILE_WRAP_REFUSED], -75);
	cr_assert_eq(profile_set(&profile, "wrap_refused", "EINVAL"), 0);
	cr_assert_eq(profile.values[PROFILE_WRAP_REFUSED], -22);
	cr_assert_eq(profile_set(&profile, "intel_page_sizes", "0xfffffffffffff000"), 0);
	cr_assert_eq((uint64_t)profile.values[PROFILE_INTEL_PAGE_SIZES], 0xfffffffffffff000u);
}

Test(profile, field_refuses_what_is_no_value_and_names_that_are_no_field)
{
	struct profile profile, before;

	cr_assert_eq(profile_find("6.12", &profile), 0);
	before = profile;
	cr_assert_eq(profile_set(&profile, "dma_entry_limit", "many"), -1);
	cr_assert_eq(profile_set(&profile, "dma_entry_limit", ""), -1);
	cr_assert_eq(profile_set(&profile, "dma_entry_limit", "3 "), -1);
	cr_assert_eq(profile_set(&profile, "no_such_field", "3"), -1);
	cr_assert_arr_eq(profile.values, before.values, sizeof(profile.values));
}
