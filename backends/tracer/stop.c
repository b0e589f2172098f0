/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Answers the stops of the processes that are traced.
 *
 * A thread runs in one of two ways. Unwatched, it stops only where it makes another
 * thread or process, executes a program, ends or gets a signal. Watched, because its
 * process holds a VFIO descriptor or because it is in a call that is of interest, it
 * stops at the entry and the return of every call. Which way is decided anew each time
 * it goes on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer_internal.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)

/* The kernel's own errnos of a call that a signal interrupted; the program never sees them. */
static bool is_restart(int64_t ret)
{
	return ret == -512 || ret == -513 || ret == -514 || ret == -516;
}

/* A mapping keeps a device open as a descriptor does. */
static bool holds_vfio(const struct process *process)
{
	if (process->vfio_count)
		return true;
	for (size_t i = 0; i < process->told.count; i++)
		if (process->told.list[i].fd >= 0)
			return true;
	return false;
}

void stop_others(struct tracer *tracer, const struct thread *thread)
{
	for (size_t i = 0; i < THREAD_BUCKETS; i++)
		for (const struct thread *other = tracer->threads[i]; other; other = other->next)
			if (other->process == thread->process && other != thread)
				ptrace(PTRACE_INTERRUPT, other->tid, NULL, NULL);
}

/* Lets a stopped thread go on, with @signal delivered. It may have been killed meanwhile: then that is reported next.
 */
static void go_on(const struct tracer *tracer, struct thread *thread, int signal)
{
	bool watched = !tracer->error && (thread->pending.active || thread->expected || holds_vfio(thread->process));

	if (tracer->error)
		kill(thread->process->pid, SIGKILL);
	/* An unwatched thread does not stop at the return of the call that it is in. */
	thread->entered = thread->entered && watched;
	ptrace(watched ? PTRACE_SYSCALL : PTRACE_CONT, thread->tid, NULL, (void *)(intptr_t)signal);
}

/*
 * A call that a signal had interrupted: if the thread comes with the same call again, it
 * is the same; anything else means that the program got EINTR. (A handler that makes
 * recorded calls of its own before a restart is taken for the latter.)
 */
static bool is_same_again(const struct pending *pending, uint64_t nr, const uint64_t args[6])
{
	return pending->nr == nr && memcmp(pending->raw, args, sizeof(pending->raw)) == 0;
}

static void call_entered(struct tracer *tracer, struct thread *thread, uint64_t nr, const uint64_t args[6])
{
	struct pending *pending = &thread->pending;
	const struct watch *watch;

	if (pending->active) {
		/* The end of a signal handler; what comes next tells. */
		if (nr == __NR_rt_sigreturn)
			return;
		if (pending->interrupted && is_same_again(pending, nr, args)) {
			pending->interrupted = false;
			return;
		}
		record_end(tracer, thread, -EINTR);
	}
	watch = watch_find(nr);
	if (!watch)
		return;
	watch->enter(tracer, thread, args);
	if (!pending->active)
		return;
	pending->watch = watch;
	pending->nr = nr;
	memcpy(pending->raw, args, sizeof(pending->raw));
}

static void call_returned(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	struct pending *pending = &thread->pending;

	/* Nothing of interest, or the end of a signal handler that ran within it. */
	if (!pending->active || pending->interrupted)
		return;
	if (is_restart(ret)) {
		pending->interrupted = true;
		return;
	}
	if (pending->watch->leave)
		pending->watch->leave(tracer, thread, ret);
	if (pending->active)
		record_end(tracer, thread, ret);
}

/* At the entry or the return of a call. */
static void call_stop(struct tracer *tracer, struct thread *thread)
{
	struct __ptrace_syscall_info info;
	uint64_t args[6];

	if (tracer->error ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, (void *)sizeof(info), &info) < (long)sizeof(info.op))
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		thread->entered = true;
		/* The numbers of a 32-bit call mean something else. */
		if (info.arch != NATIVE_ARCH)
			return;
		memcpy(args, info.entry.args, sizeof(args));
		call_entered(tracer, thread, info.entry.nr, args);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		thread->entered = thread->expected = false;
		call_returned(tracer, thread, info.exit.rval);
	}
}

