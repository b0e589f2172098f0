/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Virtual machines: a Debian kernel, or one built from Debian's source, under QEMU with an agent in it and a byte
 * channel to the agent.
 *
 * Debian's kernel is fetched into a cache on first use (docs/kernels.md); the guest sets itself up
 * as backends/agent/guest_init.h says. Everything that waits has a time limit, and QEMU dies
 * with the process that booted it.
 */
#ifndef VFIOSIM_VM_H
#define VFIOSIM_VM_H

#include <stdbool.h>
#include <stddef.h>

#include "vfiosim/backend.h"
#include "vfiosim/diag.h"
#include "vfiosim/machine.h"

struct vm;

/* Something of the host that travels into the guest's memory disk. */
struct vm_file {
	const char *host_path;
	/*
	 * Where it goes: a file, a link as it is, or a directory with all that is under it. NULL: to the
	 * same (absolute) path, with every symbolic link on the way to it and what that points to, so
	 * that the path means in the guest what it means here.
	 */
	const char *guest_path;
};

struct vm_options {
	/* A series ("6.12"), an exact release ("6.12.95+deb12-amd64"), or one that was built here ("built-6.12"). */
	const char *kernel;
	const struct machine *machine; /* must outlive the vm */
	const char *agent;	       /* path of a static program for the machine's architecture */
	const struct vm_file *files;   /* file_count of them */
	size_t file_count;
	unsigned hugepages; /* of the guest kernel's default size; 0: none, and no hugetlbfs */
};

/*
 * Fetches the kernel if need be, boots it and waits until the agent is about to serve. NULL with
 * @status and @diag on failure; BACKEND_MISSING if a package, program or network is not there, or if
 * this kernel cannot give the machine's devices to VFIO. A kernel that falls while it boots is tried three times,
 * then BACKEND_SPLAT.
 * QEMU is bound to the calling thread: it is killed when that ends.
 */
struct vm *vm_boot(const struct vm_options *options, enum backend_status *status, struct diag *diag);

/* A connected stream socket; what is written goes to the agent. Owned by the vm. At its end the guest is dead. */
int vm_channel_fd(const struct vm *vm);

/* uname -r of the kernel, and the version of its Debian package. Owned by the vm. */
const char *vm_release(const struct vm *vm);
const char *vm_package_version(const struct vm *vm);

/* Milliseconds from the start of QEMU until the agent could serve. */
unsigned vm_boot_ms(const struct vm *vm);

/* From now on, text and complaints are counted from here. Booting sets the first mark when the agent is ready. */
void vm_console_mark(struct vm *vm);

/* What the kernel printed since the mark (the last part of it, if it is very long), "" if nothing. Valid until the next
 * call. */
const char *vm_console_text(struct vm *vm);

/*
 * The first line of complaint number @index (from 0) of the kernel about itself since the mark; NULL if there are not
 * so many. Valid until the next call.
 */
const char *vm_console_complaint(struct vm *vm, size_t index);

/* Kills the guest and frees @vm; NULL is allowed. */
void vm_close(struct vm *vm);

/* A kernel that can be booted without network. */
struct vm_cached_kernel {
	const char *name;	     /* what vm_options.kernel takes: a release, or built-SERIES */
	const char *release;	     /* what it says of itself */
	const char *debian_arch;     /* amd64, arm64, ppc64el */
	const char *package_version; /* of the package with the kernel, or with the source that it was built from */
	bool built;		     /* by kernels/build */
};

/* Calls @visit for every kernel in the cache, in no order. Stops at and returns the first result that is not 0. */
int vm_cached_kernels(int (*visit)(const struct vm_cached_kernel *kernel, void *data), void *data);

#endif
