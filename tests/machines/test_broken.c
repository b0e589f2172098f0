/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Broken device trees: what is wrong is refused with a message that names node and property, and nothing crashes.
 * The first tests spoil every property there is; the others one value each.
 */
#include <criterion/criterion.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../machines/machines_internal.h"
#include "editor.h"

#define EDU	"/groups/group@1/edu"
#define EDU_0	"/groups/group@2/edu-function-0"
#define EDU_1	"/groups/group@2/edu-function-1"
#define ENTROPY "/groups/group@3/entropy"

#define PINNER "/groups/group@5/pinner"
#define A_UUID "6d747479-0000-4000-8000-000000000001"

/* These may be left out; everything else has to be there. */
static const char *const optional[] = {
    "reserved",	     "cache-coherent", "unsafe-interrupts", "netdevs",	"msix-mappable", "big-endian",
    "dynamic",	     "hugepage-count", "recovery",	    "io-ports", "hugepage-size", "hashed-page-table",
    "second-window", "#address-cells", "#size-cells",	    "noiommu",	"without-table", NULL};

struct place {
	char path[256], property[64];
};

/* A group may say what its IOMMU translates, which is otherwise what the machine says; and an mdev may have no flags.
 */
static bool is_optional(const struct place *place)
{
	static const char *const of_groups[] = {"page-sizes", "aperture", "cache-coherent", "nesting-format"};
	const char *name = strrchr(place->path, '/');

	for (size_t i = 0; optional[i] != NULL; i++)
		if (strcmp(optional[i], place->property) == 0)
			return true;
	for (size_t i = 0; i < sizeof(of_groups) / sizeof(of_groups[0]); i++)
		if (strncmp(name, "/group@", 7) == 0 && strcmp(of_groups[i], place->property) == 0)
			return true;
	return strcmp(name, "/mtty") == 0 && strcmp(place->property, "flags") == 0;
}

/* What is in /board is no machine's business, but the board's: tests/boards spoils that. */
static bool is_of_board(const struct place *place)
{
	return strncmp(place->path, "/board", 6) == 0;
}

/* All properties of all nodes of @machine, in the order of the tree; @count of them. Free with free(). */
static struct place *all_places(const char *machine, size_t *count)
{
	struct editor editor = editor_open(machine);
	struct place *places = calloc(1024, sizeof(*places));
	int property;

	cr_assert_not_null(places);
	*count = 0;
	for (int node = 0; node >= 0; node = fdt_next_node(editor.blob, node, NULL)) {
		fdt_for_each_property_offset(property, editor.blob, node)
		{
			struct place *place = &places[(*count)++];
			const char *name;

			cr_assert_leq(*count, 1024);
			cr_assert_eq(fdt_get_path(editor.blob, node, place->path, sizeof(place->path)), 0);
			cr_assert_not_null(fdt_getprop_by_offset(editor.blob, property, &name, NULL));
			snprintf(place->property, sizeof(place->property), "%s", name);
			*count -= is_of_board(place);
		}
	}
	editor_close(&editor);
	return places;
}

Test(property, each_one_missing_is_refused)
{
	for (const char *const *name = machine_names(); *name != NULL; name++) {
		size_t count, deleted = 0;
		struct place *places = all_places(*name, &count);

		for (size_t i = 0; i < count; i++) {
			struct editor editor;

			if (is_optional(&places[i]))
				continue;
			editor = editor_open(*name);
			editor_delete(&editor, places[i].path, places[i].property);
			expect_refused(&editor, places[i].path, "is missing");
			editor_close(&editor);
			deleted++;
		}
		cr_expect_gt(deleted, 25);
		free(places);
	}
}

