/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What there is: every object of the model, and the host that has them all.
 *
 * Objects live in tables and refer to each other by index, so that a clone is a copy of the tables. Whatever has extent
 * is a rangemap, which copies by reference.
 */
#ifndef MODEL_OBJECTS_H
#define MODEL_OBJECTS_H

#include "dmatree.h"
#include "frames.h"
#include "ioasid.h"
#include "memory.h"
#include "rangemap.h"
#include "tce_table.h"
#include "vfiosim/edu.h"
#include "vfiosim/model.h"

#define NOTHING UINT32_MAX /* an index that names no object */

/* Access modes among the flags a file was opened with. */
enum { ACCESS_MODE = 3, ACCESS_READ_ONLY = 0, ACCESS_WRITE_ONLY = 1, ACCESS_ALL = 2 };

enum file_kind {
	FILE_FREE = 0, /* what table_take() takes */
	FILE_OTHER,
	FILE_EVENTFD,
	FILE_CONTAINER,
	FILE_IOMMUFD,
	FILE_GROUP,
	FILE_GROUP_GONE, /* of a group whose last device was taken from its driver */
	FILE_DRIVER,	 /* of a PCI driver: where devices are taken from it, or given to it */
	FILE_BUS,	 /* of the PCI bus: where a device is taken from it, and devices are looked for */
	FILE_DEVICE,
	FILE_DEVICE_IDLE, /* a device's own file that is not bound to an iommufd; once it is, it is a FILE_DEVICE */
	FILE_MEMORY,
	FILE_GUEST
};

/* An open file description: what descriptors, and other files, refer to. */
struct file {
	enum file_kind kind;
	uint32_t references;
	uint32_t object; /* container, iommufd, group, device, file in memory or guest, by kind; of a vanished
			    group: its iommufd's file */
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
enum container_kind { CONTAINER_BARE, CONTAINER_TYPE1, CONTAINER_SPAPR, CONTAINER_TCE_PUT, CONTAINER_NOIOMMU };

struct container {
	bool alive;
	uint32_t references; /* its file, and each attached group */
	bool noiommu;	     /* its groups are noiommu groups; says nothing while it has none */
	enum container_kind kind;
	uint32_t iommu; /* index of the instance in the table of its kind; NOTHING without one */
};

/* What PROFILE_NOIOMMU says of a kernel: CONFIG_VFIO_NOIOMMU, and its parameter enable_unsafe_noiommu_mode. */
enum { NOIOMMU_ABSENT, NOIOMMU_OFF, NOIOMMU_ENABLED };

/* A reset of a group of devices (a PE, to recovery) begins with one call and ends with another: what is in between. */
enum pe_hold {
	PE_FREE,
	PE_BLOCKED, /* nobody reaches their configuration space */
	PE_RESET,   /* nor do they do anything */
};

struct group {
	uint32_t number;     /* N of /dev/vfio/N, or of /dev/vfio/noiommu-N */
	bool noiommu;	     /* nothing translates what its devices do */
	bool offered;	     /* has a device bound to vfio: there is a /dev/vfio/N */
	uint32_t file;	     /* the open file, or NOTHING: a group is opened once */
	uint32_t container;  /* or NOTHING */
	uint32_t iommufd;    /* the file of an iommufd in the place of a container, or NOTHING */
	uint32_t users;	     /* 1 for the attachment, 1 for each open device */
	uint64_t attached;   /* order of attachment, for walking a container's groups latest first */
	bool pinned_scope;   /* its devices write only pages that they pinned, or say which they write */
	bool windows_denied; /* with sPAPR: a hypervisor makes no more windows for it */
	enum pe_hold hold;   /* with sPAPR: what recovery does to its devices */
	bool devices_lost;   /* they do nothing any more: one was closed, or could not be opened, meanwhile */
	uint32_t joined;     /* the instance of its container's IOMMU that has it, or NOTHING */
};

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

/* Where a device is: on the bus and in its group, on the bus only, or taken from it. */
enum device_presence { DEVICE_GROUPED, DEVICE_UNGROUPED, DEVICE_OFF_BUS };

struct device_state {
	uint32_t group;	     /* index of its group */
	uint32_t number;     /* N of /dev/vfio/devices/vfioN; NOTHING if it never had a driver */
	uint32_t open_count; /* open device files */
	bool own_file;	     /* open by its own file, and by nothing else */
	bool unbound;	     /* taken from its driver */
	enum device_presence presence;
	bool contained;	  /* open by way of a container, which it uses */
	uint32_t iommufd; /* file of the iommufd that it is bound to, or NOTHING */
	uint32_t id;	  /* with an iommufd: the number that it has there */
	uint32_t ioas;	  /* with an iommufd: the address space that it is attached to, by index, or NOTHING */
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

