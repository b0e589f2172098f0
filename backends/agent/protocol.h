/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The agent protocol: text lines over a byte stream.
 *
 * The host speaks first; the agent answers everything in order, so that the host may
 * send ahead. EVENT is one event line of a trace, as event_print() writes it.
 *
 *	host                            agent
 *	hello                           agent VERSION release=... arch=... page-size=... and what
 *	                                probes found, each as the FIELD=VALUE of a profile
 *	begin NAME                      begun
 *	calls TASK THREAD COUNT         answers K
 *	EVENT (COUNT lines)             EVENT (K lines); as often as it takes to answer COUNT
 *	end                             ended
 *	record COUNT                    see tracer/serve.h
 *	counters                        counters K
 *	                                NAME HEX (K lines): each counter file of a kernel that counts
 *	                                the lines that it executes
 *	poweroff                        nothing: the stream ends, and in a guest the machine stops
 *
 * Instead of any answer there may be `error TEXT`: the request was given up where it was.
 * After an error only `end` makes sense.
 *
 * calls: all go to one thread, in order. One that ends its program (exit, exec) must be the last.
 * A call whose answer is known carries a wish: the agent moves the descriptor, address or number
 * that it got to the one in the answer, if that is free, so that later calls find what they name.
 * Payload bytes after the call are not sent to the agent: it takes `out` as `in`.
 *
 * ended: every task of the run has been reaped, so everything that it held is released.
 *
 * Inside the agent, the server speaks to each thread of a run in the same way:
 *
 *	server                          thread
 *	calls COUNT                     answers K
 *	EVENT (COUNT lines)             EVENT (K lines)
 *	                                spawn task WISH | spawn thread WISH
 *	number N (and its channel)      spawned PID | unspawned
 *	refused                         nothing
 *	                                execed       the program was replaced; other threads are gone
 *	                                exiting      the last answers follow, then the process ends
 *	                                error TEXT
 */
#ifndef VFIOSIM_AGENT_PROTOCOL_H
#define VFIOSIM_AGENT_PROTOCOL_H

#define AGENT_VERSION 2

/* Most calls and bytes of one `calls` request; one line alone may be as long as TRACE_LINE_MAX. */
#define AGENT_CALLS_MAX 1024u
#define AGENT_BATCH_MAX (64u << 20)

#endif
