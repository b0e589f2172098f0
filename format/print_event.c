/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * One event as a line: TASK @BEGIN-END CALL(ARGUMENTS) = ANSWER {OBSERVATIONS}.
 */
#include "format_internal.h"

static void print_task(struct text *out, const struct event *event)
{
	text_decimal(out, event->call.task);
	if (event->call.thread != 1) {
		text_char(out, '.');
		text_decimal(out, event->call.thread);
	}
	text_char(out, ' ');
	if (event->timed) {
		text_char(out, '@');
		text_decimal(out, event->begin);
		text_char(out, '-');
		text_decimal(out, event->end);
		text_char(out, ' ');
	}
}

/* A string argument of an ioctl: its NUL is not shown, so it must be there. False if it is not such a string. */
static bool print_string(struct text *out, const struct buffer *buffer, bool changed)
{
	if (changed || !buffer->length || buffer->in[buffer->length - 1] != '\0')
		return false;
	text_quoted(out, (const char *)buffer->in, buffer->length - 1);
	return true;
}

static bool print_int(struct text *out, const struct buffer *buffer, bool changed)
{
	if (buffer->length != 4)
		return false;
	text_char(out, '[');
	text_signed(out, (int32_t)bytes_get(buffer->in, 4));
	if (changed) {
		text_append(out, " => ", 4);
		text_signed(out, (int32_t)bytes_get(buffer->out, 4));
	}
	text_char(out, ']');
	return true;
}

/* Memory: by the kind of argument that @row has for it, else as hex. */
static void print_buffer(struct text *out, const struct ioctl_row *row, const struct buffer *buffer, bool changed)
{
	switch (row ? row->arg : ARG_NONE) {
	case ARG_STRUCT:
		payload_print_struct(out, row->layout, buffer, changed);
		return;
	case ARG_STRING:
		if (print_string(out, buffer, changed))
			return;
		break;
	case ARG_INT:
		if (print_int(out, buffer, changed))
			return;
		break;
	case ARG_NONE:
	case ARG_VALUE:
		break;
	}
	payload_print_hex(out, buffer, changed);
}

static void print_address(struct text *out, uint64_t address)
{
	text_char(out, '@');
	text_hex(out, address);
	text_append(out, ": ", 2);
}

/* The argument itself lies anywhere, as a rule; what its fields point to lies where they say. */
static void print_memory(struct text *out, const struct ioctl_row *row, const struct event *event, uint32_t i)
{
	const struct buffer *buffer = &event->call.buffers[i];

	if (i || buffer->address)
		print_address(out, buffer->address);
	print_buffer(out, i ? NULL : row, buffer, answer_changed(&event->answer, buffer));
}

static void print_ioctl(struct text *out, const struct event *event)
{
	const struct call *call = &event->call;
	const struct ioctl_row *row = call->ioctl;
	uint32_t count = call_buffers(call);

	text_append(out, ", ", 2);
	if (row)
		text_puts(out, row->name);
	else
		text_hex(out, call->args[1]);
	for (uint32_t i = 0; i < count; i++) {
		text_append(out, ", ", 2);
		print_memory(out, row, event, i);
	}
	if (count || (row && row->arg == ARG_NONE && call->args[2] == 0))
		return;
	text_append(out, ", ", 2);
	if (row && row->arg == ARG_VALUE)
		text_enum(out, row->values, call->args[2]);
	else
		text_hex(out, call->args[2]);
}

static void print_arg(struct text *out, const struct event *event, size_t i)
{
	const struct call *call = &event->call;
	uint64_t value = call->args[i];

	switch (call_table[call->op].args[i].show) {
	case CALL_ARG_DEC:
		text_decimal(out, value);
		break;
	case CALL_ARG_SIGNED:
	case CALL_ARG_FD:
		text_signed(out, (int64_t)value);
		break;
	case CALL_ARG_STRING:
		if (call->string)
			text_quoted(out, call->string, strlen(call->string));
		else
			text_hex(out, value);
		break;
	case CALL_ARG_BYTES_IN:
	case CALL_ARG_BYTES_OUT:
		if (call_buffers(call))
			print_memory(out, NULL, event, 0);
		else
			text_hex(out, value);
		break;
	case CALL_ARG_HEX:
	case CALL_ARG_ADDR:
		text_hex(out, value);
		break;
	case CALL_ARG_SET:
		text_set(out, call_arg_set(call->op, i), value);
		break;
	case CALL_ARG_ENUM:
		text_enum(out, call_arg_set(call->op, i), value);
		break;
	}
}

static void print_return(struct text *out, enum call_return kind, int64_t ret)
{
	if (ret < 0) {
		uint64_t number = -(uint64_t)ret;
		const char *name = number <= UINT32_MAX ? errno_name((unsigned)number) : NULL;

		text_append(out, "-1 ", 3);
		if (name) {
			text_puts(out, name);
		} else {
			text_char(out, 'E');
			text_decimal(out, number);
		}
	} else if (kind == RETURN_ADDR) {
		text_hex(out, (uint64_t)ret);
	} else {
		text_decimal(out, (uint64_t)ret);
	}
}

static void print_observation(struct text *out, const char *name, const struct observation *observation)
{
	text_puts(out, name);
	text_char(out, '=');
	text_decimal(out, observation->before);
	text_append(out, "->", 2);
	text_decimal(out, observation->after);
}

static void print_answer(struct text *out, enum call_return kind, const struct answer *answer)
{
	text_append(out, " = ", 3);
	if (!answer->known) {
		text_char(out, '?');
		return;
	}
	print_return(out, kind, answer->ret);
	if (!answer->locked.present && !answer->pinned.present)
		return;
	text_append(out, " {", 2);
	if (answer->locked.present)
		print_observation(out, "VmLck", &answer->locked);
	if (answer->locked.present && answer->pinned.present)
		text_append(out, ", ", 2);
	if (answer->pinned.present)
		print_observation(out, "VmPin", &answer->pinned);
	text_char(out, '}');
}

void event_print(struct text *out, const struct event *event)
{
	const struct call_desc *desc = &call_table[event->call.op];

	print_task(out, event);
	text_puts(out, desc->name);
	text_char(out, '(');
	for (size_t i = 0; i < desc->arg_count; i++) {
		if (i)
			text_append(out, ", ", 2);
		print_arg(out, event, i);
	}
	if (event->call.op == CALL_IOCTL)
		print_ioctl(out, event);
	text_char(out, ')');
	print_answer(out, desc->returns, &event->answer);
}
