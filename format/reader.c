/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The reader: header, then runs and events, one line at a time.
 */
#include <stdlib.h>

#include "scan.h"
#include "source.h"

struct trace_reader {
	struct source *source;
	struct arena *arena;
	struct trace_header header;
	char run[TRACE_TEXT_MAX];
	/* The line that ended the header has been read, but not been taken. */
	const char *pending;
	size_t pending_length;
	bool at_end;
	bool failed;
	struct diag diag; /* why, if it failed: it will not get better */
};

static struct parser parser_at(struct trace_reader *reader, const char *line, size_t length)
{
	return (struct parser){.line = line,
			       .end = line + length,
			       .arena = reader->arena,
			       .name = source_name(reader->source),
			       .number = source_line_number(reader->source),
			       .diag = &reader->diag};
}

static int read_header(struct trace_reader *reader)
{
	struct header_state state = {0};
	const char *line;
	size_t length;

	for (;;) {
		struct parser parser;

		switch (source_line(reader->source, &line, &length, &reader->diag)) {
		case SOURCE_ERROR:
			return -1;
		case SOURCE_END:
			reader->at_end = true;
			if (state.started)
				return 0;
			return diag_set(&reader->diag, source_name(reader->source), 1, 1,
					"expected \"vfiosim-trace %d\", found the end of the file", TRACE_VERSION);
		case SOURCE_LINE:
			break;
		}
		parser = parser_at(reader, line, length);
		switch (header_parse_line(&parser, &state, &reader->header)) {
		case HEADER_ERROR:
			return -1;
		case HEADER_OVER:
			reader->pending = line;
			reader->pending_length = length;
			return 0;
		case HEADER_LINE:
			break;
		}
	}
}

/* Takes over @source, also when it fails. */
static struct trace_reader *reader_new(struct source *source, struct diag *diag)
{
	struct trace_reader *reader;

	if (!source)
		return NULL;
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		diag_set(diag, source_name(source), 0, 0, "out of memory");
		source_close(source);
		return NULL;
	}
	reader->source = source;
	reader->arena = arena_new();
	if (!reader->arena)
		diag_set(&reader->diag, source_name(source), 0, 0, "out of memory");
	if (!reader->arena || read_header(reader) < 0) {
		if (diag)
			*diag = reader->diag;
		trace_close(reader);
		return NULL;
	}
	return reader;
}

struct trace_reader *trace_open(const char *path, struct diag *diag)
{
	return reader_new(source_open(path, diag), diag);
}

struct trace_reader *trace_open_memory(const char *name, const void *text, size_t length, struct diag *diag)
{
	return reader_new(source_open_memory(name, text, length, diag), diag);
}

const struct trace_header *trace_header(const struct trace_reader *reader)
{
	return &reader->header;
}

const char *trace_run_name(const struct trace_reader *reader)
{
	return reader->run;
}

uint64_t trace_line(const struct trace_reader *reader)
{
	return source_line_number(reader->source);
}

/* The next line, or the one that ended the header. */
static enum source_status next_line(struct trace_reader *reader, const char **line, size_t *length)
{
	if (reader->pending) {
		*line = reader->pending;
		*length = reader->pending_length;
		reader->pending = NULL;
		return SOURCE_LINE;
	}
	return source_line(reader->source, line, length, &reader->diag);
}

static bool is_run(const char *s)
{
	return s[0] == 'r' && s[1] == 'u' && s[2] == 'n' && !scan_is_word(s[3]) && s[3] != '(';
}

static enum trace_item read_item(struct trace_reader *reader, struct event *event)
{
	const char *line, *s;
	size_t length;

	for (;;) {
		struct parser parser;

		switch (next_line(reader, &line, &length)) {
		case SOURCE_ERROR:
			return TRACE_ERROR;
		case SOURCE_END:
			return TRACE_END;
		case SOURCE_LINE:
			break;
		}
		s = scan_blank(line);
		if (scan_is_digit(*s))
			return event_parse_line(line, length, event, reader->arena, source_name(reader->source),
						source_line_number(reader->source), &reader->diag) < 0
				   ? TRACE_ERROR
				   : TRACE_EVENT;
		if (*s == '#' || s == line + length)
			continue;
		parser = parser_at(reader, line, length);
		if (is_run(s))
			return run_parse_line(&parser, reader->run) < 0 ? TRACE_ERROR : TRACE_RUN;
		scan_expected(&parser, s, "an event (which begins with the number of its task), a run or a comment");
		return TRACE_ERROR;
	}
}

enum trace_item trace_next(struct trace_reader *reader, struct event *event, struct diag *diag)
{
	enum trace_item item = TRACE_ERROR;

	if (reader->at_end)
		return TRACE_END;
	if (!reader->failed)
		item = read_item(reader, event);
	reader->at_end = item == TRACE_END;
	reader->failed = item == TRACE_ERROR;
	if (reader->failed && diag)
		*diag = reader->diag;
	return item;
}

void trace_close(struct trace_reader *reader)
{
	if (!reader)
		return;
	source_close(reader->source);
	arena_free(reader->arena);
	free(reader);
}
