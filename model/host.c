/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The host as a whole: making, cloning, and running one call through its steps.
 */
#include "host.h"
#include "spapr.h"
#include "tce_put.h"

#include <stdlib.h>
#include <string.h>

enum step_result finish(struct op *op, int64_t ret)
{
	op->outcome->ret = ret;
	return STEP_DONE;
}

void hit(struct op *op, enum rule rule)
{
	struct outcome *outcome = op->outcome;

	if (outcome->rule_count < OUTCOME_RULES_MAX)
		outcome->rules[outcome->rule_count++] = rule;
}

enum step_result refuse_as(struct op *op, enum rule rule, int64_t error)
{
	/* The rule that decides is the last one, whatever else was noted before. */
	if (op->outcome->rule_count == OUTCOME_RULES_MAX)
		op->outcome->rule_count--;
	hit(op, rule);
	return finish(op, error);
}

enum step_result refuse(struct op *op, enum rule rule)
{
	return refuse_as(op, rule, rules[rule].error);
}

enum step_result complain(struct host *host, struct op *op, enum rule rule, bool this_one)
{
	if (host->peaceful)
		return unmodelled(host, op);
	if (!this_one)
		return STEP_MORE;
	hit(op, rule);
	op->outcome->complaint = rule;
	return rule_complaint_fatal(rule) ? finish(op, 0) : STEP_MORE;
}

enum step_result unmodelled(struct host *host, struct op *op)
{
	(void)host;
	op->outcome->modelled = false;
	return finish(op, 0);
}

/* Groups and devices have the same order, and so the same index, as in the machine. */
static void host_add_groups(struct host *host)
{
	const struct machine *machine = host->machine;

	for (size_t i = 0; i < machine->group_count; i++) {
		uint32_t index = table_add(&host->groups);

		host->groups.items[index] = (struct group){.number = machine->groups[i].number,
							   .file = NOTHING,
							   .container = NOTHING,
							   .joined = NOTHING,
							   .noiommu = machine->groups[i].noiommu,
							   .iommufd = NOTHING,
							   .pinned_scope = machine->groups[i].emulated};
	}
	for (size_t i = 0; i < machine->device_count; i++) {
		const struct device *device = &machine->devices[i];
		uint32_t index = table_add(&host->devices), group = group_find(host, device->group);

		host->devices.items[index].number = NOTHING;
		if (device_is_vfio(device) && spapr_binds(host) &&
		    (device->driver != DRIVER_PLATFORM || profile_get(host, PROFILE_PLATFORM_DEVICES)) &&
		    (!host->groups.items[group].noiommu || profile_get(host, PROFILE_NOIOMMU) == NOIOMMU_ENABLED)) {
			host->groups.items[group].offered = true;
			host->devices.items[index].number = device_file_number(host);
		}
		host->devices.items[index].group = group;
		host->devices.items[index].memory_enabled = true;
		host->devices.items[index].unbound = device_is_vfio(device) && !spapr_binds(host);
		host->devices.items[index].irq_type = IRQ_TYPE_NONE;
		host->devices.items[index].iommufd = NOTHING;
		host->devices.items[index].ioas = NOTHING;
	}
}

struct host *host_new(const struct machine *machine, const struct profile *profile)
{
	struct host *host = memory_allocate(sizeof(*host));
	struct task *task;
	uint32_t file;

	memset(host, 0, sizeof(*host));
	host->machine = machine;
	host->profile = *profile;
	defects_change_profile(&host->profile);
	host_add_groups(host);
	tce_put_begin(host);
	mm_new(host, 0);
	table_add(&host->tasks);
	task = &host->tasks.items[0];
	task->alive = true;
	task->threads = 1;
	task->parent = NOTHING;
	task->memlock = (uint64_t)profile_get(host, PROFILE_MEMLOCK_LIMIT);
	host->frames_end = FRAMES_FIRST;
	/* Standard input, output and error: one file that is not VFIO's. */
	file = file_new(host, FILE_OTHER, NOTHING, 2);
	for (int32_t number = 0; number < 3; number++) {
		uint32_t at = table_add(&task->descriptors);

		task->descriptors.items[at] = (struct descriptor){number, file, false};
	}
	host->files.items[file].references = 3;
	return host;
}

