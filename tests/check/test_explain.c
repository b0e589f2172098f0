/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Findings in words: both answers, the field, the rule. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "check/explain.h"
#include "check/place.h"
#include "court.h"

static struct court court;
static struct explanation explanation;

static void open_attached(void)
{
	court_open(&court);
	court_accept(&court, lines_attached);
	cr_assert_eq(court_judge(&court, LINE_MAP("0x0") " = 0"), VERDICT_CONFORMS);
}

static void close_court(void)
{
	explanation_clear(&explanation);
	court_close(&court);
}

TestSuite(explain, .init = open_attached, .fini = close_court);

static void explain(const char *text)
{
	court_judge(&court, text);
	cr_assert_eq(finding_explain(&court.finding, &explanation), 0);
}

Test(explain, return_value_shows_both_answers_and_the_rule)
{
	explain(LINE_MAP("0x0") " = 0");
	cr_assert_str_eq(explanation.kind, "return value");
	cr_assert_str_eq(explanation.observed, LINE_MAP("0x0") " = 0");
	cr_assert_str_eq(explanation.allowed, LINE_MAP("0x0") " = -1 EEXIST");
	cr_assert_not_null(explanation.ground.name);
	cr_assert_null(explanation.where);
}

Test(explain, bytes_name_the_field)
{
	explain(LINE_UNMAP("0x0", " => size=0x2000") " = 0");
	cr_assert_str_eq(explanation.kind, "bytes");
	cr_assert_str_eq(explanation.where, "argument, byte 17 (size): observed 0x2000, allowed 0x1000");
	cr_assert_str_eq(explanation.allowed, LINE_UNMAP("0x0", "") " = 0");
}

Test(explain, run_that_is_not_complete_shows_both_ends)
{
	cr_assert_eq(judge_end_run(court.judge, 9, 6, &court.finding), VERDICT_CONFORMS);
	cr_assert_eq(judge_end_run(court.judge, 9, 8, &court.finding), VERDICT_DIVERGES);
	cr_assert_eq(finding_explain(&court.finding, &explanation), 0);
	cr_assert_str_eq(explanation.kind, "incomplete run");
	cr_assert_str_eq(explanation.observed, "end 8");
	cr_assert_str_eq(explanation.allowed, "end 6");
	cr_assert_str_eq(explanation.where, "the run has 6 calls, its last line says 8: 2 lines are missing");
	cr_assert_str_eq(explanation.ground.name, rules[RULE_RUN_COMPLETE].name);
}

Test(explain, page_accounting_shows_the_changes)
{
	explain(LINE_UNMAP("0x0", "") " = 0 {VmLck=4096->12288}");
	cr_assert_str_eq(explanation.kind, "page accounting");
	cr_assert_str_eq(explanation.where, "VmLck: observed +8192 bytes, allowed -4096 bytes");
	cr_assert_not_null(strstr(explanation.allowed, "{VmLck=4096->0}"));
}

Test(explain, not_modelled_has_nothing_allowed)
{
	explain("1 open(\"/etc/passwd\", 0) = 9");
	cr_assert_str_eq(explanation.kind, "not modelled");
	cr_assert_null(explanation.allowed);
}

Test(explain, long_event_is_cut_and_the_rest_counted)
{
	/* A path of 2000 bytes that are written in four characters each. */
	enum { PATH = 2000 };
	static char line[4 * PATH + 64];
	size_t used = (size_t)sprintf(line, "1 open(\"/");

	for (size_t i = 0; i < PATH; i++, used += 4)
		memcpy(line + used, "\\x01", 4);
	strcpy(line + used, "\", 0) = 9");
	explain(line);
	cr_assert_eq(strncmp(explanation.observed, line, EXPLAIN_LINE_MAX), 0);
	cr_assert_not_null(strstr(explanation.observed + EXPLAIN_LINE_MAX, " more bytes)"));
	cr_assert_leq(strlen(explanation.observed), EXPLAIN_LINE_MAX + 64);
}

/* A call of @name with @length bytes of argument. */
static struct call argument(const char *name, uint32_t length)
{
	struct call call = {.op = CALL_IOCTL, .has_pointer = true, .buffer_count = 1};

	call.ioctl = ioctl_by_name(name, strlen(name));
	cr_assert_not_null(call.ioctl);
	call.buffers[0].length = length;
	return call;
}

Test(place, field_of_struct_is_named)
{
	struct call call = argument("VFIO_IOMMU_MAP_DMA", 32);
	uint8_t bytes[32] = {0};
	struct place place;

	place_find(&place, &call, 0, 23, bytes);
	cr_assert_str_eq(place.name, "iova");
	cr_assert_eq(place.offset, 16);
	cr_assert_eq(place.width, 8);
}

Test(place, field_cut_off_by_the_buffer_is_one_byte)
{
	struct call call = argument("VFIO_IOMMU_MAP_DMA", 20);
	uint8_t bytes[20] = {0};
	struct place place;

	place_find(&place, &call, 0, 19, bytes);
	cr_assert_eq(place.offset, 19);
	cr_assert_eq(place.width, 1);
}

Test(place, capability_in_chain_is_named)
{
	struct call call = argument("VFIO_IOMMU_GET_INFO", 64);
	uint32_t size = call.ioctl->layout->size;
	uint8_t bytes[64] = {0};
	struct place place;

	for (size_t i = 0; i < call.ioctl->layout->field_count; i++) {
		if (strcmp(call.ioctl->layout->fields[i].name, "cap_offset") == 0)
			bytes_put(bytes + call.ioctl->layout->fields[i].offset, 4, size);
	}
	bytes_put(bytes + size, 2, call.ioctl->layout->caps[0].id);
	bytes_put(bytes + size + 4, 4, size); /* a circle */
	place_find(&place, &call, 0, size + 9, bytes);
	cr_assert_eq(strncmp(place.name, call.ioctl->layout->caps[0].name, strlen(call.ioctl->layout->caps[0].name)), 0,
		     "%s", place.name);
}

Test(place, chain_out_of_the_buffer_is_no_place)
{
	struct call call = argument("VFIO_IOMMU_GET_INFO", 64);
	uint8_t bytes[64];
	struct place place;

	memset(bytes, 0xff, sizeof(bytes));
	place_find(&place, &call, 0, 60, bytes);
	cr_assert_str_eq(place.name, "");
	cr_assert_eq(place.offset, 60);
	cr_assert_eq(place.width, 1);
}
