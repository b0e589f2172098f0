/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Speed, as figures, ratios and growth: what one call costs the model as mappings pile up
 * and as they get larger, and how fast traces are read and judged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "vfiosim/judge.h"
#include "vfiosim/trace.h"
#include "vfiosim/uapi.h"

enum { MAPPING_STRIDE = 8192, PAGE = 4096, ROUNDS = 5, SHORT_ROUNDS = 200 };

#define IOVA_BASE  0x100000000ull
#define VADDR_BASE 0x100000000000ull

/* ---- the model ------------------------------------------------------------------------------ */

struct driver {
	struct host *host;
	int64_t container;
	const struct ioctl_row *map, *unmap;
};

/* A host whose container is ready for mappings, with a terabyte of memory to map. */
static struct driver driver_new(void)
{
	const struct machine *machine = machine_find("q35-edu");
	struct profile profile;
	struct driver driver;
	uint8_t fd[4];
	int64_t group;
	struct call mmap = {.op = CALL_MMAP, .args = {VADDR_BASE, 1ull << 40, 3, 0x32, UINT64_MAX, 0}};

	if (!machine || profile_find("6.12", &profile))
		fail("no machine q35-edu or no profile 6.12");
	profile_set(&profile, "dma_entry_limit", "8388608");
	driver.host = host_new(machine, &profile);
	driver.container = call_open(driver.host, "/dev/vfio/vfio");
	group = -1;
	for (unsigned i = 0; i < machine->device_count && group < 0; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/dev/vfio/%u", machine->devices[i].group);
		group = call_open(driver.host, path);
	}
	bytes_put(fd, 4, (uint64_t)driver.container);
	if (call_ioctl(driver.host, group, "VFIO_GROUP_SET_CONTAINER", fd, 4, 0) ||
	    call_ioctl(driver.host, driver.container, "VFIO_SET_IOMMU", NULL, 0, VFIO_TYPE1v2_IOMMU) ||
	    call(driver.host, &mmap) != (int64_t)VADDR_BASE)
		fail("cannot set up a container");
	driver.map = ioctl_by_name("VFIO_IOMMU_MAP_DMA", 18);
	driver.unmap = ioctl_by_name("VFIO_IOMMU_UNMAP_DMA", 20);
	return driver;
}

static void map(struct driver *driver, uint64_t iova, uint64_t vaddr, uint64_t size)
{
	uint8_t bytes[32];

	bytes_put(bytes, 4, sizeof(bytes));
	bytes_put(bytes + 4, 4, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	bytes_put(bytes + 8, 8, vaddr);
	bytes_put(bytes + 16, 8, iova);
	bytes_put(bytes + 24, 8, size);
	if (call_ioctl(driver->host, driver->container, driver->map->name, bytes, sizeof(bytes), 0))
		fail("MAP_DMA was refused");
}

static void unmap(struct driver *driver, uint64_t iova, uint64_t size)
{
	uint8_t bytes[24];

	bytes_put(bytes, 4, sizeof(bytes));
	bytes_put(bytes + 4, 4, 0);
	bytes_put(bytes + 8, 8, iova);
	bytes_put(bytes + 16, 8, size);
	if (call_ioctl(driver->host, driver->container, driver->unmap->name, bytes, sizeof(bytes), 0))
		fail("UNMAP_DMA was refused");
}

enum order { IN_TURN, AT_RANDOM };

/*
 * Seconds for one unmap and map among @live mappings: the best of some rounds. In turn, the oldest mapping goes and
 * a new one comes behind the newest, as drivers with rings of buffers do; at random, nothing is where it was before.
 */
static double pair_cost(uint64_t live, enum order order)
{
	enum { PAIRS = 5000 };
	struct driver driver = driver_new();
	uint64_t random = 0x9e3779b97f4a7c15ull, oldest = 0;
	double best = 1e9;

	for (uint64_t i = 0; i < live; i++)
		map(&driver, IOVA_BASE + i * MAPPING_STRIDE, VADDR_BASE + i * PAGE, PAGE);
	for (int round = 0; round < SHORT_ROUNDS; round++) {
		double start = seconds(), took;

		for (int i = 0; i < PAIRS; i++) {
			uint64_t gone = order == IN_TURN ? oldest++ : next_random(&random) % live;
			uint64_t come = order == IN_TURN ? gone + live : gone;

			unmap(&driver, IOVA_BASE + gone * MAPPING_STRIDE, PAGE);
			map(&driver, IOVA_BASE + come * MAPPING_STRIDE, VADDR_BASE + come % live * PAGE, PAGE);
		}
		took = (seconds() - start) / PAIRS;
		best = took < best ? took : best;
	}
	host_free(driver.host);
	return best;
}

/* Seconds for one map when @pieces pieces of @size bytes are mapped one after another. */
static double piece_cost(uint64_t size, uint64_t pieces)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS * 20; round++) {
		struct driver driver = driver_new();
		double start = seconds(), took;

		for (uint64_t i = 0; i < pieces; i++)
			map(&driver, IOVA_BASE + i * size, VADDR_BASE + i * size, size);
		took = (seconds() - start) / (double)pieces;
		best = took < best ? took : best;
		host_free(driver.host);
	}
	return best;
}

