/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Facts about a thread that only /proc tells.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracer_internal.h"

/* Reads a small file whole. False if it cannot be read or does not fit. */
static bool read_small(const char *path, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while (length < size - 1 && (got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	text[length] = '\0';
	return got == 0;
}

/* The number after "\n@label", in @base; false if there is no such line. */
static bool find_number(const char *text, const char *label, int base, uint64_t *value)
{
	size_t length = strlen(label);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, label, length) == 0) {
			*value = strtoull(line + length, NULL, base);
			return true;
		}
	}
	return false;
}

bool proc_status(pid_t tid, struct proc_status *status)
{
	char path[64], text[8192];
	uint64_t locked, pinned;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (!read_small(path, text, sizeof(text)) || !find_number(text, "VmLck:", 10, &locked) ||
	    !find_number(text, "VmPin:", 10, &pinned) || !find_number(text, "CapEff:", 16, &status->capabilities))
		return false;
	status->locked = locked * 1024; /* the kernel writes kB */
	status->pinned = pinned * 1024;
	return true;
}

bool proc_lock_limit(pid_t tid, uint64_t *bytes)
{
	static const char label[] = "Max locked memory";
	char path[64], text[4096];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)tid);
	if (!read_small(path, text, sizeof(text)) || !(line = strstr(text, label)))
		return false;
	line += sizeof(label) - 1;
	line += strspn(line, " ");
	*bytes = strncmp(line, "unlimited", strlen("unlimited")) == 0 ? UINT64_MAX : strtoull(line, NULL, 10);
	return true;
}

pid_t proc_number(pid_t tid, const char *label)
{
	char path[64], text[8192];
	uint64_t number;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	return read_small(path, text, sizeof(text)) && find_number(text, label, 10, &number) ? (pid_t)number : 0;
}

bool proc_link(pid_t tid, const char *what, char target[CALL_PATH_MAX])
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, what);
	length = readlink(path, target, CALL_PATH_MAX - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return true;
}

bool proc_fd_flags(pid_t tid, int fd, uint64_t *flags)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, fd);
	return read_small(path, text, sizeof(text)) && find_number(text, "flags:", 8, flags);
}
