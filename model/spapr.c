/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * sPAPR TCE: the IOMMU API of POWER. One instance for each container with an IOMMU.
 *
 * There are two versions. In the first one, ENABLE charges the whole default window, and mapping pins single pages.
 * In the second one, memory is registered, which pins and charges it, and then mapped as often as one likes; windows
 * can be made and removed.
 *
 * This file has what surrounds mappings: extensions, opening and releasing an instance, groups, GET_INFO, ENABLE.
 */
#include "spapr.h"

#include "tce_put.h"

#include <string.h>

bool spapr_present(const struct host *host)
{
	return machine_has_tce(host->machine) && profile_get(host, PROFILE_TCE_PUT) == TCE_PUT_ABSENT;
}

bool spapr_binds(const struct host *host)
{
	if (!machine_has_tce(host->machine))
		return true;
	return spapr_present(host) ? profile_get(host, PROFILE_POWER_DEVICES_BIND) : tce_put_group_exists(host);
}

int64_t spapr_check_extension(const struct host *host, uint32_t iommu, uint64_t extension)
{
	(void)iommu;
	switch (extension) {
	case VFIO_SPAPR_TCE_IOMMU:
	case VFIO_SPAPR_TCE_v2_IOMMU:
		return 1;
	case VFIO_EEH:
		return host->machine->tce.recovery || defect_on(host, DEFECT_EEH_CLAIMED);
	default:
		return 0;
	}
}

enum step_result spapr_open(struct host *host, struct op *op, uint64_t type, uint32_t *iommu)
{
	struct spapr *spapr;
	uint32_t index;

	if (type != VFIO_SPAPR_TCE_IOMMU && type != VFIO_SPAPR_TCE_v2_IOMMU && !defect_on(host, DEFECT_TCE_TYPE_EEH))
		return refuse(op, RULE_CT_SET_IOMMU_NOT_A_TYPE);
	index = table_take(&host->spaprs, alive);
	spapr = &host->spaprs.items[index];
	memset(spapr, 0, sizeof(*spapr));
	spapr->alive = true;
	spapr->v2 = type == VFIO_SPAPR_TCE_v2_IOMMU;
	spapr->mm = NOTHING;
	*iommu = index;
	return STEP_MORE;
}

void spapr_release(struct host *host, uint32_t index)
{
	struct spapr *spapr = &host->spaprs.items[index];

	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].joined == index && !defect_on(host, DEFECT_TCE_OWNERSHIP_KEPT))
			host->groups.items[i].joined = NOTHING;
	spapr_free_windows(host, spapr);
	rangemap_clear(&spapr->table);
	if (!defect_on(host, DEFECT_TCE_RELEASE_KEEPS_MEMORY))
		prereg_release(host, spapr);
	rangemap_clear(&spapr->registered);
	if (!defect_on(host, DEFECT_TCE_RELEASE_KEEPS_CHARGE))
		spapr_uncharge(host, spapr, spapr->locked);
	memset(spapr, 0, sizeof(*spapr));
}

void spapr_drop(struct spapr *spapr)
{
	for (unsigned i = 0; i < TCE_WINDOWS; i++)
		tce_table_free(&spapr->tables[i]);
	rangemap_clear(&spapr->registered);
	rangemap_clear(&spapr->table);
}

void spapr_unshare(struct spapr *spapr)
{
	for (unsigned i = 0; i < TCE_WINDOWS; i++)
		tce_table_unshare(&spapr->tables[i]);
	rangemap_unshare(&spapr->registered);
	rangemap_unshare(&spapr->table);
}

/* ---- groups ------------------------------------------------------------------------------- */

enum step_result spapr_join(struct host *host, struct op *op, uint32_t index, uint32_t group)
{
	struct spapr *spapr = &host->spaprs.items[index];

	if (host->machine->groups[group].tableless)
		return refuse(op, RULE_TCE_JOIN_NO_TABLE);
	if (!spapr->v2 && spapr->groups)
		return refuse(op, RULE_TCE_JOIN_V1);
	if (host->groups.items[group].joined != NOTHING && defect_on(host, DEFECT_TCE_OWNERSHIP_KEPT))
		return refuse_as(op, RULE_TCE_JOIN_V1, -LINUX_EBUSY);
	/* A hypervisor's table belongs to the one group that it was made for. */
	if (host->machine->iommu == IOMMU_SPAPR_PSERIES)
		for (unsigned i = 0; i < TCE_WINDOWS; i++)
			if (tce_table_exists(&spapr->tables[i]))
				return refuse(op, RULE_TCE_JOIN_WINDOW);
	if (!spapr->groups && !tce_table_exists(&spapr->tables[0]))
		spapr->default_pending = true;
	spapr->groups++;
	host->groups.items[group].joined = index;
	return STEP_MORE;
}

