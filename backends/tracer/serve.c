/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The agent's side of a recording: a child runs the tracer, and what comes from it and
 * from the program is put on one channel, line by line.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer.h"

#define CHUNK 16384

size_t wire_escape(char *text, const char *bytes, size_t length)
{
	char *out = text;

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\\' || bytes[i] == '\n' || bytes[i] == '\0')
			*out++ = '\\';
		*out++ = bytes[i] == '\n' ? 'n' : bytes[i] == '\0' ? '0' : bytes[i];
	}
	*out = '\0';
	return (size_t)(out - text);
}

size_t wire_unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (*in == '\\' && in[1]) {
			in++;
			*out++ = *in == 'n' ? '\n' : *in == '0' ? '\0' : *in;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
	return (size_t)(out - text);
}

/* The program as the host described it. The strings lie in its lines. */
struct order {
	char **argv, **envp;
	size_t argc, envc;
	const char *directory;
};

/* Appends to a list that ends with NULL. */
static bool list_add(char ***list, size_t *count, char *word)
{
	char **longer = realloc(*list, (*count + 2) * sizeof(*longer));

	if (!longer)
		return false;
	longer[(*count)++] = word;
	longer[*count] = NULL;
	*list = longer;
	return true;
}

/* Null if @lines could be understood, else what is wrong with them. */
static const char *order_read(struct order *order, char *lines, size_t length)
{
	char *next;

	for (char *line = lines; line < lines + length; line = next) {
		char *text = strchr(line, ' ');

		next = line + strcspn(line, "\n") + 1;
		next[-1] = '\0';
		if (!text || text >= next)
			return "a line of the request has no text";
		*text++ = '\0';
		wire_unescape(text);
		if (strcmp(line, "directory") == 0)
			order->directory = text;
		else if (strcmp(line, "argument") != 0 && strcmp(line, "environment") != 0)
			return "expected argument, environment or directory";
		else if (!(line[0] == 'a' ? list_add(&order->argv, &order->argc, text)
					  : list_add(&order->envp, &order->envc, text)))
			return "out of memory";
	}
	return order->argv ? NULL : "a program is missing";
}

static void order_free(struct order *order)
{
	free(order->argv);
	free(order->envp);
}

/* One source of output, and what has come from it and was not sent yet. */
struct outlet {
	const char *label; /* NULL: events, and the last line */
	int ends[2];	   /* of the pipe: ours, the child's; -1 when closed */
	char *bytes;
	size_t length, capacity;
};

enum { OUTLET_EVENTS, OUTLET_STDOUT, OUTLET_STDERR, OUTLET_COUNT };

static int send_all(int channel, const char *bytes, size_t length)
{
	while (length) {
		ssize_t sent = write(channel, bytes, length);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return sent < 0 ? -errno : -EIO;
		bytes += sent;
		length -= (size_t)sent;
	}
	return 0;
}

static int send_text(int channel, const char *label, const char *bytes, size_t length)
{
	char line[32 + WIRE_SIZE(CHUNK)];
	int start = snprintf(line, 32, "%s ", label);
	size_t end = (size_t)start + wire_escape(line + start, bytes, length);

	line[end++] = '\n';
	return send_all(channel, line, end);
}

/* Sends the events that have come. */
static int send_events(int channel, struct outlet *outlet)
{
	size_t start = 0;
	char *end;
	int error = 0;

	while (!error && (end = memchr(outlet->bytes + start, '\n', outlet->length - start))) {
		size_t stop = (size_t)(end - outlet->bytes) + 1;

		error = send_all(channel, "event ", strlen("event "));
		if (!error)
			error = send_all(channel, outlet->bytes + start, stop - start);
		start = stop;
	}
	outlet->length -= start;
	memmove(outlet->bytes, outlet->bytes + start, outlet->length);
	return error;
}

