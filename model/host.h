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
#include "frames.h"
#include "linux_errno.h"
#include "memory.h"
#include "rangemap.h"
#include "tce_table.h"
#include "vfiosim/model.h"

#define NOTHING UINT32_MAX /* an index that names no object */

/* ---- objects ------------------------------------------------------------------------ */

/* Access modes among the flags a file was opened with. */
enum { ACCESS_MODE = 3, ACCESS_READ_ONLY = 0, ACCESS_WRITE_ONLY = 1 };

enum file_kind {
	FILE_FREE,
	FILE_OTHER,
	FILE_EVENTFD,
	FILE_CONTAINER,
	FILE_IOMMUFD,
	FILE_GROUP,
	FILE_GROUP_GONE, /* of a group whose last device was taken from its driver */
	FILE_DRIVER,	 /* of the driver vfio-pci: where devices are taken from it, and given to it */
	FILE_DEVICE,
	FILE_MEMORY
};

/* An open file description: what descriptors, and other files, refer to. */
struct file {
	enum file_kind kind;
	uint32_t references;
	uint32_t object; /* container, iommufd, group, device or file in memory, by kind; of a vanished group: its
			    iommufd's file */
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
	AREA_PRIVATE, /* private anonymous memory: pages appear when they are touched */
	AREA_FILE,    /* a file in memory, shared; shared anonymous memory is a file without a name */
	AREA_COPY,    /* a file in memory, private: its pages are the file's until they are written */
	AREA_DEVICE,  /* a device's region: no memory of the host at all */
};

/* An address space; outlives its tasks while DMA mappings are charged to it. */
struct mm {
	uint32_t task;		 /* index of the one that it is made for: tasks share no address space */
	uint32_t users;		 /* tasks; at 0 memory and charges are gone */
	struct rangemap areas;	 /* tag: AREA_TAG, flags; weight: AREA_HOLDS(file); value: offset in the file */
	struct rangemap pages;	 /* private pages that exist; value: where in memory they are; tag: PAGE_OWN or 0 */
	bool has_pinned;	 /* VFIO has tried to pin pages of it */
	struct rangemap regions; /* with sPAPR: memory that is registered, see prereg.c */
	struct rangemap table;	 /* pages of regions; value: where they are, or what: IOTABLE_TAG */
	uint32_t lock_ahead;	 /* AREA_LOCKED and AREA_LOCK_ON_FAULT as areas to come get them */
	uint64_t locked;	 /* pages charged by VFIO */
	uint64_t leaked;	 /* of them, those for mappings that are gone; a fault of some kernels */
	uint64_t pinned;	 /* pages that iommufd pins in it, whoever is charged */
	uint64_t locked_areas;	 /* pages of areas that the program has locked */
	uint64_t locked_unseen;	 /* pages that it has locked by what the host was not told of */
	uint64_t next_address;	 /* where the next mmap without a wish goes, below this */
};

#define AREA_TAG(kind, prot) ((uint32_t)(kind) << 4 | (uint32_t)(prot))
#define AREA_KIND(tag)	     ((enum area_kind)((tag) >> 4 & 0xfu))
#define AREA_PROT(tag)	     ((tag)&0xfu)
#define AREA_LOCKED	     0x100u  /* counts as locked */
#define AREA_LOCK_ON_FAULT   0x200u  /* but is not brought in for it */
#define AREA_NO_FORK	     0x400u  /* children do not get it */
#define AREA_HUGE	     0x800u  /* huge pages */
#define AREA_RESERVED	     0x1000u /* the pool keeps huge pages for it */
/* The file that an area keeps open: weight 0 is none. */
#define AREA_HOLDS(file)     ((uint64_t)(file) + 1)
#define AREA_FILE_AT(weight) ((uint32_t)((weight)-1))

/* The page is nobody else's: it may be written as it is. */
#define PAGE_OWN 1u

