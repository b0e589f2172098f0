/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The host as a whole: clones are independent, refusals change nothing, and what was charged is given back.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bed.h"

Test(host, clone_is_independent_of_its_original)
{
	struct bed bed = bed_new("6.12");
	struct host *clone;

	run_all(&bed, set_up);
	run(&bed, bed.host, MAP("0x0", "0x10000") " = 0");
	clone = host_clone(bed.host);
	run(&bed, clone, UNMAP("0x0", "0x10000") " = 0");
	cr_assert_eq(run(&bed, clone, MAP("0x0", "0x1000") " = 0").locked_after, 4096);
	cr_assert_eq(run(&bed, bed.host, MAP("0x0", "0x1000") " = -1 EEXIST").locked_after, 65536);
	host_free(clone);
	run(&bed, bed.host, UNMAP("0x0", "0x10000") " = 0");
	bed_free(&bed);
}

Test(host, mapping_is_charged_until_the_last_group_leaves)
{
	struct bed bed = bed_new("6.1");
	struct outcome outcome;

	run_all(&bed, set_up);
	outcome = run(&bed, bed.host, MAP("0x100000", "0x4000") " = 0");
	cr_assert_eq(outcome.locked_before, 0);
	cr_assert_eq(outcome.locked_after, 0x4000);
	outcome = run(&bed, bed.host, "1 close(3) = 0");
	cr_assert_eq(outcome.locked_after, 0x4000, "the group still holds the container");
	outcome = run(&bed, bed.host, "1 close(4) = 0");
	cr_assert_eq(outcome.locked_after, 0);
	bed_free(&bed);
}

Test(host, device_keeps_its_group_open_and_attached)
{
	struct bed bed = bed_new("6.12");

	run_all(&bed, set_up);
	run(&bed, bed.host, "1 ioctl(4, VFIO_GROUP_GET_DEVICE_FD, \"0000:00:03.0\") = 5");
	run(&bed, bed.host, "1 ioctl(4, VFIO_GROUP_UNSET_CONTAINER) = -1 EBUSY");
	run(&bed, bed.host, "1 close(4) = 0");
	run(&bed, bed.host, "1 open(\"/dev/vfio/1\", O_RDWR) = -1 EBUSY");
	run(&bed, bed.host, "1 close(5) = 0");
	run(&bed, bed.host, "1 open(\"/dev/vfio/1\", O_RDWR) = 4");
	bed_free(&bed);
}

Test(host, limit_is_exact_without_the_capability)
{
	struct bed bed = bed_new("6.12");

	run_all(&bed, set_up);
	run(&bed, bed.host, "1 setrlimit(65536) = 0");
	run(&bed, bed.host, "1 dropcap(IPC_LOCK) = 0");
	run(&bed, bed.host, MAP("0x0", "0x11000") " = -1 ENOMEM");
	run(&bed, bed.host, MAP("0x0", "0x10000") " = 0");
	run(&bed, bed.host, MAP("0x100000", "0x1000") " = -1 ENOMEM");
	bed_free(&bed);
}

Test(host, exec_leaves_the_charge_with_the_old_memory)
{
	struct bed bed = bed_new("6.12");
	struct outcome outcome;

	run_all(&bed, set_up);
	run(&bed, bed.host, MAP("0x0", "0x10000") " = 0");
	outcome = run(&bed, bed.host, "1 exec() = 0");
	cr_assert_eq(outcome.locked_after, 0);
	outcome = run(&bed, bed.host, UNMAP("0x0", "0x10000") " = 0");
	cr_assert_eq(outcome.locked_after, 0);
	bed_free(&bed);
}

Test(host, child_unmaps_and_the_parent_is_given_back)
{
	struct bed bed = bed_new("6.1");
	struct outcome outcome;

	run_all(&bed, set_up);
	run(&bed, bed.host, MAP("0x0", "0x10000") " = 0");
	run(&bed, bed.host, "1 fork() = 2");
	outcome =
	    run(&bed, bed.host, "2 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=24, flags=0, iova=0x0, size=0x10000}) = 0");
	cr_assert_eq(outcome.locked_before, 0);
	outcome = run(&bed, bed.host, "1 close(4) = 0");
	cr_assert_eq(outcome.locked_before, 0);
	run(&bed, bed.host, "2 exit() = 0");
	bed_free(&bed);
}

Test(host, unknown_call_is_not_modelled_and_changes_nothing)
{
	struct bed bed = bed_new("6.12");
	struct outcome outcome;
	struct call call = {.task = 1, .thread = 1, .op = CALL_OPEN, .string = "/etc/passwd"};

	host_call(bed.host, &call, NULL, &outcome);
	cr_assert_not(outcome.modelled);
	call.task = 7;
	host_call(bed.host, &call, NULL, &outcome);
	cr_assert_not(outcome.modelled);
	run(&bed, bed.host, "1 open(\"/dev/null\", O_RDWR) = 3");
	bed_free(&bed);
}

Test(host, huge_pages_beside_other_memory_go_back_to_their_pool)
{
	struct bed bed = bed_new("6.12");

	run(&bed, bed.host,
	    "1 mmap(0x100003e00000, 0x200000, PROT_READ|PROT_WRITE, "
	    "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_POPULATE|MAP_HUGETLB, -1, 0x0) = 0x100003e00000");
	run(&bed, bed.host,
	    "1 mmap(0x100004000000, 0x400000, PROT_READ|PROT_WRITE, "
	    "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_POPULATE, -1, 0x0) = 0x100004000000");
	run(&bed, bed.host,
	    "1 mmap(0x100004400000, 0x400000, PROT_READ|PROT_WRITE, "
	    "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_POPULATE|MAP_HUGETLB, -1, 0x0) = 0x100004400000");
	run(&bed, bed.host, "1 exec() = 0");
	bed_free(&bed);
}