/* The tables of a host: what is said of one of them here holds for all. */
#define HOST_TABLES(apply)                                                                                \
	apply(tasks) apply(mms) apply(files) apply(containers) apply(groups) apply(devices) apply(iommus) \
	    apply(spaprs) apply(iommufds) apply(ioases) apply(pages) apply(memory_files) apply(lost_pins) \
		apply(ioasids.ids) apply(guests) apply(tce_puts) apply(put_tables)

/* Lets go of what objects own outside the tables. */
static void host_drop(struct host *host)
{
	for (uint32_t i = 0; i < host->tasks.count; i++)
		free(host->tasks.items[i].descriptors.items);
	for (uint32_t i = 0; i < host->mms.count; i++) {
		rangemap_clear(&host->mms.items[i].areas);
		rangemap_clear(&host->mms.items[i].pages);
		rangemap_clear(&host->mms.items[i].regions);
		rangemap_clear(&host->mms.items[i].table);
	}
	for (uint32_t i = 0; i < host->spaprs.count; i++)
		spapr_drop(&host->spaprs.items[i]);
	tce_put_drop(host);
	for (uint32_t i = 0; i < host->memory_files.count; i++)
		rangemap_clear(&host->memory_files.items[i].pages);
	rangemap_clear(&host->frames);
	rangemap_clear(&host->contents);
	for (uint32_t i = 0; i < host->iommus.count; i++) {
		rangemap_clear(&host->iommus.items[i].mappings);
		rangemap_clear(&host->iommus.items[i].pinned);
		rangemap_clear(&host->iommus.items[i].bound);
		dmatree_clear(&host->iommus.items[i].tree);
		free(host->iommus.items[i].tops.items);
		rangemap_clear(&host->iommus.items[i].dirty);
		rangemap_clear(&host->iommus.items[i].tails);
		rangemap_clear(&host->iommus.items[i].table);
		rangemap_clear(&host->iommus.items[i].held);
		free(host->iommus.items[i].windows.items);
	}
	for (uint32_t i = 0; i < host->devices.count; i++) {
		free(host->devices.items[i].ioeventfds.items);
		pinner_free(&host->devices.items[i].pinner);
		free(host->devices.items[i].edu.buffer);
	}
	for (uint32_t i = 0; i < host->ioases.count; i++) {
		rangemap_clear(&host->ioases.items[i].areas);
		rangemap_clear(&host->ioases.items[i].table);
		rangemap_clear(&host->ioases.items[i].held);
		free(host->ioases.items[i].windows.items);
	}
	for (uint32_t i = 0; i < host->guests.count; i++)
		free(host->guests.items[i].ids.ids.items);
}

