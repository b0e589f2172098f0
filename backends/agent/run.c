/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Runs: making the first task, passing calls on, registering forks and threads, and the end.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fds.h"
#include "worker.h"

/* Bounds what a hostile list of calls can make of the server's memory; descriptors run out earlier. */
#define PROCESSES_MAX	     4096u
#define STANDARD_DESCRIPTORS 3

static int run_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int run_fail(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->error, sizeof(run->error), format, args);
	va_end(args);
	return -1;
}

static struct member *member_find(struct run *run, uint32_t task, uint32_t thread)
{
	for (size_t i = 0; i < run->member_count; i++)
		if (run->members[i].task == task && run->members[i].thread == thread)
			return &run->members[i];
	return NULL;
}

static struct process *process_find(struct run *run, uint32_t task)
{
	for (size_t i = 0; i < run->process_count; i++)
		if (run->processes[i].task == task)
			return &run->processes[i];
	return NULL;
}

/* Adds a thread with its channel. 0 or -1; the channel is then still the caller's. */
static int member_add(struct run *run, uint32_t task, uint32_t thread, int channel)
{
	struct member *members = realloc(run->members, (run->member_count + 1) * sizeof(*members));

	if (!members)
		return -1;
	run->members = members;
	struct member *member = &members[run->member_count++];
	*member = (struct member){.task = task, .thread = thread, .channel = channel};
	stream_init(&member->stream, channel);
	return 0;
}

static int process_add(struct run *run, uint32_t task, pid_t pid)
{
	if (run->process_count >= PROCESSES_MAX)
		return -1;
	struct process *processes = realloc(run->processes, (run->process_count + 1) * sizeof(*processes));
	if (!processes)
		return -1;
	run->processes = processes;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	pidfd = pidfd < 0 ? -1 : own_fd_keep(pidfd);
	if (pidfd < 0)
		return -1;
	processes[run->process_count++] = (struct process){.task = task, .pidfd = pidfd};
	return 0;
}

/* Forgets the threads of @task other than @survivor (0: none). */
static void members_drop(struct run *run, uint32_t task, uint32_t survivor)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->member_count; i++) {
		struct member *member = &run->members[i];
		if (member->task == task && member->thread != survivor) {
			own_fd_close(member->channel);
			stream_release(&member->stream);
		} else {
			run->members[kept++] = *member;
		}
	}
	run->member_count = kept;
}

static void process_gone(struct run *run, uint32_t task)
{
	struct process *process = process_find(run, task);

	members_drop(run, task, 0);
	own_fd_close(process->pidfd);
	process->pidfd = -1;
}

/* Two own descriptors, connected. 0 or -1. */
static int channel_pair(int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	pair[0] = own_fd_keep(pair[0]);
	pair[1] = own_fd_keep(pair[1]);
	if (pair[0] >= 0 && pair[1] >= 0)
		return 0;
	own_fd_close(pair[0]);
	own_fd_close(pair[1]);
	return -1;
}

/* Becomes task 1: a group of its own, and no descriptors but standard ones, which are nothing, and the agent's. */
static void __attribute__((noreturn)) first_task(int channel, int executable)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What is charged for memory must not depend on where it happens to fill a huge page. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	signal(SIGCHLD, SIG_IGN); /* children are reaped by themselves */
	own_fd_close_others(channel, executable);
	if (syscall(SYS_close_range, 0, OWN_FD_FIRST - 1, 0))
		_exit(1);
	for (int fd = 0; fd < STANDARD_DESCRIPTORS; fd++)
		if (open("/dev/null", O_RDWR) != fd)
			_exit(1);
	worker_start(1, channel, executable, NULL);
}

