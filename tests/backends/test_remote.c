/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The host's side of the agent protocol against agents that say what they should not.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "remote.h"

#define GREETING "agent 2 release=6.1.0 arch=x86_64 page-size=4096\n"

static int peer; /* the agent's end of the stream; -1: the agent has hung up */
static unsigned closed;
static const char *complaint; /* what the console has */
static const char *counters;  /* where counters go; NULL: nobody wants them */

static void count_close(void *context)
{
	(void)context;
	closed++;
}

static bool tell_complaint(void *context, size_t index, char *line, size_t size)
{
	(void)context;
	if (complaint && index == 0)
		snprintf(line, size, "%s", complaint);
	return complaint && index == 0;
}

/* Opens a backend whose agent has already said @said; with @console it has a console. */
static struct backend *open_remote(const char *said, bool console, enum backend_status *status, struct diag *diag)
{
	struct remote_transport transport = {.silence_max = 200, .close = count_close, .counters = counters};
	int pair[2];

	cr_assert(zero(int, socketpair(AF_UNIX, SOCK_STREAM, 0, pair)));
	cr_assert(eq(sz, (size_t)write(pair[1], said, strlen(said)), strlen(said)));
	peer = pair[1];
	transport.fd = pair[0];
	if (console)
		transport.console_complaint = tell_complaint;
	return remote_open(&transport, status, diag);
}

static void hang_up(void)
{
	shutdown(peer, SHUT_RDWR);
}

static struct event sleep_event(void)
{
	return (struct event){.call = {.task = 1, .thread = 1, .op = CALL_SLEEP, .args = {1}}};
}

/* What becomes of one call if the agent says @said after the greeting. */
static enum backend_status execute_one(const char *said, bool console, struct diag *diag)
{
	char all[1024];
	enum backend_status status;
	struct event event = sleep_event();

	snprintf(all, sizeof(all), "%sbegun\n%s", GREETING, said);
	struct backend *backend = open_remote(all, console, &status, diag);
	cr_assert(ne(ptr, backend, NULL), "%s", diag->text);
	cr_assert(eq(int, backend->ops->begin(backend, diag), BACKEND_OK));
	status = backend->ops->execute(backend, &event, 1, diag);
	if (!status)
		cr_expect(eq(i64, event.answer.ret, 0));
	backend->ops->close(backend);
	cr_expect(eq(uint, closed, 1));
	return status;
}

Test(remote, greeting_fills_the_header)
{
	enum backend_status status;
	struct diag diag;
	struct backend *backend = open_remote(GREETING, false, &status, &diag);

	cr_assert(ne(ptr, backend, NULL));
	cr_expect_str_eq(backend->header.kernel, "6.1.0");
	cr_expect_str_eq(backend->header.arch, "x86_64");
	cr_expect(eq(u32, backend->header.page_size, 4096));
	cr_expect_str_eq(backend->ops->console(backend), "");
	backend->ops->close(backend);
}

Test(remote, greeting_tells_what_probes_found)
{
	enum backend_status status;
	struct diag diag;
	struct backend *backend = open_remote("agent 2 release=6.12.0 arch=x86_64 page-size=4096 noiommu=2 iommufd=1\n",
					      false, &status, &diag);

	cr_assert(ne(ptr, backend, NULL), "%s", diag.text);
	cr_assert(eq(u32, backend->header.field_count, 2));
	cr_expect_str_eq(backend->header.fields[0].name, "noiommu");
	cr_expect_str_eq(backend->header.fields[0].value, "2");
	cr_expect_str_eq(backend->header.fields[1].name, "iommufd");
	cr_expect_str_eq(backend->header.fields[1].value, "1");
	backend->ops->close(backend);
}

