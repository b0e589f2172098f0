/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The audit: whatever is written down twice in a host must agree.
 *
 * Objects are counted from the side of those that refer to them, and the counts compared with what the objects say
 * of themselves. An audit allocates only when the host has grown, so that it can follow every call.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "tce_put.h"
#include "type1.h"

/* What has been counted, by index of the object. */
struct counts {
	uint64_t *charged;	 /* of each address space: pages that mappings charge to it */
	uint64_t *users;	 /* of each address space: tasks */
	uint64_t *references;	 /* of each file */
	uint64_t *container_use; /* of each container: its files and groups */
	uint64_t *iommu_use;	 /* of each IOMMU: containers */
	uint64_t *spapr_use;	 /* of each sPAPR instance: containers */
	uint64_t *group_use;	 /* of each group: open devices */
	uint64_t *device_use;	 /* of each device: files */
	uint64_t *pinned;	 /* of each address space: pages that iommufds hold */
	uint64_t *pages_use;	 /* of each iommufd's memory: areas */
	uint64_t *ioas_use;	 /* of each iommufd's address space: devices that are attached */
	uint64_t user_locked;
};

const char *audit_says(struct host *host, const char *format, ...)
{
	enum { TEXT = 256 };
	va_list arguments;

	if (!host->audit.text)
		host->audit.text = memory_allocate(TEXT);
	va_start(arguments, format);
	vsnprintf(host->audit.text, TEXT, format, arguments);
	va_end(arguments);
	return host->audit.text;
}

static struct counts counts_begin(struct host *host)
{
	const uint32_t sizes[] = {host->mms.count,    host->mms.count,	  host->files.count,   host->containers.count,
				  host->iommus.count, host->groups.count, host->devices.count, host->mms.count,
				  host->pages.count,  host->ioases.count, host->spaprs.count};
	struct counts counts = {.user_locked = 0};
	uint64_t **const parts[] = {&counts.charged,   &counts.users,	  &counts.references, &counts.container_use,
				    &counts.iommu_use, &counts.group_use, &counts.device_use, &counts.pinned,
				    &counts.pages_use, &counts.ioas_use,  &counts.spapr_use};
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		sum += sizes[i];
	if (host->audit.capacity < sum) {
		host->audit.capacity = 2 * sum;
		host->audit.counts = memory_resize(host->audit.counts, 2 * sum * sizeof(uint64_t));
	}
	memset(host->audit.counts, 0, sum * sizeof(uint64_t));
	sum = 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		*parts[i] = host->audit.counts + sum;
		sum += sizes[i];
	}
	return counts;
}

/* Descriptors refer to files, in order; tasks use address spaces. */
static const char *count_tasks(struct host *host, struct counts *counts)
{
	for (uint32_t i = 0; i < host->tasks.count; i++) {
		const struct task *task = &host->tasks.items[i];

		counts->users[task->mm] += task->alive;
		for (uint32_t d = 0; d < task->descriptors.count; d++) {
			const struct descriptor *descriptor = &task->descriptors.items[d];

			counts->references[descriptor->file]++;
			if (host->files.items[descriptor->file].kind == FILE_FREE)
				return audit_says(host, "descriptor %d of task %u leads to a file that is gone",
						  descriptor->number, i + 1);
			if (d && descriptor[-1].number >= descriptor->number)
				return audit_says(host, "the descriptors of task %u are out of order", i + 1);
		}
	}
	return NULL;
}

/* What a mapping is charged for, and whether its address is invalid. */
static uint32_t count_mapping(const struct host *host, const struct range *mapping, struct counts *counts)
{
	if (host->mms.items[MAPPING_MM(mapping->tag)].users)
		counts->charged[MAPPING_MM(mapping->tag)] += mapping->weight;
	return !!(MAPPING_FLAGS(mapping->tag) & MAPPING_VADDR_INVALID);
}

