/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * TCE tables: what a DMA window translates by (translation control entries, on POWER).
 *
 * A table has an entry for each page of its window, each with a user address and what a device may do there. Entries
 * that follow each other are kept as one extent, so that a table costs what it maps, and not what its window spans.
 */
#ifndef MODEL_TCE_TABLE_H
#define MODEL_TCE_TABLE_H

#include "rangemap.h"

struct tce_table {
	uint32_t page_shift;	 /* of its pages; 0: there is no table */
	uint32_t levels;	 /* of tables that lead to an entry */
	uint64_t first, last;	 /* bus addresses of the window, inclusive */
	uint64_t charged;	 /* pages of the host that it is charged as */
	struct rangemap entries; /* by bus address; value: user address; tag: as a mapping's */
};

static inline bool tce_table_exists(const struct tce_table *table)
{
	return table->page_shift != 0;
}

static inline uint64_t tce_table_page(const struct tce_table *table)
{
	return UINT64_C(1) << table->page_shift;
}

static inline bool tce_table_spans(const struct tce_table *table, uint64_t address)
{
	return tce_table_exists(table) && address >= table->first && address <= table->last;
}

/* How many pages there are from @address, which is in the window, to the window's end. */
static inline uint64_t tce_table_pages_from(const struct tce_table *table, uint64_t address)
{
	return (table->last - address + 1) >> table->page_shift;
}

/* Makes @count entries from @address on, instead of those that are there, for memory from @user on. */
void tce_table_put(struct tce_table *table, uint64_t address, uint64_t count, uint64_t user, uint32_t tag);

/* Empties entries. */
void tce_table_clear(struct tce_table *table, uint64_t address, uint64_t count);

/* Lets go of the entries, and of the table. */
void tce_table_free(struct tce_table *table);

#endif
