/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * From a call under way to an event.
 *
 * Every call begins and ends at a stamp of the tracer's clock. The stamps are written
 * only for calls that overlapped with another recorded call: the order of all others
 * is the order of the lines.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer_internal.h"

void record_begin(struct tracer *tracer, struct thread *thread, enum call_op op, struct tracee_file *file, size_t count,
		  const uint64_t *args)
{
	struct pending *pending = &thread->pending;
	struct event *event = &pending->event;

	*event = (struct event){.call = {.task = thread->process->task, .thread = thread->number, .op = op},
				.begin = ++tracer->clock};
	memcpy(event->call.args, args, count * sizeof(*args));
	pending->active = true;
	pending->interrupted = false;
	pending->file = tracee_file_get(file);
	pending->string = NULL;
	pending->overlapped = tracer->under_way > 0;
	tracer->latest_begin = event->begin;
	tracer->under_way++;
}

void record_observe(struct thread *thread)
{
	struct answer *answer = &thread->pending.event.answer;
	struct proc_status status;

	if (!proc_status(thread->tid, &status))
		return;
	answer->locked = (struct observation){true, status.locked, status.locked};
	answer->pinned = (struct observation){true, status.pinned, status.pinned};
}

static void observe_again(struct thread *thread)
{
	struct answer *answer = &thread->pending.event.answer;
	struct proc_status status;

	if (!answer->locked.present)
		return;
	if (!proc_status(thread->tid, &status)) {
		answer->locked.present = answer->pinned.present = false;
		return;
	}
	answer->locked.after = status.locked;
	answer->pinned.after = status.pinned;
}

size_t record_buffer(struct tracer *tracer, struct thread *thread, uint64_t address, size_t length)
{
	struct pending *pending = &thread->pending;
	struct call *call = &pending->event.call;
	uint8_t *bytes;

	if (length == 0 || call->buffer_count == CALL_BUFFERS_MAX)
		return 0;
	if (length > CALL_PAYLOAD_MAX)
		length = CALL_PAYLOAD_MAX;
	bytes = malloc(length);
	if (!bytes) {
		tracer_fail(tracer, -ENOMEM);
		return 0;
	}
	length = memory_read(thread->tid, address, bytes, length);
	if (length == 0) {
		free(bytes);
		return 0;
	}
	/* What a read overwrites is of no interest, and another each time: it counts as zero. */
	if (call->op == CALL_PREAD)
		memset(bytes, 0, length);
	pending->addresses[call->buffer_count] = address;
	call->buffers[call->buffer_count++] = (struct buffer){.length = (uint32_t)length, .in = bytes};
	return length;
}

/* Bytes of a buffer that the call may have changed. */
static size_t changeable(const struct event *event, const struct buffer *buffer)
{
	if (event->call.op != CALL_PREAD || event->answer.ret >= (int64_t)buffer->length)
		return buffer->length;
	return event->answer.ret > 0 ? (size_t)event->answer.ret : 0;
}

/* Reads every buffer as it is after the call. */
static void read_again(struct tracer *tracer, struct thread *thread)
{
	struct pending *pending = &thread->pending;
	struct call *call = &pending->event.call;

	for (uint32_t i = 0; i < call->buffer_count; i++) {
		struct buffer *buffer = &call->buffers[i];
		uint8_t *bytes = malloc(buffer->length);

		if (!bytes) {
			tracer_fail(tracer, -ENOMEM);
			return;
		}
		/* Another thread may have unmapped some of it: what cannot be read counts as unchanged. */
		memcpy(bytes, buffer->in, buffer->length);
		memory_read(thread->tid, pending->addresses[i], bytes, changeable(&pending->event, buffer));
		buffer->out = bytes;
	}
}

static void emit(struct tracer *tracer, const struct event *event)
{
	int error;

	if (tracer->error)
		return;
	error = tracer->options->sink(event, tracer->options->context);
	if (error)
		tracer_fail(tracer, error);
}

static void emit_pending(struct tracer *tracer, struct pending *pending)
{
	struct event *event = &pending->event;

	event->end = ++tracer->clock;
	event->timed = pending->overlapped || tracer->latest_begin > event->begin;
	emit(tracer, event);
}

void record_drop(struct tracer *tracer, struct thread *thread)
{
	struct pending *pending = &thread->pending;
	struct call *call = &pending->event.call;

	for (uint32_t i = 0; i < call->buffer_count; i++) {
		free((uint8_t *)call->buffers[i].in);
		free((uint8_t *)call->buffers[i].out);
	}
	free(pending->string);
	tracee_file_put(pending->file);
	*pending = (struct pending){.active = false};
	tracer->under_way--;
}

void record_end(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	struct answer *answer = &thread->pending.event.answer;

	answer->known = true;
	answer->ret = ret;
	observe_again(thread);
	read_again(tracer, thread);
	emit_pending(tracer, &thread->pending);
	record_drop(tracer, thread);
}

void record_unanswered(struct tracer *tracer, struct thread *thread)
{
	struct answer *answer = &thread->pending.event.answer;

	answer->locked.present = answer->pinned.present = false;
	emit_pending(tracer, &thread->pending);
	record_drop(tracer, thread);
}

/* Emits an event that takes no time. */
static void emit_instant(struct tracer *tracer, const struct thread *thread, struct event *event)
{
	event->call.task = thread->process->task;
	event->call.thread = thread->number;
	/* The thread's own call, if one is under way, comes after what is told on its behalf. */
	event->timed = tracer->under_way > thread->pending.active;
	event->begin = ++tracer->clock;
	event->end = ++tracer->clock;
	if (event->timed)
		tracer->latest_begin = event->begin;
	emit(tracer, event);
}

void record_instant(struct tracer *tracer, const struct thread *thread, enum call_op op, const char *string,
		    size_t count, const uint64_t *args, int64_t ret)
{
	struct event event = {.call = {.op = op, .string = string},
			      .answer = {.known = call_table[op].returns != RETURN_NEVER, .ret = ret}};

	if (count)
		memcpy(event.call.args, args, count * sizeof(*args));
	emit_instant(tracer, thread, &event);
}

void record_poke(struct tracer *tracer, const struct thread *thread, uint64_t address)
{
	static const uint8_t zero;
	struct event event = {.call = {.op = CALL_POKE,
				       .args = {address},
				       .buffer_count = 1,
				       .buffers = {{.length = 1, .in = &zero, .out = &zero}}},
			      .answer = {.known = true, .ret = 1}};

	emit_instant(tracer, thread, &event);
}
