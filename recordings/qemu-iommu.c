/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the inner machine of recordings/qemu boots to show its IOMMU at work: a kernel that does nothing but let Intel's
 * IOMMU translate, for one device in the ways an operating system does, or for two devices at the same time (DEVICES is
 * 2), and then resets the machine. It runs in 32-bit
 * mode without paging, from where a multiboot loader leaves it. The steps are told at the debug port.
 *
 * The registers and tables are those of Intel's "Virtualization Technology for Directed I/O" specification, with a
 * caching-mode IOMMU: everything that changes is invalidated, and may be looked at only then.
 */
#include <stdint.h>

#define PAGE	   4096u
#define LARGE_PAGE (512 * PAGE)

/* Function 0 of slots 2 and 3 of bus 0: as recordings/qemu plugs them in. */
#define DEVICE	     (2u << 3)
#define OTHER_DEVICE (3u << 3)

#define DEBUG_PORT 0xe9
#define RESET_PORT 0xcf9
#define RESET	   6 /* the whole machine */

/* Registers, from where QEMU has them. */
#define IOMMU		       0xfed90000u
#define COMMAND		       0x18
#define STATUS		       0x1c
#define COMMAND_TRANSLATE      (1u << 31)
#define COMMAND_SET_ROOT       (1u << 30)
#define ROOT_ADDRESS	       0x20
#define CONTEXT_COMMAND	       0x28
#define CONTEXT_INVALIDATE_ALL (UINT64_C(1) << 63 | UINT64_C(1) << 61)
#define TLB_ADDRESS	       0xf0
#define TLB_COMMAND	       0xf8
#define TLB_INVALIDATE_ALL     (UINT64_C(1) << 63 | UINT64_C(1) << 60)
#define TLB_INVALIDATE_PAGES   (UINT64_C(1) << 63 | UINT64_C(3) << 60)

/* Entries of the tables. */
#define PRESENT		     UINT64_C(1)
#define CONTEXT_PASS_THROUGH UINT64_C(0x8)
#define CONTEXT_3_LEVELS     UINT64_C(1)
#define CONTEXT_DOMAIN(n)    ((uint64_t)(n) << 8)
#define READ		     UINT64_C(1)
#define WRITE		     UINT64_C(2)
#define LARGE		     UINT64_C(0x80)

struct entry {
	uint64_t low, high;
};

/* Where the device sees something, and a second space that it can be moved to. */
struct space {
	_Alignas(PAGE) uint64_t top[512];
	_Alignas(PAGE) uint64_t middle[512];
	_Alignas(PAGE) uint64_t pages[512]; /* from IOVA 0 on */
};

static _Alignas(PAGE) struct entry root[256], contexts[256];
static struct space spaces[2];
static _Alignas(PAGE) uint8_t memory[8][PAGE];
static _Alignas(LARGE_PAGE) uint8_t large_memory[LARGE_PAGE];

/* What a multiboot loader looks for: magic number, no wishes, checksum. */
__attribute__((section(".multiboot"), used)) static const uint32_t header[] = {0x1badb002, 0, -0x1badb002u};

