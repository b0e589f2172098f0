/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Events as values, error names, and what the text format needs from the tables.
 */
#include <ctype.h>
#include <errno.h>

#include "maker.h"

static int parse(const char *line, struct event *event, struct arena *arena)
{
	return event_parse(line, strlen(line), event, arena, "text", 1, NULL);
}

Test(event, clone_equals_its_original_and_stands_alone)
{
	static const char *const lines[] = {
	    "1.2 @1-2 open(\"/dev/vfio/vfio\", O_RDWR) = 3 {VmLck=1->2}",
	    "1 ioctl(5, 0x3bff, hex(01020304 => 05*4), @0x10: hex(), @0x20: hex(0102)) = -1 ENOTTY",
	    "1 peek(0x1000, hex(00*8), 8) = ?",
	    "1 exit() = ?",
	};
	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct event event, *clone;
		char *text;

		cr_assert_eq(parse(lines[i], &event, arena), 0);
		clone = event_clone(&event);
		cr_assert(event_equal(&event, clone));
		cr_assert_eq(clone->line, 1);
		/* The original's memory is gone with the next line. */
		cr_assert_eq(parse("1 poke(0x0, hex(ff*65000)) = 0", &event, arena), 0);
		cr_assert(!event_equal(&event, clone));
		text = through_text(clone, arena);
		cr_assert_str_eq(text, lines[i]);
		free(text);
		free(clone);
	}
	arena_free(arena);
}

Test(event, each_difference_is_seen)
{
	static const char *const different[] = {
	    "1 ioctl(5, VFIO_DEVICE_RESET) = 0",
	    "2 ioctl(5, VFIO_DEVICE_RESET) = 0",
	    "1.2 ioctl(5, VFIO_DEVICE_RESET) = 0",
	    "1 @1-2 ioctl(5, VFIO_DEVICE_RESET) = 0",
	    "1 @1-3 ioctl(5, VFIO_DEVICE_RESET) = 0",
	    "1 ioctl(6, VFIO_DEVICE_RESET) = 0",
	    "1 ioctl(5, VFIO_DEVICE_RESET, 0x1) = 0",
	    "1 ioctl(5, VFIO_DEVICE_RESET) = 1",
	    "1 ioctl(5, VFIO_DEVICE_RESET) = ?",
	    "1 ioctl(5, VFIO_DEVICE_RESET) = -1 EINVAL",
	    "1 ioctl(5, VFIO_DEVICE_RESET) = 0 {VmLck=0->0}",
	    "1 ioctl(5, VFIO_DEVICE_RESET) = 0 {VmPin=0->0}",
	    "1 ioctl(5, VFIO_DEVICE_RESET) = 0 {VmPin=0->1}",
	    "1 ioctl(5, 0x3b6f, 0x0) = 0",
	    "1 ioctl(5, 0x3bff, 0x0) = 0",
	    "1 ioctl(5, 0x3bff, hex()) = 0",
	    "1 ioctl(5, 0x3bff, hex(00)) = 0",
	    "1 ioctl(5, 0x3bff, hex(=> 01)) = 0",
	    "1 ioctl(5, 0x3bff, hex(01)) = 0",
	    "1 ioctl(5, 0x3bff, @0x1: hex(01)) = 0",
	    "1 ioctl(5, 0x3bff, hex(01), @0x1: hex(01)) = 0",
	    "1 open(\"a\", 0) = 0",
	    "1 open(\"b\", 0) = 0",
	    "1 open(0x0, 0) = 0",
	    "1 open(0x1, 0) = 0",
	    "1 pwrite(1, hex(00), 1, 0x0) = 0",
	    "1 pwrite(1, 0x0, 1, 0x0) = 0",
	    "1 pwrite(1, 0x1, 1, 0x0) = 0",
	    "1 pwrite(1, 0x1, 1, 0x1) = 0",
	};
	struct arena *one = arena_new(), *other = arena_new();

	for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++) {
		for (size_t j = 0; j < sizeof(different) / sizeof(different[0]); j++) {
			struct event a, b;

			cr_assert_eq(parse(different[i], &a, one), 0, "%s", different[i]);
			cr_assert_eq(parse(different[j], &b, other), 0, "%s", different[j]);
			cr_expect_eq(event_equal(&a, &b), i == j, "%s and %s", different[i], different[j]);
		}
	}
	arena_free(one);
	arena_free(other);
}

