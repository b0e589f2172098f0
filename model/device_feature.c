/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * DEVICE_FEATURE: what a device can beyond its regions and interrupts. The devices of the model are whole
 * functions without migration: they can save power, and nothing else.
 */
#include "host.h"
#include "vfiosim/uapi.h"

#define FEATURE_OPS   (VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET)
#define FEATURE_FLAGS (VFIO_DEVICE_FEATURE_MASK | FEATURE_OPS | VFIO_DEVICE_FEATURE_PROBE)

/* What comes behind the struct when a power feature is set. */
enum { WAKEUP_BYTES = 8 };

/* A feature that can be set and not got: either the call asks about it, or it shall be done with @bytes of data. */
static enum step_result check_settable(const struct host *host, struct op *op,
				       const struct vfio_device_feature *feature, uint32_t bytes)
{
	if ((feature->flags & VFIO_DEVICE_FEATURE_GET) && !defect_on(host, DEFECT_FEATURE_ANY_OPERATION))
		return refuse(op, RULE_DEV_FEATURE_OP);
	if (feature->flags & VFIO_DEVICE_FEATURE_PROBE) {
		hit(op, RULE_DEV_FEATURE_PROBE);
		return finish(op, 0);
	}
	if (!(feature->flags & VFIO_DEVICE_FEATURE_SET))
		return refuse(op, RULE_DEV_FEATURE_OP);
	if (feature->argsz - sizeof(*feature) < bytes && !defect_on(host, DEFECT_FEATURE_ARGSZ))
		return refuse(op, RULE_DEV_FEATURE_ARGSZ);
	return STEP_MORE;
}

enum step_result device_feature(struct host *host, struct op *op)
{
	struct vfio_device_feature feature;
	const bool power = profile_get(host, PROFILE_FEATURE_LOW_POWER);
	uint32_t number;

	if (user_load_argsz(op, &feature, sizeof(feature), RULE_DEV_FEATURE_FAULT, RULE_DEV_FEATURE_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (feature.flags & ~(uint32_t)FEATURE_FLAGS)
		return refuse(op, RULE_DEV_FEATURE_FLAGS);
	if ((!(feature.flags & VFIO_DEVICE_FEATURE_PROBE) || defect_on(host, DEFECT_FEATURE_PROBE_ONE)) &&
	    (feature.flags & FEATURE_OPS) == FEATURE_OPS)
		return refuse(op, RULE_DEV_FEATURE_FLAGS);
	number = feature.flags & VFIO_DEVICE_FEATURE_MASK;
	if (number == VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2 && profile_get(host, PROFILE_FEATURE_PRECOPY_INFO_V2))
		return refuse(op, RULE_DEV_FEATURE_NO_PRECOPY);
	if (device_is_mediated(host, op_device(host, op)))
		return refuse(op, RULE_DEV_FEATURE_ABSENT);
	if (number == VFIO_DEVICE_FEATURE_DMA_BUF && profile_get(host, PROFILE_FEATURE_DMA_BUF))
		return unmodelled(host, op);
	if (!power || number < VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY || number > VFIO_DEVICE_FEATURE_LOW_POWER_EXIT)
		return refuse(op, RULE_DEV_FEATURE_ABSENT);
	if (check_settable(host, op, &feature,
			   number == VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP ? WAKEUP_BYTES : 0) == STEP_DONE)
		return STEP_DONE;
	/* When a device falls asleep, and when an access wakes it, is not the caller's to say. */
	if (number != VFIO_DEVICE_FEATURE_LOW_POWER_EXIT)
		return unmodelled(host, op);
	hit(op, RULE_DEV_FEATURE_AWAKE);
	return finish(op, 0);
}
