/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The listener: what a program that emulates the guest tells VFIO, so that devices find what the guest says they do.
 *
 * It does as QEMU's does. A container stands for an address space: all devices share one, unless there is an IOMMU,
 * when each has its own. While a device is in memory, every piece of memory is a region that is mapped as one. When the
 * guest has it translated, these regions are deleted, and the IOMMU's region is added: its translations are replayed,
 * and from then on each that comes or goes is notified. Back again, the IOMMU's region is deleted whole, and memory is
 * added.
 */
#ifndef VFIOSIM_VIOMMU_LISTENER_H
#define VFIOSIM_VIOMMU_LISTENER_H

#include "viommu/guest.h"
#include "viommu/port.h"

enum client_bug {
#define CLIENT_BUG(id, ...) CLIENT_BUG_##id,
#include "viommu/bugs.def"
	CLIENT_BUG_COUNT
};

struct client_bug_desc {
	const char *name;     /* "replay-skips" */
	enum space_rule rule; /* that it breaks */
	const char *sentence; /* what goes wrong */
	const char *source;   /* who spoke of it, or where it would sit */
};

extern const struct client_bug_desc client_bugs[CLIENT_BUG_COUNT];

/* The bug with this name, or CLIENT_BUG_COUNT. */
enum client_bug client_bug_by_name(const char *name);

/* An address space: a container, and what is mapped there. */
struct address_space {
	uint32_t devices; /* in it; 0: there is none */
	int64_t container;
	uint32_t follows; /* the device whose space it is */
	enum guest_space shows;
	uint32_t domain; /* with GUEST_SPACE_DOMAIN */
};

struct listener_device {
	int64_t group, fd;
	uint32_t space; /* index of its address space */
};

/* A translation that is to be mapped. */
struct notification {
	uint32_t space, iova;
	struct guest_entry entry;
};

enum { NOTIFICATIONS_MAX = 64 };

struct listener {
	const struct guest *guest;
	struct port *port;
	bool bugs[CLIENT_BUG_COUNT];
	struct address_space spaces[GUEST_DEVICES_MAX];
	struct listener_device devices[GUEST_DEVICES_MAX];
	struct notification pending[NOTIFICATIONS_MAX]; /* on their way, first come first */
	uint32_t pending_count;
};

/* Where the client has a page of the guest's memory. */
uint64_t listener_address(uint32_t page);

/* The word that lies at the beginning of a page of the guest's memory. */
uint64_t listener_word(uint32_t page);

/* Begins with a guest that has no devices yet: its memory is made. Bugs stay as they are. */
void listener_begin(struct listener *listener, const struct guest *guest, struct port *port);

/* A piece of memory has been plugged, or is about to be unplugged: nothing translates to it any more. */
void listener_memory_add(struct listener *listener, const struct guest_piece *piece);
void listener_memory_del(struct listener *listener, const struct guest_piece *piece);

/* A device has been plugged, or unplugged. */
void listener_plug(struct listener *listener, uint32_t device);
void listener_unplug(struct listener *listener, uint32_t device);

/* The guest may have changed which space devices are in. What was still to be mapped in the spaces before is not. */
void listener_follow(struct listener *listener);

/* A domain has a translation more, one less, or another in the place of @old. */
void listener_notify_map(struct listener *listener, uint32_t domain, uint32_t iova, const struct guest_entry *entry);
void listener_notify_unmap(struct listener *listener, uint32_t domain, uint32_t iova, uint32_t span);
void listener_notify_remap(struct listener *listener, uint32_t domain, uint32_t iova, const struct guest_entry *entry);

/* Puts a notification of a translation more behind those that are on their way; and lets @count of them arrive. */
void listener_queue_map(struct listener *listener, uint32_t domain, uint32_t iova, const struct guest_entry *entry);
void listener_deliver(struct listener *listener, uint32_t count);

#endif