Test(property, each_one_mistyped_is_refused)
{
	for (const char *const *name = machine_names(); *name != NULL; name++) {
		size_t count;
		struct place *places = all_places(*name, &count);

		for (size_t i = 0; i < count; i++) {
			struct editor editor;

			if (places[i].property[0] == '#')
				continue;
			editor = editor_open(*name);
			editor_set_bytes(&editor, places[i].path, places[i].property, "\1\2\3", 3);
			expect_refused(&editor, places[i].path, places[i].property);
			editor_close(&editor);
		}
		free(places);
	}
}

Test(property, unknown_one_in_any_node_is_refused)
{
	size_t count;
	struct place *places = all_places("q35-multi", &count);

	for (size_t i = 0; i < count; i++) {
		struct editor editor;

		if (i > 0 && strcmp(places[i].path, places[i - 1].path) == 0)
			continue;
		editor = editor_open("q35-multi");
		editor_set_bytes(&editor, places[i].path, "sise", "", 0);
		expect_refused(&editor, places[i].path, "property \"sise\" is not one that this node may have");
		editor_close(&editor);
	}
	free(places);
}

Test(blob, truncated_anywhere_is_refused)
{
	const struct builtin *builtin = &builtin_machines[0];

	for (size_t length = 0; length < builtin->length; length++) {
		/* Exactly as much memory as there is, so that a sanitizer sees every read behind it. */
		void *copy = malloc(length + (length == 0));
		struct diag diag = {.text = ""};

		cr_assert_not_null(copy);
		memcpy(copy, builtin->blob, length);
		cr_expect_null(machine_load(copy, length, "short", &diag), "%zu bytes were taken", length);
		cr_expect_str_not_empty(diag.text);
		free(copy);
	}
}

Test(blob, any_changed_byte_is_read_without_a_crash)
{
	static const uint8_t changes[] = {0x01, 0x80, 0xff};

	for (size_t i = 0; i < builtin_count; i++) {
		const struct builtin *builtin = &builtin_machines[i];
		uint8_t *copy = malloc(builtin->length);
		size_t refused = 0;

		cr_assert_not_null(copy);
		memcpy(copy, builtin->blob, builtin->length);
		for (size_t at = 0; at < builtin->length; at++) {
			for (size_t change = 0; change < sizeof(changes); change++) {
				struct diag diag = {.text = ""};
				struct machine *machine;

				copy[at] ^= changes[change];
				machine = machine_load(copy, builtin->length, "changed", &diag);
				cr_expect(machine != NULL || diag.text[0] != '\0');
				refused += machine == NULL;
				machine_free(machine);
				copy[at] ^= changes[change];
			}
		}
		cr_expect_gt(refused, builtin->length);
		free(copy);
	}
}

Test(blob, of_absurd_size_is_refused)
{
	struct diag diag = {.text = ""};
	void *huge = calloc(1, TREE_BLOB_MAX + 1);

	cr_assert_not_null(huge);
	cr_expect_null(machine_load(huge, TREE_BLOB_MAX + 1, "huge", &diag));
	cr_expect_not_null(strstr(diag.text, "expected at most"));
	free(huge);
}

Test(blob, other_device_tree_is_refused)
{
	struct editor editor = editor_open("q35-edu");

	editor_set_bytes(&editor, "/", "compatible", "linux,dummy-virt", 17);
	expect_refused(&editor, "/", "expected \"vfiosim,machine\"");
	editor_close(&editor);
}

Test(node, missing_is_refused)
{
	static const struct {
		const char *path, *where, *what;
	} nodes[] = {
	    {"/iommu", "/", "node \"iommu\" is missing"},   {"/groups", "/", "node \"groups\" is missing"},
	    {EDU, "/groups/group@1", "no node in it"},	    {EDU "/regions", EDU, "node \"regions\" is missing"},
	    {EDU "/irqs", EDU, "node \"irqs\" is missing"},
	};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		struct editor editor = editor_open("q35-edu");

		editor_delete_node(&editor, nodes[i].path);
		expect_refused(&editor, nodes[i].where, nodes[i].what);
		editor_close(&editor);
	}
}

