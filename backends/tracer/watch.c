/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The system calls that are looked at.
 *
 * Each has a function for its entry, which begins a recorded call if this one is of
 * interest, and one for its return, which brings the tables up to date.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../agent/native.h"
#include "tracer_internal.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif

/* A descriptor as it stands in a register: the kernel looks at the low 32 bits. */
static int fd_of(uint64_t argument)
{
	return (int)argument;
}

/* The same as an argument of an event. */
static uint64_t fd_argument(uint64_t argument)
{
	return (uint64_t)(int64_t)fd_of(argument);
}

static bool is_vfio(const struct thread *thread, uint64_t fd)
{
	const struct descriptor *descriptor = descriptor_find(thread->process, fd_of(fd));

	return descriptor && tracee_file_is_vfio(descriptor->file);
}

/* Makes @path absolute by putting the directory before it, as text. The result belongs to the caller; or NULL. */
static char *absolute_path(pid_t tid, int directory, const char *path)
{
	char what[32] = "cwd", base[CALL_PATH_MAX];
	char *whole;

	if (path[0] == '/')
		return strdup(path);
	if (directory != AT_FDCWD)
		snprintf(what, sizeof(what), "fd/%d", directory);
	if (!proc_link(tid, what, base) || asprintf(&whole, "%s/%s", base, path) < 0)
		return NULL;
	return whole;
}

/* The path of an open as the trace is to have it, if it counts as VFIO; else NULL. It belongs to the caller. */
static char *vfio_path(const struct tracer *tracer, pid_t tid, int directory, uint64_t address)
{
	char path[CALL_PATH_MAX], *whole;
	enum file_kind kind;

	if (memory_read_string(tid, address, path, sizeof(path)) < 0)
		return NULL;
	whole = absolute_path(tid, directory, path);
	if (whole && file_kind_of_path(tracer, whole, &kind))
		return whole;
	free(whole);
	return NULL;
}

static void open_begin(struct tracer *tracer, struct thread *thread, int directory, uint64_t address, uint64_t flags)
{
	char *path = vfio_path(tracer, thread->tid, directory, address);

	if (!path)
		return;
	record_begin(tracer, thread, CALL_OPEN, NULL, 2, (const uint64_t[]){0, trace_open_flags(flags)});
	thread->pending.string = path;
	thread->pending.event.call.string = path;
}

#ifdef __NR_open
static void open_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	open_begin(tracer, thread, AT_FDCWD, args[0], (uint32_t)args[1]);
}
#endif

static void openat_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	open_begin(tracer, thread, fd_of(args[0]), args[1], (uint32_t)args[2]);
}

static void openat2_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	struct open_how how;

	if (memory_read(thread->tid, args[2], &how, sizeof(how)) == sizeof(how))
		open_begin(tracer, thread, fd_of(args[0]), args[1], how.flags);
}

static void open_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	const struct call *call = &thread->pending.event.call;
	enum file_kind kind = FILE_OTHER;
	struct tracee_file *file;

	if (ret < 0)
		return;
	file_kind_of_path(tracer, call->string, &kind);
	file = tracee_file_new(kind);
	if (file)
		descriptor_add(tracer, thread, (int)ret, call->args[1] & O_CLOEXEC, file);
	else
		tracer_fail(tracer, -ENOMEM);
}

static void close_begin(struct tracer *tracer, struct thread *thread, uint64_t fd)
{
	struct descriptor *descriptor = descriptor_find(thread->process, fd_of(fd));

	if (!descriptor)
		return;
	record_begin(tracer, thread, CALL_CLOSE, descriptor->file, 1, (const uint64_t[]){fd_argument(fd)});
	if (tracee_file_is_vfio(descriptor->file))
		record_observe(thread);
}

static void close_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	close_begin(tracer, thread, args[0]);
}

static void close_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	(void)tracer;
	/* The descriptor is gone whatever close reports, unless it was none. */
	if (ret != -EBADF)
		descriptor_remove(thread->process, fd_of(thread->pending.event.call.args[0]));
}

