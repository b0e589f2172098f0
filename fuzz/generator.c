/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The plan of a program, its beginning, and the loop that makes call after call.
 */
#include "generator.h"

#include <stdlib.h>
#include <string.h>

#include "generator_internal.h"

const struct generator_options generator_defaults = {.calls_min = 5, .calls_max = 60};

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

#define PROLOGUE_MAX (2 * GROUPS_MAX + 50)

struct plan {
	uint32_t calls;
	/* For each operation the sum of the weights up to its own: one that adds nothing is not done. */
	uint32_t weight_sums[OPERATION_COUNT];
	enum operation prologue[PROLOGUE_MAX];
	uint32_t prologue_length;
};

/* Who is told of calls. */
struct watch {
	generator_watch_fn *call; /* NULL: nobody */
	void *context;
	bool stopped; /* has seen enough */
};

/* Groups that the program uses: some of those that have a device to be opened, at least one if there are any. */
static void plan_groups(struct generator *g)
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
		if (chance(g, 1, 2))
			g->groups[g->group_count++] = offered[i];
	if (!g->group_count)
		g->groups[g->group_count++] = count ? offered[below(g, count)] : 0;
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

/* Puts emulated groups in front of the others; how many there are. */
static uint32_t count_emulated_first(struct generator *g)
{
	uint32_t front = 0;

	for (uint32_t i = 0; i < g->group_count; i++) {
		const uint32_t number = g->groups[i];

		if (!group_is_emulated(g, number))
			continue;
		g->groups[i] = g->groups[front];
		g->groups[front++] = number;
	}
	return front;
}

/*
 * A pinner does nothing before it is aimed, and little before it is told several things. It may be aimed at whatever is
 * mapped: a region of a device is no memory.
 */
static bool is_pinners(enum operation operation)
{
	return operation == OPERATION_pinner_aim || operation == OPERATION_pinner_command ||
	       operation == OPERATION_pinner_look || operation == OPERATION_map_region;
}

/* Whether machine and profile have nothing that an operation is about. Nothing is drawn for it then. */
static bool is_pointless(const struct generator *g, enum operation operation)
{
	if (operation >= OPERATION_tce_memory && operation <= OPERATION_tce_recovery)
		return !has_tce(g) || has_tce_put(g);
	if (operation == OPERATION_tce_put || operation == OPERATION_tce_put_info)
		return !has_tce_put(g);
	if (operation >= OPERATION_pasid_request && operation <= OPERATION_invalidate)
		return !has_nesting(g);
	if (operation >= OPERATION_open_device_file && operation <= OPERATION_detach_device)
		return !has_device_files(g);
	if (operation >= OPERATION_guest && operation <= OPERATION_vcmd)
		return !has_ioasids(g);
	return operation == OPERATION_devtree_info && !has_platform(g);
}

/* Each operation is left out, or weighted anew: odd mixes get to odd places. */
static void plan_weights(struct generator *g, struct plan *plan)
{
	const bool pins = uses_pinner(g) && chance(g, 3, 4);
	uint32_t sum = 0;

	for (unsigned i = 0; i < OPERATION_COUNT; i++) {
		const uint32_t draw = is_pointless(g, (enum operation)i) ? UINT32_MAX : (uint32_t)below(g, 12);
		const uint32_t weight = usual_weights[i] * (pins && is_pinners((enum operation)i) ? 4 : 1);

		sum += draw < 3 ? weight : draw < 6 ? 2 * weight : draw < 9 ? 4 * weight : 0;
		/* One that is always there, so that there is something to choose from. */
		if (i == OPERATION_advance)
			sum += weight;
		plan->weight_sums[i] = sum;
	}
}

static void prologue_add(struct plan *plan, enum operation operation)
{
	plan->prologue[plan->prologue_length++] = operation;
}

