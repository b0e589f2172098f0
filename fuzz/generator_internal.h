/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of the generator share: its state, the book of what the calls so far have
 * made, and the choices of arguments.
 */
#ifndef VFIOSIM_FUZZ_GENERATOR_INTERNAL_H
#define VFIOSIM_FUZZ_GENERATOR_INTERNAL_H

#include "generator.h"
#include "vfiosim/uapi.h"

#define TASKS_MAX    4	/* tasks a program makes in all */
#define THREADS_MAX  2	/* threads of one task */
#define FDS_SEEN     64 /* descriptors that are looked at when one is chosen */
#define AREAS_MAX    64
#define MAPPINGS_MAX 64
#define EVENTFDS_MAX 8
#define MEMFDS_MAX   8
#define GUESTS_MAX   4
#define IOASIDS_MAX  16
#define SCRIPT_MAX   8 /* calls that belong together */
#define GROUPS_MAX   16

/* All memory of a program lies in [MEMORY_FIRST, MEMORY_END), far from where anything else of a task may be. */
#define MEMORY_FIRST UINT64_C(0x100000000000)
#define MEMORY_END   UINT64_C(0x200000000000)
#define MEMORY_MAX   ((uint64_t)32 << 20) /* bytes that a program maps in all */
#define PINNED_MAX   ((uint64_t)64 << 20) /* bytes that a program's mappings pin at a time */

/* ---- the book: book.c ------------------------------------------------------------------- */

/*
 * Hints, not truth: what was mapped where when it was last heard of. The model knows descriptors and
 * is asked for them; these are what it cannot be asked for.
 */
struct area {
	uint32_t task;
	uint32_t prot;
	uint64_t address, length;
	bool device; /* a region: storing there reaches the device */
	bool huge;   /* huge pages */
};

struct dma {
	uint64_t iova, size, vaddr;
	bool invalid; /* its address was invalidated */
};

struct actor {
	uint32_t task; /* number in the trace */
	uint32_t threads;
	bool limited;	  /* has set RLIMIT_MEMLOCK */
	bool locks_ahead; /* locks what it maps */
};

struct book {
	struct area areas[AREAS_MAX];
	struct dma dmas[MAPPINGS_MAX];
	struct actor actors[TASKS_MAX]; /* tasks that live */
	int32_t eventfds[EVENTFDS_MAX], memfds[MEMFDS_MAX], guests[GUESTS_MAX];
	uint32_t ioasids[IOASIDS_MAX];
	uint32_t area_count, dma_count, actor_count, eventfd_count, memfd_count, guest_count, ioasid_count;
	uint32_t tasks_made;
	bool mapped;	 /* a mapping for devices was made, ever */
	uint64_t memory; /* bytes that mmap gave out */
};

void book_open(struct book *book);

/* Takes down what @call, with this outcome, has changed. */
void book_learn(struct book *book, const struct call *call, const struct outcome *outcome);

/* ---- the generator ------------------------------------------------------------------------ */

struct generator {
	const struct machine *machine;
	struct host *fresh; /* the model, before any call */
	struct host *host;  /* the model, where the calls so far have led it */
	struct program *program;
	struct book book;
	struct draws *draws;
	struct actor *actor;	      /* the task that makes it */
	struct host_fd fds[FDS_SEEN]; /* VFIO descriptors of that task, once they are asked for */
	uint32_t fd_count;
	bool fds_listed;
	uint32_t thread;
	bool careful;	      /* right arguments only */
	uint32_t strangeness; /* of 32: how often an argument is a strange one */
	uint64_t iommu_type;  /* that this program prefers */
	bool reaches_top;     /* the program likes the top of the address space, which can be mapped */
	bool reaches_edges;   /* and what no IOMMU can reach, but mediated devices let it map */
	bool iommufd;	      /* its containers are iommufds, mostly */
	struct profile profile;
	uint32_t groups[GROUPS_MAX]; /* numbers of the groups that it uses */
	uint32_t group_count;
	bool failed;   /* memory ran out */
	bool over;     /* no kernel answers after the last call */
	uint32_t room; /* calls that the program may still get */
	/* What an operation makes instead of one call: calls in order, with no other between them. */
	struct call script[SCRIPT_MAX];
	uint32_t script_count;
};

/*
 * Makes one call: fills @call, which has task and thread already. False if there is nothing to do, for example
 * because what the call needs is not there.
 */
typedef bool make_fn(struct generator *g, struct call *call);

#define OPERATION(name, weight) make_fn make_##name;
#include "operations.def"

/* ---- choices: choose.c ---------------------------------------------------------------------- */

/*
 * Everything here draws. No expression draws twice without a sequence point in between, nor do two arguments of one
 * call: which comes first would be the compiler's choice, and with it what the seed gives.
 */
static inline uint64_t below(struct generator *g, uint64_t bound)
{
	return draws_below(g->draws, bound);
}

