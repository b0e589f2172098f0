/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Commands that have calls answered: replay, record, explore and fuzz. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "samples.h"

TestSuite(answers, .init = samples_begin, .fini = folder_end);

Test(answers, replay_on_model_writes_a_trace_that_conforms)
{
	expect_text(expect(0, "replay good --on model -o new")->out, "conforms");
	expect(0, "check new");
	expect_text(file_read("new"), "run \"one\"\n");
	expect_text(file_read("new"), "\n" OPEN);
	expect_text(file_read("new"), "1 ioctl(3, VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 EINVAL {VmLck=0->0, VmPin=0->0}\n");
}

Test(answers, replay_tells_answers_that_are_not_the_recorded_ones)
{
	const struct outcome_of_run *result = expect(0, "replay flipped --on model --verbose");

	expect_text(result->out, "flipped:10: answer differs from the recording\n");
	expect_text(result->out, "  recorded  1 ioctl(3, VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 EBUSY\n");
	expect_text(result->out,
		    "  answered  1 ioctl(3, VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 EINVAL {VmLck=0->0, VmPin=0->0}\n");
}

Test(answers, replay_on_recorded_judges_the_answers_of_the_file)
{
	const struct outcome_of_run *result = expect(1, "replay flipped --on recorded --verbose");

	expect_text(result->out, "flipped:10: diverges: return value (run two)\n");
	cr_assert_null(strstr(result->out, "differs from the recording"));
	expect_text(expect(1, "replay foreign flipped --on recorded")->out, "foreign:9: not judged");
	file_write("unanswered", HEADER OPEN "1 ioctl(3, VFIO_GET_API_VERSION) = ?\n" NO_IOMMU);
	expect_text(expect(5, "replay unanswered --on recorded -o new")->err,
		    "line 9: there is no recorded answer to ioctl()");
	cr_assert_neq(access("new", F_OK), 0);
	file_write("exited", HEADER OPEN "1 exit() = ?\n");
	expect(0, "replay exited --on recorded");
}

Test(answers, replay_on_recorded_rewrites_the_trace_with_counts)
{
	char *first;

	file_write("stamped",
		   HEADER "run \"one\"\n1 @1-2 open(\"/dev/vfio/vfio\", O_RDWR) = 3\n"
			  "1 thread() = 2\n"
			  "1.2 @3-5 ioctl(3, VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 EINVAL {VmLck=8->8, VmPin=4->4}\n"
			  "1 @6-7 exit() = ?\n");
	expect(0, "replay stamped --on recorded -o new");
	first = strdup(file_read("new"));
	expect(0, "replay new --on recorded -o again");
	cr_assert_str_eq(file_read("again"), first);
	expect_text(first, "\ncounted: 7\n\nrun \"one\"\n1 @1-2 open(");
	expect_text(first, "= -1 EINVAL {VmLck=8->8, VmPin=4->4}\n1 @6-7 exit() = ?\nend 4\nruns 1\n");
	free(first);
}

Test(answers, replay_of_bad_input_exits_2_and_leaves_no_trace)
{
	expect_text(expect(2, "replay truncated --on model -o new")->err, "truncated:10:");
	cr_assert_neq(access("new", F_OK), 0);
	expect(2, "replay missing --on model");
}

Test(answers, record_with_bad_options_exits_2)
{
	expect_text(expect(2, "record -- true")->err, "-o is missing");
	expect_text(expect(2, "record -o new --on model -- true")->err, "expected kernel or vm:KERNEL");
	expect_text(expect(2, "record -o new --file lib -- true")->err, "expected an absolute path");
	expect_text(expect(2, "record -o new --env =x -- true")->err, "expected NAME=VALUE");
	expect_text(expect(2, "record -o new --machine pdp11 -- true")->err, "machine 'pdp11' is not known");
	/* Options behind the program are the program's. */
	expect_text(expect(2, "record true -o new")->err, "-o is missing");
	cr_assert_neq(access("new", F_OK), 0);
}

Test(answers, explore_finds_the_order_in_which_a_bug_shows)
{
	const char *races = "explore " TRACES_FOLDER "/tce-v7-2012-races.trace";
	const struct outcome_of_run *result = expect(0, races);

	expect_text(result->out, "only at once");
	cr_assert_null(strstr(result->out, "a table has entries"));
	result = expect(1, "explore --defect tce7-put-unlocked " TRACES_FOLDER "/tce-v7-2012-races.trace");
	expect_text(result->out, "1.2 1 1 1.2");
	expect_text(result->out, "a table has entries, and no container has the table");
	expect_text(expect(2, "explore " TRACES_FOLDER "/tce-v7-2012.trace")->err, "stamps tell which are");
}

Test(answers, replay_on_a_kernel_without_vfio_exits_4)
{
	if (access("/dev/vfio/vfio", F_OK) == 0)
		cr_skip_test("this machine has /dev/vfio/vfio");
	expect_text(expect(4, "replay good --on kernel")->err, "/dev/vfio");
}

Test(answers, fuzz_on_several_guests_tells_and_writes_the_same)
{
	static const char arguments[] = "fuzz --on model --count 40 --defect charge-stays --json -o trace";
	char *told = strdup(expect(1, arguments)->out), *written = strdup(file_read("trace"));
	char several[128];

	expect_text(told, "diverges");
	snprintf(several, sizeof(several), "%s --guests 7", arguments);
	cr_expect_str_eq(expect(1, several)->out, told);
	cr_expect_str_eq(file_read("trace"), written);
	free(told);
	free(written);
	expect_text(expect(2, "fuzz --on model --guests 0")->err, "expected a number from 1 to 64");
	expect_text(expect(2, "fuzz --on kernel --guests 2")->err, "this machine is there once");
}

Test(answers, defect_is_the_judges_in_check_and_the_backends_in_fuzz)
{
	file_write("bare", HEADER OPEN "1 ioctl(3, VFIO_CHECK_EXTENSION, UPDATE_VADDR) = 0\n");
	expect(0, "check bare");
	expect_text(expect(1, "check --defect vaddr-always-offered bare")->out, "observed");
	expect_text(expect(2, "check --defect no-such bare")->err, "defect 'no-such' is not known");
	file_write("iommu", HEADER OPEN NO_IOMMU);
	expect_text(expect(5, "check --defect set-iommu-without-group iommu")->err, "an IOMMU and no groups");
	expect(0, "fuzz --on model --quiet --count 20");
	expect_text(expect(1, "fuzz --on model --defect device-inherited --defect charge-stays -o bad.trace")->err,
		    "defect device-inherited, defect charge-stays");
	expect(1, "check --quiet bad.trace");
	expect_text(expect(2, "fuzz --on vm:6.12 --defect map-argsz")->err, "only the model can be given a bug");
}
