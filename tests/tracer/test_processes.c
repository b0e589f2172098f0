/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Processes, threads and signals: all are followed, and none notices.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "recording.h"

Test(tracer, child_is_a_task_of_its_own)
{
	expect_recording(SUBJECT_DYNAMIC, "fork", 3,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 fork() = 2",
			       "2 ioctl(3, VFIO_GET_API_VERSION) = -1 ENOTTY", "2 close(3) = 0", "2 exit() = ?",
			       "1 close(3) = 0", "1 exit() = ?"));
}

Test(tracer, spawned_program_is_followed)
{
	expect_recording(SUBJECT_DYNAMIC, "vfork", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 fork() = 2", "2 exec() = 0",
			       "2 ioctl(3, VFIO_GET_API_VERSION) = -1 ENOTTY", "2 close(3) = 0", "2 exit() = ?",
			       "1 exit() = ?"));
}

Test(tracer, descendant_that_begins_late_is_told_as_child_of_the_first)
{
	expect_recording(SUBJECT_DYNAMIC, "daemon", 0,
			 LINES("1 fork() = 2", "2 exec() = 0", "2 open(\"D/vfio\", O_RDWR) = 5", "2 close(5) = 0",
			       "2 exit() = ?", "1 exit() = ?"));
}

Test(tracer, first_task_outlives_the_program_while_others_run)
{
	expect_recording(SUBJECT_DYNAMIC, "orphan", 4,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 fork() = 2", "1 close(3) = 0",
			       "2 ioctl(3, VFIO_GET_API_VERSION) = -1 ENOTTY", "2 exit() = ?", "1 exit() = ?"));
}

Test(tracer, thread_that_executes_a_program_becomes_the_first)
{
	expect_recording(SUBJECT_DYNAMIC, "exec_thread", 0,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 thread() = 2", "1.2 exec() = 0",
			       "1 ioctl(3, VFIO_GET_API_VERSION) = -1 ENOTTY", "1 close(3) = 0", "1 exit() = ?"));
}

Test(tracer, thread_that_slept_through_the_first_open_is_watched)
{
	expect_recording(SUBJECT_DYNAMIC, "sleeping_thread", 0,
			 LINES("1 thread() = 2", "1 open(\"D/vfio\", O_RDWR) = 5", "1.2 close(5) = 0", "1 exit() = ?"));
}

Test(tracer, threads_are_all_recorded_and_stamped_where_they_overlap)
{
	unsigned per_thread[5] = {0};
	unsigned long begin, end, last_end = 0;
	struct recording recording;
	size_t stamped = 0;

	recording_make(&recording, SUBJECT_DYNAMIC, "threads");
	cr_expect_eq(recording.status, 0);
	for (size_t i = 0; i < recording.count; i++) {
		unsigned thread;
		const char *stamps = strchr(recording.lines[i], '@');

		if (sscanf(recording.lines[i], "1.%u ", &thread) == 1 && thread < 5)
			per_thread[thread]++;
		if (!stamps)
			continue;
		stamped++;
		cr_assert_eq(sscanf(stamps, "@%lu-%lu", &begin, &end), 2);
		cr_expect_lt(begin, end);
		cr_expect_lt(last_end, end, "events must come in the order in which calls returned");
		last_end = end;
	}
	for (unsigned thread = 2; thread < 5; thread++)
		cr_expect_eq(per_thread[thread], 200, "thread %u: %u calls", thread, per_thread[thread]);
	cr_expect_gt(stamped, 0, "three threads that do nothing but call must overlap");
	recording_free(&recording);
}

Test(tracer, signals_reach_the_program)
{
	expect_recording(SUBJECT_DYNAMIC, "signals", 5,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 5", "1 close(5) = 0", "1 exit() = ?"));
}

Test(tracer, call_that_waits_for_an_answer_is_restarted_after_a_signal)
{
	expect_recording(SUBJECT_DYNAMIC, "opens_under_timer", 0, NO_LINES);
}

Test(tracer, stopped_child_stays_stopped_until_continued)
{
	expect_recording(SUBJECT_DYNAMIC, "stop", 6,
			 LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 fork() = 2", "2 exit() = ?", "1 exit() = ?"));
}

Test(tracer, program_killed_by_signal_gives_128_and_its_number)
{
	expect_recording(SUBJECT_DYNAMIC, "killed", 128 + 9, LINES("1 open(\"D/vfio\", O_RDWR) = 3", "1 exit() = ?"));
}

Test(tracer, call_cut_short_by_death_has_no_answer)
{
	expect_recording(SUBJECT_DYNAMIC, "killed_in_call", 128 + 14,
			 LINES("1 open(\"D/fifo\", O_WRONLY) = ?", "1 exit() = ?"));
}

Test(tracer, interrupted_call_is_recorded_with_the_error_the_program_saw)
{
	expect_recording(
	    SUBJECT_DYNAMIC, "interrupted", 0,
	    LINES("1 open(\"D/fifo\", O_WRONLY) = -1 EINTR", "1 open(\"D/vfio\", O_RDWR) = 3", "1 exit() = ?"));
}

Test(tracer, restarted_call_is_recorded_once)
{
	expect_recording(SUBJECT_DYNAMIC, "restarted", 0,
			 LINES("1 open(\"D/fifo\", O_WRONLY) = 3", "1 close(3) = 0", "1 exit() = ?"));
}
