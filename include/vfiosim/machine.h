/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Machines: what hardware the model and the virtual machines have.
 *
 * A machine is a device tree (machines/NAME.dts, compiled by dtc and built into the
 * program). The same file says what the model needs (devices, IOMMU groups, IOMMU,
 * reserved ranges) and how QEMU makes that machine, so that both cannot drift apart.
 * docs/HOWTO_ADD_MACHINE.md describes every property.
 */
#ifndef VFIOSIM_MACHINE_H
#define VFIOSIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfiosim/board.h"
#include "vfiosim/diag.h"

enum iommu_kind { IOMMU_NONE, IOMMU_INTEL, IOMMU_AMD, IOMMU_SMMUV3, IOMMU_SPAPR_POWERNV, IOMMU_SPAPR_PSERIES };

/* Who drives a device when the program starts. */
enum device_driver { DRIVER_NONE, DRIVER_VFIO_PCI, DRIVER_HOST, DRIVER_PCIEPORT, DRIVER_MDEV, DRIVER_PLATFORM };

/* Bytes of a page that some kernel of a machine has. */
enum { MACHINE_PAGE_LEAST = 4096, MACHINE_PAGE_MOST = 65536 };

struct iova_range {
	uint64_t first, last; /* inclusive */
};

struct region {
	uint32_t index;
	uint32_t flags;	    /* VFIO_REGION_INFO_FLAG_* */
	uint64_t size;	    /* bytes; 0: the region is not there */
	uint64_t offset;    /* in the device fd */
	bool io_ports;	    /* a BAR of I/O ports, not of memory */
	bool msix_mappable; /* has the MSIX_MAPPABLE capability */
	bool refused;	    /* GET_REGION_INFO answers EINVAL; all else is 0 */
};

struct irq {
	uint32_t index;
	uint32_t flags; /* VFIO_IRQ_INFO_*, as kernels without dynamic MSI-X tell them */
	uint32_t count;
	bool dynamic; /* MSI-X whose vectors can be added one by one: newer kernels (6.5) leave NORESIZE out */
	bool refused; /* GET_IRQ_INFO answers EINVAL; all else is 0 */
};

struct device {
	const char
	    *name; /* "0000:00:03.0", or the UUID of a mediated device: the name that GROUP_GET_DEVICE_FD takes */
	const char *model; /* what it is, e.g. "edu", "e1000" */
	uint32_t group;	   /* number of its IOMMU group */
	enum device_driver driver;
	uint16_t vendor, product; /* of a PCI device; 0 with DRIVER_MDEV */
	uint32_t flags;		  /* VFIO_DEVICE_FLAGS_* */
	bool resettable;
	uint32_t region_count, irq_count; /* as DEVICE_GET_INFO tells them */
	const struct region *regions;	  /* region_count of them, by index */
	const struct irq *irqs;		  /* irq_count of them, by index */
	uint32_t dma_bits; /* width of the addresses that the device can put on the bus; 0: it has no DMA of its own */
	bool big_endian;   /* the first byte of a register is its most significant one */
	/* A mediated device: its parent in /sys/class/mdev_bus, and its type there. NULL with other drivers. */
	const char *mdev_parent, *mdev_type;
	/* The PCI driver that an administrator can take it from, and give it to, by the kernel's name: "vfio-pci", or
	 * with DRIVER_HOST the host's own. NULL with others. */
	const char *pci_driver;
	/* A platform device: what the board's device tree says of it, where its name is the path. NULL with other
	 * drivers. */
	const struct board_device *platform;
};

/* Whether VFIO hands the device out, if its group is viable. */
static inline bool device_is_vfio(const struct device *device)
{
	return device->driver == DRIVER_VFIO_PCI || device->driver == DRIVER_MDEV || device->driver == DRIVER_PLATFORM;
}

/* What an IOMMU that can translate in two stages, one for a guest and one for the host, says of the guest's. */
struct nesting {
	uint32_t format;       /* IOMMU_PASID_FORMAT_* of its tables; 0: it says nothing at all */
	uint32_t features;     /* IOMMU_NESTING_FEAT_* */
	uint32_t addr_width;   /* of its output, bits */
	uint32_t pasid_bits;   /* 0: no PASIDs */
	uint64_t registers[2]; /* INTEL_VTD: capabilities and extended capabilities */
	uint32_t asid_bits;    /* ARM_SMMU_V3 */
	uint32_t table_format; /* ARM_SMMU_V3: 0 for LPAE of 32 bits, 2 for LPAE of 64 */
};

