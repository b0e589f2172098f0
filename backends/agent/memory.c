/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Slots with stacks and guarded argument buffers, and access to memory that may not be there.
 */
#include "memory.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "vfiosim/call.h"

/*
 * Below 2^39, so that it exists on every architecture, and far from where any of them puts
 * programs, libraries, heaps and stacks. Everything in a slot is a multiple of 64 KiB, the
 * largest page size.
 */
#define SLOTS_BASE    UINT64_C(0x2a00000000)
#define SLOT_SIZE     (UINT64_C(32) << 20)
#define STACK_OFFSET  (UINT64_C(64) << 10)
#define STACK_SIZE    (UINT64_C(896) << 10)
#define BUFFER_OFFSET (UINT64_C(1) << 20)
#define BUFFER_STRIDE ((uint64_t)CALL_PAYLOAD_MAX + (UINT64_C(1) << 20))

#define HEAP_ROOM (8 << 20)

/* What may be needed of stack and heap while all beyond is out of reach. */
#define WORKING_ROOM (UINT64_C(64) << 10)

/* How far the kernel's stack may have grown since it was looked at. */
#define KERNEL_STACK_GROWTH (UINT64_C(8) << 20)

_Static_assert(BUFFER_OFFSET + CALL_BUFFERS_MAX * BUFFER_STRIDE <= SLOT_SIZE, "a slot holds all buffers");

extern const char __executable_start[]; /* from the linker */

static pthread_mutex_t slot_lock = PTHREAD_MUTEX_INITIALIZER;
static bool slot_used[SLOT_COUNT];
static bool slot_mapped[SLOT_COUNT];

/* Whether what the agent takes from now on is locked, and what it has taken since that was last undone. */
static bool locked_ahead;
static bool slots_taken;
static uintptr_t heap_end;

/* Where the kernel has put the stack that the program began on. */
static uint64_t kernel_stack_first, kernel_stack_end;

/* Where to go on when an access faults; NULL while no access is being tried. */
static _Thread_local sigjmp_buf *volatile fault_exit;

static char *slot_address(unsigned slot)
{
	return (char *)(uintptr_t)(SLOTS_BASE + slot * SLOT_SIZE);
}

static int slot_map(unsigned slot)
{
	char *base = slot_address(slot);
	void *got =
	    mmap(base, SLOT_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (got != base) {
		if (got == MAP_FAILED)
			return -errno;
		munmap(got, SLOT_SIZE);
		return -EEXIST;
	}

	int error = mprotect(base + STACK_OFFSET, STACK_SIZE, PROT_READ | PROT_WRITE);
	for (unsigned i = 0; !error && i < CALL_BUFFERS_MAX; i++)
		error = mprotect(base + BUFFER_OFFSET + i * BUFFER_STRIDE, CALL_PAYLOAD_MAX, PROT_READ | PROT_WRITE);
	if (error) {
		error = -errno;
		munmap(base, SLOT_SIZE);
		return error;
	}
	slots_taken = true;
	return 0;
}

int memory_slot_take(void)
{
	int result = -EAGAIN;

	pthread_mutex_lock(&slot_lock);
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		if (slot_used[slot])
			continue;
		result = slot_mapped[slot] ? 0 : slot_map(slot);
		if (result == -EEXIST) /* a call mapped something there: the next one will do */
			continue;
		if (!result) {
			slot_mapped[slot] = slot_used[slot] = true;
			result = (int)slot;
		}
		break;
	}
	pthread_mutex_unlock(&slot_lock);
	return result;
}

void memory_slot_give(unsigned slot)
{
	pthread_mutex_lock(&slot_lock);
	slot_used[slot] = false;
	pthread_mutex_unlock(&slot_lock);
}

void memory_slot_keep_only(unsigned slot)
{
	pthread_mutex_init(&slot_lock, NULL); /* another thread of the parent may have held it */
	memset(slot_used, 0, sizeof(slot_used));
	slot_used[slot] = true;
}

void *memory_stack(unsigned slot, size_t *size)
{
	*size = STACK_SIZE;
	return slot_address(slot) + STACK_OFFSET;
}

void *memory_place(unsigned slot, unsigned index, uint32_t length)
{
	return slot_address(slot) + BUFFER_OFFSET + index * BUFFER_STRIDE + CALL_PAYLOAD_MAX - length;
}

