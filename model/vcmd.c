/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The virtual command interface: a guest writes a command to a vIOMMU, the host carries it out and leaves an answer,
 * the guest fetches that. Each of the three is a moment of its own, and each can fail.
 *
 * The host knows what was fetched, since it sees every access. An id that it has granted and nobody has fetched would
 * be lost; it goes back when the next command comes. An answer is fetched once: else a guest whose next command gets
 * lost would take it for the answer to that, and have an id twice.
 */
#include "host.h"

/* Faults happen once. */
static bool goes_wrong(struct viommu *viommu, enum vcmd_fault fault)
{
	if (viommu->fault != fault)
		return false;
	viommu->fault = VCMD_FAULT_NONE;
	return true;
}

/* The guest writes a command where none is pending. */
static void submit(struct host *host, struct op *op, const struct kernel *kernel, struct viommu *viommu,
		   uint32_t command, uint32_t operand)
{
	if (goes_wrong(viommu, VCMD_FAULT_REQUEST_LOST)) {
		hit(op, RULE_VCMD_LOST);
		return;
	}
	if (viommu->answer == RULE_VCMD_ALLOC && !viommu->fetched && !defect_on(host, DEFECT_IOASID_UNFETCHED_KEPT)) {
		ioasid_drop(&host->ioasids, guest_owner(kernel->index), viommu->id, viommu->id);
		hit(op, RULE_VCMD_UNFETCHED);
	}
	viommu->pending = true;
	viommu->command = command;
	viommu->operand = operand;
	viommu->answer = RULE_NONE;
	hit(op, RULE_VCMD_WRITE);
}

static enum rule grant(struct host *host, uint32_t guest, uint32_t *id)
{
	*id = ioasid_take(&host->ioasids, guest_owner(guest), IOASID_FIRST,
			  (uint32_t)profile_get(host, PROFILE_IOASID_LAST));
	return *id == NOTHING ? RULE_VCMD_FULL : RULE_VCMD_ALLOC;
}

static enum rule take_back(struct host *host, uint32_t guest, uint32_t id)
{
	const struct ioasid *found = ioasid_at(&host->ioasids, id);

	if (!found ||
	    (!ioasid_is_of(&host->ioasids, guest_owner(guest), id) && !defect_on(host, DEFECT_IOASID_FREES_FOREIGN)))
		return RULE_VCMD_FOREIGN;
	ioasid_drop(&host->ioasids, found->owner, id, id);
	return RULE_VCMD_FREE;
}

/* The host carries out what is pending, and answers. False if it does not get to it. */
static bool serve(struct host *host, struct op *op, const struct kernel *kernel, struct viommu *viommu)
{
	if (goes_wrong(viommu, VCMD_FAULT_HOST_BUSY))
		return false;
	if (goes_wrong(viommu, VCMD_FAULT_HOST_FAILS))
		viommu->answer = RULE_VCMD_FAILED;
	else if (viommu->command == VCMD_ALLOC)
		viommu->answer = grant(host, kernel->index, &viommu->id);
	else if (viommu->command == VCMD_FREE)
		viommu->answer = take_back(host, kernel->index, viommu->operand);
	else
		viommu->answer = RULE_VCMD_UNKNOWN;
	viommu->pending = viommu->fetched = false;
	viommu->shown = !goes_wrong(viommu, VCMD_FAULT_RESPONSE_LOST);
	hit(op, viommu->answer);
	return true;
}

/* The guest reads what became of its command; *@id if that granted one. */
static enum rule fetch(const struct host *host, struct viommu *viommu, uint32_t *id)
{
	if (viommu->pending)
		return RULE_VCMD_WAITING;
	if (goes_wrong(viommu, VCMD_FAULT_READ_LOST))
		return RULE_VCMD_UNREADABLE;
	if (viommu->answer == RULE_NONE || !viommu->shown ||
	    (viommu->fetched && !defect_on(host, DEFECT_IOASID_ANSWER_STAYS)))
		return RULE_VCMD_EMPTY;
	viommu->fetched = true;
	*id = viommu->id;
	return viommu->answer;
}

