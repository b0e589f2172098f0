/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Fuzzes the model with call programs: bytes are the draws of the generator. After every call the ledger adds up and
 * a refusal has changed nothing; when all tasks have ended, nothing is left.
 *
 * Options beside libFuzzer's own, which takes those that begin with two dashes for somebody else's:
 *   --defect=NAME   a model with that bug runs beside the one without, and whatever tells them apart is a crash
 *   --defects       names those bugs, and that is all
 *   --calls=NUMBER  programs end with this call, those that are made of a seed not before it
 *   --seconds=NUMBER  ends after so much processor time, or hardly later
 *   --tally         programs and calls are counted, and told at the end
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz/mutator.h"
#include "fuzz/trial.h"
#include "vfiosim/trace.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size,
				 uint8_t *out, size_t room, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room); /* libFuzzer's own */

static struct defect_set suspected;
static bool suspicion;
static struct generator_options options;
static uint32_t seconds_max; /* of processor time; 0: for ever */
static bool tallied;
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

static double seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void tell_tally(void)
{
	if (tallied)
		fprintf(stderr, "%" PRIu64 " programs, %" PRIu64 " calls, %.1f seconds\n", programs, calls, seconds());
	tallied = false;
}

/* What follows @name in @argument, which begins with it; or NULL. */
static const char *value_of(const char *argument, const char *name)
{
	const size_t length = strlen(name);

	return strncmp(argument, name, length) ? NULL : argument + length;
}

/* A whole number, at least 1. */
static uint32_t number_of(const char *argument, const char *value)
{
	char *end;
	const unsigned long number = strtoul(value, &end, 10);

	if (!number || number > UINT32_MAX || *end) {
		fprintf(stderr, "'%s': expected a whole number, at least 1\n", argument);
		exit(2);
	}
	return (uint32_t)number;
}

static void suspect(const char *name)
{
	if (defect_by_name(name) == DEFECT_COUNT) {
		fprintf(stderr, "defect '%s' is not known; expected one of `vfiosim defects`\n", name);
		exit(2);
	}
	defect_set_add(&suspected, defect_by_name(name));
	suspicion = true;
}

static void name_defects(void)
{
	for (size_t i = 0; i < DEFECT_COUNT; i++)
		puts(defects[i].name);
	exit(0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	options = generator_defaults;
	for (int i = 1; i < *argc; i++) {
		const char *argument = (*argv)[i], *value;

		if ((value = value_of(argument, "--defect=")))
			suspect(value);
		else if ((value = value_of(argument, "--calls=")))
			options.calls_min = options.calls_max = number_of(argument, value);
		else if ((value = value_of(argument, "--seconds=")))
			seconds_max = number_of(argument, value);
		else if (!strcmp(argument, "--defects"))
			name_defects();
		else if (!strcmp(argument, "--tally"))
			tallied = true;
	}
	atexit(tell_tally);
	return 0;
}

/* Ends the process when its time is over; looking at the clock takes longer than a call. */
static void look_at_clock(void)
{
	enum { PROGRAMS_PER_LOOK = 256 };

	if (!seconds_max || programs % PROGRAMS_PER_LOOK || seconds() < seconds_max)
		return;
	tell_tally();
	/* libFuzzer takes an ordinary exit for a fault. */
	_Exit(0);
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

/* The trials on subject @number. */
static struct trial *trial_on(size_t number)
{
	static struct trial *trials[UINT8_MAX];

	if (!trials[number]) {
		trials[number] = trial_new(&fuzz_subjects[number], suspicion ? &suspected : NULL);
		if (!trials[number])
			abort();
		trial_count_rules(trials[number], counters, sizeof(counters));
	}
	return trials[number];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t number = fuzz_subject_of(data, size);
	struct trial_verdict verdict;
	struct draws draws;

	draws_from_bytes(&draws, data + !!size, size - !!size);
	if (trial_run(trial_on(number), &draws, &options, &verdict) != 0)
		abort();
	programs++;
	calls += verdict.calls;
	look_at_clock();
	if (!verdict.wrong)
		return 0;
	tell(&fuzz_subjects[number], &verdict);
	tell_tally();
	abort();
}

/* A program that the generator makes of a seed, as live campaigns do. The size, or 0 if there is no room for it. */
static size_t draft(uint8_t *data, size_t room, struct prng *random)
{
	const size_t number = prng_below(random, fuzz_subject_count);
	struct tape tape = {0};
	size_t size = 0;

	if (trial_draft(trial_on(number), prng_next(random), &options, &tape) != 0)
		abort();
	if (tape.length < room) {
		data[0] = (uint8_t)number;
		memcpy(data + 1, tape.bytes, tape.length);
		size = tape.length + 1;
	}
	tape_free(&tape);
	return size;
}

/* Programs get deep by being changed call by call; new ones see to it that they do not all grow from the same few. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
	struct prng random;
	size_t changed = 0;

	prng_seed(&random, seed);
	switch (prng_below(&random, 8)) {
	case 0:
	case 1:
		changed = draft(data, room, &random);
		break;
	case 2:
		break;
	default:
		changed = size;
		for (uint64_t rounds = 1 + prng_below(&random, 3); rounds && changed; rounds--)
			changed = mutate_records(data, changed, room, &random);
		break;
	}
	return changed ? changed : LLVMFuzzerMutate(data, size, room);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size,
				 uint8_t *out, size_t room, unsigned int seed)
{
	struct prng random;

	prng_seed(&random, seed);
	return cross_records(first, first_size, second, second_size, out, room, &random);
}
