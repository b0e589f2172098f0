/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Value sets: names that parsers can tell from numbers, values that printing loses nothing of.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "vfiosim/call.h"
#include "vfiosim/uapi.h"

static const char *const set_names[] = {
#define SET(set) #set,
#include "vfiosim/uapi/sets.def"
};

/* Sets that calls.def refers to. */
static const struct {
	const char *set;
	enum call_arg_show show;
} call_sets[] = {
#define CALL(id, name, returns, summary)
#define CALL_ARG(id, name, show, set) {set, show},
#include "vfiosim/calls.def"
};

static const char *const struct_names[] = {
#define STRUCT(name, size, since) #name,
#include "vfiosim/uapi/structs.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Whether some field or call argument writes @set as flags. */
static bool is_flag_set(const struct value_set *set)
{
	for (size_t i = 0; i < COUNT(struct_names); i++) {
		const struct struct_desc *desc = struct_by_name(struct_names[i], strlen(struct_names[i]));
		for (size_t f = 0; f < desc->field_count; f++) {
			if (desc->fields[f].set == set && desc->fields[f].show == SHOW_SET)
				return true;
		}
	}
	for (size_t i = 0; i < COUNT(call_sets); i++) {
		if (call_sets[i].set != NULL && strcmp(call_sets[i].set, set->name) == 0)
			return call_sets[i].show == CALL_ARG_SET;
	}
	return false;
}

/* Takes @value apart by @set; OR-s the names back together as a parser does; returns how many names it took. */
static size_t print_and_parse(const struct value_set *set, uint64_t value, uint64_t *back)
{
	const struct name_value *entry;
	size_t cursor = 0, names = 0;
	uint64_t rest = value, part;

	*back = 0;
	while ((entry = value_set_take(set, &rest, &cursor)) != NULL) {
		cr_assert(value_set_find(set, entry->name, strlen(entry->name), &part), "%s", entry->name);
		*back |= part;
		names++;
	}
	*back |= rest;
	return names;
}

Test(value_set_by_name, finds_every_set)
{
	for (size_t i = 0; i < COUNT(set_names); i++)
		cr_expect_str_eq(value_set_by_name(set_names[i])->name, set_names[i]);
	cr_expect_null(value_set_by_name(""));
	cr_expect_null(value_set_by_name("dma_ma"));
}

Test(value_set_by_name, finds_the_sets_of_calls)
{
	for (size_t i = 0; i < COUNT(call_sets); i++) {
		if (call_sets[i].show == CALL_ARG_SET || call_sets[i].show == CALL_ARG_ENUM)
			cr_expect_not_null(value_set_by_name(call_sets[i].set), "%s", call_sets[i].set);
	}
}

Test(value_sets, names_and_values_are_unique)
{
	for (size_t i = 0; i < COUNT(set_names); i++) {
		const struct value_set *set = value_set_by_name(set_names[i]);
		for (size_t a = 0; a < set->count; a++) {
			for (size_t b = 0; b < a; b++) {
				/* The one value that a proposal shares with kernels. */
				cr_expect(set->entries[a].value != set->entries[b].value ||
					      strcmp(set->entries[a].name, "NESTING") == 0,
					  "%s: %s and %s", set->name, set->entries[a].name, set->entries[b].name);
				cr_expect_str_neq(set->entries[a].name, set->entries[b].name, "%s", set->name);
			}
		}
	}
}

Test(value_sets, names_begin_with_a_letter_and_are_words)
{
	for (size_t i = 0; i < COUNT(set_names); i++) {
		const struct value_set *set = value_set_by_name(set_names[i]);
		for (size_t e = 0; e < set->count; e++) {
			const char *name = set->entries[e].name;
			cr_expect(isalpha((unsigned char)name[0]), "%s: %s", set->name, name);
			for (; *name != '\0'; name++)
				cr_expect(isalnum((unsigned char)*name) || *name == '_', "%s: %s", set->name,
					  set->entries[e].name);
		}
	}
}

Test(flag_sets, have_no_zero_and_wider_entries_first)
{
	size_t checked = 0;

	for (size_t i = 0; i < COUNT(set_names); i++) {
		const struct value_set *set = value_set_by_name(set_names[i]);
		if (!is_flag_set(set))
			continue;
		checked++;
		cr_expect_eq(set->number_mask != 0, set->numbers != NULL, "%s", set->name);
		for (size_t a = 0; a < set->count; a++) {
			uint64_t value = set->entries[a].value;
			cr_expect_neq(value, 0, "%s: %s", set->name, set->entries[a].name);
			cr_expect_eq(value & set->number_mask, 0, "%s: %s is in the number", set->name,
				     set->entries[a].name);
			for (size_t b = 0; b < a; b++)
				cr_expect_neq(value & set->entries[b].value, set->entries[b].value, "%s: %s hides %s",
					      set->name, set->entries[b].name, set->entries[a].name);
		}
		for (size_t n = 0; set->numbers != NULL && n < set->numbers->count; n++)
			cr_expect_eq(set->numbers->entries[n].value & ~set->number_mask, 0, "%s", set->name);
	}
	cr_expect_geq(checked, 20);
}

Test(value_set_take, every_entry_alone_is_taken_as_itself)
{
	for (size_t i = 0; i < COUNT(set_names); i++) {
		const struct value_set *set = value_set_by_name(set_names[i]);
		if (!is_flag_set(set))
			continue;
		for (size_t e = 0; e < set->count; e++) {
			size_t cursor = 0;
			uint64_t rest = set->entries[e].value;
			cr_expect_eq(value_set_take(set, &rest, &cursor), &set->entries[e], "%s", set->entries[e].name);
			cr_expect_null(value_set_take(set, &rest, &cursor));
			cr_expect_eq(rest, 0);
		}
	}
}

Test(value_set_take, loses_nothing_of_any_value)
{
	uint64_t state = 1;

	for (size_t i = 0; i < COUNT(set_names); i++) {
		const struct value_set *set = value_set_by_name(set_names[i]);
		if (!is_flag_set(set))
			continue;
		for (unsigned draw = 0; draw < 2000; draw++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			/* All widths, so that small values with few bits are among them. */
			uint64_t value = (state >> 20 | state << 44) >> draw % 64, back;
			print_and_parse(set, value, &back);
			cr_expect_eq(back, value, "%s: %#llx", set->name, (unsigned long long)value);
		}
	}
}

Test(value_set_take, number_part_is_one_name)
{
	const struct value_set *set = value_set_by_name("feature_flags");
	uint64_t value = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, back;
	size_t cursor = 0;

	cr_expect_eq(print_and_parse(set, value, &back), 2);
	cr_expect_str_eq(value_set_take(set, &value, &cursor)->name, "DMA_LOGGING_STOP");
	cr_expect_str_eq(value_set_take(set, &value, &cursor)->name, "GET");

	/* 13 is no feature, even if its bits are those of features. */
	value = VFIO_DEVICE_FEATURE_SET | 13;
	cursor = 0;
	cr_expect_str_eq(value_set_take(set, &value, &cursor)->name, "SET");
	cr_expect_null(value_set_take(set, &value, &cursor));
	cr_expect_eq(value, 13);
}

Test(value_set_take, huge_page_sizes_are_one_name)
{
	const struct value_set *set = value_set_by_name("map");
	uint64_t value = 0x40022 | 21u << 26;
	size_t cursor = 0;

	cr_expect_str_eq(value_set_take(set, &value, &cursor)->name, "MAP_PRIVATE");
	cr_expect_str_eq(value_set_take(set, &value, &cursor)->name, "MAP_ANONYMOUS");
	cr_expect_str_eq(value_set_take(set, &value, &cursor)->name, "MAP_HUGETLB");
	cr_expect_str_eq(value_set_take(set, &value, &cursor)->name, "MAP_HUGE_2MB");
	cr_expect_null(value_set_take(set, &value, &cursor));
	cr_expect_eq(value, 0);
}

Test(value_set_find, unknown_names_leave_the_value_alone)
{
	const struct value_set *set = value_set_by_name("feature_flags");
	uint64_t value = 5;

	cr_expect_not(value_set_find(set, "GE", 2, &value));
	cr_expect_not(value_set_find(set, "GETS", 4, &value));
	cr_expect_not(value_set_find(set, "", 0, &value));
	cr_expect_eq(value, 5);
	cr_expect(value_set_find(set, "GET|SET", 3, &value));
	cr_expect_eq(value, VFIO_DEVICE_FEATURE_GET);
}
