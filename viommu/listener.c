/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the following of a guest by VFIO calls, and the bugs that it can have. */
#include "viommu/listener.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vfiosim/uapi.h"

#define MEMORY UINT64_C(0x100000000000) /* where the client has the guest's */
#define WORDS  UINT64_C(0x7473657567000000)

/* What the IOMMU's region is: all addresses of 39 bits but the place where interrupts go. */
static const struct {
	uint64_t iova, size;
} windows[] = {{0, 0xfee00000}, {0xfef00000, 0x8000000000 - 0xfef00000}};

const struct client_bug_desc client_bugs[CLIENT_BUG_COUNT] = {
#define CLIENT_BUG(id, name, rule, sentence, source) [CLIENT_BUG_##id] = {name, SPACE_RULE_##rule, sentence, source},
#include "viommu/bugs.def"
};

enum client_bug client_bug_by_name(const char *name)
{
	unsigned bug = 0;

	while (bug < CLIENT_BUG_COUNT && strcmp(client_bugs[bug].name, name))
		bug++;
	return (enum client_bug)bug;
}

uint64_t listener_address(uint32_t page)
{
	return MEMORY + (uint64_t)page * GUEST_PAGE;
}

uint64_t listener_word(uint32_t page)
{
	return WORDS | page;
}

/* ---- what is mapped ------------------------------------------------------------------------ */

static void map_pages(struct listener *listener, const struct address_space *space, uint32_t iova, uint32_t page,
		      uint32_t count, bool writable)
{
	port_map(listener->port, space->container, listener_address(page), (uint64_t)iova * GUEST_PAGE,
		 (uint64_t)count * GUEST_PAGE, writable);
}

static void unmap_pages(struct listener *listener, const struct address_space *space, uint32_t iova, uint32_t count)
{
	port_unmap(listener->port, space->container, (uint64_t)iova * GUEST_PAGE, (uint64_t)count * GUEST_PAGE);
}

static void map_entry(struct listener *listener, const struct address_space *space, uint32_t iova,
		      const struct guest_entry *entry)
{
	const struct guest_piece *piece = guest_piece_at(listener->guest, iova);
	uint32_t page = entry->page;

	if (listener->bugs[CLIENT_BUG_MAP_UNTRANSLATED] && piece && iova + entry->span <= piece->first + piece->count)
		page = iova;
	map_pages(listener, space, iova, page, entry->span,
		  entry->writable || listener->bugs[CLIENT_BUG_ACCESS_WIDENED]);
}

static void add_memory(struct listener *listener, const struct address_space *space)
{
	for (uint32_t i = 0; i < GUEST_PIECES; i++) {
		const struct guest_piece *piece = &listener->guest->pieces[i];

		if (piece->plugged)
			map_pages(listener, space, piece->first, piece->first, piece->count, piece->writable);
	}
}

static void del_memory(struct listener *listener, const struct address_space *space)
{
	bool missed = !listener->bugs[CLIENT_BUG_REGION_DEL_MISSED];

	for (uint32_t i = GUEST_PIECES; i-- > 0;) {
		const struct guest_piece *piece = &listener->guest->pieces[i];

		if (piece->plugged && missed)
			unmap_pages(listener, space, piece->first, piece->count);
		missed |= piece->plugged;
	}
}

static void replay(struct listener *listener, const struct address_space *space)
{
	const struct guest_domain *domain = &listener->guest->domains[space->domain];
	uint32_t left = 0;

	for (uint32_t iova = 0; iova < GUEST_PAGES; iova++)
		left += domain->entries[iova].span != 0;
	if (left && listener->bugs[CLIENT_BUG_REPLAY_SKIPS])
		left--;
	for (uint32_t iova = 0; iova < GUEST_PAGES && left; iova++) {
		if (!domain->entries[iova].span)
			continue;
		map_entry(listener, space, iova, &domain->entries[iova]);
		left--;
	}
}

static void unmap_all(struct listener *listener, const struct address_space *space)
{
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		port_unmap(listener->port, space->container, windows[i].iova, windows[i].size);
}

/* ---- spaces that change --------------------------------------------------------------------- */

