/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(5);
}

int64_t call(struct host *host, struct call *call)
{
	struct outcome outcome;

	call->task = call->thread = 1;
	host_call(host, call, NULL, &outcome);
	if (!outcome.modelled)
		fail("a call is not modelled");
	return outcome.ret;
}

int64_t call_open(struct host *host, const char *path)
{
	struct call open = {.op = CALL_OPEN, .string = path, .args = {0, 2}};

	return call(host, &open);
}

int64_t call_ioctl(struct host *host, int64_t fd, const char *name, const void *bytes, uint32_t length, uint64_t value)
{
	const struct ioctl_row *row = ioctl_by_name(name, strlen(name));
	struct call ioctl = {.op = CALL_IOCTL,
			     .args = {(uint64_t)fd, row->number, value},
			     .ioctl = row,
			     .has_pointer = bytes != NULL,
			     .buffer_count = bytes != NULL,
			     .buffers = {{.length = length, .in = bytes}}};

	return call(host, &ioctl);
}

uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
