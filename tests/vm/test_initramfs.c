/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The guest's memory disk, read back with libarchive.
 */
#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm_internal.h"

static char root[] = "/tmp/vfiosim-initramfs-XXXXXX";
static char listing[8192]; /* "PATH" or "PATH -> TARGET", a line each */
static char config[1024];
static struct diag diag;

static const struct device devices[] = {
    {.name = "0000:00:03.0", .group = 1, .driver = DRIVER_VFIO_PCI},
    {.name = "0000:00:04.0", .group = 2, .driver = DRIVER_HOST},
    {.name = "0a", .group = 9, .driver = DRIVER_MDEV, .mdev_parent = "late", .mdev_type = "late-1"},
    {.name = "0b", .group = 8, .driver = DRIVER_MDEV, .mdev_parent = "early", .mdev_type = "early-2"},
};

static const struct machine machine = {
    .name = "test",
    .device_count = 4,
    .devices = devices,
    .append = "quiet vfio.enable_this=1 vfio_pci.ids=none vfio.that vfio",
};

static char *in_root(const char *name)
{
	return format_text("%s/%s", root, name);
}

static void make_file(const char *name, const char *text)
{
	char *path = in_root(name);
	FILE *file = fopen(path, "w");

	cr_assert(file != NULL);
	fputs(text, file);
	fclose(file);
	free(path);
}

static void make_tree(void)
{
	char *path;

	cr_assert(mkdtemp(root) != NULL);
	make_file("agent", "agent");
	make_file("vfio.ko", "module");
	path = in_root("real");
	mkdir(path, 0755);
	free(path);
	make_file("real/library.so.1", "library");
	path = in_root("real/library.so");
	cr_assert(zero(int, symlink("library.so.1", path)));
	free(path);
	path = in_root("link");
	cr_assert(zero(int, symlink("real", path)));
	free(path);
}

static void remove_tree(void)
{
	char *command = format_text("rm -rf %s", root);

	cr_expect(zero(int, system(command)));
	free(command);
}

TestSuite(initramfs, .init = make_tree, .fini = remove_tree);

/* Makes the disk and fills @listing and @config from it. Returns initramfs_create()'s failure. */
static int create(const struct vm_file *files, size_t count, unsigned hugepages)
{
	char *agent = in_root("agent");
	struct vm_options options = {.kernel = "6.1",
				     .machine = &machine,
				     .agent = agent,
				     .files = files,
				     .file_count = count,
				     .hugepages = hugepages,
				     .append = " vfio.limit=3"};
	struct kernel kernel = {.directory = root};
	struct words modules = {0};
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int fd;

	words_add(&modules, "vfio");
	fd = initramfs_create(&options, &kernel, &modules, &diag);
	words_free(&modules);
	free(agent);
	if (fd >= 0) {
		lseek(fd, 0, SEEK_SET);
		archive_read_support_format_cpio(archive);
		cr_assert(eq(int, archive_read_open_fd(archive, fd, 4096), ARCHIVE_OK));
		while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
			strcat(listing, archive_entry_pathname(entry));
			if (archive_entry_symlink(entry)) {
				strcat(listing, " -> ");
				strcat(listing, archive_entry_symlink(entry));
			}
			strcat(listing, "\n");
			if (strcmp(archive_entry_pathname(entry), "vfiosim.conf") == 0)
				cr_assert(ge(long, archive_read_data(archive, config, sizeof(config) - 1), 0));
		}
		close(fd);
	}
	archive_read_free(archive);
	return fd < 0 ? -1 : 0;
}

static bool listed(const char *line)
{
	const char *found = strstr(listing, line);

	return found && (found == listing || found[-1] == '\n') && found[strlen(line)] == '\n';
}

/* @name in the test's directory, as the archive names it: without the slash in front. */
static bool listed_in_root(const char *name)
{
	char *line = format_text("%s/%s", root + 1, name);
	bool found = listed(line);

	free(line);
	return found;
}

Test(initramfs, has_agent_modules_console_and_configuration)
{
	cr_assert(zero(int, create(NULL, 0, 128)));
	cr_expect(listed("init"));
	cr_expect(listed("dev"));
	cr_expect(listed("dev/console"));
	cr_expect(listed("modules/vfio.ko"));
	/* What is on the kernel's command line for the module is given to it. */
	cr_expect_str_eq(
	    config, "module /modules/vfio.ko enable_this=1 that limit=3\nhugepages 128\nbind 0000:00:03.0 vfio-pci\n"
		    "mdev 0b early early-2\nmdev 0a late late-1\n"
		    "group 0000:00:03.0 1\ngroup 0a 9\ngroup 0b 8\n");
}

Test(initramfs, file_under_another_name_brings_its_directories)
{
	char *path = in_root("real/library.so.1");
	struct vm_file file = {.host_path = path, .guest_path = "/usr/lib/x.so"};

	cr_assert(zero(int, create(&file, 1, 0)));
	cr_expect(listed("usr"));
	cr_expect(listed("usr/lib"));
	cr_expect(listed("usr/lib/x.so"));
	free(path);
}

Test(initramfs, file_under_its_own_name_brings_every_link_on_the_way)
{
	char *path = in_root("link/library.so");
	struct vm_file file = {.host_path = path};

	cr_assert(zero(int, create(&file, 1, 0)));
	cr_expect(listed_in_root("link -> real"));
	cr_expect(listed_in_root("real/library.so -> library.so.1"));
	cr_expect(listed_in_root("real/library.so.1"));
	free(path);
}

Test(initramfs, file_named_twice_is_there_once)
{
	char *path = in_root("link/library.so"), *same = in_root("link/../real/./library.so.1");
	struct vm_file files[] = {{.host_path = path}, {.host_path = same}, {.host_path = path}};
	char *line = format_text("%s/real/library.so.1\n", root + 1), *first;

	cr_assert(zero(int, create(files, 3, 0)));
	first = strstr(listing, line);
	cr_assert(first != NULL);
	cr_expect(strstr(first + 1, line) == NULL);
	free(line);
	free(path);
	free(same);
}

Test(initramfs, links_in_a_circle_are_refused)
{
	char *path = in_root("circle");
	struct vm_file file = {.host_path = path};

	cr_assert(zero(int, symlink("circle", path)));
	cr_expect(eq(int, create(&file, 1, 0), -1));
	cr_expect(strstr(diag.text, "links") != NULL, "%s", diag.text);
	free(path);
}

Test(initramfs, file_that_is_missing_is_named)
{
	struct vm_file file = {.host_path = "/nowhere/at/all"};

	cr_expect(eq(int, create(&file, 1, 0), -1));
	cr_expect_str_eq(diag.file, "/nowhere");
}
