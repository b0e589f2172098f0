/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * `vfiosim devices`: the platform devices of boards, with every region and interrupt as a row. A blob that cannot be
 * understood ends the command.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/listing.h"
#include "vfiosim/board.h"

/* No device tree is longer; what is, is refused by the reader of boards. */
#define BLOB_MAX ((size_t)2 << 20)

struct totals {
	size_t devices, regions, irqs;
};

/* The bytes of a file, as far as they matter; NULL with @diag. */
static void *read_blob(const char *path, size_t *length, struct diag *diag)
{
	FILE *file = fopen(path, "rb");
	void *bytes = file ? malloc(BLOB_MAX) : NULL;

	if (bytes)
		*length = fread(bytes, 1, BLOB_MAX, file);
	if (!bytes || ferror(file)) {
		diag_set(diag, path, 0, 0, "cannot be read: %m");
		free(bytes);
		bytes = NULL;
	}
	if (file)
		fclose(file);
	return bytes;
}

static void list_region(struct listing *listing, const char *path, const struct board_device *device, uint32_t index)
{
	const struct board_region *region = &device->regions[index];
	char what[32], from[32], where[64];
	const char *cells[] = {path, device->path, device->sysfs, what, from, device->path, where};

	snprintf(what, sizeof(what), "region %" PRIu32, index);
	snprintf(from, sizeof(from), "%s %" PRIu32, region->ranges ? "ranges" : "reg", region->start);
	snprintf(where, sizeof(where), "0x%" PRIx64 " size 0x%" PRIx64, region->address, region->size);
	listing_add(listing, cells);
}

static void list_irq(struct listing *listing, const char *path, const struct board_device *device, uint32_t index)
{
	const struct board_irq *irq = &device->irqs[index];
	char what[32], from[32], *where = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&where, &size);

	if (!out) {
		listing->failed = true;
		return;
	}
	fputs(irq->controller, out);
	for (uint32_t i = 0; i < irq->cell_count; i++)
		fprintf(out, " 0x%" PRIx32, irq->cells[i]);
	if (fclose(out) != 0 || !where) {
		listing->failed = true;
	} else {
		const char *cells[] = {path, device->path, device->sysfs, what, from, irq->path, where};

		snprintf(what, sizeof(what), "irq %" PRIu32, index);
		snprintf(from, sizeof(from), "interrupt %" PRIu32, irq->start);
		listing_add(listing, cells);
	}
	free(where);
}

static void list_device(struct listing *listing, const char *path, const struct board_device *device,
			struct totals *totals)
{
	const char *nothing[] = {path, device->path, device->sysfs, "-", "-", "-", "-"};

	for (uint32_t i = 0; i < device->region_count; i++)
		list_region(listing, path, device, i);
	for (uint32_t i = 0; i < device->irq_count; i++)
		list_irq(listing, path, device, i);
	if (!device->region_count && !device->irq_count)
		listing_add(listing, nothing);
	totals->devices++;
	totals->regions += device->region_count;
	totals->irqs += device->irq_count;
}

/* 0, or -1 with @diag. */
static int list_board(struct listing *listing, const char *path, struct totals *totals, struct diag *diag)
{
	size_t length;
	void *blob = read_blob(path, &length, diag);
	struct board *board = blob ? board_load(blob, length, path, diag) : NULL;

	free(blob);
	if (!board)
		return -1;
	for (size_t i = 0; i < board->device_count; i++)
		list_device(listing, path, &board->devices[i], totals);
	board_free(board);
	return 0;
}

enum exit_code command_devices(const struct options *options)
{
	static const char *const titles[] = {"board", "device", "sysfs", "what", "entry", "of node", "where", NULL};
	struct totals totals = {0};
	struct listing listing;
	enum exit_code code;
	struct diag diag;
	int broken = 0;

	listing_begin(&listing, titles);
	for (int i = 0; i < options->operand_count && !broken; i++)
		broken = list_board(&listing, options->operands[i], &totals, &diag);
	if (broken) {
		listing_discard(&listing);
		return bad_input(&diag);
	}
	code = listing_end(&listing, options);
	fprintf(stderr, "boards: %d, devices: %zu, regions: %zu, interrupts: %zu\n", options->operand_count,
		totals.devices, totals.regions, totals.irqs);
	return code;
}
