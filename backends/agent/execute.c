/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * One function for each call, all by raw system calls: what the C library would add or check is
 * not part of a trace. Calls on the memory of the task are in execute_memory.c.
 */
#include "execute.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fds.h"
#include "memory.h"
#include "native.h"

/*
 * Moves descriptor @fd to the number that it has in the recording, unless something is there
 * already. Returns the number it has afterwards; an error stays what it is.
 */
static int64_t move_to_wish(int64_t fd, const int64_t *wish)
{
	if (!wish || fd < 0 || *wish < 0 || *wish == fd || *wish > INT32_MAX)
		return fd;
	if (fcntl((int)*wish, F_GETFD) >= 0 || errno != EBADF)
		return fd;
	int flags = fcntl((int)fd, F_GETFD);
	if (dup3((int)fd, (int)*wish, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
		return fd;
	close((int)fd);
	return *wish;
}

static int64_t run_open(const struct call *call, const int64_t *wish)
{
	int flags = native_open_flags(call->args[1]);
	const char *path = call->string ? call->string : (const char *)(uintptr_t)call->args[0];

	return move_to_wish(call_result(syscall(SYS_openat, AT_FDCWD, path, flags, 0600)), wish);
}

static int64_t run_dup(const struct call *call, const int64_t *wish)
{
	int flags = native_open_flags(call->args[2]);

	if (flags & ~O_CLOEXEC)
		return -EINVAL;
	int command = flags ? F_DUPFD_CLOEXEC : F_DUPFD;
	return move_to_wish(call_result(syscall(SYS_fcntl, (int)call->args[0], command, (int)call->args[1])), wish);
}

static int64_t run_dup3(const struct call *call)
{
	return call_result(syscall(SYS_dup3, (int)call->args[0], (int)call->args[1], native_open_flags(call->args[2])));
}

static int64_t run_eventfd(const struct call *call, const int64_t *wish)
{
	return move_to_wish(call_result(syscall(SYS_eventfd2, 0u, native_open_flags(call->args[0]))), wish);
}

/*
 * Memory of a call before and after it: @bytes go to where the buffer has its address, if it has one. That is memory
 * that the calls made, and where there is none the kernel is to find out. Otherwise it is a place before a guard page.
 */
static uint64_t buffer_store(const struct worker *worker, unsigned index, const struct buffer *buffer,
			     const uint8_t *bytes)
{
	void *place = memory_place(worker->slot, index, buffer->length);

	if (buffer->address) {
		(void)memory_store(buffer->address, bytes, buffer->length);
		return buffer->address;
	}
	if (buffer->length)
		memmove(place, bytes, buffer->length);
	return (uintptr_t)place;
}

static void buffer_load(const struct worker *worker, unsigned index, struct buffer *buffer, uint64_t address)
{
	uint8_t *place = memory_place(worker->slot, index, buffer->length);

	buffer->out = place;
	if (address != (uintptr_t)place && memory_load(place, address, buffer->length))
		buffer->out = buffer->in;
}

/*
 * What an argument points to in turn: where it has its address, if the calls made memory there that can be written;
 * else before a guard page like all other memory, and whoever calls lets the pointer lead there.
 */
static uint64_t pointee_store(const struct worker *worker, unsigned index, const struct buffer *buffer)
{
	struct buffer anywhere = *buffer;

	if (!memory_store(buffer->address, buffer->in, buffer->length))
		return buffer->address;
	anywhere.address = 0;
	return buffer_store(worker, index, &anywhere, buffer->in);
}

static bool returns_fd(const struct call *call)
{
	static const char *const names[] = {"VFIO_GROUP_GET_DEVICE_FD", "VFIO_DEVICE_GET_GFX_DMABUF"};

	for (size_t i = 0; call->ioctl && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(call->ioctl->name, names[i]))
			return true;
	return false;
}

/* Lets the pointers of an argument lead to where the further buffers are (@there), or back to their addresses. */
static void redirect(const struct call *call, uint8_t *argument, const uint64_t at[CALL_BUFFERS_MAX], bool there)
{
	const struct struct_desc *layout = call->ioctl ? call->ioctl->layout : NULL;

	for (unsigned i = 1; layout && i < call->buffer_count; i++) {
		uint64_t address = call->buffers[i].address;

		if (at[i] != address)
			struct_redirect(layout, argument, call->buffers[0].length, there ? address : at[i],
					there ? at[i] : address);
	}
}

static int64_t run_ioctl(const struct worker *worker, struct call *call, const int64_t *wish)
{
	uint64_t argument = call->args[2], at[CALL_BUFFERS_MAX] = {0};
	uint8_t *bytes = memory_place(worker->slot, 0, call->buffers[0].length);

	for (unsigned i = 1; i < call->buffer_count; i++)
		at[i] = pointee_store(worker, i, &call->buffers[i]);
	if (call->buffer_count > 0) {
		if (call->buffers[0].length)
			memcpy(bytes, call->buffers[0].in, call->buffers[0].length);
		redirect(call, bytes, at, true);
		at[0] = buffer_store(worker, 0, &call->buffers[0], bytes);
	}
	if (call->has_pointer)
		argument = at[0];
	int64_t ret = call_result(
	    syscall(SYS_ioctl, (int)call->args[0], native_ioctl_number(call->args[1]), (unsigned long)argument));
	for (unsigned i = 0; i < call->buffer_count; i++)
		buffer_load(worker, i, &call->buffers[i], at[i]);
	if (call->buffer_count > 0 && call->buffers[0].out == bytes)
		redirect(call, bytes, at, false);
	return returns_fd(call) ? move_to_wish(ret, wish) : ret;
}

/* pread and pwrite: the bytes, or a pointer to nothing in their place. */
static int64_t run_transfer(const struct worker *worker, struct call *call, long number)
{
	uint64_t place = call->args[1];

	if (call->buffer_count > 0)
		place = buffer_store(worker, 0, &call->buffers[0], call->buffers[0].in);
	int64_t ret = call_result(
	    syscall(number, (int)call->args[0], (unsigned long)place, (size_t)call->args[2], (off_t)call->args[3]));
	if (call->buffer_count > 0)
		buffer_load(worker, 0, &call->buffers[0], place);
	return ret;
}

/* The name is for people who look into /proc only. */
static int64_t run_memfd(const struct call *call, const int64_t *wish)
{
	return move_to_wish(call_result(syscall(SYS_memfd_create, "vfiosim", (unsigned)call->args[0])), wish);
}

static int64_t run_setrlimit(const struct call *call)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	limit.rlim_cur = call->args[0];
	return call_result(setrlimit(RLIMIT_MEMLOCK, &limit));
}

static int64_t run_dropcap(const struct call *call)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (call->args[0] > CAP_LAST_CAP)
		return -EINVAL;
	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[CAP_TO_INDEX(call->args[0])].effective &= ~CAP_TO_MASK(call->args[0]);
	return call_result(syscall(SYS_capset, &header, data));
}

