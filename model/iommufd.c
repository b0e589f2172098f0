/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * /dev/iommu in its VFIO compatibility role: a file that takes a container's ioctls, and that groups can be put into as
 * if it were a container. Its own ioctls are not the VFIO API's and are not modelled, but for the one that is about
 * this role (iommufd_ioas.c).
 *
 * It holds together otherwise than a container does. A group that joins gets the iommufd an address space (IOAS) if the
 * calls of a container have none to go to; it stays for good, and leaving takes nothing away. What counts is devices:
 * the first opening binds the device, which makes the iommufd the owner of its group's DMA, and attaches it to the
 * address space; the last close undoes both. The group may have left, or be gone, in between.
 */
#include "iommufd.h"
#include "vfiosim/uapi.h"

struct iommufd *op_iommufd(struct host *host, const struct op *op)
{
	return &host->iommufds.items[host->files.items[op->file].object];
}

struct ioas *op_ioas(struct host *host, const struct op *op)
{
	const uint32_t index = op_iommufd(host, op)->ioas;

	return index == NOTHING ? NULL : &host->ioases.items[index];
}

uint32_t iommufd_new(struct host *host)
{
	const uint32_t index = table_take(&host->iommufds, alive);

	host->iommufds.items[index] = (struct iommufd){.alive = true, .ioas = NOTHING};
	return index;
}

void iommufd_release(struct host *host, uint32_t index)
{
	for (uint32_t i = 0; i < host->ioases.count; i++) {
		if (host->ioases.items[i].iommufd != index)
			continue;
		ioas_clear(host, &host->ioases.items[i]);
		host->ioases.items[i].iommufd = NOTHING;
	}
	host->iommufds.items[index].alive = false;
}

/* The address space that a group finds or makes where the calls of a container have none to go to. */
static uint32_t join_ioas(struct host *host, uint32_t file)
{
	const uint32_t object = host->files.items[file].object;

	for (uint32_t i = 0; i < host->ioases.count && defect_on(host, DEFECT_IOMMUFD_JOIN_REMEMBERS); i++)
		if (host->ioases.items[i].iommufd == object)
			return i;
	return ioas_new(host, object, iommufd_next_id(host, file));
}

enum step_result iommufd_join(struct host *host, struct op *op, uint32_t file, uint32_t group_index)
{
	struct iommufd *iommufd = &host->iommufds.items[host->files.items[file].object];
	struct group *group = &host->groups.items[group_index];

	/* Whoever joins first decides which kind can follow, even after it has left. */
	if (group->noiommu && iommufd->ioas != NOTHING && !defect_on(host, DEFECT_IOMMUFD_JOIN_MIXED))
		return refuse(op, RULE_IFD_JOIN_NOIOMMU);
	if (!group->noiommu && iommufd->noiommu)
		return refuse(op, RULE_IFD_JOIN_REAL);
	if (group->noiommu)
		iommufd->noiommu = true;
	else if (iommufd->ioas == NOTHING)
		iommufd->ioas = join_ioas(host, file);
	group->iommufd = file;
	file_get(host, file);
	hit(op, RULE_IFD_JOIN);
	return finish(op, 0);
}

bool iommufd_has_ioas(const struct host *host, uint32_t file)
{
	return host->iommufds.items[host->files.items[file].object].ioas != NOTHING;
}

void iommufd_leave(struct host *host, uint32_t group)
{
	const uint32_t file = host->groups.items[group].iommufd;
	const uint32_t ioas = host->iommufds.items[host->files.items[file].object].ioas;

	host->groups.items[group].iommufd = NOTHING;
	if (ioas != NOTHING && defect_on(host, DEFECT_IOMMUFD_LEAVE_UNMAPS))
		ioas_clear(host, &host->ioases.items[ioas]);
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

struct ioas *device_ioas(struct host *host, uint32_t device)
{
	const uint32_t index = host->devices.items[device].ioas;

	return index == NOTHING ? NULL : &host->ioases.items[index];
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
	if (!group_is_viable(host, group))
		return refuse(op, RULE_IFD_DEVICE_NOT_VIABLE);
	if (owner != NOTHING && owner != file && !defect_on(host, DEFECT_IOMMUFD_BOUND_TWICE))
		return refuse(op, RULE_IFD_DEVICE_OWNED);
	return STEP_MORE;
}

/* The smallest number from @id on that no address space, and no table of one, seems to have: seen from the first on. */
static uint32_t skip_ioases(const struct host *host, uint32_t object, uint32_t id)
{
	for (uint32_t i = 0; i < host->ioases.count; i++) {
		const struct ioas *ioas = &host->ioases.items[i];

		if (ioas->iommufd == object)
			id += ioas->id == id;
		if (ioas->iommufd == object && ioas->attached)
			id += ioas->table_id == id;
	}
	return id;
}

/* Whether a device is bound to the iommufd @object, by whatever file. */
static bool is_bound_to(const struct host *host, const struct device_state *device, uint32_t object)
{
	return device->iommufd != NOTHING && host->files.items[device->iommufd].object == object;
}

static uint32_t skip_devices(const struct host *host, uint32_t object, uint32_t id)
{
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device_state *device = &host->devices.items[i];

		if (is_bound_to(host, device, object))
			id += device->id == id;
	}
	return id;
}

