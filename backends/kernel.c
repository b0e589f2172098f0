/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * This machine's kernel: an agent that is a child of this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends_internal.h"
#include "remote.h"
#include "vfiosim/profile.h"

#define VFIO_DEVICE   "/dev/vfio/vfio"
#define AGENT_CHANNEL 3
/* How long the agent has for ending what it runs, before each harder way of asking for it; milliseconds. */
#define END_PATIENCE 2000

struct local {
	pid_t pid;
};

static bool wait_gone(int pidfd)
{
	struct pollfd polled = {.fd = pidfd, .events = POLLIN};

	return poll(&polled, 1, END_PATIENCE) > 0;
}

/* The stream's end has told the agent already; if it is stuck with a call it is told once more, and then killed. */
static void local_close(void *context)
{
	static const int signals[] = {SIGTERM, SIGKILL};
	struct local *local = context;
	int pidfd = (int)syscall(SYS_pidfd_open, local->pid, 0);

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && !wait_gone(pidfd); i++)
		kill(local->pid, signals[i]);
	while (waitpid(local->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (pidfd >= 0)
		close(pidfd);
	free(local);
}

static int local_spawn(const char *agent, int channel, pid_t *pid)
{
	char name[] = "vfiosim-agent", command[] = "serve", descriptor[16];
	char *const arguments[] = {name, command, descriptor, NULL};
	char *const environment[] = {NULL};
	posix_spawn_file_actions_t actions;

	snprintf(descriptor, sizeof(descriptor), "%d", AGENT_CHANNEL);
	int error = posix_spawn_file_actions_init(&actions);
	if (error)
		return error;
	error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, channel, AGENT_CHANNEL);
	if (!error)
		error = posix_spawn(pid, agent, &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

struct backend *local_backend_open(const char *agent, int silence_max, enum backend_status *status, struct diag *diag)
{
	struct remote_transport transport = {.silence_max = silence_max, .close = local_close};
	int pair[2];

	*status = BACKEND_FAILED;
	struct local *local = calloc(1, sizeof(*local));
	if (!local || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		diag_set(diag, NULL, 0, 0, "cannot make a channel to the agent: %s", strerror(errno));
		free(local);
		return NULL;
	}
	int error = local_spawn(agent, pair[1], &local->pid);
	close(pair[1]);
	if (error) {
		diag_set(diag, NULL, 0, 0, "cannot start %s: %s", agent, strerror(error));
		close(pair[0]);
		free(local);
		return NULL;
	}
	transport.fd = pair[0];
	transport.context = local;
	return remote_open(&transport, status, diag);
}

struct backend *kernel_backend_open(const char *argument, const struct trace_header *wanted,
				    enum backend_status *status, struct diag *diag)
{
	struct utsname name;
	char agent[PATH_MAX];

	(void)argument;
	*status = BACKEND_MISSING;
	if (access(VFIO_DEVICE, F_OK)) {
		diag_set(diag, NULL, 0, 0,
			 "this machine has no %s (%s): expected a kernel with VFIO and its modules loaded", VFIO_DEVICE,
			 strerror(errno));
		return NULL;
	}
	uname(&name);
	if (agent_find(name.machine, agent, sizeof(agent), diag))
		return NULL;
	struct backend *backend = local_backend_open(agent, 0, status, diag);
	if (!backend)
		return NULL;

	const char *profile = profile_for_release(backend->header.kernel);
	if (profile)
		snprintf(backend->header.profile, sizeof(backend->header.profile), "%s", profile);
	if (wanted) {
		memcpy(backend->header.machine, wanted->machine, sizeof(backend->header.machine));
		backend->machine = machine_find(wanted->machine);
	}
	return backend;
}
