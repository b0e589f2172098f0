/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The agent on this machine, through its host side. No VFIO is needed: other files answer too.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "backends_internal.h"

/* Numbers as traces have them, whatever this machine is. */
enum {
	TRACE_RDONLY = 0,
	TRACE_RDWR = 2,
	TRACE_CREAT = 0100,
	TRACE_DIRECTORY = 0200000,
	TRACE_CLOEXEC = 02000000,
	TRACE_MAP_PRIVATE = 2,
	TRACE_MAP_ANONYMOUS = 0x20,
	TRACE_MAP_LOCKED = 0x2000,
	TRACE_MAP_POPULATE = 0x8000,
};

#define CAPABILITY_IPC_LOCK 14
#define FREE_ADDRESS	    UINT64_C(0x123450000)

static struct backend *backend;
static char directory[] = "/tmp/vfiosim-agent-XXXXXX";
static char file_path[PATH_MAX];

/* The call that was executed last, with its answer. */
static struct event last;

static void open_agent(int silence_max)
{
	struct utsname name;
	char agent[PATH_MAX];
	struct diag diag = {0};
	enum backend_status status;

	uname(&name);
	cr_assert(zero(int, agent_find(name.machine, agent, sizeof(agent), &diag)), "%s", diag.text);
	backend = local_backend_open(agent, silence_max, &status, &diag);
	cr_assert(ne(ptr, backend, NULL), "%s", diag.text);
	cr_assert(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK), "%s", diag.text);
}

static void setup(void)
{
	cr_assert(ne(ptr, mkdtemp(directory), NULL));
	snprintf(file_path, sizeof(file_path), "%s/file", directory);
	open_agent(0);
}

static void teardown(void)
{
	backend_close(backend);
	unlink(file_path);
	rmdir(directory);
}

TestSuite(agent, .init = setup, .fini = teardown, .timeout = 60);

/* Executes @event in task 1, thread 1 unless it says otherwise, and keeps it with its answer in `last`. */
static int64_t call(struct event event)
{
	struct diag diag = {0};

	if (!event.call.task)
		event.call.task = 1;
	if (!event.call.thread)
		event.call.thread = 1;
	last = event;
	enum backend_status status = backend->ops->execute(backend, &last, 1, &diag);
	cr_assert(eq(int, status, BACKEND_OK), "%s", diag.text);
	cr_assert(last.answer.known);
	return last.answer.ret;
}

#define CALL_OF(operation, ...) ((struct event){.call = {.op = CALL_##operation, .args = {__VA_ARGS__}}})

static struct event in_task(uint32_t task, uint32_t thread, struct event event)
{
	event.call.task = task;
	event.call.thread = thread;
	return event;
}

static struct event with_wish(struct event event, int64_t wish)
{
	event.answer = (struct answer){.known = true, .ret = wish};
	return event;
}

static struct event with_bytes(struct event event, const void *bytes, uint32_t length)
{
	event.call.buffers[event.call.buffer_count++] = (struct buffer){.length = length, .in = bytes};
	event.call.has_pointer = event.call.op == CALL_IOCTL;
	return event;
}

static struct event open_of(const char *path, uint64_t flags)
{
	struct event event = CALL_OF(OPEN, 0, flags);

	event.call.string = path;
	return event;
}

static struct event map_of(uint64_t length, uint64_t flags)
{
	return CALL_OF(MMAP, 0, length, PROT_READ | PROT_WRITE, TRACE_MAP_PRIVATE | TRACE_MAP_ANONYMOUS | flags,
		       (uint64_t)-1, 0);
}

static struct event poke_of(uint64_t address, const void *bytes, uint32_t length)
{
	return with_bytes(CALL_OF(POKE, address), bytes, length);
}

static const uint8_t zeros[64];

static struct event peek_of(uint64_t address, uint32_t length)
{
	return with_bytes(CALL_OF(PEEK, address, 0, length), zeros, length);
}

/* Processes that descend from @ancestor, zombies included. The last one found goes to @found if that is not NULL. */
static unsigned count_descendants(pid_t ancestor, pid_t *found)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	unsigned count = 0;

	while ((entry = readdir(processes))) {
		char path[64], line[512];
		pid_t pid = (pid_t)atoi(entry->d_name), parent = 0;
		if (pid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		FILE *stat_file = fopen(path, "re");
		if (!stat_file)
			continue;
		const char *name_end = fgets(line, sizeof(line), stat_file) ? strrchr(line, ')') : NULL;
		fclose(stat_file);
		if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1 || parent != ancestor)
			continue;
		pid_t below = 0;
		count += 1 + count_descendants(pid, &below);
		if (found)
			*found = below ? below : pid;
	}
	closedir(processes);
	return count;
}

