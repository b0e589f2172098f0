/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The dirty bitmap of a mapping, and how it comes into the user's.
 *
 * A kernel keeps a bit for each page. Here only what is set costs anything: dirty pages are one set of IOVAs for all
 * mappings. The words of a bitmap that reach beyond its mapping's last page are kept too, because what once came into
 * them comes back to the user later.
 */
#include "type1.h"

#define WORD_BITS  64
#define WORD_BYTES 8

/*
 * Its first @pages bits are the mapping's. The last word may have room for more, and behind it there is one more: the
 * two are the tail, from bit tail_first() on. The kernel shifts a bitmap into the place where the user wants it, so
 * that pages, or what was in the user's word, come into the tail; it clears only the mapping's own bits.
 */
struct bitmap {
	const struct rangemap *dirty;
	uint64_t iova, page, pages;
	uint32_t serial; /* of the mapping: the name of its tail */
	bool all;	 /* every page is dirty */
	uint64_t tail[2];
};

static uint64_t tail_first(const struct bitmap *bitmap)
{
	return bitmap->pages & ~(uint64_t)(WORD_BITS - 1);
}

static struct bitmap bitmap_of(const struct host *host, const struct type1 *iommu, const struct range *mapping)
{
	const struct range *tail = rangemap_at(&iommu->tails, mapping->serial);
	struct bitmap bitmap = {.dirty = &iommu->dirty,
				.iova = mapping->first,
				.serial = mapping->serial,
				.page = type1_smallest_page(iommu),
				.all = type1_all_dirty(host, iommu)};

	bitmap.pages = (mapping->last - mapping->first) / bitmap.page + 1;
	if (tail) {
		bitmap.tail[0] = tail->value;
		bitmap.tail[1] = tail->weight;
	}
	return bitmap;
}

/* The dirty range that contains page @page of the mapping, or the next one: its first and last page. False: none. */
static bool next_dirty(const struct bitmap *bitmap, uint64_t page, uint64_t *first, uint64_t *last)
{
	const uint64_t from = bitmap->iova + page * bitmap->page, end = bitmap->iova + bitmap->pages * bitmap->page - 1;
	const struct range *dirty;

	*first = page;
	*last = bitmap->pages - 1;
	if (page >= bitmap->pages || bitmap->all)
		return page < bitmap->pages;
	dirty = rangemap_overlap(bitmap->dirty, from, end);
	if (!dirty)
		return false;
	if (dirty->first > from)
		*first = (dirty->first - bitmap->iova) / bitmap->page;
	if (dirty->last < end)
		*last = (dirty->last - bitmap->iova) / bitmap->page;
	return true;
}

/* Bits @low to @high, at most 63. */
static uint64_t bits_between(uint64_t low, uint64_t high)
{
	return UINT64_MAX << low & UINT64_MAX >> (WORD_BITS - 1 - high);
}

/* The 64 bits of two words from bit @from on, which may lie before the first (as a negative number) or behind. */
static uint64_t bits_of_pair(const uint64_t pair[2], int64_t from)
{
	if (from <= -WORD_BITS || from >= 2 * WORD_BITS)
		return 0;
	if (from < 0)
		return pair[0] << -from;
	if (from >= WORD_BITS)
		return pair[1] >> (from - WORD_BITS);
	return pair[0] >> from | (from ? pair[1] << (WORD_BITS - from) : 0);
}

/* Word number @word of the bitmap shifted up by @shift, which is less than a word: zeros come in. */
static uint64_t bitmap_word(const struct bitmap *bitmap, uint64_t word, unsigned shift)
{
	const int64_t start = (int64_t)(word * WORD_BITS) - shift;
	uint64_t page = start < 0 ? 0 : (uint64_t)start, first, last;
	uint64_t bits = bits_of_pair(bitmap->tail, start - (int64_t)tail_first(bitmap));

	while (next_dirty(bitmap, page, &first, &last) && (int64_t)first < start + WORD_BITS) {
		uint64_t high = (uint64_t)((int64_t)last - start);

		bits |= bits_between((uint64_t)((int64_t)first - start), high < WORD_BITS ? high : WORD_BITS - 1);
		page = last + 1;
	}
	return bits;
}

/* How many words from @word on are the same @bits, as far as can be said at once: at least one, at most @most. */
static uint64_t bitmap_run(const struct bitmap *bitmap, uint64_t word, unsigned shift, uint64_t bits, uint64_t most)
{
	uint64_t start = word * WORD_BITS - shift, first, last, alike = 0;

	if (!word || (bits && ~bits))
		return 1;
	if (!next_dirty(bitmap, start, &first, &last))
		first = bitmap->pages;
	if (bits && first == start)
		alike = (last + 1 - start) / WORD_BITS;
	else if (!bits && first > start)
		alike = (first - start) / WORD_BITS;
	if (!alike)
		return 1;
	return alike < most ? alike : most;
}

