/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Compiles only if our user API agrees with the system's <linux/vfio.h> and <linux/iommufd.h>.
 *
 * Rows newer than the system's headers, and rows gone from them, are left out by their own
 * `since` and `until`, so that this holds against the headers of every kernel from 5.10 on.
 * The system's constants are macros, so a left-out row must vanish while preprocessing:
 * CHECKED_##since(...) expands to its argument or to nothing.
 *
 * The headers are read as a 64-bit program sees them; on 32-bit hosts the kernel's structs
 * differ (alignment of 64-bit integers, a pointer), and ours stay those of 64-bit kernels.
 */
#include <linux/version.h>
#include <linux/vfio.h>
#include <linux/vfio_zdev.h>

#include <stddef.h>
#include <stdint.h>

#include "vfiosim/ioctl.h"

/* Macros that open and close declarations: not for the formatter. */
/* clang-format off */

/* Major and minor number only: stable releases do not change the user API. */
#define HEADERS (LINUX_VERSION_CODE >> 8)
#define RELEASE(major, minor) ((major) << 8 | (minor))
#if HEADERS >= RELEASE(6, 12)
#include <linux/iommufd.h>
#endif

#if UINTPTR_MAX == UINT64_MAX && HEADERS >= RELEASE(5, 10)
#define CHECKED_v5_10(...) __VA_ARGS__
#else
#define CHECKED_v5_10(...)
#endif
#if UINTPTR_MAX == UINT64_MAX && HEADERS >= RELEASE(6, 1)
#define CHECKED_v6_1(...) __VA_ARGS__
#else
#define CHECKED_v6_1(...)
#endif
#if UINTPTR_MAX == UINT64_MAX && HEADERS >= RELEASE(6, 12)
#define CHECKED_v6_12(...) __VA_ARGS__
#else
#define CHECKED_v6_12(...)
#endif
#if UINTPTR_MAX == UINT64_MAX && HEADERS >= RELEASE(7, 2)
#define CHECKED_v7_2(...) __VA_ARGS__
#else
#define CHECKED_v7_2(...)
#endif
#define CHECKED_hole(...)
#define CHECKED_tail(...)
#define CHECKED_ours(...)
#define CHECKED_proposal(...)

/* What was last seen in a kernel may be gone from all newer headers. */
#define UNTIL_now(...) __VA_ARGS__
#if HEADERS <= RELEASE(6, 12)
#define UNTIL_v6_12(...) __VA_ARGS__
#else
#define UNTIL_v6_12(...)
#endif
#if HEADERS <= RELEASE(6, 1)
#define UNTIL_v6_1(...) __VA_ARGS__
#else
#define UNTIL_v6_1(...)
#endif
#if HEADERS <= RELEASE(5, 10)
#define UNTIL_v5_10(...) __VA_ARGS__
#else
#define UNTIL_v5_10(...)
#endif

/* Constants. The kernel's are int, with bit 31 negative. */
#define CONSTANT_IN(since, until, constant, value) \
	CHECKED_##since(UNTIL_##until(_Static_assert((uint32_t)(constant) == (uint32_t)(value), "constant");))
#define CONSTANT(...) CONSTANT_IN(v5_10, now, __VA_ARGS__)
#define VALUE_IN(since, until, set, constant, value, shown) CONSTANT_IN(since, until, constant, value)
#define VALUE(...) VALUE_IN(v5_10, now, __VA_ARGS__)
#include "vfiosim/uapi/sets.def"

/* Ioctls. How a number without size and direction looks depends on the architecture, its parts do not. */
#define IOCTL(name, n, owner, arg, direction, layout, minsz, since, until, handler, summary) \
	CHECKED_##since(UNTIL_##until( \
		_Static_assert(_IOC_TYPE(name) == VFIO_IOCTL_TYPE, "ioctl type"); \
		_Static_assert(_IOC_NR(name) == 100 + (n), "ioctl number"); \
		_Static_assert(_IOC_SIZE(name) == 0 && _IOC_DIR(name) == _IOC_NONE, "ioctl encodes nothing else");))
#include "vfiosim/uapi/ioctls.def"

/* Fields. */
#define FIELD(owner, type, name, kernel_member, offset, show, set, since) \
	CHECKED_##since(_Static_assert(offsetof(struct owner, kernel_member) == (offset), "offset"); \
			_Static_assert(sizeof(((struct owner *)0)->kernel_member) == sizeof(type), "width");)
#define ARRAY(owner, type, count, name, kernel_member, offset, show, set, since) \
	CHECKED_##since(_Static_assert(offsetof(struct owner, kernel_member) == (offset), "offset"); \
			_Static_assert(sizeof(((struct owner *)0)->kernel_member) == sizeof(type) * (count), "width");)
/* A capability chain follows a struct without being a member of it. */
#define TAIL_FLEX_CAPS(...)
#define TAIL_FLEX_BYTES(...) __VA_ARGS__
#define TAIL_FLEX_U32(...) __VA_ARGS__
#define TAIL_FLEX_S32(...) __VA_ARGS__
#define TAIL_FLEX_STRUCT(...) __VA_ARGS__
#define TAIL_FLEX_CHOICE(...) __VA_ARGS__
#define FLEX(owner, type, name, offset, flex, what, since) \
	CHECKED_##since(TAIL_##flex( \
		_Static_assert(offsetof(struct owner, name) == (offset), "offset"); \
		_Static_assert(sizeof(((struct owner *)0)->name[0]) == sizeof(type), "width of an element");))
#include "vfiosim/uapi/structs.def"

/*
 * Sizes. A struct may have grown since the system's headers: it is at least as large as the
 * fields that those headers have, and at most as large as ours. Where no field is missing
 * the two bounds are one.
 */
#define COUNTED_v5_10 CHECKED_v5_10
#define COUNTED_v6_1 CHECKED_v6_1
#define COUNTED_v6_12 CHECKED_v6_12
#define COUNTED_v7_2 CHECKED_v7_2
#define COUNTED_hole(...) __VA_ARGS__
#define COUNTED_tail(...)
#define COUNTED_ours(...)
#define STRUCT(name, size, since) enum { KNOWN_BYTES_##name = 0
#define FIELD(owner, type, name, kernel_member, offset, show, set, since) COUNTED_##since(+sizeof(type))
#define ARRAY(owner, type, count, name, kernel_member, offset, show, set, since) \
	COUNTED_##since(+sizeof(type) * (count))
#define END(name) };
#include "vfiosim/uapi/structs.def"

#define ALIGNED(bytes, alignment) (((bytes) + (alignment)-1) / (alignment) * (alignment))
#define STRUCT(name, size, since) \
	CHECKED_##since( \
		_Static_assert(sizeof(struct name) >= ALIGNED(KNOWN_BYTES_##name, _Alignof(struct name)), "size"); \
		_Static_assert(sizeof(struct name) <= (size), "size");)
#include "vfiosim/uapi/structs.def"
