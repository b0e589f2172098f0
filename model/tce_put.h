/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The sPAPR IOMMU driver as it was first proposed (2012): one ioctl puts entries into the table of a container's group,
 * one at a time, and takes them out. docs/proposals.md goes through the review.
 */
#ifndef MODEL_TCE_PUT_H
#define MODEL_TCE_PUT_H

#include "mm.h"
#include "op.h"

/* What TCE_PUT of a profile says: no kernel has the driver, or a kernel has it, loaded or not. */
enum { TCE_PUT_ABSENT, TCE_PUT_LOADED, TCE_PUT_UNLOADED };

/* Gives each group of the machine that has one its table. */
void tce_put_begin(struct host *host);
void tce_put_drop(struct host *host);
void tce_put_unshare(struct host *host);

/* Whether a group is there: it does not take the driver. */
bool tce_put_group_exists(const struct host *host);

/* The step of SET_CONTAINER in which a group joins. */
enum { SET_CONTAINER_ATTACHES = 1 };

/*
 * A container whose driver has no lock looks in a step of its own whether a group may join: STEP_MORE, or refused. The
 * first one says whether that is this step.
 */
bool tce_put_looks_first(const struct host *host, const struct op *op);
enum step_result tce_put_may_join(struct host *host, struct op *op, uint32_t iommu, uint32_t group);

/* What containers ask of their IOMMU driver: container.c. */
bool tce_put_present(const struct host *host);
int64_t tce_put_check_extension(const struct host *host, uint32_t iommu, uint64_t extension);
enum step_result tce_put_open(struct host *host, struct op *op, uint64_t type, uint32_t *iommu);
void tce_put_release(struct host *host, uint32_t iommu);
enum step_result tce_put_join(struct host *host, struct op *op, uint32_t iommu, uint32_t group);
enum rule tce_put_leave(struct host *host, uint32_t group);
handler_fn tce_put_unknown_ioctl;
enum rule tce_put_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			    struct run *run);

/* NULL, or what is wrong with tables and who has them. */
const char *tce_put_audit(const struct host *host);
uint64_t tce_put_digest(const struct host *host, uint64_t digest);

#endif
