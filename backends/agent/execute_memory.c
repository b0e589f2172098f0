/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls on the memory of the task: what lies where, what is locked, and what it holds. None of them gets at the
 * agent's own memory.
 */
#include "execute.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"
#include "native.h"

static int64_t map(uint64_t address, const struct call *call, int flags)
{
	long at = syscall(SYS_mmap, (unsigned long)address, (size_t)call->args[1], (int)call->args[2], flags,
			  (int)call->args[4], (off_t)call->args[5]);

	return call_result(at);
}

static int64_t run_mmap(const struct call *call, const int64_t *wish)
{
	const int flags = native_map_flags(call->args[3]);
	const bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);

	if (fixed && memory_owns(call->args[0], call->args[1]))
		return -EINVAL;
	if (!fixed && wish && *wish > 0 && !memory_owns((uint64_t)*wish, call->args[1])) {
		int64_t at = map((uint64_t)*wish, call, flags | MAP_FIXED_NOREPLACE);
		if (at >= 0)
			return at;
	}
	return map(call->args[0], call, flags);
}

static int64_t remap(const struct call *call, uint64_t flags, uint64_t address)
{
	return call_result(syscall(SYS_mremap, (unsigned long)call->args[0], (size_t)call->args[1],
				   (size_t)call->args[2], (unsigned long)flags, (unsigned long)address));
}

/* A move without a fixed place goes where it went in the recording, if nothing is there. */
static int64_t run_mremap(const struct call *call, const int64_t *wish)
{
	const uint64_t flags = call->args[3], length = call->args[2];

	if (memory_owns(call->args[0], call->args[1]) || ((flags & MREMAP_FIXED) && memory_owns(call->args[4], length)))
		return -EINVAL;
	if (!(flags & MREMAP_FIXED) && (flags & MREMAP_MAYMOVE) && wish && *wish > 0 &&
	    (uint64_t)*wish != call->args[0] && !memory_owns((uint64_t)*wish, length)) {
		/* Only a place that was taken before can be moved to without losing what lies there. */
		void *place = mmap((void *)(uintptr_t)*wish, length, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
		if (place != MAP_FAILED) {
			int64_t at = remap(call, flags | MREMAP_FIXED, (uint64_t)*wish);
			if (at < 0)
				munmap(place, length);
			return at;
		}
	}
	return remap(call, flags, call->args[4]);
}

/* Locks of all memory take the agent's with them, which the calls know nothing of. */
static int64_t run_mlockall(const struct call *call)
{
	const int flags = native_lock_flags(call->args[0]);

	memory_hide(true);
	int64_t error = call_result(syscall(SYS_mlockall, flags));

	if (!error)
		memory_unlock_own(flags & MCL_FUTURE);
	memory_hide(false);
	return error;
}

static int64_t run_poke(const struct call *call)
{
	int64_t error = memory_store(call->args[0], call->buffers[0].in, call->buffers[0].length);

	return error ? error : call->buffers[0].length;
}

static int64_t run_peek(const struct worker *worker, struct call *call)
{
	void *place = memory_place(worker->slot, 0, call->buffers[0].length);
	int64_t error = memory_load(place, call->args[0], call->buffers[0].length);

	if (!error)
		call->buffers[0].out = place;
	return error ? error : call->buffers[0].length;
}

/* System calls whose first arguments are an address and a length, and a third one if there is any. */
static const struct {
	enum call_op op;
	long number;
} range_calls[] = {
    {CALL_MUNMAP, SYS_munmap}, {CALL_MPROTECT, SYS_mprotect}, {CALL_MADVISE, SYS_madvise},
    {CALL_MLOCK, SYS_mlock},   {CALL_MLOCK2, SYS_mlock2},     {CALL_MUNLOCK, SYS_munlock},
};

static int64_t run_range_call(const struct call *call)
{
	for (size_t i = 0; i < sizeof(range_calls) / sizeof(range_calls[0]); i++) {
		if (range_calls[i].op != call->op)
			continue;
		if (memory_owns(call->args[0], call->args[1]))
			return -EINVAL;
		return call_result(syscall(range_calls[i].number, (unsigned long)call->args[0], (size_t)call->args[1],
					   (int)call->args[2]));
	}
	return -ENOSYS;
}

int64_t execute_memory_call(struct worker *worker, struct call *call, const int64_t *wish)
{
	switch (call->op) {
	case CALL_MMAP:
		return run_mmap(call, wish);
	case CALL_MREMAP:
		return run_mremap(call, wish);
	case CALL_MLOCKALL:
		return run_mlockall(call);
	case CALL_MUNLOCKALL:
		memory_unlock_own(false);
		return call_result(syscall(SYS_munlockall));
	case CALL_POKE:
		return run_poke(call);
	case CALL_PEEK:
		return run_peek(worker, call);
	default:
		return run_range_call(call);
	}
}
