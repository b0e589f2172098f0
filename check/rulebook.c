/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the reading of traces into the rule book. */
#include "check/rulebook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfiosim/judge.h"
#include "vfiosim/machine.h"
#include "vfiosim/profile.h"

struct rulebook *rulebook_new(void)
{
	return calloc(1, sizeof(struct rulebook));
}

/*
 * What a kernel is called in the book: the first two numbers of its release, before them "built" for one that no
 * distribution built, behind them the architecture if it is not the usual one.
 */
static void kernel_label(char *label, size_t size, const struct trace_header *header)
{
	const char *release = header->kernel;
	size_t length = strspn(release, "0123456789");
	const bool built = !strstr(release, "deb") && !strstr(release, "-amd64") && !strstr(release, "-arm64") &&
			   !strstr(release, "-powerpc64le");
	const bool usual = strcmp(header->arch, "x86_64") == 0;

	if (release[length] == '.')
		length += 1 + strspn(release + length + 1, "0123456789");
	snprintf(label, size, "%s%.*s%s%.8s", built ? "built " : "", (int)(length < 16 ? length : 16), release,
		 usual ? "" : " ", usual ? "" : header->arch);
}

/* The index of the kernel that answered, or -1 if there are too many. */
static int find_kernel(struct rulebook *book, const struct trace_header *header)
{
	char label[sizeof(book->kernels[0])];

	kernel_label(label, sizeof(label), header);
	for (uint32_t i = 0; i < book->kernel_count; i++)
		if (strcmp(book->kernels[i], label) == 0)
			return (int)i;
	if (book->kernel_count == RULEBOOK_KERNELS_MAX)
		return -1;
	memcpy(book->kernels[book->kernel_count], label, sizeof(label));
	return (int)book->kernel_count++;
}

struct reading {
	struct rulebook *book;
	const char *path;
	struct trace_reader *reader;
	const struct machine *machine;
	struct profile profile;
	/* of a trace with answers */
	struct judge *judge;
	uint32_t kernel;
	/* of a trace without */
	struct host *host;
	char run[TRACE_TEXT_MAX];
	bool in_case[RULE_COUNT]; /* hit in this run already */
};

static void observe(struct reading *reading, const struct event *event)
{
	struct finding finding;

	if (judge_event(reading->judge, event, &finding) != VERDICT_CONFORMS)
		return;
	for (uint32_t i = 0; i < finding.allowed->rule_count; i++)
		reading->book->entries[finding.allowed->rules[i]].kernels |= 1u << reading->kernel;
}

static void begin_case(struct reading *reading, const char *name)
{
	snprintf(reading->run, sizeof(reading->run), "%s", name);
	memset(reading->in_case, 0, sizeof(reading->in_case));
	host_free(reading->host);
	reading->host = host_new(reading->machine, &reading->profile);
}

static void perform(struct reading *reading, const struct event *event)
{
	struct outcome outcome;

	if (!reading->host)
		begin_case(reading, "");
	host_call(reading->host, &event->call, NULL, &outcome);
	for (uint32_t i = 0; outcome.modelled && i < outcome.rule_count; i++) {
		struct rulebook_entry *entry = &reading->book->entries[outcome.rules[i]];

		if (reading->in_case[outcome.rules[i]])
			continue;
		reading->in_case[outcome.rules[i]] = true;
		if (entry->cases++ == 0)
			memcpy(entry->first_case, reading->run, sizeof(entry->first_case));
	}
}

/* A run's end is a rule of its own, which the judge counts when a trace says where that is. */
static void end_run(struct reading *reading)
{
	struct finding finding;

	if (reading->judge && judge_end_run(reading->judge, trace_line(reading->reader),
					    trace_run_count(reading->reader), &finding) == VERDICT_CONFORMS)
		reading->book->entries[RULE_RUN_COMPLETE].kernels |= 1u << reading->kernel;
}

static int read_items(struct reading *reading, struct diag *diag)
{
	struct event event;

	for (;;) {
		switch (trace_next(reading->reader, &event, diag)) {
		case TRACE_EVENT:
			if (reading->judge)
				observe(reading, &event);
			else
				perform(reading, &event);
			break;
		case TRACE_RUN:
			if (reading->judge)
				judge_begin_run(reading->judge);
			else
				begin_case(reading, trace_run_name(reading->reader));
			break;
		case TRACE_RUN_END:
			end_run(reading);
			break;
		case TRACE_END:
			return 0;
		case TRACE_ERROR:
			return -1;
		}
	}
}

/* Machine and profile of the trace, with the fields of its header. */
static int find_subject(struct reading *reading, const char *profile, struct diag *diag)
{
	const struct trace_header *header = trace_header(reading->reader);

	reading->machine = machine_find(header->machine);
	if (!reading->machine)
		return diag_set(diag, reading->path, 0, 0, "there is no machine \"%s\"", header->machine);
	if (profile_find(profile, &reading->profile) != 0)
		return diag_set(diag, reading->path, 0, 0, "there is no profile \"%s\"", profile);
	for (uint32_t i = 0; i < header->field_count; i++)
		if (profile_set(&reading->profile, header->fields[i].name, header->fields[i].value) != 0)
			return diag_set(diag, reading->path, 0, 0, "a profile cannot have %s = %s",
					header->fields[i].name, header->fields[i].value);
	return 0;
}

/* Reads the whole file once, as observed, or as cases under @profile. */
static int read_once(struct reading *reading, const char *profile, struct diag *diag)
{
	const struct trace_header *header = trace_header(reading->reader);
	int result = find_subject(reading, profile, diag), kernel;

	if (result == 0 && header->kernel[0]) {
		kernel = find_kernel(reading->book, header);
		if (kernel < 0)
			return diag_set(diag, reading->path, 0, 0, "there are more than %d kernels",
					RULEBOOK_KERNELS_MAX);
		reading->kernel = (uint32_t)kernel;
		reading->judge = judge_new(reading->machine, &reading->profile);
		if (!reading->judge)
			return diag_set(diag, reading->path, 0, 0, "out of memory");
	}
	if (result == 0)
		result = read_items(reading, diag);
	judge_free(reading->judge);
	host_free(reading->host);
	reading->judge = NULL;
	reading->host = NULL;
	return result;
}

int rulebook_add(struct rulebook *book, const char *path, struct diag *diag)
{
	struct reading reading = {.book = book, .path = path, .reader = trace_open(path, diag)};
	const char *const *profile = profile_names();
	int result;

	if (!reading.reader)
		return -1;
	if (trace_header(reading.reader)->kernel[0]) {
		result = read_once(&reading, trace_header(reading.reader)->profile, diag);
		trace_close(reading.reader);
		return result;
	}
	do {
		result = read_once(&reading, *profile++, diag);
		trace_close(reading.reader);
		reading.reader = result == 0 && *profile ? trace_open(path, diag) : NULL;
	} while (reading.reader);
	return result == 0 && *profile ? -1 : result;
}
