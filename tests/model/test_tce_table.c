/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * TCE tables against a naive twin: an array of entries.
 */
#include <criterion/criterion.h>

#include "tce_table.h"

enum { PAGE_SHIFT = 12, ENTRIES = 100000, STEPS = 60000, ACCESS_MAX = 3 };

#define WINDOW_FIRST 0x8000000ull

struct twin {
	uint64_t user[ENTRIES]; /* page number, + 1; 0: there is no entry */
	uint8_t access[ENTRIES];
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct tce_table table_new(uint64_t entries)
{
	return (struct tce_table){.page_shift = PAGE_SHIFT,
				  .levels = 1,
				  .first = WINDOW_FIRST,
				  .last = WINDOW_FIRST + (entries << PAGE_SHIFT) - 1};
}

static uint64_t address(uint64_t entry)
{
	return WINDOW_FIRST + (entry << PAGE_SHIFT);
}

/* Whether the entry of the twin goes on from the one before it. */
static bool goes_on(const struct twin *twin, uint64_t entry)
{
	return twin->user[entry - 1] && twin->user[entry] == twin->user[entry - 1] + 1 &&
	       twin->access[entry] == twin->access[entry - 1];
}

/* Every run that the table tells is one that the twin has, and as long as it can be. */
static void expect_same(const struct tce_table *table, const struct twin *twin)
{
	uint64_t entry = 0, there = 0;

	cr_assert(tce_table_valid(table));
	while (entry < ENTRIES) {
		struct range run;
		uint64_t end;

		if (!twin->user[entry]) {
			cr_assert(!tce_table_find(table, address(entry), address(entry) + 5, &run), "entry %llu",
				  (unsigned long long)entry);
			entry++;
			continue;
		}
		for (end = entry + 1; end < ENTRIES && goes_on(twin, end);)
			end++;
		cr_assert(tce_table_find(table, address(entry), table->last, &run));
		cr_assert_eq(run.first, address(entry));
		cr_assert_eq(run.last, address(end) - 1, "entry %llu", (unsigned long long)entry);
		cr_assert_eq(run.value, (twin->user[entry] - 1) << PAGE_SHIFT);
		cr_assert_eq(run.tag, twin->access[entry]);
		there += end - entry;
		entry = end;
	}
	cr_assert_eq(tce_table_entries(table), there);
}

/* Mostly few entries, sometimes very many, as programs map memory. */
static uint64_t some_count(uint64_t *random)
{
	static const uint64_t most[] = {1, 1, 3, 300, 40000};

	return 1 + next_random(random) % most[next_random(random) % (sizeof(most) / sizeof(most[0]))];
}

Test(tce_table, random_steps_agree_with_naive_twin)
{
	static struct twin twin, saved;
	struct tce_table table = table_new(ENTRIES), copy = {.page_shift = 0};
	uint64_t random = 42;

	for (int step = 0; step < STEPS; step++) {
		const uint64_t first = next_random(&random) % ENTRIES, count = some_count(&random);
		const uint64_t fit = count < ENTRIES - first ? count : ENTRIES - first;
		const bool clears = next_random(&random) % 4 == 0, moves = next_random(&random) % 2;
		/* Memory whose place follows from the entry's makes neighbours of maps that come one by one. */
		const uint64_t user = 1000 + first + (moves ? next_random(&random) % 64 : 0);
		const uint8_t access = (uint8_t)(next_random(&random) % 8 ? ACCESS_MAX : next_random(&random) % 4);

		if (clears)
			tce_table_clear(&table, address(first), fit);
		else
			tce_table_put(&table, address(first), fit, user << PAGE_SHIFT, access);
		for (uint64_t i = 0; i < fit; i++) {
			twin.user[first + i] = clears ? 0 : user + i + 1;
			twin.access[first + i] = access;
		}
		if (step % 6000 == 0) {
			expect_same(&table, &twin);
			if (step)
				expect_same(&copy, &saved);
			tce_table_free(&copy);
			copy = table;
			tce_table_unshare(&copy);
			saved = twin;
		}
	}
	expect_same(&table, &twin);
	expect_same(&copy, &saved);
	tce_table_free(&copy);
	tce_table_free(&table);
}

Test(tce_table, found_entries_are_cut_to_what_was_asked_for)
{
	struct tce_table table = table_new(ENTRIES);
	struct range run;

	tce_table_put(&table, address(100), 1000, 0x100000000000, 1);
	cr_assert(tce_table_find(&table, address(200) + 0x10, address(300) + 0x1f, &run));
	cr_expect_eq(run.first, address(200) + 0x10);
	cr_expect_eq(run.last, address(300) + 0x1f);
	cr_expect_eq(run.value, 0x100000000000 + (100 << PAGE_SHIFT) + 0x10);
	cr_expect_eq(run.tag, 1);
	cr_assert(tce_table_find(&table, address(0), address(100), &run));
	cr_expect_eq(run.first, address(100));
	cr_expect_eq(run.last, address(100));
	cr_expect(!tce_table_find(&table, address(0), address(100) - 1, &run));
	cr_expect(!tce_table_find(&table, address(1100), table.last, &run));
	tce_table_free(&table);
}

Test(tce_table, entries_of_memory_are_counted_by_where_it_lies)
{
	struct tce_table table = table_new(ENTRIES);

	tce_table_put(&table, address(0), 16, 0x100000000000, 3);
	tce_table_put(&table, address(500), 4, 0x100000008000, 3);
	cr_expect_eq(tce_table_uses(&table, 0x100000000000, 0x10000000ffff), 20);
	cr_expect_eq(tce_table_uses(&table, 0x100000008000, 0x100000008fff), 2);
	cr_expect_eq(tce_table_uses(&table, 0x100000010000, 0x10000001ffff), 0);
	tce_table_free(&table);
}

Test(tce_table, digest_knows_entries_and_not_how_they_came)
{
	struct tce_table whole = table_new(ENTRIES), pieces = table_new(ENTRIES);

	tce_table_put(&whole, address(10), 1000, 0x100000000000, 3);
	for (uint64_t i = 1000; i-- > 0;)
		tce_table_put(&pieces, address(10 + i), 1, 0x100000000000 + (i << PAGE_SHIFT), 3);
	cr_expect_eq(tce_table_digest(&whole, 1), tce_table_digest(&pieces, 1));
	tce_table_put(&pieces, address(700), 1, 0x100000000000 + (690ull << PAGE_SHIFT), 1);
	cr_expect_neq(tce_table_digest(&whole, 1), tce_table_digest(&pieces, 1));
	tce_table_free(&whole);
	tce_table_free(&pieces);
}

Test(tce_table, largest_window_takes_entries_from_first_to_last)
{
	struct tce_table table = {.page_shift = PAGE_SHIFT, .levels = 1, .first = 0, .last = UINT64_MAX};
	struct range run;

	tce_table_put(&table, 0, 1, 0x1000, 3);
	tce_table_put(&table, UINT64_MAX - 0xfff, 1, 0x2000, 3);
	cr_expect_eq(tce_table_entries(&table), 2);
	cr_assert(tce_table_find(&table, 0x1000, UINT64_MAX, &run));
	cr_expect_eq(run.first, UINT64_MAX - 0xfff);
	cr_expect_eq(run.last, UINT64_MAX);
	tce_table_clear(&table, 0, (UINT64_MAX >> PAGE_SHIFT) + 1);
	cr_expect_eq(table.root, 0);
	tce_table_free(&table);
}
