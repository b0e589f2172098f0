/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the agent does before it serves when it is the guest's first process.
 *
 * The initramfs holds nothing but the agent (as /init), kernel modules and a text file,
 * /vfiosim.conf, that backends/vm/initramfs.c writes. One directive a line:
 *
 *	module FILE [PARAMETER...]   load this module, in this order
 *	hugepages COUNT              reserve huge pages of the default size
 *	bind ADDRESS DRIVER          make DRIVER drive this PCI device; its /dev/vfio/N or noiommu-N must appear
 *	offer ADDRESS DRIVER         the same, unless DRIVER does not take it
 *	mdev UUID PARENT TYPE        make this mediated device; its /dev/vfio/N must appear
 *	group NAME NUMBER            the IOMMU group that the device (address or UUID) must be in by then
 *
 * Empty lines and lines that begin with # are skipped.
 */
#ifndef VFIOSIM_GUEST_INIT_H
#define VFIOSIM_GUEST_INIT_H

#include <stdbool.h>

/* The name of the virtio-serial port that host and guest speak over. */
#define GUEST_PORT_NAME "vfiosim.agent"

#define GUEST_CONFIG_PATH "/vfiosim.conf"

/* What guest_init() sends when all is done; vm_boot() takes it off the channel, which is silent afterwards. */
#define GUEST_READY "vfiosim-ready\n"

/* Messages on the console begin with this; the host looks for it when a guest does not come up. */
#define GUEST_MESSAGE_PREFIX "vfiosim-init: "

/* Follows the prefix when nothing is wrong but the kernel: it cannot give this machine's devices to VFIO. */
#define GUEST_NO_VFIO "no VFIO here: "

/* Whether this process is the first one of a guest: then guest_init() must run, and must not anywhere else. */
bool guest_is_init(void);

/*
 * Mounts the file systems, loads the modules, binds the devices and opens the channel to the host.
 * Returns its descriptor (blocking, close-on-exec), which the caller owns; the host is told
 * with GUEST_READY, and nothing else has been said. A failure is written to
 * the console as one line and powers the guest off: this function does not return then.
 */
int guest_init(void);

/* Stops the machine at once; what runs in it is lost. */
_Noreturn void guest_poweroff(void);

#endif
