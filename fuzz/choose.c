/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Choices of arguments: right ones from what the model and the book know, strange ones from where
 * kernels have gone wrong before: edges, neighbours, the ends of the number range.
 */
#include "generator_internal.h"

static bool answers_as(const struct host_fd *fd, enum ioctl_owner owner)
{
	return fd->owner == owner || (owner == OWNER_CONTAINER && fd->owner == OWNER_TYPE1) ||
	       ((owner == OWNER_CONTAINER || owner == OWNER_TYPE1) &&
		(fd->owner == OWNER_IOMMUFD || fd->owner == OWNER_SPAPR)) ||
	       (owner == OWNER_CONTAINER && fd->owner == OWNER_TCE_PUT);
}

/* Not every call has a descriptor. */
void list_fds(struct generator *g)
{
	if (!g->fds_listed)
		g->fd_count = host_list_fds(g->host, g->actor->task, g->fds, FDS_SEEN);
	g->fds_listed = true;
}

const struct host_fd *find_fd(struct generator *g, uint64_t number)
{
	list_fds(g);
	for (uint32_t i = 0; i < g->fd_count; i++)
		if (g->fds[i].number == (int32_t)number)
			return &g->fds[i];
	return NULL;
}

uint32_t count_fds(struct generator *g, enum ioctl_owner owner)
{
	uint32_t count = 0;

	list_fds(g);
	for (uint32_t i = 0; i < g->fd_count; i++)
		count += answers_as(&g->fds[i], owner);
	return count;
}

/* The descriptor number @skip, counted from 0, of those that answer as @owner. There is one. */
static uint64_t nth_fd(const struct generator *g, enum ioctl_owner owner, uint64_t skip)
{
	const struct host_fd *fd = g->fds;

	while (!answers_as(fd, owner) || skip--)
		fd++;
	return (uint64_t)fd->number;
}

uint64_t choose_any_fd(struct generator *g)
{
	static const int32_t thin_air[] = {-1, 0, 1, 2, 40, FDS_SEEN - 1, 500, INT32_MAX};

	list_fds(g);
	if (g->book.eventfd_count && chance(g, 1, 8))
		return (uint64_t)g->book.eventfds[below(g, g->book.eventfd_count)];
	if (g->book.guest_count && chance(g, 1, 8))
		return (uint64_t)g->book.guests[below(g, g->book.guest_count)];
	if (g->fd_count && chance(g, 7, 8))
		return (uint64_t)g->fds[below(g, g->fd_count)].number;
	return (uint64_t)(int64_t)ONE_OF(g, thin_air);
}

bool choose_fd(struct generator *g, enum ioctl_owner owner, uint64_t *fd)
{
	uint32_t count = count_fds(g, owner);

	/* Few calls on a descriptor of another kind show something new: half as many as other strange arguments. */
	if ((strange(g) && chance(g, 1, 2)) || (!count && !g->careful && chance(g, 1, 8))) {
		*fd = choose_any_fd(g);
		return true;
	}
	if (!count)
		return false;
	/* The newest one is the one that a driver would go on with. */
	*fd = nth_fd(g, owner, g->careful ? count - 1 : below(g, count));
	return true;
}

static const struct machine_group *find_group(const struct generator *g, uint32_t number)
{
	for (size_t i = 0; i < g->machine->group_count; i++)
		if (g->machine->groups[i].number == number)
			return &g->machine->groups[i];
	return NULL;
}

bool group_is_noiommu(const struct generator *g, uint32_t number)
{
	const struct machine_group *group = find_group(g, number);

	return group && group->noiommu;
}

bool group_is_emulated(const struct generator *g, uint32_t number)
{
	const struct machine_group *group = find_group(g, number);

	return group && group->emulated;
}

const struct dma *choose_dma(struct generator *g)
{
	return g->book.dma_count ? &g->book.dmas[below(g, g->book.dma_count)] : NULL;
}

uint64_t choose_edge(struct generator *g)
{
	const struct machine *machine = g->machine;
	uint64_t which = below(g, machine->reserved_count + 1), page = machine->page_size;
	const struct iova_range *range = which ? &machine->reserved[which - 1] : &machine->aperture;
	uint64_t edge = chance(g, 1, 2) ? range->first : range->last + 1;

	return edge + page * below(g, 4) - 2 * page;
}

