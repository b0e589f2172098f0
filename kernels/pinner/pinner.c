/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A mediated device that pins, unpins, reads and writes pages when it is told to: include/vfiosim/pinner.h.
 *
 * /sys/class/mdev_bus/pinner makes devices of the type pinner-1.
 *
 * Two locks. commands_lock is held for a whole access, the kernel's part of a command included. pins_lock guards
 * what the request to let go touches, and nothing is called under it: that request comes from inside an unmapping,
 * which a command may itself be waiting for.
 */
#include <linux/iommu.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vfio.h>
#include <linux/wait.h>

#include "pinner.h"

#define INSTANCES_MAX 16

/* How long a request to let go waits for a pin that is just being made. The kernel repeats its request a few times. */
#define PINNING_WAIT_MS 50

struct pin {
	struct list_head link;
	u64 iova;
	int count;
};

struct pinner {
	struct vfio_device vdev;

	struct mutex commands_lock;
	u64 iova, count, prot, command;
	s64 result;
	u8 window[PINNER_WINDOW_SIZE];

	struct mutex pins_lock;
	struct list_head pins;
	u32 pin_count; /* entries of pins */
	u64 pinned;    /* pages of all pins */
	u64 unmaps, unmap_iova, unmap_length;
	bool pinning; /* the kernel may have pinned what is not in pins yet */
	wait_queue_head_t pinning_over;
};

static struct pinner *to_pinner(struct vfio_device *vdev)
{
	return container_of(vdev, struct pinner, vdev);
}

/* --- Pins --- */

static void undo(struct pinner *pinner, struct list_head *pins)
{
	struct pin *pin, *next;

	list_for_each_entry_safe(pin, next, pins, link)
	{
		vfio_unpin_pages(&pinner->vdev, pin->iova, pin->count);
		kfree(pin);
	}
}

/* Takes a pin off the list, for undo(). The caller holds pins_lock. */
static void forget(struct pinner *pinner, struct pin *pin, struct list_head *forgotten)
{
	list_move_tail(&pin->link, forgotten);
	pinner->pin_count--;
	pinner->pinned -= pin->count;
}

/* An IOVA inside a page reaches into one page more: kernels differ in what they make of that. */
static bool overlaps(const struct pin *pin, u64 first, u64 last)
{
	return ALIGN_DOWN(pin->iova, PAGE_SIZE) <= last && pin->iova + ((u64)pin->count << PAGE_SHIFT) - 1 >= first;
}

static void forget_overlapping(struct pinner *pinner, u64 first, u64 last, struct list_head *forgotten)
{
	struct pin *pin, *next;

	list_for_each_entry_safe(pin, next, &pinner->pins, link) if (overlaps(pin, first, last))
	    forget(pinner, pin, forgotten);
}

static void set_pinning(struct pinner *pinner, bool pinning)
{
	mutex_lock(&pinner->pins_lock);
	pinner->pinning = pinning;
	mutex_unlock(&pinner->pins_lock);
	if (!pinning)
		wake_up_all(&pinner->pinning_over);
}

static void remember(struct pinner *pinner, struct pin *pin)
{
	mutex_lock(&pinner->pins_lock);
	list_add_tail(&pin->link, &pinner->pins);
	pinner->pin_count++;
	pinner->pinned += pin->count;
	mutex_unlock(&pinner->pins_lock);
}

