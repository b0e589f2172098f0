/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the life of a guest: what it does next, and who is told of it in which order. */
#include "viommu/player.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "viommu/edu.h"
#include "viommu/pinner.h"

/* Whether there was something to do; if not, the guest does something else. */
typedef bool action_fn(struct player *player);

static uint32_t below(struct player *player, uint32_t bound)
{
	return (uint32_t)prng_below(&player->random, bound);
}

static bool chance(struct player *player, uint32_t times, uint32_t of)
{
	return prng_chance(&player->random, times, of);
}

/* One of the devices that are plugged, or are not; pinners only, if wanted. False if there is none. */
static bool choose_device(struct player *player, bool plugged, bool pinner, uint32_t *chosen)
{
	uint32_t count = 0;

	*chosen = 0;
	for (uint32_t i = 0; i < player->guest.device_count; i++) {
		const struct guest_device *device = &player->guest.devices[i];

		if (device->plugged == plugged && (device->pinner || !pinner) && !below(player, ++count))
			*chosen = i;
	}
	return count;
}

/* ---- the IOMMU ------------------------------------------------------------------------------- */

static bool do_toggle(struct player *player)
{
	if (!player->guest.has_iommu)
		return false;
	player->guest.translating = !player->guest.translating;
	listener_follow(&player->listener);
	return true;
}

static bool do_attach(struct player *player)
{
	static const enum guest_attachment attachments[] = {GUEST_DOMAIN, GUEST_DOMAIN, GUEST_DOMAIN,
							    GUEST_PASSED_THROUGH, GUEST_NOWHERE};
	struct guest_device *device = &player->guest.devices[below(player, player->guest.device_count)];

	if (!player->guest.has_iommu)
		return false;
	device->attachment = attachments[below(player, sizeof(attachments) / sizeof(attachments[0]))];
	device->domain = below(player, GUEST_DOMAINS);
	listener_follow(&player->listener);
	return true;
}

/* A translation to memory that there is. False if none was found in a few tries. */
static bool choose_entry(struct player *player, struct guest_entry *entry)
{
	for (unsigned tries = 0; tries < 8; tries++) {
		const struct guest_piece *piece = &player->guest.pieces[below(player, GUEST_PIECES)];
		const uint32_t span = 1u << below(player, 3);
		const uint32_t page = (piece->first + below(player, piece->count)) & ~(span - 1);

		if (!piece->plugged || page < piece->first || page + span > piece->first + piece->count)
			continue;
		*entry = (struct guest_entry){
		    .span = span, .page = page, .writable = piece->writable && chance(player, 3, 4)};
		return true;
	}
	return false;
}

/* A translation at an IOVA that is free, which the guest then has. False if none was found. */
static bool make_translation(struct player *player, uint32_t domain, uint32_t *iova, struct guest_entry *entry)
{
	struct guest_domain *tables = &player->guest.domains[domain];

	*iova = 0;
	if (!choose_entry(player, entry))
		return false;
	*iova = below(player, GUEST_PAGES) & ~(entry->span - 1);
	if (!guest_is_free(tables, *iova, entry->span))
		return false;
	tables->entries[*iova] = *entry;
	return true;
}

/* A translation that a domain has. False if it has none. */
static bool choose_translation(struct player *player, uint32_t domain, uint32_t *iova)
{
	uint32_t count = 0;

	*iova = 0;
	for (uint32_t i = 0; i < GUEST_PAGES; i++)
		if (player->guest.domains[domain].entries[i].span && !below(player, ++count))
			*iova = i;
	return count;
}

static bool do_map(struct player *player)
{
	const uint32_t domain = below(player, GUEST_DOMAINS), wanted = 1 + below(player, 4);
	struct guest_entry entry;
	uint32_t iova, made = 0;

	if (!player->guest.has_iommu)
		return false;
	for (uint32_t i = 0; i < wanted; i++) {
		if (!make_translation(player, domain, &iova, &entry))
			continue;
		listener_notify_map(&player->listener, domain, iova, &entry);
		made++;
	}
	return made;
}

static bool do_toggle_in_map(struct player *player)
{
	const uint32_t domain = below(player, GUEST_DOMAINS);
	struct guest_entry entry;
	uint32_t iova, made = 0;

	if (!player->guest.translating)
		return false;
	for (uint32_t i = 0; i < 6; i++) {
		if (!make_translation(player, domain, &iova, &entry))
			continue;
		listener_queue_map(&player->listener, domain, iova, &entry);
		made++;
	}
	if (!made)
		return false;
	listener_deliver(&player->listener, below(player, player->listener.pending_count + 1));
	return do_toggle(player);
}

static void take_away(struct player *player, uint32_t domain, uint32_t iova)
{
	struct guest_entry *entry = &player->guest.domains[domain].entries[iova];
	const uint32_t span = entry->span;

	entry->span = 0;
	listener_notify_unmap(&player->listener, domain, iova, span);
}