/* Takes what is there and sends what can be sent; closes the pipe at its end. */
static int outlet_serve(int channel, struct outlet *outlet)
{
	ssize_t got;

	if (outlet->capacity - outlet->length < CHUNK) {
		char *bytes = realloc(outlet->bytes, 2 * outlet->capacity + CHUNK);

		if (!bytes)
			return -ENOMEM;
		outlet->bytes = bytes;
		outlet->capacity = 2 * outlet->capacity + CHUNK;
	}
	got = read(outlet->ends[0], outlet->bytes + outlet->length, CHUNK);
	if (got < 0)
		return errno == EINTR ? 0 : -errno;
	if (got == 0) {
		close(outlet->ends[0]);
		outlet->ends[0] = -1;
		return 0;
	}
	if (outlet->label)
		return send_text(channel, outlet->label, outlet->bytes, (size_t)got);
	outlet->length += (size_t)got;
	return send_events(channel, outlet);
}

/* The child: traces the program and says how it ended, in a line that is not ended itself. */
static _Noreturn void trace(const struct order *order, const struct outlet outlets[OUTLET_COUNT])
{
	const struct tracer_options options = {.argv = order->argv, .envp = order->envp, .directory = order->directory};
	int lines = outlets[OUTLET_EVENTS].ends[1], null = open("/dev/null", O_RDONLY), status;
	struct diag diag = {.text = ""};

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* The agent ignores it, and a program inherits that. */
	signal(SIGPIPE, SIG_DFL);
	dup2(null, STDIN_FILENO);
	dup2(outlets[OUTLET_STDOUT].ends[1], STDOUT_FILENO);
	dup2(outlets[OUTLET_STDERR].ends[1], STDERR_FILENO);
	if (tracer_stream(&options, lines, &status, &diag) == 0)
		dprintf(lines, "exited %d", status);
	else
		dprintf(lines, "error %s", diag.text);
	_exit(0);
}

static void close_end(struct outlet *outlet, int end)
{
	if (outlet->ends[end] >= 0)
		close(outlet->ends[end]);
	outlet->ends[end] = -1;
}

/* Passes on what comes until every outlet is closed; then the last line, which waits for that without a newline. */
static int pass_on(int channel, struct outlet outlets[OUTLET_COUNT])
{
	static const char died[] = "the tracer was killed";
	const struct outlet *last = &outlets[OUTLET_EVENTS];
	struct pollfd ask[OUTLET_COUNT];
	int error = 0;
	bool open = true;

	while (open && !error) {
		open = false;
		for (int i = 0; i < OUTLET_COUNT; i++) {
			ask[i] = (struct pollfd){.fd = outlets[i].ends[0], .events = POLLIN};
			open = open || outlets[i].ends[0] >= 0;
		}
		if (!open || poll(ask, OUTLET_COUNT, -1) < 0)
			continue;
		for (int i = 0; i < OUTLET_COUNT && !error; i++)
			if (ask[i].revents)
				error = outlet_serve(channel, &outlets[i]);
	}
	if (error)
		return error;
	if (last->length == 0 || last->bytes[0] != 'e')
		return send_text(channel, "error", died, strlen(died));
	error = send_all(channel, last->bytes, last->length);
	return error ? error : send_all(channel, "\n", 1);
}

int tracer_serve(int channel, char *lines, size_t length)
{
	struct outlet outlets[OUTLET_COUNT] = {
	    {NULL, {-1, -1}, NULL, 0, 0}, {"stdout", {-1, -1}, NULL, 0, 0}, {"stderr", {-1, -1}, NULL, 0, 0}};
	struct order order = {.argv = NULL};
	const char *wrong = order_read(&order, lines, length);
	pid_t child = -1;
	int error = 0;

	for (int i = 0; i < OUTLET_COUNT && !wrong; i++)
		if (pipe2(outlets[i].ends, O_CLOEXEC) != 0)
			wrong = strerror(errno);
	if (!wrong) {
		child = fork();
		if (child == 0)
			trace(&order, outlets);
		if (child < 0)
			wrong = strerror(errno);
	}
	for (int i = 0; i < OUTLET_COUNT; i++)
		close_end(&outlets[i], 1);
	if (wrong)
		error = send_text(channel, "error", wrong, strlen(wrong));
	else
		error = pass_on(channel, outlets);
	if (child > 0) {
		if (error)
			kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	for (int i = 0; i < OUTLET_COUNT; i++) {
		close_end(&outlets[i], 0);
		free(outlets[i].bytes);
	}
	order_free(&order);
	return error;
}
