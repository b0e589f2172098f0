/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Reads a machine: the root of the tree, its IOMMU and its memory, then the parts
 * that have files of their own. A machine lives in the pool of its tree.
 */
#include <stdlib.h>
#include <string.h>

#include "machines_internal.h"

#define COMPATIBLE "vfiosim,machine"

/* The machine is handed out by its first member. */
struct loaded {
	struct machine machine;
	struct pool *pool;
};

static const struct tree_word iommu_kinds[] = {
    {"none", IOMMU_NONE},
    {"intel", IOMMU_INTEL},
    {"amd", IOMMU_AMD},
    {"smmuv3", IOMMU_SMMUV3},
    {"spapr-powernv", IOMMU_SPAPR_POWERNV},
    {"spapr-pseries", IOMMU_SPAPR_PSERIES},
    {NULL, 0},
};

static bool is_tce(enum iommu_kind kind)
{
	return kind == IOMMU_SPAPR_POWERNV || kind == IOMMU_SPAPR_PSERIES;
}

/* The windows of the TCE tables. The default one is what can be mapped before any other is created. */
static int read_tce(struct tree *tree, int node, struct machine *machine)
{
	static const char *const properties[] = {"default-window", "windows",  "levels", "second-window",
						 "entries",	   "recovery", NULL};
	struct tce_windows *tce = &machine->tce;
	uint64_t *window;
	size_t pairs;

	if (tree_known(tree, node, properties, tree_nothing) != 0 ||
	    tree_pairs(tree, node, "default-window", 1, &window, &pairs) != 0 ||
	    tree_u32(tree, node, "windows", 1, 64, &tce->windows) != 0 ||
	    tree_u32(tree, node, "levels", 1, 16, &tce->levels) != 0 ||
	    tree_u64(tree, node, "entries", 1, UINT64_C(1) << 55, &tce->entries) != 0 ||
	    tree_bool(tree, node, "recovery", &tce->recovery) != 0)
		return -1;
	if (window[0] > UINT32_MAX || window[1] < window[0] || window[1] > UINT32_MAX ||
	    window[1] - window[0] == UINT32_MAX)
		return tree_fail(tree, node,
				 "property \"default-window\" is 0x%llx to 0x%llx, expected a range below 4 GiB",
				 (unsigned long long)window[0], (unsigned long long)window[1]);
	tce->default_window.first = window[0];
	tce->default_window.last = window[1];
	machine->aperture = tce->default_window;
	if (tree_has(tree, node, "second-window") &&
	    tree_u64(tree, node, "second-window", (uint64_t)UINT32_MAX + 1, UINT64_MAX, &tce->second_window) != 0)
		return -1;
	return 0;
}

static int read_iommu(struct tree *tree, int node, struct machine *machine)
{
	static const char *const properties[] = {"kind",	   "page-sizes",	"aperture",	    "reserved",
						 "cache-coherent", "unsafe-interrupts", NESTING_PROPERTIES, NULL};
	static const char *const tce_properties[] = {"kind", "page-sizes", "cache-coherent", NULL};
	static const char *const tce_children[] = {"tce", NULL};
	static const char *const none_properties[] = {"kind", NULL};
	struct translation translation = {0};
	uint32_t kind;
	int tce;

	if (tree_choice(tree, node, "kind", iommu_kinds, &kind) != 0)
		return -1;
	machine->iommu = (enum iommu_kind)kind;
	if (machine->iommu == IOMMU_NONE)
		return tree_known(tree, node, none_properties, tree_nothing);
	if (is_tce(machine->iommu) ? tree_known(tree, node, tce_properties, tce_children) != 0
				   : tree_known(tree, node, properties, tree_nothing) != 0)
		return -1;
	if (tree_bool(tree, node, "unsafe-interrupts", &machine->unsafe_interrupts) != 0)
		return -1;
	if (translation_read(tree, node, is_tce(machine->iommu), &translation) != 0)
		return -1;
	machine->iommu_page_sizes = translation.page_sizes;
	machine->aperture = translation.aperture;
	machine->reserved_count = translation.reserved_count;
	machine->reserved = translation.reserved;
	machine->cache_coherent = translation.cache_coherent;
	machine->nesting = translation.nesting;
	if (!is_tce(machine->iommu))
		return 0;
	tce = tree_child(tree, node, "tce");
	return tce < 0 ? -1 : read_tce(tree, tce, machine);
}

