/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Groups that join a TYPE1 instance and leave it.
 *
 * Groups whose IOMMUs translate alike share a domain: one table of translations. A group that brings a new domain
 * gets everything that is mapped already: what no domain had before is pinned and charged now, and when that fails
 * the group stays out and everything is as it was. Groups of mediated devices have an emulated IOMMU: they join
 * whatever there is, and bring no domain.
 */
#include "type1.h"

#include "nesting.h"

static bool is_emulated(const struct host *host, uint32_t group)
{
	return host->machine->groups[group].emulated;
}

/* The mapping behind @mapping (NULL: the first one), or NULL. Those that the kernel lost at the top are not among them.
 */
static const struct range *next_mapping(const struct type1 *iommu, const struct range *mapping)
{
	if (!mapping)
		return rangemap_from(&iommu->mappings, 0);
	return mapping->last == UINT64_MAX ? NULL : rangemap_from(&iommu->mappings, mapping->last + 1);
}

/* ---- joining ------------------------------------------------------------------------------ */

/* The groups of an instance that are behind an IOMMU, one after the other: NOTHING starts and ends. */
static uint32_t next_backed(const struct host *host, const struct type1 *iommu, uint32_t group)
{
	for (uint32_t i = group + 1; i < host->groups.count; i++)
		if (host->groups.items[i].joined != NOTHING && !is_emulated(host, i) &&
		    &host->iommus.items[host->groups.items[i].joined] == iommu)
			return i;
	return NOTHING;
}

/* Whether two groups share a domain. */
static bool translate_alike(const struct host *host, uint32_t one, uint32_t other)
{
	const struct translation a = iommu_translation(host, one), b = iommu_translation(host, other);

	return a.page_sizes == b.page_sizes && a.aperture.first == b.aperture.first &&
	       a.aperture.last == b.aperture.last && a.cache_coherent == b.cache_coherent;
}

/* Whether a group shares its domain with one that is in the instance. */
static bool domain_exists(const struct host *host, const struct type1 *iommu, uint32_t group)
{
	for (uint32_t i = next_backed(host, iommu, NOTHING); i != NOTHING; i = next_backed(host, iommu, i))
		if (translate_alike(host, i, group))
			return true;
	return false;
}

/* Without windows nothing conflicts: whatever lies beyond the aperture then shows when it is to be translated. */
static bool aperture_conflicts(const struct host *host, const struct type1 *iommu, struct iova_range aperture)
{
	const struct windows *windows = &iommu->windows;
	uint64_t first, last;

	if (!windows->count)
		return false;
	first = windows->items[0].first;
	last = windows->items[windows->count - 1].last;
	if (aperture.first > last || aperture.last < first)
		return true;
	return (aperture.first > first && type1_find(host, iommu, first, aperture.first - 1).any) ||
	       (aperture.last < last && type1_find(host, iommu, aperture.last + 1, last).any);
}

static bool reserved_conflicts(const struct host *host, const struct type1 *iommu,
			       const struct translation *translation)
{
	for (size_t i = 0; i < translation->reserved_count && !defect_on(host, DEFECT_JOIN_IGNORES_RESERVED); i++)
		if (type1_find(host, iommu, translation->reserved[i].first, translation->reserved[i].last).any)
			return true;
	return false;
}

static void exclude_reserved(const struct host *host, struct windows *windows, const struct translation *translation)
{
	for (size_t i = 0; i < translation->reserved_count; i++) {
		struct iova_range reserved = translation->reserved[i];

		if (defect_on(host, DEFECT_RESERVED_LAST_PAGE))
			reserved.last -= host->machine->page_size;
		windows_exclude(windows, &reserved);
	}
}

/* The sizes that all domains have; without any, all that there can be. */
static void page_sizes_update(const struct host *host, struct type1 *iommu)
{
	uint64_t sizes = UINT64_MAX;

	for (uint32_t i = next_backed(host, iommu, NOTHING); i != NOTHING; i = next_backed(host, iommu, i))
		sizes &= iommu_translation(host, i).page_sizes;
	iommu->page_sizes = iommu_usable_page_sizes(host, sizes);
}

/* Pins a part of a mapping for the new domain, from the memory that is at its address in @mm. */
static struct pin replay_pages(struct host *host, struct type1 *iommu, uint32_t mm, const struct range *mapping,
			       uint64_t first, uint64_t last, uint64_t room)
{
	return iotable_pin(host, &iommu->table,
			   &(struct pin_request){.mm = mm,
						 .vaddr = mapping->value + (first - mapping->first),
						 .iova = first,
						 .size = last - first + 1,
						 .write = MAPPING_FLAGS(mapping->tag) & MAPPING_WRITE,
						 .room = room});
}

