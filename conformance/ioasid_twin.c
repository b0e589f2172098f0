/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The proposal once more, as plainly as it can be written down.
 */
#include "ioasid_twin.h"

#include <errno.h>
#include <string.h>

enum { HOST = -1 };

/* Points at which an exchange goes wrong. */
enum { SOUND, REQUEST_LOST, HOST_BUSY, HOST_FAILS, RESPONSE_LOST, READ_LOST, POINTS };

void twin_begin(struct twin *twin, uint32_t last)
{
	memset(twin, 0, sizeof(*twin));
	twin->last = last;
}

/* ---- the host ------------------------------------------------------------------------------- */

static int64_t host_grants(struct twin *twin, int guest)
{
	for (uint32_t id = 1; id <= twin->last; id++) {
		if (!twin->ids[id].taken) {
			twin->ids[id] = (struct twin_id){.taken = true, .guest = guest};
			return id;
		}
	}
	return -ENOSPC;
}

static int64_t host_takes(struct twin *twin, int guest, uint64_t id)
{
	if (id >= TWIN_IDS || !twin->ids[id].taken || twin->ids[id].guest != guest)
		return -EINVAL;
	twin->ids[id].taken = false;
	return 0;
}

static void host_forgets(struct twin *twin, int guest)
{
	for (uint32_t id = 0; id < TWIN_IDS; id++)
		if (twin->ids[id].taken && twin->ids[id].guest == guest)
			twin->ids[id].taken = false;
}

/* ---- one vIOMMU -------------------------------------------------------------------------------- */

static bool fails_at(struct twin_viommu *viommu, uint64_t point)
{
	bool fails = viommu->fault == point;

	if (fails)
		viommu->fault = SOUND;
	return fails;
}

static void guest_writes(struct twin *twin, int guest, struct twin_viommu *viommu, uint64_t command, uint64_t id)
{
	if (fails_at(viommu, REQUEST_LOST))
		return;
	if (viommu->granted && !viommu->fetched)
		host_takes(twin, guest, (uint64_t)viommu->answer);
	viommu->pending = true;
	viommu->command = command;
	viommu->operand = id;
	viommu->granted = viommu->shown = false;
}

static int64_t host_serves(struct twin *twin, int guest, struct twin_viommu *viommu)
{
	if (fails_at(viommu, HOST_BUSY))
		return -EAGAIN;
	viommu->granted = false;
	if (fails_at(viommu, HOST_FAILS)) {
		viommu->answer = -EIO;
	} else if (viommu->command == 1) {
		viommu->answer = host_grants(twin, guest);
		viommu->granted = viommu->answer > 0;
	} else if (viommu->command == 2) {
		viommu->answer = host_takes(twin, guest, viommu->operand);
	} else {
		viommu->answer = -EINVAL;
	}
	viommu->pending = viommu->fetched = false;
	viommu->shown = !fails_at(viommu, RESPONSE_LOST);
	return 0;
}

static int64_t guest_reads(struct twin_viommu *viommu, bool *answered)
{
	*answered = false;
	if (viommu->pending)
		return -EBUSY;
	if (fails_at(viommu, READ_LOST))
		return -EIO;
	if (!viommu->shown || viommu->fetched)
		return -ENODATA;
	*answered = viommu->fetched = true;
	return viommu->answer;
}

/* A command of the guest's allocator, from its writing to the reading of what came of it. */
static int64_t guest_asks(struct twin *twin, int number, uint64_t command, uint64_t id)
{
	struct twin_guest *guest = &twin->guests[number];
	struct twin_viommu *viommu = &guest->viommu[guest->allocator];
	bool answered;
	int64_t answer;

	if (viommu->pending)
		return -EBUSY;
	guest_writes(twin, number, viommu, command, id);
	if (viommu->pending)
		host_serves(twin, number, viommu);
	answer = guest_reads(viommu, &answered);
	if (!answered && answer == -EIO)
		answer = guest_reads(viommu, &answered);
	return answered ? answer : -ETIMEDOUT;
}

/* ---- a guest's allocator ------------------------------------------------------------------------- */

/* An id for which the guest no longer waited has come: it is to be freed like others that nobody has. */
static void guest_looks(struct twin *twin, int number)
{
	struct twin_guest *guest = &twin->guests[number];
	struct twin_viommu *viommu = &guest->viommu[guest->allocator];
	bool answered;
	int64_t answer = guest_reads(viommu, &answered);

	if (answer == -EIO && !answered)
		answer = guest_reads(viommu, &answered);
	if (answered && viommu->granted)
		guest->ids[answer] = (struct twin_id){.taken = true, .leaving = true, .guest = -1};
}

