/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A host to run calls on that are written as trace text, as everywhere.
 */
#ifndef VFIOSIM_TESTS_MODEL_BED_H
#define VFIOSIM_TESTS_MODEL_BED_H

#include "vfiosim/model.h"
#include "vfiosim/trace.h"

struct bed {
	struct host *host;
	struct arena *arena;
};

/* A host under a profile: on q35-edu, or on another machine. */
struct bed bed_new(const char *profile);
struct bed bed_on(const char *machine, const char *profile);
void bed_free(struct bed *bed);

/*
 * Runs one call on @host and gives its outcome. It must be modelled and leave the ledger in order; if the line has an
 * answer, the model must give the same.
 */
struct outcome run(struct bed *bed, struct host *host, const char *line);

/* Runs lines on the bed's own host, up to NULL. */
void run_all(struct bed *bed, const char *const *lines);

/* 3 is a container with an IOMMU, 4 its group; there is 1 MiB of memory at 0x100000000000. */
extern const char *const set_up[];

#define MAP(iova, size)                                                                                               \
	"1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, vaddr=0x100000000000, iova=" iova ", size=" size \
	"})"
#define UNMAP(iova, size) "1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=24, flags=0, iova=" iova ", size=" size "})"

#endif
