/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Which descriptors of a process are VFIO, and which others the trace knows.
 *
 * The table follows open, dup, close, fork and exec. What it missed (a descriptor
 * that was inherited, came over a socket, or was opened read-only) is looked up in
 * /proc when a call uses it, and told with an event that the program did not make at
 * that moment.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer_internal.h"

#define DEVICE_LINK  "anon_inode:[vfio-device]"
#define EVENTFD_LINK "anon_inode:[eventfd]"

/* Open flags that say something; 64-bit kernels add O_LARGEFILE, which does not. */
#define TOLD_FLAGS (O_ACCMODE | O_NONBLOCK | O_CLOEXEC | O_APPEND | O_SYNC)

struct tracee_file *tracee_file_new(enum file_kind kind)
{
	struct tracee_file *file = malloc(sizeof(*file));

	if (file)
		*file = (struct tracee_file){kind, OWNER_CONTAINER, 1};
	return file;
}

struct tracee_file *tracee_file_get(struct tracee_file *file)
{
	if (file)
		file->references++;
	return file;
}

void tracee_file_put(struct tracee_file *file)
{
	if (file && --file->references == 0)
		free(file);
}

bool tracee_file_is_vfio(const struct tracee_file *file)
{
	return file->kind == FILE_CONTAINER || file->kind == FILE_GROUP || file->kind == FILE_DEVICE;
}

bool file_kind_of_path(const struct tracer *tracer, const char *path, enum file_kind *kind)
{
	size_t length = strlen(tracer->prefix);

	if (strncmp(path, tracer->prefix, length) != 0)
		return false;
	path += length;
	if (strcmp(path, "vfio") == 0)
		*kind = FILE_CONTAINER;
	else if (strncmp(path, "devices/", strlen("devices/")) == 0)
		*kind = FILE_DEVICE;
	else
		*kind = FILE_GROUP;
	return true;
}

/* What /proc says lies behind @fd; @link gets where it points. False if it is not open. */
static bool look_up(const struct tracer *tracer, pid_t tid, int fd, char link[CALL_PATH_MAX], enum file_kind *kind)
{
	char what[32];

	snprintf(what, sizeof(what), "fd/%d", fd);
	if (!proc_link(tid, what, link))
		return false;
	if (strcmp(link, DEVICE_LINK) == 0)
		*kind = FILE_DEVICE;
	else if (strcmp(link, EVENTFD_LINK) == 0)
		*kind = FILE_EVENTFD;
	else if (!file_kind_of_path(tracer, link, kind))
		*kind = FILE_OTHER;
	return true;
}

struct descriptor *descriptor_find(const struct process *process, int fd)
{
	for (size_t i = 0; i < process->descriptor_count; i++)
		if (process->descriptors[i].fd == fd)
			return &process->descriptors[i];
	return NULL;
}

static struct descriptor *append(struct process *process, int fd, bool cloexec, struct tracee_file *file)
{
	struct descriptor *list;

	if (process->descriptor_count == process->descriptor_capacity) {
		size_t capacity = process->descriptor_capacity ? 2 * process->descriptor_capacity : 8;

		list = realloc(process->descriptors, capacity * sizeof(*list));
		if (!list)
			return NULL;
		process->descriptors = list;
		process->descriptor_capacity = capacity;
	}
	list = process->descriptors;
	list[process->descriptor_count] = (struct descriptor){fd, cloexec, file};
	process->vfio_count += tracee_file_is_vfio(file);
	return &list[process->descriptor_count++];
}

static void remove_at(struct process *process, size_t index)
{
	struct tracee_file *file = process->descriptors[index].file;

	process->vfio_count -= tracee_file_is_vfio(file);
	process->descriptors[index] = process->descriptors[--process->descriptor_count];
	tracee_file_put(file);
}

void descriptor_remove(struct process *process, int fd)
{
	struct descriptor *descriptor = descriptor_find(process, fd);

	if (descriptor)
		remove_at(process, (size_t)(descriptor - process->descriptors));
}

static void tell_closed(struct tracer *tracer, struct thread *thread, int fd)
{
	record_instant(tracer, thread, CALL_CLOSE, NULL, 1, (const uint64_t[]){(uint64_t)fd}, 0);
	descriptor_remove(thread->process, fd);
}

/*
 * A process without VFIO descriptors runs unwatched, and may close what else the trace
 * knows of it: says which of that is gone.
 */
