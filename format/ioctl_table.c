/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The ioctl table as data: rows, argument layouts, value sets and capabilities,
 * expanded from the uapi .def files, and the few functions that look things up in it.
 *
 * Rows refer to structs, sets and chains by pasted names, so that one that is not there
 * does not compile; the rest that can go wrong is a static assert below.
 */
#include <string.h>

#include "vfiosim/ioctl.h"
#include "vfiosim/uapi.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Macros that open and close initializers: not for the formatter. */
/* clang-format off */

/* Indexes of the tables. */
enum set_index {
#define SET(set) SET_##set,
#include "vfiosim/uapi/sets.def"
	SET_COUNT
};

enum struct_index {
#define STRUCT(name, size, since) STRUCT_##name,
#include "vfiosim/uapi/structs.def"
	STRUCT_COUNT
};

enum row_index {
#define IOCTL(name, ...) ROW_##name,
#include "vfiosim/uapi/ioctls.def"
	ROW_COUNT
};

/* Value sets. */
#define SET(set) static const struct name_value entries_##set[] = {
#define VALUE(set, constant, value, shown) {shown, value},
#define LOCAL(set, value, shown) {shown, value},
#define SET_END(set) };
#include "vfiosim/uapi/sets.def"

static const struct value_set value_sets[SET_COUNT] = {
#define SET(set) [SET_##set] = {.name = #set, .entries = entries_##set, .count = COUNT(entries_##set),
#define NUMBER(set, mask, names) .number_mask = (mask), .numbers = &value_sets[SET_##names],
#define SET_END(set) },
#include "vfiosim/uapi/sets.def"
};

/* Structs. What a field or an argument may refer to depends on how it is shown; all else must say `none`. */
#define NOTHING_none NULL
#define SET_OF_SHOW_DEC(set) NOTHING_##set
#define SET_OF_SHOW_SIGNED(set) NOTHING_##set
#define SET_OF_SHOW_HEX(set) NOTHING_##set
#define SET_OF_SHOW_ADDR(set) NOTHING_##set
#define SET_OF_SHOW_FD(set) NOTHING_##set
#define SET_OF_SHOW_SET(set) &value_sets[SET_##set]
#define SET_OF_SHOW_ENUM(set) &value_sets[SET_##set]
#define SET_OF_SHOW_PAD(set) NOTHING_##set

#define STRUCT_OF_FLEX_BYTES(what) NOTHING_##what
#define STRUCT_OF_FLEX_U32(what) NOTHING_##what
#define STRUCT_OF_FLEX_S32(what) NOTHING_##what
#define STRUCT_OF_FLEX_STRUCT(what) &struct_table[STRUCT_##what]
#define STRUCT_OF_FLEX_CAPS(what) NULL
#define STRUCT_OF_FLEX_CHOICE(what) NULL

#define CAPS_OF_FLEX_BYTES(what) NULL
#define CAPS_OF_FLEX_U32(what) NULL
#define CAPS_OF_FLEX_S32(what) NULL
#define CAPS_OF_FLEX_STRUCT(what) NULL
#define CAPS_OF_FLEX_CAPS(what) caps_##what
#define CAPS_OF_FLEX_CHOICE(what) NULL

#define CHOICES_OF_FLEX_BYTES(what)
#define CHOICES_OF_FLEX_U32(what)
#define CHOICES_OF_FLEX_S32(what)
#define CHOICES_OF_FLEX_STRUCT(what)
#define CHOICES_OF_FLEX_CAPS(what)
#define CHOICES_OF_FLEX_CHOICE(what) .choices = choices_##what, .choice_offset = CHOICE_OFFSET_##what,

static const struct struct_desc struct_table[STRUCT_COUNT];

#define CAPS(chain) static const struct cap_desc caps_##chain[] = {
#define CAP(chain, number, shown, what) {number, shown, &struct_table[STRUCT_##what]},
#define CAPS_END(chain) {0, NULL, NULL}};
#include "vfiosim/uapi/structs.def"

#define CHOICES(choice, position) enum { CHOICE_OFFSET_##choice = (position) }; \
	static const struct struct_choice choices_##choice[] = {
#define CHOICE(choice, number, what) {number, &struct_table[STRUCT_##what]},
#define CHOICES_END(choice) {0, NULL}};
#include "vfiosim/uapi/structs.def"

