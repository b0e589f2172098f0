/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the telling of IOVA spaces apart: which one each container has, where it ends, and what must hold of it. */
#include "vfiosim/spaces.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/memory.h"
#include "model/rangemap.h"
#include "vfiosim/uapi.h"

const struct space_rule_desc space_rules[SPACE_RULE_COUNT] = {
#define SPACE_RULE(id, name, sentence, source) [SPACE_RULE_##id] = {name, sentence, source},
#include "vfiosim/space-rules.def"
};

const char *const space_kind_names[SPACE_KIND_COUNT] = {
    [SPACE_OPEN] = "open", [SPACE_MEMORY] = "memory", [SPACE_TRANSLATED] = "translated"};

/* The space that a container has now. */
struct space {
	struct space_past past; /* maps is 0: there is none */
	uint32_t task;		/* that mapped first */
	uint64_t bytes;		/* mapped */
	bool growing;		/* the last change was a mapping that came */
	uint64_t at_home;	/* bytes of known memory, when mappings last began to go */
	uint64_t known;		/* of so many */
	int64_t charge;		/* of the container's mappings, as far as it was observed */
	bool unobserved;	/* some of it was not */
};

/* What is known of the memory of a task. */
struct layout {
	struct rangemap homes; /* memory by address in the task; value: where the machine has it */
	uint64_t known;	       /* bytes of it */
	bool swapped;	       /* there was a space of translations */
};

struct spaces {
	const struct machine *machine;
	const struct profile *profile;
	const struct space_listener *listener;
	struct host *host;	      /* NULL before the first run */
	TABLE(struct space) spaces;   /* by container */
	TABLE(struct layout) layouts; /* by task, from 1 on */
	uint64_t line;		      /* of the event at hand */
};

/* How a mapping lies to what is known of memory. */
struct placing {
	uint64_t at_home;   /* bytes of known memory at home */
	uint64_t elsewhere; /* bytes of it that are not */
};

struct spaces *spaces_new(const struct machine *machine, const struct profile *profile,
			  const struct space_listener *listener)
{
	struct spaces *spaces = calloc(1, sizeof(*spaces));

	if (!spaces)
		return NULL;
	spaces->machine = machine;
	spaces->profile = profile;
	spaces->listener = listener;
	return spaces;
}

static void forget_run(struct spaces *spaces)
{
	for (uint32_t i = 0; i < spaces->layouts.count; i++)
		rangemap_clear(&spaces->layouts.items[i].homes);
	spaces->layouts.count = 0;
	spaces->spaces.count = 0;
	if (spaces->host)
		host_free(spaces->host);
	spaces->host = NULL;
}

void spaces_free(struct spaces *spaces)
{
	if (!spaces)
		return;
	forget_run(spaces);
	free(spaces->layouts.items);
	free(spaces->spaces.items);
	free(spaces);
}

void spaces_begin_run(struct spaces *spaces)
{
	forget_run(spaces);
	spaces->host = host_new(spaces->machine, spaces->profile);
}

const struct host *spaces_host(const struct spaces *spaces)
{
	return spaces->host;
}

static struct layout *layout_of(struct spaces *spaces, uint32_t task)
{
	while (spaces->layouts.count <= task)
		table_add(&spaces->layouts);
	return &spaces->layouts.items[task];
}

static struct space *space_of(struct spaces *spaces, uint32_t container)
{
	while (spaces->spaces.count <= container) {
		const uint32_t added = table_add(&spaces->spaces);

		spaces->spaces.items[added].past.container = added;
	}
	return &spaces->spaces.items[container];
}

static void tell_fault(struct spaces *spaces, enum space_rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void tell_fault(struct spaces *spaces, enum space_rule rule, const char *format, ...)
{
	struct space_fault fault = {.rule = rule, .line = spaces->line};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fault.text, sizeof(fault.text), format, arguments);
	va_end(arguments);
	spaces->listener->fault(spaces->listener->context, &fault);
}

/* ---- memory ------------------------------------------------------------------------------- */

static struct placing place(const struct layout *layout, uint64_t vaddr, uint64_t size, uint64_t iova)
{
	const uint64_t last = vaddr + size - 1;
	struct placing placing = {.at_home = 0};
	const struct range *home;

	for (uint64_t at = vaddr; (home = rangemap_overlap(&layout->homes, at, last)); at = home->last + 1) {
		const uint64_t first = home->first > vaddr ? home->first : vaddr;
		const uint64_t end = home->last < last ? home->last : last;
		const bool there = home->value + (first - home->first) == iova + (first - vaddr);

		*(there ? &placing.at_home : &placing.elsewhere) += end - first + 1;
		if (home->last >= last)
			break;
	}
	return placing;
}

/* What is mapped now is at home where it is mapped, as far as nothing else is known of it. */
static void learn_home(struct layout *layout, uint64_t vaddr, uint64_t size, uint64_t iova)
{
	const uint64_t last = vaddr + size - 1;
	uint64_t at = vaddr;

	while (at <= last) {
		const struct range *known = rangemap_overlap(&layout->homes, at, last);
		const uint64_t end = known && known->first <= at ? known->last : known ? known->first - 1 : last;

		if (!known || known->first > at) {
			const struct range home = {.first = at, .last = end, .value = iova + (at - vaddr)};

			rangemap_join(&layout->homes, &home, true);
			layout->known += end - at + 1;
		}
		if (end >= last)
			break;
		at = end + 1;
	}
}

