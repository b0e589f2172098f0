/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * How the machines make TCE tables, and what they take for them.
 *
 * On a bare machine (powernv) the kernel has the tables in its memory: each level is one piece of it, and the levels
 * below the first appear as they are needed. There are two of each, one for the hardware and one with the user
 * addresses. In a guest (pseries) the hypervisor has the tables, and the kernel keeps only the user addresses.
 *
 * The kernel charges a table before it makes it, and forgets to take that back when the machine refuses.
 */
#include "spapr.h"

enum {
	ENTRY_SHIFT = 3,      /* an entry is 8 bytes */
	PIECE_SHIFT_MAX = 24, /* the largest piece of memory that a kernel has in one */
	INDEX_BITS = 55,      /* levels reach no further */
	SHIFT_MAX = 64,	      /* of what 64 bits are shifted by */
	SMALLEST_SHIFT = 12,  /* of a table, whatever the host's page, and of the pages of the default window */
};

static uint32_t log2_of(uint64_t value)
{
	uint32_t log = 0;

	while (value >>= 1)
		log++;
	return log;
}

static bool power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

static bool bare_machine(const struct host *host)
{
	return host->machine->iommu == IOMMU_SPAPR_POWERNV;
}

/* By how much the size of a window is below that of its pages, as powers of two. */
static uint32_t shortfall(const struct tce_request *request)
{
	const uint32_t window = log2_of(request->size);

	return window < request->page_shift ? request->page_shift - window : 0;
}

bool tce_request_page_size(const struct host *host, const struct tce_request *request)
{
	const uint32_t shift = request->page_shift;

	if (shift >= SMALLEST_SHIFT && shift < SHIFT_MAX && defect_on(host, DEFECT_TCE_CREATE_PAGE_SIZE))
		return host->machine->iommu_page_sizes >> shift;
	return shift < SHIFT_MAX && (host->machine->iommu_page_sizes >> shift & 1);
}

bool tce_request_shifts_too_far(const struct host *host, const struct tce_request *request)
{
	if (request->page_shift >= SHIFT_MAX)
		return true;
	if (!tce_request_page_size(host, request))
		return false;
	if (!bare_machine(host))
		return request->levels <= 1 && power_of_two(request->size) && shortfall(request) &&
		       request->size >> (request->page_shift - ENTRY_SHIFT);
	return !request->size || shortfall(request) > ENTRY_SHIFT;
}

/* ---- bare machines -------------------------------------------------------------------------- */

/* log2 of the entries that the window needs; of at least one, though the kernel lets windows be smaller than a page. */
static uint32_t entries_shift(const struct tce_request *request)
{
	return shortfall(request) ? 0 : log2_of(request->size) - request->page_shift;
}

/* log2 of the bytes of one piece of a level. */
static uint32_t piece_shift(const struct host *host, const struct tce_request *request)
{
	const uint32_t page_shift = log2_of(host->machine->page_size);
	const uint32_t shift = (entries_shift(request) + request->levels - 1) / request->levels + ENTRY_SHIFT;

	return shift > page_shift ? shift : page_shift;
}

/* All levels of a full table, twice. */
static uint64_t bare_charge(const struct host *host, const struct tce_request *request)
{
	const uint64_t piece = UINT64_C(1) << piece_shift(host, request);
	const uint32_t shift = entries_shift(request) + ENTRY_SHIFT;
	uint64_t level = UINT64_C(1) << (shift > SMALLEST_SHIFT ? shift : SMALLEST_SHIFT), bytes = 0;

	for (uint32_t i = 0; i < request->levels; i++) {
		bytes += (level + piece - 1) & -piece;
		level = level / piece << ENTRY_SHIFT;
		if (level < piece)
			level = piece;
	}
	return (defect_on(host, DEFECT_TCE_TABLE_ONCE) ? 1 : 2) * bytes / host->machine->page_size;
}

/* ---- both ----------------------------------------------------------------------------------- */

bool tce_request_modelled(const struct host *host, const struct tce_request *request)
{
	const uint32_t below = shortfall(request);

	/* Shifted by so much, by processors that look at seven bits of it, is a size again. */
	if (request->page_shift >= SHIFT_MAX)
		return request->page_shift % (2 * SHIFT_MAX) >= SHIFT_MAX;
	/* The kernel's arithmetic goes wrong for windows that are smaller than their pages. */
	if (bare_machine(host))
		return !below || below > ENTRY_SHIFT || request->levels <= 1 || request->levels > below;
	/* So large a table uses up the guest's memory, or that of the machine below it. */
	return request->levels > 1 || !power_of_two(request->size) ||
	       request->size >> request->page_shift > host->machine->tce.entries ||
	       entries_shift(request) + ENTRY_SHIFT < log2_of(host->machine->memory / 4);
}

bool tce_request_charge(const struct host *host, const struct tce_request *request, uint64_t *pages)
{
	*pages = 0;
	if (bare_machine(host)) {
		if (!request->levels || request->levels > host->machine->tce.levels || !power_of_two(request->size) ||
		    shortfall(request) > ENTRY_SHIFT)
			return false;
		*pages = bare_charge(host, request);
		return true;
	}
	/* What stands for "no such table" is taken for its size. */
	*pages = request->levels > 1 ? UINT32_MAX : request->size >> (request->page_shift - ENTRY_SHIFT);
	if (!*pages)
		return false;
	*pages /= host->machine->page_size;
	return true;
}

