/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * ioasid_walk OPERATIONS [SEED [defects]]: random calls of the ioasid-2019 proposal, answered by the model and by its
 * naive twin. With `defects`, the model has one of the proposal's after the other, and must be found out each time.
 *
 * A few guests come and go and share a handful of ids with the host's kernel; every exchange between them may fail at
 * any point. The ledger is audited all the while, and the model is now and then replaced by its clone. Every seed gives
 * the same calls everywhere. Exit: 0 agreement, 1 a call on which they disagree, which is printed, 2 bad usage.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/prng.h"
#include "ioasid_twin.h"
#include "vfiosim/machine.h"
#include "vfiosim/model.h"
#include "vfiosim/trace.h"

enum { SETS = 3, AUDIT_EVERY = 16, CLONE_EVERY = 5000, FRESH_EVERY = 100000, TELL_EVERY = 1 << 18, NO_ID = 0xffffff };

struct walk {
	struct prng prng;
	uint64_t operations, done, refused, timed_out, faults;
	bool quiet; /* what is found is expected */
	struct profile profile;
	const struct machine *machine;
	struct host *host;
	struct twin twin;
};

static uint64_t below(struct walk *walk, uint64_t bound)
{
	return prng_below(&walk->prng, bound);
}

/* A host with few ids for its guests, of which there are more or less than the host's kernel can have. */
static void begin(struct walk *walk)
{
	const uint32_t last = 1 + (uint32_t)below(walk, TWIN_IDS - 1);

	if (walk->host)
		host_free(walk->host);
	walk->profile.values[PROFILE_IOASID_LAST] = last;
	walk->host = host_new(walk->machine, &walk->profile);
	twin_begin(&walk->twin, last);
}

/* ---- calls ------------------------------------------------------------------------------------- */

/* The kernel that a call is made in: that of a guest which is there, as a rule. */
static uint64_t choose_kernel(struct walk *walk)
{
	const uint64_t first = below(walk, TWIN_GUESTS);

	if (!below(walk, 7))
		return (uint64_t)-1;
	for (uint64_t i = 0; i < TWIN_GUESTS && below(walk, 20); i++)
		if (walk->twin.guests[(first + i) % TWIN_GUESTS].alive)
			return TWIN_FD + (first + i) % TWIN_GUESTS;
	return TWIN_FD + first;
}

/* Whether the kernel is that of a guest which has its own allocator still, and could have the host's. */
static bool may_start(const struct walk *walk, uint64_t kernel)
{
	const uint64_t number = kernel - TWIN_FD;

	if (number >= TWIN_GUESTS || !walk->twin.guests[number].alive || walk->twin.guests[number].allocator >= 0)
		return false;
	for (uint32_t id = 0; id < TWIN_IDS; id++)
		if (walk->twin.guests[number].ids[id].taken)
			return false;
	return true;
}

static uint64_t choose_id(struct walk *walk)
{
	return below(walk, 40) ? below(walk, TWIN_IDS) : NO_ID;
}

/* An id that the kernel has, if it has one at or above where the search begins. */
static uint64_t choose_taken(struct walk *walk, uint64_t kernel)
{
	const uint64_t guest = kernel - TWIN_FD, first = below(walk, TWIN_IDS);
	const struct twin_id *ids = guest < TWIN_GUESTS ? walk->twin.guests[guest].ids : walk->twin.ids;

	for (uint64_t id = first; id < TWIN_IDS; id++)
		if (ids[id].taken)
			return id;
	return choose_id(walk);
}

static void make_alloc(struct walk *walk, struct call *call)
{
	call->args[1] = below(walk, SETS + 1);
	call->args[2] = below(walk, 3) ? 0 : choose_id(walk);
	/* What is beyond the ids that the twin knows would be had by the host's kernel alone. */
	call->args[3] = below(walk, 4) ? TWIN_IDS - 1 : below(walk, TWIN_IDS);
}

