/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of the tracer share.
 *
 *   tracer.c      starts the program and stays with it to its end
 *   filter.c      the seccomp filter
 *   notify.c      what the filter asks: begins the tracing of a process
 *   stop.c        the stops of the processes that are traced
 *   process.c     processes and threads
 *   descriptor.c  which descriptors are VFIO, and what the trace knows of them
 *   watch.c       the system calls that are looked at
 *   ioctl_call.c  the ioctl among them, with its payload
 *   record.c      from a call under way to an event
 *   region.c      what the trace says of a process's memory
 *   memory.c      the memory itself: bytes and mappings
 *   proc.c        other facts from /proc
 *   stream.c      events as text
 *   serve.c       a recording for a host, in the agent
 */
#ifndef VFIOSIM_TRACER_INTERNAL_H
#define VFIOSIM_TRACER_INTERNAL_H

#include <linux/audit.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tracer.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__powerpc64__)
#define NATIVE_ARCH AUDIT_ARCH_PPC64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#else
#error "the tracer needs the audit number of this architecture"
#endif

struct watch;

enum file_kind { FILE_CONTAINER, FILE_GROUP, FILE_DEVICE, FILE_EVENTFD, FILE_OTHER };

/* An open file, shared by the descriptors that were duplicated or inherited from one another. */
struct tracee_file {
	enum file_kind kind;
	enum ioctl_owner iommu; /* FILE_CONTAINER: OWNER_TYPE1 or OWNER_SPAPR once set, else OWNER_CONTAINER */
	unsigned references;
};

/* A descriptor that the trace knows. */
struct descriptor {
	int fd;
	bool cloexec;
	struct tracee_file *file;
};

/* Memory of a process as the trace describes it. */
struct region {
	uint64_t start, end; /* bytes, page-aligned, end exclusive */
	uint32_t prot;	     /* PROT_* */
	uint32_t flags;	     /* MAP_*, without MAP_FIXED */
	int fd;		     /* the device whose region this is, or -1 */
	uint64_t offset;     /* in fd; 0 without one */
	bool written;	     /* the trace says that the program has written every page of it */
};

/* A growing array of regions, sorted and without overlap where it belongs to a process. */
struct regions {
	struct region *list;
	size_t count, capacity;
};

struct process {
	pid_t pid;			/* 0: it has ended, and the trace has yet to say so */
	uint32_t task;			/* number in the trace */
	uint32_t thread_numbers;	/* last one given */
	bool lock_limit_told;		/* the trace has lock_limit */
	bool ipc_lock_dropped;		/* the trace says that CAP_IPC_LOCK is gone */
	uint64_t lock_limit;		/* soft RLIMIT_MEMLOCK, bytes */
	struct descriptor *descriptors; /* no order */
	size_t descriptor_count, descriptor_capacity;
	size_t vfio_count; /* of them, those that are VFIO */
	struct regions told;
	struct process *next;
};

/* A call that has been entered and is to be recorded when it returns. */
struct pending {
	bool active;
	bool interrupted; /* returned -ERESTART*: may be entered again as if nothing had been */
	bool overlapped;  /* another recorded call was under way when this one began */
	const struct watch *watch;
	uint64_t nr;
	uint64_t raw[6];	  /* the arguments in registers */
	struct tracee_file *file; /* what it goes to, with a reference; or NULL */
	struct event event;
	uint64_t addresses[CALL_BUFFERS_MAX]; /* where the buffers lie in the program */
	char *string;			      /* owns event.call.string */
};

struct thread {
	pid_t tid;
	struct process *process; /* NULL: stopped, and waiting for its parent to say whose it is */
	uint32_t number;
	bool unborn;   /* announced by its parent, but its own first stop is still to come */
	bool entered;  /* stopped at the entry of a call; the next call stop is its exit */
	bool expected; /* a call of interest is about to be entered: watched until it returns */
	struct pending pending;
	struct thread *next;
};

#define THREAD_BUCKETS 256

struct tracer {
	const struct tracer_options *options;
	const char *prefix;
	size_t page_size;
	struct process *root; /* the program itself: the task from which all others descend */
	int root_status;      /* its wait status, once it is gone */
	int error;	      /* negative errno that ended the recording, or 0 */
	uint32_t tasks;	      /* last number given */
	size_t thread_count;
	struct thread *threads[THREAD_BUCKETS];
	struct process *processes;
	uint64_t clock;	       /* last stamp */
	uint64_t latest_begin; /* stamp at which the latest call began */
	uint32_t under_way;    /* calls entered and not finished */
};

