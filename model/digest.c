/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The digest: a number that stands for the whole state of a host, to see whether a call changed anything.
 *
 * A field that is added to an object is added here, or its changes go unseen. Left out is what no refused call could
 * change by mistake: what a device's DMA has moved into its buffer.
 */
#include "host.h"
#include "tce_put.h"

#define mix digest_mix

static uint64_t mix_tasks(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->tasks.count; i++) {
		const struct task *task = &host->tasks.items[i];

		sum = mix(sum, (uint64_t)task->mm << 1 | task->alive);
		sum = mix(sum, (uint64_t)task->parent << 32 | task->threads);
		sum = mix(sum, task->dropped);
		sum = mix(sum, task->memlock);
		sum = mix(sum, task->descriptors.count);
		for (uint32_t d = 0; d < task->descriptors.count; d++) {
			const struct descriptor *descriptor = &task->descriptors.items[d];

			sum = mix(sum, (uint64_t)descriptor->file << 32 | (uint32_t)descriptor->number);
			sum = mix(sum, descriptor->close_on_exec);
		}
	}
	return sum;
}

static uint64_t mix_memory(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->mms.count; i++) {
		const struct mm *mm = &host->mms.items[i];

		sum = mix(sum, (uint64_t)mm->task << 32 | mm->users);
		sum = mix(sum, mm->locked);
		sum = mix(sum, mm->leaked);
		sum = mix(sum, mm->pinned);
		sum = mix(sum, mm->locked_areas);
		sum = mix(sum, mm->locked_unseen);
		sum = mix(sum, mm->lock_ahead);
		sum = mix(sum, mm->next_address);
		sum = rangemap_digest(&mm->areas, sum);
		sum = rangemap_digest(&mm->regions, sum);
	}
	for (uint32_t i = 0; i < host->memory_files.count; i++) {
		const struct memory_file *file = &host->memory_files.items[i];

		if (!file->alive)
			continue;
		sum = mix(sum, (uint64_t)i << 1 | file->huge);
		sum = mix(sum, file->size);
	}
	return sum;
}

/* Memory that exists, and what it holds; who has it is a matter of the audit. */
static uint64_t mix_pages(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->mms.count; i++) {
		sum = mix(sum, host->mms.items[i].has_pinned);
		sum = rangemap_digest(&host->mms.items[i].pages, sum);
	}
	for (uint32_t i = 0; i < host->memory_files.count; i++) {
		sum = mix(sum, host->memory_files.items[i].reserved);
		sum = rangemap_digest(&host->memory_files.items[i].pages, sum);
	}
	sum = mix(sum, host->lost_pins.count);
	sum = mix(sum, host->huge_pages_used << 32 | host->huge_pages_reserved);
	return rangemap_digest(&host->contents, sum);
}

static uint64_t mix_files(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->files.count; i++) {
		const struct file *file = &host->files.items[i];

		/* A free place is no state, nor what it was used for before. */
		if (file->kind == FILE_FREE)
			continue;
		sum = mix(sum, (uint64_t)i << 32 | file->kind);
		sum = mix(sum, file->references);
		sum = mix(sum, (uint64_t)file->object << 32 | file->flags);
	}
	return sum;
}

static uint64_t mix_containers(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->containers.count; i++) {
		const struct container *container = &host->containers.items[i];

		if (!container->alive)
			continue;
		sum = mix(sum, (uint64_t)i << 32 | container->references);
		sum = mix(sum, (uint64_t)container->iommu << 8 | (unsigned)container->kind << 1 | container->noiommu);
	}
	for (uint32_t i = 0; i < host->groups.count; i++) {
		const struct group *group = &host->groups.items[i];

		sum = mix(sum, (uint64_t)group->file << 1 | group->offered);
		sum = mix(sum, (uint64_t)group->container << 32 | group->users);
		sum = mix(sum, group->attached << 2 | (unsigned)group->windows_denied << 1 | group->pinned_scope);
		sum = mix(sum, (uint64_t)group->iommufd << 32 | group->joined);
		sum = mix(sum, (uint64_t)group->hold << 1 | group->devices_lost);
	}
	return sum;
}

static uint64_t mix_pinner(uint64_t sum, const struct pinner *pinner)
{
	sum = mix(sum, pinner->iova);
	sum = mix(sum, pinner->count);
	sum = mix(sum, pinner->prot);
	sum = mix(sum, pinner->command);
	sum = mix(sum, pinner->result);
	sum = mix(sum, pinner->pinned);
	sum = mix(sum, pinner->unmaps);
	sum = mix(sum, pinner->unmap_iova);
	sum = mix(sum, pinner->unmap_length);
	for (uint32_t i = 0; i < pinner->pins.count; i++) {
		sum = mix(sum, pinner->pins.items[i].iova);
		sum = mix(sum, pinner->pins.items[i].count);
	}
	return rangemap_digest(&pinner->window, sum);
}

