/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The agent: a static program that executes calls for real and reports answers.
 *
 * It is started by a host with a channel, as the first process of a guest, or by itself
 * when a task of a run replaces its program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <unistd.h>

#include "fds.h"
#include "guest_init.h"
#include "memory.h"
#include "server.h"
#include "worker.h"

static int complain(const char *what, int error)
{
	fprintf(stderr, "vfiosim-agent: %s: %s\n", what, strerror(-error));
	return 1;
}

/* Recorded addresses are only free if nothing is put at random ones. Returns if that cannot be had, or is. */
static void fix_addresses(char **argv)
{
	int persona = personality(0xffffffff);

	if (persona < 0 || persona & ADDR_NO_RANDOMIZE)
		return;
	if (personality((unsigned long)persona | ADDR_NO_RANDOMIZE) < 0)
		return;
	execv((const char *)getauxval(AT_EXECFN), argv);
}

static int serve(int channel)
{
	int executable = open((const char *)getauxval(AT_EXECFN), O_PATH | O_CLOEXEC);

	if (executable < 0)
		return complain("cannot open the agent's own program", -errno);
	executable = own_fd_keep(executable);
	channel = own_fd_keep(channel);
	if (executable < 0 || channel < 0)
		return complain("cannot keep the channel", executable < 0 ? executable : channel);
	int error = memory_init();
	if (!error)
		error = server_run(channel, executable);
	return error ? complain("cannot serve", error) : 0;
}

static void __attribute__((noreturn)) guest_main(char **argv)
{
	fix_addresses(argv);
	serve(guest_init());
	/* The first process may not end: the guest does. */
	guest_poweroff();
}

static int serve_main(char **argv)
{
	fix_addresses(argv);
	return serve(atoi(argv[2]));
}

static int task_main(char **argv)
{
	int channel = atoi(argv[3]);
	int executable = atoi(argv[4]);

	if (own_fd_adopt(channel) || own_fd_adopt(executable) || memory_init())
		return 1;
	worker_start((uint32_t)strtoul(argv[2], NULL, 10), channel, executable, argv[5]);
}

static const struct command {
	const char *name;
	int argc; /* command and all */
	int (*run)(char **argv);
} commands[] = {
    {"serve", 3, serve_main}, /* DESCRIPTOR */
    {"task", 6, task_main},   /* TASK CHANNEL EXECUTABLE LINE: what a task's exec starts */
};

int main(int argc, char **argv)
{
	if (guest_is_init())
		guest_main(argv);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc == commands[i].argc && !strcmp(argv[1], commands[i].name))
			return commands[i].run(argv);
	fprintf(stderr, "usage: vfiosim-agent serve DESCRIPTOR\n");
	return 2;
}
