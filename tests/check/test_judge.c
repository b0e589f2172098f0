/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The judge's verdicts: one wrong thing in an observation is one finding, of the right kind, at the right line. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "check/explain.h"
#include "court.h"

static struct court court;

static void open_attached(void)
{
	court_open(&court);
	court_accept(&court, lines_attached);
}

static void open_empty(void)
{
	court_open(&court);
}

static void close_court(void)
{
	court_close(&court);
}

TestSuite(judge, .init = open_attached, .fini = close_court);
TestSuite(judge_fresh, .init = open_empty, .fini = close_court);

Test(judge, map_and_unmap_conform)
{
	static const char *const lines[] = {
	    LINE_MAP("0x0") " = 0 {VmLck=0->4096}",
	    LINE_UNMAP("0x0", "") " = 0 {VmLck=4096->0}",
	    NULL,
	};

	court_accept(&court, lines);
	cr_assert_eq(judge_tally(court.judge)->calls, 7);
	cr_assert_eq(judge_tally(court.judge)->conforming, 7);
	cr_assert_eq(judge_tally(court.judge)->diverging, 0);
	cr_assert_eq(judge_tally(court.judge)->runs, 1);
}

Test(judge, errno_flipped_diverges_with_line_and_rule)
{
	cr_assert_eq(court_judge(&court, LINE_MAP("0x0") " = 0"), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, LINE_MAP("0x0") " = -1 EINVAL"), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.mismatch, MISMATCH_RETURN);
	cr_assert_eq(court.finding.line, 7);
	cr_assert_eq(court.finding.allowed->ret, -17);
	cr_assert_neq(court_rule(&court)[0], '\0');
	/* The model's state stands: the next call is judged from there. */
	cr_assert_eq(court_judge(&court, LINE_UNMAP("0x0", "") " = 0"), VERDICT_CONFORMS);
	cr_assert_eq(judge_tally(court.judge)->diverging, 1);
}

Test(judge, output_byte_changed_diverges_at_that_byte)
{
	cr_assert_eq(court_judge(&court, LINE_MAP("0x0") " = 0"), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, LINE_UNMAP("0x0", " => size=0x2000") " = 0"), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.mismatch, MISMATCH_BYTES);
	cr_assert_eq(court.finding.buffer, 0);
	cr_assert_eq(court.finding.offset, 17);
}

Test(judge, input_only_argument_written_diverges)
{
	static const char text[] = "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, vaddr=0x100000000000, "
				   "iova=0x0, size=0x1000 => iova=0x8}) = 0";

	cr_assert_eq(court_judge(&court, text), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.mismatch, MISMATCH_BYTES);
	cr_assert_eq(court.finding.offset, 16);
}

Test(judge, locked_pages_wrong_diverges)
{
	cr_assert_eq(court_judge(&court, LINE_MAP("0x0") " = 0 {VmLck=0->8192}"), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.mismatch, MISMATCH_LOCKED);
}

Test(judge, locked_pages_not_given_back_diverges)
{
	cr_assert_eq(court_judge(&court, LINE_MAP("0x0") " = 0 {VmLck=0->4096}"), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, LINE_UNMAP("0x0", "") " = 0 {VmLck=4096->4096}"), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.mismatch, MISMATCH_LOCKED);
}

Test(judge, pages_locked_by_program_count_against_limit)
{
	static const char *const lines[] = {
	    "1 dropcap(IPC_LOCK) = 0",
	    "1 setrlimit(8192) = 0",
	    LINE_MAP("0x0") " = 0 {VmLck=4096->8192}",
	    LINE_MAP("0x10000") " = -1 ENOMEM {VmLck=8192->8192}",
	    NULL,
	};

	court_accept(&court, lines);
}

Test(judge, answer_missing_diverges)
{
	cr_assert_eq(court_judge(&court, LINE_MAP("0x0") " = ?"), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.mismatch, MISMATCH_ANSWER_MISSING);
}

Test(judge, exit_without_answer_conforms)
{
	cr_assert_eq(court_judge(&court, "1 exit() = ?"), VERDICT_CONFORMS);
}