static int64_t run_fork(struct worker *worker, const int64_t *wish)
{
	int channel;

	int64_t number = worker_ask(worker, "task", wish && *wish > 0 ? *wish : 0, &channel);
	if (number < 0)
		return number;
	pid_t pid = fork();
	if (pid == 0) {
		worker_become(worker, (uint32_t)number, channel);
		return 0;
	}
	int error = errno;
	own_fd_close(channel);
	worker_tell(worker, pid);
	return pid < 0 ? -error : number;
}

static int64_t run_thread(struct worker *worker, const int64_t *wish)
{
	int channel;

	int64_t number = worker_ask(worker, "thread", wish && *wish > 0 ? *wish : 0, &channel);
	if (number < 0)
		return number;
	int error = worker_spawn(worker, (uint32_t)number, channel);
	worker_tell(worker, error);
	return error ? error : number;
}

/* The new program answers the call; it gets the line to do it with, and the descriptors it needs. */
static int64_t run_exec(struct worker *worker, struct event *event)
{
	char channel[16], executable[16], task[16];
	char *const environment[] = {NULL};
	struct text line = {0};

	event->answer.known = true;
	event_print(&line, event);
	if (line.failed || worker_flush(worker)) {
		free(line.text);
		return -ENOMEM;
	}
	snprintf(channel, sizeof(channel), "%d", worker->channel);
	snprintf(executable, sizeof(executable), "%d", worker->executable);
	snprintf(task, sizeof(task), "%u", worker->task);
	char name[] = "vfiosim-agent", command[] = "task";
	char *const arguments[] = {name, command, task, channel, executable, line.text, NULL};

	fcntl(worker->channel, F_SETFD, 0);
	fcntl(worker->executable, F_SETFD, 0);
	syscall(SYS_execveat, worker->executable, "", arguments, environment, AT_EMPTY_PATH);
	int error = errno;
	fcntl(worker->channel, F_SETFD, FD_CLOEXEC);
	fcntl(worker->executable, F_SETFD, FD_CLOEXEC);
	free(line.text);
	return -error;
}

