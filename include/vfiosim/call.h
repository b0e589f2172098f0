/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls, answers and events: the one currency.
 *
 * A call is what a task asks; an answer is what came back; an event is both.
 * Payload bytes are in the byte order of the recorded kernel, which is
 * little-endian for every kernel that is recorded.
 */
#ifndef VFIOSIM_CALL_H
#define VFIOSIM_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfiosim/ioctl.h"

#define CALL_ARGS_MAX	 6
#define CALL_BUFFERS_MAX 4
#define CALL_PAYLOAD_MAX (4u << 20) /* bytes of one buffer */
#define CALL_PATH_MAX	 4096	    /* bytes of a path, with its NUL */

/* How one argument of a call is written in text; see calls.def. */
enum call_arg_show {
	CALL_ARG_DEC,
	CALL_ARG_SIGNED,
	CALL_ARG_HEX,
	CALL_ARG_ADDR,
	CALL_ARG_FD,
	CALL_ARG_SET,
	CALL_ARG_ENUM,
	CALL_ARG_STRING,    /* struct call.string */
	CALL_ARG_BYTES_IN,  /* struct call.buffers[0].in: hex */
	CALL_ARG_BYTES_OUT, /* struct call.buffers[0].out: hex, in the answer */
};

enum call_return { RETURN_DEC, RETURN_FD, RETURN_ADDR, RETURN_TASK, RETURN_NEVER };

enum call_op {
#define CALL(id, name, returns, summary) CALL_##id,
#define CALL_ARG(id, name, show, set)
#include "vfiosim/calls.def"
	CALL_OP_COUNT
};

struct call_arg_desc {
	const char *name;
	enum call_arg_show show;
	const char *set; /* name of a value set, or NULL */
};

struct call_desc {
	const char *name;
	enum call_return returns;
	const char *summary;
	struct call_arg_desc args[CALL_ARGS_MAX];
	size_t arg_count;
};

extern const struct call_desc call_table[CALL_OP_COUNT];

/*
 * Memory of the calling task that a call reads or writes. @in is what lies there
 * before the call, @out what lies there after it. The @length bytes are all the
 * memory that there is at that place: a kernel that reads or writes past them
 * gets a fault. Where a call changes nothing, out == in.
 */
struct buffer {
	uint64_t address; /* 0: anywhere the executor likes (always so for the argument itself) */
	uint32_t length;  /* bytes */
	const uint8_t *in;
	const uint8_t *out; /* NULL while the answer is not known */
};

struct call {
	uint32_t task;	 /* 1, 2, ... in order of appearance */
	uint32_t thread; /* 1 is the task's first thread */
	enum call_op op;
	uint64_t args[CALL_ARGS_MAX]; /* by position in calls.def; signed ones sign-extended */
	const char *string;	      /* the path or name argument, NUL-terminated; NULL if there is none */
	/*
	 * CALL_IOCTL only. @ioctl is NULL for a number that the table does not have for
	 * the fd it went to. args[0] is the fd, args[1] the number. With @has_pointer
	 * the argument points to buffers[0]; else args[2] is its value, which may well be
	 * a pointer to nothing.
	 */
	const struct ioctl_row *ioctl;
	bool has_pointer;
	uint32_t buffer_count; /* ioctl: [0] is the argument, others what fields of it point to */
	struct buffer buffers[CALL_BUFFERS_MAX];
};

/* Page accounting of the calling task, in bytes, read before and after the call. */
struct observation {
	bool present;
	uint64_t before;
	uint64_t after;
};

struct answer {
	bool known;		   /* false: not executed yet (printed as "= ?") */
	int64_t ret;		   /* the return value, or a negative errno (Linux generic numbers, see errno.def) */
	struct observation locked; /* VmLck */
	struct observation pinned; /* VmPin */
};

struct event {
	struct call call;
	struct answer answer;
	bool timed;	     /* begin and end are set */
	uint64_t begin, end; /* order stamps of concurrent traces: begin <= end, no unit */
	uint64_t line;	     /* where it was read; 0 if nowhere */
};

/* Deep copies; the copy is one allocation, freed with free(). NULL when memory is out. */
struct event *event_clone(const struct event *event);

/* True when both say the same, line numbers aside. */
bool event_equal(const struct event *a, const struct event *b);

/* "EINVAL" for 22; NULL for a number without a name. And back: 0 if unknown. */
const char *errno_name(unsigned number);
unsigned errno_number(const char *name, size_t length);

#endif