Test(judge, rules_are_counted)
{
	uint64_t hits = 0;

	cr_assert_eq(court_judge(&court, LINE_MAP("0x1") " = -1 EINVAL"), VERDICT_CONFORMS);
	for (size_t i = 0; i < RULE_COUNT; i++)
		hits += judge_tally(court.judge)->rule_hits[i];
	cr_assert_geq(hits, 1);
	cr_assert_eq(judge_tally(court.judge)->rule_hits[rule_by_name(court_rule(&court))], 1);
}

Test(judge, new_run_starts_fresh)
{
	judge_begin_run(court.judge);
	court_accept(&court, lines_attached);
	cr_assert_eq(judge_tally(court.judge)->runs, 2);
}

Test(judge_fresh, dropped_open_is_found_at_the_next_use_and_only_there)
{
	cr_assert_eq(court_judge(&court, LINE_OPEN_GROUP), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, "1 ioctl(3, VFIO_GET_API_VERSION) = 0"), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.line, 2);
	cr_assert_str_eq(court_rule(&court), "FD-NOT-OPEN");
	/* What comes of it is not judged, on either side of what it is joined to. */
	cr_assert_eq(court_judge(&court, LINE_SET_CONTAINER), VERDICT_NOT_MODELLED);
	cr_assert(court.finding.in_doubt);
	cr_assert_eq(court_judge(&court, LINE_SET_IOMMU), VERDICT_NOT_MODELLED);
	cr_assert_eq(court_judge(&court, "1 ioctl(4, VFIO_GROUP_GET_DEVICE_FD, \"0000:00:03.0\") = 5"),
		     VERDICT_NOT_MODELLED);
	cr_assert_eq(court_judge(&court, "1 ioctl(5, VFIO_DEVICE_RESET) = -1 EINVAL"), VERDICT_NOT_MODELLED);
	cr_assert_eq(judge_tally(court.judge)->diverging, 1);
	cr_assert_eq(judge_tally(court.judge)->not_modelled, 4);
}

Test(judge_fresh, dropped_set_iommu_is_found_at_the_next_use_and_only_there)
{
	static const char *const before[] = {LINE_OPEN_CONTAINER, LINE_OPEN_GROUP, LINE_SET_CONTAINER, LINE_MMAP, NULL};

	court_accept(&court, before);
	cr_assert_eq(court_judge(&court, LINE_MAP("0x0") " = 0"), VERDICT_DIVERGES);
	cr_assert_str_eq(court_rule(&court), "CT-NO-IOMMU-YET");
	cr_assert_eq(court_judge(&court, LINE_MAP("0x1000") " = 0"), VERDICT_NOT_MODELLED);
	cr_assert_eq(court_judge(&court, LINE_UNMAP("0x0", "") " = 0"), VERDICT_NOT_MODELLED);
	/* The group is the same on both sides. */
	cr_assert_eq(court_judge(&court, "1 ioctl(4, VFIO_GROUP_GET_STATUS, {argsz=8, flags=0 => flags=3}) = 0"),
		     VERDICT_CONFORMS);
}

Test(judge_fresh, descriptor_in_doubt_is_trusted_again_after_its_number_is_reused)
{
	court_judge(&court, "1 ioctl(3, VFIO_GET_API_VERSION) = 0");
	cr_assert_eq(court_judge(&court, "1 close(3) = 0"), VERDICT_NOT_MODELLED);
	cr_assert_eq(court_judge(&court, LINE_OPEN_CONTAINER), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, "1 ioctl(3, VFIO_GET_API_VERSION) = 0"), VERDICT_CONFORMS);
}

Test(judge_fresh, dropped_close_is_found_at_the_next_open_and_only_there)
{
	static const char *const before[] = {LINE_OPEN_CONTAINER, LINE_OPEN_GROUP, NULL};
	static const char *const after[] = {LINE_SET_CONTAINER, LINE_SET_IOMMU, NULL};

	court_accept(&court, before);
	cr_assert_eq(court_judge(&court, LINE_OPEN_GROUP), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.mismatch, MISMATCH_RETURN);
	court_accept(&court, after);
}

