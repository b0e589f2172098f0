/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A campaign: many generated programs from one seed, each of which can be made again alone.
 */
#ifndef VFIOSIM_FUZZ_CAMPAIGN_H
#define VFIOSIM_FUZZ_CAMPAIGN_H

#include "generator.h"
#include "vfiosim/diag.h"
#include "vfiosim/trace.h"

struct campaign {
	uint64_t seed;
	uint64_t first, count; /* programs number first, first + 1, ... */
	const struct machine *machine;
	struct profile profile;
	struct generator_options options;
};

/* Program number @number of the campaign. NULL when memory is out. */
struct program *campaign_program(const struct campaign *campaign, uint64_t number);

/* Its name as a run of a trace: "seed-SEED-NUMBER". */
void campaign_run_name(const struct campaign *campaign, uint64_t number, char *name, size_t size);

/* The header of a trace with the campaign's programs: machine, profile, and what makes them again. */
void campaign_header(const struct campaign *campaign, struct trace_header *header);

/* Writes @program as a run; its events' answers as they are. 0, or -1 if it could not be written. */
int campaign_write_program(struct trace_writer *writer, const char *name, const struct program *program);

/* Writes all programs to @path, their answers unknown. 0, or -1 with @diag. */
int campaign_write(const struct campaign *campaign, const char *path, struct diag *diag);

/*
 * Writes all programs as inputs of the fuzz target to the folder @path, which is made if it is not there; each has the
 * name of its run. 0, or -1 with @diag.
 */
int campaign_write_inputs(const struct campaign *campaign, const char *path, struct diag *diag);

/* Writes the program that the fuzz target makes of the input in @input to @path, as a trace. 0, or -1 with @diag. */
int campaign_write_input(const char *input, const char *path, struct diag *diag);

#endif
