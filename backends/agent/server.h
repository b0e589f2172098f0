/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The agent's side of the protocol with the host.
 */
#ifndef VFIOSIM_AGENT_SERVER_H
#define VFIOSIM_AGENT_SERVER_H

/*
 * Serves the host on @channel until it says poweroff or goes away; then nothing of a run is left. Both
 * descriptors are own ones; @executable is this program. 0, or a negative errno if it could not start.
 */
int server_run(int channel, int executable);

#endif