/*
 * Pins a part of a mapping that no device has pinned: the memory that the calling task has at its address, charged
 * to whom the mapping is charged to. The kernel looks at the room of both, but at the caller's anew for each run of
 * pages that lie side by side in memory; where that matters nobody can tell the outcome.
 */
static enum step_result replay_part(struct host *host, struct op *op, struct type1 *iommu, const struct range *mapping,
				    uint64_t first, uint64_t last)
{
	const uint32_t payer = MAPPING_MM(mapping->tag);
	const uint32_t caller = defect_on(host, DEFECT_JOIN_PINS_MAPPERS) ? payer : op_task(host, op)->mm;
	const uint32_t flags = MAPPING_FLAGS(mapping->tag);
	const bool exempt = flags & MAPPING_LOCK_CAP, own = caller == payer;
	const uint64_t callers = exempt ? UINT64_MAX : type1_room(host, caller);
	const uint64_t payers = exempt ? UINT64_MAX : type1_room(host, payer);
	const uint64_t pages = (last - first + 1) / host->machine->page_size;
	struct pin pin = replay_pages(host, iommu, caller, mapping, first, last, own ? callers : UINT64_MAX);

	if (!own && (pin.error ? callers < pages || payers < pages : callers < pin.charged))
		return unmodelled(host, op);
	/* What an address space that is gone was charged counts as well, and nobody knows it. */
	if (!exempt && pin.charged && !host->mms.items[payer].users)
		return unmodelled(host, op);
	if (pin.error)
		return refuse(op, pin.error == -LINUX_ENOMEM ? RULE_T1_JOIN_LIMIT : RULE_T1_JOIN_MEMORY);
	if (payers < pin.charged)
		return refuse(op, RULE_T1_JOIN_LIMIT);
	type1_charge(host, rangemap_edit(&iommu->mappings, mapping->first), pin.charged);
	return STEP_MORE;
}

/* Pins [first, last] of a mapping. What a mediated device pinned before is charged already. */
static enum step_result replay_range(struct host *host, struct op *op, struct type1 *iommu, const struct range *mapping,
				     uint64_t first, uint64_t last)
{
	const uint32_t caller = op_task(host, op)->mm;
	const uint64_t begin = mapping->first;

	for (;;) {
		const struct range *pinned = rangemap_overlap(&iommu->pinned, first, last);
		struct pin pin;

		if (!pinned || defect_on(host, DEFECT_JOIN_CHARGES_PINNED))
			return replay_part(host, op, iommu, mapping, first, last);
		if (pinned->first > first &&
		    replay_part(host, op, iommu, mapping, first, pinned->first - 1) == STEP_DONE)
			return STEP_DONE;
		mapping = rangemap_at(&iommu->mappings, begin);
		pin = replay_pages(host, iommu, caller, mapping, pinned->first, pinned->last, UINT64_MAX);
		if (pin.error)
			return refuse(op, RULE_T1_JOIN_MEMORY);
		/* Where other memory has come in the place of what is pinned, of which only one counts, sums go wrong.
		 */
		if (pin.charged != pinned->weight)
			return unmodelled(host, op);
		if (pinned->last >= last)
			return STEP_MORE;
		first = pinned->last + 1;
	}
}

/*
 * A mapping that reaches out of the aperture is pinned, run after run of pages that lie side by side in memory,
 * until the hardware refuses a run.
 */
static enum step_result replay_beyond(struct host *host, struct op *op, struct type1 *iommu,
				      const struct range *mapping, struct iova_range aperture)
{
	const int64_t error = profile_get(host, PROFILE_INTEL_MAP_BEYOND_APERTURE);
	const uint64_t first = mapping->first, last = mapping->last, page = host->machine->page_size;
	uint64_t out = first;

	if (host->machine->iommu != IOMMU_INTEL)
		return unmodelled(host, op);
	if (first >= aperture.first && first <= aperture.last) {
		out = aperture.last + 1;
		if (replay_range(host, op, iommu, mapping, first, aperture.last) == STEP_DONE)
			return STEP_DONE;
	}
	if (replay_range(host, op, iommu, rangemap_at(&iommu->mappings, first), out, out + page - 1) == STEP_DONE)
		return STEP_DONE;
	/* What fails further behind may belong to the run that the hardware refuses, or come after it. */
	if (out + page - 1 < last &&
	    replay_range(host, op, iommu, rangemap_at(&iommu->mappings, first), out + page, last) == STEP_DONE &&
	    (!op->outcome->modelled || op->outcome->ret != error))
		return unmodelled(host, op);
	return refuse_as(op, RULE_T1_JOIN_BEYOND, error);
}

