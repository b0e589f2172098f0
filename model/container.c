/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Containers: /dev/vfio/vfio. A container lives until its file and its last group let
 * go of it, in whatever order; its IOMMU lives from SET_IOMMU to the last group's leaving.
 *
 * What answers for the IOMMU is an IOMMU driver. Which one a container may have is a matter of the machine, and of
 * its groups. (An iommufd in the place of a container is a file of its own: iommufd.c.)
 */
#include "host.h"
#include "spapr.h"
#include "tce_put.h"
#include "vfiosim/uapi.h"

/* An IOMMU driver, as far as containers deal with it. An instance of it is named by its index in the driver's table. */
struct container_driver {
	bool noiommu;		/* for noiommu groups, and for nothing else */
	bool parts_first;	/* the last group is out in a step of its own, before the instance goes */
	enum ioctl_owner owner; /* whose ioctls a container with it answers */
	/* Whether this machine's kernel has it; NULL: every kernel does. */
	bool (*present)(const struct host *host);
	/* What CHECK_EXTENSION answers; @iommu may be NOTHING. */
	int64_t (*check_extension)(const struct host *host, uint32_t iommu, uint64_t extension);
	/* SET_IOMMU with a type that is an extension of the driver: a new instance without groups. STEP_MORE, or
	 * refused. */
	enum step_result (*begin)(struct host *host, struct op *op, uint64_t type, uint32_t *iommu);
	void (*release)(struct host *host, uint32_t iommu);
	/* A group joins an instance: refused with everything as it was, or STEP_MORE. */
	enum step_result (*join)(struct host *host, struct op *op, uint32_t iommu, uint32_t group);
	/* A group leaves; the instance stays. RULE_NONE, or what that brings besides, for those that stay. */
	enum rule (*leave)(struct host *host, uint32_t group);
	handler_fn *map_dma, *unmap_dma, *unknown_ioctl;
	/* What a device reaches at an IOVA, or the rule by which it reaches nothing. */
	enum rule (*translate)(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			       struct run *run);
};

/* ---- without a driver ----------------------------------------------------------------------- */

static enum step_result bare_unknown_ioctl(struct host *host, struct op *op)
{
	return refuse(op, defect_on(host, DEFECT_NO_IOMMU_NO_TYPE) ? RULE_FD_UNKNOWN_IOCTL : RULE_CT_NO_IOMMU_YET);
}

/* ---- TYPE1 ---------------------------------------------------------------------------------- */

static bool type1_present(const struct host *host)
{
	return !machine_has_tce(host->machine);
}

static enum step_result open_type1(struct host *host, struct op *op, uint64_t type, uint32_t *iommu)
{
	/* Not every extension is an IOMMU type. */
	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU && type != VFIO_TYPE1_NESTING_IOMMU &&
	    !defect_on(host, DEFECT_SET_IOMMU_EXTENSION))
		return refuse(op, RULE_CT_SET_IOMMU_NOT_A_TYPE);
	*iommu = type1_open(host, type);
	return STEP_MORE;
}

static enum step_result type1_unknown_ioctl(struct host *host, struct op *op)
{
	(void)host;
	return refuse(op, RULE_FD_UNKNOWN_IOCTL);
}

/* ---- noiommu, which has no instances ----------------------------------------------------------- */

static int64_t check_noiommu(const struct host *host, uint32_t iommu, uint64_t extension)
{
	(void)iommu;
	return noiommu_check_extension(host, extension);
}

static enum step_result open_noiommu(struct host *host, struct op *op, uint64_t type, uint32_t *iommu)
{
	*iommu = NOTHING;
	return noiommu_begin(host, op, type);
}

static enum step_result noiommu_unknown_ioctl(struct host *host, struct op *op)
{
	(void)host;
	return refuse(op, RULE_NOI_UNKNOWN_IOCTL);
}