static bool do_unmap(struct player *player)
{
	const uint32_t domain = below(player, GUEST_DOMAINS), wanted = 1 + below(player, 4);
	uint32_t iova, taken = 0;

	while (taken < wanted && choose_translation(player, domain, &iova)) {
		take_away(player, domain, iova);
		taken++;
	}
	return taken;
}

static bool do_remap(struct player *player)
{
	const uint32_t domain = below(player, GUEST_DOMAINS);
	struct guest_entry entry;
	uint32_t iova;

	if (!choose_translation(player, domain, &iova) || !choose_entry(player, &entry) ||
	    entry.span != player->guest.domains[domain].entries[iova].span)
		return false;
	player->guest.domains[domain].entries[iova] = entry;
	listener_notify_remap(&player->listener, domain, iova, &entry);
	return true;
}

/* ---- devices and memory that come and go --------------------------------------------------------- */

static bool do_plug(struct player *player)
{
	uint32_t device;

	if (!choose_device(player, false, false, &device))
		return false;
	player->guest.devices[device].plugged = true;
	listener_plug(&player->listener, device);
	return true;
}

static void unplug(struct player *player, uint32_t device)
{
	player->guest.devices[device].plugged = false;
	listener_unplug(&player->listener, device);
	twin_unplug(&player->twin, device);
}

static bool do_unplug(struct player *player)
{
	uint32_t device;

	if (!choose_device(player, true, false, &device))
		return false;
	unplug(player, device);
	return true;
}

/* The guest has nothing translated to memory that it gives away. */
static void take_away_all(struct player *player, const struct guest_piece *piece)
{
	for (uint32_t domain = 0; domain < GUEST_DOMAINS; domain++)
		for (uint32_t iova = 0; iova < GUEST_PAGES; iova++) {
			const struct guest_entry *entry = &player->guest.domains[domain].entries[iova];

			if (entry->span && entry->page >= piece->first && entry->page - piece->first < piece->count)
				take_away(player, domain, iova);
		}
}

static bool do_memory(struct player *player)
{
	struct guest_piece *piece = &player->guest.pieces[GUEST_PIECES - 1];

	if (piece->plugged) {
		take_away_all(player, piece);
		listener_memory_del(&player->listener, piece);
	} else {
		listener_memory_add(&player->listener, piece);
	}
	piece->plugged = !piece->plugged;
	return true;
}

/* ---- the mediated device -------------------------------------------------------------------------- */

static bool do_pin(struct player *player)
{
	const uint32_t count = 1 + below(player, 3), first = below(player, GUEST_PAGES - count + 1);
	const bool writing = chance(player, 1, 2);
	uint32_t device;

	if (player->twin.pin_count == TWIN_PINS_MAX || !choose_device(player, true, true, &device))
		return false;
	twin_pin(&player->twin, device, first, count, writing,
		 pinner_pin(&player->port, player->listener.devices[device].fd, (uint64_t)first * GUEST_PAGE, count,
			    writing));
	return true;
}

static bool do_unpin(struct player *player)
{
	struct twin_pin pin;

	if (!player->twin.pin_count)
		return false;
	pin = player->twin.pins[below(player, player->twin.pin_count)];
	twin_unpin(&player->twin, pin.device, pin.first, pin.count,
		   pinner_unpin(&player->port, player->listener.devices[pin.device].fd,
				(uint64_t)pin.first * GUEST_PAGE, pin.count));
	return true;
}

static bool do_load(struct player *player)
{
	const uint32_t iova = below(player, GUEST_PAGES);
	uint32_t device;
	uint64_t word = 0;
	bool loaded;

	if (!choose_device(player, true, true, &device))
		return false;
	loaded = pinner_load(&player->port, player->listener.devices[device].fd, (uint64_t)iova * GUEST_PAGE, &word);
	twin_load(&player->twin, device, iova, loaded, word);
	return true;
}

/* A page of a device's space that it can write. False if there is none. */
static bool choose_writable(struct player *player, uint32_t device, uint32_t *iova, struct guest_entry *chosen)
{
	struct guest_entry entry;
	uint32_t count = 0;

	*iova = 0;
	for (uint32_t i = 0; i < GUEST_PAGES; i++)
		if (guest_finds(&player->guest, device, i, &entry) && entry.writable && !below(player, ++count)) {
			*iova = i;
			*chosen = entry;
		}
	return count;
}

static bool do_move(struct player *player)
{
	/* Behind the word that says which page it is. */
	enum { PLACE = GUEST_PAGE / 2 };
	const uint32_t device = below(player, player->guest.device_count), from = below(player, GUEST_PAGES);
	const struct guest_device *of = &player->guest.devices[device];
	struct guest_entry entry = {.span = 0};
	uint32_t to;

	if (!of->plugged || !of->edu || !choose_writable(player, device, &to, &entry))
		return false;
	edu_move(&player->port, of->device, player->listener.devices[device].fd, (uint64_t)from * GUEST_PAGE,
		 (uint64_t)to * GUEST_PAGE + PLACE);
	twin_move(&player->twin, device, from, port_peek(&player->port, listener_address(entry.page) + PLACE));
	return true;
}