static uint64_t mix_devices(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device_state *device = &host->devices.items[i];

		/* A device that nobody has opened is as it was, unless it was taken from its driver. */
		sum = mix(sum, (uint64_t)device->presence << 33 | (uint64_t)device->unbound << 32 | device->open_count);
		if (!device->open_count && !device->told)
			continue;
		sum = mix(sum, (uint64_t)device->iommufd << 4 | (unsigned)device->own_file << 1 | device->contained);
		sum = mix(sum, (uint64_t)device->ioas << 32 | device->id);
		sum = mix(sum, (uint64_t)device->irq_type << 8 | (unsigned)device->told << 4 |
				   (unsigned)device->bus_master << 3 | (unsigned)device->memory_enabled << 2 |
				   (unsigned)device->error_trigger << 1 | device->request_trigger);
		for (uint32_t k = 0; k < device->ioeventfds.count; k++) {
			const struct ioeventfd *ioeventfd = &device->ioeventfds.items[k];

			sum = mix(sum, ioeventfd->offset);
			sum = mix(sum, ioeventfd->data);
			sum = mix(sum, ioeventfd->width);
		}
		sum = mix(sum, device->edu.source);
		sum = mix(sum, device->edu.target);
		sum = mix(sum, device->edu.count);
		sum = mix(sum, (uint64_t)device->edu.liveness << 2 | (unsigned)device->edu.alive << 1 |
				   device->edu.to_memory);
		sum = mix(sum, device->edu.waits);
		sum = mix_pinner(sum, &device->pinner);
	}
	return sum;
}

/* Pages that the kernel has lost track of lie there until others are put in their place, even if that fails. */
static uint64_t mix_table(uint64_t sum, const struct type1 *iommu)
{
	uint64_t at = 0;

	for (const struct range *run; (run = rangemap_overlap(&iommu->table, at, UINT64_MAX)); at = run->last + 1) {
		if (rangemap_overlap(&iommu->mappings, run->first, run->last)) {
			sum = mix(sum, run->first);
			sum = mix(sum, run->last);
			sum = mix(sum, run->value);
			sum = mix(sum, run->tag);
		}
		if (run->last == UINT64_MAX)
			break;
	}
	return sum;
}

/* The kernel's tree is no state of its own: a mapping that fails is put in and taken out, and so may turn it round. */
static uint64_t mix_mappings(uint64_t sum, const struct type1 *iommu)
{
	sum = rangemap_digest(&iommu->mappings, sum);
	for (uint32_t i = 0; i < iommu->tops.count; i++) {
		const struct range *mapping = &iommu->tops.items[i].mapping;

		sum = mix(sum, mapping->first);
		sum = mix(sum, mapping->value);
		sum = mix(sum, mapping->weight);
		sum = mix(sum, (uint64_t)mapping->tag << 32 | mapping->serial);
	}
	sum = rangemap_digest(&iommu->dirty, sum);
	sum = rangemap_digest(&iommu->tails, sum);
	sum = mix_table(sum, iommu);
	sum = rangemap_digest(&iommu->held, sum);
	return rangemap_digest(&iommu->pinned, sum);
}

static uint64_t mix_iommus(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->iommus.count; i++) {
		const struct type1 *iommu = &host->iommus.items[i];

		if (!iommu->alive)
			continue;
		sum = mix(sum, i);
		sum = mix(sum, (unsigned)iommu->v2 << 2 | (unsigned)iommu->nesting << 1 | iommu->tracking);
		sum = mix(sum, (uint64_t)iommu->pasid_mm << 1 | !!iommu->nested);
		sum = rangemap_digest(&iommu->bound, sum);
		sum = mix(sum, (uint64_t)iommu->backed_groups << 32 | iommu->emulated_groups);
		sum = mix(sum, (uint64_t)iommu->entries_left << 32 | iommu->invalid_vaddrs);
		sum = mix(sum, iommu->page_sizes);
		for (uint32_t k = 0; k < iommu->windows.count; k++) {
			sum = mix(sum, iommu->windows.items[k].first);
			sum = mix(sum, iommu->windows.items[k].last);
		}
		sum = mix_mappings(sum, iommu);
	}
	return sum;
}

