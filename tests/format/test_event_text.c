/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What events look like: the canonical line of each kind, and other spellings of it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vfiosim/trace.h"

/* How @line is printed after it was read. The caller frees it. */
static char *canonical(const char *line)
{
	struct arena *arena = arena_new();
	struct text text = {0};
	struct diag diag = {0};
	struct event event;
	int status = event_parse(line, strlen(line), &event, arena, "text", 1, &diag);

	cr_assert_eq(status, 0, "column %u: %s\n%s", diag.column, diag.text, line);
	event_print(&text, &event);
	arena_free(arena);
	return text.text;
}

static void assert_printed(const char *line, const char *expected)
{
	char *printed = canonical(line);

	cr_expect_str_eq(printed, expected);
	free(printed);
}

static void assert_fixpoint(const char *line)
{
	assert_printed(line, line);
}

Test(event_text, canonical_lines_stay_as_they_are)
{
	static const char *const lines[] = {
	    "1 open(\"/dev/vfio/vfio\", O_RDWR|O_CLOEXEC) = 3",
	    "1 open(\"/dev/vfio/7\", 0) = -1 EBUSY",
	    "1 open(0x10, O_RDWR) = -1 EFAULT",
	    "2.3 close(-1) = -1 EBADF",
	    "1 @100-104 dup(3, 0, O_CLOEXEC) = 4",
	    "1 mmap(0x0, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0x0) = 0x7f0000000000",
	    "1 mmap(0x0, 0x0, 0, MAP_PRIVATE, -1, 0x0) = -1 EINVAL",
	    "1 fork() = 2",
	    "2 exit() = ?",
	    "1 setrlimit(18446744073709551615) = 0",
	    "1 pread(5, hex(=> 0102), 2, 0x40) = 2",
	    "1 pread(5, hex(00*4096), 4096, 0x0) = 4096",
	    "1 pread(5, hex(aabb => aacc), 2, 0x0) = 2",
	    "1 pread(5, 0xdead000, 2, 0x40) = -1 EFAULT",
	    "1 pwrite(5, @0x7f0000001000: hex(00010203), 4, 0x10) = 4",
	    "1 pwrite(5, hex(), 0, 0x10) = 0",
	    "1 poke(0x7f0000000000, hex(01 ff*8 02)) = 0",
	    "1 ioctl(3, VFIO_GET_API_VERSION) = 0",
	    "1 ioctl(3, VFIO_GET_API_VERSION, 0x5) = 0",
	    "1 ioctl(3, VFIO_CHECK_EXTENSION, TYPE1_IOMMU) = 1",
	    "1 ioctl(3, VFIO_CHECK_EXTENSION, 0x3e8) = 0",
	    "1 ioctl(4, VFIO_GROUP_GET_STATUS, {argsz=8, flags=0 => flags=VIABLE}) = 0",
	    "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3]) = 0",
	    "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [-1]) = -1 EBADF",
	    "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3 => 4]) = 0",
	    "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, hex(0300)) = -1 EFAULT",
	    "1 ioctl(4, VFIO_GROUP_GET_DEVICE_FD, \"0000:00:03.0\") = 5",
	    "1 ioctl(4, VFIO_GROUP_GET_DEVICE_FD, \"\\\"\\\\\\n\\r\\t\\x00\\x7f\\xff\") = -1 ENODEV",
	    "1 ioctl(4, VFIO_GROUP_GET_DEVICE_FD, hex(303030)) = -1 EFAULT",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, vaddr=0x7f0000000000, iova=0x0, size=0x1000}) "
	    "= -1 EEXIST {VmLck=0->4096}",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|0x100, vaddr=0x0, iova=0x0, size=0x0}) = -1 EINVAL "
	    "{VmLck=0->0, VmPin=4096->8192}",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=4294967295, flags=0, vaddr=0x0, iova=0x0, size=0x0}) = 0 "
	    "{VmPin=1->2}",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 8:{argsz=32, flags=READ}) = -1 EFAULT",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 10:{argsz=32, flags=READ, rest=hex(0102)}) = -1 EFAULT",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 34:{argsz=32, flags=0, vaddr=0x0, iova=0x0, size=0x0, rest=hex(0001)}) = 0",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 0:{}) = -1 EFAULT",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 0xdead000) = -1 EFAULT",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, @0x1000: {argsz=0, flags=0, vaddr=0x0, iova=0x0, size=0x0}) = -1 E599",
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 0x0) = -1 ENOTSUPP",
	    "1.2 @100-104 ioctl(5, 0x3bff, hex(01020304 => 05*4)) = -1 ENOTTY",
	    "1 ioctl(5, 0x3bff, 0x0) = -1 ENOTTY",
	    "1 ioctl(5, VFIO_DEVICE_SET_IRQS, {argsz=28, flags=DATA_EVENTFD|ACTION_TRIGGER, index=2, start=0, count=2, "
	    "data=[7, -1]}) = 0",
	    "1 ioctl(5, VFIO_DEVICE_SET_IRQS, {argsz=36, flags=0, index=0, start=0, count=0, data=[-1*4]}) = 7",
	    "1 ioctl(5, VFIO_DEVICE_SET_IRQS, 21:{argsz=21, flags=DATA_BOOL|ACTION_MASK, index=0, start=0, count=1, "
	    "rest=hex(01)}) = 0",
	    "1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=24, flags=0, iova=0x0, size=0x2000 => size=0x1000}) = 0",
	    "1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=48, flags=GET_DIRTY_BITMAP, iova=0x0, size=0x1000, "
	    "data=[{pgsize=0x1000, size=0x8, data=0x7f0000001000}]}, @0x7f0000001000: hex(=> 01 00*7)) = 0",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_fixpoint(lines[i]);
}

