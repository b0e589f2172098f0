/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the edu device's registers.
 *
 * Source: QEMU's specification of the device (docs/specs/edu).
 */
#include "viommu/edu.h"

enum {
	CONFIG_REGION = 7,
	CONFIG_COMMAND = 4,
	COMMAND_MEMORY_AND_MASTER = 6,
	REGISTER_SOURCE = 0x80,
	REGISTER_TARGET = 0x88,
	REGISTER_COUNT = 0x90,
	REGISTER_COMMAND = 0x98,
	DMA_START = 1,
	DMA_TO_MEMORY = 2,
	BUFFER = 0x40000,
	WORD = 8,
	WAIT = 150, /* milliseconds: a transfer begins a tenth of a second after the command */
};

static void transfer(struct port *port, int64_t fd, uint64_t source, uint64_t target, uint64_t command)
{
	port_write(port, fd, REGISTER_SOURCE, source, 4);
	port_write(port, fd, REGISTER_TARGET, target, 4);
	port_write(port, fd, REGISTER_COUNT, WORD, 4);
	port_write(port, fd, REGISTER_COMMAND, command, 4);
	port_sleep(port, WAIT);
}

void edu_move(struct port *port, const struct device *device, int64_t fd, uint64_t from, uint64_t to)
{
	port_write(port, fd, device->regions[CONFIG_REGION].offset + CONFIG_COMMAND, COMMAND_MEMORY_AND_MASTER, 2);
	transfer(port, fd, from, BUFFER, DMA_START);
	transfer(port, fd, BUFFER, to, DMA_START | DMA_TO_MEMORY);
}
