/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A namespace of I/O address space ids (IOASIDs): who has which. The host has one, for all that translate by a PASID;
 * the kernel of each guest has one of its own.
 *
 * The lowest free id is given out, so that equal calls get equal ids; a kernel may give out any that is free.
 */
#ifndef MODEL_IOASID_H
#define MODEL_IOASID_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"

/* PASIDs have 20 bits, and 0 is that of requests without one. */
enum { IOASID_FIRST = 1, IOASID_LAST = 0xfffff };

enum ioasid_owner_kind {
	IOASID_OF_SET,	   /* a set of the kernel that has the namespace, by its number */
	IOASID_OF_GUEST,   /* by index; only the host's */
	IOASID_OF_PROCESS, /* its address space by index; only the host's */
};

struct ioasid_owner {
	enum ioasid_owner_kind kind;
	uint32_t index;
};

/* An id that is given out. */
struct ioasid {
	uint32_t id;
	struct ioasid_owner owner;
	uint32_t bound; /* how often it is bound to a device */
	bool leaving;	/* its owner is done with it, and who gave it out has not said that he has it back */
};

struct ioasid_space {
	TABLE(struct ioasid) ids; /* ascending */
};

/* Gives @owner the lowest free id of [first, last]; NOTHING (UINT32_MAX) if there is none. */
uint32_t ioasid_take(struct ioasid_space *space, struct ioasid_owner owner, uint32_t first, uint32_t last);

/* What is known of an id, until the next one is taken or dropped; NULL if nobody has it. */
struct ioasid *ioasid_at(const struct ioasid_space *space, uint32_t id);

/* Whether @owner has the id. */
bool ioasid_is_of(const struct ioasid_space *space, struct ioasid_owner owner, uint32_t id);

/* How many ids of [first, last] @owner has. */
uint32_t ioasid_count(const struct ioasid_space *space, struct ioasid_owner owner, uint32_t first, uint32_t last);

/* Takes all ids of [first, last] back that @owner has, bound or not. Gives how many. */
uint32_t ioasid_drop(struct ioasid_space *space, struct ioasid_owner owner, uint32_t first, uint32_t last);

#endif