enum rule spapr_leave(struct host *host, uint32_t group)
{
	struct spapr *spapr = &host->spaprs.items[host->groups.items[group].joined];
	uint64_t cleared = 0;

	for (unsigned i = 0; i < TCE_WINDOWS; i++)
		if (tce_table_exists(&spapr->tables[i]) && profile_get(host, PROFILE_TCE_LEAVE_CLEARS)) {
			cleared += tce_table_entries(&spapr->tables[i]);
			spapr_clear(host, spapr, &spapr->tables[i], spapr->tables[i].first,
				    tce_table_pages_from(&spapr->tables[i], spapr->tables[i].first));
		}
	spapr->groups--;
	if (!defect_on(host, DEFECT_TCE_OWNERSHIP_KEPT))
		host->groups.items[group].joined = NOTHING;
	return cleared && spapr->groups ? RULE_TCE_LEAVE_CLEARS : RULE_NONE;
}

/* ---- for every ioctl --------------------------------------------------------------------- */

struct spapr *op_spapr(struct host *host, const struct op *op)
{
	return &host->spaprs.items[op_iommu(host, op)];
}

bool spapr_knows(const struct host *host, const struct op *op, handler_fn *handler)
{
	struct outcome outcome = *op->outcome;
	struct host *copy = host_clone(host);
	struct op trial = *op;

	trial.outcome = &outcome;
	while (handler(copy, &trial) == STEP_MORE)
		trial.step++;
	host_free(copy);
	return outcome.modelled;
}

enum step_result spapr_enter(struct host *host, struct op *op)
{
	const uint32_t mm = op_spapr(host, op)->mm;

	if (mm != NOTHING && mm != op_task(host, op)->mm && !defect_on(host, DEFECT_TCE_ANY_MEMORY))
		return refuse(op, RULE_TCE_OTHER_MEMORY);
	return STEP_MORE;
}

enum step_result spapr_enter_version(struct host *host, struct op *op, bool v2)
{
	if (spapr_enter(host, op) == STEP_DONE)
		return STEP_DONE;
	if (op_spapr(host, op)->v2 != v2 && !defect_on(host, DEFECT_TCE_ANY_VERSION))
		return refuse(op, RULE_TCE_OTHER_VERSION);
	return STEP_MORE;
}

enum step_result spapr_unknown_ioctl(struct host *host, struct op *op)
{
	if (spapr_enter(host, op) == STEP_DONE)
		return STEP_DONE;
	return refuse(op, RULE_FD_UNKNOWN_IOCTL);
}

void spapr_adopt(struct host *host, const struct op *op)
{
	op_spapr(host, op)->mm = op_task(host, op)->mm;
}

enum step_result spapr_load(const struct host *host, struct op *op, void *object, const struct spapr_argument *argument)
{
	struct {
		uint32_t argsz, flags;
	} head;

	if (!user_load(op, object, op->row->minsz))
		return refuse(op, argument->fault);
	memcpy(&head, object, sizeof(head));
	if (head.argsz < op->row->minsz && !defect_on(host, DEFECT_TCE_ARGSZ))
		return refuse(op, argument->argsz);
	if (head.flags & ~argument->known_flags && !defect_on(host, DEFECT_TCE_FLAGS))
		return refuse(op, argument->flags);
	return STEP_MORE;
}

enum step_result spapr_begin_v2(struct host *host, struct op *op, void *object, const struct spapr_argument *argument)
{
	if (spapr_enter_version(host, op, true) == STEP_DONE)
		return STEP_DONE;
	spapr_adopt(host, op);
	return spapr_load(host, op, object, argument);
}

bool spapr_charge(struct host *host, const struct op *op, uint64_t pages)
{
	if (task_lock_room(host, op->task) < pages && !defect_on(host, DEFECT_TCE_UNLIMITED))
		return false;
	host->mms.items[op_task(host, op)->mm].locked += pages;
	return true;
}

void spapr_uncharge(struct host *host, const struct spapr *spapr, uint64_t pages)
{
	struct mm *mm;

	if (spapr->mm == NOTHING)
		return;
	mm = &host->mms.items[spapr->mm];
	/* An address space that is gone took its charges along. */
	if (mm->users)
		mm->locked -= pages;
}

