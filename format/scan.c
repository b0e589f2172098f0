/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Scanning: numbers, names, strings and bytes of a line, and what to say about bad ones.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "scan.h"

#define DIGIT	   (SCAN_WORD | SCAN_DIGIT | SCAN_HEX)
#define HEX_LETTER (SCAN_WORD | SCAN_HEX)

const uint8_t scan_class[256] = {
    ['0' ... '9'] = DIGIT,     ['a' ... 'f'] = HEX_LETTER, ['A' ... 'F'] = HEX_LETTER,
    ['g' ... 'z'] = SCAN_WORD, ['G' ... 'Z'] = SCAN_WORD,  ['_'] = SCAN_WORD,
};

const uint8_t scan_nibble[256] = {
    ['0'] = 0,	['1'] = 1,  ['2'] = 2,	['3'] = 3,  ['4'] = 4,	['5'] = 5,  ['6'] = 6,	['7'] = 7,
    ['8'] = 8,	['9'] = 9,  ['a'] = 10, ['b'] = 11, ['c'] = 12, ['d'] = 13, ['e'] = 14, ['f'] = 15,
    ['A'] = 10, ['B'] = 11, ['C'] = 12, ['D'] = 13, ['E'] = 14, ['F'] = 15,
};

static uint32_t column(const struct parser *parser, const char *s)
{
	return (uint32_t)(s - parser->line) + 1;
}

const char *scan_expected(const struct parser *parser, const char *s, const char *format, ...)
{
	char expected[DIAG_TEXT_MAX - 64], found[32];
	unsigned char c = (unsigned char)*s;
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	if (s >= parser->end)
		snprintf(found, sizeof(found), "the end of the line");
	else if (c > 0x20 && c < 0x7f)
		snprintf(found, sizeof(found), "'%c'", c);
	else if (c == ' ')
		snprintf(found, sizeof(found), "a space");
	else
		snprintf(found, sizeof(found), "byte 0x%02x", c);
	diag_set(parser->diag, parser->name, parser->number, column(parser, s), "expected %s, found %s", expected,
		 found);
	return NULL;
}

const char *scan_no_memory(const struct parser *parser, const char *s)
{
	diag_set(parser->diag, parser->name, parser->number, column(parser, s), "out of memory");
	return NULL;
}

/* The digits at @s in base 10 or, after 0x, in base 16; false when they are more than 64 bits. */
static const char *scan_digits(const char *s, uint64_t *value, bool *overflow)
{
	uint64_t number = 0;

	*overflow = false;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && scan_is_hex(s[2])) {
		for (s += 2; scan_is_hex(*s); s++) {
			*overflow |= number >> 60 != 0;
			number = number << 4 | scan_nibble[(unsigned char)*s];
		}
	} else {
		for (; scan_is_digit(*s); s++) {
			unsigned digit = (unsigned)(*s - '0');

			*overflow |= number > (UINT64_MAX - digit) / 10;
			number = number * 10 + digit;
		}
	}
	*value = number;
	return s;
}

const char *scan_number(const struct parser *parser, const char *s, uint64_t limit, uint64_t *value)
{
	const char *start = s;
	bool overflow;

	if (!scan_is_digit(*s))
		return scan_expected(parser, s, "a number");
	s = scan_digits(s, value, &overflow);
	if (overflow || *value > limit)
		return scan_expected(parser, start, "a number of at most %" PRIu64, limit);
	if (scan_is_word(*s))
		return scan_expected(parser, s, "the end of the number");
	return s;
}

const char *scan_signed(const struct parser *parser, const char *s, unsigned width, uint64_t *value)
{
	uint64_t most = UINT64_C(1) << (8 * width - 1);

	if (*s != '-')
		return scan_number(parser, s, width_max(width), value);
	s = scan_number(parser, s + 1, most, value);
	if (s)
		*value = -*value;
	return s;
}

/* One name of @set, or a number. */
static const char *scan_named(const struct parser *parser, const char *s, const struct value_set *set, uint64_t limit,
			      uint64_t *value)
{
	const char *start = s;

	if (scan_is_digit(*s) || !set)
		return scan_number(parser, s, limit, value);
	while (scan_is_word(*s))
		s++;
	if (s == start)
		return scan_expected(parser, start, "a name or a number");
	if (!value_set_find(set, start, (size_t)(s - start), value))
		return scan_expected(parser, start, "a number or a name of the values \"%s\" (%s, ...)", set->name,
				     set->entries[0].name);
	if (*value > limit)
		return scan_expected(parser, start, "a value of at most %" PRIu64, limit);
	return s;
}

