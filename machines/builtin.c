/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The machines that are built into the program. They are read when somebody first asks
 * for one, all at once, and kept until the program ends.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "machines_internal.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct machine **machines; /* by position in builtin_machines */
static const char **names;		/* NULL at the end */

/* A blob of ours that cannot be read is our own bug, which the first run of any test meets. */
static void read_all(void)
{
	machines = calloc(builtin_count, sizeof(*machines));
	names = calloc(builtin_count + 1, sizeof(*names));
	if (machines == NULL || names == NULL)
		abort();
	for (size_t i = 0; i < builtin_count; i++) {
		const struct builtin *builtin = &builtin_machines[i];
		struct diag diag;

		machines[i] = machine_load(builtin->blob, builtin->length, builtin->name, &diag);
		if (machines[i] == NULL) {
			diag_print(&diag);
			abort();
		}
		assert(strcmp(machines[i]->name, builtin->name) == 0);
		names[i] = builtin->name;
	}
}

const struct machine *machine_find(const char *name)
{
	pthread_once(&once, read_all);
	for (size_t i = 0; i < builtin_count; i++)
		if (strcmp(builtin_machines[i].name, name) == 0)
			return machines[i];
	return NULL;
}

const char *const *machine_names(void)
{
	pthread_once(&once, read_all);
	return names;
}
