/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What a trace has of the memory of the program: arguments, and what lies where.
 */
#include <criterion/criterion.h>

#include "recording.h"

Test(tracer, arguments_are_as_long_as_the_kernel_may_look)
{
	expect_recording(
	    SUBJECT_DYNAMIC, "arguments", 0,
	    LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 open(\"D/5\", O_RDWR) = 4",
		  "1 ioctl(4, VFIO_GROUP_GET_DEVICE_FD, \"0000:00:03.0\") = -1 ENOTTY",
		  "1 ioctl(3, VFIO_IOMMU_GET_INFO, {argsz=24, flags=0, iova_pgsizes=0x0, cap_offset=0}) = -1 ENOTTY",
		  "1 ioctl(3, VFIO_IOMMU_GET_INFO, 16:{argsz=16, flags=0, iova_pgsizes=0x0}) = -1 ENOTTY",
		  "1 ioctl(3, VFIO_IOMMU_GET_INFO, 16:{argsz=1048576, flags=0, iova_pgsizes=0x0}) = -1 ENOTTY",
		  "1 ioctl(3, VFIO_IOMMU_GET_INFO, 0x10) = -1 ENOTTY",
		  "1 ioctl(3, VFIO_IOMMU_GET_INFO, 0x0) = -1 ENOTTY",
		  "1 ioctl(3, 0x3bdc, hex(10000000010000000200000003000000)) = -1 ENOTTY",
		  "1 ioctl(3, 0x3bdc, 0x7) = -1 ENOTTY", "1 ioctl(4, 0x3b70, hex(10 00*15)) = -1 ENOTTY",
		  "1 exit() = ?"));
}

Test(tracer, reads_and_writes_of_a_device_carry_their_bytes)
{
	expect_recording(SUBJECT_DYNAMIC, "transfers", 0,
			 LINES("1 open(\"D/devices/vfio0\", O_RDWR) = 3", "1 pwrite(3, hex(61626300), 4, 0x10) = 4",
			       "1 pread(3, hex(=> 62630000), 4, 0x11) = 4", "1 pread(3, 0x8, 4, 0x0) = -1 EFAULT",
			       "1 exit() = ?"));
}

#define MMAP(address, length)                                                                                  \
	"1 mmap(" address ", " length ", PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0x0) " \
	"= " address
#define MAP_DMA(vaddr, size)                                                                                \
	"1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, vaddr=" vaddr ", iova=0x0, size=" size \
	"}) = -1 ENOTTY"

Test(tracer, memory_that_is_mapped_for_dma_is_told_where_the_trace_is_wrong)
{
	expect_recording(SUBJECT_DYNAMIC, "memory", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", MMAP("A", "0x4000"), MAP_DMA("A", "0x4000"),
			       MMAP("A+0x4000", "0x2000"), MAP_DMA("A+0x2000", "0x4000"),
			       "1 mprotect(A, 0x1000, PROT_READ) = 0", MAP_DMA("A", "0x1000"),
			       "1 munmap(A+0x1000, 0x1000) = 0", MAP_DMA("A", "0x4000"), MAP_DMA("A+0x1000", "0x1000"),
			       MAP_DMA("A+0x1", "0x1000"), MAP_DMA("A", "0x0"), MAP_DMA("0xfffffffffffff000", "0x2000"),
			       "1 exit() = ?"));
}

#define POKE(address) "1 poke(" address ", hex(00)) = 1"
#define MAP_TO_READ(size) \
	"1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ, vaddr=A, iova=0x0, size=" size "}) = -1 ENOTTY"

Test(tracer, memory_that_is_mapped_to_be_read_is_told_where_it_was_written)
{
	expect_recording(SUBJECT_DYNAMIC, "written_memory", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", MMAP("A", "0x8000"), POKE("A+0x1000"),
			       POKE("A+0x5000"), POKE("A+0x6000"), MAP_TO_READ("0x8000"), POKE("A+0x2000"),
			       MAP_TO_READ("0x8000"), MAP_TO_READ("0x6000"), MAP_DMA("A", "0x8000"), "1 exit() = ?"));
}

Test(tracer, mapping_of_a_device_is_followed_after_the_descriptor_is_closed)
{
	expect_recording(SUBJECT_DYNAMIC, "device_memory", 0,
			 LINES("1 open(\"D/devices/vfio0\", O_RDWR) = 3",
			       "1 mmap(0x0, 0x2000, PROT_READ, MAP_SHARED, 3, 0x1000) = A", "1 close(3) = 0",
			       "1 mprotect(A, 0x1000, PROT_READ|PROT_WRITE) = 0", "1 munmap(A, 0x1000) = 0",
			       "1 munmap(A+0x1000, 0x1000) = 0", "1 exit() = ?"));
}

Test(tracer, huge_page_is_told_whole)
{
	struct recording recording;

	recording_make(&recording, SUBJECT_DYNAMIC, "huge_pages");
	if (recording.status == 77)
		cr_skip_test("there are no free huge pages of 2 MiB");
	cr_assert_gt(recording.count, 1);
	cr_expect_str_eq(recording.lines[1],
			 "1 mmap(A, 0x200000, PROT_READ|PROT_WRITE, "
			 "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_HUGETLB|MAP_HUGE_2MB, -1, 0x0) = A");
	recording_free(&recording);
}

Test(tracer, limit_on_locked_memory_is_told_once_it_counts)
{
	struct recording recording;

	recording_make(&recording, SUBJECT_DYNAMIC, "unprivileged");
	if (recording.status == 77)
		cr_skip_test("only root can give up its privileges");
	recording_free(&recording);
	expect_recording(SUBJECT_DYNAMIC, "unprivileged", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 dropcap(IPC_LOCK) = 0", "1 setrlimit(65536) = 0",
			       "1 ioctl(3, VFIO_GET_API_VERSION) = -1 ENOTTY",
			       "1 ioctl(3, VFIO_GET_API_VERSION) = -1 ENOTTY", "1 exit() = ?"));
}
