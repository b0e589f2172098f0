/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The allocator that a guest's IOMMU driver registers: it takes precedence over the guest's own, and gets every id from
 * the host, so that there is one namespace for all guests.
 *
 * Whatever goes wrong on the way, no id is lost and none is given out twice. An allocation without an answer has
 * failed, and the host takes back what was not fetched. A free without an answer leaves the id with nobody: it is asked
 * for again before anything else is, and where the host then says that it is not the guest's, the first attempt had
 * worked.
 */
#include "host.h"

/* What keeps an allocator from being registered, or RULE_IOA_SET. */
static enum rule may_register(const struct host *host, const struct guest *guest)
{
	if (guest->allocator != NOTHING && !defect_on(host, DEFECT_IOASID_SET_REPLACES))
		return RULE_IOA_SET_AGAIN;
	if (guest->ids.ids.count && !defect_on(host, DEFECT_IOASID_SET_LATE))
		return RULE_IOA_SET_LATE;
	return RULE_IOA_SET;
}

static void register_allocator(struct host *host, const struct kernel *kernel, uint32_t viommu)
{
	/* Ids that somebody has got without an allocator are nobody's now. */
	if (kernel->guest->allocator == NOTHING)
		vcmd_reset(host, kernel);
	kernel->guest->allocator = viommu;
}

/* As the driver does it: the allocator is told of its vIOMMU, then registered. */
static enum rule try_to_register(struct host *host, const struct kernel *kernel, uint32_t viommu)
{
	const enum rule rule = may_register(host, kernel->guest);

	if (rule == RULE_IOA_SET)
		register_allocator(host, kernel, viommu);
	else if (rule == RULE_IOA_SET_AGAIN && defect_on(host, DEFECT_IOASID_SET_REDIRECTS))
		kernel->guest->allocator = viommu;
	return rule;
}

enum step_result iommu_init(struct host *host, struct op *op)
{
	const bool careless = defect_on(host, DEFECT_IOASID_INIT_CARELESS);
	struct kernel kernel;
	uint32_t count;

	if (kernel_find_guest(host, op, &kernel) == STEP_DONE)
		return STEP_DONE;
	if (may_register(host, kernel.guest) == RULE_IOA_SET_LATE && !careless)
		return refuse(op, RULE_IOA_INIT_LATE);
	count = defect_on(host, DEFECT_IOASID_ONE_VIOMMU) ? 1 : kernel.guest->viommu_count;
	for (uint32_t i = 0; i < count; i++) {
		const enum rule rule = try_to_register(host, &kernel, i);

		kernel.guest->viommus[i].ready = true;
		hit(op, rule == RULE_IOA_SET ? RULE_IOA_INIT : RULE_IOA_INIT_MORE);
		if (rule == RULE_IOA_SET_AGAIN && defect_on(host, DEFECT_IOASID_INIT_BREAK))
			break;
	}
	return finish(op, 0);
}

enum step_result ioasid_set_allocator(struct host *host, struct op *op)
{
	struct viommu *viommu;
	struct kernel kernel;
	enum rule rule;

	if (kernel_find_viommu(host, op, &kernel, &viommu) == STEP_DONE)
		return STEP_DONE;
	if (!viommu->ready)
		return refuse(op, RULE_GST_NOT_READY);
	rule = try_to_register(host, &kernel, (uint32_t)op->call->args[1]);
	if (rule != RULE_IOA_SET)
		return refuse(op, rule);
	hit(op, RULE_IOA_SET);
	return finish(op, 0);
}

/* Nobody has this id any more, and the host is to have it back. */
static void let_go(const struct kernel *kernel, struct ioasid_owner owner, uint32_t id)
{
	ioasid_take(kernel->ids, owner, id, id);
	ioasid_at(kernel->ids, id)->leaving = true;
}

