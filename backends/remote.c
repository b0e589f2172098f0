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
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/protocol.h"
#include "backends_internal.h"
#include "counters.h"
#include "settings.h"

/* Calls and bytes of a request are bounded so that answers come in good time and memory stays small. */
#define BATCH_CALLS 256u
#define BATCH_BYTES (256u << 10)
#define READ_BYTES  65536u

/* Silence is counted in slices of so many milliseconds: one in which this host slept is one, however long that was. */
#define SILENCE_SLICE 500

struct remote {
	struct backend backend;
	struct remote_transport transport;
	bool running;	 /* a run was begun and not ended */
	bool beginning;	 /* the agent has not said yet that it has begun it */
	bool broken;	 /* the stream is of no more use */
	struct text out; /* to be sent, from out_sent on */
	size_t out_sent;
	char *in; /* received: in[in_start..in_end) was not taken yet */
	size_t in_start, in_end, in_capacity;
	struct arena *arena;
	struct bytes_chain kept; /* out bytes of the last execute */
};

static struct remote *remote_of(struct backend *backend)
{
	return (struct remote *)(void *)((char *)backend - offsetof(struct remote, backend));
}

/* True, and @diag says it, if the console tells that the kernel is unwell. */
static bool kernel_unwell(struct remote *remote, struct diag *diag)
{
	char line[DIAG_TEXT_MAX / 2];

	if (!remote->transport.console_complaint ||
	    !remote->transport.console_complaint(remote->transport.context, 0, line, sizeof(line)))
		return false;
	diag_set(diag, NULL, 0, 0, "the kernel complained: %s", line);
	return true;
}

