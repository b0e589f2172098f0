/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Flags that some architecture numbers otherwise than x86 does. All others are the same
 * everywhere, and pass as they are. And ioctl numbers, whose direction is encoded otherwise.
 */
#include "native.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

struct native_flag {
	uint32_t trace;
	int native;
};

/* glibc calls a large file nothing on 64-bit machines, but kernels tell the flag back. */
static const struct native_flag open_flags[] = {
    {0040000, O_DIRECT},      /* arm64 0200000, powerpc 0400000 */
    {0100000, __O_LARGEFILE}, /* arm64 0400000, powerpc 0200000 */
    {0200000, O_DIRECTORY},   /* arm64 and powerpc 0040000 */
    {0400000, O_NOFOLLOW},    /* arm64 and powerpc 0100000 */
};

static const struct native_flag map_flags[] = {
    {0x2000, MAP_LOCKED},    /* powerpc 0x80 */
    {0x4000, MAP_NORESERVE}, /* powerpc 0x40 */
};

static const struct native_flag lock_flags[] = {
    {0x1, MCL_CURRENT}, /* powerpc 0x2000 */
    {0x2, MCL_FUTURE},	/* powerpc 0x4000 */
    {0x4, MCL_ONFAULT}, /* powerpc 0x8000 */
};

static int translate(const struct native_flag *table, size_t count, uint64_t flags)
{
	uint32_t rest = (uint32_t)flags;
	uint32_t native = 0;

	for (size_t i = 0; i < count; i++) {
		if (!(rest & table[i].trace))
			continue;
		rest &= ~table[i].trace;
		native |= (uint32_t)table[i].native;
	}
	return (int)(rest | native);
}

static uint64_t translate_back(const struct native_flag *table, size_t count, uint64_t native)
{
	uint64_t rest = native;
	uint64_t flags = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t flag = (uint32_t)table[i].native;

		if (!flag || (native & flag) != flag)
			continue;
		rest &= ~(uint64_t)flag;
		flags |= table[i].trace;
	}
	return rest | flags;
}

int native_open_flags(uint64_t flags)
{
	return translate(open_flags, sizeof(open_flags) / sizeof(open_flags[0]), flags);
}

int native_map_flags(uint64_t flags)
{
	return translate(map_flags, sizeof(map_flags) / sizeof(map_flags[0]), flags);
}

int native_lock_flags(uint64_t flags)
{
	return translate(lock_flags, sizeof(lock_flags) / sizeof(lock_flags[0]), flags);
}

uint64_t trace_open_flags(uint64_t native)
{
	return translate_back(open_flags, sizeof(open_flags) / sizeof(open_flags[0]), native);
}

uint64_t trace_map_flags(uint64_t native)
{
	return translate_back(map_flags, sizeof(map_flags) / sizeof(map_flags[0]), native);
}

uint32_t native_ioctl_number(uint64_t number)
{
	/* What "no direction" is: 0, or a bit of its own on powerpc. */
	return (uint32_t)number ^ _IO(0, 0);
}