int run_begin(struct run *run, int executable)
{
	int pair[2];

	*run = (struct run){0};
	if (channel_pair(pair))
		return run_fail(run, "cannot make a channel: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0)
		first_task(pair[1], executable);
	int error = errno;
	own_fd_close(pair[1]);
	if (pid < 0) {
		own_fd_close(pair[0]);
		return run_fail(run, "cannot fork: %s", strerror(error));
	}
	setpgid(pid, pid); /* both do it, since either may come first */
	run->leader = pid;
	if (process_add(run, 1, pid) || member_add(run, 1, 1, pair[0])) {
		own_fd_close(pair[0]);
		run_end(run);
		return run_fail(run, "cannot register the first task");
	}
	return 0;
}

void run_end(struct run *run)
{
	if (run->leader) {
		kill(-run->leader, SIGKILL);
		/* Children of tasks come to the server before their parents can be reaped, so none is missed. */
		while (waitpid(-run->leader, NULL, 0) > 0 || errno == EINTR)
			continue;
	}
	while (run->member_count > 0)
		members_drop(run, run->members[0].task, 0);
	for (size_t i = 0; i < run->process_count; i++)
		own_fd_close(run->processes[i].pidfd);
	free(run->members);
	free(run->processes);
	*run = (struct run){0};
}

/* The number of a new task, or of a new thread of @task: @wish if it is free, else one more than the highest. */
static uint32_t next_number(struct run *run, bool is_task, uint32_t task, uint32_t wish)
{
	uint32_t highest = 0;

	if (wish && !(is_task ? (void *)process_find(run, wish) : (void *)member_find(run, task, wish)))
		return wish;
	if (is_task) {
		for (size_t i = 0; i < run->process_count; i++)
			if (run->processes[i].task > highest)
				highest = run->processes[i].task;
	} else {
		for (size_t i = 0; i < run->member_count; i++)
			if (run->members[i].task == task && run->members[i].thread > highest)
				highest = run->members[i].thread;
	}
	return highest + 1;
}

/* What a thread is making: set between "spawn" and "spawned". */
struct birth {
	bool is_task;
	uint32_t number;
	int channel;
};

static int birth_begin(struct run *run, const struct member *parent, const char *what, uint32_t wish,
		       struct birth *birth)
{
	static const char refusal[] = "refused\n";
	char text[32];
	int pair[2];

	if (channel_pair(pair))
		return stream_send_fd(parent->channel, refusal, sizeof(refusal) - 1, -1);
	birth->is_task = !strcmp(what, "task");
	birth->number = next_number(run, birth->is_task, parent->task, wish);
	birth->channel = pair[0];
	int length = snprintf(text, sizeof(text), "number %" PRIu32 "\n", birth->number);
	int error = stream_send_fd(parent->channel, text, (size_t)length, pair[1]);
	own_fd_close(pair[1]);
	return error;
}

/* Registers what was born; this may move the members. */
static int birth_end(struct run *run, uint32_t task, struct birth *birth, pid_t pid)
{
	int channel = birth->channel;
	int error;

	birth->channel = -1;
	if (birth->is_task)
		error = process_add(run, birth->number, pid) || member_add(run, birth->number, 1, channel);
	else
		error = member_add(run, task, birth->number, channel);
	if (!error)
		return 0;
	own_fd_close(channel);
	return run_fail(run, "cannot register %s %" PRIu32, birth->is_task ? "task" : "thread", birth->number);
}

/* Waits until a thread has something to say; what the host is owed is sent meanwhile. 0, or -1: its process is gone. */
static int member_wait(struct run *run, const struct member *member, struct outbox *host)
{
	struct pollfd polled[2] = {
	    {.fd = member->channel, .events = POLLIN},
	    {.fd = process_find(run, member->task)->pidfd, .events = POLLIN},
	};

	if (member->stream.start < member->stream.end)
		return 0;
	for (;;) {
		int ready = poll(polled, 2, outbox_patience(host));
		if (ready > 0)
			return polled[0].revents & POLLIN ? 0 : -1;
		if ((ready < 0 && errno != EINTR) || (ready == 0 && outbox_flush(host)))
			return -1;
	}
}

static void process_wait(struct run *run, uint32_t task)
{
	struct pollfd polled = {.fd = process_find(run, task)->pidfd, .events = POLLIN};

	while (poll(&polled, 1, -1) < 0 && errno == EINTR)
		continue;
}

/* One exchange with one thread. */
struct exchange {
	struct run *run;
	struct outbox *host;
	uint32_t task, thread;
	size_t remaining; /* calls that were not answered yet */
	bool exiting;
	struct birth birth;
};

static int exchange_answers(struct exchange *exchange, struct member *member, size_t count)
{
	char head[64];
	char *lines;
	size_t length;

	if (count > exchange->remaining)
		return run_fail(exchange->run, "thread %u of task %u answers more than it was asked", exchange->thread,
				exchange->task);
	if (stream_take(&member->stream, count, &lines, &length) <= 0)
		return run_fail(exchange->run, "task %u died within an answer", exchange->task);
	exchange->remaining -= count;
	/* What the process held is released before anybody hears that it has ended. */
	if (exchange->exiting && exchange->remaining == 0)
		process_wait(exchange->run, exchange->task);
	int head_length = snprintf(head, sizeof(head), "answers %zu\n", count);
	if (outbox_add(exchange->host, head, (size_t)head_length, lines, length))
		return run_fail(exchange->run, "the host is gone");
	return 0;
}

static int exchange_line(struct exchange *exchange, struct member *member, const char *line)
{
	struct run *run = exchange->run;
	char what[16];
	uint32_t wish;
	size_t count;
	pid_t pid;

	if (sscanf(line, "answers %zu", &count) == 1)
		return exchange_answers(exchange, member, count);
	if (sscanf(line, "spawned %d", &pid) == 1)
		return birth_end(run, exchange->task, &exchange->birth, pid);
	if (sscanf(line, "spawn %15s %" SCNu32, what, &wish) == 2) {
		if (birth_begin(run, member, what, wish, &exchange->birth))
			return run_fail(run, "task %u died within a fork", exchange->task);
		return 0;
	}
	if (!strcmp(line, "unspawned")) {
		own_fd_close(exchange->birth.channel);
		exchange->birth.channel = -1;
		return 0;
	}
	if (!strcmp(line, "execed")) {
		/* Whichever thread called, the program that came of it is its first and only one. */
		members_drop(run, exchange->task, exchange->thread);
		member_find(run, exchange->task, exchange->thread)->thread = 1;
		exchange->thread = 1;
		return 0;
	}
	if (!strcmp(line, "exiting")) {
		exchange->exiting = true;
		return 0;
	}
	if (!strncmp(line, "error ", 6))
		return run_fail(run, "%s", line + 6);
	return run_fail(run, "thread %u of task %u says %.60s", exchange->thread, exchange->task, line);
}

static int exchange_go(struct exchange *exchange)
{
	while (exchange->remaining > 0) {
		/* Births and execs move the members: find it anew each time. */
		struct member *member = member_find(exchange->run, exchange->task, exchange->thread);
		char *line;

		if (member_wait(exchange->run, member, exchange->host) || stream_line(&member->stream, &line) <= 0) {
			process_gone(exchange->run, exchange->task);
			return run_fail(exchange->run, "task %u died with %zu calls of thread %u not answered",
					exchange->task, exchange->remaining, exchange->thread);
		}
		if (exchange_line(exchange, member, line))
			return -1;
	}
	if (exchange->exiting)
		process_gone(exchange->run, exchange->task);
	return 0;
}

int run_calls(struct run *run, struct outbox *host, uint32_t task, uint32_t thread, size_t count, const char *lines,
	      size_t length)
{
	struct exchange exchange = {
	    .run = run,
	    .host = host,
	    .task = task,
	    .thread = thread,
	    .remaining = count,
	    .birth = {.channel = -1},
	};
	const struct member *member = member_find(run, task, thread);
	char head[64];

	if (!member)
		return run_fail(run, "there is no thread %u of task %u", thread, task);
	int head_length = snprintf(head, sizeof(head), "calls %zu\n", count);
	/* That nobody reads it is found out, and told, by waiting for the answer. */
	(void)stream_send(member->channel, head, (size_t)head_length, lines, length);
	int error = exchange_go(&exchange);
	own_fd_close(exchange.birth.channel);
	return error;
}
