/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Dirty bitmaps beside a naive twin, which keeps every bit and shifts it about as kernels do. Devices that write only
 * what they have pinned are played by the test, which marks pages itself.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bed.h"
#include "host.h"

enum {
	PAGE = 4096,
	SLOTS = 6,	  /* mappings: one in each slot of the IOVA space, or none */
	SLOT_PAGES = 400, /* some of which it covers */
	WORDS = 16,	  /* of a bitmap; a slot's bits, the shift and the word behind fit */
	USER_WORDS = SLOTS * SLOT_PAGES / 64 + 2,
	ROUNDS = 3000,
};

struct twin {
	bool mapped;
	uint32_t first, pages;
	uint64_t words[WORDS];
};

struct twins {
	struct twin slots[SLOTS];
	bool all_dirty;
	uint32_t seed;
};

static uint32_t draw(struct twins *twins, uint32_t bound)
{
	twins->seed = twins->seed * 1664525 + 1013904223;
	return (twins->seed >> 8) % bound;
}

static void twin_set(struct twin *twin, uint32_t first, uint32_t count, bool value)
{
	for (uint32_t bit = first; bit < first + count; bit++) {
		twin->words[bit / 64] &= ~(1ull << bit % 64);
		twin->words[bit / 64] |= (uint64_t)value << bit % 64;
	}
}

/* Shifts the words that @bits are in, and only these. */
static void twin_shift(struct twin *twin, unsigned shift, uint32_t bits)
{
	for (uint32_t word = (bits + 63) / 64; word--;)
		twin->words[word] = twin->words[word] << shift | (word ? twin->words[word - 1] >> (64 - shift) : 0);
}

/* Into @user, which has @words words, from page @base on. False: they are too few. */
static bool twin_report(struct twins *twins, struct twin *twin, uint32_t base, uint64_t *user, uint32_t words)
{
	uint32_t bit = twin->first - base, word = bit / 64, count = (twin->pages + bit % 64 + 63) / 64;

	if (twins->all_dirty)
		twin_set(twin, 0, twin->pages, true);
	if (bit % 64) {
		twin_shift(twin, bit % 64, twin->pages + bit % 64);
		if (word >= words)
			return false;
		twin->words[0] |= user[word];
	}
	if (word + count > words)
		return false;
	memcpy(user + word, twin->words, count * sizeof(*user));
	return true;
}

/* GET_BITMAP of all from page @base on, which is no mapping's inside, into memory of @words words. */
static bool twins_get(struct twins *twins, uint32_t base, uint64_t *user, uint32_t words)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct twin *twin = &twins->slots[i];

		if (!twin->mapped || twin->first < base)
			continue;
		if (!twin_report(twins, twin, base, user, words))
			return false;
		twin_set(twin, 0, twin->pages, false);
	}
	return true;
}

static void toggle_mapping(struct bed *bed, struct twins *twins, unsigned slot)
{
	struct twin *twin = &twins->slots[slot];
	char line[512];

	if (twin->mapped) {
		snprintf(line, sizeof(line), UNMAP("0x%x", "0x%x") " = 0", twin->first * PAGE, twin->pages * PAGE);
		*twin = (struct twin){.mapped = false};
	} else {
		twin->mapped = true;
		twin->pages = 1 + draw(twins, draw(twins, 2) ? 256 : 70);
		twin->first = slot * SLOT_PAGES + draw(twins, SLOT_PAGES - twin->pages);
		snprintf(line, sizeof(line), MAP("0x%x", "0x%x") " = 0", twin->first * PAGE, twin->pages * PAGE);
	}
	run(bed, bed->host, line);
}

static void mark(struct bed *bed, struct twins *twins, unsigned slot)
{
	struct twin *twin = &twins->slots[slot];
	uint32_t first, count;

	if (!twin->mapped)
		return;
	first = draw(twins, twin->pages);
	count = 1 + draw(twins, twin->pages - first);
	type1_mark_dirty(bed->host, 0, (twin->first + first) * (uint64_t)PAGE + draw(twins, PAGE),
			 (count - 1) * (uint64_t)PAGE + 1);
	twin_set(twin, first, count, true);
}

