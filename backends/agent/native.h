/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Numbers of traces, which are those of x86, as numbers of this architecture.
 */
#ifndef VFIOSIM_AGENT_NATIVE_H
#define VFIOSIM_AGENT_NATIVE_H

#include <stdint.h>

int native_open_flags(uint64_t flags);
int native_map_flags(uint64_t flags);

#endif
