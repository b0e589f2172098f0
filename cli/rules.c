/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim rules`: every rule, where it comes from, and with traces, what shows it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check/rulebook.h"
#include "cli/listing.h"
#include "vfiosim/spaces.h"

enum { SEEN_TWICE = 2, CELL_BYTES = 1024 };

/* Why a rule is not seen on real kernels, where that is known. */
static const char *const unobserved[RULE_COUNT] = {
#define UNPERFORMED(rule, reason)
#define UNOBSERVED(rule, reason) [RULE_##rule] = reason,
#include "conformance/excused.def"
};

static const char *error_of(size_t rule)
{
	const char *error = rules[rule].error < 0 ? errno_name((unsigned)-rules[rule].error) : NULL;

	return error ? error : "-";
}

static unsigned kernels_of(const struct rulebook *book, size_t rule)
{
	return (unsigned)__builtin_popcount(book->entries[rule].kernels);
}

/* The kernels that were seen to follow a rule, or why there are none. */
static void print_kernels(const struct rulebook *book, size_t rule, char *cell, size_t size)
{
	size_t length = 0;

	cell[0] = '\0';
	for (uint32_t i = 0; i < book->kernel_count && length < size; i++)
		if (book->entries[rule].kernels >> i & 1)
			length += (size_t)snprintf(cell + length, size - length, "%s%s", length ? ", " : "",
						   book->kernels[i]);
	if (kernels_of(book, rule) < SEEN_TWICE && unobserved[rule] && length < size)
		snprintf(cell + length, size - length, "%s(%s)", length ? " " : "", unobserved[rule]);
	else if (!length)
		snprintf(cell, size, "-");
}

static void list_shown(const struct rulebook *book, struct listing *listing)
{
	for (size_t i = RULE_NONE + 1; i < RULE_COUNT; i++) {
		char cases[32], kernels[CELL_BYTES];
		const char *cells[] = {rules[i].name,	  error_of(i),	  cases, kernels, book->entries[i].first_case,
				       rules[i].sentence, rules[i].source};

		snprintf(cases, sizeof(cases), "%" PRIu64, book->entries[i].cases);
		print_kernels(book, i, kernels, sizeof(kernels));
		listing_add(listing, cells);
	}
}

static void print_summary(const struct rulebook *book)
{
	size_t performed = 0, seen = 0, reachable = 0;

	for (size_t i = RULE_NONE + 1; i < RULE_COUNT; i++) {
		performed += book->entries[i].cases > 0;
		seen += kernels_of(book, i) >= SEEN_TWICE;
		reachable += kernels_of(book, i) >= SEEN_TWICE || !unobserved[i];
	}
	fprintf(stderr,
		"%d rules: %zu have cases, %zu were seen on two kernels or more (%zu %% of the %zu that can be)\n",
		RULE_COUNT - 1, performed, seen, reachable ? 100 * seen / reachable : 0, reachable);
}

static enum exit_code list_with_traces(const struct options *options)
{
	static const char *const titles[] = {"rule",	   "errno",    "cases",	 "seen on",
					     "first case", "sentence", "source", NULL};
	struct rulebook *book = rulebook_new();
	struct listing listing;
	struct diag diag;

	if (!book)
		return out_of_memory();
	for (int i = 0; i < options->operand_count; i++) {
		if (rulebook_add(book, options->operands[i], &diag) != 0) {
			free(book);
			return bad_input(&diag);
		}
	}
	listing_begin(&listing, titles);
	list_shown(book, &listing);
	enum exit_code code = listing_end(&listing, options);
	print_summary(book);
	free(book);
	return code;
}

enum exit_code command_rules(const struct options *options)
{
	static const char *const titles[] = {"rule", "errno", "sentence", "source", NULL};
	struct listing listing;

	if (options->operand_count > 0)
		return list_with_traces(options);
	listing_begin(&listing, titles);
	for (size_t i = RULE_NONE + 1; i < RULE_COUNT; i++) {
		const char *cells[] = {rules[i].name, error_of(i), rules[i].sentence, rules[i].source};

		listing_add(&listing, cells);
	}
	for (size_t i = SPACE_RULE_NONE + 1; i < SPACE_RULE_COUNT; i++) {
		const char *cells[] = {space_rules[i].name, "-", space_rules[i].sentence, space_rules[i].source};

		listing_add(&listing, cells);
	}
	return listing_end(&listing, options);
}
