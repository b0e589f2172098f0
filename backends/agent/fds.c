/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Which descriptors of this process are the agent's own. All threads share the table, as they
 * share the descriptors; fork copies both.
 */
#include "fds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool own[OWN_FD_COUNT];

int own_fd_keep(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FD_FIRST);
	int error = high < 0 ? -errno : 0;

	close(fd);
	if (high >= OWN_FD_FIRST + OWN_FD_COUNT) {
		close(high);
		error = -EMFILE;
	}
	if (error)
		return error;
	own[high - OWN_FD_FIRST] = true;
	return high;
}

int own_fd_adopt(int fd)
{
	if (fd < OWN_FD_FIRST || fd >= OWN_FD_FIRST + OWN_FD_COUNT)
		return -EBADF;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	own[fd - OWN_FD_FIRST] = true;
	return 0;
}

void own_fd_close(int fd)
{
	if (!own_fd_is(fd))
		return;
	own[fd - OWN_FD_FIRST] = false;
	close(fd);
}

void own_fd_close_others(int a, int b)
{
	for (int fd = OWN_FD_FIRST; fd < OWN_FD_FIRST + OWN_FD_COUNT; fd++)
		if (fd != a && fd != b)
			own_fd_close(fd);
}

bool own_fd_is(int64_t fd)
{
	return fd >= OWN_FD_FIRST && fd < OWN_FD_FIRST + OWN_FD_COUNT && own[fd - OWN_FD_FIRST];
}
