/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Takes the few files that matter out of Debian's kernel packages.
 *
 * A package is an ar archive around a compressed tar archive of some hundred megabytes. It
 * is decompressed once into a nameless file, because finding a module's needs, and theirs,
 * takes several passes, and passes over a plain tar file only hop from header to header.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm_internal.h"

/* No kernel or module comes near this; a file that claims to is not one. */
#define FILE_BYTES_MAX (512ll << 20)

/* Bytes that grow, for data whose size shows only when it has been decompressed. */
struct bytes {
	char *data;
	size_t size, capacity;
};

struct unpacking {
	const char *release;
	const char *into;
	struct words wanted; /* module names, needs included as they become known */
	struct module_table found;
	bool have_image;
	struct diag *diag;
};

static int archive_failed(struct unpacking *unpacking, struct archive *archive, const char *what)
{
	const char *reason = archive_error_string(archive);

	return diag_set(unpacking->diag, what, 0, 0, "cannot be unpacked: %s", reason ? reason : "unknown error");
}

/* Reads the rest of the current entry. False if it is broken or absurdly large. */
static bool read_entry(struct archive *archive, struct bytes *bytes)
{
	ssize_t got;

	bytes->size = 0;
	do {
		if (bytes->capacity - bytes->size < 65536) {
			if (bytes->capacity > FILE_BYTES_MAX)
				return false;
			bytes->capacity = bytes->capacity * 2 + 65536;
			bytes->data = must(realloc(bytes->data, bytes->capacity));
		}
		got = archive_read_data(archive, bytes->data + bytes->size, bytes->capacity - bytes->size);
		bytes->size += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	return got == 0;
}

/* Undoes the compression of one file, if it has one. */
static bool decompress(const struct bytes *in, struct bytes *out)
{
	struct archive *archive = must(archive_read_new());
	struct archive_entry *entry;
	bool good;

	archive_read_support_filter_all(archive);
	archive_read_support_format_raw(archive);
	good = archive_read_open_memory(archive, in->data, in->size) == ARCHIVE_OK &&
	       archive_read_next_header(archive, &entry) == ARCHIVE_OK && read_entry(archive, out);
	archive_read_free(archive);
	return good;
}

static int write_file(struct unpacking *unpacking, const char *name, const struct bytes *bytes)
{
	char *path = format_text("%s/%s", unpacking->into, name);
	FILE *file = fopen(path, "we");
	bool good = file && fwrite(bytes->data, 1, bytes->size, file) == bytes->size;

	if (file && fclose(file) != 0)
		good = false;
	if (!good)
		diag_set(unpacking->diag, path, 0, 0, "cannot be written: %s", strerror(errno));
	free(path);
	return good ? 0 : -1;
}

/* NAME.ko, perhaps with the suffix of a compressor. */
static bool is_module(const char *path)
{
	const char *suffix = strstr(path, ".ko");

	return suffix && (suffix[3] == '\0' || suffix[3] == '.') && !strchr(suffix, '/');
}

/* Signed kernels lie under boot, later ones beside their modules: vmlinuz or vmlinux, with the release in the path. */
static bool is_image(const char *path, const char *release)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return (strncmp(name, "vmlinuz", 7) == 0 || strncmp(name, "vmlinux", 7) == 0) && strstr(path, release) &&
	       (name[7] == '\0' || strcmp(name + 8, release) == 0);
}

static int take_image(struct unpacking *unpacking, struct archive *archive, struct bytes *raw)
{
	if (!read_entry(archive, raw))
		return archive_failed(unpacking, archive, "kernel image");
	unpacking->have_image = true;
	/* It may be compressed as a whole, but that is between it and the machine's firmware. */
	return write_file(unpacking, "image", raw);
}

static int take_module(struct unpacking *unpacking, struct archive *archive, const char *name, struct bytes *raw,
		       struct bytes *plain)
{
	char *file_name, *depends;
	const struct module *module;
	int error;

	if (!read_entry(archive, raw))
		return archive_failed(unpacking, archive, name);
	if (!decompress(raw, plain))
		return diag_set(unpacking->diag, name, 0, 0, "module cannot be decompressed");
	file_name = format_text("%s.ko", name);
	error = write_file(unpacking, file_name, plain);
	free(file_name);
	depends = module_depends(plain->data, plain->size);
	module_table_add(&unpacking->found, name, depends);
	free(depends);
	module = &unpacking->found.module[unpacking->found.count - 1];
	for (size_t i = 0; i < module->needs.count; i++)
		words_add(&unpacking->wanted, module->needs.word[i]);
	return error;
}