static int64_t guest_settles(struct twin *twin, int number)
{
	guest_looks(twin, number);
	for (uint32_t id = 0; id < TWIN_IDS; id++) {
		struct twin_id *mine = &twin->guests[number].ids[id];
		int64_t answer;

		if (!mine->taken || !mine->leaving)
			continue;
		answer = guest_asks(twin, number, 2, id);
		if (answer && answer != -EINVAL)
			return answer;
		mine->taken = false;
	}
	return 0;
}

static int64_t guest_allocates(struct twin *twin, int number, uint32_t set, uint64_t min, uint64_t max)
{
	int64_t answer = guest_settles(twin, number);
	struct twin_id *mine;

	if (answer)
		return answer;
	answer = guest_asks(twin, number, 1, 0);
	if (answer < 0)
		return answer;
	mine = &twin->guests[number].ids[answer];
	*mine = (struct twin_id){.taken = true, .set = set, .guest = -1};
	if ((uint64_t)answer >= min && (uint64_t)answer <= max)
		return answer;
	mine->leaving = true;
	guest_settles(twin, number);
	return -ENOSPC;
}

static int64_t guest_frees(struct twin *twin, int number, uint32_t id)
{
	struct twin_id *mine = &twin->guests[number].ids[id];
	int64_t answer = guest_settles(twin, number);

	if (answer)
		return answer;
	answer = guest_asks(twin, number, 2, id);
	if (!answer)
		mine->taken = false;
	if (answer == -ETIMEDOUT)
		mine->leaving = true;
	return answer == -ETIMEDOUT ? 0 : answer;
}

static bool guest_has_any(const struct twin_guest *guest)
{
	for (uint32_t id = 0; id < TWIN_IDS; id++)
		if (guest->ids[id].taken)
			return true;
	return false;
}

static int64_t guest_registers(struct twin *twin, int number, int viommu)
{
	struct twin_guest *guest = &twin->guests[number];

	if (guest->allocator >= 0)
		return -EBUSY;
	if (guest_has_any(guest))
		return -EAGAIN;
	for (uint32_t i = 0; i < guest->viommus; i++)
		guest->viommu[i].pending = guest->viommu[i].granted = guest->viommu[i].shown = false;
	host_forgets(twin, number);
	guest->allocator = viommu;
	return 0;
}

static int64_t guest_starts(struct twin *twin, int number)
{
	struct twin_guest *guest = &twin->guests[number];

	if (guest->allocator < 0 && guest_has_any(guest))
		return -EAGAIN;
	for (uint32_t i = 0; i < guest->viommus; i++) {
		guest_registers(twin, number, (int)i);
		guest->viommu[i].ready = true;
	}
	return 0;
}

static int64_t guest_clears(struct twin *twin, int number)
{
	struct twin_guest *guest = &twin->guests[number];
	int64_t answer;

	if (guest->allocator < 0)
		return -EINVAL;
	answer = guest_settles(twin, number);
	if (answer)
		return answer;
	if (guest_has_any(guest))
		return -EBUSY;
	guest->allocator = -1;
	return 0;
}

/* ---- calls ----------------------------------------------------------------------------------------- */

static int64_t make_guest(struct twin *twin, uint64_t viommus)
{
	int number = 0;

	if (!viommus || viommus > TWIN_VIOMMUS)
		return -EINVAL;
	while (twin->guests[number].alive)
		number++;
	memset(&twin->guests[number], 0, sizeof(twin->guests[number]));
	twin->guests[number].alive = true;
	twin->guests[number].viommus = (uint32_t)viommus;
	twin->guests[number].allocator = -1;
	return TWIN_FD + number;
}

static int64_t allocate(struct twin_id *ids, uint32_t set, uint64_t min, uint64_t max)
{
	for (uint64_t id = min ? min : 1; id <= max && id < TWIN_IDS; id++) {
		if (!ids[id].taken) {
			ids[id] = (struct twin_id){.taken = true, .set = set, .guest = -1};
			return (int64_t)id;
		}
	}
	return -ENOSPC;
}

