/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The sPAPR IOMMU driver of the proposal of 2012. A group has one table, which is there before anybody asks and
 * outlives whoever has it; a container has the table of its one group. An entry has one page, pinned and charged to
 * nobody.
 *
 * What the review asks for is done: tables change hands under a lock, a group that leaves takes its entries along, and
 * what is refused has changed nothing. What was posted instead are defects.
 */

#include "tce_put.h"

#include "host.h"
#include "iotable.h"
#include "vfiosim/uapi.h"

enum { ENTRY_SHIFT = 12, ENTRY_BYTES = 1 << ENTRY_SHIFT };

static struct tce_put *op_instance(struct host *host, const struct op *op)
{
	return &host->tce_puts.items[op_iommu(host, op)];
}

/* ---- tables --------------------------------------------------------------------------------- */

void tce_put_begin(struct host *host)
{
	const struct iova_range window = host->machine->tce.default_window;

	if (!profile_get(host, PROFILE_TCE_PUT) || !machine_has_tce(host->machine))
		return;
	for (uint32_t i = 0; i < host->groups.count; i++) {
		uint32_t at = table_add(&host->put_tables);

		host->put_tables.items[at].instance = NOTHING;
		if (!host->machine->groups[i].tableless)
			host->put_tables.items[at].entries = (struct tce_table){
			    .page_shift = ENTRY_SHIFT, .levels = 1, .first = window.first, .last = window.last};
	}
}

void tce_put_drop(struct host *host)
{
	for (uint32_t i = 0; i < host->put_tables.count; i++) {
		tce_table_free(&host->put_tables.items[i].entries);
		rangemap_clear(&host->put_tables.items[i].pinned);
	}
}

void tce_put_unshare(struct host *host)
{
	for (uint32_t i = 0; i < host->put_tables.count; i++) {
		tce_table_unshare(&host->put_tables.items[i].entries);
		rangemap_unshare(&host->put_tables.items[i].pinned);
	}
}

bool tce_put_group_exists(const struct host *host)
{
	return profile_get(host, PROFILE_TCE_PUT) != TCE_PUT_UNLOADED || !defect_on(host, DEFECT_TCE7_GROUPS_OF_DRIVER);
}

/* Empties [first, last], and lets the pages go. */
static void empty(struct host *host, struct put_table *table, uint64_t first, uint64_t last)
{
	iotable_unpin(host, &table->pinned, first, last);
	tce_table_clear(&table->entries, first, (last - first + 1) >> ENTRY_SHIFT);
}

static void empty_all(struct host *host, struct put_table *table)
{
	if (!defect_on(host, DEFECT_TCE7_LEFTOVERS))
		empty(host, table, table->entries.first, table->entries.last);
	table->instance = NOTHING;
}

/* ---- containers and groups ------------------------------------------------------------------ */

bool tce_put_present(const struct host *host)
{
	return profile_get(host, PROFILE_TCE_PUT) == TCE_PUT_LOADED && machine_has_tce(host->machine);
}

int64_t tce_put_check_extension(const struct host *host, uint32_t iommu, uint64_t extension)
{
	(void)host;
	(void)iommu;
	return extension == VFIO_SPAPR_TCE_IOMMU;
}

enum step_result tce_put_open(struct host *host, struct op *op, uint64_t type, uint32_t *iommu)
{
	uint32_t index;

	(void)op;
	(void)type; /* the driver has one extension, and that is its type */
	index = table_take(&host->tce_puts, alive);
	host->tce_puts.items[index] = (struct tce_put){.alive = true, .table = NOTHING};
	*iommu = index;
	return STEP_MORE;
}

void tce_put_release(struct host *host, uint32_t index)
{
	struct tce_put *instance = &host->tce_puts.items[index];

	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].joined == index)
			tce_put_leave(host, i);
	if (instance->table != NOTHING)
		empty_all(host, &host->put_tables.items[instance->table]);
	*instance = (struct tce_put){.alive = false};
}

bool tce_put_looks_first(const struct host *host, const struct op *op)
{
	return op->step == SET_CONTAINER_ATTACHES && defect_on(host, DEFECT_TCE7_ATTACH_UNLOCKED);
}