/* Beside, at and within a mapping that is, or was, there. */
static uint64_t iova_at_mapping(struct generator *g, const struct dma *dma)
{
	uint64_t page = g->machine->page_size, pages = dma->size / page;

	switch (below(g, 6)) {
	case 0:
		return dma->iova + dma->size;
	case 1:
		return dma->iova - page;
	case 2:
		return dma->iova - page * (1 + below(g, 8));
	case 3:
		return dma->iova + page * below(g, pages ? pages : 1);
	default:
		return dma->iova;
	}
}

/* Few enough places that mappings meet. The top of the address space is one of them, where it can be reached. */
static uint64_t iova_usual(struct generator *g, const struct dma *dma)
{
	static const uint64_t from_top[] = {1, 2, 3, 4, 8, 16}; /* pages */
	const uint64_t page = g->machine->page_size;

	if (g->reaches_edges && chance(g, 1, 8))
		return choose_edge(g);
	if (has_tce(g) && !g->careful && chance(g, 1, 4))
		return g->machine->tce.second_window + (0x10000 * below(g, 64));
	if (g->reaches_top && !g->careful && chance(g, 1, 4))
		return -page * ONE_OF(g, from_top);
	return dma && !g->careful && chance(g, 1, 3) ? dma->iova + dma->size : 0x100000 + page * 64 * below(g, 64);
}

uint64_t choose_iova(struct generator *g)
{
	static const uint64_t unaligned[] = {1, 0x200, 0x800, 0xfff};
	const uint64_t page = g->machine->page_size;
	const struct dma *dma = choose_dma(g);
	uint64_t iova;

	if (!strange(g))
		iova = iova_usual(g, dma);
	else if (dma && chance(g, 1, 2))
		iova = iova_at_mapping(g, dma);
	else if (chance(g, 1, 2))
		iova = choose_edge(g);
	else if (chance(g, 1, 2))
		iova = page * below(g, 5) - 2 * page; /* on both sides of 0 */
	else
		iova = any(g) & -page;
	if (strange(g) && chance(g, 1, 4))
		iova += ONE_OF(g, unaligned);
	return iova;
}

uint64_t choose_size(struct generator *g)
{
	static const uint64_t usual[] = {1, 1, 1, 2, 2, 3, 4, 8, 16, 64, 600, 1024}; /* pages */
	const uint64_t page = g->machine->page_size;
	const uint64_t odd[] = {0,
				1,
				page - 1,
				page + 1,
				page * 256,
				page * 512,
				page * 513,
				UINT64_C(1) << 30,
				UINT64_C(1) << 40,
				UINT64_C(1) << 48,
				UINT64_C(1) << 63,
				-page,
				-(page * 2),
				UINT64_MAX};

	return strange(g) ? ONE_OF(g, odd) : page * ONE_OF(g, usual);
}

const struct area *choose_area(struct generator *g, uint32_t prot, bool device)
{
	const struct area *fitting[AREAS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < g->book.area_count; i++) {
		const struct area *area = &g->book.areas[i];

		if (area->task == g->actor->task && (area->prot & prot) == prot && (device || !area->device))
			fitting[count++] = area;
	}
	return count ? fitting[below(g, count)] : NULL;
}

uint64_t choose_wild_address(struct generator *g)
{
	/* Nothing, a hole, a place of the kernel's, and the very end. Nothing that might be there by chance. */
	static const uint64_t wild[] = {0, 0xdead000, MEMORY_END - 0x1000, UINT64_C(0xffff888000000000),
					UINT64_C(0xfffffffffffff000)};

	return ONE_OF(g, wild);
}

uint32_t choose_argsz(struct generator *g, uint32_t smallest, uint32_t usual)
{
	const uint32_t odd[] = {0,	   smallest - 1, smallest,  smallest + 1, smallest + 4,
				usual + 8, usual + 100,	 UINT32_MAX};

	return strange(g) ? ONE_OF(g, odd) : usual;
}

uint32_t choose_flags(struct generator *g, uint32_t usual, uint32_t known)
{
	uint32_t flags;

	if (!strange(g))
		return usual;
	flags = (uint32_t)any(g) & known;
	if (chance(g, 1, 4))
		flags |= UINT32_C(1) << below(g, 32);
	return flags;
}
