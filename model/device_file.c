/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Files that devices have themselves, /dev/vfio/devices/vfioN, by which a device is opened without its group.
 *
 * Opening one gives nothing yet: only BIND_IOMMUFD is answered, by which the device gets into the hands of an iommufd.
 * It is open then, and its group cannot be opened before it is closed, nor can it be bound while its group is open.
 * To which address space of the iommufd it belongs is said by ATTACH_IOMMUFD_PT; until then it reaches nothing.
 */
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

enum { UUID_WORDS = 2, WORD = 8, DECIMAL = 10 };

/* ---- names ----------------------------------------------------------------------------------- */

uint32_t device_file_number(const struct host *host)
{
	uint32_t number = 0, i = 0;

	while (i < host->devices.count) {
		if (host->devices.items[i].number == number && !host->devices.items[i].unbound) {
			number++;
			i = 0;
		} else {
			i++;
		}
	}
	return number;
}

/* The device whose file has this name, or NOTHING: one that no IOMMU translates for has none. */
static uint32_t named_device(const struct host *host, const char *name)
{
	static const char prefix[] = "vfio";
	const char *digits = name + sizeof(prefix) - 1;
	uint64_t number = 0;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || !*digits || (*digits == '0' && digits[1]))
		return NOTHING;
	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9' || number > UINT32_MAX / DECIMAL)
			return NOTHING;
		number = number * DECIMAL + (uint64_t)(*digits - '0');
	}
	if (number == NOTHING)
		return NOTHING;
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device_state *device = &host->devices.items[i];

		if (device->number == number && !device->unbound && !host->groups.items[device->group].noiommu)
			return i;
	}
	return NOTHING;
}

enum step_result device_file_open(struct host *host, struct op *op, const char *name)
{
	enum { CLOSE_ON_EXEC = 02000000 };
	const uint64_t flags = op->call->args[1];
	uint32_t device, file;

	if (!profile_get(host, PROFILE_DEVICE_CDEV))
		return refuse(op, RULE_DEV_FILE_MISSING);
	if (!*name)
		return unmodelled(host, op);
	device = named_device(host, name);
	if (device == NOTHING)
		return refuse(op, RULE_DEV_FILE_MISSING);
	file = file_new(host, FILE_DEVICE_IDLE, device, (uint32_t)flags);
	hit(op, RULE_DEV_FILE_OPEN);
	return finish(op, task_install(host, op, file, 0, flags & CLOSE_ON_EXEC));
}

bool device_file_blocks(const struct host *host, uint32_t group)
{
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (host->devices.items[i].group == group && host->devices.items[i].own_file)
			return true;
	return false;
}

bool device_is_held(const struct host *host, uint32_t device)
{
	for (uint32_t i = 0; i < host->files.count; i++)
		if (host->files.items[i].kind == FILE_DEVICE_IDLE && host->files.items[i].object == device)
			return true;
	return host->devices.items[device].open_count;
}

/* ---- BIND_IOMMUFD ---------------------------------------------------------------------------- */

/* A kernel that takes requests of any size reads all of it, and wants nothing in what it does not know. */
static enum step_result load_bind_of_any_size(struct op *op, struct vfio_device_bind_iommufd *bind)
{
	const uint32_t length = op->call->buffers[0].length;

	if (!user_load(op, bind, sizeof(bind->argsz)))
		return refuse(op, RULE_DEV_BIND_FAULT);
	if (bind->argsz < op->row->minsz)
		return refuse(op, RULE_DEV_BIND_ARGSZ);
	for (uint32_t i = sizeof(*bind); i < bind->argsz && i < length; i++)
		if (op->call->buffers[0].in[i])
			return refuse(op, RULE_DEV_BIND_TRAILING);
	if (bind->argsz > length ||
	    !user_load(op, bind, bind->argsz < sizeof(*bind) ? bind->argsz : (uint32_t)sizeof(*bind)))
		return refuse(op, RULE_DEV_BIND_FAULT);
	return STEP_MORE;
}

static enum step_result load_bind(struct host *host, struct op *op, struct vfio_device_bind_iommufd *bind)
{
	uint32_t known = 0;

	if (profile_get(host, PROFILE_BIND_OF_ANY_SIZE)) {
		known = VFIO_DEVICE_BIND_FLAG_TOKEN;
		if (load_bind_of_any_size(op, bind) == STEP_DONE)
			return STEP_DONE;
	} else {
		if (!user_load(op, bind, op->row->minsz))
			return refuse(op, RULE_DEV_BIND_FAULT);
		if (bind->argsz < op->row->minsz)
			return refuse(op, RULE_DEV_BIND_ARGSZ);
	}
	if ((bind->flags & ~known) || bind->iommufd < 0)
		return refuse(op, RULE_DEV_BIND_FLAGS);
	return STEP_MORE;
}

/* No device here is of those that share a secret with another one: whoever tells one is refused. */
static enum step_result check_token(struct host *host, struct op *op, const struct vfio_device_bind_iommufd *bind)
{
	struct user_pointer pointer = user_pointer_find(host, op, bind->token_uuid_ptr);
	uint64_t word;

	if (!(bind->flags & VFIO_DEVICE_BIND_FLAG_TOKEN))
		return STEP_MORE;
	for (unsigned i = 0; i < UUID_WORDS && !device_is_mediated(host, op_device(host, op)); i++)
		if (!user_pointer_load(host, op, &pointer, (uint64_t)i * WORD, &word))
			return refuse(op, RULE_DEV_BIND_FAULT);
	return refuse(op, RULE_DEV_BIND_TOKEN);
}