static bool overlaps(uint64_t address, uint64_t length, uint64_t first, uint64_t end)
{
	uint64_t last = length ? address + length - 1 : address;

	if (last < address) /* wraps around: up to the top */
		last = UINT64_MAX;
	return address < end && last >= first;
}

bool memory_owns(uint64_t address, uint64_t length)
{
	return overlaps(address, length, SLOTS_BASE, SLOTS_BASE + SLOT_COUNT * SLOT_SIZE) ||
	       overlaps(address, length, (uintptr_t)__executable_start, (uintptr_t)sbrk(0));
}

static void on_fault(int number)
{
	sigjmp_buf *exit = fault_exit;

	if (exit) {
		fault_exit = NULL;
		siglongjmp(*exit, 1);
	}
	/* Not an access of ours: die of it as any program would. */
	signal(number, SIG_DFL);
	raise(number);
}

/* One access of @width bytes at @at, which is aligned to it. */
static void access_load(char *to, const volatile char *at, unsigned width)
{
	uint64_t wide;
	uint32_t word;
	uint16_t half;

	switch (width) {
	case 8:
		wide = *(const volatile uint64_t *)(const volatile void *)at;
		memcpy(to, &wide, sizeof(wide));
		break;
	case 4:
		word = *(const volatile uint32_t *)(const volatile void *)at;
		memcpy(to, &word, sizeof(word));
		break;
	case 2:
		half = *(const volatile uint16_t *)(const volatile void *)at;
		memcpy(to, &half, sizeof(half));
		break;
	default:
		*to = *at;
	}
}

static void access_store(volatile char *at, const char *from, unsigned width)
{
	uint64_t wide;
	uint32_t word;
	uint16_t half;

	switch (width) {
	case 8:
		memcpy(&wide, from, sizeof(wide));
		*(volatile uint64_t *)(volatile void *)at = wide;
		break;
	case 4:
		memcpy(&word, from, sizeof(word));
		*(volatile uint32_t *)(volatile void *)at = word;
		break;
	case 2:
		memcpy(&half, from, sizeof(half));
		*(volatile uint16_t *)(volatile void *)at = half;
		break;
	default:
		*at = *from;
	}
}

/* The widest access that divides both address and length. */
static unsigned access_width(uint64_t address, size_t length)
{
	unsigned width = 8;

	while ((address | length) & (width - 1))
		width /= 2;
	return width;
}

/* One copy between a place here and an address that may lead nowhere. */
struct copy {
	char *to;	  /* of a load */
	const char *from; /* of a store */
	uint64_t address;
	size_t length;
};

static void copy_load(const struct copy *copy)
{
	const unsigned width = access_width(copy->address, copy->length);

	for (size_t i = 0; i < copy->length; i += width)
		access_load(copy->to + i, (const volatile char *)(uintptr_t)(copy->address + i), width);
}