/* One cell that does not fit. */
static const struct {
	const char *path, *property;
	uint32_t value;
	const char *what;
} cells[] = {
    {"/", "page-size", 0, "expected 4096 to 65536"},
    {"/", "page-size", 12288, "expected a power of two"},
    {"/", "hugepage-count", 0, "expected 1 to"},
    {"/", "hugepage-count", 1025, "more than the memory holds"},
    {"/groups/group@1", "reg", 0x80000000, "expected 0 to 2147483647"},
    {"/groups/group@1/e1000", "vendor-id", 0x10000, "expected 0 to 65535"},
    {"/groups/group@1/e1000", "dma-bits", 65, "expected 1 to 64"},
    {"/groups/group@1/e1000", "dma-bits", 0, "expected 1 to 64"},
    {"/groups/group@1/e1000/regions/region@1", "reg", 2, "expected 1: indexes ascend"},
    {"/groups/group@1/e1000/regions/region@1", "reg", 64, "expected 0 to 63"},
    {"/groups/group@1/e1000/irqs/irq@4", "reg", 3, "expected 4: indexes ascend"},
    {"/groups/group@1/e1000/irqs/irq@0", "count", 4097, "expected 0 to 4096"},
};

Test(cell, out_of_bounds_is_refused)
{
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct editor editor = editor_open("q35-e1000");

		editor_set_cell(&editor, cells[i].path, cells[i].property, cells[i].value);
		expect_refused(&editor, cells[i].path, cells[i].what);
		editor_close(&editor);
	}
}

/* 64-bit numbers that do not fit, or not together. */
static const struct {
	const char *path, *property;
	uint64_t values[4];
	size_t count;
	const char *what;
} numbers[] = {
    {"/", "memory-size", {0}, 1, "expected 0x100000 to"},
    {"/", "memory-size", {UINT64_MAX}, 1, "expected 0x100000 to 0x10000000000"},
    {"/", "memory-size", {0x80000001}, 1, "expected whole MiB"},
    {"/", "hugepage-size", {0x200001}, 1, "expected whole MiB"},
    {"/iommu", "page-sizes", {0}, 1, "expected 0x1 to"},
    {"/iommu", "aperture", {1, 0}, 2, "ends before it begins"},
    {"/iommu", "aperture", {0, 1, 2, 3}, 4, "expected at most 1"},
    {"/iommu", "reserved", {0x2000, 0x1fff}, 2, "ends before it begins"},
    {"/iommu", "reserved", {0x1000, 0x1fff, 0x1fff, 0x2fff}, 4, "overlaps or comes before"},
    {"/iommu", "reserved", {0x5000, 0x5fff, 0x1000, 0x1fff}, 4, "overlaps or comes before"},
    {"/iommu", "reserved", {0x1000, 0x1fff, 0x2000}, 3, "expected pairs"},
    {EDU "/regions/region@0", "offset", {UINT64_C(1) << 63}, 1, "expected 0x0 to"},
    {EDU "/regions/region@0", "offset", {0x800}, 1, "has to begin and end at a page"},
    {EDU "/regions/region@0", "size", {0}, 1, "expected 0x1 to"},
    {EDU "/regions/region@0", "size", {UINT64_MAX}, 1, "expected 0x1 to"},
    {EDU "/regions/region@0", "size", {0x100800}, 1, "has to begin and end at a page"},
    {EDU "/regions/region@7", "size", {INT64_MAX}, 1, "expected 0x1 to"},
};

Test(number, out_of_bounds_is_refused)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		bool huge = strncmp(numbers[i].property, "hugepage", 8) == 0;
		struct editor editor = editor_open(huge ? "q35-e1000" : "q35-edu");

		editor_set_u64s(&editor, numbers[i].path, numbers[i].property, numbers[i].values, numbers[i].count);
		expect_refused(&editor, numbers[i].path, numbers[i].what);
		editor_close(&editor);
	}
}

