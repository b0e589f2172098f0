/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Bad lines: each is refused at the exact column, and the message says what was expected.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfiosim/trace.h"

#define MAP  "1 ioctl(3, VFIO_IOMMU_MAP_DMA, "	     /* 31 bytes */
#define INFO "1 ioctl(3, VFIO_IOMMU_GET_INFO, "	     /* 32 bytes */
#define IRQS "1 ioctl(5, VFIO_DEVICE_SET_IRQS, "     /* 33 bytes */
#define NAME "1 ioctl(4, VFIO_GROUP_GET_DEVICE_FD, " /* 37 bytes */

static const struct {
	const char *line;
	uint32_t column;
	const char *expected; /* part of the message */
} cases[] = {
    /* Task, stamps, name. */
    {"", 1, "expected a number, found the end of the line"},
    {"x", 1, "expected a number, found 'x'"},
    {"\001", 1, "found byte 0x01"},
    {"0 close(1) = 0", 1, "a task number from 1 on"},
    {"4294967296 close(1) = 0", 1, "a number of at most 4294967295"},
    {"1.0 close(1) = 0", 3, "a thread number from 1 on"},
    {"1. close(1) = 0", 3, "a number, found a space"},
    {"1x close(1) = 0", 2, "the end of the number"},
    {"1 @5 close(1) = 0", 6, "'-'"},
    {"1 @5-4 close(1) = 0", 6, "an end that is not before its begin"},
    {"1 @18446744073709551616-4 close(1) = 0", 4, "a number of at most 18446744073709551615"},
    {"1", 2, "the name of a call"},
    {"1 clos(1) = 0", 3, "the name of a call"},
    {"1 closed(1) = 0", 3, "the name of a call"},
    {"1 close 1) = 0", 9, "'('"},
    /* Arguments. */
    {"1 close() = 0", 9, "a number, found ')'"},
    {"1 close(1, 2) = 0", 10, "')', found ','"},
    {"1 close(1", 10, "')', found the end of the line"},
    {"1 close(18446744073709551616) = 0", 9, "a number of at most"},
    {"1 close(0x10000000000000000) = 0", 9, "a number of at most"},
    {"1 close(-9223372036854775809) = 0", 10, "a number of at most 9223372036854775808"},
    {"1 close(0x) = 0", 10, "the end of the number"},
    {"1 close(0xg) = 0", 10, "the end of the number"},
    {"1 dup(3, 0) = 0", 11, "',', found ')'"},
    {"1 open(x, 0) = 3", 8, "'\"'"},
    {"1 open(\"a, 0) = 3", 18, "'\"' or another printable character, found the end of the line"},
    {"1 open(\"a\\q\", 0) = 3", 11, "one of \" \\ n r t x"},
    {"1 open(\"a\\x1g\", 0) = 3", 13, "two hex digits"},
    {"1 open(\"a\\", 11, "one of \" \\ n r t x"},
    {"1 open(\"a\\x00\", 0) = 3", 8, "a string without \\x00"},
    {"1 open(\"a\001\", 0) = 3", 10, "printable character, found byte 0x01"},
    {"1 open(\"a\", O_RDWR|) = 3", 20, "a name or a number"},
    {"1 open(\"a\", O_RDRW) = 3", 13, "a number or a name of the values \"open\""},
    {"1 open(\"a\", O_RDWR O_CLOEXEC) = 3", 20, "')', found 'O'"},
    {"1 poke(0x0, hex(0)) = 0", 18, "a second hex digit"},
    {"1 poke(0x0, hex(0g)) = 0", 18, "a second hex digit"},
    {"1 poke(0x0, hex(00*)) = 0", 20, "a number"},
    {"1 poke(0x0, hex(00*0)) = 0", 20, "a count of at least 1"},
    {"1 poke(0x0, hex(00*4194305)) = 0", 20, "a number of at most 4194304"},
    {"1 poke(0x0, hex(00*9223372036854775808)) = 0", 20, "a number of at most 4194304"},
    {"1 poke(0x0, hex(00*4194304 00)) = 0", 28, "at most 4194304 bytes"},
    {"1 poke(0x0, hex(00", 19, "hex digits, \"=>\" or ')'"},
    {"1 poke(0x0, hex(00 =>)) = 0", 22, "the bytes after the call"},
    {"1 poke(0x0, hex(0000 => 01)) = 0", 27, "2 bytes, as before the call, not 1"},
    {"1 poke(0x0, hex(0000 => 010203)) = 0", 31, "2 bytes, as before the call, not 3"},
    {"1 poke(0x0, {}) = 0", 13, "hex(...) or a number"},
    {"1 poke(0x0, @: hex()) = 0", 14, "a number"},
    {"1 poke(0x0, @0x1 hex()) = 0", 18, "':'"},
    /* Ioctls. */
    {"1 ioctl(3) = 0", 10, "','"},
    {"1 ioctl(3, ) = 0", 12, "the name or number of an ioctl"},
    {"1 ioctl(3, VFIO_NO_SUCH) = 0", 12, "the name or number of an ioctl"},
    {"1 ioctl(3, VFIO_CHECK_EXTENSION, NO_SUCH) = 0", 34, "a number or a name of the values \"extension\""},
    {"1 ioctl(3, VFIO_CHECK_EXTENSION, 1, @0x1: hex()) = 0", 37, "')' after a value"},
    {MAP ") = 0", 32, "{...} of vfio_iommu_type1_dma_map, hex(...) or a number"},
    {MAP "[3]) = 0", 32, "{...} of vfio_iommu_type1_dma_map"},
    {MAP "{}, hex(00)) = 0", 36, "'@' and an address"},
    {MAP "{}, @0x1: {}) = 0", 42, "hex(...) or a number"},
    {MAP "{}, @1: hex(), @2: hex(), @3: hex(), @4: hex()) = 0", 69, "at most 4 pieces of memory"},
    {NAME "3:{}) = 0", 38, "a string, hex(...) or a number"},
    {NAME "{}) = 0", 38, "a string, hex(...) or a number"},
    {"1 ioctl(4, VFIO_GROUP_SET_CONTAINER, \"3\") = 0", 38, "[INT], hex(...) or a number"},
    {"1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [4294967296]) = 0", 39, "a number of at most 4294967295"},
    {"1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [-2147483649]) = 0", 40, "a number of at most 2147483648"},
    {"1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3) = 0", 40, "']'"},
    {"1 ioctl(5, 0x3bff, {}) = 0", 20, "hex(...) or a number"},
    /* Structs. */
    {MAP "{argsz=32", 41, "',', '}' or \"=>\", found the end of the line"},
    {MAP "{argsz=32, }) = 0", 43, "flags= or a later member of vfio_iommu_type1_dma_map"},
    {MAP "{argsz}) = 0", 33, "argsz= or a later member"},
    {MAP "{argsy=32}) = 0", 33, "argsz= or a later member"},
    {MAP "{iova=0, vaddr=0}) = 0", 41, "vaddr earlier and once only"},
    {MAP "{argsz=1, argsz=1}) = 0", 42, "argsz earlier and once only"},
    {MAP "{size=1, size=1}) = 0", 41, "size earlier and once only"},
    {MAP "{argsz=4294967296}) = 0", 39, "a number of at most 4294967295"},
    {MAP "{argsz=-1}) = 0", 39, "a number, found '-'"},
    {MAP "{flags=READ|WRIET}) = 0", 44, "a number or a name of the values \"dma_map\" (READ, ...)"},
    {MAP "{flags=0x100000000}) = 0", 39, "a number of at most 4294967295"},
    {MAP "8:{vaddr=0}) = 0", 35, "no field beyond the 8 bytes of the payload"},
    {MAP "12:{vaddr=0}) = 0", 36, "no field beyond the 12 bytes of the payload"},
    {MAP "4194305:{}) = 0", 32, "a number of at most 4194304"},
    {MAP "18446744073709551616:{}) = 0", 32, "a number of at most 4194304"},
    {MAP "8:hex()) = 0", 34, "'{'"},
    {MAP "{rest=hex(01)}) = 0", 38, "a length before the struct, as in 33:{...}"},
    {MAP "10:{rest=hex(010203)}) = 0", 49, "at most 2 bytes"},
    {MAP "10:{rest=hex(01)}) = 0", 47, "2 bytes, not 1"},
    {MAP "10:{rest=01}) = 0", 41, "hex(...)"},
    {MAP "{argsz=1 => argsz=2 => argsz=3}) = 0", 52, "'}'"},
    {MAP "{=> argsz=2}) = ?", 48, "a return value, as memory was changed (column 33)"},
    {IRQS "{data=3}) = 0", 40, "'['"},
    {IRQS "{data=[3, ]}) = 0", 44, "an element"},
    {IRQS "{data=[3 4]}) = 0", 43, "',' or ']'"},
    {IRQS "{data=[3*0]}) = 0", 43, "a count of at least 1"},
    {IRQS "{data=[3*9223372036854775808]}) = 0", 43, "a number of at most 1048571"},
    {IRQS "24:{data=[3, 4]}) = 0", 47, "']', as there is no room for more elements"},
    {IRQS "24:{data=[3 => data=[3, 4]]}) = 0", 46, "',' or ']'"},
    {IRQS "{data=[3], count=1}) = 0", 45, "count earlier and once only"},
    {IRQS "{data=[3], more=1}) = 0", 45, "no more members of vfio_irq_set"},
    {"1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {data=[{size=1 => size=2}]}) = 0", 49, "'}'"},
    {"1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {data=[3]}) = 0", 41, "'{'"},
    /* Capabilities. */
    {INFO "{caps=[]}) = 0", 39, "a length before the struct, as in 32:{...}, with room for caps"},
    {INFO "40:{caps=[]}) = 0", 43, "a capability between offsets 20 and 40, not at 0"},
    {INFO "40:{cap_offset=36, caps=[0x1{}]}) = 0", 58, "a capability between offsets 20 and 40, not at 36"},
    {INFO "40:{cap_offset=24, caps=[NO_SUCH{}]}) = 0", 58, "the name or number of a capability"},
    {INFO "40:{cap_offset=24, caps=[0x10000{}]}) = 0", 58, "a number of at most 65535"},
    {INFO "40:{cap_offset=24, caps=[MIGRATION{}]}) = 0", 58, "room for the 32 bytes of this capability at offset 24"},
    {INFO "40:{cap_offset=24, caps=[DMA_AVAIL{id=3}]}) = 0", 68, "avail= or a later member"},
    {INFO "40:{cap_offset=24, caps=[0x9{data=1}]}) = 0", 62, "'}' or rest=hex(...)"},
    {INFO "40:{cap_offset=24, caps=[0x9{rest=hex(00*9)}]}) = 0", 74, "a number of at most 8"},
    {INFO "64:{cap_offset=24, caps=[0x9{}, @28 0x9{}]}) = 0", 65, "a capability between offsets 32 and 64, not at 28"},
    {INFO "64:{cap_offset=24, caps=[0x9{}, @57 0x9{}]}) = 0", 65, "a capability between offsets 32 and 64, not at 57"},
    {INFO "64:{cap_offset=24, caps=[0x9{} 0x9{}]}) = 0", 64, "',' or ']'"},
    {INFO "64:{cap_offset=24, caps=hex(00)}) = 0", 63, "40 bytes, not 1"},
    /* Answers. */
    {"1 close(3)", 11, "'='"},
    {"1 close(3) =", 13, "a return value, -1 and the name of an error, or '?'"},
    {"1 close(3) = x", 14, "a return value, -1 and the name of an error, or '?'"},
    {"1 close(3) = -2", 15, "1 and the name of an error"},
    {"1 close(3) = -1", 16, "the name of an error, such as EINVAL"},
    {"1 close(3) = -1 ENOSUCH", 17, "the name of an error, such as EINVAL"},
    {"1 close(3) = -1 E0", 18, "an error number from 1 on"},
    {"1 close(3) = -1 E9223372036854775809", 18, "a number of at most 9223372036854775808"},
    {"1 close(3) = 9223372036854775808", 14, "a number of at most 9223372036854775807"},
    {"1 close(3) = 0 0", 16, "the end of the line"},
    {"1 close(3) = 0\r", 15, "the end of the line, found byte 0x0d"},
    {"1 close(3) = ? {VmLck=0->0}", 16, "the end of the line"},
    {"1 close(3) = 0 {}", 17, "VmLck= or VmPin="},
    {"1 close(3) = 0 {VmLck=0}", 24, "'-'"},
    {"1 close(3) = 0 {VmLck=0-1}", 25, "'>'"},
    {"1 close(3) = 0 {VmLck=0->18446744073709551616}", 26, "a number of at most"},
    {"1 close(3) = 0 {VmLck=0->1, }", 29, "VmPin="},
    {"1 close(3) = 0 {VmPin=0->1, VmLck=0->1}", 27, "'}', found ','"},
    {"1 close(3) = 0 {VmLck=0->1", 27, "'}', found the end of the line"},
    {"1 close(3) = 0 {VmRSS=0->1}", 17, "VmLck= or VmPin="},
};