/* Gives objects, whose tables were copied, their own of what they own outside of them. */
static void host_unshare(struct host *host)
{
	for (uint32_t i = 0; i < host->tasks.count; i++)
		table_unshare(&host->tasks.items[i].descriptors);
	for (uint32_t i = 0; i < host->mms.count; i++) {
		rangemap_unshare(&host->mms.items[i].areas);
		rangemap_unshare(&host->mms.items[i].pages);
		rangemap_unshare(&host->mms.items[i].regions);
		rangemap_unshare(&host->mms.items[i].table);
	}
	for (uint32_t i = 0; i < host->spaprs.count; i++)
		spapr_unshare(&host->spaprs.items[i]);
	tce_put_unshare(host);
	for (uint32_t i = 0; i < host->memory_files.count; i++)
		rangemap_unshare(&host->memory_files.items[i].pages);
	rangemap_unshare(&host->frames);
	rangemap_unshare(&host->contents);
	for (uint32_t i = 0; i < host->iommus.count; i++) {
		rangemap_unshare(&host->iommus.items[i].mappings);
		rangemap_unshare(&host->iommus.items[i].pinned);
		rangemap_unshare(&host->iommus.items[i].bound);
		table_unshare(&host->iommus.items[i].tree.nodes);
		table_unshare(&host->iommus.items[i].tops);
		rangemap_unshare(&host->iommus.items[i].dirty);
		rangemap_unshare(&host->iommus.items[i].tails);
		rangemap_unshare(&host->iommus.items[i].table);
		rangemap_unshare(&host->iommus.items[i].held);
		table_unshare(&host->iommus.items[i].windows);
	}
	for (uint32_t i = 0; i < host->ioases.count; i++) {
		rangemap_unshare(&host->ioases.items[i].areas);
		rangemap_unshare(&host->ioases.items[i].table);
		rangemap_unshare(&host->ioases.items[i].held);
		table_unshare(&host->ioases.items[i].windows);
	}
	for (uint32_t i = 0; i < host->guests.count; i++)
		table_unshare(&host->guests.items[i].ids.ids);
	for (uint32_t i = 0; i < host->devices.count; i++) {
		struct edu *edu = &host->devices.items[i].edu;

		table_unshare(&host->devices.items[i].ioeventfds);
		pinner_unshare(&host->devices.items[i].pinner);
		if (edu->buffer)
			edu->buffer = memory_duplicate(edu->buffer, 1, 1, sizeof(*edu->buffer));
	}
}

void host_free(struct host *host)
{
	if (!host)
		return;
	host_drop(host);
#define FREE(table) free(host->table.items);
	HOST_TABLES(FREE)
#undef FREE
	for (unsigned i = 0; i < CALL_BUFFERS_MAX; i++) {
		free(host->scratch[i].out);
		free(host->scratch[i].mask);
	}
	free(host->audit.text);
	free(host->audit.counts);
	free(host);
}

struct host *host_clone(const struct host *from)
{
	struct host *host = memory_allocate(sizeof(*host));

	*host = *from;
	memset(&host->audit, 0, sizeof(host->audit));
	memset(host->scratch, 0, sizeof(host->scratch));
#define UNSHARE(table) table_unshare(&host->table);
	HOST_TABLES(UNSHARE)
#undef UNSHARE
	host_unshare(host);
	return host;
}

void host_set_field(struct host *host, enum profile_field field, int64_t value)
{
	host->profile.values[field] = value;
}

void host_assign(struct host *host, const struct host *from)
{
	struct host kept;

	host_drop(host);
	kept = *host;
	*host = *from;
	host->audit = kept.audit;
	memcpy(host->scratch, kept.scratch, sizeof(host->scratch));
#define ASSIGN(table)                               \
	host->table.items = kept.table.items;       \
	host->table.capacity = kept.table.capacity; \
	table_assign(&host->table, &from->table);
	HOST_TABLES(ASSIGN)
#undef ASSIGN
	host_unshare(host);
}

/* Each file that has calls answers for its own. */
static handler_fn *call_handler(enum call_op op)
{
	static handler_fn *(*const owners[])(enum call_op op) = {
	    file_call_handler, memory_file_call_handler, map_call_handler,   mm_call_handler,
	    lock_call_handler, task_call_handler,	 guest_call_handler, ioasid_call_handler};
	handler_fn *handler = NULL;

	for (size_t i = 0; !handler && i < sizeof(owners) / sizeof(owners[0]); i++)
		handler = owners[i](op);
	return handler;
}

/* The address space of a task, or NULL if there is no such task. */
static struct mm *task_mm(const struct host *host, uint32_t task)
{
	if (!task || task > host->tasks.count || !host->tasks.items[task - 1].alive)
		return NULL;
	return &host->mms.items[host->tasks.items[task - 1].mm];
}

static uint64_t task_pinned(const struct host *host, uint32_t task)
{
	return host->mms.items[host->tasks.items[task].mm].pinned * host->machine->page_size;
}

