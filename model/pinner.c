/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The pinner: this project's mediated device, which does to a program's memory what a driver of a mediated device may
 * do, when the program says so. It is the witness of what TYPE1 does for such drivers.
 *
 * Source: include/vfiosim/pinner.h, which says what registers and commands mean.
 */
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "vfiosim/pinner.h"

#define WINDOW_UNKNOWN 1u /* tag of a word of the window whose value is not known */

/* The TYPE1 instance that a device asks, or NOTHING: it asks an iommufd. */
static uint32_t device_iommu(const struct host *host, uint32_t device)
{
	const struct device_state *state = &host->devices.items[device];

	return state->iommufd == NOTHING ? host->groups.items[state->group].joined : NOTHING;
}

static bool asks_iommufd(const struct host *host, uint32_t device)
{
	return host->devices.items[device].iommufd != NOTHING;
}

static bool is_pinner_of(const struct host *host, uint32_t device, uint32_t ioas)
{
	return host->devices.items[device].ioas == ioas && strcmp(host->machine->devices[device].model, "pinner") == 0;
}

/* ---- the window --------------------------------------------------------------------------- */

static void window_load(const struct pinner *pinner, uint32_t offset, uint8_t *bytes, uint8_t *mask, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		const struct range *word = rangemap_at(&pinner->window, offset + i);

		bytes[i] = word ? (uint8_t)(word->value >> 8 * ((offset + i) & 7)) : 0;
		mask[i] = word && word->tag == WINDOW_UNKNOWN ? 0 : 0xff;
	}
}

/* A word of which a byte is not known is not known. */
static void window_store_byte(struct pinner *pinner, uint32_t offset, uint8_t byte, bool known)
{
	const struct range *found = rangemap_at(&pinner->window, offset);
	const unsigned shift = 8 * (offset & 7);
	struct range word = {.first = offset & ~7u, .last = offset | 7u};

	if (found) {
		word.value = found->value;
		word.tag = found->tag;
		rangemap_remove(&pinner->window, word.first);
	}
	word.value = (word.value & ~(0xffull << shift)) | (uint64_t)byte << shift;
	if (!known)
		word.tag = WINDOW_UNKNOWN;
	if (word.value || word.tag)
		rangemap_insert(&pinner->window, &word);
}

static void window_store(struct pinner *pinner, uint32_t offset, const uint8_t *bytes, const uint8_t *mask,
			 uint32_t length)
{
	/* Whole words are known by what is stored, whatever was there. */
	uint32_t first = (offset + 7) & ~7u, end = (offset + length) & ~7u;

	if (first < end)
		rangemap_carve(&pinner->window, first, end - 1, false);
	for (uint32_t i = 0; i < length; i++)
		window_store_byte(pinner, offset + i, bytes[i], !mask || mask[i]);
}

/* ---- pins --------------------------------------------------------------------------------- */

static void forget(struct pinner *pinner, uint32_t at)
{
	pinner->pinned -= pinner->pins.items[at].count;
	memmove(pinner->pins.items + at, pinner->pins.items + at + 1,
		(pinner->pins.count - at - 1) * sizeof(pinner->pins.items[0]));
	pinner->pins.count--;
}

static bool pages_overlap(const struct host *host, const struct pinned_pages *pages, uint64_t first, uint64_t last)
{
	return pages->iova <= last && pages->iova + (pages->count * host->machine->page_size - 1) >= first;
}

static void unpin(struct host *host, uint32_t device, const struct pinned_pages *pages)
{
	if (asks_iommufd(host, device))
		ioas_access_unpin(host, device, pages->iova, pages->count);
	else
		type1_unpin_pages(host, device_iommu(host, device), pages->iova, pages->count);
}

