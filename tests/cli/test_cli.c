/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The command's contract: exit codes, what is said where, and files that are asked for. */
#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "samples.h"

TestSuite(cli, .init = samples_begin, .fini = folder_end);

Test(cli, usage_that_is_wrong_exits_2)
{
	expect(2, "");
	expect_text(expect(2, "chek good")->err, "there is no command 'chek'");
	expect_text(expect(2, "check")->err, "wrong number of arguments; expected: vfiosim check TRACE...");
	expect_text(expect(2, "check --jsno good")->err, "option '--jsno' is not known");
	expect_text(expect(2, "check -xq good")->err, "option '-x' is not known");
	expect_text(expect(2, "check good --profile")->err, "option '--profile' needs an argument");
	expect_text(expect(2, "check good --json=x")->err, "option '--json=x' takes no argument");
	expect_text(expect(2, "check --json --ktap good")->err, "exclude each other");
	expect_text(expect(2, "check --findings -1 good")->err, "expected a number from 0 to 1000000");
	expect_text(expect(2, "check --on model good")->err, "option '--on' is not known");
	expect_text(expect(2, "ioctls 1")->err, "wrong number of arguments");
	expect_text(expect(2, "help chek")->err, "there is no command 'chek'");
	expect_text(expect(2, "replay good")->err, "--on is missing");
	expect_text(expect(2, "replay --on vm good")->err, "expected model, recorded, kernel or vm:KERNEL");
	expect_text(expect(2, "replay --on vm: good")->err, "expected model, recorded, kernel or vm:KERNEL");
	expect_text(expect(2, "replay --on model -o new good good")->err, "expected one, not 2");
}

Test(cli, help_and_version_exit_0)
{
	expect_text(expect(0, "help")->out, "Usage: vfiosim COMMAND");
	expect_text(expect(0, "--help")->out, "Usage: vfiosim COMMAND");
	expect_text(expect(0, "help check")->out, "--profile PROFILE");
	expect_text(expect(0, "check --help")->out, "--profile PROFILE");
	expect_text(expect(0, "version")->out, "vfiosim ");
	expect_text(expect(0, "--version")->out, "vfiosim ");
}

Test(cli, check_of_conforming_trace_exits_0)
{
	const struct outcome_of_run *result = expect(0, "check good");

	expect_text(result->out, "conforms");
	cr_assert_str_eq(result->err, "");
}

Test(cli, check_of_diverging_trace_exits_1_and_tells_line_and_rule)
{
	const struct outcome_of_run *result = expect(1, "check good flipped");

	expect_text(result->out, "flipped:10: diverges: return value (run two)\n");
	expect_text(result->out, "  observed  1 ioctl(3, VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 EBUSY\n");
	expect_text(result->out, "  allowed   1 ioctl(3, VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 EINVAL\n");
	expect_text(result->out, "  rule      CT-");
	expect_text(result->out, "  source    6.");
}

Test(cli, check_of_what_is_not_modelled_exits_3)
{
	expect_text(expect(3, "check good foreign")->out, "not modelled");
	/* ...but a divergence is the worse news. */
	expect(1, "check flipped foreign");
}

Test(cli, check_of_bad_input_exits_2_and_tells_the_place)
{
	const struct outcome_of_run *result = expect(2, "check truncated good");

	expect_text(result->err, "truncated:10:");
	/* What could be read was judged. */
	expect_text(result->out, "truncated:9: diverges");
	expect_text(expect(2, "check missing")->err, "missing");
	file_write("text", "hello\n");
	expect_text(expect(2, "check text")->err, "text:1:1:");
	file_write("empty", "");
	expect_text(expect(2, "check empty")->err, "empty");
}

Test(cli, check_of_unknown_machine_or_profile_exits_2)
{
	expect_text(expect(2, "check --machine pdp11 good")->err, "machine 'pdp11' is not known");
	expect_text(expect(2, "check --profile 2.4 good")->err, "profile '2.4' is not known");
}

/* mmap at 4 KiB: a place for a kernel with pages of 4 KiB only. */
Test(cli, check_judges_with_the_pages_of_the_kernel_that_was_recorded)
{
	static const char small[] = "1 mmap(0x100000001000, 0x1000, 0x3, 0x32, -1, 0x0) = 0x100000001000\n";
	static const char large[] = "1 mmap(0x100000001000, 0x1000, 0x3, 0x32, -1, 0x0) = -1 EINVAL\n";
	char text[512];

	snprintf(text, sizeof(text), "vfiosim-trace 1\nmachine: q35-edu\nprofile: 6.12\npage-size: 4096\n%s", small);
	file_write("small", text);
	snprintf(text, sizeof(text), "vfiosim-trace 1\nmachine: q35-edu\nprofile: 6.12\npage-size: 65536\n%s", large);
	file_write("large", text);
	expect(0, "check small large");
	snprintf(text, sizeof(text), "vfiosim-trace 1\nmachine: q35-edu\nprofile: 6.12\npage-size: 65536\n%s", small);
	file_write("swapped", text);
	expect(1, "check swapped");
	file_write("huge", "vfiosim-trace 1\nmachine: q35-edu\nprofile: 6.12\npage-size: 131072\n");
	expect_text(expect(2, "check huge")->err, "pages of 131072 bytes; expected 4096 to 65536");
}

