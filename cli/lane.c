/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns lanes: one thread for each program that is under way. */
#include <string.h>

#include "cli/lane.h"

/* Copies the bytes of an answer to where they outlive the backend's. 0, or -1 when memory is out. */
static int keep_bytes(struct program *program, struct event *event)
{
	for (uint32_t i = 0; i < event->call.buffer_count; i++) {
		struct buffer *buffer = &event->call.buffers[i];
		uint8_t *bytes;

		if (!buffer->out)
			continue;
		bytes = program_memory(program, buffer->length);
		if (!bytes)
			return -1;
		memcpy(bytes, buffer->out, buffer->length);
		buffer->out = bytes;
	}
	return 0;
}

/* Takes over the answers of the @count events from @first on, up to one that has none because of @status. */
static enum backend_status take_answers(struct lane *lane, size_t first, size_t count, enum backend_status status)
{
	struct event *events = lane->program->events;

	for (size_t i = first; i < first + count && (status == BACKEND_OK || events[i].answer.known); i++) {
		if (keep_bytes(lane->program, &events[i]) != 0) {
			diag_set(&lane->diag, NULL, 0, 0, "out of memory");
			return BACKEND_FAILED;
		}
		lane->answered++;
	}
	return status;
}

static void *execute(void *context)
{
	struct lane *lane = context;
	const struct backend_ops *ops = lane->backend->ops;
	const size_t count = lane->program->count;
	/* A kernel that falls takes along what it has not sent yet. */
	const size_t step = lane->used_up ? 1 : count;

	lane->status = ops->begin(lane->backend, &lane->diag);
	for (size_t i = 0; i < count && lane->status == BACKEND_OK; i += step) {
		lane->status = ops->execute(lane->backend, lane->program->events + i, step, &lane->diag);
		lane->status = take_answers(lane, i, step, lane->status);
	}
	lane->whole = lane->status == BACKEND_OK;
	if (lane->whole)
		lane->status = ops->end(lane->backend, &lane->diag);
	return NULL;
}

int lane_start(struct lane *lane, struct program *program)
{
	lane->program = program;
	lane->answered = 0;
	lane->whole = false;
	lane->diag = (struct diag){.text = ""};
	return pthread_create(&lane->thread, NULL, execute, lane) == 0 ? 0 : -1;
}

void lane_wait(struct lane *lane)
{
	pthread_join(lane->thread, NULL);
}

void lane_clear(struct lane *lane)
{
	program_free(lane->program);
	lane->program = NULL;
}
