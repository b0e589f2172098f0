/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the edu device's registers. */
#include "viommu/edu.h"

#include "vfiosim/edu.h"

enum {
	CONFIG_REGION = 7,
	CONFIG_COMMAND = 4,
	COMMAND_MEMORY_AND_MASTER = 6,
	WORD = 8,
	WAIT = EDU_DELAY + 50, /* milliseconds */
};

static void transfer(struct port *port, int64_t fd, uint64_t source, uint64_t target, uint64_t command)
{
	port_write(port, fd, EDU_SOURCE, source, 4);
	port_write(port, fd, EDU_TARGET, target, 4);
	port_write(port, fd, EDU_COUNT, WORD, 4);
	port_write(port, fd, EDU_COMMAND, command, 4);
	port_sleep(port, WAIT);
}

void edu_move(struct port *port, const struct device *device, int64_t fd, uint64_t from, uint64_t to)
{
	port_write(port, fd, device->regions[CONFIG_REGION].offset + CONFIG_COMMAND, COMMAND_MEMORY_AND_MASTER, 2);
	transfer(port, fd, from, EDU_BUFFER, EDU_START);
	transfer(port, fd, EDU_BUFFER, to, EDU_START | EDU_TO_MEMORY);
}
