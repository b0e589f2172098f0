/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Containers and groups, and what becomes of a group when its devices are taken from their driver, or from the bus.
 */
#ifndef MODEL_CONTAINER_H
#define MODEL_CONTAINER_H

#include "op.h"

uint32_t container_new(struct host *host);
void container_put(struct host *host, uint32_t container);
/* Attaches a group, or refuses to. */
enum step_result container_attach(struct host *host, struct op *op, uint32_t container, uint32_t group);
/* Takes a group out of its container. RULE_NONE, or what that brings besides, for those that stay. */
enum rule container_detach(struct host *host, uint32_t group);
/*
 * The same in two parts: the group leaves, and what it leaves is seen to. Whether others may run in between; the first
 * part, which says what container_detach() does; and the second one for the container that it was in.
 */
bool container_parts_first(const struct host *host, uint32_t container);
enum rule container_part(struct host *host, uint32_t group);
void container_settle(struct host *host, uint32_t container, uint32_t group);
bool container_has_groups(const struct host *host, uint32_t container);
/* The instance behind the container that the call went to, in the table of its kind. */
uint32_t op_iommu(const struct host *host, const struct op *op);
/* An ioctl that is none of a container's own, nor of its IOMMU's. */
enum step_result container_unknown_ioctl(struct host *host, struct op *op);
/* Whose ioctls a container answers: its own alone, or also its IOMMU driver's. */
enum ioctl_owner container_owner(const struct host *host, uint32_t container);

/* The group of /dev/vfio/NUMBER or /dev/vfio/noiommu-NUMBER; NOTHING if there is none. */
uint32_t group_find(const struct host *host, uint64_t number);
void group_release(struct host *host, uint32_t group);
/* The last device of a group is taken from its driver. An open file of the group is then one of nothing. */
void group_vanish(struct host *host, uint32_t group);
/* Whether a driver has a device of the group; and whether one but @device. */
bool group_has_devices(const struct host *host, uint32_t group);
bool group_has_devices_but(const struct host *host, uint32_t group, uint32_t device);
/* The argument of GROUP_GET_DEVICE_FD, with its NUL, which is within GROUP_NAME_MAX bytes: STEP_MORE, or refused. */
enum { GROUP_NAME_MAX = 4096 };
enum step_result group_read_name(struct op *op, char *name);

/* ---- groups whose devices are gone, and who takes them: group_gone.c, driver.c, host_driver.c -- */

/* The file of a vanished group is closed; @iommufd: its object. */
void group_gone_release(struct host *host, uint32_t iommufd);
/* The handler of an ioctl that groups have. */
handler_fn *group_gone_ioctl_handler(uint32_t number);
/* Opens a path below /sys/bus/pci/drivers/, and writes to what was opened. */
enum step_result driver_open(struct host *host, struct op *op, const char *name);
handler_fn driver_write;
/* The device with this address, of those on the bus that the driver may have; else NOTHING. */
uint32_t driver_device(const struct host *host, const char *driver, const char *address, size_t length);
/*
 * Takes a device that vfio-pci has away from it, and its group along if that was the last one: STEP_MORE, or the end
 * of the call when that waits, or is not modelled; the device is still there then.
 */
enum step_result driver_take(struct host *host, struct op *op, uint32_t device);
/* Gives a device to vfio-pci; its group is there with it. */
void driver_give(struct host *host, uint32_t device);
/* Whether no driver of the host has a device of the group; and whether its DMA is a container's or an iommufd's. */
bool group_is_viable(const struct host *host, uint32_t group);
bool group_is_taken(const struct host *host, uint32_t group);
/* The address of a device that a driver of the host may have is written to its file. */
enum step_result host_driver_bind(struct host *host, struct op *op, uint32_t device);
enum step_result host_driver_unbind(struct host *host, struct op *op, uint32_t device);

/* ---- the PCI bus, from which devices are taken altogether: bus.c ----------------------------- */

/* Opens a path below /sys/bus/pci/ that is none of a driver, and writes to what was opened. */
enum step_result bus_open(struct host *host, struct op *op, const char *name);
handler_fn bus_write;

#endif
