/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The hand-written programs under traces/programs: each is readable and modelled as a whole on every profile, and
 * together they hit every rule on one profile or another.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <string.h>

#include "vfiosim/machine.h"
#include "vfiosim/model.h"
#include "vfiosim/trace.h"

/* Rules that no program hits, and why not. */
static const struct {
	enum rule rule;
	const char *reason;
} excused[] = {
    {RULE_RUN_COMPLETE, "is about the file, which the judge reads and the model does not"},
    {RULE_DEV_HOT_LOST, "is what devices answer; the model alone has no reason to"},
    {RULE_DEV_IOEVENTFD_LIMIT, "takes 1,000 ioeventfds first"},
    {RULE_T1_MAP_ENTRIES, "takes 65,535 mappings first"},
};

struct stage {
	struct trace_reader *reader;
	const char *path;
	struct profile profile;
	struct host *host;
	uint64_t *hits;
};

static void stage_begin(struct stage *stage)
{
	const struct machine *machine = machine_find(trace_header(stage->reader)->machine);

	cr_assert_not_null(machine, "%s", stage->path);
	host_free(stage->host);
	stage->host = host_new(machine, &stage->profile);
}

static void stage_call(struct stage *stage, const struct event *event)
{
	struct outcome outcome;

	host_call(stage->host, &event->call, NULL, &outcome);
	cr_assert(outcome.modelled, "%s:%lu: not modelled", stage->path, (unsigned long)event->line);
	cr_assert_null(host_audit(stage->host), "%s:%lu", stage->path, (unsigned long)event->line);
	for (uint32_t i = 0; i < outcome.rule_count; i++)
		stage->hits[outcome.rules[i]]++;
}

/* Performs the program at @path on the model and counts the rules that it hits. */
static void perform(const char *path, const char *profile, uint64_t hits[RULE_COUNT])
{
	struct diag diag = {.text = ""};
	struct stage stage = {.reader = trace_open(path, &diag), .path = path, .hits = hits};
	struct event event;
	enum trace_item item;

	cr_assert_not_null(stage.reader, "%s:%lu: %s", path, (unsigned long)diag.line, diag.text);
	cr_assert_eq(profile_find(profile, &stage.profile), 0);
	while ((item = trace_next(stage.reader, &event, &diag)) != TRACE_END) {
		cr_assert_neq(item, TRACE_ERROR, "%s:%lu:%u: %s", path, (unsigned long)diag.line, diag.column,
			      diag.text);
		if (item == TRACE_RUN)
			stage_begin(&stage);
		else if (item == TRACE_EVENT)
			stage_call(&stage, &event);
	}
	host_free(stage.host);
	trace_close(stage.reader);
}

static bool is_excused(enum rule rule)
{
	for (size_t i = 0; i < sizeof(excused) / sizeof(excused[0]); i++)
		if (excused[i].rule == rule)
			return true;
	return false;
}

Test(programs, every_rule_is_hit_but_those_excused)
{
	static uint64_t hits[RULE_COUNT];
	glob_t found;

	cr_assert_eq(glob(PROGRAMS_FOLDER "/*.trace", 0, NULL, &found), 0, "no programs in " PROGRAMS_FOLDER);
	for (size_t i = 0; i < found.gl_pathc; i++)
		for (const char *const *profile = profile_names(); *profile; profile++)
			perform(found.gl_pathv[i], *profile, hits);
	globfree(&found);
	for (unsigned rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		if (is_excused((enum rule)rule))
			cr_expect_eq(hits[rule], 0, "%s is excused, but a program hits it", rules[rule].name);
		else
			cr_expect_gt(hits[rule], 0, "no program hits %s: %s", rules[rule].name, rules[rule].sentence);
	}
}
