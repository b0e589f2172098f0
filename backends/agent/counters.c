/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Hands out the kernel's execution counters as lines of text.
 */
#include "counters.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream.h"

/* Directories that are open while the tree is walked. */
#define WALK_DESCRIPTORS 16

static const char suffix[] = ".gcda";

/* nftw() passes nothing on to what it calls. */
static char **paths;
static size_t path_count;

static int remember(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	size_t length = strlen(path);
	char **grown;

	(void)status;
	(void)walk;
	if (type != FTW_F || length < strlen(suffix) || strcmp(path + length - strlen(suffix), suffix) != 0)
		return 0;
	grown = reallocarray(paths, path_count + 1, sizeof(*paths));
	if (!grown)
		return -1;
	paths = grown;
	paths[path_count] = strdup(path);
	return paths[path_count++] ? 0 : -1;
}

/* All bytes of the file, whose size nobody tells before they are read; NULL if it cannot be read. */
static unsigned char *read_all(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char *bytes = NULL;
	size_t room = 0;
	ssize_t got = fd < 0 ? -1 : 1;

	for (*length = 0; got > 0; *length += got > 0 ? (size_t)got : 0) {
		if (*length == room) {
			unsigned char *grown = realloc(bytes, room = 2 * room + 65536);

			if (!grown) {
				got = -1;
				break;
			}
			bytes = grown;
		}
		got = read(fd, bytes + *length, room - *length);
	}
	if (fd >= 0)
		close(fd);
	if (got == 0)
		return bytes;
	free(bytes);
	return NULL;
}

/* "NAME HEX" and a newline; a file that cannot be read has no bytes. */
static int send_file(int channel, const char *path)
{
	static const char digits[] = "0123456789abcdef";
	const char *name = strrchr(path, '/') + 1;
	size_t length = 0, used;
	unsigned char *bytes = read_all(path, &length);
	char *line = malloc(strlen(name) + 1 + 2 * length + 1);
	int error;

	if (!line) {
		free(bytes);
		return stream_printf(channel, "%s ", name);
	}
	used = (size_t)sprintf(line, "%s ", name);
	for (size_t i = 0; bytes && i < length; i++) {
		line[used++] = digits[bytes[i] >> 4];
		line[used++] = digits[bytes[i] & 15];
	}
	line[used++] = '\n';
	error = stream_send(channel, line, used, NULL, 0);
	free(line);
	free(bytes);
	return error;
}

int counters_send(int channel, const char *root)
{
	int error;

	path_count = 0;
	nftw(root, remember, WALK_DESCRIPTORS, FTW_PHYS);
	error = stream_printf(channel, "counters %zu", path_count);
	for (size_t i = 0; i < path_count; i++) {
		if (!error)
			error = send_file(channel, paths[i]);
		free(paths[i]);
	}
	free(paths);
	paths = NULL;
	return error;
}