/* Mappings charge address spaces; what they count besides must be right, too. */
static const char *count_mappings(struct host *host, struct counts *counts)
{
	const uint32_t limit = (uint32_t)profile_get(host, PROFILE_DMA_ENTRY_LIMIT);

	for (uint32_t i = 0; i < host->iommus.count; i++) {
		const struct type1 *iommu = &host->iommus.items[i];
		const struct range *mapping = iommu->alive ? rangemap_from(&iommu->mappings, 0) : NULL;
		uint32_t invalid = 0;

		if (!rangemap_valid(&iommu->mappings) || !dmatree_valid(&iommu->tree))
			return audit_says(host, "the mappings of IOMMU %u are out of order", i);
		while (mapping) {
			invalid += count_mapping(host, mapping, counts);
			if (mapping->last == UINT64_MAX)
				break;
			mapping = rangemap_from(&iommu->mappings, mapping->last + 1);
		}
		for (uint32_t t = 0; iommu->alive && t < iommu->tops.count; t++)
			invalid += count_mapping(host, &iommu->tops.items[t].mapping, counts);
		if (iommu->alive && iommu->invalid_vaddrs != invalid)
			return audit_says(host, "IOMMU %u counts %u invalid addresses, there are %u", i,
					  iommu->invalid_vaddrs, invalid);
		if (iommu->alive && iommu->entries_left + iommu->mappings.count + iommu->tops.count != limit)
			return audit_says(host, "IOMMU %u has %llu mappings and %u entries left of %u", i,
					  (unsigned long long)iommu->mappings.count + iommu->tops.count,
					  iommu->entries_left, limit);
	}
	return NULL;
}

/* Entries of the tables of one address space that refer to [first, last] of its memory. */
static uint64_t count_entries(const struct host *host, uint32_t mm, uint64_t first, uint64_t last)
{
	uint64_t entries = 0;

	for (uint32_t i = 0; i < host->spaprs.count; i++) {
		const struct spapr *spapr = &host->spaprs.items[i];

		for (unsigned t = 0; spapr->alive && spapr->v2 && spapr->mm == mm && t < TCE_WINDOWS; t++)
			entries += tce_table_uses(&spapr->tables[t], first, last);
	}
	return entries;
}

/* With sPAPR whole windows, tables and registered memory are charged; the memory counts what refers to it. */
static const char *count_spaprs(struct host *host, struct counts *counts)
{
	for (uint32_t i = 0; i < host->spaprs.count; i++) {
		const struct spapr *spapr = &host->spaprs.items[i];
		uint64_t charged = spapr->locked;

		for (unsigned t = 0; t < TCE_WINDOWS; t++) {
			charged += spapr->tables[t].charged;
			if (!tce_table_valid(&spapr->tables[t]))
				return audit_says(host, "the entries of sPAPR instance %u are miscounted", i);
		}
		if (spapr->alive && spapr->mm != NOTHING && host->mms.items[spapr->mm].users)
			counts->charged[spapr->mm] += charged;
		else if (spapr->alive && spapr->mm == NOTHING && charged)
			return audit_says(host, "sPAPR instance %u charges nobody", i);
	}
	for (uint32_t i = 0; i < host->mms.count; i++) {
		const struct mm *mm = &host->mms.items[i];
		const struct range *region = rangemap_from(&mm->regions, 0);

		for (; region; region = rangemap_from(&mm->regions, region->last + 1)) {
			const uint64_t entries = count_entries(host, i, region->first, region->last);

			if (mm->users)
				counts->charged[i] += (region->last - region->first + 1) / host->machine->page_size;
			if (region->weight != entries)
				return audit_says(host, "%llu entries refer to the memory at 0x%llx, it counts %llu",
						  (unsigned long long)entries, (unsigned long long)region->first,
						  (unsigned long long)region->weight);
		}
	}
	return NULL;
}

