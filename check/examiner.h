/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The examiner: what must hold after every call, whatever was called, and what two models must agree on.
 *
 * It needs no kernel to compare with. A model that passes may still be wrong; one that does not is.
 */
#ifndef VFIOSIM_CHECK_EXAMINER_H
#define VFIOSIM_CHECK_EXAMINER_H

#include "vfiosim/model.h"

struct examiner {
	struct host_digest last; /* of the host after the call before */
};

/* Begins with a host as it is. */
void examiner_begin(struct examiner *examiner, const struct host *host);

/*
 * Whether all is well after @call had @outcome on @host, which is the host of the call before: the audit finds nothing,
 * and a call that was refused, or is not modelled, has changed nothing, unless its rule says that it does. NULL, or
 * what is wrong, valid until the host is used again.
 */
const char *examiner_call(struct examiner *examiner, struct host *host, const struct outcome *outcome);

/* Ends every task of @host: NULL if nothing is left of what they had, or what is wrong. */
const char *examiner_end(struct host *host);

/* What tells two answers to the same call apart: NULL, or in which way they differ. */
const char *outcome_difference(const struct call *call, const struct outcome *a, const struct outcome *b);

#endif
