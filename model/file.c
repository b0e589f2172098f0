/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Open files: what paths lead to, who refers to what, and what the last reference releases.
 */
#include <string.h>

#include "host.h"
#include "linux_errno.h"
#include "spapr.h"
#include "vfiosim/uapi.h"

enum { FLAG_CLOEXEC = 02000000 };

/* Numbers of an iommufd's own ioctls, of the newest kernel: _IO(';', 0x80) and on. */
enum { IOMMUFD_FIRST = VFIO_IOCTL_TYPE << 8 | 0x80, IOMMUFD_LAST = IOMMUFD_FIRST + 0x17 };

/* Open flags that change nothing about what is modelled: access mode, NOCTTY, NONBLOCK, LARGEFILE, CLOEXEC. */
#define OPEN_FLAGS_MODELLED (3ull | 0400 | 04000 | 0100000 | FLAG_CLOEXEC)

uint32_t file_new(struct host *host, enum file_kind kind, uint32_t object, uint32_t flags)
{
	const uint32_t index = table_take(&host->files, kind);

	host->files.items[index] = (struct file){.kind = kind, .references = 1, .object = object, .flags = flags};
	return index;
}

void file_get(struct host *host, uint32_t file)
{
	host->files.items[file].references++;
}

void file_put(struct host *host, uint32_t index)
{
	struct file file = host->files.items[index];

	if (--host->files.items[index].references)
		return;
	host->files.items[index].kind = FILE_FREE;
	switch (file.kind) {
	case FILE_CONTAINER:
		container_put(host, file.object);
		break;
	case FILE_IOMMUFD:
		iommufd_release(host, file.object);
		break;
	case FILE_GROUP:
		group_release(host, file.object);
		break;
	case FILE_GROUP_GONE:
		group_gone_release(host, file.object);
		break;
	case FILE_DEVICE:
		device_release(host, file.object);
		break;
	case FILE_MEMORY:
		memory_file_release(host, file.object);
		break;
	case FILE_GUEST:
		guest_release(host, file.object);
		break;
	case FILE_FREE:
	case FILE_OTHER:
	case FILE_EVENTFD:
	case FILE_DRIVER:
	case FILE_BUS:
	case FILE_DEVICE_IDLE:
		break;
	}
}

/* The number at the end of "/dev/vfio/N" or "/dev/vfio/noiommu-N", or -1 when the rest is not a plain number. */
static int64_t group_number(const char *name)
{
	int64_t number = 0;

	if (!*name || (*name == '0' && name[1]))
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9' || number > UINT32_MAX)
			return -1;
		number = number * 10 + (*name - '0');
	}
	return number;
}

/* Opens the group whose file in /dev/vfio has this name. */
static enum step_result open_group(struct host *host, struct op *op, const char *name)
{
	static const char prefix[] = "noiommu-";
	const bool noiommu = !strncmp(name, prefix, sizeof(prefix) - 1);
	int64_t number = group_number(noiommu ? name + sizeof(prefix) - 1 : name);
	uint32_t group = number < 0 ? NOTHING : group_find(host, (uint64_t)number), file;

	if (group == NOTHING || !host->groups.items[group].offered || host->groups.items[group].noiommu != noiommu)
		return refuse(op, RULE_GRP_OPEN_MISSING);
	if (noiommu && noiommu_permit(host, op, RULE_NOI_OPEN_CAPABILITY) == STEP_DONE)
		return STEP_DONE;
	if (device_file_blocks(host, group))
		return refuse(op, RULE_GRP_OPEN_DEVICE);
	if (host->groups.items[group].file != NOTHING)
		return refuse(op, RULE_GRP_OPEN_TWICE);
	file = file_new(host, FILE_GROUP, group, (uint32_t)op->call->args[1]);
	host->groups.items[group].file = file;
	hit(op, RULE_GRP_OPEN);
	return finish(op, task_install(host, op, file, 0, op->call->args[1] & FLAG_CLOEXEC));
}

