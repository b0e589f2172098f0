/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A call program: calls in order, with the memory they refer to, and no answers yet.
 */
#ifndef VFIOSIM_FUZZ_PROGRAM_H
#define VFIOSIM_FUZZ_PROGRAM_H

#include <stddef.h>

#include "vfiosim/call.h"

struct program_block;

struct program {
	size_t count, capacity;
	struct event *events;	      /* @count of them; their answers are not known */
	const char *destructive;      /* what makes kernels complain or die, as a constant string; NULL: nothing */
	struct program_block *blocks; /* everything that the events point to */
};

/* An empty program, or NULL when memory is out. */
struct program *program_new(void);
void program_free(struct program *program);

/* Empties it and keeps its memory for the next calls. */
void program_reset(struct program *program);

/* @size bytes that live as long as the program, all zero; at least one. NULL when memory is out. */
void *program_memory(struct program *program, size_t size);

/*
 * The place of the next event, all zero, for its call to be made in; valid until it is appended or the next one is
 * drafted. NULL when memory is out.
 */
struct call *program_draft(struct program *program);

/* Appends the draft. What its call points to must live as long as the program. */
void program_append(struct program *program);

#endif
