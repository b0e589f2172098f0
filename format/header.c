/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The header of a trace: its version line and `key: value` lines.
 */
#include <inttypes.h>

#include "scan.h"

#define MAGIC		"vfiosim-trace"
#define PAGE_SIZE_USUAL 4096
#define PAGE_SIZE_LEAST 1024
#define PAGE_SIZE_MOST	(1u << 30)

/* Keys that have one text each. */
static const struct key {
	const char *name;
	size_t offset;
	bool quoted; /* printed in quotes even if it need not be */
} keys[] = {
    {"kernel", offsetof(struct trace_header, kernel), false},
    {"arch", offsetof(struct trace_header, arch), false},
    {"machine", offsetof(struct trace_header, machine), false},
    {"profile", offsetof(struct trace_header, profile), false},
    {"program", offsetof(struct trace_header, program), true},
};

#define KEY_COUNT      (sizeof(keys) / sizeof(keys[0]))
#define SEEN_PAGE_SIZE (1u << KEY_COUNT)

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '#';
}

/* Whether @value can stand without quotes. In a name there are, besides, no blanks and no '='. */
static bool value_is_plain(const char *value, bool name)
{
	size_t length = strlen(value);

	if (length == 0 || value[0] == '"' || value[0] == ' ' || value[length - 1] == ' ')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_plain(value[i]) || (name && (value[i] == ' ' || value[i] == '=')))
			return false;
	}
	return true;
}

static void print_value(struct text *out, const char *value, bool quoted, bool name)
{
	if (quoted || !value_is_plain(value, name))
		text_quoted(out, value, strlen(value));
	else
		text_puts(out, value);
}

/* Lines that the header is printed as, if it is counted. */
static uint64_t header_lines(const struct trace_header *header)
{
	uint64_t lines = 3 + header->field_count; /* version, page size, the count itself */

	for (size_t i = 0; i < KEY_COUNT; i++)
		lines += *((const char *)header + keys[i].offset) != '\0';
	return lines;
}

static void print_key(struct text *out, const struct trace_header *header, size_t i)
{
	const char *value = (const char *)header + keys[i].offset;

	if (!value[0])
		return;
	text_puts(out, keys[i].name);
	text_append(out, ": ", 2);
	print_value(out, value, keys[i].quoted, false);
	text_char(out, '\n');
}

void header_print(struct text *out, const struct trace_header *header)
{
	text_puts(out, MAGIC " ");
	text_decimal(out, header->version);
	text_char(out, '\n');
	for (size_t i = 0; i < KEY_COUNT; i++) {
		print_key(out, header, i);
		/* The page size belongs to the machine: right behind its architecture. */
		if (keys[i].offset == offsetof(struct trace_header, arch)) {
			text_puts(out, "page-size: ");
			text_decimal(out, header->page_size);
			text_char(out, '\n');
		}
	}
	for (uint32_t i = 0; i < header->field_count; i++) {
		text_puts(out, "field: ");
		print_value(out, header->fields[i].name, false, true);
		text_append(out, " = ", 3);
		print_value(out, header->fields[i].value, false, false);
		text_char(out, '\n');
	}
	if (header->counted) {
		text_puts(out, "counted: ");
		text_decimal(out, header_lines(header));
		text_char(out, '\n');
	}
	text_char(out, '\n');
}

static bool page_size_is_good(uint64_t size)
{
	return size >= PAGE_SIZE_LEAST && size <= PAGE_SIZE_MOST && (size & (size - 1)) == 0;
}

