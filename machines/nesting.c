/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Reads what an IOMMU with two stages says of the guest's: of the machine's IOMMU, or of the one of a single group.
 */
#include "machines_internal.h"
#include "vfiosim/uapi.h"

static const struct tree_word formats[] = {
    {"none", 0},
    {"intel-vtd", IOMMU_PASID_FORMAT_INTEL_VTD},
    {"arm-smmu-v3", IOMMU_PASID_FORMAT_ARM_SMMU_V3},
    {NULL, 0},
};

static const struct tree_word features[] = {
    {"syswide-pasid", IOMMU_NESTING_FEAT_SYSWIDE_PASID},
    {"bind-pgtbl", IOMMU_NESTING_FEAT_BIND_PGTBL},
    {"cache-invld", IOMMU_NESTING_FEAT_CACHE_INVLD},
    {NULL, 0},
};

/* Two numbers, whose meaning is the format's. */
static int read_vendor(struct tree *tree, int node, struct nesting *nesting)
{
	uint64_t *values;
	size_t pairs;

	if (tree_pairs(tree, node, "nesting-vendor", 1, &values, &pairs) != 0)
		return -1;
	if (nesting->format == IOMMU_PASID_FORMAT_INTEL_VTD) {
		nesting->registers[0] = values[0];
		nesting->registers[1] = values[1];
		return 0;
	}
	if (values[0] > UINT16_MAX || values[1] > UINT8_MAX)
		return tree_fail(tree, node,
				 "property \"nesting-vendor\" is 0x%llx 0x%llx, expected 16 bits and 8 bits",
				 (unsigned long long)values[0], (unsigned long long)values[1]);
	nesting->asid_bits = (uint32_t)values[0];
	nesting->table_format = (uint32_t)values[1];
	return 0;
}

int nesting_read(struct tree *tree, int node, const struct nesting **nesting)
{
	static const char *const others[] = {"nesting-features", "nesting-addr-width", "nesting-pasid-bits",
					     "nesting-vendor"};
	struct nesting *read;

	if (!tree_has(tree, node, "nesting-format")) {
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			if (tree_has(tree, node, others[i]))
				return tree_fail(tree, node,
						 "property \"nesting-format\" is missing, without which \"%s\" "
						 "says nothing",
						 others[i]);
		return 0;
	}
	read = tree_take(tree, 1, sizeof(*read));
	if (!read || tree_choice(tree, node, "nesting-format", formats, &read->format) != 0)
		return -1;
	*nesting = read;
	if (!read->format)
		return 0;
	if (tree_flags(tree, node, "nesting-features", features, &read->features) != 0 ||
	    tree_u32(tree, node, "nesting-addr-width", 1, 64, &read->addr_width) != 0 ||
	    tree_u32(tree, node, "nesting-pasid-bits", 0, 20, &read->pasid_bits) != 0)
		return -1;
	return read_vendor(tree, node, read);
}
