/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The one ioctl table, as seen by C code.
 *
 * The data is in uapi/structs.def (argument layouts), uapi/sets.def (flags and
 * enumerations) and uapi/ioctls.def (the rows). Dispatch, printing, parsing,
 * generation and listing derive from it; nothing else names an ioctl number.
 */
#ifndef VFIOSIM_IOCTL_H
#define VFIOSIM_IOCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * VFIO numbers are _IO(';', 100 + n): no size and no direction is encoded. Traces and the
 * model have the generic form everywhere; powerpc and mips kernels take it with bit 29 set
 * (their "no direction"), which executors and tracers there add and remove.
 */
#define VFIO_IOCTL_TYPE	     0x3b
#define VFIO_IOCTL_NUMBER(n) ((uint32_t)(0x3b00u | (100u + (n))))

/*
 * What an ioctl is addressed to. Numbers collide between owners (+12, +13, +17
 * ...): number and owner together are unique, the name is unique alone.
 */
enum ioctl_owner {
	OWNER_CONTAINER, /* /dev/vfio/vfio itself, whatever the IOMMU type */
	OWNER_TYPE1,	 /* a container whose IOMMU is TYPE1 or TYPE1v2 */
	OWNER_SPAPR,	 /* a container whose IOMMU is sPAPR TCE v1 or v2 */
	OWNER_TCE_PUT,	 /* a container whose IOMMU is sPAPR TCE as it was proposed in 2012 */
	OWNER_IOMMUFD,	 /* /dev/iommu: what of a container's and TYPE1's it emulates */
	OWNER_GROUP,	 /* /dev/vfio/N */
	OWNER_DEVICE,	 /* the fd from GROUP_GET_DEVICE_FD, or a cdev */
	OWNER_MIGRATION, /* the data fd that DEVICE_FEATURE_MIG_DEVICE_STATE gives */
	OWNER_COUNT
};

enum ioctl_arg {
	ARG_NONE,   /* argument is ignored */
	ARG_VALUE,  /* argument is the value itself */
	ARG_INT,    /* pointer to one int (s32), e.g. a file descriptor */
	ARG_STRING, /* pointer to a NUL-terminated string */
	ARG_STRUCT, /* pointer to a struct of structs.def */
};

enum ioctl_direction { DIR_NONE = 0, DIR_IN = 1, DIR_OUT = 2, DIR_INOUT = 3 };

/* How one field is written in text. All are integers of 1, 2, 4 or 8 bytes, little-endian in a payload. */
enum field_show {
	SHOW_DEC,    /* decimal, unsigned */
	SHOW_SIGNED, /* decimal, signed */
	SHOW_HEX,    /* hexadecimal, also for sizes and IOVAs */
	SHOW_ADDR,   /* hexadecimal; a user-space virtual address of the calling task */
	SHOW_FD,     /* decimal, signed; a file descriptor of the calling task */
	SHOW_SET,    /* flags: NAME|NAME|0x..., from a flag set */
	SHOW_ENUM,   /* NAME or number, from an enumeration */
	SHOW_PAD,    /* padding: shown (in hex) only when not zero */
};

/* What follows a struct up to argsz. */
enum flex_show {
	FLEX_NONE,
	FLEX_BYTES,  /* hex */
	FLEX_U32,    /* array of u32, decimal */
	FLEX_S32,    /* array of s32 (eventfds), decimal */
	FLEX_STRUCT, /* array of the struct named flex_struct */
	FLEX_CAPS,   /* capability chain, offsets relative to the start of the struct */
	FLEX_CHOICE, /* one struct, or what there is of it: which one says a field of the fixed part */
};

struct name_value {
	const char *name;
	uint64_t value;
};

/*
 * A flag set or an enumeration. In a flag set every entry has one bit or more, none
 * has zero: zero is written 0. Entries may overlap (MAP_SHARED_VALIDATE is MAP_SHARED
 * and MAP_PRIVATE); whoever prints takes them in order, each only if none of its bits
 * has been written yet, and writes what is left as a number, so that OR-ing what was
 * written gives the value back. value_set_take() does just that.
 */
struct value_set {
	const char *name; /* e.g. "dma_map" */
	const struct name_value *entries;
	size_t count;
	uint64_t number_mask;		 /* bits of a flag set that together are one number; 0 where there is none */
	const struct value_set *numbers; /* names of that number, e.g. the feature in DEVICE_FEATURE's flags, or NULL */
};

struct field_desc {
	const char *name; /* printed name, e.g. "bitmap_pgsize" */
	uint32_t offset;  /* bytes from the start of the struct */
	uint8_t width;	  /* bytes of one element: 1, 2, 4, 8 */
	uint16_t count;	  /* number of elements; 1 for a scalar */
	enum field_show show;
	const struct value_set *set; /* SHOW_SET and SHOW_ENUM, else NULL */
};