/* A file that exists in memory only. */
struct memory_file {
	bool alive;
	bool huge;
	uint64_t size;
	uint64_t reserved;     /* huge pages that the pool keeps for it */
	struct rangemap pages; /* by offset; value: where in memory */
};

/* What answers the ioctls of a container: the IOMMU driver that SET_IOMMU found. */
enum container_kind { CONTAINER_BARE, CONTAINER_TYPE1, CONTAINER_SPAPR, CONTAINER_NOIOMMU };

struct container {
	bool alive;
	uint32_t references; /* its file, and each attached group */
	bool noiommu;	     /* its groups are noiommu groups; says nothing while it has none */
	enum container_kind kind;
	uint32_t iommu; /* index of the instance in the table of its kind; NOTHING without one */
};

/* What PROFILE_NOIOMMU says of a kernel: CONFIG_VFIO_NOIOMMU, and its parameter enable_unsafe_noiommu_mode. */
enum { NOIOMMU_ABSENT, NOIOMMU_OFF, NOIOMMU_ENABLED };

struct group {
	uint32_t number;     /* N of /dev/vfio/N, or of /dev/vfio/noiommu-N */
	bool noiommu;	     /* nothing translates what its devices do */
	bool offered;	     /* has a device bound to vfio: there is a /dev/vfio/N */
	bool viable;	     /* no device of it is driven by the host */
	uint32_t file;	     /* the open file, or NOTHING: a group is opened once */
	uint32_t container;  /* or NOTHING */
	uint32_t iommufd;    /* the file of an iommufd in the place of a container, or NOTHING */
	uint32_t users;	     /* 1 for the attachment, 1 for each open device */
	uint64_t attached;   /* order of attachment, for walking a container's groups latest first */
	bool pinned_scope;   /* its devices write only pages that they pinned, or say which they write */
	bool windows_denied; /* with sPAPR: a hypervisor makes no more windows for it */
	uint32_t joined;     /* the instance of its container's IOMMU that has it, or NOTHING */
};

#define EDU_BUFFER_SIZE 4096

/* What QEMU's edu device has in its buffer. */
struct edu_buffer {
	uint8_t bytes[EDU_BUFFER_SIZE];
	uint8_t known[EDU_BUFFER_SIZE]; /* 0xff: that byte is known */
};

/* QEMU's edu device, as far as programs can see it. */
struct edu {
	uint64_t source, target, count;
	uint32_t liveness;
	bool alive; /* liveness was written */
	bool to_memory;
	uint32_t waits;		   /* milliseconds until a transfer begins; 0: none is under way */
	struct edu_buffer *buffer; /* NULL while nothing was moved */
};

/* Which kind of interrupt is set up; the numbers are those of the vfio-pci interrupt indices. */
enum irq_type { IRQ_TYPE_INTX, IRQ_TYPE_MSI, IRQ_TYPE_MSIX, IRQ_TYPE_NONE };

/* An eventfd that writes when it is signalled: where, what, and how many bytes. */
struct ioeventfd {
	uint64_t offset, data; /* offset in the device's file */
	uint32_t width;
};

/* Pages that a pinner has asked to be pinned. */
struct pinned_pages {
	uint64_t iova, count;
};

/* This project's mediated device, which pins on request: what a program can see of it. */
struct pinner {
	uint64_t iova, count, prot, command, result; /* registers */
	uint64_t pinned;			     /* pages in pins */
	uint64_t unmaps, unmap_iova, unmap_length;   /* requests to let go, and the last one */
	TABLE(struct pinned_pages) pins;	     /* oldest first */
	struct rangemap window;			     /* words that are not 0; tag as in an address space's contents */
};

struct device_state {
	uint32_t group;	     /* index of its group */
	uint32_t open_count; /* open device files */
	bool unbound;	     /* taken from its driver */
	bool contained;	     /* open by way of a container, which it uses */
	uint32_t iommufd;    /* file of the iommufd that it is bound and attached to, or NOTHING */
	bool bus_master;
	bool memory_enabled;
	enum irq_type irq_type;
	bool told;			     /* somebody has asked the device about itself */
	bool error_trigger, request_trigger; /* an eventfd is set for the error / release-request interrupt */
	TABLE(struct ioeventfd) ioeventfds;
	struct edu edu;
	struct pinner pinner;
};