Test(agent, greeting_tells_what_answers)
{
	struct utsname name;

	uname(&name);
	cr_assert_str_eq(backend->header.kernel, name.release);
	cr_assert_str_eq(backend->header.arch, name.machine);
	cr_assert(eq(long, backend->header.page_size, sysconf(_SC_PAGESIZE)));
}

Test(agent, open_gives_the_lowest_descriptor_above_the_standard_ones)
{
	cr_expect(eq(i64, call(open_of("/dev/null", TRACE_RDWR)), 3));
	cr_expect(eq(i64, call(CALL_OF(DUP, 3)), 4));
	cr_expect(eq(i64, call(CALL_OF(EVENTFD, 0)), 5));
	cr_expect(eq(i64, call(CALL_OF(DUP, 3, 10, TRACE_CLOEXEC)), 10));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 4)), 0));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 4)), -EBADF));
	cr_expect(eq(i64, call(open_of("/dev/null", TRACE_RDWR)), 4));
	cr_expect(eq(i64, call(CALL_OF(DUP3, 3, 20, 0)), 20));
	cr_expect(eq(i64, call(CALL_OF(DUP3, 3, 3, 0)), -EINVAL));
}

Test(agent, open_of_what_is_not_there_fails_as_the_kernel_says)
{
	cr_expect(eq(i64, call(open_of("/nowhere/at/all", TRACE_RDWR)), -ENOENT));
	cr_expect(eq(i64, call(open_of("/dev/null", TRACE_RDONLY | TRACE_DIRECTORY)), -ENOTDIR));
}

Test(agent, wish_for_a_free_descriptor_is_granted)
{
	cr_expect(eq(i64, call(with_wish(open_of("/dev/null", TRACE_RDWR), 7)), 7));
	cr_expect(eq(i64, call(with_wish(CALL_OF(EVENTFD, 0), 11)), 11));
	cr_expect(eq(i64, call(with_wish(CALL_OF(DUP, 7), 5)), 5));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 3)), -EBADF));
}

Test(agent, wish_for_a_taken_descriptor_is_not_granted)
{
	cr_expect(eq(i64, call(open_of("/dev/null", TRACE_RDWR)), 3));
	cr_expect(eq(i64, call(with_wish(CALL_OF(EVENTFD, 0), 3)), 4));
	cr_expect(eq(i64, call(with_wish(open_of("/nowhere", TRACE_RDWR), 9)), -ENOENT));
	cr_expect(eq(i64, call(with_wish(open_of("/dev/null", TRACE_RDWR), -EBUSY)), 5));
}

Test(agent, wish_keeps_close_on_exec)
{
	cr_expect(eq(i64, call(with_wish(open_of("/dev/null", TRACE_RDWR | TRACE_CLOEXEC), 7)), 7));
	cr_expect(eq(i64, call(with_wish(open_of("/dev/null", TRACE_RDWR), 8)), 8));
	cr_expect(eq(i64, call(CALL_OF(EXEC)), 0));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 7)), -EBADF));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 8)), 0));
}

Test(agent, wish_for_a_free_address_is_granted)
{
	cr_expect(eq(i64, call(with_wish(map_of(0x10000, 0), FREE_ADDRESS)), (int64_t)FREE_ADDRESS));
	cr_expect(ne(i64, call(with_wish(map_of(0x10000, 0), FREE_ADDRESS)), (int64_t)FREE_ADDRESS));
	cr_expect(gt(i64, last.answer.ret, 0));
}

Test(agent, mmap_where_programs_have_their_stack_is_granted)
{
	const int64_t stack = 0x7ffffffde000;

	cr_expect(eq(i64, call(with_wish(map_of(0x20000, 0), stack)), stack));
}

