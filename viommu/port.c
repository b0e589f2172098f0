/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the making of calls, and what happened to them. */
#include "viommu/port.h"

#include <stdio.h>
#include <string.h>

#include "vfiosim/uapi.h"

enum { WORD = 8, LINUX_O_RDWR = 2, PROT_READ_WRITE = 3, MAP_PRIVATE_FIXED_ANONYMOUS = 0x32 };

bool port_begin_run(struct port *port, const char *name)
{
	if (port->status == BACKEND_OK)
		port->status = port->backend->ops->begin(port->backend, &port->diag);
	if (port->status != BACKEND_OK)
		return false;
	spaces_begin_run(port->spaces);
	/* A writer keeps its first error until the commit, which tells it. */
	if (port->writer)
		(void)trace_write_run(port->writer, name, NULL);
	port->run_calls = 0;
	port->locked = 0;
	port->locked_known = false;
	return true;
}

void port_end_run(struct port *port)
{
	if (port->status != BACKEND_OK)
		return;
	spaces_end_run(port->spaces);
	port->status = port->backend->ops->end(port->backend, &port->diag);
}

static void note_refusal(struct port *port, const struct event *event)
{
	const char *error = errno_name((unsigned)-event->answer.ret);

	if (port->refused)
		return;
	port->refused = true;
	snprintf(port->refusal, sizeof(port->refusal), "%s: %s",
		 event->call.ioctl ? event->call.ioctl->name : call_table[event->call.op].name,
		 error ? error : "refused");
}

/* What the program has locked is counted from what it had when it was first told. */
static void note_locked(struct port *port, const struct observation *locked)
{
	if (!locked->present)
		return;
	if (!port->locked_known)
		port->locked_before = locked->before;
	port->locked_known = true;
	port->locked = (int64_t)(locked->after - port->locked_before);
}

/* Makes the call and gives what it returned. The bytes that came back are in @event until the next call. */
static int64_t make_call(struct port *port, struct event *event)
{
	event->call.task = event->call.thread = 1;
	if (port->status == BACKEND_OK)
		port->status = port->backend->ops->execute(port->backend, event, 1, &port->diag);
	if (port->status == BACKEND_OK && !event->answer.known) {
		diag_set(&port->diag, NULL, 0, 0, "call %s is not modelled",
			 event->call.ioctl ? event->call.ioctl->name : call_table[event->call.op].name);
		port->status = BACKEND_FAILED;
	}
	if (port->status != BACKEND_OK)
		return -1;
	port->calls++;
	event->line = ++port->run_calls;
	if (port->writer)
		(void)trace_write_event(port->writer, event);
	note_locked(port, &event->answer.locked);
	spaces_event(port->spaces, event);
	if (event->answer.ret < 0)
		note_refusal(port, event);
	else
		port->done(port->context, event);
	return event->answer.ret;
}

static int64_t call_with(struct port *port, enum call_op op, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct event event = {.call = {.op = op, .args = {a, b, c, d, e}}};

	return make_call(port, &event);
}

int64_t port_open(struct port *port, const char *path)
{
	struct event event = {.call = {.op = CALL_OPEN, .args = {0, LINUX_O_RDWR}, .string = path}};

	return make_call(port, &event);
}

int64_t port_close(struct port *port, int64_t fd)
{
	return call_with(port, CALL_CLOSE, (uint64_t)fd, 0, 0, 0, 0);
}

int64_t port_mmap(struct port *port, uint64_t address, uint64_t length)
{
	return call_with(port, CALL_MMAP, address, length, PROT_READ_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS, UINT64_MAX);
}

int64_t port_munmap(struct port *port, uint64_t address, uint64_t length)
{
	return call_with(port, CALL_MUNMAP, address, length, 0, 0, 0);
}

int64_t port_sleep(struct port *port, uint64_t milliseconds)
{
	return call_with(port, CALL_SLEEP, milliseconds, 0, 0, 0, 0);
}

/* A call with one buffer of bytes that it reads, or writes. */
static struct event event_with_bytes(enum call_op op, const uint8_t *bytes, uint32_t length)
{
	return (struct event){
	    .call = {.op = op, .buffer_count = 1, .buffers = {{.length = length, .in = bytes}}},
	};
}