Test(judge_fresh, open_that_failed_leaves_nothing_open)
{
	static const char *const after[] = {LINE_OPEN_CONTAINER, LINE_OPEN_GROUP, LINE_SET_CONTAINER, NULL};

	cr_assert_eq(court_judge(&court, "1 open(\"/dev/vfio/1\", O_RDWR) = -1 EBUSY"), VERDICT_DIVERGES);
	court_accept(&court, after);
}

Test(judge_fresh, open_that_was_to_fail_leaves_its_descriptor_in_doubt)
{
	cr_assert_eq(court_judge(&court, LINE_OPEN_GROUP), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, "1 open(\"/dev/vfio/1\", O_RDWR) = 5"), VERDICT_DIVERGES);
	cr_assert_eq(court_judge(&court, "1 dup(5, 0, 0) = 6"), VERDICT_NOT_MODELLED);
	cr_assert_eq(court_judge(&court, "1 ioctl(6, VFIO_GROUP_UNSET_CONTAINER) = -1 EINVAL"), VERDICT_NOT_MODELLED);
	cr_assert(court.finding.in_doubt);
	cr_assert_eq(court_judge(&court, "1 ioctl(4, VFIO_GROUP_UNSET_CONTAINER) = -1 EINVAL"), VERDICT_CONFORMS);
}

Test(judge_fresh, call_that_is_not_modelled_leaves_its_descriptor_in_doubt)
{
	cr_assert_eq(court_judge(&court, "1 open(\"/etc/passwd\", 0) = 3"), VERDICT_NOT_MODELLED);
	cr_assert_not(court.finding.in_doubt);
	cr_assert_eq(court_judge(&court, "1 close(3) = 0"), VERDICT_NOT_MODELLED);
	cr_assert(court.finding.in_doubt);
	cr_assert_eq(court_judge(&court, "1 close(3) = -1 EBADF"), VERDICT_CONFORMS);
}

Test(judge_fresh, fork_that_failed_leaves_no_task)
{
	cr_assert_eq(court_judge(&court, LINE_OPEN_CONTAINER), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, LINE_OPEN_GROUP), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, "1 fork() = -1 EAGAIN"), VERDICT_DIVERGES);
	/* A child would hold the group open, and the next open would be refused. */
	cr_assert_eq(court_judge(&court, "1 close(4) = 0"), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, LINE_OPEN_GROUP), VERDICT_CONFORMS);
}

Test(judge_fresh, child_inherits_doubt)
{
	court_judge(&court, "1 ioctl(3, VFIO_GET_API_VERSION) = 0");
	cr_assert_eq(court_judge(&court, "1 fork() = 2"), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, "2 ioctl(3, VFIO_GET_API_VERSION) = 0"), VERDICT_NOT_MODELLED);
}

Test(judge_fresh, too_many_descriptors_in_doubt_end_the_run_only)
{
	char text[64];

	for (int fd = 100; fd < 400; fd++) {
		snprintf(text, sizeof(text), "1 ioctl(%d, VFIO_GET_API_VERSION) = 0", fd);
		court_judge(&court, text);
	}
	cr_assert_eq(judge_tally(court.judge)->diverging, 257);
	cr_assert_eq(court_judge(&court, LINE_OPEN_CONTAINER), VERDICT_NOT_MODELLED);
	judge_begin_run(court.judge);
	cr_assert_eq(court_judge(&court, LINE_OPEN_CONTAINER), VERDICT_CONFORMS);
}