/* Strings and lists of strings. */
static const struct {
	const char *path, *property, *bytes;
	size_t size;
	const char *what;
} strings[] = {
    {"/", "model", "", 1, "has an empty string"},
    {"/", "model", "a\0b", 4, "has several strings"},
    {"/", "model", "a\nb", 4, "not printable"},
    {"/", "summary", "no end", 6, "does not end with a NUL"},
    {"/iommu", "kind", "intell", 7, "says \"intell\", expected one of: none, intel, amd, smmuv3"},
    {"/qemu", "args", "-M q35", 7, "expected one word a string"},
    {"/qemu", "debian-arch", "riscv64", 8, "expected one of: amd64, arm64, ppc64el"},
    {EDU, "address", "00:03.0", 8, "expected a PCI address"},
    {EDU, "address", "0000:00:03.8", 13, "expected a PCI address"},
    {EDU, "address", "0000:00:20.0", 13, "expected a PCI address"},
    {EDU, "address", "0000:00:03.00", 14, "expected a PCI address"},
    {EDU, "address", "0000:0G:03.0", 13, "expected a PCI address"},
    {EDU, "driver", "vfio", 5, "expected one of: none, vfio-pci, host, pcieport"},
    {EDU, "flags", "pci\0pci", 8, "says \"pci\" twice"},
    {EDU "/regions/region@0", "flags", "read\0execute", 13, "says \"execute\", expected one of: read, write, mmap"},
};

Test(text, of_wrong_form_is_refused)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct editor editor = editor_open("q35-edu");

		editor_set_bytes(&editor, strings[i].path, strings[i].property, strings[i].bytes, strings[i].size);
		expect_refused(&editor, strings[i].path, strings[i].what);
		editor_close(&editor);
	}
}

Test(device, same_address_twice_is_refused)
{
	struct editor editor = editor_open("q35-multi");

	editor_set_bytes(&editor, EDU_1, "address", "0000:00:04.0", 13);
	expect_refused(&editor, "/groups", "device \"0000:00:04.0\" is there twice");
	editor_close(&editor);
}

Test(device, not_driven_by_vfio_has_no_regions)
{
	struct editor editor = editor_open("q35-multi");

	editor_set_bytes(&editor, EDU_0, "driver", "none", 5);
	expect_refused(&editor, EDU_0, "is not one that this node may have");
	editor_close(&editor);
}

/* The folder of the host's own driver has one name, and it is not the one that vfio-pci's has. */
Test(device, driver_of_the_host_is_named)
{
	static const struct {
		const char *name;
		size_t size;
	} wrong[] = {{"virtio/pci", 11}, {"vfio-pci", 9}};
	struct editor editor;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		editor = editor_open("q35-multi");
		editor_set_bytes(&editor, ENTROPY, "host-driver", wrong[i].name, wrong[i].size);
		expect_refused(&editor, ENTROPY, "expected a driver of the host");
		editor_close(&editor);
	}
	editor = editor_open("q35-multi");
	editor_delete(&editor, ENTROPY, "host-driver");
	expect_refused(&editor, ENTROPY, "host-driver");
	editor_close(&editor);
	editor = editor_open("q35-multi");
	editor_set_bytes(&editor, ENTROPY, "driver", "none", 5);
	expect_refused(&editor, ENTROPY, "is not one that this node may have");
	editor_close(&editor);
}

Test(devices, too_many_are_refused)
{
	struct editor editor = editor_open("q35-multi");
	char name[32];

	/* Without its regions a copy is small. */
	editor_delete_node(&editor, EDU_1 "/regions");
	editor_delete_node(&editor, EDU_1 "/irqs");
	editor.size += 1 << 18;
	editor.blob = realloc(editor.blob, editor.size);
	cr_assert_not_null(editor.blob);
	cr_assert_eq(fdt_open_into(editor.blob, editor.blob, (int)editor.size), 0);
	for (int i = 0; i < MACHINE_DEVICES_MAX; i++) {
		snprintf(name, sizeof(name), "copy-%d", i);
		editor_copy_leaf(&editor, EDU_1, "/groups/group@2", name);
	}
	expect_refused(&editor, "/groups/group@2", "more than 256 nodes");
	editor_close(&editor);
}