/* A container turns out to have memory: what it has mapped tells where that is at home. */
static void learn_homes(const struct spaces *spaces, struct layout *layout, uint32_t task, uint32_t container)
{
	struct host_mapping mapping;

	for (uint64_t iova = 0; host_mapping_from(spaces->host, container, iova, &mapping); iova = mapping.last + 1) {
		const uint64_t size = mapping.last - mapping.first + 1;

		if (mapping.write && !host_memory_is_device(spaces->host, task, mapping.vaddr, size))
			learn_home(layout, mapping.vaddr, size, mapping.first);
		if (mapping.last == UINT64_MAX)
			break;
	}
}

/* The memory itself is gone. */
static void forget_home(struct layout *layout, uint64_t address, uint64_t length)
{
	struct range taken;

	if (!length || address + (length - 1) < address)
		return;
	while (rangemap_take(&layout->homes, address, address + (length - 1), &taken))
		layout->known -= taken.last - taken.first + 1;
}

/* How much of the known memory a container has at home. */
static uint64_t count_at_home(const struct spaces *spaces, const struct layout *layout, uint32_t container)
{
	struct host_mapping mapping;
	uint64_t at_home = 0;

	for (uint64_t iova = 0; host_mapping_from(spaces->host, container, iova, &mapping); iova = mapping.last + 1) {
		at_home += place(layout, mapping.vaddr, mapping.last - mapping.first + 1, mapping.first).at_home;
		if (mapping.last == UINT64_MAX)
			break;
	}
	return at_home;
}

/* ---- spaces that come and go --------------------------------------------------------------- */

/* Mappings begin to go, perhaps all of them: this is what the space had. */
static void space_settle(struct spaces *spaces, struct space *space)
{
	const struct layout *layout = layout_of(spaces, space->task);

	if (!space->growing)
		return;
	space->growing = false;
	if (space->past.kind != SPACE_MEMORY)
		return;
	space->at_home = count_at_home(spaces, layout, space->past.container);
	space->known = layout->known;
}

/* Nothing is mapped any more. @observed: VmLck tells whether all that was charged has been given back. */
static void space_end(struct spaces *spaces, struct space *space, bool observed)
{
	const struct layout *layout = layout_of(spaces, space->task);
	const uint32_t container = space->past.container;

	space->past.last_line = spaces->line;
	if (space->past.kind == SPACE_MEMORY && layout->swapped && space->at_home < space->known)
		tell_fault(spaces, SPACE_RULE_REPLAY, "of %" PRIu64 " KiB of memory, %" PRIu64 " were mapped again",
			   space->known / 1024, space->at_home / 1024);
	if (observed && !space->unobserved && space->charge)
		tell_fault(spaces, SPACE_RULE_LEVEL, "nothing is mapped, and %+" PRId64 " KiB are charged for it",
			   space->charge / 1024);
	spaces->listener->past(spaces->listener->context, &space->past);
	*space = (struct space){.past.container = container};
}

/* Which kind of space this is, now that there is one mapping more. */
static enum space_kind kind_with(const struct space *space, const struct layout *layout,
				 const struct vfio_iommu_type1_dma_map *map)
{
	const struct placing placing = place(layout, map->vaddr, map->size, map->iova);
	const bool natural = !(map->size & (map->size - 1)) && !(map->iova & (map->size - 1));

	if (placing.elsewhere)
		return SPACE_TRANSLATED;
	if (!natural || (layout->known && placing.at_home == layout->known))
		return SPACE_MEMORY;
	return space->past.kind;
}

static void note_map(struct spaces *spaces, uint32_t container, const struct event *event)
{
	struct space *space = space_of(spaces, container);
	struct layout *layout = layout_of(spaces, event->call.task);
	struct vfio_iommu_type1_dma_map map = {.argsz = 0};
	enum space_kind before, kind;

	struct_load(event->call.ioctl->layout, &map, event->call.buffers[0].in, event->call.buffers[0].length);
	if (map.flags & VFIO_DMA_MAP_FLAG_VADDR)
		return;
	if (!space->past.maps++) {
		space->task = event->call.task;
		space->past.first_line = spaces->line;
	}
	before = space->past.kind;
	kind = kind_with(space, layout, &map);
	if (before != SPACE_OPEN && kind != before)
		tell_fault(spaces, SPACE_RULE_ONE, "IOVA 0x%" PRIx64 " of a space of %s is mapped beside one of %s",
			   map.iova, kind == SPACE_MEMORY ? "memory" : "translations",
			   kind == SPACE_MEMORY ? "translations" : "memory");
	else
		space->past.kind = kind;
	layout->swapped |= kind == SPACE_TRANSLATED;
	if (before == SPACE_OPEN && kind == SPACE_MEMORY)
		learn_homes(spaces, layout, event->call.task, container);
	else if (kind == SPACE_MEMORY && (map.flags & VFIO_DMA_MAP_FLAG_WRITE) &&
		 !host_memory_is_device(spaces->host, event->call.task, map.vaddr, map.size))
		learn_home(layout, map.vaddr, map.size, map.iova);
	space->growing = true;
	space->bytes += map.size;
	if (space->bytes >= space->past.bytes) {
		space->past.bytes = space->bytes;
		space->past.mappings = host_mapping_count(spaces->host, container);
	}
}

