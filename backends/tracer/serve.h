/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Recording for a host: the agent's side of its `record` request.
 *
 *	host                            agent
 *	record COUNT                    event EVENT        an event line of a trace
 *	argument TEXT                   stdout TEXT        what the program wrote
 *	environment NAME=VALUE          stderr TEXT
 *	directory TEXT                  exited STATUS      the last line: as tracer_run() tells it
 *	(COUNT lines, in any order)     error TEXT         or this, if there was no recording
 *
 * In TEXT a backslash, a newline and a NUL are written \\, \n and \0.
 */
#ifndef VFIOSIM_TRACER_SERVE_H
#define VFIOSIM_TRACER_SERVE_H

#include <stddef.h>

/*
 * Runs the program that @lines describe (@length bytes, changed in place), with an empty standard input, and
 * writes what becomes of it to @channel. Returns 0 when the last line is out, or a negative errno if
 * the channel does not take it.
 */
int tracer_serve(int channel, char *lines, size_t length);

/* The longest text that wire_escape() makes of @length bytes, its NUL included. */
#define WIRE_SIZE(length) (2 * (length) + 1)

/* Writes @length bytes as TEXT into @text, with a NUL. Returns the length. */
size_t wire_escape(char *text, const char *bytes, size_t length);

/* Turns TEXT back into bytes, in place, with a NUL. Returns how many. */
size_t wire_unescape(char *text);

#endif
