/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns what should be, as the guest has it. */
#include "viommu/twin.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vfiosim/uapi.h"

/* A page of IOVAs as a container has it. */
struct mapped {
	bool present, writable;
	uint64_t address;
};

void twin_begin(struct twin *twin, const struct guest *guest)
{
	*twin = (struct twin){.guest = guest};
}

void twin_fault(struct twin *twin, enum space_rule rule, const char *format, ...)
{
	struct twin_fault *fault = &twin->faults[twin->fault_count];
	va_list arguments;

	for (uint32_t i = 0; i < twin->fault_count; i++)
		if (twin->faults[i].rule == rule)
			return;
	twin->fault_count++;
	fault->rule = rule;
	va_start(arguments, format);
	vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
}

static uint32_t container_of(const struct twin *twin, const struct host *host, uint32_t device)
{
	return host_container_of_group(host, twin->guest->devices[device].device->group);
}

/* ---- pins ----------------------------------------------------------------------------------- */

static void forget_pin(struct twin *twin, uint32_t index)
{
	memmove(twin->pins + index, twin->pins + index + 1, (--twin->pin_count - index) * sizeof(twin->pins[0]));
}

/* A pin goes whole when one page of it is unmapped. */
static void forget_pins_in(struct twin *twin, const struct host *host, uint32_t container, uint64_t first,
			   uint64_t size)
{
	for (uint32_t i = 0; i < twin->pin_count;) {
		const struct twin_pin *pin = &twin->pins[i];
		const uint64_t begin = (uint64_t)pin->first * GUEST_PAGE, length = (uint64_t)pin->count * GUEST_PAGE;

		if (container_of(twin, host, pin->device) == container && begin < first + size &&
		    first < begin + length)
			forget_pin(twin, i);
		else
			i++;
	}
}

void twin_see(struct twin *twin, const struct host *host, const struct event *event)
{
	const struct ioctl_row *row = event->call.ioctl;
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = 0};

	if (!row || row->number != VFIO_IOMMU_UNMAP_DMA || row->owner != OWNER_TYPE1)
		return;
	struct_load(row->layout, &unmap, event->call.buffers[0].in, event->call.buffers[0].length);
	forget_pins_in(twin, host, host_container(host, 1, (int)event->call.args[0]), unmap.iova, unmap.size);
}

void twin_unplug(struct twin *twin, uint32_t device)
{
	for (uint32_t i = 0; i < twin->pin_count;) {
		if (twin->pins[i].device == device)
			forget_pin(twin, i);
		else
			i++;
	}
}

void twin_pin(struct twin *twin, uint32_t device, uint32_t first, uint32_t count, bool writing, bool pinned)
{
	struct guest_entry entry;
	bool possible = true;

	for (uint32_t i = 0; i < count; i++)
		possible &= guest_finds(twin->guest, device, first + i, &entry) && (entry.writable || !writing);
	if (pinned != possible)
		twin_fault(twin, SPACE_RULE_PAGE, "%u pages at IOVA 0x%x were %spinned", count, first * GUEST_PAGE,
			   pinned ? "" : "not ");
	if (pinned && twin->pin_count < TWIN_PINS_MAX)
		twin->pins[twin->pin_count++] = (struct twin_pin){.device = device, .first = first, .count = count};
}

void twin_unpin(struct twin *twin, uint32_t device, uint32_t first, uint32_t count, bool unpinned)
{
	uint32_t i = 0;

	while (i < twin->pin_count &&
	       (twin->pins[i].device != device || twin->pins[i].first != first || twin->pins[i].count != count))
		i++;
	if (unpinned != (i < twin->pin_count))
		twin_fault(twin, SPACE_RULE_PIN, "%u pages at IOVA 0x%x were %spinned", count, first * GUEST_PAGE,
			   unpinned ? "still " : "no longer ");
	if (i < twin->pin_count)
		forget_pin(twin, i);
}

void twin_load(struct twin *twin, uint32_t device, uint32_t iova, bool loaded, uint64_t word)
{
	struct guest_entry entry;
	const bool possible = guest_finds(twin->guest, device, iova, &entry);

	if (loaded != possible)
		twin_fault(twin, SPACE_RULE_PAGE, "IOVA 0x%x was %sread", iova * GUEST_PAGE, loaded ? "" : "not ");
	else if (loaded && word != listener_word(entry.page))
		twin_fault(twin, SPACE_RULE_PAGE, "at IOVA 0x%x lies 0x%" PRIx64 ", and not page 0x%x",
			   iova * GUEST_PAGE, word, entry.page);
}

void twin_move(struct twin *twin, uint32_t device, uint32_t iova, uint64_t word)
{
	struct guest_entry entry;
	const uint64_t expected = guest_finds(twin->guest, device, iova, &entry) ? listener_word(entry.page) : 0;

	if (word != expected)
		twin_fault(twin, SPACE_RULE_PAGE, "from IOVA 0x%x came 0x%" PRIx64 ", and not 0x%" PRIx64,
			   iova * GUEST_PAGE, word, expected);
}

uint64_t twin_pinned(const struct twin *twin, uint32_t device)
{
	uint64_t pinned = 0;

	for (uint32_t i = 0; i < twin->pin_count; i++)
		if (twin->pins[i].device == device)
			pinned += twin->pins[i].count;
	return pinned;
}