static enum step_result call_open(struct host *host, struct op *op)
{
	static const char vfio[] = "/dev/vfio/", device[] = "/dev/vfio/devices/", driver[] = "/sys/bus/pci/drivers/",
			  bus[] = "/sys/bus/pci/";
	const char *path = op->call->string ? op->call->string : "";
	uint64_t flags = op->call->args[1];
	uint32_t file;

	if (flags & ~OPEN_FLAGS_MODELLED)
		return unmodelled(host, op);
	if (!strcmp(path, "/dev/null")) {
		file = file_new(host, FILE_OTHER, NOTHING, (uint32_t)flags);
		hit(op, RULE_FD_OPEN);
	} else if (!strcmp(path, "/dev/vfio/vfio")) {
		file = file_new(host, FILE_CONTAINER, container_new(host), (uint32_t)flags);
		hit(op, RULE_CT_OPEN);
	} else if (!strcmp(path, "/dev/iommu")) {
		if (!profile_get(host, PROFILE_IOMMUFD))
			return refuse(op, RULE_IFD_OPEN_MISSING);
		file = file_new(host, FILE_IOMMUFD, iommufd_new(host), (uint32_t)flags);
		hit(op, RULE_IFD_OPEN);
	} else if (!strncmp(path, device, sizeof(device) - 1)) {
		return device_file_open(host, op, path + sizeof(device) - 1);
	} else if (!strncmp(path, vfio, sizeof(vfio) - 1)) {
		return open_group(host, op, path + sizeof(vfio) - 1);
	} else if (!strncmp(path, driver, sizeof(driver) - 1)) {
		return driver_open(host, op, path + sizeof(driver) - 1);
	} else if (!strncmp(path, bus, sizeof(bus) - 1)) {
		return bus_open(host, op, path + sizeof(bus) - 1);
	} else {
		return unmodelled(host, op);
	}
	return finish(op, task_install(host, op, file, 0, flags & FLAG_CLOEXEC));
}

static enum step_result call_eventfd(struct host *host, struct op *op)
{
	uint64_t flags = op->call->args[0];

	if (flags & ~(uint64_t)(FLAG_CLOEXEC | 04000 | 1))
		return refuse(op, RULE_FD_EVENTFD_FLAGS);
	hit(op, RULE_FD_EVENTFD);
	return finish(op, task_install(host, op, file_new(host, FILE_EVENTFD, NOTHING, 2), 0, flags & FLAG_CLOEXEC));
}

/* pread(2) and pwrite(2): only devices have something to read or write. */
static enum step_result call_transfer(struct host *host, struct op *op, uint32_t forbidden, handler_fn *device)
{
	uint32_t index = task_file(op_task(host, op), (int32_t)op->call->args[0]);
	enum step_result result;

	if ((int64_t)op->call->args[3] < 0)
		return refuse(op, RULE_FD_NEGATIVE_OFFSET);
	if (index == NOTHING)
		return refuse(op, RULE_FD_NOT_OPEN);
	switch (host->files.items[index].kind) {
	case FILE_CONTAINER:
	case FILE_IOMMUFD:
	case FILE_GROUP:
	case FILE_GROUP_GONE:
		if ((host->files.items[index].flags & ACCESS_MODE) == forbidden)
			return refuse(op, RULE_FD_ACCESS_MODE);
		return refuse(op, RULE_FD_NO_READ_WRITE);
	case FILE_DRIVER:
		return forbidden == ACCESS_READ_ONLY ? driver_write(host, op) : refuse(op, RULE_FD_ACCESS_MODE);
	case FILE_BUS:
		return forbidden == ACCESS_READ_ONLY ? bus_write(host, op) : refuse(op, RULE_FD_ACCESS_MODE);
	case FILE_DEVICE_IDLE:
	case FILE_DEVICE:
		if ((host->files.items[index].flags & ACCESS_MODE) == forbidden)
			return refuse(op, RULE_FD_ACCESS_MODE);
		if (host->files.items[index].kind == FILE_DEVICE_IDLE)
			return refuse(op, RULE_DEV_FILE_IDLE);
		op->file = index;
		if (device_is_mediated(host, host->files.items[index].object))
			device = device == device_read ? mdev_read : mdev_write;
		else if (device_is_platform(host, host->files.items[index].object))
			device = device == device_read ? platform_read : platform_write;
		result = device(host, op);
		op->file = NOTHING;
		return result;
	default:
		return unmodelled(host, op);
	}
}