/* By kind, which is also the order in which they are asked. */
static const struct container_driver drivers[] = {
    [CONTAINER_BARE] = {.owner = OWNER_CONTAINER, .unknown_ioctl = bare_unknown_ioctl},
    [CONTAINER_TYPE1] = {.owner = OWNER_TYPE1,
			 .present = type1_present,
			 .check_extension = type1_check_extension,
			 .begin = open_type1,
			 .release = type1_release,
			 .join = type1_join,
			 .leave = type1_leave,
			 .map_dma = type1_map_dma,
			 .unmap_dma = type1_unmap_dma,
			 .unknown_ioctl = type1_unknown_ioctl,
			 .translate = type1_translate},
    [CONTAINER_SPAPR] = {.owner = OWNER_SPAPR,
			 .present = spapr_present,
			 .check_extension = spapr_check_extension,
			 .begin = spapr_open,
			 .release = spapr_release,
			 .join = spapr_join,
			 .leave = spapr_leave,
			 .map_dma = spapr_map_dma,
			 .unmap_dma = spapr_unmap_dma,
			 .unknown_ioctl = spapr_unknown_ioctl,
			 .translate = spapr_translate},
    [CONTAINER_TCE_PUT] = {.owner = OWNER_TCE_PUT,
			   .parts_first = true,
			   .present = tce_put_present,
			   .check_extension = tce_put_check_extension,
			   .begin = tce_put_open,
			   .release = tce_put_release,
			   .join = tce_put_join,
			   .leave = tce_put_leave,
			   .unknown_ioctl = tce_put_unknown_ioctl,
			   .translate = tce_put_translate},
    [CONTAINER_NOIOMMU] = {.noiommu = true,
			   .owner = OWNER_CONTAINER,
			   .check_extension = check_noiommu,
			   .begin = open_noiommu,
			   .unknown_ioctl = noiommu_unknown_ioctl},
};

enum { CONTAINER_KINDS = sizeof(drivers) / sizeof(drivers[0]) };

static struct container *op_container(struct host *host, const struct op *op)
{
	return &host->containers.items[host->files.items[op->file].object];
}

uint32_t op_iommu(const struct host *host, const struct op *op)
{
	return host->containers.items[host->files.items[op->file].object].iommu;
}

uint32_t container_new(struct host *host)
{
	const uint32_t index = table_take(&host->containers, alive);

	host->containers.items[index] = (struct container){.alive = true, .references = 1, .iommu = NOTHING};
	return index;
}

void container_put(struct host *host, uint32_t index)
{
	if (--host->containers.items[index].references == 0)
		host->containers.items[index].alive = false;
}

bool container_has_groups(const struct host *host, uint32_t index)
{
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].container == index)
			return true;
	return false;
}

/* The group of a container that was attached last before @before, or NOTHING. */
static uint32_t attached_before(const struct host *host, uint32_t container, uint64_t before)
{
	uint32_t latest = NOTHING;

	for (uint32_t i = 0; i < host->groups.count; i++) {
		const struct group *group = &host->groups.items[i];

		if (group->container == container && group->attached < before &&
		    (latest == NOTHING || group->attached > host->groups.items[latest].attached))
			latest = i;
	}
	return latest;
}

/* All groups of a container join a new instance, or none stays in it. */
static enum step_result join_all(struct host *host, struct op *op, const struct container_driver *driver,
				 uint32_t container, uint32_t iommu)
{
	uint32_t group = attached_before(host, container, UINT64_MAX);

	for (; group != NOTHING; group = attached_before(host, container, host->groups.items[group].attached))
		if (driver->join(host, op, iommu, group) == STEP_DONE) {
			driver->release(host, iommu);
			return STEP_DONE;
		}
	return STEP_MORE;
}

enum step_result container_attach(struct host *host, struct op *op, uint32_t index, uint32_t group_index)
{
	struct container *container = &host->containers.items[index];
	struct group *group = &host->groups.items[group_index];