static s64 do_pin(struct pinner *pinner)
{
	struct page **pages;
	struct pin *pin;
	int result;

	if (pinner->pin_count >= PINNER_PINS_MAX)
		return -ENOSPC;
	pin = kzalloc(sizeof(*pin), GFP_KERNEL_ACCOUNT);
	/* The kernel is asked about no pages, too, but not with nowhere to put them. */
	pages = kvcalloc(max(pinner->count, 1ULL), sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (pin && pages) {
		pin->iova = pinner->iova;
		pin->count = pinner->count;
		set_pinning(pinner, true);
		result = vfio_pin_pages(&pinner->vdev, pin->iova, pin->count, pinner->prot, pages);
		if (result > 0) {
			remember(pinner, pin);
			pin = NULL;
		}
		set_pinning(pinner, false);
	} else {
		result = -ENOMEM;
	}
	kvfree(pages);
	kfree(pin);
	return result;
}

static s64 do_unpin(struct pinner *pinner)
{
	LIST_HEAD(forgotten);
	struct pin *pin;

	mutex_lock(&pinner->pins_lock);
	list_for_each_entry(pin, &pinner->pins, link)
	{
		if (pin->iova == pinner->iova && pin->count == pinner->count) {
			forget(pinner, pin, &forgotten);
			break;
		}
	}
	mutex_unlock(&pinner->pins_lock);
	if (list_empty(&forgotten))
		return -ENOENT;
	undo(pinner, &forgotten);
	return pinner->count;
}

static s64 do_unpin_any(struct pinner *pinner)
{
	if (pinner->count == 0 || pinner->count > PINNER_UNPIN_MAX)
		return -EINVAL;
	vfio_unpin_pages(&pinner->vdev, pinner->iova, pinner->count);
	return 0;
}

static s64 do_transfer(struct pinner *pinner, bool write)
{
	return vfio_dma_rw(&pinner->vdev, pinner->iova, pinner->window, pinner->count, write);
}

/* The kernel is about to unmap, and waits until nothing of the range is pinned. */
static void pinner_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct pinner *pinner = to_pinner(vdev);
	LIST_HEAD(forgotten);

	/* A pin that is being made cannot be waited for without end: it may wait for this unmapping. */
	wait_event_timeout(pinner->pinning_over, !READ_ONCE(pinner->pinning), msecs_to_jiffies(PINNING_WAIT_MS));
	mutex_lock(&pinner->pins_lock);
	pinner->unmaps++;
	pinner->unmap_iova = iova;
	pinner->unmap_length = length;
	forget_overlapping(pinner, iova, iova + length - 1, &forgotten);
	mutex_unlock(&pinner->pins_lock);
	undo(pinner, &forgotten);
}

/* --- Region 0 --- */

static int run_command(struct pinner *pinner, u64 command)
{
	switch (command) {
	case PINNER_DO_PIN:
		pinner->result = do_pin(pinner);
		break;
	case PINNER_DO_UNPIN:
		pinner->result = do_unpin(pinner);
		break;
	case PINNER_DO_UNPIN_ANY:
		pinner->result = do_unpin_any(pinner);
		break;
	case PINNER_DO_READ:
	case PINNER_DO_WRITE:
		pinner->result = do_transfer(pinner, command == PINNER_DO_WRITE);
		break;
	default:
		return -EINVAL;
	}
	pinner->command = command;
	return 0;
}

static u64 read_register(struct pinner *pinner, loff_t offset)
{
	switch (offset) {
	case PINNER_IOVA:
		return pinner->iova;
	case PINNER_COUNT:
		return pinner->count;
	case PINNER_PROT:
		return pinner->prot;
	case PINNER_COMMAND:
		return pinner->command;
	case PINNER_IDENTITY:
		return PINNER_IDENTITY_VALUE;
	case PINNER_RESULT:
		return pinner->result;
	case PINNER_PINNED:
		return pinner->pinned;
	case PINNER_UNMAPS:
		return pinner->unmaps;
	case PINNER_UNMAP_IOVA:
		return pinner->unmap_iova;
	default:
		return pinner->unmap_length;
	}
}

static int write_register(struct pinner *pinner, loff_t offset, u64 value)
{
	switch (offset) {
	case PINNER_IOVA:
		pinner->iova = value;
		return 0;
	case PINNER_COUNT:
		if (value > PINNER_COUNT_MAX)
			return -EINVAL;
		pinner->count = value;
		return 0;
	case PINNER_PROT:
		if (value > PINNER_PROT_MAX)
			return -EINVAL;
		pinner->prot = value;
		return 0;
	case PINNER_COMMAND:
		return run_command(pinner, value);
	default:
		return -EINVAL;
	}
}

static bool is_register(loff_t offset, size_t count)
{
	return count == PINNER_REGISTER_SIZE && offset >= 0 && offset < PINNER_REGISTERS_END &&
	       offset % PINNER_REGISTER_SIZE == 0;
}

