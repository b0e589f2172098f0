/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The host's side of the agent protocol.
 *
 * Requests are sent ahead while answers are read, so that a guest never waits for the
 * host. Every wait has a limit, and whatever goes wrong is blamed on the kernel first if its
 * console has complained.
 */
#include "remote.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/protocol.h"
#include "counters.h"
#include "remote_stream.h"
#include "settings.h"

/* Calls and bytes of a request are bounded so that answers come in good time and memory stays small. */
#define BATCH_CALLS 256u
#define BATCH_BYTES (256u << 10)

struct remote {
	struct backend backend;
	struct remote_stream stream;
	bool running;	/* a run was begun and not ended */
	bool beginning; /* the agent has not said yet that it has begun it */
	struct arena *arena;
	struct bytes_chain kept; /* out bytes of the last execute */
};

static struct remote *remote_of(struct backend *backend)
{
	return (struct remote *)(void *)((char *)backend - offsetof(struct remote, backend));
}

static enum backend_status remote_end(struct backend *backend, struct diag *diag)
{
	struct remote *remote = remote_of(backend);
	size_t length;
	char *line;

	bytes_clear(&remote->kept);
	if (!remote->running)
		return BACKEND_OK;
	remote->running = false;
	remote_printf(&remote->stream, "end\n");
	enum backend_status status = remote_ready(&remote->stream, diag);
	/* After an error, answers to what was sent ahead may still be on their way. */
	while (!status) {
		status = remote_line(&remote->stream, remote->stream.transport.silence_max, &line, &length, diag);
		if (!status && !strcmp(line, "ended"))
			break;
	}
	if (!status && remote_kernel_unwell(&remote->stream, diag))
		status = BACKEND_SPLAT;
	return status;
}

static enum backend_status remote_begin(struct backend *backend, struct diag *diag)
{
	struct remote *remote = remote_of(backend);
	enum backend_status status = remote_end(backend, diag);

	if (status)
		return status;
	if (remote->stream.transport.console_clear)
		remote->stream.transport.console_clear(remote->stream.transport.context);
	/* Calls follow at once, and the answer is waited for with theirs. */
	remote_printf(&remote->stream, "begin run\n");
	status = remote_ready(&remote->stream, diag);
	remote->running = remote->beginning = !status;
	return status;
}

/* A batch is calls of one thread; nothing may follow one that ends or replaces its program. */
static bool batch_goes_on(const struct event *first, const struct event *last, const struct event *next)
{
	return next->call.task == first->call.task && next->call.thread == first->call.thread &&
	       last->call.op != CALL_EXIT && last->call.op != CALL_EXEC;
}

/* Appends one request for as many of @events as belong together. Returns how many; @sleep grows by what they sleep. */
static size_t out_batch(struct remote *remote, const struct event *events, size_t count, int64_t *sleep)
{
	const size_t start = remote->stream.out.length;
	size_t used = 0;
	struct text lines = {0};

	while (used < count && used < BATCH_CALLS && lines.length < BATCH_BYTES &&
	       (used == 0 || batch_goes_on(events, &events[used - 1], &events[used]))) {
		struct event event = events[used++];
		for (uint32_t i = 0; i < event.call.buffer_count; i++)
			event.call.buffers[i].out = event.call.buffers[i].in;
		event.answer.locked = event.answer.pinned = (struct observation){0};
		event.timed = false;
		if (event.call.op == CALL_SLEEP && event.call.args[0] < INT32_MAX)
			*sleep += (int64_t)event.call.args[0];
		event_print(&lines, &event);
		if (lines.failed)
			break;
		lines.text[lines.length++] = '\n';
	}
	remote_printf(&remote->stream, "calls %" PRIu32 " %" PRIu32 " %zu\n", events->call.task, events->call.thread,
		      used);
	if (lines.failed || !remote_append(&remote->stream, lines.text, lines.length)) {
		remote->stream.out.failed = true;
		remote->stream.out.length = start;
	}
	free(lines.text);
	return used;
}

/* Takes over the answer in @line. */
static enum backend_status take_answer(struct remote *remote, const char *line, size_t length, struct event *event,
				       struct diag *diag)
{
	struct event answered;
	struct diag why;

	if (event_parse(line, length, &answered, remote->arena, "agent", 0, &why))
		return remote_fail(&remote->stream, diag, "the agent's answer is unreadable: %s", why.text);
	if (answered.call.op != event->call.op || answered.call.task != event->call.task ||
	    answered.call.thread != event->call.thread || answered.call.buffer_count != event->call.buffer_count)
		return remote_fail(&remote->stream, diag, "the agent answers another call: %.200s", line);
	for (uint32_t i = 0; i < answered.call.buffer_count; i++) {
		const struct buffer *from = &answered.call.buffers[i];
		struct buffer *to = &event->call.buffers[i];
		if (from->length != to->length)
			return remote_fail(&remote->stream, diag,
					   "the agent answers with %" PRIu32 " bytes instead of %" PRIu32, from->length,
					   to->length);
		to->out = to->in;
		if (!from->out || (to->in && !memcmp(from->out, to->in, to->length)))
			continue;
		to->out = bytes_keep(&remote->kept, from->out, from->length);
		if (!to->out)
			return remote_fail(&remote->stream, diag, "out of memory");
	}
	event->answer = answered.answer;
	return BACKEND_OK;
}