enum step_result device_bind_iommufd(struct host *host, struct op *op)
{
	struct file *file = &host->files.items[op->file];
	struct device_state *device = &host->devices.items[file->object];
	struct vfio_device_bind_iommufd bind = {0};
	uint32_t iommufd;

	if (!profile_get(host, PROFILE_DEVICE_CDEV) || defect_on(host, DEFECT_BIND_UNKNOWN))
		return refuse(op, RULE_FD_UNKNOWN_IOCTL);
	if (load_bind(host, op, &bind) == STEP_DONE)
		return STEP_DONE;
	if (file->kind == FILE_DEVICE && !device->own_file)
		return refuse(op, RULE_DEV_BIND_GROUP);
	if (host->groups.items[device->group].file != NOTHING)
		return refuse(op, RULE_DEV_BIND_GROUP_OPEN);
	if (file->kind == FILE_DEVICE)
		return refuse(op, RULE_DEV_BIND_TWICE);
	if (check_token(host, op, &bind) == STEP_DONE)
		return STEP_DONE;
	iommufd = task_file(op_task(host, op), bind.iommufd);
	if (iommufd == NOTHING)
		return refuse(op, RULE_DEV_BIND_BAD_FD);
	if (host->files.items[iommufd].kind != FILE_IOMMUFD)
		return refuse(op, RULE_DEV_BIND_OTHER_FILE);
	if (device->open_count)
		return refuse(op, RULE_DEV_BIND_OPEN);
	if (iommufd_bind_check(host, op, file->object, iommufd) == STEP_DONE)
		return STEP_DONE;
	bind.out_devid = iommufd_next_id(host, iommufd);
	if (!user_store(host, op, &bind, op->row->minsz))
		return refuse(op, RULE_DEV_BIND_FAULT);
	iommufd_bind(host, file->object, iommufd);
	file->kind = FILE_DEVICE;
	device_enable(device);
	device->open_count = 1;
	device->own_file = true;
	device->contained = false;
	hit(op, RULE_DEV_BIND);
	return finish(op, 0);
}

/* ---- ATTACH_IOMMUFD_PT, DETACH_IOMMUFD_PT -------------------------------------------------------- */

/*
 * What both requests begin with, argsz and flags, of @shortest bytes; @longest with a PASID. STEP_MORE, or refused. An
 * address space for a part of a device's accesses is not modelled.
 */
static enum step_result check_request(struct host *host, struct op *op, uint32_t argsz, uint32_t flags,
				      uint32_t longest)
{
	const uint32_t known = profile_get(host, PROFILE_ATTACH_OF_PASID) ? VFIO_DEVICE_ATTACH_PASID : 0;

	if (argsz < op->row->minsz)
		return refuse(op, RULE_DEV_ATTACH_ARGSZ);
	if (flags & ~known)
		return refuse(op, RULE_DEV_ATTACH_FLAGS);
	if (!flags)
		return STEP_MORE;
	if (device_is_mediated(host, op_device(host, op)))
		return refuse(op, RULE_DEV_ATTACH_NO_PASID);
	if (argsz < longest)
		return refuse(op, RULE_DEV_ATTACH_ARGSZ);
	return longest > op->call->buffers[0].length ? refuse(op, RULE_DEV_ATTACH_FAULT) : STEP_MORE;
}

/* The driver of a mediated device lets go of what it has pinned while it can. */
static void detach_device(struct host *host, uint32_t device)
{
	if (!device_ioas(host, device))
		return;
	mdev_detached(host, device);
	iommufd_detach(host, device);
}

enum step_result device_attach_iommufd_pt(struct host *host, struct op *op)
{
	const uint32_t device = op_device(host, op);
	struct vfio_device_attach_iommufd_pt attach = {0};

	if (!host->devices.items[device].own_file)
		return refuse(op, RULE_FD_UNKNOWN_IOCTL);
	if (!user_load(op, &attach, op->row->minsz))
		return refuse(op, RULE_DEV_ATTACH_FAULT);
	if (check_request(host, op, attach.argsz, attach.flags, sizeof(attach)) == STEP_DONE)
		return STEP_DONE;
	if (attach.flags)
		return unmodelled(host, op);
	if (iommufd_attach(host, op, device, &attach.pt_id) == STEP_DONE)
		return STEP_DONE;
	if (!user_store(host, op, &attach, op->row->minsz)) {
		detach_device(host, device);
		return refuse(op, RULE_DEV_ATTACH_FAULT);
	}
	hit(op, RULE_DEV_ATTACH);
	return finish(op, 0);
}

enum step_result device_detach_iommufd_pt(struct host *host, struct op *op)
{
	const uint32_t device = op_device(host, op);
	struct vfio_device_detach_iommufd_pt detach = {0};

	if (!host->devices.items[device].own_file)
		return refuse(op, RULE_FD_UNKNOWN_IOCTL);
	if (!user_load(op, &detach, op->row->minsz))
		return refuse(op, RULE_DEV_ATTACH_FAULT);
	if (check_request(host, op, detach.argsz, detach.flags, sizeof(detach)) == STEP_DONE)
		return STEP_DONE;
	if (!detach.flags)
		detach_device(host, device);
	hit(op, RULE_DEV_DETACH);
	return finish(op, 0);
}
