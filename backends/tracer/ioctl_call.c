/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The ioctl among the calls that are looked at: which row of the ioctl table it is,
 * how much memory its argument is, and what it leads to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../agent/native.h"
#include "tracer_internal.h"
#include "vfiosim/uapi.h"

#define ARGUMENT_MAX	 (64u << 10) /* bytes of an argument, whatever its argsz says */
#define UNKNOWN_MAX	 (4u << 10)  /* the same for a number without a row */
#define UNKNOWN_USUAL	 64u	     /* taken of an unknown argument that does not begin with an argsz, bytes */
#define CAP_IPC_LOCK_BIT 14

/* The argument of a call that is about to be made. */
struct argument {
	const struct ioctl_row *row; /* NULL: a number without one */
	uint64_t value;		     /* as it is in the register */
	uint8_t *bytes;		     /* what it points to; NULL if it is no pointer */
	size_t length;
};

enum memory_use {
	MEMORY_MAPPED, /* the trace must say what lies there */
	MEMORY_READ,   /* and which of it has been written: only read, the rest may stay the page of zeros */
	MEMORY_COPIED, /* its bytes belong to the call */
};

/* Memory that an argument points to, by the names of the fields that say where and how much (bytes). */
static const struct {
	const char *layout;
	uint32_t kinds, kind; /* it is used when flags & kinds is kind */
	const char *address, *size;
	enum memory_use use;
} memory_uses[] = {
    {"vfio_iommu_type1_dma_map", 0, 0, "vaddr", "size", MEMORY_MAPPED},
    {"vfio_iommu_type1_dma_map", VFIO_DMA_MAP_FLAG_WRITE, 0, "vaddr", "size", MEMORY_READ},
    {"vfio_iommu_spapr_register_memory", 0, 0, "vaddr", "size", MEMORY_MAPPED},
    {"vfio_iommu_type1_dma_unmap", VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
     "data.data", "data.size", MEMORY_COPIED},
    {"vfio_iommu_type1_dirty_bitmap", VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP, VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
     "data.bitmap_data", "data.bitmap_size", MEMORY_COPIED},
};

/*
 * Arrays at the end of an argument that have as many elements as its field `count` says. Programs may
 * give an argsz that goes far beyond them; the kernel then does not look there.
 */
static const struct array_use {
	const char *layout;
	uint32_t kinds, kind; /* it is this array when flags & kinds is kind */
	uint32_t width;	      /* bytes of one element; 0: there are none, whatever count says */
	bool descriptors;     /* the elements are file descriptors */
} array_uses[] = {
    {"vfio_irq_set", VFIO_IRQ_SET_DATA_TYPE_MASK, VFIO_IRQ_SET_DATA_NONE, 0, false},
    {"vfio_irq_set", VFIO_IRQ_SET_DATA_TYPE_MASK, VFIO_IRQ_SET_DATA_BOOL, 1, false},
    {"vfio_irq_set", VFIO_IRQ_SET_DATA_TYPE_MASK, VFIO_IRQ_SET_DATA_EVENTFD, 4, true},
    {"vfio_pci_hot_reset", 0, 0, 4, true},
};

static const struct field_desc *field_named(const struct struct_desc *layout, const char *name)
{
	for (size_t i = 0; i < layout->field_count; i++)
		if (strcmp(layout->fields[i].name, name) == 0)
			return &layout->fields[i];
	return NULL;
}

/*
 * The value of a field, or with "data." in front that of a field of the first struct
 * after the fixed part. False if it is not all there.
 */
static bool field_value(const struct argument *argument, const char *name, uint64_t *value)
{
	const struct struct_desc *layout = argument->row->layout;
	const struct field_desc *field;
	size_t base = 0;

	if (strncmp(name, "data.", strlen("data.")) == 0 && layout->flex_struct) {
		name += strlen("data.");
		base = layout->size;
		layout = layout->flex_struct;
	}
	field = field_named(layout, name);
	if (!field || base + field->offset + field->width > argument->length)
		return false;
	*value = bytes_get(argument->bytes + base + field->offset, field->width);
	return true;
}

/* Whether it is a struct of this name, with flags of this kind. */
static bool is_layout(const struct argument *argument, const char *name, uint32_t kinds, uint32_t kind)
{
	uint64_t flags;

	if (strcmp(argument->row->layout->name, name) != 0)
		return false;
	return kinds == 0 || (field_value(argument, "flags", &flags) && (flags & kinds) == kind);
}

/* The array at the end of the argument, if it is one that is counted. */
static const struct array_use *array_of(const struct argument *argument)
{
	for (size_t i = 0; i < sizeof(array_uses) / sizeof(array_uses[0]); i++) {
		const struct array_use *use = &array_uses[i];

		if (is_layout(argument, use->layout, use->kinds, use->kind))
			return use;
	}
	return NULL;
}

