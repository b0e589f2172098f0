/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * /dev/iommu in its VFIO compatibility role: a file that takes a container's ioctls, and that groups can be put into as
 * if it were a container. Its own ioctls are not the VFIO API's and are not modelled, but for the one that is about
 * this role (iommufd_ioas.c).
 *
 * It holds together otherwise than a container does. A group that joins gets the iommufd an address space (IOAS), which
 * stays for good; leaving takes nothing away. What counts is devices: the first opening binds the device, which makes
 * the iommufd the owner of its group's DMA, and attaches it to the address space; the last close undoes both. The group
 * may have left, or be gone, in between.
 */
#include "iommufd.h"
#include "vfiosim/uapi.h"

struct iommufd *op_iommufd(struct host *host, const struct op *op)
{
	return &host->iommufds.items[host->files.items[op->file].object];
}

uint32_t iommufd_new(struct host *host)
{
	uint32_t index = 0;

	while (index < host->iommufds.count && host->iommufds.items[index].alive)
		index++;
	if (index == host->iommufds.count)
		index = table_add(&host->iommufds);
	host->iommufds.items[index] = (struct iommufd){.alive = true};
	return index;
}

void iommufd_release(struct host *host, uint32_t index)
{
	ioas_clear(host, &host->iommufds.items[index]);
	host->iommufds.items[index].alive = false;
}

enum step_result iommufd_join(struct host *host, struct op *op, uint32_t file, uint32_t group_index)
{
	struct iommufd *iommufd = &host->iommufds.items[host->files.items[file].object];
	struct group *group = &host->groups.items[group_index];

	/* Whoever joins first decides which kind can follow, even after it has left. */
	if (group->noiommu && iommufd->has_ioas && !defect_on(host, DEFECT_IOMMUFD_JOIN_MIXED))
		return refuse(op, RULE_IFD_JOIN_NOIOMMU);
	if (!group->noiommu && iommufd->noiommu)
		return refuse(op, RULE_IFD_JOIN_REAL);
	/* One that was forgotten is not taken again: there would be a second one. */
	if (!group->noiommu && iommufd->made_ioas && !iommufd->has_ioas)
		return unmodelled(host, op);
	if (group->noiommu)
		iommufd->noiommu = true;
	else
		iommufd->made_ioas = iommufd->has_ioas = true;
	group->iommufd = file;
	file_get(host, file);
	hit(op, RULE_IFD_JOIN);
	return finish(op, 0);
}

bool iommufd_has_ioas(const struct host *host, uint32_t file)
{
	return host->iommufds.items[host->files.items[file].object].has_ioas;
}

void iommufd_leave(struct host *host, uint32_t group)
{
	uint32_t file = host->groups.items[group].iommufd;

	host->groups.items[group].iommufd = NOTHING;
	if (defect_on(host, DEFECT_IOMMUFD_LEAVE_UNMAPS))
		ioas_clear(host, &host->iommufds.items[host->files.items[file].object]);
	file_put(host, file);
}

/* The iommufd that a device of the group is bound to, by its file, or NOTHING. */
static uint32_t group_owner(const struct host *host, uint32_t group)
{
	/* A mediated device has no DMA that anybody could own. */
	for (uint32_t i = 0; i < host->devices.count && !host->machine->groups[group].emulated; i++)
		if (host->devices.items[i].group == group && host->devices.items[i].iommufd != NOTHING)
			return host->devices.items[i].iommufd;
	return NOTHING;
}

bool iommufd_owns_group(const struct host *host, uint32_t group)
{
	return group_owner(host, group) != NOTHING;
}

/* Binds a device and attaches it. */
static enum step_result open_real(struct host *host, struct op *op, struct iommufd *iommufd, uint32_t group_index)
{
	const struct group *group = &host->groups.items[group_index];
	uint32_t owner = group_owner(host, group_index);

	if (host->machine->unsafe_interrupts && !profile_get(host, PROFILE_IOMMUFD_ALLOW_UNSAFE_INTERRUPTS) &&
	    !defect_on(host, DEFECT_IOMMUFD_UNSAFE_BOUND))
		return refuse(op, RULE_IFD_DEVICE_UNSAFE);
	if (!group->viable)
		return refuse(op, RULE_IFD_DEVICE_NOT_VIABLE);
	if (owner != NOTHING && owner != group->iommufd && !defect_on(host, DEFECT_IOMMUFD_BOUND_TWICE))
		return refuse(op, RULE_IFD_DEVICE_OWNED);
	if (!iommufd->has_ioas)
		return refuse(op, RULE_IFD_DEVICE_NO_IOAS);
	return ioas_attach(host, op, iommufd, group_index);
}

static enum step_result open_emulated(struct host *host, struct op *op, struct iommufd *iommufd)
{
	if (!iommufd->has_ioas)
		return refuse(op, RULE_IFD_DEVICE_NO_IOAS);
	return ioas_attach_access(host, op, iommufd);
}

enum step_result iommufd_open_device(struct host *host, struct op *op, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	uint32_t file = host->groups.items[device->group].iommufd;
	struct iommufd *iommufd = &host->iommufds.items[host->files.items[file].object];
	enum step_result result = host->machine->groups[device->group].emulated
				      ? open_emulated(host, op, iommufd)
				      : open_real(host, op, iommufd, device->group);

	if (result == STEP_DONE)
		return STEP_DONE;
	device->iommufd = file;
	file_get(host, file);
	ioas_hardware_changed(host, iommufd);
	hit(op, RULE_IFD_ATTACH);
	return STEP_MORE;
}

