/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A recording for a host: what the agent says on its channel.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tracer/serve.h"

/* The host's end of the channel, and all that was said there. */
struct host {
	int channel;
	char said[1 << 20];
};

static void *listen_to_end(void *context)
{
	struct host *host = context;
	size_t length = 0;
	ssize_t got;

	while ((got = read(host->channel, host->said + length, sizeof(host->said) - 1 - length)) > 0)
		length += (size_t)got;
	host->said[length] = '\0';
	return NULL;
}

/* Serves @request and returns all that was said; valid until the next call. */
static const char *serve(const char *request)
{
	static struct host host;
	char *lines = strdup(request);
	pthread_t listener;
	int channel[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
	host.channel = channel[1];
	cr_assert_eq(pthread_create(&listener, NULL, listen_to_end, &host), 0);
	cr_expect_eq(tracer_serve(channel[0], lines, strlen(lines)), 0);
	close(channel[0]);
	pthread_join(listener, NULL);
	close(channel[1]);
	free(lines);
	if (strstr(host.said, "error the kernel takes no seccomp filter"))
		cr_skip_test("%s", host.said);
	return host.said;
}

static void expect_said(const char *request, const char *expected)
{
	const char *said = serve(request);

	cr_expect_str_eq(said, expected, "said:\n%s", said);
}

Test(serve, escaped_bytes_come_back)
{
	static const char bytes[] = "a\\n\n\0 b\\";
	char text[WIRE_SIZE(sizeof(bytes))];

	wire_escape(text, bytes, sizeof(bytes));
	cr_expect_str_eq(text, "a\\\\n\\n\\0 b\\\\\\0");
	cr_expect_eq(wire_unescape(text), sizeof(bytes));
	cr_expect_arr_eq(text, bytes, sizeof(bytes));
}

Test(serve, output_comes_before_the_exit_status)
{
	expect_said("argument /bin/sh\nargument -c\nargument printf 'one\\\\ntwo'; exit 3\n",
		    "stdout one\\ntwo\nexited 3\n");
}

Test(serve, error_output_has_its_own_label)
{
	expect_said("argument /bin/sh\nargument -c\nargument echo oh >&2\n", "stderr oh\\n\nexited 0\n");
}

Test(serve, standard_input_is_empty)
{
	expect_said("argument /bin/cat\n", "exited 0\n");
}

Test(serve, environment_and_directory_are_those_of_the_request)
{
	expect_said("environment COLOUR=blue\ndirectory /proc\nargument /bin/sh\nargument -c\n"
		    "argument echo $COLOUR $HOME $(/bin/pwd)\n",
		    "stdout blue /proc\\n\nexited 0\n");
}

Test(serve, signal_is_128_and_its_number)
{
	expect_said("argument /bin/sh\nargument -c\nargument kill -9 $$\n", "exited 137\n");
}

Test(serve, long_output_arrives_whole)
{
	const char *said = serve("argument /bin/sh\nargument -c\n"
				 "argument i=0; while [ $i -lt 2000 ]; do echo 0123456789; i=$((i+1)); done\n");
	size_t digits = 0;

	for (const char *at = said; (at = strstr(at, "0123456789")); at++)
		digits++;
	/* Where a chunk ends, a line may be cut in two. */
	cr_expect_geq(digits, 1900);
	cr_expect(strlen(said) > strlen("exited 0\n") &&
		  strcmp(said + strlen(said) - strlen("exited 0\n"), "exited 0\n") == 0);
}

Test(serve, program_that_is_not_there_is_an_error)
{
	expect_said("argument /nowhere/program\n", "error cannot run /nowhere/program: No such file or directory\n");
}

Test(serve, request_without_program_is_an_error)
{
	expect_said("directory /\n", "error a program is missing\n");
}

Test(serve, line_of_another_kind_is_an_error)
{
	expect_said("colour blue\n", "error expected argument, environment or directory\n");
	expect_said("argument\n", "error a line of the request has no text\n");
}
