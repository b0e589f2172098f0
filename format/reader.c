/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The reader: header, then runs and events, one line at a time.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "scan.h"
#include "source.h"

/* The kinds of line that follow the header. */
enum line_kind { LINE_EVENT, LINE_RUN, LINE_RUN_END, LINE_LAST, LINE_KIND_COUNT };

/* Lines that are a word and more. */
static const struct word {
	const char *text;
	size_t length;
	enum line_kind kind;
} words[] = {
    {"run", 3, LINE_RUN},
    {"end", 3, LINE_RUN_END},
    {"runs", 4, LINE_LAST},
};

/* Where in a trace the reader is, and so what can follow. The first two are of traces that are not counted. */
enum stage { STAGE_EMPTY, STAGE_UNCOUNTED, STAGE_BEGIN, STAGE_RUN, STAGE_RUN_ENDED, STAGE_OVER };

#define ALLOW(kind) (1u << LINE_##kind)

static const struct {
	unsigned allowed;
	bool may_end;
	const char *expected;
} stages[] = {
    [STAGE_EMPTY] = {ALLOW(EVENT) | ALLOW(RUN), false,
		     "an event (which begins with the number of its task), a run or a comment"},
    [STAGE_UNCOUNTED] = {ALLOW(EVENT) | ALLOW(RUN), true,
			 "an event (which begins with the number of its task), a run or a comment"},
    [STAGE_BEGIN] = {ALLOW(EVENT) | ALLOW(RUN) | ALLOW(LAST), false,
		     "an event (which begins with the number of its task), a run or \"runs COUNT\""},
    [STAGE_RUN] = {ALLOW(EVENT) | ALLOW(RUN_END), false,
		   "an event (which begins with the number of its task) or \"end COUNT\", which ends the run"},
    [STAGE_RUN_ENDED] = {ALLOW(RUN) | ALLOW(LAST), false, "a run or \"runs COUNT\" (the last run has ended)"},
    [STAGE_OVER] = {0, true, "the end of the file, behind \"runs COUNT\""},
};

/* Where a line of each kind leads in a counted trace. */
static const enum stage stage_after[LINE_KIND_COUNT] = {
    [LINE_EVENT] = STAGE_RUN,
    [LINE_RUN] = STAGE_RUN,
    [LINE_RUN_END] = STAGE_RUN_ENDED,
    [LINE_LAST] = STAGE_OVER,
};

struct trace_reader {
	struct source *source;
	struct arena *arena;
	struct trace_header header;
	enum stage stage;
	char run[TRACE_TEXT_MAX], destructive[TRACE_TEXT_MAX]; /* of the run: its name, and why it is; or "" */
	uint64_t run_lines;				       /* so far */
	uint64_t run_count;				       /* events that the last run's end speaks of */
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

/* The file is over: 0 if it may be, -1 with the reader's diag if something is missing. */
static int check_end(struct trace_reader *reader)
{
	if (stages[reader->stage].may_end)
		return 0;
	return diag_set(&reader->diag, source_name(reader->source), source_line_number(reader->source) + 1, 1,
			"expected %s, found the end of the file: it is cut off", stages[reader->stage].expected);
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
			/* Whether anything is missing is seen when it is asked for. */
			reader->stage = reader->header.counted ? STAGE_BEGIN : STAGE_EMPTY;
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
			reader->stage = reader->header.counted ? STAGE_BEGIN : STAGE_EMPTY;
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

const char *trace_run_destructive(const struct trace_reader *reader)
{
	return reader->destructive[0] ? reader->destructive : NULL;
}

uint64_t trace_run_count(const struct trace_reader *reader)
{
	return reader->run_count;
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

/* The word that the line at @s begins with; NULL if it is none of ours. */
static const struct word *find_word(const char *s)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *end = s + words[i].length;

		/* The newline stops the comparison, and is no part of a word. */
		if (strncmp(s, words[i].text, words[i].length) == 0 && !scan_is_word(*end) && *end != '(')
			return &words[i];
	}
	return NULL;
}

/* Whether a line of @kind, which begins at @s, may stand here; if so, the reader goes on to where it leads. */
static bool enter(struct trace_reader *reader, const struct parser *parser, const char *s, enum line_kind kind)
{
	bool allowed = stages[reader->stage].allowed >> kind & 1;
	bool counted = reader->header.counted;

	if (!allowed && !counted)
		scan_expected(parser, s, "\"counted: LINES\" at the end of the header before a line like this");
	else if (!allowed)
		scan_expected(parser, s, "%s", stages[reader->stage].expected);
	else
		reader->stage = counted ? stage_after[kind] : STAGE_UNCOUNTED;
	return allowed;
}

/* The last line of a counted trace. False with the reader's diag. */
static bool read_last(struct trace_reader *reader, struct parser *parser, const struct word *word)
{
	const char *s = scan_blank(scan_blank(parser->line) + word->length);
	uint64_t count;

	if (count_parse_line(parser, word->length, &count) < 0)
		return false;
	if (count == reader->run_lines)
		return true;
	scan_expected(parser, s, "%" PRIu64 ", as many as there are lines that begin a run", reader->run_lines);
	return false;
}

/* A line that begins with @word. TRACE_END stands for one that is no item. */
static enum trace_item read_word(struct trace_reader *reader, struct parser *parser, const struct word *word)
{
	switch (word->kind) {
	case LINE_RUN:
		reader->run_lines++;
		return run_parse_line(parser, reader->run, reader->destructive) < 0 ? TRACE_ERROR : TRACE_RUN;
	case LINE_RUN_END:
		return count_parse_line(parser, word->length, &reader->run_count) < 0 ? TRACE_ERROR : TRACE_RUN_END;
	default:
		return read_last(reader, parser, word) ? TRACE_END : TRACE_ERROR;
	}
}

static enum trace_item read_item(struct trace_reader *reader, struct event *event)
{
	const struct word *word;
	enum trace_item item;
	const char *line, *s;
	size_t length;

	for (;;) {
		struct parser parser;

		switch (next_line(reader, &line, &length)) {
		case SOURCE_ERROR:
			return TRACE_ERROR;
		case SOURCE_END:
			return check_end(reader) < 0 ? TRACE_ERROR : TRACE_END;
		case SOURCE_LINE:
			break;
		}
		s = scan_blank(line);
		if (*s == '#' || s == line + length)
			continue;
		parser = parser_at(reader, line, length);
		if (scan_is_digit(*s)) {
			if (!enter(reader, &parser, s, LINE_EVENT))
				return TRACE_ERROR;
			return event_parse_line(line, length, event, reader->arena, source_name(reader->source),
						source_line_number(reader->source), &reader->diag) < 0
				   ? TRACE_ERROR
				   : TRACE_EVENT;
		}
		word = find_word(s);
		if (!word) {
			scan_expected(&parser, s, "%s", stages[reader->stage].expected);
			return TRACE_ERROR;
		}
		if (!enter(reader, &parser, s, word->kind))
			return TRACE_ERROR;
		item = read_word(reader, &parser, word);
		if (item != TRACE_END)
			return item;
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
