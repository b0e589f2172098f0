/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The stream between this host and an agent, by lines, and what is said when it fails.
 */
#ifndef VFIOSIM_REMOTE_STREAM_H
#define VFIOSIM_REMOTE_STREAM_H

#include "backends_internal.h"
#include "remote.h"

struct remote_stream {
	struct remote_transport transport;
	bool broken;	 /* it is of no more use */
	struct text out; /* to be sent, from out_sent on */
	size_t out_sent;
	char *in; /* received: in[in_start..in_end) was not taken yet */
	size_t in_start, in_end, in_capacity;
};

/* Makes a stream of @transport, which is its own from then on; false when memory is out. To be closed in any case. */
bool remote_stream_open(struct remote_stream *stream, const struct remote_transport *transport);
void remote_stream_close(struct remote_stream *stream);

/* Puts text behind what is to be sent; remote_ready() tells if that failed. */
void remote_printf(struct remote_stream *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same of bytes as they are; false when memory is out. */
bool remote_append(struct remote_stream *stream, const char *bytes, size_t length);
/* Sends what the stream takes now. False when it is gone. */
bool remote_drain(struct remote_stream *stream);
/* Whether the agent can be asked: BACKEND_OK, or @diag says why not. */
enum backend_status remote_ready(struct remote_stream *stream, struct diag *diag);

/*
 * Takes the next line, NUL-terminated in place of its newline, sending meanwhile what is to be sent. @patience is how
 * many milliseconds nothing at all may happen. The line is valid until the next one is taken.
 */
enum backend_status remote_line(struct remote_stream *stream, int64_t patience, char **line, size_t *length,
				struct diag *diag);
/* Takes a line that must say @expected; an error of the agent's is passed on. */
enum backend_status remote_expect(struct remote_stream *stream, const char *expected, struct diag *diag);

/* Says what went wrong, unless the kernel itself has said more about it. */
enum backend_status remote_fail(struct remote_stream *stream, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* True, and @diag says it, if the console tells that the kernel is unwell. */
bool remote_kernel_unwell(struct remote_stream *stream, struct diag *diag);

#endif
