/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The built-in machines: that they are there, and that what a program sees first is what real guests answered.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "vfiosim/machine.h"

static const char *const expected_names[] = {
    "model-devtree",	 "model-nesting-smmuv3",
    "model-nesting-vtd", "model-tce",
    "model-two-iommus",	 "powernv9-edu",
    "powernv9-hash",	 "powernv9-multi",
    "pseries-edu",	 "pseries-multi",
    "q35-amd",		 "q35-e1000",
    "q35-edu",		 "q35-isa",
    "q35-mdev",		 "q35-mdev-unsafe",
    "q35-mixed",	 "q35-multi",
    "q35-noiommu",	 "q35-unsafe",
    "virt-smmuv3-edu",
};

static const struct device *device_named(const struct machine *machine, const char *name)
{
	for (size_t i = 0; i < machine->device_count; i++)
		if (strcmp(machine->devices[i].name, name) == 0)
			return &machine->devices[i];
	return NULL;
}

Test(machine_names, all_built_in_are_in_alphabetical_order)
{
	const char *const *names = machine_names();
	size_t count = sizeof(expected_names) / sizeof(expected_names[0]);

	for (size_t i = 0; i < count; i++) {
		cr_assert_not_null(names[i]);
		cr_expect_str_eq(names[i], expected_names[i]);
	}
	cr_expect_null(names[count]);
}

Test(machine_find, same_name_gives_same_machine)
{
	for (size_t i = 0; i < sizeof(expected_names) / sizeof(expected_names[0]); i++) {
		const struct machine *machine = machine_find(expected_names[i]);

		cr_assert_not_null(machine);
		cr_expect_str_eq(machine->name, expected_names[i]);
		cr_expect_eq(machine, machine_find(expected_names[i]));
	}
}

Test(machine_find, unknown_name_gives_null)
{
	cr_expect_null(machine_find("q35"));
	cr_expect_null(machine_find(""));
}

Test(machine, every_vfio_device_has_regions_and_interrupts_by_index)
{
	for (const char *const *name = machine_names(); *name != NULL; name++) {
		const struct machine *machine = machine_find(*name);

		for (size_t i = 0; i < machine->device_count; i++) {
			const struct device *device = &machine->devices[i];

			if (device->driver != DRIVER_MDEV && device->driver != DRIVER_PLATFORM) {
				cr_expect_eq(device->region_count, device_is_vfio(device) ? 9 : 0);
				cr_expect_eq(device->irq_count, device_is_vfio(device) ? 5 : 0);
			}
			for (uint32_t k = 0; k < device->region_count; k++)
				cr_expect_eq(device->regions[k].index, k);
			for (uint32_t k = 0; k < device->irq_count; k++)
				cr_expect_eq(device->irqs[k].index, k);
			if (i > 0)
				cr_expect_lt(strcmp(machine->devices[i - 1].name, device->name), 0);
		}
	}
}

Test(machine, command_line_has_memory_and_no_accelerator)
{
	for (const char *const *name = machine_names(); *name != NULL; name++) {
		const struct machine *machine = machine_find(*name);

		if (!machine->qemu_program)
			continue;
		cr_expect_not_null(strstr(machine->qemu_args, " -m 2048M"));
		cr_expect_null(strstr(machine->qemu_args, "-accel"));
		cr_expect_null(strstr(machine->qemu_args, "  "));
		cr_expect_eq(strncmp(machine->qemu_channel, "virtio-serial-pci,", 18), 0);
	}
}

Test(q35_edu, iommu_is_as_seen)
{
	const struct machine *machine = machine_find("q35-edu");

	cr_expect_str_eq(machine->arch, "x86_64");
	cr_expect_eq(machine->page_size, 4096);
	cr_expect_eq(machine->iommu, IOMMU_INTEL);
	cr_expect_eq(machine->iommu_page_sizes, 0x40201000);
	cr_expect_eq(machine->aperture.first, 0);
	cr_expect_eq(machine->aperture.last, 0xffffffffffff);
	cr_assert_eq(machine->reserved_count, 1);
	cr_expect_eq(machine->reserved[0].first, 0xfee00000);
	cr_expect_eq(machine->reserved[0].last, 0xfeefffff);
	cr_expect_not(machine->cache_coherent);
}