static bool is_window(loff_t offset, size_t count)
{
	return offset >= PINNER_WINDOW && offset < PINNER_REGION_SIZE && count <= PINNER_REGION_SIZE - offset;
}

static ssize_t pinner_read(struct vfio_device *vdev, char __user *buffer, size_t count, loff_t *position)
{
	struct pinner *pinner = to_pinner(vdev);
	ssize_t result = -EINVAL;
	__le64 raw;

	mutex_lock(&pinner->commands_lock);
	if (is_register(*position, count)) {
		mutex_lock(&pinner->pins_lock);
		raw = cpu_to_le64(read_register(pinner, *position));
		mutex_unlock(&pinner->pins_lock);
		result = copy_to_user(buffer, &raw, count) ? -EFAULT : count;
	} else if (is_window(*position, count)) {
		result = copy_to_user(buffer, pinner->window + *position - PINNER_WINDOW, count) ? -EFAULT : count;
	}
	mutex_unlock(&pinner->commands_lock);
	if (result > 0)
		*position += result;
	return result;
}

static ssize_t pinner_write(struct vfio_device *vdev, const char __user *buffer, size_t count, loff_t *position)
{
	struct pinner *pinner = to_pinner(vdev);
	ssize_t result = -EINVAL;
	__le64 raw;

	mutex_lock(&pinner->commands_lock);
	if (is_register(*position, count)) {
		result =
		    copy_from_user(&raw, buffer, count) ? -EFAULT : write_register(pinner, *position, le64_to_cpu(raw));
		if (result == 0)
			result = count;
	} else if (is_window(*position, count)) {
		result = copy_from_user(pinner->window + *position - PINNER_WINDOW, buffer, count) ? -EFAULT : count;
	}
	mutex_unlock(&pinner->commands_lock);
	if (result > 0)
		*position += result;
	return result;
}

/* --- The device's file --- */

static long get_info(void __user *argument)
{
	const size_t size = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, argument, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = 1;
	info.num_irqs = 0;
	return copy_to_user(argument, &info, size) ? -EFAULT : 0;
}

static int fill_region_info(struct vfio_region_info *info)
{
	if (info->index != 0)
		return -EINVAL;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->offset = 0;
	info->size = PINNER_REGION_SIZE;
	return 0;
}

/* From here on the kernel itself moves the structure between program and driver. */
#define KERNEL_MOVES_REGION_INFO (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0))

