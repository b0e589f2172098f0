/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Takes requests from the host, one after the other; see protocol.h.
 */
#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../tracer/serve.h"
#include "counters.h"
#include "fds.h"
#include "probe.h"
#include "protocol.h"
#include "run.h"
#include "stream.h"

/* Descriptors that a run may have; own ones come from the same number. */
#define DESCRIPTORS_WANTED 2048u

struct server {
	int channel, executable;
	struct stream stream;
	struct outbox outbox; /* to the channel */
	struct run run;
	cpu_set_t processors; /* that the server may use */
	bool done;
};

/* The process group that must not outlive the server; 0 in tasks, which inherit the handler and just end. */
static volatile sig_atomic_t run_group;

static void on_terminate(int number)
{
	(void)number;
	if (run_group > 0)
		kill(-(pid_t)run_group, SIGKILL);
	_exit(1);
}

static int serve_hello(struct server *server, const char *arguments)
{
	struct utsname name;
	char fields[PROBE_TEXT_MAX];

	(void)arguments;
	uname(&name);
	probe_fields(fields, sizeof(fields));
	return outbox_printf(&server->outbox, "agent %d release=%s arch=%s page-size=%ld%s", AGENT_VERSION,
			     name.release, name.machine, sysconf(_SC_PAGESIZE), fields);
}

/*
 * The server and the tasks that it waits for take turns, and in an emulated machine a turn that goes to
 * another processor costs milliseconds instead of microseconds. Whoever wants calls at the same time must
 * give the tasks their processors back.
 */
static void take_turns_on_one_processor(void)
{
	int here = sched_getcpu();
	cpu_set_t one;

	if (here < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET(here, &one);
	sched_setaffinity(0, sizeof(one), &one); /* where it is refused it is only slower */
}

static int serve_begin(struct server *server, const char *arguments)
{
	(void)arguments; /* the name is for people who read along */
	if (server->run.leader)
		return outbox_printf(&server->outbox, "error a run is going on: end it first");
	take_turns_on_one_processor();
	if (run_begin(&server->run, server->executable))
		return outbox_printf(&server->outbox, "error %s", server->run.error);
	run_group = server->run.leader;
	return outbox_printf(&server->outbox, "begun");
}

static int serve_calls(struct server *server, const char *arguments)
{
	uint32_t task, thread;
	size_t count, length;
	char *lines;

	if (sscanf(arguments, "%" SCNu32 " %" SCNu32 " %zu", &task, &thread, &count) != 3 || count == 0 ||
	    count > AGENT_CALLS_MAX) {
		/* What follows cannot be told from requests. */
		server->done = true;
		return outbox_printf(&server->outbox, "error expected: calls TASK THREAD COUNT, with COUNT in 1..%u",
				     AGENT_CALLS_MAX);
	}
	int got = stream_take(&server->stream, count, &lines, &length);
	if (got <= 0)
		return got < 0 ? got : -EPIPE;
	if (!server->run.leader)
		return outbox_printf(&server->outbox, "error there is no run: begin one first");
	if (run_calls(&server->run, &server->outbox, task, thread, count, lines, length))
		return outbox_printf(&server->outbox, "error %s", server->run.error);
	return 0;
}

static int serve_end(struct server *server, const char *arguments)
{
	(void)arguments;
	run_end(&server->run);
	run_group = 0;
	sched_setaffinity(0, sizeof(server->processors), &server->processors);
	return outbox_printf(&server->outbox, "ended");
}

static int serve_record(struct server *server, const char *arguments)
{
	size_t count, length;
	char *lines;

	if (sscanf(arguments, "%zu", &count) != 1 || count == 0) {
		/* What follows cannot be told from requests. */
		server->done = true;
		return outbox_printf(&server->outbox, "error expected: record COUNT");
	}
	int got = stream_take(&server->stream, count, &lines, &length);
	if (got <= 0)
		return got < 0 ? got : -EPIPE;
	/* What comes now goes its own way. */
	int error = outbox_flush(&server->outbox);
	return error ? error : tracer_serve(server->channel, lines, length);
}

static int serve_counters(struct server *server, const char *arguments)
{
	(void)arguments;
	int error = outbox_flush(&server->outbox);
	return error ? error : counters_send(server->channel, COUNTERS_ROOT);
}

static int serve_poweroff(struct server *server, const char *arguments)
{
	(void)arguments;
	server->done = true;
	return 0;
}

static const struct request {
	const char *name;
	int (*serve)(struct server *server, const char *arguments);
} requests[] = {
    {"hello", serve_hello},	  /* who is there? */
    {"begin", serve_begin},	  /* a fresh run */
    {"calls", serve_calls},	  /* work for one thread of it */
    {"end", serve_end},		  /* of the run */
    {"record", serve_record},	  /* an unmodified program */
    {"counters", serve_counters}, /* of the kernel's lines */
    {"poweroff", serve_poweroff}, /* of the agent, and its machine */
};

/* The next request. Before the host has to be waited for, it gets its answers. Returns as stream_line(). */
static int next_request(struct server *server, char **line)
{
	const struct stream *stream = &server->stream;

	if (stream->start == stream->end || !memchr(stream->data + stream->start, '\n', stream->end - stream->start)) {
		int error = outbox_flush(&server->outbox);
		if (error)
			return error;
	}
	return stream_line(&server->stream, line);
}

static int serve_line(struct server *server, const char *line)
{
	size_t length = strcspn(line, " ");
	const char *arguments = line + length + (line[length] == ' ');

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (strlen(requests[i].name) == length && !memcmp(requests[i].name, line, length))
			return requests[i].serve(server, arguments);
	return outbox_printf(&server->outbox, "error unknown request: %.60s", line);
}

/* What tasks inherit: room for descriptors, and a limit on locked memory that they may raise. */
static void prepare_limits(void)
{
	struct rlimit files, locked;

	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < DESCRIPTORS_WANTED) {
		files.rlim_cur = files.rlim_max < DESCRIPTORS_WANTED ? files.rlim_max : DESCRIPTORS_WANTED;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (!getrlimit(RLIMIT_MEMLOCK, &locked)) {
		locked.rlim_max = RLIM_INFINITY;
		setrlimit(RLIMIT_MEMLOCK, &locked); /* refused without privileges, and then it stays */
	}
}

int server_run(int channel, int executable)
{
	struct server server = {.channel = channel, .executable = executable};
	static const int endings[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction terminate = {.sa_handler = on_terminate};
	char *line = NULL;

	prepare_limits();
	sched_getaffinity(0, sizeof(server.processors), &server.processors);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		sigaction(endings[i], &terminate, NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	stream_init(&server.stream, channel);
	server.outbox.fd = channel;
	/* A request that was read has a line; analyzers cannot see it from here. */
	while (!server.done && next_request(&server, &line) > 0 && line)
		if (serve_line(&server, line))
			break;
	run_end(&server.run);
	run_group = 0;
	(void)outbox_flush(&server.outbox);
	outbox_release(&server.outbox);
	stream_release(&server.stream);
	return 0;
}
