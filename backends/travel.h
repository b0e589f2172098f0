/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What a program needs to run elsewhere: itself, its interpreter and its libraries.
 */
#ifndef VFIOSIM_TRAVEL_H
#define VFIOSIM_TRAVEL_H

#include <stddef.h>

#include "vfiosim/diag.h"

/* Absolute paths, each once. A zeroed one is empty. */
struct travel {
	char **paths;
	size_t count, capacity;
	char *loader; /* the dynamic loader of the first program that has one */
};

/*
 * Looks for @name in PATH, as a shell does. Returns its absolute path, which the caller frees, or NULL with
 * @diag.
 */
char *travel_find_program(const char *name, struct diag *diag);

/*
 * Adds the file or directory at the absolute @path and, for programs, scripts and libraries (also those in the
 * directory), what they need. 0 or -1 with @diag.
 */
int travel_add(struct travel *travel, const char *path, struct diag *diag);

void travel_free(struct travel *travel);

#endif