Test(event_errors, bad_line_is_refused_at_its_column)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct diag diag = {0};
		struct event event;
		int status = event_parse(cases[i].line, strlen(cases[i].line), &event, arena, "bad.trace", 7, &diag);

		cr_expect_eq(status, -1, "accepted: %s", cases[i].line);
		cr_expect_eq(diag.column, cases[i].column, "column %u, not %u, of %s: %s", diag.column, cases[i].column,
			     cases[i].line, diag.text);
		cr_expect_not_null(strstr(diag.text, cases[i].expected), "\"%s\", not \"%s\", of %s", diag.text,
				   cases[i].expected, cases[i].line);
		cr_expect_eq(strncmp(diag.text, "expected ", 9), 0);
		cr_expect_eq(diag.line, 7);
		cr_expect_str_eq(diag.file, "bad.trace");
	}
	arena_free(arena);
}

Test(event_errors, diag_may_be_left_out)
{
	struct arena *arena = arena_new();
	struct event event;

	cr_assert_eq(event_parse("1 close(", 8, &event, arena, "", 1, NULL), -1);
	arena_free(arena);
}

Test(event_errors, newline_within_a_line_is_refused)
{
	struct arena *arena = arena_new();
	struct diag diag;
	struct event event;

	cr_assert_eq(event_parse("1 close(3)\n = 0", 15, &event, arena, "", 1, &diag), -1);
	cr_assert_eq(diag.column, 11);
	arena_free(arena);
}

