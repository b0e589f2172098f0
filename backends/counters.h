/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Keeps the execution counters that a guest's kernel hands out at its end; see agent/protocol.h.
 */
#ifndef VFIOSIM_COUNTERS_H
#define VFIOSIM_COUNTERS_H

/* A new directory in @parent for the counters of one guest. Caller frees; NULL if it cannot be made. */
char *counters_directory(const char *parent);

/*
 * Writes what one line of the agent says ("NAME HEX") to @directory/NAME. Returns 0, or -1 with nothing written if the
 * line says something else, or if NAME is not that of a counter file in this directory.
 */
int counters_keep(const char *directory, const char *line);

#endif
