/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The guest: a machine that somebody emulates, with memory, devices that are the host's, and perhaps an IOMMU.
 *
 * This is what is true, whoever follows it: which space each device is in, and what it should find there. Everything is
 * counted in pages of 4 KiB. Memory and IOVAs share the same few dozen page numbers, so that whoever takes one for the
 * other finds something, and the wrong thing.
 */
#ifndef VFIOSIM_VIOMMU_GUEST_H
#define VFIOSIM_VIOMMU_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "vfiosim/machine.h"

enum {
	GUEST_PAGE = 4096,
	GUEST_PAGES = 64, /* of IOVAs, and of memory's addresses */
	GUEST_PIECES = 4,
	GUEST_DOMAINS = 3,
	GUEST_DEVICES_MAX = 4,
	GUEST_SPAN_MAX = 4, /* pages that one translation covers */
};

/* A piece of memory. The last one comes and goes. */
struct guest_piece {
	uint32_t first, count; /* pages, by the guest's own addresses */
	bool writable;	       /* else it is a ROM */
	bool plugged;
};

/* What an IOVA leads to. */
struct guest_entry {
	uint32_t span; /* pages: a power of two, to which IOVA and page are aligned; 0: nothing is there */
	uint32_t page; /* the first page of memory */
	bool writable;
};

/* What the IOMMU translates for the devices in it, by the IOVA of each translation's first page. */
struct guest_domain {
	struct guest_entry entries[GUEST_PAGES];
};

/* What the IOMMU has been told of a device. */
enum guest_attachment { GUEST_NOWHERE, GUEST_DOMAIN, GUEST_PASSED_THROUGH };

struct guest_device {
	const struct device *device; /* the host's */
	bool emulated;		     /* mediated: nothing of the host translates for it */
	bool pinner, edu;	     /* it can be asked what it finds */
	bool plugged;
	enum guest_attachment attachment;
	uint32_t domain; /* with GUEST_DOMAIN */
};

struct guest {
	bool has_iommu;
	bool translating; /* the IOMMU is switched on */
	struct guest_piece pieces[GUEST_PIECES];
	struct guest_domain domains[GUEST_DOMAINS];
	struct guest_device devices[GUEST_DEVICES_MAX];
	uint32_t device_count;
};

/* Which space a device is in. */
enum guest_space { GUEST_SPACE_MEMORY, GUEST_SPACE_NOTHING, GUEST_SPACE_DOMAIN };

/*
 * A guest as it is switched on, none of its devices plugged yet. Its devices are the first of each group
 * of @machine that TYPE1 takes, and mediated devices; there may be none.
 */
void guest_begin(struct guest *guest, const struct machine *machine, bool has_iommu);

/* The space of device number @device; with GUEST_SPACE_DOMAIN it is the device's domain. */
enum guest_space guest_space(const struct guest *guest, uint32_t device);

/* Whether two devices are in the same space. */
bool guest_same_space(const struct guest *guest, uint32_t a, uint32_t b);

/* What is at an IOVA, as one page: false if nothing is. */
bool guest_finds(const struct guest *guest, uint32_t device, uint32_t iova, struct guest_entry *entry);

/* The plugged piece that has a page, or NULL. */
const struct guest_piece *guest_piece_at(const struct guest *guest, uint32_t page);

/* The translation that covers an IOVA; NULL if none does. @first is where it begins. */
const struct guest_entry *guest_translation(const struct guest_domain *domain, uint32_t iova, uint32_t *first);

/* Whether nothing is translated in [iova, iova + span). */
bool guest_is_free(const struct guest_domain *domain, uint32_t iova, uint32_t span);

#endif
