/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The ioctl table: look-ups, and what the data must keep to that the compiler cannot see.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vfiosim/ioctl.h"
#include "vfiosim/uapi.h"

/* Every struct, by the name that structs.def gives it. */
static const char *const struct_names[] = {
#define STRUCT(name, size, since) #name,
#include "vfiosim/uapi/structs.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct struct_desc *struct_at(size_t i)
{
	return struct_by_name(struct_names[i], strlen(struct_names[i]));
}

/* A byte that differs from its neighbours and is not zero. */
static uint8_t pattern(size_t i)
{
	return (uint8_t)(0x81 + i * 7);
}

Test(ioctl_by_name, every_row_finds_itself)
{
	for (size_t i = 0; i < ioctl_count; i++)
		cr_expect_eq(ioctl_by_name(ioctl_table[i].name, strlen(ioctl_table[i].name)), &ioctl_table[i], "%s",
			     ioctl_table[i].name);
}

Test(ioctl_by_name, other_names_find_nothing)
{
	static char endless[70000];

	memset(endless, 'V', sizeof(endless));
	cr_expect_null(ioctl_by_name("", 0));
	cr_expect_null(ioctl_by_name("VFIO_IOMMU_MAP_DMA", strlen("VFIO_IOMMU_MAP_DM")), "cut short");
	cr_expect_null(ioctl_by_name("VFIO_IOMMU_MAP_DMA,", strlen("VFIO_IOMMU_MAP_DMA,")), "too long");
	cr_expect_null(ioctl_by_name("vfio_iommu_map_dma", strlen("vfio_iommu_map_dma")), "lower case");
	cr_expect_null(ioctl_by_name("VFIO_IOMMU_MAP_DM\0", strlen("VFIO_IOMMU_MAP_DMA")), "embedded NUL");
	cr_expect_null(ioctl_by_name(endless, sizeof(endless)));
	cr_expect_null(ioctl_by_name(endless, 256 + strlen("VFIO_IOMMU_MAP_DMA")), "length beyond a byte");
}

Test(ioctl_by_name, length_limits_the_name)
{
	const char *text = "VFIO_IOMMU_MAP_DMA, {argsz=32}";

	cr_expect_str_eq(ioctl_by_name(text, strlen("VFIO_IOMMU_MAP_DMA"))->name, "VFIO_IOMMU_MAP_DMA");
}

Test(ioctl_by_number, every_row_finds_itself)
{
	for (size_t i = 0; i < ioctl_count; i++)
		cr_expect_eq(ioctl_by_number(ioctl_table[i].number, ioctl_table[i].owner), &ioctl_table[i], "%s",
			     ioctl_table[i].name);
}

Test(ioctl_by_number, collision_is_resolved_by_owner)
{
	static const struct {
		unsigned n;
		enum ioctl_owner owner;
		const char *name;
	} cases[] = {
	    {12, OWNER_DEVICE, "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO"},
	    {12, OWNER_TYPE1, "VFIO_IOMMU_GET_INFO"},
	    {12, OWNER_SPAPR, "VFIO_IOMMU_SPAPR_TCE_GET_INFO"},
	    {13, OWNER_DEVICE, "VFIO_DEVICE_PCI_HOT_RESET"},
	    {13, OWNER_TYPE1, "VFIO_IOMMU_MAP_DMA"},
	    {17, OWNER_DEVICE, "VFIO_DEVICE_FEATURE"},
	    {17, OWNER_TYPE1, "VFIO_IOMMU_DIRTY_PAGES"},
	    {17, OWNER_SPAPR, "VFIO_IOMMU_SPAPR_REGISTER_MEMORY"},
	    {12, OWNER_TCE_PUT, "VFIO_IOMMU_SPAPR_TCE_GET_INFO_2012"},
	    {13, OWNER_TCE_PUT, "VFIO_IOMMU_SPAPR_TCE_PUT"},
	    {21, OWNER_MIGRATION, "VFIO_MIG_GET_PRECOPY_INFO"},
	    {21, OWNER_SPAPR, "VFIO_EEH_PE_OP"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		cr_expect_str_eq(ioctl_by_number(VFIO_IOCTL_NUMBER(cases[i].n), cases[i].owner)->name, cases[i].name);
}

Test(ioctl_by_number, iommu_container_has_the_wider_owners_rows)
{
	cr_expect_str_eq(ioctl_by_number(VFIO_GET_API_VERSION, OWNER_TYPE1)->name, "VFIO_GET_API_VERSION");
	cr_expect_str_eq(ioctl_by_number(VFIO_SET_IOMMU, OWNER_SPAPR)->name, "VFIO_SET_IOMMU");
	cr_expect_str_eq(ioctl_by_number(VFIO_IOMMU_MAP_DMA, OWNER_SPAPR)->name, "VFIO_IOMMU_MAP_DMA");
	cr_expect_str_eq(ioctl_by_number(VFIO_IOMMU_UNMAP_DMA, OWNER_SPAPR)->name, "VFIO_IOMMU_UNMAP_DMA");
	cr_expect_str_eq(ioctl_by_number(VFIO_SET_IOMMU, OWNER_TCE_PUT)->name, "VFIO_SET_IOMMU");
	cr_expect_null(ioctl_by_number(VFIO_IOMMU_UNMAP_DMA, OWNER_TCE_PUT));
	cr_expect_null(ioctl_by_number(VFIO_IOMMU_MAP_DMA, OWNER_CONTAINER));
	cr_expect_null(ioctl_by_number(VFIO_IOMMU_ENABLE, OWNER_TYPE1));
	cr_expect_null(ioctl_by_number(VFIO_GET_API_VERSION, OWNER_GROUP));
	cr_expect_null(ioctl_by_number(VFIO_GET_API_VERSION, OWNER_DEVICE));
}

Test(ioctl_by_number, other_numbers_find_nothing)
{
	/* The number with a direction, with a size, with both, and of another type. */
	static const uint32_t others[] = {0x20003b71, 0x40043b71, 0xc0203b71, 0x3c71, UINT32_MAX};

	for (size_t i = 0; i < COUNT(others); i++)
		cr_expect_null(ioctl_by_number(others[i], OWNER_TYPE1), "%#x", others[i]);
	for (uint32_t number = 0; number <= UINT16_MAX; number++) {
		for (unsigned owner = 0; owner < OWNER_COUNT; owner++) {
			const struct ioctl_row *row = ioctl_by_number(number, (enum ioctl_owner)owner);
			cr_assert(row == NULL || row->number == number, "%#x", number);
		}
	}
	cr_expect_null(ioctl_by_number(VFIO_IOMMU_MAP_DMA, OWNER_COUNT));
}

Test(ioctl_table, rows_are_complete_and_consistent)
{
	static const char *const versions[] = {"proposal", "5.10", "6.1", "6.12", "7.2", ""};

	for (size_t i = 0; i < ioctl_count; i++) {
		const struct ioctl_row *row = &ioctl_table[i];
		size_t since = 0, until = 0;
		while (strcmp(versions[since], row->since) != 0)
			since++;
		while (strcmp(versions[until], row->until) != 0)
			until++;
		cr_expect(since <= until && row->since[0] != '\0', "%s: gone before it came", row->name);
		cr_expect_eq(strncmp(row->name, "IOMMU_", 6) == 0, row->owner == OWNER_IOMMUFD, "%s", row->name);
		cr_expect(strncmp(row->name, "VFIO_", 5) == 0 || row->owner == OWNER_IOMMUFD, "%s", row->name);
		cr_expect_gt(strlen(row->summary), 0, "%s: no summary", row->name);
		cr_expect_eq(row->arg == ARG_NONE, row->direction == DIR_NONE, "%s: direction", row->name);
		cr_expect_eq(row->arg == ARG_STRUCT, row->layout != NULL, "%s: layout", row->name);
		cr_expect_eq(row->arg == ARG_STRUCT, row->minsz != 0, "%s: minsz", row->name);
		cr_expect_eq(row->arg == ARG_VALUE, row->values != NULL, "%s: values", row->name);
		if (row->layout != NULL)
			cr_expect_str_eq(row->layout->fields[0].name, "argsz", "%s", row->name);
	}
}

Test(ioctl_table, every_owner_has_a_name_and_answers_a_row)
{
	for (unsigned owner = 0; owner < OWNER_COUNT; owner++) {
		size_t rows = 0;
		for (size_t i = 0; i < ioctl_count; i++)
			rows += ioctl_by_number(ioctl_table[i].number, (enum ioctl_owner)owner) == &ioctl_table[i];
		cr_expect_gt(rows, 0, "owner %u answers no ioctl", owner);
		cr_expect_gt(strlen(ioctl_owner_names[owner]), 0);
	}
}

Test(struct_by_name, finds_whole_names_only)
{
	cr_expect_str_eq(struct_at(0)->name, struct_names[0]);
	cr_expect_eq(struct_by_name("vfio_bitmap, ...", strlen("vfio_bitmap"))->size, 24);
	cr_expect_null(struct_by_name("vfio_bitma", strlen("vfio_bitma")));
	cr_expect_null(struct_by_name("vfio_bitmaps", strlen("vfio_bitmaps")));
	cr_expect_null(struct_by_name("vfio_bitmap\0x", strlen("vfio_bitmap") + 2), "embedded NUL");
	cr_expect_null(struct_by_name("", 0));
}

Test(structs, fields_follow_each_other_and_have_unique_names)
{
	for (size_t i = 0; i < COUNT(struct_names); i++) {
		const struct struct_desc *desc = struct_at(i);
		uint32_t end = 0;
		for (size_t f = 0; f < desc->field_count; f++) {
			const struct field_desc *field = &desc->fields[f];
			cr_expect_eq(field->offset, end, "%s.%s", desc->name, field->name);
			cr_expect_eq(field->set != NULL, field->show == SHOW_SET || field->show == SHOW_ENUM);
			end = field->offset + (uint32_t)field->width * field->count;
			for (size_t other = 0; other < f; other++)
				cr_expect_str_neq(field->name, desc->fields[other].name, "%s", desc->name);
			cr_expect(desc->flex_name == NULL || strcmp(field->name, desc->flex_name) != 0);
		}
		cr_expect_eq(end, desc->size, "%s", desc->name);
		cr_expect_eq(desc->flex == FLEX_STRUCT, desc->flex_struct != NULL, "%s", desc->name);
		cr_expect_eq(desc->flex == FLEX_CAPS, desc->caps != NULL, "%s", desc->name);
		cr_expect_eq(desc->flex == FLEX_NONE, desc->flex_name == NULL, "%s", desc->name);
	}
}

Test(structs, capabilities_begin_with_a_header_and_agree_with_their_set)
{
	size_t checked = 0;

	for (size_t i = 0; i < COUNT(struct_names); i++) {
		const struct struct_desc *desc = struct_at(i);
		for (const struct cap_desc *cap = desc->caps; cap != NULL && cap->name != NULL; cap++) {
			const struct field_desc *fields = cap->layout->fields;
			cr_assert_geq(cap->layout->field_count, 3);
			cr_expect(strcmp(fields[0].name, "id") == 0 && fields[0].offset == 0 && fields[0].width == 2);
			cr_expect(strcmp(fields[1].name, "version") == 0 && fields[1].width == 2);
			cr_expect(strcmp(fields[2].name, "next") == 0 && fields[2].width == 4);
			if (fields[0].set != NULL) {
				uint64_t id;
				cr_assert(value_set_find(fields[0].set, cap->name, strlen(cap->name), &id), "%s",
					  cap->name);
				cr_expect_eq(id, cap->id, "%s", cap->name);
			}
			/* Kernels use each id once; the proposal of nesting has one that 5.10 then took. */
			for (const struct cap_desc *other = desc->caps; other != cap; other++)
				cr_expect(other->id != cap->id || strcmp(cap->name, "NESTING") == 0, "%s: id of %s",
					  cap->name, other->name);
			checked++;
		}
	}
	cr_expect_geq(checked, 13);
}

/* The buffers are allocated anew at every length, so that a sanitizer sees a byte too far. */
Test(struct_load, then_store_gives_every_payload_back)
{
	for (size_t i = 0; i < COUNT(struct_names); i++) {
		const struct struct_desc *desc = struct_at(i);
		for (size_t length = 0; length <= desc->size; length++) {
			uint8_t *object = calloc(1, desc->size);
			uint8_t *bytes = malloc(length + 1), *back = malloc(length + 1);
			size_t whole = 0;
			for (size_t f = 0; f < desc->field_count; f++) {
				const struct field_desc *field = &desc->fields[f];
				size_t end = field->offset + (size_t)field->width * field->count;
				whole = end <= length ? end : whole;
			}
			for (size_t at = 0; at < length; at++) {
				bytes[at] = pattern(at);
				back[at] = 0;
			}
			struct_load(desc, object, bytes, length);
			struct_store(desc, back, object, length);
			cr_expect_arr_eq(back, bytes, whole, "%s, %zu bytes", desc->name, length);
			for (size_t at = whole; at < length; at++)
				cr_expect_eq(back[at], 0, "%s: part of a field was stored", desc->name);
			for (size_t at = whole; at < desc->size; at++)
				cr_expect_eq(object[at], 0, "%s: part of a field was loaded", desc->name);
			free(object);
			free(bytes);
			free(back);
		}
	}
}

Test(struct_load, reads_little_endian_fields)
{
	static const uint8_t bytes[32] = {32, 0, 0, 0, 3, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 1};
	struct vfio_iommu_type1_dma_map map = {.size = 77};

	struct_load(struct_by_name("vfio_iommu_type1_dma_map", 24), &map, bytes, 24);
	cr_expect_eq(map.argsz, 32);
	cr_expect_eq(map.flags, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	cr_expect_eq(map.vaddr, 0x0102030405060708u);
	cr_expect_eq(map.iova, 0x10000);
	cr_expect_eq(map.size, 77, "beyond the length: left as it was");
}

Test(struct_store, writes_narrow_and_signed_fields)
{
	static const uint8_t expected[12] = {0xfe, 0xff, 0xff, 0xff, 0x34, 0x12, 0xab, 0xcd, 9, 9, 9, 9};
	struct vfio_pci_dependent_device device = {.id = (uint32_t)-2, .segment = 0x1234, .bus = 0xab, .devfn = 0xcd};
	uint8_t bytes[12] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};

	struct_store(struct_by_name("vfio_pci_dependent_device", 25), bytes, &device, sizeof(bytes));
	cr_expect_arr_eq(bytes, expected, sizeof(expected), "nothing is stored beyond the struct");
}

Test(bytes, put_then_get_is_the_identity_modulo_width)
{
	static const unsigned widths[] = {1, 2, 4, 8};
	const uint64_t value = 0xf1e2d3c4b5a69788;

	for (size_t i = 0; i < COUNT(widths); i++) {
		uint8_t bytes[9];
		memset(bytes, 0x55, sizeof(bytes));
		bytes_put(bytes, widths[i], value);
		cr_expect_eq(bytes_get(bytes, widths[i]), value & UINT64_MAX >> (64 - widths[i] * 8));
		cr_expect_eq(bytes[0], 0x88);
		cr_expect_eq(bytes[widths[i]], 0x55, "one byte too far");
	}
}

Test(ioctl_table, redirect_moves_pointers_in_the_struct_and_behind_it_and_nothing_else)
{
	const struct struct_desc *map = struct_by_name("vfio_iommu_type1_dma_map", 24);
	const struct struct_desc *unmap = struct_by_name("vfio_iommu_type1_dma_unmap", 26);
	uint8_t bytes[72] = {0};

	/* vaddr is a pointer, iova is not. */
	bytes_put(bytes + 8, 8, 0x1000);
	bytes_put(bytes + 16, 8, 0x1000);
	struct_redirect(map, bytes, 32, 0x1000, 0x2000);
	cr_expect_eq(bytes_get(bytes + 8, 8), 0x2000);
	cr_expect_eq(bytes_get(bytes + 16, 8), 0x1000);
	struct_redirect(map, bytes, 15, 0x2000, 0x3000);
	cr_expect_eq(bytes_get(bytes + 8, 8), 0x2000, "a pointer that is cut off is left alone");

	/* Two bitmaps behind the struct, the second without its last byte. */
	memset(bytes, 0, sizeof(bytes));
	bytes_put(bytes + 40, 8, 0x1000);
	bytes_put(bytes + 64, 8, 0x1000);
	struct_redirect(unmap, bytes, 71, 0x1000, 0x2000);
	cr_expect_eq(bytes_get(bytes + 40, 8), 0x2000);
	cr_expect_eq(bytes_get(bytes + 64, 8), 0x1000);
}
