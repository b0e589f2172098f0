/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The console: marks, text, and complaints of the kernel in it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <string.h>
#include <unistd.h>

#include "vm_internal.h"

static struct console console;

static void open_console(void)
{
	cr_assert(zero(int, console_open(&console)));
}

static void close_console(void)
{
	console_close(&console);
}

TestSuite(console, .init = open_console, .fini = close_console);

static void print(const char *text)
{
	cr_assert(eq(long, write(console.fd, text, strlen(text)), (long)strlen(text)));
}

Test(console, text_begins_at_the_mark_and_has_no_carriage_returns)
{
	print("before\r\n");
	console_mark(&console);
	cr_expect_str_eq(console_text(&console), "");
	print("one\r\ntwo\r\n");
	cr_expect_str_eq(console_text(&console), "one\ntwo\n");
}

Test(console, complaint_before_the_mark_does_not_count)
{
	print("[    1.0] BUG: kernel NULL pointer dereference\r\n");
	cr_expect(console_complaint(&console, 0) != NULL);
	console_mark(&console);
	cr_expect(console_complaint(&console, 0) == NULL);
}

Test(console, complaint_begins_with_the_first_line_that_complains)
{
	print("[    2.1] vfio-pci 0000:00:03.0: enabling device\r\n"
	      "[    2.2] WARNING: CPU: 0 PID: 77 at drivers/vfio/vfio_main.c:100\r\n"
	      "[    2.3] Call Trace:\r\n");
	cr_expect_str_eq(console_complaint(&console, 0),
			 "[    2.2] WARNING: CPU: 0 PID: 77 at drivers/vfio/vfio_main.c:100");
}

Test(console, complaints_are_counted_with_all_their_lines)
{
	print("UBSAN: shift-out-of-bounds in drivers/vfio/vfio_iommu_type1.c:2953:39\n"
	      "Call Trace:\n ioctl+0x1\n---[ end trace ]---\n"
	      "vfio-pci 0000:00:03.0: enabling device\n"
	      "WARNING: CPU: 0 PID: 77 at drivers/vfio/vfio_main.c:100\n"
	      "Call Trace:\n ioctl+0x2\n"
	      "BUG: kernel NULL pointer dereference\n"
	      "Call Trace:\n---[ end trace ]---\nCall Trace:\n");
	cr_expect(strstr(console_complaint(&console, 0), "UBSAN: ") != NULL);
	cr_expect(strstr(console_complaint(&console, 1), "WARNING: ") != NULL);
	cr_expect(strstr(console_complaint(&console, 2), "BUG: ") != NULL);
	cr_expect_str_eq(console_complaint(&console, 3), "Call Trace:");
	cr_expect(console_complaint(&console, 4) == NULL);
}

Test(console, complaint_of_an_access_has_its_oops_with_it)
{
	print("BUG: Unable to handle kernel data access on read at 0xc008000000001000\n"
	      "Faulting instruction address: 0xc008000000002000\n"
	      "Oops: Kernel access of bad area, sig: 11 [#1]\n"
	      "Call Trace:\n---[ end trace 0000000000000000 ]---\n"
	      "Oops: Exception in kernel mode, sig: 5 [#2]\n");
	cr_expect(strstr(console_complaint(&console, 0), "data access") != NULL);
	cr_expect(strstr(console_complaint(&console, 1), "[#2]") != NULL);
	cr_expect(console_complaint(&console, 2) == NULL);
}

Test(console, complaint_in_a_line_that_is_not_complete_is_seen)
{
	print("[    3.0] Kernel panic - not syncing: Attempted to kill init!");
	cr_expect(console_complaint(&console, 0) != NULL);
}

Test(console, last_is_the_last_line_with_the_words)
{
	print("vfiosim-init: first\nvfiosim-init: second\nreboot: Power down\n");
	cr_expect_str_eq(console_last(&console, "vfiosim-init: "), "vfiosim-init: second");
	cr_expect(console_last(&console, "absent") == NULL);
}

Test(console, text_of_a_flood_is_its_end)
{
	for (int i = 0; i < 40000; i++)
		print("0123456789012345678901234567890123456789012345678901234567890\n");
	print("the end\n");
	cr_expect(lt(sz, strlen(console_text(&console)), (size_t)2 << 20));
	cr_expect(strstr(console_text(&console), "the end\n") != NULL);
}

/* One line of each kind, as kernels print them. */
ParameterizedTestParameters(console, complaint_of_every_kind_is_seen)
{
	static char lines[][100] = {
	    "BUG: unable to handle page fault for address: ffffc90000000000",
	    "kernel BUG at mm/slub.c:448!",
	    "watchdog: BUG: soft lockup - CPU#1 stuck for 22s!",
	    "WARNING: CPU: 1 PID: 1 at kernel/foo.c:1 bar+0x1/0x2",
	    "Oops: 0002 [#1] PREEMPT SMP NOPTI",
	    "Oops: Kernel access of bad area, sig: 11 [#1]",
	    "Internal error: Oops: 0000000096000004 [#1] SMP",
	    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000",
	    "general protection fault, probably for non-canonical address 0xdead: 0000 [#1]",
	    "UBSAN: array-index-out-of-bounds in drivers/x.c:1:2",
	    "INFO: task agent:77 blocked for more than 20 seconds.",
	    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
	    "refcount_t: underflow; use-after-free.",
	    "Kernel panic - not syncing: Fatal exception",
	    " Call Trace:",
	};

	return cr_make_param_array(char[100], lines, sizeof(lines) / sizeof(lines[0]));
}

ParameterizedTest(char line[100], console, complaint_of_every_kind_is_seen)
{
	print("[    4.0] ");
	print(line);
	print("\r\n");
	cr_expect(console_complaint(&console, 0) != NULL, "%s", line);
}
