/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of TYPE1 share: type1.c has the instance and what it tells, type1_find.c its mappings, type1_map.c
 * mapping and unmapping, type1_groups.c groups that join and leave, type1_windows.c where mappings may lie,
 * type1_pins.c what mediated devices do with pages, type1_dirty.c dirty tracking, type1_bitmap.c dirty bitmaps.
 */
#ifndef MODEL_TYPE1_H
#define MODEL_TYPE1_H

#include "host.h"
#include "iotable.h"
#include "vfiosim/uapi.h"

/* The instance behind the container that the call went to; there is one. */
struct type1 *op_type1(struct host *host, const struct op *op);

/* Whether a group behind an IOMMU has joined: then mappings are pinned, and charged. */
bool type1_backed(const struct type1 *iommu);

/* The page size that mappings, and requests about them, are multiples of. */
uint64_t type1_smallest_page(const struct type1 *iommu);

/* Pages that may still be charged to @mm, by the limit of the task that it belongs to. */
uint64_t type1_room(const struct host *host, uint32_t mm);

/* ---- the mappings of an instance: type1_find.c --------------------------------------------- */

/* A mapping that a search came upon. */
struct found {
	bool any;	      /* false: there is none */
	uint32_t node;	      /* in the instance's tree, if it has one */
	struct range mapping; /* as it was when it was found */
};

/* Makes a new instance ready for mappings. */
void type1_open_mappings(const struct host *host, struct type1 *iommu);
/* Removes all mappings, and what kept them. */
void type1_close_mappings(struct host *host, struct type1 *iommu);

/* Whether the kernel loses track of a range that ends at @last. */
bool type1_lost_at_top(const struct host *host, uint64_t last);

/* A mapping in [first, last]: with several, which one depends on the kernel. */
struct found type1_find(const struct host *host, const struct type1 *iommu, uint64_t first, uint64_t last);
/* The mapping that goes on beyond @point, the last byte of a range. */
struct found type1_find_at(const struct type1 *iommu, uint64_t point);
/* The first mapping in [first, last], and the one behind @found; @found itself may be removed meanwhile. */
struct found type1_find_first(const struct type1 *iommu, uint64_t first, uint64_t last);
struct found type1_find_next(const struct type1 *iommu, const struct found *found, uint64_t last);
/* The first mapping that begins in [first, last], and the one behind @found there: none is missed. */
struct found type1_first_in(const struct type1 *iommu, uint64_t first, uint64_t last);
struct found type1_next_in(const struct type1 *iommu, const struct found *found, uint64_t last);

/*
 * A new mapping in three parts, because the kernel links it before it knows whether its memory can be pinned: the
 * place in the tree, and then either the mapping with all that it has, or nothing.
 */
uint32_t type1_link(struct type1 *iommu, uint64_t first, uint64_t last);
void type1_unlink(struct type1 *iommu, uint32_t node);
void type1_keep(const struct host *host, struct type1 *iommu, uint32_t node, const struct range *mapping);

/* For changing a mapping's value or tag. */
struct range *type1_edit(struct type1 *iommu, const struct found *found);

/* Takes a mapping out of an instance, gives its charge and its entry back. */
void type1_remove(struct host *host, struct type1 *iommu, const struct found *found);

/* Charges @pages more for a mapping, to the address space that it is charged to if that is still there. */
void type1_charge(struct host *host, struct range *mapping, uint64_t pages);
/* Gives @pages of a mapping's charge back. An address space that is gone gets nothing, and the mapping keeps its
 * charge. */
void type1_uncharge(struct host *host, struct range *mapping, uint64_t pages);

/*
 * Whether a mapping begins before [first, last], or ends behind it, so that the range cuts it in two. @start, which may
 * be NULL, gets what was found at @first.
 */
bool type1_bisects(const struct host *host, const struct type1 *iommu, uint64_t first, uint64_t last,
		   struct found *start);

/* ---- dirty tracking: type1_dirty.c ---------------------------------------------------------- */

/* The bytes of the largest dirty bitmap that is taken. */
#define DIRTY_BITMAP_MAX (1ull << 28)

/* Whether any group's devices write where they like, so that every page of every mapping has to be taken for dirty. */
bool type1_all_dirty(const struct host *host, const struct type1 *iommu);

/* Whether a mapping of @size bytes is not too large for a dirty bitmap. */
bool type1_can_track(const struct type1 *iommu, uint64_t size);

/* A mapping goes, and what is known of its dirty pages with it. */
void type1_dirty_forget(struct type1 *iommu, const struct range *mapping);

/* The log ends, and what is known of dirty pages goes. */
void type1_dirty_clear(struct type1 *iommu);

/* Checks a bitmap for @size bytes of IOVAs before any lock is taken; STEP_MORE with where it is in @pointer. */
enum step_result type1_bitmap_check(struct host *host, struct op *op, const struct vfio_bitmap *bitmap, uint64_t size,
				    struct user_pointer *pointer);

/* ---- dirty bitmaps: type1_bitmap.c ---------------------------------------------------------- */

/*
 * Whether all that reports of the mappings which begin in [first, last] would read at @pointer is known, and nothing
 * that they would write is a device's.
 */
bool type1_report_modelled(struct host *host, struct op *op, const struct type1 *iommu, uint64_t first, uint64_t last,
			   const struct user_pointer *pointer);

/*
 * Writes a mapping's dirty bits to a user's bitmap that begins with the page at @base. False is a fault. What is dirty
 * stays so, or goes where the kernel has moved it for a report that failed.
 */
bool type1_report(struct host *host, struct op *op, struct type1 *iommu, const struct range *mapping, uint64_t base,
		  const struct user_pointer *pointer);

/* ---- pages of mediated devices: type1_pins.c ------------------------------------------------ */

/* Whether a mediated device has pinned any page of a mapping. */
bool type1_is_pinned(const struct type1 *iommu, const struct range *mapping);

/* ---- windows: type1_windows.c --------------------------------------------------------------- */

void windows_clear(struct windows *windows);
struct windows windows_copy(const struct windows *windows);

/* Whether a mapping may cover [first, last]: it lies in one window, or there is none. */
bool windows_allow(const struct windows *windows, uint64_t first, uint64_t last);

/* Cuts off what lies outside of the aperture; without a window, the aperture becomes the first one. */
void windows_narrow(struct windows *windows, struct iova_range aperture);

/* Takes a reserved range out. */
void windows_exclude(struct windows *windows, const struct iova_range *reserved);

#endif