/*
 * The row for @number on @file. A container whose IOMMU is not set, or of the other
 * kind, has no such ioctl; the row is then that of the IOMMU for which it was meant.
 */
static const struct ioctl_row *row_for(const struct tracee_file *file, uint32_t number)
{
#ifdef __powerpc64__
	static const enum ioctl_owner guesses[] = {OWNER_SPAPR, OWNER_TYPE1};
#else
	static const enum ioctl_owner guesses[] = {OWNER_TYPE1, OWNER_SPAPR};
#endif
	const struct ioctl_row *row;

	if (file->kind == FILE_GROUP)
		return ioctl_by_number(number, OWNER_GROUP);
	if (file->kind == FILE_DEVICE)
		return ioctl_by_number(number, OWNER_DEVICE);
	row = ioctl_by_number(number, file->iommu);
	if (!row)
		row = ioctl_by_number(number, OWNER_CONTAINER);
	for (size_t i = 0; i < 2 && !row; i++)
		row = ioctl_by_number(number, guesses[i]);
	return row;
}

/* Bytes of the argument that the kernel may look at; what the memory really has may be less. */
static size_t argument_length(struct tracer *tracer, pid_t tid, const struct argument *argument)
{
	const struct ioctl_row *row = argument->row;
	uint8_t first[4];
	uint32_t argsz;

	if (row && (row->arg == ARG_NONE || row->arg == ARG_VALUE))
		return 0;
	if (row && row->arg == ARG_INT)
		return sizeof(int32_t);
	if (row && row->arg == ARG_STRING) {
		char *string = malloc(tracer->page_size);
		ssize_t length;

		if (!string) {
			tracer_fail(tracer, -ENOMEM);
			return 0;
		}
		length = memory_read_string(tid, argument->value, string, tracer->page_size);
		free(string);
		return length < 0 ? tracer->page_size : (size_t)length + 1;
	}
	if (memory_read(tid, argument->value, first, sizeof(first)) < sizeof(first))
		return sizeof(first);
	argsz = (uint32_t)bytes_get(first, sizeof(first));
	if (!row)
		return argsz >= 8 && argsz <= UNKNOWN_MAX ? argsz : UNKNOWN_USUAL;
	if (!field_named(row->layout, "argsz"))
		return row->layout->size;
	if (argsz > ARGUMENT_MAX)
		argsz = ARGUMENT_MAX;
	return argsz > row->minsz ? argsz : row->minsz;
}

/* Shortens the argument to what the kernel looks at of the array at its end. */
static void argument_cut(struct argument *argument)
{
	const struct array_use *use;
	uint64_t count, length;

	if (!argument->row || argument->row->arg != ARG_STRUCT || !(use = array_of(argument)) ||
	    !field_value(argument, "count", &count))
		return;
	length = argument->row->layout->size + count * use->width;
	if (length < argument->length)
		argument->length = (size_t)length;
}

/* Fetches what the argument points to; without memory there it is a mere value. */
static void argument_fetch(struct tracer *tracer, pid_t tid, struct argument *argument)
{
	size_t length = argument_length(tracer, tid, argument);

	if (length == 0)
		return;
	argument->bytes = malloc(length);
	if (!argument->bytes) {
		tracer_fail(tracer, -ENOMEM);
		return;
	}
	argument->length = memory_read(tid, argument->value, argument->bytes, length);
	argument_cut(argument);
}

/* The trace must know the descriptors that an argument names. */
static void tell_descriptors(struct tracer *tracer, struct thread *thread, const struct argument *argument)
{
	const struct ioctl_row *row = argument->row;
	const struct array_use *use;

	if (!row)
		return;
	if (row->arg == ARG_INT && row->owner == OWNER_GROUP && argument->length == sizeof(int32_t))
		descriptor_adopt(tracer, thread, (int)(int32_t)bytes_get(argument->bytes, sizeof(int32_t)));
	use = row->arg == ARG_STRUCT ? array_of(argument) : NULL;
	if (!use || !use->descriptors)
		return;
	for (size_t at = row->layout->size; at + use->width <= argument->length; at += use->width)
		descriptor_adopt(tracer, thread, (int)(int32_t)bytes_get(argument->bytes + at, use->width));
}

/* Memory that the argument points to and that is used like this: tells of it, or adds its bytes to the call. */
static void use_memory(struct tracer *tracer, struct thread *thread, const struct argument *argument,
		       enum memory_use use)
{
	uint64_t address, size;