Test(judge_fresh, run_with_another_number_of_calls_than_it_says_diverges)
{
	cr_assert_eq(court_judge(&court, LINE_OPEN_CONTAINER), VERDICT_CONFORMS);
	cr_assert_eq(court_judge(&court, LINE_OPEN_GROUP), VERDICT_CONFORMS);
	cr_assert_eq(judge_end_run(court.judge, 12, 2, &court.finding), VERDICT_CONFORMS);
	cr_assert_eq(judge_end_run(court.judge, 12, 3, &court.finding), VERDICT_DIVERGES);
	cr_assert_eq(court.finding.mismatch, MISMATCH_COUNT);
	cr_assert_eq(court.finding.line, 12);
	cr_assert_eq(court.finding.declared, 3);
	cr_assert_eq(court.finding.counted, 2);
	cr_assert_str_eq(court_rule(&court), "RUN-COMPLETE");
	cr_assert_eq(judge_tally(court.judge)->diverging, 1);
	judge_begin_run(court.judge);
	cr_assert_eq(judge_end_run(court.judge, 14, 0, &court.finding), VERDICT_CONFORMS);
}

/* ---- complaints of the kernel ---- */

#define CALL_PAGE_SIZE_0                                                                                       \
	"1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=48, flags=GET_DIRTY_BITMAP, iova=0x4000, size=0x4000, data=[" \
	"{pgsize=0x0, size=0x40, data=0x0}]})"
#define LINE_PAGE_SIZE_0       CALL_PAGE_SIZE_0 " = -1 EINVAL"
#define LINE_PAGE_SIZE_0_TAKEN CALL_PAGE_SIZE_0 " = 0"
#define COMPLAINT	       "[    9.7] UBSAN: shift-out-of-bounds in drivers/vfio/vfio_iommu_type1.c:2953:39"

/* A new run on a kernel that watches its shifts, as far as the call that it complains about. */
static void provoke(const char *watches)
{
	cr_assert_eq(profile_set(&court.profile, "shifts_watched", watches), 0);
	judge_begin_run(court.judge);
	court_accept(&court, lines_attached);
	cr_assert_eq(court_judge(&court, LINE_PAGE_SIZE_0), VERDICT_CONFORMS);
}

Test(judge, complaint_that_a_call_explains_is_expected_in_its_run_only)
{
	cr_expect(!judge_expects(court.judge, COMPLAINT));
	provoke("1");
	cr_expect(judge_expects(court.judge, COMPLAINT));
	cr_expect(!judge_expects(court.judge, "UBSAN: shift-out-of-bounds in drivers/vfio/vfio_main.c:1:1"));
	cr_expect(!judge_expects(court.judge, "WARNING: at drivers/vfio/vfio_iommu_type1.c:1"));
	judge_begin_run(court.judge);
	cr_expect(!judge_expects(court.judge, COMPLAINT));
}

Test(judge, complaint_of_a_kernel_that_does_not_watch_is_not_expected)
{
	provoke("0");
	cr_expect(!judge_expects(court.judge, COMPLAINT));
}

Test(judge, silence_where_a_complaint_is_due_diverges)
{
	const char *const lines[] = {"[    9.6] something else", COMPLAINT};

	provoke("1");
	cr_expect_eq(judge_silence(court.judge, lines, 2, &court.finding), VERDICT_CONFORMS);
	cr_expect_eq(judge_silence(court.judge, lines, 1, &court.finding), VERDICT_DIVERGES);
	cr_expect_eq(court.finding.mismatch, MISMATCH_SILENCE);
	cr_expect_eq(court.finding.allowed->complaint, RULE_T1_DIRTY_SHIFT);
	cr_expect_eq(court.finding.line, court.line);
}

/* ---- faults of the kernel ---- */

Test(judge, fault_of_the_kernel_diverges_from_a_strict_judge_only)
{
	struct explanation explanation;

	provoke("1");
	judge_be_strict(court.judge);
	cr_expect_eq(court_judge(&court, LINE_PAGE_SIZE_0), VERDICT_DIVERGES);
	cr_expect_eq(court.finding.mismatch, MISMATCH_FAULT);
	cr_expect_eq(court.finding.fault, RULE_T1_DIRTY_SHIFT);
	cr_assert_eq(finding_explain(&court.finding, &explanation), 0);
	cr_expect_str_eq(explanation.kind, "fault of the kernel");
	cr_expect_str_eq(explanation.ground.name, rules[RULE_T1_DIRTY_SHIFT].name);
	cr_expect_null(explanation.allowed);
	explanation_clear(&explanation);
	cr_expect_eq(court_judge(&court, "1 ioctl(3, VFIO_GET_API_VERSION) = 0"), VERDICT_CONFORMS);
	cr_expect_eq(judge_tally(court.judge)->diverging, 1);
}

