/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Fuzzes the trace reader: any bytes are read without harm, and what was read comes
 * back from its printed form, which is then printed the same again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfiosim/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const struct text *text)
{
	fprintf(stderr, "%s:\n%s\n", what, text->text);
	abort();
}

static void check_header(const struct trace_header *header)
{
	struct text text = {0}, again = {0};
	struct trace_reader *reader;
	struct diag diag;

	header_print(&text, header);
	reader = trace_open_memory("header", text.text, text.length, &diag);
	if (!reader)
		fail(diag.text, &text);
	if (memcmp(trace_header(reader), header, sizeof(*header)) != 0)
		fail("header is not what was printed", &text);
	header_print(&again, trace_header(reader));
	if (strcmp(text.text, again.text) != 0)
		fail("header is printed differently", &text);
	trace_close(reader);
	free(text.text);
	free(again.text);
}

static void check_event(const struct event *event, struct arena *arena)
{
	struct text text = {0}, again = {0};
	struct event *clone = event_clone(event);
	struct event read;
	struct diag diag;

	event_print(&text, event);
	if (!clone || text.failed)
		abort();
	/* The shortest text of some memory may be longer than a line: that is refused, and nothing else. */
	if (event_parse(text.text, text.length, &read, arena, "event", 1, &diag) < 0) {
		if (text.length < TRACE_LINE_MAX)
			fail(diag.text, &text);
	} else {
		if (!event_equal(event, &read) || !event_equal(clone, &read))
			fail("event is not what was printed", &text);
		event_print(&again, &read);
		if (strcmp(text.text, again.text) != 0)
			fail("event is printed differently", &text);
	}
	free(clone);
	free(text.text);
	free(again.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {0};
	struct trace_reader *reader = trace_open_memory("fuzz", data, size, &diag);
	struct arena *arena = arena_new();
	enum trace_item item = TRACE_ERROR;
	struct event event;

	if (!arena)
		abort();
	if (reader) {
		check_header(trace_header(reader));
		while ((item = trace_next(reader, &event, &diag)) != TRACE_END && item != TRACE_ERROR) {
			if (item == TRACE_EVENT)
				check_event(&event, arena);
		}
	}
	/* Whatever is refused is refused with a reason. */
	if (item == TRACE_ERROR && !diag.text[0])
		abort();
	trace_close(reader);
	arena_free(arena);
	return 0;
}
