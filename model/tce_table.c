/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
#include "tce_table.h"

#include <string.h>

void tce_table_put(struct tce_table *table, uint64_t address, uint64_t count, uint64_t user, uint32_t tag)
{
	const struct range extent = {
	    .first = address, .last = address + (count << table->page_shift) - 1, .value = user, .tag = tag};

	if (count)
		rangemap_put(&table->entries, &extent, true);
}

void tce_table_clear(struct tce_table *table, uint64_t address, uint64_t count)
{
	if (count)
		rangemap_carve(&table->entries, address, address + (count << table->page_shift) - 1, true);
}

void tce_table_free(struct tce_table *table)
{
	rangemap_clear(&table->entries);
	memset(table, 0, sizeof(*table));
}