#define STRUCT(name, bytes, since) static const struct field_desc fields_##name[] = {
#define FIELD(owner, type, member, kernel_member, position, how, names, since) \
	{#member, position, sizeof(type), 1, how, SET_OF_##how(names)},
#define ARRAY(owner, type, elements, member, kernel_member, position, how, names, since) \
	{#member, position, sizeof(type), elements, how, SET_OF_##how(names)},
#define END(name) };
#include "vfiosim/uapi/structs.def"

static const struct struct_desc struct_table[STRUCT_COUNT] = {
#define STRUCT(struct_name, bytes, since) \
	[STRUCT_##struct_name] = { \
		.name = #struct_name, \
		.size = bytes, \
		.fields = fields_##struct_name, \
		.field_count = COUNT(fields_##struct_name),
#define FLEX(owner, type, member, position, how, what, since) \
		.flex = how, \
		.flex_name = #member, \
		.flex_struct = STRUCT_OF_##how(what), \
		.caps = CAPS_OF_##how(what), \
		CHOICES_OF_##how(what)
#define END(struct_name) },
#include "vfiosim/uapi/structs.def"
};

/* Every byte is some field's: no implicit padding that a load or store would skip. */
#define STRUCT(name, bytes, since) enum { FIELD_BYTES_##name = 0
#define FIELD(owner, type, ...) +sizeof(type)
#define ARRAY(owner, type, count, ...) +sizeof(type) * (count)
#define END(name) }; _Static_assert(FIELD_BYTES_##name == sizeof(struct name), "gap in struct " #name);
#include "vfiosim/uapi/structs.def"

/* Rows. */
#define VERSION_v5_10 "5.10"
#define VERSION_v6_1 "6.1"
#define VERSION_v6_12 "6.12"
#define VERSION_v7_2 "7.2"
#define VERSION_now ""
#define VERSION_proposal "proposal"

#define LAYOUT_OF_ARG_NONE(what) NOTHING_##what
#define LAYOUT_OF_ARG_VALUE(what) NULL
#define LAYOUT_OF_ARG_INT(what) NOTHING_##what
#define LAYOUT_OF_ARG_STRING(what) NOTHING_##what
#define LAYOUT_OF_ARG_STRUCT(what) &struct_table[STRUCT_##what]

#define VALUES_OF_ARG_NONE(what) NULL
#define VALUES_OF_ARG_VALUE(what) &value_sets[SET_##what]
#define VALUES_OF_ARG_INT(what) NULL
#define VALUES_OF_ARG_STRING(what) NULL
#define VALUES_OF_ARG_STRUCT(what) NULL

const struct ioctl_row ioctl_table[] = {
#define IOCTL(ioctl, n, who, kind, way, what, least, first, last, handler, text) \
	[ROW_##ioctl] = { \
		.name = #ioctl, \
		.number = VFIO_IOCTL_NUMBER(n), \
		.owner = who, \
		.arg = kind, \
		.direction = way, \
		.layout = LAYOUT_OF_##kind(what), \
		.values = VALUES_OF_##kind(what), \
		.minsz = least, \
		.since = VERSION_##first, \
		.until = VERSION_##last, \
		.summary = text, \
	},
#include "vfiosim/uapi/ioctls.def"
};

const size_t ioctl_count = ROW_COUNT;

const char *const ioctl_owner_names[OWNER_COUNT] = {
	[OWNER_CONTAINER] = "container",
	[OWNER_TYPE1] = "type1",
	[OWNER_SPAPR] = "spapr",
	[OWNER_TCE_PUT] = "tce-put",
	[OWNER_IOMMUFD] = "iommufd",
	[OWNER_GROUP] = "group",
	[OWNER_DEVICE] = "device",
	[OWNER_MIGRATION] = "migration",
};

/* Where the ioctls of a descriptor of this owner are looked for next; itself: nowhere. */
static const enum ioctl_owner wider_owner[OWNER_COUNT] = {
	[OWNER_CONTAINER] = OWNER_CONTAINER,
	[OWNER_TYPE1] = OWNER_CONTAINER,
	[OWNER_SPAPR] = OWNER_TYPE1,
	[OWNER_TCE_PUT] = OWNER_CONTAINER,
	[OWNER_IOMMUFD] = OWNER_TYPE1,
	[OWNER_GROUP] = OWNER_GROUP,
	[OWNER_DEVICE] = OWNER_DEVICE,
	[OWNER_MIGRATION] = OWNER_MIGRATION,
};
_Static_assert(OWNER_MIGRATION + 1 == OWNER_COUNT, "a new owner needs a name and a place in wider_owner");

/* 1 + the row of an owner's number. Two rows in one place override each other: always an error. */
#pragma GCC diagnostic error "-Woverride-init"
#define NUMBER_SPAN 64
static const uint8_t row_of_number[OWNER_COUNT][NUMBER_SPAN] = {
#define IOCTL(name, n, owner, ...) [owner][n] = 1 + ROW_##name,
#include "vfiosim/uapi/ioctls.def"
};

/* Lengths of the names, in the order of the rows: few rows share one, and bytes are searched fast. */
static const uint8_t name_lengths[] = {
#define IOCTL(name, ...) sizeof(#name) - 1,
#include "vfiosim/uapi/ioctls.def"
};

#define SIZE_OF_ARG_NONE(what) 0
#define SIZE_OF_ARG_VALUE(what) 0
#define SIZE_OF_ARG_INT(what) 0
#define SIZE_OF_ARG_STRING(what) 0
#define SIZE_OF_ARG_STRUCT(what) sizeof(struct what)

_Static_assert(ROW_COUNT < UINT8_MAX, "a row index must fit row_of_number");
#define IOCTL(name, n, owner, arg, direction, layout, minsz, ...) \
	_Static_assert((n) < NUMBER_SPAN, #name ": number beyond row_of_number"); \
	_Static_assert((minsz) <= SIZE_OF_##arg(layout), #name ": minsz is more than the struct has"); \
	_Static_assert(sizeof(#name) - 1 <= UINT8_MAX, #name ": name too long for name_lengths");
#include "vfiosim/uapi/ioctls.def"

/* clang-format on */

const struct ioctl_row *ioctl_by_name(const char *name, size_t length)
{
	if (length > UINT8_MAX)
		return NULL;
	const uint8_t *found = name_lengths;
	const uint8_t *end = name_lengths + ROW_COUNT;
	while ((found = memchr(found, (int)length, (size_t)(end - found))) != NULL) {
		const struct ioctl_row *row = &ioctl_table[found - name_lengths];
		if (memcmp(row->name, name, length) == 0)
			return row;
		found++;
	}
	return NULL;
}

const struct ioctl_row *ioctl_by_number(uint32_t number, enum ioctl_owner owner)
{
	uint32_t n = number - VFIO_IOCTL_NUMBER(0);

	if (n >= NUMBER_SPAN || (unsigned)owner >= OWNER_COUNT)
		return NULL;
	while (row_of_number[owner][n] == 0) {
		if (wider_owner[owner] == owner)
			return NULL;
		owner = wider_owner[owner];
	}
	return &ioctl_table[row_of_number[owner][n] - 1];
}

/* Whether the string @text is the @length bytes at @name. */
static bool is_name(const char *text, const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\0' || text[i] != name[i])
			return false;
	}
	return text[length] == '\0';
}

const struct struct_desc *struct_by_name(const char *name, size_t length)
{
	for (size_t i = 0; i < STRUCT_COUNT; i++) {
		if (is_name(struct_table[i].name, name, length))
			return &struct_table[i];
	}
	return NULL;
}

const struct struct_desc *struct_chosen(const struct struct_desc *desc, const uint8_t *bytes)
{
	const struct struct_choice *choice = desc->choices;
	const uint64_t value = bytes_get(bytes + desc->choice_offset, 4);

	while (choice->layout && choice->value != value)
		choice++;
	return choice->layout;
}

const struct value_set *value_set_by_name(const char *name)
{
	for (size_t i = 0; i < SET_COUNT; i++) {
		if (strcmp(value_sets[i].name, name) == 0)
			return &value_sets[i];
	}
	return NULL;
}

const struct name_value *value_set_take(const struct value_set *set, uint64_t *value, size_t *cursor)
{
	/* *cursor is 0 before the number part has been tried, then 1 + the next entry. */
	if (*cursor == 0) {
		*cursor = 1;
		uint64_t number = *value & set->number_mask;
		for (size_t i = 0; number != 0 && i < set->numbers->count; i++) {
			if (set->numbers->entries[i].value == number) {
				*value -= number;
				return &set->numbers->entries[i];
			}
		}
	}
	while (*cursor <= set->count) {
		const struct name_value *entry = &set->entries[(*cursor)++ - 1];
		if ((*value & entry->value) == entry->value) {
			*value -= entry->value;
			return entry;
		}
	}
	return NULL;
}

bool value_set_find(const struct value_set *set, const char *name, size_t length, uint64_t *value)
{
	for (; set != NULL; set = set->numbers) {
		for (size_t i = 0; i < set->count; i++) {
			if (is_name(set->entries[i].name, name, length)) {
				*value = set->entries[i].value;
				return true;
			}
		}
	}
	return false;
}

/* Written out, four bytes are one access, which every argument of every call is made of. */
static uint32_t word_get(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void word_put(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
	bytes[2] = (uint8_t)(value >> 16);
	bytes[3] = (uint8_t)(value >> 24);
}

uint64_t bytes_get(const uint8_t *bytes, unsigned width)
{
	uint64_t value = 0;

	if (width == 8)
		return word_get(bytes) | (uint64_t)word_get(bytes + 4) << 32;
	if (width == 4)
		return word_get(bytes);
	while (width-- > 0)
		value = value << 8 | bytes[width];
	return value;
}

void bytes_put(uint8_t *bytes, unsigned width, uint64_t value)
{
	if (width == 4 || width == 8) {
		word_put(bytes, (uint32_t)value);
		if (width == 8)
			word_put(bytes + 4, (uint32_t)(value >> 32));
		return;
	}
	for (unsigned i = 0; i < width; i++, value >>= 8)
		bytes[i] = (uint8_t)value;
}

/* One integer of @width bytes in the byte order of this host, at any alignment. */
static uint64_t host_get(const uint8_t *object, unsigned width)
{
	uint16_t half;
	uint32_t word;
	uint64_t value = *object;

	switch (width) {
	case sizeof(half):
		memcpy(&half, object, sizeof(half));
		return half;
	case sizeof(word):
		memcpy(&word, object, sizeof(word));
		return word;
	case sizeof(value):
		memcpy(&value, object, sizeof(value));
		return value;
	default:
		return value;
	}
}

static void host_put(uint8_t *object, unsigned width, uint64_t value)
{
	uint16_t half = (uint16_t)value;
	uint32_t word = (uint32_t)value;

	switch (width) {
	case sizeof(half):
		memcpy(object, &half, sizeof(half));
		break;
	case sizeof(word):
		memcpy(object, &word, sizeof(word));
		break;
	case sizeof(value):
		memcpy(object, &value, sizeof(value));
		break;
	default:
		*object = (uint8_t)value;
	}
}

/* The C struct has every field where the payload has it, so both sides share the offsets. */
void struct_load(const struct struct_desc *desc, void *object, const uint8_t *bytes, size_t length)
{
	for (const struct field_desc *field = desc->fields; field < desc->fields + desc->field_count; field++) {
		size_t end = field->offset + (size_t)field->width * field->count;
		for (size_t at = field->offset; end <= length && at < end; at += field->width)
			host_put((uint8_t *)object + at, field->width, bytes_get(bytes + at, field->width));
	}
}

void struct_store(const struct struct_desc *desc, uint8_t *bytes, const void *object, size_t length)
{
	for (const struct field_desc *field = desc->fields; field < desc->fields + desc->field_count; field++) {
		size_t end = field->offset + (size_t)field->width * field->count;
		for (size_t at = field->offset; end <= length && at < end; at += field->width)
			bytes_put(bytes + at, field->width, host_get((const uint8_t *)object + at, field->width));
	}
}

void struct_redirect(const struct struct_desc *desc, uint8_t *bytes, size_t length, uint64_t from, uint64_t to)
{
	for (const struct field_desc *field = desc->fields; field < desc->fields + desc->field_count; field++) {
		uint8_t *at = bytes + field->offset;

		if (field->show == SHOW_ADDR && field->offset + (size_t)field->width <= length &&
		    bytes_get(at, field->width) == from)
			bytes_put(at, field->width, to);
	}
	if (desc->flex != FLEX_STRUCT)
		return;
	for (size_t at = desc->size; at < length; at += desc->flex_struct->size)
		struct_redirect(desc->flex_struct, bytes + at, length - at, from, to);
}
