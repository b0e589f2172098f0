/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What is read from a board: which nodes are devices, where their regions lie, whose interrupts they have, and what
 * they are called.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"

#define SOC "/soc@ffe000000"

static struct board *load(const char *name)
{
	struct blob blob = blob_open(name);
	struct diag diag = {.text = ""};
	struct board *board = board_load(blob.bytes, blob.size, name, &diag);

	free(blob.bytes);
	cr_assert_not_null(board, "%s", diag.text);
	return board;
}

/* A device as one line: "reg 0 @address+size" and "node#start>controller cells" for each region and interrupt. */
static void describe(const struct board_device *device, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < device->region_count; i++) {
		const struct board_region *region = &device->regions[i];

		at += (size_t)snprintf(text + at, size - at, "%s%s %u @%" PRIx64 "+%" PRIx64, at ? ", " : "",
				       region->ranges ? "ranges" : "reg", region->start, region->address, region->size);
	}
	for (uint32_t i = 0; i < device->irq_count; i++) {
		const struct board_irq *irq = &device->irqs[i];

		at += (size_t)snprintf(text + at, size - at, "%s%s#%u>%s", at ? ", " : "", strrchr(irq->path, '/') + 1,
				       irq->start, strrchr(irq->controller, '/') + 1);
		for (uint32_t k = 0; k < irq->cell_count; k++)
			at += (size_t)snprintf(text + at, size - at, " %x", irq->cells[k]);
	}
	cr_assert_lt(at, size);
}

static void expect_device(const struct board *board, const char *path, const char *sysfs, const char *expected)
{
	const struct board_device *device = board_find(board, path);
	char text[1024];

	cr_assert_not_null(device, "there is no %s", path);
	describe(device, text, sizeof(text));
	cr_expect_str_eq(device->sysfs, sysfs);
	cr_expect_str_eq(text, expected, "%s: %s, expected %s", path, text, expected);
}

Test(thread, sata_has_the_region_that_reg_says)
{
	struct board *board = load("thread");

	expect_device(board, SOC "/sata@220000", "ffe220000.sata",
		      "reg 0 @ffe220000+1000, sata@220000#0>pic@40000 44 2 0 0");
	board_free(board);
}

Test(thread, crypto_has_interrupts_of_its_rings_before_its_own)
{
	struct board *board = load("thread");

	expect_device(board, SOC "/crypto@300000", "ffe300000.crypto",
		      "reg 0 @ffe300000+10000, jr@1000#0>pic@40000 58 2 0 0, jr@2000#0>pic@40000 59 2 0 0, "
		      "crypto@300000#0>pic@40000 5c 2 0 0");
	board_free(board);
}

Test(thread, dma_has_regions_of_ranges_before_those_of_reg)
{
	struct board *board = load("thread");

	expect_device(board, SOC "/dma@101300", "ffe101300.dma",
		      "ranges 0 @ffe101100+200, reg 0 @ffe101300+4, dma-channel@180#0>pic@40000 23 2 0 0, "
		      "dma-channel@100#0>pic@40000 22 2 0 0");
	board_free(board);
}

Test(thread, device_is_found_by_both_of_its_names)
{
	struct board *board = load("thread");
	const struct board_device *usb = board_find(board, SOC "/usb@210000");

	cr_assert_not_null(usb);
	cr_expect_eq(board_find(board, "/sys/bus/platform/devices/ffe210000.usb"), usb);
	cr_expect_str_eq(usb->compatible, "fsl-usb2-mph");
	cr_expect_null(board_find(board, "ffe210000.usb"));
	cr_expect_null(board_find(board, SOC "/usb@21000"));
	cr_expect_null(board_find(board, SOC "/crypto@300000/jr@1000"));
	cr_expect_null(board_find(board, ""));
	board_free(board);
}

Test(shapes, addresses_are_translated_through_every_bus)
{
	struct board *board = load("shapes");

	expect_device(board, "/high@8000000000", "8000000000.high", "reg 0 @8000000000+100000000");
	expect_device(board, "/identity/nested@100000000", "100000000.nested",
		      "reg 0 @100000000+10000, nested@100000000#0>interrupt-controller@10000 0 7 4");
	expect_device(board, "/identity/nested@100000000/first@10", "100000010.first",
		      "reg 0 @100000010+8, reg 1 @200000010+8, first@10#0>interrupt-controller@10000 0 1 4, "
		      "first@10#2>gpio@20 5");
	expect_device(board, "/select@40000000/flash@0,0", "40000000.flash", "reg 0 @40000000+4000000");
	expect_device(board, "/select@40000000/chip@3,1000", "50001000.chip", "reg 0 @50001000+20");
	expect_device(board, "/wide/part@7,8", "60002000.part", "reg 0 @60002000+20");
	board_free(board);
}

Test(shapes, what_the_processor_does_not_see_is_no_region)
{
	struct board *board = load("shapes");

	expect_device(board, "/identity/nested@100000000/nowhere@10000", "100000000.nested:nowhere@10000", "");
	expect_device(board, "/identity/nested@100000000/gpio@20", "100000020.gpio", "reg 1 @100000024+4");
	expect_device(board, "/select@40000000/none@1,0", "select@40000000:none@1,0", "");
	board_free(board);
}

Test(shapes, bridge_has_its_windows_and_bus_has_none)
{
	struct board *board = load("shapes");

	expect_device(board, "/pcie@70000000", "70000000.pcie",
		      "ranges 0 @71000000+10000, ranges 1 @4000000000+1000000000, reg 0 @70000000+1000, "
		      "pcie@70000000#0>interrupt-controller@10000 0 28 4");
	expect_device(board, "/select@40000000", "select@40000000", "");
	board_free(board);
}

Test(shapes, interrupts_below_count_and_those_of_idle_nodes_do_not)
{
	struct board *board = load("shapes");

	expect_device(board, "/i2c@a0000000", "a0000000.i2c",
		      "reg 0 @a0000000+100, touch@38#0>gpio@20 2, part#0>gpio@20 3, "
		      "i2c@a0000000#0>interrupt-controller@10000 0 32 4");
	expect_device(board, "/timer", "timer",
		      "timer#0>interrupt-controller@10000 1 d 8, timer#1>interrupt-controller@10000 1 e 8");
	board_free(board);
}

Test(shapes, disabled_bus_has_no_devices)
{
	struct board *board = load("shapes");

	cr_expect_null(board_find(board, "/identity/off@200000000"));
	cr_expect_null(board_find(board, "/identity/off@200000000/unseen@300000000"));
	cr_expect_eq(board->device_count, 16);
	board_free(board);
}
