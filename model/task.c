/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Tasks: descriptors, limits and capabilities; fork, exec, exit.
 */
#include <stdlib.h>
#include <string.h>

#include "host.h"

struct task *op_task(struct host *host, const struct op *op)
{
	return &host->tasks.items[op->task];
}

bool task_capable(const struct task *task, unsigned capability)
{
	return capability >= 64 || !(task->dropped >> capability & 1);
}

/* Position of descriptor @number, or where it would go. */
static uint32_t descriptor_position(const struct task *task, int64_t number)
{
	uint32_t low = 0, high = task->descriptors.count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (task->descriptors.items[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct descriptor *task_descriptor(const struct task *task, int64_t number)
{
	uint32_t position = descriptor_position(task, number);

	if (position == task->descriptors.count || task->descriptors.items[position].number != number)
		return NULL;
	return &task->descriptors.items[position];
}

uint32_t task_file(const struct task *task, int64_t number)
{
	const struct descriptor *descriptor = task_descriptor(task, number);

	return descriptor ? descriptor->file : NOTHING;
}

static void descriptor_insert(struct task *task, struct descriptor descriptor)
{
	uint32_t position = descriptor_position(task, descriptor.number);

	table_add(&task->descriptors);
	memmove(task->descriptors.items + position + 1, task->descriptors.items + position,
		(task->descriptors.count - 1 - position) * sizeof(descriptor));
	task->descriptors.items[position] = descriptor;
}

/* Takes a descriptor out and gives its file, whose reference passes to the caller. */
static uint32_t descriptor_remove(struct task *task, const struct descriptor *descriptor)
{
	uint32_t position = (uint32_t)(descriptor - task->descriptors.items), file = descriptor->file;

	task->descriptors.count--;
	memmove(task->descriptors.items + position, task->descriptors.items + position + 1,
		(task->descriptors.count - position) * sizeof(*descriptor));
	return file;
}

int32_t task_install(struct host *host, struct op *op, uint32_t file, int32_t minimum, bool close_on_exec)
{
	struct task *task = op_task(host, op);
	int32_t number = minimum;

	if (op->choice && op->choice->ret >= minimum && op->choice->ret <= INT32_MAX &&
	    !task_descriptor(task, op->choice->ret)) {
		number = (int32_t)op->choice->ret;
	} else {
		uint32_t position = descriptor_position(task, minimum);

		while (position < task->descriptors.count && task->descriptors.items[position].number == number) {
			position++;
			number++;
		}
	}
	descriptor_insert(task, (struct descriptor){number, file, close_on_exec});
	return number;
}

void task_end(struct host *host, uint32_t index)
{
	/* Tables may move while files are released, so the task is looked up again each time. */
	while (host->tasks.items[index].descriptors.count) {
		struct task *task = &host->tasks.items[index];

		uint32_t file = descriptor_remove(task, &task->descriptors.items[0]);

		if (!defect_on(host, DEFECT_EXIT_KEEPS_FILES))
			file_put(host, file);
	}
	host->tasks.items[index].alive = false;
	mm_put_user(host, host->tasks.items[index].mm);
}

/* close(2): first the descriptor is free, then the file is let go; another task may run in between. */
static enum step_result call_close(struct host *host, struct op *op)
{
	struct task *task = op_task(host, op);
	struct descriptor *descriptor;

	if (op->step == 0) {
		descriptor = task_descriptor(task, (int32_t)op->call->args[0]);
		if (!descriptor)
			return refuse(op, RULE_FD_NOT_OPEN);
		op->file = descriptor_remove(task, descriptor);
		return STEP_MORE;
	}
	/* The reference goes when the operation ends. */
	hit(op, RULE_FD_CLOSE);
	return finish(op, 0);
}

#define DESCRIPTORS_MAX 1048576 /* the kernel's own ceiling for RLIMIT_NOFILE */

static enum step_result call_dup(struct host *host, struct op *op)
{
	uint32_t file = task_file(op_task(host, op), (int32_t)op->call->args[0]);
	int64_t minimum = (int32_t)op->call->args[1];
	bool close_on_exec = op->call->args[2] & 02000000;

	if (file == NOTHING)
		return refuse(op, RULE_FD_NOT_OPEN);
	if (defect_on(host, DEFECT_DUP_INHERITS_FLAG))
		close_on_exec = task_descriptor(op_task(host, op), (int32_t)op->call->args[0])->close_on_exec;
	if (minimum < 0 || minimum >= DESCRIPTORS_MAX)
		return refuse(op, RULE_FD_DUP_MINIMUM);
	file_get(host, file);
	hit(op, RULE_FD_DUP);
	return finish(op, task_install(host, op, file, (int32_t)minimum, close_on_exec));
}

static enum step_result call_dup3(struct host *host, struct op *op)
{
	struct task *task = op_task(host, op);
	int32_t from = (int32_t)op->call->args[0], to = (int32_t)op->call->args[1];
	bool close_on_exec = op->call->args[2] & 02000000;
	struct descriptor *descriptor;
	uint32_t file;

	if (op->step > 0) {
		hit(op, RULE_FD_DUP);
		return finish(op, to);
	}
	if (op->call->args[2] & ~(uint64_t)02000000 || from == to)
		return refuse(op, RULE_FD_DUP_SAME);
	if (to < 0 || to >= DESCRIPTORS_MAX)
		return refuse(op, RULE_FD_NOT_OPEN);
	file = task_file(task, from);
	if (file == NOTHING)
		return refuse(op, RULE_FD_NOT_OPEN);
	file_get(host, file);
	descriptor = task_descriptor(task, to);
	if (descriptor)
		op->file = descriptor_remove(task, descriptor);
	descriptor_insert(task, (struct descriptor){to, file, close_on_exec});
	return STEP_MORE;
}

static enum step_result call_setfd(struct host *host, struct op *op)
{
	struct descriptor *descriptor = task_descriptor(op_task(host, op), (int32_t)op->call->args[0]);

	if (!descriptor)
		return refuse(op, RULE_FD_NOT_OPEN);
	descriptor->close_on_exec = op->call->args[1] & 1;
	hit(op, RULE_FD_CLOEXEC);
	return finish(op, 0);
}

static enum step_result call_setrlimit(struct host *host, struct op *op)
{
	op_task(host, op)->memlock = op->call->args[0];
	hit(op, RULE_TASK_LIMIT);
	return finish(op, 0);
}

static enum step_result call_dropcap(struct host *host, struct op *op)
{
	if (op->call->args[0] >= 64 || op_task(host, op)->threads > 1)
		return unmodelled(host, op);
	op_task(host, op)->dropped |= 1ull << op->call->args[0];
	hit(op, RULE_TASK_CAPABILITY);
	return finish(op, 0);
}

static enum step_result call_fork(struct host *host, struct op *op)
{
	uint32_t child, mm;
	struct task *task;

	if (!mm_can_fork(host, op_task(host, op)->mm))
		return unmodelled(host, op);
	child = table_add(&host->tasks);
	mm = mm_fork(host, op_task(host, op)->mm, child);
	task = &host->tasks.items[child];
	*task = host->tasks.items[op->task];
	task->mm = mm;
	task->threads = 1;
	task->parent = op->task;
	table_unshare(&task->descriptors);
	for (uint32_t i = 0; i < task->descriptors.count; i++)
		file_get(host, task->descriptors.items[i].file);
	hit(op, RULE_TASK_FORK);
	return finish(op, child + 1);
}

static enum step_result call_thread(struct host *host, struct op *op)
{
	hit(op, RULE_TASK_THREAD);
	return finish(op, ++op_task(host, op)->threads);
}

static enum step_result call_exec(struct host *host, struct op *op)
{
	uint32_t old = op_task(host, op)->mm, mm, position = 0;

	if (op_task(host, op)->threads > 1)
		return unmodelled(host, op);
	while (position < op_task(host, op)->descriptors.count) {
		struct task *task = op_task(host, op);

		if (task->descriptors.items[position].close_on_exec && !defect_on(host, DEFECT_EXEC_KEEPS_FILES))
			file_put(host, descriptor_remove(task, &task->descriptors.items[position]));
		else
			position++;
	}
	mm = mm_new(host, op->task);
	op_task(host, op)->mm = mm;
	if (defect_on(host, DEFECT_EXEC_MOVES_CHARGE))
		host->mms.items[mm].locked = host->mms.items[old].locked;
	/* Root's new program has every capability again. */
	op_task(host, op)->dropped = 0;
	mm_put_user(host, old);
	hit(op, RULE_TASK_EXEC);
	return finish(op, 0);
}

static enum step_result call_exit(struct host *host, struct op *op)
{
	task_end(host, op->task);
	op->outcome->task_gone = true;
	hit(op, RULE_TASK_EXIT);
	return finish(op, 0);
}

/* sleep: devices go on meanwhile. */
static enum step_result call_sleep(struct host *host, struct op *op)
{
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (!edu_can_go_on(host, i, op->call->args[0]))
			return unmodelled(host, op);
	hit(op, RULE_TASK_SLEEP);
	for (uint32_t i = 0; i < host->devices.count; i++)
		edu_go_on(host, op, i, op->call->args[0]);
	return finish(op, 0);
}

handler_fn *task_call_handler(enum call_op op)
{
	switch (op) {
	case CALL_CLOSE:
		return call_close;
	case CALL_DUP:
		return call_dup;
	case CALL_DUP3:
		return call_dup3;
	case CALL_SETFD:
		return call_setfd;
	case CALL_SETRLIMIT:
		return call_setrlimit;
	case CALL_DROPCAP:
		return call_dropcap;
	case CALL_FORK:
		return call_fork;
	case CALL_THREAD:
		return call_thread;
	case CALL_EXEC:
		return call_exec;
	case CALL_EXIT:
		return call_exit;
	case CALL_SLEEP:
		return call_sleep;
	default:
		return NULL;
	}
}
