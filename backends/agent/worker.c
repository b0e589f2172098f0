/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The loop of one thread, and how it makes others.
 */
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "execute.h"
#include "fds.h"
#include "memory.h"
#include "protocol.h"

/* Answers wait for the end of the batch, to save switches, but not so long that the host despairs. */
#define FLUSH_BYTES	   (256u << 10)
#define FLUSH_MILLISECONDS 250

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* A worker that cannot talk to its server has no reason to be; its process is killed at the end of the run. */
static void __attribute__((noreturn)) worker_lost(void)
{
	syscall(SYS_exit_group, 1);
	abort();
}

int worker_flush(struct worker *worker)
{
	char head[64];

	if (worker->answer_count == 0)
		return 0;
	int length = snprintf(head, sizeof(head), "answers %zu\n", worker->answer_count);
	int error = stream_send(worker->channel, head, (size_t)length, worker->answers.text, worker->answers.length);
	worker->answers.length = 0;
	worker->answer_count = 0;
	return error;
}

static void worker_error(struct worker *worker, const char *text)
{
	if (worker_flush(worker) || stream_printf(worker->channel, "error %s", text))
		worker_lost();
}

static int observe_before(struct worker *worker, struct answer *answer)
{
	if (!worker->accounted) {
		int error = observe(&worker->accounting);
		if (error)
			return error;
	}
	answer->locked = (struct observation){true, worker->accounting.locked, 0};
	answer->pinned = (struct observation){true, worker->accounting.pinned, 0};
	return 0;
}

static int observe_after(struct worker *worker, struct answer *answer)
{
	int error = observe(&worker->accounting);

	worker->accounted = !error;
	answer->locked.after = worker->accounting.locked;
	answer->pinned.after = worker->accounting.pinned;
	return error;
}

static int worker_answer(struct worker *worker, const struct event *event)
{
	event_print(&worker->answers, event);
	if (worker->answers.failed)
		return -ENOMEM;
	/* The newline takes the place of the NUL: lines are sent by length. */
	worker->answers.text[worker->answers.length++] = '\n';
	worker->answer_count++;
	return 0;
}

/* Executes one event and appends its answer. 0 or a negative errno of the harness, not of the call. */
static int worker_do(struct worker *worker, struct event *event)
{
	const bool observed = call_observed(event->call.op);
	const struct answer wish = event->answer;
	int error = 0;

	event->answer = (struct answer){0};
	event->timed = false;
	if (observed)
		error = observe_before(worker, &event->answer);
	if (error)
		return error;
	event->answer.ret = execute_call(worker, event, wish.known ? &wish.ret : NULL);
	event->answer.known = true;
	if (worker->fate == WORKER_REBORN)
		return 0;
	if (observed)
		error = observe_after(worker, &event->answer);
	return error ? error : worker_answer(worker, event);
}

static void worker_batch(struct worker *worker, char *lines, size_t length)
{
	int64_t flushed = milliseconds();
	struct diag diag = {0};
	struct event event;
	uint64_t number = 0;
	char *end = lines + length;

	worker->accounted = false;
	while (lines < end && worker->fate == WORKER_STAYS) {
		char *newline = memchr(lines, '\n', (size_t)(end - lines));
		if (event_parse(lines, (size_t)(newline - lines), &event, worker->arena, "calls", ++number, &diag)) {
			worker_error(worker, diag.text);
			return;
		}
		int error = worker_do(worker, &event);
		if (error) {
			snprintf(diag.text, sizeof(diag.text), "the agent cannot answer: %s", strerror(-error));
			worker_error(worker, diag.text);
			return;
		}
		lines = newline + 1;
		if (worker->answers.length < FLUSH_BYTES && milliseconds() - flushed < FLUSH_MILLISECONDS)
			continue;
		if (lines < end && worker_flush(worker))
			worker_lost();
		flushed = milliseconds();
	}
	if (worker->fate == WORKER_LEAVES && stream_printf(worker->channel, "exiting"))
		worker_lost();
	if (worker_flush(worker))
		worker_lost();
}

