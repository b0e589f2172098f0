/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Compiled boards of this folder, with room for edits. A function that cannot do its work fails the test. */
#ifndef VFIOSIM_TESTS_BOARDS_BLOB_H
#define VFIOSIM_TESTS_BOARDS_BLOB_H

#include <stddef.h>

#include "vfiosim/board.h"

struct blob {
	void *bytes; /* free with free() */
	size_t size;
};

/* NAME.dts of this folder, compiled. */
struct blob blob_open(const char *name);

/* Sets a property to cells. */
void blob_set(struct blob *blob, const char *path, const char *property, const unsigned *cells, size_t count);

/* Expects it to be refused with a message that has @what in it, and frees it. */
void blob_refused(struct blob *blob, const char *what);

#endif
