/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * QEMU: its command line, and the process.
 *
 * The machine's own arguments make the hardware; those added here are how this program
 * reaches into it, the same for every machine. Everything passes through inherited
 * descriptors, so that nothing has a name that another run could meet.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../agent/guest_init.h"
#include "vm_internal.h"

/* A command line as execvp() wants it; all strings are its own. */
struct command {
	char **argument;
	size_t count;
};

static void add(struct command *command, char *argument)
{
	command->argument = must(reallocarray(command->argument, command->count + 2, sizeof(*command->argument)));
	command->argument[command->count++] = argument;
	command->argument[command->count] = NULL;
}

static void add_option(struct command *command, const char *name, char *value)
{
	add(command, must(strdup(name)));
	if (value)
		add(command, value);
}

static void command_free(struct command *command)
{
	for (size_t i = 0; i < command->count; i++)
		free(command->argument[i]);
	free(command->argument);
}

char *qemu_append(const struct vm_options *options)
{
	return format_text("%s %s", options->machine->append, options->append ? options->append : "");
}

static void build(struct command *command, const struct vm_options *options, const char *accelerator, const char *image,
		  int initramfs, int console, int channel)
{
	const struct machine *machine = options->machine;
	char *arguments = must(strdup(machine->qemu_args)), *rest = NULL;

	add_option(command, machine->qemu_program, NULL);
	add_option(command, "-accel", must(strdup(accelerator)));
	for (char *word = strtok_r(arguments, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		add(command, must(strdup(word)));
	free(arguments);
	add_option(command, "-display", must(strdup("none")));
	add_option(command, "-monitor", must(strdup("none")));
	add_option(command, "-no-reboot", NULL);
	add_option(command, "-chardev", format_text("file,id=console,append=on,path=/proc/self/fd/%d", console));
	add_option(command, "-serial", must(strdup("chardev:console")));
	add_option(command, "-chardev", format_text("socket,id=agent,fd=%d", channel));
	add_option(command, "-device", format_text("%s,id=vfiosim", machine->qemu_channel));
	add_option(command, "-device",
		   must(strdup("virtserialport,bus=vfiosim.0,chardev=agent,name=" GUEST_PORT_NAME)));
	add_option(command, "-kernel", must(strdup(image)));
	add_option(command, "-initrd", format_text("/proc/self/fd/%d", initramfs));
	add_option(command, "-append", qemu_append(options));
}

/* The child between fork and exec: only what is safe there. Never returns. */
_Noreturn static void become_qemu(const struct command *command, pid_t parent, const int *keep, size_t keep_count,
				  int messages, int report)
{
	int null = open("/dev/null", O_RDWR), error;
	sigset_t none;

	/* Nothing that this program starts outlives it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(messages, STDOUT_FILENO);
	dup2(messages, STDERR_FILENO);
	for (size_t i = 0; i < keep_count; i++)
		fcntl(keep[i], F_SETFD, 0);
	execvp(command->argument[0], command->argument);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(2);
	_exit(1);
}

/* Starts the command. Returns 0 or the negative errno of whatever failed, exec included. */
static int spawn(const struct command *command, const int *keep, size_t keep_count, int messages, pid_t *pid)
{
	pid_t parent = getpid();
	int report[2], error = 0;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	*pid = fork();
	if (*pid == 0)
		become_qemu(command, parent, keep, keep_count, messages, report[1]);
	if (*pid < 0)
		error = errno;
	close(report[1]);
	/* A successful exec closes the pipe without a word. */
	if (*pid > 0 && read(report[0], &error, sizeof(error)) == sizeof(error))
		waitpid(*pid, NULL, 0);
	close(report[0]);
	return -error;
}

enum backend_status qemu_start(struct qemu *qemu, const struct vm_options *options, const char *accelerator,
			       const char *image, int initramfs, int console, struct diag *diag)
{
	struct command command = {0};
	int ends[2], error;

	*qemu = (struct qemu){.pid = -1, .pidfd = -1, .channel = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		diag_set(diag, NULL, 0, 0, "no socket for the agent: %s", strerror(errno));
		return BACKEND_FAILED;
	}
	build(&command, options, accelerator, image, initramfs, console, ends[1]);
	error = spawn(&command, (const int[]){initramfs, console, ends[1]}, 3, console, &qemu->pid);
	command_free(&command);
	close(ends[1]);
	qemu->channel = ends[0];
	if (error) {
		qemu->pid = -1;
		qemu_kill(qemu);
		diag_set(diag, NULL, 0, 0, "cannot start %s: %s", options->machine->qemu_program, strerror(-error));
		return error == -ENOENT ? BACKEND_MISSING : BACKEND_FAILED;
	}
	qemu->pidfd = (int)syscall(SYS_pidfd_open, qemu->pid, 0);
	return BACKEND_OK;
}

void qemu_kill(struct qemu *qemu)
{
	if (qemu->pid > 0) {
		kill(qemu->pid, SIGKILL);
		while (waitpid(qemu->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (qemu->pidfd >= 0)
		close(qemu->pidfd);
	if (qemu->channel >= 0)
		close(qemu->channel);
	*qemu = (struct qemu){.pid = -1, .pidfd = -1, .channel = -1};
}