static enum backend_status remote_fail(struct remote *remote, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says what went wrong, unless the kernel itself has said more about it. */
static enum backend_status remote_fail(struct remote *remote, struct diag *diag, const char *format, ...)
{
	char text[DIAG_TEXT_MAX];
	va_list args;

	if (kernel_unwell(remote, diag))
		return BACKEND_SPLAT;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diag_set(diag, NULL, 0, 0, "%s", text);
	return BACKEND_FAILED;
}

/* The stream ended or stands still: after this nothing can be asked any more. */
static enum backend_status remote_lost(struct remote *remote, struct diag *diag, const char *how)
{
	remote->broken = true;
	enum backend_status status = remote_fail(remote, diag, "the agent %s", how);
	/* A guest that hangs or dies in silence is a fault of its kernel all the same. */
	return remote->transport.console_complaint ? BACKEND_SPLAT : status;
}

static void out_printf(struct remote *remote, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool out_reserve(struct text *out, size_t more)
{
	if (out->capacity - out->length > more)
		return true;
	char *text = realloc(out->text, out->capacity * 2 + more + 1);
	if (!text) {
		out->failed = true;
		return false;
	}
	out->text = text;
	out->capacity = out->capacity * 2 + more + 1;
	return true;
}

static void out_printf(struct remote *remote, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(line) || !out_reserve(&remote->out, (size_t)length)) {
		remote->out.failed = true;
		return;
	}
	memcpy(remote->out.text + remote->out.length, line, (size_t)length + 1);
	remote->out.length += (size_t)length;
}

/* Writes what the stream takes now. False when the stream is gone. */
static bool out_drain(struct remote *remote)
{
	ssize_t sent = send(remote->transport.fd, remote->out.text + remote->out_sent,
			    remote->out.length - remote->out_sent, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	remote->out_sent += (size_t)sent;
	if (remote->out_sent == remote->out.length)
		remote->out_sent = remote->out.length = 0;
	return true;
}

/* Reads what has come. False when the stream is gone. */
static bool in_fill(struct remote *remote)
{
	if (remote->in_start > 0) {
		memmove(remote->in, remote->in + remote->in_start, remote->in_end - remote->in_start);
		remote->in_end -= remote->in_start;
		remote->in_start = 0;
	}
	if (remote->in_capacity - remote->in_end < READ_BYTES) {
		if (remote->in_capacity > 2 * TRACE_LINE_MAX)
			return false;
		size_t capacity = remote->in_capacity * 2 + READ_BYTES;
		char *in = realloc(remote->in, capacity);
		if (!in)
			return false;
		remote->in = in;
		remote->in_capacity = capacity;
	}
	ssize_t got = read(remote->transport.fd, remote->in + remote->in_end, remote->in_capacity - remote->in_end);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	remote->in_end += (size_t)got;
	return got > 0;
}

/*
 * Takes the next line, NUL-terminated in place of its newline, sending meanwhile what is to be sent.
 * @patience is how many milliseconds nothing at all may happen.
 */
static enum backend_status remote_line(struct remote *remote, int64_t patience, char **line, size_t *length,
				       struct diag *diag)
{
	size_t scanned = 0;
	int64_t left = patience;

	for (;;) {
		char *from = remote->in + remote->in_start;
		size_t held = remote->in_end - remote->in_start;
		char *newline = held > scanned ? memchr(from + scanned, '\n', held - scanned) : NULL;
		if (newline) {
			*newline = '\0';
			*line = from;
			*length = (size_t)(newline - from);
			remote->in_start += *length + 1;
			return BACKEND_OK;
		}
		scanned = held;

		if (left <= 0)
			return remote_lost(remote, diag, "does not answer any more");
		bool sending = remote->out_sent < remote->out.length;
		struct pollfd polled = {
		    .fd = remote->transport.fd,
		    .events = (short)(POLLIN | (sending ? POLLOUT : 0)),
		};
		const int slice = left < SILENCE_SLICE ? (int)left : SILENCE_SLICE;
		int ready = poll(&polled, 1, slice);
		if (ready == 0)
			left -= slice;
		if (ready <= 0)
			continue;
		if (polled.revents & POLLOUT && !out_drain(remote))
			return remote_lost(remote, diag, "is gone");
		if (polled.revents & (POLLIN | POLLHUP | POLLERR) && !in_fill(remote))
			return remote_lost(remote, diag, "is gone");
		left = patience;
	}
}

/* Takes a line that must say @expected; an error of the agent's is passed on. */
static enum backend_status remote_expect(struct remote *remote, const char *expected, struct diag *diag)
{
	char *line;
	size_t length;
	enum backend_status status = remote_line(remote, remote->transport.silence_max, &line, &length, diag);

	if (status)
		return status;
	if (!strcmp(line, expected))
		return BACKEND_OK;
	if (!strncmp(line, "error ", 6))
		return remote_fail(remote, diag, "the agent says: %s", line + 6);
	return remote_fail(remote, diag, "the agent says \"%.80s\", expected \"%s\"", line, expected);
}

static enum backend_status remote_ready(struct remote *remote, struct diag *diag)
{
	if (remote->broken)
		return remote_fail(remote, diag, "the agent was lost earlier");
	if (remote->out.failed)
		return remote_fail(remote, diag, "out of memory");
	return BACKEND_OK;
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
	out_printf(remote, "end\n");
	enum backend_status status = remote_ready(remote, diag);
	/* After an error, answers to what was sent ahead may still be on their way. */
	while (!status) {
		status = remote_line(remote, remote->transport.silence_max, &line, &length, diag);
		if (!status && !strcmp(line, "ended"))
			break;
	}
	if (!status && kernel_unwell(remote, diag))
		status = BACKEND_SPLAT;
	return status;
}

static enum backend_status remote_begin(struct backend *backend, struct diag *diag)
{
	struct remote *remote = remote_of(backend);
	enum backend_status status = remote_end(backend, diag);

	if (status)
		return status;
	if (remote->transport.console_clear)
		remote->transport.console_clear(remote->transport.context);
	/* Calls follow at once, and the answer is waited for with theirs. */
	out_printf(remote, "begin run\n");
	status = remote_ready(remote, diag);
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
	const size_t start = remote->out.length;
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
	out_printf(remote, "calls %" PRIu32 " %" PRIu32 " %zu\n", events->call.task, events->call.thread, used);
	if (lines.failed || !out_reserve(&remote->out, lines.length)) {
		remote->out.failed = true;
		remote->out.length = start;
	} else {
		memcpy(remote->out.text + remote->out.length, lines.text, lines.length);
		remote->out.length += lines.length;
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
		return remote_fail(remote, diag, "the agent's answer is unreadable: %s", why.text);
	if (answered.call.op != event->call.op || answered.call.task != event->call.task ||
	    answered.call.thread != event->call.thread || answered.call.buffer_count != event->call.buffer_count)
		return remote_fail(remote, diag, "the agent answers another call: %.200s", line);
	for (uint32_t i = 0; i < answered.call.buffer_count; i++) {
		const struct buffer *from = &answered.call.buffers[i];
		struct buffer *to = &event->call.buffers[i];
		if (from->length != to->length)
			return remote_fail(remote, diag, "the agent answers with %" PRIu32 " bytes instead of %" PRIu32,
					   from->length, to->length);
		to->out = to->in;
		if (!from->out || (to->in && !memcmp(from->out, to->in, to->length)))
			continue;
		to->out = bytes_keep(&remote->kept, from->out, from->length);
		if (!to->out)
			return remote_fail(remote, diag, "out of memory");
	}
	event->answer = answered.answer;
	return BACKEND_OK;
}

static enum backend_status take_answers(struct remote *remote, struct event *events, size_t expected, int64_t sleep,
					size_t *taken, struct diag *diag)
{
	const int64_t patience = remote->transport.silence_max + sleep;
	size_t count, length = 0;
	char *line = NULL;

	enum backend_status status = remote_line(remote, patience, &line, &length, diag);
	if (status)
		return status;
	assert(line);
	if (!strncmp(line, "error ", 6))
		return remote_fail(remote, diag, "the agent says: %s", line + 6);
	if (sscanf(line, "answers %zu", &count) != 1 || count > expected)
		return remote_fail(remote, diag, "the agent says \"%.80s\", expected answers", line);
	for (*taken = 0; *taken < count; ++*taken) {
		status = remote_line(remote, patience, &line, &length, diag);
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
		return remote_fail(remote, diag, "there is no run to execute calls in");
	while (answered < count) {
		while (asked < count && remote->out.length < BATCH_BYTES)
			asked += out_batch(remote, events + asked, count - asked, &sleep);
		enum backend_status status = remote_ready(remote, diag);
		if (!status && remote->beginning)
			status = remote_expect(remote, "begun", diag);
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
	const struct remote_transport *transport = &remote_of(backend)->transport;

	return transport->console_text ? transport->console_text(transport->context) : "";
}

/* What the kernel has counted is asked for at the end only. Counters that do not come are missed by those who read
 * them. */
static void remote_keep_counters(struct remote *remote)
{
	const int patience = remote->transport.silence_max;
	char *directory, *line = NULL;
	size_t count = 0, length;
	struct diag diag;

	out_printf(remote, "counters\n");
	if (remote_ready(remote, &diag) || remote_line(remote, patience, &line, &length, &diag) ||
	    sscanf(line, "counters %zu", &count) != 1 || count == 0)
		return;
	directory = counters_directory(remote->transport.counters);
	for (size_t i = 0; directory && i < count; i++)
		if (remote_line(remote, patience, &line, &length, &diag) || counters_keep(directory, line))
			break;
	free(directory);
}

static bool remote_complaint(struct backend *backend, size_t index, char *line, size_t size)
{
	const struct remote_transport *transport = &remote_of(backend)->transport;

	return transport->console_complaint(transport->context, index, line, size);
}

static void remote_close(struct backend *backend)
{
	struct remote *remote = remote_of(backend);

	if (!remote->broken && remote->transport.counters) {
		(void)remote_end(backend, &(struct diag){0});
		remote_keep_counters(remote);
	}
	if (!remote->broken) {
		out_printf(remote, "poweroff\n");
		if (!remote->out.failed)
			(void)out_drain(remote); /* it also ends when the stream does */
	}
	close(remote->transport.fd);
	remote->transport.close(remote->transport.context);
	arena_free(remote->arena);
	bytes_clear(&remote->kept);
	free(remote->out.text);
	free(remote->in);
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

	out_printf(remote, "hello\n");
	enum backend_status status = remote_ready(remote, diag);
	if (!status)
		status = remote_line(remote, remote->transport.silence_max, &line, &length, diag);
	if (status)
		return status;
	_Static_assert(TRACE_TEXT_MAX == 256, "the widths below");
	if (sscanf(line, "agent %d release=%255s arch=%255s page-size=%" SCNu32 "%n", &version, header->kernel,
		   header->arch, &header->page_size, &end) != 4)
		return remote_fail(remote, diag, "the agent says \"%.80s\", expected its greeting", line);
	if (version != AGENT_VERSION)
		return remote_fail(remote, diag, "the agent speaks version %d, expected %d", version, AGENT_VERSION);
	header->version = TRACE_VERSION;
	header->field_count = 0;
	if (settings_probed(header, line + end) != 0)
		return remote_fail(remote, diag, "the agent says \"%.80s\" of its kernel, expected fields", line + end);
	return BACKEND_OK;
}

struct backend *remote_open(const struct remote_transport *transport, enum backend_status *status, struct diag *diag)
{
	struct remote *remote = calloc(1, sizeof(*remote));

	if (remote) {
		remote->arena = arena_new();
		remote->in = malloc(READ_BYTES);
	}
	if (!remote || !remote->arena || !remote->in) {
		if (remote) {
			arena_free(remote->arena);
			free(remote->in);
		}
		free(remote);
		close(transport->fd);
		transport->close(transport->context);
		diag_set(diag, NULL, 0, 0, "out of memory");
		*status = BACKEND_FAILED;
		return NULL;
	}
	remote->backend.ops = &remote_ops;
	remote->backend.is_kernel = true;
	remote->backend.is_guest = transport->console_complaint != NULL;
	remote->in_capacity = READ_BYTES;
	remote->transport = *transport;
	if (!remote->transport.silence_max)
		remote->transport.silence_max = REMOTE_SILENCE_MAX;
	fcntl(transport->fd, F_SETFL, fcntl(transport->fd, F_GETFL) | O_NONBLOCK);
	*status = remote_greet(remote, diag);
	if (*status) {
		remote->broken = true;
		remote_close(&remote->backend);
		return NULL;
	}
	return &remote->backend;
}
