/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Answers: a call that was observed, made on a model, and what of the answer the model does not give.
 */
#ifndef VFIOSIM_CHECK_ANSWER_H
#define VFIOSIM_CHECK_ANSWER_H

#include "vfiosim/judge.h"

/*
 * Makes the observed call on @host. What a kernel is free to choose (descriptors, addresses, numbers of tasks), the
 * model takes from what was observed, as it does what the program has locked unseen. @outcome is valid until the next
 * call on @host.
 */
void answer_call(struct host *host, const struct event *event, struct outcome *outcome);

/* What of the observed answer is not as in @outcome, which is modelled; of MISMATCH_BYTES @finding gets the place. */
enum mismatch answer_compare(const struct event *event, const struct outcome *outcome, struct finding *finding);

#endif