enum step_result tce_put_may_join(struct host *host, struct op *op, uint32_t index, uint32_t group)
{
	const struct tce_put *instance = &host->tce_puts.items[index];
	const struct put_table *table = &host->put_tables.items[group];

	if (instance->table != NOTHING && !defect_on(host, DEFECT_TCE7_SECOND_GROUP))
		return refuse(op, RULE_TCE7_JOIN_SECOND);
	if (!tce_table_exists(&table->entries) && !defect_on(host, DEFECT_TCE7_ATTACH_NO_TABLE)) {
		/* The instance that was made for the group goes again, and never had a table. */
		if (instance->table == NOTHING && defect_on(host, DEFECT_TCE7_RELEASE_EMPTY))
			return complain(host, op, RULE_TCE7_FALL, true);
		return refuse(op, RULE_TCE7_JOIN_NO_TABLE);
	}
	return STEP_MORE;
}

enum step_result tce_put_join(struct host *host, struct op *op, uint32_t index, uint32_t group)
{
	struct tce_put *instance = &host->tce_puts.items[index];
	struct put_table *table = &host->put_tables.items[group];

	/* What was looked at in a step before may have changed since. */
	if (op->step <= SET_CONTAINER_ATTACHES && tce_put_may_join(host, op, index, group) == STEP_DONE)
		return STEP_DONE;
	if (tce_table_exists(&table->entries)) {
		instance->table = group;
		table->instance = index;
	}
	host->groups.items[group].joined = index;
	return STEP_MORE;
}

enum rule tce_put_leave(struct host *host, uint32_t group)
{
	struct tce_put *instance = &host->tce_puts.items[host->groups.items[group].joined];

	host->groups.items[group].joined = NOTHING;
	if (instance->table == group && !defect_on(host, DEFECT_TCE7_DETACH_KEEPS_TABLE)) {
		empty_all(host, &host->put_tables.items[group]);
		instance->table = NOTHING;
	}
	return RULE_NONE;
}

/* ---- GET_INFO -------------------------------------------------------------------------------- */

enum step_result tce_put_unknown_ioctl(struct host *host, struct op *op)
{
	(void)host;
	return refuse(op, RULE_FD_UNKNOWN_IOCTL);
}

/* Reads an argument, and finds the table, whose absence is told last: STEP_MORE, or refused. */
static enum step_result begin(struct host *host, struct op *op, void *object, enum rule fault, enum rule argsz)
{
	const uint32_t table = op->step ? op->object : op_instance(host, op)->table;

	if (table == NOTHING && defect_on(host, DEFECT_TCE7_TABLE_FIRST))
		return refuse(op, RULE_TCE7_NO_TABLE);
	if (user_load_argsz(op, object, op->row->minsz, fault, argsz) == STEP_DONE)
		return STEP_DONE;
	op->object = table;
	return table == NOTHING ? refuse(op, RULE_TCE7_NO_TABLE) : STEP_MORE;
}

enum step_result tce_put_get_info(struct host *host, struct op *op)
{
	const struct iova_range window = host->machine->tce.default_window;
	struct vfio_iommu_spapr_tce_info_2012 info = {0};