/* Undoes every pin of which a page is in [first, last], whole. */
static void let_go(struct host *host, uint32_t device, uint64_t first, uint64_t last)
{
	struct pinner *pinner = &host->devices.items[device].pinner;

	for (uint32_t i = 0; i < pinner->pins.count;) {
		const struct pinned_pages pages = pinner->pins.items[i];

		if (!pages_overlap(host, &pages, first, last)) {
			i++;
			continue;
		}
		forget(pinner, i);
		unpin(host, device, &pages);
	}
}

/* The device is asked to let go of [first, last]. */
static void hear(struct host *host, uint32_t device, uint64_t first, uint64_t last)
{
	struct pinner *pinner = &host->devices.items[device].pinner;

	pinner->unmaps += defect_on(host, DEFECT_OPEN_REGISTERS_AGAIN) ? host->devices.items[device].open_count : 1;
	pinner->unmap_iova = first;
	pinner->unmap_length = last - first + 1;
	let_go(host, device, first, last);
}

void pinners_let_go(struct host *host, uint32_t iommu, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < host->devices.count; i++) {
		if (host->devices.items[i].open_count && device_iommu(host, i) == iommu &&
		    strcmp(host->machine->devices[i].model, "pinner") == 0)
			hear(host, i, first, last);
	}
}

void pinners_let_go_of(struct host *host, uint32_t ioas, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (is_pinner_of(host, i, ioas))
			hear(host, i, first, last);
}

bool pinners_have(const struct host *host, uint32_t ioas, uint64_t iova, uint64_t *until)
{
	*until = UINT64_MAX;
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct pinner *pinner = &host->devices.items[i].pinner;

		for (uint32_t k = 0; k < pinner->pins.count && is_pinner_of(host, i, ioas); k++) {
			const struct pinned_pages *pages = &pinner->pins.items[k];
			const uint64_t last = pages->iova + (pages->count * host->machine->page_size - 1);

			if (pages->iova <= iova && iova <= last) {
				*until = last;
				return true;
			}
			if (pages->iova > iova && pages->iova - 1 < *until)
				*until = pages->iova - 1;
		}
	}
	return false;
}

void pinner_detached(struct host *host, uint32_t device)
{
	/* The kernel counts one byte less than there are. */
	hear(host, device, 0, UINT64_MAX - 1);
}

bool pinners_remember(const struct host *host, uint32_t iommu, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct pinner *pinner = &host->devices.items[i].pinner;

		for (uint32_t k = 0; k < pinner->pins.count; k++)
			if (device_iommu(host, i) == iommu && pages_overlap(host, &pinner->pins.items[k], first, last))
				return true;
	}
	return false;
}

void pinner_reset(struct host *host, uint32_t device)
{
	struct pinner *pinner = &host->devices.items[device].pinner;

	let_go(host, device, 0, UINT64_MAX);
	pinner_free(pinner);
	memset(pinner, 0, sizeof(*pinner));
}

void pinner_free(struct pinner *pinner)
{
	free(pinner->pins.items);
	rangemap_clear(&pinner->window);
}

void pinner_unshare(struct pinner *pinner)
{
	struct rangemap window = pinner->window;

	pinner->window.root = NULL;
	rangemap_copy(&pinner->window, &window);
	table_unshare(&pinner->pins);
}

/* ---- commands ----------------------------------------------------------------------------- */

static int64_t do_pin(struct host *host, struct op *op, uint32_t device)
{
	struct pinner *pinner = &host->devices.items[device].pinner;
	int64_t result;

	if (pinner->pins.count >= PINNER_PINS_MAX)
		return -LINUX_ENOSPC;
	result = asks_iommufd(host, device)
		     ? ioas_access_pin(host, op, device, pinner->iova, pinner->count, (uint32_t)pinner->prot)
		     : type1_pin_pages(host, op, device_iommu(host, device), pinner->iova, pinner->count,
				       (uint32_t)pinner->prot);
	if (result > 0) {
		uint32_t at = table_add(&pinner->pins);

		pinner->pins.items[at] = (struct pinned_pages){pinner->iova, pinner->count};
		pinner->pinned += pinner->count;
	}
	return result;
}