struct struct_desc {
	const char *name; /* the kernel's name without "struct " */
	uint32_t size;	  /* sizeof, without a flexible array */
	const struct field_desc *fields;
	size_t field_count;
	enum flex_show flex;
	const char *flex_name;		       /* member name of the flexible array, else NULL */
	const struct struct_desc *flex_struct; /* FLEX_STRUCT */
	const struct cap_desc *caps;	       /* FLEX_CAPS: the ids that may appear, ends with name NULL */
	const struct struct_choice *choices;   /* FLEX_CHOICE: what may follow, ends with layout NULL */
	uint32_t choice_offset;		       /* FLEX_CHOICE: of the field, of 4 bytes, that says which */
};

/* What follows a struct whose field has this value. */
struct struct_choice {
	uint32_t value;
	const struct struct_desc *layout;
};

/*
 * One capability of an info chain: header {u16 id, u16 version, u32 next}, included in the struct. A proposal may give
 * an id a meaning that is not the kernels': then two of a chain have the same id.
 */
struct cap_desc {
	uint16_t id;
	const char *name;
	const struct struct_desc *layout;
};

struct ioctl_row {
	const char *name; /* VFIO_IOMMU_MAP_DMA */
	uint32_t number;  /* the full ioctl number */
	enum ioctl_owner owner;
	enum ioctl_arg arg;
	enum ioctl_direction direction;
	const struct struct_desc *layout; /* ARG_STRUCT, else NULL */
	const struct value_set *values;	  /* ARG_VALUE: the enumeration that names it, else NULL */
	uint32_t minsz;			  /* smallest argsz the kernel takes; 0 where there is no argsz */
	const char *since;		  /* first kernel of 5.10 ... 7.2 that has it, "5.10" when older */
	const char *until;		  /* last kernel that has it, "" when still there */
	const char *summary;		  /* one sentence for `vfiosim ioctls` */
};

extern const struct ioctl_row ioctl_table[];
extern const size_t ioctl_count;
extern const char *const ioctl_owner_names[OWNER_COUNT];

/*
 * Replaces @from by @to wherever it stands as an address (SHOW_ADDR) in a payload of @length bytes, also in the structs
 * behind the fixed part.
 */
void struct_redirect(const struct struct_desc *desc, uint8_t *bytes, size_t length, uint64_t from, uint64_t to);

/* The row with this name, or NULL. @length is the length of @name in bytes. */
const struct ioctl_row *ioctl_by_name(const char *name, size_t length);

/*
 * The row with this full number for this owner, or NULL. A TYPE1 container also answers the
 * container's own ioctls, and an sPAPR one these and, where it has no row of that number
 * itself, TYPE1's (MAP_DMA and UNMAP_DMA): the row found then names another owner. An iommufd
 * has no row of its own.
 */
const struct ioctl_row *ioctl_by_number(uint32_t number, enum ioctl_owner owner);

/* The struct with this name, or NULL. */
const struct struct_desc *struct_by_name(const char *name, size_t length);

/* What follows @desc (FLEX_CHOICE) in a payload that begins with @bytes, of which the fixed part is there; or NULL. */
const struct struct_desc *struct_chosen(const struct struct_desc *desc, const uint8_t *bytes);

/* The value set with this name, also those that calls.def refers to, or NULL. */
const struct value_set *value_set_by_name(const char *name);

/*
 * Printing flags: the next entry of @set that is wholly in *@value, its bits cleared there. The
 * name of the number part comes first, if that is not zero. NULL when no name is left: what
 * remains in *@value is to be written as a number. Start with *@cursor = 0.
 */
const struct name_value *value_set_take(const struct value_set *set, uint64_t *value, size_t *cursor);

/* Parsing: stores the value with this name (of a flag set also of its number part). False if there is none. */
bool value_set_find(const struct value_set *set, const char *name, size_t length, uint64_t *value);

/* Little-endian access to @width (1, 2, 4, 8) bytes. */
uint64_t bytes_get(const uint8_t *bytes, unsigned width);
void bytes_put(uint8_t *bytes, unsigned width, uint64_t value);

/*
 * Copies a payload (little-endian bytes) into the C struct of uapi.h in host order, and back.
 * @length bytes are converted field by field; a field that lies partly beyond @length is left as it is.
 */
void struct_load(const struct struct_desc *desc, void *object, const uint8_t *bytes, size_t length);
void struct_store(const struct struct_desc *desc, uint8_t *bytes, const void *object, size_t length);

#endif
