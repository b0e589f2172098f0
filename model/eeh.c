/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * EEH: recovery of PCI devices on POWER, by way of the container that has their groups. The hardware freezes what a
 * device does wrong, and a program thaws and resets it.
 */
#include "spapr.h"

/* Numbers of error functions that can be injected, and of the kinds of error. */
enum { ERROR_FUNCTIONS = 20 };

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
	return unmodelled(host, op);
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
	case VFIO_EEH_PE_GET_STATE:
		hit(op, RULE_EEH_STATE);
		return finish(op, VFIO_EEH_PE_STATE_NORMAL);
	case VFIO_EEH_PE_UNFREEZE_IO:
	case VFIO_EEH_PE_UNFREEZE_DMA:
	case VFIO_EEH_PE_RESET_DEACTIVATE:
	case VFIO_EEH_PE_RESET_HOT:
	case VFIO_EEH_PE_RESET_FUNDAMENTAL:
	case VFIO_EEH_PE_CONFIGURE:
		return unmodelled(host, op);
	case VFIO_EEH_PE_INJECT_ERR:
		return inject(host, op, &wanted);
	default:
		return refuse(op, RULE_EEH_UNKNOWN);
	}
}
