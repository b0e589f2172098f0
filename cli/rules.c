/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim rules`: every rule, and where it comes from. */
#include "cli/listing.h"
#include "vfiosim/rule.h"

enum exit_code command_rules(const struct options *options)
{
	static const char *const titles[] = {"rule", "errno", "sentence", "source", NULL};
	struct listing listing;

	listing_begin(&listing, titles);
	for (size_t i = RULE_NONE + 1; i < RULE_COUNT; i++) {
		const char *error = rules[i].error < 0 ? errno_name((unsigned)-rules[i].error) : NULL;
		const char *cells[] = {rules[i].name, error ? error : "-", rules[i].sentence, rules[i].source};

		listing_add(&listing, cells);
	}
	return listing_end(&listing, options);
}