/* The guest's space of the device that an address space follows is there from now on. */
static void enter(struct listener *listener, struct address_space *space)
{
	space->shows = guest_space(listener->guest, space->follows);
	space->domain = listener->guest->devices[space->follows].domain;
	if (space->shows == GUEST_SPACE_DOMAIN)
		replay(listener, space);
	else if (space->shows == GUEST_SPACE_MEMORY &&
		 !(listener->guest->translating && listener->bugs[CLIENT_BUG_PASS_THROUGH_EMPTY]))
		add_memory(listener, space);
}

static void leave(struct listener *listener, const struct address_space *space)
{
	if (space->shows == GUEST_SPACE_MEMORY)
		del_memory(listener, space);
	else
		unmap_all(listener, space);
}

static bool is_up_to_date(const struct listener *listener, const struct address_space *space)
{
	return space->shows == guest_space(listener->guest, space->follows) &&
	       (space->shows != GUEST_SPACE_DOMAIN || space->domain == listener->guest->devices[space->follows].domain);
}

static void change(struct listener *listener, struct address_space *space)
{
	const struct address_space before = *space;
	const bool to_memory = guest_space(listener->guest, space->follows) == GUEST_SPACE_MEMORY;
	const bool from_memory = before.shows == GUEST_SPACE_MEMORY;
	const bool *bugs = listener->bugs;

	if (from_memory && bugs[CLIENT_BUG_SWAP_BACKWARDS]) {
		enter(listener, space);
		leave(listener, &before);
		return;
	}
	if (from_memory || !bugs[to_memory ? CLIENT_BUG_TRANSLATIONS_LEFT : CLIENT_BUG_DOMAIN_KEPT])
		leave(listener, &before);
	if (to_memory && bugs[CLIENT_BUG_MEMORY_FORGOTTEN])
		space->shows = GUEST_SPACE_MEMORY;
	else
		enter(listener, space);
}

void listener_follow(struct listener *listener)
{
	if (!listener->bugs[CLIENT_BUG_MAP_AFTER_TOGGLE])
		listener->pending_count = 0;
	for (uint32_t i = 0; i < GUEST_DEVICES_MAX; i++)
		if (listener->spaces[i].devices && !is_up_to_date(listener, &listener->spaces[i]) &&
		    !listener->bugs[CLIENT_BUG_SPACE_FIXED])
			change(listener, &listener->spaces[i]);
	listener_deliver(listener, listener->pending_count);
}

/* ---- notifications --------------------------------------------------------------------------- */

static bool shows_domain(const struct address_space *space, uint32_t domain)
{
	return space->devices && space->shows == GUEST_SPACE_DOMAIN && space->domain == domain;
}

void listener_notify_map(struct listener *listener, uint32_t domain, uint32_t iova, const struct guest_entry *entry)
{
	for (uint32_t i = 0; i < GUEST_DEVICES_MAX; i++)
		if (shows_domain(&listener->spaces[i], domain))
			map_entry(listener, &listener->spaces[i], iova, entry);
}

void listener_notify_unmap(struct listener *listener, uint32_t domain, uint32_t iova, uint32_t span)
{
	for (uint32_t i = 0; i < GUEST_DEVICES_MAX; i++)
		if (shows_domain(&listener->spaces[i], domain) && !listener->bugs[CLIENT_BUG_UNMAP_UNNOTIFIED])
			unmap_pages(listener, &listener->spaces[i], iova, span);
}

void listener_notify_remap(struct listener *listener, uint32_t domain, uint32_t iova, const struct guest_entry *entry)
{
	if (!listener->bugs[CLIENT_BUG_REMAP_IN_PLACE])
		listener_notify_unmap(listener, domain, iova, entry->span);
	listener_notify_map(listener, domain, iova, entry);
}

void listener_queue_map(struct listener *listener, uint32_t domain, uint32_t iova, const struct guest_entry *entry)
{
	for (uint32_t i = 0; i < GUEST_DEVICES_MAX; i++)
		if (shows_domain(&listener->spaces[i], domain) && listener->pending_count < NOTIFICATIONS_MAX)
			listener->pending[listener->pending_count++] =
			    (struct notification){.space = i, .iova = iova, .entry = *entry};
}

void listener_deliver(struct listener *listener, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		map_entry(listener, &listener->spaces[listener->pending[i].space], listener->pending[i].iova,
			  &listener->pending[i].entry);
	listener->pending_count -= count;
	memmove(listener->pending, listener->pending + count, listener->pending_count * sizeof(listener->pending[0]));
}

