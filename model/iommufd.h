/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of iommufd share: iommufd.c has the file and who belongs to it, ioas.c and its kind address spaces.
 */
#ifndef MODEL_IOMMUFD_H
#define MODEL_IOMMUFD_H

#include "host.h"

/* The iommufd that the call went to. */
struct iommufd *op_iommufd(struct host *host, const struct op *op);
/* Its address space that the calls of a container go to, or NULL. */
struct ioas *op_ioas(struct host *host, const struct op *op);
/* The address space with this number of the iommufd behind @file, or the one whose table has it; by index, or NOTHING.
 */
uint32_t iommufd_find_ioas(const struct host *host, uint32_t file, uint32_t id);
uint32_t iommufd_find_table(const struct host *host, uint32_t file, uint32_t id);

handler_fn ioas_get_info, ioas_map_dma, ioas_unmap_dma;

/* A new address space, empty, with the number @id. */
uint32_t ioas_new(struct host *host, uint32_t iommufd, uint32_t id);
/* Removes every mapping. */
void ioas_clear(struct host *host, struct ioas *ioas);

/*
 * A device of @group begins to translate by the address space: mappings have to answer for what nobody asked before
 * (STEP_DONE: refused), and the first device pins all of them. @moves: it comes from another address space.
 */
enum step_result ioas_attach(struct host *host, struct op *op, struct ioas *ioas, uint32_t group, bool moves);
/* A device has gone; the last one lets go of the pages. */
void ioas_detach(struct host *host, struct ioas *ioas);
/* The same of mediated devices, which translate nothing. */
enum step_result ioas_attach_access(struct host *host, struct op *op, struct ioas *ioas);
void ioas_detach_access(struct ioas *ioas);
/* To be called when devices have been attached or are not any more: what the hardware can is looked at anew. */
void ioas_hardware_changed(struct host *host, struct ioas *ioas);

/* From now on mappings can be cut anywhere: STEP_MORE, or refused. */
enum step_result ioas_use_small_pages(struct host *host, struct op *op, struct ioas *ioas);
/* The smallest unit that mappings begin and end at: bytes, until there is a device or a wish to cut. */
uint64_t ioas_alignment(const struct host *host, const struct ioas *ioas);

/* Why pages are not pinned; what is answered then depends on whether a mapping is made or a device attached. */
enum pin_failure { PIN_MEMORY, PIN_ACCESS, PIN_LIMIT, PIN_DONE };

/* Pins the memory of an area: all of it, before it is known whether the limit allows for it. */
enum pin_failure ioas_area_pin(struct host *host, struct ioas *ioas, struct range *area);
/* Removes the area that begins at @first, and lets go of its pages. */
void ioas_area_remove(struct host *host, struct ioas *ioas, uint64_t first);

#endif