/* A table of valid IOVA ranges, ascending. */
struct windows {
	struct iova_range *items;
	uint32_t count, capacity;
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
	bool nesting;
	uint32_t backed_groups;	  /* groups in it that are behind an IOMMU */
	uint32_t emulated_groups; /* groups of mediated devices */
	uint32_t entries_left;	  /* dma_avail */
	uint32_t invalid_vaddrs;  /* mappings whose vaddr is invalidated */
	uint64_t page_sizes;	  /* bitmap the user sees */
	struct windows windows;	  /* where mappings may lie; none: anywhere */
	struct rangemap mappings; /* value: vaddr; weight: pages charged; place; tag: MAPPING_TAG; serial */
	bool has_tree;		  /* what is found depends on the kernel's tree */
	struct dmatree tree;	  /* with it: of mappings and tops */
	TABLE(struct top) tops;	  /* mappings that the kernel loses track of, see type1_find.c */
	bool tracking;		  /* dirty pages are logged */
	struct rangemap dirty;	  /* IOVAs of pages that are known to be dirty */
	struct rangemap tails;	  /* by a mapping's serial; value, weight: bits of its bitmap behind its end */
	struct rangemap table;	  /* what devices behind an IOMMU reach; see iotable.h */
	struct rangemap held;	  /* what mediated devices have pinned, likewise */
	struct rangemap pinned;	  /* pages that mediated devices pin; value: how often; weight: pages to be charged */
};

/* DMA windows that a group can have at a time, in the kernel's tables. */
enum { TCE_WINDOWS = 2 };

/* One sPAPR instance: the tables that a container's groups translate by, and what it may map. */
struct spapr {
	bool alive;
	bool v2;
	bool enabled;	      /* v1: ENABLE; v2: something was registered */
	bool default_pending; /* the default window appears when somebody needs one */
	uint32_t groups;      /* that have joined */
	uint32_t mm;	      /* the address space that it is charged to, or NOTHING */
	uint64_t locked;      /* v1: pages that ENABLE charges */
	struct tce_table tables[TCE_WINDOWS];
	struct rangemap registered; /* v2: which of that memory's regions it has registered */
	struct rangemap table;	    /* v1: pinned pages by bus address; value: where they are, or what: IOTABLE_TAG */
};

/* User memory that an iommufd was asked to map: areas cut from one mapping share it. */
struct pages {
	uint32_t areas;	 /* that are made of it; 0: free */
	uint32_t mm;	 /* whose memory it is */
	uint32_t task;	 /* who mapped it: the limit that counts is his */
	bool accounted;	 /* the user is charged: mapped without CAP_IPC_LOCK */
	uint32_t access; /* MAPPING_READ, MAPPING_WRITE */
};

/* An iommufd in the role of a container, with its one address space for compatibility (IOAS). */
struct iommufd {
	bool alive;
	bool noiommu;		/* a noiommu group has joined: translation is out of the question for good */
	bool made_ioas;		/* a group has joined: there is an address space, which outlives the group's leaving */
	bool has_ioas;		/* the calls of a container go to it, and nobody has made the iommufd forget it */
	bool small_pages;	/* TYPE1 was asked for: mappings can be cut anywhere */
	uint32_t attached;	/* devices that translate by it */
	uint32_t accesses;	/* mediated devices, whose drivers reach through it */
	uint64_t page_sizes;	/* that the hardware of all attached devices maps; with any attached */
	struct windows windows; /* where mappings may lie; none: anywhere */
	struct rangemap areas;	/* value: vaddr; weight: pages pinned; place; tag: index of its pages */
	struct rangemap table;	/* what devices reach; see iotable.h */
};

