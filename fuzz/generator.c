/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The plan of a program, its beginning, and the loop that makes call after call.
 */
#include "generator.h"

#include <stdlib.h>
#include <string.h>

#include "generator_internal.h"

const struct generator_options generator_defaults = {.calls_min = 5, .calls_max = 60};

/* Who draws: see seed_child(). Every call has a seed of its own. */
enum component { COMPONENT_PLAN, COMPONENT_SCHEDULE, COMPONENT_CALLS };

enum operation {
#define OPERATION(name, weight) OPERATION_##name,
#include "operations.def"
	OPERATION_COUNT
};

static make_fn *const makers[OPERATION_COUNT] = {
#define OPERATION(name, weight) make_##name,
#include "operations.def"
};

static const uint32_t usual_weights[OPERATION_COUNT] = {
#define OPERATION(name, weight) weight,
#include "operations.def"
};

#define PROLOGUE_MAX (3 + 2 * GROUPS_MAX + 12)

struct plan {
	uint32_t calls;
	uint32_t weights[OPERATION_COUNT]; /* 0: this program does not do it */
	uint32_t weight_sum;
	enum operation prologue[PROLOGUE_MAX];
	uint32_t prologue_length;
};

/* Groups that the program uses: some of those that have a device to be opened, at least one if there are any. */
static void plan_groups(struct generator *g, struct prng *random)
{
	const struct machine *machine = g->machine;
	uint32_t offered[GROUPS_MAX], count = 0;

	for (size_t i = 0; i < machine->device_count && count < GROUPS_MAX; i++) {
		const struct device *device = &machine->devices[i];
		bool known = !device_is_vfio(device);

		for (uint32_t k = 0; k < count && !known; k++)
			known = offered[k] == device->group;
		if (!known)
			offered[count++] = device->group;
	}
	for (uint32_t i = 0; i < count; i++)
		if (prng_chance(random, 1, 2))
			g->groups[g->group_count++] = offered[i];
	if (!g->group_count)
		g->groups[g->group_count++] = count ? offered[prng_below(random, count)] : 0;
}

/* Whether one of the groups that the program uses is a pinner's. */
static bool uses_pinner(const struct generator *g)
{
	for (size_t i = 0; i < g->machine->device_count; i++)
		for (uint32_t k = 0; k < g->group_count; k++)
			if (g->machine->devices[i].group == g->groups[k] &&
			    !strcmp(g->machine->devices[i].model, "pinner"))
				return true;
	return false;
}

/* A pinner does nothing before it is aimed, and little before it is told several things. */
static void plan_pinner(struct plan *plan)
{
	static const enum operation operations[] = {OPERATION_pinner_aim, OPERATION_pinner_command,
						    OPERATION_pinner_look};

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		plan->weight_sum += 3 * plan->weights[operations[i]];
		plan->weights[operations[i]] *= 4;
	}
}

/* Each operation is left out, or weighted anew: odd mixes get to odd places. */
static void plan_weights(struct plan *plan, struct prng *random)
{
	plan->weight_sum = 0;
	for (unsigned i = 0; i < OPERATION_COUNT; i++) {
		plan->weights[i] = prng_chance(random, 1, 4) ? 0 : usual_weights[i] << prng_below(random, 3);
		plan->weight_sum += plan->weights[i];
	}
	/* One that is always there, so that there is something to choose from. */
	plan->weights[OPERATION_advance] += usual_weights[OPERATION_advance];
	plan->weight_sum += usual_weights[OPERATION_advance];
}

static void prologue_add(struct plan *plan, enum operation operation)
{
	plan->prologue[plan->prologue_length++] = operation;
}

/* One step dropped, done twice, or done before the one in front of it. */
static void prologue_perturb(struct plan *plan, struct prng *random)
{
	uint32_t at = (uint32_t)prng_below(random, plan->prologue_length), length = plan->prologue_length;
	enum operation step = plan->prologue[at];

	switch (prng_below(random, 3)) {
	case 0:
		for (uint32_t i = at; i + 1 < length; i++)
			plan->prologue[i] = plan->prologue[i + 1];
		plan->prologue_length--;
		break;
	case 1:
		if (length == PROLOGUE_MAX)
			break;
		for (uint32_t i = length; i > at; i--)
			plan->prologue[i] = plan->prologue[i - 1];
		plan->prologue_length++;
		break;
	default:
		if (at) {
			plan->prologue[at] = plan->prologue[at - 1];
			plan->prologue[at - 1] = step;
		}
		break;
	}
}

/* What a driver begins with; one program in eight has none of it. */
static void plan_prologue(const struct generator *g, struct plan *plan, struct prng *random)
{
	plan->prologue_length = 0;
	if (prng_chance(random, 1, 8))
		return;
	prologue_add(plan, OPERATION_open_container);
	for (uint32_t i = 0; i < g->group_count; i++) {
		prologue_add(plan, OPERATION_open_group);
		prologue_add(plan, OPERATION_set_container);
		if (!i)
			prologue_add(plan, OPERATION_set_iommu);
	}
	prologue_add(plan, OPERATION_mmap);
	prologue_add(plan, OPERATION_map_dma);
	if (prng_chance(random, 1, 2))
		prologue_add(plan, OPERATION_dirty_log);
	/* What an iommufd does with mappings it does when a device is there; some programs make it wait. */
	if (prng_chance(random, 3, 4) && !(g->iommufd && prng_chance(random, 2, 3)))
		prologue_add(plan, OPERATION_get_device_fd);
	for (unsigned i = 0; i < 4 && uses_pinner(g); i++)
		prologue_add(plan, OPERATION_pinner_aim);
	if (prng_chance(random, 1, 4))
		prologue_add(plan, OPERATION_eventfd);
	for (unsigned rounds = 0; rounds < 3 && prng_chance(random, 1, 3); rounds++)
		prologue_perturb(plan, random);
}

