/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The guest's first steps: from a bare initramfs to an open channel.
 *
 * Everything that can go wrong ends in fail(), because a guest that is only half set
 * up would give answers that look like the kernel's and are not.
 */
#include "guest_init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Slow emulated machines need a moment; a thing that is not there after this long never comes. */
#define WAIT_MS 10000
#define POLL_MS 2

/* Open files that the agent and the programs it runs may have. */
#define OPEN_FILES 65536

/* Everything down to warnings: a kernel that complains must be heard on the console, whatever "quiet" said. */
#define CONSOLE_LEVEL	   5
#define KLOG_CONSOLE_LEVEL 8 /* the action of klogctl() that sets it */

struct mount_point {
	const char *type, *where, *options;
	bool needed;
};

static const struct mount_point mount_points[] = {
    {"proc", "/proc", NULL, true},
    {"sysfs", "/sys", NULL, true},
    /* Kernels that count their lines show it here. */
    {"debugfs", "/sys/kernel/debug", NULL, false},
    {"devtmpfs", "/dev", NULL, true},
    {"devpts", "/dev/pts", NULL, false},
    {"tmpfs", "/dev/shm", "mode=1777", true},
    {"tmpfs", "/tmp", "mode=1777", true},
    {"tmpfs", "/run", "mode=755", true},
};

/* Kernel settings; one that this kernel does not have is left out. */
static const struct {
	const char *path, *value;
} settings[] = {
    /* An oops must stay on the console as a report: a panic would take the guest away with it. */
    {"/proc/sys/kernel/panic_on_oops", "0"},
    /* The default of two minutes is longer than any run takes. */
    {"/proc/sys/kernel/hung_task_timeout_secs", "20"},
    {"/proc/sys/kernel/hung_task_warnings", "-1"},
};

_Noreturn void guest_poweroff(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* A machine that cannot be switched off is restarted; QEMU runs with -no-reboot and ends. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

_Noreturn static void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn static void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	dprintf(STDOUT_FILENO, GUEST_MESSAGE_PREFIX);
	vdprintf(STDOUT_FILENO, format, arguments);
	dprintf(STDOUT_FILENO, "\n");
	va_end(arguments);
	/* The line has to be through the serial port before the machine goes. */
	tcdrain(STDOUT_FILENO);
	guest_poweroff();
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
}

/* Writes all of @text in one write, as the attributes of sysfs want it. 0 or the negative errno. */
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int error = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, text, strlen(text));
	if (written < 0)
		error = -errno;
	close(fd);
	return error;
}

static void make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		fail("cannot make %s: %s", path, strerror(errno));
}

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mount_points) / sizeof(mount_points[0]); i++) {
		const struct mount_point *point = &mount_points[i];

		if (point->needed)
			make_directory(point->where);
		else
			mkdir(point->where, 0755); /* nothing is mounted where it cannot be made */
		if (mount(point->type, point->where, point->type, MS_NOSUID, point->options) == 0)
			continue;
		/* EBUSY: the kernel has mounted devtmpfs itself. */
		if (point->needed && errno != EBUSY)
			fail("cannot mount %s on %s: %s", point->type, point->where, strerror(errno));
	}
}

/* The console as standard streams: the kernel gives them only if the initramfs has the node. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		return;
	for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
		if (fd != stream)
			dup2(fd, stream);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Programs expect it, and so does a kernel with TOMOYO, which looks up the name of what execveat() begins. */
static void link_descriptors(void)
{
	if (symlink("/proc/self/fd", "/dev/fd") < 0 && errno != EEXIST)
		fail("cannot make /dev/fd: %s", strerror(errno));
}

static void raise_open_files(void)
{
	struct rlimit files = {.rlim_cur = OPEN_FILES, .rlim_max = OPEN_FILES};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		fail("cannot raise the number of open files: %s", strerror(errno));
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* A kernel without networking has nothing to bring up. */
	if (fd < 0)
		return;
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
			fail("cannot bring up lo: %s", strerror(errno));
	}
	close(fd);
}

/* Cuts the next word off @line; "" at the end. */
static char *next_word(char **line)
{
	char *word = *line + strspn(*line, " \t");
	size_t length = strcspn(word, " \t");

	*line = word + length;
	if (**line != '\0')
		*(*line)++ = '\0';
	return word;
}

static void do_module(char *rest)
{
	const char *path = next_word(&rest);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("cannot open module %s: %s", path, strerror(errno));
	if (syscall(SYS_finit_module, fd, rest + strspn(rest, " \t"), 0) < 0 && errno != EEXIST)
		fail("cannot load module %s: %s", path, strerror(errno));
	close(fd);
}

static void do_hugepages(char *rest)
{
	const char *count = next_word(&rest);
	int error = write_file("/proc/sys/vm/nr_hugepages", count);

	if (error < 0)
		fail("cannot reserve %s huge pages: %s", count, strerror(-error));
	make_directory("/dev/hugepages");
	if (mount("hugetlbfs", "/dev/hugepages", "hugetlbfs", MS_NOSUID, NULL) < 0)
		fail("cannot mount hugetlbfs: %s", strerror(errno));
}

/* Copies the last component of what the link @name of the device @address points to; "" without such a link. */
static void device_link(const char *address, const char *name, char *target, size_t size)
{
	/* A PCI address has colons, the UUID of a mediated device has none. */
	const char *bus = strchr(address, ':') ? "pci" : "mdev";
	char path[256], link[256];
	const char *slash;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/%s", bus, address, name);
	length = readlink(path, link, sizeof(link) - 1);
	link[length < 0 ? 0 : length] = '\0';
	slash = strrchr(link, '/');
	snprintf(target, size, "%s", slash ? slash + 1 : "");
}

