/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of format/ share: the arena, the text buffer and the few facts
 * about payloads on which printer and parser must agree.
 */
#ifndef VFIOSIM_FORMAT_INTERNAL_H
#define VFIOSIM_FORMAT_INTERNAL_H

#include <string.h>

#include "vfiosim/call.h"
#include "vfiosim/trace.h"

/* A run of at least this many equal bytes or elements is written once, with its count. */
#define RUN_MIN 4

/* Capability headers: {u16 id, u16 version, u32 next}; a chain places them on multiples of 8. */
#define CAP_HEADER_SIZE	  8
#define CAP_ALIGN	  8
#define CAP_VERSION_USUAL 1

/* The word that names bytes of a payload which no field covers. */
#define REST_NAME "rest"

/*
 * Memory for one parsed event, all given back at once. It also remembers which names
 * the last lines used, because it is the one thing that lives from line to line.
 */
#define ARENA_MEMO 64

struct arena_block {
	struct arena_block *older;
	size_t capacity, used;
	uint8_t bytes[];
};

struct arena {
	struct arena_block *block; /* the newest; the only one with room */
	const struct ioctl_row *ioctls[ARENA_MEMO];
	unsigned errnos[ARENA_MEMO];
};

void arena_reset(struct arena *arena);

/* @size bytes, not cleared and not aligned; NULL when memory is out. */
uint8_t *arena_take(struct arena *arena, size_t size);

/*
 * Makes @bytes, the latest allocation, @size bytes long instead of @old_size. It may
 * move. @bytes may be NULL with an @old_size of 0. NULL when memory is out.
 */
uint8_t *arena_extend(struct arena *arena, uint8_t *bytes, size_t old_size, size_t size);

/* Room for @size more bytes and a NUL: where to write them, or NULL when memory ran out (now or before). */
char *text_room(struct text *out, size_t size);
void text_append(struct text *out, const char *bytes, size_t length);
void text_puts(struct text *out, const char *string);
void text_char(struct text *out, char c);
void text_decimal(struct text *out, uint64_t value);
void text_signed(struct text *out, int64_t value);
void text_hex(struct text *out, uint64_t value);
/* In quotes, with escapes. */
void text_quoted(struct text *out, const char *bytes, size_t length);
/* Pairs of hex digits, runs as XX*COUNT; no brackets. */
void text_bytes(struct text *out, const uint8_t *bytes, size_t length);
void text_set(struct text *out, const struct value_set *set, uint64_t value);
void text_enum(struct text *out, const struct value_set *set, uint64_t value);

/* A payload as a struct, or as hex(...). With @changed also what @buffer->out has that differs. */
void payload_print_struct(struct text *out, const struct struct_desc *desc, const struct buffer *buffer, bool changed);
void payload_print_hex(struct text *out, const struct buffer *buffer, bool changed);

/*
 * The capability chain behind the fixed part, or its bytes if they are no proper chain; with @was only if
 * something there differs from it.
 */
void caps_print(struct text *out, const struct struct_desc *desc, const uint8_t *was, const uint8_t *now,
		uint32_t length, bool *comma);

/*
 * Fields of @desc from offset @from on. With @was, fields that differ from it; else all, padding only when
 * not zero. @comma says, before and after, whether something stands in front of the next field.
 */
void fields_print(struct text *out, const struct struct_desc *desc, uint32_t from, const uint8_t *was,
		  const uint8_t *now, uint32_t length, bool *comma);

/* The whole elements of a flexible array in @length bytes from @bytes on, behind the fixed part: `NAME=[...]`. */
void flex_print(struct text *out, const struct struct_desc *desc, const uint8_t *bytes, uint32_t length, bool *comma);

/* True if the @length bytes at @now equal those at @was, or are all zero where @was is NULL. */
bool bytes_same(const uint8_t *was, const uint8_t *now, size_t length);

/* Bytes of one element of the flexible array of @desc; 0 where it has none. */
uint32_t flex_width(const struct struct_desc *desc);

/* Offset of the first byte of a payload of @length bytes that neither a whole field nor a whole element holds. */
uint32_t rest_offset(const struct struct_desc *desc, uint32_t length);

/* The "cap_offset" field of a struct with FLEX_CAPS; NULL if it has none. */
const struct field_desc *cap_offset_field(const struct struct_desc *desc);

/* The value set of an argument of @op, or NULL. */
const struct value_set *call_arg_set(enum call_op op, size_t arg);

/* What of an event is said in text: the buffers that count, and whether bytes were changed. */
uint32_t call_buffers(const struct call *call);
bool answer_changed(const struct answer *answer, const struct buffer *buffer);

/* A place in a line that is being read. @end points to the line's newline, which stops every scan. */
struct parser {
	const char *line, *end;
	struct arena *arena;
	const char *name;
	uint64_t number;
	struct diag *diag;
	const char *arrow; /* the first =>, which only a call that has returned can have; NULL before it */
};

/* Parses the line at @line, which ends with a newline at @line[@length], into @event. 0 or -1 with @diag. */
int event_parse_line(const char *line, size_t length, struct event *event, struct arena *arena, const char *name,
		     uint64_t line_number, struct diag *diag);

/* Memory of any kind: {...}, LENGTH:{...}, [INT], "STRING" (as the argument of @row has it) or hex(...). */
const char *payload_parse(struct parser *parser, const char *s, const struct ioctl_row *row, struct buffer *buffer);

/* State of a header that is being read line by line. */
struct header_state {
	uint64_t lines; /* so far, without blank ones and comments */
	uint32_t seen;	/* bit per key */
	bool started;	/* the version line was read */
};

enum header_line { HEADER_LINE, HEADER_OVER, HEADER_ERROR };

/* Takes one line of the header; HEADER_OVER, with @header complete, when the line is no header line. */
enum header_line header_parse_line(struct parser *parser, struct header_state *state, struct trace_header *header);

/* Null if @header can be written and read back, else what is wrong with it. */
const char *header_fault(const struct trace_header *header);

/* Parses `run "NAME"`, `run "NAME" destructive "REASON"`: TRACE_TEXT_MAX bytes each. 0 or -1 with the parser's diag. */
int run_parse_line(struct parser *parser, char *name, char *reason);

/* Parses a line that is a word of @length bytes and a number, into @count. 0 or -1 with the parser's diag. */
int count_parse_line(struct parser *parser, size_t length, uint64_t *count);

#endif