/* The areas of address spaces pin pages, if a device is there, and charge them to the user. */
static const char *count_ioases(struct host *host, struct counts *counts)
{
	for (uint32_t i = 0; i < host->ioases.count; i++) {
		const struct ioas *ioas = &host->ioases.items[i];
		const struct range *area = rangemap_from(&ioas->areas, 0);
		uint64_t held = 0;

		if (!rangemap_valid(&ioas->areas))
			return audit_says(host, "the areas of address space %u are out of order", i);
		for (; area; area = area->last == UINT64_MAX ? NULL : rangemap_from(&ioas->areas, area->last + 1)) {
			const struct pages *pages = &host->pages.items[area->tag];

			counts->pages_use[area->tag]++;
			counts->pinned[pages->mm] += area->weight;
			counts->user_locked += pages->accounted ? area->weight : 0;
			held += rangemap_covered(&ioas->held, area->first, area->last);
			if (ioas->attached ? !area->weight
					   : area->weight * host->machine->page_size !=
						 rangemap_covered(&ioas->held, area->first, area->last))
				return audit_says(host, "address space %u with %u devices pins %llu pages of an area",
						  i, ioas->attached, (unsigned long long)area->weight);
		}
		if (held != rangemap_covered(&ioas->held, 0, UINT64_MAX))
			return audit_says(host, "mediated devices hold what address space %u has not mapped", i);
	}
	return NULL;
}

/* What is dirty is mapped, and what is kept of a bitmap is a mapping's; without tracking there is neither. */
static const char *check_dirty(struct host *host, const struct counts *counts)
{
	(void)counts;
	for (uint32_t i = 0; i < host->iommus.count; i++) {
		const struct type1 *iommu = &host->iommus.items[i];
		const struct range *dirty = rangemap_from(&iommu->dirty, 0);
		uint64_t tails = 0;

		if (!iommu->tracking && iommu->dirty.count + iommu->tails.count)
			return audit_says(host, "IOMMU %u tracks no dirty pages, but has some", i);
		/* Mappings up to the top, which lie over each other, are not among these. */
		while (dirty && !iommu->tops.count) {
			if (rangemap_covered(&iommu->mappings, dirty->first, dirty->last) !=
			    dirty->last - dirty->first + 1)
				return audit_says(host, "IOMMU %u has dirty pages that are not mapped", i);
			dirty = dirty->last == UINT64_MAX ? NULL : rangemap_from(&iommu->dirty, dirty->last + 1);
		}
		if (!iommu->tails.count)
			continue;
		for (struct found found = type1_first_in(iommu, 0, UINT64_MAX); found.any;
		     found = type1_next_in(iommu, &found, UINT64_MAX))
			tails += rangemap_at(&iommu->tails, found.mapping.serial) != NULL;
		if (tails != iommu->tails.count)
			return audit_says(host, "IOMMU %u keeps %llu dirty bitmaps, %llu of them of mappings", i,
					  (unsigned long long)iommu->tails.count, (unsigned long long)tails);
	}
	return NULL;
}

/* Pages that are pinned; without a domain, a mapping is charged for those of it, and for no more. */
static const char *check_pins(struct host *host, const struct counts *counts)
{
	(void)counts;
	for (uint32_t i = 0; i < host->iommus.count; i++) {
		const struct type1 *iommu = &host->iommus.items[i];
		uint64_t strays = rangemap_covered(&iommu->pinned, 0, UINT64_MAX);
		const struct range *mapping = iommu->pinned.count ? rangemap_from(&iommu->mappings, 0) : NULL;

		while (mapping) {
			const uint64_t first = mapping->first, last = mapping->last;
			uint64_t pages = 0;

			strays -= rangemap_covered(&iommu->pinned, first, last);
			for (const struct range *page = rangemap_overlap(&iommu->pinned, first, last); page;
			     page = page->last < last ? rangemap_overlap(&iommu->pinned, page->last + 1, last) : NULL)
				pages += page->weight;
			if (!iommu->backed_groups && pages != mapping->weight &&
			    host->mms.items[MAPPING_MM(mapping->tag)].users)
				return audit_says(host,
						  "%llu pages of the mapping at 0x%llx are pinned, it is charged %llu",
						  (unsigned long long)pages, (unsigned long long)first,
						  (unsigned long long)mapping->weight);
			mapping = last == UINT64_MAX ? NULL : rangemap_from(&iommu->mappings, last + 1);
		}
		if (strays)
			return audit_says(host, "0x%llx pinned bytes of IOMMU %u are not mapped",
					  (unsigned long long)strays, i);
	}
	return NULL;
}

