/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Having QEMU's edu device move bytes: a device behind the host's IOMMU that shows what it reaches.
 */
#ifndef VFIOSIM_VIOMMU_EDU_H
#define VFIOSIM_VIOMMU_EDU_H

#include "viommu/port.h"

/* Has it fetch a word of 8 bytes at one IOVA, and deliver it at another. It may touch memory from then on. */
void edu_move(struct port *port, const struct device *device, int64_t fd, uint64_t from, uint64_t to);

#endif
