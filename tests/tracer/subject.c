/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The programs that the tracer's tests record: `subject SCENARIO DIRECTORY`.
 *
 * DIRECTORY stands for /dev/vfio and holds ordinary files, which answer every VFIO ioctl
 * with ENOTTY. Nothing is checked here; the trace is what counts.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vfiosim/uapi.h"

/* The numbers of uapi.h, with what "no direction" is on this architecture. */
#define vfio(fd, number, ...) ioctl(fd, (number) ^ _IO(0, 0), ##__VA_ARGS__)

static const char *self, *directory;

/* Opens NAME of the directory. */
static int open_name(const char *name, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", directory, name);
	return open(path, flags);
}

static int open_container(void)
{
	return open_name("vfio", O_RDWR);
}

static int map(int container, void *address, uint64_t size)
{
	struct vfio_iommu_type1_dma_map argument = {
	    .argsz = sizeof(argument), .flags = 3, .vaddr = (uintptr_t)address, .size = size};

	return vfio(container, VFIO_IOMMU_MAP_DMA, &argument);
}

static void *anonymous(size_t pages, int prot)
{
	return mmap(NULL, pages * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int run_nothing(void)
{
	int null = open("/dev/null", O_RDWR);

	close(null);
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	return 0;
}

static int run_open_close(void)
{
	int container = open_name("vfio", O_RDWR | O_CLOEXEC), group = open_name("5", O_RDWR);

	vfio(container, VFIO_GET_API_VERSION);
	open_name("6", O_RDWR); /* there is none */
	close(group);
	close(container);
	close(container);
	return 0;
}

static int run_relative(void)
{
	int parent;

	if (chdir(directory) != 0)
		return 1;
	close(open("vfio", O_RDWR));
	parent = open(".", O_PATH);
	close(openat(parent, "5", O_RDWR));
	return 0;
}

static int run_openat2(void)
{
	struct open_how how = {.flags = O_RDWR | O_CLOEXEC};
	char path[4096];

	snprintf(path, sizeof(path), "%svfio", directory);
	close((int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
	return 0;
}

static int run_read_only(void)
{
	int container = open_name("vfio", O_RDONLY | O_CLOEXEC);

	vfio(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU);
	close(container);
	return 0;
}

static int run_duplicates(void)
{
	int container = open_container(), null = open("/dev/null", O_RDONLY);

	dup(container);
	dup2(container, 40);
	dup2(container, container);
	dup3(container, 41, O_CLOEXEC);
	fcntl(container, F_DUPFD, 50);
	fcntl(container, F_DUPFD_CLOEXEC, 60);
	fcntl(container, F_SETFD, FD_CLOEXEC);
	ioctl(container, FIONCLEX);
	dup2(null, 40);
	dup(null);
	syscall(SYS_close_range, 41u, 59u, 0);
	return 0;
}

static int run_exec(void)
{
	int container = open_container();

	dup3(container, 40, O_CLOEXEC);
	execl(self, self, "use_inherited", directory, NULL);
	return 1;
}

/* Descriptor 3 is a container, 40 was closed by exec. */
static int run_use_inherited(void)
{
	vfio(3, VFIO_GET_API_VERSION);
	vfio(40, VFIO_GET_API_VERSION);
	close(3);
	return 0;
}

static int run_fork(void)
{
	int container = open_container(), status;

	if (fork() == 0) {
		vfio(container, VFIO_GET_API_VERSION);
		close(container);
		_exit(3);
	}
	wait(&status);
	close(container);
	return WEXITSTATUS(status);
}

static int run_vfork(void)
{
	char *argv[] = {(char *)(uintptr_t)self, (char[]){"use_inherited"}, (char *)(uintptr_t)directory, NULL};
	int status;
	pid_t pid;

	open_container();
	if (posix_spawn(&pid, self, NULL, NULL, argv, NULL) != 0)
		return 1;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

/* VFIO is used by a grandchild only, whose parent is gone when it begins. */
static int run_daemon(void)
{
	int gone[2];
	char byte;

	if (pipe(gone) != 0)
		return 1;
	if (fork() == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			while (getppid() == parent)
				usleep(1000);
			close(open_container());
			_exit(0);
		}
		_exit(0);
	}
	wait(NULL);
	close(gone[1]);
	return (int)read(gone[0], &byte, 1); /* until the grandchild has ended too */
}

/* The first process had VFIO itself and is gone when its child makes a call. */
static int run_orphan(void)
{
	int container = open_container();
	pid_t parent = getpid();

	if (fork() == 0) {
		while (getppid() == parent)
			usleep(1000);
		vfio(container, VFIO_GET_API_VERSION);
		_exit(0);
	}
	return 4;
}

static int run_eventfds(void)
{
	/* struct vfio_irq_set and two descriptors */
	int32_t irqs[] = {28, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0, 2, -1, -1};
	int device;

	irqs[5] = eventfd(0, EFD_NONBLOCK);
	device = open_name("devices/vfio0", O_RDWR);
	irqs[6] = eventfd(0, EFD_CLOEXEC);
	vfio(device, VFIO_DEVICE_SET_IRQS, irqs);
	close(irqs[6]);
	close(device);
	close(irqs[5]); /* not watched any more */
	open_container();
	return 0;
}

static int run_set_container(void)
{
	int32_t null = open("/dev/null", O_RDONLY), group = open_name("5", O_RDWR);

	vfio(group, VFIO_GROUP_SET_CONTAINER, &null);
	return 0;
}

static int run_received(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} room;
	char byte = 0;
	struct iovec place = {&byte, 1};
	struct msghdr message = {
	    .msg_iov = &place, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof(room.bytes)};
	int sockets[2], fd;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		return 1;
	if (fork() == 0) {
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		fd = open_container();
		*header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
		sendmsg(sockets[0], &message, 0);
		_exit(0);
	}
	wait(NULL);
	recvmsg(sockets[1], &message, 0);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	vfio(fd, VFIO_GET_API_VERSION);
	return 0;
}

static int run_arguments(void)
{
	int container = open_container(), group = open_name("5", O_RDWR);
	uint8_t *pages = anonymous(2, PROT_READ | PROT_WRITE);
	uint32_t large = 1u << 20, info[6] = {24}, unknown[4] = {16, 1, 2, 3};

	munmap(pages + 4096, 4096);
	vfio(group, VFIO_GROUP_GET_DEVICE_FD, "0000:00:03.0");
	vfio(container, VFIO_IOMMU_GET_INFO, info);
	info[0] = 16;
	vfio(container, VFIO_IOMMU_GET_INFO, info);
	/* The memory ends after 16 bytes, whatever argsz says. */
	memcpy(pages + 4080, &large, sizeof(large));
	vfio(container, VFIO_IOMMU_GET_INFO, pages + 4080);
	vfio(container, VFIO_IOMMU_GET_INFO, (void *)0x10);
	vfio(container, VFIO_IOMMU_GET_INFO, NULL);
	vfio(container, VFIO_IOCTL_NUMBER(120), unknown);
	vfio(container, VFIO_IOCTL_NUMBER(120), 7);
	vfio(group, VFIO_IOMMU_GET_INFO, info); /* a group has no such number */
	return 0;
}

static int run_transfers(void)
{
	int device = open_name("devices/vfio0", O_RDWR);
	char bytes[4] = "abc";

	pwrite(device, bytes, 4, 0x10);
	memset(bytes, 0, sizeof(bytes));
	pread(device, bytes, 4, 0x11);
	syscall(SYS_pread64, device, 8, 4, 0);
	return 0;
}

static int run_memory(void)
{
	int container = open_container();
	uint8_t *pages = anonymous(8, PROT_READ | PROT_WRITE);

	munmap(pages + 7 * 4096, 4096);
	map(container, pages, 4 * 4096);
	map(container, pages + 2 * 4096, 4 * 4096); /* two of the pages are known */
	mprotect(pages, 4096, PROT_READ);
	map(container, pages, 4096);
	munmap(pages + 4096, 4096);
	map(container, pages, 4 * 4096); /* up to the gap */
	map(container, pages + 4096, 4096);
	map(container, pages + 1, 4096); /* the kernel does not look at memory */
	map(container, pages, 0);
	map(container, (void *)-4096l, 8192);
	return 0;
}

static int run_written_memory(void)
{
	struct vfio_iommu_type1_dma_map argument = {.argsz = sizeof(argument), .flags = VFIO_DMA_MAP_FLAG_READ};
	int container = open_container();
	uint8_t *pages = anonymous(8, PROT_READ | PROT_WRITE);

	argument.vaddr = (uintptr_t)pages;
	argument.size = 8 * 4096;
	pages[4096] = 1;
	pages[5 * 4096] = pages[6 * 4096 + 100] = 1;
	if (*(volatile uint8_t *)pages != 0) /* read, but not written */
		return 1;
	vfio(container, VFIO_IOMMU_MAP_DMA, &argument);
	pages[2 * 4096] = 1;
	vfio(container, VFIO_IOMMU_MAP_DMA, &argument);
	argument.size = 6 * 4096; /* the last page of it is one of two that are told */
	vfio(container, VFIO_IOMMU_MAP_DMA, &argument);
	pages[7 * 4096] = 1;
	map(container, pages, 8 * 4096); /* for reading and writing: all of it will be written */
	return 0;
}

static int run_device_memory(void)
{
	int device = open_name("devices/vfio0", O_RDWR);
	uint8_t *region = mmap(NULL, 8192, PROT_READ, MAP_SHARED, device, 4096);

	close(device);
	close(open("/dev/null", O_RDONLY)); /* still watched: the mapping holds the device */
	mprotect(region, 4096, PROT_READ | PROT_WRITE);
	munmap(region, 4096);
	munmap(region + 4096, 4096);
	return 0;
}

static int run_huge_pages(void)
{
	size_t size = 2u << 20;
	uint8_t *page =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1, 0);

	if (page == MAP_FAILED)
		return 77;
	map(open_container(), page + 4096, 4096);
	return 0;
}

static int run_unprivileged(void)
{
	struct rlimit limit = {65536, 65536};
	int container = open_container();

	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (setuid(65534) != 0)
		return 77;
	vfio(container, VFIO_GET_API_VERSION);
	vfio(container, VFIO_GET_API_VERSION);
	return 0;
}

static void *call_often(void *container)
{
	for (int i = 0; i < 200; i++)
		vfio(*(int *)container, VFIO_GET_API_VERSION);
	return NULL;
}

static int run_threads(void)
{
	int container = open_container();
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, call_often, &container);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int go[2];

static void *close_when_told(void *container)
{
	char byte;

	if (read(go[0], &byte, 1) == 1)
		close(*(int *)container);
	return NULL;
}

/* A thread that slept when the first descriptor was opened closes it. */
static int run_sleeping_thread(void)
{
	pthread_t thread;
	int container = -1;

	if (pipe(go) != 0)
		return 1;
	pthread_create(&thread, NULL, close_when_told, &container);
	usleep(20000);
	container = open_container();
	if (write(go[1], "", 1) != 1)
		return 1;
	pthread_join(thread, NULL);
	return 0;
}

static void *exec_other(void *unused)
{
	execl(self, self, "use_inherited", directory, NULL);
	return unused;
}

static int run_exec_thread(void)
{
	pthread_t thread;

	open_container();
	pthread_create(&thread, NULL, exec_other, NULL);
	pthread_join(thread, NULL);
	return 1;
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

/* A signal interrupts a read, and another one does not interrupt what is recorded. */
static int run_signals(void)
{
	struct sigaction action = {.sa_handler = count_signal};
	int container;
	char byte;

	if (pipe(go) != 0)
		return 1;
	sigaction(SIGALRM, &action, NULL);
	container = open_container();
	raise(SIGALRM);
	ualarm(20000, 0);
	if (read(go[0], &byte, 1) >= 0)
		return 1;
	close(container);
	return signals == 2 ? 5 : 1;
}

static int run_opens_under_timer(void)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &action, NULL);
	ualarm(300, 300);
	for (int i = 0; i < 3000; i++) {
		int fd = open("/dev/null", O_RDWR);

		if (fd < 0)
			return 1;
		close(fd);
	}
	return 0;
}

static int run_stop(void)
{
	pid_t child;
	int status;

	open_container();
	child = fork();
	if (child == 0) {
		raise(SIGSTOP);
		_exit(6);
	}
	waitpid(child, &status, WUNTRACED);
	if (!WIFSTOPPED(status))
		return 1;
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static int run_killed(void)
{
	open_container();
	raise(SIGKILL);
	return 0;
}

/* Opening a fifo for writing waits for a reader that never comes. */
static int run_killed_in_call(void)
{
	alarm(1);
	open_name("fifo", O_WRONLY);
	return 0;
}

static int run_interrupted(void)
{
	struct sigaction action = {.sa_handler = count_signal};

	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 0);
	open_name("fifo", O_WRONLY);
	vfio(0, VFIO_GET_API_VERSION);
	open_container();
	return 0;
}

static int run_restarted(void)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &action, NULL);
	if (fork() == 0) {
		usleep(100000);
		_exit(open_name("fifo", O_RDONLY) < 0);
	}
	ualarm(20000, 0);
	close(open_name("fifo", O_WRONLY));
	wait(NULL);
	return signals == 1 ? 0 : 1;
}

