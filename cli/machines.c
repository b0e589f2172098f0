/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim machines`: the machines that are built in. */
#include <inttypes.h>

#include "cli/listing.h"
#include "vfiosim/machine.h"

enum exit_code command_machines(const struct options *options)
{
	static const char *const titles[] = {"machine", "arch", "page", "devices", "summary", NULL};
	struct listing listing;

	listing_begin(&listing, titles);
	for (const char *const *name = machine_names(); *name; name++) {
		const struct machine *machine = machine_find(*name);
		char page[16];
		char devices[24];
		const char *cells[] = {machine->name, machine->arch, page, devices, machine->summary};

		snprintf(page, sizeof(page), "%" PRIu32, machine->page_size);
		snprintf(devices, sizeof(devices), "%zu", machine->device_count);
		listing_add(&listing, cells);
	}
	return listing_end(&listing, options);
}