/* What cannot be understood is read again. */
static enum rule fetch_twice(const struct host *host, struct viommu *viommu, uint32_t *id)
{
	const enum rule rule = fetch(host, viommu, id);

	return rule == RULE_VCMD_UNREADABLE ? fetch(host, viommu, id) : rule;
}

enum rule vcmd_late_answer(struct host *host, const struct kernel *kernel, uint32_t *id)
{
	return fetch_twice(host, &kernel->guest->viommus[kernel->guest->allocator], id);
}

enum rule vcmd_exchange(struct host *host, struct op *op, const struct kernel *kernel, enum vcmd command,
			uint32_t operand, uint32_t *id)
{
	struct viommu *viommu = &kernel->guest->viommus[kernel->guest->allocator];
	enum rule rule;

	if (viommu->pending)
		return RULE_VCMD_BUSY;
	submit(host, op, kernel, viommu, command, operand);
	if (viommu->pending)
		serve(host, op, kernel, viommu);
	rule = fetch_twice(host, viommu, id);
	return rule == RULE_VCMD_WAITING || rule == RULE_VCMD_EMPTY ? RULE_VCMD_TIMEOUT : rule;
}

void vcmd_reset(struct host *host, const struct kernel *kernel)
{
	for (uint32_t i = 0; i < kernel->guest->viommu_count; i++) {
		struct viommu *viommu = &kernel->guest->viommus[i];

		viommu->pending = false;
		viommu->answer = RULE_NONE;
	}
	ioasid_drop(&host->ioasids, guest_owner(kernel->index), 0, UINT32_MAX);
}

/* A vIOMMU that the guest's allocator has not got for itself: STEP_MORE, or refused. */
static enum step_result find_spare(struct host *host, struct op *op, struct kernel *kernel, struct viommu **viommu)
{
	if (kernel_find_viommu(host, op, kernel, viommu) == STEP_DONE)
		return STEP_DONE;
	return kernel->guest->allocator == NOTHING ? STEP_MORE : refuse(op, RULE_VCMD_TAKEN);
}

enum step_result vcmd_write(struct host *host, struct op *op)
{
	struct kernel kernel;
	struct viommu *viommu;

	if (find_spare(host, op, &kernel, &viommu) == STEP_DONE)
		return STEP_DONE;
	if (viommu->pending)
		return refuse(op, RULE_VCMD_BUSY);
	submit(host, op, &kernel, viommu, (uint32_t)op->call->args[2], (uint32_t)op->call->args[3]);
	return finish(op, 0);
}

enum step_result vcmd_serve(struct host *host, struct op *op)
{
	struct kernel kernel;
	struct viommu *viommu;

	if (kernel_find_viommu(host, op, &kernel, &viommu) == STEP_DONE)
		return STEP_DONE;
	if (!viommu->pending)
		return refuse(op, RULE_VCMD_IDLE);
	return serve(host, op, &kernel, viommu) ? finish(op, 0) : refuse(op, RULE_VCMD_LATER);
}

enum step_result vcmd_read(struct host *host, struct op *op)
{
	struct kernel kernel;
	struct viommu *viommu;
	enum rule rule;
	uint32_t id;

	if (find_spare(host, op, &kernel, &viommu) == STEP_DONE)
		return STEP_DONE;
	rule = fetch(host, viommu, &id);
	if (rule != RULE_VCMD_ALLOC && rule != RULE_VCMD_FREE)
		return refuse(op, rule);
	hit(op, RULE_VCMD_READ);
	return finish(op, rule == RULE_VCMD_ALLOC ? id : 0);
}

enum step_result vcmd_fault(struct host *host, struct op *op)
{
	struct kernel kernel;
	struct viommu *viommu;

	if (kernel_find_viommu(host, op, &kernel, &viommu) == STEP_DONE)
		return STEP_DONE;
	if (op->call->args[2] >= VCMD_FAULT_COUNT)
		return refuse(op, RULE_VCMD_NO_FAULT);
	viommu->fault = (uint8_t)op->call->args[2];
	hit(op, RULE_VCMD_FAULT);
	return finish(op, 0);
}