uint64_t spapr_bring_in(struct host *host, uint32_t mm, uint64_t address, uint64_t pages)
{
	const bool write = !defect_on(host, DEFECT_TCE_READ_ONLY_TAKEN);
	const uint64_t page = host->machine->page_size;
	uint64_t done = 0;

	while (done < pages) {
		const struct run run =
		    mm_touch(host, mm, address + done * page, (pages - done) * page, write ? TOUCH_WRITE : TOUCH_PIN,
			     write ? PROT_WRITE_BIT : PROT_READ_BIT);

		if (run.kind != RUN_MEMORY)
			break;
		done += run.length / page;
	}
	return done;
}

void spapr_pin(struct host *host, struct rangemap *table, uint32_t mm, uint64_t address, uint64_t place, uint64_t pages)
{
	const struct pin_request request = {.mm = mm,
					    .vaddr = address,
					    .iova = place,
					    .size = pages * host->machine->page_size,
					    .write = !defect_on(host, DEFECT_TCE_READ_ONLY_TAKEN),
					    .room = UINT64_MAX};

	if (pages)
		iotable_pin(host, table, &request);
}

/* ---- GET_INFO, ENABLE, DISABLE --------------------------------------------------------------- */

enum step_result spapr_get_info(struct host *host, struct op *op)
{
	enum { WITHOUT_WINDOWS = 16, WHOLE = 32 };
	const struct tce_windows *tce = &host->machine->tce;
	struct vfio_iommu_spapr_tce_info info = {0};

	if (spapr_enter(host, op) == STEP_DONE)
		return STEP_DONE;
	if (!user_load(op, &info, op->row->minsz))
		return refuse(op, RULE_TCE_INFO_FAULT);
	if (info.argsz < op->row->minsz && !defect_on(host, DEFECT_TCE_INFO_ARGSZ))
		return refuse(op, RULE_TCE_INFO_ARGSZ);
	info.flags = 0;
	info.dma32_window_start = (uint32_t)tce->default_window.first;
	info.dma32_window_size = (uint32_t)(tce->default_window.last - tce->default_window.first) +
				 !defect_on(host, DEFECT_TCE_INFO_LAST_BYTE);
	if (op_spapr(host, op)->v2 || defect_on(host, DEFECT_TCE_INFO_WINDOWS_V1)) {
		info.flags = VFIO_IOMMU_SPAPR_INFO_DDW;
		info.ddw_pgsizes = host->machine->iommu_page_sizes;
		info.ddw_max_dynamic_windows_supported = tce->windows;
		info.ddw_levels = tce->levels;
		hit(op, RULE_TCE_INFO_WINDOWS);
	}
	if (!user_store(host, op, &info, info.argsz >= WHOLE ? WHOLE : WITHOUT_WINDOWS))
		return refuse(op, RULE_TCE_INFO_FAULT);
	hit(op, RULE_TCE_INFO);
	return finish(op, 0);
}

enum step_result spapr_enable(struct host *host, struct op *op)
{
	const struct iova_range window = host->machine->tce.default_window;
	const uint64_t pages = (window.last - window.first + 1) / host->machine->page_size;
	struct spapr *spapr;

	if (spapr_enter_version(host, op, false) == STEP_DONE)
		return STEP_DONE;
	spapr = op_spapr(host, op);
	if (spapr->enabled && !defect_on(host, DEFECT_TCE_ENABLE_AGAIN))
		return refuse(op, RULE_TCE_ENABLE_AGAIN);
	spapr_adopt(host, op);
	if (!spapr_charge(host, op, pages))
		return refuse(op, RULE_TCE_ENABLE_LIMIT);
	spapr->locked = pages;
	spapr->enabled = true;
	hit(op, RULE_TCE_ENABLE);
	return finish(op, 0);
}

enum step_result spapr_disable(struct host *host, struct op *op)
{
	struct spapr *spapr;

	if (spapr_enter_version(host, op, false) == STEP_DONE)
		return STEP_DONE;
	spapr = op_spapr(host, op);
	if (!defect_on(host, DEFECT_TCE_DISABLE_KEEPS_CHARGE))
		spapr_uncharge(host, spapr, spapr->locked);
	spapr->locked = 0;
	spapr->enabled = spapr->enabled && defect_on(host, DEFECT_TCE_DISABLED_MAPS);
	hit(op, RULE_TCE_DISABLE);
	return finish(op, 0);
}
