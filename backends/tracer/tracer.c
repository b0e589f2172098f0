/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Starts the program and stays with it until it and all its descendants are gone.
 *
 * Two things ask for an answer: the seccomp filter, on behalf of processes that are not
 * traced, and the stops of those that are.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer_internal.h"

/* How the caller deals with signals, to be as it was afterwards and in the program. */
struct signals {
	sigset_t mask;
	sigset_t taken; /* blocked while the tracer runs: SIGCHLD */
	struct sigaction child, interrupt, quit;
	int subreaper;
};

void tracer_fail(struct tracer *tracer, int error)
{
	if (tracer->error)
		return;
	tracer->error = error;
	for (const struct process *process = tracer->processes; process; process = process->next)
		if (process->pid)
			kill(process->pid, SIGKILL);
}

/* Whether the tracer has any child left, orphans of the program included. */
static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) == 0;
}

void tracer_root_gone(struct tracer *tracer, int status)
{
	struct process *root = tracer->root;
	struct thread teller = {.tid = root->pid, .process = root, .number = 1};

	tracer->root_status = status;
	root->pid = 0;
	process_remove_threads(tracer, root);
	/*
	 * Every task of a trace descends from the first. While there may be others to come, it
	 * is kept, and only gives back what its end gives back.
	 */
	if (has_children()) {
		regions_tell_devices_gone(tracer, &teller);
		descriptors_tell_closed(tracer, &teller);
	} else {
		process_exit(tracer, root);
		tracer->root = NULL;
	}
}

/* What the child says of its way to the program: one report with the listener, another only if it fails. */
struct report {
	int error; /* negative errno; 0: the listener comes with this */
	enum { STEP_DIRECTORY, STEP_FILTER, STEP_EXEC } step;
};

static const char *const step_names[] = {
    [STEP_DIRECTORY] = "cannot change to the working directory of",
    [STEP_FILTER] = "the kernel takes no seccomp filter with a listener for",
    [STEP_EXEC] = "cannot run",
};

/* Room for one descriptor beside a message. */
union fd_room {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* Sends @report, and @fd with it unless it is -1. */
static void report_send(int socket, const struct report *report, int fd)
{
	union fd_room room = {.bytes = {0}};
	struct iovec content = {(void *)report, sizeof(*report)};
	struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *header;

		message.msg_control = room.bytes;
		message.msg_controllen = sizeof(room.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	/* Without the tracer to hear it there is nobody to run for. */
	if (sendmsg(socket, &message, 0) != (ssize_t)sizeof(*report))
		_exit(126);
}

/* Receives a report, and a descriptor into @fd if one came along. False when no more will come. */
static bool report_receive(int socket, struct report *report, int *fd)
{
	union fd_room room = {.bytes = {0}};
	struct iovec content = {report, sizeof(*report)};
	struct msghdr message = {
	    .msg_iov = &content, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof(room.bytes)};
	const struct cmsghdr *header;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*report))
		return false;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return true;
}

