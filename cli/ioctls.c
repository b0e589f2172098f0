/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim ioctls`: the ioctl table. */
#include <inttypes.h>
#include <string.h>

#include "cli/listing.h"
#include "vfiosim/ioctl.h"

/* Handlers by row of the table, as ioctls.def names them; only whether there is one is of interest here. */
static const char *const handlers[] = {
#define IOCTL(name, n, owner, arg, direction, layout, minsz, since, until, handler, summary) #handler,
#include "vfiosim/uapi/ioctls.def"
};

static const char *argument_of(const struct ioctl_row *row)
{
	switch (row->arg) {
	case ARG_NONE:
		return "-";
	case ARG_VALUE:
		return "value";
	case ARG_INT:
		return "int *";
	case ARG_STRING:
		return "string";
	case ARG_STRUCT:
		return row->layout->name;
	}
	return "";
}

enum exit_code command_ioctls(const struct options *options)
{
	static const char *const titles[] = {"name",  "number", "owner",    "argument", "direction",
					     "since", "until",	"modelled", "summary",	NULL};
	static const char *const directions[] = {
	    [DIR_NONE] = "-", [DIR_IN] = "in", [DIR_OUT] = "out", [DIR_INOUT] = "inout"};
	struct listing listing;

	listing_begin(&listing, titles);
	for (size_t i = 0; i < ioctl_count; i++) {
		const struct ioctl_row *row = &ioctl_table[i];
		bool modelled = strcmp(handlers[i], "unmodelled") != 0;
		char number[16];
		const char *cells[] = {row->name,
				       number,
				       ioctl_owner_names[row->owner],
				       argument_of(row),
				       directions[row->direction],
				       row->since,
				       row->until[0] ? row->until : "-",
				       modelled ? "yes" : "no",
				       row->summary};

		snprintf(number, sizeof(number), "0x%" PRIx32, row->number);
		listing_add(&listing, cells);
	}
	return listing_end(&listing, options);
}
