/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * EEH: recovery of PCI devices on POWER, by way of the container that has their groups. The hardware freezes what a
 * device does wrong (a group is what it can freeze, a PE), and a program thaws and resets it.
 *
 * A reset is asserted by one call and taken back by another. In between configuration space is out of reach, but for
 * what vfio-pci keeps of it; and after a hot reset the devices do nothing. The emulated hardware never freezes
 * anything, and what its firmware makes of a fundamental reset the devices do not notice.
 */
#include "spapr.h"

/* ---- what devices notice ------------------------------------------------------------------------- */

static struct group *group_of(struct host *host, uint32_t device)
{
	return &host->groups.items[host->devices.items[device].group];
}

static enum pe_hold hold_of(const struct host *host, uint32_t device)
{
	return host->groups.items[host->devices.items[device].group].hold;
}

bool eeh_blocked(const struct host *host, uint32_t device)
{
	return hold_of(host, device) != PE_FREE;
}

bool eeh_in_reset(const struct host *host, uint32_t device)
{
	return hold_of(host, device) == PE_RESET || host->groups.items[host->devices.items[device].group].devices_lost;
}

/* Whether vfio-pci has a byte of the header itself: identity, BARs, the ROM's BAR, which interrupt. */
static bool is_kept(uint64_t at)
{
	static const struct {
		uint8_t first, last;
	} kept[] = {{0x00, 0x03}, {0x10, 0x27}, {0x30, 0x33}, {0x3c, 0x3d}};

	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (at >= kept[i].first && at <= kept[i].last)
			return true;
	return false;
}

enum step_result eeh_check_config(struct host *host, struct op *op, uint32_t device, bool write, uint64_t inside,
				  uint32_t count)
{
	enum { COMMAND = 4, COMMAND_END = 6, HEADER_END = 0x40 };
	uint64_t at = inside;

	if (!eeh_blocked(host, device))
		return STEP_MORE;
	while (at < inside + count && is_kept(at))
		at++;
	if (at == inside + count)
		return STEP_MORE;
	/* Capabilities are kept in part; what cannot be written may be written to no effect. */
	if (inside + count > HEADER_END || (write && (at < COMMAND || at >= COMMAND_END)))
		return unmodelled(host, op);
	if (!write)
		user_undefined(host, op, 0, 0, count);
	return refuse(op, RULE_EEH_CONFIG_BLOCKED);
}

enum step_result eeh_open(struct host *host, struct op *op, uint32_t device)
{
	struct group *group = group_of(host, device);

	if (group->hold != PE_FREE) {
		group->devices_lost = true;
		return refuse(op, RULE_EEH_OPEN_BLOCKED);
	}
	if (group->devices_lost)
		hit(op, RULE_EEH_LOST);
	return STEP_MORE;
}

void eeh_closed(struct host *host, uint32_t device)
{
	struct group *group = group_of(host, device);

	if (group->hold != PE_FREE)
		group->devices_lost = true;
}

/* ---- EEH_PE_OP ----------------------------------------------------------------------------------- */

/* Errors that can be injected: those of cycles on the bus, by the width of the address that they hit. */
enum { ERROR_TYPES = 2, ERROR_FUNCTIONS = 20 };

/* Of them the firmware arms those that hit configuration cycles. Others need what the emulated hardware lacks. */
static bool is_armed(uint32_t function)
{
	enum { LOAD_CONFIG_ADDRESS = 4, LOAD_CONFIG_DATA = 5, STORE_CONFIG_ADDRESS = 10, STORE_CONFIG_DATA = 11 };

	return function == LOAD_CONFIG_ADDRESS || function == LOAD_CONFIG_DATA || function == STORE_CONFIG_ADDRESS ||
	       function == STORE_CONFIG_DATA;
}

/* INJECT_ERR reads the rest of its argument, and refuses what no hardware has before it asks the hardware. */
static enum step_result inject(struct host *host, struct op *op, const struct vfio_eeh_pe_op *wanted)
{
	enum { WITH_ERROR = 40 };
	struct vfio_eeh_pe_op whole;

