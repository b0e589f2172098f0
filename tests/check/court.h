/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* A judge for tests: events are written as trace text, findings come back one by one. */
#ifndef VFIOSIM_TESTS_COURT_H
#define VFIOSIM_TESTS_COURT_H

#include "vfiosim/judge.h"

struct court {
	struct judge *judge;
	struct arena *arena;
	struct profile profile;
	struct event event; /* the last one; the finding points to it */
	struct finding finding;
	uint64_t line;
};

/* Opens a court for machine q35-edu under profile 6.1. */
void court_open(struct court *court);
void court_close(struct court *court);

/* Judges the event in @text, as the next line. */
enum verdict court_judge(struct court *court, const char *text);

/* Judges @lines up to a NULL, and asserts that they all conform. */
void court_accept(struct court *court, const char *const *lines);

/* The name of the rule that decided the last event; "" if none did. */
const char *court_rule(const struct court *court);

/* A program that maps and unmaps, as far as each of the two lines: all of it conforms. */
extern const char *const lines_attached[]; /* container 3, group 4 with a device, IOMMU set, 1 MiB at 0x100000000000 */

#define LINE_OPEN_CONTAINER "1 open(\"/dev/vfio/vfio\", O_RDWR) = 3"
#define LINE_OPEN_GROUP	    "1 open(\"/dev/vfio/1\", O_RDWR) = 4"
#define LINE_SET_CONTAINER  "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3]) = 0"
#define LINE_SET_IOMMU	    "1 ioctl(3, VFIO_SET_IOMMU, TYPE1v2_IOMMU) = 0"
#define LINE_MMAP                                                                                               \
	"1 mmap(0x100000000000, 0x100000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0) " \
	"= 0x100000000000"
#define LINE_MAP(iova)                                                                                      \
	"1 ioctl(3, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, vaddr=0x100000000000, iova=" iova ", " \
	"size=0x1000})"
#define LINE_UNMAP(iova, out) "1 ioctl(3, VFIO_IOMMU_UNMAP_DMA, {argsz=24, flags=0, iova=" iova ", size=0x1000" out "})"

#endif