static void note_unmap(struct spaces *spaces, uint32_t container, const struct event *event)
{
	struct space *space = space_of(spaces, container);
	const struct buffer *argument = &event->call.buffers[0];
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = 0};

	struct_load(event->call.ioctl->layout, &unmap, argument->out ? argument->out : argument->in, argument->length);
	if (unmap.flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return;
	space->bytes -= unmap.size < space->bytes ? unmap.size : space->bytes;
}

/* ---- events -------------------------------------------------------------------------------- */

static bool is_ioctl(const struct event *event, uint32_t number)
{
	return event->call.op == CALL_IOCTL && event->call.ioctl && event->call.ioctl->number == number &&
	       event->call.ioctl->owner == OWNER_TYPE1;
}

/* Whether a call can take mappings away. */
static bool may_unmap(const struct event *event)
{
	switch (event->call.op) {
	case CALL_CLOSE:
	case CALL_DUP3:
	case CALL_EXEC:
	case CALL_EXIT:
		return true;
	case CALL_IOCTL:
		return is_ioctl(event, VFIO_IOMMU_UNMAP_DMA) ||
		       (event->call.ioctl && event->call.ioctl->owner == OWNER_GROUP);
	default:
		return false;
	}
}

static void settle_all(struct spaces *spaces)
{
	for (uint32_t i = 0; i < spaces->spaces.count; i++)
		if (spaces->spaces.items[i].past.maps)
			space_settle(spaces, &spaces->spaces.items[i]);
}

static void end_empty(struct spaces *spaces, bool observed)
{
	for (uint32_t i = 0; i < spaces->spaces.count; i++)
		if (spaces->spaces.items[i].past.maps && !host_mapping_count(spaces->host, i))
			space_end(spaces, &spaces->spaces.items[i], observed);
}

/* What a call at a descriptor of this container has changed in what the task is charged. */
static void note_charge(struct spaces *spaces, uint32_t container, const struct event *event)
{
	const struct observation *locked = &event->answer.locked;
	struct space *space;

	if (container == HOST_NO_CONTAINER)
		return;
	space = space_of(spaces, container);
	if (!space->past.maps && !is_ioctl(event, VFIO_IOMMU_MAP_DMA))
		return;
	if (locked->present)
		space->charge += (int64_t)(locked->after - locked->before);
	else
		space->unobserved = true;
}

static void note_success(struct spaces *spaces, uint32_t container, const struct event *event)
{
	if (container != HOST_NO_CONTAINER && is_ioctl(event, VFIO_IOMMU_MAP_DMA))
		note_map(spaces, container, event);
	else if (container != HOST_NO_CONTAINER && is_ioctl(event, VFIO_IOMMU_UNMAP_DMA))
		note_unmap(spaces, container, event);
	else if (event->call.op == CALL_MUNMAP)
		forget_home(layout_of(spaces, event->call.task), event->call.args[0], event->call.args[1]);
}

/* The container that a call is about, by the descriptor that it names. */
static uint32_t container_of_call(const struct spaces *spaces, const struct call *call)
{
	if (call->op != CALL_IOCTL && call->op != CALL_PWRITE && call->op != CALL_CLOSE)
		return HOST_NO_CONTAINER;
	return host_container(spaces->host, call->task, (int)call->args[0]);
}

void spaces_event(struct spaces *spaces, const struct event *event)
{
	const struct call *call = &event->call;
	const struct choice choice = {.ret = event->answer.ret,
				      .out = call->buffer_count ? call->buffers[0].out : NULL};
	uint32_t container;
	struct outcome outcome;

	if (!spaces->host)
		spaces_begin_run(spaces);
	spaces->line = event->line;
	if (may_unmap(event))
		settle_all(spaces);
	/* A group that leaves its container, and one that joins, change what is charged. */
	container = container_of_call(spaces, call);
	host_call(spaces->host, call, event->answer.known ? &choice : NULL, &outcome);
	if (!outcome.modelled)
		return;
	if (container == HOST_NO_CONTAINER)
		container = container_of_call(spaces, call);
	note_charge(spaces, container, event);
	if (outcome.ret >= 0)
		note_success(spaces, container, event);
	if (may_unmap(event))
		end_empty(spaces, is_ioctl(event, VFIO_IOMMU_UNMAP_DMA));
}

void spaces_end_run(struct spaces *spaces)
{
	if (!spaces->host)
		return;
	settle_all(spaces);
	for (uint32_t i = 0; i < spaces->spaces.count; i++)
		if (spaces->spaces.items[i].past.maps)
			space_end(spaces, &spaces->spaces.items[i], false);
}