static void verify(struct tracer *tracer, struct thread *thread)
{
	struct process *process = thread->process;
	char link[CALL_PATH_MAX];

	for (size_t i = process->descriptor_count; i-- > 0;) {
		struct descriptor *descriptor = &process->descriptors[i];
		enum file_kind kind;

		if (!look_up(tracer, thread->tid, descriptor->fd, link, &kind) || kind != descriptor->file->kind)
			tell_closed(tracer, thread, descriptor->fd);
	}
}

void descriptor_add(struct tracer *tracer, struct thread *thread, int fd, bool cloexec, struct tracee_file *file)
{
	struct process *process = thread->process;
	bool first = tracee_file_is_vfio(file) && process->vfio_count == 0;

	/* The kernel gave out this number: whatever was there has been closed unseen. */
	if (descriptor_find(process, fd))
		tell_closed(tracer, thread, fd);
	if (first)
		verify(tracer, thread);
	if (!append(process, fd, cloexec, file)) {
		tracee_file_put(file);
		tracer_fail(tracer, -ENOMEM);
		return;
	}
	if (first)
		stop_others(tracer, thread);
}

bool descriptor_is_vfio(const struct tracer *tracer, pid_t tid, int fd)
{
	struct tracee_file found = {.kind = FILE_OTHER};
	char link[CALL_PATH_MAX];

	return look_up(tracer, tid, fd, link, &found.kind) && tracee_file_is_vfio(&found);
}

static struct descriptor *adopt(struct tracer *tracer, struct thread *thread, int fd, bool vfio_only)
{
	struct descriptor *known = descriptor_find(thread->process, fd);
	char link[CALL_PATH_MAX];
	enum file_kind kind;
	uint64_t flags;
	struct tracee_file *file;

	if (known)
		return known;
	if (fd < 0 || !look_up(tracer, thread->tid, fd, link, &kind) || !proc_fd_flags(thread->tid, fd, &flags))
		return NULL;
	/* A pipe or a socket has no path by which a replay could open it. */
	if ((kind == FILE_OTHER && link[0] != '/') || (vfio_only && (kind == FILE_EVENTFD || kind == FILE_OTHER)))
		return NULL;
	file = tracee_file_new(kind);
	if (!file) {
		tracer_fail(tracer, -ENOMEM);
		return NULL;
	}
	flags &= TOLD_FLAGS;
	if (kind == FILE_EVENTFD)
		record_instant(tracer, thread, CALL_EVENTFD, NULL, 1,
			       (const uint64_t[]){flags & (O_CLOEXEC | O_NONBLOCK)}, fd);
	else if (link[0] == '/')
		record_instant(tracer, thread, CALL_OPEN, link, 2, (const uint64_t[]){0, flags}, fd);
	descriptor_add(tracer, thread, fd, flags & O_CLOEXEC, file);
	return descriptor_find(thread->process, fd);
}

struct descriptor *descriptor_adopt(struct tracer *tracer, struct thread *thread, int fd)
{
	return adopt(tracer, thread, fd, false);
}

struct descriptor *descriptor_adopt_vfio(struct tracer *tracer, struct thread *thread, int fd)
{
	return adopt(tracer, thread, fd, true);
}

void descriptors_scan(struct tracer *tracer, struct thread *thread)
{
	char path[64];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)thread->tid);
	directory = opendir(path);
	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			descriptor_adopt_vfio(tracer, thread, atoi(entry->d_name));
	closedir(directory);
}

void descriptors_close_on_exec(struct process *process)
{
	for (size_t i = process->descriptor_count; i-- > 0;)
		if (process->descriptors[i].cloexec)
			remove_at(process, i);
}

void descriptors_tell_closed(struct tracer *tracer, struct thread *thread)
{
	while (thread->process->descriptor_count)
		tell_closed(tracer, thread, thread->process->descriptors[thread->process->descriptor_count - 1].fd);
}

int descriptors_inherit(struct process *child, const struct process *parent)
{
	for (size_t i = 0; i < parent->descriptor_count; i++) {
		const struct descriptor *from = &parent->descriptors[i];

		if (!append(child, from->fd, from->cloexec, from->file))
			return -ENOMEM;
		tracee_file_get(from->file);
	}
	return 0;
}

void descriptors_free(struct process *process)
{
	while (process->descriptor_count)
		remove_at(process, process->descriptor_count - 1);
	free(process->descriptors);
}