	if (!argument->row || argument->row->arg != ARG_STRUCT)
		return;
	for (size_t i = 0; i < sizeof(memory_uses) / sizeof(memory_uses[0]); i++) {
		if (memory_uses[i].use != use ||
		    !is_layout(argument, memory_uses[i].layout, memory_uses[i].kinds, memory_uses[i].kind) ||
		    !field_value(argument, memory_uses[i].address, &address) ||
		    !field_value(argument, memory_uses[i].size, &size))
			continue;
		if (use == MEMORY_MAPPED)
			regions_tell(tracer, thread, address, size);
		else if (use == MEMORY_READ)
			regions_tell_written(tracer, thread, address, size);
		else if (record_buffer(tracer, thread, address,
				       size < CALL_PAYLOAD_MAX ? (size_t)size : CALL_PAYLOAD_MAX)) {
			struct call *call = &thread->pending.event.call;

			call->buffers[call->buffer_count - 1].address = address;
		}
	}
}

/* What decides whether memory may be locked, as far as the trace is wrong about it. */
static void tell_limits(struct tracer *tracer, struct thread *thread)
{
	struct process *process = thread->process;
	struct proc_status status;
	uint64_t limit;

	/* With the capability there is no limit. */
	if (!proc_status(thread->tid, &status) || status.capabilities >> CAP_IPC_LOCK_BIT & 1)
		return;
	if (!process->ipc_lock_dropped)
		record_instant(tracer, thread, CALL_DROPCAP, NULL, 1, (const uint64_t[]){CAP_IPC_LOCK_BIT}, 0);
	process->ipc_lock_dropped = true;
	if (!proc_lock_limit(thread->tid, &limit) || (process->lock_limit_told && process->lock_limit == limit))
		return;
	record_instant(tracer, thread, CALL_SETRLIMIT, NULL, 1, &limit, 0);
	process->lock_limit_told = true;
	process->lock_limit = limit;
}

void ioctl_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	int fd = (int)args[0];
	uint32_t native = (uint32_t)args[1], number = native_ioctl_number(native);
	struct argument argument = {.value = args[2]};
	const struct descriptor *descriptor = descriptor_find(thread->process, fd);
	struct tracee_file *file;
	struct call *call;

	if (!descriptor && number >> 8 == VFIO_IOCTL_TYPE)
		descriptor = descriptor_adopt_vfio(tracer, thread, fd);
	if (!descriptor || !tracee_file_is_vfio(descriptor->file))
		return;
	if (native == FIOCLEX || native == FIONCLEX) {
		record_begin(tracer, thread, CALL_SETFD, descriptor->file, 2,
			     (const uint64_t[]){(uint64_t)fd, native == FIOCLEX});
		return;
	}
	/* Telling may move the table of descriptors, and even close this one's number: hold on to the file. */
	file = tracee_file_get(descriptor->file);
	argument.row = row_for(file, number);
	argument_fetch(tracer, thread->tid, &argument);
	tell_descriptors(tracer, thread, &argument);
	use_memory(tracer, thread, &argument, MEMORY_MAPPED);
	use_memory(tracer, thread, &argument, MEMORY_READ);
	if (file->kind == FILE_CONTAINER)
		tell_limits(tracer, thread);

	record_begin(tracer, thread, CALL_IOCTL, file, 3, (const uint64_t[]){(uint64_t)fd, number, args[2]});
	call = &thread->pending.event.call;
	call->ioctl = argument.row;
	/* What is in the register counts only where it is the argument itself. */
	if (argument.length || (argument.row && argument.row->arg == ARG_NONE))
		call->args[2] = 0;
	if (record_buffer(tracer, thread, argument.value, argument.length)) {
		call->has_pointer = true;
		use_memory(tracer, thread, &argument, MEMORY_COPIED);
	}
	record_observe(thread);
	tracee_file_put(file);
	free(argument.bytes);
}

/* A container's IOMMU decides whose ioctls it has from now on. */
static enum ioctl_owner owner_of_iommu(uint64_t type, enum ioctl_owner before)
{
	switch (type) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_TYPE1_NESTING_IOMMU:
		return OWNER_TYPE1;
	case VFIO_SPAPR_TCE_IOMMU:
	case VFIO_SPAPR_TCE_v2_IOMMU:
		return OWNER_SPAPR;
	default:
		return before;
	}
}

void ioctl_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	struct pending *pending = &thread->pending;
	const struct call *call = &pending->event.call;
	struct tracee_file *file;

	if (ret < 0)
		return;
	if (call->op == CALL_SETFD) {
		struct descriptor *descriptor = descriptor_find(thread->process, (int)call->args[0]);

		if (descriptor)
			descriptor->cloexec = call->args[1];
	} else if (pending->file->kind == FILE_CONTAINER && call->args[1] == VFIO_SET_IOMMU) {
		pending->file->iommu = owner_of_iommu(call->args[2], pending->file->iommu);
	} else if (pending->file->kind == FILE_GROUP && call->args[1] == VFIO_GROUP_GET_DEVICE_FD) {
		file = tracee_file_new(FILE_DEVICE);
		if (file)
			descriptor_add(tracer, thread, (int)ret, true, file);
		else
			tracer_fail(tracer, -ENOMEM);
	}
}
