/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Lines over a blocking byte stream.
 */
#ifndef VFIOSIM_AGENT_STREAM_H
#define VFIOSIM_AGENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream {
	int fd;
	char *data;
	size_t start, end, capacity; /* data[start..end) has been read and not been taken */
};

void stream_init(struct stream *stream, int fd);
/* Frees the memory; the descriptor belongs to the caller. */
void stream_release(struct stream *stream);

/*
 * Takes @count lines: @text is their text, every newline included, with a NUL after it; valid
 * until the next call. Returns 1; 0 at the end of the stream; a negative errno (-EMSGSIZE: longer
 * than AGENT_BATCH_MAX).
 */
int stream_take(struct stream *stream, size_t count, char **text, size_t *length);

/* Takes one line without its newline, NUL-terminated. Returns as stream_take(). */
int stream_line(struct stream *stream, char **line);

/* Writes all of both pieces, in one system call where the descriptor takes them. 0 or a negative errno. */
int stream_send(int fd, const char *head, size_t head_length, const char *body, size_t body_length);

/* Writes one printf-style line; the newline is added. 0 or a negative errno. */
int stream_printf(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Lines that wait to be sent together: in a guest a write to the host stops the processor until the host has looked at
 * it, which costs more than most calls. @since is when the oldest of them came, on the monotonic clock.
 */
struct outbox {
	int fd;
	char *text;
	size_t length, capacity;
	int64_t since; /* milliseconds */
};

/* Adds both pieces, or one printf-style line with its newline; sends if much is waiting. 0 or a negative errno. */
int outbox_add(struct outbox *outbox, const char *head, size_t head_length, const char *body, size_t body_length);
int outbox_printf(struct outbox *outbox, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sends all that waits. 0 or a negative errno. */
int outbox_flush(struct outbox *outbox);

/* How many milliseconds what waits may go on waiting: 0 if none is left, -1 if nothing waits. */
int outbox_patience(const struct outbox *outbox);

/* Frees the memory, and what waits with it; the descriptor belongs to the caller. */
void outbox_release(struct outbox *outbox);

/*
 * Sends @length bytes together with descriptor @passed over a socket, or alone if @passed is negative; and
 * receives the same, with @text NUL-terminated. 0 or a negative errno.
 */
int stream_send_fd(int socket, const char *text, size_t length, int passed);
int stream_receive_fd(int socket, char *text, size_t size, int *passed);

#endif
