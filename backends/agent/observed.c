/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Which calls carry observations: the same on the model and on kernels.
 */
#include "observe.h"

bool call_observed(enum call_op op)
{
	static const bool observed[CALL_OP_COUNT] = {
	    [CALL_CLOSE] = true,    /* the last one of a container releases its mappings */
	    [CALL_DUP3] = true,	    /* closes as well */
	    [CALL_IOCTL] = true,    /* maps and unmaps */
	    [CALL_PWRITE] = true,   /* may tell a mediated device to pin */
	    [CALL_MMAP] = true,	    /* may lock, or unmap what was locked */
	    [CALL_MUNMAP] = true,   /* may unmap what was locked */
	    [CALL_MPROTECT] = true, /* may split what was locked */
	    [CALL_MREMAP] = true,   /* may grow, or unmap, what was locked */
	    [CALL_MLOCK] = true,    [CALL_MLOCK2] = true,     [CALL_MUNLOCK] = true,
	    [CALL_MLOCKALL] = true, [CALL_MUNLOCKALL] = true, [CALL_EXEC] = true, /* closes, and takes new memory */
	};

	return op < CALL_OP_COUNT && observed[op];
}