void iommufd_close_device(struct host *host, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	uint32_t file = device->iommufd;
	struct iommufd *iommufd;

	/* A noiommu device is not bound. */
	if (file == NOTHING)
		return;
	device->iommufd = NOTHING;
	iommufd = &host->iommufds.items[host->files.items[file].object];
	if (host->machine->groups[device->group].emulated)
		ioas_detach_access(iommufd);
	else
		ioas_detach(host, iommufd);
	ioas_hardware_changed(host, iommufd);
	file_put(host, file);
}

static enum step_result iommufd_get_api_version(struct host *host, struct op *op)
{
	(void)host;
	hit(op, RULE_IFD_API_VERSION);
	return finish(op, VFIO_API_VERSION);
}

/* Whether all devices' accesses are made coherent: of no device at all that is true. */
static enum step_result check_coherency(struct host *host, struct op *op)
{
	const struct iommufd *iommufd = op_iommufd(host, op);

	if (!iommufd->has_ioas && !defect_on(host, DEFECT_IOMMUFD_COHERENT_EARLY))
		return refuse(op, RULE_IFD_EXTENSION_COHERENCY);
	hit(op, RULE_IFD_EXTENSION);
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device_state *device = &host->devices.items[i];

		if (device->iommufd != NOTHING && !host->machine->groups[device->group].emulated &&
		    &host->iommufds.items[host->files.items[device->iommufd].object] == iommufd &&
		    !iommu_translation(host, device->group).cache_coherent)
			return finish(op, 0);
	}
	return finish(op, 1);
}

static enum step_result iommufd_check_extension(struct host *host, struct op *op)
{
	const struct iommufd *iommufd = op_iommufd(host, op);

	switch (op->call->has_pointer ? UINT64_MAX : op->call->args[2]) {
	case VFIO_DMA_CC_IOMMU:
		return check_coherency(host, op);
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		hit(op, RULE_IFD_EXTENSION);
		return finish(op, !iommufd->noiommu || profile_get(host, PROFILE_IOMMUFD_NOIOMMU_OFFERS_TYPE1));
	case VFIO_NOIOMMU_IOMMU:
		hit(op, RULE_IFD_EXTENSION);
		return finish(op, profile_get(host, PROFILE_NOIOMMU) != NOIOMMU_ABSENT);
	default:
		hit(op, RULE_IFD_EXTENSION);
		return finish(op, 0);
	}
}

/* Nothing is set: the call says which rules for cutting mappings its caller expects. */
static enum step_result iommufd_set_iommu(struct host *host, struct op *op)
{
	struct iommufd *iommufd = op_iommufd(host, op);
	uint64_t type = op->call->has_pointer ? UINT64_MAX : op->call->args[2];

	if (type == VFIO_NOIOMMU_IOMMU && iommufd->noiommu) {
		if (noiommu_permit(host, op, RULE_NOI_SET_IOMMU_CAPABILITY) == STEP_DONE)
			return STEP_DONE;
		hit(op, RULE_IFD_SET_IOMMU);
		return finish(op, 0);
	}
	if ((type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU) || iommufd->noiommu)
		return refuse(op, RULE_IFD_SET_IOMMU_TYPE);
	if (!iommufd->has_ioas)
		return refuse(op, RULE_IFD_SET_IOMMU_NO_IOAS);
	if (iommufd->attached && defect_on(host, DEFECT_IOMMUFD_TYPE_LATE))
		return refuse(op, RULE_IFD_SET_IOMMU_MAPPED);
	if (type == VFIO_TYPE1_IOMMU && ioas_use_small_pages(host, op, iommufd) == STEP_DONE)
		return STEP_DONE;
	hit(op, RULE_IFD_SET_IOMMU);
	return finish(op, 0);
}

handler_fn *iommufd_ioctl_handler(uint32_t number)
{
	switch (number) {
	case VFIO_GET_API_VERSION:
		return iommufd_get_api_version;
	case VFIO_CHECK_EXTENSION:
		return iommufd_check_extension;
	case VFIO_SET_IOMMU:
		return iommufd_set_iommu;
	case VFIO_IOMMU_GET_INFO:
		return ioas_get_info;
	case VFIO_IOMMU_MAP_DMA:
		return ioas_map_dma;
	case VFIO_IOMMU_UNMAP_DMA:
		return ioas_unmap_dma;
	case IOMMU_VFIO_IOAS:
		return iommufd_vfio_ioas;
	default:
		return NULL;
	}
}

enum step_result iommufd_mmap(struct host *host, struct op *op, uint32_t file)
{
	enum { EXECUTABLE = 4, SHARED = 1 };

	/* Where it can be mapped at all, it is what an ioctl of its own has set aside: here there never is any. */
	if (!profile_get(host, PROFILE_IOMMUFD_MAPPABLE))
		return refuse(op, RULE_FD_NO_MMAP);
	if (!(op->call->args[3] & SHARED) || (host->files.items[file].flags & ACCESS_MODE) == ACCESS_READ_ONLY)
		return refuse(op, RULE_IFD_MMAP_PRIVATE);
	if (op->call->args[2] & EXECUTABLE)
		return refuse(op, RULE_IFD_MMAP_EXECUTABLE);
	return refuse(op, RULE_IFD_MMAP_NOTHING);
}
