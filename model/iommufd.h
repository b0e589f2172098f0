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
 * A device begins to translate by the address space: the first one makes mappings answer for what nobody asked before
 * (STEP_DONE: refused), and pins all of them.
 */
enum step_result ioas_attach(struct host *host, struct op *op, struct iommufd *iommufd);
/* A device has gone; the last one lets go of the pages. */
void ioas_detach(struct host *host, struct iommufd *iommufd);

/* From now on mappings can be cut anywhere: STEP_MORE, or refused. */
enum step_result ioas_use_small_pages(struct host *host, struct op *op, struct iommufd *iommufd);

/* Removes every mapping. */
void ioas_clear(struct host *host, struct iommufd *iommufd);

#endif
