/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Questions of the seccomp filter: may this call be of interest?
 *
 * Until a process makes its first VFIO call nobody traces it: it forks, executes and
 * handles signals without a stop, and only the few calls that the filter picks wait
 * for an answer here. If the answer is yes, the process is seized and the call is made
 * to begin anew, this time with a stop at its entry.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracer_internal.h"

#define TRACE_OPTIONS                                                                                                  \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
	 PTRACE_O_EXITKILL)

/* The errno by which the kernel tells itself to begin a call anew, whatever signals there are. */
#define ERESTARTNOINTR 513

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1ul << 0)
#endif

/* Question and answer; the kernel's structs may be larger than they were when this was compiled. */
struct notify {
	int listener;
	size_t question_size;
	struct seccomp_notif *question;
	struct seccomp_notif_resp *answer;
};

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

struct notify *notify_new(int listener)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	struct seccomp_notif_sizes sizes;

	if (!notify)
		return NULL;
	notify->listener = listener;
	if (syscall(__NR_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0) {
		notify->question_size = larger(sizes.seccomp_notif, sizeof(*notify->question));
		notify->question = calloc(1, notify->question_size);
		notify->answer = calloc(1, larger(sizes.seccomp_notif_resp, sizeof(*notify->answer)));
	}
	if (!notify->question || !notify->answer) {
		notify_free(notify);
		return NULL;
	}
	/* From 6.6 on: who asks and who answers take turns on one processor, which is faster. */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return notify;
}

void notify_free(struct notify *notify)
{
	free(notify->question);
	free(notify->answer);
	free(notify);
}

/* Seizes the threads of @process that are not traced yet. False if there were none. */
static bool seize_some(struct tracer *tracer, struct process *process)
{
	struct thread teller = {.process = process, .number = 1};
	struct dirent *entry;
	bool found = false;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)process->pid);
	tasks = opendir(path);
	if (!tasks)
		return false;
	while ((entry = readdir(tasks)) && !tracer->error) {
		pid_t tid = (pid_t)atoi(entry->d_name);
		struct thread *thread;

		if (entry->d_name[0] == '.' || thread_find(tracer, tid) || proc_number(tid, PROC_TRACER) == getpid())
			continue;
		if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)(intptr_t)TRACE_OPTIONS) != 0) {
			/* It may have ended; any other reason would leave its calls out of the trace. */
			if (errno != ESRCH)
				tracer_fail(tracer, -errno);
			continue;
		}
		thread = thread_add(tracer, tid, process);
		if (!thread)
			break;
		thread->unborn = true;
		if (thread->number > 1)
			record_instant(tracer, &teller, CALL_THREAD, NULL, 0, NULL, thread->number);
		ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
		found = true;
	}
	closedir(tasks);
	return found;
}

/* The nearest ancestor of @pid that the trace knows; the program itself if there is none left. */
static struct process *known_ancestor(const struct tracer *tracer, pid_t pid)
{
	while ((pid = proc_number(pid, PROC_PARENT)) > 1) {
		struct process *process = process_find(tracer, pid);

		if (process)
			return process;
	}
	return tracer->root;
}

/*
 * Makes process @pid, which nobody has looked at so far, one that the trace knows. It is
 * told as a fork of what the trace knows, which has executed a program since and closed
 * what it does not have.
 */
static struct process *process_tell(struct tracer *tracer, pid_t pid)
{
	const struct process *parent = known_ancestor(tracer, pid);
	struct process *process = process_add(tracer, pid, parent);
	const struct thread parent_teller = {.process = (struct process *)parent, .number = 1};
	struct thread teller = {.tid = pid, .process = process, .number = 1};

	if (!process)
		return NULL;
	record_instant(tracer, &parent_teller, CALL_FORK, NULL, 0, NULL, process->task);
	process_exec(tracer, &teller);
	descriptors_tell_closed(tracer, &teller);
	return process;
}

/* Sees to it that the thread that asked is traced. NULL if it is gone, or the tracer has failed. */
static struct thread *attach(struct tracer *tracer, pid_t tid)
{
	pid_t pid = proc_number(tid, PROC_GROUP);
	struct process *process = process_find(tracer, pid);
	struct thread *thread;

	if (pid <= 0)
		return NULL;
	if (!process)
		process = process_tell(tracer, pid);
	if (!process)
		return NULL;
	/* A thread that is seized takes the threads along that it makes from then on; so twice nothing new is all. */
	while (!tracer->error && seize_some(tracer, process))
		;
	thread = thread_find(tracer, tid);
	if (thread && thread->process)
		descriptors_scan(tracer, thread);
	return thread;
}

/* Whether a thread must begin the call anew that it asks about, and stop at its entry. */
static bool must_begin_anew(struct tracer *tracer, const struct notify *notify)
{
	const struct seccomp_notif *question = notify->question;
	pid_t tid = (pid_t)question->pid;
	struct thread *thread = thread_find(tracer, tid);
	uint64_t args[6];

	/* A watched thread has already stopped at the entry of this call. */
	if (tracer->error || (thread && thread->entered))
		return false;
	memcpy(args, question->data.args, sizeof(args));
	if (!watch_is_vfio(tracer, tid, (uint64_t)question->data.nr, args) ||
	    ioctl(notify->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &question->id) != 0)
		return false;
	if (thread)
		ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	else
		thread = attach(tracer, tid);
	if (thread)
		thread->expected = true;
	return thread != NULL;
}

void notify_answer(struct tracer *tracer, struct notify *notify)
{
	struct seccomp_notif_resp *answer = notify->answer;

	memset(notify->question, 0, notify->question_size);
	/* Who asked may be gone by now, and again when the answer comes: both are no matter. */
	if (ioctl(notify->listener, SECCOMP_IOCTL_NOTIF_RECV, notify->question) != 0)
		return;
	*answer = (struct seccomp_notif_resp){.id = notify->question->id};
	if (must_begin_anew(tracer, notify))
		answer->error = -ERESTARTNOINTR;
	else
		answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(notify->listener, SECCOMP_IOCTL_NOTIF_SEND, answer);
}
