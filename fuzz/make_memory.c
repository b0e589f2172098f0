/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls on the task's own memory.
 */
#include "generator_internal.h"

enum {
	PROT_R = 1,
	PROT_W = 2,
	SHARED = 0x01,
	PRIVATE = 0x02,
	FIXED = 0x10,
	ANONYMOUS = 0x20,
	LOCKED = 0x2000,
	NO_RESERVE = 0x4000,
	POPULATE = 0x8000,
	HUGETLB = 0x40000,
	NO_REPLACE = 0x100000,
};

/* Areas begin at multiples of this, so that they touch each other only where a program means them to. */
#define SLOT_SIZE  ((uint64_t)4 << 20)
#define SLOT_COUNT 24

/* As far behind other memory huge pages are put if a hashed page table has them apart. */
#define HUGE_SLICE ((uint64_t)1 << 40)

/*
 * Private memory in pieces of 2 MiB may be given huge pages, of zeros or not, which exist wherever any of it is
 * touched: how much is charged would then hang on the kernel's mood. Only what is shared, or wholly there from the
 * start, may be so large.
 */
#define PRIVATE_PAGES_MAX 255

static uint64_t area_address(struct generator *g)
{
	const struct area *area = choose_area(g, 0, false);

	if (area && chance(g, 1, 8))
		return area->address + area->length;
	if (area && strange(g))
		return area->address + g->machine->page_size * below(g, area->length / g->machine->page_size);
	return MEMORY_FIRST + below(g, SLOT_COUNT) * SLOT_SIZE;
}

/* Arguments that mmap refuses whatever else is said. */
static void spoil_mmap(struct generator *g, struct call *call)
{
	switch (below(g, 4)) {
	case 0:
		call->args[1] = 0;
		break;
	case 1:
		call->args[0] |= 0x800;
		break;
	case 2:
		call->args[3] &= ~(uint64_t)(SHARED | PRIVATE);
		break;
	default:
		call->args[0] = 0;
		call->args[1] = UINT64_MAX;
		call->args[3] &= ~(uint64_t)(FIXED | NO_REPLACE);
		break;
	}
}

/* Huge pages in the place of small ones. */
static void make_huge(struct generator *g, struct call *call)
{
	call->args[0] &= ~(g->machine->hugepage_size - 1);
	/* Where they can be nothing else's neighbours. */
	if (g->machine->hashed_page_table && !strange(g))
		call->args[0] += HUGE_SLICE;
	call->args[1] = g->machine->hugepage_size * (1 + below(g, 2));
	call->args[3] |= HUGETLB;
	if (chance(g, 1, 4))
		call->args[3] |= NO_RESERVE;
	else if (strange(g))
		call->args[1] = g->machine->hugepage_size * (g->machine->hugepage_count + 1);
}

bool make_mmap(struct generator *g, struct call *call)
{
	static const uint64_t pages[] = {1, 2, 3, 4, 8, 16, 64, 128, PRIVATE_PAGES_MAX};
	static const uint64_t prots[] = {PROT_R | PROT_W, PROT_R | PROT_W, PROT_R | PROT_W, PROT_R | PROT_W, PROT_R, 0};
	static const uint64_t kinds[] = {PRIVATE, PRIVATE, PRIVATE, PRIVATE | POPULATE, SHARED};
	const uint64_t page = g->machine->page_size;

	call->op = CALL_MMAP;
	call->args[0] = area_address(g);
	call->args[1] = page * ONE_OF(g, pages);
	call->args[2] = g->careful ? PROT_R | PROT_W : ONE_OF(g, prots);
	call->args[3] = ONE_OF(g, kinds) | FIXED | ANONYMOUS;
	call->args[4] = (uint64_t)-1;
	if (((call->args[3] & SHARED) || ((call->args[3] & POPULATE) && (call->args[2] & PROT_W))) && chance(g, 1, 4))
		call->args[1] = page * 1024;
	if (!g->careful && chance(g, 1, 8))
		call->args[3] = (call->args[3] & ~(uint64_t)FIXED) | NO_REPLACE;
	if (!g->careful && chance(g, 1, 8))
		call->args[3] |= LOCKED;
	if (!g->careful && g->machine->hugepage_count && chance(g, 1, 8))
		make_huge(g, call);
	/* More than there can be is refused. */
	if (call->args[1] <= MEMORY_MAX && g->book.memory + call->args[1] > MEMORY_MAX)
		return false;
	if (strange(g))
		spoil_mmap(g, call);
	return true;
}

/* Memory of a file, from some page of it on, shared or copied when it is written. */
bool make_file_mmap(struct generator *g, struct call *call)
{
	static const uint64_t pages[] = {1, 2, 4, 16, 64};
	static const uint64_t prots[] = {PROT_R | PROT_W, PROT_R | PROT_W, PROT_R | PROT_W, PROT_R, 0};
	const uint64_t page = g->machine->page_size;

	if (!g->book.memfd_count)
		return false;
	call->op = CALL_MMAP;
	call->args[0] = area_address(g);
	call->args[1] = page * ONE_OF(g, pages);
	call->args[2] = ONE_OF(g, prots);
	call->args[3] = FIXED | (chance(g, 1, 3) ? PRIVATE : SHARED);
	call->args[4] = (uint64_t)g->book.memfds[below(g, g->book.memfd_count)];
	call->args[5] = page * below(g, 4);
	if (strange(g))
		call->args[3] |= HUGETLB;
	if (strange(g))
		spoil_mmap(g, call);
	return g->book.memory + call->args[1] <= MEMORY_MAX;
}