Test(agent, poke_and_peek_reach_the_memory_of_the_task)
{
	call(with_wish(map_of(0x10000, 0), FREE_ADDRESS));
	cr_expect(eq(i64, call(poke_of(FREE_ADDRESS + 3, "words", 5)), 5));
	cr_expect(eq(i64, call(peek_of(FREE_ADDRESS + 2, 7)), 7));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, "\0words\0", 7)));
	cr_expect(eq(i64, call(CALL_OF(MUNMAP, FREE_ADDRESS, 0x10000)), 0));
	cr_expect(eq(i64, call(peek_of(FREE_ADDRESS, 8)), -EFAULT));
	cr_expect(eq(i64, call(poke_of(FREE_ADDRESS, "word", 4)), -EFAULT));
}

Test(agent, poke_that_runs_into_a_read_only_page_stores_nothing)
{
	const uint64_t page = backend->header.page_size, edge = FREE_ADDRESS + page;

	call(with_wish(map_of(2 * page, 0), FREE_ADDRESS));
	cr_expect(eq(i64, call(CALL_OF(MPROTECT, edge, page, PROT_READ)), 0));
	cr_expect(eq(i64, call(poke_of(edge - 4, "12345678", 8)), -EFAULT));
	cr_expect(eq(i64, call(peek_of(edge - 4, 8)), 8));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, zeros, 8)));
}

Test(agent, ioctl_on_a_wrong_descriptor_fails_as_the_kernel_says)
{
	call(open_of("/dev/null", TRACE_RDWR));
	cr_expect(eq(i64, call(CALL_OF(IOCTL, 3, 0x3b64, 0)), -ENOTTY));
	cr_expect(eq(i64, call(CALL_OF(IOCTL, 4, 0x3b64, 0)), -EBADF));
	cr_expect(last.answer.locked.present && last.answer.pinned.present);
}

/* FIONREAD writes an int about a regular file; FIONBIO reads one for any file. */
Test(agent, ioctl_argument_ends_at_a_guard_page)
{
	const int32_t yes = 1;
	int64_t fd = call(open_of(file_path, TRACE_RDWR | TRACE_CREAT));
	int32_t size;

	cr_expect(eq(i64, call(with_bytes(CALL_OF(PWRITE, (uint64_t)fd, 0, 5, 0), "12345", 5)), 5));
	cr_expect(eq(i64, call(with_bytes(CALL_OF(IOCTL, (uint64_t)fd, FIONREAD), zeros, 4)), 0));
	memcpy(&size, last.call.buffers[0].out, 4);
	cr_expect(eq(i32, size, 5));
	cr_expect(eq(i64, call(with_bytes(CALL_OF(IOCTL, (uint64_t)fd, FIONREAD), zeros, 3)), -EFAULT));
	cr_expect(eq(i64, call(with_bytes(CALL_OF(IOCTL, (uint64_t)fd, FIONBIO), &yes, 4)), 0));
	cr_expect(eq(i64, call(with_bytes(CALL_OF(IOCTL, (uint64_t)fd, FIONBIO), &yes, 2)), -EFAULT));
	cr_expect(eq(i64, call(CALL_OF(IOCTL, (uint64_t)fd, FIONBIO, 16)), -EFAULT));
}

Test(agent, ioctl_memory_that_fields_point_to_is_stored_and_loaded)
{
	const int32_t yes = 1;
	struct event event;

	call(with_wish(map_of(0x10000, 0), FREE_ADDRESS));
	call(CALL_OF(EVENTFD, 0));
	event = with_bytes(CALL_OF(IOCTL, 3, FIONBIO), &yes, 4);
	event = with_bytes(event, "pointed", 7);
	event.call.buffers[1].address = FREE_ADDRESS + 1;
	cr_expect(eq(i64, call(event), 0));
	cr_expect(zero(int, memcmp(last.call.buffers[1].out, "pointed", 7)));
	call(peek_of(FREE_ADDRESS, 9));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, "\0pointed\0", 9)));
}

/* No driver takes this here, but the argument must come back with the pointer that it had. */
Test(agent, ioctl_memory_without_a_place_of_its_own_leaves_the_pointer_as_it_was)
{
	const char *name = "VFIO_IOMMU_UNMAP_DMA";
	uint8_t argument[48] = {0};
	struct event event;

	call(CALL_OF(EVENTFD, 0));
	bytes_put(argument + 40, 8, FREE_ADDRESS);
	event = with_bytes(CALL_OF(IOCTL, 3, 0x3b72), argument, sizeof(argument));
	event.call.ioctl = ioctl_by_name(name, strlen(name));
	event = with_bytes(event, "pointed", 7);
	event.call.buffers[1].address = FREE_ADDRESS;
	cr_expect(eq(i64, call(event), -ENOTTY));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, argument, sizeof(argument))));
	cr_expect(zero(int, memcmp(last.call.buffers[1].out, "pointed", 7)));
}