static void signals_take(struct signals *signals)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};

	sigemptyset(&signals->taken);
	sigaddset(&signals->taken, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals->taken, &signals->mask);
	sigaction(SIGCHLD, &usual, &signals->child);
	sigaction(SIGINT, &ignore, &signals->interrupt);
	sigaction(SIGQUIT, &ignore, &signals->quit);
	/* Orphans come to the tracer, so that it knows when the last descendant is gone. */
	if (prctl(PR_GET_CHILD_SUBREAPER, &signals->subreaper, 0, 0, 0) != 0)
		signals->subreaper = 0;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static void signals_give_back(const struct signals *signals)
{
	sigaction(SIGCHLD, &signals->child, NULL);
	sigaction(SIGINT, &signals->interrupt, NULL);
	sigaction(SIGQUIT, &signals->quit, NULL);
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

/* The child's side: installs the filter, passes its listener on and becomes the program. */
static _Noreturn void become_program(const struct tracer_options *options, const struct signals *signals, int socket)
{
	int listener;

	signals_give_back(signals);
	/* Without a tracer to answer, calls would fail for no reason that the program could know. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (options->directory && chdir(options->directory) != 0) {
		report_send(socket, &(struct report){-errno, STEP_DIRECTORY}, -1);
		_exit(127);
	}
	listener = filter_install();
	report_send(socket, &(struct report){listener < 0 ? listener : 0, STEP_FILTER}, listener);
	if (listener >= 0) {
		execvpe(options->argv[0], options->argv, options->envp ? options->envp : environ);
		report_send(socket, &(struct report){-errno, STEP_EXEC}, -1);
	}
	_exit(127);
}

/* Starts the program. 0 with the @listener of its filter, or -1 with @diag. */
static int start(struct tracer *tracer, const struct signals *signals, int *listener, struct diag *diag)
{
	struct report report = {.error = 0};
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return diag_set(diag, NULL, 0, 0, "cannot make a pair of sockets: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		become_program(tracer->options, signals, sockets[1]);
	close(sockets[1]);
	/* The socket closes without another report when the program has been executed. */
	while (pid > 0 && report.error == 0 && report_receive(sockets[0], &report, listener))
		;
	close(sockets[0]);
	if (pid < 0)
		return diag_set(diag, NULL, 0, 0, "cannot fork: %s", strerror(errno));
	tracer->root = process_add(tracer, pid, NULL);
	if (tracer->root && *listener >= 0 && report.error == 0)
		return 0;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return diag_set(diag, NULL, 0, 0, "%s %s: %s", step_names[report.step], tracer->options->argv[0],
			strerror(report.error ? -report.error : ENOMEM));
}

/* Answers every stop that is there. False when no child is left. */
static bool answer_stops(struct tracer *tracer)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
		stop_answer(tracer, tid, status);
	return tid == 0 || errno == EINTR;
}

/* Answers whoever asks until no descendant is left. @stops is readable when there may be stops. */
static void follow(struct tracer *tracer, struct notify *notify, int listener, int stops)
{
	struct pollfd ask[] = {{.fd = stops, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
	struct signalfd_siginfo info;
	bool going = true;

	while (going && (poll(ask, 2, -1) >= 0 || errno == EINTR)) {
		if (ask[1].revents & POLLIN)
			notify_answer(tracer, notify);
		else if (ask[1].revents)
			ask[1].fd = -1; /* nobody is left who could ask */
		/* However many signals there were, all stops are looked for. */
		while (ask[0].revents && read(stops, &info, sizeof(info)) > 0)
			;
		if (ask[0].revents)
			going = answer_stops(tracer);
	}
}

/* What the program's status comes to, as shells say it. */
static int exit_status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int tracer_run(const struct tracer_options *options, int *exit_status, struct diag *diag)
{
	struct tracer tracer = {.options = options,
				.prefix = options->prefix ? options->prefix : TRACER_VFIO_PREFIX,
				.page_size = (size_t)sysconf(_SC_PAGESIZE)};
	struct notify *notify = NULL;
	struct signals signals;
	int listener = -1, stops, result;

	signals_take(&signals);
	stops = signalfd(-1, &signals.taken, SFD_CLOEXEC | SFD_NONBLOCK);
	if (stops < 0)
		result = diag_set(diag, NULL, 0, 0, "cannot listen for signals: %s", strerror(errno));
	else
		result = start(&tracer, &signals, &listener, diag);
	if (result == 0) {
		notify = notify_new(listener);
		if (!notify)
			tracer_fail(&tracer, -ENOMEM);
		else
			follow(&tracer, notify, listener, stops);
	}
	if (tracer.root)
		process_exit(&tracer, tracer.root);
	if (notify)
		notify_free(notify);
	if (listener >= 0)
		close(listener);
	if (stops >= 0)
		close(stops);
	signals_give_back(&signals);
	prctl(PR_SET_CHILD_SUBREAPER, signals.subreaper, 0, 0, 0);
	if (result == 0 && tracer.error)
		result =
		    diag_set(diag, NULL, 0, 0, "recording of %s ended: %s", options->argv[0], strerror(-tracer.error));
	if (result == 0)
		*exit_status = exit_status_of(tracer.root_status);
	return result;
}