Test(event_text, capability_chains_are_printed_capability_by_capability)
{
	/* Offsets are only written where a chain does not simply go on at the next multiple of 8. */
	assert_fixpoint("1 ioctl(3, VFIO_IOMMU_GET_INFO, 128:{argsz=128, flags=0, iova_pgsizes=0x0, cap_offset=0 => "
			"flags=PGSIZES|CAPS, iova_pgsizes=0x1000, cap_offset=24, caps=[MIGRATION{flags=0x0, "
			"pgsize_bitmap=0x1000, max_dirty_bitmap_size=268435456}, DMA_AVAIL{avail=65535}, "
			"IOVA_RANGE{nr_iovas=2, iova_ranges=[{start=0x0, end=0xfedfffff}, {start=0xfef00000, "
			"end=0xffffffff}]}]}) = 0");
	assert_fixpoint("1 ioctl(3, VFIO_IOMMU_GET_INFO, 128:{argsz=128, flags=0, iova_pgsizes=0x0, cap_offset=0 => "
			"cap_offset=24, caps=[MIGRATION#2{flags=0x0, pgsize_bitmap=0x0, max_dirty_bitmap_size=1}, "
			"DMA_AVAIL{avail=1}, @68 IOVA_RANGE{nr_iovas=1, iova_ranges=[{start=0x1, end=0x2}]}, "
			"@120 0x63{}]}) = 0");
	assert_fixpoint("1 ioctl(3, VFIO_IOMMU_GET_INFO, 48:{argsz=48, flags=0, iova_pgsizes=0x0, cap_offset=0 => "
			"cap_offset=24, caps=[0x1234{rest=hex(0102)}]}) = 0");
}

Test(event_text, capability_chain_that_was_there_before_is_not_printed_again)
{
	assert_fixpoint("1 ioctl(3, VFIO_IOMMU_GET_INFO, 40:{argsz=40, flags=CAPS, iova_pgsizes=0x0, cap_offset=24, "
			"caps=[DMA_AVAIL{avail=5}] => iova_pgsizes=0x1000}) = 0");
}

Test(event_text, broken_capability_chain_is_printed_as_bytes)
{
	/* A chain whose first capability points to itself. */
	assert_fixpoint("1 ioctl(3, VFIO_IOMMU_GET_INFO, 40:{argsz=40, flags=CAPS, iova_pgsizes=0x0, cap_offset=24 => "
			"caps=hex(0300010018 00*11)}) = 0");
	/* A capability to which cap_offset does not lead. */
	assert_fixpoint("1 ioctl(3, VFIO_IOMMU_GET_INFO, 40:{argsz=40, flags=CAPS, iova_pgsizes=0x0, cap_offset=0 => "
			"caps=hex(030001 00*13)}) = 0");
}

Test(event_text, capability_bytes_that_are_sound_become_a_chain)
{
	assert_printed("1 ioctl(3, VFIO_IOMMU_GET_INFO, 40:{argsz=40, flags=0, iova_pgsizes=0, cap_offset=24 => "
		       "caps=hex(0300010000 00 00 00 05000000 00 00 00 00)}) = 0",
		       "1 ioctl(3, VFIO_IOMMU_GET_INFO, 40:{argsz=40, flags=0, iova_pgsizes=0x0, cap_offset=24 => "
		       "caps=[DMA_AVAIL{avail=5}]}) = 0");
}