Test(agent, pread_and_pwrite_move_bytes_at_offsets)
{
	call(open_of(file_path, TRACE_RDWR | TRACE_CREAT));
	cr_expect(eq(i64, call(with_bytes(CALL_OF(PWRITE, 3, 0, 6, 0x100), "abcdef", 6)), 6));
	cr_expect(eq(i64, call(with_bytes(CALL_OF(PREAD, 3, 0, 4, 0x102), zeros, 4)), 4));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, "cdef", 4)));
	cr_expect(eq(i64, call(with_bytes(CALL_OF(PREAD, 3, 0, 4, 0x104), zeros, 4)), 2));
	call(CALL_OF(EVENTFD, 0));
	cr_expect(eq(i64, call(with_bytes(CALL_OF(PREAD, 4, 0, 8, 0), zeros, 8)), -ESPIPE));
}

Test(agent, locked_memory_is_observed_before_and_after)
{
	const uint64_t size = 0x10000;

	cr_expect(eq(i64, call(CALL_OF(SETRLIMIT, 2 * size)), 0));
	call(with_wish(map_of(size, TRACE_MAP_LOCKED), FREE_ADDRESS));
	cr_assert(last.answer.locked.present);
	cr_expect(eq(u64, last.answer.locked.before, 0));
	cr_expect(eq(u64, last.answer.locked.after, size));
	call(CALL_OF(MUNMAP, FREE_ADDRESS, size));
	cr_expect(eq(u64, last.answer.locked.before, size));
	cr_expect(eq(u64, last.answer.locked.after, 0));
	call(CALL_OF(DUP, 0));
	cr_expect(not(last.answer.locked.present));
}

Test(agent, setrlimit_binds_a_task_without_the_capability)
{
	const uint64_t size = 0x10000;

	cr_expect(eq(i64, call(CALL_OF(DROPCAP, CAPABILITY_IPC_LOCK)), 0));
	cr_expect(eq(i64, call(CALL_OF(SETRLIMIT, size)), 0));
	cr_expect(gt(i64, call(map_of(size, TRACE_MAP_LOCKED)), 0));
	cr_expect(eq(i64, call(map_of(size, TRACE_MAP_LOCKED)), -EAGAIN));
	cr_expect(eq(i64, call(CALL_OF(DROPCAP, 1000)), -EINVAL));
}

Test(agent, fork_makes_a_task_with_copies)
{
	call(with_wish(map_of(0x10000, 0), FREE_ADDRESS));
	call(open_of("/dev/null", TRACE_RDWR));
	call(poke_of(FREE_ADDRESS, "old", 3));
	cr_assert(eq(i64, call(CALL_OF(FORK)), 2));
	cr_expect(eq(i64, call(in_task(2, 1, CALL_OF(CLOSE, 3))), 0));
	cr_expect(eq(i64, call(in_task(2, 1, poke_of(FREE_ADDRESS, "new", 3))), 3));
	cr_expect(eq(i64, call(peek_of(FREE_ADDRESS, 3)), 3));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, "old", 3)));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 3)), 0));
	cr_expect(eq(i64, call(in_task(2, 1, CALL_OF(FORK))), 3));
	cr_expect(eq(i64, call(with_wish(CALL_OF(FORK), 9)), 9));
	cr_expect(eq(i64, call(in_task(3, 1, peek_of(FREE_ADDRESS, 3))), 3));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, "new", 3)));
}

Test(agent, thread_shares_descriptors_and_memory)
{
	call(with_wish(map_of(0x10000, 0), FREE_ADDRESS));
	cr_assert(eq(i64, call(CALL_OF(THREAD)), 2));
	cr_expect(eq(i64, call(in_task(1, 2, open_of("/dev/null", TRACE_RDWR))), 3));
	cr_expect(eq(i64, call(in_task(1, 2, poke_of(FREE_ADDRESS, "here", 4))), 4));
	cr_expect(eq(i64, call(peek_of(FREE_ADDRESS, 4)), 4));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, "here", 4)));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 3)), 0));
	cr_expect(eq(i64, call(in_task(1, 2, CALL_OF(THREAD))), 3));
	cr_expect(eq(i64, call(in_task(1, 3, CALL_OF(FORK))), 2));
	cr_expect(eq(i64, call(in_task(2, 1, CALL_OF(THREAD))), 2));
	cr_expect(eq(i64, call(in_task(2, 2, peek_of(FREE_ADDRESS, 4))), 4));
}

