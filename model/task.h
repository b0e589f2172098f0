/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Tasks with their descriptors, and the files behind these.
 */
#ifndef MODEL_TASK_H
#define MODEL_TASK_H

#include "op.h"

/* ---- tasks and descriptors: task.c ----------------------------------------------------- */

struct task *op_task(struct host *host, const struct op *op);
bool task_capable(const struct task *task, unsigned capability);
/* Whether it may lock anything at all; and how many more pages: without end for who has CAP_IPC_LOCK. */
bool task_may_lock(const struct task *task);
uint64_t task_lock_room(const struct host *host, uint32_t task);

/* The file behind a descriptor, or NOTHING. */
uint32_t task_file(const struct task *task, int64_t number);

/*
 * Puts @file (whose reference passes over) into a free descriptor: the observed one if it is free, else the
 * lowest not below @minimum. Gives the number.
 */
int32_t task_install(struct host *host, struct op *op, uint32_t file, int32_t minimum, bool close_on_exec);

/* Ends a task: closes every descriptor, gives up its memory. */
void task_end(struct host *host, uint32_t task);

/* ---- files: file.c ---------------------------------------------------------------------- */

uint32_t file_new(struct host *host, enum file_kind kind, uint32_t object, uint32_t flags);
void file_get(struct host *host, uint32_t file);
/* Gives a reference back; the last one releases what the file stands for. */
void file_put(struct host *host, uint32_t file);

#endif