/* @thread has made another: a thread of its own process, or a new process. */
static void newborn_stop(struct tracer *tracer, struct thread *parent)
{
	struct process *process = parent->process;
	unsigned long message;
	struct thread *thread;
	char path[64];
	pid_t tid;

	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &message) != 0)
		return;
	tid = (pid_t)message;
	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)process->pid, (int)tid);
	if (access(path, F_OK) != 0) {
		process = process_add(tracer, tid, process);
		if (!process)
			return;
	}
	/* Either of the two may be seen first: this, or the first stop of the new one. */
	thread = thread_find(tracer, tid);
	if (thread) {
		thread_claim(thread, process);
	} else {
		thread = thread_add(tracer, tid, process);
		if (!thread)
			return;
		thread->unborn = true;
	}
	if (process == parent->process)
		record_instant(tracer, parent, CALL_THREAD, NULL, 0, NULL, thread->number);
	else
		record_instant(tracer, parent, CALL_FORK, NULL, 0, NULL, process->task);
	if (!thread->unborn)
		go_on(tracer, thread, 0);
}

/* The thread has executed another program. It is now its process's only one, whatever it was before. */
static void exec_stop(struct tracer *tracer, struct thread *thread)
{
	unsigned long former = 0;
	struct thread *caller;

	ptrace(PTRACE_GETEVENTMSG, thread->tid, NULL, &former);
	caller = thread_find(tracer, (pid_t)former);
	if (caller && caller != thread) {
		pid_t tid = thread->tid;

		thread_remove(tracer, thread);
		thread_rename(tracer, caller, tid);
		thread = caller;
	}
	process_exec(tracer, thread);
	thread->number = thread->process->thread_numbers = 1;
	go_on(tracer, thread, 0);
}

/*
 * The last moment at which @process can say whose a thread is that waits to be claimed: if
 * its parent was killed right after making it, no stop of the parent will ever tell.
 */
static void claim_orphans(struct tracer *tracer, const struct process *process)
{
	for (size_t i = 0; i < THREAD_BUCKETS; i++)
		for (struct thread *orphan = tracer->threads[i]; orphan; orphan = orphan->next) {
			struct process *child;
			pid_t parent = proc_number(orphan->tid, PROC_PARENT);

			if (orphan->process || parent == 0 || (parent != process->pid && process_find(tracer, parent)))
				continue;
			child = process_add(tracer, orphan->tid, process);
			if (!child)
				return;
			thread_claim(orphan, child);
			go_on(tracer, orphan, 0);
		}
}

static void thread_gone(struct tracer *tracer, struct thread *thread, int status)
{
	struct process *process = thread->process;

	if (!process || thread->tid != process->pid) {
		thread_remove(tracer, thread);
		return;
	}
	/* The first thread is reported last, whichever ended first. */
	if (thread->pending.active)
		record_unanswered(tracer, thread);
	claim_orphans(tracer, process);
	if (process == tracer->root)
		tracer_root_gone(tracer, status);
	else
		process_exit(tracer, process);
}

static bool is_stopping_signal(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

void stop_answer(struct tracer *tracer, pid_t tid, int status)
{
	struct thread *thread = thread_find(tracer, tid);
	int event = status >> 16, signal = 0;

	if (!thread) {
		if (WIFSTOPPED(status))
			thread_add(tracer, tid, NULL);
		else if (tid == tracer->root->pid)
			tracer_root_gone(tracer, status);
		return;
	}
	if (!WIFSTOPPED(status)) {
		thread_gone(tracer, thread, status);
		return;
	}
	if (!thread->process)
		return;
	thread->unborn = false;
	if (WSTOPSIG(status) == SYSCALL_STOP) {
		call_stop(tracer, thread);
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
		newborn_stop(tracer, thread);
	} else if (event == PTRACE_EVENT_EXEC) {
		exec_stop(tracer, thread);
		return;
	} else if (event == PTRACE_EVENT_STOP && is_stopping_signal(WSTOPSIG(status)) && !tracer->error) {
		/* Stopped as by job control: it stays so until SIGCONT. */
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
		return;
	} else if (event == 0) {
		signal = WSTOPSIG(status);
	}
	go_on(tracer, thread, signal);
}
