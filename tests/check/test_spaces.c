/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* IOVA spaces are told apart, and each way in which they could meet is seen where it happens. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vfiosim/spaces.h"
#include "vfiosim/trace.h"

/* The emulated machine's memory: 10 pages from 0 on, 6 pages from 16 on. Its IOMMU translates page by page. */
#define LOW	  "vaddr=0x100000000000, iova=0x0, size=0xa000"
#define HIGH	  "vaddr=0x100000010000, iova=0x10000, size=0x6000"
#define LOW_GONE  "iova=0x0, size=0xa000"
#define HIGH_GONE "iova=0x10000, size=0x6000"
#define PAGE_5	  "vaddr=0x100000005000, iova=0x2000, size=0x1000"
#define PAGE_17	  "vaddr=0x100000011000, iova=0x3000, size=0x1000"
#define SAME	  "vaddr=0x100000005000, iova=0x5000, size=0x1000" /* where memory has it, too */
#define ALL_GONE  "iova=0x0, size=0x10000000"

#define MAP(what)    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, " what "}) = ?"
#define UNMAP(what)  "1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=24, flags=0, " what "}) = ?"
#define MEMORY_COMES MAP(LOW), MAP(HIGH)
#define MEMORY_GOES  UNMAP(LOW_GONE), UNMAP(HIGH_GONE)

enum { PASTS_MAX = 8, FAULTS_MAX = 4 };

struct seen {
	struct space_past pasts[PASTS_MAX];
	size_t past_count;
	struct space_fault faults[FAULTS_MAX];
	size_t fault_count;
};

static void see_past(void *context, const struct space_past *past)
{
	struct seen *seen = context;

	cr_assert_lt(seen->past_count, (size_t)PASTS_MAX);
	seen->pasts[seen->past_count++] = *past;
}

static void see_fault(void *context, const struct space_fault *fault)
{
	struct seen *seen = context;

	cr_assert_lt(seen->fault_count, (size_t)FAULTS_MAX);
	seen->faults[seen->fault_count++] = *fault;
}

static void take(struct spaces *spaces, struct arena *arena, uint64_t line, const char *text)
{
	struct event event;
	struct diag diag;

	cr_assert_eq(event_parse(text, strlen(text), &event, arena, "test", line, &diag), 0, "%s: column %u: %s", text,
		     diag.column, diag.text);
	event.line = line;
	spaces_event(spaces, &event);
}

/* Watches a program in a container with memory; its first line is number 1. */
static struct seen watch(const char *const *lines)
{
	static const char *const begin[] = {
	    "1 open(\"/dev/vfio/vfio\", O_RDWR) = 3",
	    "1 open(\"/dev/vfio/1\", O_RDWR) = 4",
	    "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3]) = 0",
	    "1 ioctl(3, VFIO_SET_IOMMU, TYPE1v2_IOMMU) = 0",
	    "1 mmap(0x100000000000, 0x20000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0) = ?",
	};
	struct seen seen = {.past_count = 0};
	const struct space_listener listener = {.past = see_past, .fault = see_fault, .context = &seen};
	struct arena *arena = arena_new();
	struct profile profile;
	struct spaces *spaces;

	cr_assert_eq(profile_find("6.12", &profile), 0);
	spaces = spaces_new(machine_find("q35-edu"), &profile, &listener);
	cr_assert_not_null(spaces);
	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++)
		take(spaces, arena, 0, begin[i]);
	for (uint64_t line = 0; lines[line]; line++)
		take(spaces, arena, line + 1, lines[line]);
	spaces_end_run(spaces);
	spaces_free(spaces);
	arena_free(arena);
	return seen;
}

static void expect_kinds(const struct seen *seen, const char *kinds)
{
	static const char letters[SPACE_KIND_COUNT] = {
	    [SPACE_OPEN] = 'o', [SPACE_MEMORY] = 'm', [SPACE_TRANSLATED] = 't'};

	cr_assert_eq(seen->past_count, strlen(kinds), "%zu spaces, not %zu", seen->past_count, strlen(kinds));
	for (size_t i = 0; i < seen->past_count; i++)
		cr_assert_eq(letters[seen->pasts[i].kind], kinds[i], "space %zu is '%c'", i,
			     letters[seen->pasts[i].kind]);
}

