/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Lists of what there is: rows of texts, printed as aligned columns or as JSON. */
#ifndef VFIOSIM_CLI_LISTING_H
#define VFIOSIM_CLI_LISTING_H

#include "cli/cli.h"

#define LISTING_COLUMNS_MAX 12

struct listing {
	const char *const *titles; /* columns: head line, and keys in JSON; NULL at the end */
	size_t column_count;
	char **cells; /* row by row */
	size_t row_count;
	bool failed; /* memory ran out */
};

/* @titles is NULL at the end and must outlive the listing. */
void listing_begin(struct listing *listing, const char *const *titles);

/* Adds a row: one text for each column, copied. */
void listing_add(struct listing *listing, const char *const *cells);

/*
 * Prints it, the last column as wide as it likes, or with --json as an array of objects. Frees it and returns
 * the command's exit code.
 */
enum exit_code listing_end(struct listing *listing, const struct options *options);

/* Frees it without a word: what would have followed is in error. */
void listing_discard(struct listing *listing);

#endif
