/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of TYPE1 share.
 */
#ifndef MODEL_TYPE1_H
#define MODEL_TYPE1_H

#include "host.h"

/* The instance behind the container that the call went to; there is one. */
struct type1 *op_type1(struct host *host, const struct op *op);

/* ---- the mappings of an instance: type1_find.c --------------------------------------------- */

/* A mapping that a search came upon. */
struct found {
	bool any;	      /* false: there is none */
	uint32_t node;	      /* in the instance's tree, if it has one */
	struct range mapping; /* as it was when it was found */
};

/* Makes an instance, whose windows are known, ready for mappings. */
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

#endif