static int64_t do_unpin(struct host *host, uint32_t device)
{
	struct pinner *pinner = &host->devices.items[device].pinner;

	for (uint32_t i = 0; i < pinner->pins.count; i++) {
		const struct pinned_pages pages = pinner->pins.items[i];

		if (pages.iova != pinner->iova || pages.count != pinner->count)
			continue;
		forget(pinner, i);
		unpin(host, device, &pages);
		return (int64_t)pages.count;
	}
	return -LINUX_ENOENT;
}

/* Whether the device passes on that so many pages are to be let go of: the kernel would only warn of others. */
static bool is_taken(const struct host *host, const struct pinner *pinner)
{
	return pinner->count && pinner->count <= type1_pin_pages_max(host);
}

static int64_t do_unpin_any(struct host *host, struct op *op, uint32_t device)
{
	struct pinner *pinner = &host->devices.items[device].pinner;

	if (!is_taken(host, pinner))
		return -LINUX_EINVAL;
	type1_unpin_pages(host, device_iommu(host, device), pinner->iova, pinner->count);
	hit(op, RULE_T1_UNPIN_ANY);
	return 0;
}

/* Copies between the window and one piece of memory. When that faults, nobody knows how far it got. */
static bool copy(struct host *host, struct pinner *pinner, uint32_t offset, const struct reach *reach, bool write)
{
	enum { PIECE = 64 };
	/* Memory that may be written may be read. */
	const uint32_t prot = write ? 2 : 3;
	const bool whole = mm_accessible(host, reach->mm, reach->address, reach->length, prot);
	const uint64_t length = whole ? reach->length : mm_reach(host, reach->mm, reach->address, reach->length, prot);
	uint8_t bytes[PIECE], mask[PIECE];

	for (uint32_t at = 0; at < (write ? length : reach->length); at += PIECE) {
		uint32_t part = reach->length - at < PIECE ? (uint32_t)(reach->length - at) : (uint32_t)PIECE;

		if (write && length - at < part)
			part = (uint32_t)(length - at);
		if (write) {
			window_load(pinner, offset + at, bytes, mask, part);
			for (uint32_t i = 0; i < part; i++)
				mm_store(host, reach->mm, reach->address + at + i, bytes + i, whole && mask[i], 1);
			continue;
		}
		memset(bytes, 0, sizeof(bytes));
		memset(mask, 0, sizeof(mask));
		if (whole)
			mm_load(host, reach->mm, reach->address + at, bytes, mask, part);
		window_store(pinner, offset + at, bytes, mask, part);
	}
	return whole;
}

/* Where the first of @length bytes from @iova lie, by way of whatever the device asks. */
static int64_t reach_memory(struct host *host, struct op *op, uint32_t device, uint64_t iova, uint64_t length,
			    bool write, struct reach *reach)
{
	if (asks_iommufd(host, device))
		return ioas_access_reach(host, op, device, iova, length, write, reach);
	return type1_reach(host, op, device_iommu(host, device), iova, length, write, reach);
}

static int64_t do_transfer(struct host *host, struct op *op, uint32_t device, bool write)
{
	struct pinner *pinner = &host->devices.items[device].pinner;
	const uint32_t iommu = device_iommu(host, device);
	struct reach reach;

	if (!pinner->count) {
		hit(op, RULE_T1_RW_EMPTY);
		return rules[RULE_T1_RW_EMPTY].error;
	}
	for (uint64_t done = 0; done < pinner->count; done += reach.length) {
		const uint64_t iova = pinner->iova + done;
		int64_t error = reach_memory(host, op, device, iova, pinner->count - done, write, &reach);

		if (error)
			return error;
		if (!copy(host, pinner, (uint32_t)done, &reach, write)) {
			hit(op, asks_iommufd(host, device) ? RULE_IFD_RW_FAULT : RULE_T1_RW_FAULT);
			return rules[RULE_T1_RW_FAULT].error;
		}
		if (write && iommu != NOTHING && !defect_on(host, DEFECT_RW_LEAVES_NO_DIRT))
			type1_mark_dirty(host, iommu, iova, reach.length);
		if (defect_on(host, DEFECT_RW_FIRST_MAPPING))
			break;
	}
	if (asks_iommufd(host, device))
		hit(op, write ? RULE_IFD_RW_WRITE : RULE_IFD_RW_READ);
	else
		hit(op, write ? RULE_T1_RW_WRITE : RULE_T1_RW_READ);
	return 0;
}

