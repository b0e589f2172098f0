/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Finding the mappings of a TYPE1 instance, as right or as wrong as the kernel does.
 *
 * Mappings are disjoint ranges, and a rangemap has them. Kernels with the fault top_range_finds_nothing compute where a
 * mapping ends as first + size, which is 0 for one that reaches the top of the address space. No search finds such a
 * mapping, so others come to lie over it: these stand in a table of their own. A search that passes one on its way
 * down turns right in any case, and may miss what is on its left: then only the kernel's own tree tells what is found.
 */
#include <stdlib.h>

#include "type1.h"

void type1_open_mappings(const struct host *host, struct type1 *iommu)
{
	bool reaches_top = false;

	/* Only mediated devices let mappings lie where no IOMMU reaches. */
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->machine->groups[i].emulated || iommu_translation(host, i).aperture.last == UINT64_MAX)
			reaches_top = true;
	iommu->has_tree = profile_get(host, PROFILE_UNMAP_IN_SEARCH_ORDER) ||
			  (reaches_top && profile_get(host, PROFILE_TOP_RANGE_FINDS_NOTHING));
}

bool type1_lost_at_top(const struct host *host, uint64_t last)
{
	return last == UINT64_MAX && profile_get(host, PROFILE_TOP_RANGE_FINDS_NOTHING);
}

/* The mapping up to the top that has @node in the tree, or NULL. */
static struct top *top_at(const struct type1 *iommu, uint32_t node)
{
	for (uint32_t i = 0; i < iommu->tops.count; i++)
		if (iommu->tops.items[i].node == node)
			return &iommu->tops.items[i];
	return NULL;
}

static struct found found_range(const struct range *range)
{
	return range ? (struct found){.any = true, .node = NOTHING, .mapping = *range} : (struct found){.any = false};
}

static struct found found_node(const struct type1 *iommu, uint32_t node)
{
	const struct top *top = node == DMATREE_NOTHING ? NULL : top_at(iommu, node);
	struct found found = {.any = node != DMATREE_NOTHING, .node = node};

	if (top)
		found.mapping = top->mapping;
	else if (found.any)
		found.mapping = *rangemap_at(&iommu->mappings, iommu->tree.nodes.items[node].first);
	return found;
}

struct found type1_find(const struct host *host, const struct type1 *iommu, uint64_t first, uint64_t last)
{
	if (iommu->has_tree)
		return found_node(iommu, dmatree_find(&iommu->tree, first, last + 1 - first));
	return found_range(type1_lost_at_top(host, last) ? NULL : rangemap_overlap(&iommu->mappings, first, last));
}

struct found type1_find_at(const struct type1 *iommu, uint64_t point)
{
	/* A range of no bytes, one byte on, is how kernels ask for what holds the last byte of a range. */
	if (iommu->has_tree)
		return found_node(iommu, dmatree_find(&iommu->tree, point, 0));
	return found_range(rangemap_at(&iommu->mappings, point));
}

struct found type1_find_first(const struct type1 *iommu, uint64_t first, uint64_t last)
{
	if (iommu->has_tree)
		return found_node(iommu, dmatree_find_first(&iommu->tree, first, last + 1 - first));
	return found_range(rangemap_overlap(&iommu->mappings, first, last));
}

struct found type1_find_next(const struct type1 *iommu, const struct found *found, uint64_t last)
{
	struct found next = {.any = false};

	if (iommu->has_tree)
		next = found_node(iommu, dmatree_next(&iommu->tree, found->node));
	else if (found->mapping.last < last)
		next = found_range(rangemap_overlap(&iommu->mappings, found->mapping.last + 1, last));
	next.any = next.any && next.mapping.first <= last;
	return next;
}

struct found type1_first_in(const struct type1 *iommu, uint64_t first, uint64_t last)
{
	const struct range *range;
	struct found found;

	if (iommu->has_tree) {
		found = found_node(iommu, dmatree_least(&iommu->tree));
		while (found.any && found.mapping.first < first)
			found = found_node(iommu, dmatree_next(&iommu->tree, found.node));
	} else {
		range = rangemap_from(&iommu->mappings, first);
		if (range && range->first < first)
			range = range->last < last ? rangemap_from(&iommu->mappings, range->last + 1) : NULL;
		found = found_range(range);
	}
	found.any = found.any && found.mapping.first <= last;
	return found;
}

