/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The windows of a TYPE1 instance: ascending ranges of IOVAs where mappings may lie. Without any window they may
 * lie anywhere: so it is until a group behind an IOMMU joins.
 *
 * Groups narrow the windows as they join. When one leaves, what is left is widened again: the outer ends go out to
 * the aperture that the other groups share, and only then are their reserved ranges taken out anew.
 */
#include "type1.h"

#include <stdlib.h>
#include <string.h>

void windows_clear(struct windows *windows)
{
	free(windows->items);
	memset(windows, 0, sizeof(*windows));
}

struct windows windows_copy(const struct windows *windows)
{
	struct windows copy = *windows;

	table_unshare(&copy);
	return copy;
}

/* Puts a window in front of the one at @index. */
static void windows_insert(struct windows *windows, uint32_t index, uint64_t first, uint64_t last)
{
	table_add(windows);
	memmove(windows->items + index + 1, windows->items + index,
		(windows->count - 1 - index) * sizeof(windows->items[0]));
	windows->items[index] = (struct iova_range){first, last};
}

static void windows_remove(struct windows *windows, uint32_t index)
{
	memmove(windows->items + index, windows->items + index + 1,
		(windows->count - 1 - index) * sizeof(windows->items[0]));
	windows->count--;
}

bool windows_allow(const struct windows *windows, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < windows->count; i++)
		if (first >= windows->items[i].first && last <= windows->items[i].last)
			return true;
	return !windows->count;
}

void windows_narrow(struct windows *windows, struct iova_range aperture)
{
	if (!windows->count) {
		windows_insert(windows, 0, aperture.first, aperture.last);
		return;
	}
	/* A window of a single address counts as outside, at either end. */
	while (windows->count && aperture.first >= windows->items[0].first) {
		if (aperture.first < windows->items[0].last) {
			windows->items[0].first = aperture.first;
			break;
		}
		windows_remove(windows, 0);
	}
	for (uint32_t i = windows->count; i-- > 0;) {
		if (aperture.last > windows->items[i].last)
			continue;
		if (aperture.last > windows->items[i].first)
			windows->items[i].last = aperture.last;
		else
			windows_remove(windows, i);
	}
}

void windows_exclude(struct windows *windows, const struct iova_range *reserved)
{
	for (uint32_t i = windows->count; i-- > 0;) {
		struct iova_range window = windows->items[i];

		if (reserved->first > window.last || reserved->last < window.first)
			continue;
		windows_remove(windows, i);
		if (reserved->last < window.last)
			windows_insert(windows, i, reserved->last + 1, window.last);
		if (reserved->first > window.first)
			windows_insert(windows, i, window.first, reserved->first - 1);
	}
}
