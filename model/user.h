/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The memory that a call's argument is in, and what that points to.
 */
#ifndef MODEL_USER_H
#define MODEL_USER_H

#include "op.h"

/* ---- user memory of a call: user.c ---------------------------------------------------- */

/* Copies from / to buffer @index at @offset. False is a fault: nothing was copied. */
bool user_read(struct op *op, unsigned index, uint32_t offset, void *to, uint32_t length);
bool user_write(struct host *host, struct op *op, unsigned index, uint32_t offset, const void *from, uint32_t length);

/* Makes @length written bytes of buffer @index count as not defined by the API. */
void user_undefined(struct host *host, struct op *op, unsigned index, uint32_t offset, uint32_t length);

/* Writes bytes that the API, or a device the model has, does define, into a place marked undefined before. */
void user_defined(struct host *host, struct op *op, unsigned index, uint32_t offset, const void *from, uint32_t length);

/* Loads the first @length bytes of the argument struct of the answering row into the C struct. False is a fault. */
bool user_load(struct op *op, void *object, uint32_t length);
bool user_store(struct host *host, struct op *op, const void *object, uint32_t length);
/*
 * The same of a struct whose first field, argsz, is to say that these bytes are there: STEP_MORE, or refused by @fault
 * or by @argsz.
 */
enum step_result user_load_argsz(struct op *op, void *object, uint32_t length, enum rule fault, enum rule argsz);

/*
 * How many bytes of an info struct (16 without the offset of capabilities, 20 with it, 24 with padding) are written
 * back to a caller who passed @argsz, at least 16.
 */
uint32_t info_length(const struct host *host, uint32_t argsz);

/* ---- user memory that an argument points to: user_pointer.c ------------------------------- */

/* A pointer in the argument of a call, and where it leads. */
struct user_pointer {
	uint64_t address;
	uint32_t buffer; /* the further buffer with this address, or 0 */
	bool own_place;	 /* only the buffer is there; otherwise it is memory of the task */
};

/* Before an ioctl: what the further buffers hold lies in the task's memory, where there is any at their place. */
void user_pointers_begin(struct host *host, struct op *op);

struct user_pointer user_pointer_find(struct host *host, struct op *op, uint64_t address);

/* Whose addresses [pointer, pointer + size) are, memory there or not: what the kernel's access_ok() asks. */
enum user_pointer_place {
	POINTER_OF_TASK,
	POINTER_DEPENDS, /* on the processor and how the kernel was built */
	POINTER_OF_KERNEL,
};
enum user_pointer_place user_pointer_place(const struct user_pointer *pointer, uint64_t size);

/* Whether the model knows the word at @offset (also if it is not there); and whether any of a range is registers. */
bool user_pointer_known(struct host *host, const struct op *op, const struct user_pointer *pointer, uint64_t offset);
bool user_pointer_registers(const struct host *host, const struct op *op, const struct user_pointer *pointer,
			    uint64_t offset, uint64_t length);

/* Loads the little-endian word at @offset, in bytes. False is a fault. */
bool user_pointer_load(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
		       uint64_t *word);

/* Whether @length bytes at @offset can be stored in one go. False is a fault, before which some of them have been. */
bool user_pointer_writable(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
			   uint64_t length);

/* Stores @word @count times from @offset on, where it has been found writable. */
void user_pointer_fill(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
		       uint64_t word, uint64_t count);

#endif
