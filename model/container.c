/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Containers: /dev/vfio/vfio. A container lives until its file and its last group let
 * go of it, in whatever order; its IOMMU lives from SET_IOMMU to the last group's leaving.
 */
#include "host.h"
#include "vfiosim/uapi.h"

static struct container *op_container(struct host *host, const struct op *op)
{
	return &host->containers.items[host->files.items[op->file].object];
}

uint32_t container_new(struct host *host)
{
	uint32_t index = 0;

	while (index < host->containers.count && host->containers.items[index].alive)
		index++;
	if (index == host->containers.count)
		index = table_add(&host->containers);
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

enum step_result container_attach(struct host *host, struct op *op, uint32_t index, uint32_t group_index)
{
	struct container *container = &host->containers.items[index];
	struct group *group = &host->groups.items[group_index];

	if (!group->viable && profile_get(host, PROFILE_VIABLE_WHEN_ATTACHED))
		return refuse(op, RULE_GRP_ATTACH_NOT_VIABLE);
	if (container->iommu != NOTHING && type1_join(host, op, container->iommu, group_index) == STEP_DONE)
		return STEP_DONE;
	group->container = index;
	group->users = 1;
	group->attached = ++host->serial;
	container->references += !defect_on(host, DEFECT_CONTAINER_FORGETS_GROUP);
	hit(op, RULE_GRP_ATTACH);
	return finish(op, 0);
}

bool container_detach(struct host *host, uint32_t group_index)
{
	struct group *group = &host->groups.items[group_index];
	uint32_t index = group->container;
	struct container *container = &host->containers.items[index];
	bool emulated_left = group->joined != NOTHING && type1_leave(host, group_index), last;

	group->container = NOTHING;
	group->users = 0;
	last = !container_has_groups(host, index) || defect_on(host, DEFECT_ANY_GROUP_TAKES_IOMMU);
	if (container->iommu != NOTHING && last && !defect_on(host, DEFECT_LAST_GROUP_LEAVES_IOMMU)) {
		type1_release(host, container->iommu);
		container->iommu = NOTHING;
	} else if (container->iommu != NOTHING && !group->pinned_scope && !defect_on(host, DEFECT_LEAVE_TAKES_DIRT)) {
		type1_scope_narrowed(host, container->iommu);
	}
	container_put(host, index);
	return emulated_left;
}

enum step_result container_get_api_version(struct host *host, struct op *op)
{
	(void)host;
	hit(op, RULE_CT_API_VERSION);
	return finish(op, VFIO_API_VERSION);
}

enum step_result container_check_extension(struct host *host, struct op *op)
{
	uint32_t iommu = op_container(host, op)->iommu;
	/* A pointer handed to an ioctl that takes a value is a value like any other, and no extension's number. */
	uint64_t extension = op->call->has_pointer ? UINT64_MAX : op->call->args[2];

	if (defect_on(host, DEFECT_EXTENSION_CUT))
		extension = (uint32_t)extension;

	hit(op, iommu == NOTHING ? RULE_CT_EXTENSION_BARE : RULE_CT_EXTENSION);
	return finish(op, type1_check_extension(host, iommu, extension));
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
static enum step_result join_all(struct host *host, struct op *op, uint32_t container, uint32_t iommu)
{
	uint32_t group = attached_before(host, container, UINT64_MAX);

	for (; group != NOTHING; group = attached_before(host, container, host->groups.items[group].attached))
		if (type1_join(host, op, iommu, group) == STEP_DONE)
			return STEP_DONE;
	return STEP_MORE;
}

enum step_result container_set_iommu(struct host *host, struct op *op)
{
	struct container *container = op_container(host, op);
	uint64_t type = op->call->has_pointer ? UINT64_MAX : op->call->args[2];
	uint32_t iommu;

	if (!container_has_groups(host, host->files.items[op->file].object) &&
	    !defect_on(host, DEFECT_SET_IOMMU_WITHOUT_GROUP))
		return refuse(op, RULE_CT_SET_IOMMU_NO_GROUP);
	if (container->iommu != NOTHING && !defect_on(host, DEFECT_SET_IOMMU_AGAIN))
		return refuse(op, RULE_CT_SET_IOMMU_TWICE);
	/* The drivers are asked by the same number that CHECK_EXTENSION takes... */
	if (type1_check_extension(host, NOTHING, type) <= 0)
		return refuse(op, RULE_CT_SET_IOMMU_UNKNOWN);
	/* ...but not every extension is an IOMMU type. */
	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU && type != VFIO_TYPE1_NESTING_IOMMU &&
	    !defect_on(host, DEFECT_SET_IOMMU_EXTENSION))
		return refuse(op, RULE_CT_SET_IOMMU_NOT_A_TYPE);
	iommu = type1_open(host, type);
	if (join_all(host, op, host->files.items[op->file].object, iommu) == STEP_DONE) {
		type1_release(host, iommu);
		return STEP_DONE;
	}
	container->iommu = iommu;
	hit(op, RULE_CT_SET_IOMMU);
	return finish(op, 0);
}
