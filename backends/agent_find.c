/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Where the agent's programs are.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends_internal.h"

/* Relative to the directory of the running program: as built, from a test of the build, as installed. */
static const char *const places[] = {"backends", "../backends", "../../backends", "../libexec/vfiosim"};

int agent_find(const char *arch, char *path, size_t size, struct diag *diag)
{
	const char *wanted = getenv("VFIOSIM_AGENT_DIR");
	char self[PATH_MAX];

	if (wanted) {
		if (snprintf(path, size, "%s/vfiosim-agent-%s", wanted, arch) < (int)size && !access(path, X_OK))
			return 0;
		return diag_set(diag, NULL, 0, 0, "there is no agent for %s in VFIOSIM_AGENT_DIR (%s)", arch, wanted);
	}
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return diag_set(diag, NULL, 0, 0, "cannot read /proc/self/exe: expected /proc to be mounted");
	self[length] = '\0';
	const char *directory = dirname(self);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(path, size, "%s/%s/vfiosim-agent-%s", directory, places[i], arch) < (int)size &&
		    !access(path, X_OK))
			return 0;
	}
	return diag_set(diag, NULL, 0, 0,
			"there is no agent for %s (vfiosim-agent-%s in %s/%s): its cross compiler was not there when "
			"this was built",
			arch, arch, directory, places[0]);
}