const char *scan_set(const struct parser *parser, const char *s, const struct value_set *set, uint64_t limit,
		     uint64_t *value)
{
	uint64_t all = 0, one;

	for (;;) {
		s = scan_named(parser, s, set, limit, &one);
		if (!s)
			return NULL;
		all |= one;
		if (*s != '|')
			break;
		s++;
	}
	*value = all;
	return s;
}

const char *scan_enum(const struct parser *parser, const char *s, const struct value_set *set, uint64_t limit,
		      uint64_t *value)
{
	return scan_named(parser, s, set, limit, value);
}

/* What is behind a backslash, at @s, into @byte. */
static const char *scan_escape(const struct parser *parser, const char *s, char *byte)
{
	switch (*s) {
	case '"':
	case '\\':
		*byte = *s;
		return s + 1;
	case 'n':
		*byte = '\n';
		return s + 1;
	case 'r':
		*byte = '\r';
		return s + 1;
	case 't':
		*byte = '\t';
		return s + 1;
	case 'x':
		for (int i = 1; i <= 2; i++) {
			if (!scan_is_hex(s[i]))
				return scan_expected(parser, s + i, "two hex digits after \\x");
		}
		*byte = (char)(scan_nibble[(unsigned char)s[1]] << 4 | scan_nibble[(unsigned char)s[2]]);
		return s + 3;
	default:
		return scan_expected(parser, s, "one of \" \\ n r t x after a backslash");
	}
}

const char *scan_string(const struct parser *parser, const char *s, size_t limit, const char **string, size_t *length)
{
	const char *start = s, *close;
	char *to, *text;

	if (*s != '"')
		return scan_expected(parser, s, "'\"'");
	s++;
	for (close = s; *close != '"' && close < parser->end; close++) {
		if (*close == '\\' && close + 1 < parser->end)
			close++;
	}
	/* A string is never longer than how it is written. */
	to = text = (char *)arena_take(parser->arena, (size_t)(close - s) + 1);
	if (!text)
		return scan_no_memory(parser, start);
	while (*s != '"') {
		unsigned char c = (unsigned char)*s;

		if (c == '\\') {
			s = scan_escape(parser, s + 1, to);
			if (!s)
				return NULL;
		} else if (c < 0x20 || c == 0x7f) {
			return scan_expected(parser, s, "'\"' or another printable character");
		} else {
			*to = *s++;
		}
		to++;
		if ((size_t)(to - text) > limit)
			return scan_expected(parser, start, "a string of at most %zu bytes", limit);
	}
	*to = '\0';
	*string = text;
	*length = (size_t)(to - text);
	return s + 1;
}

const char *scan_count(const struct parser *parser, const char *s, uint32_t limit, uint32_t *count)
{
	uint64_t value = 1;

	if (*s == '*') {
		const char *start = s + 1;

		s = scan_number(parser, start, limit, &value);
		if (s && value == 0)
			return scan_expected(parser, start, "a count of at least 1");
	}
	*count = (uint32_t)value;
	return s;
}

const char *scan_bytes(const struct parser *parser, const char *s, uint32_t limit, uint8_t **bytes, uint32_t *length)
{
	uint8_t *data = NULL;
	uint32_t size = 0;

	while (scan_is_hex(*s)) {
		const char *end = s;
		uint32_t pairs, count = 0;
		uint8_t byte = 0;

		while (scan_is_hex(*end))
			end++;
		if ((end - s) % 2)
			return scan_expected(parser, end, "a second hex digit");
		if ((size_t)(end - s) / 2 > limit - size)
			return scan_expected(parser, s + 2 * (size_t)(limit - size), "at most %" PRIu32 " bytes",
					     limit);
		pairs = (uint32_t)(end - s) / 2;
		end = scan_count(parser, end, limit - size - pairs + 1, &count);
		if (!end)
			return NULL;
		data = arena_extend(parser->arena, data, size, size + pairs + count - 1);
		if (!data)
			return scan_no_memory(parser, s);
		for (uint32_t i = 0; i < pairs; i++, s += 2) {
			byte = (uint8_t)(scan_nibble[(unsigned char)s[0]] << 4 | scan_nibble[(unsigned char)s[1]]);
			data[size++] = byte;
		}
		memset(data + size, byte, count - 1);
		size += count - 1;
		s = scan_blank(end);
	}
	*bytes = data;
	*length = size;
	return s;
}

const char *scan_end(const struct parser *parser, const char *s)
{
	s = scan_blank(s);
	if (s != parser->end && *s != '#')
		return scan_expected(parser, s, "the end of the line");
	return parser->end;
}