Test(agent, exec_keeps_descriptors_and_drops_memory_and_threads)
{
	struct event gone = in_task(1, 1, CALL_OF(SLEEP, 1));
	struct diag diag;

	call(with_wish(map_of(0x10000, TRACE_MAP_LOCKED), FREE_ADDRESS));
	call(open_of("/dev/null", TRACE_RDWR));
	call(open_of("/dev/null", TRACE_RDWR));
	cr_expect(eq(i64, call(CALL_OF(SETFD, 4, 1)), 0));
	cr_expect(eq(i64, call(CALL_OF(THREAD)), 2));
	cr_expect(eq(i64, call(in_task(1, 2, CALL_OF(EXEC))), 0));
	cr_expect(eq(u64, last.answer.locked.before, 0x10000));
	cr_expect(eq(u64, last.answer.locked.after, 0));
	cr_expect(eq(i64, call(peek_of(FREE_ADDRESS, 3)), -EFAULT));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 4)), -EBADF));
	cr_expect(eq(i64, call(CALL_OF(CLOSE, 3)), 0));
	cr_expect(eq(i64, call(CALL_OF(EXEC)), 0));
	gone.call.thread = 2;
	cr_expect(eq(int, backend->ops->execute(backend, &gone, 1, &diag), BACKEND_FAILED));
}

Test(agent, exit_ends_the_task_before_it_is_answered)
{
	struct event late = in_task(2, 1, CALL_OF(SLEEP, 1));
	struct diag diag = {0};
	pid_t child = 0;

	cr_expect(eq(i64, call(CALL_OF(FORK)), 2));
	cr_expect(eq(uint, count_descendants(getpid(), &child), 3));
	call(in_task(2, 1, CALL_OF(THREAD)));
	/* Much to give back, so that the end takes time. */
	cr_expect(gt(i64, call(in_task(2, 1, map_of(0x8000000, TRACE_MAP_POPULATE))), 0));
	cr_expect(eq(i64, call(in_task(2, 2, CALL_OF(EXIT))), 0));
	cr_expect(eq(uint, count_descendants(getpid(), &child), 2));
	cr_expect(eq(int, backend->ops->execute(backend, &late, 1, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "no thread 1 of task 2"), NULL), "%s", diag.text);
}

