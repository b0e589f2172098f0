/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the benchmarks share: a clock, and calls to the model of which none may fail to be modelled.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "vfiosim/model.h"

/* Seconds of processor time that the program has taken: others on the same machine do not count. */
double seconds(void);
/* Ends the program: what was set up is not as it should be. */
void fail(const char *what) __attribute__((noreturn));

/* Of task 1. Give what the call returns, a value or a negative errno. */
int64_t call(struct host *host, struct call *call);
int64_t call_open(struct host *host, const char *path);
/* With @bytes as the argument's memory, or without them @value. */
int64_t call_ioctl(struct host *host, int64_t fd, const char *name, const void *bytes, uint32_t length, uint64_t value);

/* A number that follows from the one before, which is not 0. */
uint64_t next_random(uint64_t *state);

/* TCE tables: how fast entries are put, by how many there are, and what a table takes of memory. */
void bench_tce(void);

#endif
