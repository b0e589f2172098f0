/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Traces as text: see docs/trace-format.md.
 *
 * A trace is a header, then runs; a run is events in order and starts from a
 * fresh host. A counted trace says where each run ends, and after how many events,
 * so that it is seen when lines are gone; what a writer makes is counted. Reading streams: memory is bounded by the
 * longest line, however long the file. A file whose name or first bytes say zstd is decompressed on the fly.
 */
#ifndef VFIOSIM_TRACE_H
#define VFIOSIM_TRACE_H

#include "vfiosim/call.h"
#include "vfiosim/diag.h"

#define TRACE_VERSION	 1
#define TRACE_LINE_MAX	 (16u << 20) /* bytes of one line, its newline included */
#define TRACE_FIELDS_MAX 64	     /* profile fields in a header */
#define TRACE_TEXT_MAX	 256	     /* bytes of one header value, its NUL included */

struct trace_header {
	uint32_t version;
	char kernel[TRACE_TEXT_MAX];  /* uname -r, then the package's own version in brackets if known; "" unknown */
	char arch[TRACE_TEXT_MAX];    /* x86_64, ppc64le, aarch64 */
	uint32_t page_size;	      /* bytes; a power of two */
	char machine[TRACE_TEXT_MAX]; /* a machine of machines/, e.g. "q35-edu" */
	char profile[TRACE_TEXT_MAX]; /* e.g. "6.1" */
	char program[TRACE_TEXT_MAX]; /* what was run: command line, or generator and seed */
	bool counted;		      /* runs have ends; read from a file, and no matter to a writer */
	uint32_t field_count;	      /* what short probes of the live kernel found beyond the profile */
	struct {
		char name[64];
		char value[64];
	} fields[TRACE_FIELDS_MAX];
};

enum trace_item {
	TRACE_EVENT,   /* an event was read */
	TRACE_RUN,     /* a new run begins: everything of the last one is gone */
	TRACE_RUN_END, /* the run ends here and says how many events it has; in counted traces only */
	TRACE_END,     /* end of the trace */
	TRACE_ERROR,   /* diag says where and what */
};

struct trace_reader;

/* Opens @path ("-" is standard input) and reads the header. NULL on error, with @diag filled. */
struct trace_reader *trace_open(const char *path, struct diag *diag);

/* The same from memory, which must outlive the reader; @name is used in messages. */
struct trace_reader *trace_open_memory(const char *name, const void *text, size_t length, struct diag *diag);

const struct trace_header *trace_header(const struct trace_reader *reader);

/*
 * Reads the next item. On TRACE_EVENT @event is filled; what it points to belongs to
 * the reader and is valid until the next call. On TRACE_RUN trace_run_name() tells its name, and on
 * TRACE_RUN_END trace_run_count() how many events the run says it has: whether it has them is the caller's to see.
 */
enum trace_item trace_next(struct trace_reader *reader, struct event *event, struct diag *diag);
const char *trace_run_name(const struct trace_reader *reader); /* "" before the first run line */
/* Why the run is destructive, that is, does what makes some kernels complain, or die; NULL if it is not. */
const char *trace_run_destructive(const struct trace_reader *reader);
uint64_t trace_run_count(const struct trace_reader *reader);
uint64_t trace_line(const struct trace_reader *reader); /* line of the last item */
void trace_close(struct trace_reader *reader);

struct trace_writer;

/*
 * Creates a trace: written to a temporary name beside @path and renamed by trace_commit(), so that
 * a half-written trace never has the real name. "-" is standard output. ".zst" at the end compresses.
 * The writer counts by itself: it writes the end of each run when the next one begins and when it commits.
 */
struct trace_writer *trace_create(const char *path, const struct trace_header *header, struct diag *diag);
/* @destructive: why the run is, or NULL. */
int trace_write_run(struct trace_writer *writer, const char *name, const char *destructive);
int trace_write_event(struct trace_writer *writer, const struct event *event);
/* Finishes and renames; 0 or -1 with @diag. Frees the writer in either case. */
int trace_commit(struct trace_writer *writer, struct diag *diag);
/* Throws away what was written. Frees the writer. */
void trace_abandon(struct trace_writer *writer);

/* A growing text buffer for the printers; text is NUL-terminated. Free text with free(). */
struct text {
	char *text;
	size_t length, capacity;
	bool failed; /* memory ran out; text is then incomplete */
};

/* Append one event as a line (without the newline); only the call, for `= ?`, if the answer is not known. */
void event_print(struct text *out, const struct event *event);
void header_print(struct text *out, const struct trace_header *header);

/*
 * Parses one line (no newline) into @event. Buffers are carved from @arena, which is reset first;
 * they live until the next use of it. @name and @line_number are for messages. 0 or -1 with @diag.
 */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *arena);
int event_parse(const char *line, size_t length, struct event *event, struct arena *arena, const char *name,
		uint64_t line_number, struct diag *diag);

#endif
