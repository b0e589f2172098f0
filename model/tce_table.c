/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
#include "tce_table.h"

#include <string.h>

void tce_table_put(struct tce_table *table, uint64_t address, uint64_t count, uint64_t user, uint32_t tag)
{
	struct range extent = {.first = address, .value = user, .tag = tag};

	if (!count)
		return;
	extent.last = address + (count << table->page_shift) - 1;
	rangemap_carve(&table->entries, extent.first, extent.last, true);
	rangemap_insert(&table->entries, &extent);
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
