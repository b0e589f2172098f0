/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Finds the libraries of a program by asking its dynamic loader, which knows best.
 */
#include "travel.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int out_of_memory(struct diag *diag)
{
	return diag_set(diag, NULL, 0, 0, "out of memory");
}

static bool travel_has(const struct travel *travel, const char *path)
{
	for (size_t i = 0; i < travel->count; i++)
		if (strcmp(travel->paths[i], path) == 0)
			return true;
	return false;
}

/* Notes @path. 1 if it was not there yet, 0 if it was, -1 with @diag. */
static int note(struct travel *travel, const char *path, struct diag *diag)
{
	if (travel_has(travel, path))
		return 0;
	if (travel->count == travel->capacity) {
		size_t capacity = travel->capacity ? 2 * travel->capacity : 32;
		char **paths = realloc(travel->paths, capacity * sizeof(*paths));

		if (!paths)
			return out_of_memory(diag);
		travel->paths = paths;
		travel->capacity = capacity;
	}
	travel->paths[travel->count] = strdup(path);
	if (!travel->paths[travel->count])
		return out_of_memory(diag);
	travel->count++;
	return 1;
}

void travel_free(struct travel *travel)
{
	for (size_t i = 0; i < travel->count; i++)
		free(travel->paths[i]);
	free(travel->paths);
	free(travel->loader);
	*travel = (struct travel){.paths = NULL};
}

char *travel_find_program(const char *name, struct diag *diag)
{
	const char *path = getenv("PATH"), *slash = strrchr(name, '/');
	char candidate[PATH_MAX];

	if (slash) {
		/* The last component stays as it is: programs like busybox look at their name. */
		char *directory = strndup(name, (size_t)(slash - name) + 1), *whole = NULL;
		bool found = directory && access(name, X_OK) == 0 && realpath(directory, candidate);

		free(directory);
		if (found && asprintf(&whole, "%s%s", strcmp(candidate, "/") ? candidate : "", slash) >= 0)
			return whole;
		diag_set(diag, NULL, 0, 0, "cannot run %s: %s", name, strerror(errno));
		return NULL;
	}
	while (path && *path) {
		size_t length = strcspn(path, ":");

		snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)length, path, name);
		if (length && access(candidate, X_OK) == 0)
			return strdup(candidate);
		path += length + (path[length] == ':');
	}
	diag_set(diag, NULL, 0, 0, "cannot run %s: it is not in PATH", name);
	return NULL;
}

/* What a file is, as far as travelling goes. */
struct kind {
	bool dynamic;		    /* an ELF file that the loader can list */
	char interpreter[PATH_MAX]; /* of a program or script; "" if it has none */
};

static void look_at_elf(const uint8_t *bytes, size_t size, struct kind *kind)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (size < sizeof(header))
		return;
	memcpy(&header, bytes, sizeof(header));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(segment))
		return;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		if (header.e_phoff > size || (size - header.e_phoff) / sizeof(segment) <= i)
			return;
		memcpy(&segment, bytes + header.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type == PT_DYNAMIC)
			kind->dynamic = true;
		if (segment.p_type == PT_INTERP && segment.p_offset < size && segment.p_filesz < PATH_MAX &&
		    segment.p_filesz <= size - segment.p_offset)
			memcpy(kind->interpreter, bytes + segment.p_offset, segment.p_filesz);
	}
}

static void look_at_script(const uint8_t *bytes, size_t size, struct kind *kind)
{
	size_t start = 2, length = 0;

	while (start < size && bytes[start] == ' ')
		start++;
	while (start + length < size && length < PATH_MAX - 1 && !strchr(" \t\r\n", bytes[start + length]))
		length++;
	memcpy(kind->interpreter, bytes + start, length);
}