/* The charge of a mapping that no domain has any more: what mediated devices have pinned of it. */
static void uncharge(struct host *host, struct type1 *iommu, const struct range *mapping)
{
	struct range *edit = rangemap_edit(&iommu->mappings, mapping->first);
	uint64_t pinned = 0;

	for (const struct range *pin = rangemap_overlap(&iommu->pinned, edit->first, edit->last); pin;
	     pin = pin->last < edit->last ? rangemap_overlap(&iommu->pinned, pin->last + 1, edit->last) : NULL)
		pinned += pin->weight;
	if (defect_on(host, DEFECT_LEAVE_FORGETS_PINS))
		pinned = 0;
	type1_uncharge(host, edit, edit->weight - pinned);
}

/* The last domain goes: what it had is unpinned, and charged no more. */
static void leave_domain(struct host *host, struct type1 *iommu, bool keep_charge)
{
	for (const struct range *mapping = next_mapping(iommu, NULL); mapping; mapping = next_mapping(iommu, mapping)) {
		const uint64_t first = mapping->first;
		struct range *edit;

		if (!keep_charge)
			uncharge(host, iommu, mapping);
		edit = rangemap_edit(&iommu->mappings, first);
		iotable_unpin_mapping(host, &iommu->table, edit);
		edit->place = 0;
		mapping = edit;
	}
}

#define LONGEST_UNDONE (1ull << 30) /* bytes of a mapping */

/* Gives everything that is mapped to the first domain, in the order of IOVAs; in vain, or all of it. */
static enum step_result replay_all(struct host *host, struct op *op, struct type1 *iommu, struct iova_range aperture)
{
	enum step_result result = STEP_MORE;
	const struct range *mapping;
	uint64_t longest = 0;

	for (mapping = next_mapping(iommu, NULL); mapping && result == STEP_MORE;
	     mapping = next_mapping(iommu, mapping)) {
		const uint64_t first = mapping->first;
		bool beyond = mapping->last > aperture.last || first < aperture.first;

		if (mapping->last - first > longest)
			longest = mapping->last - first;
		result = beyond ? replay_beyond(host, op, iommu, mapping, aperture)
				: replay_range(host, op, iommu, mapping, first, mapping->last);
		mapping = rangemap_at(&iommu->mappings, first);
	}
	if (result == STEP_DONE)
		leave_domain(host, iommu, defect_on(host, DEFECT_JOIN_FAILURE_KEEPS_CHARGE));
	/* To undo it, the kernel looks at every page of what it has begun with: that can take for ever. */
	return result == STEP_DONE && longest > LONGEST_UNDONE ? unmodelled(host, op) : result;
}

/*
 * What was brought into memory stays there, whatever the outcome, but for one that the model does not know: then the
 * host is what it was before. Nothing may be kept of @iommu in that case.
 */
static enum step_result replay(struct host *host, struct op *op, struct type1 *iommu, struct iova_range aperture)
{
	enum step_result result;
	struct host *before;

	if (!iommu->mappings.count)
		return STEP_MORE;
	before = host_clone(host);
	result = replay_all(host, op, iommu, aperture);
	if (!op->outcome->modelled)
		host_assign(host, before);
	host_free(before);
	return result;
}

/* What a group behind an IOMMU needs, and what it makes of the instance. */
static enum step_result join_backed(struct host *host, struct op *op, struct type1 *iommu, uint32_t group)
{
	const struct translation translation = iommu_translation(host, group);
	struct windows windows;