/* A dirty bitmap of the last page of the address space: a kernel that finds nothing there refuses. */
#define LINE_DIRTY_START "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = 0"
#define LINE_DIRTY_TOP                                                                                     \
	"1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=48, flags=GET_BITMAP, data=[{iova=0xfffffffffffff000, " \
	"size=0x1000, bitmap_pgsize=0x1000, bitmap_size=0x40, bitmap_data=0x100000000000}]}) = -1 EINVAL"

Test(judge, answer_that_a_faulty_field_makes_is_named_by_a_strict_judge)
{
	const char *const lines[] = {LINE_MAP("0x4000") " = 0", LINE_DIRTY_START, NULL};
	struct explanation explanation;

	court_accept(&court, lines);
	cr_expect_eq(court_judge(&court, LINE_DIRTY_TOP), VERDICT_CONFORMS);
	judge_be_strict(court.judge);
	cr_expect_eq(court_judge(&court, LINE_DIRTY_TOP), VERDICT_DIVERGES);
	cr_expect_eq(court.finding.mismatch, MISMATCH_FAULT);
	cr_expect_eq(court.finding.fault, RULE_NONE);
	cr_expect_eq(court.finding.field, &profile_fields[PROFILE_TOP_RANGE_FINDS_NOTHING]);
	cr_assert_eq(finding_explain(&court.finding, &explanation), 0);
	cr_expect_str_eq(explanation.ground.kind, "field");
	cr_expect_str_eq(explanation.ground.name, "top_range_finds_nothing");
	cr_assert_not_null(explanation.allowed);
	cr_expect_not_null(strstr(explanation.allowed, "= 0"));
	explanation_clear(&explanation);
	cr_expect_eq(court_judge(&court, "1 ioctl(3, VFIO_GET_API_VERSION) = 0"), VERDICT_CONFORMS);
	cr_expect_eq(judge_tally(court.judge)->diverging, 1);
}

Test(judge, other_answer_than_that_of_a_fault_is_no_fault)
{
	provoke("1");
	judge_be_strict(court.judge);
	cr_expect_eq(court_judge(&court, LINE_PAGE_SIZE_0_TAKEN), VERDICT_DIVERGES);
	cr_expect_eq(court.finding.mismatch, MISMATCH_RETURN);
}

Test(judge, call_that_ends_the_kernel_has_no_answer)
{
	struct profile profile;
	struct judge *judge;
	struct event event;
	struct diag diag;
	static const char *const lines[] = {LINE_OPEN_CONTAINER,
					    LINE_OPEN_GROUP,
					    LINE_SET_CONTAINER,
					    LINE_SET_IOMMU,
					    "1 ioctl(4, VFIO_GROUP_GET_DEVICE_FD, \"0000:00:03.0\") = 5",
					    "1 pread(5, hex(00), 1, 0x0) = ?",
					    "1 pread(5, hex(00), 1, 0x0) = 1"};
	static const enum mismatch mismatches[] = {MISMATCH_NONE, MISMATCH_NONE, MISMATCH_NONE,	   MISMATCH_NONE,
						   MISMATCH_NONE, MISMATCH_NONE, MISMATCH_SURVIVED};

	cr_assert_eq(profile_find("6.12", &profile), 0);
	judge = judge_new(machine_find("virt-smmuv3-edu"), &profile);
	cr_assert_not_null(judge);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_assert_eq(event_parse(lines[i], strlen(lines[i]), &event, court.arena, "test", i + 1, &diag), 0);
		judge_event(judge, &event, &court.finding);
		cr_expect_eq(court.finding.mismatch, mismatches[i], "%s", lines[i]);
	}
	cr_expect(judge_expects(judge, "Internal error: synchronous external abort: 0000000096000010 [#1] SMP"));
	judge_free(judge);
}