/* The machine refuses a table that is charged already. */
static enum step_result refuse_charged(struct host *host, struct op *op, uint64_t charge, enum rule rule)
{
	host->mms.items[op_task(host, op)->mm].leaked += charge;
	return refuse(op, rule);
}

static void make(struct tce_table *table, const struct tce_request *request, uint64_t first, uint64_t entries,
		 uint64_t charge)
{
	*table = (struct tce_table){.page_shift = request->page_shift,
				    .levels = request->levels,
				    .first = first,
				    .last = first + (entries << request->page_shift) - 1,
				    .charged = charge};
}

/* A table of the kernel's: a piece of memory for the first level must be had in one, and addresses have an end. */
static enum step_result create_bare(struct host *host, struct op *op, struct tce_table *table, uint32_t number,
				    const struct tce_request *request, uint64_t charge)
{
	const struct tce_windows *tce = &host->machine->tce;
	const uint32_t piece = piece_shift(host, request), page_shift = log2_of(host->machine->page_size);
	uint32_t shift = entries_shift(request) + ENTRY_SHIFT;

	if ((piece - ENTRY_SHIFT) * request->levels + request->page_shift >= INDEX_BITS)
		return refuse_charged(host, op, charge, RULE_TCE_CREATE_TOO_DEEP);
	if (piece > PIECE_SHIFT_MAX)
		return refuse_charged(host, op, charge, RULE_TCE_CREATE_TOO_FLAT);
	/* A table fills a page of the host's, and the window is as large as that makes it. */
	if (shift < page_shift)
		shift = page_shift;
	make(table, request, number ? tce->second_window : tce->default_window.first,
	     UINT64_C(1) << (shift - ENTRY_SHIFT), charge);
	return STEP_MORE;
}

/* Whether the hypervisor has failed to make a window for a group of the instance: then it is never asked again. */
static bool windows_denied(const struct host *host, const struct spapr *spapr)
{
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].windows_denied && host->groups.items[i].joined != NOTHING &&
		    &host->spaprs.items[host->groups.items[i].joined] == spapr)
			return true;
	return false;
}

/* Whether the request is for what the default window of a guest may be. */
static bool is_default(const struct host *host, uint32_t number, const struct tce_request *request)
{
	const struct iova_range window = host->machine->tce.default_window;

	return number == 0 && request->page_shift == SMALLEST_SHIFT && request->size <= window.last - window.first + 1;
}

/* The fault by which the hypervisor fails to make a window that nothing else is wrong with, or RULE_NONE. */
static enum rule failure(const struct host *host, const struct spapr *spapr, uint32_t number,
			 const struct tce_request *request)
{
	const struct tce_windows *tce = &host->machine->tce;

	if (!is_default(host, number, request) && request->size >> request->page_shift > tce->entries)
		return RULE_TCE_CREATE_TOO_LARGE;
	if (number == 1 && spapr->tables[0].first == tce->second_window)
		return RULE_TCE_CREATE_ONE_BESIDE;
	return RULE_NONE;
}

bool tce_request_fatal(const struct host *host, const struct spapr *spapr, uint32_t number,
		       const struct tce_request *request)
{
	return !bare_machine(host) && tce_request_page_size(host, request) &&
	       failure(host, spapr, number, request) != RULE_NONE;
}

/* The hypervisor fails, and with it the groups of the instance have no windows until the kernel is started anew. */
static enum step_result deny_windows(struct host *host, struct op *op, const struct spapr *spapr, uint64_t charge,
				     enum rule rule)
{
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].joined != NOTHING &&
		    &host->spaprs.items[host->groups.items[i].joined] == spapr)
			host->groups.items[i].windows_denied = true;
	return refuse_charged(host, op, charge, rule);
}

/* The default window of a guest is no larger than it was, and is there as long as no other one has come after it. */
static enum step_result create_in_guest(struct host *host, struct op *op, struct spapr *spapr, uint32_t number,
					const struct tce_request *request, uint64_t charge)
{
	const struct tce_windows *tce = &host->machine->tce;
	const bool as_default = is_default(host, number, request);
	enum rule fails;

	if (!power_of_two(request->size) || request->levels > 1)
		return refuse_charged(host, op, charge, RULE_TCE_CREATE_SHAPE);
	if (windows_denied(host, spapr))
		return refuse_charged(host, op, charge, RULE_TCE_CREATE_DENIED);
	if (number == 0 && tce_table_exists(&spapr->tables[1]))
		return refuse_charged(host, op, charge, RULE_TCE_CREATE_SECOND_FIRST);
	if (!as_default && shortfall(request))
		return refuse(op, RULE_TCE_CREATE_TOO_SMALL);
	fails = failure(host, spapr, number, request);
	if (fails != RULE_NONE)
		return deny_windows(host, op, spapr, charge, fails);
	if (spapr->groups > 1) {
		host->mms.items[spapr->mm].locked -= charge;
		return refuse(op, RULE_TCE_CREATE_GROUPS);
	}
	make(&spapr->tables[number], request, as_default ? tce->default_window.first : tce->second_window,
	     request->size >> request->page_shift, charge);
	return STEP_MORE;
}

enum step_result tce_create(struct host *host, struct op *op, struct spapr *spapr, uint32_t number,
			    const struct tce_request *request, uint64_t charge)
{
	if (bare_machine(host))
		return create_bare(host, op, &spapr->tables[number], number, request, charge);
	return create_in_guest(host, op, spapr, number, request, charge);
}
