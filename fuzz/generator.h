/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The generator: draws become a program.
 *
 * Programs are meant to get deep and to be refused in every way: most begin like a driver
 * (container, group, IOMMU, device), perturbed here and there, and go on with calls whose
 * arguments are partly right and partly wrong in interesting ways. The model runs along, so
 * that right arguments can be known; a call that it does not know is left out.
 */
#ifndef VFIOSIM_FUZZ_GENERATOR_H
#define VFIOSIM_FUZZ_GENERATOR_H

#include "draws.h"
#include "program.h"
#include "vfiosim/machine.h"
#include "vfiosim/model.h"

/* Changes whenever the generator begins to make other programs of the same seeds; a model that learns may, too. */
#define GENERATOR_VERSION 9

struct generator_options {
	uint32_t calls_min,
	    calls_max;	  /* length of a program, both included; it is shorter when all its tasks have exited */
	bool destructive; /* calls that make kernels complain or die may be among them */
};

extern const struct generator_options generator_defaults;

/* Is told of each call, and what @host answered, also when it is not modelled. False: the program ends here. */
typedef bool generator_watch_fn(void *context, struct host *host, const struct call *call,
				const struct outcome *outcome);

/* Makes programs for one machine, as one profile knows calls, one after the other. */
struct generator;

/* @machine must outlive the generator. NULL when memory is out. */
struct generator *generator_new(const struct machine *machine, const struct profile *profile);
void generator_free(struct generator *generator);

/*
 * The program of these draws; @watch may be NULL. The same draws give the same program on every host. It belongs to
 * the generator, until it makes the next one. NULL when memory is out.
 */
struct program *generator_make(struct generator *generator, struct draws *draws,
			       const struct generator_options *options, generator_watch_fn *watch, void *context);

/* The model at the end of the last program. */
struct host *generator_host(struct generator *generator);

/* The program of @seed; the caller's. @tape takes the draws down, unless it is NULL. NULL when memory is out. */
struct program *generate_program(uint64_t seed, const struct machine *machine, const struct profile *profile,
				 const struct generator_options *options, struct tape *tape);

#endif