/* One step dropped, done twice, or done before the one in front of it. */
static void prologue_perturb(struct generator *g, struct plan *plan)
{
	uint32_t at = (uint32_t)below(g, plan->prologue_length), length = plan->prologue_length;
	enum operation step = plan->prologue[at];

	switch (below(g, 3)) {
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

/* Groups number @first and on, up to @end, join the container. Some programs give it no type before anything else. */
static void prologue_join(struct generator *g, struct plan *plan, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end && i < g->group_count; i++) {
		prologue_add(plan, OPERATION_open_group);
		prologue_add(plan, OPERATION_set_container);
		if (!i && !chance(g, 1, 16))
			prologue_add(plan, OPERATION_set_iommu);
	}
}

/* A limit is set, and the right to go beyond it dropped. */
static void prologue_limit(struct generator *g, struct plan *plan)
{
	if (!chance(g, 1, 8))
		return;
	prologue_add(plan, OPERATION_dropcap);
	prologue_add(plan, OPERATION_dropcap);
}

/* Pages are pinned that the pinner was aimed at. */
static void prologue_pin(struct plan *plan)
{
	for (unsigned i = 0; i < 4; i++)
		prologue_add(plan, OPERATION_pinner_aim);
	prologue_add(plan, OPERATION_pinner_command);
	prologue_add(plan, OPERATION_pinner_command);
}

/* What is no memory is mapped beside it. */
static void prologue_region(struct generator *g, struct plan *plan)
{
	if (!chance(g, 1, 6))
		return;
	prologue_add(plan, OPERATION_get_device_fd);
	prologue_add(plan, OPERATION_map_region);
	prologue_pin(plan);
}

/* Interrupts are set up; some programs begin again with the device. */
static void prologue_interrupts(struct generator *g, struct plan *plan)
{
	if (!chance(g, 1, 4))
		return;
	prologue_add(plan, OPERATION_eventfd);
	if (!chance(g, 1, 3))
		return;
	prologue_add(plan, OPERATION_set_irqs);
	prologue_add(plan, OPERATION_close);
	prologue_add(plan, OPERATION_get_device_fd);
}

/* A group goes to another iommufd, which it may while devices of it are open. */
static void prologue_move(struct generator *g, struct plan *plan)
{
	if (!g->iommufd || !chance(g, 1, 6))
		return;
	prologue_add(plan, OPERATION_get_device_fd);
	prologue_add(plan, OPERATION_open_container);
	prologue_add(plan, OPERATION_unset_container);
	prologue_add(plan, OPERATION_set_container);
	prologue_add(plan, OPERATION_get_device_fd);
}

/* A group that has made an address space goes, and its device is attached there by a file of its own. */
static void prologue_device_file(struct plan *plan)
{
	prologue_add(plan, OPERATION_close_group);
	prologue_add(plan, OPERATION_open_device_file);
	prologue_add(plan, OPERATION_bind_device);
	prologue_add(plan, OPERATION_attach_device);
}

/* What a driver begins with; one program in eight has none of it. */
static void plan_prologue(struct generator *g, struct plan *plan)
{
	const bool pins = uses_pinner(g);
	uint32_t early = g->group_count;

	plan->prologue_length = 0;
	if (chance(g, 1, 8))
		return;
	/* Guests have nothing to do with the rest: they come first, or instead of it. */
	if (has_ioasids(g)) {
		prologue_add(plan, OPERATION_guest);
		prologue_add(plan, OPERATION_ioasid_driver);
		prologue_add(plan, OPERATION_ioasid_alloc);
		if (chance(g, 1, 2))
			prologue_add(plan, OPERATION_guest);
		if (chance(g, 3, 4))
			return;
	}
	/* What mediated devices were content with may be too much for a group that joins them. */
	if (pins && chance(g, 1, 2))
		early = count_emulated_first(g);
	prologue_add(plan, OPERATION_open_container);
	prologue_join(g, plan, 0, early);
	prologue_limit(g, plan);
	prologue_add(plan, OPERATION_mmap);
	/* Tables are charged first, so that whoever is limited gets nowhere, or just so far. */
	if (has_tce(g) && chance(g, 1, 8)) {
		prologue_add(plan, OPERATION_setrlimit);
		prologue_add(plan, OPERATION_dropcap);
	}
	if (has_tce_put(g))
		prologue_add(plan, OPERATION_tce_put);
	else if (has_tce(g))
		prologue_add(plan, g->iommu_type == VFIO_SPAPR_TCE_IOMMU ? OPERATION_tce_enable : OPERATION_tce_memory);
	if (has_nesting(g)) {
		prologue_add(plan, OPERATION_pasid_request);
		prologue_add(plan, OPERATION_pasid_request);
		prologue_add(plan, OPERATION_bind_table);
	}
	prologue_add(plan, OPERATION_map_dma);
	if (early < g->group_count)
		prologue_add(plan, OPERATION_map_dma);
	prologue_limit(g, plan);
	if (chance(g, 1, 2))
		prologue_add(plan, OPERATION_dirty_log);
	/* What an iommufd does with mappings it does when a device is there; some programs make it wait. */
	if (has_device_files(g) && g->iommufd && chance(g, 1, 3))
		prologue_device_file(plan);
	else if (!chance(g, 1, 4) && !(g->iommufd && chance(g, 2, 3)))
		prologue_add(plan, OPERATION_get_device_fd);
	if (pins && chance(g, 1, 4))
		prologue_add(plan, OPERATION_get_device_fd);
	if (pins)
		prologue_pin(plan);
	prologue_join(g, plan, early, g->group_count);
	if (pins)
		prologue_region(g, plan);
	prologue_move(g, plan);
	prologue_interrupts(g, plan);
	for (unsigned rounds = 0; rounds < 3 && chance(g, 1, 3); rounds++)
		prologue_perturb(g, plan);
}

/* Where an IOMMU reaches the top, all programs like it; where mediated devices let mappings lie there, some do. */
static void plan_places(struct generator *g)
{
	const struct machine *machine = g->machine;
	bool emulated = false;

	for (size_t i = 0; i < machine->group_count; i++)
		emulated |= machine->groups[i].emulated;
	g->reaches_top = machine->aperture.last == UINT64_MAX || (emulated && chance(g, 1, 8));
	g->reaches_edges = emulated && chance(g, 1, 4);
}

static void plan_program(struct generator *g, struct plan *plan, const struct generator_options *options)
{
	static const uint64_t types[] = {VFIO_TYPE1v2_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU};
	static const uint32_t strangenesses[] = {1, 1, 2, 3, 4, 8};

	plan->calls = draws_length(g->draws, options->calls_min, options->calls_max);
	g->iommu_type = ONE_OF(g, types);
	g->strangeness = ONE_OF(g, strangenesses);
	plan_places(g);
	g->group_count = 0;
	plan_groups(g);
	plan_weights(g, plan);
	if (group_is_noiommu(g, g->groups[0]))
		g->iommu_type = VFIO_NOIOMMU_IOMMU;
	else if (has_tce_put(g))
		g->iommu_type = VFIO_SPAPR_TCE_IOMMU;
	else if (has_tce(g))
		g->iommu_type = chance(g, 1, 3) ? VFIO_SPAPR_TCE_IOMMU : VFIO_SPAPR_TCE_v2_IOMMU;
	else if (has_nesting(g) && chance(g, 3, 4))
		g->iommu_type = VFIO_TYPE1_NESTING_IOMMU;
	g->iommufd = g->profile.values[PROFILE_IOMMUFD] && chance(g, 1, 2);
	plan_prologue(g, plan);
}

/* Draws the next operation: the first whose sum of weights is above the draw. */
static enum operation plan_next(struct generator *g, const struct plan *plan)
{
	const uint64_t draw = below(g, plan->weight_sums[OPERATION_COUNT - 1]);
	unsigned low = 0, high = OPERATION_COUNT - 1;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (plan->weight_sums[middle] > draw)
			high = middle;
		else
			low = middle + 1;
	}
	return (enum operation)low;
}