static void worker_loop(void *context)
{
	struct worker *worker = context;
	size_t count, length;
	char *line, *lines;

	for (;;) {
		worker->fate = WORKER_STAYS;
		if (stream_line(&worker->stream, &line) <= 0)
			worker_lost();
		if (sscanf(line, "calls %zu", &count) != 1 || count > AGENT_CALLS_MAX ||
		    stream_take(&worker->stream, count, &lines, &length) <= 0)
			worker_lost();
		worker_batch(worker, lines, length);
		if (worker->fate == WORKER_LEAVES)
			syscall(SYS_exit_group, 0);
	}
}

/* The exec that made this program is answered by the new program, since the old one is gone. */
static void worker_finish_exec(struct worker *worker, const char *line)
{
	struct diag diag = {0};
	struct event event;

	if (stream_printf(worker->channel, "execed"))
		worker_lost();
	if (event_parse(line, strlen(line), &event, worker->arena, "exec", 1, &diag)) {
		worker_error(worker, diag.text);
		return;
	}
	int error = observe_after(worker, &event.answer);
	if (!error)
		error = worker_answer(worker, &event);
	if (error) {
		snprintf(diag.text, sizeof(diag.text), "the agent cannot answer an exec: %s", strerror(-error));
		worker_error(worker, diag.text);
	}
	if (worker_flush(worker))
		worker_lost();
}

static struct worker *worker_new(uint32_t task, uint32_t thread, unsigned slot, int channel, int executable)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->arena = arena_new();
	if (!worker->arena) {
		free(worker);
		return NULL;
	}
	worker->task = task;
	worker->thread = thread;
	worker->slot = slot;
	worker->channel = channel;
	worker->executable = executable;
	stream_init(&worker->stream, channel);
	return worker;
}

static void worker_free(struct worker *worker)
{
	arena_free(worker->arena);
	stream_release(&worker->stream);
	free(worker->answers.text);
	free(worker);
}

void worker_start(uint32_t task, int channel, int executable, const char *first)
{
	struct worker *worker = worker_new(task, 1, 0, channel, executable);

	if (!worker || observe_init())
		worker_lost();
	if (first)
		worker_finish_exec(worker, first);
	memory_run(worker->slot, worker_loop, worker);
}

int64_t worker_ask(struct worker *worker, const char *what, int64_t wish, int *channel)
{
	char reply[64];
	int64_t number;
	int passed;

	int error = stream_printf(worker->channel, "spawn %s %" PRId64, what, wish);
	if (!error)
		error = stream_receive_fd(worker->channel, reply, sizeof(reply), &passed);
	if (error)
		worker_lost();
	if (passed < 0 || sscanf(reply, "number %" SCNd64, &number) != 1)
		return -EAGAIN;
	*channel = own_fd_keep(passed);
	if (*channel < 0) {
		worker_tell(worker, -1);
		return -EAGAIN;
	}
	return number;
}

void worker_tell(struct worker *worker, int64_t pid)
{
	if (pid < 0 ? stream_printf(worker->channel, "unspawned")
		    : stream_printf(worker->channel, "spawned %" PRId64, pid))
		worker_lost();
}

void worker_become(struct worker *worker, uint32_t task, int channel)
{
	own_fd_close_others(channel, worker->executable);
	memory_slot_keep_only(worker->slot);
	worker->task = task;
	worker->thread = 1;
	worker->channel = channel;
	worker->fate = WORKER_REBORN;
	worker->answers.length = 0;
	worker->answer_count = 0;
	worker->stream.fd = channel;
	worker->stream.start = worker->stream.end = 0;
	if (observe_init())
		worker_lost();
}

static void *worker_thread(void *context)
{
	worker_loop(context);
	return NULL;
}

int worker_spawn(const struct worker *parent, uint32_t number, int channel)
{
	struct worker *worker = NULL;
	pthread_attr_t attributes;
	pthread_t thread;
	size_t size;
	int error = -ENOMEM;

	int slot = memory_slot_take();
	if (slot < 0) {
		own_fd_close(channel);
		return slot;
	}
	worker = worker_new(parent->task, number, (unsigned)slot, channel, parent->executable);
	if (worker) {
		void *stack = memory_stack((unsigned)slot, &size);
		pthread_attr_init(&attributes);
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		pthread_attr_setstack(&attributes, stack, size);
		error = -pthread_create(&thread, &attributes, worker_thread, worker);
		pthread_attr_destroy(&attributes);
	}
	if (error) {
		if (worker)
			worker_free(worker);
		memory_slot_give((unsigned)slot);
		own_fd_close(channel);
	}
	return error;
}
