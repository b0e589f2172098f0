/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Recording, here or in a virtual machine.
 */
#include "record.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/protocol.h"
#include "backends_internal.h"
#include "tracer/serve.h"
#include "tracer/tracer.h"
#include "travel.h"
#include "vfiosim/profile.h"
#include "vfiosim/trace.h"
#include "vm/vm.h"

#define VFIO_DEVICE "/dev/vfio/vfio"
#define OLD_RUN	    "/var/run"

/* A trace that is being written, and why that failed if it did. */
struct recorder {
	struct trace_writer *writer;
	struct diag *diag;
};

static void set(char *field, const char *value)
{
	snprintf(field, TRACE_TEXT_MAX, "%s", value);
}

/* The command line as it would be typed, cut to what a header holds. */
static void set_program(struct trace_header *header, char *const *argv)
{
	size_t used = 0;

	for (size_t i = 0; argv[i] && used < TRACE_TEXT_MAX - 1; i++)
		used += (size_t)snprintf(header->program + used, TRACE_TEXT_MAX - used, "%s%s", i ? " " : "", argv[i]);
}

/* What the trace says of where it was recorded. @kernel is the release, @package what follows it, or "". */
static void fill_header(struct trace_header *header, const struct record_options *options, const char *kernel,
			const char *package, const char *arch, unsigned page_size)
{
	const char *profile = profile_for_release(kernel);

	*header = (struct trace_header){.version = TRACE_VERSION, .page_size = page_size};
	if (package[0])
		snprintf(header->kernel, sizeof(header->kernel), "%s (%s)", kernel, package);
	else
		set(header->kernel, kernel);
	set(header->arch, arch);
	set(header->machine, options->machine ? options->machine->name : "");
	set(header->profile, profile ? profile : "");
	set_program(header, options->argv);
}

/* Creates the trace with one run in it, named after the program. False with the recorder's diag. */
static bool recorder_open(struct recorder *recorder, const struct record_options *options,
			  const struct trace_header *header)
{
	const char *slash = strrchr(options->argv[0], '/');

	recorder->writer = trace_create(options->output, header, recorder->diag);
	if (!recorder->writer)
		return false;
	trace_write_run(recorder->writer, slash ? slash + 1 : options->argv[0], NULL);
	return true;
}

/* Finishes the trace, or throws it away if @status says that it is worth nothing. */
static enum backend_status recorder_close(struct recorder *recorder, enum backend_status status)
{
	if (status == BACKEND_OK)
		return trace_commit(recorder->writer, recorder->diag) ? BACKEND_FAILED : BACKEND_OK;
	trace_abandon(recorder->writer);
	return status;
}

static int write_event(const struct event *event, void *context)
{
	struct recorder *recorder = context;

	return trace_write_event(recorder->writer, event) ? -EIO : 0;
}

static enum backend_status record_here(const struct record_options *options, int *exit_status, struct diag *diag)
{
	struct recorder recorder = {.diag = diag};
	const struct tracer_options to_trace = {.argv = options->argv, .sink = write_event, .context = &recorder};
	struct trace_header header;
	struct utsname name;

	if (access(VFIO_DEVICE, F_OK) != 0) {
		diag_set(diag, NULL, 0, 0, "this machine has no %s", VFIO_DEVICE);
		return BACKEND_MISSING;
	}
	uname(&name);
	fill_header(&header, options, name.release, "", name.machine, (unsigned)sysconf(_SC_PAGESIZE));
	if (!recorder_open(&recorder, options, &header))
		return BACKEND_FAILED;
	return recorder_close(&recorder, tracer_run(&to_trace, exit_status, diag) ? BACKEND_FAILED : BACKEND_OK);
}

/* A recording in a guest, from the host's side. */
struct guest {
	const struct record_options *options;
	struct vm *vm;
	FILE *channel; /* the agent's lines */
	char *line;
	size_t line_size;
	uint64_t lines; /* so far, for messages */
	struct recorder recorder;
	struct arena *arena;
	struct diag *diag;
};

