/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * TCE tables: what a DMA window translates by (translation control entries, on POWER).
 *
 * A table has an entry for each page of its window, each with a user address and what a device may do there. A table
 * costs what is put into it, and not what its window spans: entries that follow each other next to nothing, others
 * eight bytes each, and what leads to them.
 */
#ifndef MODEL_TCE_TABLE_H
#define MODEL_TCE_TABLE_H

#include "rangemap.h"

struct tce_table {
	uint32_t page_shift;  /* of its pages; 0: there is no table */
	uint32_t levels;      /* of tables that lead to an entry */
	uint64_t first, last; /* bus addresses of the window, inclusive */
	uint64_t charged;     /* pages of the host that it is charged as */
	uint64_t root;	      /* what leads to its entries; 0: there are none */
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

/*
 * Makes @count entries from @address on, which are in the window, instead of those that are there, for memory from
 * @user on, where devices may do @access (MAPPING_READ, MAPPING_WRITE). Both addresses are those of pages.
 */
void tce_table_put(struct tce_table *table, uint64_t address, uint64_t count, uint64_t user, uint32_t access);

/* Empties entries. */
void tce_table_clear(struct tce_table *table, uint64_t address, uint64_t count);

/*
 * The first entries in [first, last], which is in the window, and as many behind them as go on in memory and allow the
 * same: bus addresses, cut to what was asked for; value: user address of the first; tag: access. False if there are
 * none.
 */
bool tce_table_find(const struct tce_table *table, uint64_t first, uint64_t last, struct range *found);

/* How many entries there are. */
uint64_t tce_table_entries(const struct tce_table *table);

/* How many of them are for memory in [first, last]. */
uint64_t tce_table_uses(const struct tce_table *table, uint64_t first, uint64_t last);

/* Gives a table that was copied by assignment its own reference to what it shares now. */
void tce_table_unshare(struct tce_table *table);

/* Lets go of the entries, and of the table. */
void tce_table_free(struct tce_table *table);

/* Mixes the entries into a digest: the same for the same entries, however they were put. */
uint64_t tce_table_digest(const struct tce_table *table, uint64_t digest);

/* Checks what is counted; for tests and audits. */
bool tce_table_valid(const struct tce_table *table);

#endif
