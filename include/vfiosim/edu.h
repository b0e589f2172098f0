/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * QEMU's edu device as its users see it: the registers of region 0 that make its DMA engine move bytes between memory
 * and a buffer in the device.
 *
 * Source: QEMU's specification of the device (docs/specs/edu).
 */
#ifndef VFIOSIM_EDU_H
#define VFIOSIM_EDU_H

enum {
	/* Registers by offset. Those of the engine have 8 bytes, the first two 4. */
	EDU_IDENTITY = 0x00, /* EDU_IDENTITY_VALUE */
	EDU_LIVENESS = 0x04, /* reads as the complement of what was written */
	EDU_SOURCE = 0x80,   /* an IOVA, or a place in the buffer, by direction */
	EDU_TARGET = 0x88,
	EDU_COUNT = 0x90, /* bytes */
	EDU_COMMAND = 0x98,

	EDU_IDENTITY_VALUE = 0x010000ed,

	/* Bits of a command. */
	EDU_START = 1,
	EDU_TO_MEMORY = 2, /* from the buffer; without it to the buffer */

	EDU_BUFFER = 0x40000, /* the buffer's first byte, as a source or target */
	EDU_BUFFER_SIZE = 4096,
	EDU_DELAY = 100, /* milliseconds between a command and what it does */
};

#endif