/* Lets the model take a call, the program's draft; what the model does not know is left out. */
static void take_call(struct generator *g, const struct call *call, struct watch *watch)
{
	struct outcome outcome;

	host_call(g->host, call, NULL, &outcome);
	if (outcome.modelled)
		program_append(g->program);
	if (watch->call && !watch->call(watch->context, g->host, call, &outcome))
		watch->stopped = true;
	if (!outcome.modelled)
		return;
	if (outcome.complaint != RULE_NONE)
		g->program->destructive = rules[outcome.complaint].name;
	g->over = rule_complaint_fatal(outcome.complaint);
	if (!g->over)
		book_learn(&g->book, call, &outcome);
}

/* The place of the next call, for who has the turn; NULL when memory is out. */
static struct call *draft_call(struct generator *g)
{
	struct call *call = program_draft(g->program);

	if (!call) {
		g->failed = true;
		return NULL;
	}
	call->task = g->actor->task;
	call->thread = g->thread;
	return call;
}

/* Lets @operation make a call, or several that belong together. */
static void generate_call(struct generator *g, enum operation operation, struct watch *watch)
{
	struct call *call = draft_call(g);

	g->fds_listed = false;
	g->script_count = 0;
	if (!call || !makers[operation](g, call) || g->failed)
		return;
	if (!g->script_count)
		take_call(g, call, watch);
	for (uint32_t i = 0; i < g->script_count && !g->over && !watch->stopped && call; i++) {
		*call = g->script[i];
		take_call(g, call, watch);
		call = draft_call(g);
	}
}

