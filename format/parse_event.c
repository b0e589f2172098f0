/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * One line as an event: TASK @BEGIN-END CALL(ARGUMENTS) = ANSWER {OBSERVATIONS}.
 */
#include <stdlib.h>

#include "scan.h"

static size_t word_length(const char *s)
{
	size_t length = 0;

	while (scan_is_word(s[length]))
		length++;
	return length;
}

static bool is_word(const char *word, const char *s, size_t length)
{
	return strncmp(word, s, length) == 0 && word[length] == '\0';
}

/* TASK[.THREAD] [@BEGIN-END]. */
static const char *parse_task(const struct parser *parser, const char *s, struct event *event)
{
	uint64_t task, thread = 1;
	const char *start = s;

	s = scan_number(parser, s, UINT32_MAX, &task);
	if (s && task == 0)
		return scan_expected(parser, start, "a task number from 1 on");
	if (s && *s == '.') {
		start = s + 1;
		s = scan_number(parser, start, UINT32_MAX, &thread);
		if (s && thread == 0)
			return scan_expected(parser, start, "a thread number from 1 on");
	}
	if (!s)
		return NULL;
	event->call.task = (uint32_t)task;
	event->call.thread = (uint32_t)thread;
	s = scan_blank(s);
	if (*s != '@')
		return s;
	s = scan_number(parser, s + 1, UINT64_MAX, &event->begin);
	if (s)
		s = scan_char(parser, s, '-');
	if (!s)
		return NULL;
	start = s;
	s = scan_number(parser, s, UINT64_MAX, &event->end);
	if (!s)
		return NULL;
	if (event->end < event->begin)
		return scan_expected(parser, start, "an end that is not before its begin");
	event->timed = true;
	return scan_blank(s);
}

static const char *parse_name(const struct parser *parser, const char *s, enum call_op *op)
{
	size_t length = word_length(s);

	/* Nearly all calls of a trace are ioctls. */
	if (is_word("ioctl", s, length)) {
		*op = CALL_IOCTL;
		return scan_char(parser, s + length, '(');
	}
	for (size_t i = 0; i < CALL_OP_COUNT; i++) {
		if (is_word(call_table[i].name, s, length)) {
			*op = (enum call_op)i;
			return scan_char(parser, s + length, '(');
		}
	}
	return scan_expected(parser, s, "the name of a call, such as open, ioctl or close");
}

/* Where a name is remembered from one line to the next: by its length and last letters, which differ most. */
static size_t memo_slot(const char *name, size_t length)
{
	size_t hash = length * 5;

	for (size_t i = length < 4 ? 0 : length - 4; i < length; i++)
		hash = hash * 7 + (unsigned char)name[i];
	return hash % ARENA_MEMO;
}

static const struct ioctl_row *find_ioctl(struct arena *arena, const char *name, size_t length)
{
	const struct ioctl_row **memo = &arena->ioctls[memo_slot(name, length)];

	if (!*memo || !is_word((*memo)->name, name, length)) {
		const struct ioctl_row *row = ioctl_by_name(name, length);

		if (!row)
			return NULL;
		*memo = row;
	}
	return *memo;
}

static unsigned find_errno(struct arena *arena, const char *name, size_t length)
{
	unsigned *memo = &arena->errnos[memo_slot(name, length)];

	if (!*memo || !is_word(errno_name(*memo), name, length)) {
		unsigned number = errno_number(name, length);

		if (!number)
			return 0;
		*memo = number;
	}
	return *memo;
}

/* [@ADDRESS:] and memory of the argument of @row. */
static const char *parse_memory(struct parser *parser, const char *s, const struct ioctl_row *row, struct call *call)
{
	struct buffer *buffer = &call->buffers[call->buffer_count];

	if (call->buffer_count == CALL_BUFFERS_MAX)
		return scan_expected(parser, s, "at most %d pieces of memory", CALL_BUFFERS_MAX);
	if (*s == '@') {
		s = scan_number(parser, s + 1, UINT64_MAX, &buffer->address);
		if (s)
			s = scan_char(parser, s, ':');
		if (!s)
			return NULL;
	}
	call->buffer_count++;
	return payload_parse(parser, s, row, buffer);
}

/* A number that gives the length of a struct: LENGTH:{...}. */
static bool is_length(const char *s)
{
	if (!scan_is_digit(*s))
		return false;
	while (scan_is_word(*s))
		s++;
	return *scan_blank(s) == ':';
}

