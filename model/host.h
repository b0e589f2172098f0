/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The host: every object of the model, and how a call runs through it.
 *
 * Objects live in tables and refer to each other by index, so that a clone is a copy of
 * the tables. Whatever has extent is a rangemap, which copies by reference.
 *
 * A call is an operation of one or more steps. A step is what the kernel does under its
 * locks without a gap; between two steps of one operation other operations may run. The
 * state of an operation is plain data. Within a step, checks come first and refuse; what
 * follows the last check cannot fail.
 */
#ifndef MODEL_HOST_H
#define MODEL_HOST_H

#include "dmatree.h"
#include "linux_errno.h"
#include "memory.h"
#include "rangemap.h"
#include "vfiosim/model.h"

#define NOTHING UINT32_MAX /* an index that names no object */

/* ---- objects ------------------------------------------------------------------------ */

/* Access modes among the flags a file was opened with. */
enum { ACCESS_MODE = 3, ACCESS_READ_ONLY = 0, ACCESS_WRITE_ONLY = 1 };

enum file_kind { FILE_FREE, FILE_OTHER, FILE_EVENTFD, FILE_CONTAINER, FILE_GROUP, FILE_DEVICE };

/* An open file description: what descriptors, and other files, refer to. */
struct file {
	enum file_kind kind;
	uint32_t references;
	uint32_t object; /* container, group or device, by kind */
	uint32_t flags;	 /* as opened: access mode and O_NONBLOCK */
};

struct descriptor {
	int32_t number;
	uint32_t file;
	bool close_on_exec;
};

struct task {
	bool alive;
	uint32_t mm;
	uint32_t threads; /* running threads; the task ends with its last, or with exit() */
	uint32_t parent;
	uint64_t dropped;		      /* capabilities no longer effective, by bit */
	uint64_t memlock;		      /* soft RLIMIT_MEMLOCK in bytes */
	TABLE(struct descriptor) descriptors; /* ascending by number */
};

/* What an area of an address space is made of. */
enum area_kind {
	AREA_PRIVATE, /* private anonymous: pages appear when written */
	AREA_SHARED,  /* shared memory or huge pages: always real pages */
	AREA_DEVICE,  /* a device's region: no pages of the host at all */
};

/* An address space; outlives its tasks while DMA mappings are charged to it. */
struct mm {
	uint32_t task;		   /* index of the one that it is made for: tasks share no address space */
	uint32_t users;		   /* tasks; at 0 memory and charges are gone */
	struct rangemap areas;	   /* tag: AREA_TAG(kind, prot); weight: AREA_HOLDS(file); serial: when it was mapped */
	struct rangemap populated; /* private pages that exist */
	struct rangemap contents;  /* words of 8 bytes whose value is known (or known to be unknown) */
	uint64_t locked;	   /* pages charged by VFIO */
	uint64_t leaked;	   /* of them, those for mappings that are gone; a fault of some kernels */
	uint64_t locked_by_program; /* pages the program locked itself */
	uint64_t next_address;	    /* where the next mmap without a wish goes, below this */
};

#define AREA_TAG(kind, prot) ((uint32_t)(kind) << 4 | (uint32_t)(prot))
#define AREA_KIND(tag)	     ((enum area_kind)((tag) >> 4))
/* The file that an area keeps open: weight 0 is none. */
#define AREA_HOLDS(file)  ((uint64_t)(file) + 1)
#define AREA_FILE(weight) ((uint32_t)((weight)-1))
#define AREA_PROT(tag)	  ((tag)&0xfu)

struct container {
	bool alive;
	uint32_t references; /* its file, and each attached group */
	uint32_t iommu;	     /* index of the TYPE1 instance, or NOTHING before SET_IOMMU */
};

struct group {
	uint32_t number;    /* N of /dev/vfio/N */
	bool offered;	    /* has a device bound to vfio: there is a /dev/vfio/N */
	bool viable;	    /* no device of it is driven by the host */
	uint32_t file;	    /* the open file, or NOTHING: a group is opened once */
	uint32_t container; /* or NOTHING */
	uint32_t users;	    /* 1 for the attachment, 1 for each open device */
	uint64_t attached;  /* order of attachment, for walking a container's groups latest first */
	bool pinned_scope;  /* its devices write only pages that they pinned, or say which they write */
};

/* The DMA engine of QEMU's edu device, as far as programs can see it. */
struct edu {
	uint64_t source, target, count;
	uint32_t liveness;
	bool alive; /* liveness was written */
	bool buffer_known;
	uint8_t buffer[4096];
};

/* Which kind of interrupt is set up; the numbers are those of the vfio-pci interrupt indices. */
enum irq_type { IRQ_TYPE_INTX, IRQ_TYPE_MSI, IRQ_TYPE_MSIX, IRQ_TYPE_NONE };

