/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * How often the kernel has executed each of its lines, if it was built to count that (gcov).
 */
#ifndef VFIOSIM_AGENT_COUNTERS_H
#define VFIOSIM_AGENT_COUNTERS_H

/* Where a kernel that counts shows its counters, a file for each of its sources. */
#define COUNTERS_ROOT "/sys/kernel/debug/gcov"

/*
 * Answers a `counters` request (protocol.h) on @channel with all *.gcda files below @root, those of the kernel as it
 * was while each was read. A kernel that does not count has no files. 0 or the negative errno of the channel.
 */
int counters_send(int channel, const char *root);

#endif
