/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The reference model: one struct host, one entry point.
 *
 * Pure: no system calls, no clock, no globals, no floats, no addresses of the machine
 * that it runs on. Same machine, profile and calls: same outcomes, byte for byte.
 */
#ifndef VFIOSIM_MODEL_H
#define VFIOSIM_MODEL_H

#include "vfiosim/call.h"
#include "vfiosim/machine.h"
#include "vfiosim/profile.h"
#include "vfiosim/rule.h"

#define OUTCOME_RULES_MAX 8

struct host;

/* A host with one task (number 1), no open files and the devices of @machine, which must outlive it. */
struct host *host_new(const struct machine *machine, const struct profile *profile);
void host_free(struct host *host);

/* An independent copy; costs the few objects that exist, not the mappings they hold. */
struct host *host_clone(const struct host *host);

/* Makes @host equal to @from, in the memory that it has: for who needs a fresh host again and again. */
void host_assign(struct host *host, const struct host *from);

/*
 * From now on the host's kernel is one with this value of @field. What there is already (groups, mappings, charges)
 * stays as it is.
 */
void host_set_field(struct host *host, enum profile_field field, int64_t value);

/*
 * What the kernel leaves open and an observer has seen: which free descriptor, which
 * free address, which task number. The model takes the observed one if it is allowed,
 * and its own choice (lowest descriptor, ...) otherwise. NULL: its own choice.
 */
struct choice {
	int64_t ret;	    /* the observed return value */
	const uint8_t *out; /* observed bytes after the call (buffers[0]), or NULL */
};

struct outcome {
	bool modelled;			    /* false: the model does not know this call; nothing else is valid */
	int64_t ret;			    /* value or negative errno */
	enum rule rules[OUTCOME_RULES_MAX]; /* hit on the way; the last one decided */
	uint32_t rule_count;
	/*
	 * RULE_NONE, or the rule by which the kernel complains about itself on its console, at most once for each
	 * place in its code. If that is fatal there is no answer: nothing else is valid.
	 */
	enum rule complaint;
	/*
	 * What buffers[i] holds afterwards, and which bits of it the API defines (1: judged).
	 * NULL: the buffer is as it was. Owned by the host, valid until its next call.
	 */
	const uint8_t *out[CALL_BUFFERS_MAX];
	const uint8_t *mask[CALL_BUFFERS_MAX]; /* NULL: all bits */
	bool task_gone;			       /* the calling task does not exist afterwards */
	uint64_t locked_before;		       /* host_locked() of the calling task, before and after */
	uint64_t locked_after;
	uint64_t pinned_before; /* bytes that iommufd pins in it, before and after */
	uint64_t pinned_after;
};

/* Executes one call, from entry to return. Never fails: what it does not know is !modelled and changes nothing. */
void host_call(struct host *host, const struct call *call, const struct choice *choice, struct outcome *outcome);

/*
 * A call that is under way. What a kernel does of it in one go, because locks keep others out, is one step; between two
 * steps of a call others may run. host_call() lets the steps of one call follow each other.
 */
struct underway;

/* Before the first step. @call must outlive it. */
struct underway *underway_new(const struct call *call);
struct underway *underway_clone(const struct underway *underway);
void underway_free(struct underway *underway);

/* Lets the call, which has not ended, make its next step on @host, or on a clone of the host that it has begun on. */
void underway_step(struct underway *underway, struct host *host);
/* NULL before the call has ended. What its buffers hold is valid until the next step of any call. */
const struct outcome *underway_outcome(const struct underway *underway);

/*
 * From now on, a call that would make a kernel complain, whichever kernel it is, is not modelled and changes nothing:
 * for makers of programs that are to be run on kernels which others need.
 */
void host_avoid_complaints(struct host *host);

/*
 * Tells the host that the program has locked @bytes of its memory by what was not among the calls. They count against
 * RLIMIT_MEMLOCK beside what VFIO charges and what calls have locked.
 */
void host_set_locked_unseen(struct host *host, uint32_t task, uint64_t bytes);

/*
 * Bytes that count as locked in the memory of @task, as far as calls tell: what VFIO charges, and what the program has
 * locked. 0 if there is no such task. The second one is VFIO's share.
 */
uint64_t host_locked(const struct host *host, uint32_t task);
uint64_t host_locked_by_vfio(const struct host *host, uint32_t task);

/*
 * Audits the ledger: what is charged equals what is held, references add up. Returns NULL, or a
 * sentence that says what does not. The text belongs to the host.
 */
const char *host_audit(struct host *host);

/* How many tasks there have been: their numbers end there. */
uint32_t host_task_count(const struct host *host);

/* Whether anything is left when every task has ended: NULL, or a sentence that says what. The text belongs to the host.
 */
const char *host_audit_end(struct host *host);

/* Numbers that stand for the state of a host: when nothing changes, they do not, and when anything does, they do. */
struct host_digest {
	uint64_t objects; /* all but the pages below */
	uint64_t pages;	  /* which pages of memory there are, and what they hold */
};

struct host_digest host_digest(const struct host *host);

/* The owner an ioctl on this descriptor would be dispatched to, or -1 if @fd is not a VFIO descriptor of @task. */
int host_fd_owner(const struct host *host, uint32_t task, int fd);

/* A VFIO descriptor of a task. */
struct host_fd {
	int32_t number;
	enum ioctl_owner owner; /* as host_fd_owner() tells it */
	uint32_t group;		/* of a group's: its number */
};

/* Fills @fds with the VFIO descriptors of @task, ascending, at most @most of them. Gives how many. */
uint32_t host_list_fds(const struct host *host, uint32_t task, struct host_fd *fds, uint32_t most);

#define HOST_NO_CONTAINER UINT32_MAX

/*
 * The number of the container that a descriptor of @task is a file of, or that its group, or its device's group, is
 * attached to. HOST_NO_CONTAINER if there is none. A container keeps its number; when it is gone, another gets it.
 * Numbers end at host_container_count().
 */
uint32_t host_container(const struct host *host, uint32_t task, int fd);
uint32_t host_container_of_group(const struct host *host, uint32_t number);
uint32_t host_container_count(const struct host *host);

/* A DMA mapping of a container with a TYPE1 IOMMU. */
struct host_mapping {
	uint64_t first, last; /* IOVAs, inclusive */
	uint64_t vaddr;	      /* in the task that mapped it */
	bool read, write;     /* for devices */
};

/* How many mappings a container has; 0 for others than TYPE1's. */
uint64_t host_mapping_count(const struct host *host, uint32_t container);

/* The first mapping that does not end before @iova. False if there is none. */
bool host_mapping_from(const struct host *host, uint32_t container, uint64_t iova, struct host_mapping *mapping);

/* Whether some of @task's memory in a range is a device's region. */
bool host_memory_is_device(const struct host *host, uint32_t task, uint64_t address, uint64_t length);

#endif
