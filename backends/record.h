/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Recording: runs an unmodified program where there is VFIO and writes a trace of it.
 */
#ifndef VFIOSIM_RECORD_H
#define VFIOSIM_RECORD_H

#include "vfiosim/backend.h"

struct record_options {
	const char *on; /* "kernel": this machine; or "vm:KERNEL" */
	/* What the virtual machine is; on this machine it is only written down, or NULL. */
	const struct machine *machine;
	const char *output; /* the trace; see trace_create() */
	char *const *argv;  /* the program, found in PATH, and its arguments; NULL at the end */
	/*
	 * For a virtual machine. The program and the libraries that it is linked with travel by themselves;
	 * what it loads or reads besides is named here: absolute paths of files or directories, NULL at the end.
	 * Libraries bring the libraries along that they need. NULL: nothing.
	 */
	const char *const *files;
	const char *const *environment; /* NAME=VALUE, beside PATH and HOME; NULL at the end, or NULL */
	/* The settings among its fields are made in a virtual machine. */
	struct trace_header wanted;
};

/*
 * Records one run of the program, its threads and descendants included. Output of the program goes to
 * our own standard output and error; in a virtual machine its standard input is empty.
 * @exit_status gets the exit status of the program, or 128 plus the signal that ended it.
 * The trace is only written if all went well (BACKEND_OK); else @diag says what did not.
 */
enum backend_status record_program(const struct record_options *options, int *exit_status, struct diag *diag);

#endif
