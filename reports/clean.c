/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the cleaning of texts: names of files and consoles of dying kernels hold any
 * bytes, JSON and HTML only valid UTF-8, and terminals obey control characters.
 */
#include <stdlib.h>
#include <string.h>

#include "reports/report.h"

/* The length in bytes of the valid, printable UTF-8 character at @text; 0 if there is none. */
static size_t character_length(const unsigned char *text)
{
	size_t length = 0;
	uint32_t value = 0;
	uint32_t smallest = 0;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	if ((text[0] & 0xe0) == 0xc0) {
		length = 2;
		value = text[0] & 0x1f;
		smallest = 0x80;
	} else if ((text[0] & 0xf0) == 0xe0) {
		length = 3;
		value = text[0] & 0x0f;
		smallest = 0x800;
	} else if ((text[0] & 0xf8) == 0xf0) {
		length = 4;
		value = text[0] & 0x07;
		smallest = 0x10000;
	}
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	/* Too long a form, a surrogate, beyond the end, a C1 control, or text that runs backwards. */
	if (value < smallest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) || value < 0xa0)
		return 0;
	if ((value >= 0x202a && value <= 0x202e) || (value >= 0x2066 && value <= 0x2069))
		return 0;
	return length;
}

char *report_clean(const char *text, bool newlines)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = (const unsigned char *)text;
	char *clean = malloc(4 * strlen(text) + 1);
	char *to = clean;

	if (!clean)
		return NULL;
	while (*from) {
		size_t length = newlines && *from == '\n' ? 1 : character_length(from);

		if (length > 0) {
			memcpy(to, from, length);
			to += length;
			from += length;
		} else {
			to[0] = '\\';
			to[1] = 'x';
			to[2] = digits[*from >> 4];
			to[3] = digits[*from & 0xf];
			to += 4;
			from++;
		}
	}
	*to = '\0';
	return clean;
}