bool make_memfd(struct generator *g, struct call *call)
{
	static const uint64_t odd[] = {2, 0x20, 0x80, UINT64_C(1) << 31};

	call->op = CALL_MEMFD;
	call->args[0] = strange(g) ? ONE_OF(g, odd) : below(g, 2);
	return true;
}

bool make_ftruncate(struct generator *g, struct call *call)
{
	const uint64_t page = g->machine->page_size;
	const uint64_t sizes[] = {4 * page, 16 * page, 64 * page, page, page / 2, 3 * page + 8, 0};
	const uint64_t odd[] = {UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 40};

	if (!g->book.memfd_count && !strange(g))
		return false;
	call->op = CALL_FTRUNCATE;
	call->args[0] = g->book.memfd_count && !strange(g) ? (uint64_t)g->book.memfds[below(g, g->book.memfd_count)]
							   : choose_any_fd(g);
	call->args[1] = strange(g) ? ONE_OF(g, odd) : ONE_OF(g, sizes);
	return true;
}

/* Shrinks memory, grows it in place, or moves it to a given place: where else it would go is the kernel's choice. */
bool make_mremap(struct generator *g, struct call *call)
{
	enum { MAY_MOVE = 1, MOVE_TO = 2 };
	static const uint64_t odd[] = {MOVE_TO, 8, MAY_MOVE | 8};
	const uint64_t page = g->machine->page_size;
	const struct area *area = choose_area(g, 0, false);

	if (!area)
		return false;
	call->op = CALL_MREMAP;
	call->args[0] = area->address;
	call->args[1] = area->length;
	call->args[2] = page * (1 + below(g, area->length / page));
	if (chance(g, 1, 2))
		call->args[2] = area->length + page * below(g, 8);
	if (chance(g, 1, 2)) {
		call->args[3] = MAY_MOVE | MOVE_TO;
		call->args[4] = MEMORY_FIRST + below(g, SLOT_COUNT) * SLOT_SIZE;
	}
	if (g->book.memory + call->args[2] > MEMORY_MAX)
		return false;
	if (strange(g))
		call->args[3] = ONE_OF(g, odd);
	if (strange(g))
		call->args[0] += chance(g, 1, 2) ? page / 2 : area->length;
	return true;
}

bool make_madvise(struct generator *g, struct call *call)
{
	enum { DONT_NEED = 4, DONT_FORK = 10, DO_FORK = 11 };
	static const uint64_t advices[] = {DONT_NEED, DONT_NEED, DONT_FORK, DO_FORK};

	call->op = CALL_MADVISE;
	if (!area_part(g, &call->args[0], &call->args[1]))
		return false;
	call->args[2] = ONE_OF(g, advices);
	if (strange(g))
		call->args[0] |= 0x20;
	return true;
}

bool area_part(struct generator *g, uint64_t *address, uint64_t *length)
{
	const struct area *area = choose_area(g, 0, false);
	const uint64_t page = g->machine->page_size;
	uint64_t pages;

	if (!area)
		return false;
	pages = area->length / page;
	*address = area->address;
	*length = area->length;
	if (chance(g, 1, 2)) {
		*address += page * below(g, pages);
		*length = page * (1 + below(g, pages));
	}
	return true;
}

bool make_munmap(struct generator *g, struct call *call)
{
	static const uint64_t odd[] = {0, UINT64_C(1) << 63, UINT64_MAX};

	call->op = CALL_MUNMAP;
	if (!area_part(g, &call->args[0], &call->args[1]))
		return false;
	if (strange(g) && chance(g, 1, 2))
		call->args[0] |= 1;
	else if (strange(g))
		call->args[1] = ONE_OF(g, odd);
	return true;
}

bool make_mprotect(struct generator *g, struct call *call)
{
	static const uint64_t prots[] = {PROT_R | PROT_W, PROT_R | PROT_W, PROT_R, 0};

	call->op = CALL_MPROTECT;
	if (!area_part(g, &call->args[0], &call->args[1]))
		return false;
	call->args[2] = ONE_OF(g, prots);
	if (strange(g))
		call->args[0] |= 0x10;
	return true;
}

/* Where to store or load @length bytes: in an area, across its end, or strangely nowhere. */
static uint64_t place_in_area(struct generator *g, uint32_t length)
{
	const struct area *area = choose_area(g, 0, false);
	const uint64_t page = g->machine->page_size;
	uint64_t address;

	if (!area)
		return choose_wild_address(g);
	if (strange(g))
		return area->address + area->length - below(g, length + 1);
	address = area->address + page * below(g, area->length / page);
	return address + 8 * below(g, 4);
}

bool make_poke(struct generator *g, struct call *call)
{
	uint8_t bytes[16];
	uint32_t length = 1 + (uint32_t)below(g, sizeof(bytes));

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)below(g, 256);
	call->op = CALL_POKE;
	call->args[0] = place_in_area(g, length);
	build_buffer(g, call, bytes, length);
	return true;
}

bool make_peek(struct generator *g, struct call *call)
{
	uint32_t length = 1 + (uint32_t)below(g, 32);

	call->op = CALL_PEEK;
	call->args[0] = place_in_area(g, length);
	call->args[2] = length;
	build_buffer(g, call, NULL, length);
	return true;
}
