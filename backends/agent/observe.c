/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Reads VmLck and VmPin of this process. /proc/self/status stays open, because opening it
 * costs more than reading it.
 */
#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "memory.h"

static int status_fd = -1;

int observe_init(void)
{
	/* An earlier one, inherited by fork, tells of the parent. */
	own_fd_close(status_fd);
	status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (status_fd < 0)
		return -errno;
	status_fd = own_fd_keep(status_fd);
	return status_fd < 0 ? status_fd : 0;
}

/* The value of a line such as "VmLck:\t      12 kB", in bytes. */
static int status_field(const char *text, const char *name, uint64_t *bytes)
{
	const char *field = strstr(text, name);

	if (!field)
		return -EBADMSG;
	*bytes = strtoull(field + strlen(name), NULL, 10) * 1024;
	return 0;
}

int observe(struct accounting *accounting)
{
	char text[4096];

	memory_unlock_new();
	ssize_t got = pread(status_fd, text, sizeof(text) - 1, 0);

	if (got < 0)
		return -errno;
	text[got] = '\0';
	int error = status_field(text, "\nVmLck:", &accounting->locked);
	return error ? error : status_field(text, "\nVmPin:", &accounting->pinned);
}