/* A write with no effect but that the page is there; an exchange of a byte for itself, which no compiler takes away. */
static void touch(uint64_t address)
{
	uint8_t *byte = (uint8_t *)(uintptr_t)address;
	uint8_t there = __atomic_load_n(byte, __ATOMIC_RELAXED);

	__atomic_compare_exchange_n(byte, &there, there, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* A store that faults half-way would leave its first half, so further pages are tried before, in order. */
static void copy_store(const struct copy *copy)
{
	const unsigned width = access_width(copy->address, copy->length);
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (uint64_t at = (copy->address | (page - 1)) + 1; at < copy->address + copy->length; at += page)
		touch(at);
	for (size_t i = 0; i < copy->length; i += width)
		access_store((volatile char *)(uintptr_t)(copy->address + i), copy->from + i, width);
}

static int copy_guarded(void (*run)(const struct copy *), const struct copy *copy)
{
	sigjmp_buf here;

	if (copy->length == 0)
		return 0;
	if (copy->address > UINTPTR_MAX - copy->length || memory_owns(copy->address, copy->length))
		return -EFAULT;
	if (sigsetjmp(here, 0))
		return -EFAULT;
	fault_exit = &here;
	run(copy);
	fault_exit = NULL;
	return 0;
}

int memory_load(void *to, uint64_t address, size_t length)
{
	return copy_guarded(copy_load, &(struct copy){.to = to, .address = address, .length = length});
}

int memory_store(uint64_t address, const void *from, size_t length)
{
	return copy_guarded(copy_store, &(struct copy){.from = from, .address = address, .length = length});
}

/* Calls @function with each range of memory that this process has, as far as /proc tells. */
static void each_range(void (*function)(uint64_t first, uint64_t end, bool stack))
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned long long first, end;

	if (!maps)
		return;
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx", &first, &end) == 2)
			function(first, end, strstr(line, "[stack]"));
	fclose(maps);
}

/*
 * The kernel's stack is where recorded programs have theirs. Without /proc it stays, which only costs that place.
 * Nothing is near below it, but itself when it has grown.
 */
static void note_stack(uint64_t first, uint64_t end, bool stack)
{
	if (!stack)
		return;
	kernel_stack_first = first - KERNEL_STACK_GROWTH;
	kernel_stack_end = end;
}

int memory_init(void)
{
	/* All of the heap in one place, right behind the image. */
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_ARENA_MAX, 1);
	/* Room that need not be asked for when a call has made more memory impossible to get. */
	mallopt(M_TOP_PAD, HEAP_ROOM);

	/* SA_NODEFER: the handler leaves by a jump, which does not restore the mask. */
	struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	if (sigaction(SIGSEGV, &action, NULL) || sigaction(SIGBUS, &action, NULL))
		return -errno;

	each_range(note_stack);
	int slot = memory_slot_take();
	return slot < 0 ? slot : 0;
}

/* What runs on the new stack; a context's entry takes no pointers portably. */
static struct {
	void (*function)(void *);
	void *context;
} entry;

static void run_entry(void)
{
	entry.function(entry.context);
	_exit(1);
}

static void unlock_range(uint64_t first, uint64_t end, bool stack)
{
	(void)stack;
	if (memory_owns(first, end - first))
		munlock((void *)(uintptr_t)first, (size_t)(end - first));
}

void memory_unlock_own(bool ahead)
{
	locked_ahead = ahead;
	slots_taken = false;
	heap_end = (uintptr_t)sbrk(0);
	each_range(unlock_range);
}

void memory_unlock_new(void)
{
	if (locked_ahead && (slots_taken || heap_end != (uintptr_t)sbrk(0)))
		memory_unlock_own(true);
}

static void set_access(uintptr_t first, uintptr_t end, bool hidden)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	first = (first + page - 1) & ~(page - 1);
	end &= ~(page - 1);
	if (first < end)
		mprotect((void *)first, end - first, hidden ? PROT_NONE : PROT_READ | PROT_WRITE);
}

void memory_hide(bool hidden)
{
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	static uintptr_t free_first, free_end; /* of the heap */

	if (hidden) {
		free_end = (uintptr_t)sbrk(0);
		free_first = free_end - mallinfo2().keepcost + WORKING_ROOM;
	}
	set_access(free_first, free_end, hidden);
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		const uintptr_t base = (uintptr_t)slot_address(slot), stack = base + STACK_OFFSET;

		if (!slot_mapped[slot])
			continue;
		for (unsigned i = 0; i < CALL_BUFFERS_MAX; i++)
			set_access(base + BUFFER_OFFSET + i * BUFFER_STRIDE,
				   base + BUFFER_OFFSET + i * BUFFER_STRIDE + CALL_PAYLOAD_MAX, hidden);
		if (here > stack && here < stack + STACK_SIZE)
			set_access(stack, here - WORKING_ROOM, hidden);
	}
}

static void run_without_kernel_stack(void)
{
	if (kernel_stack_end)
		munmap((void *)(uintptr_t)kernel_stack_first, (size_t)(kernel_stack_end - kernel_stack_first));
	run_entry();
}

void memory_run(unsigned slot, void (*function)(void *), void *context)
{
	static ucontext_t next; /* too large for some stacks, and dead after the switch */
	size_t size;

	entry.function = function;
	entry.context = context;
	if (getcontext(&next))
		_exit(1);
	next.uc_stack.ss_sp = memory_stack(slot, &size);
	next.uc_stack.ss_size = size;
	next.uc_link = NULL;
	makecontext(&next, run_without_kernel_stack, 0);
	setcontext(&next);
	_exit(1);
}
