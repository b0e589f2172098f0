/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Small traces for the suites of the command: one that is right, and what can be wrong with one. */
#ifndef VFIOSIM_TESTS_CLI_SAMPLES_H
#define VFIOSIM_TESTS_CLI_SAMPLES_H

#define HEADER \
	"vfiosim-trace 1\nkernel: 6.1.0-18-amd64\narch: x86_64\npage-size: 4096\nmachine: q35-edu\nprofile: 6.1\n\n"
#define COUNTED                                                                                                    \
	"vfiosim-trace 1\nkernel: 6.1.0-18-amd64\narch: x86_64\npage-size: 4096\nmachine: q35-edu\nprofile: 6.1\n" \
	"counted: 7\n"
#define OPEN	  "1 open(\"/dev/vfio/vfio\", O_RDWR) = 3\n"
#define VERSION	  "1 ioctl(3, VFIO_GET_API_VERSION) = 0\n"
#define NO_IOMMU  "1 ioctl(3, VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 EINVAL\n"
#define FLIPPED	  "1 ioctl(3, VFIO_SET_IOMMU, TYPE1_IOMMU) = -1 EBUSY\n"
#define FOREIGN	  "1 open(\"/etc/passwd\", 0) = 4\n"
#define TRUNCATED "1 ioctl(3, VFIO_SET_IOMMU, TYPE1_IO"

/* A folder as of folder_begin(), with the traces "good", "flipped", "foreign" and "truncated". */
void samples_begin(void);

#endif