/* Areas of memory refer to files; what is locked, and what the pool keeps for them, is counted. */
static const char *count_areas(struct host *host, struct counts *counts)
{
	uint64_t reserved = 0;

	for (uint32_t i = 0; i < host->mms.count; i++) {
		const struct mm *mm = &host->mms.items[i];
		const struct range *area = rangemap_from(&mm->areas, 0);
		uint64_t locked = 0;

		if (!rangemap_valid(&mm->areas) || !rangemap_valid(&mm->pages))
			return audit_says(host, "the memory of address space %u is out of order", i);
		for (; area; area = rangemap_from(&mm->areas, area->last + 1)) {
			const uint64_t bytes = area->last - area->first + 1;

			if (area->weight)
				counts->references[AREA_FILE_AT(area->weight)]++;
			locked += area->tag & AREA_LOCKED ? bytes / host->machine->page_size : 0;
			if (area->tag & AREA_RESERVED)
				reserved += bytes - rangemap_covered(&mm->pages, area->first, area->last);
		}
		if (locked != mm->locked_areas)
			return audit_says(host, "address space %u has %llu pages locked, its areas %llu", i,
					  (unsigned long long)mm->locked_areas, (unsigned long long)locked);
	}
	for (uint32_t i = 0; i < host->memory_files.count; i++)
		if (host->memory_files.items[i].alive)
			reserved += host->memory_files.items[i].reserved * host->machine->hugepage_size;
	if (reserved != host->huge_pages_reserved * host->machine->hugepage_size)
		return audit_says(host, "%llu huge pages are kept, %llu bytes of them for somebody",
				  (unsigned long long)host->huge_pages_reserved, (unsigned long long)reserved);
	return NULL;
}

/* Files stand for objects, and those of devices keep the group's file open. */
static const char *count_files(struct host *host, struct counts *counts)
{
	for (uint32_t i = 0; i < host->files.count; i++) {
		const struct file *file = &host->files.items[i];

		if (file->kind == FILE_CONTAINER) {
			counts->container_use[file->object]++;
		} else if (file->kind == FILE_DEVICE) {
			counts->device_use[file->object]++;
			/* By way of an iommufd a device keeps neither its group's file open nor its group in place. */
			if (host->devices.items[file->object].contained)
				counts->group_use[host->devices.items[file->object].group]++;
		} else if (file->kind == FILE_GROUP_GONE) {
			if (file->object != NOTHING)
				counts->references[file->object]++;
		} else if (file->kind == FILE_GROUP && host->groups.items[file->object].file != i) {
			return audit_says(host, "file %u is group %u's, which does not know it", i,
					  host->groups.items[file->object].number);
		}
	}
	for (uint32_t i = 0; i < host->devices.count; i++) {
		uint32_t iommufd = host->devices.items[i].iommufd;

		if (iommufd == NOTHING)
			continue;
		counts->references[iommufd]++;
		if (host->devices.items[i].ioas != NOTHING)
			counts->ioas_use[host->devices.items[i].ioas]++;
	}
	for (uint32_t i = 0; i < host->groups.count; i++) {
		const struct group *group = &host->groups.items[i];

		if (group->iommufd != NOTHING)
			counts->references[group->iommufd]++;
		if (group->file != NOTHING)
			counts->references[group->file] += counts->group_use[i];
		else if (counts->group_use[i] || group->container != NOTHING)
			return audit_says(host, "group %u is closed and in use", group->number);
		if (group->container != NOTHING)
			counts->container_use[group->container]++;
	}
	for (uint32_t i = 0; i < host->containers.count; i++) {
		const struct container *container = &host->containers.items[i];

		if (container->alive && container->kind == CONTAINER_TYPE1)
			counts->iommu_use[container->iommu]++;
		if (container->alive && container->kind == CONTAINER_SPAPR)
			counts->spapr_use[container->iommu]++;
	}
	return NULL;
}