Test(remote, greeting_with_something_else_behind_it_is_refused)
{
	static const char *const ends[] = {" iommufd", " =1", " iommufd= ", "x", " iommufd=1 and more"};
	enum backend_status status = BACKEND_OK;
	struct diag diag;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char greeting[128];

		snprintf(greeting, sizeof(greeting), "agent 2 release=6.12.0 arch=x86_64 page-size=4096%s\n", ends[i]);
		cr_expect(zero(ptr, open_remote(greeting, false, &status, &diag)), "%s", ends[i]);
		cr_expect(eq(int, status, BACKEND_FAILED));
	}
}

Test(remote, greeting_of_another_version_is_refused)
{
	enum backend_status status = BACKEND_OK;
	struct diag diag;

	cr_expect(zero(ptr, open_remote("agent 3 release=6.1.0 arch=x86_64 page-size=4096\n", false, &status, &diag)));
	cr_expect(eq(int, status, BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "version 3"), NULL), "%s", diag.text);
	cr_expect(eq(uint, closed, 1));
}

Test(remote, greeting_of_something_else_is_refused)
{
	enum backend_status status = BACKEND_OK;
	struct diag diag;

	cr_expect(zero(ptr, open_remote("220 mail ready\n", false, &status, &diag)));
	cr_expect(eq(int, status, BACKEND_FAILED));
	cr_expect(eq(uint, closed, 1));
}

Test(remote, answer_is_taken)
{
	struct diag diag = {0};

	cr_expect(eq(int, execute_one("answers 1\n1 sleep(1) = 0\n", true, &diag), BACKEND_OK), "%s", diag.text);
}

Test(remote, error_of_the_agent_is_passed_on)
{
	struct diag diag;

	cr_expect(eq(int, execute_one("error there is no thread 7\n", false, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "there is no thread 7"), NULL), "%s", diag.text);
}

Test(remote, answer_to_another_call_is_refused)
{
	struct diag diag;

	cr_expect(eq(int, execute_one("answers 1\n2 sleep(1) = 0\n", false, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "another call"), NULL), "%s", diag.text);
}

Test(remote, answer_that_is_no_event_is_refused)
{
	struct diag diag;

	cr_expect(eq(int, execute_one("answers 1\nsegmentation fault\n", false, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "unreadable"), NULL), "%s", diag.text);
}

Test(remote, more_answers_than_calls_are_refused)
{
	struct diag diag;

	cr_expect(eq(int, execute_one("answers 2\n1 sleep(1) = 0\n1 sleep(1) = 0\n", false, &diag), BACKEND_FAILED));
}

Test(remote, silence_is_a_failure_and_with_a_console_a_fault_of_the_kernel)
{
	struct diag diag;

	cr_expect(eq(int, execute_one("", false, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "does not answer"), NULL), "%s", diag.text);
	closed = 0;
	cr_expect(eq(int, execute_one("answers 1\n1 sle", true, &diag), BACKEND_SPLAT));
	closed = 0;
	complaint = "watchdog: BUG: soft lockup";
	cr_expect(eq(int, execute_one("", true, &diag), BACKEND_SPLAT));
	cr_expect(ne(ptr, strstr(diag.text, "soft lockup"), NULL), "%s", diag.text);
}

