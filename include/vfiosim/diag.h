/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Diagnostics: where in some input a thing went wrong, and what was expected.
 *
 * Everything that reads input (traces, machines, command lines) reports through
 * this one type, so that every message looks like "file:line:column: text".
 */
#ifndef VFIOSIM_DIAG_H
#define VFIOSIM_DIAG_H

#include <stdint.h>

#define DIAG_TEXT_MAX 512

struct diag {
	char file[256];		  /* name as the user gave it; "" when there is none */
	uint64_t line;		  /* 1-based; 0: not about one line */
	uint32_t column;	  /* 1-based, in bytes; 0: not about one column */
	char text[DIAG_TEXT_MAX]; /* what is wrong and what was expected; no newline */
};

/* Fills @diag (printf-style @format); a NULL @diag is allowed. @file may be NULL. Always returns -1. */
int diag_set(struct diag *diag, const char *file, uint64_t line, uint32_t column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Prints "vfiosim: file:line:column: text\n" to stderr, leaving out the parts that are not set. */
void diag_print(const struct diag *diag);

#endif