Test(group, same_number_twice_is_refused)
{
	struct editor editor = editor_open("q35-multi");

	editor_set_cell(&editor, "/groups/group@2", "reg", 1);
	expect_refused(&editor, "/groups/group@2", "another group has that number");
	editor_close(&editor);
}

Test(group, without_vfio_device_is_refused)
{
	struct editor editor = editor_open("q35-multi");

	editor_delete_node(&editor, "/groups/group@3/edu");
	expect_refused(&editor, "/groups/group@3", "no device with driver \"vfio-pci\"");
	editor_close(&editor);
}

Test(mdev, whose_name_is_no_uuid_is_refused)
{
	struct editor editor = editor_open("q35-mdev");

	editor_set_bytes(&editor, PINNER, "address", "0000:00:04.0", sizeof("0000:00:04.0"));
	expect_refused(&editor, PINNER, "expected a UUID");
	editor_close(&editor);
}

Test(mdev, with_a_neighbour_in_its_group_is_refused)
{
	struct editor editor = editor_open("q35-multi");

	editor_delete(&editor, EDU_1, "vendor-id");
	editor_delete(&editor, EDU_1, "device-id");
	editor_delete(&editor, EDU_1, "dma-bits");
	editor_set_bytes(&editor, EDU_1, "address", A_UUID, sizeof(A_UUID));
	editor_set_bytes(&editor, EDU_1, "driver", "mdev", sizeof("mdev"));
	editor_set_bytes(&editor, EDU_1, "parent", "mtty", sizeof("mtty"));
	editor_set_bytes(&editor, EDU_1, "type", "mtty-1", sizeof("mtty-1"));
	expect_refused(&editor, "/groups/group@2", "alone in its group");
	editor_close(&editor);
}

Test(iommu, of_no_kind_has_no_page_sizes)
{
	struct editor editor = editor_open("q35-noiommu");

	editor_set_u64s(&editor, "/iommu", "page-sizes", (const uint64_t[]){0x1000}, 1);
	expect_refused(&editor, "/iommu", "page-sizes");
	editor_close(&editor);
}

Test(regions, that_overlap_are_refused)
{
	struct editor editor = editor_open("q35-edu");
	uint64_t offset = 0x80000;

	editor_set_u64s(&editor, EDU "/regions/region@7", "offset", &offset, 1);
	expect_refused(&editor, EDU "/regions", "regions 0 and 7 overlap");
	editor_close(&editor);
}

Test(regions, too_many_are_refused)
{
	struct editor editor = editor_open("q35-edu");
	char name[32];

	for (int i = 9; i <= MACHINE_INDEXES_MAX; i++) {
		snprintf(name, sizeof(name), "region@%x", (unsigned)i);
		editor_copy_leaf(&editor, EDU "/regions/region@8", EDU "/regions", name);
	}
	expect_refused(&editor, EDU "/regions", "more than 64 nodes");
	editor_close(&editor);
}

Test(node, unknown_in_any_node_without_a_list_is_refused)
{
	static const char *const paths[] = {"/",
					    "/iommu",
					    "/iommu/tce",
					    "/qemu",
					    "/groups/group@0/edu",
					    "/groups/group@0/edu/regions/region@0",
					    "/groups/group@0/edu/irqs/irq@3"};
	char child[128];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct editor editor = editor_open("powernv9-edu");

		cr_assert_geq(fdt_add_subnode(editor.blob, editor_node(&editor, paths[i]), "extra"), 0);
		snprintf(child, sizeof(child), "%s/extra", i == 0 ? "" : paths[i]);
		expect_refused(&editor, child, "is not one that its parent may have");
		editor_close(&editor);
	}
}