struct found type1_next_in(const struct type1 *iommu, const struct found *found, uint64_t last)
{
	struct found next = {.any = false};

	if (iommu->has_tree)
		next = found_node(iommu, dmatree_next(&iommu->tree, found->node));
	else if (found->mapping.last < last)
		next = found_range(rangemap_from(&iommu->mappings, found->mapping.last + 1));
	next.any = next.any && next.mapping.first <= last;
	return next;
}

uint32_t type1_link(struct type1 *iommu, uint64_t first, uint64_t last)
{
	return iommu->has_tree ? dmatree_insert(&iommu->tree, first, last + 1 - first) : NOTHING;
}

void type1_unlink(struct type1 *iommu, uint32_t node)
{
	if (node != NOTHING)
		dmatree_remove(&iommu->tree, node);
}

void type1_keep(const struct host *host, struct type1 *iommu, uint32_t node, const struct range *mapping)
{
	if (node != NOTHING && type1_lost_at_top(host, mapping->last)) {
		uint32_t at = table_add(&iommu->tops);

		iommu->tops.items[at] = (struct top){.mapping = *mapping, .node = node};
	} else {
		rangemap_insert(&iommu->mappings, mapping);
	}
}

struct range *type1_edit(struct type1 *iommu, const struct found *found)
{
	struct top *top = top_at(iommu, found->node);

	return top ? &top->mapping : rangemap_edit(&iommu->mappings, found->mapping.first);
}

void type1_charge(struct host *host, struct range *mapping, uint64_t pages)
{
	struct mm *mm = &host->mms.items[MAPPING_MM(mapping->tag)];

	mapping->weight += pages;
	if (mm->users)
		mm->locked += pages;
}

void type1_uncharge(struct host *host, struct range *mapping, uint64_t pages)
{
	struct mm *mm = &host->mms.items[MAPPING_MM(mapping->tag)];

	mapping->weight -= pages;
	if (mm->users)
		mm->locked -= pages;
}

/*
 * Gives the charge of a mapping back. Unmapping one up to the top ends before it begins, so that its pages stay pinned
 * and charged.
 */
static void give_charge_back(struct host *host, const struct range *mapping, bool is_top)
{
	struct mm *mm = &host->mms.items[MAPPING_MM(mapping->tag)];

	/* The address space that was charged may be gone, and its charge with it. */
	if (!mm->users)
		return;
	if (is_top)
		mm->leaked += mapping->weight;
	else if (mapping->weight)
		mm->locked -= mapping->weight - defect_on(host, DEFECT_UNMAP_FORGETS_CHARGE);
}

void type1_remove(struct host *host, struct type1 *iommu, const struct found *found)
{
	struct top *top = top_at(iommu, found->node);

	give_charge_back(host, &found->mapping, top != NULL);
	if ((MAPPING_FLAGS(found->mapping.tag) & MAPPING_VADDR_INVALID) &&
	    !defect_on(host, DEFECT_INVALID_STAYS_COUNTED))
		iommu->invalid_vaddrs--;
	iommu->entries_left += !defect_on(host, DEFECT_ENTRY_LOST_BY_UNMAP);
	type1_dirty_forget(iommu, &found->mapping);
	type1_unlink(iommu, found->node);
	if (top) {
		*top = iommu->tops.items[--iommu->tops.count];
		return;
	}
	iotable_unpin_mapping(host, &iommu->table, &found->mapping);
	rangemap_remove(&iommu->mappings, found->mapping.first);
}

void type1_close_mappings(struct host *host, struct type1 *iommu)
{
	const struct range *mapping;

	while ((mapping = rangemap_from(&iommu->mappings, 0))) {
		if (!defect_on(host, DEFECT_RELEASE_KEEPS_CHARGE))
			give_charge_back(host, mapping, false);
		iotable_unpin_mapping(host, &iommu->table, mapping);
		rangemap_remove(&iommu->mappings, mapping->first);
	}
	for (uint32_t i = 0; i < iommu->tops.count; i++)
		give_charge_back(host, &iommu->tops.items[i].mapping, true);
	type1_dirty_clear(iommu);
	iotable_lose(host, &iommu->table, 0, UINT64_MAX);
	free(iommu->tops.items);
	dmatree_clear(&iommu->tree);
}