Test(event_text, other_spellings_are_read_and_printed_canonically)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
	    {"  1.1\t@5-5   close ( 0x3 )=0", "1 @5-5 close(3) = 0"},
	    {"1 close(3) = 0 # and a remark", "1 close(3) = 0"},
	    {"1 close(3) = 0x10#remark", "1 close(3) = 16"},
	    {"1 close(003) = -1 E22", "1 close(3) = -1 EINVAL"},
	    {"1 open(\"\\x41\xc3\xa4\", 02) = 3", "1 open(\"A\\xc3\\xa4\", O_RDWR) = 3"},
	    {"1 open(\"a\", O_CLOEXEC|O_RDWR|0x80000) = 3", "1 open(\"a\", O_RDWR|O_CLOEXEC) = 3"},
	    {"1 ioctl(3, VFIO_CHECK_EXTENSION, 1) = 1", "1 ioctl(3, VFIO_CHECK_EXTENSION, TYPE1_IOMMU) = 1"},
	    {"1 ioctl(5, 15359) = 0", "1 ioctl(5, 0x3bff, 0x0) = 0"},
	    {"1 poke(0x1000, hex(FF ff fF Ff 00 01*1)) = 0", "1 poke(0x1000, hex(ff*4 0001)) = 0"},
	    {"1 peek(0x1000, hex(00*2 => 0001), 2) = 0", "1 peek(0x1000, hex(=> 0001), 2) = 0"},
	    {"1 peek(0x1000, hex(0001 => 0001), 2) = 0", "1 peek(0x1000, hex(0001), 2) = 0"},
	    {"1 ioctl(3, VFIO_IOMMU_MAP_DMA, {size=4096}) = 0",
	     "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=0, flags=0, vaddr=0x0, iova=0x0, size=0x1000}) = 0"},
	    {"1 ioctl(3, VFIO_IOMMU_MAP_DMA, 8 : { argsz = 8 , flags = READ|0 }) = 0",
	     "1 ioctl(3, VFIO_IOMMU_MAP_DMA, 8:{argsz=8, flags=READ}) = 0"},
	    {"1 ioctl(3, VFIO_IOMMU_MAP_DMA, 32:{}) = 0",
	     "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=0, flags=0, vaddr=0x0, iova=0x0, size=0x0}) = 0"},
	    {"1 ioctl(4, VFIO_GROUP_GET_STATUS, {argsz=8 =>}) = 0",
	     "1 ioctl(4, VFIO_GROUP_GET_STATUS, {argsz=8, flags=0}) = 0"},
	    {"1 ioctl(4, VFIO_GROUP_GET_STATUS, hex(08000000 01000000)) = 0",
	     "1 ioctl(4, VFIO_GROUP_GET_STATUS, {argsz=8, flags=VIABLE}) = 0"},
	    {"1 ioctl(5, VFIO_DEVICE_SET_IRQS, {data=[1, 1*3, 2]}) = 0",
	     "1 ioctl(5, VFIO_DEVICE_SET_IRQS, {argsz=0, flags=0, index=0, start=0, count=0, data=[1*4, 2]}) = 0"},
	    {"1 ioctl(5, VFIO_DEVICE_SET_IRQS, {count=0, data=[]}) = 0",
	     "1 ioctl(5, VFIO_DEVICE_SET_IRQS, {argsz=0, flags=0, index=0, start=0, count=0}) = 0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_printed(cases[i].line, cases[i].expected);
}

Test(event_text, payload_is_little_endian)
{
	const char *line = "1 ioctl(4, VFIO_GROUP_GET_STATUS, {argsz=0x01020304, flags=VIABLE}) = 0";
	static const uint8_t bytes[8] = {4, 3, 2, 1, 1, 0, 0, 0};
	struct arena *arena = arena_new();
	struct event event;

	cr_assert_eq(event_parse(line, strlen(line), &event, arena, "", 1, NULL), 0);
	cr_assert_eq(event.call.buffers[0].length, 8);
	cr_assert_arr_eq(event.call.buffers[0].in, bytes, 8);
	cr_assert_eq(event.call.buffers[0].out, event.call.buffers[0].in);
	arena_free(arena);
}

Test(event_text, negative_arguments_are_sign_extended)
{
	struct arena *arena = arena_new();
	struct event event;

	cr_assert_eq(event_parse("1 close(-1) = 0", 15, &event, arena, "", 1, NULL), 0);
	cr_assert_eq(event.call.args[0], UINT64_MAX);
	arena_free(arena);
}

Test(event_text, answer_unknown_leaves_no_bytes_after_the_call)
{
	struct arena *arena = arena_new();
	const char *line = "1 peek(0x1000, hex(00*8), 8) = ?";
	struct event event;

	cr_assert_eq(event_parse(line, strlen(line), &event, arena, "", 1, NULL), 0);
	cr_assert(!event.answer.known);
	cr_assert_null(event.call.buffers[0].out);
	cr_assert_eq(event.call.buffers[0].length, 8);
	arena_free(arena);
}
