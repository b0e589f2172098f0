/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls on descriptors: opening, closing, duplicating.
 */
#include <inttypes.h>
#include <stdio.h>

#include "generator_internal.h"

enum { READ_WRITE = 2, CLOSE_ON_EXEC = 02000000, NON_BLOCKING = 04000 };

static bool make_open(struct generator *g, struct call *call, const char *path)
{
	static const uint64_t odd[] = {0, 1, READ_WRITE | NON_BLOCKING};

	call->op = CALL_OPEN;
	call->string = build_string(g, path);
	call->args[1] = strange(g) ? ONE_OF(g, odd) : READ_WRITE;
	if (!g->careful && chance(g, 1, 4))
		call->args[1] |= CLOSE_ON_EXEC;
	return true;
}

bool make_open_container(struct generator *g, struct call *call)
{
	bool iommufd = g->iommufd;

	/* Both ways side by side, now and then; where the kernel has no iommufd, it says so. */
	if (!g->careful && chance(g, 1, 8))
		iommufd = !iommufd;
	return make_open(g, call, iommufd ? "/dev/iommu" : "/dev/vfio/vfio");
}

/* A group of the program's; strangely any device's, or one that there is not. */
bool make_open_group(struct generator *g, struct call *call)
{
	uint32_t number = g->groups[g->careful ? count_fds(g, OWNER_GROUP) % g->group_count : below(g, g->group_count)];
	char path[32];

	if (strange(g))
		number = chance(g, 1, 2) ? g->machine->devices[below(g, g->machine->device_count)].group : 99;
	snprintf(path, sizeof(path), "/dev/vfio/%s%" PRIu32,
		 group_is_noiommu(g, number) != (strange(g) && chance(g, 1, 4)) ? "noiommu-" : "", number);
	return make_open(g, call, path);
}

bool make_open_other(struct generator *g, struct call *call)
{
	return make_open(g, call, "/dev/null");
}

bool make_eventfd(struct generator *g, struct call *call)
{
	static const uint64_t odd[] = {1, CLOSE_ON_EXEC, NON_BLOCKING, 2, UINT64_C(1) << 20};

	call->op = CALL_EVENTFD;
	call->args[0] = strange(g) ? ONE_OF(g, odd) : 0;
	return true;
}

bool make_close(struct generator *g, struct call *call)
{
	call->op = CALL_CLOSE;
	/* Who is careful closes a device, to begin again with it. */
	if (g->careful)
		return choose_fd(g, OWNER_DEVICE, &call->args[0]);
	call->args[0] = choose_any_fd(g);
	return true;
}

bool make_dup(struct generator *g, struct call *call)
{
	static const int32_t minima[] = {0, 3, 10, FDS_SEEN - 2, 200, -1, 1 << 30, INT32_MIN};

	call->op = CALL_DUP;
	call->args[0] = choose_any_fd(g);
	call->args[1] = strange(g) ? (uint64_t)(int64_t)ONE_OF(g, minima) : 0;
	call->args[2] = chance(g, 1, 4) ? (uint64_t)CLOSE_ON_EXEC : 0;
	return true;
}

bool make_dup3(struct generator *g, struct call *call)
{
	static const int32_t odd[] = {-1, 1 << 30, INT32_MIN};

	call->op = CALL_DUP3;
	call->args[0] = choose_any_fd(g);
	call->args[1] = chance(g, 1, 2) ? choose_any_fd(g) : 3 + below(g, 12);
	if (strange(g))
		call->args[1] = (uint64_t)(int64_t)ONE_OF(g, odd);
	if (chance(g, 1, 4))
		call->args[2] = CLOSE_ON_EXEC;
	else if (strange(g))
		call->args[2] = NON_BLOCKING;
	return true;
}

bool make_setfd(struct generator *g, struct call *call)
{
	call->op = CALL_SETFD;
	call->args[0] = choose_any_fd(g);
	call->args[1] = below(g, 2);
	return true;
}
