/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A virtual machine's kernel: boots the guest and speaks to the agent in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends_internal.h"
#include "remote.h"
#include "vfiosim/profile.h"
#include "vm/vm.h"

static void console_clear(void *context)
{
	vm_console_mark(context);
}

static const char *console_text(void *context)
{
	return vm_console_text(context);
}

static bool console_complaint(void *context, size_t index, char *line, size_t size)
{
	const char *complaint = vm_console_complaint(context, index);

	if (complaint)
		snprintf(line, size, "%s", complaint);
	return complaint != NULL;
}

static void close_vm(void *context)
{
	vm_close(context);
}

struct backend *vm_backend_open(const char *argument, const struct trace_header *wanted, enum backend_status *status,
				struct diag *diag)
{
	const struct machine *machine = wanted ? machine_find(wanted->machine) : NULL;
	struct vm_options options = {.kernel = argument, .machine = machine};
	char agent[PATH_MAX];

	*status = BACKEND_FAILED;
	if (!machine) {
		diag_set(diag, NULL, 0, 0, "a virtual machine needs a machine, and there is none called \"%s\"",
			 wanted ? wanted->machine : "");
		return NULL;
	}
	*status = BACKEND_MISSING;
	if (!machine->qemu_program) {
		diag_set(diag, NULL, 0, 0, "only the model has the machine %s, QEMU cannot make it", machine->name);
		return NULL;
	}
	if (agent_find(machine->arch, agent, sizeof(agent), diag))
		return NULL;
	options.agent = agent;
	struct vm *vm = vm_boot(&options, status, diag);
	if (!vm)
		return NULL;

	/* The channel belongs to the vm, a transport closes its own. */
	struct remote_transport transport = {
	    .fd = fcntl(vm_channel_fd(vm), F_DUPFD_CLOEXEC, 0),
	    .context = vm,
	    .counters = getenv("VFIOSIM_COUNTERS"),
	    .console_clear = console_clear,
	    .console_text = console_text,
	    .console_complaint = console_complaint,
	    .close = close_vm,
	};
	if (transport.fd < 0) {
		diag_set(diag, NULL, 0, 0, "cannot duplicate the channel: %s", strerror(errno));
		*status = BACKEND_FAILED;
		vm_close(vm);
		return NULL;
	}
	char release[TRACE_TEXT_MAX];
	snprintf(release, sizeof(release), "%s (%s)", vm_release(vm), vm_package_version(vm));
	struct backend *backend = remote_open(&transport, status, diag);
	if (!backend)
		return NULL;

	struct trace_header *header = &backend->header;
	const char *profile = profile_for_release(header->kernel);
	memcpy(header->kernel, release, sizeof(release));
	snprintf(header->machine, sizeof(header->machine), "%s", machine->name);
	snprintf(header->profile, sizeof(header->profile), "%s", profile ? profile : "");
	backend->machine = machine;
	return backend;
}
