/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The memory of tasks: address spaces (mm.c, mm_place.c, mm_map.c, mm_remap.c, mm_access.c, mm_lock.c), and files in
 * memory.
 */
#ifndef MODEL_MM_H
#define MODEL_MM_H

#include "op.h"

/* User addresses end here on every kernel that is modelled with four page-table levels. */
#define TASK_SIZE 0x00007ffffffff000ull

/* A new address space for @task, empty or with a copy of the memory in @mm. */
uint32_t mm_new(struct host *host, uint32_t task);
uint32_t mm_fork(struct host *host, uint32_t mm, uint32_t task);
/* Whether there are the huge pages that a fork needs. */
bool mm_can_fork(struct host *host, uint32_t mm);
void mm_put_user(struct host *host, uint32_t mm);
/* Bytes of one page of an area with this tag. */
uint64_t mm_page_bytes(const struct host *host, uint32_t tag);
/* Takes [first, last] out of the address space. */
void mm_forget(struct host *host, uint32_t mm, uint64_t first, uint64_t last);
/* Takes the private pages of [first, last] out, and leaves the areas. */
void mm_drop_pages(struct host *host, uint32_t mm, uint64_t first, uint64_t last);
/* Gives a part of one area another tag. */
void mm_change_area(struct host *host, uint32_t mm, const struct range *part, uint32_t tag);
/* Makes the next write to private pages look for others who have them. */
void mm_disown_pages(struct host *host, uint32_t mm, uint64_t first, uint64_t last);
/*
 * Where @length bytes in units of @unit go that have no fixed place: where they were observed if that is free, else
 * below the last ones. 0 if there is no room.
 */
uint64_t mm_place(struct host *host, const struct op *op, uint32_t mm, uint64_t length, uint64_t unit);

/* ---- hashed page tables (mm_hashed.c); with others nothing of it happens ---- */

/* Where the slice of addresses begins that has this one. */
uint64_t mm_slice_first(uint64_t address);
/* Whether [first, last] may have pages of @unit bytes beside what lies in the same slices of addresses. */
bool mm_slices_fit(const struct host *host, uint32_t mm, uint64_t first, uint64_t last, uint64_t unit);
/*
 * Whether the kernel never comes to an end when it brings in [first, last] for writing, up to what is not there or not
 * writable, or with @go_on whatever of it is there (RULE_MM_HUGE_PART).
 */
bool mm_bring_in_hangs(const struct host *host, uint32_t mm, uint64_t first, uint64_t last, bool go_on);
/* Whether that is so of an area with this tag, if all of it is brought in. */
bool mm_populate_hangs(const struct host *host, uint32_t tag);

/* Whether these are whole units within the address space. */
bool mm_range_valid(uint64_t address, uint64_t length, uint64_t unit);
/* Whether [first, last] begins or ends within a huge page of an area, which cannot be cut there. */
bool mm_cuts_huge_page(const struct host *host, uint32_t mm, uint64_t first, uint64_t last);
/* Moves the private pages of @bytes at @from to @to, where there are none. */
void mm_move_pages(struct host *host, uint32_t mm, uint64_t from, uint64_t bytes, uint64_t to);

/* Pages that count against RLIMIT_MEMLOCK. */
uint64_t mm_locked(const struct mm *mm);

enum run_kind { RUN_NOTHING, RUN_ZERO, RUN_MEMORY, RUN_DEVICE };

/* What lies side by side behind addresses that do. */
struct run {
	enum run_kind kind;
	uint64_t place;	 /* in memory, or in the device's file; of no meaning for the zero page */
	uint64_t length; /* bytes */
	uint32_t device;
};

enum touch {
	TOUCH_READ,
	TOUCH_WRITE, /* also for a device that writes */
	TOUCH_PIN,   /* for a device that reads */
};

/*
 * Brings in the beginning of @bytes at @address, up to where something else begins. RUN_NOTHING: there is nothing, it
 * has none of the @prot bits, or it cannot be brought in.
 */
struct run mm_touch(struct host *host, uint32_t mm, uint64_t address, uint64_t bytes, enum touch touch, uint32_t prot);

/*
 * Brings in all areas of [first, last] as for their program's own accesses, up to the first of which some cannot be
 * had, or with @go_on the others as well. False if there was one.
 */
bool mm_populate(struct host *host, uint32_t mm, uint64_t first, uint64_t last, bool go_on);

/* mremap (mm_remap.c), which map_call_handler answers for. */
handler_fn call_mremap;

/* Loads and stores words of memory that are known; unknown bytes have their mask cleared. */
void mm_load(struct host *host, uint32_t mm, uint64_t address, uint8_t *bytes, uint8_t *mask, uint32_t length);
void mm_store(struct host *host, uint32_t mm, uint64_t address, const uint8_t *bytes, bool known, uint32_t length);
/*
 * Stores @length bytes: @word again and again, of which the last may be cut off. Costs the same however much it is.
 * @known is false if nobody can say what lies there afterwards.
 */
void mm_fill(struct host *host, uint32_t mm, uint64_t address, uint64_t word, bool known, uint64_t length);
/* How many of @length bytes from @address on are mapped with at least one of these PROT_ bits, up to the first that is
 * not. */
uint64_t mm_reach(const struct host *host, uint32_t mm, uint64_t address, uint64_t length, uint32_t prot);
/* Whether any of it is a device's registers: loads and stores are the device's affair then, and may set it going. */
bool mm_touches_device(const struct host *host, uint32_t mm, uint64_t address, uint64_t length);
/* Whether all of it is mapped with at least one of these PROT_ bits. */
bool mm_accessible(const struct host *host, uint32_t mm, uint64_t address, uint64_t length, uint32_t prot);

enum { PROT_READ_BIT = 1, PROT_WRITE_BIT = 2 };

/* ---- files in memory: memory_file.c --------------------------------------------------------- */

uint32_t memory_file_new(struct host *host, uint64_t size, bool huge, uint32_t flags);
void memory_file_release(struct host *host, uint32_t index);
/* The first of the file's pages in [offset, last], brought in. */
struct run memory_file_touch(struct host *host, uint32_t index, uint64_t offset, uint64_t last);

/* Huge pages that nobody uses or has been promised. */
uint64_t huge_pages_free(const struct host *host);

#endif
