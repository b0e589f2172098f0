/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Lines of a trace, streamed: the buffer holds some whole lines and grows only for a
 * line that is longer, up to TRACE_LINE_MAX.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "vfiosim/trace.h"

#define BUFFER_SIZE ((size_t)256 << 10)
#define PACKED_SIZE ((size_t)128 << 10)

/* Frames that need a bigger window than this are refused: it bounds the memory (zstd -19 needs 8 MiB). */
#define WINDOW_LOG_MAX 25

struct source {
	char name[256];
	int fd; /* -1: memory */
	/* Packed bytes as they come, in a zstd source. */
	ZSTD_DStream *zstd;
	uint8_t *packed;
	ZSTD_inBuffer input;
	bool input_over;    /* there is no more to read */
	size_t frame_needs; /* 0 between two frames */
	/* Text: lines begin at @start, up to @scanned there is no newline. */
	char *buffer; /* NULL: @text is the caller's memory */
	const char *text;
	size_t start, scanned, end, capacity;
	uint64_t line_number;
};

const char *source_name(const struct source *source)
{
	return source->name;
}

uint64_t source_line_number(const struct source *source)
{
	return source->line_number;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	if (source->fd > STDIN_FILENO)
		close(source->fd);
	ZSTD_freeDStream(source->zstd);
	free(source->packed);
	free(source->buffer);
	free(source);
}

/* What is wrong with the bytes as such, behind the lines so far. Returns -1. */
static int source_fail(const struct source *source, const char *what, const char *why, struct diag *diag)
{
	if (source->line_number == 0)
		return diag_set(diag, source->name, 0, 0, "%s%s", what, why);
	return diag_set(diag, source->name, source->line_number, 0, "%s%s, after this line", what, why);
}

/* Reads up to @size bytes; 0 at the end, -1 with @diag on error. */
static ssize_t source_read(struct source *source, void *bytes, size_t size, struct diag *diag)
{
	ssize_t got;

	do {
		got = read(source->fd, bytes, size);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return source_fail(source, "cannot read: ", strerror(errno), diag);
	return got;
}

/* Gets more packed bytes. 0, also when there are none left, or -1. */
static int input_fill(struct source *source, struct diag *diag)
{
	ssize_t got;

	if (source->input.pos < source->input.size || source->input_over)
		return 0;
	if (source->fd < 0) {
		source->input_over = true;
		return 0;
	}
	got = source_read(source, source->packed, PACKED_SIZE, diag);
	if (got < 0)
		return -1;
	source->input_over = got == 0;
	source->input = (ZSTD_inBuffer){.src = source->packed, .size = (size_t)got};
	return 0;
}

/* Decompresses into the free part of the buffer. How many bytes, 0 at the end, -1 on error. */
static ssize_t source_unpack(struct source *source, struct diag *diag)
{
	ZSTD_outBuffer output = {.dst = source->buffer + source->end, .size = source->capacity - source->end};

	while (output.pos == 0) {
		if (input_fill(source, diag) < 0)
			return -1;
		if (source->input_over && source->input.pos == source->input.size) {
			/* What a frame still has inside comes out without further input. */
			size_t before = source->frame_needs;

			if (before == 0)
				return 0;
			source->frame_needs = ZSTD_decompressStream(source->zstd, &output, &source->input);
			if (!ZSTD_isError(source->frame_needs) && output.pos == 0)
				return source_fail(source, "zstd data is cut off: expected the rest of a frame", "",
						   diag);
		} else {
			source->frame_needs = ZSTD_decompressStream(source->zstd, &output, &source->input);
		}
		if (ZSTD_isError(source->frame_needs))
			return source_fail(source, "bad zstd data: ", ZSTD_getErrorName(source->frame_needs), diag);
	}
	return (ssize_t)output.pos;
}

/* Makes room behind @end: moves what is there to the front, and grows if that gives nothing. */
static int buffer_room(struct source *source, struct diag *diag)
{
	size_t capacity = source->capacity * 2;
	char *buffer;

	if (source->start) {
		memmove(source->buffer, source->buffer + source->start, source->end - source->start);
		source->scanned -= source->start;
		source->end -= source->start;
		source->start = 0;
	}
	if (source->end < source->capacity)
		return 0;
	if (capacity > TRACE_LINE_MAX)
		capacity = TRACE_LINE_MAX;
	if (source->capacity == capacity)
		return diag_set(diag, source->name, source->line_number + 1, TRACE_LINE_MAX,
				"expected a line of less than %u bytes", TRACE_LINE_MAX);
	buffer = realloc(source->buffer, capacity);
	if (!buffer)
		return diag_set(diag, source->name, source->line_number + 1, 0, "out of memory");
	source->buffer = buffer;
	source->text = buffer;
	source->capacity = capacity;
	return 0;
}

/* Gets more text behind @end. 1, 0 at the end of all text, or -1. */
static int source_fill(struct source *source, struct diag *diag)
{
	ssize_t got;

	if (!source->buffer)
		return 0;
	if (source->end == source->capacity && buffer_room(source, diag) < 0)
		return -1;
	if (source->zstd)
		got = source_unpack(source, diag);
	else if (source->fd < 0)
		got = 0;
	else
		got = source_read(source, source->buffer + source->end, source->capacity - source->end, diag);
	if (got > 0)
		source->end += (size_t)got;
	return got > 0 ? 1 : (int)got;
}

enum source_status source_line(struct source *source, const char **line, size_t *length, struct diag *diag)
{
	for (;;) {
		const char *from = source->text + source->scanned, *newline = NULL;
		int more;

		if (source->end > source->scanned)
			newline = memchr(from, '\n', source->end - source->scanned);
		if (newline) {
			*line = source->text + source->start;
			*length = (size_t)(newline - *line);
			source->start = source->scanned = (size_t)(newline + 1 - source->text);
			source->line_number++;
			if (*length >= TRACE_LINE_MAX)
				break;
			return SOURCE_LINE;
		}
		source->scanned = source->end;
		more = source_fill(source, diag);
		if (more < 0)
			return SOURCE_ERROR;
		if (more > 0)
			continue;
		if (source->start == source->end)
			return SOURCE_END;
		source->line_number++;
		*length = source->end - source->start;
		if (*length >= TRACE_LINE_MAX)
			break;
		diag_set(diag, source->name, source->line_number, (uint32_t)*length + 1,
			 "expected a newline, found the end of the file: it is cut off");
		return SOURCE_ERROR;
	}
	diag_set(diag, source->name, source->line_number, TRACE_LINE_MAX, "expected a line of less than %u bytes",
		 TRACE_LINE_MAX);
	return SOURCE_ERROR;
}

static bool is_zstd(const uint8_t *bytes, size_t length)
{
	static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

	return length >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);

	return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

static struct source *source_new(const char *name, struct diag *diag)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source) {
		diag_set(diag, name, 0, 0, "out of memory");
		return NULL;
	}
	strncpy(source->name, name, sizeof(source->name) - 1);
	source->fd = -1;
	return source;
}

