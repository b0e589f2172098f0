/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Groups without an IOMMU: /dev/vfio/noiommu-N, and the IOMMU driver that a container of them has.
 *
 * Such a group comes into being when vfio-pci takes a device that no IOMMU translates for, in a kernel whose
 * noiommu mode is switched on. Nothing confines the device's DMA, so whoever opens the group, lets it into a
 * container, sets the IOMMU or opens the device needs CAP_SYS_RAWIO, each time anew. There is nothing to map: the
 * driver has no ioctl of its own.
 */
#include "host.h"
#include "vfiosim/uapi.h"

enum { CAPABILITY_SYS_RAWIO = 17 };

int64_t noiommu_check_extension(const struct host *host, uint64_t extension)
{
	return extension == VFIO_NOIOMMU_IOMMU && profile_get(host, PROFILE_NOIOMMU) == NOIOMMU_ENABLED;
}

enum step_result noiommu_permit(struct host *host, struct op *op, enum rule rule)
{
	const bool asks = !defect_on(host, rule == RULE_NOI_OPEN_CAPABILITY ? DEFECT_NOIOMMU_OPEN_ANYBODY
									    : DEFECT_NOIOMMU_ASKED_ONCE);

	return !asks || task_capable(op_task(host, op), CAPABILITY_SYS_RAWIO) ? STEP_MORE : refuse(op, rule);
}

enum step_result noiommu_begin(struct host *host, struct op *op, uint64_t type)
{
	(void)type; /* the driver has one extension, and that is its type */
	return noiommu_permit(host, op, RULE_NOI_SET_IOMMU_CAPABILITY);
}
