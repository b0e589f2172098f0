/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls of guests and their hosts: ids that come and go, and exchanges that fail.
 */
#include "generator_internal.h"

enum { KERNEL_OF_HOST = -1, VIOMMUS = 3, SETS = 2, ID_MAX = 0xfffff, FAULT_POINTS = 6 };

bool has_ioasids(const struct generator *g)
{
	return g->profile.values[PROFILE_IOASID_LAST];
}

/* A guest, mostly one of the last that were made; false if there has been none. */
static bool choose_guest(struct generator *g, uint64_t *fd)
{
	if (!g->book.guest_count)
		return false;
	*fd = (uint64_t)(int64_t)g->book.guests[below(g, g->book.guest_count)];
	if (strange(g))
		*fd = choose_any_fd(g);
	return true;
}

/* The kernel of a guest, or that of the host. */
static uint64_t choose_kernel(struct generator *g)
{
	uint64_t fd;

	if (chance(g, 1, 6) || !choose_guest(g, &fd))
		fd = (uint64_t)KERNEL_OF_HOST;
	return fd;
}

/* One that somebody has been given, and may still have. */
static uint64_t choose_ioasid(struct generator *g)
{
	if (!g->book.ioasid_count || strange(g))
		return below(g, 8);
	return g->book.ioasids[below(g, g->book.ioasid_count)];
}

bool make_guest(struct generator *g, struct call *call)
{
	call->op = CALL_GUEST;
	call->args[0] = strange(g) ? below(g, 6) : 1 + below(g, VIOMMUS);
	return true;
}

bool make_ioasid_driver(struct generator *g, struct call *call)
{
	static const enum call_op ops[] = {CALL_IOMMU_INIT, CALL_IOMMU_INIT, CALL_IOASID_SET_ALLOCATOR,
					   CALL_IOASID_CLEAR_ALLOCATOR};

	if (!choose_guest(g, &call->args[0]))
		return false;
	call->op = g->careful ? CALL_IOMMU_INIT : ONE_OF(g, ops);
	if (call->op == CALL_IOASID_SET_ALLOCATOR)
		call->args[1] = below(g, VIOMMUS);
	return true;
}

bool make_ioasid_alloc(struct generator *g, struct call *call)
{
	call->op = CALL_IOASID_ALLOC;
	call->args[0] = choose_kernel(g);
	call->args[1] = 1 + below(g, SETS);
	call->args[2] = !g->careful && chance(g, 1, 4) ? choose_ioasid(g) : 0;
	call->args[3] = !g->careful && chance(g, 1, 4) ? choose_ioasid(g) : ID_MAX;
	return true;
}

bool make_ioasid_use(struct generator *g, struct call *call)
{
	static const enum call_op ops[] = {CALL_IOASID_FREE, CALL_IOASID_FREE, CALL_IOASID_FREE,
					   CALL_IOASID_FIND, CALL_IOASID_BIND, CALL_IOASID_UNBIND};

	call->op = ONE_OF(g, ops);
	call->args[0] = choose_kernel(g);
	call->args[1] = chance(g, 1, 2) ? 0 : 1 + below(g, SETS);
	call->args[2] = choose_ioasid(g);
	return true;
}

bool make_vcmd(struct generator *g, struct call *call)
{
	static const enum call_op ops[] = {CALL_VCMD_WRITE, CALL_VCMD_SERVE, CALL_VCMD_SERVE,
					   CALL_VCMD_READ,  CALL_VCMD_FAULT, CALL_VCMD_FAULT};

	if (!choose_guest(g, &call->args[0]))
		return false;
	call->op = ONE_OF(g, ops);
	call->args[1] = chance(g, 1, 8) ? below(g, VIOMMUS) : 0;
	if (call->op == CALL_VCMD_FAULT)
		call->args[2] = below(g, FAULT_POINTS + strange(g));
	if (call->op == CALL_VCMD_WRITE) {
		call->args[2] = strange(g) ? below(g, 4) : 1 + below(g, 2);
		call->args[3] = choose_ioasid(g);
	}
	return true;
}
