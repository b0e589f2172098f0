/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Diagnostics: filling them and printing them as "file:line:column: text".
 */
#include "vfiosim/diag.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

int diag_set(struct diag *diag, const char *file, uint64_t line, uint32_t column, const char *format, ...)
{
	va_list args;

	if (!diag)
		return -1;
	snprintf(diag->file, sizeof(diag->file), "%s", file ? file : "");
	diag->line = line;
	diag->column = column;
	va_start(args, format);
	vsnprintf(diag->text, sizeof(diag->text), format, args);
	va_end(args);
	return -1;
}

void diag_print(const struct diag *diag)
{
	fputs("vfiosim: ", stderr);
	if (diag->file[0])
		fprintf(stderr, "%s:", diag->file);
	if (diag->line)
		fprintf(stderr, "%" PRIu64 ":", diag->line);
	if (diag->line && diag->column)
		fprintf(stderr, "%" PRIu32 ":", diag->column);
	fprintf(stderr, "%s%s\n", diag->file[0] || diag->line ? " " : "", diag->text);
}
