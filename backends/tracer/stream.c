/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Events as lines of text on a descriptor, as they happen.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tracer.h"
#include "vfiosim/trace.h"

struct stream {
	int fd;
	struct text text;
};

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static int stream_event(const struct event *event, void *context)
{
	struct stream *stream = context;

	stream->text.length = 0;
	event_print(&stream->text, event);
	if (stream->text.failed)
		return -ENOMEM;
	/* The NUL after the text gives its place to the newline. */
	stream->text.text[stream->text.length] = '\n';
	return write_all(stream->fd, stream->text.text, stream->text.length + 1);
}

int tracer_stream(const struct tracer_options *options, int fd, int *exit_status, struct diag *diag)
{
	struct tracer_options to_stream = *options;
	struct stream stream = {.fd = fd};
	int result;

	to_stream.sink = stream_event;
	to_stream.context = &stream;
	result = tracer_run(&to_stream, exit_status, diag);
	free(stream.text.text);
	return result;
}
