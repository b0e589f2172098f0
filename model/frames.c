/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The memory of the machine: which of it is in use, by whom, and what it holds.
 *
 * Memory is handed out in runs of any length, side by side. It is in use while a page table or a file refers to it, or
 * VFIO has pinned it for a device; then it is forgotten. So what a device reaches is the memory that was pinned for it,
 * whatever has become of the addresses that led there.
 */
#include "frames.h"

#include "iotable.h"

/* Behind the last physical address: there are so many because the model has as much memory as is asked for. */
#define FRAMES_MAX (UINT64_C(1) << 63)

enum { FRAME_HUGE = 1 }; /* tag of a run: huge pages, which come from a pool */

enum { WORD_UNKNOWN = 1 }; /* tag of a word whose value is not known */

/* Forgets those huge pages in [first, last] of which nobody has any part. */
static void huge_gone(struct host *host, uint64_t first, uint64_t last)
{
	const uint64_t unit = host->machine->hugepage_size;

	for (uint64_t page = first - first % unit; page <= last; page += unit) {
		const struct range *run = rangemap_overlap(&host->frames, page, page + unit - 1);

		while (run && !run->value && !run->weight)
			run = run->last < page + unit - 1
				  ? rangemap_overlap(&host->frames, run->last + 1, page + unit - 1)
				  : NULL;
		if (run)
			continue;
		host->huge_pages_used--;
		rangemap_carve(&host->frames, page, page + unit - 1, false);
		rangemap_carve(&host->contents, page, page + unit - 1, false);
	}
}

/*
 * Most memory comes and goes as a whole: then it is changed where it stands, and neither joined with its neighbours nor
 * cut from them each time. False if [first, last] is no such run, or would not be in use any more.
 */
static bool whole_changed(struct host *host, uint64_t first, uint64_t last, int references, int pins)
{
	struct range *run = rangemap_edit_at(&host->frames, first);

	if (run->first != first || run->last != last)
		return false;
	if (!(run->value + (uint64_t)(int64_t)references) && !(run->weight + (uint64_t)(int64_t)pins))
		return false;
	run->value += (uint64_t)(int64_t)references;
	run->weight += (uint64_t)(int64_t)pins;
	return true;
}