Test(region, absent_or_refused_with_a_size_is_refused)
{
	uint64_t size = 0x1000;
	struct editor editor = editor_open("q35-edu");

	editor_set_u64s(&editor, EDU "/regions/region@1", "size", &size, 1);
	expect_refused(&editor, EDU "/regions/region@1", "\"size\" is not one that this node may have");
	editor_close(&editor);
	editor = editor_open("q35-edu");
	editor_set_u64s(&editor, EDU "/regions/region@8", "size", &size, 1);
	expect_refused(&editor, EDU "/regions/region@8", "\"size\" is not one that this node may have");
	editor_close(&editor);
}

Test(nesting, what_is_the_vendors_must_fit_its_members)
{
	const uint64_t vendor[] = {0x10000, 0};
	struct editor editor = editor_open("model-nesting-smmuv3");

	editor_set_u64s(&editor, "/iommu", "nesting-vendor", vendor, 2);
	expect_refused(&editor, "/iommu", "\"nesting-vendor\" is 0x10000 0x0, expected 16 bits and 8 bits");
	editor_close(&editor);
}

Test(nesting, anything_said_without_a_format_is_refused)
{
	struct editor editor = editor_open("model-nesting-vtd");

	editor_delete(&editor, "/iommu", "nesting-format");
	expect_refused(&editor, "/iommu", "\"nesting-format\" is missing, without which \"nesting-features\"");
	editor_close(&editor);
}

Test(platform, device_that_the_board_has_not_is_refused)
{
	struct editor editor = editor_open("model-devtree");

	editor_set_bytes(&editor, "/groups/group@1/sata", "address", "/soc@ffe000000/sata@0", 22);
	expect_refused(&editor, "/groups/group@1/sata", "expected the path of a device of /board");
	editor_close(&editor);
	editor = editor_open("q35-edu");
	editor_set_bytes(&editor, EDU, "driver", "vfio-platform", 14);
	expect_refused(&editor, EDU, "is not one that this node may have");
	editor_close(&editor);
}

Test(platform, device_that_is_there_twice_by_both_names_is_refused)
{
	struct editor editor = editor_open("model-devtree");

	editor_set_bytes(&editor, "/groups/group@1/sata", "address", "/sys/bus/platform/devices/ffe210000.usb", 40);
	expect_refused(&editor, "/groups", "device \"/soc@ffe000000/usb@210000\" is there twice");
	editor_close(&editor);
}

Test(platform, board_that_cannot_be_understood_is_refused)
{
	struct editor editor = editor_open("model-devtree");

	editor_set_cell(&editor, "/board", "#address-cells", 9);
	expect_refused(&editor, "/board", "\"#address-cells\" is 9, expected 0 to 4");
	editor_close(&editor);
}

Test(tce, windows_on_another_iommu_are_refused)
{
	struct editor editor = editor_open("powernv9-edu");

	editor_set_bytes(&editor, "/iommu", "kind", "intel", 6);
	expect_refused(&editor, "/iommu/tce", "is not one that its parent may have");
	editor_close(&editor);
}

Test(tce, default_window_above_4_gib_is_refused)
{
	static const uint64_t window[] = {0, UINT64_C(1) << 32};
	struct editor editor = editor_open("powernv9-edu");

	editor_set_u64s(&editor, "/iommu/tce", "default-window", window, 2);
	expect_refused(&editor, "/iommu/tce", "expected a range below 4 GiB");
	editor_close(&editor);
}

Test(name, with_control_bytes_is_printed_on_one_line)
{
	struct editor editor = editor_open("q35-edu");

	editor_set_bytes(&editor, EDU, "a\nb", "", 0);
	expect_refused(&editor, EDU, "a?b");
	editor_close(&editor);
}
