/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Containers that nest, as was proposed in 2020: a guest has page tables of its own in the first of two stages.
 * nesting.c has what a container is told and gets of it, nesting_op.c what it does with the guest's tables.
 */
#ifndef MODEL_NESTING_H
#define MODEL_NESTING_H

#include "type1.h"

/* Whether the kernel tells of nesting at all; before that, the type is a name for a mapping like all others. */
static inline bool nesting_proposed(const struct host *host)
{
	return profile_get(host, PROFILE_NESTING_INFO);
}

/* Whether one more group may join the instance: STEP_MORE, or refused. */
enum step_result nesting_has_room(struct host *host, struct op *op, const struct type1 *iommu);

/* Whether what the IOMMU of @group says of nesting is of use: STEP_MORE, or refused. */
enum step_result nesting_check(struct host *host, struct op *op, const struct type1 *iommu, uint32_t group);

/* The group has joined: the instance knows what its IOMMU says, and the caller's PASIDs are its. */
void nesting_enter(struct host *host, const struct op *op, struct type1 *iommu, uint32_t group);

/* The group goes, or the instance: guests' tables are unbound, and PASIDs that no other container has are free. */
void nesting_leave(struct host *host, struct type1 *iommu);

/* Bytes of the capability that tells of nesting, its header included; and what follows the header. */
uint32_t nesting_capability_size(const struct host *host, const struct nesting *nesting);
void nesting_capability(const struct host *host, const struct nesting *nesting, uint8_t *bytes);

/* Whether the PASID is one that the instance may use, or the rule by which it is not. */
enum rule nesting_pasid_check(const struct host *host, const struct type1 *iommu, uint32_t pasid);

/* The guest's page table at @table is bound to a PASID that is somebody's; and a PASID has none any more. */
void nesting_bind(struct host *host, struct type1 *iommu, uint32_t pasid, uint64_t table);
void nesting_unbind(struct host *host, struct type1 *iommu, uint32_t pasid);

/* The end of an operation for which the IOMMU has a refusal, or RULE_NONE: some kernels do not pass it on. */
enum step_result nesting_answer(struct host *host, struct op *op, enum rule refusal);

#endif
