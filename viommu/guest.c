/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns what is true of a guest: its memory, its devices, and the tables of its IOMMU. */
#include "viommu/guest.h"

#include <string.h>

/* None is a power of two: no translation looks like one of them. The last one is on a board that can be pulled. */
static const struct guest_piece pieces[GUEST_PIECES] = {
    {.first = 0, .count = 10, .writable = true, .plugged = true},
    {.first = 12, .count = 3, .plugged = true},
    {.first = 16, .count = 7, .writable = true, .plugged = true},
    {.first = 32, .count = 5, .writable = true, .plugged = true},
};

static const struct machine_group *group_of(const struct machine *machine, const struct device *device)
{
	for (size_t i = 0; i < machine->group_count; i++)
		if (machine->groups[i].number == device->group)
			return &machine->groups[i];
	return NULL;
}

static bool group_is_taken(const struct guest *guest, uint32_t group)
{
	for (uint32_t i = 0; i < guest->device_count; i++)
		if (guest->devices[i].device->group == group)
			return true;
	return false;
}

/* Whether all of the group can be handed out: no device of it is in the host's hands. */
static bool group_is_viable(const struct machine *machine, uint32_t group)
{
	for (size_t i = 0; i < machine->device_count; i++)
		if (machine->devices[i].group == group && machine->devices[i].driver == DRIVER_HOST)
			return false;
	return true;
}

/* Whether the guest's memory can be mapped for a device: by TYPE1, page by page, from IOVA 0 on. */
static bool is_fit(const struct machine *machine, const struct device *device)
{
	const struct machine_group *group = group_of(machine, device);

	if (!group || group->noiommu || !group_is_viable(machine, device->group))
		return false;
	if (group->emulated)
		return device->driver == DRIVER_MDEV;
	return device->driver == DRIVER_VFIO_PCI && machine->iommu != IOMMU_SPAPR_POWERNV &&
	       machine->iommu != IOMMU_SPAPR_PSERIES && group->translation.page_sizes & GUEST_PAGE &&
	       !group->translation.aperture.first;
}

void guest_begin(struct guest *guest, const struct machine *machine, bool has_iommu)
{
	memset(guest, 0, sizeof(*guest));
	memcpy(guest->pieces, pieces, sizeof(pieces));
	guest->has_iommu = has_iommu;
	for (size_t i = 0; i < machine->device_count && guest->device_count < GUEST_DEVICES_MAX; i++) {
		const struct device *device = &machine->devices[i];

		if (!is_fit(machine, device) || group_is_taken(guest, device->group))
			continue;
		guest->devices[guest->device_count++] =
		    (struct guest_device){.device = device,
					  .emulated = device->driver == DRIVER_MDEV,
					  .pinner = strcmp(device->model, "pinner") == 0,
					  .edu = strcmp(device->model, "edu") == 0};
	}
}

enum guest_space guest_space(const struct guest *guest, uint32_t device)
{
	const struct guest_device *of = &guest->devices[device];

	if (!guest->translating || of->attachment == GUEST_PASSED_THROUGH)
		return GUEST_SPACE_MEMORY;
	return of->attachment == GUEST_DOMAIN ? GUEST_SPACE_DOMAIN : GUEST_SPACE_NOTHING;
}

bool guest_same_space(const struct guest *guest, uint32_t a, uint32_t b)
{
	const enum guest_space space = guest_space(guest, a);

	return space == guest_space(guest, b) &&
	       (space != GUEST_SPACE_DOMAIN || guest->devices[a].domain == guest->devices[b].domain);
}

const struct guest_piece *guest_piece_at(const struct guest *guest, uint32_t page)
{
	for (uint32_t i = 0; i < GUEST_PIECES; i++) {
		const struct guest_piece *piece = &guest->pieces[i];

		if (piece->plugged && page >= piece->first && page - piece->first < piece->count)
			return piece;
	}
	return NULL;
}

const struct guest_entry *guest_translation(const struct guest_domain *domain, uint32_t iova, uint32_t *first)
{
	for (uint32_t span = 1; span <= GUEST_SPAN_MAX; span *= 2) {
		*first = iova & ~(span - 1);
		if (domain->entries[*first].span > iova - *first)
			return &domain->entries[*first];
	}
	return NULL;
}

bool guest_is_free(const struct guest_domain *domain, uint32_t iova, uint32_t span)
{
	uint32_t first;

	for (uint32_t i = 0; i < span; i++)
		if (guest_translation(domain, iova + i, &first))
			return false;
	return true;
}

bool guest_finds(const struct guest *guest, uint32_t device, uint32_t iova, struct guest_entry *entry)
{
	const struct guest_piece *piece;
	const struct guest_entry *translation;
	uint32_t first;

	switch (guest_space(guest, device)) {
	case GUEST_SPACE_MEMORY:
		piece = guest_piece_at(guest, iova);
		if (!piece)
			return false;
		*entry = (struct guest_entry){.span = 1, .page = iova, .writable = piece->writable};
		return true;
	case GUEST_SPACE_DOMAIN:
		translation = guest_translation(&guest->domains[guest->devices[device].domain], iova, &first);
		if (!translation)
			return false;
		*entry = (struct guest_entry){
		    .span = 1, .page = translation->page + (iova - first), .writable = translation->writable};
		return true;
	case GUEST_SPACE_NOTHING:
		break;
	}
	return false;
}