/* ---- what is mapped -------------------------------------------------------------------------- */

/* The container's mappings, page by page. */
static void list_mapped(struct twin *twin, const struct host *host, uint32_t container, struct mapped *pages)
{
	struct host_mapping mapping = {.first = 0};

	memset(pages, 0, GUEST_PAGES * sizeof(*pages));
	for (uint64_t iova = 0; host_mapping_from(host, container, iova, &mapping); iova = mapping.last + 1) {
		if (mapping.last >= (uint64_t)GUEST_PAGES * GUEST_PAGE) {
			twin_fault(twin, SPACE_RULE_LEFT, "IOVA 0x%" PRIx64 " is mapped", mapping.last);
			return;
		}
		for (uint64_t at = mapping.first; at < mapping.last; at += GUEST_PAGE)
			pages[at / GUEST_PAGE] = (struct mapped){.present = true,
								 .writable = mapping.write,
								 .address = mapping.vaddr + (at - mapping.first)};
	}
}

static void compare_page(struct twin *twin, uint32_t device, uint32_t iova, const struct mapped *mapped)
{
	const char *name = twin->guest->devices[device].device->name;
	struct guest_entry entry;
	const bool found = guest_finds(twin->guest, device, iova, &entry);

	if (mapped->present && !found)
		twin_fault(twin, SPACE_RULE_LEFT, "%s: IOVA 0x%x is mapped", name, iova * GUEST_PAGE);
	else if (found && !mapped->present)
		twin_fault(twin, SPACE_RULE_REPLAY, "%s: IOVA 0x%x is not mapped", name, iova * GUEST_PAGE);
	else if (found && (mapped->address != listener_address(entry.page) || mapped->writable != entry.writable))
		twin_fault(twin, SPACE_RULE_LEFT, "%s: IOVA 0x%x is mapped to another page, or for other accesses",
			   name, iova * GUEST_PAGE);
}

static void compare_device(struct twin *twin, const struct host *host, uint32_t device)
{
	const uint32_t container = container_of(twin, host, device);
	struct mapped pages[GUEST_PAGES];

	if (!twin->guest->devices[device].plugged) {
		if (host_mapping_count(host, container))
			twin_fault(twin, SPACE_RULE_LEFT, "%s is unplugged, and has mappings",
				   twin->guest->devices[device].device->name);
		return;
	}
	list_mapped(twin, host, container, pages);
	for (uint32_t iova = 0; iova < GUEST_PAGES; iova++)
		compare_page(twin, device, iova, &pages[iova]);
}

static void compare_containers(struct twin *twin, const struct host *host)
{
	const struct guest_device *devices = twin->guest->devices;

	for (uint32_t a = 0; a < twin->guest->device_count; a++)
		for (uint32_t b = 0; b < a; b++)
			if (devices[a].plugged && devices[b].plugged && !guest_same_space(twin->guest, a, b) &&
			    container_of(twin, host, a) == container_of(twin, host, b))
				twin_fault(twin, SPACE_RULE_CONTAINER, "%s and %s share a container",
					   devices[b].device->name, devices[a].device->name);
}

/* ---- what is charged -------------------------------------------------------------------------- */

/* Different pages that pinners in a container have pinned: each is charged once. */
static uint64_t pages_pinned(const struct twin *twin, const struct host *host, uint32_t container)
{
	bool pinned[GUEST_PAGES] = {false};
	uint64_t count = 0;

	for (uint32_t i = 0; i < twin->pin_count; i++)
		for (uint32_t k = 0; k < twin->pins[i].count; k++)
			if (container_of(twin, host, twin->pins[i].device) == container)
				pinned[twin->pins[i].first + k] = true;
	for (uint32_t i = 0; i < GUEST_PAGES; i++)
		count += pinned[i];
	return count;
}

/* Pages that are charged for a container: all that is mapped, if the host's IOMMU has it. */
static uint64_t pages_charged(const struct twin *twin, const struct host *host, uint32_t container)
{
	const struct guest *guest = twin->guest;
	struct guest_entry entry;
	uint64_t count = 0;

	for (uint32_t i = 0; i < guest->device_count; i++) {
		if (!guest->devices[i].plugged || guest->devices[i].emulated ||
		    container_of(twin, host, i) != container)
			continue;
		for (uint32_t iova = 0; iova < GUEST_PAGES; iova++)
			count += guest_finds(guest, i, iova, &entry);
		return count;
	}
	return pages_pinned(twin, host, container);
}

static void compare_charge(struct twin *twin, const struct host *host, int64_t charged)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < host_container_count(host); i++)
		pages += pages_charged(twin, host, i);
	if (charged != (int64_t)pages * GUEST_PAGE)
		twin_fault(twin, SPACE_RULE_LEVEL, "%" PRId64 " KiB are charged, and not %" PRIu64, charged / 1024,
			   pages * GUEST_PAGE / 1024);
}

void twin_compare(struct twin *twin, const struct host *host, int64_t charged)
{
	compare_containers(twin, host);
	for (uint32_t i = 0; i < twin->guest->device_count; i++)
		compare_device(twin, host, i);
	compare_charge(twin, host, charged);
}