/* Calls about one id. */
static int64_t call_about_id(struct twin *twin, int number, const struct call *call)
{
	struct twin_guest *guest = number == HOST ? NULL : &twin->guests[number];
	const uint64_t which = call->args[1], id = call->args[2];
	struct twin_id *mine = guest ? guest->ids : twin->ids;
	const bool binding = call->op == CALL_IOASID_BIND || call->op == CALL_IOASID_UNBIND;
	int64_t bound = 0;

	if (binding && which >= (guest ? guest->viommus : 1))
		return -ENODEV;
	if (binding && guest && !guest->viommu[which].ready)
		return -ENODEV;
	mine = id < TWIN_IDS && mine[id].taken && !mine[id].leaving ? &mine[id] : NULL;
	if (!mine)
		return call->op == CALL_IOASID_FREE ? -EBUSY : -ENOENT;
	if (mine->guest >= 0 || (!binding && which && which != mine->set))
		return -EACCES;
	for (int i = 0; i < TWIN_VIOMMUS; i++)
		bound += mine->bound[i];
	if (call->op == CALL_IOASID_FIND)
		return bound;
	if (call->op == CALL_IOASID_BIND) {
		if (mine->bound[which])
			return -EBUSY;
		mine->bound[which] = true;
		return 0;
	}
	if (call->op == CALL_IOASID_UNBIND) {
		if (!mine->bound[which])
			return -EINVAL;
		mine->bound[which] = false;
		return 0;
	}
	if (bound)
		return -EBUSY;
	if (guest && guest->allocator >= 0)
		return guest_frees(twin, number, (uint32_t)id);
	mine->taken = false;
	return 0;
}

/* Calls about one vIOMMU of a guest. */
static int64_t call_about_viommu(struct twin *twin, int number, const struct call *call)
{
	struct twin_guest *guest;
	struct twin_viommu *viommu;
	bool answered;

	if (number == HOST || call->args[1] >= twin->guests[number].viommus)
		return -ENODEV;
	guest = &twin->guests[number];
	viommu = &guest->viommu[call->args[1]];
	switch (call->op) {
	case CALL_IOASID_SET_ALLOCATOR:
		return viommu->ready ? guest_registers(twin, number, (int)call->args[1]) : -ENODEV;
	case CALL_VCMD_FAULT:
		if (call->args[2] >= POINTS)
			return -EINVAL;
		viommu->fault = call->args[2];
		return 0;
	case CALL_VCMD_SERVE:
		return viommu->pending ? host_serves(twin, number, viommu) : -EAGAIN;
	case CALL_VCMD_READ:
		return guest->allocator >= 0 ? -EBUSY : guest_reads(viommu, &answered);
	default:
		if (guest->allocator >= 0 || viommu->pending)
			return -EBUSY;
		guest_writes(twin, number, viommu, call->args[2], call->args[3]);
		return 0;
	}
}

static int64_t call_of_kernel(struct twin *twin, int number, const struct call *call)
{
	struct twin_guest *guest = number == HOST ? NULL : &twin->guests[number];
	const uint64_t *args = call->args;

	switch (call->op) {
	case CALL_IOMMU_INIT:
		return guest ? guest_starts(twin, number) : -ENODEV;
	case CALL_IOASID_CLEAR_ALLOCATOR:
		return guest ? guest_clears(twin, number) : -ENODEV;
	case CALL_IOASID_ALLOC:
		if (guest && guest->allocator >= 0)
			return guest_allocates(twin, number, (uint32_t)args[1], args[2], args[3]);
		return allocate(guest ? guest->ids : twin->ids, (uint32_t)args[1], args[2], args[3]);
	case CALL_IOASID_FREE:
	case CALL_IOASID_FIND:
	case CALL_IOASID_BIND:
	case CALL_IOASID_UNBIND:
		return call_about_id(twin, number, call);
	default:
		return call_about_viommu(twin, number, call);
	}
}

int64_t twin_call(struct twin *twin, const struct call *call)
{
	const int fd = (int)(uint32_t)call->args[0], number = fd == HOST ? HOST : fd - TWIN_FD;

	if (call->op == CALL_GUEST)
		return make_guest(twin, call->args[0]);
	if (number != HOST && !twin->guests[number].alive)
		return -EBADF;
	if (call->op == CALL_CLOSE) {
		twin->guests[number].alive = false;
		host_forgets(twin, number);
		return 0;
	}
	return call_of_kernel(twin, number, call);
}