	if (iommu->nesting && iommu_nesting(host, group))
		return refuse_as(op, RULE_CT_SET_IOMMU_NESTING, iommu_nesting(host, group));
	if (nesting_check(host, op, iommu, group) == STEP_DONE)
		return STEP_DONE;
	if (aperture_conflicts(host, iommu, translation.aperture))
		return refuse(op, RULE_T1_JOIN_APERTURE);
	if (reserved_conflicts(host, iommu, &translation))
		return refuse(op, RULE_T1_JOIN_RESERVED);
	windows = windows_copy(&iommu->windows);
	windows_narrow(&windows, translation.aperture);
	exclude_reserved(host, &windows, &translation);
	if (!windows.count) {
		windows_clear(&windows);
		return refuse(op, RULE_T1_JOIN_NO_WINDOW);
	}
	if (host->machine->unsafe_interrupts && !profile_get(host, PROFILE_ALLOW_UNSAFE_INTERRUPTS) &&
	    !defect_on(host, DEFECT_UNSAFE_JOINS)) {
		windows_clear(&windows);
		return refuse(op, RULE_CT_SET_IOMMU_UNSAFE);
	}
	/* A further domain takes over the pages that the first one has. */
	if (!type1_backed(iommu) && !defect_on(host, DEFECT_JOIN_PINS_NOTHING) &&
	    replay(host, op, iommu, translation.aperture) == STEP_DONE) {
		windows_clear(&windows);
		return STEP_DONE;
	}
	if (iommu->mappings.count && !domain_exists(host, iommu, group))
		hit(op, RULE_T1_JOIN_REPLAY);
	windows_clear(&iommu->windows);
	iommu->windows = windows;
	iommu->backed_groups++;
	nesting_enter(host, op, iommu, group);
	return STEP_MORE;
}

enum step_result type1_join(struct host *host, struct op *op, uint32_t index, uint32_t group)
{
	struct type1 *iommu = &host->iommus.items[index];

	if (iommu->invalid_vaddrs && !defect_on(host, DEFECT_ATTACH_VADDR_INVALID))
		return refuse(op, RULE_GRP_ATTACH_VADDR_INVALID);
	if (nesting_has_room(host, op, iommu) == STEP_DONE)
		return STEP_DONE;
	if (is_emulated(host, group)) {
		iommu->emulated_groups++;
		hit(op, RULE_T1_JOIN_EMULATED);
	} else if (join_backed(host, op, iommu, group) == STEP_DONE) {
		return STEP_DONE;
	}
	host->groups.items[group].joined = index;
	if (!is_emulated(host, group))
		page_sizes_update(host, iommu);
	return STEP_MORE;
}

/* ---- leaving ------------------------------------------------------------------------------ */

/*
 * The outer ends go to where the apertures of the groups that are left end, if a domain went with the one that left;
 * then the windows are made anew.
 */
static void windows_widen(struct host *host, struct type1 *iommu, bool domain_gone)
{
	struct windows windows = {0};
	struct iova_range aperture;

	aperture.first = iommu->windows.items[0].first;
	aperture.last = iommu->windows.items[iommu->windows.count - 1].last;
	if (domain_gone) {
		aperture = (struct iova_range){0, UINT64_MAX};
		for (uint32_t i = next_backed(host, iommu, NOTHING); i != NOTHING; i = next_backed(host, iommu, i)) {
			const struct iova_range other = iommu_translation(host, i).aperture;

			aperture.first = other.first > aperture.first ? other.first : aperture.first;
			aperture.last = other.last < aperture.last ? other.last : aperture.last;
		}
	}
	windows_narrow(&windows, aperture);
	for (uint32_t i = next_backed(host, iommu, NOTHING); i != NOTHING; i = next_backed(host, iommu, i)) {
		const struct translation translation = iommu_translation(host, i);

		exclude_reserved(host, &windows, &translation);
	}
	/* Where nothing would be left, everything stays as it is. */
	if (!windows.count) {
		windows_clear(&windows);
		return;
	}
	windows_clear(&iommu->windows);
	iommu->windows = windows;
}

enum rule type1_leave(struct host *host, uint32_t group)
{
	struct type1 *iommu = &host->iommus.items[host->groups.items[group].joined];
	bool domain_gone;

	host->groups.items[group].joined = NOTHING;
	if (is_emulated(host, group)) {
		iommu->emulated_groups--;
		return RULE_NONE;
	}
	iommu->backed_groups--;
	nesting_leave(host, iommu);
	domain_gone = !domain_exists(host, iommu, group);
	if (!defect_on(host, DEFECT_LEAVE_KEEPS_WINDOWS))
		windows_widen(host, iommu, domain_gone);
	if (domain_gone)
		page_sizes_update(host, iommu);
	if (iommu->backed_groups || !iommu->emulated_groups)
		return RULE_NONE;
	/* With mediated devices left, mappings stay, and keep the charge of what these have pinned. */
	leave_domain(host, iommu, defect_on(host, DEFECT_LEAVE_KEEPS_CHARGE));
	return RULE_T1_LEAVE_EMULATED;
}
