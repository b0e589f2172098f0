/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Generated programs: the same for the same seed, within their limits, and worth running. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/generator.h"
#include "vfiosim/model.h"
#include "vfiosim/trace.h"

enum { PROGRAMS = 500, TASKS_MAX = 4 };

#define MEMORY_FIRST UINT64_C(0x100000000000)
#define MEMORY_END   UINT64_C(0x200000000000)
#define PINNED_MAX   ((uint64_t)64 << 20)

/* Where programs are made for: a machine, and a kernel with or without iommufd and noiommu mode. */
static const struct {
	const char *machine, *profile;
	bool complete;
} places[] = {
    {"q35-edu", "6.1", false},	     {"q35-multi", "6.1", false},	 {"q35-e1000", "6.1", false},
    {"q35-edu", "6.12", false},	     {"q35-multi", "6.12", false},	 {"q35-e1000", "6.12", false},
    {"q35-amd", "6.1", false},	     {"q35-amd", "6.12", false},	 {"q35-mdev", "6.1", false},
    {"q35-mdev", "6.12", false},     {"model-two-iommus", "6.1", false}, {"model-two-iommus", "6.12", false},
    {"q35-multi", "6.12", true},     {"q35-multi", "5.10", false},	 {"q35-unsafe", "6.12", false},
    {"q35-multi", "7.2", true},	     {"q35-mixed", "7.2", true},	 {"powernv9-edu", "6.12", false},
    {"powernv9-edu", "7.2", false},  {"pseries-edu", "6.12", false},	 {"pseries-edu", "7.2", false},
    {"q35-mdev", "7.2", true},	     {"powernv9-multi", "7.2", false},	 {"pseries-multi", "7.2", false},
    {"powernv9-hash", "7.2", false},
};

enum { PLACES = sizeof(places) / sizeof(places[0]) };

/* What is called for each program and each call of a walk through many programs. */
struct walk {
	void (*begin)(struct walk *walk, const struct program *program);
	void (*call)(struct walk *walk, const struct call *call, const struct outcome *outcome);
	const struct generator_options *options; /* NULL: the usual ones */
	struct host *host;
	bool tables_charged; /* what is charged is not what is pinned, but tables that could be full */
	void *context;
};

static void walk_program(struct walk *walk, uint64_t seed, const struct machine *machine, const struct profile *profile)
{
	const struct generator_options *options = walk->options ? walk->options : &generator_defaults;
	struct program *program = generate_program(seed, machine, profile, options, NULL);
	struct outcome outcome;

	cr_assert_not_null(program);
	walk->host = host_new(machine, profile);
	walk->tables_charged = machine->tce.windows;
	if (walk->begin)
		walk->begin(walk, program);
	for (size_t i = 0; i < program->count; i++) {
		host_call(walk->host, &program->events[i].call, NULL, &outcome);
		if (walk->call)
			walk->call(walk, &program->events[i].call, &outcome);
	}
	host_free(walk->host);
	program_free(program);
}

/* The programs of seeds 0, 1, ... for every place. */
static void walk_all(struct walk *walk, uint64_t programs)
{
	for (unsigned place = 0; place < PLACES; place++) {
		struct profile profile;

		cr_assert_eq(profile_find(places[place].profile, &profile), 0);
		if (places[place].complete) {
			cr_assert_eq(profile_set(&profile, "iommufd", "1"), 0);
			cr_assert_eq(profile_set(&profile, "noiommu", "2"), 0);
		}
		for (uint64_t seed = 0; seed < programs; seed++)
			walk_program(walk, seed, machine_find(places[place].machine), &profile);
	}
}

static char *text_of(uint64_t seed)
{
	struct profile profile;
	struct program *program;
	struct text text = {0};

	cr_assert_eq(profile_find("6.12", &profile), 0);
	program = generate_program(seed, machine_find("q35-edu"), &profile, &generator_defaults, NULL);
	for (size_t i = 0; i < program->count; i++)
		event_print(&text, &program->events[i]);
	cr_assert_not(text.failed);
	program_free(program);
	return text.text;
}