#if KERNEL_MOVES_REGION_INFO
static int pinner_region_info(struct vfio_device *vdev, struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	return fill_region_info(info);
}
#else
static long get_region_info(void __user *argument)
{
	const size_t size = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info;
	int error;

	if (copy_from_user(&info, argument, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	error = fill_region_info(&info);
	if (error)
		return error;
	return copy_to_user(argument, &info, size) ? -EFAULT : 0;
}
#endif

/* Back to how the first open found it. */
static void reset(struct pinner *pinner)
{
	LIST_HEAD(forgotten);

	mutex_lock(&pinner->commands_lock);
	mutex_lock(&pinner->pins_lock);
	forget_overlapping(pinner, 0, U64_MAX, &forgotten);
	pinner->unmaps = pinner->unmap_iova = pinner->unmap_length = 0;
	mutex_unlock(&pinner->pins_lock);
	undo(pinner, &forgotten);
	pinner->iova = pinner->count = pinner->prot = pinner->command = 0;
	pinner->result = 0;
	memset(pinner->window, 0, sizeof(pinner->window));
	mutex_unlock(&pinner->commands_lock);
}

static long pinner_ioctl(struct vfio_device *vdev, unsigned int command, unsigned long argument)
{
	switch (command) {
	case VFIO_DEVICE_RESET:
		reset(to_pinner(vdev));
		return 0;
	case VFIO_DEVICE_GET_INFO:
		return get_info((void __user *)argument);
#if !KERNEL_MOVES_REGION_INFO
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info((void __user *)argument);
#endif
	/* There is no interrupt that they could be about. */
	case VFIO_DEVICE_GET_IRQ_INFO:
	case VFIO_DEVICE_SET_IRQS:
		return -EINVAL;
	default:
		return -ENOTTY;
	}
}

/* What an iommufd asked for after the last close is forgotten. */
static int pinner_open(struct vfio_device *vdev)
{
	reset(to_pinner(vdev));
	return 0;
}

static void pinner_close(struct vfio_device *vdev)
{
	reset(to_pinner(vdev));
}

static int pinner_init(struct vfio_device *vdev)
{
	struct pinner *pinner = to_pinner(vdev);

	mutex_init(&pinner->commands_lock);
	mutex_init(&pinner->pins_lock);
	INIT_LIST_HEAD(&pinner->pins);
	init_waitqueue_head(&pinner->pinning_over);
	return 0;
}

static const struct vfio_device_ops pinner_ops = {
    .name = "vfio-pinner",
    .init = pinner_init,
    .open_device = pinner_open,
    .close_device = pinner_close,
    .read = pinner_read,
    .write = pinner_write,
    .ioctl = pinner_ioctl,
#if KERNEL_MOVES_REGION_INFO
    .get_region_info_caps = pinner_region_info,
#endif
    .dma_unmap = pinner_dma_unmap,
    .bind_iommufd = vfio_iommufd_emulated_bind,
    .unbind_iommufd = vfio_iommufd_emulated_unbind,
    .attach_ioas = vfio_iommufd_emulated_attach_ioas,
    .detach_ioas = vfio_iommufd_emulated_detach_ioas,
};

/* --- Devices and their parent --- */

static int pinner_probe(struct mdev_device *mdev)
{
	struct pinner *pinner = vfio_alloc_device(pinner, vdev, &mdev->dev, &pinner_ops);
	int error;

	if (IS_ERR(pinner))
		return PTR_ERR(pinner);
	error = vfio_register_emulated_iommu_dev(&pinner->vdev);
	if (error) {
		vfio_put_device(&pinner->vdev);
		return error;
	}
	dev_set_drvdata(&mdev->dev, pinner);
	return 0;
}

static void pinner_remove(struct mdev_device *mdev)
{
	struct pinner *pinner = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&pinner->vdev);
	vfio_put_device(&pinner->vdev);
}

static struct mdev_driver pinner_driver = {
    .device_api = "vfio-pinner",
    .max_instances = INSTANCES_MAX,
    .probe = pinner_probe,
    .remove = pinner_remove,
    .driver =
	{
	    .name = "pinner",
	    .owner = THIS_MODULE,
	    .mod_name = KBUILD_MODNAME,
	},
};

static struct mdev_type pinner_type = {.sysfs_name = "1", .pretty_name = "pins on request"};
static struct mdev_type *pinner_types[] = {&pinner_type};

static const struct class pinner_class = {.name = "pinner"};
static struct mdev_parent pinner_parent;
static struct device *pinner_device;

static int __init pinner_module_init(void)
{
	int error = mdev_register_driver(&pinner_driver);

	if (error)
		return error;
	error = class_register(&pinner_class);
	if (error)
		goto no_class;
	pinner_device = device_create(&pinner_class, NULL, 0, NULL, "pinner");
	if (IS_ERR(pinner_device)) {
		error = PTR_ERR(pinner_device);
		goto no_device;
	}
	error =
	    mdev_register_parent(&pinner_parent, pinner_device, &pinner_driver, pinner_types, ARRAY_SIZE(pinner_types));
	if (error)
		goto no_parent;
	return 0;
no_parent:
	device_unregister(pinner_device);
no_device:
	class_unregister(&pinner_class);
no_class:
	mdev_unregister_driver(&pinner_driver);
	return error;
}

static void __exit pinner_module_exit(void)
{
	mdev_unregister_parent(&pinner_parent);
	device_unregister(pinner_device);
	class_unregister(&pinner_class);
	mdev_unregister_driver(&pinner_driver);
}

module_init(pinner_module_init);
module_exit(pinner_module_exit);

MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("A mediated device that pins, unpins, reads and writes pages on request");