/* ---- memory and devices that come and go ------------------------------------------------------- */

/* Memory that says of each page which one it is. */
static void make_memory(struct listener *listener, const struct guest_piece *piece)
{
	port_mmap(listener->port, listener_address(piece->first), (uint64_t)piece->count * GUEST_PAGE);
	for (uint32_t i = 0; i < piece->count; i++)
		port_poke(listener->port, listener_address(piece->first + i), listener_word(piece->first + i));
}

void listener_memory_add(struct listener *listener, const struct guest_piece *piece)
{
	make_memory(listener, piece);
	for (uint32_t i = 0; i < GUEST_DEVICES_MAX; i++)
		if (listener->spaces[i].devices && listener->spaces[i].shows == GUEST_SPACE_MEMORY)
			map_pages(listener, &listener->spaces[i], piece->first, piece->first, piece->count,
				  piece->writable);
}

void listener_memory_del(struct listener *listener, const struct guest_piece *piece)
{
	for (uint32_t i = 0; i < GUEST_DEVICES_MAX; i++)
		if (listener->spaces[i].devices && listener->spaces[i].shows == GUEST_SPACE_MEMORY)
			unmap_pages(listener, &listener->spaces[i], piece->first, piece->count);
	port_munmap(listener->port, listener_address(piece->first), (uint64_t)piece->count * GUEST_PAGE);
}

void listener_begin(struct listener *listener, const struct guest *guest, struct port *port)
{
	listener->guest = guest;
	listener->port = port;
	listener->pending_count = 0;
	memset(listener->spaces, 0, sizeof(listener->spaces));
	for (uint32_t i = 0; i < GUEST_PIECES; i++)
		if (guest->pieces[i].plugged)
			make_memory(listener, &guest->pieces[i]);
}

/* The address space that a device is put into. */
static uint32_t space_for(const struct listener *listener, uint32_t device)
{
	return listener->guest->has_iommu && !listener->bugs[CLIENT_BUG_ONE_CONTAINER] ? device : 0;
}

void listener_plug(struct listener *listener, uint32_t device)
{
	const struct device *of = listener->guest->devices[device].device;
	struct listener_device *plugged = &listener->devices[device];
	struct address_space *space;
	struct port *port = listener->port;
	char path[32];

	plugged->space = space_for(listener, device);
	space = &listener->spaces[plugged->space];
	snprintf(path, sizeof(path), "/dev/vfio/%" PRIu32, of->group);
	plugged->group = port_open(port, path);
	if (!space->devices)
		space->container = port_open(port, "/dev/vfio/vfio");
	port_ioctl_int(port, plugged->group, "VFIO_GROUP_SET_CONTAINER", space->container);
	if (!space->devices++) {
		port_ioctl(port, space->container, "VFIO_SET_IOMMU", VFIO_TYPE1v2_IOMMU);
		space->follows = device;
		space->shows = GUEST_SPACE_NOTHING;
		if (!listener->guest->translating || !listener->bugs[CLIENT_BUG_PLUG_EMPTY])
			enter(listener, space);
	}
	plugged->fd = port_ioctl_string(port, plugged->group, "VFIO_GROUP_GET_DEVICE_FD", of->name);
}

/* A device that is still in an address space; there is one. */
static uint32_t device_in(const struct listener *listener, uint32_t space)
{
	uint32_t device = 0;

	while (!listener->guest->devices[device].plugged || listener->devices[device].space != space)
		device++;
	return device;
}

void listener_unplug(struct listener *listener, uint32_t device)
{
	const struct listener_device *plugged = &listener->devices[device];
	struct address_space *space = &listener->spaces[plugged->space];
	struct port *port = listener->port;

	if (!--space->devices)
		leave(listener, space);
	else if (space->follows == device)
		space->follows = device_in(listener, plugged->space);
	port_close(port, plugged->fd);
	if (listener->bugs[CLIENT_BUG_UNPLUG_KEEPS_GROUP])
		return;
	port_ioctl(port, plugged->group, "VFIO_GROUP_UNSET_CONTAINER", 0);
	port_close(port, plugged->group);
	if (!space->devices)
		port_close(port, space->container);
}