/* A system call that is looked at. @enter begins a pending call if it is one of interest; @leave finishes it. */
struct watch {
	long nr;
	void (*enter)(struct tracer *tracer, struct thread *thread, const uint64_t args[6]);
	/* @ret is the value or a negative errno. Ends or drops the call, or leaves it to the tracer to end it. May be
	 * NULL. */
	void (*leave)(struct tracer *tracer, struct thread *thread, int64_t ret);
};

/* tracer.c */
/* Ends the recording with this negative errno; the first one stays. */
void tracer_fail(struct tracer *tracer, int error);
/* The program itself has ended. */
void tracer_root_gone(struct tracer *tracer, int status);

/* filter.c */
/* Installs the filter in the calling process, for good. Returns its listener or a negative errno. */
int filter_install(void);

/* notify.c */
struct notify;
/* For the questions that come through @listener. NULL when memory is out. */
struct notify *notify_new(int listener);
void notify_free(struct notify *notify);
/* Answers one question of the filter, which must be there. */
void notify_answer(struct tracer *tracer, struct notify *notify);

/* stop.c */
/* Answers one status that waitpid() gave. */
void stop_answer(struct tracer *tracer, pid_t tid, int status);
/* The process of @thread has come to hold a VFIO descriptor: stops its other threads, which run unwatched so far. */
void stop_others(struct tracer *tracer, const struct thread *thread);

/* process.c */
struct thread *thread_find(const struct tracer *tracer, pid_t tid);
/* A new thread of @process (NULL: not known yet). NULL when memory is out, the tracer has then failed. */
struct thread *thread_add(struct tracer *tracer, pid_t tid, struct process *process);
/* Makes a thread that was waiting for it one of @process, and numbers it. */
void thread_claim(struct thread *thread, struct process *process);
void thread_rename(struct tracer *tracer, struct thread *thread, pid_t tid);
/* Frees the thread; a call of it that is under way is recorded as not answered. */
void thread_remove(struct tracer *tracer, struct thread *thread);
/* A new process with the next task number; it inherits what the trace knows of @parent (NULL: nothing). */
struct process *process_add(struct tracer *tracer, pid_t pid, const struct process *parent);
struct process *process_find(const struct tracer *tracer, pid_t pid);
/* Frees its threads, as far as there are any. */
void process_remove_threads(struct tracer *tracer, struct process *process);
/* Tells that @thread's process has executed a program: what goes with that is forgotten. */
void process_exec(struct tracer *tracer, struct thread *thread);
/* Tells that the process has ended, and frees it with all its threads. */
void process_exit(struct tracer *tracer, struct process *process);

/* descriptor.c */
struct descriptor *descriptor_find(const struct process *process, int fd);
/* Adds @fd as a new descriptor of @file and takes over one reference. */
void descriptor_add(struct tracer *tracer, struct thread *thread, int fd, bool cloexec, struct tracee_file *file);
void descriptor_remove(struct process *process, int fd);
/* What lies behind @fd if the trace does not know it yet: tells it with an event. NULL if it is not open. */
struct descriptor *descriptor_adopt(struct tracer *tracer, struct thread *thread, int fd);
/* The same, but only if it is VFIO. */
struct descriptor *descriptor_adopt_vfio(struct tracer *tracer, struct thread *thread, int fd);
/* Adopts every VFIO descriptor that the process has. */
void descriptors_scan(struct tracer *tracer, struct thread *thread);
void descriptors_close_on_exec(struct process *process);
/* Tells that all are closed. */
void descriptors_tell_closed(struct tracer *tracer, struct thread *thread);
/* Copies them to @child, which has none. 0 or -ENOMEM. */
int descriptors_inherit(struct process *child, const struct process *parent);
void descriptors_free(struct process *process);
struct tracee_file *tracee_file_new(enum file_kind kind);
struct tracee_file *tracee_file_get(struct tracee_file *file);
void tracee_file_put(struct tracee_file *file);
bool tracee_file_is_vfio(const struct tracee_file *file);
/* Whether @path counts as VFIO, and then what it is. */
bool file_kind_of_path(const struct tracer *tracer, const char *path, enum file_kind *kind);
/* Whether @fd of a thread that may not be traced is VFIO. */
bool descriptor_is_vfio(const struct tracer *tracer, pid_t tid, int fd);

/* watch.c */
const struct watch *watch_find(uint64_t nr);
/* Whether this call, which a thread that may not be traced is about to make, goes to VFIO. */
bool watch_is_vfio(const struct tracer *tracer, pid_t tid, uint64_t nr, const uint64_t args[6]);

/* ioctl_call.c */
void ioctl_enter(struct tracer *tracer, struct thread *thread, const uint64_t args[6]);
void ioctl_leave(struct tracer *tracer, struct thread *thread, int64_t ret);