static void bench_model(void)
{
	static const struct {
		const char *name;
		uint64_t live;
	} sizes[] = {{"1 k", 1000}, {"64 k", 65535}, {"1 M", 1000000}};
	static const char *const orders[] = {[IN_TURN] = "in turn", [AT_RANDOM] = "at random"};
	double small, large;

	printf("model: one unmap and map, by live mappings and by order\n");
	printf("  %-10s %-8s %12s %14s %8s\n", "order", "live", "ns per pair", "calls per s", "ratio");
	for (int order = IN_TURN; order <= AT_RANDOM; order++) {
		double first = 0;

		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			double cost = pair_cost(sizes[i].live, (enum order)order);

			first = i ? first : cost;
			printf("  %-10s %-8s %12.0f %14.0f %8.2f\n", orders[order], sizes[i].name, cost * 1e9, 2 / cost,
			       cost / first);
		}
	}
	small = piece_cost(PAGE, 256);
	large = piece_cost(4ull << 30, 256);
	printf("model: 256 maps one after another, by size of the piece\n");
	printf("  %-8s %12.0f ns per call\n", "4 KiB", small * 1e9);
	printf("  %-8s %12.0f ns per call, ratio %.2f (1 TiB in all)\n", "4 GiB", large * 1e9, large / small);
}

/* ---- traces --------------------------------------------------------------------------------- */

static void expect(bool fine, const struct diag *diag)
{
	if (fine)
		return;
	diag_print(diag);
	exit(2);
}

/* Writes a trace over and over into a larger one, without compression; gives the events written. */
static uint64_t multiply(const char *path, const char *larger, struct trace_header *header)
{
	enum { LEAST_EVENTS = 2000000 };
	struct trace_writer *writer = NULL;
	struct diag diag;
	uint64_t events = 0;

	while (events < LEAST_EVENTS) {
		struct trace_reader *reader = trace_open(path, &diag);
		enum trace_item item;
		struct event event;

		expect(reader != NULL, &diag);
		*header = *trace_header(reader);
		if (!writer)
			writer = trace_create(larger, header, &diag);
		expect(writer != NULL, &diag);
		while ((item = trace_next(reader, &event, &diag)) != TRACE_END) {
			expect(item != TRACE_ERROR, &diag);
			if (item == TRACE_RUN)
				trace_write_run(writer, trace_run_name(reader), NULL);
			else if (item == TRACE_EVENT && trace_write_event(writer, &event) == 0)
				events++;
		}
		trace_close(reader);
	}
	expect(trace_commit(writer, &diag) == 0, &diag);
	return events;
}

/* Seconds to read a trace, and to judge it if there is a judge. */
static double read_through(const char *path, struct judge *judge)
{
	struct diag diag;
	double start = seconds();
	struct trace_reader *reader = trace_open(path, &diag);
	enum trace_item item;
	struct event event;

	expect(reader != NULL, &diag);
	while ((item = trace_next(reader, &event, &diag)) != TRACE_END) {
		struct finding finding;

		expect(item != TRACE_ERROR, &diag);
		if (!judge)
			continue;
		if (item == TRACE_RUN)
			judge_begin_run(judge);
		else if (item == TRACE_EVENT && judge_event(judge, &event, &finding) != VERDICT_CONFORMS)
			fail("the trace does not conform");
	}
	trace_close(reader);
	return seconds() - start;
}

static void bench_trace(const char *path)
{
	char larger[] = "/tmp/vfiosim-bench-XXXXXX.trace";
	struct trace_header header;
	struct profile profile;
	struct judge *judge;
	struct stat status;
	double parse, judging, megabytes, events;
	int fd = mkstemps(larger, 6);

	if (fd < 0)
		fail("cannot make a temporary file");
	events = (double)multiply(path, larger, &header);
	if (stat(larger, &status))
		fail("cannot see the temporary file");
	close(fd);
	if (profile_find(header.profile, &profile) || !machine_find(header.machine))
		fail("the trace has no known profile or machine");
	parse = read_through(larger, NULL);
	judge = judge_new(machine_find(header.machine), &profile);
	judging = read_through(larger, judge);
	judge_free(judge);
	unlink(larger);
	megabytes = (double)status.st_size / 1e6;
	printf("traces: %s, many times over: %.0f MB, %.0f events\n", path, megabytes, events);
	printf("  parse          %8.0f MB/s %12.0f events/s\n", megabytes / parse, events / parse);
	printf("  parse + judge  %8.0f MB/s %12.0f events/s\n", megabytes / judging, events / judging);
}

int main(int argc, char **argv)
{
	bench_model();
	bench_tce();
	for (int i = 1; i < argc; i++)
		bench_trace(argv[i]);
	return 0;
}