/* Takes @fd into the table as another descriptor of what the pending call duplicated. */
static void add_duplicate(struct tracer *tracer, struct thread *thread, int64_t fd, uint64_t flags)
{
	if (fd >= 0)
		descriptor_add(tracer, thread, (int)fd, flags & O_CLOEXEC, tracee_file_get(thread->pending.file));
}

static void dup_begin(struct tracer *tracer, struct thread *thread, uint64_t fd, uint64_t minimum, uint64_t flags)
{
	struct descriptor *descriptor = descriptor_find(thread->process, fd_of(fd));

	if (descriptor)
		record_begin(tracer, thread, CALL_DUP, descriptor->file, 3,
			     (const uint64_t[]){fd_argument(fd), fd_argument(minimum), flags});
}

static void dup_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	dup_begin(tracer, thread, args[0], 0, 0);
}

static void dup_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	add_duplicate(tracer, thread, ret, thread->pending.event.call.args[2]);
}

static void dup3_begin(struct tracer *tracer, struct thread *thread, uint64_t fd, uint64_t new_fd, uint64_t flags)
{
	struct descriptor *descriptor = descriptor_find(thread->process, fd_of(fd));

	if (descriptor) {
		record_begin(tracer, thread, CALL_DUP3, descriptor->file, 3,
			     (const uint64_t[]){fd_argument(fd), fd_argument(new_fd), flags});
		if (is_vfio(thread, new_fd))
			record_observe(thread);
	} else {
		/* Something that the trace does not know goes where something known was: a close, as far as it can
		 * tell. */
		close_begin(tracer, thread, new_fd);
	}
}

#ifdef __NR_dup2
static void dup2_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	/* Onto itself, dup2 does nothing, where dup3 is refused. */
	if (fd_of(args[0]) != fd_of(args[1]))
		dup3_begin(tracer, thread, args[0], args[1], 0);
}
#endif

static void dup3_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	dup3_begin(tracer, thread, args[0], args[1], (uint32_t)args[2]);
}

static void dup3_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	const struct call *call = &thread->pending.event.call;

	if (call->op == CALL_DUP3) {
		if (ret >= 0)
			descriptor_remove(thread->process, fd_of(call->args[1]));
		add_duplicate(tracer, thread, ret, call->args[2]);
	} else if (ret >= 0) {
		descriptor_remove(thread->process, fd_of(call->args[0]));
		record_end(tracer, thread, 0);
	} else {
		record_drop(tracer, thread);
	}
}

static void fcntl_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	struct descriptor *descriptor = descriptor_find(thread->process, fd_of(args[0]));

	if (!descriptor)
		return;
	if ((uint32_t)args[1] == F_DUPFD || (uint32_t)args[1] == F_DUPFD_CLOEXEC)
		dup_begin(tracer, thread, args[0], args[2], (uint32_t)args[1] == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0);
	else if ((uint32_t)args[1] == F_SETFD)
		record_begin(tracer, thread, CALL_SETFD, descriptor->file, 2,
			     (const uint64_t[]){fd_argument(args[0]), (uint32_t)args[2]});
}

static void fcntl_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	const struct call *call = &thread->pending.event.call;
	struct descriptor *descriptor;

	if (call->op == CALL_DUP) {
		dup_leave(tracer, thread, ret);
		return;
	}
	descriptor = descriptor_find(thread->process, fd_of(call->args[0]));
	if (ret == 0 && descriptor)
		descriptor->cloexec = call->args[1] & FD_CLOEXEC;
}

/*
 * close_range is recorded as calls on each descriptor, once it has succeeded. Till then
 * the first of them holds its place.
 */
