/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the two files of TYPE1 share.
 */
#ifndef MODEL_TYPE1_H
#define MODEL_TYPE1_H

#include "host.h"

/* The instance behind the container that the call went to; there is one. */
struct type1 *op_type1(struct host *host, const struct op *op);

/* Takes a mapping out of an instance, gives its charge and its entry back. */
void type1_remove(struct host *host, struct type1 *iommu, const struct range *mapping);

#endif