	/* Where nesting is told of: what the IOMMU of its group says, or NULL; the address space whose PASIDs it uses,
	 * or NOTHING; PASIDs to which a guest's page table is bound, and as value where that is. */
	const struct nesting *nested;
	uint32_t pasid_mm;
	struct rangemap bound;
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

/* An instance of the sPAPR driver as it was proposed in 2012, and the table of a group there: tce_put.c. */
struct tce_put {
	bool alive;
	uint32_t table; /* the group whose table it has, or NOTHING */
};

struct put_table {
	uint32_t instance;	  /* that has it, or NOTHING */
	struct tce_table entries; /* of 4 KiB */
	struct rangemap pinned;	  /* their pages; see iotable.h */
};

/* User memory that an iommufd was asked to map: areas cut from one mapping share it. */
struct pages {
	uint32_t areas;	 /* that are made of it; 0: free */
	uint32_t mm;	 /* whose memory it is */
	uint32_t task;	 /* who mapped it: the limit that counts is his */
	bool accounted;	 /* the user is charged: mapped without CAP_IPC_LOCK */
	uint32_t access; /* MAPPING_READ, MAPPING_WRITE */
};

/* An address space of an iommufd (IOAS): there once a group needed one, and for as long as the iommufd. */
struct ioas {
	uint32_t iommufd;	/* index of the one that it belongs to, or NOTHING: there is none */
	uint32_t id;		/* its number there */
	uint32_t table_id;	/* of the table that the hardware has while devices are attached */
	bool small_pages;	/* TYPE1 was asked for: mappings can be cut anywhere */
	uint32_t attached;	/* devices that translate by it */
	uint32_t accesses;	/* mediated devices, whose drivers reach through it */
	uint64_t page_sizes;	/* that the hardware of all attached devices maps; with any attached */
	struct windows windows; /* where mappings may lie; none: anywhere */
	struct rangemap areas;	/* value: vaddr; weight: pages pinned; place; tag: index of its pages */
	struct rangemap table;	/* what devices reach; see iotable.h */
	struct rangemap held;	/* what mediated devices have pinned, likewise */
};

/* An iommufd in the role of a container. */
struct iommufd {
	bool alive;
	bool noiommu;  /* a noiommu group has joined: translation is out of the question for good */
	uint32_t ioas; /* where the calls of a container go, by index, or NOTHING */
};

/* tag of a mapping: the address space it is charged to, and what it allows */
#define MAPPING_READ	       1u
#define MAPPING_WRITE	       2u
#define MAPPING_VADDR_INVALID  4u
#define MAPPING_LOCK_CAP       8u /* its maker is not limited in what he locks */
#define MAPPING_TAG(mm, flags) ((mm) << 8 | (flags))
#define MAPPING_MM(tag)	       ((tag) >> 8)
#define MAPPING_FLAGS(tag)     ((tag)&0xffu)

/* What a guest asks of its host by a vIOMMU; the numbers are those of the interface. */
enum vcmd { VCMD_ALLOC = 1, VCMD_FREE };

/* Where an exchange goes wrong, once. */
enum vcmd_fault {
	VCMD_FAULT_NONE,
	VCMD_FAULT_REQUEST_LOST,  /* what the guest writes does not arrive */
	VCMD_FAULT_HOST_BUSY,	  /* the host does not get to it while the guest waits */
	VCMD_FAULT_HOST_FAILS,	  /* the host does nothing, and says so */
	VCMD_FAULT_RESPONSE_LOST, /* the host has done it, and what it answers does not arrive */
	VCMD_FAULT_READ_LOST,	  /* what the guest reads is no answer */
	VCMD_FAULT_COUNT
};

enum { VIOMMUS_MAX = 4 };

/* A vIOMMU: the interface by which a guest asks for ids, one command at a time. */
struct viommu {
	bool ready;    /* the guest's driver has set it up */
	bool pending;  /* there is a command that the host has not carried out */
	bool shown;    /* the answer can be read */
	bool fetched;  /* and has been */
	uint8_t fault; /* enum vcmd_fault, of the next exchange */
	uint32_t command, operand;
	enum rule answer; /* to the last command, with the id that it grants */
	uint32_t id;
};

/* A virtual machine, and what its kernel knows of ids. */
struct guest {
	bool alive;
	uint32_t viommu_count;
	struct viommu viommus[VIOMMUS_MAX];
	uint32_t allocator;	 /* the vIOMMU by which the registered allocator asks the host, or NOTHING */
	struct ioasid_space ids; /* without one, these are known to nobody else */
};

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
	TABLE(struct tce_put) tce_puts;
	TABLE(struct put_table) put_tables; /* as groups; none where no profile has them */
	TABLE(struct iommufd) iommufds;
	TABLE(struct ioas) ioases;
	TABLE(struct pages) pages;
	uint64_t user_locked; /* pages that iommufd charges to the user; all tasks are one user's */
	TABLE(struct memory_file) memory_files;
	struct ioasid_space ioasids; /* PASIDs of the host, whoever uses them */
	TABLE(struct guest) guests;
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

#endif
