/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the two files of iommufd share: iommufd.c has the file and who belongs to it, ioas.c the address space.
 */
#ifndef MODEL_IOMMUFD_H
#define MODEL_IOMMUFD_H

#include "host.h"

/* The iommufd that the call went to. */
struct iommufd *op_iommufd(struct host *host, const struct op *op);

handler_fn ioas_get_info, ioas_map_dma, ioas_unmap_dma;

/*
 * A device of @group begins to translate by the address space: mappings have to answer for what nobody asked before
 * (STEP_DONE: refused), and the first device pins all of them.
 */
enum step_result ioas_attach(struct host *host, struct op *op, struct iommufd *iommufd, uint32_t group);
/* A device has gone; the last one lets go of the pages. */
void ioas_detach(struct host *host, struct iommufd *iommufd);
/* The same of mediated devices, which translate nothing. */
enum step_result ioas_attach_access(struct host *host, struct op *op, struct iommufd *iommufd);
void ioas_detach_access(struct iommufd *iommufd);
/* To be called when devices have been bound or are not any more: what the hardware can is looked at anew. */
void ioas_hardware_changed(struct host *host, struct iommufd *iommufd);

/* From now on mappings can be cut anywhere: STEP_MORE, or refused. */
enum step_result ioas_use_small_pages(struct host *host, struct op *op, struct iommufd *iommufd);

/* Removes every mapping. */
void ioas_clear(struct host *host, struct iommufd *iommufd);

#endif