/* The agent did not do what it should; the kernel is asked first why. */
static enum backend_status guest_failed(struct guest *guest, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum backend_status guest_failed(struct guest *guest, const char *format, ...)
{
	const char *complaint = vm_console_complaint(guest->vm, 0);
	char what[DIAG_TEXT_MAX - sizeof("the agent ")];
	va_list arguments;

	if (complaint) {
		diag_set(guest->diag, NULL, 0, 0, "the kernel complained: %s", complaint);
		return BACKEND_SPLAT;
	}
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	diag_set(guest->diag, NULL, 0, 0, "the agent %s", what);
	return BACKEND_FAILED;
}

/* Reads the agent's next line, without its newline. False at the end. */
static bool guest_line(struct guest *guest, size_t *length)
{
	ssize_t got = getline(&guest->line, &guest->line_size, guest->channel);

	if (got <= 0 || guest->line[got - 1] != '\n')
		return false;
	guest->line[got - 1] = '\0';
	*length = (size_t)got - 1;
	guest->lines++;
	return true;
}

static enum backend_status guest_hello(struct guest *guest, struct trace_header *header)
{
	char release[TRACE_TEXT_MAX], arch[TRACE_TEXT_MAX];
	unsigned version, page_size;
	size_t length;

	if (dprintf(vm_channel_fd(guest->vm), "hello\n") < 0 || !guest_line(guest, &length))
		return guest_failed(guest, "does not answer");
	if (sscanf(guest->line, "agent %u release=%255s arch=%255s page-size=%u", &version, release, arch,
		   &page_size) != 4 ||
	    version != AGENT_VERSION)
		return guest_failed(guest, "is of another version");
	fill_header(header, guest->options, release, vm_package_version(guest->vm), arch, page_size);
	return BACKEND_OK;
}

/* Adds one line of the request. */
static bool request_add(struct text *request, size_t *count, const char *what, const char *text)
{
	size_t length = strlen(what) + 1 + WIRE_SIZE(strlen(text)) + 1;

	if (request->capacity - request->length < length) {
		size_t capacity = 2 * request->capacity + length;
		char *longer = realloc(request->text, capacity);

		if (!longer)
			return false;
		request->text = longer;
		request->capacity = capacity;
	}
	request->length += (size_t)sprintf(request->text + request->length, "%s ", what);
	request->length += wire_escape(request->text + request->length, text, strlen(text));
	request->text[request->length++] = '\n';
	++*count;
	return true;
}

static enum backend_status guest_request(struct guest *guest, const char *program)
{
	static const char *const usual[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					    "HOME=/root", NULL};
	const char *const *environments[] = {usual, guest->options->environment};
	struct text request = {.text = NULL};
	size_t count = 0, sent = 0;
	bool whole = request_add(&request, &count, "argument", program);
	ssize_t written = 0;

	for (size_t i = 1; whole && guest->options->argv[i]; i++)
		whole = request_add(&request, &count, "argument", guest->options->argv[i]);
	for (size_t list = 0; list < 2; list++)
		for (size_t i = 0; whole && environments[list] && environments[list][i]; i++)
			whole = request_add(&request, &count, "environment", environments[list][i]);
	if (whole && dprintf(vm_channel_fd(guest->vm), "record %zu\n", count) > 0)
		while (sent < request.length &&
		       (written = write(vm_channel_fd(guest->vm), request.text + sent, request.length - sent)) > 0)
			sent += (size_t)written;
	free(request.text);
	return whole && sent == request.length ? BACKEND_OK : guest_failed(guest, "does not take the request");
}

static enum backend_status guest_event(struct guest *guest, const char *line, size_t length)
{
	struct event event;

	if (event_parse(line, length, &event, guest->arena, "agent", guest->lines, guest->diag))
		return BACKEND_FAILED;
	if (trace_write_event(guest->recorder.writer, &event) == 0)
		return BACKEND_OK;
	diag_set(guest->diag, guest->options->output, 0, 0, "cannot write the trace");
	return BACKEND_FAILED;
}

static void pass_on(int fd, char *text)
{
	size_t length = wire_unescape(text), done = 0;
	ssize_t written;

	/* Nobody to read it is no reason to end the recording. */
	while (done < length && (written = write(fd, text + done, length - done)) > 0)
		done += (size_t)written;
}

/* The text of a line that begins with @label and a space; NULL for any other line. */
static char *text_of(char *line, const char *label)
{
	size_t length = strlen(label);

	return strncmp(line, label, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

/* Takes what comes until the program has ended. */
static enum backend_status guest_follow(struct guest *guest, int *exit_status)
{
	enum backend_status status = BACKEND_OK;
	size_t length;
	char *text;

	while (status == BACKEND_OK) {
		if (!guest_line(guest, &length))
			return guest_failed(guest, "went away while the program ran");
		if ((text = text_of(guest->line, "event")))
			status = guest_event(guest, text, length - (size_t)(text - guest->line));
		else if ((text = text_of(guest->line, "stdout")))
			pass_on(STDOUT_FILENO, text);
		else if ((text = text_of(guest->line, "stderr")))
			pass_on(STDERR_FILENO, text);
		else if ((text = text_of(guest->line, "exited")))
			break;
		else if ((text = text_of(guest->line, "error")))
			return guest_failed(guest, "gave up: %s", text);
		else
			return guest_failed(guest, "said something that is not in the protocol: %.60s", guest->line);
	}
	if (status == BACKEND_OK)
		*exit_status = atoi(text);
	return status;
}

static enum backend_status guest_record(struct guest *guest, const char *program, int *exit_status)
{
	struct trace_header header;
	enum backend_status status = guest_hello(guest, &header);

	if (status == BACKEND_OK)
		status = guest_request(guest, program);
	if (status != BACKEND_OK || !recorder_open(&guest->recorder, guest->options, &header))
		return status == BACKEND_OK ? BACKEND_FAILED : status;
	status = guest_follow(guest, exit_status);
	/* A program may end well on a kernel that did not. */
	if (status == BACKEND_OK && vm_console_complaint(guest->vm, 0))
		status = guest_failed(guest, "cannot be trusted");
	return recorder_close(&guest->recorder, status);
}

/* Boots a guest that has all @travel, and records there. */
static enum backend_status record_booted(const struct record_options *options, const struct travel *travel,
					 const char *program, int *exit_status, struct diag *diag)
{
	struct vm_file *files = calloc(travel->count + 1, sizeof(*files));
	struct vm_options to_boot = {.kernel = options->on + strlen("vm:"),
				     .machine = options->machine,
				     .files = files,
				     .file_count = travel->count,
				     .hugepages = options->machine->hugepage_count};
	struct guest guest = {.options = options, .recorder = {.diag = diag}, .diag = diag, .arena = arena_new()};
	enum backend_status status = BACKEND_FAILED;
	struct stat old_run;
	char agent[PATH_MAX];

	if (!files || !guest.arena) {
		diag_set(diag, NULL, 0, 0, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < travel->count; i++)
		files[i].host_path = travel->paths[i];
	/* Many programs still know /run by its old name; as a link, it leads to what the guest has there. */
	if (lstat(OLD_RUN, &old_run) == 0 && S_ISLNK(old_run.st_mode))
		files[to_boot.file_count++] = (struct vm_file){OLD_RUN, OLD_RUN};
	status = BACKEND_MISSING;
	if (agent_find(options->machine->arch, agent, sizeof(agent), diag))
		goto out;
	to_boot.agent = agent;
	guest.vm = vm_boot(&to_boot, &status, diag);
	if (!guest.vm)
		goto out;
	guest.channel = fdopen(dup(vm_channel_fd(guest.vm)), "r");
	status = guest.channel ? guest_record(&guest, program, exit_status) : guest_failed(&guest, "cannot be heard");
	if (guest.channel)
		fclose(guest.channel);
	vm_close(guest.vm);
out:
	free(guest.line);
	if (guest.arena)
		arena_free(guest.arena);
	free(files);
	return status;
}

static enum backend_status record_vm(const struct record_options *options, int *exit_status, struct diag *diag)
{
	struct travel travel = {.paths = NULL};
	enum backend_status status = BACKEND_FAILED;
	char *program = NULL;
	bool packed;

	if (!options->machine) {
		diag_set(diag, NULL, 0, 0, "a virtual machine needs a machine");
		return BACKEND_FAILED;
	}
	program = travel_find_program(options->argv[0], diag);
	packed = program && travel_add(&travel, program, diag) == 0;
	for (size_t i = 0; packed && options->files && options->files[i]; i++)
		packed = travel_add(&travel, options->files[i], diag) == 0;
	if (packed)
		status = record_booted(options, &travel, program, exit_status, diag);
	travel_free(&travel);
	free(program);
	return status;
}

enum backend_status record_program(const struct record_options *options, int *exit_status, struct diag *diag)
{
	if (strcmp(options->on, "kernel") == 0)
		return record_here(options, exit_status, diag);
	if (strncmp(options->on, "vm:", strlen("vm:")) == 0)
		return record_vm(options, exit_status, diag);
	diag_set(diag, NULL, 0, 0, "cannot record on \"%s\": expected kernel or vm:KERNEL", options->on);
	return BACKEND_FAILED;
}
