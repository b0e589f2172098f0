/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns how lists look. */
#include "cli/listing.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

void listing_begin(struct listing *listing, const char *const *titles)
{
	*listing = (struct listing){.titles = titles};
	while (titles[listing->column_count])
		listing->column_count++;
}

void listing_add(struct listing *listing, const char *const *cells)
{
	size_t columns = listing->column_count;
	char **grown = reallocarray(listing->cells, (listing->row_count + 1) * columns, sizeof(*grown));

	if (!grown) {
		listing->failed = true;
		return;
	}
	listing->cells = grown;
	grown += listing->row_count * columns;
	for (size_t i = 0; i < columns; i++) {
		grown[i] = strdup(cells[i]);
		if (!grown[i])
			listing->failed = true;
	}
	listing->row_count++;
}

static void print_json(const struct listing *listing)
{
	struct json_object *array = json_object_new_array();

	for (size_t row = 0; row < listing->row_count; row++) {
		struct json_object *object = json_object_new_object();

		for (size_t i = 0; i < listing->column_count; i++) {
			const char *cell = listing->cells[row * listing->column_count + i];

			json_object_object_add(object, listing->titles[i], json_object_new_string(cell));
		}
		json_object_array_add(array, object);
	}
	puts(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(array);
}

static void print_row(const struct listing *listing, const char *const *cells, const int *widths)
{
	for (size_t i = 0; i + 1 < listing->column_count; i++)
		printf("%-*s  ", widths[i], cells[i]);
	puts(cells[listing->column_count - 1]);
}

static void print_columns(const struct listing *listing)
{
	int widths[LISTING_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < listing->column_count; i++) {
		widths[i] = (int)strlen(listing->titles[i]);
		for (size_t row = 0; row < listing->row_count; row++) {
			int width = (int)strlen(listing->cells[row * listing->column_count + i]);

			widths[i] = width > widths[i] ? width : widths[i];
		}
	}
	print_row(listing, listing->titles, widths);
	for (size_t row = 0; row < listing->row_count; row++)
		print_row(listing, (const char *const *)listing->cells + row * listing->column_count, widths);
}

void listing_discard(struct listing *listing)
{
	for (size_t i = 0; i < listing->row_count * listing->column_count; i++)
		free(listing->cells[i]);
	free(listing->cells);
	*listing = (struct listing){.failed = listing->failed};
}

enum exit_code listing_end(struct listing *listing, const struct options *options)
{
	bool failed = listing->failed;

	if (!failed && options->values[OPTION_JSON])
		print_json(listing);
	else if (!failed)
		print_columns(listing);
	listing_discard(listing);
	return failed ? out_of_memory() : EXIT_CODE_CONFORMS;
}