static inline bool chance(struct generator *g, uint32_t times, uint32_t of)
{
	return draws_chance(g->draws, times, of);
}

/* Any number of 64 bits. */
static inline uint64_t any(struct generator *g)
{
	return draws_any(g->draws);
}

/* One of the elements of an array. */
#define ONE_OF(g, array) ((array)[below(g, sizeof(array) / sizeof((array)[0]))])

/* Whether the next argument is to be a strange one. */
static inline bool strange(struct generator *g)
{
	return !g->careful && chance(g, g->strangeness, 32);
}

/* Sees to it that the generator's list of the acting task's VFIO descriptors is what the model has. */
void list_fds(struct generator *g);
/*
 * A descriptor of the acting task that answers as @owner (OWNER_CONTAINER: with or without an IOMMU; an iommufd does
 * as a container and as TYPE1, sPAPR also as TYPE1), as a rule.
 * False when there is none, mostly: then the call is not worth making.
 */
bool choose_fd(struct generator *g, enum ioctl_owner owner, uint64_t *fd);
/* Any descriptor, mostly one that is open. */
uint64_t choose_any_fd(struct generator *g);
/* How many descriptors of the acting task answer as @owner. */
uint32_t count_fds(struct generator *g, enum ioctl_owner owner);
/* The VFIO descriptor with this number, or NULL. */
const struct host_fd *find_fd(struct generator *g, uint64_t number);

/* Whether the group with this number is a noiommu group. */
bool group_is_noiommu(const struct generator *g, uint32_t number);
/* Whether it is one of mediated devices, without an IOMMU. */
bool group_is_emulated(const struct generator *g, uint32_t number);
/* Whether the machine's IOMMU has TCE tables. */
bool has_tce(const struct generator *g);
/* Whether they are put entry by entry, as was first proposed. */
bool has_tce_put(const struct generator *g);
/* Whether its devices are of the platform: found by their place in the device tree. */
bool has_platform(const struct generator *g);
/* Whether the profile tells of nesting, as was proposed. */
bool has_nesting(const struct generator *g);
/* Whether devices have files of their own. */
bool has_device_files(const struct generator *g);
/* Whether there are guests that ask for ids, which only a proposal has. */
bool has_ioasids(const struct generator *g);
uint64_t choose_iova(struct generator *g);
/* An IOVA around the ends of the aperture and of each reserved range. */
uint64_t choose_edge(struct generator *g);
uint64_t choose_size(struct generator *g);
/* Memory of the acting task to map or to touch, or NULL if it has none. @device: regions of devices as well. */
const struct area *choose_area(struct generator *g, uint32_t prot, bool device);
const struct dma *choose_dma(struct generator *g);
/* An address that leads nowhere. */
uint64_t choose_wild_address(struct generator *g);
uint32_t choose_argsz(struct generator *g, uint32_t smallest, uint32_t usual);
/* Flags: @usual of them as a rule, else some of those up to @known, or unknown ones. */
uint32_t choose_flags(struct generator *g, uint32_t usual, uint32_t known);

/* The machine's device behind a descriptor, by asking the model for its identity; NULL if it does not tell. */
const struct device *device_at(struct generator *g, uint64_t fd);
/* An aligned place in an area of the acting task, and how much of that may be meant; false if it has none. */
bool area_part(struct generator *g, uint64_t *address, uint64_t *length);

/* ---- building calls: build.c ------------------------------------------------------------------ */

/* Appends a call to the script, of the acting task and thread, and gives it to be filled. */
struct call *build_next(struct generator *g);

/* Makes @call an ioctl with this row of the table on @fd, its argument still 0. */
void build_ioctl(struct call *call, uint64_t fd, const char *name);
/* The same on some descriptor that takes ioctls of @owner; false if there is none. */
bool build_ioctl_to(struct generator *g, struct call *call, enum ioctl_owner owner, const char *name);

/*
 * The argument is this struct (of uapi.h, in host order) followed by @extra bytes at @tail, or zeros. Strange:
 * memory that ends too early, or a pointer to nothing.
 */
void build_struct(struct generator *g, struct call *call, const void *object, const void *tail, uint32_t extra);

/* The argument is these bytes. Strange as above. */
void build_bytes(struct generator *g, struct call *call, const void *bytes, uint32_t length);

/* The one buffer of a call that is no ioctl: a copy of @bytes, or zeros. */
void build_buffer(struct generator *g, struct call *call, const void *bytes, uint32_t length);

/* Beside the argument, a copy of @bytes at @address, where a field of it points. */
void build_pointee(struct generator *g, struct call *call, uint64_t address, const void *bytes, uint32_t length);

/* A read or write of @length bytes at an offset of a device's file; without @bytes: zeros, or what is read. */
void build_transfer(struct generator *g, struct call *call, enum call_op op, uint64_t fd, const uint8_t *bytes,
		    uint32_t length, uint64_t offset);

/* A copy of @string that lives as long as the program. */
const char *build_string(struct generator *g, const char *string);

#endif
