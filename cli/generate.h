/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What `generate` and `fuzz` have in common: a campaign from options. */
#ifndef VFIOSIM_CLI_GENERATE_H
#define VFIOSIM_CLI_GENERATE_H

#include "cli/cli.h"
#include "fuzz/campaign.h"

/* The campaign that the options of @command name. 0, or -1 with @diag. */
int campaign_options(struct campaign *campaign, const char *command, const struct options *options, struct diag *diag);

/*
 * The profile to plan with where none is named: that of the kernel which is to answer, because a program that expects
 * another one soon works on what is not there. The newest where that is not known.
 */
const char *usual_profile(const struct options *options);

#endif