/* Whether each address space has the tasks and charges that it says, and nothing once its tasks are gone. */
static const char *compare_memory(struct host *host, const struct counts *counts)
{
	for (uint32_t i = 0; i < host->mms.count; i++) {
		const struct mm *mm = &host->mms.items[i];

		if (mm->users != counts->users[i])
			return audit_says(host, "address space %u has %u users, %llu use it", i, mm->users,
					  (unsigned long long)counts->users[i]);
		if (mm->locked != counts->charged[i] + mm->leaked)
			return audit_says(host, "address space %u is charged %llu pages, its mappings hold %llu", i,
					  (unsigned long long)mm->locked, (unsigned long long)counts->charged[i]);
		if (mm->pinned != counts->pinned[i])
			return audit_says(host, "address space %u has %llu pages pinned, areas hold %llu", i,
					  (unsigned long long)mm->pinned, (unsigned long long)counts->pinned[i]);
		if (!mm->users && mm->areas.count + mm->pages.count)
			return audit_says(host, "address space %u has memory and no users", i);
	}
	return NULL;
}

/* Whether files, devices and groups are referred to as often as they say. */
static const char *compare_files(struct host *host, const struct counts *counts)
{
	for (uint32_t i = 0; i < host->files.count; i++)
		if (host->files.items[i].kind != FILE_FREE && counts->references[i] != host->files.items[i].references)
			return audit_says(host, "file %u has %u references, %llu are held", i,
					  host->files.items[i].references, (unsigned long long)counts->references[i]);
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (host->devices.items[i].open_count != counts->device_use[i])
			return audit_says(host, "device %u is open %u times, by %llu files", i,
					  host->devices.items[i].open_count, (unsigned long long)counts->device_use[i]);
	for (uint32_t i = 0; i < host->groups.count; i++) {
		const struct group *group = &host->groups.items[i];

		if (group->users != counts->group_use[i] + (group->container != NOTHING))
			return audit_says(host, "group %u has %u users, %llu devices open and %s container",
					  group->number, group->users, (unsigned long long)counts->group_use[i],
					  group->container == NOTHING ? "no" : "a");
		if (profile_get(host, PROFILE_VIABLE_WHEN_ATTACHED) && group_is_taken(host, i) &&
		    !group_is_viable(host, i))
			return audit_says(host, "group %u is in use, and a driver of the host has a device of it",
					  group->number);
	}
	return NULL;
}

/* Whether containers and IOMMUs live as long as somebody refers to them, and an IOMMU only while there are groups. */
static const char *compare_containers(struct host *host, const struct counts *counts)
{
	for (uint32_t i = 0; i < host->containers.count; i++) {
		const struct container *container = &host->containers.items[i];

		if (container->references != counts->container_use[i] || container->alive != !!container->references)
			return audit_says(host, "container %u has %u references, %llu are held", i,
					  container->references, (unsigned long long)counts->container_use[i]);
		if (container->iommu != NOTHING && !container_has_groups(host, i))
			return audit_says(host, "container %u has an IOMMU and no groups", i);
	}
	for (uint32_t i = 0; i < host->iommus.count; i++)
		if (host->iommus.items[i].alive != (counts->iommu_use[i] == 1) || counts->iommu_use[i] > 1)
			return audit_says(host, "IOMMU %u is %s, and %llu containers have it", i,
					  host->iommus.items[i].alive ? "there" : "gone",
					  (unsigned long long)counts->iommu_use[i]);
	for (uint32_t i = 0; i < host->spaprs.count; i++)
		if (host->spaprs.items[i].alive != (counts->spapr_use[i] == 1))
			return audit_says(host, "sPAPR instance %u is %s, and %llu containers have it", i,
					  host->spaprs.items[i].alive ? "there" : "gone",
					  (unsigned long long)counts->spapr_use[i]);
	return NULL;
}