/* The first fault is by this rule, at this line. */
static void expect_fault(const struct seen *seen, enum space_rule rule, uint64_t line)
{
	cr_assert_gt(seen->fault_count, (size_t)0);
	cr_assert_eq(seen->faults[0].rule, rule, "%s: %s", space_rules[seen->faults[0].rule].name,
		     seen->faults[0].text);
	cr_assert_eq(seen->faults[0].line, line, "line %" PRIu64, seen->faults[0].line);
}

Test(spaces, swap_and_back_is_three_spaces_without_a_fault)
{
	const struct seen seen = watch((const char *const[]){MEMORY_COMES, MEMORY_GOES, MAP(PAGE_5), MAP(PAGE_17),
							     UNMAP(ALL_GONE), MEMORY_COMES, NULL});

	cr_assert_eq(seen.fault_count, 0, "%s", seen.faults[0].text);
	expect_kinds(&seen, "mtm");
	cr_assert_eq(seen.pasts[0].first_line, 1);
	cr_assert_eq(seen.pasts[0].last_line, 4);
	cr_assert_eq(seen.pasts[0].bytes, 16 * 4096);
	cr_assert_eq(seen.pasts[1].first_line, 5);
	cr_assert_eq(seen.pasts[1].mappings, 2);
}

Test(spaces, page_that_could_be_either_is_what_the_others_are)
{
	const struct seen translated =
	    watch((const char *const[]){MEMORY_COMES, MEMORY_GOES, MAP(SAME), MAP(PAGE_17), UNMAP(ALL_GONE), NULL});
	const struct seen open =
	    watch((const char *const[]){MEMORY_COMES, MEMORY_GOES, MAP(SAME), UNMAP(ALL_GONE), NULL});

	cr_assert_eq(translated.fault_count, 0);
	expect_kinds(&translated, "mt");
	cr_assert_eq(open.fault_count, 0);
	expect_kinds(&open, "mo");
}

Test(spaces, translation_beside_memory_is_seen)
{
	const struct seen before = watch((const char *const[]){MEMORY_COMES, UNMAP(LOW_GONE), MAP(PAGE_5), NULL});
	const struct seen after =
	    watch((const char *const[]){MEMORY_COMES, MEMORY_GOES, MAP(PAGE_17), MAP(HIGH), NULL});

	expect_fault(&before, SPACE_RULE_ONE, 4);
	expect_fault(&after, SPACE_RULE_ONE, 6);
}

Test(spaces, memory_that_does_not_come_back_is_seen)
{
	const struct seen ended = watch((const char *const[]){MEMORY_COMES, MEMORY_GOES, MAP(PAGE_5), UNMAP(ALL_GONE),
							      MAP(LOW), UNMAP(LOW_GONE), NULL});
	const struct seen left =
	    watch((const char *const[]){MEMORY_COMES, MEMORY_GOES, MAP(PAGE_5), UNMAP(ALL_GONE), MAP(LOW), NULL});

	expect_fault(&ended, SPACE_RULE_REPLAY, 8);
	expect_fault(&left, SPACE_RULE_REPLAY, 7);
	cr_assert_str_eq(left.faults[0].text, "of 64 KiB of memory, 40 were mapped again");
}

Test(spaces, memory_that_is_gone_need_not_come_back)
{
	const struct seen seen =
	    watch((const char *const[]){MEMORY_COMES, MEMORY_GOES, MAP(PAGE_5), UNMAP(ALL_GONE),
					"1 munmap(0x100000010000, 0x10000) = ?", MAP(LOW), UNMAP(LOW_GONE), NULL});

	cr_assert_eq(seen.fault_count, 0, "%s", seen.faults[0].text);
	expect_kinds(&seen, "mtm");
}

Test(spaces, charge_that_stays_is_seen)
{
	const struct seen seen = watch((const char *const[]){
	    "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, " LOW "}) = 0 {VmLck=0->40960}",
	    "1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=24, flags=0, " LOW_GONE "}) = 0 {VmLck=40960->4096}", NULL});

	expect_fault(&seen, SPACE_RULE_LEVEL, 2);
	cr_assert_str_eq(seen.faults[0].text, "nothing is mapped, and +4 KiB are charged for it");
}

Test(spaces, container_that_is_closed_ends_its_space)
{
	const struct seen seen = watch((const char *const[]){MEMORY_COMES, "1 close(4) = ?", "1 close(3) = ?", NULL});

	cr_assert_eq(seen.fault_count, 0);
	expect_kinds(&seen, "m");
	cr_assert_eq(seen.pasts[0].last_line, 3);
}
