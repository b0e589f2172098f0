/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A temporary directory as /dev/vfio, and the tracer on a program that uses it.
 */
#include "recording.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/tracer.h"
#include "vfiosim/trace.h"

/* Addresses of programs are above this, IOVAs and sizes in the scenarios are below. */
#define LARGE_ADDRESS UINT64_C(0x10000000)

struct directory {
	char path[64]; /* ends with a slash */
};

static const char *const file_names[] = {"vfio", "5", "devices/vfio0"};

static void directory_path(const struct directory *directory, const char *name, char path[128])
{
	snprintf(path, 128, "%s%s", directory->path, name);
}

static void directory_make(struct directory *directory)
{
	static const char zeros[16384];
	char path[128];

	snprintf(directory->path, sizeof(directory->path), "/tmp/vfiosim-tracer-XXXXXX");
	cr_assert(mkdtemp(directory->path));
	/* A scenario gives up its privileges, and opens files afterwards. */
	chmod(directory->path, 0755);
	strcat(directory->path, "/");
	directory_path(directory, "devices", path);
	cr_assert_eq(mkdir(path, 0755), 0);
	directory_path(directory, "fifo", path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
		directory_path(directory, file_names[i], path);
		int fd = open(path, O_WRONLY | O_CREAT, 0600);

		cr_assert_eq(write(fd, zeros, sizeof(zeros)), (ssize_t)sizeof(zeros));
		close(fd);
	}
}

static void directory_remove(const struct directory *directory)
{
	char path[128];

	for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
		directory_path(directory, file_names[i], path);
		unlink(path);
	}
	directory_path(directory, "fifo", path);
	unlink(path);
	directory_path(directory, "devices", path);
	rmdir(path);
	rmdir(directory->path);
}

struct collector {
	struct recording *recording;
	const struct directory *directory;
	uint64_t base; /* the address that is written as A; 0 until one was seen */
};

/* Copies @line to @out with what differs from run to run replaced. */
static void normalize(struct collector *collector, const char *line, FILE *out)
{
	size_t prefix = strlen(collector->directory->path);

	while (*line && strncmp(line, " {VmLck=", 8) != 0) {
		char *end = NULL;
		uint64_t number = strncmp(line, "0x", 2) == 0 ? strtoull(line, &end, 16) : 0;

		if (number >= LARGE_ADDRESS && number < UINT64_C(1) << 63) {
			if (!collector->base)
				collector->base = number;
			if (number == collector->base)
				fprintf(out, "A");
			else
				fprintf(out, "A+0x%" PRIx64, number - collector->base);
			line = end;
		} else if (strncmp(line, collector->directory->path, prefix) == 0) {
			fprintf(out, "D/");
			line += prefix;
		} else {
			fputc(*line++, out);
		}
	}
}

static int collect(const struct event *event, void *context)
{
	struct collector *collector = context;
	struct recording *recording = collector->recording;
	struct text text = {.text = NULL};
	size_t size;
	FILE *out;

	if (recording->count == LINES_MAX)
		return -1;
	out = open_memstream(&recording->lines[recording->count], &size);
	event_print(&text, event);
	normalize(collector, text.text, out);
	fclose(out);
	free(text.text);
	recording->count++;
	return 0;
}

void recording_make(struct recording *recording, enum subject subject, const char *scenario)
{
	const char *program = getenv(subject == SUBJECT_STATIC ? "TRACER_SUBJECT_STATIC" : "TRACER_SUBJECT");
	struct directory directory;
	struct collector collector = {.recording = recording, .directory = &directory};
	struct tracer_options options = {.prefix = directory.path, .sink = collect, .context = &collector};
	struct diag diag = {.text = ""};

	cr_assert(program, "TRACER_SUBJECT and TRACER_SUBJECT_STATIC must name the program that is recorded");
	*recording = (struct recording){.count = 0};
	directory_make(&directory);
	options.argv = (char *[]){(char *)(uintptr_t)program, (char *)(uintptr_t)scenario, directory.path, NULL};
	/* The test runner's own descriptors would take numbers that the scenarios expect to be free. */
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	int result = tracer_run(&options, &recording->status, &diag);

	directory_remove(&directory);
	if (result && strstr(diag.text, "seccomp"))
		cr_skip_test("%s", diag.text);
	cr_assert_eq(result, 0, "%s", diag.text);
}

void recording_free(struct recording *recording)
{
	for (size_t i = 0; i < recording->count; i++)
		free(recording->lines[i]);
	recording->count = 0;
}

void expect_recording(enum subject subject, const char *scenario, int status, const char *const *lines)
{
	struct recording recording;
	size_t i = 0;

	recording_make(&recording, subject, scenario);
	cr_expect_eq(recording.status, status, "%s: exit status %d instead of %d", scenario, recording.status, status);
	for (; lines[i] && i < recording.count; i++)
		cr_expect_str_eq(recording.lines[i], lines[i], "%s, event %zu:\n  recorded %s\n  expected %s", scenario,
				 i + 1, recording.lines[i], lines[i]);
	cr_expect_null(lines[i], "%s: not recorded: %s", scenario, lines[i]);
	cr_expect_eq(recording.count, i, "%s: also recorded: %s", scenario,
		     i < recording.count ? recording.lines[i] : "");
	recording_free(&recording);
}
