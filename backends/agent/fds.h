/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The agent's own descriptors: kept at high numbers, so that the low ones belong to the calls.
 */
#ifndef VFIOSIM_AGENT_FDS_H
#define VFIOSIM_AGENT_FDS_H

#include <stdbool.h>
#include <stdint.h>

#define OWN_FD_FIRST 900
#define OWN_FD_COUNT 1024

/* Moves @fd to a high number, close-on-exec. Returns the new number or a negative errno; @fd is closed. */
int own_fd_keep(int fd);

/* Takes over a high descriptor that an exec brought along; it becomes close-on-exec. 0 or a negative errno. */
int own_fd_adopt(int fd);

void own_fd_close(int fd);

/* Closes every own descriptor that is neither @a nor @b. */
void own_fd_close_others(int a, int b);

/* True for a descriptor that calls must not see. @fd is a call's argument, so any value goes. */
bool own_fd_is(int64_t fd);

#endif