/* Who makes the next call, and which. */
static enum operation plan_turn(struct generator *g, const struct plan *plan, uint32_t turn)
{
	g->careful = turn < plan->prologue_length;
	g->actor = &g->book.actors[g->careful ? 0 : below(g, g->book.actor_count)];
	g->thread = 1 + (g->careful ? 0 : (uint32_t)below(g, g->actor->threads));
	return g->careful ? plan->prologue[turn] : plan_next(g, plan);
}

static void generate_calls(struct generator *g, const struct plan *plan, struct watch *watch)
{
	/* Operations that have nothing to do, or are not modelled, are turns too; there is an end to them. */
	const uint32_t turns = plan->prologue_length + 16 * plan->calls;
	struct program *program = g->program;

	for (uint32_t i = 0; i < turns && program->count < plan->calls && g->book.actor_count; i++) {
		const size_t count = program->count;

		if (g->failed || g->over || watch->stopped || !draws_record(g->draws))
			return;
		g->room = plan->calls - (uint32_t)count;
		generate_call(g, plan_turn(g, plan, i), watch);
		/* The turns of the prologue count, even when nothing comes of them. */
		if (program->count == count && !g->careful)
			draws_forget(g->draws);
	}
}

struct generator *generator_new(const struct machine *machine, const struct profile *profile)
{
	struct generator *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->machine = machine;
	g->fresh = host_new(machine, profile);
	g->host = host_clone(g->fresh);
	g->profile = *profile;
	return g;
}

void generator_free(struct generator *g)
{
	if (!g)
		return;
	program_free(g->program);
	host_free(g->host);
	host_free(g->fresh);
	free(g);
}

struct host *generator_host(struct generator *g)
{
	return g->host;
}

struct program *generator_make(struct generator *g, struct draws *draws, const struct generator_options *options,
			       generator_watch_fn *watch, void *context)
{
	struct watch watching = {.call = watch, .context = context};
	struct plan plan = {.calls = 0};

	if (!g->program)
		g->program = program_new();
	if (!g->program)
		return NULL;
	program_reset(g->program);
	host_assign(g->host, g->fresh);
	if (!options->destructive)
		host_avoid_complaints(g->host);
	book_open(&g->book);
	g->draws = draws;
	g->failed = g->over = false;
	if (draws_record(draws))
		plan_program(g, &plan, options);
	generate_calls(g, &plan, &watching);
	return g->failed ? NULL : g->program;
}

struct program *generate_program(uint64_t seed, const struct machine *machine, const struct profile *profile,
				 const struct generator_options *options, struct tape *tape)
{
	struct generator *g = generator_new(machine, profile);
	struct program *program;
	struct draws draws;

	if (!g)
		return NULL;
	draws_from_seed(&draws, seed, tape);
	program = generator_make(g, &draws, options, NULL, NULL);
	if (program && tape && tape_end(tape))
		program = NULL;
	if (program)
		g->program = NULL;
	generator_free(g);
	return program;
}