/* Where an IOMMU reaches the top, all programs like it; where mediated devices let mappings lie there, some do. */
static void plan_places(struct generator *g, struct prng *random)
{
	const struct machine *machine = g->machine;
	bool emulated = false;

	for (size_t i = 0; i < machine->group_count; i++)
		emulated |= machine->groups[i].emulated;
	g->reaches_top = machine->aperture.last == UINT64_MAX || (emulated && prng_chance(random, 1, 8));
	g->reaches_edges = emulated && prng_chance(random, 1, 4);
}

static void plan_program(struct generator *g, struct plan *plan, uint64_t seed, const struct generator_options *options)
{
	static const uint64_t types[] = {VFIO_TYPE1v2_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU};
	static const uint32_t strangenesses[] = {1, 1, 2, 3, 4, 8};
	struct prng random;

	prng_seed(&random, seed_child(seed, COMPONENT_PLAN));
	plan->calls =
	    options->calls_min + (uint32_t)prng_below(&random, (uint64_t)options->calls_max - options->calls_min + 1);
	g->iommu_type = types[prng_below(&random, sizeof(types) / sizeof(types[0]))];
	g->strangeness = strangenesses[prng_below(&random, sizeof(strangenesses) / sizeof(strangenesses[0]))];
	plan_places(g, &random);
	plan_groups(g, &random);
	plan_weights(plan, &random);
	if (uses_pinner(g) && prng_chance(&random, 3, 4))
		plan_pinner(plan);
	if (group_is_noiommu(g, g->groups[0]))
		g->iommu_type = VFIO_NOIOMMU_IOMMU;
	g->iommufd = g->profile->values[PROFILE_IOMMUFD] && prng_chance(&random, 1, 2);
	plan_prologue(g, plan, &random);
}

/* Draws the next operation. */
static enum operation plan_next(const struct plan *plan, struct prng *random)
{
	uint64_t at = prng_below(random, plan->weight_sum);
	unsigned operation = 0;

	while (at >= plan->weights[operation])
		at -= plan->weights[operation++];
	return (enum operation)operation;
}

/* Lets @operation make a call, and the model take it; what the model does not know is left out. */
static void generate_call(struct generator *g, enum operation operation)
{
	struct call call = {.task = g->actor->task, .thread = g->thread};
	struct outcome outcome;

	if (!makers[operation](g, &call) || g->failed)
		return;
	host_call(g->host, &call, NULL, &outcome);
	if (!outcome.modelled)
		return;
	if (program_append(g->program, &call))
		g->failed = true;
	if (outcome.complaint != RULE_NONE)
		g->program->destructive = rules[outcome.complaint].name;
	g->over = rule_complaint_fatal(outcome.complaint);
	if (g->over)
		return;
	book_learn(&g->book, &call, &outcome);
}

static void generate_calls(struct generator *g, const struct plan *plan, uint64_t seed)
{
	const uint64_t call_seeds = seed_child(seed, COMPONENT_CALLS);
	/* Operations that have nothing to do, or are not modelled, are tries too; there is an end to them. */
	const uint32_t tries = plan->prologue_length + 16 * plan->calls;
	struct prng schedule;

	prng_seed(&schedule, seed_child(seed, COMPONENT_SCHEDULE));
	for (uint32_t i = 0;
	     i < tries && g->program->count < plan->calls && g->book.actor_count && !g->failed && !g->over; i++) {
		prng_seed(&g->random, seed_child(call_seeds, i));
		g->careful = i < plan->prologue_length;
		g->actor = &g->book.actors[g->careful ? 0 : prng_below(&schedule, g->book.actor_count)];
		g->thread = 1 + (g->careful ? 0 : (uint32_t)prng_below(&schedule, g->actor->threads));
		generate_call(g, g->careful ? plan->prologue[i] : plan_next(plan, &schedule));
	}
}

struct program *generate_program(uint64_t seed, const struct machine *machine, const struct profile *profile,
				 const struct generator_options *options)
{
	struct generator *g = calloc(1, sizeof(*g));
	struct program *program;
	struct plan plan;

	if (!g)
		return NULL;
	g->machine = machine;
	g->profile = profile;
	g->program = program = program_new();
	g->host = host_new(machine, profile);
	if (g->host && !options->destructive)
		host_avoid_complaints(g->host);
	book_open(&g->book);
	g->failed = !g->program || !g->host;
	if (!g->failed) {
		plan_program(g, &plan, seed, options);
		generate_calls(g, &plan, seed);
	}
	if (g->failed) {
		program_free(program);
		program = NULL;
	}
	host_free(g->host);
	free(g);
	return program;
}
