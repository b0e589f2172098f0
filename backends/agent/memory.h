/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The agent's place in a task's memory.
 *
 * A task's addresses belong to the calls, which bring those of the program they were
 * recorded from. So the agent keeps to two places that programs do not use: its image and
 * heap at an unusual link address, and one range of slots, one slot for each thread with
 * its stack and its argument buffers. Each buffer ends at memory that nobody can access.
 */
#ifndef VFIOSIM_AGENT_MEMORY_H
#define VFIOSIM_AGENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_COUNT 256u

/* Prepares this process: heap, first slot and fault handlers. 0 or a negative errno. */
int memory_init(void);

/* Calls @function, which must not return, on the stack of @slot, and unmaps the stack that the kernel gave. */
void memory_run(unsigned slot, void (*function)(void *), void *context) __attribute__((noreturn));

/* A slot that no other thread of this process uses, mapped. Negative errno if there is none. */
int memory_slot_take(void);
void memory_slot_give(unsigned slot);
/* After fork: only the thread that has @slot is left. */
void memory_slot_keep_only(unsigned slot);

/* The stack of a slot: its lowest address and size in bytes. */
void *memory_stack(unsigned slot, size_t *size);

/*
 * Place for @length (at most CALL_PAYLOAD_MAX) bytes whose end is the end of accessible memory.
 * @index is the number of the buffer in its call.
 */
void *memory_place(unsigned slot, unsigned index, uint32_t length);

/* True if any of the bytes there are the agent's own. */
bool memory_owns(uint64_t address, uint64_t length);

/*
 * Unlocks the agent's memory, after a call that locked all there is, or (@ahead) all that is to come: then whatever the
 * agent takes later is unlocked each time memory_unlock_new() is called, until the next such call.
 */
void memory_unlock_own(bool ahead);
void memory_unlock_new(void);

/*
 * Takes access from the agent's memory that nothing is in, and gives it back: a call that locks all memory would fill
 * it all with pages, which takes an emulated processor a tenth of a second. It must be unlocked before it is shown
 * again, and meanwhile nothing may be allocated, nor any other thread run.
 */
void memory_hide(bool hidden);

/*
 * Copies from and to memory that the calls made, with accesses as wide as alignment and length
 * allow, since it may be a device. 0, or -EFAULT if it cannot be accessed or is the agent's own;
 * then nothing was stored.
 */
int memory_load(void *to, uint64_t address, size_t length);
int memory_store(uint64_t address, const void *from, size_t length);

#endif