Test(q35_edu, device_is_as_seen)
{
	const struct machine *machine = machine_find("q35-edu");
	const struct device *edu = device_named(machine, "0000:00:03.0");

	cr_assert_not_null(edu);
	cr_expect_eq(machine->device_count, 1);
	cr_expect_eq(edu->group, 1);
	cr_expect_eq(edu->vendor, 0x1234);
	cr_expect_eq(edu->product, 0x11e8);
	cr_expect_eq(edu->flags, 2);
	cr_expect_not(edu->resettable);
	cr_expect_eq(edu->dma_bits, 28);
	cr_expect_eq(edu->regions[0].flags, 7);
	cr_expect_eq(edu->regions[0].size, 0x100000);
	cr_expect_eq(edu->regions[6].size, 0);
	cr_expect_eq(edu->regions[6].offset, UINT64_C(6) << 40);
	cr_expect_eq(edu->regions[7].size, 256);
	cr_expect(edu->regions[8].refused);
	cr_expect_eq(edu->irqs[0].flags, 7);
	cr_expect_eq(edu->irqs[1].count, 1);
	cr_expect(edu->irqs[3].refused);
}

Test(q35_e1000, huge_pages_are_on_the_kernel_command_line)
{
	const struct machine *machine = machine_find("q35-e1000");

	cr_expect_eq(machine->hugepage_count, 128);
	cr_expect_eq(machine->hugepage_size, 2 << 20);
	cr_expect_not_null(strstr(machine->append, " default_hugepagesz=2M hugepagesz=2M hugepages=128"));
	cr_expect_not_null(strstr(machine->qemu_args, " -netdev user,id=n0,restrict=on -device e1000,"));
	cr_expect_null(strstr(machine_find("q35-multi")->append, "hugepages"));
}

Test(q35_multi, groups_are_as_seen)
{
	static const struct {
		const char *name;
		uint32_t group;
		enum device_driver driver;
		const char *pci_driver;
	} expected[] = {
	    {"0000:00:03.0", 1, DRIVER_VFIO_PCI, "vfio-pci"}, {"0000:00:04.0", 2, DRIVER_VFIO_PCI, "vfio-pci"},
	    {"0000:00:04.1", 2, DRIVER_VFIO_PCI, "vfio-pci"}, {"0000:00:05.0", 3, DRIVER_NONE, NULL},
	    {"0000:01:01.0", 3, DRIVER_VFIO_PCI, "vfio-pci"}, {"0000:01:02.0", 3, DRIVER_HOST, "virtio-pci"},
	    {"0000:02:00.0", 7, DRIVER_VFIO_PCI, "vfio-pci"},
	};
	const struct machine *machine = machine_find("q35-multi");

	cr_assert_eq(machine->device_count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < machine->device_count; i++) {
		cr_expect_str_eq(machine->devices[i].name, expected[i].name);
		cr_expect_eq(machine->devices[i].group, expected[i].group);
		cr_expect_eq(machine->devices[i].driver, expected[i].driver);
		if (expected[i].pci_driver)
			cr_expect_str_eq(machine->devices[i].pci_driver, expected[i].pci_driver);
		else
			cr_expect_null(machine->devices[i].pci_driver);
	}
}

Test(q35_multi, e1000e_has_msix_capability_and_reset)
{
	const struct device *nic = device_named(machine_find("q35-multi"), "0000:02:00.0");

	cr_assert_not_null(nic);
	cr_expect(nic->resettable);
	cr_expect_eq(nic->flags, 3);
	cr_expect(nic->regions[3].msix_mappable);
	cr_expect_eq(nic->regions[3].flags, 0xf);
	cr_expect_not(nic->regions[0].msix_mappable);
	cr_expect_eq(nic->regions[7].size, 4096);
	cr_expect(nic->irqs[2].dynamic);
	cr_expect_eq(nic->irqs[2].count, 5);
	cr_expect_not(nic->irqs[3].refused);
}

Test(q35_amd, space_reaches_the_top_and_has_two_holes)
{
	const struct machine *machine = machine_find("q35-amd");

	cr_expect_eq(machine->iommu, IOMMU_AMD);
	cr_expect_eq(machine->aperture.last, UINT64_MAX);
	cr_assert_eq(machine->reserved_count, 2);
	cr_expect_eq(machine->reserved[1].first, UINT64_C(0xfd00000000));
	cr_expect_eq(machine->reserved[1].last, UINT64_C(0xffffffffff));
	cr_expect(machine->cache_coherent);
	cr_expect_eq(device_named(machine, "0000:00:04.0")->group, 2);
	cr_expect_eq(device_named(machine, "0000:00:04.1")->group, 2);
}