/* What an IOMMU translates. */
struct translation {
	uint64_t page_sizes; /* bitmap of the sizes that it maps */
	struct iova_range aperture;
	size_t reserved_count;
	const struct iova_range *reserved; /* ascending; never mappable (MSI doorbells) */
	bool cache_coherent;		   /* it can be told to enforce coherency */
	const struct nesting *nesting;	   /* NULL: it has one stage */
};

/* A group, and the IOMMU that its devices are behind: the machine's, unless the tree says otherwise. */
struct machine_group {
	uint32_t number;
	bool emulated;	/* of a mediated device: no hardware translates for it, and all else is 0 */
	bool tableless; /* with TCE tables: somebody has made the group, and it has none */
	bool noiommu; /* nothing translates for it: it is there in noiommu mode only, as noiommu-N, and all else is 0 */
	struct translation translation;
};

/* What VFIO_IOMMU_SPAPR_TCE_GET_INFO tells of a group's TCE tables. All zero for other IOMMUs. */
struct tce_windows {
	struct iova_range default_window; /* the one that is there from the start, below 4 GiB */
	uint32_t windows;		  /* at the same time, the default one included */
	uint32_t levels;		  /* of tables, at most */
	uint64_t second_window;		  /* bus address where a second window begins; 0: there can be none */
	uint64_t entries;		  /* of one window's table, at most */
	bool recovery;			  /* devices that do wrong are frozen, and can be recovered (EEH) */
};

struct machine {
	const char *name;
	const char *summary;
	const char *arch;   /* as in traces: x86_64, ppc64le, aarch64 */
	uint32_t page_size; /* of the host kernel, bytes */
	enum iommu_kind iommu;
	uint64_t iommu_page_sizes;  /* bitmap of sizes the hardware maps */
	struct iova_range aperture; /* with TCE tables: the default window */
	size_t reserved_count;
	const struct iova_range *reserved; /* ascending; never mappable (MSI doorbells) */
	uint64_t memory;		   /* of the guest, bytes */
	uint32_t hugepage_count;	   /* huge pages set aside at boot; 0: none */
	uint64_t hugepage_size;		   /* bytes of one; 0: none */
	bool hashed_page_table;		   /* POWER's older kind: the pages of one slice of addresses are of one size */
	struct tce_windows tce;
	bool cache_coherent;	       /* what CHECK_EXTENSION(DMA_CC_IOMMU) says once attached */
	const struct nesting *nesting; /* what the IOMMU says of a guest's stage; NULL: it has one stage */
	bool unsafe_interrupts;	   /* devices can raise each other's interrupts, for which the kernel refuses them */
	const struct board *board; /* the platform's device tree; NULL without one */
	size_t device_count;
	const struct device *devices; /* ascending by name */
	size_t group_count;
	const struct machine_group *groups; /* ascending by number */
	/* How QEMU makes it; all NULL for a machine that only the model has. */
	const char *qemu_program; /* qemu-system-x86_64 */
	const char *qemu_args;	  /* separated by spaces; memory included, accelerator not */
	const char *qemu_channel; /* -device value of the virtio-serial controller for an agent, its slot included */
	const char *append;	  /* kernel command line */
	const char *modules;	  /* kernel modules to load, separated by spaces; what they need is not listed */
	const char *debian_arch;  /* amd64, ppc64el, arm64 */
};

/* Whether its IOMMU translates by TCE tables. */
static inline bool machine_has_tce(const struct machine *machine)
{
	return machine->iommu == IOMMU_SPAPR_POWERNV || machine->iommu == IOMMU_SPAPR_PSERIES;
}

/* The built-in machine with this name, or NULL. Owned by the library, valid until the program ends. */
const struct machine *machine_find(const char *name);

/* Reads a compiled device tree. NULL with @diag on error. Free with machine_free(). */
struct machine *machine_load(const void *blob, size_t length, const char *name, struct diag *diag);
void machine_free(struct machine *machine);

/* Names of the built-in machines, in alphabetical order, NULL at the end. */
const char *const *machine_names(void);

#endif