#ifdef __NR_close_range
static void close_range_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	const struct process *process = thread->process;

	for (size_t i = 0; i < process->descriptor_count; i++) {
		unsigned fd = (unsigned)process->descriptors[i].fd;

		if (fd < (uint32_t)args[0] || fd > (uint32_t)args[1])
			continue;
		record_begin(tracer, thread, CALL_CLOSE, process->descriptors[i].file, 1, (const uint64_t[]){fd});
		return;
	}
}

static void close_range_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	struct process *process = thread->process;
	uint64_t first = (uint32_t)thread->pending.raw[0], last = (uint32_t)thread->pending.raw[1];
	bool cloexec = thread->pending.raw[2] & CLOSE_RANGE_CLOEXEC;

	record_drop(tracer, thread);
	for (size_t i = process->descriptor_count; ret == 0 && i-- > 0;) {
		struct descriptor *descriptor = &process->descriptors[i];
		unsigned fd = (unsigned)descriptor->fd;

		if (fd < first || fd > last)
			continue;
		if (cloexec) {
			record_instant(tracer, thread, CALL_SETFD, NULL, 2, (const uint64_t[]){fd, FD_CLOEXEC}, 0);
			descriptor->cloexec = true;
		} else {
			record_instant(tracer, thread, CALL_CLOSE, NULL, 1, (const uint64_t[]){fd}, 0);
			descriptor_remove(process, (int)fd);
		}
	}
}
#endif

static void eventfd2_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	record_begin(tracer, thread, CALL_EVENTFD, NULL, 1, (const uint64_t[]){(uint32_t)args[1]});
}

#ifdef __NR_eventfd
static void eventfd_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	(void)args;
	record_begin(tracer, thread, CALL_EVENTFD, NULL, 1, (const uint64_t[]){0});
}
#endif

static void eventfd_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	struct tracee_file *file;

	if (ret < 0)
		return;
	file = tracee_file_new(FILE_EVENTFD);
	if (file)
		descriptor_add(tracer, thread, (int)ret, thread->pending.event.call.args[0] & O_CLOEXEC, file);
	else
		tracer_fail(tracer, -ENOMEM);
}

static void mmap_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	if (!(args[3] & MAP_ANONYMOUS) && is_vfio(thread, args[4]))
		record_begin(tracer, thread, CALL_MMAP, descriptor_find(thread->process, fd_of(args[4]))->file, 6,
			     (const uint64_t[]){args[0], args[1], args[2], trace_map_flags(args[3]),
						fd_argument(args[4]), args[5]});
}

static uint64_t round_up(const struct tracer *tracer, uint64_t value)
{
	return (value + tracer->page_size - 1) / tracer->page_size * tracer->page_size;
}

static void mmap_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	const uint64_t *args = thread->pending.event.call.args;
	uint64_t start = (uint64_t)ret;
	const struct region region = {.start = start,
				      .end = start + round_up(tracer, args[1]),
				      .prot = (uint32_t)args[2],
				      .flags = (uint32_t)args[3] & (MAP_SHARED | MAP_PRIVATE),
				      .fd = (int)args[4],
				      .offset = args[5]};

	if (ret >= 0 && regions_set(&thread->process->told, &region))
		tracer_fail(tracer, -ENOMEM);
}

/* Whether the trace has said what lies somewhere in this range. */
static bool is_told(const struct tracer *tracer, const struct thread *thread, uint64_t start, uint64_t length)
{
	const struct region *region = regions_after(&thread->process->told, start);

	return region && region->start < start + round_up(tracer, length);
}

static void munmap_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	if (is_told(tracer, thread, args[0], args[1]))
		record_begin(tracer, thread, CALL_MUNMAP, NULL, 2, args);
}

static void munmap_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	const uint64_t *args = thread->pending.event.call.args;

	if (ret == 0 && regions_clear(&thread->process->told, args[0], args[0] + round_up(tracer, args[1])))
		tracer_fail(tracer, -ENOMEM);
}

static void mprotect_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	if (is_told(tracer, thread, args[0], args[1]))
		record_begin(tracer, thread, CALL_MPROTECT, NULL, 3, args);
}

