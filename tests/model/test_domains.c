/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Groups behind different IOMMUs in one container, which QEMU's machines do not have: what joining narrows, what keeps
 * a group out, and what leaving gives back. Expectations are worked out by hand from the kernel's source, 6.12
 * vfio_iommu_type1.c vfio_iommu_type1_attach_group and vfio_iommu_type1_detach_group.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "bed.h"

static struct bed bed;
static char told[512];

static void open_bed(void)
{
	bed = bed_on("model-two-iommus", "6.12");
}

static void close_bed(void)
{
	bed_free(&bed);
}

TestSuite(domains, .init = open_bed, .fini = close_bed);

static struct outcome does(const char *line)
{
	return run(&bed, bed.host, line);
}

/* Opens the container (descriptor 3) and the group with this number (3 + its number, in this order from 1 on). */
static void open_all(void)
{
	char line[64];

	does("1 open(\"/dev/vfio/vfio\", O_RDWR) = 3");
	for (int number = 1; number <= 8; number++) {
		snprintf(line, sizeof(line), "1 open(\"/dev/vfio/%d\", O_RDWR) = %d", number, 3 + number);
		does(line);
	}
	does("1 mmap(0x100000000000, 0x100000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0) = "
	     "0x100000000000");
}

static void join(int group, const char *answer)
{
	char line[96];

	snprintf(line, sizeof(line), "1 ioctl(%d, VFIO_GROUP_SET_CONTAINER, [3]) = %s", 3 + group, answer);
	does(line);
}

static void leave(int group)
{
	char line[96];

	snprintf(line, sizeof(line), "1 ioctl(%d, VFIO_GROUP_UNSET_CONTAINER) = 0", 3 + group);
	does(line);
}

static void set_iommu(const char *answer)
{
	char line[96];

	snprintf(line, sizeof(line), "1 ioctl(3, VFIO_SET_IOMMU, TYPE1v2_IOMMU) = %s", answer);
	does(line);
}

static void map(uint64_t iova, uint64_t size, const char *answer)
{
	char line[192];

	snprintf(line, sizeof(line),
		 "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, vaddr=0x100000000000, iova=0x%" PRIx64
		 ", size=0x%" PRIx64 "}) = %s",
		 iova, size, answer);
	does(line);
}

static void unmap(uint64_t iova, uint64_t size)
{
	char line[192];

	snprintf(line, sizeof(line),
		 "1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=24, flags=0, iova=0x%" PRIx64 ", size=0x%" PRIx64 "}) = 0",
		 iova, size);
	does(line);
}

/* What GET_INFO tells: page sizes, then windows. */
static const char *info(void)
{
	struct outcome outcome = does("1 ioctl(3, VFIO_IOMMU_GET_INFO, 256:{argsz=256}) = 0");
	const uint8_t *out = outcome.out[0];
	size_t used = (size_t)snprintf(told, sizeof(told), "%" PRIx64, bytes_get(out + 8, 8));

	for (uint64_t at = bytes_get(out + 16, 4); at; at = bytes_get(out + at + 4, 4))
		for (uint64_t i = 0; bytes_get(out + at, 2) == 1 && i < bytes_get(out + at + 8, 4); i++)
			used += (size_t)snprintf(told + used, sizeof(told) - used, " %" PRIx64 "-%" PRIx64,
						 bytes_get(out + at + 16 + 16 * i, 8),
						 bytes_get(out + at + 24 + 16 * i, 8));
	return told;
}

static uint64_t locked(void)
{
	return host_locked_by_vfio(bed.host, 1) / 4096;
}

Test(domains, groups_that_join_narrow_and_those_that_leave_widen)
{
	open_all();
	join(1, "0");
	set_iommu("0");
	cr_expect_str_eq(info(), "40201000 0-fedfffff fef00000-ffffffffffff");
	join(3, "0");
	cr_expect_str_eq(info(), "40201000 0-fedfffff fef00000-1ffffffff 300000000-ffffffffffff");
	join(2, "0");
	cr_expect_str_eq(info(), "201000 100000-7fffffff 90000000-fedfffff fef00000-ffffffff");
	/* The 32-bit aperture is another domain's: what the leaving group reserved lies beyond it. */
	leave(3);
	cr_expect_str_eq(info(), "201000 100000-7fffffff 90000000-fedfffff fef00000-ffffffff");
	leave(2);
	cr_expect_str_eq(info(), "40201000 0-fedfffff fef00000-ffffffffffff");
}

Test(domains, page_sizes_below_the_hosts_count_as_the_hosts_only_alone)
{
	open_all();
	join(5, "0");
	set_iommu("0");
	cr_expect_str_eq(info(), "201000 0-fedfffff fef00000-ffffffffffff");
	map(0x200000, 0x1000, "0");
	/* With 4 KiB, 2 MiB and 1 GiB on the other side, 2 MiB is all that both have. */
	join(1, "0");
	cr_expect_str_eq(info(), "200000 0-fedfffff fef00000-ffffffffffff");
	map(0x400000, 0x1000, "-1 EINVAL");
	does("1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=24, flags=0, iova=0x200000, size=0x1000}) = -1 EINVAL");
	leave(1);
	unmap(0x200000, 0x1000);
	cr_expect_eq(locked(), 0);
}

