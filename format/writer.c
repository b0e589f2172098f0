/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The writer: a trace appears under its name only when it is complete, and says itself
 * how many events and runs it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "format_internal.h"

#define FLUSH_SIZE	((size_t)256 << 10)
#define PACKED_SIZE	((size_t)128 << 10)
#define ZSTD_LEVEL	9
#define TEMPORARY_TRIES 100

struct trace_writer {
	char *path, *temporary; /* no temporary name: written in place (standard output, a device, a pipe) */
	int fd;
	ZSTD_CStream *zstd; /* NULL: plain */
	uint8_t *packed;
	struct text text;
	bool in_run;	    /* a run has begun that has no end yet */
	uint64_t events;    /* in this run */
	uint64_t run_lines; /* in the trace */
	bool failed;
	struct diag diag; /* the first thing that went wrong */
};

static int writer_fail(struct trace_writer *writer, const char *what)
{
	if (!writer->failed)
		diag_set(&writer->diag, writer->path, 0, 0, "%s", what);
	writer->failed = true;
	return -1;
}

static int writer_fail_errno(struct trace_writer *writer, const char *what)
{
	if (!writer->failed)
		diag_set(&writer->diag, writer->path, 0, 0, "%s: %s", what, strerror(errno));
	writer->failed = true;
	return -1;
}

static int write_all(struct trace_writer *writer, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length) {
		ssize_t done = write(writer->fd, at, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return writer_fail_errno(writer, "cannot write");
		at += done;
		length -= (size_t)done;
	}
	return 0;
}

static int write_packed(struct trace_writer *writer, const void *bytes, size_t length, ZSTD_EndDirective end)
{
	ZSTD_inBuffer input = {.src = bytes, .size = length};
	size_t left;

	do {
		ZSTD_outBuffer output = {.dst = writer->packed, .size = PACKED_SIZE};

		left = ZSTD_compressStream2(writer->zstd, &output, &input, end);
		if (ZSTD_isError(left))
			return writer_fail(writer, ZSTD_getErrorName(left));
		if (write_all(writer, writer->packed, output.pos) < 0)
			return -1;
	} while (end == ZSTD_e_end ? left != 0 : input.pos < input.size);
	return 0;
}

/* Writes out what the text buffer has. */
static int writer_flush(struct trace_writer *writer, ZSTD_EndDirective end)
{
	size_t length = writer->text.length;

	if (writer->failed)
		return -1;
	if (writer->text.failed)
		return writer_fail(writer, "out of memory");
	writer->text.length = 0;
	if (writer->zstd)
		return write_packed(writer, writer->text.text, length, end);
	return write_all(writer, writer->text.text, length);
}

/* Ends the line that was printed from @start on. */
static int end_line(struct trace_writer *writer, size_t start)
{
	text_char(&writer->text, '\n');
	if (writer->text.length - start > TRACE_LINE_MAX)
		return writer_fail(writer, "an event is longer than a line can be");
	if (writer->text.failed || writer->text.length >= FLUSH_SIZE)
		return writer_flush(writer, ZSTD_e_continue);
	return 0;
}

/* The line "WORD COUNT". */
static int write_count(struct trace_writer *writer, const char *word, uint64_t count)
{
	size_t start = writer->text.length;

	text_puts(&writer->text, word);
	text_char(&writer->text, ' ');
	text_decimal(&writer->text, count);
	return end_line(writer, start);
}

/* Ends the run, if one has begun. */
static int end_run(struct trace_writer *writer)
{
	uint64_t events = writer->events;

	if (!writer->in_run)
		return 0;
	writer->in_run = false;
	writer->events = 0;
	return write_count(writer, "end", events);
}

int trace_write_run(struct trace_writer *writer, const char *name, const char *destructive)
{
	size_t start, length = strlen(name);

	if (writer->failed)
		return -1;
	if (length >= TRACE_TEXT_MAX)
		return writer_fail(writer, "the name of a run is too long");
	if (destructive && (!destructive[0] || strlen(destructive) >= TRACE_TEXT_MAX))
		return writer_fail(writer, "what makes a run destructive is not said, or too long");
	if (end_run(writer) < 0)
		return -1;
	writer->in_run = true;
	writer->run_lines++;
	start = writer->text.length;
	text_append(&writer->text, "run ", 4);
	text_quoted(&writer->text, name, length);
	if (destructive) {
		text_puts(&writer->text, " destructive ");
		text_quoted(&writer->text, destructive, strlen(destructive));
	}
	return end_line(writer, start);
}