/* tag of a mapping: the address space it is charged to, and what it allows */
#define MAPPING_READ	       1u
#define MAPPING_WRITE	       2u
#define MAPPING_VADDR_INVALID  4u
#define MAPPING_LOCK_CAP       8u /* its maker is not limited in what he locks */
#define MAPPING_TAG(mm, flags) ((mm) << 8 | (flags))
#define MAPPING_MM(tag)	       ((tag) >> 8)
#define MAPPING_FLAGS(tag)     ((tag)&0xffu)

struct host {
	const struct machine *machine;
	struct profile profile;
	uint64_t serial; /* counts maps and attachments */
	bool peaceful;	 /* no call is modelled that makes a kernel complain */
	TABLE(struct task) tasks;
	TABLE(struct mm) mms;
	TABLE(struct file) files;
	TABLE(struct container) containers;
	TABLE(struct group) groups;	    /* ascending by number */
	TABLE(struct device_state) devices; /* as machine->devices */
	TABLE(struct type1) iommus;
	TABLE(struct spapr) spaprs;
	TABLE(struct iommufd) iommufds;
	TABLE(struct pages) pages;
	uint64_t user_locked; /* pages that iommufd charges to the user; all tasks are one user's */
	TABLE(struct memory_file) memory_files;
	/* Physical memory: frames.c. */
	struct rangemap frames;	       /* in use; value: references; weight: pins */
	struct rangemap contents;      /* words of 8 bytes that are not 0, or not known */
	TABLE(struct range) lost_pins; /* pages, as an IOMMU's, that nobody will unpin; a fault of some kernels */
	uint64_t frames_end;	       /* behind all that was ever handed out */
	uint64_t placed_bytes;	       /* pinned for mappings that have the place themselves */
	bool places_listed;	       /* the ledger has these pins, too */
	uint64_t huge_pages_used, huge_pages_reserved;
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
handler_fn *map_call_handler(enum call_op op);
handler_fn *mm_call_handler(enum call_op op);
handler_fn *lock_call_handler(enum call_op op);
handler_fn *memory_file_call_handler(enum call_op op);

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
/* Whether it may lock anything at all; and how many more pages: without end for who has CAP_IPC_LOCK. */
bool task_may_lock(const struct task *task);
uint64_t task_lock_room(const struct host *host, uint32_t task);

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
/* Whether there are the huge pages that a fork needs. */
bool mm_can_fork(struct host *host, uint32_t mm);
void mm_put_user(struct host *host, uint32_t mm);
/* Takes [first, last] out of the address space. */
void mm_forget(struct host *host, uint32_t mm, uint64_t first, uint64_t last);
/* Takes the private pages of [first, last] out, and leaves the areas. */
void mm_drop_pages(struct host *host, uint32_t mm, uint64_t first, uint64_t last);
/* Gives a part of one area another tag. */
void mm_change_area(struct host *host, uint32_t mm, const struct range *part, uint32_t tag);
/* Makes the next write to private pages look for others who have them. */
void mm_disown_pages(struct host *host, uint32_t mm, uint64_t first, uint64_t last);
/* Moves the private pages of @bytes at @from to @to, where there are none. */
void mm_move_pages(struct host *host, uint32_t mm, uint64_t from, uint64_t bytes, uint64_t to);

/* Pages that count against RLIMIT_MEMLOCK. */
uint64_t mm_locked(const struct mm *mm);

enum run_kind { RUN_NOTHING, RUN_ZERO, RUN_MEMORY, RUN_DEVICE };

/* What lies side by side behind addresses that do. */
struct run {
	enum run_kind kind;
	uint64_t place;	 /* in memory, or in the device's file; of no meaning for the zero page */
	uint64_t length; /* bytes */
	uint32_t device;
};

enum touch {
	TOUCH_READ,
	TOUCH_WRITE, /* also for a device that writes */
	TOUCH_PIN,   /* for a device that reads */
};

/*
 * Brings in the beginning of @bytes at @address, up to where something else begins. RUN_NOTHING: there is nothing, it
 * has none of the @prot bits, or it cannot be brought in.
 */
struct run mm_touch(struct host *host, uint32_t mm, uint64_t address, uint64_t bytes, enum touch touch, uint32_t prot);

/*
 * Brings in all areas of [first, last] as for their program's own accesses, up to the first of which some cannot be
 * had, or with @go_on the others as well. False if there was one.
 */
bool mm_populate(struct host *host, uint32_t mm, uint64_t first, uint64_t last, bool go_on);

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

enum { PROT_READ_BIT = 1, PROT_WRITE_BIT = 2 };

/* ---- files in memory: memory_file.c --------------------------------------------------------- */

uint32_t memory_file_new(struct host *host, uint64_t size, bool huge, uint32_t flags);
void memory_file_release(struct host *host, uint32_t index);
/* The first of the file's pages in [offset, last], brought in. */
struct run memory_file_touch(struct host *host, uint32_t index, uint64_t offset, uint64_t last);

/* Huge pages that nobody uses or has been promised. */
uint64_t huge_pages_free(const struct host *host);

/* ---- containers, groups, devices ------------------------------------------------------- */

uint32_t container_new(struct host *host);
void container_put(struct host *host, uint32_t container);
/* Attaches a group, or refuses to. */
enum step_result container_attach(struct host *host, struct op *op, uint32_t container, uint32_t group);
/* Takes a group out of its container. True as type1_leave() says. */
bool container_detach(struct host *host, uint32_t group);
bool container_has_groups(const struct host *host, uint32_t container);
/* An ioctl that is none of a container's own, nor of its IOMMU's. */
enum step_result container_unknown_ioctl(struct host *host, struct op *op);
/* Whose ioctls a container answers: its own alone, or also its IOMMU driver's. */
enum ioctl_owner container_owner(const struct host *host, uint32_t container);

/* The group of /dev/vfio/NUMBER or /dev/vfio/noiommu-NUMBER; NOTHING if there is none. */
uint32_t group_find(const struct host *host, uint64_t number);
void group_release(struct host *host, uint32_t group);
/* The last device of a group is taken from its driver. An open file of the group is then one of nothing. */
void group_vanish(struct host *host, uint32_t group);
/* Whether a driver has a device of the group. */
bool group_has_devices(const struct host *host, uint32_t group);
/* The argument of GROUP_GET_DEVICE_FD, with its NUL, which is within GROUP_NAME_MAX bytes: STEP_MORE, or refused. */
enum { GROUP_NAME_MAX = 4096 };
enum step_result group_read_name(struct op *op, char *name);

/* ---- groups whose devices are gone, and who takes them: group_gone.c, driver.c -------------- */

/* The file of a vanished group is closed; @iommufd: its object. */
void group_gone_release(struct host *host, uint32_t iommufd);
/* The handler of an ioctl that groups have. */
handler_fn *group_gone_ioctl_handler(uint32_t number);
/* Opens a path below that of the driver, and writes to what was opened. */
enum step_result driver_open(struct host *host, struct op *op, const char *name);
handler_fn driver_write;
/* Whether the device shares a bus that is reset as a whole: it matters there who has the devices. */
bool device_hot_resets(const struct host *host, uint32_t device);
void device_release(struct host *host, uint32_t device);

handler_fn device_read, device_write, device_mmap;

/* ---- mediated devices: mdev.c, and this project's own: pinner.c ---------------------------- */

static inline bool device_is_mediated(const struct host *host, uint32_t device)
{
	return host->machine->devices[device].driver == DRIVER_MDEV;
}

/* Reading, writing, and all ioctls of a mediated device. */
handler_fn mdev_read, mdev_write, mdev_ioctl;
/* The last descriptor of the device is closed. */
void mdev_close(struct host *host, uint32_t device);

/* ---- platform devices: platform.c ---------------------------------------------------------- */

static inline bool device_is_platform(const struct host *host, uint32_t device)
{
	return host->machine->devices[device].driver == DRIVER_PLATFORM;
}

/* Reading, writing, and all ioctls of a platform device. */
handler_fn platform_read, platform_write, platform_ioctl;
/* Whether @name is the path of the device's node, or its place in sysfs. */
bool platform_is_named(const struct host *host, const struct device *device, const char *name);
/* Before a region is mapped: STEP_MORE, or it is not because it shares a page with others. */
handler_fn platform_mmap_check;

void pinner_free(struct pinner *pinner);
/* Gives a copied pinner its own lists. */
void pinner_unshare(struct pinner *pinner);
handler_fn pinner_read, pinner_write;
/* Lets go of everything and forgets everything: by a reset, and when the last descriptor of the device is closed. */
void pinner_reset(struct host *host, uint32_t device);
/* Before a mapping with pinned pages goes, every device that is open in the instance lets go of what it pinned there.
 */
void pinners_let_go(struct host *host, uint32_t iommu, uint64_t first, uint64_t last);
/* Whether an open device takes for pinned what is in the range, whether or not it still is. */
bool pinners_remember(const struct host *host, uint32_t iommu, uint64_t first, uint64_t last);

/* ---- IOMMUs as the kernel uses them: iommu.c ----------------------------------------------- */

/* What translates for a group that is not emulated. */
struct translation iommu_translation(const struct host *host, uint32_t group);
/* What is smaller than the host's page cannot be used, but says that the page itself can. */
uint64_t iommu_usable_page_sizes(const struct host *host, uint64_t sizes);
/* The errno with which it refuses the nesting type, or 0: an SMMUv3 without a second stage quietly does without. */
int64_t iommu_nesting(const struct host *host);
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
 * Takes a group out of the instance that has it; the instance stays. True when it was the last one behind an IOMMU
 * and mediated devices keep the mappings.
 */
bool type1_leave(struct host *host, uint32_t group);
handler_fn type1_map_dma, type1_unmap_dma;

/* What a device in a container reaches at @iova, up to @bytes of it, or the rule by which it reaches nothing. */
enum rule type1_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			  struct run *run);

