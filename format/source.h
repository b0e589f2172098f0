/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Where the lines of a trace come from: a file, a pipe or memory, plain or zstd.
 */
#ifndef VFIOSIM_SOURCE_H
#define VFIOSIM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfiosim/diag.h"

struct source;

/* "-" is standard input. NULL with @diag on error. */
struct source *source_open(const char *path, struct diag *diag);

/* @bytes must outlive the source; @name is for messages. */
struct source *source_open_memory(const char *name, const void *bytes, size_t length, struct diag *diag);

enum source_status { SOURCE_LINE, SOURCE_END, SOURCE_ERROR };

/*
 * The next line: @line[@length] is its newline. It is valid until the next call. A last line without a newline
 * is an error, because the file has then been cut off.
 */
enum source_status source_line(struct source *source, const char **line, size_t *length, struct diag *diag);

const char *source_name(const struct source *source);
uint64_t source_line_number(const struct source *source); /* of the line that was returned last */
void source_close(struct source *source);

#endif
