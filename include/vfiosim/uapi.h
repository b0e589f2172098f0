/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The VFIO user API as C types: our own header for all kernels that are modelled.
 *
 * Everything is expanded from uapi/structs.def, uapi/sets.def and uapi/ioctls.def. Structs
 * have the kernel's names and layout, as the newest kernel has them; nested structs and
 * unions are flattened, padding is named. The layout is the same on every host, 32-bit
 * ones included. Names are the kernel's, so this cannot be included beside <linux/vfio.h>.
 */
#ifndef VFIOSIM_UAPI_H
#define VFIOSIM_UAPI_H

#include <stddef.h>
#include <stdint.h>

#include "vfiosim/ioctl.h"

/* Macros that open and close declarations: not for the formatter. */
/* clang-format off */
#define STRUCT(name, size, since) struct name {
#define FIELD(owner, type, name, kernel_member, offset, show, set, since) type name;
#define ARRAY(owner, type, count, name, kernel_member, offset, show, set, since) type name[count];
#define FLEX(owner, type, name, offset, flex, what, since) type name[];
#define END(name) };
#include "vfiosim/uapi/structs.def"

/* One enum each, so that the type of a constant depends on its own value alone. */
#define VALUE(set, constant, value, shown) enum { constant = (value) };
#define CONSTANT(constant, value) enum { constant = (value) };
#include "vfiosim/uapi/sets.def"

/* Full ioctl numbers. */
#define IOCTL(name, n, owner, arg, direction, layout, minsz, since, until, handler, summary) \
	enum { name = VFIO_IOCTL_NUMBER(n) };
#include "vfiosim/uapi/ioctls.def"

#define STRUCT(name, size, since) _Static_assert(sizeof(struct name) == (size), "size of struct " #name);
#define FIELD(owner, type, name, kernel_member, offset, show, set, since) \
	_Static_assert(offsetof(struct owner, name) == (offset), "offset of " #owner "." #name);
#define ARRAY(owner, type, count, name, kernel_member, offset, show, set, since) \
	_Static_assert(offsetof(struct owner, name) == (offset), "offset of " #owner "." #name);
#define FLEX(owner, type, name, offset, flex, what, since) \
	_Static_assert(offsetof(struct owner, name) == (offset) && sizeof(struct owner) == (offset), \
		       "offset of " #owner "." #name);
#include "vfiosim/uapi/structs.def"
/* clang-format on */

#endif
