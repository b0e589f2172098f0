/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The audit of ids of address spaces: host, guests and containers agree who has which.
 */
#include "audit.h"
#include "type1.h"

/* Whether an id of the host has been granted by a vIOMMU and waits there to be fetched. */
static bool waits_in_viommu(const struct guest *guest, uint32_t id)
{
	for (uint32_t i = 0; i < guest->viommu_count; i++)
		if (guest->viommus[i].answer == RULE_VCMD_ALLOC && !guest->viommus[i].fetched &&
		    guest->viommus[i].id == id)
			return true;
	return false;
}

/* Whether a guest whose allocator asks the host has exactly those ids that the host says it has. */
static const char *compare_ids(struct host *host, uint32_t index)
{
	const struct guest *guest = &host->guests.items[index];
	const struct ioasid_owner owner = {.kind = IOASID_OF_GUEST, .index = index};

	for (uint32_t i = 0; i < guest->ids.ids.count; i++) {
		const struct ioasid *id = &guest->ids.ids.items[i];

		if (!id->leaving && !ioasid_is_of(&host->ioasids, owner, id->id))
			return audit_says(host, "guest %u has PASID %u, and the host does not know", index, id->id);
	}
	for (uint32_t i = 0; i < host->ioasids.ids.count; i++) {
		const uint32_t id = host->ioasids.ids.items[i].id;

		if (ioasid_is_of(&host->ioasids, owner, id) && !ioasid_at(&guest->ids, id) &&
		    !waits_in_viommu(guest, id))
			return audit_says(host, "PASID %u of guest %u is lost", id, index);
	}
	return NULL;
}

/* Whether guests live as long as their files, and every id of the host has an owner that does. */
static const char *check_guests(struct host *host)
{
	const char *text = NULL;

	for (uint32_t i = 0; i < host->guests.count && !text; i++) {
		uint32_t files = 0;

		for (uint32_t k = 0; k < host->files.count; k++)
			files += host->files.items[k].kind == FILE_GUEST && host->files.items[k].object == i;
		if (files != host->guests.items[i].alive)
			return audit_says(host, "guest %u has %u files", i, files);
		if (host->guests.items[i].alive && host->guests.items[i].allocator != NOTHING)
			text = compare_ids(host, i);
	}
	for (uint32_t i = 0; i < host->ioasids.ids.count && !text; i++) {
		const struct ioasid *id = &host->ioasids.ids.items[i];

		if (id->owner.kind == IOASID_OF_GUEST && !host->guests.items[id->owner.index].alive)
			text = audit_says(host, "PASID %u is of a guest that has ended", id->id);
	}
	return text;
}

/* PASIDs of a process are there as long as one of its containers is, and are bound as often as containers say. */
static const char *check_pasids(struct host *host)
{
	for (uint32_t i = 0; i < host->ioasids.ids.count; i++) {
		const struct ioasid *pasid = &host->ioasids.ids.items[i];
		uint32_t users = 0, bound = 0;

		if (pasid->owner.kind != IOASID_OF_PROCESS)
			continue;
		for (uint32_t k = 0; k < host->iommus.count; k++) {
			const struct type1 *iommu = &host->iommus.items[k];

			users += iommu->alive && iommu->pasid_mm == pasid->owner.index;
			bound += iommu->alive && rangemap_at(&iommu->bound, pasid->id);
		}
		if (!users || bound != pasid->bound)
			return audit_says(host, "PASID %u is of %u containers, and bound %u times of %u", pasid->id,
					  users, bound, pasid->bound);
	}
	for (uint32_t k = 0; k < host->iommus.count; k++)
		for (const struct range *bound = rangemap_from(&host->iommus.items[k].bound, 0); bound;
		     bound = rangemap_from(&host->iommus.items[k].bound, bound->last + 1))
			if (!ioasid_at(&host->ioasids, (uint32_t)bound->first))
				return audit_says(host, "PASID %llu is bound, and nobody has it",
						  (unsigned long long)bound->first);
	return NULL;
}

const char *audit_ids(struct host *host)
{
	const char *text = check_guests(host);

	return text ? text : check_pasids(host);
}