static enum backend_status take_answers(struct remote *remote, struct event *events, size_t expected, int64_t sleep,
					size_t *taken, struct diag *diag)
{
	const int64_t patience = remote->stream.transport.silence_max + sleep;
	size_t count, length = 0;
	char *line = NULL;

	enum backend_status status = remote_line(&remote->stream, patience, &line, &length, diag);
	if (status)
		return status;
	assert(line);
	if (!strncmp(line, "error ", 6))
		return remote_fail(&remote->stream, diag, "the agent says: %s", line + 6);
	if (sscanf(line, "answers %zu", &count) != 1 || count > expected)
		return remote_fail(&remote->stream, diag, "the agent says \"%.80s\", expected answers", line);
	for (*taken = 0; *taken < count; ++*taken) {
		status = remote_line(&remote->stream, patience, &line, &length, diag);
		if (!status)
			status = take_answer(remote, line, length, &events[*taken], diag);
		if (status)
			return status;
	}
	return BACKEND_OK;
}

static enum backend_status remote_execute(struct backend *backend, struct event *events, size_t count,
					  struct diag *diag)
{
	struct remote *remote = remote_of(backend);
	size_t asked = 0, answered = 0, taken = 0;
	int64_t sleep = 0;

	bytes_clear(&remote->kept);
	if (!remote->running)
		return remote_fail(&remote->stream, diag, "there is no run to execute calls in");
	while (answered < count) {
		while (asked < count && remote->stream.out.length < BATCH_BYTES)
			asked += out_batch(remote, events + asked, count - asked, &sleep);
		enum backend_status status = remote_ready(&remote->stream, diag);
		if (!status && remote->beginning)
			status = remote_expect(&remote->stream, "begun", diag);
		remote->beginning = false;
		if (!status)
			status = take_answers(remote, events + answered, asked - answered, sleep, &taken, diag);
		if (status)
			return status;
		answered += taken;
	}
	return BACKEND_OK;
}

static const char *remote_console(struct backend *backend)
{
	const struct remote_transport *transport = &remote_of(backend)->stream.transport;

	return transport->console_text ? transport->console_text(transport->context) : "";
}

/* What the kernel has counted is asked for at the end only. Counters that do not come are missed by those who read
 * them. */
static void remote_keep_counters(struct remote *remote)
{
	const int patience = remote->stream.transport.silence_max;
	char *directory, *line = NULL;
	size_t count = 0, length;
	struct diag diag;

	remote_printf(&remote->stream, "counters\n");
	if (remote_ready(&remote->stream, &diag) || remote_line(&remote->stream, patience, &line, &length, &diag) ||
	    sscanf(line, "counters %zu", &count) != 1 || count == 0)
		return;
	directory = counters_directory(remote->stream.transport.counters);
	for (size_t i = 0; directory && i < count; i++)
		if (remote_line(&remote->stream, patience, &line, &length, &diag) || counters_keep(directory, line))
			break;
	free(directory);
}

static bool remote_complaint(struct backend *backend, size_t index, char *line, size_t size)
{
	const struct remote_transport *transport = &remote_of(backend)->stream.transport;

	return transport->console_complaint(transport->context, index, line, size);
}

static void remote_close(struct backend *backend)
{
	struct remote *remote = remote_of(backend);

	if (!remote->stream.broken && remote->stream.transport.counters) {
		(void)remote_end(backend, &(struct diag){0});
		remote_keep_counters(remote);
	}
	if (!remote->stream.broken) {
		remote_printf(&remote->stream, "poweroff\n");
		if (!remote->stream.out.failed)
			(void)remote_drain(&remote->stream); /* it also ends when the stream does */
	}
	remote_stream_close(&remote->stream);
	arena_free(remote->arena);
	bytes_clear(&remote->kept);
	free(remote);
}

static const struct backend_ops remote_ops = {
    .begin = remote_begin,
    .execute = remote_execute,
    .end = remote_end,
    .console = remote_console,
    .complaint = remote_complaint,
    .close = remote_close,
};

static enum backend_status remote_greet(struct remote *remote, struct diag *diag)
{
	struct trace_header *header = &remote->backend.header;
	size_t length = 0;
	char *line = NULL;
	int version, end = 0;

	remote_printf(&remote->stream, "hello\n");
	enum backend_status status = remote_ready(&remote->stream, diag);
	if (!status)
		status = remote_line(&remote->stream, remote->stream.transport.silence_max, &line, &length, diag);
	if (status)
		return status;
	_Static_assert(TRACE_TEXT_MAX == 256, "the widths below");
	if (sscanf(line, "agent %d release=%255s arch=%255s page-size=%" SCNu32 "%n", &version, header->kernel,
		   header->arch, &header->page_size, &end) != 4)
		return remote_fail(&remote->stream, diag, "the agent says \"%.80s\", expected its greeting", line);
	if (version != AGENT_VERSION)
		return remote_fail(&remote->stream, diag, "the agent speaks version %d, expected %d", version,
				   AGENT_VERSION);
	header->version = TRACE_VERSION;
	header->field_count = 0;
	if (settings_probed(header, line + end) != 0)
		return remote_fail(&remote->stream, diag, "the agent says \"%.80s\" of its kernel, expected fields",
				   line + end);
	return BACKEND_OK;
}

struct backend *remote_open(const struct remote_transport *transport, enum backend_status *status, struct diag *diag)
{
	struct remote *remote = calloc(1, sizeof(*remote));
	bool opened = remote && remote_stream_open(&remote->stream, transport);

	if (opened)
		remote->arena = arena_new();
	if (!opened || !remote->arena) {
		struct remote_stream lost = {.transport = *transport};

		remote_stream_close(remote ? &remote->stream : &lost);
		free(remote);
		diag_set(diag, NULL, 0, 0, "out of memory");
		*status = BACKEND_FAILED;
		return NULL;
	}
	remote->backend.ops = &remote_ops;
	remote->backend.is_kernel = true;
	remote->backend.is_guest = transport->console_complaint != NULL;
	*status = remote_greet(remote, diag);
	if (*status) {
		remote->stream.broken = true;
		remote_close(&remote->backend);
		return NULL;
	}
	return &remote->backend;
}
