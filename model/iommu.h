/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What translates for devices: the IOMMUs as the kernel uses them, and what of TYPE1, noiommu and iommufd others call.
 */
#ifndef MODEL_IOMMU_H
#define MODEL_IOMMU_H

#include "mm.h"

/* ---- IOMMUs as the kernel uses them: iommu.c ----------------------------------------------- */

/* What translates for a group that is not emulated. */
struct translation iommu_translation(const struct host *host, uint32_t group);
/* What is smaller than the host's page cannot be used, but says that the page itself can. */
uint64_t iommu_usable_page_sizes(const struct host *host, uint64_t sizes);
/*
 * The errno with which the IOMMU of a group refuses the nesting type, or 0: it nests, or is an SMMUv3 without a second
 * stage that quietly does without.
 */
int64_t iommu_nesting(const struct host *host, uint32_t group);
/* Whether a device may write (or read) where a mapping allows @access, of MAPPING_READ and MAPPING_WRITE. */
bool iommu_allows(const struct host *host, uint32_t access, bool write);

/* What a device in a container reaches at @iova, up to @bytes of it, or the rule by which it reaches nothing. */
enum rule container_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			      struct run *run);

/* ---- TYPE1 -------------------------------------------------------------------------------- */

/* What CHECK_EXTENSION answers; @iommu may be NOTHING. */
int64_t type1_check_extension(const struct host *host, uint32_t iommu, uint64_t extension);
/* A new instance for SET_IOMMU(@type), without groups. */
uint32_t type1_open(struct host *host, uint64_t type);
void type1_release(struct host *host, uint32_t iommu);
/* Lets a group join: refused with everything as it was, or STEP_MORE. */
enum step_result type1_join(struct host *host, struct op *op, uint32_t iommu, uint32_t group);
/*
 * Takes a group out of the instance that has it; the instance stays. RULE_T1_LEAVE_EMULATED when it was the last one
 * behind an IOMMU and mediated devices keep the mappings, else RULE_NONE.
 */
enum rule type1_leave(struct host *host, uint32_t group);
handler_fn type1_map_dma, type1_unmap_dma;

/* What a device in a container reaches at @iova, up to @bytes of it, or the rule by which it reaches nothing. */
enum rule type1_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			  struct run *run);

/* [iova, iova + size) has been written by a device that says so, or pinned: its pages are dirty, if that is tracked. */
void type1_mark_dirty(struct host *host, uint32_t iommu, uint64_t iova, uint64_t size);
/* A group that was not of pinned scope has left, or is of that scope now: what it may have written stays dirty. */
void type1_scope_narrowed(struct host *host, uint32_t iommu);
/*
 * What drivers of mediated devices ask of an instance: they get what the kernel's functions return, 0 or a negative
 * errno, and what decided is noted in @op.
 *
 * Pins @count pages from @iova, which is a multiple of the page size, as far as mappings allow @prot (1: read,
 * 2: write); gives @count, or pins none.
 */
int64_t type1_pin_pages(struct host *host, struct op *op, uint32_t iommu, uint64_t iova, uint64_t count, uint32_t prot);
/* The most pages that are pinned at a time. */
uint64_t type1_pin_pages_max(const struct host *host);
/* Lets go of pages; those that nobody has pinned do not matter. */
void type1_unpin_pages(struct host *host, uint32_t iommu, uint64_t iova, uint64_t count);
/* Whether letting go of these is nothing that the kernel warns about: all of them are mapped. */
bool type1_unpin_expected(const struct host *host, uint32_t iommu, uint64_t iova, uint64_t count);

/* Where bytes that a driver reads or writes lie: as far as one mapping goes. */
struct reach {
	uint32_t mm;
	uint64_t address, length;
};

/* Where the first of @length (not 0) bytes from @iova lie. 0 or a negative errno. */
int64_t type1_reach(struct host *host, struct op *op, uint32_t iommu, uint64_t iova, uint64_t length, bool write,
		    struct reach *reach);

/* ---- groups without an IOMMU: noiommu.c ----------------------------------------------------- */

int64_t noiommu_check_extension(const struct host *host, uint64_t extension);
/* What SET_IOMMU does to a container of noiommu groups: STEP_MORE, or refused. */
enum step_result noiommu_begin(struct host *host, struct op *op, uint64_t type);
/* Whether the caller may do what nothing will confine: STEP_MORE, or refused by @rule. */
enum step_result noiommu_permit(struct host *host, struct op *op, enum rule rule);

/* ---- iommufd: iommufd.c, ioas*.c --------------------------------------------------------------- */

uint32_t iommufd_new(struct host *host);
void iommufd_release(struct host *host, uint32_t iommufd);
/* The handler of a container's ioctl where an iommufd is to answer it, or NULL. */
handler_fn *iommufd_ioctl_handler(uint32_t number);
/* Puts a group in the charge of the iommufd behind @file, or refuses to. */
enum step_result iommufd_join(struct host *host, struct op *op, uint32_t file, uint32_t group);
void iommufd_leave(struct host *host, uint32_t group);
/* The first opening of a device by way of its group's iommufd, no noiommu device: STEP_MORE, or refused. */
enum step_result iommufd_open_device(struct host *host, struct op *op, uint32_t device);
void iommufd_close_device(struct host *host, uint32_t device);
/* Whether a device can be bound to the iommufd behind @file: STEP_MORE, or refused; then it is. */
enum step_result iommufd_bind_check(struct host *host, struct op *op, uint32_t device, uint32_t file);
void iommufd_bind(struct host *host, uint32_t device, uint32_t file);
/* The number that the next object of the iommufd behind @file gets. */
uint32_t iommufd_next_id(const struct host *host, uint32_t file);
/* Lets a bound device translate by the object with the number @id, and tells by which it does: STEP_MORE, or refused.
 */
enum step_result iommufd_attach(struct host *host, struct op *op, uint32_t device, uint32_t *id);
void iommufd_detach(struct host *host, uint32_t device);
/* Whether the calls of a container that go to the iommufd behind @file have an address space to go to. */
bool iommufd_has_ioas(const struct host *host, uint32_t file);
/* Whether a device of the group is bound to an iommufd, which then owns the group's DMA. */
bool iommufd_owns_group(const struct host *host, uint32_t group);
/* Mapping the file of an iommufd into memory, which is always refused. */
enum step_result iommufd_mmap(struct host *host, struct op *op, uint32_t file);
/* The address space that a device is attached to, or NULL. */
struct ioas *device_ioas(struct host *host, uint32_t device);
/*
 * What the driver of a mediated device that is bound to an iommufd asks of its address space: as type1_pin_pages(),
 * type1_unpin_pages() and type1_reach(). What is let go of has been pinned, and the driver does not count it any more.
 */
int64_t ioas_access_pin(struct host *host, struct op *op, uint32_t device, uint64_t iova, uint64_t count,
			uint32_t prot);
void ioas_access_unpin(struct host *host, uint32_t device, uint64_t iova, uint64_t count);
/* Whether what ioas_access_reach() tells is all there is: memory that has gone is still there where it is pinned. */
bool ioas_access_knows(struct host *host, uint32_t device, uint64_t iova, uint64_t length);
int64_t ioas_access_reach(struct host *host, struct op *op, uint32_t device, uint64_t iova, uint64_t length, bool write,
			  struct reach *reach);
/* The same for a device that an iommufd has. */
enum rule ioas_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			 struct run *run);

#endif