static void get(struct bed *bed, struct twins *twins)
{
	const struct twin *twin = &twins->slots[draw(twins, SLOTS)];
	uint32_t base = draw(twins, 4) ? twin->first - (twin->first ? draw(twins, 2) * draw(twins, 2) : 0) : 0;
	uint32_t words = draw(twins, 4) ? USER_WORDS : draw(twins, USER_WORDS);
	uint64_t user[USER_WORDS];
	uint8_t bytes[sizeof(user)];
	char line[8192];
	struct outcome outcome;
	int length;
	bool fits;

	for (unsigned i = 0; i < SLOTS; i++)
		if (twins->slots[i].mapped && twins->slots[i].first < base &&
		    twins->slots[i].first + twins->slots[i].pages > base)
			base = twins->slots[i].first;
	length =
	    snprintf(line, sizeof(line),
		     "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=48, flags=GET_BITMAP, data=[{iova=0x%x, size=0x%x, "
		     "bitmap_pgsize=0x1000, bitmap_size=0x%zx, bitmap_data=0x120000000000}]}, @0x120000000000: hex(",
		     base * PAGE, (SLOTS * SLOT_PAGES - base) * PAGE, sizeof(user));
	for (uint32_t i = 0; i < words * 8; i++) {
		bytes[i] = (uint8_t)(draw(twins, 3) ? 0 : draw(twins, 256));
		length += snprintf(line + length, sizeof(line) - (size_t)length, "%02x", bytes[i]);
	}
	snprintf(line + length, sizeof(line) - (size_t)length, ")) = ?");
	for (uint32_t i = 0; i < words; i++)
		user[i] = bytes_get(bytes + 8 * (size_t)i, 8);
	fits = twins_get(twins, base, user, words);
	outcome = run(bed, bed->host, line);
	cr_assert_eq(outcome.ret, fits ? 0 : -LINUX_EFAULT, "%s: %lld", line, (long long)outcome.ret);
	for (uint32_t i = 0; outcome.out[1] && i < words; i++) {
		uint64_t mask = outcome.mask[1] ? bytes_get(outcome.mask[1] + 8 * (size_t)i, 8) : UINT64_MAX;
		uint64_t word = bytes_get(outcome.out[1] + 8 * (size_t)i, 8);

		cr_assert_eq(word & mask, user[i] & mask, "word %u is 0x%llx, the twin has 0x%llx", i,
			     (unsigned long long)word, (unsigned long long)user[i]);
	}
}

Test(dirty, bitmaps_are_those_of_a_naive_twin)
{
	struct twins twins = {.all_dirty = true, .seed = 1};
	struct bed bed = bed_new("6.12");

	run_all(&bed, set_up);
	run(&bed, bed.host, "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = 0");
	for (unsigned round = 0; round < ROUNDS; round++) {
		switch (draw(&twins, 8)) {
		case 0:
		case 1:
			toggle_mapping(&bed, &twins, draw(&twins, SLOTS));
			break;
		case 2:
		case 3:
		case 4:
			mark(&bed, &twins, draw(&twins, SLOTS));
			break;
		case 5:
			twins.all_dirty = !draw(&twins, 4);
			bed.host->groups.items[0].pinned_scope = !twins.all_dirty;
			break;
		default:
			get(&bed, &twins);
			break;
		}
	}
	bed_free(&bed);
}

/* Bits of one word that GET_BITMAP of 64 pages from 0 on tells. */
static uint64_t get_word(struct bed *bed, struct host *host)
{
	struct outcome outcome = run(
	    bed, host,
	    "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=48, flags=GET_BITMAP, data=[{iova=0x0, size=0x40000, "
	    "bitmap_pgsize=0x1000, bitmap_size=0x8, bitmap_data=0x120000000000}]}, @0x120000000000: hex(00*8)) = 0");

	return outcome.out[1] ? bytes_get(outcome.out[1], 8) : 0;
}

Test(dirty, pinned_pages_stay_dirty)
{
	struct bed bed = bed_new("6.12");
	const struct range pinned = {.first = 0x3000, .last = 0x4fff};

	run_all(&bed, set_up);
	bed.host->groups.items[0].pinned_scope = true;
	run(&bed, bed.host, MAP("0x0", "0x10000") " = 0");
	rangemap_insert(&bed.host->iommus.items[0].pinned, &pinned);
	run(&bed, bed.host, "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = 0");
	type1_mark_dirty(bed.host, 0, 0x8000, 1);
	cr_expect_eq(get_word(&bed, bed.host), 0x118);
	cr_expect_eq(get_word(&bed, bed.host), 0x018);
	bed_free(&bed);
}