Test(event_errors, path_longer_than_a_path_can_be_is_refused)
{
	char line[CALL_PATH_MAX + 64];
	struct arena *arena = arena_new();
	struct diag diag;
	struct event event;

	for (int extra = 0; extra < 2; extra++) {
		int length = snprintf(line, sizeof(line), "1 open(\"%0*d\", 0) = 3", CALL_PATH_MAX - 1 + extra, 0);

		cr_assert_eq(event_parse(line, (size_t)length, &event, arena, "", 1, &diag), -extra);
	}
	cr_assert_eq(diag.column, 8);
	cr_assert_not_null(strstr(diag.text, "a string of at most 4095 bytes"));
	arena_free(arena);
}

/* Every line is also refused, or read, without harm when it ends anywhere or has any byte anywhere. */
Test(event_errors, damaged_lines_do_no_harm)
{
	static const char *const lines[] = {
	    "1.2 @100-104 ioctl(5, 0x3bff, hex(01020304 => 05*4), @0x7f00: hex(00*9)) = -1 ENOTTY {VmLck=0->4096}",
	    "1 open(\"/dev/vfio/\\x00\\\"\", O_RDWR|O_CLOEXEC) = 3",
	    INFO "128:{argsz=128, cap_offset=0 => flags=PGSIZES|CAPS, cap_offset=24, caps=[MIGRATION#2{flags=0x0}, @68 "
		 "IOVA_RANGE{nr_iovas=1, iova_ranges=[{start=0x1, end=0x2}*2]}, 0x63{rest=hex(01*2)}]}) = 0",
	    IRQS "30:{argsz=30, flags=0x9, data=[7*2], rest=hex(0102)}) = 0",
	};
	struct arena *arena = arena_new();
	struct event event;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t length = strlen(lines[i]), answer = (size_t)(strstr(lines[i], ") = ") + 4 - lines[i]);

		for (size_t at = 0; at < length; at++) {
			char *copy = strdup(lines[i]);
			int status = event_parse(copy, at, &event, arena, "", 1, NULL);

			cr_expect(status == -1 || at > answer, "cut at %zu: %s", at, copy);
			for (int byte = 0; byte < 256; byte++) {
				copy[at] = (char)byte;
				event_parse(copy, length, &event, arena, "", 1, NULL);
			}
			free(copy);
		}
	}
	arena_free(arena);
}