/* What a report of a mapping does to the user's memory. */
struct report {
	unsigned shift;	  /* bits of the first word that belong to what comes before */
	uint64_t offset;  /* of the first word, in bytes */
	uint64_t words;	  /* that are written */
	uint64_t earlier; /* what the user's memory had in the first word, if it counts */
};

/* In a user's bitmap that begins with the page at @base. */
static struct report report_plan(const struct bitmap *bitmap, uint64_t base)
{
	const uint64_t bit = (bitmap->iova - base) / bitmap->page;
	struct report report = {.shift = bit % WORD_BITS, .offset = bit / WORD_BITS * WORD_BYTES};

	report.words = (bitmap->pages + report.shift + WORD_BITS - 1) / WORD_BITS;
	return report;
}

/* The tail as the shift leaves it: of the words that took part, what lies behind the mapping's last page. */
static void keep_tail(struct type1 *iommu, const struct bitmap *bitmap, const struct report *report)
{
	const uint64_t word = tail_first(bitmap) / WORD_BITS;
	const unsigned own = bitmap->pages % WORD_BITS;
	struct range tail = {
	    .first = bitmap->serial, .last = bitmap->serial, .value = bitmap->tail[0], .weight = bitmap->tail[1]};

	if (!report->shift)
		return;
	if (word < report->words) {
		tail.value = bitmap_word(bitmap, word, report->shift) | (word ? 0 : report->earlier);
		tail.value &= UINT64_MAX << own;
	}
	if (own && word + 1 < report->words)
		tail.weight = bitmap_word(bitmap, word + 1, report->shift);
	rangemap_carve(&iommu->tails, bitmap->serial, bitmap->serial, false);
	if (tail.value || tail.weight)
		rangemap_insert(&iommu->tails, &tail);
}

/* Adds pages @first to @last, as far as the mapping has them, to a set of IOVAs. */
static void cover_pages(struct rangemap *set, const struct bitmap *bitmap, uint64_t first, uint64_t last)
{
	if (last >= bitmap->pages)
		last = bitmap->pages - 1;
	if (first <= last)
		rangemap_cover(set, bitmap->iova + first * bitmap->page,
			       bitmap->iova + (last * bitmap->page) + (bitmap->page - 1));
}

/* A report that fails leaves the bitmap as it was shifted for it. */
static void keep_shifted(struct type1 *iommu, const struct bitmap *bitmap, const struct report *report)
{
	struct rangemap shifted = {0};
	const struct range *dirty;
	uint64_t first, last;

	for (uint64_t page = 0; next_dirty(bitmap, page, &first, &last); page = last + 1)
		cover_pages(&shifted, bitmap, first + report->shift, last + report->shift);
	for (unsigned bit = 0; bit < WORD_BITS; bit++)
		if (report->earlier >> bit & 1)
			cover_pages(&shifted, bitmap, bit, bit);
	rangemap_carve(&iommu->dirty, bitmap->iova, bitmap->iova + (bitmap->pages * bitmap->page - 1), false);
	while ((dirty = rangemap_from(&shifted, 0))) {
		rangemap_cover(&iommu->dirty, dirty->first, dirty->last);
		rangemap_remove(&shifted, dirty->first);
	}
}

bool type1_report(struct host *host, struct op *op, struct type1 *iommu, const struct range *mapping, uint64_t base,
		  const struct user_pointer *pointer)
{
	const struct bitmap bitmap = bitmap_of(host, iommu, mapping);
	struct report report = report_plan(&bitmap, base);
	bool fits = true;

	if (report.shift && !defect_on(host, DEFECT_DIRTY_OVERWRITES))
		fits = user_pointer_load(host, op, pointer, report.offset, &report.earlier);
	fits = fits && user_pointer_writable(host, op, pointer, report.offset, report.words * WORD_BYTES);
	for (uint64_t word = 0, run; fits && word < report.words; word += run) {
		uint64_t bits = bitmap_word(&bitmap, word, report.shift);

		run = bitmap_run(&bitmap, word, report.shift, bits, report.words - word);
		user_pointer_fill(host, op, pointer, report.offset + word * WORD_BYTES,
				  word ? bits : bits | report.earlier, run);
	}
	keep_tail(iommu, &bitmap, &report);
	if (!fits)
		keep_shifted(iommu, &bitmap, &report);
	return fits;
}

bool type1_report_modelled(struct host *host, struct op *op, const struct type1 *iommu, uint64_t first, uint64_t last,
			   const struct user_pointer *pointer)
{
	struct found found;

	for (found = type1_first_in(iommu, first, last); found.any; found = type1_next_in(iommu, &found, last)) {
		const struct bitmap bitmap = bitmap_of(host, iommu, &found.mapping);
		const struct report report = report_plan(&bitmap, first);

		if (user_pointer_registers(host, op, pointer, report.offset, report.words * WORD_BYTES) ||
		    (report.shift && !user_pointer_known(host, op, pointer, report.offset)))
			return false;
	}
	return true;
}
