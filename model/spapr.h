/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of the sPAPR IOMMU driver share, and what others ask of it.
 *
 * spapr.c has the instance and what surrounds mappings, spapr_map.c mapping and unmapping, prereg.c memory that is
 * registered, spapr_windows.c DMA windows, tce_platform.c how the two kinds of machines make tables, eeh.c recovery.
 */
#ifndef MODEL_SPAPR_H
#define MODEL_SPAPR_H

#include "host.h"
#include "iotable.h"
#include "vfiosim/uapi.h"

/* Whether the machine's IOMMU has TCE tables, so that its kernel has this driver and no other. */
bool spapr_present(const struct host *host);
/* Whether devices of this machine can be bound to vfio. */
bool spapr_binds(const struct host *host);

/* What containers ask of their IOMMU driver: container.c. */
int64_t spapr_check_extension(const struct host *host, uint32_t iommu, uint64_t extension);
enum step_result spapr_open(struct host *host, struct op *op, uint64_t type, uint32_t *iommu);
void spapr_release(struct host *host, uint32_t iommu);
enum step_result spapr_join(struct host *host, struct op *op, uint32_t iommu, uint32_t group);
enum rule spapr_leave(struct host *host, uint32_t group);
handler_fn spapr_map_dma, spapr_unmap_dma, spapr_unknown_ioctl;
enum rule spapr_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			  struct run *run);

/* What an instance owns outside of its table: lets go of it; gives a copied one its own. */
void spapr_drop(struct spapr *spapr);
void spapr_unshare(struct spapr *spapr);

/* ---- spapr.c: for every ioctl of an instance ---------------------------------------------------- */

/* The instance behind the container that the call went to; there is one. */
struct spapr *op_spapr(struct host *host, const struct op *op);

/*
 * Whether all is modelled that a call comes to. A kernel changes this and that before it refuses or complains; whoever
 * leaves out calls that are not modelled must find them as nothing had happened, so it is found out on a copy.
 */
bool spapr_knows(const struct host *host, const struct op *op, handler_fn *handler);

/* What every ioctl begins with: an instance that is charged to an address space is of use there only. */
enum step_result spapr_enter(struct host *host, struct op *op);
/* The same for an ioctl that only one of the two versions has. */
enum step_result spapr_enter_version(struct host *host, struct op *op, bool v2);

/* From the first call that charges on, an instance belongs to the caller's address space. */
void spapr_adopt(struct host *host, const struct op *op);

/* What an ioctl asks of its argument, which begins with argsz and flags. */
struct spapr_argument {
	enum rule fault;      /* it cannot be read */
	enum rule argsz;      /* the caller's is shorter than the row's smallest */
	enum rule flags;      /* it has others than @known */
	uint32_t known_flags; /* those that there are */
};

/* Reads the argument of an ioctl as far as its row demands it: STEP_MORE, or refused. */
enum step_result spapr_load(const struct host *host, struct op *op, void *object,
			    const struct spapr_argument *argument);

/* What all ioctls of the second version begin with that charge: enters, adopts and loads. */
enum step_result spapr_begin_v2(struct host *host, struct op *op, void *object, const struct spapr_argument *argument);

/* Charges pages to the caller; false if that would be beyond his limit. */
bool spapr_charge(struct host *host, const struct op *op, uint64_t pages);
/* Gives pages back that an instance is charged. */
void spapr_uncharge(struct host *host, const struct spapr *spapr, uint64_t pages);

/* How many of @pages pages from @address on can be had for a device that writes them; those are brought in. */
uint64_t spapr_bring_in(struct host *host, uint32_t mm, uint64_t address, uint64_t pages);
/* Pins pages that were just brought in, and enters them into a table at @place and on. */
void spapr_pin(struct host *host, struct rangemap *table, uint32_t mm, uint64_t address, uint64_t place,
	       uint64_t pages);

/* ---- spapr_windows.c ------------------------------------------------------------------------ */

/* The window that has a bus address, or NULL. */
struct tce_table *spapr_find_window(struct spapr *spapr, uint64_t address);

/* Makes the default window if it was not needed so far: STEP_MORE, or refused. */
enum step_result spapr_default_window(struct host *host, struct op *op);

/* Empties and frees all windows. */
void spapr_free_windows(struct host *host, struct spapr *spapr);

/* ---- spapr_map.c ------------------------------------------------------------------------------ */

/* Empties entries, and lets go of what they hold. */
void spapr_clear(struct host *host, struct spapr *spapr, struct tce_table *table, uint64_t address, uint64_t count);

/* ---- prereg.c: memory that is registered ------------------------------------------------------- */

/*
 * How many pages of 1 << @page_shift bytes, up to @count, can be mapped from @address on, because they lie in one
 * registered region whose own pages are large enough.
 */
uint64_t prereg_usable(const struct host *host, uint32_t mm, uint64_t address, uint32_t page_shift, uint64_t count);
/* Whether no page can be mapped at @address although the region is taken for one of pages that are large enough. */
bool prereg_too_small(const struct host *host, uint32_t mm, uint64_t address, uint32_t page_shift);

/* @pages more, or fewer, entries refer to the region of @address. */
void prereg_mapped(struct host *host, uint32_t mm, uint64_t address, int64_t pages);

/* An instance lets go of all that it has registered. */
void prereg_release(struct host *host, struct spapr *spapr);

/* ---- tce_platform.c: how tables are made ------------------------------------------------------ */

/* What somebody asks a window to be. */
struct tce_request {
	uint32_t page_shift, levels;
	uint64_t size; /* of the window in bytes */
};

/* The pages of the host that a table is charged as; false: there is no such table. */
bool tce_request_charge(const struct host *host, const struct tce_request *request, uint64_t *pages);

/* Whether the model knows what comes of a request. */
bool tce_request_modelled(const struct host *host, const struct tce_request *request);
/* Whether a request for window @number would be the last that the kernel ever passes on. */
bool tce_request_fatal(const struct host *host, const struct spapr *spapr, uint32_t number,
		       const struct tce_request *request);
/* Whether the IOMMU has pages of the size that a window is asked for with. */
bool tce_request_page_size(const struct host *host, const struct tce_request *request);
/* Whether the kernel shifts by more bits than there are, or by fewer than none, when it looks at a request. */
bool tce_request_shifts_too_far(const struct host *host, const struct tce_request *request);

/*
 * Makes table @number of an instance: STEP_MORE with its place in @table, or refused. A table that the machine
 * refuses stays charged.
 */
enum step_result tce_create(struct host *host, struct op *op, struct spapr *spapr, uint32_t number,
			    const struct tce_request *request, uint64_t charge);

#endif
