/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Backends by name.
 */
#include <string.h>

#include "backends_internal.h"
#include "settings.h"

static const struct kind {
	const char *name;
	bool argument; /* a colon and something follow */
	backend_open_fn *open;
} kinds[] = {
    {"model", false, model_backend_open},
    {"recorded", false, recorded_backend_open},
    {"kernel", false, kernel_backend_open},
    {"vm", true, vm_backend_open},
};

/* A kernel that runs under other settings than are wanted is none of use. */
static struct backend *check_settings(struct backend *backend, const struct trace_header *wanted,
				      enum backend_status *status, struct diag *diag)
{
	if (!backend || !wanted || settings_hold(&backend->header, wanted, diag))
		return backend;
	backend_close(backend);
	*status = BACKEND_MISSING;
	return NULL;
}

struct backend *backend_open(const char *name, const struct trace_header *wanted, enum backend_status *status,
			     struct diag *diag)
{
	const size_t length = strcspn(name, ":");
	const char *argument = name[length] ? name + length + 1 : "";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].name) != length || memcmp(kinds[i].name, name, length))
			continue;
		if (kinds[i].argument == (argument[0] != '\0') && (kinds[i].argument || !name[length]))
			return check_settings(kinds[i].open(argument, wanted, status, diag), wanted, status, diag);
	}
	diag_set(diag, NULL, 0, 0, "there is no backend \"%s\": expected model, recorded, kernel or vm:KERNEL", name);
	*status = BACKEND_FAILED;
	return NULL;
}

void backend_close(struct backend *backend)
{
	if (backend)
		backend->ops->close(backend);
}
