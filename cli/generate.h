/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What `generate` and `fuzz` have in common: a campaign from options. */
#ifndef VFIOSIM_CLI_GENERATE_H
#define VFIOSIM_CLI_GENERATE_H

#include "cli/cli.h"
#include "fuzz/campaign.h"

/* The campaign that the options of @command name. 0, or -1 with @diag. */
int campaign_options(struct campaign *campaign, const char *command, const struct options *options, struct diag *diag);

#endif
