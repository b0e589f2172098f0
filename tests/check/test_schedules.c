/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls at once: which orders there are, and which outcomes are wrong. A group leaves its container while entries are
 * put into its table.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "check/schedules.h"
#include "vfiosim/profile.h"
#include "vfiosim/trace.h"

#define PUT(fd)                                                                                                       \
	" ioctl(" fd ", VFIO_IOMMU_SPAPR_TCE_PUT, {argsz=24, flags=READ|WRITE, ioba=0x8000000, tce=0x100000000000}) " \
	"= ?"

enum { LINES_MAX = 16 };

struct stage {
	struct arena *arenas[LINES_MAX];
	struct event events[LINES_MAX];
	uint32_t count;
	struct profile profile;
	struct scenario scenario;
};

static const struct event *parse(struct stage *stage, const char *line)
{
	struct event *event = &stage->events[stage->count];
	struct diag diag;

	cr_assert_lt(stage->count, LINES_MAX);
	stage->arenas[stage->count] = arena_new();
	cr_assert_eq(event_parse(line, strlen(line), event, stage->arenas[stage->count], "test", 1, &diag), 0, "%s: %s",
		     line, diag.text);
	stage->count++;
	return event;
}

/* A container 3 with group 4 and its table, in a program of two threads. */
static void stage_open(struct stage *stage, const char *defect)
{
	static const char *const setup[] = {
	    "1 open(\"/dev/vfio/vfio\", O_RDWR) = ?",
	    "1 open(\"/dev/vfio/0\", O_RDWR) = ?",
	    "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3]) = ?",
	    "1 ioctl(3, VFIO_SET_IOMMU, SPAPR_TCE_IOMMU) = ?",
	    "1 mmap(0x100000000000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0) = ?",
	    "1 thread() = ?",
	};
	const struct machine *machine = machine_find("model-tce");
	struct outcome outcome;

	memset(stage, 0, sizeof(*stage));
	cr_assert_not_null(machine);
	cr_assert_eq(profile_find("tce-v7-2012", &stage->profile), 0);
	if (defect)
		cr_assert_eq(profile_set(&stage->profile, "defect", defect), 0);
	stage->scenario.host = host_new(machine, &stage->profile);
	for (size_t i = 0; i < sizeof(setup) / sizeof(setup[0]); i++) {
		host_call(stage->scenario.host, &parse(stage, setup[i])->call, NULL, &outcome);
		cr_assert(outcome.modelled && outcome.ret >= 0, "%s", setup[i]);
	}
}

static void at_once(struct stage *stage, const char *line)
{
	stage->scenario.calls[stage->scenario.count++] = parse(stage, line);
}

static void stage_close(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->count; i++)
		arena_free(stage->arenas[i]);
	host_free(stage->scenario.host);
}

/* How many outcomes are wrong. */
static unsigned count_wrong(const struct stage *stage, const struct exploration *exploration,
			    const struct exploration *reference)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < exploration->count; i++)
		wrong +=
		    exploration_judge(exploration, &exploration->outcomes[i], stage->scenario.count, reference) != NULL;
	return wrong;
}

Test(schedules, calls_of_one_thread_have_one_order)
{
	struct exploration exploration;
	struct stage stage;

	stage_open(&stage, NULL);
	at_once(&stage, "1" PUT("3"));
	at_once(&stage, "1 ioctl(4, VFIO_GROUP_UNSET_CONTAINER) = ?");
	explore(&stage.scenario, &exploration);
	cr_assert_eq(exploration.schedules, 1);
	cr_assert_eq(exploration.count, 1);
	cr_expect(exploration.outcomes[0].serial);
	cr_expect_eq(exploration.outcomes[0].steps, 3, "a group leaves in two steps");
	cr_expect_eq(exploration.outcomes[0].answers[0], 0);
	exploration_clear(&exploration);
	stage_close(&stage);
}

Test(schedules, what_only_somebody_in_between_sees_is_no_fault_when_it_is_a_refusal)
{
	struct exploration exploration;
	struct stage stage;
	unsigned only_at_once = 0;

	stage_open(&stage, NULL);
	at_once(&stage, "1 ioctl(4, VFIO_GROUP_UNSET_CONTAINER) = ?");
	at_once(&stage, "1.2" PUT("3"));
	explore(&stage.scenario, &exploration);
	cr_expect_eq(exploration.schedules, 3, "before, after, and in between");
	cr_expect_eq(exploration.count, 3);
	for (size_t i = 0; i < exploration.count; i++)
		only_at_once += !exploration.outcomes[i].serial;
	cr_expect_eq(only_at_once, 1);
	cr_expect_eq(count_wrong(&stage, &exploration, NULL), 0);
	cr_expect_eq(count_wrong(&stage, &exploration, &exploration), 0);
	exploration_clear(&exploration);
	stage_close(&stage);
}

Test(schedules, an_entry_in_a_table_of_nobody_is_a_fault_of_the_ledger)
{
	struct exploration exploration;
	struct stage stage;

	stage_open(&stage, "tce7-put-unlocked");
	at_once(&stage, "1 ioctl(4, VFIO_GROUP_UNSET_CONTAINER) = ?");
	at_once(&stage, "1.2" PUT("3"));
	explore(&stage.scenario, &exploration);
	cr_expect_eq(count_wrong(&stage, &exploration, NULL), 1);
	exploration_clear(&exploration);
	stage_close(&stage);
}

Test(schedules, an_answer_that_there_is_only_with_the_bug_is_wrong)
{
	static const char empty[] = "1.2 ioctl(3, VFIO_IOMMU_SPAPR_TCE_PUT, {argsz=0, flags=0, ioba=0x0, tce=0x0}) = ?";
	struct exploration exploration, reference;
	struct stage stage, without;

	stage_open(&stage, "tce7-table-first");
	stage_open(&without, NULL);
	at_once(&stage, "1 ioctl(4, VFIO_GROUP_UNSET_CONTAINER) = ?");
	at_once(&without, "1 ioctl(4, VFIO_GROUP_UNSET_CONTAINER) = ?");
	at_once(&stage, empty);
	at_once(&without, empty);
	explore(&stage.scenario, &exploration);
	explore(&without.scenario, &reference);
	cr_expect_eq(count_wrong(&stage, &exploration, NULL), 0, "it is a refusal like others");
	cr_expect_eq(count_wrong(&stage, &exploration, &reference), 1);
	exploration_clear(&exploration);
	exploration_clear(&reference);
	stage_close(&stage);
	stage_close(&without);
}
