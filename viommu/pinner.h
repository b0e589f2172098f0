/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Asking the pinner, this project's mediated device, what it finds at an IOVA: include/vfiosim/pinner.h.
 */
#ifndef VFIOSIM_VIOMMU_PINNER_H
#define VFIOSIM_VIOMMU_PINNER_H

#include "viommu/port.h"

/* Pins @count pages at an IOVA, for writing or for reading only. True if it could. */
bool pinner_pin(struct port *port, int64_t fd, uint64_t iova, uint64_t count, bool writing);

/* Undoes a pin of just these pages. True if there was one. */
bool pinner_unpin(struct port *port, int64_t fd, uint64_t iova, uint64_t count);

/* Reads the word of 8 bytes at an IOVA. True if there is one. */
bool pinner_load(struct port *port, int64_t fd, uint64_t iova, uint64_t *word);

/* How many pages it has pinned. */
uint64_t pinner_pinned(struct port *port, int64_t fd);

#endif