/* Changes references and pins of [at, at + bytes), which is in use; what nobody has any more is forgotten. */
static void frames_change(struct host *host, uint64_t at, uint64_t bytes, int references, int pins)
{
	const uint64_t last = at + bytes - 1;

	if (whole_changed(host, at, last, references, pins))
		return;
	while (at <= last) {
		struct range run = *rangemap_at(&host->frames, at);

		run.first = at;
		run.last = run.last < last ? run.last : last;
		run.value += (uint64_t)(int64_t)references;
		run.weight += (uint64_t)(int64_t)pins;
		at = run.last + 1;
		rangemap_carve(&host->frames, run.first, run.last, false);
		if (run.value || run.weight || run.tag & FRAME_HUGE)
			rangemap_join(&host->frames, &run, false);
		else
			rangemap_carve(&host->contents, run.first, run.last, false);
		/* Huge pages may lie beside memory that is none. */
		if (run.tag & FRAME_HUGE)
			huge_gone(host, run.first, run.last);
	}
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* Where @bytes of memory are free, or 0: behind what was handed out last, as long as that is possible. */
static uint64_t frames_place(const struct host *host, uint64_t bytes, uint64_t unit)
{
	uint64_t at = round_up(host->frames_end, unit);
	const struct range *found;

	if (at <= FRAMES_MAX - bytes)
		return at;
	at = round_up(FRAMES_FIRST, unit);
	while (at <= FRAMES_MAX - bytes && (found = rangemap_overlap(&host->frames, at, at + bytes - 1)))
		at = round_up(found->last + 1, unit);
	return at <= FRAMES_MAX - bytes ? at : 0;
}

uint64_t frames_take(struct host *host, uint64_t bytes, bool huge)
{
	const uint64_t unit = huge ? host->machine->hugepage_size : host->machine->page_size;
	struct range run = {.first = frames_place(host, bytes, unit), .value = 1, .tag = huge ? FRAME_HUGE : 0};

	if (!run.first)
		return 0;
	run.last = run.first + bytes - 1;
	if (run.last >= host->frames_end)
		host->frames_end = run.last + 1;
	if (huge)
		host->huge_pages_used += bytes / host->machine->hugepage_size;
	rangemap_join(&host->frames, &run, false);
	return run.first;
}

/* Calls @function for each mapping that has the place of its pages itself. */
static void each_place(struct host *host, const struct rangemap *mappings,
		       void (*function)(struct host *host, const struct range *mapping, void *context), void *context)
{
	const struct range *mapping = rangemap_from(mappings, 0);

	while (mapping) {
		if (mapping->place)
			function(host, mapping, context);
		mapping = mapping->last == UINT64_MAX ? NULL : rangemap_from(mappings, mapping->last + 1);
	}
}

static void each_place_of_all(struct host *host,
			      void (*function)(struct host *host, const struct range *mapping, void *context),
			      void *context)
{
	for (uint32_t i = 0; i < host->iommus.count; i++)
		each_place(host, &host->iommus.items[i].mappings, function, context);
	for (uint32_t i = 0; i < host->ioases.count; i++)
		each_place(host, &host->ioases.items[i].areas, function, context);
}

static void list_place(struct host *host, const struct range *mapping, void *context)
{
	(void)context;
	frames_pin(host, mapping->place, mapping->last - mapping->first + 1, 1);
}

/* From now on until they have all gone, the ledger has the pins of mappings that have their place themselves. */
static void list_places(struct host *host)
{
	if (host->places_listed || !host->placed_bytes)
		return;
	host->places_listed = true;
	each_place_of_all(host, list_place, NULL);
}

void frames_pin_place(struct host *host, uint64_t at, uint64_t bytes, int pins)
{
	host->placed_bytes += bytes * (uint64_t)(int64_t)pins;
	if (host->places_listed)
		frames_pin(host, at, bytes, pins);
	if (!host->placed_bytes)
		host->places_listed = false;
}

void frames_refer(struct host *host, uint64_t at, uint64_t bytes, int references)
{
	if (references < 0)
		list_places(host);
	frames_change(host, at, bytes, references, 0);
}

void frames_pin(struct host *host, uint64_t at, uint64_t bytes, int pins)
{
	frames_change(host, at, bytes, 0, pins);
}

bool frames_huge(const struct host *host, uint64_t at)
{
	return rangemap_at(&host->frames, at)->tag & FRAME_HUGE;
}

/* A huge page is pinned as a whole, whatever part of it is. */
static struct frame_use huge_use(const struct host *host, uint64_t at)
{
	const uint64_t first = at - at % host->machine->hugepage_size, last = first + host->machine->hugepage_size - 1;
	struct frame_use use = {
	    .references = rangemap_at(&host->frames, at)->value, .length = last - at + 1, .huge = true};

	for (const struct range *run = rangemap_overlap(&host->frames, first, last); run;
	     run = run->last < last ? rangemap_overlap(&host->frames, run->last + 1, last) : NULL)
		use.pins += run->weight;
	return use;
}

struct frame_use frames_use(struct host *host, uint64_t at)
{
	const struct range *run;

	list_places(host);
	run = rangemap_at(&host->frames, at);
	if (frames_huge(host, at))
		return huge_use(host, at);
	return (struct frame_use){.references = run->value, .pins = run->weight, .length = run->last - at + 1};
}

/* ---- what they hold ------------------------------------------------------------------------ */

static bool word_get(const struct host *host, uint64_t at, uint64_t *value)
{
	const struct range *word = rangemap_at(&host->contents, at);

	/* Memory is handed out as zeros. */
	*value = word ? word->value : 0;
	return !word || word->tag != WORD_UNKNOWN;
}

void frames_load(const struct host *host, uint64_t at, uint8_t *bytes, uint8_t *mask, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		uint64_t value;
		bool known = word_get(host, (at + i) & ~7ull, &value);

		bytes[i] = (uint8_t)(value >> 8 * ((at + i) & 7));
		mask[i] = known ? 0xff : 0;
	}
}

void frames_store(struct host *host, uint64_t at, const uint8_t *bytes, bool known, const uint8_t *mask,
		  uint32_t length)
{
	for (uint32_t i = 0; i < length;) {
		struct range word = {.first = (at + i) & ~7ull};
		bool whole = word_get(host, word.first, &word.value);

		/* A word that is stored as a whole is known whatever it was. */
		if (at + i == word.first && length - i >= 8)
			whole = true;
		word.last = word.first + 7;
		do {
			unsigned shift = 8 * (unsigned)((at + i) & 7);

			word.value = (word.value & ~(0xffull << shift)) | (uint64_t)bytes[i] << shift;
			if (!known || (mask && mask[i] != 0xff))
				whole = false;
			i++;
		} while (i < length && ((at + i) & 7));
		word.tag = whole ? 0 : WORD_UNKNOWN;
		rangemap_carve(&host->contents, word.first, word.last, false);
		if (!whole || word.value)
			rangemap_insert(&host->contents, &word);
	}
}

void frames_fill(struct host *host, uint64_t at, uint64_t word, bool known, uint64_t length)
{
	uint32_t lead = (uint32_t)(-at & 7), rest;
	struct range middle = {.first = at + lead, .value = word, .tag = known ? 0 : WORD_UNKNOWN};
	uint8_t bytes[8];

	if (lead > length)
		lead = (uint32_t)length;
	bytes_put(bytes, sizeof(bytes), word);
	frames_store(host, at, bytes, known, NULL, lead);
	/* Words in memory begin with another byte of the pattern than the pattern does. */
	if (lead)
		middle.value = word >> 8 * lead | word << (64 - 8 * lead);
	rest = (uint32_t)((length - lead) & 7);
	if (length - lead > rest) {
		middle.last = at + length - rest - 1;
		rangemap_carve(&host->contents, middle.first, middle.last, false);
		if (!known || middle.value)
			rangemap_insert(&host->contents, &middle);
	}
	bytes_put(bytes, sizeof(bytes), middle.value);
	frames_store(host, at + length - rest, bytes, known, NULL, rest);
}

