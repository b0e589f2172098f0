/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Pinning pages: bringing them in batch by batch, as far as the limit allows, and entering them into a table.
 */
#include "iotable.h"

/* How far a request has got. */
struct pinning {
	struct host *host;
	struct rangemap *table;
	const struct pin_request *request;
	uint64_t size;	  /* bytes that are to be pinned */
	uint64_t done;	  /* of them those that are */
	uint64_t grid;	  /* where the first of the batches began that memory is brought in by */
	uint64_t charged; /* pages that count */
	uint32_t kinds;
};

/* Brings in up to @bytes of the request from @at on. */
static struct run touch(const struct pinning *pinning, uint64_t at, uint64_t bytes)
{
	const bool write = pinning->request->write && !defect_on(pinning->host, DEFECT_PIN_READ_ONLY);

	return mm_touch(pinning->host, pinning->request->mm, pinning->request->vaddr + at, bytes,
			write ? TOUCH_WRITE : TOUCH_PIN, write ? PROT_WRITE_BIT : PROT_READ_BIT);
}

/* Where the batch ends that @at lies in. */
static uint64_t batch_end(const struct pinning *pinning, uint64_t at)
{
	const uint64_t batch =
	    (uint64_t)profile_get(pinning->host, PROFILE_PIN_BATCH) * pinning->host->machine->page_size;
	uint64_t begin = pinning->grid + (at - pinning->grid) / batch * batch;

	return pinning->size - begin > batch ? begin + batch : pinning->size;
}

/* The limit is reached at @at: what belongs to the same batch has been brought in when that is found. */
static int64_t over_limit(const struct pinning *pinning, uint64_t at)
{
	const uint64_t end = batch_end(pinning, at);

	while (at < end) {
		struct run run = touch(pinning, at, end - at);

		if (run.kind != RUN_MEMORY && run.kind != RUN_ZERO)
			break;
		at += run.length;
	}
	return -LINUX_ENOMEM;
}

static void enter(struct pinning *pinning, const struct run *run)
{
	const struct pin_request *request = pinning->request;
	const uint64_t first = request->iova + pinning->done;
	struct range range = {.first = first,
			      .last = first + run->length - 1,
			      .value = run->place,
			      .tag = IOTABLE_TAG(run->kind, run->device)};

	/* Only a mapping that the kernel has lost track of can lie there. */
	iotable_lose(pinning->host, pinning->table, range.first, range.last);
	if (request->mapping && run->kind == RUN_MEMORY && run->length == request->size) {
		request->mapping->place = run->place;
		frames_pin_place(pinning->host, run->place, run->length, 1);
	} else {
		if (run->kind == RUN_MEMORY)
			frames_pin(pinning->host, run->place, run->length, 1);
		rangemap_insert(pinning->table, &range);
	}
	pinning->done += run->length;
	pinning->kinds |= 1u << run->kind;
}

/* Whether pages are charged: those of the zero page and of devices are not. */
static bool counts(const struct host *host, enum run_kind kind)
{
	return kind == RUN_MEMORY || (kind == RUN_DEVICE && defect_on(host, DEFECT_PIN_CHARGES_REGION));
}

/* Pins run after run; 0, or the error of the first that cannot be had. */
static int64_t pin_all(struct pinning *pinning)
{
	const uint64_t page = pinning->host->machine->page_size;

	while (pinning->done < pinning->size) {
		const uint64_t room = pinning->request->room - pinning->charged;
		uint64_t bytes = pinning->size - pinning->done, pages;
		struct run run;

		/* Nothing is brought in behind the batch in which the limit may be reached. */
		if (room < bytes / page)
			bytes = batch_end(pinning, pinning->done + room * page) - pinning->done;
		run = touch(pinning, pinning->done, bytes);
		if (run.kind == RUN_NOTHING)
			return -LINUX_EFAULT;
		pages = counts(pinning->host, run.kind) ? run.length / page : 0;
		if (pages > room)
			return over_limit(pinning, pinning->done + room * page);
		pinning->charged += pages;
		enter(pinning, &run);
		if (run.kind == RUN_DEVICE)
			pinning->grid = pinning->done;
	}
	return 0;
}

struct pin iotable_pin(struct host *host, struct rangemap *table, const struct pin_request *request)
{
	struct pinning pinning = {.host = host, .table = table, .request = request, .size = request->size};
	struct pin pin;

	if (defect_on(host, DEFECT_PIN_FORGETS_LAST))
		pinning.size -= host->machine->page_size;
	host->mms.items[request->mm].has_pinned = true;
	pin.error = pin_all(&pinning);
	pin.charged = pin.error ? 0 : pinning.charged;
	pin.kinds = pin.error ? 0 : pinning.kinds;
	if (pin.error && pinning.done)
		iotable_unpin(host, table, request->iova, request->iova + pinning.done - 1);
	return pin;
}

void iotable_unpin(struct host *host, struct rangemap *table, uint64_t first, uint64_t last)
{
	struct range run;

	while (rangemap_take(table, first, last, &run))
		if (IOTABLE_KIND(run.tag) == RUN_MEMORY)
			frames_pin(host, run.value, run.last - run.first + 1, -1);
}

void iotable_unpin_mapping(struct host *host, struct rangemap *table, const struct range *mapping)
{
	if (mapping->place)
		frames_pin_place(host, mapping->place, mapping->last - mapping->first + 1, -1);
	else
		iotable_unpin(host, table, mapping->first, mapping->last);
}

void iotable_lose(struct host *host, struct rangemap *table, uint64_t first, uint64_t last)
{
	struct range run;

	while (rangemap_take(table, first, last, &run)) {
		uint32_t at = table_add(&host->lost_pins);

		host->lost_pins.items[at] = run;
	}
}

bool iotable_find(const struct rangemap *table, const struct range *mapping, uint64_t iova, uint64_t bytes,
		  struct run *run)
{
	const struct range *found;

	*run = (struct run){.kind = RUN_MEMORY, .place = mapping->place};
	found = mapping->place ? mapping : rangemap_at(table, iova);
	if (!found)
		return false;
	if (!mapping->place)
		*run = (struct run){
		    .kind = IOTABLE_KIND(found->tag), .device = IOTABLE_DEVICE(found->tag), .place = found->value};
	run->place += iova - found->first;
	run->length = found->last - iova < bytes - 1 ? found->last - iova + 1 : bytes;
	return true;
}
