/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The parts of host_audit(): each gives what does not add up, or NULL.
 */
#ifndef VFIOSIM_MODEL_AUDIT_H
#define VFIOSIM_MODEL_AUDIT_H

#include "host.h"

/* What an audit has to say, in memory of @host's own, until the next audit. */
const char *audit_says(struct host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Guests live as long as their files, and every PASID and IOASID has an owner that does and knows of it. */
const char *audit_ids(struct host *host);

#endif