/* Whether the transfer would touch a device's registers, and set it going. */
static bool reaches_device(struct host *host, struct op *op, uint32_t device, bool write)
{
	const struct pinner *pinner = &host->devices.items[device].pinner;
	struct outcome scratch = *op->outcome, *outcome = op->outcome;
	struct reach reach;
	bool found = false;

	op->outcome = &scratch;
	for (uint64_t done = 0; done < pinner->count && !found; done += reach.length) {
		if (reach_memory(host, op, device, pinner->iova + done, pinner->count - done, write, &reach))
			break;
		found = mm_touches_device(host, reach.mm, reach.address, reach.length);
	}
	op->outcome = outcome;
	return found;
}

/*
 * What the model leaves to others: all that goes to an iommufd beside a device with an IOMMU among it. Where a page
 * does not begin at an IOVA that is pinned, kernels differ in which pages they count; and the kernel warns when it is
 * to let go of what is not mapped.
 */
static bool is_modelled(struct host *host, struct op *op, uint32_t device, uint64_t command)
{
	const struct pinner *pinner = &host->devices.items[device].pinner;
	const struct ioas *ioas = device_ioas(host, device);

	if (asks_iommufd(host, device) &&
	    ((ioas && ioas->attached) || (command == PINNER_DO_UNPIN_ANY && is_taken(host, pinner))))
		return false;
	switch (command) {
	case PINNER_DO_PIN:
		return !(pinner->iova & (host->machine->page_size - 1));
	case PINNER_DO_UNPIN_ANY:
		return !is_taken(host, pinner) ||
		       (!(pinner->iova & (host->machine->page_size - 1)) &&
			type1_unpin_expected(host, device_iommu(host, device), pinner->iova, pinner->count));
	case PINNER_DO_READ:
	case PINNER_DO_WRITE:
		return (!asks_iommufd(host, device) || ioas_access_knows(host, device, pinner->iova, pinner->count)) &&
		       !reaches_device(host, op, device, command == PINNER_DO_WRITE);
	default:
		return true;
	}
}

static enum step_result run_command(struct host *host, struct op *op, uint32_t device, uint64_t command)
{
	struct pinner *pinner = &host->devices.items[device].pinner;
	int64_t result;

	if (!is_modelled(host, op, device, command))
		return unmodelled(host, op);
	switch (command) {
	case PINNER_DO_PIN:
		result = do_pin(host, op, device);
		break;
	case PINNER_DO_UNPIN:
		result = do_unpin(host, device);
		break;
	case PINNER_DO_UNPIN_ANY:
		result = do_unpin_any(host, op, device);
		break;
	case PINNER_DO_READ:
	case PINNER_DO_WRITE:
		result = do_transfer(host, op, device, command == PINNER_DO_WRITE);
		break;
	default:
		return refuse(op, RULE_DEV_RW_REGISTER);
	}
	pinner->command = command;
	pinner->result = (uint64_t)result;
	hit(op, RULE_DEV_WRITE);
	return finish(op, PINNER_REGISTER_SIZE);
}

/* ---- the region --------------------------------------------------------------------------- */