Test(remote, end_reports_a_complaint_although_all_was_answered)
{
	enum backend_status status;
	struct diag diag;
	struct backend *backend = open_remote(GREETING "begun\nended\nbegun\n", true, &status, &diag);

	cr_assert(ne(ptr, backend, NULL));
	cr_expect(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
	complaint = "WARNING: CPU: 0";
	cr_expect(eq(int, backend->ops->end(backend, &diag), BACKEND_SPLAT));
	cr_expect(ne(ptr, strstr(diag.text, "WARNING: CPU: 0"), NULL), "%s", diag.text);
	complaint = NULL;
	cr_expect(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
	backend->ops->close(backend);
}

Test(remote, end_skips_what_was_still_on_its_way)
{
	enum backend_status status;
	struct diag diag;
	struct event event = sleep_event();
	struct backend *backend =
	    open_remote(GREETING "begun\nerror no\nanswers 1\n1 sleep(1) = 0\nended\n", false, &status, &diag);

	cr_assert(ne(ptr, backend, NULL));
	cr_expect(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
	cr_expect(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_FAILED));
	cr_expect(eq(int, backend->ops->end(backend, &diag), BACKEND_OK));
	backend->ops->close(backend);
}

Test(remote, agent_that_hangs_up_is_lost_for_good)
{
	enum backend_status status;
	struct diag diag;
	struct event event = sleep_event();
	struct backend *backend = open_remote(GREETING, false, &status, &diag);

	cr_assert(ne(ptr, backend, NULL));
	hang_up();
	cr_expect(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
	cr_expect(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "is gone"), NULL), "%s", diag.text);
	cr_expect(eq(int, backend->ops->begin(backend, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "lost earlier"), NULL), "%s", diag.text);
	backend->ops->close(backend);
}

Test(remote, execute_without_a_run_is_refused)
{
	enum backend_status status;
	struct diag diag;
	struct event event = sleep_event();
	struct backend *backend = open_remote(GREETING, false, &status, &diag);

	cr_assert(ne(ptr, backend, NULL));
	cr_expect(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_FAILED));
	cr_expect(eq(int, backend->ops->end(backend, &diag), BACKEND_OK));
	backend->ops->close(backend);
}

Test(remote, endless_line_is_given_up, .timeout = 60)
{
	static const char chunk[65536] = {'x'};
	enum backend_status status;
	struct diag diag;
	struct event event = sleep_event();
	struct backend *backend = open_remote(GREETING, false, &status, &diag);

	cr_assert(ne(ptr, backend, NULL));
	pid_t babbler = fork();
	if (babbler == 0) {
		while (send(peer, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0)
			continue;
		_exit(0);
	}
	close(peer);
	cr_expect(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
	cr_expect(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_FAILED));
	backend->ops->close(backend);
	kill(babbler, SIGKILL); /* it has our end of the stream, too */
	cr_expect(eq(int, waitpid(babbler, NULL, 0), babbler));
}

/* Closes a backend whose agent says @said when it is asked for counters. Returns what a shell says @command prints. */
static const char *close_with_counters(const char *said, const char *command)
{
	static char all[1024], output[256];
	char root[] = "/tmp/vfiosim-counters-XXXXXX";
	enum backend_status status;
	struct diag diag;
	FILE *pipe;

	cr_assert(ne(ptr, mkdtemp(root), NULL));
	counters = root;
	snprintf(all, sizeof(all), "%s%s", GREETING, said);
	struct backend *backend = open_remote(all, false, &status, &diag);
	cr_assert(ne(ptr, backend, NULL));
	backend->ops->close(backend);
	counters = NULL;
	snprintf(all, sizeof(all), "cd %s; %s; rm -r %s", root, command, root);
	pipe = popen(all, "r");
	cr_assert(ne(ptr, pipe, NULL));
	output[fread(output, 1, sizeof(output) - 1, pipe)] = '\0';
	pclose(pipe);
	return output;
}

Test(remote, counters_are_kept_byte_for_byte)
{
	cr_expect_str_eq(close_with_counters("counters 2\na.gcda 00ff0a\nb.gcda \n",
					     "cat guest-*/a.gcda | od -An -tx1; stat -c %s guest-*/b.gcda"),
			 " 00 ff 0a\n0\n");
}

Test(remote, counters_never_leave_their_directory)
{
	cr_expect_str_eq(close_with_counters("counters 1\n../a.gcda 00\n", "find . -type f"), "");
	cr_expect_str_eq(close_with_counters("counters 1\n/a.gcda 00\n", "find . -type f"), "");
}

Test(remote, counters_that_are_no_counters_are_left_out)
{
	cr_expect_str_eq(close_with_counters("counters 3\na.gcda 00\na.c 00\nb.gcda 00\n", "cd guest-*; ls"),
			 "a.gcda\n");
	cr_expect_str_eq(close_with_counters("counters 1\na.gcda 0\n", "find . -type f"), "");
	cr_expect_str_eq(close_with_counters("counters 0\n", "ls"), "");
}