static int buffer_new(struct source *source, struct diag *diag)
{
	source->buffer = malloc(BUFFER_SIZE);
	if (!source->buffer)
		return diag_set(diag, source->name, 0, 0, "out of memory");
	source->text = source->buffer;
	source->capacity = BUFFER_SIZE;
	return 0;
}

static int zstd_new(struct source *source, struct diag *diag)
{
	source->zstd = ZSTD_createDStream();
	if (!source->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(source->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return diag_set(diag, source->name, 0, 0, "cannot start zstd: out of memory");
	return 0;
}

/* Reads the first bytes and sees from them what the file is. */
static int source_begin(struct source *source, struct diag *diag)
{
	size_t length = 0;

	if (buffer_new(source, diag) < 0)
		return -1;
	source->packed = malloc(PACKED_SIZE);
	if (!source->packed)
		return diag_set(diag, source->name, 0, 0, "out of memory");
	while (length < 4) {
		ssize_t got = source_read(source, source->packed + length, PACKED_SIZE - length, diag);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	if (is_zstd(source->packed, length)) {
		source->input = (ZSTD_inBuffer){.src = source->packed, .size = length};
		return zstd_new(source, diag);
	}
	if (ends_with(source->name, ".zst"))
		return diag_set(diag, source->name, 0, 0, "expected zstd data, as the name ends with .zst");
	memcpy(source->buffer, source->packed, length);
	source->end = length;
	free(source->packed);
	source->packed = NULL;
	return 0;
}

struct source *source_open(const char *path, struct diag *diag)
{
	bool standard = strcmp(path, "-") == 0;
	struct source *source = source_new(standard ? "<stdin>" : path, diag);

	if (!source)
		return NULL;
	source->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (source->fd < 0) {
		diag_set(diag, source->name, 0, 0, "cannot open: %s", strerror(errno));
		source_close(source);
		return NULL;
	}
	if (source_begin(source, diag) < 0) {
		source_close(source);
		return NULL;
	}
	return source;
}

struct source *source_open_memory(const char *name, const void *bytes, size_t length, struct diag *diag)
{
	struct source *source = source_new(name, diag);

	if (!source)
		return NULL;
	if (is_zstd(bytes, length)) {
		source->input = (ZSTD_inBuffer){.src = bytes, .size = length};
		if (buffer_new(source, diag) < 0 || zstd_new(source, diag) < 0) {
			source_close(source);
			return NULL;
		}
	} else {
		source->text = bytes;
		source->end = length;
	}
	return source;
}