/* An eventfd that writes when it is signalled: where, what, and how many bytes. */
struct ioeventfd {
	uint64_t offset, data; /* offset in the device's file */
	uint32_t width;
};

struct device_state {
	uint32_t group;	     /* index of its group */
	uint32_t open_count; /* open device files */
	bool bus_master;
	bool memory_enabled;
	enum irq_type irq_type;
	bool error_trigger, request_trigger; /* an eventfd is set for the error / release-request interrupt */
	TABLE(struct ioeventfd) ioeventfds;
	struct edu edu;
};

/* A mapping that ends at the top of the address space, where the kernel takes that for 0. */
struct top {
	struct range mapping; /* as those of an instance */
	uint32_t node;	      /* in the instance's tree */
};

/* One TYPE1 instance: what SET_IOMMU opens and the last group's leaving releases. */
struct type1 {
	bool alive;
	bool v2;
	uint32_t entries_left;		  /* dma_avail */
	uint32_t invalid_vaddrs;	  /* mappings whose vaddr is invalidated */
	uint64_t page_sizes;		  /* bitmap the user sees */
	TABLE(struct iova_range) windows; /* valid IOVA ranges, ascending */
	struct rangemap mappings;	  /* value: vaddr; weight: pages charged; tag: MAPPING_TAG; serial */
	bool has_tree;			  /* what is found depends on the kernel's tree */
	struct dmatree tree;		  /* with it: of mappings and tops */
	TABLE(struct top) tops;		  /* mappings that the kernel loses track of, see type1_find.c */
	bool tracking;			  /* dirty pages are logged */
	struct rangemap dirty;		  /* IOVAs of pages that are known to be dirty */
	struct rangemap tails;		  /* by a mapping's serial; value, weight: bits of its bitmap behind its end */
	struct rangemap pinned;		  /* IOVAs of pages that devices without an IOMMU hold pinned */
};

/* tag of a mapping: the address space it is charged to, and what it allows */
#define MAPPING_READ	       1u
#define MAPPING_WRITE	       2u
#define MAPPING_VADDR_INVALID  4u
#define MAPPING_LOCK_CAP       8u
#define MAPPING_TAG(mm, flags) ((mm) << 4 | (flags))
#define MAPPING_MM(tag)	       ((tag) >> 4)
#define MAPPING_FLAGS(tag)     ((tag)&0xfu)

struct host {
	const struct machine *machine;
	struct profile profile;
	uint64_t serial; /* counts mmaps, maps and attachments */
	bool peaceful;	 /* no call is modelled that makes a kernel complain */
	TABLE(struct task) tasks;
	TABLE(struct mm) mms;
	TABLE(struct file) files;
	TABLE(struct container) containers;
	TABLE(struct group) groups;	    /* ascending by number */
	TABLE(struct device_state) devices; /* as machine->devices */
	TABLE(struct type1) iommus;
	/* Scratch of the last call: what buffers hold now and what of it is judged. */
	struct {
		uint8_t *out, *mask;
		uint32_t capacity;
	} scratch[CALL_BUFFERS_MAX];
	/* Scratch of the audit: what it says, and what it has counted. */
	struct {
		char *text;
		uint64_t *counts;
		uint32_t capacity;
	} audit;
};

/* ---- operations --------------------------------------------------------------------- */

enum step_result { STEP_DONE, STEP_MORE };

struct op {
	const struct call *call;
	const struct choice *choice; /* or NULL */
	struct outcome *outcome;
	uint32_t task;		     /* index */
	const struct ioctl_row *row; /* ioctl: the row that answers, by owner and number */
	uint32_t step;		     /* steps already done */
	uint32_t file;		     /* file held across steps, or NOTHING */
	uint32_t second_file;	     /* another one (SET_CONTAINER's container), or NOTHING */
	uint32_t object;	     /* carried from step to step, by handler */
	int32_t number;
};

typedef enum step_result handler_fn(struct host *host, struct op *op);

/* Ends an operation with a value. */
enum step_result finish(struct op *op, int64_t ret);

/* Ends an operation with the errno of @rule, which is noted as the one that decided. */
enum step_result refuse(struct op *op, enum rule rule);

/* The same where the errno depends on the kernel: @error is a negative errno. */
enum step_result refuse_as(struct op *op, enum rule rule, int64_t error);

/* Ends an operation that the model does not know; it must not have changed anything. */
enum step_result unmodelled(struct host *host, struct op *op);

/* Notes that @rule took effect. */
void hit(struct op *op, enum rule rule);

/*
 * The operation does what makes some kernels complain, by @rule; it must not have changed anything yet. @this_one: the
 * profile's kernel does. STEP_MORE to go on, STEP_DONE if the operation ends here.
 */