/* Nobody waits any more for an id that was granted late. */
static void fetch_late_answer(struct host *host, struct op *op, const struct kernel *kernel)
{
	uint32_t id;

	if (vcmd_late_answer(host, kernel, &id) != RULE_VCMD_ALLOC)
		return;
	let_go(kernel, (struct ioasid_owner){.kind = IOASID_OF_SET}, id);
	hit(op, RULE_IOA_ALLOC_LATE);
}

/* Frees what nobody has and the host has not said it has back: RULE_NONE, or what is in the way. */
static enum rule settle(struct host *host, struct op *op, const struct kernel *kernel)
{
	uint32_t at = 0;

	if (!defect_on(host, DEFECT_IOASID_LATE_TAKEN))
		fetch_late_answer(host, op, kernel);
	while (at < kernel->ids->ids.count) {
		const struct ioasid id = kernel->ids->ids.items[at];
		enum rule rule;
		uint32_t none;

		if (!id.leaving) {
			at++;
			continue;
		}
		rule = vcmd_exchange(host, op, kernel, VCMD_FREE, id.id, &none);
		if (rule != RULE_VCMD_FREE && rule != RULE_VCMD_FOREIGN)
			return rule;
		ioasid_drop(kernel->ids, id.owner, id.id, id.id);
		hit(op, RULE_IOA_SETTLED);
	}
	return RULE_NONE;
}

enum step_result ioasid_clear_allocator(struct host *host, struct op *op)
{
	struct kernel kernel;
	enum rule rule;

	if (kernel_find_guest(host, op, &kernel) == STEP_DONE)
		return STEP_DONE;
	if (kernel.guest->allocator == NOTHING)
		return refuse(op, RULE_IOA_CLEAR_NONE);
	rule = settle(host, op, &kernel);
	if (rule != RULE_NONE)
		return refuse(op, rule);
	if (kernel.ids->ids.count && !defect_on(host, DEFECT_IOASID_CLEAR_IN_USE))
		return refuse(op, RULE_IOA_CLEAR_IN_USE);
	kernel.guest->allocator = NOTHING;
	hit(op, RULE_IOA_CLEAR);
	return finish(op, 0);
}

enum step_result allocator_alloc(struct host *host, struct op *op, const struct kernel *kernel, uint32_t set,
				 uint32_t min, uint32_t max)
{
	const struct ioasid_owner owner = {.kind = IOASID_OF_SET, .index = set};
	enum rule rule = settle(host, op, kernel);
	uint32_t id = 0;

	if (rule != RULE_NONE)
		return refuse(op, rule);
	rule = vcmd_exchange(host, op, kernel, VCMD_ALLOC, 0, &id);
	if (rule != RULE_VCMD_ALLOC)
		return refuse(op, rule);
	if ((id >= min && id <= max) || defect_on(host, DEFECT_IOASID_RANGE_IGNORED)) {
		ioasid_take(kernel->ids, owner, id, id);
		hit(op, RULE_IOA_ALLOC_HOST);
		return finish(op, id);
	}
	if (!defect_on(host, DEFECT_IOASID_OUTSIDE_KEPT)) {
		let_go(kernel, owner, id);
		settle(host, op, kernel);
	}
	return refuse(op, RULE_IOA_ALLOC_OUTSIDE);
}

enum step_result allocator_free(struct host *host, struct op *op, const struct kernel *kernel, struct ioasid *id)
{
	const struct ioasid freed = *id;
	enum rule rule = settle(host, op, kernel);
	uint32_t none;

	if (rule != RULE_NONE)
		return refuse(op, rule);
	rule = vcmd_exchange(host, op, kernel, VCMD_FREE, freed.id, &none);
	if (rule == RULE_VCMD_FREE || defect_on(host, DEFECT_IOASID_FREE_UNCHECKED)) {
		ioasid_drop(kernel->ids, freed.owner, freed.id, freed.id);
		hit(op, RULE_IOA_FREE);
		return finish(op, 0);
	}
	if (rule != RULE_VCMD_TIMEOUT)
		return refuse(op, rule);
	let_go(kernel, freed.owner, freed.id);
	hit(op, RULE_IOA_FREE_LATER);
	return finish(op, 0);
}