static int64_t run_sleep(const struct call *call)
{
	struct timespec rest = {
	    .tv_sec = (time_t)(call->args[0] / 1000),
	    .tv_nsec = (long)(call->args[0] % 1000) * 1000000,
	};

	while (nanosleep(&rest, &rest))
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* The agent's own descriptors do not exist for the calls, but the minimum of a DUP may be any number. */
static bool names_own_fd(const struct call *call)
{
	const struct call_desc *desc = &call_table[call->op];

	for (size_t i = 0; i < desc->arg_count; i++)
		if (desc->args[i].show == CALL_ARG_FD && own_fd_is((int)call->args[i]) &&
		    !(call->op == CALL_DUP && i == 1))
			return true;
	return false;
}

int64_t execute_call(struct worker *worker, struct event *event, const int64_t *wish)
{
	struct call *call = &event->call;

	if (call->buffer_count == 0)
		call->buffers[0] = (struct buffer){0};
	for (unsigned i = 0; i < call->buffer_count; i++)
		call->buffers[i].out = call->buffers[i].in;
	if (names_own_fd(call))
		return -EBADF;

	switch (call->op) {
	case CALL_OPEN:
		return run_open(call, wish);
	case CALL_CLOSE:
		return call_result(syscall(SYS_close, (int)call->args[0]));
	case CALL_DUP:
		return run_dup(call, wish);
	case CALL_DUP3:
		return run_dup3(call);
	case CALL_SETFD:
		return call_result(syscall(SYS_fcntl, (int)call->args[0], F_SETFD, (int)call->args[1]));
	case CALL_EVENTFD:
		return run_eventfd(call, wish);
	case CALL_IOCTL:
		return run_ioctl(worker, call, wish);
	case CALL_PREAD:
		return run_transfer(worker, call, SYS_pread64);
	case CALL_PWRITE:
		return run_transfer(worker, call, SYS_pwrite64);
	case CALL_MEMFD:
		return run_memfd(call, wish);
	case CALL_FTRUNCATE:
		return call_result(syscall(SYS_ftruncate, (int)call->args[0], (off_t)call->args[1]));
	case CALL_SETRLIMIT:
		return run_setrlimit(call);
	case CALL_DROPCAP:
		return run_dropcap(call);
	case CALL_FORK:
		return run_fork(worker, wish);
	case CALL_THREAD:
		return run_thread(worker, wish);
	case CALL_EXEC:
		return run_exec(worker, event);
	case CALL_EXIT:
		worker->fate = WORKER_LEAVES;
		return 0;
	case CALL_SLEEP:
		return run_sleep(call);
	default:
		return execute_memory_call(worker, call, wish);
	}
}