static const char *parse_ioctl_argument(struct parser *parser, const char *s, struct call *call)
{
	const struct ioctl_row *row = call->ioctl;

	if (row && row->arg == ARG_VALUE && *s != '@' && !scan_is_hex_call(s))
		return scan_enum(parser, s, row->values, UINT64_MAX, &call->args[2]);
	if (scan_is_digit(*s) && !is_length(s))
		return scan_number(parser, s, UINT64_MAX, &call->args[2]);
	call->has_pointer = true;
	return parse_memory(parser, s, row, call);
}

/* What follows the fd of an ioctl: name or number, argument, further memory. */
static const char *parse_ioctl(struct parser *parser, const char *s, struct call *call)
{
	s = scan_char(parser, s, ',');
	if (!s)
		return NULL;
	if (scan_is_digit(*s)) {
		s = scan_number(parser, s, UINT64_MAX, &call->args[1]);
		if (!s)
			return NULL;
	} else {
		size_t length = word_length(s);

		call->ioctl = find_ioctl(parser->arena, s, length);
		if (!call->ioctl)
			return scan_expected(parser, s, "the name or number of an ioctl");
		call->args[1] = call->ioctl->number;
		s += length;
	}
	s = scan_blank(s);
	if (*s != ',')
		return s;
	s = parse_ioctl_argument(parser, scan_blank(s + 1), call);
	while (s && *(s = scan_blank(s)) == ',') {
		s = scan_blank(s + 1);
		if (!call->has_pointer || *s != '@')
			return scan_expected(parser, s, call->has_pointer ? "'@' and an address" : "')' after a value");
		s = parse_memory(parser, s, NULL, call);
	}
	return s;
}

static const char *parse_path(struct parser *parser, const char *s, struct call *call)
{
	const char *start = s;
	size_t length;

	s = scan_string(parser, s, CALL_PATH_MAX - 1, &call->string, &length);
	if (s && strlen(call->string) != length)
		return scan_expected(parser, start, "a string without \\x00");
	return s;
}

static const char *parse_arg(struct parser *parser, const char *s, struct call *call, size_t i)
{
	uint64_t *value = &call->args[i];

	switch (call_table[call->op].args[i].show) {
	case CALL_ARG_SIGNED:
	case CALL_ARG_FD:
		return scan_signed(parser, s, 8, value);
	case CALL_ARG_SET:
		return scan_set(parser, s, call_arg_set(call->op, i), UINT64_MAX, value);
	case CALL_ARG_ENUM:
		return scan_enum(parser, s, call_arg_set(call->op, i), UINT64_MAX, value);
	case CALL_ARG_STRING:
		if (!scan_is_digit(*s))
			return parse_path(parser, s, call);
		break;
	case CALL_ARG_BYTES_IN:
	case CALL_ARG_BYTES_OUT:
		if (!scan_is_digit(*s))
			return parse_memory(parser, s, NULL, call);
		break;
	case CALL_ARG_DEC:
	case CALL_ARG_HEX:
	case CALL_ARG_ADDR:
		break;
	}
	return scan_number(parser, s, UINT64_MAX, value);
}

static const char *parse_args(struct parser *parser, const char *s, struct call *call)
{
	const struct call_desc *desc = &call_table[call->op];

	for (size_t i = 0; i < desc->arg_count; i++) {
		if (i)
			s = scan_char(parser, s, ',');
		if (s)
			s = parse_arg(parser, s, call, i);
		if (!s)
			return NULL;
	}
	if (call->op == CALL_IOCTL)
		s = parse_ioctl(parser, s, call);
	return s ? scan_char(parser, s, ')') : NULL;
}

/* What follows the '-' of a return value: 1 ENAME. */
static const char *parse_errno(const struct parser *parser, const char *s, int64_t *ret)
{
	size_t length;
	uint64_t number;

	if (*s != '1' || scan_is_word(s[1]))
		return scan_expected(parser, s, "1 and the name of an error, as in -1 EINVAL");
	s = scan_blank(s + 1);
	length = word_length(s);
	number = find_errno(parser->arena, s, length);
	if (number) {
		*ret = -(int64_t)number;
		return s + length;
	}
	if (*s != 'E' || !scan_is_digit(s[1]))
		return scan_expected(parser, s, "the name of an error, such as EINVAL, or E and a number");
	s = scan_number(parser, s + 1, UINT64_C(1) << 63, &number);
	if (s && number == 0)
		return scan_expected(parser, s - 1, "an error number from 1 on");
	*ret = (int64_t)-number;
	return s;
}