static enum step_result call_pread(struct host *host, struct op *op)
{
	return call_transfer(host, op, ACCESS_WRITE_ONLY, device_read);
}

static enum step_result call_pwrite(struct host *host, struct op *op)
{
	return call_transfer(host, op, ACCESS_READ_ONLY, device_write);
}

/* Who answers ioctls on this file, or -1. */
static int file_owner(const struct host *host, const struct file *file)
{
	switch (file->kind) {
	case FILE_CONTAINER:
		return (int)container_owner(host, file->object);
	case FILE_IOMMUFD:
		return OWNER_IOMMUFD;
	case FILE_GROUP:
	case FILE_GROUP_GONE:
		return OWNER_GROUP;
	case FILE_DEVICE:
	case FILE_DEVICE_IDLE:
		return OWNER_DEVICE;
	default:
		return -1;
	}
}

int host_fd_owner(const struct host *host, uint32_t task, int fd)
{
	uint32_t file;

	if (!task || task > host->tasks.count || !host->tasks.items[task - 1].alive)
		return -1;
	file = task_file(&host->tasks.items[task - 1], fd);
	return file == NOTHING ? -1 : file_owner(host, &host->files.items[file]);
}

uint32_t host_list_fds(const struct host *host, uint32_t index, struct host_fd *fds, uint32_t most)
{
	const struct task *task;
	uint32_t count = 0;

	if (!index || index > host->tasks.count)
		return 0;
	task = &host->tasks.items[index - 1];
	for (uint32_t i = 0; i < task->descriptors.count && count < most; i++) {
		const struct descriptor *descriptor = &task->descriptors.items[i];
		const struct file *file = &host->files.items[descriptor->file];
		const int owner = file_owner(host, file);

		if (owner < 0)
			continue;
		fds[count++] =
		    (struct host_fd){.number = descriptor->number,
				     .owner = (enum ioctl_owner)owner,
				     .group = file->kind == FILE_GROUP ? host->groups.items[file->object].number : 0};
	}
	return count;
}

static handler_fn *const ioctl_handlers[] = {
#define IOCTL(name, n, owner, arg, direction, layout, minsz, since, until, handler, summary) handler,
#include "vfiosim/uapi/ioctls.def"
};

/* A number that nobody at this descriptor knows. */
static enum step_result ioctl_unknown(struct host *host, struct op *op, const struct file *file, uint32_t number)
{
	if (file->kind == FILE_CONTAINER)
		return container_unknown_ioctl(host, op);
	if (file->kind == FILE_DEVICE_IDLE)
		return refuse(op, RULE_DEV_FILE_IDLE);
	/* An iommufd has ioctls of its own, which are not the VFIO API's. */
	if (file->kind == FILE_IOMMUFD && number >= IOMMUFD_FIRST && number <= IOMMUFD_LAST)
		return unmodelled(host, op);
	return refuse(op, RULE_FD_UNKNOWN_IOCTL);
}

/* ioctl(2): the descriptor's file is held until the operation ends, whatever happens to the descriptor. */
static enum step_result answer_ioctl(struct host *host, struct op *op)
{
	uint32_t number = (uint32_t)op->call->args[1];
	const struct file *file;
	handler_fn *handler;
	int owner;

