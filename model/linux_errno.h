/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Linux's errno numbers, which are not always those of the machine that the model runs on.
 */
#ifndef MODEL_LINUX_ERRNO_H
#define MODEL_LINUX_ERRNO_H

enum linux_errno {
	LINUX_OK = 0,
#define ERRNO(name, number) LINUX_##name = (number),
#include "errno.def"
};

#endif
