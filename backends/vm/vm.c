/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A booted guest: kernel, memory disk, QEMU and console put together.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agent/guest_init.h"
#include "vm_internal.h"

/* The modules without which no guest reaches the host; where they are built in they are not loaded. */
#define CHANNEL_MODULES "virtio_pci virtio_console"

/* The slowest machine, on a busy host, needs a third of this; one that has ten times as much to do as it can, half. */
#define BOOT_MS 120000

/* It is counted in slices: one in which this host slept, or everything was stopped, is one, however long that was. */
#define BOOT_SLICE_MS 500

/* Hardware acceleration that does not boot a guest in this time does not work. */
#define PROBE_MS 15000

struct vm {
	struct kernel kernel;
	struct qemu qemu;
	struct console console;
	unsigned boot_ms;
};

/* What to try, in this order. */
struct attempt {
	const char *accelerator;
	int limit_ms;
};

/*
 * Software emulation unless $VFIOSIM_ACCEL says otherwise: /dev/kvm may be there, open, and make
 * guests that never print a line. "auto" believes in KVM when a guest has booted with it.
 */
static size_t list_attempts(struct attempt attempts[2])
{
	static const struct attempt software = {"tcg,thread=multi", BOOT_MS};
	const char *wanted = getenv("VFIOSIM_ACCEL");

	if (!wanted || wanted[0] == '\0') {
		attempts[0] = software;
		return 1;
	}
	if (strcmp(wanted, "auto") == 0) {
		attempts[0] = (struct attempt){"kvm", PROBE_MS};
		attempts[1] = software;
		return 2;
	}
	attempts[0] = (struct attempt){wanted, BOOT_MS};
	return 1;
}

