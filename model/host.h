/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The host: every object of the model, and how a call runs through it.
 */
#ifndef MODEL_HOST_H
#define MODEL_HOST_H

#include "container.h"
#include "device.h"
#include "guest.h"
#include "iommu.h"
#include "linux_errno.h"
#include "mm.h"
#include "task.h"
#include "user.h"

/* Gives profile fields the values of the defects that are no more than such a value. */
void defects_change_profile(struct profile *profile);

/* The handler of a call of calls.def; each file answers for its own and gives NULL for others. */
handler_fn *task_call_handler(enum call_op op);
handler_fn *file_call_handler(enum call_op op);
handler_fn *map_call_handler(enum call_op op);
handler_fn *mm_call_handler(enum call_op op);
handler_fn *lock_call_handler(enum call_op op);
handler_fn *memory_file_call_handler(enum call_op op);
handler_fn *guest_call_handler(enum call_op op);
handler_fn *ioasid_call_handler(enum call_op op);

/* Handlers named by the ioctl table. */
#define IOCTL(name, n, owner, arg, direction, layout, minsz, since, until, handler, summary) handler_fn handler;
#include "vfiosim/uapi/ioctls.def"

#endif
