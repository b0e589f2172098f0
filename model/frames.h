/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The memory of the machine, by physical address.
 */
#ifndef MODEL_FRAMES_H
#define MODEL_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

struct host;

#define FRAMES_FIRST UINT64_C(0x100000) /* physical address; 0 is none */

/* What is the same for all memory from an address on. */
struct frame_use {
	uint64_t references; /* page tables and files that have it */
	uint64_t pins;
	uint64_t length; /* bytes */
	bool huge;
};

/* @bytes of memory that hold zeros, with one reference; 0 when there are no more addresses. A huge page comes from the
 * pool, where there must be one. */
uint64_t frames_take(struct host *host, uint64_t bytes, bool huge);

/* Adds to (or takes from) the references, and the pins, of [at, at + bytes), which is in use. */
void frames_refer(struct host *host, uint64_t at, uint64_t bytes, int references);
void frames_pin(struct host *host, uint64_t at, uint64_t bytes, int pins);

/*
 * The same of pins for a mapping that has their place itself. They come and go with every mapping, but matter only to
 * who asks for uses, or takes references away; before that has happened, the ledger does not have them.
 */
void frames_pin_place(struct host *host, uint64_t at, uint64_t bytes, int pins);

/* Whether the memory at @at, which is in use, is of a huge page. */
bool frames_huge(const struct host *host, uint64_t at);

/* Who uses the memory at @at, which is in use. */
struct frame_use frames_use(struct host *host, uint64_t at);

/* Loads and stores bytes that are known, or not; @mask tells which of them are (0xff), NULL when storing: all. */
void frames_load(const struct host *host, uint64_t at, uint8_t *bytes, uint8_t *mask, uint32_t length);
void frames_store(struct host *host, uint64_t at, const uint8_t *bytes, bool known, const uint8_t *mask,
		  uint32_t length);
/* Stores @length bytes: @word again and again, of which the last may be cut off. Costs the same however much it is. */
void frames_fill(struct host *host, uint64_t at, uint64_t word, bool known, uint64_t length);
/* Copies what whole pages hold to memory that was just taken. */
void frames_copy(struct host *host, uint64_t to, uint64_t from, uint64_t bytes);

/* Whether references and pins are those that page tables, files and IOMMUs have. */
bool frames_balanced(struct host *host);

#endif