	if (wanted->argsz < WITH_ERROR)
		return refuse(op, RULE_EEH_INJECT_ARGSZ);
	if (!user_load(op, &whole, WITH_ERROR))
		return refuse(op, RULE_EEH_FAULT);
	if (whole.err_func >= ERROR_FUNCTIONS && !defect_on(host, DEFECT_EEH_INJECT_ANY))
		return refuse(op, RULE_EEH_INJECT_FUNCTION);
	if (whole.err_type >= ERROR_TYPES)
		return refuse(op, RULE_EEH_INJECT_TYPE);
	if (!is_armed(whole.err_func))
		return refuse(op, RULE_EEH_INJECT_REFUSED);
	hit(op, RULE_EEH_INJECT);
	return finish(op, 0);
}

/* Whether a group's recovery is in the hands of the instance. */
static bool has_group(const struct host *host, const struct op *op, uint32_t group)
{
	return host->groups.items[group].joined == op_iommu(host, op) || defect_on(host, DEFECT_EEH_RESET_OTHERS);
}

static enum step_result reset(struct host *host, struct op *op, enum pe_hold hold)
{
	/* A reset that its program does not take back outlives it. */
	if (host->peaceful)
		return unmodelled(host, op);
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (has_group(host, op, i) && host->groups.items[i].hold < hold)
			host->groups.items[i].hold = hold;
	for (uint32_t i = 0; hold == PE_RESET && i < host->devices.count; i++)
		if (has_group(host, op, host->devices.items[i].group))
			host->devices.items[i].bus_master = false;
	hit(op, RULE_EEH_RESET);
	return finish(op, 0);
}

static enum step_result deactivate(struct host *host, struct op *op)
{
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (has_group(host, op, i) && !defect_on(host, DEFECT_EEH_RESET_STAYS))
			host->groups.items[i].hold = PE_FREE;
	hit(op, RULE_EEH_DEACTIVATE);
	return finish(op, 0);
}

enum step_result spapr_eeh_pe_op(struct host *host, struct op *op)
{
	static const struct spapr_argument argument = {
	    .fault = RULE_EEH_FAULT, .argsz = RULE_EEH_ARGSZ, .flags = RULE_EEH_FLAGS};
	struct vfio_eeh_pe_op wanted = {0};

	if (spapr_enter(host, op) == STEP_DONE)
		return STEP_DONE;
	if (!host->machine->tce.recovery && !defect_on(host, DEFECT_EEH_ANYWHERE))
		return refuse(op, RULE_EEH_MISSING);
	if (spapr_load(host, op, &wanted, &argument) == STEP_DONE)
		return STEP_DONE;
	switch (wanted.op) {
	case VFIO_EEH_PE_DISABLE:
	case VFIO_EEH_PE_ENABLE:
		hit(op, RULE_EEH_SWITCH);
		return finish(op, 0);
	case VFIO_EEH_PE_UNFREEZE_IO:
	case VFIO_EEH_PE_UNFREEZE_DMA:
		hit(op, RULE_EEH_THAW);
		return finish(op, 0);
	case VFIO_EEH_PE_GET_STATE:
		hit(op, RULE_EEH_STATE);
		return finish(op, VFIO_EEH_PE_STATE_NORMAL);
	case VFIO_EEH_PE_RESET_DEACTIVATE:
		return deactivate(host, op);
	case VFIO_EEH_PE_RESET_HOT:
		return reset(host, op, PE_RESET);
	case VFIO_EEH_PE_RESET_FUNDAMENTAL:
		return reset(host, op, PE_BLOCKED);
	case VFIO_EEH_PE_CONFIGURE:
		hit(op, RULE_EEH_CONFIGURE);
		return finish(op, 0);
	case VFIO_EEH_PE_INJECT_ERR:
		return inject(host, op, &wanted);
	default:
		return refuse(op, RULE_EEH_UNKNOWN);
	}
}
