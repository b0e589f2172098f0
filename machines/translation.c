/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Reads what an IOMMU translates: of the machine's IOMMU, and of the one that a single group is behind.
 */
#include "machines_internal.h"

static int read_page_sizes(const struct tree *tree, int node, struct translation *translation)
{
	return tree_u64(tree, node, "page-sizes", 1, UINT64_MAX, &translation->page_sizes);
}

static int read_aperture(struct tree *tree, int node, struct translation *translation)
{
	uint64_t *aperture;
	size_t pairs;

	if (tree_pairs(tree, node, "aperture", 1, &aperture, &pairs) != 0)
		return -1;
	translation->aperture.first = aperture[0];
	translation->aperture.last = aperture[1];
	if (translation->aperture.first > translation->aperture.last)
		return tree_fail(tree, node, "property \"aperture\" ends before it begins");
	return 0;
}

static int read_reserved(struct tree *tree, int node, struct translation *translation)
{
	struct iova_range *ranges;
	uint64_t *values;
	size_t count;

	if (!tree_has(tree, node, "reserved"))
		return 0;
	if (tree_pairs(tree, node, "reserved", MACHINE_RESERVED_MAX, &values, &count) != 0)
		return -1;
	ranges = tree_take(tree, count, sizeof(*ranges));
	if (ranges == NULL)
		return -1;
	for (size_t i = 0; i < count; i++) {
		ranges[i].first = values[2 * i];
		ranges[i].last = values[2 * i + 1];
		if (ranges[i].first > ranges[i].last)
			return tree_fail(tree, node, "property \"reserved\": range %zu ends before it begins", i);
		if (i > 0 && ranges[i].first <= ranges[i - 1].last)
			return tree_fail(
			    tree, node,
			    "property \"reserved\": range %zu overlaps or comes before range %zu, expected "
			    "ascending ranges",
			    i, i - 1);
	}
	translation->reserved = ranges;
	translation->reserved_count = count;
	return 0;
}

int translation_read(struct tree *tree, int node, bool windows, struct translation *translation)
{
	if (read_page_sizes(tree, node, translation) != 0 ||
	    tree_bool(tree, node, "cache-coherent", &translation->cache_coherent) != 0)
		return -1;
	/* What TCE tables translate is said by their windows. */
	if (windows)
		return 0;
	if (read_aperture(tree, node, translation) != 0 || read_reserved(tree, node, translation) != 0)
		return -1;
	return nesting_read(tree, node, &translation->nesting);
}

int translation_amend(struct tree *tree, int node, struct translation *translation)
{
	if (tree_has(tree, node, "page-sizes") && read_page_sizes(tree, node, translation) != 0)
		return -1;
	if (tree_has(tree, node, "aperture") && read_aperture(tree, node, translation) != 0)
		return -1;
	if (tree_has(tree, node, "cache-coherent") &&
	    tree_bool(tree, node, "cache-coherent", &translation->cache_coherent) != 0)
		return -1;
	if (read_reserved(tree, node, translation) != 0)
		return -1;
	return nesting_read(tree, node, &translation->nesting);
}