	if (group->noiommu && noiommu_permit(host, op, RULE_NOI_ATTACH_CAPABILITY) == STEP_DONE)
		return STEP_DONE;
	if (container_has_groups(host, index) && container->noiommu != group->noiommu &&
	    !defect_on(host, DEFECT_NOIOMMU_MIXED))
		return refuse(op, RULE_NOI_MIXED);
	if (!group_is_viable(host, group_index) && profile_get(host, PROFILE_VIABLE_WHEN_ATTACHED))
		return refuse(op, RULE_GRP_ATTACH_NOT_VIABLE);
	if (iommufd_owns_group(host, group_index) && !defect_on(host, DEFECT_ATTACH_OWNED))
		return refuse(op, RULE_GRP_ATTACH_OWNED);
	if (container->kind == CONTAINER_TCE_PUT && tce_put_looks_first(host, op))
		return tce_put_may_join(host, op, container->iommu, group_index);
	if (container->iommu != NOTHING &&
	    drivers[container->kind].join(host, op, container->iommu, group_index) == STEP_DONE)
		return STEP_DONE;
	group->container = index;
	group->users = 1;
	group->attached = ++host->serial;
	container->noiommu = group->noiommu;
	container->references += !defect_on(host, DEFECT_CONTAINER_FORGETS_GROUP);
	hit(op, RULE_GRP_ATTACH);
	return finish(op, 0);
}

bool container_parts_first(const struct host *host, uint32_t index)
{
	return drivers[host->containers.items[index].kind].parts_first;
}

enum rule container_part(struct host *host, uint32_t group_index)
{
	struct group *group = &host->groups.items[group_index];
	const struct container_driver *driver = &drivers[host->containers.items[group->container].kind];
	const enum rule besides = group->joined == NOTHING ? RULE_NONE : driver->leave(host, group_index);

	group->container = NOTHING;
	group->users = 0;
	return besides;
}

void container_settle(struct host *host, uint32_t index, uint32_t group)
{
	struct container *container = &host->containers.items[index];
	const bool last = !container_has_groups(host, index) || defect_on(host, DEFECT_ANY_GROUP_TAKES_IOMMU);

	if (container->kind != CONTAINER_BARE && last && !defect_on(host, DEFECT_LAST_GROUP_LEAVES_IOMMU)) {
		if (container->iommu != NOTHING)
			drivers[container->kind].release(host, container->iommu);
		container->iommu = NOTHING;
		container->kind = CONTAINER_BARE;
	} else if (container->kind == CONTAINER_TYPE1 && !host->groups.items[group].pinned_scope &&
		   !defect_on(host, DEFECT_LEAVE_TAKES_DIRT)) {
		type1_scope_narrowed(host, container->iommu);
	}
	container_put(host, index);
}

enum rule container_detach(struct host *host, uint32_t group)
{
	const uint32_t index = host->groups.items[group].container;
	const enum rule besides = container_part(host, group);

	container_settle(host, index, group);
	return besides;
}

/* Whether a kernel for this machine has the driver. */
static bool driver_present(const struct host *host, enum container_kind kind)
{
	return !drivers[kind].present || drivers[kind].present(host);
}

/* Whether a container of such groups may have this driver; without noiommu mode in the kernel nobody asks. */
static bool driver_allowed(const struct host *host, const struct container *container, enum container_kind kind)
{
	return !profile_get(host, PROFILE_NOIOMMU) || drivers[kind].noiommu == container->noiommu ||
	       defect_on(host, DEFECT_NOIOMMU_ANY_TYPE);
}