uint32_t iommufd_next_id(const struct host *host, uint32_t file)
{
	const uint32_t object = host->files.items[file].object;
	uint32_t id = 1, before;

	/* Numbers ascend as a rule: one look is enough for most, and the last one finds nothing. */
	do {
		before = id;
		id = skip_devices(host, object, skip_ioases(host, object, id));
	} while (id != before);
	return id;
}

uint32_t iommufd_find_ioas(const struct host *host, uint32_t file, uint32_t id)
{
	for (uint32_t i = 0; i < host->ioases.count; i++)
		if (host->ioases.items[i].iommufd == host->files.items[file].object && host->ioases.items[i].id == id)
			return i;
	return NOTHING;
}

uint32_t iommufd_find_table(const struct host *host, uint32_t file, uint32_t id)
{
	for (uint32_t i = 0; i < host->ioases.count; i++)
		if (host->ioases.items[i].iommufd == host->files.items[file].object && host->ioases.items[i].attached &&
		    host->ioases.items[i].table_id == id)
			return i;
	return NOTHING;
}

void iommufd_bind(struct host *host, uint32_t index, uint32_t file)
{
	struct device_state *device = &host->devices.items[index];

	device->id = iommufd_next_id(host, file);
	device->iommufd = file;
	file_get(host, file);
}

/* Whether another device of the group translates by another address space than this one. */
static bool group_is_elsewhere(const struct host *host, uint32_t group, uint32_t ioas)
{
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (host->devices.items[i].group == group && host->devices.items[i].ioas != NOTHING &&
		    host->devices.items[i].ioas != ioas)
			return true;
	return false;
}

/* A device with an IOMMU begins to translate by an address space: STEP_MORE, or refused. */
static enum step_result attach_translated(struct host *host, struct op *op, uint32_t index, uint32_t to, bool moves)
{
	const struct device_state *device = &host->devices.items[index];
	struct ioas *ioas = &host->ioases.items[to];
	const uint32_t table_id = iommufd_next_id(host, device->iommufd);

	if (ioas_attach(host, op, ioas, device->group, moves) == STEP_DONE)
		return STEP_DONE;
	if (ioas->attached == 1)
		ioas->table_id = table_id;
	return STEP_MORE;
}

/* Lets a bound device reach an address space: STEP_MORE, or refused. */
static enum step_result attach(struct host *host, struct op *op, uint32_t index, uint32_t to)
{
	struct device_state *device = &host->devices.items[index];
	struct ioas *ioas = &host->ioases.items[to];

	if (is_emulated(host, index)) {
		if (ioas_attach_access(host, op, ioas) == STEP_DONE)
			return STEP_DONE;
	} else {
		if (group_is_elsewhere(host, device->group, to) && !defect_on(host, DEFECT_IOMMUFD_GROUP_SPLIT))
			return refuse(op, RULE_IFD_ATTACH_GROUP);
		if (attach_translated(host, op, index, to, false) == STEP_DONE)
			return STEP_DONE;
	}
	device->ioas = to;
	ioas_hardware_changed(host, ioas);
	return STEP_MORE;
}

/* The driver of a mediated device has to let go of what it has pinned, when it can reach the other one. */
static enum step_result move_access(struct host *host, struct op *op, uint32_t index, uint32_t to)
{
	struct device_state *device = &host->devices.items[index];

	if (ioas_attach_access(host, op, &host->ioases.items[to]) == STEP_DONE)
		return STEP_DONE;
	mdev_detached(host, index);
	ioas_detach_access(&host->ioases.items[device->ioas]);
	device->ioas = to;
	return STEP_MORE;
}

/* A device that is attached goes to another address space, and with it all of its group: STEP_MORE, or refused. */
static enum step_result move(struct host *host, struct op *op, uint32_t index, uint32_t to)
{
	const uint32_t group = host->devices.items[index].group, from = host->devices.items[index].ioas;