Test(cli, setting_that_is_none_exits_2)
{
	expect_text(expect(2, "check --set capability_alignment=8 good")->err, "the setting one of: dma_entry_limit");
	expect_text(expect(2, "check --set dma_entry_limit good")->err, "expected SETTING=VALUE");
	expect_text(expect(2, "generate --set no_such=1")->err, "expected SETTING=VALUE");
	expect_text(expect(2, "fuzz --on model --set dma_entry_limit=few")->err, "expected a number behind the =");
	expect_text(expect(2, "replay good --on model --set dma_entry_limit=-1")->err,
		    "expected a number behind the =");
	expect_text(expect(2, "record -o new --set no_such=1 -- true")->err, "expected SETTING=VALUE");
}

Test(cli, setting_is_told_in_the_header_and_kept_under_another_profile)
{
	expect_text(expect(0, "generate --count 1 --set dma_entry_limit=3")->out, "\nfield: dma_entry_limit = 3\n");
	expect(0, "replay good --on model --set dma_entry_limit=3 -o limited");
	expect_text(file_read("limited"), "\nfield: dma_entry_limit = 3\n");
	expect(0, "replay limited --on model --profile 7.2 -o newer");
	expect_text(file_read("newer"), "\nprofile: 7.2\n");
	expect_text(file_read("newer"), "\nfield: dma_entry_limit = 3\n");
	expect(0, "replay limited --on model --set dma_entry_limit=4 -o other");
	expect_text(file_read("other"), "\nfield: dma_entry_limit = 4\n");
}

Test(cli, check_writes_reports_into_files)
{
	struct json_object *root;

	cr_assert_str_eq(expect(1, "check -o report --html page --json flipped")->out, "");
	root = json_tokener_parse(file_read("report"));
	cr_assert_not_null(root);
	json_object_put(root);
	expect_text(file_read("page"), "<mark>EBUSY</mark>");
	expect_text(expect(1, "check --ktap flipped")->out, "\nnot ok 1 flipped\n");
}

Test(cli, check_quiet_prints_nothing)
{
	const struct outcome_of_run *result = expect(1, "check -q flipped");

	cr_assert_str_eq(result->out, "");
	cr_assert_str_eq(result->err, "");
}

Test(cli, check_shows_as_many_findings_as_wanted)
{
	expect_text(expect(1, "check --findings 0 flipped")->out, "flipped: 1 more findings are not shown");
}

Test(cli, output_that_cannot_be_written_exits_5)
{
	expect(5, "check good >/dev/full");
	expect(5, "rules >/dev/full");
	expect_text(expect(5, "check --html /nonexistent/page good")->err, "/nonexistent/page: cannot write");
}

Test(cli, check_names_faults_of_kernels_when_it_is_strict)
{
	expect(0, "check " TRACES_FOLDER "/spapr-guest-7.2.trace");
	expect_text(expect(1, "check --strict " TRACES_FOLDER "/spapr-guest-7.2.trace")->out,
		    "  rule      TCE-UNMAP-BEYOND: fault: ");
}

Test(cli, check_of_counted_trace_tells_lines_that_are_gone)
{
	const struct outcome_of_run *result;

	file_write("short", COUNTED "run \"one\"\n" OPEN NO_IOMMU "end 3\nruns 1\n");
	result = expect(1, "check short");
	expect_text(result->out, "short:11: diverges: incomplete run (run one)\n");
	expect_text(result->out, "  where     the run has 2 calls, its last line says 3: 1 line is missing\n");
	expect_text(result->out, "  rule      RUN-COMPLETE: ");
	expect_text(expect(1, "check short --json")->out, "\"RUN-COMPLETE\"");
	expect_text(expect(1, "check short --ktap")->out, "#   rule      RUN-COMPLETE: ");
	expect(1, "check short -q --html page");
	expect_text(file_read("page"), "RUN-COMPLETE");
	expect_text(expect(1, "replay short --on model")->out, "short:11: diverges: incomplete run (run one)\n");
	file_write("long", COUNTED OPEN VERSION "end 1\nruns 0\n");
	expect_text(expect(1, "check long")->out, "the run has 2 calls, its last line says 1: 1 line is too many\n");
	file_write("open", COUNTED OPEN VERSION);
	expect_text(expect(2, "check open")->err, "open:10:1: expected");
}