/* What is asked about one id: which one, of which set or behind which IOMMU. */
static void make_about_id(struct walk *walk, struct call *call, uint64_t whiches)
{
	call->args[1] = below(walk, 2) ? 0 : below(walk, whiches);
	call->args[2] = choose_taken(walk, call->args[0]);
}

static void make_vcmd(struct walk *walk, struct call *call)
{
	static const enum call_op ops[] = {CALL_VCMD_WRITE, CALL_VCMD_WRITE, CALL_VCMD_SERVE, CALL_VCMD_SERVE,
					   CALL_VCMD_READ};

	call->op = ops[below(walk, sizeof(ops) / sizeof(ops[0]))];
	call->args[1] = below(walk, 8) ? 0 : below(walk, TWIN_VIOMMUS + 1);
	call->args[2] = below(walk, 20) ? 1 + below(walk, 2) : below(walk, 5);
	call->args[3] = choose_id(walk);
}

/* Guests begin where there is none; they end rarely. */
static void make_of_guest(struct walk *walk, struct call *call)
{
	const uint64_t number = below(walk, TWIN_GUESTS);

	if (walk->twin.guests[number].alive && below(walk, 8)) {
		call->op = CALL_IOMMU_INIT;
		call->args[0] = TWIN_FD + number;
	} else if (walk->twin.guests[number].alive) {
		call->op = CALL_CLOSE;
		call->args[0] = TWIN_FD + number;
	} else {
		call->op = CALL_GUEST;
		call->args[0] = below(walk, 20) ? 1 + below(walk, TWIN_VIOMMUS) : below(walk, TWIN_VIOMMUS + 2);
	}
}

static struct call make(struct walk *walk)
{
	struct call call = {.task = 1, .thread = 1, .args = {choose_kernel(walk)}};
	const uint64_t what = below(walk, 100);

	/* Left to chance, hardly a guest would ever start. */
	if (may_start(walk, call.args[0]) && !below(walk, 4)) {
		call.op = CALL_IOMMU_INIT;
		return call;
	}
	if (what < 26) {
		call.op = CALL_IOASID_ALLOC;
		make_alloc(walk, &call);
	} else if (what < 48) {
		call.op = CALL_IOASID_FREE;
		make_about_id(walk, &call, SETS + 1);
	} else if (what < 55) {
		call.op = CALL_IOASID_FIND;
		make_about_id(walk, &call, SETS + 1);
	} else if (what < 65) {
		call.op = what < 58 ? CALL_IOASID_BIND : CALL_IOASID_UNBIND;
		make_about_id(walk, &call, TWIN_VIOMMUS + 1);
	} else if (what < 83) {
		make_vcmd(walk, &call);
	} else if (what < 93) {
		call.op = CALL_VCMD_FAULT;
		call.args[1] = below(walk, 8) ? 0 : below(walk, TWIN_VIOMMUS);
		call.args[2] = below(walk, 7);
	} else if (what < 95) {
		call.op = CALL_IOASID_SET_ALLOCATOR;
		call.args[1] = below(walk, TWIN_VIOMMUS + 1);
	} else if (what < 97) {
		call.op = CALL_IOASID_CLEAR_ALLOCATOR;
	} else {
		make_of_guest(walk, &call);
	}
	return call;
}

/* ---- the walk ----------------------------------------------------------------------------------- */

static void tell(struct walk *walk, const struct call *call, const struct outcome *outcome, int64_t expected)
{
	const struct event event = {.call = *call, .answer = {.known = true, .ret = outcome->ret}};
	struct text text = {0};

	event_print(&text, &event);
	printf("operation %" PRIu64 ": %s\nthe twin says %" PRId64 "%s\n", walk->done, text.text, expected,
	       outcome->modelled ? "" : ", and the model does not know");
	free(text.text);
}

