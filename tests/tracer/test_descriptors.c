/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Which descriptors count, wherever they come from and wherever they go.
 */
#include <criterion/criterion.h>

#include "recording.h"

Test(tracer, program_without_vfio_leaves_empty_trace)
{
	expect_recording(SUBJECT_DYNAMIC, "nothing", 0, NO_LINES);
}

#define OPEN_CLOSE                                                                                                     \
	LINES("1 open(\"D/vfio\", O_RDWR|O_CLOEXEC) = 3", "1 open(\"D/5\", O_RDWR) = 4",                               \
	      "1 ioctl(3, VFIO_GET_API_VERSION) = -1 ENOTTY", "1 open(\"D/6\", O_RDWR) = -1 ENOENT", "1 close(4) = 0", \
	      "1 close(3) = 0", "1 exit() = ?")

Test(tracer, dynamic_program_is_recorded)
{
	expect_recording(SUBJECT_DYNAMIC, "open_close", 0, OPEN_CLOSE);
}

Test(tracer, static_program_is_recorded)
{
	expect_recording(SUBJECT_STATIC, "open_close", 0, OPEN_CLOSE);
}

Test(tracer, relative_path_is_recorded_whole)
{
	expect_recording(SUBJECT_DYNAMIC, "relative", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 close(3) = 0", "1 open(\"D/5\", O_RDWR) = 4",
			       "1 close(4) = 0", "1 exit() = ?"));
}

Test(tracer, openat2_is_an_open)
{
	expect_recording(SUBJECT_DYNAMIC, "openat2", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR|O_CLOEXEC) = 3", "1 close(3) = 0", "1 exit() = ?"));
}

Test(tracer, open_that_the_filter_missed_is_told_at_first_ioctl)
{
	expect_recording(SUBJECT_DYNAMIC, "read_only", 0,
			 LINES("1 open(\"D/vfio\", O_CLOEXEC) = 3",
			       "1 ioctl(3, VFIO_CHECK_EXTENSION, TYPE1_IOMMU) = -1 ENOTTY", "1 close(3) = 0",
			       "1 exit() = ?"));
}

Test(tracer, duplicates_are_followed_until_closed)
{
	expect_recording(SUBJECT_DYNAMIC, "duplicates", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 dup(3, 0, 0) = 5", "1 dup3(3, 40, 0) = 40",
			       "1 dup3(3, 41, O_CLOEXEC) = 41", "1 dup(3, 50, 0) = 50", "1 dup(3, 60, O_CLOEXEC) = 60",
			       "1 setfd(3, FD_CLOEXEC) = 0", "1 setfd(3, 0) = 0", "1 close(40) = 0", "1 close(50) = 0",
			       "1 close(41) = 0", "1 exit() = ?"));
}

Test(tracer, exec_keeps_descriptors_without_cloexec)
{
	expect_recording(SUBJECT_DYNAMIC, "exec", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 dup3(3, 40, O_CLOEXEC) = 40", "1 exec() = 0",
			       "1 ioctl(3, VFIO_GET_API_VERSION) = -1 ENOTTY", "1 close(3) = 0", "1 exit() = ?"));
}

Test(tracer, eventfd_from_before_is_told_when_it_is_used)
{
	expect_recording(
	    SUBJECT_DYNAMIC, "eventfds", 0,
	    LINES("1 open(\"D/devices/vfio0\", O_RDWR) = 4", "1 eventfd(O_CLOEXEC) = 5", "1 eventfd(O_NONBLOCK) = 3",
		  "1 ioctl(4, VFIO_DEVICE_SET_IRQS, {argsz=28, flags=DATA_EVENTFD|ACTION_TRIGGER, index=0, "
		  "start=0, count=2, data=[3, 5]}) = -1 ENOTTY",
		  "1 close(5) = 0", "1 close(4) = 0", "1 close(3) = 0", "1 open(\"D/vfio\", O_RDWR) = 3",
		  "1 exit() = ?"));
}

Test(tracer, other_file_is_told_when_vfio_is_given_it)
{
	expect_recording(SUBJECT_DYNAMIC, "set_container", 0,
			 LINES("1 open(\"D/5\", O_RDWR) = 4", "1 open(\"/dev/null\", 0) = 3",
			       "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3]) = -1 ENOTTY", "1 exit() = ?"));
}

Test(tracer, descriptor_received_over_socket_is_told)
{
	expect_recording(SUBJECT_DYNAMIC, "received", 0,
			 LINES("1 fork() = 2", "2 exec() = 0", "2 open(\"D/vfio\", O_RDWR) = 5", "2 exit() = ?",
			       "1 open(\"D/vfio\", O_RDWR) = 5", "1 ioctl(5, VFIO_GET_API_VERSION) = -1 ENOTTY",
			       "1 exit() = ?"));
}
