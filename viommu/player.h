/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The player: guests that do one thing after the other, at random, while a client follows them, and the twin looks.
 *
 * A seed makes always the same guests. Each has a seed of its own, and so can be played alone.
 */
#ifndef VFIOSIM_VIOMMU_PLAYER_H
#define VFIOSIM_VIOMMU_PLAYER_H

#include "fuzz/prng.h"
#include "viommu/twin.h"

/* The text that all this comes from. */
#define VIOMMU_SOURCE "seed VFIO mdev with vIOMMU, 28 July 2016"

enum { PLAYER_STEPS = 250 }; /* of one guest */

enum guest_action {
#define ACTION(name, ...) ACTION_##name,
#include "viommu/actions.def"
	ACTION_COUNT
};

struct action_desc {
	const char *name;
	uint32_t weight;
	const char *sentence;
};

extern const struct action_desc guest_actions[ACTION_COUNT];

struct player {
	uint64_t seed;
	struct prng random; /* of the guest */
	struct guest guest;
	struct listener listener;
	struct twin twin;
	struct port port;
	struct space_listener watch; /* to make the port's spaces with */
	uint64_t guests;	     /* played in all */
	uint64_t steps;
	uint64_t actions[ACTION_COUNT];	   /* how often each was done */
	uint64_t spaces[SPACE_KIND_COUNT]; /* that containers had */
	/* The last guest played: its number, and its step when something went wrong; "" when it was being unplugged. */
	uint64_t guest_number, guest_steps;
	const char *action;
};

/*
 * Prepares a player on @backend, with no bugs. @profile and @writer, NULL if no trace is wanted, must outlive it.
 * False when memory is out.
 */
bool player_begin(struct player *player, struct backend *backend, const struct profile *profile,
		  struct trace_writer *writer, uint64_t seed);
void player_end(struct player *player);

/*
 * Plays guest number @number for at most @steps steps. False if something was wrong: then the twin has faults, or the
 * port's status says that the backend failed.
 */
bool player_guest(struct player *player, uint64_t number, uint64_t steps);

#endif
