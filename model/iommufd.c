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
	if (group->noiommu) {
		iommufd->noiommu = true;
	} else if (!iommufd->made_ioas) {
		iommufd->ioas_id = iommufd_next_id(host, file);
		iommufd->made_ioas = iommufd->has_ioas = true;
	}
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

/* The iommufd behind a file. */
static struct iommufd *file_iommufd(struct host *host, uint32_t file)
{
	return &host->iommufds.items[host->files.items[file].object];
}

struct iommufd *device_iommufd(struct host *host, uint32_t device)
{
	return file_iommufd(host, host->devices.items[device].iommufd);
}

static bool is_emulated(const struct host *host, uint32_t device)
{
	return host->machine->groups[host->devices.items[device].group].emulated;
}

enum step_result iommufd_bind_check(struct host *host, struct op *op, uint32_t device, uint32_t file)
{
	const uint32_t group = host->devices.items[device].group, owner = group_owner(host, group);

	if (is_emulated(host, device))
		return STEP_MORE;
	if (host->machine->unsafe_interrupts && !profile_get(host, PROFILE_IOMMUFD_ALLOW_UNSAFE_INTERRUPTS) &&
	    !defect_on(host, DEFECT_IOMMUFD_UNSAFE_BOUND))
		return refuse(op, RULE_IFD_DEVICE_UNSAFE);
	if (!host->groups.items[group].viable)
		return refuse(op, RULE_IFD_DEVICE_NOT_VIABLE);
	if (owner != NOTHING && owner != file && !defect_on(host, DEFECT_IOMMUFD_BOUND_TWICE))
		return refuse(op, RULE_IFD_DEVICE_OWNED);
	return STEP_MORE;
}

uint32_t iommufd_next_id(const struct host *host, uint32_t file)
{
	const uint32_t object = host->files.items[file].object;
	const struct iommufd *iommufd = &host->iommufds.items[object];
	uint32_t id = 1;

	for (bool taken = true; taken;) {
		taken =
		    (iommufd->made_ioas && iommufd->ioas_id == id) || (iommufd->attached && iommufd->table_id == id);
		for (uint32_t i = 0; i < host->devices.count; i++) {
			const struct device_state *device = &host->devices.items[i];

			taken |= device->iommufd != NOTHING && device->id == id &&
				 host->files.items[device->iommufd].object == object;
		}
		id += taken;
	}
	return id;
}

void iommufd_bind(struct host *host, uint32_t index, uint32_t file)
{
	struct device_state *device = &host->devices.items[index];

	device->id = iommufd_next_id(host, file);
	device->iommufd = file;
	device->attached = false;
	file_get(host, file);
}

/* Lets a bound device translate: STEP_MORE, or refused. */
static enum step_result attach(struct host *host, struct op *op, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	struct iommufd *iommufd = file_iommufd(host, device->iommufd);
	const uint32_t table_id = iommufd_next_id(host, device->iommufd);

	if (is_emulated(host, index) ? ioas_attach_access(host, op, iommufd) == STEP_DONE
				     : ioas_attach(host, op, iommufd, device->group) == STEP_DONE)
		return STEP_DONE;
	if (!is_emulated(host, index) && iommufd->attached == 1)
		iommufd->table_id = table_id;
	device->attached = true;
	ioas_hardware_changed(host, iommufd);
	return STEP_MORE;
}

enum step_result iommufd_attach(struct host *host, struct op *op, uint32_t index, uint32_t *id)
{
	struct device_state *device = &host->devices.items[index];
	const struct iommufd *iommufd = file_iommufd(host, device->iommufd);
	const bool emulated = is_emulated(host, index), is_ioas = iommufd->made_ioas && iommufd->ioas_id == *id,
		   is_table = iommufd->attached && iommufd->table_id == *id;

	if (!is_ioas && (!is_table || emulated)) {
		for (uint32_t i = 0; i < host->devices.count && !emulated; i++)
			if (host->devices.items[i].iommufd != NOTHING && host->devices.items[i].id == *id &&
			    file_iommufd(host, host->devices.items[i].iommufd) == iommufd)
				return refuse(op, RULE_DEV_ATTACH_OTHER);
		return refuse(op, RULE_DEV_ATTACH_UNKNOWN);
	}
	/* There is one address space, and one table for it. */
	if (!device->attached && attach(host, op, index) == STEP_DONE)
		return STEP_DONE;
	if (!emulated)
		*id = iommufd->table_id;
	return STEP_MORE;
}

void iommufd_detach(struct host *host, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	struct iommufd *iommufd = file_iommufd(host, device->iommufd);

	if (!device->attached)
		return;
	device->attached = false;
	if (is_emulated(host, index))
		ioas_detach_access(iommufd);
	else
		ioas_detach(host, iommufd);
	ioas_hardware_changed(host, iommufd);
}

static void unbind(struct host *host, struct device_state *device)
{
	const uint32_t file = device->iommufd;

	device->iommufd = NOTHING;
	file_put(host, file);
}

enum step_result iommufd_open_device(struct host *host, struct op *op, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	const uint32_t file = host->groups.items[device->group].iommufd;

	if (iommufd_bind_check(host, op, index, file) == STEP_DONE)
		return STEP_DONE;
	if (!iommufd_has_ioas(host, file))
		return refuse(op, RULE_IFD_DEVICE_NO_IOAS);
	iommufd_bind(host, index, file);
	if (attach(host, op, index) == STEP_DONE) {
		unbind(host, device);
		return STEP_DONE;
	}
	hit(op, RULE_IFD_ATTACH);
	return STEP_MORE;
}

void iommufd_close_device(struct host *host, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];

	/* A noiommu device is not bound. */
	if (device->iommufd == NOTHING)
		return;
	iommufd_detach(host, index);
	unbind(host, device);
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

		if (device->iommufd != NOTHING && device->attached && !is_emulated(host, i) &&
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
