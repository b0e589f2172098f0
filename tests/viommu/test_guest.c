/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What a guest's devices find, in each space that they can be in. */
#include <criterion/criterion.h>

#include "viommu/guest.h"

static struct guest guest;

static void switch_on(void)
{
	guest_begin(&guest, machine_find("q35-mdev"), true);
	guest.domains[1].entries[4] = (struct guest_entry){.span = 4, .page = 16, .writable = true};
	guest.domains[1].entries[9] = (struct guest_entry){.span = 1, .page = 12};
}

TestSuite(guest, .init = switch_on);

static bool finds(uint32_t iova, uint32_t page, bool writable)
{
	struct guest_entry entry;

	return guest_finds(&guest, 0, iova, &entry) && entry.page == page && entry.writable == writable;
}

static bool finds_nothing(uint32_t iova)
{
	struct guest_entry entry;

	return !guest_finds(&guest, 0, iova, &entry);
}

Test(guest, devices_are_those_that_type1_takes)
{
	cr_assert_eq(guest.device_count, 3);
	for (uint32_t i = 0; i < guest.device_count; i++)
		cr_assert_eq(guest.devices[i].emulated, guest.devices[i].device->group != 1);
	guest_begin(&guest, machine_find("q35-noiommu"), true);
	cr_assert_eq(guest.device_count, 0);
	guest_begin(&guest, machine_find("pseries-edu"), true);
	cr_assert_eq(guest.device_count, 0);
}

Test(guest, untranslated_device_finds_memory_where_it_is)
{
	guest.devices[0].attachment = GUEST_DOMAIN;
	guest.devices[0].domain = 1;
	cr_assert(finds(5, 5, true));
	cr_assert(finds(12, 12, false));
	cr_assert(finds_nothing(11));
	guest.pieces[GUEST_PIECES - 1].plugged = false;
	cr_assert(finds_nothing(32));
}

Test(guest, device_in_a_domain_finds_what_is_translated_and_nothing_else)
{
	guest.translating = true;
	guest.devices[0].attachment = GUEST_DOMAIN;
	guest.devices[0].domain = 1;
	cr_assert(finds_nothing(3));
	cr_assert(finds(4, 16, true));
	cr_assert(finds(7, 19, true));
	cr_assert(finds_nothing(8));
	cr_assert(finds(9, 12, false));
	cr_assert_not(guest_is_free(&guest.domains[1], 2, 4));
	cr_assert(guest_is_free(&guest.domains[1], 10, 4));
}

Test(guest, device_that_is_passed_through_finds_memory_and_one_in_no_domain_nothing)
{
	guest.translating = true;
	guest.devices[0].attachment = GUEST_PASSED_THROUGH;
	cr_assert(finds(5, 5, true));
	guest.devices[0].attachment = GUEST_NOWHERE;
	cr_assert(finds_nothing(5));
}

Test(guest, spaces_are_the_same_by_domain)
{
	cr_assert(guest_same_space(&guest, 0, 1));
	guest.translating = true;
	cr_assert(guest_same_space(&guest, 0, 1));
	guest.devices[0].attachment = guest.devices[1].attachment = GUEST_DOMAIN;
	cr_assert(guest_same_space(&guest, 0, 1));
	guest.devices[1].domain = 2;
	cr_assert_not(guest_same_space(&guest, 0, 1));
	guest.devices[1].attachment = GUEST_PASSED_THROUGH;
	cr_assert_not(guest_same_space(&guest, 0, 1));
}
