/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What a program and the pinner device (kernels/pinner) say to each other. The module is built with this file as well:
 * nothing but macros.
 *
 * The pinner is a mediated device without hardware. It does to the program's memory what the driver of a mediated
 * device may do (pin pages, let go of them, read and write bytes by IOVA), but when the program says so, and it tells
 * what the kernel answered.
 *
 * Region 0 has the registers in its first page, and the window, bytes on their way from or to memory, behind it. A
 * register is 8 bytes, little-endian, and is read and written whole with one pread() or pwrite() at its offset; the
 * window in pieces of any size that stay inside of it. Any other access fails with EINVAL and changes nothing, and so
 * does a write to a register that can only be read, or of a value that a register does not take.
 *
 * Writing COMMAND does what it says before the write returns. The write succeeds whatever comes of it; RESULT has the
 * answer: what the kernel returned, a negative errno as two's complement of 64 bits.
 *
 *	PIN        vfio_pin_pages(IOVA, COUNT pages, PROT); COUNT or the errno. ENOSPC if the device remembers
 *	           PINNER_PINS_MAX pins already; the kernel is not asked then.
 *	UNPIN      vfio_unpin_pages() for a pin with exactly this IOVA and COUNT; COUNT, or ENOENT if there is none.
 *	UNPIN_ANY  vfio_unpin_pages(IOVA, COUNT pages) whether that was pinned or not, as a broken driver does it; 0.
 *	           EINVAL without asking the kernel if COUNT is 0 or more than PINNER_UNPIN_MAX: it would only warn.
 *	           It also warns if not all of that is mapped, or with TYPE1 version 1, or, with iommufd, if this is
 *	           not exactly what was pinned. What the device remembers stays.
 *	READ       vfio_dma_rw() of COUNT bytes at IOVA into the window; 0 or the errno
 *	WRITE      vfio_dma_rw() of COUNT bytes of the window to IOVA; 0 or the errno
 *
 * When mapped memory that is pinned is unmapped, the kernel asks the device to let go. The device does: every pin of
 * which a page is in the range is undone whole, before the unmapping goes on. UNMAPS counts the requests, also those
 * that overlapped no pin.
 *
 * VFIO_DEVICE_RESET and the last close of the device undo all pins, and set registers and window to 0. So does its
 * first open, because an iommufd asks to let go of everything once more when the device has been closed.
 */
#ifndef VFIOSIM_PINNER_H
#define VFIOSIM_PINNER_H

#define PINNER_REGION_SIZE   0x5000
#define PINNER_WINDOW	     0x1000 /* offset in the region */
#define PINNER_WINDOW_SIZE   0x4000
#define PINNER_REGISTER_SIZE 8

/* Offsets of the registers. Those from IDENTITY on can only be read. */
#define PINNER_IOVA	     0x00 /* any number; the kernel sees it as it is */
#define PINNER_COUNT	     0x08 /* pages, or bytes for READ and WRITE; at most PINNER_COUNT_MAX */
#define PINNER_PROT	     0x10 /* 1: read, 2: write, both, or 0 */
#define PINNER_COMMAND	     0x18 /* one of PINNER_DO_*; reads as the last one, 0 if there was none */
#define PINNER_IDENTITY	     0x20 /* PINNER_IDENTITY_VALUE */
#define PINNER_RESULT	     0x28 /* of the last command */
#define PINNER_PINNED	     0x30 /* pages that the device has pinned; one pinned twice counts twice */
#define PINNER_UNMAPS	     0x38 /* requests to let go */
#define PINNER_UNMAP_IOVA    0x40 /* the range of the last request */
#define PINNER_UNMAP_LENGTH  0x48 /* its bytes */
#define PINNER_REGISTERS_END 0x50

#define PINNER_DO_PIN	    1
#define PINNER_DO_UNPIN	    2
#define PINNER_DO_UNPIN_ANY 3
#define PINNER_DO_READ	    4
#define PINNER_DO_WRITE	    5

#define PINNER_IDENTITY_VALUE 0x72656e6e6970 /* "pinner" */
#define PINNER_COUNT_MAX      PINNER_WINDOW_SIZE
#define PINNER_PROT_MAX	      3
#define PINNER_PINS_MAX	      1024 /* pins that the device remembers at a time */
#define PINNER_UNPIN_MAX      512  /* pages that the kernel takes at a time, with pages of 4 KiB */

#endif
