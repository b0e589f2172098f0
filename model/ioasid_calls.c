/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What a kernel asks of its ids, whichever allocator they come from: to allocate one in a set, to look one up, to bind
 * it to a device, to free it.
 */
#include "host.h"

static enum step_result ioasid_alloc(struct host *host, struct op *op)
{
	const uint64_t *args = op->call->args;
	const uint32_t set = (uint32_t)args[1], min = (uint32_t)args[2], max = (uint32_t)args[3];
	struct kernel kernel;
	uint32_t id;

	if (kernel_find(host, op, &kernel) == STEP_DONE)
		return STEP_DONE;
	if (kernel.guest && kernel.guest->allocator != NOTHING && !defect_on(host, DEFECT_IOASID_DEFAULT_FIRST))
		return allocator_alloc(host, op, &kernel, set, min, max);
	id = ioasid_take(kernel.ids, (struct ioasid_owner){.kind = IOASID_OF_SET, .index = set},
			 min > IOASID_FIRST ? min : IOASID_FIRST, max < IOASID_LAST ? max : IOASID_LAST);
	if (id == NOTHING)
		return refuse(op, RULE_IOA_ALLOC_FULL);
	hit(op, RULE_IOA_ALLOC);
	return finish(op, id);
}

/* Whether @set may have to do with an id: 0 stands for all sets of a kernel, but not for its guests. */
static bool set_has(uint32_t set, const struct ioasid *id)
{
	return id->owner.kind == IOASID_OF_SET && (!set || set == id->owner.index);
}

/* The id that the third argument names, which is not on its way back; NULL if there is none. */
static struct ioasid *named(const struct kernel *kernel, const struct op *op)
{
	struct ioasid *id = ioasid_at(kernel->ids, (uint32_t)op->call->args[2]);

	return id && !id->leaving ? id : NULL;
}

static enum step_result ioasid_free(struct host *host, struct op *op)
{
	struct kernel kernel;
	struct ioasid *id;

	if (kernel_find(host, op, &kernel) == STEP_DONE)
		return STEP_DONE;
	id = named(&kernel, op);
	if (!id)
		return refuse(op, RULE_IOA_FREE_UNKNOWN);
	if (!set_has((uint32_t)op->call->args[1], id) && !defect_on(host, DEFECT_IOASID_FREES_ANY))
		return refuse(op, RULE_IOA_FOREIGN);
	if (defect_on(host, DEFECT_IOASID_FREE_INVERTED) ? !id->bound
							 : id->bound && !defect_on(host, DEFECT_IOASID_FREE_BOUND))
		return refuse(op, RULE_IOA_FREE_BOUND);
	if (kernel.guest && kernel.guest->allocator != NOTHING)
		return allocator_free(host, op, &kernel, id);
	ioasid_drop(kernel.ids, id->owner, id->id, id->id);
	hit(op, RULE_IOA_FREE);
	return finish(op, 0);
}

/* An id that is there, and the set's; NULL if the operation is refused. */
static struct ioasid *find_own(struct op *op, const struct kernel *kernel, uint32_t set)
{
	struct ioasid *id = named(kernel, op);

	if (id && set_has(set, id))
		return id;
	refuse(op, id ? RULE_IOA_FOREIGN : RULE_IOA_UNKNOWN);
	return NULL;
}

static enum step_result ioasid_find(struct host *host, struct op *op)
{
	const struct ioasid *id;
	struct kernel kernel;
	int64_t count = 0;

	if (kernel_find(host, op, &kernel) == STEP_DONE)
		return STEP_DONE;
	id = find_own(op, &kernel, (uint32_t)op->call->args[1]);
	if (!id)
		return STEP_DONE;
	for (uint32_t bound = id->bound; bound; bound &= bound - 1)
		count++;
	hit(op, RULE_IOA_FIND);
	return finish(op, count);
}

/* The id that is to be bound, and as a bit the device behind an IOMMU, of which the host has one; NULL as above. */
static struct ioasid *find_binding(struct host *host, struct op *op, uint32_t *device)
{
	const uint64_t index = op->call->args[1];
	struct kernel kernel;

	if (kernel_find(host, op, &kernel) == STEP_DONE)
		return NULL;
	if (index >= (kernel.guest ? kernel.guest->viommu_count : 1)) {
		refuse(op, RULE_GST_NO_VIOMMU);
		return NULL;
	}
	if (kernel.guest && !kernel.guest->viommus[index].ready) {
		refuse(op, RULE_GST_NOT_READY);
		return NULL;
	}
	*device = UINT32_C(1) << index;
	return find_own(op, &kernel, 0);
}

static enum step_result ioasid_bind(struct host *host, struct op *op)
{
	uint32_t device = 0;
	struct ioasid *id = find_binding(host, op, &device);

	if (!id)
		return STEP_DONE;
	if (id->bound & device)
		return refuse(op, RULE_IOA_BIND_AGAIN);
	id->bound |= device;
	hit(op, RULE_IOA_BIND);
	return finish(op, 0);
}

static enum step_result ioasid_unbind(struct host *host, struct op *op)
{
	uint32_t device = 0;
	struct ioasid *id = find_binding(host, op, &device);

	if (!id)
		return STEP_DONE;
	if (!(id->bound & device))
		return refuse(op, RULE_IOA_UNBIND_NONE);
	id->bound &= ~device;
	hit(op, RULE_IOA_UNBIND);
	return finish(op, 0);
}

handler_fn *ioasid_call_handler(enum call_op op)
{
	switch (op) {
	case CALL_IOASID_ALLOC:
		return ioasid_alloc;
	case CALL_IOASID_FREE:
		return ioasid_free;
	case CALL_IOASID_FIND:
		return ioasid_find;
	case CALL_IOASID_BIND:
		return ioasid_bind;
	case CALL_IOASID_UNBIND:
		return ioasid_unbind;
	default:
		return NULL;
	}
}
