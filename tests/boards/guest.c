/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The only process of a guest whose kernel has vfio-platform: lets it have every platform device, and prints what the
 * kernel then says of it. One line each, for tests/boards/guest to compare with what the device tree says:
 *
 *	device NAME regions COUNT irqs COUNT flags FLAGS
 *	region NAME INDEX offset OFFSET size SIZE flags FLAGS read BYTES mmap ANSWER
 *	irq NAME INDEX count COUNT flags FLAGS
 *	none NAME REASON
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEVICES "/sys/bus/platform/devices"
#define DRIVER	"/sys/bus/platform/drivers/vfio-platform"

static int write_text(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY);
	const ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return written < 0 ? -1 : 0;
}

/* Makes the node of a class's device by the numbers that sysfs has. */
static int make_node(const char *sysfs, const char *node)
{
	unsigned major, minor;
	FILE *file = fopen(sysfs, "r");
	int found;

	if (!file)
		return -1;
	found = fscanf(file, "%u:%u", &major, &minor);
	fclose(file);
	return found == 2 && (mknod(node, S_IFCHR | 0600, makedev(major, minor)) == 0 || errno == EEXIST) ? 0 : -1;
}

/* The group that VFIO has made up for the device: the one that there is in its class. */
static int open_group(void)
{
	DIR *directory = opendir("/sys/class/vfio");
	char sysfs[600], node[600];
	int fd = -1;

	for (struct dirent *entry; directory && fd < 0 && (entry = readdir(directory));) {
		if (strncmp(entry->d_name, "noiommu-", 8) != 0)
			continue;
		snprintf(sysfs, sizeof(sysfs), "/sys/class/vfio/%s/dev", entry->d_name);
		snprintf(node, sizeof(node), "/dev/vfio/%s", entry->d_name);
		if (make_node(sysfs, node) == 0)
			fd = open(node, O_RDWR);
	}
	if (directory)
		closedir(directory);
	return fd;
}

static void show_region(int device, const char *name, unsigned index)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = index};
	unsigned char byte[4];
	void *mapped;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) != 0) {
		printf("none %s region %u: %m\n", name, index);
		return;
	}
	printf("region %s %u offset 0x%llx size 0x%llx flags 0x%x read %zd ", name, index, info.offset, info.size,
	       info.flags, pread(device, byte, sizeof(byte), (off_t)(info.offset + info.size - 2)));
	mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, (off_t)info.offset);
	printf("mmap %s\n", mapped == MAP_FAILED ? strerror(errno) : "yes");
	/* A mapping keeps the device open, and unbinding waits for that. */
	if (mapped != MAP_FAILED)
		munmap(mapped, 4096);
}

static void show_device(int device, const char *name)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};

	if (ioctl(device, VFIO_DEVICE_GET_INFO, &info) != 0) {
		printf("none %s DEVICE_GET_INFO: %m\n", name);
		return;
	}
	printf("device %s regions %u irqs %u flags 0x%x\n", name, info.num_regions, info.num_irqs, info.flags);
	for (unsigned i = 0; i < info.num_regions; i++)
		show_region(device, name, i);
	for (unsigned i = 0; i < info.num_irqs; i++) {
		struct vfio_irq_info irq = {.argsz = sizeof(irq), .index = i};

		if (ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq) == 0)
			printf("irq %s %u count %u flags 0x%x\n", name, i, irq.count, irq.flags);
	}
}

/* What is wrong, or NULL. */
static const char *try_device(const char *name)
{
	char path[600];
	int container, group, device;

	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", name);
	if (write_text(path, "vfio-platform") != 0)
		return "cannot be overridden";
	snprintf(path, sizeof(path), DEVICES "/%s/driver/unbind", name);
	write_text(path, name);
	if (write_text(DRIVER "/bind", name) != 0)
		return strerror(errno);
	container = open("/dev/vfio/vfio", O_RDWR);
	group = open_group();
	if (container < 0 || group < 0)
		return "has no group";
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) != 0 ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU) != 0)
		return "cannot be put into a container";
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
	if (device < 0)
		return "cannot be opened";
	show_device(device, name);
	close(device);
	close(group);
	close(container);
	write_text(DRIVER "/unbind", name);
	return NULL;
}

int main(void)
{
	struct dirent **entries;
	int count;

	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/dev/vfio", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	make_node("/sys/class/misc/vfio/dev", "/dev/vfio/vfio");
	count = scandir(DEVICES, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *wrong = entries[i]->d_name[0] == '.' ? NULL : try_device(entries[i]->d_name);

		if (wrong)
			printf("none %s %s\n", entries[i]->d_name, wrong);
	}
	printf("end\n");
	fflush(stdout);
	sleep(1);
	reboot(RB_POWER_OFF);
	return 0;
}