enum step_result complain(struct host *host, struct op *op, enum rule rule, bool this_one);

/* The value of a profile field. */
static inline int64_t profile_get(const struct host *host, enum profile_field field)
{
	return host->profile.values[field];
}

/* Whether a bug is switched on at the one place where it would sit. */
static inline bool defect_on(const struct host *host, enum defect defect)
{
	return defect_set_has(&host->profile.defects, defect);
}

/* Gives profile fields the values of the defects that are no more than such a value. */
void defects_change_profile(struct profile *profile);

/* The handler of a call of calls.def; each file answers for its own and gives NULL for others. */
handler_fn *task_call_handler(enum call_op op);
handler_fn *file_call_handler(enum call_op op);
handler_fn *mm_call_handler(enum call_op op);

/* ---- user memory of a call: user.c ---------------------------------------------------- */

/* Copies from / to buffer @index at @offset. False is a fault: nothing was copied. */
bool user_read(struct op *op, unsigned index, uint32_t offset, void *to, uint32_t length);
bool user_write(struct host *host, struct op *op, unsigned index, uint32_t offset, const void *from, uint32_t length);

/* Makes @length written bytes of buffer @index count as not defined by the API. */
void user_undefined(struct host *host, struct op *op, unsigned index, uint32_t offset, uint32_t length);

/* Writes bytes that the API, or a device the model has, does define, into a place marked undefined before. */
void user_defined(struct host *host, struct op *op, unsigned index, uint32_t offset, const void *from, uint32_t length);

/* Loads the first @length bytes of the argument struct of the answering row into the C struct. False is a fault. */
bool user_load(struct op *op, void *object, uint32_t length);
bool user_store(struct host *host, struct op *op, const void *object, uint32_t length);

/*
 * How many bytes of an info struct (16 without the offset of capabilities, 20 with it, 24 with padding) are written
 * back to a caller who passed @argsz, at least 16.
 */
uint32_t info_length(const struct host *host, uint32_t argsz);

/* ---- user memory that an argument points to: user_pointer.c ------------------------------- */

/* A pointer in the argument of a call, and where it leads. */
struct user_pointer {
	uint64_t address;
	uint32_t buffer; /* the further buffer with this address, or 0 */
	bool own_place;	 /* only the buffer is there; otherwise it is memory of the task */
};

/* Before an ioctl: what the further buffers hold lies in the task's memory, where there is any at their place. */
void user_pointers_begin(struct host *host, struct op *op);

struct user_pointer user_pointer_find(struct host *host, struct op *op, uint64_t address);

/* Whose addresses [pointer, pointer + size) are, memory there or not: what the kernel's access_ok() asks. */
enum user_pointer_place {
	POINTER_OF_TASK,
	POINTER_DEPENDS, /* on the processor and how the kernel was built */
	POINTER_OF_KERNEL,
};
enum user_pointer_place user_pointer_place(const struct user_pointer *pointer, uint64_t size);

/* Whether the model knows the word at @offset (also if it is not there); and whether any of a range is registers. */
bool user_pointer_known(struct host *host, const struct op *op, const struct user_pointer *pointer, uint64_t offset);
bool user_pointer_registers(const struct host *host, const struct op *op, const struct user_pointer *pointer,
			    uint64_t offset, uint64_t length);

/* Loads the little-endian word at @offset, in bytes. False is a fault. */
bool user_pointer_load(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
		       uint64_t *word);

/* Whether @length bytes at @offset can be stored in one go. False is a fault, before which some of them have been. */
bool user_pointer_writable(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
			   uint64_t length);

/* Stores @word @count times from @offset on, where it has been found writable. */
void user_pointer_fill(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
		       uint64_t word, uint64_t count);

/* ---- tasks and descriptors: task.c ----------------------------------------------------- */

struct task *op_task(struct host *host, const struct op *op);
bool task_capable(const struct task *task, unsigned capability);

/* The file behind a descriptor, or NOTHING. */
uint32_t task_file(const struct task *task, int64_t number);

/*
 * Puts @file (whose reference passes over) into a free descriptor: the observed one if it is free, else the
 * lowest not below @minimum. Gives the number.
 */
int32_t task_install(struct host *host, struct op *op, uint32_t file, int32_t minimum, bool close_on_exec);

/* Ends a task: closes every descriptor, gives up its memory. */
void task_end(struct host *host, uint32_t task);

/* ---- files: file.c ---------------------------------------------------------------------- */

uint32_t file_new(struct host *host, enum file_kind kind, uint32_t object, uint32_t flags);
void file_get(struct host *host, uint32_t file);
/* Gives a reference back; the last one releases what the file stands for. */
void file_put(struct host *host, uint32_t file);

/* ---- address spaces: mm.c ----------------------------------------------------------------- */