static bool is_register(uint64_t offset, uint32_t length)
{
	return length == PINNER_REGISTER_SIZE && offset < PINNER_REGISTERS_END && offset % PINNER_REGISTER_SIZE == 0;
}

static bool is_window(uint64_t offset, uint32_t length)
{
	return offset >= PINNER_WINDOW && offset < PINNER_WINDOW + PINNER_WINDOW_SIZE &&
	       length <= PINNER_WINDOW + PINNER_WINDOW_SIZE - offset;
}

static uint64_t register_value(const struct pinner *pinner, uint64_t offset)
{
	switch (offset) {
	case PINNER_IOVA:
		return pinner->iova;
	case PINNER_COUNT:
		return pinner->count;
	case PINNER_PROT:
		return pinner->prot;
	case PINNER_COMMAND:
		return pinner->command;
	case PINNER_IDENTITY:
		return PINNER_IDENTITY_VALUE;
	case PINNER_RESULT:
		return pinner->result;
	case PINNER_PINNED:
		return pinner->pinned;
	case PINNER_UNMAPS:
		return pinner->unmaps;
	case PINNER_UNMAP_IOVA:
		return pinner->unmap_iova;
	default:
		return pinner->unmap_length;
	}
}

static uint32_t op_length(const struct op *op)
{
	return op->call->buffer_count ? op->call->buffers[0].length : 0;
}

enum step_result pinner_read(struct host *host, struct op *op)
{
	const struct pinner *pinner = &host->devices.items[op_device(host, op)].pinner;
	const uint32_t length = op_length(op);
	const uint64_t offset = op->call->args[3];
	uint8_t bytes[PINNER_REGISTER_SIZE], mask;

	if (is_register(offset, length)) {
		bytes_put(bytes, PINNER_REGISTER_SIZE, register_value(pinner, offset));
		user_write(host, op, 0, 0, bytes, PINNER_REGISTER_SIZE);
	} else if (is_window(offset, length)) {
		for (uint32_t i = 0; i < length; i++) {
			window_load(pinner, (uint32_t)(offset - PINNER_WINDOW) + i, bytes, &mask, 1);
			user_write(host, op, 0, i, bytes, 1);
			if (!mask)
				user_undefined(host, op, 0, i, 1);
		}
	} else {
		return refuse(op, RULE_DEV_RW_REGISTER);
	}
	hit(op, length ? RULE_DEV_READ : RULE_DEV_RW_NOTHING);
	return finish(op, length);
}

enum step_result pinner_write(struct host *host, struct op *op)
{
	const uint32_t device = op_device(host, op), length = op_length(op);
	struct pinner *pinner = &host->devices.items[device].pinner;
	const uint64_t offset = op->call->args[3];
	uint64_t value;

	if (is_window(offset, length)) {
		if (length)
			window_store(pinner, (uint32_t)(offset - PINNER_WINDOW), op->call->buffers[0].in, NULL, length);
		hit(op, length ? RULE_DEV_WRITE : RULE_DEV_RW_NOTHING);
		return finish(op, length);
	}
	if (!is_register(offset, length))
		return refuse(op, RULE_DEV_RW_REGISTER);
	value = bytes_get(op->call->buffers[0].in, PINNER_REGISTER_SIZE);
	switch (offset) {
	case PINNER_IOVA:
		pinner->iova = value;
		break;
	case PINNER_COUNT:
		if (value > PINNER_COUNT_MAX)
			return refuse(op, RULE_DEV_RW_REGISTER);
		pinner->count = value;
		break;
	case PINNER_PROT:
		if (value > PINNER_PROT_MAX)
			return refuse(op, RULE_DEV_RW_REGISTER);
		pinner->prot = value;
		break;
	case PINNER_COMMAND:
		return run_command(host, op, device, value);
	default:
		return refuse(op, RULE_DEV_RW_REGISTER);
	}
	hit(op, RULE_DEV_WRITE);
	return finish(op, length);
}
