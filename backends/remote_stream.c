/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Lines to and from an agent. What is to be sent waits until the stream takes it, which is while a line is waited for;
 * so neither side ever waits for the other to read.
 */
#include "remote_stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536u

/* Silence is counted in slices of so many milliseconds: one in which this host slept is one, however long that was. */
#define SILENCE_SLICE 500

bool remote_stream_open(struct remote_stream *stream, const struct remote_transport *transport)
{
	stream->transport = *transport;
	if (!stream->transport.silence_max)
		stream->transport.silence_max = REMOTE_SILENCE_MAX;
	stream->in = malloc(READ_BYTES);
	if (!stream->in)
		return false;
	stream->in_capacity = READ_BYTES;
	fcntl(transport->fd, F_SETFL, fcntl(transport->fd, F_GETFL) | O_NONBLOCK);
	return true;
}

void remote_stream_close(struct remote_stream *stream)
{
	close(stream->transport.fd);
	stream->transport.close(stream->transport.context);
	free(stream->out.text);
	free(stream->in);
}

bool remote_kernel_unwell(struct remote_stream *stream, struct diag *diag)
{
	char line[DIAG_TEXT_MAX / 2];

	if (!stream->transport.console_complaint ||
	    !stream->transport.console_complaint(stream->transport.context, 0, line, sizeof(line)))
		return false;
	diag_set(diag, NULL, 0, 0, "the kernel complained: %s", line);
	return true;
}

enum backend_status remote_fail(struct remote_stream *stream, struct diag *diag, const char *format, ...)
{
	char text[DIAG_TEXT_MAX];
	va_list args;

	if (remote_kernel_unwell(stream, diag))
		return BACKEND_SPLAT;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diag_set(diag, NULL, 0, 0, "%s", text);
	return BACKEND_FAILED;
}

/* The stream ended or stands still: after this nothing can be asked any more. */
static enum backend_status remote_lost(struct remote_stream *stream, struct diag *diag, const char *how)
{
	stream->broken = true;
	enum backend_status status = remote_fail(stream, diag, "the agent %s", how);
	/* A guest that hangs or dies in silence is a fault of its kernel all the same. */
	return stream->transport.console_complaint ? BACKEND_SPLAT : status;
}

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

void remote_printf(struct remote_stream *stream, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(line) || !out_reserve(&stream->out, (size_t)length)) {
		stream->out.failed = true;
		return;
	}
	memcpy(stream->out.text + stream->out.length, line, (size_t)length + 1);
	stream->out.length += (size_t)length;
}

bool remote_append(struct remote_stream *stream, const char *bytes, size_t length)
{
	if (!out_reserve(&stream->out, length))
		return false;
	memcpy(stream->out.text + stream->out.length, bytes, length);
	stream->out.length += length;
	return true;
}

bool remote_drain(struct remote_stream *stream)
{
	ssize_t sent = send(stream->transport.fd, stream->out.text + stream->out_sent,
			    stream->out.length - stream->out_sent, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	stream->out_sent += (size_t)sent;
	if (stream->out_sent == stream->out.length)
		stream->out_sent = stream->out.length = 0;
	return true;
}

/* Reads what has come. False when the stream is gone. */
static bool in_fill(struct remote_stream *stream)
{
	if (stream->in_start > 0) {
		memmove(stream->in, stream->in + stream->in_start, stream->in_end - stream->in_start);
		stream->in_end -= stream->in_start;
		stream->in_start = 0;
	}
	if (stream->in_capacity - stream->in_end < READ_BYTES) {
		if (stream->in_capacity > 2 * TRACE_LINE_MAX)
			return false;
		size_t capacity = stream->in_capacity * 2 + READ_BYTES;
		char *in = realloc(stream->in, capacity);
		if (!in)
			return false;
		stream->in = in;
		stream->in_capacity = capacity;
	}
	ssize_t got = read(stream->transport.fd, stream->in + stream->in_end, stream->in_capacity - stream->in_end);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	stream->in_end += (size_t)got;
	return got > 0;
}

enum backend_status remote_line(struct remote_stream *stream, int64_t patience, char **line, size_t *length,
				struct diag *diag)
{
	size_t scanned = 0;
	int64_t left = patience;

	for (;;) {
		char *from = stream->in + stream->in_start;
		size_t held = stream->in_end - stream->in_start;
		char *newline = held > scanned ? memchr(from + scanned, '\n', held - scanned) : NULL;
		if (newline) {
			*newline = '\0';
			*line = from;
			*length = (size_t)(newline - from);
			stream->in_start += *length + 1;
			return BACKEND_OK;
		}
		scanned = held;

		if (left <= 0)
			return remote_lost(stream, diag, "does not answer any more");
		bool sending = stream->out_sent < stream->out.length;
		struct pollfd polled = {
		    .fd = stream->transport.fd,
		    .events = (short)(POLLIN | (sending ? POLLOUT : 0)),
		};
		const int slice = left < SILENCE_SLICE ? (int)left : SILENCE_SLICE;
		int ready = poll(&polled, 1, slice);
		if (ready == 0)
			left -= slice;
		if (ready <= 0)
			continue;
		if (polled.revents & POLLOUT && !remote_drain(stream))
			return remote_lost(stream, diag, "is gone");
		if (polled.revents & (POLLIN | POLLHUP | POLLERR) && !in_fill(stream))
			return remote_lost(stream, diag, "is gone");
		left = patience;
	}
}

enum backend_status remote_expect(struct remote_stream *stream, const char *expected, struct diag *diag)
{
	char *line = NULL;
	size_t length;
	enum backend_status status = remote_line(stream, stream->transport.silence_max, &line, &length, diag);

	if (status)
		return status;
	assert(line);
	if (!strcmp(line, expected))
		return BACKEND_OK;
	if (!strncmp(line, "error ", 6))
		return remote_fail(stream, diag, "the agent says: %s", line + 6);
	return remote_fail(stream, diag, "the agent says \"%.80s\", expected \"%s\"", line, expected);
}

enum backend_status remote_ready(struct remote_stream *stream, struct diag *diag)
{
	if (stream->broken)
		return remote_fail(stream, diag, "the agent was lost earlier");
	if (stream->out.failed)
		return remote_fail(stream, diag, "out of memory");
	return BACKEND_OK;
}