static void expect_list(const char *arguments, const char *key)
{
	struct json_object *list = json_tokener_parse(expect(0, arguments)->out);

	cr_assert_not_null(list, "%s", arguments);
	cr_assert_gt(json_object_array_length(list), 0, "%s", arguments);
	cr_assert(json_object_object_get_ex(json_object_array_get_idx(list, 0), key, NULL), "%s", arguments);
	json_object_put(list);
}

Test(cli, defects_are_caught_where_they_change_an_answer)
{
	const struct outcome_of_run *result;

	file_write("iommu", HEADER "run \"bare\"\n" OPEN NO_IOMMU);
	expect_text(expect(0, "defects")->out, "set-iommu-without-group");
	result = expect(1, "defects iommu");
	expect_text(result->out, "iommu:10: bare");
	expect_text(result->err, "defect 'map-argsz' is not caught");
	cr_assert_null(strstr(result->err, "set-iommu-without-group"));
	expect_text(expect(1, "defects flipped")->err, "without any defect: flipped:10: two");
	expect(2, "defects truncated");
}

Test(cli, spaces_shows_the_swap_in_what_qemu_did)
{
	const struct outcome_of_run *result = expect(0, "spaces " TRACES_FOLDER "/qemu-iommu-6.12.trace");

	expect_text(result->out, "translated  7     4         2060 KiB");
	expect_text(result->err, "spaces: 3 of memory, 3 of translations, 0 open; 0 faults");
	/* Two devices are in containers of their own, and their spaces change at different times. */
	expect_text(expect(0, "spaces " TRACES_FOLDER "/qemu-iommu-two-6.12.trace")->err,
		    "spaces: 4 of memory, 5 of translations, 0 open; 0 faults");
	/* Without an IOMMU in front of the device there is nothing to swap. */
	result = expect(0, "spaces " TRACES_FOLDER "/qemu-firmware-6.12.trace");
	expect_text(result->err, "spaces: 1 of memory, 0 of translations, 0 open; 0 faults");
	expect_text(expect(2, "spaces truncated")->err, "truncated:10:");
}

Test(cli, spaces_exits_1_where_they_meet)
{
	file_write("met", HEADER OPEN "1 open(\"/dev/vfio/1\", O_RDWR) = 4\n"
				      "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3]) = 0\n"
				      "1 ioctl(3, VFIO_SET_IOMMU, TYPE1v2_IOMMU) = 0\n"
				      "1 mmap(0x100000000000, 0x10000, PROT_READ|PROT_WRITE, "
				      "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0x0) = 0x100000000000\n"
				      "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, "
				      "vaddr=0x100000000000, iova=0x0, size=0x3000}) = 0\n"
				      "1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, "
				      "vaddr=0x100000001000, iova=0x8000, size=0x1000}) = 0\n");
	expect_text(expect(1, "spaces met")->err,
		    "met:14: VIOMMU-ONE-SPACE: IOVA 0x8000 of a space of translations is mapped beside one of memory");
}

Test(cli, viommu_plays_guests_and_its_trace_conforms)
{
	const struct outcome_of_run *result = expect(0, "viommu --steps 300 --seed 3 -o played");

	expect_text(result->err, "300 steps of 2 guests, ");
	expect_text(result->err, "; no fault");
	expect_text(result->out, "toggle_in_map");
	expect(0, "check -q played");
	expect_text(expect(0, "spaces played")->err, "; 0 faults");
	cr_assert_str_eq(expect(0, "viommu -q --steps 300")->err, "");
}

Test(cli, viommu_finds_bugs_and_tells_how_to_repeat)
{
	const struct outcome_of_run *result = expect(1, "viommu --defect replay-skips");

	expect_text(result->err, ": VIOMMU-REPLAY: ");
	expect_text(result->err, "repeat: vfiosim viommu --on model --machine q35-mdev --profile 7.2 --seed 1 --only ");
	expect_text(expect(1, "viommu --defect unmap-asks-nobody")->err, ": VIOMMU-PIN-GONE: ");
	expect_text(expect(2, "viommu --defect no-such")->err, "defect 'no-such' is not known");
	expect_text(expect(2, "viommu --steps many")->err, "--steps 'many': expected a number");
	expect_text(expect(2, "viommu --machine pseries-edu")->err, "has no device that a guest could be given");
	expect_text(expect(2, "viommu --machine none")->err, "machine 'none' is not known");
	expect_text(expect(2, "viommu --on kernel --defect pin-half")->err, "only the model can be given it");
}