Test(event, memory_that_was_written_with_what_it_held_is_unchanged)
{
	static const uint8_t in[2] = {1, 2}, out[2] = {1, 2};
	struct event event = {.call = {.task = 1,
				       .thread = 1,
				       .op = CALL_PREAD,
				       .buffer_count = 1,
				       .buffers = {{.length = 2, .in = in, .out = out}}},
			      .answer = {.known = true, .ret = 2}};
	struct arena *arena = arena_new();
	char *text = through_text(&event, arena);

	cr_assert_str_eq(text, "1 pread(0, hex(0102), 0, 0x0) = 2");
	free(text);
	arena_free(arena);
}

Test(event, errno_names_are_those_of_this_system)
{
	static const struct {
		const char *name;
		unsigned number;
	} known[] = {
	    {"EPERM", EPERM},	      {"E2BIG", E2BIG},	    {"EINVAL", EINVAL},	      {"ENOTTY", ENOTTY},
	    {"EDEADLK", 35},	      {"ENOSYS", ENOSYS},   {"EOVERFLOW", EOVERFLOW}, {"EOPNOTSUPP", EOPNOTSUPP},
	    {"EHWPOISON", EHWPOISON}, {"ERESTARTSYS", 512}, {"ENOTSUPP", 524}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		cr_expect_str_eq(errno_name(known[i].number), known[i].name);
		cr_expect_eq(errno_number(known[i].name, strlen(known[i].name)), known[i].number);
	}
	cr_assert_null(errno_name(0));
	cr_assert_null(errno_name(41));
	cr_assert_null(errno_name(4000000000u));
	cr_assert_eq(errno_number("EINVALID", 8), 0);
	cr_assert_eq(errno_number("EINV", 4), 0);
	cr_assert_eq(errno_number("", 0), 0);
}

Test(event, calls_have_names_and_arguments)
{
	cr_assert_str_eq(call_table[CALL_MMAP].name, "mmap");
	cr_assert_eq(call_table[CALL_MMAP].arg_count, 6);
	cr_assert_str_eq(call_table[CALL_MMAP].args[5].name, "offset");
	cr_assert_eq(call_table[CALL_FORK].arg_count, 0);
	for (int op = 0; op < CALL_OP_COUNT; op++) {
		for (size_t i = 0; i < CALL_ARGS_MAX; i++) {
			const struct call_arg_desc *arg = &call_table[op].args[i];

			cr_assert_eq(arg->name != NULL, i < call_table[op].arg_count);
			cr_assert(!arg->set || value_set_by_name(arg->set), "%s", arg->set);
		}
	}
}

static bool is_name(const char *name)
{
	if (!isalpha((unsigned char)name[0]))
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	}
	return true;
}

static void check_set(const struct value_set *set)
{
	for (size_t i = 0; set && i < set->count; i++) {
		cr_expect(is_name(set->entries[i].name), "%s: %s", set->name, set->entries[i].name);
		cr_expect_str_neq(set->entries[i].name, "hex");
	}
}

/* Names that the text could not tell from numbers, or from each other, would lose something. */
Test(event, names_of_fields_and_values_are_words)
{
	for (size_t i = 0; i < ioctl_count; i++) {
		const struct struct_desc *desc = ioctl_table[i].layout;

		cr_expect(is_name(ioctl_table[i].name));
		check_set(ioctl_table[i].values);
		for (size_t f = 0; desc && f < desc->field_count; f++) {
			cr_expect(is_name(desc->fields[f].name));
			cr_expect_str_neq(desc->fields[f].name, "rest");
			check_set(desc->fields[f].set);
		}
		for (const struct cap_desc *cap = desc ? desc->caps : NULL; cap && cap->name; cap++)
			cr_expect(is_name(cap->name));
	}
}
