/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The port: the way of the client's calls to a backend, and past everybody who watches them.
 *
 * The client never looks whether a call succeeded: it would have no idea what to do. That none was refused is seen
 * here.
 */
#ifndef VFIOSIM_VIOMMU_PORT_H
#define VFIOSIM_VIOMMU_PORT_H

#include "vfiosim/backend.h"
#include "vfiosim/spaces.h"

struct port {
	struct backend *backend;
	struct spaces *spaces;	     /* watches */
	struct trace_writer *writer; /* NULL: no trace is wanted */
	/* Told of each call that succeeded. */
	void (*done)(void *context, const struct event *event);
	void *context;
	uint64_t calls;	    /* made in all */
	uint64_t run_calls; /* in this run: the number of the last one */
	int64_t locked;	    /* VmLck of the program, in bytes: how much more there is than before the run */
	uint64_t locked_before;
	bool locked_known;
	bool refused; /* a call was; the first is in refusal */
	char refusal[160];
	enum backend_status status; /* not BACKEND_OK: nothing is done any more */
	struct diag diag;	    /* why not */
};

/* A run begins on the backend. False if it cannot: the status says so. */
bool port_begin_run(struct port *port, const char *name);
void port_end_run(struct port *port);

/* Each makes one call and gives what it returned; -1 when nothing is done any more. */
int64_t port_open(struct port *port, const char *path);
int64_t port_close(struct port *port, int64_t fd);
int64_t port_mmap(struct port *port, uint64_t address, uint64_t length);
int64_t port_munmap(struct port *port, uint64_t address, uint64_t length);
int64_t port_sleep(struct port *port, uint64_t milliseconds);
/* Stores and loads a word of 8 bytes in the program's memory. */
int64_t port_poke(struct port *port, uint64_t address, uint64_t word);
uint64_t port_peek(struct port *port, uint64_t address);
/* Loads a word of 8 bytes from a device, and stores one of @width bytes. */
uint64_t port_read(struct port *port, int64_t fd, uint64_t offset);
void port_write(struct port *port, int64_t fd, uint64_t offset, uint64_t word, uint32_t width);
/* ioctls, by what their argument is. */
int64_t port_ioctl(struct port *port, int64_t fd, const char *name, uint64_t value);
int64_t port_ioctl_int(struct port *port, int64_t fd, const char *name, int64_t value);
int64_t port_ioctl_string(struct port *port, int64_t fd, const char *name, const char *text);
int64_t port_map(struct port *port, int64_t fd, uint64_t vaddr, uint64_t iova, uint64_t size, bool writable);
int64_t port_unmap(struct port *port, int64_t fd, uint64_t iova, uint64_t size);

#endif