/* 0 or -1 with @diag. A file that is neither program nor library is of no kind. */
static int look_at(const char *path, struct kind *kind, struct diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes;

	*kind = (struct kind){.dynamic = false};
	if (fd < 0 || fstat(fd, &status) != 0) {
		diag_set(diag, NULL, 0, 0, "cannot take %s along: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	bytes = status.st_size > 4 ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	if (bytes == MAP_FAILED)
		return 0;
	if (memcmp(bytes, ELFMAG, SELFMAG) == 0)
		look_at_elf(bytes, (size_t)status.st_size, kind);
	else if (memcmp(bytes, "#!", 2) == 0)
		look_at_script(bytes, (size_t)status.st_size, kind);
	munmap(bytes, (size_t)status.st_size);
	return 0;
}

/* Starts `@loader --list @path`; returns where its answer comes from, or NULL. */
static FILE *ask_loader(const char *loader, const char *path, pid_t *pid)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return NULL;
	*pid = fork();
	if (*pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(loader, loader, "--list", path, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (*pid < 0) {
		close(ends[0]);
		return NULL;
	}
	return fdopen(ends[0], "r");
}

/* Notes every library that the loader would load for @path. */
static int note_libraries(struct travel *travel, const char *path, struct diag *diag)
{
	char *line = NULL, *missing;
	size_t size = 0;
	int result = 0, status = -1;
	pid_t pid = -1;
	FILE *answer = ask_loader(travel->loader, path, &pid);

	while (answer && result == 0 && getline(&line, &size, answer) > 0) {
		char *library = strchr(line, '/');

		missing = strstr(line, " => not found");
		if (missing) {
			*missing = '\0';
			result = diag_set(diag, NULL, 0, 0, "%s needs %s, which is not there", path,
					  line + strspn(line, " \t"));
		} else if (library) {
			library[strcspn(library, " \n")] = '\0';
			result = note(travel, library, diag) < 0 ? -1 : 0;
		}
	}
	free(line);
	if (answer)
		fclose(answer);
	if (pid > 0)
		waitpid(pid, &status, 0);
	/* A file without libraries of its own makes the loader fail, and needs nothing. */
	if (!answer)
		return diag_set(diag, NULL, 0, 0, "cannot ask %s for the libraries of %s", travel->loader, path);
	return result;
}

static int add_file(struct travel *travel, const char *path, struct diag *diag)
{
	struct kind kind;
	int fresh = note(travel, path, diag);

	if (fresh <= 0)
		return fresh;
	if (look_at(path, &kind, diag))
		return -1;
	if (kind.dynamic && kind.interpreter[0] && !travel->loader) {
		travel->loader = strdup(kind.interpreter);
		if (!travel->loader)
			return out_of_memory(diag);
	}
	if (kind.interpreter[0] && add_file(travel, kind.interpreter, diag))
		return -1;
	return kind.dynamic && travel->loader ? note_libraries(travel, path, diag) : 0;
}

static int add_tree(struct travel *travel, const char *path, struct diag *diag)
{
	char *roots[] = {(char *)(uintptr_t)path, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *entry;
	int result = tree ? 0 : diag_set(diag, NULL, 0, 0, "cannot take %s along: %s", path, strerror(errno));

	while (tree && result == 0 && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_F || entry->fts_info == FTS_SL)
			result = add_file(travel, entry->fts_path, diag);
		else if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR)
			result = diag_set(diag, NULL, 0, 0, "cannot take %s along: %s", entry->fts_path,
					  strerror(entry->fts_errno));
	}
	if (tree)
		fts_close(tree);
	return result;
}

int travel_add(struct travel *travel, const char *path, struct diag *diag)
{
	struct stat status;

	if (path[0] != '/')
		return diag_set(diag, NULL, 0, 0, "cannot take %s along: expected an absolute path", path);
	if (stat(path, &status) != 0)
		return diag_set(diag, NULL, 0, 0, "cannot take %s along: %s", path, strerror(errno));
	return S_ISDIR(status.st_mode) ? add_tree(travel, path, diag) : add_file(travel, path, diag);
}
