/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * DMA windows: ranges of bus addresses, each with a table of its own. A window's first table page size, its size and
 * its levels are whatever the program asks for, as far as the machine can; where it lies is the machine's affair.
 */
#include "spapr.h"

enum { DEFAULT_PAGE_SHIFT = 12, DEFAULT_LEVELS = 1 };

struct tce_table *spapr_find_window(struct spapr *spapr, uint64_t address)
{
	for (unsigned i = 0; i < TCE_WINDOWS; i++)
		if (tce_table_spans(&spapr->tables[i], address))
			return &spapr->tables[i];
	return NULL;
}

/* A free place among the windows, or TCE_WINDOWS. */
static uint32_t find_place(const struct spapr *spapr)
{
	uint32_t i = 0;

	while (i < TCE_WINDOWS && tce_table_exists(&spapr->tables[i]))
		i++;
	return i;
}

/* No window comes of a call that has ended. */
static struct tce_table *ended(enum step_result result)
{
	(void)result;
	return NULL;
}

/* Makes a window. NULL: it was refused, and the call ends. */
static struct tce_table *window_create(struct host *host, struct op *op, struct spapr *spapr,
				       const struct tce_request *request, enum rule limit)
{
	const uint32_t number = find_place(spapr);
	uint64_t charge;

	if (number == TCE_WINDOWS)
		return ended(refuse(op, RULE_TCE_CREATE_NO_ROOM));
	if (!tce_request_modelled(host, request) || (host->peaceful && tce_request_fatal(host, spapr, number, request)))
		return ended(unmodelled(host, op));
	if (tce_request_shifts_too_far(host, request) &&
	    complain(host, op, RULE_TCE_CREATE_SHIFT, profile_get(host, PROFILE_SHIFTS_WATCHED)) == STEP_DONE)
		return NULL;
	if (!tce_request_page_size(host, request))
		return ended(refuse(op, RULE_TCE_CREATE_PAGE_SIZE));
	if (!tce_request_charge(host, request, &charge))
		return ended(refuse(op, RULE_TCE_CREATE_SIZE));
	if (defect_on(host, DEFECT_TCE_TABLE_UNCHARGED))
		charge = 0;
	if (!spapr_charge(host, op, charge))
		return ended(refuse(op, limit));
	if (tce_create(host, op, spapr, number, request, charge) == STEP_DONE)
		return NULL;
	return &spapr->tables[number];
}

enum step_result spapr_default_window(struct host *host, struct op *op)
{
	const struct iova_range window = host->machine->tce.default_window;
	const struct tce_request request = {DEFAULT_PAGE_SHIFT, DEFAULT_LEVELS, window.last - window.first + 1};
	struct spapr *spapr = op_spapr(host, op);

	if (!spapr->default_pending)
		return STEP_MORE;
	if (!window_create(host, op, spapr, &request, RULE_TCE_DEFAULT_LIMIT))
		return STEP_DONE;
	spapr->default_pending = false;
	hit(op, RULE_TCE_DEFAULT);
	return STEP_MORE;
}

static void window_free(struct host *host, struct spapr *spapr, struct tce_table *table)
{
	if (!defect_on(host, DEFECT_TCE_REMOVE_KEEPS_USE))
		spapr_clear(host, spapr, table, table->first, tce_table_pages_from(table, table->first));
	if (!defect_on(host, DEFECT_TCE_REMOVE_KEEPS_CHARGE))
		spapr_uncharge(host, spapr, table->charged);
	tce_table_free(table);
}

void spapr_free_windows(struct host *host, struct spapr *spapr)
{
	for (unsigned i = 0; i < TCE_WINDOWS; i++)
		if (tce_table_exists(&spapr->tables[i]))
			window_free(host, spapr, &spapr->tables[i]);
}

enum step_result spapr_tce_create(struct host *host, struct op *op)
{
	static const struct spapr_argument argument = {
	    .fault = RULE_TCE_CREATE_FAULT, .argsz = RULE_TCE_CREATE_ARGSZ, .flags = RULE_TCE_CREATE_FLAGS};
	struct vfio_iommu_spapr_tce_create create;
	struct tce_request request;
	struct tce_table *table;
	struct spapr *spapr;

	if (spapr_begin_v2(host, op, &create, &argument) == STEP_DONE)
		return STEP_DONE;
	spapr = op_spapr(host, op);
	if (spapr_default_window(host, op) == STEP_DONE)
		return STEP_DONE;
	request = (struct tce_request){create.page_shift, create.levels, create.window_size};
	table = window_create(host, op, spapr, &request, RULE_TCE_CREATE_LIMIT);
	if (!table)
		return STEP_DONE;
	if (!defect_on(host, DEFECT_TCE_CREATE_UNTOLD))
		create.start_addr = table->first;
	user_store(host, op, &create, sizeof(create));
	hit(op, RULE_TCE_CREATE);
	return finish(op, 0);
}

enum step_result spapr_tce_remove(struct host *host, struct op *op)
{
	static const struct spapr_argument argument = {
	    .fault = RULE_TCE_REMOVE_FAULT, .argsz = RULE_TCE_REMOVE_ARGSZ, .flags = RULE_TCE_REMOVE_FLAGS};
	struct vfio_iommu_spapr_tce_remove wanted;
	struct tce_table *table;
	struct spapr *spapr;

	if (spapr_begin_v2(host, op, &wanted, &argument) == STEP_DONE)
		return STEP_DONE;
	spapr = op_spapr(host, op);
	if (spapr->default_pending && !wanted.start_addr && !defect_on(host, DEFECT_TCE_REMOVE_PENDING)) {
		spapr->default_pending = false;
		hit(op, RULE_TCE_REMOVE_PENDING);
		return finish(op, 0);
	}
	table = spapr_find_window(spapr, wanted.start_addr);
	if (!table || (wanted.start_addr != table->first && defect_on(host, DEFECT_TCE_REMOVE_BY_START)))
		return refuse(op, RULE_TCE_REMOVE_MISSING);
	if (tce_table_entries(table) && defect_on(host, DEFECT_TCE_REMOVE_BUSY))
		return refuse_as(op, RULE_TCE_REMOVE_MISSING, -LINUX_EBUSY);
	window_free(host, spapr, table);
	hit(op, RULE_TCE_REMOVE);
	return finish(op, 0);
}