Test(generator, same_seed_gives_the_same_program_and_another_one_another)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		char *first = text_of(seed), *again = text_of(seed), *other = text_of(seed + 1);

		cr_assert_str_eq(first, again);
		cr_assert_str_neq(first, other);
		free(first);
		free(again);
		free(other);
	}
}

static void check_length(struct walk *walk, const struct program *program)
{
	size_t *full = walk->context;

	cr_assert_leq(program->count, generator_defaults.calls_max);
	*full += program->count >= generator_defaults.calls_min;
}

Test(generator, program_has_the_length_that_was_asked_for)
{
	size_t full = 0;
	struct walk walk = {.begin = check_length, .context = &full};

	walk_all(&walk, PROGRAMS);
	/* Those whose last task exits early are shorter. */
	cr_assert_gt(full, PLACES * PROGRAMS * 95 / 100);
}

static void check_modelled(struct walk *walk, const struct call *call, const struct outcome *outcome)
{
	uint64_t pinned = 0;

	cr_assert(outcome->modelled);
	cr_assert_leq(call->task, TASKS_MAX);
	for (uint32_t task = 1; task <= TASKS_MAX && !walk->tables_charged; task++)
		pinned += host_locked_by_vfio(walk->host, task);
	cr_assert_leq(pinned, PINNED_MAX);
	cr_assert_null(host_audit(walk->host), "%s", host_audit(walk->host));
}

Test(generator, every_call_is_modelled_and_pins_within_bounds)
{
	/* Long ones fill every list that the generator keeps. */
	static const struct generator_options long_ones = {.calls_min = 1000, .calls_max = 1000};
	struct walk walk = {.call = check_modelled};

	walk_all(&walk, PROGRAMS);
	walk.options = &long_ones;
	walk_all(&walk, 10);
}

/* Whatever is mapped, changed or taken away lies in the program's own part of the address space. */
static void check_memory(struct walk *walk, const struct call *call, const struct outcome *outcome)
{
	const bool changes = call->op == CALL_MMAP || call->op == CALL_MUNMAP || call->op == CALL_MPROTECT;

	(void)walk;
	if (!changes || outcome->ret < 0)
		return;
	cr_assert_geq(call->args[0], MEMORY_FIRST);
	cr_assert_leq(call->args[0] + call->args[1], MEMORY_END);
}

Test(generator, memory_lies_where_nothing_else_of_a_task_is)
{
	struct walk walk = {.call = check_memory};

	walk_all(&walk, PROGRAMS);
}

static void check_text(struct walk *walk, const struct call *call, const struct outcome *outcome)
{
	const struct event event = {.call = *call};
	struct event parsed;
	struct text text = {0};
	struct diag diag;

	(void)outcome;
	event_print(&text, &event);
	cr_assert_eq(event_parse(text.text, text.length, &parsed, walk->context, "program", 1, &diag), 0, "%s: %s",
		     text.text, diag.text);
	cr_assert(event_equal(&event, &parsed), "%s", text.text);
	free(text.text);
}

Test(generator, every_call_survives_being_written_and_read)
{
	struct walk walk = {.call = check_text, .context = arena_new()};

	walk_all(&walk, 100);
	arena_free(walk.context);
}

struct depth {
	unsigned hits[RULE_COUNT];
	unsigned calls, refused;
};

static void count_rules(struct walk *walk, const struct call *call, const struct outcome *outcome)
{
	struct depth *depth = walk->context;

	(void)call;
	depth->calls++;
	depth->refused += outcome->ret < 0;
	for (uint32_t i = 0; i < outcome->rule_count; i++)
		depth->hits[outcome->rules[i]]++;
}

/*
 * Programs do not take devices from vfio-pci: that waits until nobody has them open, and nobody would ever close them.
 * Nor do they open devices by files of their own.
 */