Test(cli, what_a_client_owes_is_listed_with_the_rest)
{
	expect_text(expect(0, "profiles")->out, "seed VFIO mdev with vIOMMU, 28 July 2016");
	expect_text(expect(0, "rules")->out, "VIOMMU-NOTHING-LEFT");
	expect_text(expect(0, "defects")->out, "map-after-toggle");
}

Test(cli, iommufd_tells_what_it_answers_otherwise)
{
	const struct outcome_of_run *result = expect(1, "iommufd good");

	expect_text(result->out, "good:11  errno     EINVAL (CT-SET-IOMMU-NO-GROUP)  ENODEV (IFD-SET-IOMMU-NO-IOAS)");
	expect_text(result->err, "3 calls: 2 same, 0 charge, 0 differs, 1 errno,");
	cr_assert_null(strstr(result->out, "GET_API_VERSION"));
	expect_text(expect(1, "iommufd -v good")->out, "GET_API_VERSION");
	file_write("same", HEADER OPEN VERSION);
	expect(0, "iommufd same");
	expect_text(expect(3, "iommufd foreign")->out, "not modelled");
	expect_text(expect(2, "iommufd truncated")->err, "truncated:10:");
	result = expect(1, "iommufd -q good");
	cr_assert_str_empty(result->out);
	cr_assert_str_empty(result->err);
}

Test(cli, iommufd_writes_the_calls_on_an_iommufd)
{
	expect(1, "iommufd -o twin good");
	expect_text(file_read("twin"), "1 open(\"/dev/iommu\", O_RDWR) = 3");
	expect_text(file_read("twin"), "VFIO_GET_API_VERSION) = 0");
	expect(0, "replay --on model -o answered twin");
	expect_text(file_read("answered"), "VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 ENODEV");
	expect(2, "iommufd -o cut truncated");
	cr_assert_neq(access("cut", F_OK), 0);
	expect_text(expect(2, "iommufd -o twin good good")->err, "expected one, not 2");
}

/* The header says how the program came about; the program itself is the same. */
static const char *calls_of(const char *path)
{
	const char *run = strstr(file_read(path), "\n1 ");

	cr_assert_not_null(run, "%s", path);
	return run;
}

Test(cli, program_of_a_seed_becomes_an_input_and_a_trace_again)
{
	char *direct;

	expect(0, "generate --seed 3 --only 5 --calls 30 --machine q35-multi --profile 6.12 -o direct");
	direct = strdup(calls_of("direct"));
	expect(0, "generate --seed 3 --only 5 --calls 30 --machine q35-multi --profile 6.12 --inputs corpus");
	expect(0, "generate --input corpus/seed-3-5 -o again");
	cr_assert_str_eq(calls_of("again"), direct);
	expect_text(file_read("again"), "machine: q35-multi");
	expect(0, "replay --on model again");
	free(direct);
	expect_text(expect(2, "generate --input nowhere")->err, "nowhere");
	expect_text(expect(2, "generate --calls 0")->err, "expected a number from 1");
	expect_text(expect(2, "generate --machine powernv9-edu --inputs corpus")->err, "has no machine 'powernv9-edu'");
}

Test(cli, lists_are_texts_and_json)
{
	expect_text(expect(0, "ioctls")->out, "VFIO_IOMMU_MAP_DMA");
	expect_text(expect(0, "rules")->out, "FD-NOT-OPEN");
	expect_text(expect(0, "profiles")->out, "6.12");
	expect_text(expect(0, "machines")->out, "q35-edu");
	expect_text(expect(0, "kernels")->out, "modelled");
	expect_list("ioctls --json", "number");
	expect_list("rules --json", "sentence");
	expect_text(expect(0, "rules " TRACES_FOLDER "/edu-session-6.1.trace")->err, "on two kernels or more");
	expect_text(expect(2, "rules nowhere.trace")->err, "nowhere.trace");
	expect_list("profiles --json", "profile");
	expect_list("profiles --json 6.1", "value");
	expect_list("profiles --json 6.1 6.12", "6.12");
	expect_list("machines --json", "summary");
	expect_list("kernels --json", "state");
	expect_text(expect(2, "devices nowhere.dtb")->err, "nowhere.dtb");
	expect_text(expect(2, "devices " TRACES_FOLDER "/edu-session-6.1.trace")->err,
		    "not a sound compiled device tree");
	expect_text(expect(2, "profiles 2.4")->err, "profile '2.4' is not known");
}

Test(cli, profiles_that_are_the_same_do_not_differ)
{
	struct json_object *list = json_tokener_parse(expect(0, "profiles --json 6.1 6.1")->out);

	cr_assert_eq(json_object_array_length(list), 0);
	json_object_put(list);
}
