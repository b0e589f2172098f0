/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The generator: one seed, one program.
 *
 * Programs are meant to get deep and to be refused in every way: most begin like a driver
 * (container, group, IOMMU, device), perturbed here and there, and go on with calls whose
 * arguments are partly right and partly wrong in interesting ways. The model runs along, so
 * that right arguments can be known; a call that it does not know is left out.
 */
#ifndef VFIOSIM_FUZZ_GENERATOR_H
#define VFIOSIM_FUZZ_GENERATOR_H

#include "program.h"
#include "vfiosim/machine.h"
#include "vfiosim/profile.h"

/* Changes whenever the generator begins to make other programs of the same seeds; a model that learns may, too. */
#define GENERATOR_VERSION 4

struct generator_options {
	uint32_t calls_min,
	    calls_max;	  /* length of a program, both included; it is shorter when all its tasks have exited */
	bool destructive; /* calls that make kernels complain or die may be among them */
};

extern const struct generator_options generator_defaults;

/*
 * The program of @seed for @machine, as @profile knows calls. The same arguments give the same
 * program on every host. NULL when memory is out.
 */
struct program *generate_program(uint64_t seed, const struct machine *machine, const struct profile *profile,
				 const struct generator_options *options);

#endif
