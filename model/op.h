/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * How a call runs: an operation of one or more steps.
 *
 * A step is what the kernel does under its locks without a gap; between two steps of one operation other operations may
 * run. The state of an operation is plain data. Within a step, checks come first and refuse; what follows the last
 * check cannot fail.
 */
#ifndef MODEL_OP_H
#define MODEL_OP_H

#include "objects.h"

enum step_result { STEP_DONE, STEP_MORE };

struct op {
	const struct call *call;
	const struct choice *choice; /* or NULL */
	struct outcome *outcome;
	uint32_t task;		     /* index */
	const struct ioctl_row *row; /* ioctl: the row that answers, by owner and number */
	uint32_t step;		     /* steps already done */
	uint32_t file;		     /* file held across steps, or NOTHING */
	uint32_t second_file;	     /* another one (SET_CONTAINER's container), or NOTHING */
	uint32_t object;	     /* carried from step to step, by handler */
	int32_t number;
};

typedef enum step_result handler_fn(struct host *host, struct op *op);

/* Ends an operation with a value. */
enum step_result finish(struct op *op, int64_t ret);

/* Ends an operation with the errno of @rule, which is noted as the one that decided. */
enum step_result refuse(struct op *op, enum rule rule);

/* The same where the errno depends on the kernel: @error is a negative errno. */
enum step_result refuse_as(struct op *op, enum rule rule, int64_t error);

/* Ends an operation that the model does not know; it must not have changed anything. */
enum step_result unmodelled(struct host *host, struct op *op);

/* Notes that @rule took effect. */
void hit(struct op *op, enum rule rule);

/*
 * The operation does what makes some kernels complain, by @rule; it must not have changed anything yet. @this_one: the
 * profile's kernel does. STEP_MORE to go on, STEP_DONE if the operation ends here.
 */
enum step_result complain(struct host *host, struct op *op, enum rule rule, bool this_one);

/* The value of a profile field. */
static inline int64_t profile_get(const struct host *host, enum profile_field field)
{
	return host->profile.values[field];
}

/* Whether a bug is switched on at the one place where it would sit. */
static inline bool defect_on(const struct host *host, enum defect defect)
{
	return defect_set_has(&host->profile.defects, defect);
}

#endif