/* The first driver that has this extension, of @any or of those allowed, or CONTAINER_BARE; @answer: what it says. */
static enum container_kind find_driver(const struct host *host, const struct container *container, bool any,
				       uint64_t extension, int64_t *answer)
{
	*answer = 0;
	for (unsigned kind = CONTAINER_BARE + 1; kind < CONTAINER_KINDS; kind++) {
		if (!driver_present(host, (enum container_kind)kind) ||
		    (!any && !driver_allowed(host, container, (enum container_kind)kind)))
			continue;
		*answer = drivers[kind].check_extension(host, NOTHING, extension);
		if (*answer > 0)
			return (enum container_kind)kind;
	}
	return CONTAINER_BARE;
}

enum step_result container_get_api_version(struct host *host, struct op *op)
{
	(void)host;
	hit(op, RULE_CT_API_VERSION);
	return finish(op, VFIO_API_VERSION);
}

enum step_result container_check_extension(struct host *host, struct op *op)
{
	const struct container *container = op_container(host, op);
	/* A pointer handed to an ioctl that takes a value is a value like any other, and no extension's number. */
	uint64_t extension = op->call->has_pointer ? UINT64_MAX : op->call->args[2];
	bool groups = container_has_groups(host, host->files.items[op->file].object);
	int64_t answer;

	if (defect_on(host, DEFECT_EXTENSION_CUT))
		extension = (uint32_t)extension;
	if (container->kind != CONTAINER_BARE) {
		hit(op, RULE_CT_EXTENSION);
		return finish(op, drivers[container->kind].check_extension(host, container->iommu, extension));
	}
	find_driver(host, container, !groups, extension, &answer);
	hit(op, RULE_CT_EXTENSION_BARE);
	return finish(op, answer);
}

enum step_result container_set_iommu(struct host *host, struct op *op)
{
	struct container *container = op_container(host, op);
	uint64_t type = op->call->has_pointer ? UINT64_MAX : op->call->args[2];
	const uint32_t index = host->files.items[op->file].object;
	enum container_kind kind;
	uint32_t iommu;
	int64_t answer;

	if (!container_has_groups(host, index) && !defect_on(host, DEFECT_SET_IOMMU_WITHOUT_GROUP))
		return refuse(op, RULE_CT_SET_IOMMU_NO_GROUP);
	if (container->kind != CONTAINER_BARE && !defect_on(host, DEFECT_SET_IOMMU_AGAIN))
		return refuse(op, RULE_CT_SET_IOMMU_TWICE);
	/* The drivers are asked by the same number that CHECK_EXTENSION takes; no two have one in common. */
	kind = find_driver(host, container, false, type, &answer);
	if (kind == CONTAINER_BARE)
		return refuse(op, RULE_CT_SET_IOMMU_UNKNOWN);
	if (drivers[kind].begin(host, op, type, &iommu) == STEP_DONE)
		return STEP_DONE;
	if (iommu != NOTHING && join_all(host, op, &drivers[kind], index, iommu) == STEP_DONE)
		return STEP_DONE;
	container->iommu = iommu;
	container->kind = kind;
	hit(op, RULE_CT_SET_IOMMU);
	return finish(op, 0);
}

/* Ioctls that several drivers have, each in its own way, and what no driver knows. */
enum step_result container_map_dma(struct host *host, struct op *op)
{
	return drivers[op_container(host, op)->kind].map_dma(host, op);
}

enum step_result container_unmap_dma(struct host *host, struct op *op)
{
	return drivers[op_container(host, op)->kind].unmap_dma(host, op);
}

enum step_result container_unknown_ioctl(struct host *host, struct op *op)
{
	return drivers[op_container(host, op)->kind].unknown_ioctl(host, op);
}

enum ioctl_owner container_owner(const struct host *host, uint32_t index)
{
	return drivers[host->containers.items[index].kind].owner;
}

enum rule container_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			      struct run *run)
{
	const struct group *group = &host->groups.items[host->devices.items[device].group];

	if (group->joined == NOTHING)
		return RULE_DMA_NO_MAPPING;
	return drivers[host->containers.items[group->container].kind].translate(host, device, iova, bytes, write, run);
}
