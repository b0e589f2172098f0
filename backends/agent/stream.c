/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Lines over a blocking byte stream: what the agent's server and its threads talk through.
 */
#include "stream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

#define STREAM_CHUNK 65536u
#define STREAM_LINE  1024 /* bytes of a printf-style line at most */

/* What waits is sent when it is as long, or has waited as long, as this. */
#define OUTBOX_BYTES	    65536u
#define OUTBOX_MILLISECONDS 20

void stream_init(struct stream *stream, int fd)
{
	*stream = (struct stream){.fd = fd};
}

void stream_release(struct stream *stream)
{
	free(stream->data);
	stream_init(stream, -1);
}

/* Makes room for one more chunk and a NUL behind what is held. */
static int stream_reserve(struct stream *stream)
{
	if (stream->start > 0) {
		memmove(stream->data, stream->data + stream->start, stream->end - stream->start);
		stream->end -= stream->start;
		stream->start = 0;
	}
	if (stream->capacity - stream->end > STREAM_CHUNK)
		return 0;
	if (stream->capacity > AGENT_BATCH_MAX)
		return -EMSGSIZE;

	size_t capacity = stream->capacity * 2 + STREAM_CHUNK * 2;
	char *data = realloc(stream->data, capacity);
	if (!data)
		return -ENOMEM;
	stream->data = data;
	stream->capacity = capacity;
	return 0;
}

static int stream_fill(struct stream *stream)
{
	int error = stream_reserve(stream);
	if (error)
		return error;
	for (;;) {
		ssize_t got = read(stream->fd, stream->data + stream->end, stream->capacity - stream->end - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		stream->end += (size_t)got;
		return got > 0;
	}
}

int stream_take(struct stream *stream, size_t count, char **text, size_t *length)
{
	size_t scanned = 0; /* bytes from start that were searched for newlines */

	while (count > 0) {
		size_t held = stream->end - stream->start;
		const char *from = stream->data + stream->start;
		const char *newline = scanned < held ? memchr(from + scanned, '\n', held - scanned) : NULL;
		if (newline) {
			scanned = (size_t)(newline - from) + 1;
			count--;
			continue;
		}
		scanned = held;
		int filled = stream_fill(stream);
		if (filled <= 0)
			return filled;
	}
	*text = stream->data + stream->start;
	*length = scanned;
	stream->start += scanned;
	return 1;
}

int stream_line(struct stream *stream, char **line)
{
	size_t length;
	int got = stream_take(stream, 1, line, &length);

	if (got > 0)
		(*line)[length - 1] = '\0';
	return got;
}

int stream_send(int fd, const char *head, size_t head_length, const char *body, size_t body_length)
{
	size_t sent = 0;

	while (sent < head_length + body_length) {
		size_t head_sent = sent < head_length ? sent : head_length;
		size_t body_sent = sent - head_sent;
		struct iovec pieces[2] = {
		    {(char *)(uintptr_t)head + head_sent, head_length - head_sent},
		    {body_length ? (char *)(uintptr_t)body + body_sent : NULL, body_length - body_sent},
		};
		/* Not every character device takes an empty first piece. */
		int skip = pieces[0].iov_len == 0;
		ssize_t written = writev(fd, pieces + skip, 2 - skip);
		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0)
			sent += (size_t)written;
	}
	return 0;
}

/* A printf-style line with its newline, cut to STREAM_LINE bytes. Its length, or a negative errno. */
static int format_line(char line[STREAM_LINE], const char *format, va_list args)
{
	int length = vsnprintf(line, STREAM_LINE - 1, format, args);

	if (length < 0)
		return -EINVAL;
	if (length > STREAM_LINE - 2)
		length = STREAM_LINE - 2;
	line[length] = '\n';
	return length + 1;
}

int stream_printf(int fd, const char *format, ...)
{
	char line[STREAM_LINE];
	va_list args;

	va_start(args, format);
	int length = format_line(line, format, args);
	va_end(args);
	return length < 0 ? length : stream_send(fd, line, (size_t)length, line, 0);
}

static int64_t outbox_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int outbox_add(struct outbox *outbox, const char *head, size_t head_length, const char *body, size_t body_length)
{
	const size_t more = head_length + body_length;

	if (outbox->length + more > OUTBOX_BYTES) {
		int error = outbox_flush(outbox);
		if (error || more > OUTBOX_BYTES)
			return error ? error : stream_send(outbox->fd, head, head_length, body, body_length);
	}
	if (outbox->capacity == 0) {
		outbox->text = malloc(OUTBOX_BYTES);
		if (!outbox->text)
			return -ENOMEM;
		outbox->capacity = OUTBOX_BYTES;
	}
	if (outbox->length == 0)
		outbox->since = outbox_now();
	memcpy(outbox->text + outbox->length, head, head_length);
	memcpy(outbox->text + outbox->length + head_length, body, body_length);
	outbox->length += more;
	return 0;
}

int outbox_printf(struct outbox *outbox, const char *format, ...)
{
	char line[STREAM_LINE];
	va_list args;

	va_start(args, format);
	int length = format_line(line, format, args);
	va_end(args);
	return length < 0 ? length : outbox_add(outbox, line, (size_t)length, line, 0);
}

int outbox_flush(struct outbox *outbox)
{
	const size_t length = outbox->length;

	outbox->length = 0;
	return length > 0 ? stream_send(outbox->fd, outbox->text, length, outbox->text, 0) : 0;
}

int outbox_patience(const struct outbox *outbox)
{
	if (outbox->length == 0)
		return -1;
	int64_t left = outbox->since + OUTBOX_MILLISECONDS - outbox_now();
	return left > 0 ? (int)left : 0;
}

void outbox_release(struct outbox *outbox)
{
	free(outbox->text);
	*outbox = (struct outbox){.fd = -1};
}

int stream_send_fd(int socket, const char *text, size_t length, int passed)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec piece = {(char *)(uintptr_t)text, length};
	struct msghdr message = {
	    .msg_iov = &piece,
	    .msg_iovlen = 1,
	};
	ssize_t sent;

	if (passed >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &passed, sizeof(int));
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == length ? 0 : -EIO;
}

int stream_receive_fd(int socket, char *text, size_t size, int *passed)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec piece = {text, size - 1};
	struct msghdr message = {
	    .msg_iov = &piece,
	    .msg_iovlen = 1,
	    .msg_control = control.space,
	    .msg_controllen = sizeof(control.space),
	};
	ssize_t got;

	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (got == 0)
		return -EPIPE;
	text[got] = '\0';
	*passed = -1;

	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(passed, CMSG_DATA(header), sizeof(int));
	return 0;
}
