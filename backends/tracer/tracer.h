/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The tracer: records the VFIO calls of an unmodified program as trace events.
 *
 * It works as `strace --seccomp-bpf` does: a seccomp filter stops only the calls of
 * interest, so that a program without VFIO runs at its own speed; once a process
 * holds a VFIO descriptor, every call of it is looked at. Threads, children and
 * programs started by the program are followed. Needs only libc and the format
 * library, so that it also runs in the guest.
 */
#ifndef VFIOSIM_TRACER_H
#define VFIOSIM_TRACER_H

#include "vfiosim/call.h"
#include "vfiosim/diag.h"

#define TRACER_VFIO_PREFIX "/dev/vfio/"

/*
 * Takes one event; what it points to is valid during the call only. Returns 0, or a
 * negative errno to end the recording (and the program with it).
 */
typedef int (*tracer_sink)(const struct event *event, void *context);

struct tracer_options {
	char *const *argv;     /* program and arguments, NULL at the end; argv[0] is looked up in PATH */
	char *const *envp;     /* NULL: the caller's environment */
	const char *directory; /* working directory of the program; NULL: the caller's */
	const char *prefix;    /* paths that count as VFIO begin with this; NULL: TRACER_VFIO_PREFIX */
	tracer_sink sink;
	void *context;
};

/*
 * Runs the program until it and all its descendants are gone. Events come in the order in
 * which the calls returned. @exit_status gets the program's exit status, or 128 plus the signal
 * that ended it. Returns 0, or -1 with @diag when the program could not be started or traced.
 *
 * While it runs, SIGINT and SIGQUIT are ignored (the terminal sends them to the program
 * too), and the statuses of other children of the caller are lost: the caller should
 * have none.
 */
int tracer_run(const struct tracer_options *options, int *exit_status, struct diag *diag);

/* The same, with every event written to @fd as a line of a trace. @options->sink and context are not used. */
int tracer_stream(const struct tracer_options *options, int fd, int *exit_status, struct diag *diag);

#endif