/* NAME=BEFORE->AFTER; nothing if another name stands there. */
static const char *parse_observation(const struct parser *parser, const char *s, const char *name,
				     struct observation *observation)
{
	size_t length = word_length(s);

	if (!is_word(name, s, length))
		return s;
	s = scan_char(parser, s + length, '=');
	if (s)
		s = scan_number(parser, s, UINT64_MAX, &observation->before);
	if (s)
		s = scan_char(parser, s, '-');
	if (s && *s != '>')
		return scan_expected(parser, s, "'>'");
	if (s)
		s = scan_number(parser, scan_blank(s + 1), UINT64_MAX, &observation->after);
	observation->present = true;
	return s ? scan_blank(s) : NULL;
}

static const char *parse_observations(const struct parser *parser, const char *s, struct answer *answer)
{
	const char *start = s;

	s = parse_observation(parser, s, "VmLck", &answer->locked);
	if (!s)
		return NULL;
	if (s != start && *s == ',') {
		s = start = scan_blank(s + 1);
	} else if (s != start) {
		return scan_char(parser, s, '}');
	}
	s = parse_observation(parser, s, "VmPin", &answer->pinned);
	if (s == start)
		return scan_expected(parser, s, answer->locked.present ? "VmPin=" : "VmLck= or VmPin=");
	return s ? scan_char(parser, s, '}') : NULL;
}

static const char *parse_answer(const struct parser *parser, const char *s, struct answer *answer)
{
	uint64_t value;

	if (*s == '?') {
		if (parser->arrow)
			return scan_expected(parser, s, "a return value, as memory was changed (column %u)",
					     (unsigned)(parser->arrow - parser->line) + 1);
		return s + 1;
	}
	answer->known = true;
	if (*s == '-') {
		s = parse_errno(parser, s + 1, &answer->ret);
	} else if (scan_is_digit(*s)) {
		s = scan_number(parser, s, INT64_MAX, &value);
		if (s)
			answer->ret = (int64_t)value;
	} else {
		return scan_expected(parser, s, "a return value, -1 and the name of an error, or '?'");
	}
	if (!s)
		return NULL;
	s = scan_blank(s);
	if (*s == '{')
		return parse_observations(parser, scan_blank(s + 1), answer);
	return s;
}

int event_parse_line(const char *line, size_t length, struct event *event, struct arena *arena, const char *name,
		     uint64_t line_number, struct diag *diag)
{
	struct parser parser = {
	    .line = line, .end = line + length, .arena = arena, .name = name, .number = line_number, .diag = diag};
	const char *s;

	arena_reset(arena);
	memset(event, 0, sizeof(*event));
	event->line = line_number;
	s = parse_task(&parser, scan_blank(line), event);
	if (s)
		s = parse_name(&parser, s, &event->call.op);
	if (s)
		s = parse_args(&parser, s, &event->call);
	if (s)
		s = scan_char(&parser, s, '=');
	if (s)
		s = parse_answer(&parser, s, &event->answer);
	if (s)
		s = scan_end(&parser, s);
	if (!s)
		return -1;
	if (event->answer.known) {
		for (uint32_t i = 0; i < event->call.buffer_count; i++) {
			struct buffer *buffer = &event->call.buffers[i];

			if (!buffer->out)
				buffer->out = buffer->in;
		}
	}
	return 0;
}

int event_parse(const char *line, size_t length, struct event *event, struct arena *arena, const char *name,
		uint64_t line_number, struct diag *diag)
{
	const char *newline = memchr(line, '\n', length);
	char *copy;
	int status;

	if (length >= TRACE_LINE_MAX)
		return diag_set(diag, name, line_number, TRACE_LINE_MAX, "expected a line of less than %u bytes",
				TRACE_LINE_MAX);
	if (newline)
		return diag_set(diag, name, line_number, (uint32_t)(newline - line) + 1,
				"expected one line, found a newline in it");
	/* Scanning stops at a newline, which the caller's line need not have. */
	copy = malloc(length + 1);
	if (!copy)
		return diag_set(diag, name, line_number, 0, "out of memory");
	memcpy(copy, line, length);
	copy[length] = '\n';
	status = event_parse_line(copy, length, event, arena, name, line_number, diag);
	free(copy);
	return status;
}