static void outcome_begin(struct outcome *outcome)
{
	outcome->modelled = true;
	outcome->ret = 0;
	outcome->rule_count = 0;
	outcome->complaint = RULE_NONE;
	outcome->task_gone = false;
	outcome->locked_before = outcome->locked_after = 0;
	outcome->pinned_before = outcome->pinned_after = 0;
	for (unsigned i = 0; i < CALL_BUFFERS_MAX; i++)
		outcome->out[i] = outcome->mask[i] = NULL;
}

struct underway {
	struct op op;
	struct outcome outcome;
	handler_fn *handler;
	bool begun, ended;
};

static void underway_prepare(struct underway *underway, const struct call *call, const struct choice *choice)
{
	*underway = (struct underway){.op = {.call = call,
					     .choice = choice,
					     .task = call->task - 1,
					     .file = NOTHING,
					     .second_file = NOTHING,
					     .object = NOTHING},
				      .handler = call_handler(call->op)};
	outcome_begin(&underway->outcome);
}

/* Whether there is somebody who could make the call, and the model knows it. */
static bool underway_begin(struct underway *underway, struct host *host)
{
	const uint32_t task = underway->op.call->task;

	underway->begun = true;
	if (!task || task > host->tasks.count || !host->tasks.items[task - 1].alive || !underway->handler) {
		underway->outcome.modelled = false;
		underway->ended = true;
		return false;
	}
	underway->outcome.locked_before = host_locked(host, task);
	underway->outcome.pinned_before = task_pinned(host, task - 1);
	return true;
}

static void underway_end(struct underway *underway, struct host *host)
{
	const struct op *op = &underway->op;

	underway->ended = true;
	if (op->second_file != NOTHING)
		file_put(host, op->second_file);
	if (op->file != NOTHING)
		file_put(host, op->file);
	if (underway->outcome.task_gone)
		return;
	underway->outcome.locked_after = host_locked(host, op->call->task);
	underway->outcome.pinned_after = task_pinned(host, op->task);
}

void underway_step(struct underway *underway, struct host *host)
{
	underway->op.outcome = &underway->outcome;
	if (!underway->begun && !underway_begin(underway, host))
		return;
	if (underway->handler(host, &underway->op) == STEP_MORE)
		underway->op.step++;
	else
		underway_end(underway, host);
}

struct underway *underway_new(const struct call *call)
{
	struct underway *underway = memory_allocate(sizeof(*underway));

	underway_prepare(underway, call, NULL);
	return underway;
}

struct underway *underway_clone(const struct underway *underway)
{
	return memory_duplicate(underway, 1, 1, sizeof(*underway));
}

void underway_free(struct underway *underway)
{
	free(underway);
}

const struct outcome *underway_outcome(const struct underway *underway)
{
	return underway->ended ? &underway->outcome : NULL;
}

void host_call(struct host *host, const struct call *call, const struct choice *choice, struct outcome *outcome)
{
	struct underway underway;

	underway_prepare(&underway, call, choice);
	while (!underway.ended)
		underway_step(&underway, host);
	*outcome = underway.outcome;
}

void host_avoid_complaints(struct host *host)
{
	host->peaceful = true;
}

void host_set_locked_unseen(struct host *host, uint32_t task, uint64_t bytes)
{
	struct mm *mm = task_mm(host, task);

	if (mm)
		mm->locked_unseen = bytes / host->machine->page_size;
}

uint64_t host_locked(const struct host *host, uint32_t task)
{
	const struct mm *mm = task_mm(host, task);

	return mm ? (mm->locked + mm->locked_areas) * host->machine->page_size : 0;
}

uint64_t host_locked_by_vfio(const struct host *host, uint32_t task)
{
	const struct mm *mm = task_mm(host, task);

	return mm ? mm->locked * host->machine->page_size : 0;
}

uint32_t host_task_count(const struct host *host)
{
	return host->tasks.count;
}
