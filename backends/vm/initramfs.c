/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The guest's memory disk: the agent as /init, modules, the configuration that guest_init.h
 * describes, and what the caller wants to have in it.
 *
 * It is not compressed: no compressor made a difference to the time of a boot (docs/kernels.md).
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../agent/guest_init.h"
#include "vm_internal.h"

/* As many links in one path as the kernel follows. */
#define LINKS_MAX 40

#define MODULES_DIRECTORY "/modules"

struct initramfs {
	struct archive *archive;
	struct words paths; /* what is in it already */
	struct diag *diag;
};

static int failed(struct initramfs *initramfs, const char *path, const char *what)
{
	return diag_set(initramfs->diag, path, 0, 0, "%s", what);
}

/* Starts an entry. Names in the archive have no slash before them. */
static int begin(struct initramfs *initramfs, const char *path, mode_t mode, int64_t size, const char *target,
		 dev_t device)
{
	struct archive_entry *entry = must(archive_entry_new());
	int status;

	archive_entry_set_pathname(entry, path + 1);
	archive_entry_set_mode(entry, mode);
	archive_entry_set_nlink(entry, 1);
	archive_entry_set_size(entry, size);
	if (target)
		archive_entry_set_symlink(entry, target);
	if (S_ISCHR(mode))
		archive_entry_set_rdev(entry, device);
	status = archive_write_header(initramfs->archive, entry);
	archive_entry_free(entry);
	return status == ARCHIVE_OK ? 0 : failed(initramfs, path, archive_error_string(initramfs->archive));
}

/* Adds a directory and those above it, unless they are there. */
static int add_directory(struct initramfs *initramfs, const char *path)
{
	char *parent;
	int error = 0;

	if (path[0] == '\0' || words_has(&initramfs->paths, path))
		return 0;
	parent = must(strndup(path, (size_t)(strrchr(path, '/') - path)));
	error = add_directory(initramfs, parent);
	free(parent);
	words_add(&initramfs->paths, path);
	return error ? error : begin(initramfs, path, S_IFDIR | 0755, 0, NULL, 0);
}

/* Makes room for @path: its directory is there afterwards. Returns 1 if @path itself is there already. */
static int claim(struct initramfs *initramfs, const char *path)
{
	char *parent;
	int error;

	if (words_has(&initramfs->paths, path))
		return 1;
	parent = must(strndup(path, (size_t)(strrchr(path, '/') - path)));
	error = add_directory(initramfs, parent);
	free(parent);
	words_add(&initramfs->paths, path);
	return error;
}

static int add_text(struct initramfs *initramfs, const char *path, const char *text)
{
	size_t length = strlen(text);
	int error = claim(initramfs, path);

	if (!error)
		error = begin(initramfs, path, S_IFREG | 0644, (int64_t)length, NULL, 0);
	if (!error && archive_write_data(initramfs->archive, text, length) != (la_ssize_t)length)
		error = failed(initramfs, path, archive_error_string(initramfs->archive));
	return error;
}

static int add_link(struct initramfs *initramfs, const char *path, const char *target)
{
	int error = claim(initramfs, path);

	if (error)
		return error < 0 ? error : 0;
	return begin(initramfs, path, S_IFLNK | 0777, 0, target, 0);
}