static void wait_for_group(const char *address)
{
	char group[64], path[128], unsafe_path[128];

	for (int waited = 0; waited < WAIT_MS; waited += POLL_MS) {
		device_link(address, "iommu_group", group, sizeof(group));
		snprintf(path, sizeof(path), "/dev/vfio/%s", group);
		snprintf(unsafe_path, sizeof(unsafe_path), "/dev/vfio/noiommu-%s", group);
		if (group[0] != '\0' && (access(path, F_OK) == 0 || access(unsafe_path, F_OK) == 0))
			return;
		nap();
	}
	fail(GUEST_NO_VFIO "%s has no group under /dev/vfio", address);
}

/* Gives a device to a driver. False: the driver does not take it. */
static bool give(const char *address, const char *driver)
{
	char path[256], current[64];
	int error;

	device_link(address, "driver", current, sizeof(current));
	if (current[0] != '\0' && strcmp(current, driver) != 0) {
		snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/unbind", current);
		error = write_file(path, address);
		if (error < 0)
			fail("%s: cannot take it from %s: %s", address, current, strerror(-error));
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", address);
	error = write_file(path, driver);
	if (error < 0)
		fail("%s: cannot give it to %s: %s", address, driver, strerror(-error));
	/* Probing answers 0 whether or not a driver took the device: the link tells. */
	write_file("/sys/bus/pci/drivers_probe", address);
	device_link(address, "driver", current, sizeof(current));
	return strcmp(current, driver) == 0;
}

static void do_bind(char *rest)
{
	const char *address = next_word(&rest), *driver = next_word(&rest);

	if (!give(address, driver))
		fail(GUEST_NO_VFIO "%s does not take %s", driver, address);
	if (strcmp(driver, "vfio-pci") == 0)
		wait_for_group(address);
}

/* The same where a driver that does not take the device is what there is to be seen. */
static void do_offer(char *rest)
{
	const char *address = next_word(&rest), *driver = next_word(&rest);

	if (give(address, driver))
		wait_for_group(address);
}

static void do_mdev(char *rest)
{
	const char *uuid = next_word(&rest), *parent = next_word(&rest), *type = next_word(&rest);
	char path[256];
	int error;

	snprintf(path, sizeof(path), "/sys/class/mdev_bus/%s/mdev_supported_types/%s/create", parent, type);
	error = write_file(path, uuid);
	if (error == -ENOENT)
		fail(GUEST_NO_VFIO "no parent %s makes mediated devices of type %s", parent, type);
	if (error < 0)
		fail("%s cannot make %s: %s", parent, uuid, strerror(-error));
	wait_for_group(uuid);
}

static void do_group(char *rest)
{
	const char *address = next_word(&rest), *wanted = next_word(&rest);
	char group[64];

	device_link(address, "iommu_group", group, sizeof(group));
	if (strcmp(group, wanted) != 0)
		fail("%s: in IOMMU group %s, the machine says %s", address, group[0] ? group : "(none)", wanted);
}

static const struct {
	const char *name;
	void (*run)(char *rest);
} directives[] = {
    {"module", do_module}, {"hugepages", do_hugepages}, {"bind", do_bind},
    {"offer", do_offer},   {"mdev", do_mdev},		{"group", do_group},
};

static void do_directive(char *line, unsigned number)
{
	const char *name = next_word(&line);

	if (name[0] == '\0' || name[0] == '#')
		return;
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
		if (strcmp(name, directives[i].name) == 0) {
			directives[i].run(line);
			return;
		}
	}
	fail("%s:%u: unknown directive \"%s\"", GUEST_CONFIG_PATH, number, name);
}

static void do_config(void)
{
	FILE *file = fopen(GUEST_CONFIG_PATH, "re");
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;

	if (!file)
		fail("cannot open %s: %s", GUEST_CONFIG_PATH, strerror(errno));
	while (getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		do_directive(line, ++number);
	}
	free(line);
	fclose(file);
}

/* Finds the device node of the port by the name that the host gave it. Returns whether it is there yet. */
static bool find_port(char *node, size_t size)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	const struct dirent *entry;
	bool found = false;

	while (ports && !found && (entry = readdir(ports))) {
		char path[512], name[64] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
		found = strcmp(name, GUEST_PORT_NAME) == 0;
		if (found)
			snprintf(node, size, "/dev/%s", entry->d_name);
	}
	if (ports)
		closedir(ports);
	return found;
}

static int open_channel(void)
{
	char node[300] = "";

	/* The port arrives by a message of the device, some time after the driver has been loaded. */
	for (int waited = 0; waited < WAIT_MS; waited += POLL_MS) {
		if (node[0] != '\0' || find_port(node, sizeof(node))) {
			int fd = open(node, O_RDWR | O_CLOEXEC);

			if (fd >= 0)
				return fd;
			if (errno != ENOENT)
				fail("cannot open %s: %s", node, strerror(errno));
		}
		nap();
	}
	fail("no virtio port is named %s", GUEST_PORT_NAME);
}

bool guest_is_init(void)
{
	return getpid() == 1;
}

int guest_init(void)
{
	int channel;

	open_console();
	/* The kernel makes it writable for all, which programs that check their paths refuse. */
	chmod("/", 0755);
	mount_all();
	link_descriptors();
	open_console();
	raise_open_files();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	klogctl(KLOG_CONSOLE_LEVEL, NULL, CONSOLE_LEVEL);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		write_file(settings[i].path, settings[i].value);
	loopback_up();
	do_config();
	channel = open_channel();
	/* Short of a dead host, a few bytes always fit. */
	if (write(channel, GUEST_READY, strlen(GUEST_READY)) != (ssize_t)strlen(GUEST_READY))
		fail("cannot write to the host: %s", strerror(errno));
	return channel;
}