/* ---- groups without an IOMMU: noiommu.c ----------------------------------------------------- */

int64_t noiommu_check_extension(const struct host *host, uint64_t extension);
/* What SET_IOMMU does to a container of noiommu groups: STEP_MORE, or refused. */
enum step_result noiommu_begin(struct host *host, struct op *op, uint64_t type);
/* Whether the caller may do what nothing will confine: STEP_MORE, or refused by @rule. */
enum step_result noiommu_permit(struct host *host, struct op *op, enum rule rule);

/* ---- iommufd: iommufd.c, ioas.c --------------------------------------------------------------- */

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
/* Whether the calls of a container that go to the iommufd behind @file have an address space to go to. */
bool iommufd_has_ioas(const struct host *host, uint32_t file);
/* Whether a device of the group is bound to an iommufd, which then owns the group's DMA. */
bool iommufd_owns_group(const struct host *host, uint32_t group);
/* Mapping the file of an iommufd into memory, which is always refused. */
enum step_result iommufd_mmap(struct host *host, struct op *op, uint32_t file);
/* The same for a device that an iommufd has. */
enum rule ioas_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
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

/* ---- the edu device: edu.c ------------------------------------------------------------------ */

enum step_result edu_read(struct host *host, struct op *op, uint32_t device, uint64_t offset, uint32_t length);
/* False when the model does not know what such a write does. */
bool edu_write(struct host *host, uint32_t device, uint64_t offset, const uint8_t *bytes, uint32_t length);

/* Lets time pass for a transfer that is under way; can_go_on is false when the model does not know what comes of it. */
bool edu_can_go_on(struct host *host, uint32_t device, uint64_t milliseconds);
void edu_go_on(struct host *host, struct op *op, uint32_t device, uint64_t milliseconds);

/* Handlers named by the ioctl table. */
#define IOCTL(name, n, owner, arg, direction, layout, minsz, since, until, handler, summary) handler_fn handler;
#include "vfiosim/uapi/ioctls.def"

#endif