static void out(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void say(const char *text)
{
	while (*text)
		out(DEBUG_PORT, (uint8_t)*text++);
	out(DEBUG_PORT, '\n');
}

static volatile uint32_t *reg(uint32_t offset)
{
	return (volatile uint32_t *)(IOMMU + offset);
}

/* The half that acts is the upper one, and comes last. */
static void write64(uint32_t offset, uint64_t value)
{
	reg(offset)[0] = (uint32_t)value;
	reg(offset)[1] = (uint32_t)(value >> 32);
}

/* Invalidations clear their top bit when they are done. */
static void invalidate(uint32_t offset, uint64_t command)
{
	write64(offset, command);
	while (reg(offset)[1] >> 31)
		;
}

static void invalidate_page(uint32_t iova, unsigned domain)
{
	write64(TLB_ADDRESS, iova);
	invalidate(TLB_COMMAND, TLB_INVALIDATE_PAGES | (uint64_t)domain << 32);
}

static void command(uint32_t bits, uint32_t status)
{
	*reg(COMMAND) = bits;
	while (*reg(STATUS) != status)
		;
}

static uint64_t address_of(const void *place)
{
	return (uint32_t)place;
}

static void space_make(struct space *space)
{
	space->top[0] = address_of(space->middle) | READ | WRITE;
	space->middle[0] = address_of(space->pages) | READ | WRITE;
}

static void attach(unsigned device, uint64_t low, uint64_t high)
{
	contexts[device] = (struct entry){low | PRESENT, high | CONTEXT_3_LEVELS};
	invalidate(CONTEXT_COMMAND, CONTEXT_INVALIDATE_ALL);
	invalidate(TLB_COMMAND, TLB_INVALIDATE_ALL);
}

static void set_page(unsigned page, uint64_t entry)
{
	spaces[0].pages[page] = entry;
	invalidate_page(page * PAGE, 1);
}

static void set_pages(struct space *space, unsigned first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		space->pages[i] = address_of(memory[first + i]) | READ | WRITE;
}

/* One device: what becomes of its space. */
static void show_one(void)
{
	say("inner: an empty space");
	attach(DEVICE, address_of(spaces[0].top), CONTEXT_DOMAIN(1));
	command(COMMAND_TRANSLATE, COMMAND_SET_ROOT | COMMAND_TRANSLATE);

	say("inner: pages come and go");
	set_page(256, address_of(memory[0]) | READ | WRITE);
	set_page(257, address_of(memory[1]) | READ | WRITE);
	set_page(258, address_of(memory[2]) | READ);
	set_page(256, address_of(memory[0]) | READ);
	set_page(257, address_of(memory[3]) | READ | WRITE);
	set_page(256, 0);
	set_page(256, address_of(memory[0]) | WRITE);

	say("inner: a large page");
	spaces[0].middle[1] = address_of(large_memory) | READ | WRITE | LARGE;
	invalidate_page(LARGE_PAGE, 1);

	say("inner: another space, with pages in it");
	set_pages(&spaces[1], 4, 4);
	attach(DEVICE, address_of(spaces[1].top), CONTEXT_DOMAIN(2));

	say("inner: passed through");
	attach(DEVICE, CONTEXT_PASS_THROUGH, CONTEXT_DOMAIN(3));

	say("inner: the first space again");
	attach(DEVICE, address_of(spaces[0].top), CONTEXT_DOMAIN(1));
}

/* Two devices: in spaces of their own, in the same one, and one of them passed through. */
static void show_two(void)
{
	say("inner: each in a space of its own");
	set_pages(&spaces[0], 0, 3);
	set_pages(&spaces[1], 4, 4);
	attach(DEVICE, address_of(spaces[0].top), CONTEXT_DOMAIN(1));
	attach(OTHER_DEVICE, address_of(spaces[1].top), CONTEXT_DOMAIN(2));
	command(COMMAND_TRANSLATE, COMMAND_SET_ROOT | COMMAND_TRANSLATE);

	say("inner: both in the first space");
	attach(OTHER_DEVICE, address_of(spaces[0].top), CONTEXT_DOMAIN(1));
	set_page(3, address_of(memory[3]) | READ | WRITE);

	say("inner: one is passed through");
	attach(DEVICE, CONTEXT_PASS_THROUGH, CONTEXT_DOMAIN(3));
}

__attribute__((noreturn, used)) static void run(void)
{
	root[0].low = address_of(contexts) | PRESENT;
	space_make(&spaces[0]);
	space_make(&spaces[1]);
	write64(ROOT_ADDRESS, address_of(root));
	command(COMMAND_SET_ROOT, COMMAND_SET_ROOT);
	if (DEVICES == 2)
		show_two();
	else
		show_one();

	say("inner: not translated any more");
	command(0, COMMAND_SET_ROOT);

	say("inner: reset");
	for (;;)
		out(RESET_PORT, RESET);
}

__attribute__((naked, noreturn, used)) void _start(void)
{
	__asm__("mov $stack_top, %esp\n\t"
		"call run\n\t"
		".pushsection .bss\n\t"
		".balign 16\n\t"
		".skip 16384\n"
		"stack_top:\n\t"
		".popsection");
}