/* record.c */
/* Begins a call in @thread->pending. @file may be NULL. @args has @count values. */
void record_begin(struct tracer *tracer, struct thread *thread, enum call_op op, struct tracee_file *file, size_t count,
		  const uint64_t *args);
/* Reads VmLck and VmPin as they are before the call that was begun. */
void record_observe(struct thread *thread);
/*
 * Adds a buffer to the call that was begun, with what lies at @address now, at most @length bytes and
 * less if the memory ends. Returns the bytes that there are; with 0 no buffer is added.
 */
size_t record_buffer(struct tracer *tracer, struct thread *thread, uint64_t address, size_t length);
/* Finishes the pending call: reads the buffers again, emits the event, frees everything. */
void record_end(struct tracer *tracer, struct thread *thread, int64_t ret);
/* Forgets the pending call: nothing is emitted. */
void record_drop(struct tracer *tracer, struct thread *thread);
/* The thread is gone: emits the call as not answered. */
void record_unanswered(struct tracer *tracer, struct thread *thread);
/* Emits an event that takes no time. @string may be NULL. */
void record_instant(struct tracer *tracer, const struct thread *thread, enum call_op op, const char *string,
		    size_t count, const uint64_t *args, int64_t ret);
/* Emits a poke of one byte, a zero, that the program made at some time. */
void record_poke(struct tracer *tracer, const struct thread *thread, uint64_t address);

/* region.c */
/* The first region that ends after @address, or NULL. */
const struct region *regions_after(const struct regions *regions, uint64_t address);
/* Says that @region lies there now, in place of what was. 0 or -ENOMEM. */
int regions_set(struct regions *regions, const struct region *region);
/* Says that nothing lies there now. 0 or -ENOMEM. */
int regions_clear(struct regions *regions, uint64_t start, uint64_t end);
/* Appends without a look at order. 0 or -ENOMEM. */
int regions_append(struct regions *regions, const struct region *region);
int regions_copy(struct regions *to, const struct regions *from);
void regions_free(struct regions *regions);
/* Says with events what lies in [address, address + length) of the program, as far as the trace is wrong. */
void regions_tell(struct tracer *tracer, struct thread *thread, uint64_t address, uint64_t length);
/*
 * Says with events which pages of the same memory the program has written, as far as it is private and writable:
 * what nobody wrote is the kernel's one page of zeros, which some kernels do not charge to who maps it to be read.
 */
void regions_tell_written(struct tracer *tracer, struct thread *thread, uint64_t address, uint64_t length);
/* Says that every region of a device is unmapped. */
void regions_tell_devices_gone(struct tracer *tracer, struct thread *thread);

/* memory.c */
/* Copies from the program's memory; returns the bytes before the first that cannot be read. */
size_t memory_read(pid_t tid, uint64_t address, void *bytes, size_t length);
/* Length of the string at @address without its NUL, or -1 if it does not end within @size bytes of memory. */
ssize_t memory_read_string(pid_t tid, uint64_t address, char *string, size_t size);
/*
 * The mappings from @address up to the first gap or to @end, clipped to that (to whole huge pages
 * where they are used) and joined where alike; @gap_end is where the memory goes on after the gap, at
 * most @end. Regions of VFIO devices have fd 0, the caller knows which. 0 or a negative errno.
 */
int memory_map(pid_t tid, uint64_t address, uint64_t end, struct regions *regions, uint64_t *gap_end);
/*
 * The first pages from @start on, below @end, that are the program's own because it has written them, as
 * [@first, @last). False if there are none. Pages shared with a process forked off are not told from pages of zeros.
 */
bool memory_written(pid_t tid, uint64_t start, uint64_t end, uint64_t *first, uint64_t *last);

/* proc.c */
struct proc_status {
	uint64_t locked, pinned; /* VmLck and VmPin, bytes */
	uint64_t capabilities;	 /* effective set */
};
bool proc_status(pid_t tid, struct proc_status *status);
/* Soft RLIMIT_MEMLOCK, all ones for no limit. From /proc, because asking the kernel takes a capability. */
bool proc_lock_limit(pid_t tid, uint64_t *bytes);
/* Target of /proc/TID/@what (e.g. "cwd", "fd/3") in @target; false if there is none. */
bool proc_link(pid_t tid, const char *what, char target[CALL_PATH_MAX]);
/* Lines of /proc/TID/status that name a process. */
#define PROC_GROUP  "Tgid:"
#define PROC_PARENT "PPid:"
#define PROC_TRACER "TracerPid:"
/* The number in that line; 0 if there is none, or @tid is gone. */
pid_t proc_number(pid_t tid, const char *label);
/* The open flags of a descriptor, O_CLOEXEC included; false if it is not open. */
bool proc_fd_flags(pid_t tid, int fd, uint64_t *flags);

#endif
