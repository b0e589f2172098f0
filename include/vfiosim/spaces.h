/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * IOVA spaces: what a program that emulates a machine gives its devices to reach, watched call by call.
 *
 * A container has one space after the other. Without an emulated IOMMU, or while that does not translate, it is the
 * machine's memory, each piece at the address where the machine has it; else it is what the IOMMU translates. In
 * between there is a moment in which nothing is mapped: that is where one space ends and the next begins.
 *
 * A trace does not say which is which, so it is told from what is mapped. An IOMMU translates naturally aligned powers
 * of two, so any other mapping is the machine's memory, and what is mapped beside it, too. From such a space it is
 * learned where memory is at home: that which is mapped for writing, and is no device's region. A mapping of it
 * elsewhere is a translation; one of all of it at once is memory. What could be either is left open, until another
 * mapping of the same space tells. For programs that emulate no machine all this says nothing.
 */
#ifndef VFIOSIM_SPACES_H
#define VFIOSIM_SPACES_H

#include "vfiosim/call.h"
#include "vfiosim/machine.h"
#include "vfiosim/model.h"
#include "vfiosim/profile.h"

enum space_rule {
	SPACE_RULE_NONE,
#define SPACE_RULE(id, name, sentence, source) SPACE_RULE_##id,
#include "vfiosim/space-rules.def"
	SPACE_RULE_COUNT
};

struct space_rule_desc {
	const char *name;     /* "VIOMMU-ONE-SPACE" */
	const char *sentence; /* what holds */
	const char *source;   /* who said so */
};

extern const struct space_rule_desc space_rules[SPACE_RULE_COUNT];

enum space_kind { SPACE_OPEN, SPACE_MEMORY, SPACE_TRANSLATED, SPACE_KIND_COUNT };

/* "open", "memory", "translated" */
extern const char *const space_kind_names[SPACE_KIND_COUNT];

/* A space that a container had, from its first mapping to the moment when the last one was gone. */
struct space_past {
	uint32_t container; /* host_container() */
	enum space_kind kind;
	uint64_t first_line, last_line; /* of the events, in their trace */
	uint64_t maps;			/* successful MAP_DMA */
	uint64_t mappings, bytes;	/* at the time when most bytes were mapped */
};

struct space_fault {
	enum space_rule rule;
	uint64_t line; /* of the event */
	char text[160];
};

/* Who is told. What is passed is valid during the call. */
struct space_listener {
	void (*past)(void *context, const struct space_past *past);
	void (*fault)(void *context, const struct space_fault *fault);
	void *context;
};

struct spaces;

/* Watches programs on @machine under @profile; all three must outlive it. NULL when memory is out. */
struct spaces *spaces_new(const struct machine *machine, const struct profile *profile,
			  const struct space_listener *listener);
void spaces_free(struct spaces *spaces);

/* A new run: nothing is mapped, and nothing known. A first run without a begin starts with the first event. */
void spaces_begin_run(struct spaces *spaces);

/*
 * Takes in an event that was answered, by letting the model make the same call: what is mapped is what the rules give.
 * A trace that the model does not agree with is watched in vain.
 */
void spaces_event(struct spaces *spaces, const struct event *event);

/* The run ends here: so do the spaces that there still are. */
void spaces_end_run(struct spaces *spaces);

/* The model that made the calls of this run, to look at; NULL before the first event. */
const struct host *spaces_host(const struct spaces *spaces);

#endif
