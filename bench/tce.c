/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * TCE tables: a window of a terabyte on a bare POWER machine, filled by calls.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "vfiosim/uapi.h"

enum { PAGE = 4096, PAGE_SHIFT = 12, LARGE_PAGES = 1 << 14, ROUNDS = 5 };

#define VADDR  0x100000000000ull
#define MEMORY ((uint64_t)LARGE_PAGES * PAGE) /* registered, in bytes */
#define WINDOW (1ull << 40)

/* A container with a window, and the bus address where that begins. */
struct window {
	struct host *host;
	int64_t container;
	uint64_t first;
};

static void require(bool fine)
{
	if (!fine)
		fail("cannot set up a window");
}

/* Makes a window of a terabyte; gives its bus address. */
static uint64_t create(struct host *host, int64_t container)
{
	const struct ioctl_row *row = ioctl_by_name("VFIO_IOMMU_SPAPR_TCE_CREATE", 27);
	uint8_t bytes[40] = {0};
	struct call ioctl = {.op = CALL_IOCTL,
			     .task = 1,
			     .thread = 1,
			     .args = {(uint64_t)container, row->number},
			     .ioctl = row,
			     .has_pointer = true,
			     .buffer_count = 1,
			     .buffers = {{.length = sizeof(bytes), .in = bytes}}};
	struct vfio_iommu_spapr_tce_create request = {
	    .argsz = sizeof(bytes), .page_shift = PAGE_SHIFT, .window_size = WINDOW, .levels = 3};
	struct outcome outcome;

	struct_store(row->layout, bytes, &request, sizeof(bytes));
	host_call(host, &ioctl, NULL, &outcome);
	require(outcome.modelled && outcome.ret == 0);
	struct_load(row->layout, &request, outcome.out[0], sizeof(bytes));
	return request.start_addr;
}

static struct window window_new(void)
{
	const struct machine *machine = machine_find("powernv9-edu");
	struct call mmap = {.op = CALL_MMAP, .args = {VADDR, MEMORY, 3, 0x32, UINT64_MAX, 0}};
	struct window window;
	struct profile profile;
	uint8_t bytes[24];
	int64_t group;

	require(machine && profile_find("6.12", &profile) == 0);
	window.host = host_new(machine, &profile);
	window.container = call_open(window.host, "/dev/vfio/vfio");
	group = call_open(window.host, "/dev/vfio/0");
	bytes_put(bytes, 4, (uint64_t)window.container);
	require(call_ioctl(window.host, group, "VFIO_GROUP_SET_CONTAINER", bytes, 4, 0) == 0);
	require(call_ioctl(window.host, window.container, "VFIO_SET_IOMMU", NULL, 0, VFIO_SPAPR_TCE_v2_IOMMU) == 0);
	require(call(window.host, &mmap) == (int64_t)VADDR);
	bytes_put(bytes, 4, sizeof(bytes));
	bytes_put(bytes + 4, 4, 0);
	bytes_put(bytes + 8, 8, VADDR);
	bytes_put(bytes + 16, 8, MEMORY);
	require(call_ioctl(window.host, window.container, "VFIO_IOMMU_SPAPR_REGISTER_MEMORY", bytes, sizeof(bytes),
			   0) == 0);
	window.first = create(window.host, window.container);
	return window;
}

/* Puts @pages entries from number @entry of the window on, for memory from page @from on. */
static void put(struct window *window, uint64_t entry, uint64_t from, uint64_t pages)
{
	uint8_t bytes[32];

	bytes_put(bytes, 4, sizeof(bytes));
	bytes_put(bytes + 4, 4, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	bytes_put(bytes + 8, 8, VADDR + from * PAGE);
	bytes_put(bytes + 16, 8, window->first + entry * PAGE);
	bytes_put(bytes + 24, 8, pages * PAGE);
	if (call_ioctl(window->host, window->container, "VFIO_IOMMU_MAP_DMA", bytes, sizeof(bytes), 0))
		fail("MAP_DMA was refused");
}

/* Fills the first @entries of the window, by pieces of @pages, so that no two make one extent. */
static void fill(struct window *window, uint64_t entries, uint64_t pages)
{
	for (uint64_t i = 0; i < entries; i += pages)
		put(window, i, 0, pages);
}

enum order { IN_TURN, AT_RANDOM };

/* Seconds for one map of @pages over what is there, in the first @entries: the best of some rounds. */
static double map_cost(struct window *window, uint64_t entries, uint64_t pages, enum order order)
{
	enum { CALLS = 20000 };
	uint64_t random = 0x9e3779b97f4a7c15ull, turn = 0;
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		const double start = seconds();
		double took;

		for (int i = 0; i < CALLS; i++) {
			const uint64_t place = order == IN_TURN ? turn++ : next_random(&random);

			put(window, place % (entries / pages) * pages, place % (LARGE_PAGES / pages) * pages, pages);
		}
		took = (seconds() - start) / CALLS;
		best = took < best ? took : best;
	}
	return best;
}

/* One line for each size of a table that is filled by pieces of @filling and changed by maps of @pages. */
static void growth(const char *name, unsigned most, uint64_t filling, uint64_t pages, enum order order)
{
	static const char *const orders[] = {[IN_TURN] = "in turn", [AT_RANDOM] = "at random"};
	double first = 0;

	for (unsigned shift = 12; shift <= most; shift += 4) {
		const uint64_t entries = 1ull << shift, piece = pages < entries ? pages : entries;
		struct window window = window_new();
		double cost;

		fill(&window, entries, filling < entries ? filling : entries);
		cost = map_cost(&window, entries, piece, order);
		first = shift == 12 ? cost : first;
		printf("  %-22s %-10s 2^%-6u %12.0f %16.0f %8.2f\n", name, orders[order], shift, cost * 1e9,
		       (double)piece / cost, cost / first);
		host_free(window.host);
	}
}

/* Bytes that the C library has handed out. */
static size_t bytes_in_use(void)
{
	return mallinfo2().uordblks;
}

static void memory(void)
{
	struct window window = window_new();
	const size_t before = bytes_in_use();

	put(&window, 0, 0, 1);
	put(&window, WINDOW / PAGE / 2, 1, 1);
	put(&window, WINDOW / PAGE - 1, 2, 1);
	printf("TCE tables: a window of 1 TiB with three entries: the host has %.1f KiB, the entries took %.1f of it\n",
	       (double)bytes_in_use() / 1024, (double)(bytes_in_use() - before) / 1024);
	host_free(window.host);
}

void bench_tce(void)
{
	printf("TCE tables: one MAP_DMA over what is there, by order and by entries in the table\n");
	printf("  %-22s %-10s %-8s %12s %16s %8s\n", "call", "order", "entries", "ns per call", "entries per s",
	       "ratio");
	for (int order = IN_TURN; order <= AT_RANDOM; order++) {
		growth("of 2^14 entries", 28, LARGE_PAGES, LARGE_PAGES, (enum order)order);
		growth("of one, among large", 28, LARGE_PAGES, 1, (enum order)order);
		growth("of one, among single", 20, 1, 1, (enum order)order);
	}
	memory();
}