/* The last line that is not empty. */
static const char *last_line(struct vm *vm)
{
	char *text = (char *)console_text(&vm->console), *newline;
	size_t length = strlen(text);

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

/* Says why a guest did not come up, from what was heard of it: its first process, QEMU, the kernel. */
static void explain(struct vm *vm, const struct machine *machine, bool ended, struct diag *diag)
{
	char *qemu = format_text("%s: ", machine->qemu_program);
	const char *line = console_last(&vm->console, GUEST_MESSAGE_PREFIX);

	if (!line)
		line = console_last(&vm->console, qemu);
	if (!line)
		line = console_complaint(&vm->console, 0);
	if (!line)
		line = last_line(vm);
	diag_set(diag, NULL, 0, 0, "the guest (Linux %s) %s: %s", vm->kernel.release,
		 ended ? "ended before its agent was ready" : "did not come up in time",
		 *line ? line : "it printed nothing");
	free(qemu);
}

/* Waits for the line with which guest_init() ends, and takes exactly that from the channel. */
static enum backend_status wait_until_ready(struct vm *vm, const struct machine *machine, int limit_ms,
					    struct diag *diag)
{
	struct pollfd events[2] = {{.fd = vm->qemu.channel, .events = POLLIN},
				   {.fd = vm->qemu.pidfd, .events = POLLIN}};
	int64_t start = now_ms();
	char line[sizeof(GUEST_READY)] = "";
	size_t have = 0;
	bool ended = false;

	for (int waited = 0; !ended && have < strlen(GUEST_READY) && waited < limit_ms;) {
		if (poll(events, 2, BOOT_SLICE_MS) <= 0) {
			waited += BOOT_SLICE_MS;
			continue;
		}
		if (events[0].revents) {
			ssize_t got = read(vm->qemu.channel, line + have, strlen(GUEST_READY) - have);

			ended = got == 0 || (got < 0 && errno != EINTR);
			have += got > 0 ? (size_t)got : 0;
		} else {
			ended = events[1].revents != 0;
		}
	}
	vm->boot_ms = (unsigned)(now_ms() - start);
	if (strcmp(line, GUEST_READY) == 0)
		return BACKEND_OK;
	if (have == strlen(GUEST_READY)) {
		diag_set(diag, NULL, 0, 0, "the guest (Linux %s) does not run this program's agent",
			 vm->kernel.release);
		return BACKEND_FAILED;
	}
	explain(vm, machine, ended, diag);
	if (console_last(&vm->console, GUEST_MESSAGE_PREFIX GUEST_NO_VFIO))
		return BACKEND_MISSING;
	return !ended || console_complaint(&vm->console, 0) ? BACKEND_SPLAT : BACKEND_FAILED;
}

/* The modules that every machine of this architecture could want: a kernel is unpacked for all of them. */
static char *modules_to_cache(const struct machine *machine)
{
	char *modules = format_text(CHANNEL_MODULES " %s", machine->modules);

	for (const char *const *name = machine_names(); *name; name++) {
		const struct machine *other = machine_find(*name);

		if (other && other->debian_arch && strcmp(other->debian_arch, machine->debian_arch) == 0) {
			char *more = format_text("%s %s", modules, other->modules);

			free(modules);
			modules = more;
		}
	}
	return modules;
}

static enum backend_status get_kernel(struct vm *vm, const struct vm_options *options, struct diag *diag)
{
	char *modules = modules_to_cache(options->machine);
	enum backend_status status =
	    kernel_get(&vm->kernel, options->kernel, options->machine->debian_arch, modules, diag);

	free(modules);
	return status;
}

/* The memory disk for this kernel and machine. Its descriptor, or -1 with @diag. */
static int make_initramfs(const struct vm *vm, const struct vm_options *options, struct diag *diag)
{
	char *path = format_text("%s/modules", vm->kernel.directory);
	char *names = format_text(CHANNEL_MODULES " %s", options->machine->modules);
	struct module_table table = {0};
	struct words wanted = {0}, order = {0};
	int fd = -1;

	words_split(&wanted, names, " ");
	/* The module that makes the parent of mediated devices has the parent's name. */
	for (size_t i = 0; i < options->machine->device_count; i++)
		if (options->machine->devices[i].driver == DRIVER_MDEV)
			words_add(&wanted, options->machine->devices[i].mdev_parent);
	if (module_table_read(&table, path) < 0) {
		diag_set(diag, path, 0, 0, "cannot be read");
	} else {
		module_load_order(&table, &wanted, &order);
		fd = initramfs_create(options, &vm->kernel, &order, diag);
	}
	words_free(&order);
	words_free(&wanted);
	module_table_free(&table);
	free(names);
	free(path);
	return fd;
}

static enum backend_status boot(struct vm *vm, const struct vm_options *options, int initramfs, struct diag *diag)
{
	char *image = format_text("%s/image", vm->kernel.directory);
	enum backend_status status = BACKEND_FAILED;
	struct attempt attempts[2];
	size_t count = list_attempts(attempts);

	for (size_t i = 0; i < count && status != BACKEND_OK; i++) {
		qemu_kill(&vm->qemu);
		console_mark(&vm->console);
		status =
		    qemu_start(&vm->qemu, options, attempts[i].accelerator, image, initramfs, vm->console.fd, diag);
		if (status == BACKEND_OK)
			status = wait_until_ready(vm, options->machine, attempts[i].limit_ms, diag);
	}
	console_mark(&vm->console);
	free(image);
	return status;
}

static struct vm *boot_once(const struct vm_options *options, enum backend_status *status, struct diag *diag)
{
	struct vm *vm = must(calloc(1, sizeof(*vm)));
	int initramfs = -1;

	vm->qemu = (struct qemu){.pid = -1, .pidfd = -1, .channel = -1};
	*status = BACKEND_FAILED;
	if (console_open(&vm->console) < 0) {
		diag_set(diag, NULL, 0, 0, "no anonymous file for the console: %s", strerror(errno));
	} else {
		*status = get_kernel(vm, options, diag);
		if (*status == BACKEND_OK) {
			initramfs = make_initramfs(vm, options, diag);
			*status = initramfs < 0 ? BACKEND_FAILED : boot(vm, options, initramfs, diag);
		}
	}
	if (initramfs >= 0)
		close(initramfs);
	if (*status == BACKEND_OK)
		return vm;
	vm_close(vm);
	return NULL;
}

/*
 * A kernel that falls or hangs before anybody asked it anything says nothing about VFIO: emulated processors now and
 * then trip over code that the booting kernel patches under them. It is booted again; what falls every time is
 * reported.
 */
struct vm *vm_boot(const struct vm_options *options, enum backend_status *status, struct diag *diag)
{
	enum { BOOTS_MAX = 3 };
	struct vm *vm = NULL;

	for (int boots = 0; boots < BOOTS_MAX && !vm; boots++) {
		vm = boot_once(options, status, diag);
		if (*status != BACKEND_SPLAT)
			break;
	}
	return vm;
}

int vm_channel_fd(const struct vm *vm)
{
	return vm->qemu.channel;
}

const char *vm_release(const struct vm *vm)
{
	return vm->kernel.release;
}

const char *vm_package_version(const struct vm *vm)
{
	return vm->kernel.package_version;
}

unsigned vm_boot_ms(const struct vm *vm)
{
	return vm->boot_ms;
}

void vm_console_mark(struct vm *vm)
{
	console_mark(&vm->console);
}

const char *vm_console_text(struct vm *vm)
{
	return console_text(&vm->console);
}

const char *vm_console_complaint(struct vm *vm, size_t index)
{
	return console_complaint(&vm->console, index);
}

void vm_close(struct vm *vm)
{
	if (!vm)
		return;
	qemu_kill(&vm->qemu);
	console_close(&vm->console);
	kernel_free(&vm->kernel);
	free(vm);
}