void frames_copy(struct host *host, uint64_t to, uint64_t from, uint64_t bytes)
{
	const uint64_t last = from + bytes - 1;
	const struct range *found;
	uint64_t at = from;

	while (at <= last && (found = rangemap_overlap(&host->contents, at, last))) {
		struct range words = *found;

		words.first = words.first > from ? words.first : from;
		words.last = words.last < last ? words.last : last;
		at = words.last + 1;
		words.first += to - from;
		words.last += to - from;
		rangemap_insert(&host->contents, &words);
	}
}

/* ---- the audit ------------------------------------------------------------------------------ */

/* Sums over pages, by which two ways of writing the same down can be compared: how many, and which. */
struct sums {
	uint64_t pages, places;
};

static void sums_add(struct sums *sums, uint64_t at, uint64_t bytes, uint64_t times)
{
	sums->pages += bytes * times;
	/* A product of one even and one odd number is even, but only before it wraps. */
	sums->places += (bytes & 1 ? bytes * (at + (bytes - 1) / 2) : bytes / 2 * (2 * at + bytes - 1)) * times;
}

/* What mappings have pinned that have its place themselves. */
struct placed {
	struct sums pins;
	bool in_use; /* the ledger has all of it */
};

static void add_place(struct host *host, const struct range *mapping, void *context)
{
	struct placed *placed = context;
	const uint64_t bytes = mapping->last - mapping->first + 1;

	sums_add(&placed->pins, mapping->place, bytes, 1);
	if (rangemap_covered(&host->frames, mapping->place, mapping->place + bytes - 1) != bytes)
		placed->in_use = false;
}

/* What all pages in a table have; of an IOMMU's, those in memory. */
static void sums_add_table(struct sums *sums, const struct rangemap *pages, bool pins)
{
	const struct range *page = rangemap_from(pages, 0);

	while (page) {
		if (!pins || IOTABLE_KIND(page->tag) == RUN_MEMORY)
			sums_add(sums, page->value, page->last - page->first + 1, 1);
		page = page->last == UINT64_MAX ? NULL : rangemap_from(pages, page->last + 1);
	}
}

static bool sums_equal(const struct sums *a, const struct sums *b)
{
	return a->pages == b->pages && a->places == b->places;
}

bool frames_balanced(struct host *host)
{
	struct placed placed = {.in_use = true};
	struct sums references = {0}, pins = {0}, referred = {0}, pinned = {0};
	uint64_t huge = 0;

	for (const struct range *run = rangemap_from(&host->frames, 0); run;
	     run = rangemap_from(&host->frames, run->last + 1)) {
		sums_add(&referred, run->first, run->last - run->first + 1, run->value);
		sums_add(&pinned, run->first, run->last - run->first + 1, run->weight);
		huge += run->tag & FRAME_HUGE ? run->last - run->first + 1 : 0;
	}
	for (uint32_t i = 0; i < host->mms.count; i++) {
		sums_add_table(&references, &host->mms.items[i].pages, false);
		sums_add_table(&pins, &host->mms.items[i].table, true);
	}
	for (uint32_t i = 0; i < host->spaprs.count; i++)
		sums_add_table(&pins, &host->spaprs.items[i].table, true);
	for (uint32_t i = 0; i < host->put_tables.count; i++)
		sums_add_table(&pins, &host->put_tables.items[i].pinned, true);
	for (uint32_t i = 0; i < host->memory_files.count; i++)
		sums_add_table(&references, &host->memory_files.items[i].pages, false);
	for (uint32_t i = 0; i < host->iommus.count; i++) {
		sums_add_table(&pins, &host->iommus.items[i].table, true);
		sums_add_table(&pins, &host->iommus.items[i].held, true);
	}
	for (uint32_t i = 0; i < host->ioases.count; i++) {
		sums_add_table(&pins, &host->ioases.items[i].table, true);
		sums_add_table(&pins, &host->ioases.items[i].held, true);
	}
	for (uint32_t i = 0; i < host->lost_pins.count; i++) {
		const struct range *pages = &host->lost_pins.items[i];

		if (IOTABLE_KIND(pages->tag) == RUN_MEMORY)
			sums_add(&pins, pages->value, pages->last - pages->first + 1, 1);
	}
	each_place_of_all(host, add_place, &placed);
	if (host->places_listed) {
		pins.pages += placed.pins.pages;
		pins.places += placed.pins.places;
	}
	return placed.in_use && placed.pins.pages == host->placed_bytes && sums_equal(&references, &referred) &&
	       sums_equal(&pins, &pinned) && huge == host->huge_pages_used * host->machine->hugepage_size;
}