int trace_write_event(struct trace_writer *writer, const struct event *event)
{
	size_t start = writer->text.length;

	if (writer->failed)
		return -1;
	writer->in_run = true;
	writer->events++;
	event_print(&writer->text, event);
	return end_line(writer, start);
}

/* Opens the file that is written: a new one beside @path, or what is there if that is no regular file. */
static int open_file(struct trace_writer *writer)
{
	size_t size = strlen(writer->path) + 48;
	struct stat status;

	if (strcmp(writer->path, "-") == 0) {
		writer->fd = STDOUT_FILENO;
		return 0;
	}
	if (stat(writer->path, &status) == 0 && !S_ISREG(status.st_mode)) {
		writer->fd = open(writer->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return writer->fd < 0 ? writer_fail_errno(writer, "cannot open for writing") : 0;
	}
	writer->temporary = malloc(size);
	if (!writer->temporary)
		return writer_fail(writer, "out of memory");
	for (int i = 0; i < TEMPORARY_TRIES && writer->fd < 0; i++) {
		snprintf(writer->temporary, size, "%s.%ld.%d.tmp", writer->path, (long)getpid(), i);
		writer->fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (writer->fd < 0 && errno != EEXIST)
			break;
	}
	if (writer->fd < 0) {
		writer_fail_errno(writer, "cannot create a file beside it");
		free(writer->temporary);
		writer->temporary = NULL;
		return -1;
	}
	return 0;
}

static int start_zstd(struct trace_writer *writer)
{
	size_t length = strlen(writer->path);

	if (length < 4 || strcmp(writer->path + length - 4, ".zst") != 0)
		return 0;
	writer->packed = malloc(PACKED_SIZE);
	writer->zstd = ZSTD_createCStream();
	if (!writer->packed || !writer->zstd ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1)))
		return writer_fail(writer, "cannot start zstd: out of memory");
	return 0;
}

struct trace_writer *trace_create(const char *path, const struct trace_header *header, struct diag *diag)
{
	struct trace_writer *writer = calloc(1, sizeof(*writer));
	struct trace_header counted = *header;
	const char *fault = header_fault(header);

	if (!writer) {
		diag_set(diag, path, 0, 0, "out of memory");
		return NULL;
	}
	writer->fd = -1;
	writer->path = strdup(path);
	if (!writer->path)
		diag_set(&writer->diag, path, 0, 0, "out of memory");
	else if (fault)
		diag_set(&writer->diag, path, 0, 0, "cannot write this header: %s", fault);
	else if (open_file(writer) == 0 && start_zstd(writer) == 0) {
		counted.counted = true;
		header_print(&writer->text, &counted);
		return writer;
	}
	if (diag)
		*diag = writer->diag;
	trace_abandon(writer);
	return NULL;
}

/* Gets all bytes to the disk and the file to its name. */
static int finish(struct trace_writer *writer)
{
	int status;

	if (writer->failed || end_run(writer) < 0 || write_count(writer, "runs", writer->run_lines) < 0 ||
	    writer_flush(writer, ZSTD_e_end) < 0)
		return -1;
	if (!writer->temporary)
		return 0;
	if (fsync(writer->fd) < 0)
		return writer_fail_errno(writer, "cannot write");
	status = close(writer->fd);
	writer->fd = -1;
	if (status < 0)
		return writer_fail_errno(writer, "cannot write");
	if (rename(writer->temporary, writer->path) < 0)
		return writer_fail_errno(writer, "cannot rename the finished file");
	free(writer->temporary);
	writer->temporary = NULL;
	return 0;
}

int trace_commit(struct trace_writer *writer, struct diag *diag)
{
	int status = finish(writer);

	if (status < 0 && diag)
		*diag = writer->diag;
	trace_abandon(writer);
	return status;
}

void trace_abandon(struct trace_writer *writer)
{
	if (!writer)
		return;
	if (writer->fd > STDERR_FILENO)
		close(writer->fd);
	if (writer->temporary)
		unlink(writer->temporary);
	ZSTD_freeCStream(writer->zstd);
	free(writer->packed);
	free(writer->text.text);
	free(writer->temporary);
	free(writer->path);
	free(writer);
}