Test(dirty, what_a_group_may_have_written_stays_dirty_when_it_leaves)
{
	struct bed bed = bed_new("6.12");

	run_all(&bed, set_up);
	run(&bed, bed.host, MAP("0x0", "0x4000") " = 0");
	run(&bed, bed.host, "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = 0");
	bed.host->groups.items[0].pinned_scope = true;
	type1_scope_narrowed(bed.host, 0);
	cr_expect_eq(get_word(&bed, bed.host), 0xf);
	cr_expect_eq(get_word(&bed, bed.host), 0);
	bed_free(&bed);
}

Test(dirty, clone_has_a_log_of_its_own)
{
	struct bed bed = bed_new("6.12");
	struct host *clone;

	run_all(&bed, set_up);
	bed.host->groups.items[0].pinned_scope = true;
	run(&bed, bed.host, MAP("0x0", "0x10000") " = 0");
	run(&bed, bed.host, "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = 0");
	type1_mark_dirty(bed.host, 0, 0x1000, 1);
	clone = host_clone(bed.host);
	cr_expect_eq(get_word(&bed, clone), 2);
	type1_mark_dirty(clone, 0, 0x5000, 1);
	cr_expect_eq(get_word(&bed, bed.host), 2);
	cr_expect_eq(get_word(&bed, bed.host), 0);
	cr_expect_eq(get_word(&bed, clone), 0x20);
	host_free(clone);
	bed_free(&bed);
}

/* No kernel can be made to pin so much; the model can, and needs no more memory for it than for a page. */
static const char *const huge_memory =
    "1 mmap(0x200000000000, 0x100000000000, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0) = "
    "0x200000000000";
#define MAP_HUGE(size)                                                                                                \
	"1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ, vaddr=0x200000000000, iova=0x200000000000, size=" size \
	"})"

Test(dirty, mapping_of_2_31_pages_is_too_large_to_be_tracked)
{
	struct bed bed = bed_new("6.12");

	run_all(&bed, set_up);
	run(&bed, bed.host, huge_memory);
	run(&bed, bed.host, MAP_HUGE("0x80000000000") " = 0");
	run(&bed, bed.host, "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = -1 EINVAL");
	run(&bed, bed.host, UNMAP("0x200000000000", "0x80000000000") " = 0");
	run(&bed, bed.host, "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = 0");
	cr_expect_eq(run(&bed, bed.host, MAP_HUGE("0x80000000000") " = -1 EINVAL").locked_after, 0);
	run(&bed, bed.host, MAP_HUGE("0x7fffffff000") " = 0");
	bed_free(&bed);
}

Test(dirty, bitmap_of_a_tebibyte_costs_no_more_than_that_of_a_page)
{
	struct bed bed = bed_new("6.12");
	struct outcome outcome;

	run_all(&bed, set_up);
	run(&bed, bed.host, huge_memory);
	run(&bed, bed.host, "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=8, flags=START}) = 0");
	run(&bed, bed.host, MAP_HUGE("0x10000000000") " = 0");
	/* Its memory begins in the middle of a word, and the mapping in the middle of a bitmap's word, which is read.
	 */
	run(&bed, bed.host, "1 poke(0x220000000000, hex(00*16)) = 16");
	run(&bed, bed.host,
	    "1 ioctl(3, VFIO_IOMMU_DIRTY_PAGES, {argsz=48, flags=GET_BITMAP, data=[{iova=0x1ffffffff000, "
	    "size=0x10000001000, bitmap_pgsize=0x1000, bitmap_size=0x2000008, bitmap_data=0x220000000003}]}) = 0");
	cr_expect_leq(bed.host->contents.count, 16);
	outcome = run(&bed, bed.host, "1 peek(0x220000000000, hex(00*16), 16) = 16");
	cr_expect_arr_eq(outcome.out[0] + 3, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10);
	outcome = run(&bed, bed.host, "1 peek(0x220002000000, hex(00*16), 16) = 16");
	cr_expect_arr_eq(outcome.out[0], "\xff\xff\xff\x01\0\0\0\0\0\0\0", 11);
	bed_free(&bed);
}
