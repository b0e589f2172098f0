/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The seccomp filter: which calls of the program the tracer is asked about.
 *
 * The filter sees registers only. Opening a VFIO file to use it needs write access
 * and creates nothing, so that reading files, and writing new ones, goes on at full
 * speed. What gets past the filter all the same (a descriptor that came over a
 * socket, say) is found at its first ioctl.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracer_internal.h"

/* The filter loads 32 bits at a time; this is the half of argument @n that has the low ones. */
#define LOW_HALF    (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4)
#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n) + LOW_HALF))

#define LOAD(offset)		  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define MASK(bits)		  BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits)
#define IF_EQUAL(value, yes, no)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define IF_ANY_BIT(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, yes, no)
#define GO(distance)		  BPF_JUMP(BPF_JMP | BPF_JA, distance, 0, 0)
#define RETURN(action)		  BPF_STMT(BPF_RET | BPF_K, action)

/* Architectures that never had open() get a number that no call has. */
#ifdef __NR_open
#define OPEN_NR __NR_open
#else
#define OPEN_NR 0xffffffffu
#endif

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1ul << 5)
#endif

static int install(const struct sock_fprog *program)
{
	/* Without SPEC_ALLOW older kernels turn mitigations on that slow the program down. */
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	long listener;

	/* From 5.19 on, signals can wait until a question is answered; before, they interrupt the call. */
	listener =
	    syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, program);
	if (listener < 0 && errno == EINVAL)
		listener = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
	return listener < 0 ? -errno : (int)listener;
}

int filter_install(void)
{
	/* Jumps count the instructions that they skip: each line has its index, and where it goes. */
	struct sock_filter code[] = {
	    /*  0 */ LOAD(offsetof(struct seccomp_data, arch)),
	    /*  1 */ IF_EQUAL(NATIVE_ARCH, 0, 15), /* 17: pass, a call of another architecture */
	    /*  2 */ LOAD(offsetof(struct seccomp_data, nr)),
	    /*  3 */ IF_EQUAL(__NR_openat, 6, 0),   /* 10 */
	    /*  4 */ IF_EQUAL(OPEN_NR, 7, 0),	    /* 12 */
	    /*  5 */ IF_EQUAL(__NR_openat2, 10, 0), /* 16: its flags are in memory */
	    /*  6 */ IF_EQUAL(__NR_ioctl, 0, 10),   /* 17 */
	    /*  7 */ LOAD(ARGUMENT(1)),
	    /*  8 */ MASK(0xff00),
	    /*  9 */ IF_EQUAL(VFIO_IOCTL_TYPE << 8, 6, 7), /* 16, 17 */
	    /* 10 */ LOAD(ARGUMENT(2)),
	    /* 11 */ GO(1), /* 13 */
	    /* 12 */ LOAD(ARGUMENT(1)),
	    /* 13 */ IF_ANY_BIT(O_CREAT, 3, 0), /* 17 */
	    /* 14 */ MASK(O_ACCMODE),
	    /* 15 */ IF_EQUAL(O_RDONLY, 1, 0), /* 17 */
	    /* 16 */ RETURN(SECCOMP_RET_USER_NOTIF),
	    /* 17 */ RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	int listener = install(&program);

	if (listener == -EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		/* Not privileged: the price is that set-user-id programs gain nothing, as under any tracer. */
		listener = install(&program);
	return listener;
}