Test(q35_mdev, mediated_devices_have_parent_type_and_a_group_each)
{
	const struct machine *machine = machine_find("q35-mdev");
	const struct device *mtty = device_named(machine, "6d747479-0000-4000-8000-000000000001");
	const struct device *pinner = device_named(machine, "70696e6e-0000-4000-8000-000000000001");

	cr_assert_not_null(mtty);
	cr_expect_eq(mtty->group, 4);
	cr_expect_eq(mtty->driver, DRIVER_MDEV);
	cr_expect_str_eq(mtty->mdev_parent, "mtty");
	cr_expect_str_eq(mtty->mdev_type, "mtty-1");
	cr_expect_eq(mtty->flags, 2);
	cr_expect_not(mtty->resettable);
	cr_expect_eq(mtty->regions[1].flags, 3);
	cr_expect_eq(mtty->regions[1].size, 0);
	cr_assert_not_null(pinner);
	cr_expect_eq(pinner->group, 5);
	cr_expect_str_eq(pinner->mdev_type, "pinner-1");
	cr_expect(pinner->resettable);
	cr_expect_eq(pinner->region_count, 1);
	cr_expect_eq(pinner->irq_count, 0);
	cr_expect_null(device_named(machine, "0000:00:03.0")->mdev_parent);
}

Test(q35_noiommu, translates_nothing)
{
	const struct machine *machine = machine_find("q35-noiommu");

	cr_expect_eq(machine->iommu, IOMMU_NONE);
	cr_expect_eq(machine->iommu_page_sizes, 0);
	cr_expect_eq(machine->devices[1].group, 1);
	cr_expect_null(strstr(machine->qemu_args, "iommu"));
	cr_expect_not_null(strstr(machine->append, "vfio.enable_unsafe_noiommu_mode=1"));
}

Test(model_two_iommus, groups_differ_in_what_translates_for_them)
{
	const struct machine *machine = machine_find("model-two-iommus");

	cr_expect_null(machine->qemu_program);
	cr_assert_eq(machine->group_count, 8);
	for (size_t i = 0; i < machine->group_count; i++)
		cr_expect_eq(machine->groups[i].number, i + 1);
	cr_expect_eq(machine->groups[0].translation.page_sizes, machine->iommu_page_sizes);
	cr_expect_eq(machine->groups[0].translation.aperture.last, machine->aperture.last);
	cr_expect_eq(machine->groups[0].translation.reserved_count, 1);
	cr_expect_eq(machine->groups[1].translation.page_sizes, 0x201000);
	cr_expect_eq(machine->groups[1].translation.aperture.first, 0x100000);
	cr_expect_eq(machine->groups[2].translation.reserved_count, 2);
	cr_expect_eq(machine->groups[2].translation.reserved[1].first, UINT64_C(0x200000000));
	cr_expect_not(machine->groups[0].translation.cache_coherent);
	cr_expect(machine->groups[4].translation.cache_coherent);
	cr_expect_not(machine->groups[4].emulated);
	cr_expect(machine->groups[5].emulated);
}

Test(model_devtree, devices_are_those_of_the_board)
{
	const struct machine *machine = machine_find("model-devtree");
	const struct device *dma = device_named(machine, "/soc@ffe000000/dma@101300");
	const struct device *sata = device_named(machine, "/soc@ffe000000/sata@220000");

	cr_assert_not_null(machine->board);
	cr_assert_not_null(dma);
	cr_expect_eq(dma->platform, board_find(machine->board, dma->name));
	cr_expect_eq(dma->flags, 4);
	cr_expect_not(dma->resettable);
	cr_assert_eq(dma->region_count, 2);
	cr_expect_eq(dma->regions[0].offset, 0x100);
	cr_expect_eq(dma->regions[1].offset, UINT64_C(1) << 40 | 0x300);
	cr_expect_eq(dma->regions[1].flags, 3);
	cr_assert_not_null(sata);
	cr_expect_eq(sata->regions[0].flags, 7);
	cr_expect_null(machine_find("q35-edu")->board);
}