Test(agent, sleep_lasts_as_long_as_asked)
{
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	cr_expect(eq(i64, call(CALL_OF(SLEEP, 50)), 0));
	clock_gettime(CLOCK_MONOTONIC, &after);
	cr_expect(ge(i64, (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000, 49));
}

Test(agent, calls_cannot_reach_the_agent_itself)
{
	const uint64_t own = UINT64_C(0x2a00000000);

	for (uint64_t fd = 3; fd < 1100; fd++)
		cr_assert(eq(i64, call(CALL_OF(CLOSE, fd)), -EBADF));
	cr_expect(eq(i64, call(CALL_OF(DUP3, 0, 900)), -EBADF));
	cr_expect(eq(i64, call(CALL_OF(MUNMAP, own, 0x10000)), -EINVAL));
	cr_expect(eq(i64, call(CALL_OF(MUNMAP, 0, 0x7ffffffff000)), -EINVAL));
	cr_expect(eq(i64, call(CALL_OF(MPROTECT, 0x70000000, 0x1000, PROT_NONE)), -EINVAL));
	cr_expect(eq(i64, call(poke_of(own + 0x20000, "bad", 3)), -EFAULT));
	cr_expect(eq(i64, call(CALL_OF(DUP, 0)), 3));
}

Test(agent, batch_is_answered_in_order_and_over_several_tasks)
{
	enum { COUNT = 3000 };
	struct event *events = calloc(COUNT, sizeof(*events));
	struct diag diag = {0};

	cr_assert(eq(i64, call(CALL_OF(FORK)), 2));
	for (uint32_t i = 0; i < COUNT; i++)
		events[i] = in_task(1 + i / 700 % 2, 1, i % 2 ? CALL_OF(CLOSE, 3) : CALL_OF(EVENTFD, 0));
	cr_assert(eq(int, backend->ops->execute(backend, events, COUNT, &diag), BACKEND_OK), "%s", diag.text);
	for (uint32_t i = 0; i < COUNT; i++)
		cr_assert(eq(i64, events[i].answer.ret, i % 2 ? 0 : 3));
	free(events);
}

Test(agent, large_payload_goes_there_and_back)
{
	const uint32_t size = CALL_PAYLOAD_MAX;
	uint8_t *bytes = malloc(size);

	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	call(with_wish(map_of(size, 0), FREE_ADDRESS));
	cr_expect(eq(i64, call(poke_of(FREE_ADDRESS, bytes, size)), (int64_t)size));
	uint8_t *none = calloc(1, size);
	cr_expect(eq(i64, call(with_bytes(CALL_OF(PEEK, FREE_ADDRESS, 0, size), none, size)), (int64_t)size));
	cr_expect(zero(int, memcmp(last.call.buffers[0].out, bytes, size)));
	free(bytes);
	free(none);
}

Test(agent, killed_task_fails_the_run_but_not_the_next)
{
	struct event event = in_task(2, 1, CALL_OF(SLEEP, 1));
	struct diag diag = {0};
	pid_t child = 0;

	cr_assert(eq(i64, call(CALL_OF(FORK)), 2));
	cr_assert(eq(uint, count_descendants(getpid(), &child), 3));
	kill(child, SIGKILL);
	cr_expect(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "task 2 died"), NULL), "%s", diag.text);
	cr_expect(eq(int, backend->ops->end(backend, &diag), BACKEND_OK));
	cr_expect(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
	cr_expect(eq(i64, call(CALL_OF(DUP, 0)), 3));
}

Test(agent, runs_leave_nothing_behind)
{
	struct diag diag = {0};

	for (unsigned i = 0; i < 200; i++) {
		cr_assert(eq(i64, call(open_of("/dev/null", TRACE_RDWR)), 3));
		cr_assert(eq(i64, call(CALL_OF(FORK)), 2));
		cr_assert(eq(i64, call(in_task(2, 1, CALL_OF(THREAD))), 2));
		cr_assert(eq(i64, call(in_task(2, 2, CALL_OF(FORK))), 3));
		if (i % 2)
			call(in_task(2, 1, CALL_OF(EXIT)));
		cr_assert(eq(int, backend->ops->end(backend, &diag), BACKEND_OK));
		cr_assert(eq(uint, count_descendants(getpid(), NULL), 1));
		cr_assert(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
	}
}

Test(agent_that_hangs, call_is_given_up_and_leaves_no_process, .timeout = 60)
{
	struct event event;
	struct diag diag = {0};

	cr_assert(ne(ptr, mkdtemp(directory), NULL));
	snprintf(file_path, sizeof(file_path), "%s/file", directory);
	cr_assert(zero(int, mkfifo(file_path, 0600)));
	open_agent(300);
	event = in_task(1, 1, open_of(file_path, TRACE_RDONLY));
	cr_expect(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "does not answer"), NULL), "%s", diag.text);
	cr_expect(eq(int, backend->ops->begin(backend, &diag), BACKEND_FAILED));
	teardown();
	cr_expect(eq(uint, count_descendants(getpid(), NULL), 0));
}

Test(agent_that_is_killed, is_noticed_and_leaves_no_process, .timeout = 60)
{
	struct diag diag = {0};
	struct event event = in_task(1, 1, CALL_OF(SLEEP, 1));
	pid_t task = 0, agent;

	open_agent(0);
	/* A first call, so that the run has begun. */
	cr_assert(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_OK));
	cr_assert(eq(uint, count_descendants(getpid(), &task), 2));
	char path[64], line[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", task);
	FILE *stat_file = fopen(path, "re");
	cr_assert(ne(ptr, fgets(line, sizeof(line), stat_file), NULL));
	fclose(stat_file);
	cr_assert(eq(int, sscanf(strrchr(line, ')'), ") %*c %d", &agent), 1));
	kill(agent, SIGKILL);
	cr_expect(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_FAILED));
	backend_close(backend);
	for (unsigned wait = 0; wait < 200 && !kill(task, 0); wait++)
		usleep(10000);
	cr_expect(ne(int, kill(task, 0), 0));
}