static uint64_t mix_spaprs(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->spaprs.count; i++) {
		const struct spapr *spapr = &host->spaprs.items[i];

		if (!spapr->alive)
			continue;
		sum = mix(sum, (uint64_t)i << 3 | (unsigned)spapr->v2 << 2 | (unsigned)spapr->enabled << 1 |
				   spapr->default_pending);
		sum = mix(sum, (uint64_t)spapr->mm << 32 | spapr->groups);
		sum = mix(sum, spapr->locked);
		sum = rangemap_digest(&spapr->registered, sum);
		sum = rangemap_digest(&spapr->table, sum);
		for (unsigned t = 0; t < TCE_WINDOWS; t++) {
			const struct tce_table *table = &spapr->tables[t];

			sum = mix(sum, (uint64_t)table->page_shift << 32 | table->levels);
			sum = mix(sum, table->first);
			sum = mix(sum, table->last);
			sum = mix(sum, table->charged);
			sum = tce_table_digest(table, sum);
		}
	}
	return sum;
}

static uint64_t mix_iommufds(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->iommufds.count; i++) {
		const struct iommufd *iommufd = &host->iommufds.items[i];

		if (iommufd->alive)
			sum = mix(sum, (uint64_t)i << 32 | (unsigned)iommufd->noiommu);
		if (iommufd->alive)
			sum = mix(sum, iommufd->ioas);
	}
	for (uint32_t i = 0; i < host->ioases.count; i++) {
		const struct ioas *ioas = &host->ioases.items[i];

		if (ioas->iommufd == NOTHING)
			continue;
		sum = mix(sum, (uint64_t)i << 32 | ioas->iommufd);
		sum = mix(sum, (uint64_t)ioas->attached << 1 | ioas->small_pages);
		sum = mix(sum, ioas->accesses);
		sum = mix(sum, (uint64_t)ioas->table_id << 32 | ioas->id);
		sum = mix(sum, ioas->attached ? ioas->page_sizes : 0);
		sum = rangemap_digest(&ioas->areas, sum);
		sum = rangemap_digest(&ioas->table, sum);
		sum = rangemap_digest(&ioas->held, sum);
	}
	for (uint32_t i = 0; i < host->pages.count; i++) {
		const struct pages *pages = &host->pages.items[i];

		if (!pages->areas)
			continue;
		sum = mix(sum, (uint64_t)i << 32 | pages->areas);
		sum = mix(sum, (uint64_t)pages->mm << 32 | pages->task);
		sum = mix(sum, (uint64_t)pages->access << 1 | pages->accounted);
	}
	return mix(sum, host->user_locked);
}

static uint64_t mix_ioasids(uint64_t sum, const struct ioasid_space *space)
{
	for (uint32_t i = 0; i < space->ids.count; i++) {
		const struct ioasid *id = &space->ids.items[i];

		sum = mix(sum, (uint64_t)id->id << 32 | id->owner.kind);
		sum = mix(sum, (uint64_t)id->owner.index << 32 | id->bound);
		sum = mix(sum, id->leaving);
	}
	return mix(sum, space->ids.count);
}

static uint64_t mix_guests(uint64_t sum, const struct host *host)
{
	for (uint32_t i = 0; i < host->guests.count; i++) {
		const struct guest *guest = &host->guests.items[i];

		if (!guest->alive)
			continue;
		sum = mix(sum, i);
		sum = mix(sum, (uint64_t)guest->allocator << 32 | guest->viommu_count);
		for (uint32_t k = 0; k < guest->viommu_count; k++) {
			const struct viommu *viommu = &guest->viommus[k];

			sum = mix(sum, (uint64_t)viommu->fault << 4 | (unsigned)viommu->ready << 3 |
					   (unsigned)viommu->pending << 2 | (unsigned)viommu->shown << 1 |
					   viommu->fetched);
			sum = mix(sum, (uint64_t)viommu->command << 32 | viommu->operand);
			sum = mix(sum, (uint64_t)viommu->answer << 32 | viommu->id);
		}
		sum = mix_ioasids(sum, &guest->ids);
	}
	return sum;
}

struct host_digest host_digest(const struct host *host)
{
	struct host_digest digest = {.objects = 0};

	digest.objects = mix_tasks(digest.objects, host);
	digest.objects = mix_memory(digest.objects, host);
	digest.objects = mix_files(digest.objects, host);
	digest.objects = mix_containers(digest.objects, host);
	digest.objects = mix_devices(digest.objects, host);
	digest.objects = mix_iommus(digest.objects, host);
	digest.objects = mix_spaprs(digest.objects, host);
	digest.objects = tce_put_digest(host, digest.objects);
	digest.objects = mix_iommufds(digest.objects, host);
	digest.objects = mix_ioasids(digest.objects, &host->ioasids);
	digest.objects = mix_guests(digest.objects, host);
	digest.pages = mix_pages(0, host);
	return digest;
}
