/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Twins: two hosts that get the same calls, one with containers and one with an iommufd in the place of each, so that
 * it is seen what a program that uses containers would find changed. docs/iommufd.md has what they say in a table.
 */
#ifndef VFIOSIM_TWINS_H
#define VFIOSIM_TWINS_H

#include "vfiosim/call.h"
#include "vfiosim/model.h"

/* What becomes of a call on an iommufd, beside what a container makes of it. */
enum likeness {
	LIKENESS_SAME,
	LIKENESS_CHARGE,  /* the same answer, but memory is charged or pinned otherwise */
	LIKENESS_DIFFERS, /* both do it and answer another value or other bytes */
	LIKENESS_ERRNO,	  /* both refuse, with different errors */
	LIKENESS_REFUSED, /* a container does what an iommufd refuses */
	LIKENESS_GRANTED, /* an iommufd does what a container refuses */
	LIKENESS_UNKNOWN, /* one of them is not modelled */
	LIKENESS_COUNT
};

/* "same", "charge", ... */
extern const char *const likeness_names[LIKENESS_COUNT];

struct twins;

/* Twins on @machine under @profile, which must outlive them. NULL when memory is out. */
struct twins *twins_new(const struct machine *machine, const struct profile *profile);
void twins_free(struct twins *twins);

/* A new run: two fresh hosts. A first run without a begin starts with the first call. */
void twins_begin_run(struct twins *twins);

/*
 * The call as it is made on the iommufd's side: where @call opens a container, an iommufd is opened; else it is @call.
 * Shares all that @call points to.
 */
struct call twins_call_of_iommufd(const struct call *call);

struct comparison {
	enum likeness likeness;
	/* Valid until the next call. */
	const struct outcome *container, *iommufd;
	/* The first byte that differs, in which buffer, if @differs_in_bytes. */
	bool differs_in_bytes;
	uint32_t buffer, offset;
};

/*
 * Executes the call of @event on both sides and compares. The answer of @event, if known, says what a kernel chose that
 * is free to: descriptors, addresses, task numbers.
 */
void twins_call(struct twins *twins, const struct event *event, struct comparison *comparison);

/* Enough for any comparison_text(), its NUL included. */
#define COMPARISON_TEXT_MAX 512

/*
 * Puts one side's answer in words: value or errno, the rules by which it came about, what is charged and pinned, and
 * the first field that differs. @size is that of @text, which is cut if need be.
 */
void comparison_text(const struct comparison *comparison, const struct call *call, const struct outcome *side,
		     char *text, size_t size);

#endif
