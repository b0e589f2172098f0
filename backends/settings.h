/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Settings: the profile fields that an administrator decides, on their way into a kernel and back.
 */
#ifndef VFIOSIM_SETTINGS_H
#define VFIOSIM_SETTINGS_H

#include <stdbool.h>

#include "vfiosim/diag.h"
#include "vfiosim/trace.h"

/* Words for a kernel's command line that make the settings among the fields of @wanted. Caller frees; NULL: no memory.
 */
char *settings_words(const struct trace_header *wanted);

/* Takes what an agent's probes found, " FIELD=VALUE" as often as there is something, into @header. 0 or -1. */
int settings_probed(struct trace_header *header, const char *text);

/* Whether the kernel of @header, its profile with what was probed, runs under the settings of @wanted. False with
 * @diag. */
bool settings_hold(const struct trace_header *header, const struct trace_header *wanted, struct diag *diag);

#endif
