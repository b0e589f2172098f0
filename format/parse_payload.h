/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What parse_payload.c, parse_struct.c and parse_caps.c share: a payload in the making.
 */
#ifndef VFIOSIM_PARSE_PAYLOAD_H
#define VFIOSIM_PARSE_PAYLOAD_H

#include "scan.h"

/*
 * The bytes move when they grow, so places in them are offsets. A body without a given
 * length begins as long as its struct and grows with the elements that are listed.
 */
struct body {
	uint8_t *bytes;
	uint32_t length;
	bool grows;
};

/* What a list of members belongs to, and so what may stand in it besides fields. */
enum members_of {
	MEMBERS_OF_PAYLOAD,    /* the flexible array and the rest */
	MEMBERS_OF_CAPABILITY, /* the flexible array */
	MEMBERS_OF_ELEMENT,    /* nothing */
};

/*
 * Members NAME=VALUE of @desc, which lies at @base, up to '}' or "=>". Fields before offset @from do not
 * count. *@end (if any was listed) becomes the end of the flexible array.
 */
const char *members_parse(struct parser *parser, const char *s, const struct struct_desc *desc, uint32_t from,
			  enum members_of what, struct body *body, uint32_t base, uint32_t *end);

/* The value of the member `caps` of @desc. */
const char *caps_parse(struct parser *parser, const char *s, const struct struct_desc *desc, struct body *body);

/* [LENGTH:]{...}. */
const char *struct_parse(struct parser *parser, const char *s, const struct struct_desc *desc, struct buffer *buffer);

/* hex(...) without =>, exactly @length bytes, to offset @offset of @body; or with @at_most up to that many. */
const char *body_parse_hex(struct parser *parser, const char *s, struct body *body, uint32_t offset, uint32_t length,
			   bool at_most, uint32_t *end);

/* Makes @body at least @end bytes long. False when memory is out; limits are the caller's. */
bool body_reach(const struct parser *parser, struct body *body, uint32_t end);

/* How far @body can reach. */
static inline uint32_t body_limit(const struct body *body)
{
	return body->grows ? CALL_PAYLOAD_MAX : body->length;
}

/* True if @s begins with @name and an equals sign; then *@s is moved behind these. */
static inline bool scan_member(const char **s, const char *name)
{
	const char *at = *s;

	while (*name && *name == *at) {
		name++;
		at++;
	}
	if (*name || scan_is_word(*at))
		return false;
	at = scan_blank(at);
	if (*at != '=' || at[1] == '>')
		return false;
	*s = scan_blank(at + 1);
	return true;
}

#endif
