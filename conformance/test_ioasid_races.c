/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The ioasid-2019 proposal when several are at it: scripts of calls, in every order in which they can come. Whatever
 * the order, the ledger adds up, no id is had by two, and when all have ended the host has all its ids again.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "vfiosim/machine.h"
#include "vfiosim/model.h"

/* Guests have descriptors 3 and 4, ids are those up to LAST. */
enum { SCRIPTS_MAX = 3, SCRIPT_MAX = 6, GUESTS = 2, FIRST_FD = 3, LAST = 3 };

#define HOST ((uint64_t)-1)
#define MINE UINT64_MAX /* as an argument: the id that the script got last */

enum { ALLOC = 1, FREE = 2, REQUEST_LOST = 1, HOST_BUSY = 2, RESPONSE_LOST = 4 };

struct step {
	enum call_op op;
	uint64_t args[4];
};

struct script {
	struct step steps[SCRIPT_MAX];
	uint32_t length;
};

struct scene {
	bool started; /* the guests' drivers have registered their allocators */
	struct script scripts[SCRIPTS_MAX];
};

/* Where a schedule stands. */
struct state {
	struct host *host;
	uint32_t at[SCRIPTS_MAX];
	uint64_t mine[SCRIPTS_MAX];
	uint32_t holders[LAST + 1]; /* of each id: how many scripts have it */
};

static int64_t perform(struct host *host, enum call_op op, const uint64_t args[4])
{
	const struct call call = {.task = 1, .thread = 1, .op = op, .args = {args[0], args[1], args[2], args[3]}};
	struct outcome outcome;

	host_call(host, &call, NULL, &outcome);
	cr_assert(outcome.modelled);
	return outcome.ret;
}

static struct host *host_with_guests(bool started)
{
	static struct profile profile;
	struct host *host;

	cr_assert_eq(profile_find("ioasid-2019", &profile), 0);
	profile.values[PROFILE_IOASID_LAST] = LAST;
	host = host_new(machine_find("q35-edu"), &profile);
	for (uint64_t i = 0; i < GUESTS; i++) {
		cr_assert_eq(perform(host, CALL_GUEST, (uint64_t[4]){1}), FIRST_FD + (int64_t)i);
		if (started)
			cr_assert_eq(perform(host, CALL_IOMMU_INIT, (uint64_t[4]){FIRST_FD + i}), 0);
	}
	return host;
}

static bool gives_id(enum call_op op)
{
	return op == CALL_IOASID_ALLOC || op == CALL_VCMD_READ;
}

static bool frees_id(const struct step *step)
{
	return step->op == CALL_IOASID_FREE || (step->op == CALL_VCMD_WRITE && step->args[2] == FREE);
}

static void let_go(struct state *state, uint32_t number)
{
	if (state->mine[number])
		state->holders[state->mine[number]]--;
	state->mine[number] = 0;
}

/* The next step of a script. */
static void advance(struct state *state, const struct scene *scene, uint32_t number)
{
	const struct step *step = &scene->scripts[number].steps[state->at[number]++];
	uint64_t args[4];
	int64_t ret;

	for (int i = 0; i < 4; i++)
		args[i] = step->args[i] == MINE && i >= 2 ? state->mine[number] : step->args[i];
	ret = perform(state->host, step->op, args);
	cr_assert_null(host_audit(state->host));
	if (frees_id(step) && ret == 0)
		let_go(state, number);
	/* With a guest goes what scripts have in it. */
	for (uint32_t i = 0; i < SCRIPTS_MAX && step->op == CALL_CLOSE; i++)
		if (scene->scripts[i].steps[0].args[0] == step->args[0])
			let_go(state, i);
	if (gives_id(step->op) && ret > 0) {
		cr_assert_leq(ret, LAST);
		cr_assert_eq(state->holders[ret]++, 0, "id %d is had by two", (int)ret);
		state->mine[number] = (uint64_t)ret;
	}
}

/* All guests end that have not yet. What scripts of the host's kernel hold stays; all the rest is there for another
 * guest. */
static void check_nothing_is_lost(struct host *host, const uint64_t *kept)
{
	const bool holds = kept && *kept;

	for (uint64_t i = 0; i < GUESTS; i++)
		perform(host, CALL_CLOSE, (uint64_t[4]){FIRST_FD + i});
	cr_assert_null(host_audit(host));
	cr_assert_eq(perform(host, CALL_GUEST, (uint64_t[4]){1}), FIRST_FD);
	cr_assert_eq(perform(host, CALL_IOMMU_INIT, (uint64_t[4]){FIRST_FD}), 0);
	for (int i = 0; i < LAST - holds; i++)
		cr_assert_gt(perform(host, CALL_IOASID_ALLOC, (uint64_t[4]){FIRST_FD, 1, 0, LAST}), 0);
	cr_assert_lt(perform(host, CALL_IOASID_ALLOC, (uint64_t[4]){FIRST_FD, 1, 0, LAST}), 0);
}

