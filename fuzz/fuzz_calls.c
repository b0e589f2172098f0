/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Fuzzes the model with call programs: bytes are the draws of the generator. After every call the ledger adds up and
 * a refusal has changed nothing; when all tasks have ended, nothing is left. With --defect=NAME a model with that bug
 * runs beside the one without, and whatever tells them apart is a crash. With --tally the calls are counted, and told
 * at the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/trial.h"
#include "vfiosim/trace.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct defect_set suspected;
static bool suspicion;
static uint64_t programs, calls;

/*
 * Programs come and go too fast for memory that was freed to be kept from use for long, or for every allocation to be
 * told with all its callers.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:malloc_context_size=6";
}

static void tell_tally(void)
{
	fprintf(stderr, "%" PRIu64 " programs, %" PRIu64 " calls\n", programs, calls);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char option[] = "--defect=";

	for (int i = 1; i < *argc; i++) {
		const char *name = (*argv)[i] + sizeof(option) - 1;

		if (strcmp((*argv)[i], "--tally") == 0)
			atexit(tell_tally);
		if (strncmp((*argv)[i], option, sizeof(option) - 1) != 0)
			continue;
		if (defect_by_name(name) == DEFECT_COUNT) {
			fprintf(stderr, "defect '%s' is not known; expected one of `vfiosim defects`\n", name);
			exit(2);
		}
		defect_set_add(&suspected, defect_by_name(name));
		suspicion = true;
	}
	return 0;
}

static void tell(const struct fuzz_subject *subject, const struct trial_verdict *verdict)
{
	struct text text = {0};

	fprintf(stderr, "%s on %s, %s%s, after %s:\n", subject->machine, subject->profile,
		verdict->of_suspect ? "the suspect: " : "", verdict->wrong, rules[verdict->rule].name);
	for (size_t i = 0; i < verdict->program->count; i++) {
		text.length = 0;
		event_print(&text, &verdict->program->events[i]);
		fprintf(stderr, "%s\n", text.text);
	}
	free(text.text);
}

/* What libFuzzer counts as news: a rule that decided, after which other one. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[1 << 14];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trial *trials[UINT8_MAX];
	const size_t number = fuzz_subject_of(data, size);
	struct trial_verdict verdict;
	struct draws draws;

	if (!trials[number]) {
		trials[number] = trial_new(&fuzz_subjects[number], suspicion ? &suspected : NULL);
		if (trials[number])
			trial_count_rules(trials[number], counters, sizeof(counters));
	}
	draws_from_bytes(&draws, data + !!size, size - !!size);
	if (!trials[number] || trial_run(trials[number], &draws, &generator_defaults, &verdict) != 0)
		abort();
	programs++;
	calls += verdict.calls;
	if (!verdict.wrong)
		return 0;
	tell(&fuzz_subjects[number], &verdict);
	abort();
}