/* Adds the regular file @host as @guest. */
static int add_file(struct initramfs *initramfs, const char *host, const char *guest, mode_t mode)
{
	char block[65536];
	struct stat status;
	off_t left;
	int fd, error = claim(initramfs, guest);

	if (error)
		return error < 0 ? error : 0;
	fd = open(host, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) {
		failed(initramfs, host, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	error = begin(initramfs, guest, S_IFREG | (mode & 07777), status.st_size, NULL, 0);
	for (left = status.st_size; left > 0 && !error;) {
		ssize_t got = read(fd, block, sizeof(block));

		if (got <= 0)
			error = failed(initramfs, host, "cannot be read to its end");
		else if (archive_write_data(initramfs->archive, block, (size_t)got) < 0)
			error = failed(initramfs, guest, archive_error_string(initramfs->archive));
		left -= got;
	}
	close(fd);
	return error;
}

/* Adds what is at @host, itself and not what it may point to, as @guest. */
static int add_tree(struct initramfs *initramfs, const char *host, const char *guest)
{
	char target[PATH_MAX];
	const struct dirent *entry;
	struct stat status;
	ssize_t length;
	int error = 0;
	DIR *directory;

	if (lstat(host, &status) < 0)
		return failed(initramfs, host, strerror(errno));
	if (S_ISREG(status.st_mode))
		return add_file(initramfs, host, guest, status.st_mode);
	if (S_ISLNK(status.st_mode)) {
		length = readlink(host, target, sizeof(target) - 1);
		if (length < 0)
			return failed(initramfs, host, strerror(errno));
		target[length] = '\0';
		return add_link(initramfs, guest, target);
	}
	/* Sockets, pipes and devices mean nothing in another machine. */
	if (!S_ISDIR(status.st_mode))
		return 0;
	directory = opendir(host);
	if (!directory)
		return failed(initramfs, host, strerror(errno));
	error = add_directory(initramfs, guest);
	while (!error && (entry = readdir(directory))) {
		char *host_child, *guest_child;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		host_child = format_text("%s/%s", host, entry->d_name);
		guest_child = format_text("%s/%s", guest, entry->d_name);
		error = add_tree(initramfs, host_child, guest_child);
		free(host_child);
		free(guest_child);
	}
	closedir(directory);
	return error;
}

/*
 * Adds @path under its own name, walking it as the kernel does: a link on the way is added as a
 * link, and the walk goes on where it points to. @links counts them.
 */
static int add_same(struct initramfs *initramfs, const char *path, unsigned links)
{
	char resolved[PATH_MAX] = "", target[PATH_MAX];
	const char *rest = path;

	while (*rest) {
		size_t length, before = strlen(resolved);
		struct stat status;
		ssize_t got;
		char *next;
		int error;

		rest += strspn(rest, "/");
		length = strcspn(rest, "/");
		if (length == 0 || (length == 1 && rest[0] == '.')) {
			rest += length;
			continue;
		}
		if (length == 2 && memcmp(rest, "..", 2) == 0) {
			/* Nothing in front of it is a link any more. */
			char *slash = strrchr(resolved, '/');

			if (slash)
				*slash = '\0';
			rest += length;
			continue;
		}
		if (before + 1 + length >= sizeof(resolved))
			return failed(initramfs, path, "the path is too long");
		resolved[before] = '/';
		memcpy(resolved + before + 1, rest, length);
		resolved[before + 1 + length] = '\0';
		rest += length;
		if (lstat(resolved, &status) < 0)
			return failed(initramfs, resolved, strerror(errno));
		if (!S_ISLNK(status.st_mode))
			continue;
		got = readlink(resolved, target, sizeof(target) - 1);
		if (got < 0 || links == 0)
			return failed(initramfs, path, "too many links, or one that cannot be read");
		target[got] = '\0';
		error = add_link(initramfs, resolved, target);
		resolved[before] = '\0';
		if (target[0] == '/')
			next = format_text("%s%s", target, rest);
		else
			next = format_text("%s/%s%s", resolved, target, rest);
		if (!error)
			error = add_same(initramfs, next, links - 1);
		free(next);
		return error;
	}
	return add_tree(initramfs, resolved, resolved);
}

static int add_modules(struct initramfs *initramfs, const struct kernel *kernel, const struct words *modules)
{
	int error = 0;

	for (size_t i = 0; i < modules->count && !error; i++) {
		char *host = format_text("%s/%s.ko", kernel->directory, modules->word[i]);
		char *guest = format_text(MODULES_DIRECTORY "/%s.ko", modules->word[i]);

		error = add_file(initramfs, host, guest, 0644);
		free(host);
		free(guest);
	}
	return error;
}

/* The mediated device in the group that follows @after's, the first one with NULL; NULL at the end. */
static const struct device *next_mdev(const struct machine *machine, const struct device *after)
{
	const struct device *next = NULL;

	for (size_t i = 0; i < machine->device_count; i++) {
		const struct device *device = &machine->devices[i];

		if (device->driver == DRIVER_MDEV && (!after || device->group > after->group) &&
		    (!next || device->group < next->group))
			next = device;
	}
	return next;
}

/*
 * Writes the parameters of a module that are on the kernel's command line, as MODULE.NAME=VALUE. Whoever loads a module
 * has to give it these: the kernel does so only for what is built in.
 */
static void write_parameters(FILE *out, const char *append, const char *module)
{
	const size_t length = strlen(module);
	struct words words = {0};

	words_split(&words, append, " ");
	for (size_t i = 0; i < words.count; i++)
		if (strncmp(words.word[i], module, length) == 0 && words.word[i][length] == '.')
			fprintf(out, " %s", words.word[i] + length + 1);
	words_free(&words);
}

/* Whether there are kernels whose vfio-pci takes no device of the machine, which is then an answer like others. */
static bool may_be_refused(const struct machine *machine)
{
	return machine->iommu == IOMMU_SPAPR_POWERNV || machine->iommu == IOMMU_SPAPR_PSERIES;
}

/* The text of GUEST_CONFIG_PATH. Caller frees. */
static char *config_text(const struct vm_options *options, const struct words *modules)
{
	const struct machine *machine = options->machine;
	char *append = qemu_append(options), *text = NULL;
	size_t size;
	FILE *out = must(open_memstream(&text, &size));

	for (size_t i = 0; i < modules->count; i++) {
		fprintf(out, "module " MODULES_DIRECTORY "/%s.ko", modules->word[i]);
		write_parameters(out, append, modules->word[i]);
		fputc('\n', out);
	}
	free(append);
	if (options->hugepages > 0)
		fprintf(out, "hugepages %u\n", options->hugepages);
	for (size_t i = 0; i < machine->device_count; i++)
		if (machine->devices[i].driver == DRIVER_VFIO_PCI)
			fprintf(out, "%s %s vfio-pci\n", may_be_refused(machine) ? "offer" : "bind",
				machine->devices[i].name);
	/* Groups are numbered as they come: mediated devices are made in the order of their numbers. */
	for (const struct device *device = NULL; (device = next_mdev(machine, device));)
		fprintf(out, "mdev %s %s %s\n", device->name, device->mdev_parent, device->mdev_type);
	for (size_t i = 0; i < machine->device_count; i++)
		if (device_is_vfio(&machine->devices[i]))
			fprintf(out, "group %s %u\n", machine->devices[i].name, (unsigned)machine->devices[i].group);
	return fclose(out) == 0 ? text : must(NULL);
}

static int add_all(struct initramfs *initramfs, const struct vm_options *options, const struct kernel *kernel,
		   const struct words *modules)
{
	char *config = config_text(options, modules);
	int error = add_directory(initramfs, "/dev");

	/* The kernel gives the first process this as its standard streams. */
	if (!error)
		error = begin(initramfs, "/dev/console", S_IFCHR | 0600, 0, NULL, makedev(5, 1));
	if (!error)
		error = add_file(initramfs, options->agent, "/init", 0755);
	if (!error)
		error = add_text(initramfs, GUEST_CONFIG_PATH, config);
	if (!error)
		error = add_modules(initramfs, kernel, modules);
	for (size_t i = 0; i < options->file_count && !error; i++) {
		const struct vm_file *file = &options->files[i];
		const char *named = file->guest_path ? file->guest_path : file->host_path;

		if (named[0] != '/')
			error = failed(initramfs, named, "a path in the guest must begin with /");
		else if (file->guest_path)
			error = add_tree(initramfs, file->host_path, file->guest_path);
		else
			error = add_same(initramfs, file->host_path, LINKS_MAX);
	}
	free(config);
	return error;
}

int initramfs_create(const struct vm_options *options, const struct kernel *kernel, const struct words *modules,
		     struct diag *diag)
{
	struct initramfs initramfs = {.archive = must(archive_write_new()), .diag = diag};
	int fd = memfd_create("initramfs", MFD_CLOEXEC), error = 0;

	archive_write_set_format_cpio_newc(initramfs.archive);
	archive_write_add_filter_none(initramfs.archive);
	if (fd < 0 || archive_write_open_fd(initramfs.archive, fd) != ARCHIVE_OK)
		error = failed(&initramfs, NULL, "cannot make an anonymous file for the memory disk");
	if (!error)
		error = add_all(&initramfs, options, kernel, modules);
	if (!error && archive_write_close(initramfs.archive) != ARCHIVE_OK)
		error = failed(&initramfs, NULL, archive_error_string(initramfs.archive));
	archive_write_free(initramfs.archive);
	words_free(&initramfs.paths);
	if (error && fd >= 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}
