/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Guests at random: a client without bugs is never at fault, each bug is found, and each rule finds one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "viommu/player.h"

enum { STEPS = 20000, TRIES = 8, TRY_STEPS = 5000 };

/* A player on the model of @machine, which has the bug @defect unless that is NULL. */
struct stage {
	struct backend *backend;
	struct profile profile;
	struct player *player;
};

static struct stage stage_open(const char *machine, const char *profile, const char *defect, uint64_t seed)
{
	struct stage stage = {.player = calloc(1, sizeof(*stage.player))};
	struct trace_header wanted = {.version = TRACE_VERSION};
	enum backend_status status;
	struct diag diag;

	strcpy(wanted.machine, machine);
	strcpy(wanted.profile, profile);
	if (defect)
		cr_assert_eq(header_set_field(&wanted, "defect", defect), 0);
	cr_assert_eq(profile_find(profile, &stage.profile), 0);
	stage.backend = backend_open("model", &wanted, &status, &diag);
	cr_assert_not_null(stage.backend, "%s", diag.text);
	cr_assert(player_begin(stage.player, stage.backend, &stage.profile, NULL, seed));
	return stage;
}

static void stage_close(struct stage *stage)
{
	player_end(stage->player);
	backend_close(stage->backend);
	free(stage->player);
}

/* Plays until something is wrong, or @steps steps are done. True if nothing is. */
static bool play(struct player *player, uint64_t steps)
{
	for (uint64_t number = 0; player->steps < steps; number++)
		if (!player_guest(player, number, PLAYER_STEPS))
			return false;
	return true;
}

static bool has_fault(const struct twin *twin, enum space_rule rule)
{
	for (uint32_t i = 0; i < twin->fault_count; i++)
		if (twin->faults[i].rule == rule)
			return true;
	return false;
}

static void expect_no_fault(const char *machine, const char *profile)
{
	struct stage stage = stage_open(machine, profile, NULL, 20161128);
	const bool well = play(stage.player, STEPS);

	cr_assert(well, "%s, %s: guest %d, step %d: %s", machine, profile, (int)stage.player->guest_number,
		  (int)stage.player->guest_steps, stage.player->twin.faults[0].text);
	cr_assert_geq(stage.player->steps, (uint64_t)STEPS);
	for (unsigned i = 0; i < ACTION_COUNT; i++)
		cr_assert(stage.player->actions[i] || strstr("pin unpin load", guest_actions[i].name),
			  "%s was never done on %s", guest_actions[i].name, machine);
	cr_assert_gt(stage.player->spaces[SPACE_TRANSLATED], 100u);
	stage_close(&stage);
}

Test(player, client_without_bugs_is_never_at_fault)
{
	static const char *const profiles[] = {"5.10", "6.1", "6.12", "7.2"};

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		expect_no_fault("q35-mdev", profiles[i]);
		expect_no_fault("q35-multi", profiles[i]);
	}
	expect_no_fault("virt-smmuv3-edu", "6.12");
}

/* Whatever the seed, the bug is found; the first seed that finds it by @rule ends the search. */
static void expect_bug_found(unsigned bug, const char *defect, enum space_rule rule)
{
	const char *name = defect ? defect : client_bugs[bug].name;
	bool by_rule = false;

	for (uint64_t seed = 1; seed <= TRIES && !by_rule; seed++) {
		struct stage stage = stage_open("q35-mdev", "6.12", defect, seed);

		if (!defect)
			stage.player->listener.bugs[bug] = true;
		cr_assert_not(play(stage.player, TRY_STEPS), "%s is not found with seed %d", name, (int)seed);
		cr_assert_eq(stage.player->port.status, BACKEND_OK, "%s: %s", name, stage.player->port.diag.text);
		by_rule = has_fault(&stage.player->twin, rule);
		stage_close(&stage);
	}
	cr_assert(by_rule, "%s is never found by %s", name, space_rules[rule].name);
}

Test(player, every_bug_of_the_client_is_found)
{
	for (unsigned bug = 0; bug < CLIENT_BUG_COUNT; bug++)
		expect_bug_found(bug, NULL, client_bugs[bug].rule);
}

Test(player, bugs_of_the_kernel_are_found)
{
	expect_bug_found(0, "unmap-asks-nobody", SPACE_RULE_PIN);
	expect_bug_found(0, "unmap-forgets-charge", SPACE_RULE_LEVEL);
	expect_bug_found(0, "pin-any-access", SPACE_RULE_PAGE);
	expect_bug_found(0, "pin-half", SPACE_RULE_LEVEL);
	expect_bug_found(0, "leave-forgets-pins", SPACE_RULE_LEVEL);
}

/* The kernel's bugs above are for the three that no client can break. */
Test(player, every_rule_has_a_bug_that_breaks_it)
{
	bool broken[SPACE_RULE_COUNT] = {[SPACE_RULE_PIN] = true, [SPACE_RULE_LEVEL] = true, [SPACE_RULE_PAGE] = true};

	for (unsigned bug = 0; bug < CLIENT_BUG_COUNT; bug++)
		broken[client_bugs[bug].rule] = true;
	for (unsigned rule = SPACE_RULE_NONE + 1; rule < SPACE_RULE_COUNT; rule++)
		cr_assert(broken[rule], "%s", space_rules[rule].name);
}

Test(player, guest_is_the_same_alone_and_among_others)
{
	struct stage all = stage_open("q35-mdev", "6.12", NULL, 5), alone = stage_open("q35-mdev", "6.12", NULL, 5);
	uint64_t calls = 0;

	for (uint64_t number = 0; number < 4; number++) {
		calls = all.player->port.calls;
		cr_assert(player_guest(all.player, number, PLAYER_STEPS));
	}
	cr_assert(player_guest(alone.player, 3, PLAYER_STEPS));
	cr_assert_eq(alone.player->port.calls, all.player->port.calls - calls);
	stage_close(&all);
	stage_close(&alone);
}