static bool is_not_generated(const char *rule)
{
	static const char *const beginnings[] = {"DRV-", "DEV-FILE-", "DEV-BIND", "DEV-ATTACH", "DEV-DETACH"};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strncmp(rule, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* Programs that are refused at the door, or never refused, find nothing. */
Test(generator, programs_get_deep_and_are_refused_in_many_ways)
{
	static struct depth depth;
	struct walk walk = {.call = count_rules, .context = &depth};
	unsigned different = 0, within_reach = RULE_COUNT - 1;

	/* Programs are made for kernels, which lack what was only proposed. */
	for (unsigned i = 1; i < RULE_COUNT; i++)
		within_reach -= strncmp(rules[i].source, "seed ", 5) == 0 || is_not_generated(rules[i].name);

#define UNPERFORMED(rule, reason) within_reach--;
#define UNOBSERVED(rule, reason)
#include "conformance/excused.def"

	walk_all(&walk, PROGRAMS);
	for (unsigned i = 1; i < RULE_COUNT; i++) {
		different += depth.hits[i] > 0;
		/* Programs do without what makes kernels complain. */
		within_reach -= rule_complains((enum rule)i);
	}
	cr_assert_gt(different, within_reach * 9 / 10, "%u of %u rules", different, within_reach);
	cr_assert_gt(depth.refused, depth.calls / 5);
	cr_assert_lt(depth.refused, depth.calls * 3 / 5);
	cr_assert_gt(depth.hits[RULE_T1_MAP] + depth.hits[RULE_TCE_MAP], PLACES * PROGRAMS);
	cr_assert_gt(depth.hits[RULE_T1_UNMAP], 2 * PROGRAMS);
	cr_assert_gt(depth.hits[RULE_GRP_DEVICE_OPEN], 2 * PROGRAMS);
}

/* What was proposed for nesting is reached where there is nesting, and only there. */
Test(generator, programs_that_nest_bind_and_invalidate_and_are_refused_in_many_ways)
{
	static const char *const profiles[] = {"nesting-v7-2020", "nesting-agreed-2020", "5.10"};
	const struct machine *machine = machine_find("model-nesting-vtd");
	unsigned different[3] = {0};

	for (unsigned p = 0; p < 3; p++) {
		struct depth depth = {.calls = 0};
		struct walk walk = {.call = count_rules, .context = &depth};
		struct profile profile;

		cr_assert_eq(profile_find(profiles[p], &profile), 0);
		for (uint64_t seed = 0; seed < 4 * PROGRAMS; seed++)
			walk_program(&walk, seed, machine, &profile);
		for (unsigned i = 1; i < RULE_COUNT; i++)
			different[p] += strncmp(rules[i].name, "NST-", 4) == 0 && depth.hits[i];
	}
	cr_expect_gt(different[0], 20, "%u rules", different[0]);
	cr_expect_gt(different[1], 30, "%u rules", different[1]);
	cr_expect_eq(different[2], 0, "%u rules", different[2]);
}

/* How many of the programs do what makes a kernel complain, as the program itself says and as the model says. */
static unsigned count_destructive(const char *machine, const struct generator_options *options)
{
	struct profile profile;
	unsigned count = 0;

	cr_assert_eq(profile_find("7.2", &profile), 0);
	/* One in some hundreds does. */
	for (uint64_t seed = 0; seed < 4 * PROGRAMS; seed++) {
		struct program *program = generate_program(seed, machine_find(machine), &profile, options, NULL);
		struct host *host = host_new(machine_find(machine), &profile);
		struct outcome outcome = {.complaint = RULE_NONE};
		bool complains = false;

		for (size_t i = 0; i < program->count; i++) {
			cr_assert(!rule_complaint_fatal(outcome.complaint), "a call behind the last one");
			host_call(host, &program->events[i].call, NULL, &outcome);
			complains |= outcome.complaint != RULE_NONE;
		}
		cr_assert_eq(complains, program->destructive != NULL);
		count += complains;
		host_free(host);
		program_free(program);
	}
	return count;
}

Test(generator, programs_make_kernels_complain_only_if_asked_to)
{
	struct generator_options options = generator_defaults;

	cr_expect_eq(count_destructive("q35-edu", &options), 0);
	cr_expect_eq(count_destructive("virt-smmuv3-edu", &options), 0);
	options.destructive = true;
	cr_expect_gt(count_destructive("q35-edu", &options), 0);
	cr_expect_gt(count_destructive("virt-smmuv3-edu", &options), 0);
}