/* One pass over a tar file: takes what is wanted and not yet there. */
static int pass(struct unpacking *unpacking, int tar, const char *package)
{
	struct archive *archive = must(archive_read_new());
	struct archive_entry *entry;
	struct bytes raw = {0}, plain = {0};
	int error = 0, status = ARCHIVE_OK;

	lseek(tar, 0, SEEK_SET);
	archive_read_support_format_tar(archive);
	if (archive_read_open_fd(archive, tar, 65536) != ARCHIVE_OK)
		error = archive_failed(unpacking, archive, package);
	while (!error && (status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
		const char *path = archive_entry_pathname(entry);

		if (!path || archive_entry_filetype(entry) != AE_IFREG)
			continue;
		if (is_module(path)) {
			char *name = module_name(path);

			if (words_has(&unpacking->wanted, name) && !module_table_find(&unpacking->found, name))
				error = take_module(unpacking, archive, name, &raw, &plain);
			free(name);
		} else if (!unpacking->have_image && is_image(path, unpacking->release)) {
			error = take_image(unpacking, archive, &raw);
		}
	}
	if (!error && status != ARCHIVE_EOF)
		error = archive_failed(unpacking, archive, package);
	archive_read_free(archive);
	free(raw.data);
	free(plain.data);
	return error;
}

/* What the inner archive reads is what the outer one has. */
static la_ssize_t read_member(struct archive *inner, void *data, const void **block)
{
	struct archive *outer = data;
	size_t size;
	la_int64_t offset;
	int status = archive_read_data_block(outer, block, &size, &offset);

	(void)inner;
	if (status == ARCHIVE_EOF)
		return 0;
	return status == ARCHIVE_OK ? (la_ssize_t)size : -1;
}

static bool copy_decompressed(struct archive *outer, int into)
{
	struct archive *inner = must(archive_read_new());
	struct archive_entry *entry;
	bool good;

	archive_read_support_filter_all(inner);
	archive_read_support_format_raw(inner);
	good = archive_read_open(inner, outer, NULL, read_member, NULL) == ARCHIVE_OK &&
	       archive_read_next_header(inner, &entry) == ARCHIVE_OK &&
	       archive_read_data_into_fd(inner, into) == ARCHIVE_OK;
	archive_read_free(inner);
	return good;
}

/* Decompresses the files of a package into a nameless file in @directory. Its descriptor, or -1. */
static int open_package(struct unpacking *unpacking, const char *directory, const char *path)
{
	struct archive *archive = must(archive_read_new());
	struct archive_entry *entry;
	char *name = format_text("%s/unpacking-XXXXXX", directory);
	int tar = mkostemp(name, O_CLOEXEC);
	bool copied = false;

	archive_read_support_format_ar(archive);
	if (tar < 0) {
		diag_set(unpacking->diag, directory, 0, 0, "no room to unpack: %s", strerror(errno));
	} else if (unlink(name) < 0 || archive_read_open_filename(archive, path, 65536) != ARCHIVE_OK) {
		archive_failed(unpacking, archive, path);
	} else {
		while (!copied && archive_read_next_header(archive, &entry) == ARCHIVE_OK)
			if (strncmp(archive_entry_pathname(entry), "data.tar", 8) == 0)
				copied = copy_decompressed(archive, tar);
		if (!copied)
			diag_set(unpacking->diag, path, 0, 0, "not a whole Debian package, or no room to unpack it");
	}
	archive_read_free(archive);
	free(name);
	if (!copied && tar >= 0) {
		close(tar);
		tar = -1;
	}
	return tar;
}

int unpack_kernel(const char *directory, const struct words *packages, const char *release, const struct words *modules,
		  const char *into, struct diag *diag)
{
	struct unpacking unpacking = {.release = release, .into = into, .diag = diag};
	int *tars = must(calloc(packages->count + 1, sizeof(*tars)));
	size_t opened = 0, known;
	char *path;
	int error = 0;

	for (size_t i = 0; i < modules->count; i++) {
		char *name = module_name(modules->word[i]);

		words_add(&unpacking.wanted, name);
		free(name);
	}
	for (; opened < packages->count && !error; opened++) {
		path = format_text("%s/%s", directory, packages->word[opened]);
		tars[opened] = open_package(&unpacking, directory, path);
		error = tars[opened] < 0 ? -1 : 0;
		free(path);
	}
	/* Every pass finds what the modules of the one before need, until none needs anything new. */
	do {
		known = unpacking.wanted.count;
		for (size_t i = 0; i < packages->count && !error; i++)
			error = pass(&unpacking, tars[i], packages->word[i]);
	} while (!error && unpacking.wanted.count > known);
	if (!error && !unpacking.have_image)
		error = diag_set(diag, NULL, 0, 0, "the packages of Linux %s have no kernel image", release);
	path = format_text("%s/modules", into);
	if (!error && module_table_write(&unpacking.found, path) < 0)
		error = diag_set(diag, path, 0, 0, "cannot be written");
	free(path);
	for (size_t i = 0; i < opened; i++)
		if (tars[i] >= 0)
			close(tars[i]);
	free(tars);
	words_free(&unpacking.wanted);
	module_table_free(&unpacking.found);
	return error;
}