int64_t port_poke(struct port *port, uint64_t address, uint64_t word)
{
	uint8_t bytes[WORD];
	struct event event = event_with_bytes(CALL_POKE, bytes, WORD);

	bytes_put(bytes, WORD, word);
	event.call.args[0] = address;
	return make_call(port, &event);
}

uint64_t port_peek(struct port *port, uint64_t address)
{
	const uint8_t bytes[WORD] = {0};
	struct event event = event_with_bytes(CALL_PEEK, bytes, WORD);

	event.call.args[0] = address;
	event.call.args[2] = WORD;
	return make_call(port, &event) == WORD ? bytes_get(event.call.buffers[0].out, WORD) : 0;
}

uint64_t port_read(struct port *port, int64_t fd, uint64_t offset)
{
	const uint8_t bytes[WORD] = {0};
	struct event event = event_with_bytes(CALL_PREAD, bytes, WORD);

	event.call.args[0] = (uint64_t)fd;
	event.call.args[2] = WORD;
	event.call.args[3] = offset;
	return make_call(port, &event) == WORD ? bytes_get(event.call.buffers[0].out, WORD) : 0;
}

void port_write(struct port *port, int64_t fd, uint64_t offset, uint64_t word, uint32_t width)
{
	uint8_t bytes[WORD];
	struct event event = event_with_bytes(CALL_PWRITE, bytes, width);

	bytes_put(bytes, width, word);
	event.call.args[0] = (uint64_t)fd;
	event.call.args[2] = width;
	event.call.args[3] = offset;
	make_call(port, &event);
}

static int64_t ioctl_with(struct port *port, int64_t fd, const char *name, const uint8_t *bytes, uint32_t length)
{
	struct event event = event_with_bytes(CALL_IOCTL, bytes, length);

	event.call.ioctl = ioctl_by_name(name, strlen(name));
	event.call.args[0] = (uint64_t)fd;
	event.call.args[1] = event.call.ioctl->number;
	event.call.has_pointer = true;
	return make_call(port, &event);
}

int64_t port_ioctl(struct port *port, int64_t fd, const char *name, uint64_t value)
{
	struct event event = {.call = {.op = CALL_IOCTL, .ioctl = ioctl_by_name(name, strlen(name))}};

	event.call.args[0] = (uint64_t)fd;
	event.call.args[1] = event.call.ioctl->number;
	event.call.args[2] = value;
	return make_call(port, &event);
}

int64_t port_ioctl_int(struct port *port, int64_t fd, const char *name, int64_t value)
{
	uint8_t bytes[4];

	bytes_put(bytes, sizeof(bytes), (uint64_t)value);
	return ioctl_with(port, fd, name, bytes, sizeof(bytes));
}

int64_t port_ioctl_string(struct port *port, int64_t fd, const char *name, const char *text)
{
	return ioctl_with(port, fd, name, (const uint8_t *)text, (uint32_t)strlen(text) + 1);
}

int64_t port_map(struct port *port, int64_t fd, uint64_t vaddr, uint64_t iova, uint64_t size, bool writable)
{
	const struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
						     .flags = VFIO_DMA_MAP_FLAG_READ |
							      (writable ? (uint32_t)VFIO_DMA_MAP_FLAG_WRITE : 0u),
						     .vaddr = vaddr,
						     .iova = iova,
						     .size = size};
	uint8_t bytes[sizeof(map)];

	struct_store(struct_by_name("vfio_iommu_type1_dma_map", strlen("vfio_iommu_type1_dma_map")), bytes, &map,
		     sizeof(bytes));
	return ioctl_with(port, fd, "VFIO_IOMMU_MAP_DMA", bytes, sizeof(bytes));
}

int64_t port_unmap(struct port *port, int64_t fd, uint64_t iova, uint64_t size)
{
	const struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap), .iova = iova, .size = size};
	uint8_t bytes[sizeof(unmap)];

	struct_store(struct_by_name("vfio_iommu_type1_dma_unmap", strlen("vfio_iommu_type1_dma_unmap")), bytes, &unmap,
		     sizeof(bytes));
	return ioctl_with(port, fd, "VFIO_IOMMU_UNMAP_DMA", bytes, sizeof(bytes));
}
