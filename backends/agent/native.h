/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Numbers of traces, which are those of x86, as numbers of this architecture, and back.
 */
#ifndef VFIOSIM_AGENT_NATIVE_H
#define VFIOSIM_AGENT_NATIVE_H

#include <stdint.h>

int native_open_flags(uint64_t flags);
int native_map_flags(uint64_t flags);
int native_lock_flags(uint64_t flags); /* of mlockall */
uint64_t trace_open_flags(uint64_t native);
uint64_t trace_map_flags(uint64_t native);

/* An ioctl number; the same function leads back. */
uint32_t native_ioctl_number(uint64_t number);

#endif