static int read_memory(const struct tree *tree, int root, struct machine *machine)
{
	const uint64_t mib = UINT64_C(1) << 20;

	if (tree_u64(tree, root, "memory-size", mib, MACHINE_MEMORY_MAX, &machine->memory) != 0)
		return -1;
	if (machine->memory % mib != 0)
		return tree_fail(tree, root, "property \"memory-size\" is 0x%llx, expected whole MiB",
				 (unsigned long long)machine->memory);
	if (!tree_has(tree, root, "hugepage-count") && !tree_has(tree, root, "hugepage-size"))
		return 0;
	if (tree_u32(tree, root, "hugepage-count", 1, UINT32_MAX, &machine->hugepage_count) != 0 ||
	    tree_u64(tree, root, "hugepage-size", mib, machine->memory, &machine->hugepage_size) != 0)
		return -1;
	if (machine->hugepage_size % mib != 0)
		return tree_fail(tree, root, "property \"hugepage-size\" is 0x%llx, expected whole MiB",
				 (unsigned long long)machine->hugepage_size);
	if (machine->hugepage_count > machine->memory / machine->hugepage_size)
		return tree_fail(tree, root, "property \"hugepage-count\" is %u, which is more than the memory holds",
				 machine->hugepage_count);
	return 0;
}

/* What of the machine is described by a device tree of its own, which is part of ours. */
static int read_board(struct tree *tree, struct machine *machine)
{
	struct board *board = tree_take(tree, 1, sizeof(*board));

	machine->board = board;
	return board ? board_read(tree, tree_child(tree, TREE_ROOT, "board"), board) : -1;
}

static int read_root(struct tree *tree, struct machine *machine)
{
	static const char *const properties[] = {"compatible",	      "model",	     "summary",	       "arch",
						 "page-size",	      "memory-size", "hugepage-count", "hugepage-size",
						 "hashed-page-table", NULL};
	static const char *const children[] = {"iommu", "board", "groups", "qemu", NULL};
	const char *compatible;
	int iommu, groups, qemu;

	if (tree_known(tree, TREE_ROOT, properties, children) != 0 ||
	    tree_string(tree, TREE_ROOT, "compatible", &compatible) != 0)
		return -1;
	if (strcmp(compatible, COMPATIBLE) != 0)
		return tree_fail(tree, TREE_ROOT, "property \"compatible\" says \"%.64s\", expected \"" COMPATIBLE "\"",
				 compatible);
	if (tree_string(tree, TREE_ROOT, "model", &machine->name) != 0 ||
	    tree_string(tree, TREE_ROOT, "summary", &machine->summary) != 0 ||
	    tree_string(tree, TREE_ROOT, "arch", &machine->arch) != 0 ||
	    tree_u32(tree, TREE_ROOT, "page-size", MACHINE_PAGE_LEAST, MACHINE_PAGE_MOST, &machine->page_size) != 0 ||
	    tree_bool(tree, TREE_ROOT, "hashed-page-table", &machine->hashed_page_table) != 0 ||
	    read_memory(tree, TREE_ROOT, machine) != 0)
		return -1;
	if ((machine->page_size & (machine->page_size - 1)) != 0)
		return tree_fail(tree, TREE_ROOT, "property \"page-size\" is %u, expected a power of two",
				 machine->page_size);
	iommu = tree_child(tree, TREE_ROOT, "iommu");
	if (iommu < 0 || read_iommu(tree, iommu, machine) != 0)
		return -1;
	if (tree_has_child(tree, TREE_ROOT, "board") && read_board(tree, machine) != 0)
		return -1;
	groups = tree_child(tree, TREE_ROOT, "groups");
	if (groups < 0 || devices_read(tree, groups, machine) != 0)
		return -1;
	/* A machine without it is one that only the model has. */
	if (!tree_has_child(tree, TREE_ROOT, "qemu"))
		return 0;
	qemu = tree_child(tree, TREE_ROOT, "qemu");
	return guest_read(tree, qemu, machine);
}

struct machine *machine_load(const void *blob, size_t length, const char *name, struct diag *diag)
{
	struct tree tree = {.name = name, .diag = diag, .pool = pool_new()};
	struct loaded *loaded;

	if (tree.pool == NULL) {
		diag_set(diag, name, 0, 0, "out of memory while reading the machine");
		return NULL;
	}
	loaded = tree_take(&tree, 1, sizeof(*loaded));
	if (loaded == NULL || tree_open(&tree, blob, length) != 0 || read_root(&tree, &loaded->machine) != 0) {
		pool_free(tree.pool);
		return NULL;
	}
	loaded->pool = tree.pool;
	return &loaded->machine;
}

void machine_free(struct machine *machine)
{
	if (machine != NULL)
		pool_free(((struct loaded *)machine)->pool);
}
