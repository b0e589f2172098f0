/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What TYPE1 does for the drivers of mediated devices: it pins pages by IOVA, lets go of them, and moves bytes between
 * a driver and the memory behind an IOVA.
 *
 * A page is charged for when it is pinned first, and no longer when the last pin goes; while a group behind an IOMMU is
 * there, the page is charged for anyway. What a driver is answered is no answer to a call, but a number for the driver.
 */
#include "type1.h"

/* What the kernel answers a driver for a rule that refuses. */
static int64_t answer(struct op *op, enum rule rule)
{
	hit(op, rule);
	return rules[rule].error;
}

/* Pins a page of a mapping that nobody has pinned. */
static int64_t pin_page(struct host *host, struct op *op, struct type1 *iommu, const struct found *found, uint64_t iova)
{
	const struct range *mapping = &found->mapping;
	const uint64_t page = host->machine->page_size, address = mapping->value + (iova - mapping->first);
	const uint32_t payer = MAPPING_MM(mapping->tag), flags = MAPPING_FLAGS(mapping->tag);
	struct range pinned = {.first = iova, .last = iova + page - 1, .value = 1};
	const struct pin_request request = {.mm = payer,
					    .vaddr = address,
					    .iova = iova,
					    .size = page,
					    .write = flags & MAPPING_WRITE,
					    .room = UINT64_MAX};
	struct pin pin;
	enum rule refused = RULE_NONE;
	const bool charges = !type1_backed(iommu) || defect_on(host, DEFECT_PIN_CHARGED_BESIDE_DOMAIN);

	if (!host->mms.items[payer].users)
		return answer(op, RULE_T1_PIN_GONE);
	pin = iotable_pin(host, &iommu->held, &request);
	if (pin.error)
		return answer(op, RULE_T1_PIN_MEMORY);
	if ((pin.kinds & 1u << RUN_DEVICE) && profile_get(host, PROFILE_PIN_LOOKS_FOR_PAGE))
		refused = RULE_T1_PIN_DEVICE;
	else if (charges && pin.charged && !(flags & MAPPING_LOCK_CAP) && !type1_room(host, payer) &&
		 !defect_on(host, DEFECT_PIN_UNLIMITED))
		refused = RULE_T1_PIN_LIMIT;
	if (refused || defect_on(host, DEFECT_PIN_SUCCESS_FAILS)) {
		iotable_unpin(host, &iommu->held, pinned.first, pinned.last);
		return refused ? answer(op, refused) : 1;
	}
	if (charges)
		type1_charge(host, type1_edit(iommu, found), pin.charged);
	pinned.weight = pin.charged;
	rangemap_insert(&iommu->pinned, &pinned);
	if (!defect_on(host, DEFECT_PIN_LEAVES_NO_DIRT))
		type1_mark_dirty(host, (uint32_t)(iommu - host->iommus.items), iova, page);
	return 0;
}

/* Lets go of a page once, if it is pinned at all. */
static void unpin_page(struct host *host, struct type1 *iommu, uint64_t iova)
{
	const struct found found = type1_find(host, iommu, iova, iova + host->machine->page_size - 1);
	const struct range *pinned = rangemap_at(&iommu->pinned, iova);

	if (!found.any || !pinned)
		return;
	if (pinned->value > 1 && !defect_on(host, DEFECT_UNPIN_ALL_AT_ONCE)) {
		rangemap_edit(&iommu->pinned, iova)->value--;
		return;
	}
	if (!type1_backed(iommu))
		type1_uncharge(host, type1_edit(iommu, &found), pinned->weight);
	rangemap_remove(&iommu->pinned, iova);
	iotable_unpin(host, &iommu->held, iova, iova + host->machine->page_size - 1);
}