const char *header_fault(const struct trace_header *header)
{
	if (header->version != TRACE_VERSION)
		return "the version is not one that can be written";
	if (!page_size_is_good(header->page_size))
		return "the page size is not a power of two from 1024 on";
	if (header->field_count > TRACE_FIELDS_MAX)
		return "there are too many profile fields";
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (!memchr((const char *)header + keys[i].offset, '\0', TRACE_TEXT_MAX))
			return "a value has no end";
	}
	for (uint32_t i = 0; i < header->field_count; i++) {
		if (!memchr(header->fields[i].name, '\0', sizeof(header->fields[i].name)) ||
		    !memchr(header->fields[i].value, '\0', sizeof(header->fields[i].value)))
			return "a profile field has no end";
		for (uint32_t j = 0; j < i; j++) {
			if (strcmp(header->fields[i].name, header->fields[j].name) == 0)
				return "a profile field is there twice";
		}
	}
	return NULL;
}

/* A value into @to (@size bytes): quoted, or plain up to the end of the line or, in a name, up to a blank or '='. */
static const char *parse_value(struct parser *parser, const char *s, char *to, size_t size, bool name)
{
	const char *start = s, *text = s;
	size_t length;

	if (*s == '"') {
		s = scan_string(parser, s, size - 1, &text, &length);
		if (!s)
			return NULL;
		if (memchr(text, '\0', length))
			return scan_expected(parser, start, "a string without \\x00");
	} else {
		while (is_plain(*s) && !(name && (*s == ' ' || *s == '=')))
			s++;
		for (length = (size_t)(s - start); length && start[length - 1] == ' '; length--)
			;
		if (length >= size)
			return scan_expected(parser, start, "a value of at most %zu bytes", size - 1);
		if (name && length == 0)
			return scan_expected(parser, start, "the name of a profile field");
	}
	memcpy(to, text, length);
	to[length] = '\0';
	return s;
}

static const char *parse_profile_field(struct parser *parser, const char *s, struct trace_header *header)
{
	uint32_t count = header->field_count;
	const char *start = s;

	if (count == TRACE_FIELDS_MAX)
		return scan_expected(parser, s, "at most %d profile fields", TRACE_FIELDS_MAX);
	s = parse_value(parser, s, header->fields[count].name, sizeof(header->fields[count].name), true);
	if (s)
		s = scan_char(parser, s, '=');
	if (s)
		s = parse_value(parser, s, header->fields[count].value, sizeof(header->fields[count].value), false);
	if (!s)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(header->fields[i].name, header->fields[count].name) == 0)
			return scan_expected(parser, start, "each profile field once only");
	}
	header->field_count++;
	return s;
}

static const char *parse_page_size(struct parser *parser, const char *s, struct trace_header *header)
{
	const char *start = s;
	uint64_t value;

	s = scan_number(parser, s, PAGE_SIZE_MOST, &value);
	if (!s)
		return NULL;
	if (!page_size_is_good(value))
		return scan_expected(parser, start, "a page size that is a power of two from %d on", PAGE_SIZE_LEAST);
	header->page_size = (uint32_t)value;
	return s;
}

/* The last line of the header says how many lines that is. */
static const char *parse_counted(struct parser *parser, const char *s, const struct header_state *state,
				 struct trace_header *header)
{
	const char *start = s;
	uint64_t lines;

	s = scan_number(parser, s, UINT64_MAX, &lines);
	if (!s)
		return NULL;
	if (lines != state->lines)
		return scan_expected(parser, start, "%" PRIu64 ", as many as the header has lines", state->lines);
	header->counted = true;
	return s;
}

static bool is_key(const char *name, const char *s, size_t length)
{
	return strncmp(name, s, length) == 0 && name[length] == '\0';
}

/* The line `KEY: VALUE`; @length is that of the key, @s where the value begins. */
static const char *parse_key(struct parser *parser, const char *key, size_t length, const char *s,
			     struct header_state *state, struct trace_header *header)
{
	uint32_t bit = 0;
	size_t i;