	if (begin(host, op, &info, RULE_TCE7_INFO_FAULT, RULE_TCE7_INFO_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	info.flags = 0;
	info.dma32_window_start = (uint32_t)window.first;
	info.dma32_window_size = (uint32_t)(window.last - window.first + 1);
	info.dma64_window_start = 0;
	info.dma64_window_size = 0;
	user_store(host, op, &info, op->row->minsz);
	hit(op, RULE_TCE7_INFO);
	return finish(op, 0);
}

/* ---- PUT ------------------------------------------------------------------------------------- */

/* An address that is no multiple of a page: its page was had, and is given back. */
static enum step_result misaligned(struct host *host, struct op *op, const struct run *run)
{
	if (defect_on(host, DEFECT_TCE7_BUG_ON))
		return complain(host, op, RULE_TCE7_FALL, true);
	if (defect_on(host, DEFECT_TCE7_WARN_KEEPS_PAGE) && run->kind == RUN_MEMORY)
		frames_pin(host, run->place, ENTRY_BYTES, 1);
	return refuse(op, RULE_TCE7_PUT_ALIGN);
}

/* Puts an entry, in the place of the one that is there, for a page that can be had. */
static void put(struct host *host, const struct op *op, struct put_table *table, uint64_t address, uint64_t page,
		uint32_t access)
{
	const uint32_t mm = op_task(host, op)->mm;
	const bool write = access & MAPPING_WRITE && !defect_on(host, DEFECT_TCE7_WRITE_UNCHECKED);
	const struct pin_request request = {
	    .mm = mm, .vaddr = page, .iova = address, .size = ENTRY_BYTES, .write = write, .room = UINT64_MAX};

	if (defect_on(host, DEFECT_TCE7_REPLACED_KEEPS_PAGE))
		rangemap_carve(&table->pinned, address, address + ENTRY_BYTES - 1, true);
	else
		empty(host, table, address, address + ENTRY_BYTES - 1);
	iotable_pin(host, &table->pinned, &request);
	if (defect_on(host, DEFECT_TCE7_ANY_DIRECTION))
		access = MAPPING_READ | MAPPING_WRITE;
	tce_table_put(&table->entries, address, 1, page, access);
}

/* Whether a page must be brought in first, for which the kernel sleeps. */
static bool is_absent(const struct host *host, uint32_t mm, uint64_t page)
{
	const struct range *area = rangemap_at(&host->mms.items[mm].areas, page);

	return area && AREA_KIND(area->tag) == AREA_PRIVATE && !rangemap_at(&host->mms.items[mm].pages, page);
}

static enum step_result map_entry(struct host *host, struct op *op, struct put_table *table, uint64_t address,
				  const struct vfio_iommu_spapr_tce_put *wanted)
{
	const uint32_t mm = op_task(host, op)->mm, access = wanted->flags & VFIO_SPAPR_TCE_PUT_MASK;
	const bool write = access & MAPPING_WRITE && !defect_on(host, DEFECT_TCE7_WRITE_UNCHECKED);
	const uint64_t page = wanted->tce & ~(uint64_t)(ENTRY_BYTES - 1);
	struct run run;

	if (defect_on(host, DEFECT_TCE7_FAILURE_EMPTIES))
		empty(host, table, address, address + ENTRY_BYTES - 1);
	if (defect_on(host, DEFECT_TCE7_SLEEPS_LOCKED) && is_absent(host, mm, page))
		return complain(host, op, RULE_TCE7_FALL, true);
	run = mm_touch(host, mm, page, ENTRY_BYTES, write ? TOUCH_WRITE : TOUCH_PIN,
		       write ? PROT_WRITE_BIT : PROT_READ_BIT);
	if (run.kind != RUN_MEMORY && run.kind != RUN_ZERO)
		return refuse(op, RULE_TCE7_PUT_MEMORY);
	if (wanted->tce != page && !defect_on(host, DEFECT_TCE7_ROUNDS))
		return misaligned(host, op, &run);
	put(host, op, table, address, page, access);
	hit(op, RULE_TCE7_PUT);
	return finish(op, 0);
}

static enum step_result clear_entry(struct host *host, struct op *op, struct put_table *table, uint64_t address,
				    const struct vfio_iommu_spapr_tce_put *wanted)
{
	if (wanted->tce % ENTRY_BYTES && defect_on(host, DEFECT_TCE7_CLEAR_READS_TCE))
		return refuse(op, RULE_TCE7_PUT_ALIGN);
	empty(host, table, address, address + ENTRY_BYTES - 1);
	hit(op, RULE_TCE7_CLEAR);
	return finish(op, defect_on(host, DEFECT_TCE7_CLEAR_UNDEFINED) ? (int64_t)(address >> ENTRY_SHIFT) : 0);
}

/*
 * The table is found and changed in one step, under a lock. The proposal found it first, and took a lock of the table's
 * then; by that time it may be anybody's.
 */
enum step_result tce_put_put(struct host *host, struct op *op)
{
	struct vfio_iommu_spapr_tce_put wanted = {0};
	struct put_table *table;
	uint64_t address;
	bool clears;

	if (begin(host, op, &wanted, RULE_TCE7_PUT_FAULT, RULE_TCE7_PUT_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (!op->step && defect_on(host, DEFECT_TCE7_PUT_UNLOCKED))
		return STEP_MORE;
	table = &host->put_tables.items[op->object];
	address = wanted.ioba & ~(uint64_t)(ENTRY_BYTES - 1);
	clears = !(wanted.flags & VFIO_SPAPR_TCE_PUT_MASK);
	if (wanted.flags & ~VFIO_SPAPR_TCE_PUT_MASK && !defect_on(host, DEFECT_TCE7_ANY_FLAGS))
		return refuse(op, RULE_TCE7_PUT_FLAGS);
	if (!clears && defect_on(host, DEFECT_TCE7_OFFSET_TWICE))
		address += table->entries.first;
	if (!tce_table_spans(&table->entries, address))
		return defect_on(host, DEFECT_TCE7_WINDOW_UNCHECKED) ? finish(op, 0) : refuse(op, RULE_TCE7_PUT_WINDOW);
	return clears ? clear_entry(host, op, table, address, &wanted) : map_entry(host, op, table, address, &wanted);
}

/* ---- what devices reach, and whether all is well --------------------------------------------- */

enum rule tce_put_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			    struct run *run)
{
	const struct put_table *table = &host->put_tables.items[host->devices.items[device].group];
	struct range entry;
	uint64_t last;

	if (!tce_table_spans(&table->entries, iova))
		return RULE_DMA_NO_MAPPING;
	last = table->entries.last - iova < bytes - 1 ? table->entries.last : iova + bytes - 1;
	if (!tce_table_find(&table->entries, iova, last, &entry) || entry.first != iova)
		return RULE_DMA_NO_MAPPING;
	if (!iotable_find(&table->pinned, &entry, iova, entry.last - iova + 1, run))
		return RULE_DMA_NO_MAPPING;
	return iommu_allows(host, MAPPING_FLAGS(entry.tag), write) ? RULE_NONE : RULE_DMA_FORBIDDEN;
}

const char *tce_put_audit(const struct host *host)
{
	for (uint32_t i = 0; i < host->tce_puts.count; i++) {
		const struct tce_put *instance = &host->tce_puts.items[i];
		uint32_t containers = 0;

		for (uint32_t c = 0; c < host->containers.count; c++)
			containers += host->containers.items[c].alive &&
				      host->containers.items[c].kind == CONTAINER_TCE_PUT &&
				      host->containers.items[c].iommu == i;
		if (containers != instance->alive)
			return "an IOMMU with TCE tables has no container, or several";
		if (instance->alive && instance->table != NOTHING &&
		    (host->put_tables.items[instance->table].instance != i ||
		     host->groups.items[instance->table].joined != i))
			return "a container has the table of a group that is not in it";
	}
	for (uint32_t i = 0; i < host->put_tables.count; i++) {
		const struct put_table *table = &host->put_tables.items[i];
		const uint32_t joined = host->groups.items[i].joined;

		if (tce_table_entries(&table->entries) && table->instance == NOTHING)
			return "a table has entries, and no container has the table";
		if (tce_table_entries(&table->entries) << ENTRY_SHIFT !=
		    rangemap_covered(&table->pinned, 0, UINT64_MAX))
			return "a table has entries without a page, or pages without an entry";
		if (tce_table_exists(&table->entries) && joined != NOTHING && host->tce_puts.items[joined].table != i)
			return "a group is in a container that has another group's table";
	}
	return NULL;
}

uint64_t tce_put_digest(const struct host *host, uint64_t digest)
{
	for (uint32_t i = 0; i < host->tce_puts.count; i++)
		if (host->tce_puts.items[i].alive)
			digest = digest_mix(digest, (uint64_t)i << 32 | host->tce_puts.items[i].table);
	for (uint32_t i = 0; i < host->put_tables.count; i++) {
		digest = digest_mix(digest, host->put_tables.items[i].instance);
		digest = tce_table_digest(&host->put_tables.items[i].entries, digest);
		digest = rangemap_digest(&host->put_tables.items[i].pinned, digest);
	}
	return digest;
}