	if (is_emulated(host, index))
		return move_access(host, op, index, to);
	if (attach_translated(host, op, index, to, true) == STEP_DONE)
		return STEP_DONE;
	for (uint32_t i = 0; i < host->devices.count; i++) {
		struct device_state *device = &host->devices.items[i];

		if (device->group != group || device->ioas != from)
			continue;
		device->ioas = to;
		host->ioases.items[to].attached += i != index;
		ioas_detach(host, &host->ioases.items[from]);
	}
	ioas_hardware_changed(host, &host->ioases.items[from]);
	ioas_hardware_changed(host, &host->ioases.items[to]);
	return STEP_MORE;
}

/* Whether a device with an IOMMU has this number, of the iommufd behind @file. */
static bool is_device(const struct host *host, uint32_t file, uint32_t id)
{
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device_state *device = &host->devices.items[i];

		if (device->id == id && is_bound_to(host, device, host->files.items[file].object))
			return true;
	}
	return false;
}

enum step_result iommufd_attach(struct host *host, struct op *op, uint32_t index, uint32_t *id)
{
	struct device_state *device = &host->devices.items[index];
	const bool emulated = is_emulated(host, index);
	uint32_t to = iommufd_find_ioas(host, device->iommufd, *id);

	if (to == NOTHING && !emulated)
		to = iommufd_find_table(host, device->iommufd, *id);
	if (to == NOTHING)
		return refuse(op, !emulated && is_device(host, device->iommufd, *id) ? RULE_DEV_ATTACH_OTHER
										     : RULE_DEV_ATTACH_UNKNOWN);
	if (device->ioas == NOTHING) {
		if (attach(host, op, index, to) == STEP_DONE)
			return STEP_DONE;
	} else if (device->ioas != to && !defect_on(host, DEFECT_IOMMUFD_STAYS)) {
		if (move(host, op, index, to) == STEP_DONE)
			return STEP_DONE;
		hit(op, RULE_DEV_ATTACH_MOVE);
	}
	if (!emulated)
		*id = host->ioases.items[device->ioas].table_id;
	return STEP_MORE;
}

void iommufd_detach(struct host *host, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	struct ioas *ioas = device_ioas(host, index);

	if (!ioas)
		return;
	device->ioas = NOTHING;
	if (is_emulated(host, index))
		ioas_detach_access(ioas);
	else
		ioas_detach(host, ioas);
	ioas_hardware_changed(host, ioas);
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

	const uint32_t ioas = host->iommufds.items[host->files.items[file].object].ioas;

	if (iommufd_bind_check(host, op, index, file) == STEP_DONE)
		return STEP_DONE;
	if (ioas == NOTHING)
		return refuse(op, RULE_IFD_DEVICE_NO_IOAS);
	iommufd_bind(host, index, file);
	if (attach(host, op, index, ioas) == STEP_DONE) {
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

	if (iommufd->ioas == NOTHING && !defect_on(host, DEFECT_IOMMUFD_COHERENT_EARLY))
		return refuse(op, RULE_IFD_EXTENSION_COHERENCY);
	hit(op, RULE_IFD_EXTENSION);
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device_state *device = &host->devices.items[i];

		if (device->ioas != NOTHING && device->ioas == iommufd->ioas && !is_emulated(host, i) &&
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
	const struct iommufd *iommufd = op_iommufd(host, op);
	struct ioas *ioas = op_ioas(host, op);
	uint64_t type = op->call->has_pointer ? UINT64_MAX : op->call->args[2];

	if (type == VFIO_NOIOMMU_IOMMU && iommufd->noiommu) {
		if (noiommu_permit(host, op, RULE_NOI_SET_IOMMU_CAPABILITY) == STEP_DONE)
			return STEP_DONE;
		hit(op, RULE_IFD_SET_IOMMU);
		return finish(op, 0);
	}
	if ((type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU) || iommufd->noiommu)
		return refuse(op, RULE_IFD_SET_IOMMU_TYPE);
	if (!ioas)
		return refuse(op, RULE_IFD_SET_IOMMU_NO_IOAS);
	if (ioas->attached && defect_on(host, DEFECT_IOMMUFD_TYPE_LATE))
		return refuse(op, RULE_IFD_SET_IOMMU_MAPPED);
	if (type == VFIO_TYPE1_IOMMU && ioas_use_small_pages(host, op, ioas) == STEP_DONE)
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