	state->lines++;
	if (header->counted)
		return scan_expected(parser, key, "a run or an event, as \"counted\" is the header's last line");
	if (is_key("counted", key, length))
		return parse_counted(parser, s, state, header);
	if (is_key("field", key, length))
		return parse_profile_field(parser, s, header);
	if (is_key("page-size", key, length)) {
		bit = SEEN_PAGE_SIZE;
		s = parse_page_size(parser, s, header);
	} else {
		for (i = 0; i < KEY_COUNT && !is_key(keys[i].name, key, length); i++)
			;
		if (i == KEY_COUNT)
			return scan_expected(
			    parser, key,
			    "kernel, arch, page-size, machine, profile, program, field, counted, or a run or an event");
		bit = 1u << i;
		s = parse_value(parser, s, (char *)header + keys[i].offset, TRACE_TEXT_MAX, false);
	}
	if (state->seen & bit)
		return scan_expected(parser, key, "this key once only");
	state->seen |= bit;
	return s;
}

static const char *parse_version(struct parser *parser, const char *s, struct trace_header *header)
{
	const char *start;
	uint64_t version;

	if (parser->end - s < (ptrdiff_t)sizeof(MAGIC) || memcmp(s, MAGIC " ", sizeof(MAGIC)) != 0)
		return scan_expected(parser, s, "\"" MAGIC " %d\"", TRACE_VERSION);
	start = s + sizeof(MAGIC);
	s = scan_number(parser, start, UINT32_MAX, &version);
	if (!s)
		return NULL;
	if (version != TRACE_VERSION)
		return scan_expected(parser, start, "version %d, the only one that is known", TRACE_VERSION);
	header->version = (uint32_t)version;
	header->page_size = PAGE_SIZE_USUAL;
	return s;
}

/* The length of the key that a header line begins with; 0 if it does not look like one. */
static size_t key_length(const char *s)
{
	size_t length = 0;

	while (scan_is_word(s[length]) || s[length] == '-')
		length++;
	return !scan_is_digit(s[0]) && s[length] == ':' ? length : 0;
}

enum header_line header_parse_line(struct parser *parser, struct header_state *state, struct trace_header *header)
{
	const char *s = parser->line;

	arena_reset(parser->arena);
	if (!state->started) {
		s = parse_version(parser, s, header);
		state->started = true;
		state->lines = 1;
	} else {
		size_t length;

		s = scan_blank(s);
		if (*s == '#' || s == parser->end)
			return HEADER_LINE;
		length = key_length(s);
		if (!length)
			return HEADER_OVER;
		s = parse_key(parser, s, length, scan_blank(s + length + 1), state, header);
	}
	if (s)
		s = scan_end(parser, s);
	return s ? HEADER_LINE : HEADER_ERROR;
}

/* A quoted string of a run's line, into @to. Returns its end, or NULL. */
static const char *run_parse_text(struct parser *parser, const char *s, char *to)
{
	const char *start = s, *text;
	size_t length;

	s = scan_string(parser, s, TRACE_TEXT_MAX - 1, &text, &length);
	if (s && memchr(text, '\0', length))
		return scan_expected(parser, start, "a string without \\x00");
	if (s)
		memcpy(to, text, length + 1);
	return s;
}

int run_parse_line(struct parser *parser, char *name, char *reason)
{
	static const char mark[] = "destructive";
	const char *s = scan_blank(parser->line);

	arena_reset(parser->arena);
	reason[0] = '\0';
	s = run_parse_text(parser, scan_blank(s + strlen("run")), name);
	if (!s)
		return -1;
	s = scan_blank(s);
	if (strncmp(s, mark, sizeof(mark) - 1) == 0) {
		const char *start = scan_blank(s + sizeof(mark) - 1);

		s = run_parse_text(parser, start, reason);
		if (s && !reason[0])
			s = scan_expected(parser, start, "a reason");
	}
	return s && scan_end(parser, s) ? 0 : -1;
}

int count_parse_line(struct parser *parser, size_t length, uint64_t *count)
{
	const char *s = scan_blank(scan_blank(parser->line) + length);

	s = scan_number(parser, s, UINT64_MAX, count);
	return s && scan_end(parser, s) ? 0 : -1;
}
