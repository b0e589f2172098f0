/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The processes and threads that are traced.
 */
#include <errno.h>
#include <stdlib.h>

#include "tracer_internal.h"

static struct thread **bucket_of(struct tracer *tracer, pid_t tid)
{
	return &tracer->threads[(unsigned)tid % THREAD_BUCKETS];
}

struct thread *thread_find(const struct tracer *tracer, pid_t tid)
{
	struct thread *thread = tracer->threads[(unsigned)tid % THREAD_BUCKETS];

	while (thread && thread->tid != tid)
		thread = thread->next;
	return thread;
}

static void thread_link(struct tracer *tracer, struct thread *thread)
{
	struct thread **bucket = bucket_of(tracer, thread->tid);

	thread->next = *bucket;
	*bucket = thread;
}

static void thread_unlink(struct tracer *tracer, struct thread *thread)
{
	struct thread **link = bucket_of(tracer, thread->tid);

	while (*link != thread)
		link = &(*link)->next;
	*link = thread->next;
}

struct thread *thread_add(struct tracer *tracer, pid_t tid, struct process *process)
{
	struct thread *thread = calloc(1, sizeof(*thread));

	if (!thread) {
		tracer_fail(tracer, -ENOMEM);
		return NULL;
	}
	thread->tid = tid;
	if (process)
		thread_claim(thread, process);
	thread_link(tracer, thread);
	tracer->thread_count++;
	return thread;
}

void thread_claim(struct thread *thread, struct process *process)
{
	thread->process = process;
	thread->number = ++process->thread_numbers;
}

void thread_rename(struct tracer *tracer, struct thread *thread, pid_t tid)
{
	thread_unlink(tracer, thread);
	thread->tid = tid;
	thread_link(tracer, thread);
}

void thread_remove(struct tracer *tracer, struct thread *thread)
{
	if (thread->pending.active)
		record_unanswered(tracer, thread);
	thread_unlink(tracer, thread);
	tracer->thread_count--;
	free(thread);
}

struct process *process_add(struct tracer *tracer, pid_t pid, const struct process *parent)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		goto fail;
	process->pid = pid;
	process->task = ++tracer->tasks;
	if (parent) {
		process->lock_limit_told = parent->lock_limit_told;
		process->lock_limit = parent->lock_limit;
		process->ipc_lock_dropped = parent->ipc_lock_dropped;
		if (descriptors_inherit(process, parent) || regions_copy(&process->told, &parent->told))
			goto fail;
	}
	process->next = tracer->processes;
	tracer->processes = process;
	return process;

fail:
	if (process) {
		descriptors_free(process);
		free(process);
	}
	tracer_fail(tracer, -ENOMEM);
	return NULL;
}

struct process *process_find(const struct tracer *tracer, pid_t pid)
{
	struct process *process = tracer->processes;

	while (process && process->pid != pid)
		process = process->next;
	return process;
}

void process_remove_threads(struct tracer *tracer, struct process *process)
{
	for (size_t i = 0; i < THREAD_BUCKETS; i++)
		for (struct thread *thread = tracer->threads[i], *next; thread; thread = next) {
			next = thread->next;
			if (thread->process == process)
				thread_remove(tracer, thread);
		}
}

void process_exec(struct tracer *tracer, struct thread *thread)
{
	record_instant(tracer, thread, CALL_EXEC, NULL, 0, NULL, 0);
	regions_free(&thread->process->told);
	descriptors_close_on_exec(thread->process);
}

void process_exit(struct tracer *tracer, struct process *process)
{
	const struct thread teller = {.process = process, .number = 1};
	struct process **link = &tracer->processes;

	process_remove_threads(tracer, process);
	/* A program that never came near VFIO leaves an empty trace. */
	if (tracer->clock)
		record_instant(tracer, &teller, CALL_EXIT, NULL, 0, NULL, 0);
	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	descriptors_free(process);
	regions_free(&process->told);
	free(process);
}
