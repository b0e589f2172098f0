/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What a kernel of one release has and another of the same release lacks.
 */
#ifndef VFIOSIM_AGENT_PROBE_H
#define VFIOSIM_AGENT_PROBE_H

#include <stddef.h>

#define PROBE_TEXT_MAX 512 /* bytes that all there is to find fits into */

/*
 * Writes " FIELD=VALUE" for each profile field that this kernel has at another value than profiles say of its
 * series, and a NUL, into the @size bytes at @text.
 */
void probe_fields(char *text, size_t size);

#endif
