/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Real guests: fetched, booted, spoken to and broken. Live: skipped, with the reason, where kernels,
 * QEMU or the agent are not to be had.
 *
 *	VFIOSIM_LIVE_KERNELS  which kernels, separated by spaces ("6.1 6.12")
 *	VFIOSIM_LIVE_MACHINE  on which machine ("q35-edu")
 *
 * Each boot prints what docs/kernels.md quotes: release, time to boot, round trips a second.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends_internal.h"
#include "vm_internal.h"

/* What a boot may take: most runs are on a PC; other machines have slow firmware. */
#define PC_BOOT_MS_MAX	  15000
#define OTHER_BOOT_MS_MAX 60000
#define KERNELS_MAX	  8
#define NAME_MAX_BYTES	  64

/* How long round trips are counted. */
#define COUNT_MS 1000

static const char *wanted_machine(void)
{
	const char *name = getenv("VFIOSIM_LIVE_MACHINE");

	return name ? name : "q35-edu";
}

/* Boots @kernel; skips the test if it cannot be had here. */
static struct vm *boot(const char *kernel)
{
	struct vm_options options = {.kernel = kernel, .machine = machine_find(wanted_machine())};
	enum backend_status status;
	struct diag diag = {0};
	char agent[PATH_MAX];
	struct vm *vm;

	cr_assert(options.machine != NULL, "no machine is called %s", wanted_machine());
	if (agent_find(options.machine->arch, agent, sizeof(agent), &diag) < 0)
		cr_skip("%s", diag.text);
	options.agent = agent;
	vm = vm_boot(&options, &status, &diag);
	if (!vm && status == BACKEND_MISSING)
		cr_skip("%s", diag.text);
	cr_assert(vm != NULL, "%s", diag.text);
	return vm;
}

static void say(const struct vm *vm, const char *text)
{
	cr_assert(eq(long, write(vm_channel_fd(vm), text, strlen(text)), (long)strlen(text)));
}

/* Reads one line of the agent's; "" if the guest is dead or silent. */
static char *hear(const struct vm *vm)
{
	static char line[4096];
	struct pollfd channel = {.fd = vm_channel_fd(vm), .events = POLLIN};
	size_t length = 0;

	while (length < sizeof(line) - 1 && poll(&channel, 1, 5000) > 0 && read(channel.fd, line + length, 1) == 1 &&
	       line[length] != '\n')
		length++;
	line[length] = '\0';
	return line;
}

static unsigned round_trips_per_second(const struct vm *vm)
{
	int64_t start = now_ms(), took;
	unsigned count = 0;

	do {
		say(vm, "hello\n");
		cr_assert(strncmp(hear(vm), "agent ", 6) == 0);
		count++;
		took = now_ms() - start;
	} while (took < COUNT_MS);
	return (unsigned)(count * 1000 / (uint64_t)took);
}

/* A host with more to do than it has processors says nothing about how long a boot takes. */
static bool host_is_busy(void)
{
	double load = 0;

	return getloadavg(&load, 1) == 1 && load > (double)sysconf(_SC_NPROCESSORS_ONLN);
}

ParameterizedTestParameters(guest, serves_within_the_limit)
{
	static char kernels[KERNELS_MAX][NAME_MAX_BYTES];
	const char *wanted = getenv("VFIOSIM_LIVE_KERNELS");
	struct words words = {0};
	size_t count = 0;

	words_split(&words, wanted ? wanted : "6.1 6.12", " ");
	for (; count < words.count && count < KERNELS_MAX; count++)
		snprintf(kernels[count], NAME_MAX_BYTES, "%s", words.word[count]);
	words_free(&words);
	return cr_make_param_array(char[NAME_MAX_BYTES], kernels, count);
}

ParameterizedTest(char kernel[NAME_MAX_BYTES], guest, serves_within_the_limit)
{
	struct vm *vm = boot(kernel);
	bool is_pc = strcmp(machine_find(wanted_machine())->arch, "x86_64") == 0;

	say(vm, "hello\n");
	cr_expect(strstr(hear(vm), vm_release(vm)) != NULL, "the guest runs another kernel than %s", vm_release(vm));
	if (!host_is_busy())
		cr_expect(le(uint, vm_boot_ms(vm), is_pc ? PC_BOOT_MS_MAX : OTHER_BOOT_MS_MAX));
	cr_expect(vm_console_complaint(vm, 0) == NULL, "%s", vm_console_complaint(vm, 0));
	printf("%s %s (%s): %u ms to boot, %u round trips a second\n", wanted_machine(), vm_release(vm),
	       vm_package_version(vm), vm_boot_ms(vm), round_trips_per_second(vm));
	vm_close(vm);
}

Test(guest, in_another_group_than_the_machine_says_does_not_serve)
{
	const struct machine *machine = machine_find(wanted_machine());
	struct diag diag = {0};
	char agent[PATH_MAX];
	enum backend_status status;
	struct machine changed = *machine;
	struct device device = {0};

	for (size_t i = 0; i < machine->device_count && !device.name; i++)
		if (device_is_vfio(&machine->devices[i]))
			device = machine->devices[i];
	device.group += 1000;
	changed.devices = &device;
	changed.device_count = 1;
	if (agent_find(machine->arch, agent, sizeof(agent), &diag) < 0)
		cr_skip("%s", diag.text);
	cr_assert(vm_boot(&(struct vm_options){.kernel = "6.12", .machine = &changed, .agent = agent}, &status,
			  &diag) == NULL);
	if (status == BACKEND_MISSING)
		cr_skip("%s", diag.text);
	cr_expect(eq(int, status, BACKEND_FAILED));
	cr_expect(strstr(diag.text, "the machine says") != NULL, "%s", diag.text);
}

/* The process id of the child of @parent that is not a shell, 0 if it has none. */
static pid_t child_of(pid_t parent)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		char *path = format_text("/proc/%s/stat", entry->d_name);
		FILE *file = fopen(path, "r");
		int of = 0;

		if (file && fscanf(file, "%*d (%*[^)]) %*c %d", &of) == 1 && of == parent)
			found = (pid_t)atoi(entry->d_name);
		if (file)
			fclose(file);
		free(path);
	}
	if (proc)
		closedir(proc);
	return found;
}

Test(guest, dies_with_the_process_that_booted_it)
{
	int ready[2];
	pid_t owner, qemu;
	char byte;

	cr_assert(zero(int, pipe(ready)));
	owner = fork();
	if (owner == 0) {
		boot("6.12");
		_exit(write(ready[1], "r", 1) == 1 ? pause() : 1);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		waitpid(owner, NULL, 0);
		cr_skip("no guest boots here");
	}
	qemu = child_of(owner);
	cr_assert(gt(int, qemu, 0));
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	for (int waited = 0; kill(qemu, 0) == 0 && waited < 200; waited++)
		usleep(10000);
	cr_expect(ne(int, kill(qemu, 0), 0), "QEMU is still there");
}