Test(domains, coherency_is_told_when_every_domain_has_it)
{
	static const char ask[] = "1 ioctl(3, VFIO_CHECK_EXTENSION, DMA_CC_IOMMU) = ?";

	open_all();
	join(6, "0");
	set_iommu("0");
	cr_expect_eq(does(ask).ret, 1, "there is no domain that lacks it");
	join(5, "0");
	cr_expect_eq(does(ask).ret, 1);
	join(1, "0");
	cr_expect_eq(does(ask).ret, 0);
	leave(1);
	cr_expect_eq(does(ask).ret, 1);
}

Test(domains, group_without_a_common_aperture_stays_out)
{
	open_all();
	join(1, "0");
	set_iommu("0");
	map(0x200000, 0x2000, "0");
	join(4, "-1 EINVAL");
	cr_expect_str_eq(info(), "40201000 0-fedfffff fef00000-ffffffffffff");
	cr_expect_eq(locked(), 2);
	leave(1);
	/* Both from the start do not get an IOMMU either, and nothing of it stays. */
	join(1, "0");
	join(4, "0");
	set_iommu("-1 EINVAL");
	leave(4);
	set_iommu("0");
	cr_expect_str_eq(info(), "40201000 0-fedfffff fef00000-ffffffffffff");
}

Test(domains, group_that_would_leave_no_window_stays_out)
{
	open_all();
	join(1, "0");
	set_iommu("0");
	join(8, "-1 EINVAL");
	cr_expect_str_eq(info(), "40201000 0-fedfffff fef00000-ffffffffffff");
}

Test(domains, mapping_where_a_group_cannot_go_keeps_it_out)
{
	static const uint64_t places[] = {0, 0xff000, 0x100000000, 0x80000000, 0x8ffff000};

	open_all();
	join(1, "0");
	set_iommu("0");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		map(places[i], 0x1000, "0");
		join(2, "-1 EINVAL");
		unmap(places[i], 0x1000);
	}
	map(0x100000, 0x1000, "0");
	map(0xfffff000, 0x1000, "0");
	join(2, "0");
}

Test(domains, further_domain_takes_over_what_is_pinned)
{
	open_all();
	join(1, "0");
	set_iommu("0");
	map(0x200000, 0x2000, "0");
	cr_expect_eq(locked(), 2);
	join(2, "0");
	cr_expect_eq(locked(), 2);
	leave(1);
	cr_expect_eq(locked(), 2);
	unmap(0x200000, 0x2000);
	cr_expect_eq(locked(), 0);
}

Test(domains, last_group_behind_an_iommu_leaves_mappings_to_mediated_devices)
{
	open_all();
	join(7, "0");
	set_iommu("0");
	cr_expect_str_eq(info(), "fffffffffffff000");
	map(0x200000, 0x2000, "0");
	cr_expect_eq(locked(), 0);
	join(1, "0");
	cr_expect_eq(locked(), 2);
	join(2, "0");
	leave(1);
	cr_expect_eq(locked(), 2);
	leave(2);
	cr_expect_eq(locked(), 0);
	cr_expect_str_eq(info(), "fffffffffffff000 0-ffffffffffffffff");
	/* What is mapped at the other end of it keeps a group out that reaches less. */
	map(0x1000000, 0x1000, "0");
	join(4, "-1 EINVAL");
	leave(7);
	join(4, "0");
}

Test(domains, page_larger_than_its_mapping_is_dirty_as_far_as_that)
{
	open_all();
	join(7, "0");
	set_iommu("0");
	map(0x201000, 0x1000, "0");
	does("1 ioctl(10, VFIO_GROUP_GET_DEVICE_FD, \"70696e6e-0000-4000-8000-000000000001\") = 12");
	does("1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = 0");
	join(5, "0");
	join(1, "0");
	cr_expect_str_eq(info(), "200000 0-fedfffff fef00000-ffffffffffff");
	/* The device writes there; the audit sees to it that what is dirty is mapped. */
	does("1 pwrite(12, hex(001020 00*5), 8, 0x0) = 8");
	does("1 pwrite(12, hex(08 00*7), 8, 0x8) = 8");
	does("1 pwrite(12, hex(05 00*7), 8, 0x18) = 8");
}

Test(domains, pages_of_two_mappings_pinned_together_are_uncharged_once)
{
	open_all();
	join(7, "0");
	set_iommu("0");
	map(0x200000, 0x1000, "0");
	does("1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, vaddr=0x100000001000, iova=0x201000, "
	     "size=0x1000}) = 0");
	does("1 ioctl(10, VFIO_GROUP_GET_DEVICE_FD, \"70696e6e-0000-4000-8000-000000000001\") = 12");
	does("1 pwrite(12, hex(000020 00*5), 8, 0x0) = 8");
	does("1 pwrite(12, hex(02 00*7), 8, 0x8) = 8");
	does("1 pwrite(12, hex(01 00*7), 8, 0x18) = 8");
	cr_expect_eq(locked(), 2);
	/* Asked to let go of the first mapping, the device lets go of both pages. */
	unmap(0x200000, 0x2000);
	cr_expect_eq(locked(), 0);
}