/* Whether the memory behind areas, the user's charge and the devices of iommufds are what they say. */
static const char *compare_iommufds(struct host *host, const struct counts *counts)
{
	for (uint32_t i = 0; i < host->pages.count; i++)
		if (host->pages.items[i].areas != counts->pages_use[i])
			return audit_says(host, "pages %u have %u areas, %llu refer to them", i,
					  host->pages.items[i].areas, (unsigned long long)counts->pages_use[i]);
	for (uint32_t i = 0; i < host->ioases.count; i++)
		if (host->ioases.items[i].attached + host->ioases.items[i].accesses != counts->ioas_use[i])
			return audit_says(host, "address space %u has %u devices, %llu are attached to it", i,
					  host->ioases.items[i].attached + host->ioases.items[i].accesses,
					  (unsigned long long)counts->ioas_use[i]);
	if (host->user_locked != counts->user_locked)
		return audit_says(host, "the user is charged %llu pages, areas hold %llu",
				  (unsigned long long)host->user_locked, (unsigned long long)counts->user_locked);
	return NULL;
}

const char *host_audit(struct host *host)
{
	static const char *(*const counters[])(struct host *, struct counts *) = {
	    count_tasks, count_mappings, count_spaprs, count_ioases, count_areas, count_files};
	static const char *(*const comparisons[])(struct host *, const struct counts *) = {
	    compare_memory, compare_files, compare_containers, compare_iommufds, check_dirty, check_pins};
	struct counts counts = counts_begin(host);
	const char *text = NULL;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !text; i++)
		text = counters[i](host, &counts);
	for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]) && !text; i++)
		text = comparisons[i](host, &counts);
	if (!text)
		text = audit_ids(host);
	if (!text)
		text = tce_put_audit(host);
	if (!text && !frames_balanced(host))
		text = audit_says(host, "memory is not referred to and pinned as page tables, files and IOMMUs say");
	return text;
}

const char *host_audit_end(struct host *host)
{
	for (uint32_t i = 0; i < host->tasks.count; i++)
		if (host->tasks.items[i].alive)
			return audit_says(host, "task %u has not ended", i + 1);
	for (uint32_t i = 0; i < host->mms.count; i++)
		if (host->mms.items[i].users || host->mms.items[i].locked || host->mms.items[i].areas.count)
			return audit_says(host, "address space %u is still there, with %llu pages charged", i,
					  (unsigned long long)host->mms.items[i].locked);
	for (uint32_t i = 0; i < host->files.count; i++)
		if (host->files.items[i].kind != FILE_FREE)
			return audit_says(host, "file %u is still open", i);
	for (uint32_t i = 0; i < host->containers.count; i++)
		if (host->containers.items[i].alive)
			return audit_says(host, "container %u is still there", i);
	for (uint32_t i = 0; i < host->iommus.count; i++)
		if (host->iommus.items[i].alive)
			return audit_says(host, "IOMMU %u is still there", i);
	for (uint32_t i = 0; i < host->spaprs.count; i++)
		if (host->spaprs.items[i].alive)
			return audit_says(host, "sPAPR instance %u is still there", i);
	for (uint32_t i = 0; i < host->tce_puts.count; i++)
		if (host->tce_puts.items[i].alive)
			return audit_says(host, "sPAPR instance %u is still there", i);
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].users || host->groups.items[i].file != NOTHING)
			return audit_says(host, "group %u is still in use", host->groups.items[i].number);
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (host->devices.items[i].open_count)
			return audit_says(host, "device %u is still open", i);
	/* Sets are the kernel's own. */
	for (uint32_t i = 0; i < host->ioasids.ids.count; i++)
		if (host->ioasids.ids.items[i].owner.kind != IOASID_OF_SET)
			return audit_says(host, "PASID %u is still taken", host->ioasids.ids.items[i].id);
	return NULL;
}