#define SCENARIO(name) #name, run_##name

static const struct {
	const char *name;
	int (*run)(void);
} scenarios[] = {
    {SCENARIO(nothing)},	{SCENARIO(open_close)},	   {SCENARIO(relative)},
    {SCENARIO(openat2)},	{SCENARIO(read_only)},	   {SCENARIO(duplicates)},
    {SCENARIO(exec)},		{SCENARIO(use_inherited)}, {SCENARIO(fork)},
    {SCENARIO(vfork)},		{SCENARIO(daemon)},	   {SCENARIO(orphan)},
    {SCENARIO(eventfds)},	{SCENARIO(set_container)}, {SCENARIO(received)},
    {SCENARIO(arguments)},	{SCENARIO(transfers)},	   {SCENARIO(memory)},
    {SCENARIO(written_memory)}, {SCENARIO(device_memory)}, {SCENARIO(huge_pages)},
    {SCENARIO(unprivileged)},	{SCENARIO(threads)},	   {SCENARIO(sleeping_thread)},
    {SCENARIO(exec_thread)},	{SCENARIO(signals)},	   {SCENARIO(opens_under_timer)},
    {SCENARIO(stop)},		{SCENARIO(killed)},	   {SCENARIO(killed_in_call)},
    {SCENARIO(interrupted)},	{SCENARIO(restarted)},
};

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	self = argv[0];
	directory = argv[2];
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0)
			return scenarios[i].run();
	return 2;
}
