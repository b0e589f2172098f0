/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of backends/vm share.
 *
 *	fetch.c         runs the fetch-kernel script (embedded)
 *	unpack.c        takes the kernel and the modules out of packages
 *	kernel_cache.c  keeps unpacked kernels; decides when to fetch
 *	modules.c       module names, dependencies and load order
 *	initramfs.c     the guest's memory disk
 *	qemu.c          the command line and the process
 *	console.c       what the kernel printed, and complaints in it
 *	vm.c            puts them together
 */
#ifndef VFIOSIM_VM_INTERNAL_H
#define VFIOSIM_VM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vm.h"

/* Returns @pointer; a program that boots machines cannot go on without a few bytes of memory, so NULL ends it. */
void *must(void *pointer);

/* printf into new memory, which the caller frees. */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Milliseconds of a clock that only goes forward. */
int64_t now_ms(void);

/* A set of words in the order in which they came. */
struct words {
	char **word;
	size_t count;
};

bool words_has(const struct words *words, const char *word);
/* Adds a copy of @word unless it is there. Returns whether it was new. */
bool words_add(struct words *words, const char *word);
/* Adds each part of @text that is separated by any of @separators. */
void words_split(struct words *words, const char *text, const char *separators);
void words_free(struct words *words);

/* --- modules.c --- */

/* The name under which the kernel knows a module: without directory and suffixes, and with _ for -. Caller frees. */
char *module_name(const char *path);

/* The modules that a module (its file's bytes) says it needs, names separated by commas. Caller frees. */
char *module_depends(const void *file, size_t size);

/* Which modules there are and what each needs. */
struct module_table {
	struct module {
		char *name;
		struct words needs;
	} * module;
	size_t count;
};

void module_table_add(struct module_table *table, const char *name, const char *needs);
const struct module *module_table_find(const struct module_table *table, const char *name);
/* Reads and writes the table as lines of "name: need need". 0 or a negative errno. */
int module_table_read(struct module_table *table, const char *path);
int module_table_write(const struct module_table *table, const char *path);
void module_table_free(struct module_table *table);

/* Fills @order with @wanted and all that they need, each after what it needs. Names that are not in @table are skipped.
 */
void module_load_order(const struct module_table *table, const struct words *wanted, struct words *order);

/* --- unpack.c --- */

/*
 * Takes the kernel of @release out of the packages (file names in @directory) into @into: "image",
 * one NAME.ko for each of @modules that is there and all that they need, and "modules" (a module table).
 */
int unpack_kernel(const char *directory, const struct words *packages, const char *release, const struct words *modules,
		  const char *into, struct diag *diag);

/* --- fetch.c --- */

/* Fills @releases with the newest of each of the archive's suites that match @wanted, newest first. */
enum backend_status fetch_resolve(const char *wanted, const char *debian_arch, const char *state,
				  struct words *releases, struct diag *diag);

/* Downloads the packages of @release into @directory. The caller frees @version and @packages. */
enum backend_status fetch_download(const char *release, const char *debian_arch, const char *state,
				   const char *directory, char **version, struct words *packages, struct diag *diag);

/* --- kernel_cache.c --- */

struct kernel {
	char *directory; /* holds image, modules and NAME.ko */
	char *release;
	char *package_version;
};

/*
 * A kernel for @wanted that has those of @modules (separated by spaces) that its package has:
 * from the cache if it is there and young enough, from the archive otherwise.
 */
enum backend_status kernel_get(struct kernel *kernel, const char *wanted, const char *debian_arch, const char *modules,
			       struct diag *diag);
void kernel_free(struct kernel *kernel);

/* --- initramfs.c --- */

/* The descriptor of an anonymous file with the memory disk, which the caller closes; -1 with @diag. */
int initramfs_create(const struct vm_options *options, const struct kernel *kernel, const struct words *modules,
		     struct diag *diag);

/* --- console.c --- */

struct console {
	int fd;	    /* anonymous file into which QEMU writes */
	off_t mark; /* where the text of interest begins */
	char *text; /* what console_text() returned last */
};

/* 0 or a negative errno. */
int console_open(struct console *console);
void console_mark(struct console *console);
const char *console_text(struct console *console);
/* See vm_console_complaint(). */
const char *console_complaint(struct console *console, size_t index);
/* The last line since the mark that contains @needle, from there on; NULL if none. Valid until the next call. */
const char *console_last(struct console *console, const char *needle);
void console_close(struct console *console);

/* --- qemu.c --- */

struct qemu {
	pid_t pid;
	int pidfd;   /* readable when QEMU has ended */
	int channel; /* to the agent */
};

/* Starts QEMU with @accelerator; the descriptors are of the memory disk and the console. */
enum backend_status qemu_start(struct qemu *qemu, const struct machine *machine, const char *accelerator,
			       const char *image, int initramfs, int console, struct diag *diag);
void qemu_kill(struct qemu *qemu);

#endif