/* Every order in which the rest of the scripts can come; how many there are. The last script may be the host's. */
static unsigned explore(const struct scene *scene, const struct state *from)
{
	unsigned schedules = 0;

	for (uint32_t i = 0; i < SCRIPTS_MAX; i++) {
		struct state state = *from;

		if (state.at[i] == scene->scripts[i].length)
			continue;
		state.host = host_clone(from->host);
		advance(&state, scene, i);
		schedules += explore(scene, &state);
		host_free(state.host);
	}
	if (schedules)
		return schedules;
	check_nothing_is_lost(
	    from->host, scene->scripts[SCRIPTS_MAX - 1].steps[0].args[0] == HOST ? &from->mine[SCRIPTS_MAX - 1] : NULL);
	return 1;
}

static unsigned explore_all(const struct scene *scene)
{
	struct state state = {.host = host_with_guests(scene->started)};
	const unsigned schedules = explore(scene, &state);

	host_free(state.host);
	return schedules;
}

#define WRITE(guest, command)                   \
	{                                       \
		CALL_VCMD_WRITE,                \
		{                               \
			guest, 0, command, MINE \
		}                               \
	}
#define SERVE(guest)             \
	{                        \
		CALL_VCMD_SERVE, \
		{                \
			guest, 0 \
		}                \
	}
#define READ(guest)              \
	{                        \
		CALL_VCMD_READ,  \
		{                \
			guest, 0 \
		}                \
	}
#define FAIL(guest, point)              \
	{                               \
		CALL_VCMD_FAULT,        \
		{                       \
			guest, 0, point \
		}                       \
	}
#define TAKE(kernel, first, end)              \
	{                                     \
		CALL_IOASID_ALLOC,            \
		{                             \
			kernel, 1, first, end \
		}                             \
	}
#define GIVE(kernel)                    \
	{                               \
		CALL_IOASID_FREE,       \
		{                       \
			kernel, 1, MINE \
		}                       \
	}

/* Both guests ask by hand, their hosts answer when they get to it, and the host's kernel wants one as well. */
Test(ioasid_races, requests_and_answers_in_every_order)
{
	const struct scene scene = {
	    .scripts = {{{WRITE(3, ALLOC), SERVE(3), READ(3), WRITE(3, FREE), SERVE(3), READ(3)}, 6},
			{{WRITE(4, ALLOC), SERVE(4), READ(4)}, 3},
			{{TAKE(HOST, 1, LAST), GIVE(HOST)}, 2}}};

	cr_assert_eq(explore_all(&scene), 4620);
}

/* Two threads in one guest, whose exchanges get mixed up, and another guest. */
Test(ioasid_races, threads_of_one_guest_in_every_order)
{
	const struct scene scene = {.scripts = {{{WRITE(3, ALLOC), SERVE(3), READ(3), WRITE(3, FREE)}, 4},
						{{WRITE(3, ALLOC), SERVE(3), READ(3)}, 3},
						{{WRITE(4, ALLOC), SERVE(4), READ(4)}, 3}}};

	cr_assert_eq(explore_all(&scene), 4200);
}

Test(ioasid_races, allocations_and_frees_in_every_order)
{
	const struct scene scene = {.started = true,
				    .scripts = {{{TAKE(3, 0, LAST), GIVE(3), TAKE(3, 0, LAST), GIVE(3)}, 4},
						{{TAKE(4, 0, LAST), GIVE(4), TAKE(4, 2, 2)}, 3},
						{{TAKE(HOST, 1, LAST), GIVE(HOST), TAKE(HOST, 1, 1)}, 3}}};

	cr_assert_eq(explore_all(&scene), 4200);
}

/* Faults come, and hosts get to what they had left, at any moment between the calls of two guests. */
Test(ioasid_races, faults_at_every_moment)
{
	static const uint64_t points[] = {REQUEST_LOST, HOST_BUSY, RESPONSE_LOST};

	for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		const struct scene scene = {
		    .started = true,
		    .scripts = {{{TAKE(3, 0, LAST), GIVE(3), TAKE(3, 0, LAST), TAKE(3, 0, LAST)}, 4},
				{{FAIL(3, points[i]), SERVE(3), FAIL(3, REQUEST_LOST)}, 3},
				{{TAKE(4, 0, LAST), GIVE(4)}, 2}}};

		cr_assert_eq(explore_all(&scene), 1260);
	}
}

/* A guest ends while calls are made in it, and the other one's host is slow. */
Test(ioasid_races, an_end_at_every_moment)
{
	const struct scene scene = {
	    .started = true,
	    .scripts = {{{TAKE(3, 0, LAST), TAKE(3, 0, LAST), GIVE(3)}, 3},
			{{TAKE(4, 0, LAST), FAIL(4, RESPONSE_LOST), TAKE(4, 0, LAST), GIVE(4)}, 4},
			{{{CALL_CLOSE, {4}}, FAIL(3, HOST_BUSY), SERVE(3)}, 3}}};

	cr_assert_eq(explore_all(&scene), 4200);
}
