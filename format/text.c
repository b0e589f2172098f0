/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The growing text buffer and the ways to write single values into it.
 *
 * Printing is on the hot path of recording and of replaying, so numbers are written
 * digit by digit here rather than through stdio.
 */
#include <stdlib.h>

#include "format_internal.h"

static const char hex_digits[16] = "0123456789abcdef";

char *text_room(struct text *out, size_t size)
{
	size_t capacity = out->capacity ? out->capacity : 256;
	char *text;

	if (out->failed)
		return NULL;
	if (size < out->capacity - out->length)
		return out->text + out->length;
	while (capacity - out->length <= size) {
		if (capacity > SIZE_MAX / 2) {
			out->failed = true;
			return NULL;
		}
		capacity *= 2;
	}
	text = realloc(out->text, capacity);
	if (!text) {
		out->failed = true;
		return NULL;
	}
	out->text = text;
	out->capacity = capacity;
	return text + out->length;
}

void text_append(struct text *out, const char *bytes, size_t length)
{
	char *to = text_room(out, length);

	if (!to)
		return;
	memcpy(to, bytes, length);
	to[length] = '\0';
	out->length += length;
}

void text_puts(struct text *out, const char *string)
{
	text_append(out, string, strlen(string));
}

void text_char(struct text *out, char c)
{
	text_append(out, &c, 1);
}

void text_decimal(struct text *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_append(out, digits + at, sizeof(digits) - at);
}

void text_signed(struct text *out, int64_t value)
{
	if (value < 0) {
		text_char(out, '-');
		text_decimal(out, -(uint64_t)value);
	} else {
		text_decimal(out, (uint64_t)value);
	}
}

void text_hex(struct text *out, uint64_t value)
{
	char digits[18];
	size_t at = sizeof(digits);

	do {
		digits[--at] = hex_digits[value & 15];
		value >>= 4;
	} while (value);
	digits[--at] = 'x';
	digits[--at] = '0';
	text_append(out, digits + at, sizeof(digits) - at);
}

/* Writes @byte at @to as it stands inside quotes; returns how many bytes that took, at most 4. */
static size_t escape(char *to, unsigned char byte)
{
	const char *letter = NULL;

	switch (byte) {
	case '"':
		letter = "\\\"";
		break;
	case '\\':
		letter = "\\\\";
		break;
	case '\n':
		letter = "\\n";
		break;
	case '\r':
		letter = "\\r";
		break;
	case '\t':
		letter = "\\t";
		break;
	}
	if (letter) {
		memcpy(to, letter, 2);
		return 2;
	}
	if (byte >= 0x20 && byte < 0x7f) {
		to[0] = (char)byte;
		return 1;
	}
	to[0] = '\\';
	to[1] = 'x';
	to[2] = hex_digits[byte >> 4];
	to[3] = hex_digits[byte & 15];
	return 4;
}

void text_quoted(struct text *out, const char *bytes, size_t length)
{
	char *start, *to;

	if (length > (SIZE_MAX - 2) / 4) {
		out->failed = true;
		return;
	}
	start = to = text_room(out, 4 * length + 2);
	if (!start)
		return;
	*to++ = '"';
	for (size_t i = 0; i < length; i++)
		to += escape(to, (unsigned char)bytes[i]);
	*to++ = '"';
	*to = '\0';
	out->length += (size_t)(to - start);
}

static size_t run_length(const uint8_t *bytes, size_t length)
{
	size_t run = 1;

	while (run < length && bytes[run] == bytes[0])
		run++;
	return run;
}

void text_bytes(struct text *out, const uint8_t *bytes, size_t length)
{
	bool after_run = false, start = true;

	for (size_t i = 0; i < length;) {
		size_t run = run_length(bytes + i, length - i);
		char *to = text_room(out, 4);

		if (!to)
			return;
		if (!start && (after_run || run >= RUN_MIN)) {
			*to++ = ' ';
			out->length++;
		}
		to[0] = hex_digits[bytes[i] >> 4];
		to[1] = hex_digits[bytes[i] & 15];
		to[2] = '\0';
		out->length += 2;
		after_run = run >= RUN_MIN;
		if (after_run) {
			text_char(out, '*');
			text_decimal(out, run);
			i += run;
		} else {
			i++;
		}
		start = false;
	}
}

void text_set(struct text *out, const struct value_set *set, uint64_t value)
{
	const struct name_value *entry;
	size_t cursor = 0;
	bool any = false;

	while (set && (entry = value_set_take(set, &value, &cursor))) {
		if (any)
			text_char(out, '|');
		text_puts(out, entry->name);
		any = true;
	}
	if (any && !value)
		return;
	if (any)
		text_char(out, '|');
	if (value)
		text_hex(out, value);
	else
		text_char(out, '0');
}

void text_enum(struct text *out, const struct value_set *set, uint64_t value)
{
	for (size_t i = 0; set && i < set->count; i++) {
		if (set->entries[i].value == value) {
			text_puts(out, set->entries[i].name);
			return;
		}
	}
	text_hex(out, value);
}