/* A new address space for @task, empty or with a copy of the memory in @mm. */
uint32_t mm_new(struct host *host, uint32_t task);
uint32_t mm_fork(struct host *host, uint32_t mm, uint32_t task);
void mm_put_user(struct host *host, uint32_t mm);

struct pin {
	int64_t error;	  /* 0, or a negative errno */
	uint64_t charged; /* pages that count against the limit */
};

/*
 * Pins @size bytes at @vaddr for a device that writes (or only reads) them, as far as @room pages may still be
 * charged. Memory that the attempt brought into being stays, even when it fails.
 */
struct pin mm_pin(struct host *host, uint32_t mm, uint64_t vaddr, uint64_t size, bool write, uint64_t room);

/* Loads and stores words of memory that are known; unknown bytes have their mask cleared. */
void mm_load(struct host *host, uint32_t mm, uint64_t address, uint8_t *bytes, uint8_t *mask, uint32_t length);
void mm_store(struct host *host, uint32_t mm, uint64_t address, const uint8_t *bytes, bool known, uint32_t length);
/*
 * Stores @length bytes: @word again and again, of which the last may be cut off. Costs the same however much it is.
 * @known is false if nobody can say what lies there afterwards.
 */
void mm_fill(struct host *host, uint32_t mm, uint64_t address, uint64_t word, bool known, uint64_t length);
/* How many of @length bytes from @address on are mapped with at least one of these PROT_ bits, up to the first that is
 * not. */
uint64_t mm_reach(const struct host *host, uint32_t mm, uint64_t address, uint64_t length, uint32_t prot);
/* Whether any of it is a device's registers: loads and stores are the device's affair then, and may set it going. */
bool mm_touches_device(const struct host *host, uint32_t mm, uint64_t address, uint64_t length);
/* Whether all of it is mapped with at least one of these PROT_ bits. */
bool mm_accessible(const struct host *host, uint32_t mm, uint64_t address, uint64_t length, uint32_t prot);

/* ---- containers, groups, devices ------------------------------------------------------- */

uint32_t container_new(struct host *host);
void container_put(struct host *host, uint32_t container);
/* Attaches a group: 0, or a negative errno with the deciding rule noted in @op. */
enum step_result container_attach(struct host *host, struct op *op, uint32_t container, uint32_t group);
void container_detach(struct host *host, uint32_t group);
bool container_has_groups(const struct host *host, uint32_t container);

/* The group with this /dev/vfio number, or NOTHING. */
uint32_t group_find(const struct host *host, uint64_t number);
void group_release(struct host *host, uint32_t group);
void device_release(struct host *host, uint32_t device);

handler_fn device_read, device_write, device_mmap;

/* ---- the machine's IOMMU, as the kernel uses it: iommu.c -------------------------------- */

/*
 * Bitmap of the page sizes that user space is told. Sizes below the host's page cannot be used, but say that the page
 * itself can.
 */
uint64_t iommu_page_sizes(const struct host *host);
/* Whether devices see what is in the processors' caches, and leave nothing else in memory. */
bool iommu_cache_coherent(const struct host *host);
/* From the first to the last IOVA that it translates, reserved ranges not taken out. */
struct iova_range iommu_aperture(const struct host *host);

/* ---- TYPE1 -------------------------------------------------------------------------------- */

/* What CHECK_EXTENSION answers; @iommu may be NOTHING. */
int64_t type1_check_extension(const struct host *host, uint32_t iommu, uint64_t extension);
/* A new instance for SET_IOMMU(@type), with the windows of the machine's IOMMU. */
uint32_t type1_open(struct host *host, uint64_t type);
void type1_release(struct host *host, uint32_t iommu);

/* What a device in @group reaches at @iova: the mapping's address space and address; false if nothing or not so. */
bool type1_translate(const struct host *host, uint32_t group, uint64_t iova, bool write, const struct range **mapping);

/* [iova, iova + size) has been written by a device that says so, or pinned: its pages are dirty, if that is tracked. */
void type1_mark_dirty(struct host *host, uint32_t iommu, uint64_t iova, uint64_t size);
/* A group that was not of pinned scope has left, or is of that scope now: what it may have written stays dirty. */
void type1_scope_narrowed(struct host *host, uint32_t iommu);

/* ---- the edu device: edu.c ------------------------------------------------------------------ */

enum step_result edu_read(struct host *host, struct op *op, uint32_t device, uint64_t offset, uint32_t length);
/* False when the model does not know what such a write does. */
bool edu_write(struct host *host, uint32_t device, uint64_t offset, const uint8_t *bytes, uint32_t length);

/* Handlers named by the ioctl table. */
#define IOCTL(name, n, owner, arg, direction, layout, minsz, since, until, handler, summary) handler_fn handler;
#include "vfiosim/uapi/ioctls.def"

#endif
