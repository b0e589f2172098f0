/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Guests, and how they ask their host for ids.
 */
#ifndef MODEL_GUEST_H
#define MODEL_GUEST_H

#include "op.h"

/* ---- virtual machines: guest.c --------------------------------------------------------- */

/* Its last descriptor is closed: what it had from the host goes back. */
void guest_release(struct host *host, uint32_t guest);

/* The owner of a guest's ids in the namespace of the host. */
static inline struct ioasid_owner guest_owner(uint32_t guest)
{
	return (struct ioasid_owner){.kind = IOASID_OF_GUEST, .index = guest};
}

/* The kernel that a call is made in. */
struct kernel {
	struct ioasid_space *ids;
	struct guest *guest; /* NULL: the host's own */
	uint32_t index;	     /* of the guest */
};

/* The kernel that the first argument names: STEP_MORE, or refused. */
enum step_result kernel_find(struct host *host, struct op *op, struct kernel *kernel);
/* The same where only a guest will do, and for the vIOMMU that the second argument names. */
enum step_result kernel_find_guest(struct host *host, struct op *op, struct kernel *kernel);
enum step_result kernel_find_viommu(struct host *host, struct op *op, struct kernel *kernel, struct viommu **viommu);

/* ---- the virtual command interface: vcmd.c --------------------------------------------- */

handler_fn vcmd_write, vcmd_serve, vcmd_read, vcmd_fault;

/*
 * One command of the guest's kernel with its answer. Gives the rule that says what became of it:
 * VCMD_ALLOC (with *@id) and VCMD_FREE are done; VCMD_TIMEOUT may be, now or later; all others are not.
 */
enum rule vcmd_exchange(struct host *host, struct op *op, const struct kernel *kernel, enum vcmd command,
			uint32_t operand, uint32_t *id);

/*
 * What an earlier command of the guest's kernel has come to, for which it had not waited: VCMD_ALLOC with *@id,
 * VCMD_WAITING, or what is of no interest any more.
 */
enum rule vcmd_late_answer(struct host *host, const struct kernel *kernel, uint32_t *id);

/* Makes all vIOMMUs of a guest forget their commands, and takes back what the guest has got by them. */
void vcmd_reset(struct host *host, const struct kernel *kernel);

/* ---- the allocator that asks the host: allocator.c --------------------------------------- */

handler_fn iommu_init, ioasid_set_allocator, ioasid_clear_allocator;

/* Gives @set of the guest an id of [min, max]: refused, or finished with the id. */
enum step_result allocator_alloc(struct host *host, struct op *op, const struct kernel *kernel, uint32_t set,
				 uint32_t min, uint32_t max);
/* Frees an id that the guest has, and nobody uses. */
enum step_result allocator_free(struct host *host, struct op *op, const struct kernel *kernel, struct ioasid *id);

#endif