/* ---- the guest's life ------------------------------------------------------------------------------- */

const struct action_desc guest_actions[ACTION_COUNT] = {
#define ACTION(name, weight, sentence) [ACTION_##name] = {#name, weight, sentence},
#include "viommu/actions.def"
};

static action_fn *const doers[ACTION_COUNT] = {
#define ACTION(name, ...) [ACTION_##name] = do_##name,
#include "viommu/actions.def"
};

static enum guest_action choose_action(struct player *player)
{
	uint32_t sum = 0, draw;
	unsigned action = 0;

	for (unsigned i = 0; i < ACTION_COUNT; i++)
		sum += guest_actions[i].weight;
	for (draw = below(player, sum); draw >= guest_actions[action].weight; action++)
		draw -= guest_actions[action].weight;
	return (enum guest_action)action;
}

/* What a pinner says of itself must be what the twin has. */
static void compare_pins(struct player *player)
{
	for (uint32_t i = 0; i < player->guest.device_count; i++) {
		const struct guest_device *device = &player->guest.devices[i];
		uint64_t pinned;

		if (!device->plugged || !device->pinner)
			continue;
		pinned = pinner_pinned(&player->port, player->listener.devices[i].fd);
		if (pinned != twin_pinned(&player->twin, i))
			twin_fault(&player->twin, SPACE_RULE_PIN, "%" PRIu64 " pages are pinned, and not %" PRIu64,
				   pinned, twin_pinned(&player->twin, i));
	}
}

/* Whether all is as it should be, now that the client has followed. */
static bool is_well(struct player *player)
{
	if (player->port.refused)
		twin_fault(&player->twin, SPACE_RULE_REFUSED, "%s", player->port.refusal);
	compare_pins(player);
	twin_compare(&player->twin, spaces_host(player->port.spaces), player->port.locked);
	return !player->twin.fault_count && player->port.status == BACKEND_OK;
}

static bool play_step(struct player *player)
{
	enum guest_action action = choose_action(player);

	while (!doers[action](player))
		action = choose_action(player);
	player->action = guest_actions[action].name;
	player->actions[action]++;
	player->steps++;
	player->guest_steps++;
	return is_well(player);
}

/* The machine is switched off: all devices are unplugged, and nothing is left of them. */
static bool switch_off(struct player *player)
{
	player->action = "";
	for (uint32_t i = 0; i < player->guest.device_count; i++)
		if (player->guest.devices[i].plugged)
			unplug(player, i);
	return is_well(player);
}

bool player_guest(struct player *player, uint64_t number, uint64_t steps)
{
	char name[64];
	bool well = true;

	prng_seed(&player->random, seed_child(player->seed, number));
	player->guest_number = number;
	player->guest_steps = 0;
	player->port.refused = false;
	snprintf(name, sizeof(name), "guest %" PRIu64 " of seed %" PRIu64, number, player->seed);
	if (!port_begin_run(&player->port, name))
		return false;
	player->guests++;
	/* One guest in eight is a machine without an IOMMU. */
	guest_begin(&player->guest, player->port.backend->machine, !chance(player, 1, 8));
	twin_begin(&player->twin, &player->guest);
	listener_begin(&player->listener, &player->guest, &player->port);
	while (well && player->guest_steps < steps)
		well = play_step(player);
	well = well && switch_off(player);
	port_end_run(&player->port);
	return well && !player->twin.fault_count && player->port.status == BACKEND_OK;
}

/* ---- who is told --------------------------------------------------------------------------------------- */

static void see_call(void *context, const struct event *event)
{
	struct player *player = context;

	twin_see(&player->twin, spaces_host(player->port.spaces), event);
}

static void see_past(void *context, const struct space_past *past)
{
	struct player *player = context;

	player->spaces[past->kind]++;
}

static void see_fault(void *context, const struct space_fault *fault)
{
	struct player *player = context;

	twin_fault(&player->twin, fault->rule, "%s", fault->text);
}

bool player_begin(struct player *player, struct backend *backend, const struct profile *profile,
		  struct trace_writer *writer, uint64_t seed)
{
	memset(player, 0, sizeof(*player));
	player->seed = seed;
	player->watch = (struct space_listener){.past = see_past, .fault = see_fault, .context = player};
	player->port = (struct port){.backend = backend,
				     .spaces = spaces_new(backend->machine, profile, &player->watch),
				     .writer = writer,
				     .done = see_call,
				     .context = player};
	return player->port.spaces;
}

void player_end(struct player *player)
{
	spaces_free(player->port.spaces);
}