static int64_t pin_next(struct host *host, struct op *op, struct type1 *iommu, uint64_t iova, uint32_t prot)
{
	const uint64_t page = host->machine->page_size;
	const struct found found = type1_find(host, iommu, iova, iova + page - 1);
	const struct range *pinned = rangemap_at(&iommu->pinned, iova);

	if (!found.any)
		return answer(op, RULE_T1_PIN_UNMAPPED);
	if ((MAPPING_FLAGS(found.mapping.tag) & prot) != prot && !defect_on(host, DEFECT_PIN_ANY_ACCESS))
		return answer(op, RULE_T1_PIN_ACCESS);
	if (!pinned)
		return pin_page(host, op, iommu, &found, iova);
	rangemap_edit(&iommu->pinned, pinned->first)->value++;
	if (defect_on(host, DEFECT_PIN_CHARGED_EACH_TIME))
		type1_charge(host, type1_edit(iommu, &found), pinned->weight);
	hit(op, RULE_T1_PIN_AGAIN);
	return 0;
}

int64_t type1_pin_pages(struct host *host, struct op *op, uint32_t index, uint64_t iova, uint64_t count, uint32_t prot)
{
	struct type1 *iommu = &host->iommus.items[index];
	const uint64_t page = host->machine->page_size;
	int64_t error;

	if (!count)
		return answer(op, RULE_T1_PIN_EMPTY);
	if (count > type1_pin_pages_max(host))
		return answer(op, RULE_T1_PIN_MANY);
	if (!iommu->v2)
		return answer(op, RULE_T1_PIN_V1);
	if (iova + (count * page - 1) < iova && profile_get(host, PROFILE_PIN_LOOKS_FOR_WRAP))
		return answer(op, RULE_T1_PIN_WRAP);
	for (uint64_t i = 0; i < count; i++) {
		error = pin_next(host, op, iommu, iova + i * page, prot);
		if (!error)
			continue;
		while (i-- > 0 && !defect_on(host, DEFECT_PIN_HALF))
			unpin_page(host, iommu, iova + i * page);
		return error;
	}
	hit(op, RULE_T1_PIN);
	return (int64_t)count;
}

uint64_t type1_pin_pages_max(const struct host *host)
{
	return host->machine->page_size / sizeof(uint64_t);
}

bool type1_unpin_expected(const struct host *host, uint32_t index, uint64_t iova, uint64_t count)
{
	const struct type1 *iommu = &host->iommus.items[index];
	const uint64_t page = host->machine->page_size;

	if (!iommu->v2 || iova + (count * page - 1) < iova)
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!type1_find(host, iommu, iova + i * page, iova + (i + 1) * page - 1).any)
			return false;
	return true;
}

void type1_unpin_pages(struct host *host, uint32_t index, uint64_t iova, uint64_t count)
{
	struct type1 *iommu = &host->iommus.items[index];
	const uint64_t page = host->machine->page_size;

	for (uint64_t i = 0; i < count; i++)
		unpin_page(host, iommu, iova + i * page);
}

bool type1_is_pinned(const struct type1 *iommu, const struct range *mapping)
{
	return rangemap_overlap(&iommu->pinned, mapping->first, mapping->last);
}

int64_t type1_reach(struct host *host, struct op *op, uint32_t index, uint64_t iova, uint64_t length, bool write,
		    struct reach *reach)
{
	struct type1 *iommu = &host->iommus.items[index];
	const struct found found = type1_find(host, iommu, iova, iova);
	const struct range *mapping = &found.mapping;
	uint32_t flags;

	if (!found.any)
		return answer(op, RULE_T1_RW_UNMAPPED);
	flags = MAPPING_FLAGS(mapping->tag);
	/* Whatever is written has to be readable as well. */
	if ((!(flags & MAPPING_READ) && !(write && defect_on(host, DEFECT_RW_WRITE_ONLY))) ||
	    (write && !(flags & MAPPING_WRITE)))
		return answer(op, RULE_T1_RW_ACCESS);
	reach->mm = MAPPING_MM(mapping->tag);
	if (!host->mms.items[reach->mm].users)
		return answer(op, RULE_T1_RW_GONE);
	if (reach->mm != op_task(host, op)->mm)
		return answer(op, RULE_T1_RW_OTHER_TASK);
	reach->address = mapping->value + (iova - mapping->first);
	reach->length = mapping->last - iova < length - 1 ? mapping->last - iova + 1 : length;
	return 0;
}
