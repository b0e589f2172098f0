/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the guest's kernel printed, and whether it complained about itself.
 *
 * QEMU writes the console into an anonymous file: nothing has to read along for the guest to
 * make progress, and nothing is lost when it dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm_internal.h"

/* As much of the text as anybody reads; the end of it, because that is where things went wrong. */
#define TEXT_MAX (1 << 20)

/* What a complaint goes on with, and what it ends with. An access that fails is told first, that it is an oops later.
 */
#define TRACE_WORDS "Call Trace:"
#define OOPS_WORDS  "Oops: "
#define END_WORDS   "---[ end "

/* Words by which kernels of all architectures begin to report a fault of their own. */
static const char *const complaints[] = {
    "BUG: ",			 /* a NULL pointer, soft lockups, scheduling while atomic, KASAN, ... */
    "kernel BUG at",		 /* BUG() */
    "WARNING: ",		 /* WARN(), lockdep */
    OOPS_WORDS,			 /* x86, powerpc */
    "Internal error: ",		 /* arm64's word for it */
    "general protection fault",	 /* x86 */
    "Unable to handle kernel",	 /* arm64, powerpc: page faults */
    "Kernel access of bad area", /* powerpc */
    "KASAN: ",
    "UBSAN: ",
    "KCSAN: ",
    "blocked for more than", /* hung task */
    "rcu: INFO: ",	     /* stalls */
    "detected stalls on CPUs",
    "self-detected stall",
    "refcount_t: ",
    "list_add corruption",
    "list_del corruption",
    "Bad page state",
    "Kernel panic - not syncing",
    "Out of memory: Killed",
    "blocked until released by user", /* vfio-pci: a device is to be taken from a program that was not told */
    TRACE_WORDS,		      /* whatever the words before it were */
};

int console_open(struct console *console)
{
	*console = (struct console){.fd = memfd_create("console", MFD_CLOEXEC)};
	/* QEMU's own messages go to the same file, from another descriptor. */
	if (console->fd < 0 || fcntl(console->fd, F_SETFL, O_APPEND) < 0)
		return -errno;
	return 0;
}

static off_t console_size(const struct console *console)
{
	struct stat status;

	return fstat(console->fd, &status) < 0 ? 0 : status.st_size;
}

void console_mark(struct console *console)
{
	console->mark = console_size(console);
	/* Memory for text that nobody asks for any more is given back. */
	fallocate(console->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, console->mark);
}

const char *console_text(struct console *console)
{
	off_t size = console_size(console), start = console->mark;
	ssize_t length;
	char *end;

	if (size - start > TEXT_MAX)
		start = size - TEXT_MAX;
	free(console->text);
	console->text = must(malloc((size_t)(size - start) + 1));
	length = pread(console->fd, console->text, (size_t)(size - start), start);
	/* Serial lines end with CR LF, and a dying machine may send a NUL. */
	end = console->text;
	for (ssize_t i = 0; i < length; i++)
		if (console->text[i] != '\r' && console->text[i] != '\0')
			*end++ = console->text[i];
	*end = '\0';
	return console->text;
}

/* Whether the line that begins at @line and has @length bytes contains @needle. */
static bool line_has(const char *line, size_t length, const char *needle)
{
	return memmem(line, length, needle, strlen(needle)) != NULL;
}

static bool is_complaint(const char *line, size_t length)
{
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
		if (line_has(line, length, complaints[i]))
			return true;
	return false;
}

const char *console_complaint(struct console *console, size_t index)
{
	const char *line = console_text(console);
	bool complaining = false;

	while (*line) {
		size_t length = strcspn(line, "\n");
		bool goes_on =
		    complaining && (line_has(line, length, TRACE_WORDS) || line_has(line, length, OOPS_WORDS));

		if (line_has(line, length, END_WORDS))
			complaining = false;
		if (is_complaint(line, length) && !goes_on) {
			complaining = true;
			if (index-- == 0) {
				memmove(console->text, line, length);
				console->text[length] = '\0';
				return console->text;
			}
		}
		line += length + (line[length] == '\n');
	}
	return NULL;
}

const char *console_last(struct console *console, const char *needle)
{
	char *found = NULL, *next = (char *)console_text(console);

	while ((next = strstr(next, needle)))
		found = next++;
	if (found)
		found[strcspn(found, "\n")] = '\0';
	return found;
}

void console_close(struct console *console)
{
	if (console->fd >= 0)
		close(console->fd);
	free(console->text);
	*console = (struct console){.fd = -1};
}