static void mprotect_leave(struct tracer *tracer, struct thread *thread, int64_t ret)
{
	const uint64_t *args = thread->pending.event.call.args;
	uint64_t at = args[0], end = args[0] + round_up(tracer, args[1]);
	const struct region *told;

	while (ret == 0 && at < end && (told = regions_after(&thread->process->told, at)) && told->start < end) {
		struct region piece = *told;

		if (piece.start < at) {
			if (piece.fd >= 0)
				piece.offset += at - piece.start;
			piece.start = at;
		}
		if (piece.end > end)
			piece.end = end;
		piece.prot = (uint32_t)args[2];
		at = piece.end;
		if (regions_set(&thread->process->told, &piece)) {
			tracer_fail(tracer, -ENOMEM);
			return;
		}
	}
}

/* Arguments of pread and pwrite: descriptor, bytes (in the buffer), count, offset. */
static void transfer_begin(struct tracer *tracer, struct thread *thread, enum call_op op, const uint64_t args[6])
{
	if (!is_vfio(thread, args[0]))
		return;
	record_begin(tracer, thread, op, descriptor_find(thread->process, fd_of(args[0]))->file, 4,
		     (const uint64_t[]){fd_argument(args[0]), args[1], args[2], args[3]});
	if (record_buffer(tracer, thread, args[1], args[2] < CALL_PAYLOAD_MAX ? (size_t)args[2] : CALL_PAYLOAD_MAX))
		thread->pending.event.call.args[1] = 0;
}

static void pread_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	transfer_begin(tracer, thread, CALL_PREAD, args);
}

static void pwrite_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6])
{
	transfer_begin(tracer, thread, CALL_PWRITE, args);
}

static const struct watch watches[] = {
    {__NR_ioctl, ioctl_enter, ioctl_leave},
#ifdef __NR_open
    {__NR_open, open_enter, open_leave},
#endif
    {__NR_openat, openat_enter, open_leave},
    {__NR_openat2, openat2_enter, open_leave},
    {__NR_close, close_enter, close_leave},
#ifdef __NR_close_range
    {__NR_close_range, close_range_enter, close_range_leave},
#endif
    {__NR_dup, dup_enter, dup_leave},
#ifdef __NR_dup2
    {__NR_dup2, dup2_enter, dup3_leave},
#endif
    {__NR_dup3, dup3_enter, dup3_leave},
    {__NR_fcntl, fcntl_enter, fcntl_leave},
#ifdef __NR_eventfd
    {__NR_eventfd, eventfd_enter, eventfd_leave},
#endif
    {__NR_eventfd2, eventfd2_enter, eventfd_leave},
    {__NR_mmap, mmap_enter, mmap_leave},
    {__NR_munmap, munmap_enter, munmap_leave},
    {__NR_mprotect, mprotect_enter, mprotect_leave},
    {__NR_pread64, pread_enter, NULL},
    {__NR_pwrite64, pwrite_enter, NULL},
};

const struct watch *watch_find(uint64_t nr)
{
	for (size_t i = 0; i < sizeof(watches) / sizeof(watches[0]); i++)
		if ((uint64_t)watches[i].nr == nr)
			return &watches[i];
	return NULL;
}

bool watch_is_vfio(const struct tracer *tracer, pid_t tid, uint64_t nr, const uint64_t args[6])
{
	bool is_open = nr == __NR_openat || nr == __NR_openat2;
	int directory = fd_of(args[0]);
	uint64_t address = args[1];
	char *path;

	if (nr == __NR_ioctl)
		return descriptor_is_vfio(tracer, tid, fd_of(args[0]));
#ifdef __NR_open
	if (nr == __NR_open) {
		is_open = true;
		directory = AT_FDCWD;
		address = args[0];
	}
#endif
	path = is_open ? vfio_path(tracer, tid, directory, address) : NULL;
	free(path);
	return path != NULL;
}