	if (op->file == NOTHING) {
		op->file = task_file(op_task(host, op), (int32_t)op->call->args[0]);
		if (op->file == NOTHING)
			return refuse(op, RULE_FD_NOT_OPEN);
		file = &host->files.items[op->file];
		if (file->kind == FILE_OTHER || file->kind == FILE_EVENTFD || file->kind == FILE_MEMORY ||
		    file->kind == FILE_GUEST || file->kind == FILE_DRIVER || file->kind == FILE_BUS) {
			op->file = NOTHING;
			return number >> 8 == VFIO_IOCTL_TYPE ? refuse(op, RULE_FD_UNKNOWN_IOCTL)
							      : unmodelled(host, op);
		}
		file_get(host, op->file);
		owner = file_owner(host, file);
		op->row = ioctl_by_number(number, (enum ioctl_owner)owner);
		if (!op->row && number >> 8 != VFIO_IOCTL_TYPE)
			return unmodelled(host, op);
		if (!op->row)
			return ioctl_unknown(host, op, file, number);
	}
	if (host->files.items[op->file].kind == FILE_IOMMUFD) {
		handler = iommufd_ioctl_handler(number);
		return handler ? handler(host, op) : refuse(op, RULE_IFD_NOT_EMULATED);
	}
	if (host->files.items[op->file].kind == FILE_GROUP_GONE)
		return group_gone_ioctl_handler(number)(host, op);
	if (host->files.items[op->file].kind == FILE_DEVICE_IDLE && number != VFIO_DEVICE_BIND_IOMMUFD)
		return refuse(op, RULE_DEV_FILE_IDLE);
	if (!op->step)
		user_pointers_begin(host, op);
	if (op->row->owner == OWNER_DEVICE && device_is_mediated(host, op_device(host, op)))
		return mdev_ioctl(host, op);
	if (op->row->owner == OWNER_DEVICE && device_is_platform(host, op_device(host, op)))
		return platform_ioctl(host, op);
	handler = ioctl_handlers[op->row - ioctl_table];
	if (host->peaceful && !op->step && file_owner(host, &host->files.items[op->file]) == OWNER_SPAPR &&
	    !spapr_knows(host, op, handler))
		return unmodelled(host, op);
	return handler(host, op);
}

/* Whether the argument's address is one of the kernel's, and is taken all the same. */
static bool takes_kernel_argument(const struct host *host, const struct op *op)
{
	return op->row && op->row->arg != ARG_NONE && op->row->arg != ARG_VALUE && !op->call->has_pointer &&
	       op->call->args[2] >> 63 && host->machine->iommu == IOMMU_SPAPR_POWERNV &&
	       !host->machine->hashed_page_table && profile_get(host, PROFILE_KERNEL_ARGUMENTS_TAKEN);
}

/* What the kernel finds at the beginning of its memory is nothing that it could do: it is refused, and not for its
 * place. */
static enum step_result refuse_kernel_argument(struct host *host, struct op *op)
{
	if (op->choice && op->choice->ret >= 0)
		return unmodelled(host, op);
	op->outcome->rule_count--;
	return refuse_as(op, RULE_IOCTL_KERNEL_ARGUMENT,
			 op->choice ? op->choice->ret : rules[RULE_IOCTL_KERNEL_ARGUMENT].error);
}

static enum step_result call_ioctl(struct host *host, struct op *op)
{
	enum step_result result = answer_ioctl(host, op);

	if (result != STEP_DONE || op->outcome->ret != -LINUX_EFAULT || !takes_kernel_argument(host, op))
		return result;
	return refuse_kernel_argument(host, op);
}

handler_fn *file_call_handler(enum call_op op)
{
	switch (op) {
	case CALL_OPEN:
		return call_open;
	case CALL_EVENTFD:
		return call_eventfd;
	case CALL_IOCTL:
		return call_ioctl;
	case CALL_PREAD:
		return call_pread;
	case CALL_PWRITE:
		return call_pwrite;
	default:
		return NULL;
	}
}
