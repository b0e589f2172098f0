/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Scanning: the pieces that lines are made of.
 *
 * Each function takes the place where a piece should begin and returns the place
 * behind it, or NULL after it has filled the parser's diag. No function looks at
 * lengths: the newline at the end of the line is part of no piece and stops them all.
 */
#ifndef VFIOSIM_SCAN_H
#define VFIOSIM_SCAN_H

#include "format_internal.h"

enum { SCAN_WORD = 1, SCAN_DIGIT = 2, SCAN_HEX = 4 };

extern const uint8_t scan_class[256];
extern const uint8_t scan_nibble[256]; /* value of a hex digit */

/* Letters, digits and underscore. */
static inline bool scan_is_word(char c)
{
	return scan_class[(unsigned char)c] & SCAN_WORD;
}

static inline bool scan_is_digit(char c)
{
	return scan_class[(unsigned char)c] & SCAN_DIGIT;
}

static inline bool scan_is_hex(char c)
{
	return scan_class[(unsigned char)c] & SCAN_HEX;
}

/* Spaces may stand between any two pieces. */
static inline const char *scan_blank(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

static inline bool scan_is_arrow(const char *s)
{
	return s[0] == '=' && s[1] == '>';
}

/* True if @s begins with "hex(". */
static inline bool scan_is_hex_call(const char *s)
{
	return s[0] == 'h' && s[1] == 'e' && s[2] == 'x' && s[3] == '(';
}

/* "expected WHAT, found ..." at @s; returns NULL. */
const char *scan_expected(const struct parser *parser, const char *s, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Memory is out; returns NULL. */
const char *scan_no_memory(const struct parser *parser, const char *s) __attribute__((cold));

/* The character @c, with blanks around it. */
static inline const char *scan_char(const struct parser *parser, const char *s, char c)
{
	s = scan_blank(s);
	if (*s != c)
		return scan_expected(parser, s, "'%c'", c);
	return scan_blank(s + 1);
}

/* Digits, or 0x and hex digits, of at most @limit. */
const char *scan_number(const struct parser *parser, const char *s, uint64_t limit, uint64_t *value);

/* The same, or a decimal number with a minus sign, as @width bytes of two's complement. */
const char *scan_signed(const struct parser *parser, const char *s, unsigned width, uint64_t *value);

/* NAME|NAME|NUMBER of a flag set, or NAME or NUMBER of an enumeration; @set may be NULL. */
const char *scan_set(const struct parser *parser, const char *s, const struct value_set *set, uint64_t limit,
		     uint64_t *value);
const char *scan_enum(const struct parser *parser, const char *s, const struct value_set *set, uint64_t limit,
		      uint64_t *value);

/* A quoted string of at most @limit bytes, into memory of the arena, with a NUL behind it. */
const char *scan_string(const struct parser *parser, const char *s, size_t limit, const char **string, size_t *length);

/* Hex digits in pairs, with runs XX*COUNT, of at most @limit bytes, into memory of the arena. */
const char *scan_bytes(const struct parser *parser, const char *s, uint32_t limit, uint8_t **bytes, uint32_t *length);

/* "*COUNT" behind an element, at most @limit; 1 where there is none. */
const char *scan_count(const struct parser *parser, const char *s, uint32_t limit, uint32_t *count);

/* Nothing more but a comment. */
const char *scan_end(const struct parser *parser, const char *s);

static inline uint64_t width_max(unsigned width)
{
	return UINT64_MAX >> (64 - 8 * width);
}

#endif