/* One call on both sides. False if they disagree, or the ledger does not add up. */
static bool step(struct walk *walk)
{
	const struct call call = make(walk);
	const int64_t expected = twin_call(&walk->twin, &call);
	struct outcome outcome;
	const char *wrong;

	host_call(walk->host, &call, NULL, &outcome);
	walk->done++;
	walk->refused += expected < 0;
	walk->timed_out += expected == -ETIMEDOUT;
	walk->faults += call.op == CALL_VCMD_FAULT && !expected;
	if (!outcome.modelled || outcome.ret != expected) {
		if (!walk->quiet)
			tell(walk, &call, &outcome, expected);
		return false;
	}
	wrong = walk->done % AUDIT_EVERY ? NULL : host_audit(walk->host);
	if (wrong && !walk->quiet)
		printf("operation %" PRIu64 ": %s\n", walk->done, wrong);
	return !wrong;
}

static void go_on_with_clone(struct walk *walk)
{
	struct host *clone = host_clone(walk->host);

	host_free(walk->host);
	walk->host = clone;
}

static bool run(struct walk *walk)
{
	const bool terminal = isatty(STDERR_FILENO);

	while (walk->done < walk->operations) {
		if (walk->done % FRESH_EVERY == 0)
			begin(walk);
		else if (walk->done % CLONE_EVERY == 0)
			go_on_with_clone(walk);
		if (!step(walk))
			return false;
		if (terminal && walk->done % TELL_EVERY == 0)
			fprintf(stderr, "\r%" PRIu64 " of %" PRIu64, walk->done, walk->operations);
	}
	if (terminal)
		fputc('\r', stderr);
	return true;
}

/* How far a model with these defects gets. True if nothing was found. */
static bool walk_from(struct walk *walk, uint64_t seed, struct defect_set set)
{
	bool agreed;

	walk->done = walk->refused = walk->timed_out = walk->faults = 0;
	walk->profile.defects = set;
	prng_seed(&walk->prng, seed);
	agreed = run(walk);
	if (walk->host)
		host_free(walk->host);
	walk->host = NULL;
	return agreed;
}

static bool find_defects(struct walk *walk, uint64_t seed)
{
	static const char prefix[] = "ioasid-";
	bool all = true;

	walk->quiet = true;
	for (unsigned defect = 0; defect < DEFECT_COUNT; defect++) {
		struct defect_set set = {.bits = {0}};

		if (strncmp(defects[defect].name, prefix, sizeof(prefix) - 1) != 0)
			continue;
		defect_set_add(&set, (enum defect)defect);
		if (walk_from(walk, seed, set)) {
			printf("%s: not found\n", defects[defect].name);
			all = false;
		} else {
			printf("%s: found by operation %" PRIu64 "\n", defects[defect].name, walk->done);
		}
	}
	return all;
}

static bool find_nothing(struct walk *walk, uint64_t seed)
{
	const bool agreed = walk_from(walk, seed, (struct defect_set){.bits = {0}});

	printf("seed %" PRIu64 ": %" PRIu64 " operations, %" PRIu64 " refused, %" PRIu64 " faults, %" PRIu64
	       " time-outs; %s\n",
	       seed, walk->done, walk->refused, walk->faults, walk->timed_out,
	       agreed ? "0 disagreements" : "disagreement");
	return agreed;
}

int main(int count, char **arguments)
{
	struct walk walk = {.machine = machine_find("q35-edu")};
	uint64_t seed;

	if (count < 2 || count > 4 || (count == 4 && strcmp(arguments[3], "defects") != 0)) {
		fprintf(stderr, "usage: ioasid_walk OPERATIONS [SEED [defects]]\n");
		return 2;
	}
	walk.operations = strtoull(arguments[1], NULL, 0);
	seed = count > 2 ? strtoull(arguments[2], NULL, 0) : 1;
	if (profile_find("ioasid-2019", &walk.profile) != 0 || !walk.machine)
		return 5;
	return (count == 4 ? find_defects(&walk, seed) : find_nothing(&walk, seed)) ? 0 : 1;
}
