/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Devices: those of vfio-pci, and beside them mediated ones, platform devices, and the edu device.
 */
#ifndef MODEL_DEVICE_H
#define MODEL_DEVICE_H

#include "op.h"

/* The device whose file the call went to, and what the machine says of it. */
uint32_t op_device(const struct host *host, const struct op *op);
const struct device *op_described(const struct host *host, const struct op *op);

/* Whether the device shares a bus that is reset as a whole: it matters there who has the devices. */
bool device_hot_resets(const struct host *host, uint32_t device);
/* What vfio-pci does to a device that is opened for the first time. */
void device_enable(struct device_state *device);
void device_release(struct host *host, uint32_t device);

handler_fn device_read, device_write, device_mmap;

/* ---- devices opened by files of their own: device_file.c ---------------------------------- */

/* Opens a path below /dev/vfio/devices. */
enum step_result device_file_open(struct host *host, struct op *op, const char *name);
/* The number that the file of the next device gets which is given to a driver. */
uint32_t device_file_number(const struct host *host);
/* Whether a device of the group is open by its own file, so that the group cannot be opened. */
bool device_file_blocks(const struct host *host, uint32_t group);
/* Whether somebody has a file of the device, bound to anything or not. */
bool device_is_held(const struct host *host, uint32_t device);

/* ---- mediated devices: mdev.c, and this project's own: pinner.c ---------------------------- */

static inline bool device_is_mediated(const struct host *host, uint32_t device)
{
	return host->machine->devices[device].driver == DRIVER_MDEV;
}

/* Reading, writing, and all ioctls of a mediated device. */
handler_fn mdev_read, mdev_write, mdev_ioctl;
/* The device has been taken out of its address space by its program, and stays open. */
void mdev_detached(struct host *host, uint32_t device);
/* The last descriptor of the device is closed. */
void mdev_close(struct host *host, uint32_t device);

void pinner_free(struct pinner *pinner);
/* Gives a copied pinner its own lists. */
void pinner_unshare(struct pinner *pinner);
handler_fn pinner_read, pinner_write;
/* Lets go of everything and forgets everything: by a reset, and when the last descriptor of the device is closed. */
void pinner_reset(struct host *host, uint32_t device);
/* What a pinner hears when all that it could have pinned is to go. */
void pinner_detached(struct host *host, uint32_t device);
/* Before a mapping with pinned pages goes, every device that is open in the instance lets go of what it pinned there.
 */
void pinners_let_go(struct host *host, uint32_t iommu, uint64_t first, uint64_t last);
/* The same where an address space of an iommufd is what the devices are attached to. */
void pinners_let_go_of(struct host *host, uint32_t ioas, uint64_t first, uint64_t last);
/* Whether a device that is attached to one has pinned what is at @iova; up to @until it is all the same. */
bool pinners_have(const struct host *host, uint32_t ioas, uint64_t iova, uint64_t *until);
/* Whether an open device takes for pinned what is in the range, whether or not it still is. */
bool pinners_remember(const struct host *host, uint32_t iommu, uint64_t first, uint64_t last);

/* ---- platform devices: platform.c ---------------------------------------------------------- */

static inline bool device_is_platform(const struct host *host, uint32_t device)
{
	return host->machine->devices[device].driver == DRIVER_PLATFORM;
}

/* Reading, writing, and all ioctls of a platform device. */
handler_fn platform_read, platform_write, platform_ioctl;
/* Whether @name is the path of the device's node, or its place in sysfs. */
bool platform_is_named(const struct host *host, const struct device *device, const char *name);
/* Before a region is mapped: STEP_MORE, or it is not because it shares a page with others. */
handler_fn platform_mmap_check;

/* ---- the edu device: edu.c ------------------------------------------------------------------ */

enum step_result edu_read(struct host *host, struct op *op, uint32_t device, uint64_t offset, uint32_t length);
/* False when the model does not know what such a write does. */
bool edu_write(struct host *host, uint32_t device, uint64_t offset, const uint8_t *bytes, uint32_t length);

/* Lets time pass for a transfer that is under way; can_go_on is false when the model does not know what comes of it. */
bool edu_can_go_on(struct host *host, uint32_t device, uint64_t milliseconds);
void edu_go_on(struct host *host, struct op *op, uint32_t device, uint64_t milliseconds);

/* ---- while recovery resets a device: eeh.c ------------------------------------------------------ */

/* Whether nobody reaches its configuration space, but for what vfio-pci keeps of it; and whether it does nothing. */
bool eeh_blocked(const struct host *host, uint32_t device);
bool eeh_in_reset(const struct host *host, uint32_t device);

/* Whether a transfer of configuration space can be had: STEP_MORE, or how the call ends. */
enum step_result eeh_check_config(struct host *host, struct op *op, uint32_t device, bool write, uint64_t inside,
				  uint32_t count);

/* A device that nobody has open is to be opened: STEP_MORE, or how the call ends; and nobody has it open any more. */
enum step_result eeh_open(struct host *host, struct op *op, uint32_t device);
void eeh_closed(struct host *host, uint32_t device);

#endif