Test(model_nesting, iommus_say_what_a_guest_must_know)
{
	const struct machine *vtd = machine_find("model-nesting-vtd"), *smmuv3 = machine_find("model-nesting-smmuv3");

	cr_assert_not_null(vtd->nesting);
	cr_expect_eq(vtd->nesting->format, 1);
	cr_expect_eq(vtd->nesting->features, 7);
	cr_expect_eq(vtd->groups[0].translation.nesting, vtd->nesting);
	cr_expect_eq(vtd->groups[1].translation.nesting->pasid_bits, 4);
	cr_expect_eq(vtd->groups[1].translation.nesting->registers[0], UINT64_C(1) << 56);
	cr_expect_null(vtd->groups[3].translation.nesting);
	cr_expect_eq(smmuv3->nesting->asid_bits, 16);
	cr_expect_eq(smmuv3->nesting->table_format, 2);
	cr_assert_not_null(smmuv3->groups[1].translation.nesting);
	cr_expect_eq(smmuv3->groups[1].translation.nesting->format, 0);
	cr_expect_null(machine_find("q35-edu")->nesting);
}

Test(model_tce, one_group_has_no_table)
{
	const struct machine *machine = machine_find("model-tce");

	cr_assert_eq(machine->group_count, 3);
	cr_expect(machine_has_tce(machine));
	cr_expect_not(machine_has_tce(machine_find("q35-edu")));
	cr_expect_not(machine->groups[0].tableless);
	cr_expect(machine->groups[2].tableless);
	cr_expect_eq(machine->tce.default_window.first, 0x8000000);
}

Test(q35_unsafe, interrupts_are_not_isolated)
{
	cr_expect(machine_find("q35-unsafe")->unsafe_interrupts);
	cr_expect(machine_find("q35-mdev-unsafe")->unsafe_interrupts);
	cr_expect_not(machine_find("q35-edu")->unsafe_interrupts);
}

Test(tce_machines, windows_are_as_seen)
{
	const struct machine *powernv = machine_find("powernv9-edu");
	const struct machine *pseries = machine_find("pseries-edu");

	cr_expect_eq(powernv->iommu, IOMMU_SPAPR_POWERNV);
	cr_expect_eq(powernv->tce.default_window.last, 0x7fffffff);
	cr_expect_eq(powernv->aperture.last, 0x7fffffff);
	cr_expect_eq(powernv->tce.levels, 5);
	cr_expect_eq(powernv->iommu_page_sizes, 0x40211000);
	cr_expect(powernv->devices[0].resettable);
	cr_expect(powernv->devices[0].big_endian);
	cr_expect_eq(powernv->devices[0].dma_bits, 64);
	cr_expect_not(device_named(machine_find("q35-edu"), "0000:00:03.0")->big_endian);
	cr_expect_eq(pseries->iommu, IOMMU_SPAPR_PSERIES);
	cr_expect_eq(pseries->tce.default_window.last, 0x3fffffff);
	cr_expect_eq(pseries->tce.second_window, UINT64_C(0x800000000000000));
	cr_expect_eq(pseries->tce.windows, 2);
	cr_expect_eq(pseries->tce.levels, 1);
	cr_expect_str_eq(pseries->devices[0].name, "0001:00:00.0");
	cr_expect_not(pseries->devices[0].resettable);
}

Test(powernv9_hash, huge_pages_are_of_16_mib)
{
	const struct machine *machine = machine_find("powernv9-hash");

	cr_expect(machine->hashed_page_table);
	cr_expect_not(machine_find("powernv9-edu")->hashed_page_table);
	cr_expect_not(machine_find("pseries-edu")->hashed_page_table);
	cr_expect_eq(machine->hugepage_size, 16 << 20);
	cr_expect_eq(machine->iommu_page_sizes, machine_find("powernv9-edu")->iommu_page_sizes);
	cr_expect_not_null(strstr(machine->append, " disable_radix default_hugepagesz=16M hugepagesz=16M hugepages=8"));
}

Test(virt_smmuv3_edu, doorbell_is_reserved)
{
	const struct machine *machine = machine_find("virt-smmuv3-edu");

	cr_expect_eq(machine->iommu, IOMMU_SMMUV3);
	cr_assert_eq(machine->reserved_count, 1);
	cr_expect_eq(machine->reserved[0].first, 0x8000000);
	cr_expect_eq(machine->reserved[0].last, 0x80fffff);
	cr_expect_eq(machine->tce.windows, 0);
	cr_expect_str_eq(machine->debian_arch, "arm64");
}
