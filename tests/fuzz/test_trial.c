/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Trials: inputs that make programs, nothing wrong without a bug, and something with one. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/trial.h"
#include "vfiosim/trace.h"

static struct program *program_of(const struct fuzz_subject *subject, uint64_t seed, struct tape *tape)
{
	struct profile profile;

	fuzz_subject_profile(subject, &profile);
	return generate_program(seed, fuzz_subject_machine(subject), &profile, &generator_defaults, tape);
}

/* What corpus and seeds have in common: a program of a seed is also the program of its input. */
Test(trial, program_of_a_seed_comes_back_from_its_draws)
{
	for (size_t s = 0; s < fuzz_subject_count; s++) {
		struct trial *trial = trial_new(&fuzz_subjects[s], NULL);

		for (uint64_t seed = 0; seed < 100; seed++) {
			struct tape tape = {0};
			struct program *program = program_of(&fuzz_subjects[s], seed, &tape);
			struct trial_verdict verdict;
			struct draws draws;

			cr_assert_not_null(program);
			draws_from_bytes(&draws, tape.bytes, tape.length);
			cr_assert_eq(trial_run(trial, &draws, &generator_defaults, &verdict), 0);
			cr_assert_eq(verdict.program->count, program->count);
			for (size_t i = 0; i < program->count; i++)
				cr_assert(event_equal(&verdict.program->events[i], &program->events[i]), "%s seed %lu",
					  fuzz_subjects[s].machine, (unsigned long)seed);
			program_free(program);
			tape_free(&tape);
		}
		trial_free(trial);
	}
}

Test(trial, nothing_is_wrong_on_any_subject)
{
	for (size_t s = 0; s < fuzz_subject_count; s++) {
		struct trial *trial = trial_new(&fuzz_subjects[s], NULL);

		for (uint64_t seed = 1000; seed < 1500; seed++) {
			struct trial_verdict verdict;
			struct draws draws;

			draws_from_seed(&draws, seed, NULL);
			cr_assert_eq(trial_run(trial, &draws, &generator_defaults, &verdict), 0);
			cr_assert_null(verdict.wrong, "%s %s, seed %lu: %s, after %s", fuzz_subjects[s].machine,
				       fuzz_subjects[s].profile, (unsigned long)seed, verdict.wrong,
				       rules[verdict.rule].name);
		}
		trial_free(trial);
	}
}

/* The one who examines is examined: a bug that changes answers, and one that only the ledger shows. */
Test(trial, suspect_is_found_out)
{
	static const enum defect bugs[] = {DEFECT_UNMAP_SIZE_ASKED, DEFECT_CHARGE_STAYS, DEFECT_EXIT_KEEPS_FILES,
					   DEFECT_INVALIDATE_REFUSED};

	for (size_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++) {
		struct trial_verdict verdict = {.wrong = NULL};
		struct defect_set set = {{0}};
		struct trial *trial;
		uint64_t seed = 0;

		defect_set_add(&set, bugs[i]);
		trial = trial_new(&fuzz_subjects[0], &set);
		for (; seed < 3000 && !verdict.wrong; seed++) {
			struct draws draws;

			draws_from_seed(&draws, seed, NULL);
			cr_assert_eq(trial_run(trial, &draws, &generator_defaults, &verdict), 0);
		}
		cr_assert_not_null(verdict.wrong, "%s", defects[bugs[i]].name);
		cr_assert(verdict.of_suspect);
		trial_free(trial);
	}
}

Test(trial, any_bytes_are_a_program)
{
	struct trial *trial = trial_new(&fuzz_subjects[0], NULL);
	struct prng random;

	prng_seed(&random, 5);
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t bytes[200];
		const size_t length = prng_below(&random, sizeof(bytes));
		struct trial_verdict verdict;
		struct draws draws;

		for (size_t k = 0; k < length; k++)
			bytes[k] =
			    prng_chance(&random, 1, 2) ? (uint8_t)prng_next(&random) : (uint8_t)prng_below(&random, 8);
		draws_from_bytes(&draws, bytes, length);
		cr_assert_eq(trial_run(trial, &draws, &generator_defaults, &verdict), 0);
		cr_assert_null(verdict.wrong, "%s", verdict.wrong);
	}
	trial_free(trial);
}

static void replay(const char *name)
{
	static struct trial *trials[UINT8_MAX];
	char path[4096];
	uint8_t bytes[65536];
	size_t length, subject;
	struct trial_verdict verdict;
	struct draws draws;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", CORPUS_FOLDER, name);
	file = fopen(path, "rb");
	cr_assert_not_null(file, "%s", path);
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	cr_assert_gt(length, 0);
	subject = fuzz_subject_of(bytes, length);
	if (!trials[subject])
		trials[subject] = trial_new(&fuzz_subjects[subject], NULL);
	draws_from_bytes(&draws, bytes + 1, length - 1);
	cr_assert_eq(trial_run(trials[subject], &draws, &generator_defaults, &verdict), 0);
	cr_assert_null(verdict.wrong, "%s: %s", name, verdict.wrong);
}

/* The shipped corpus, as the fuzz target runs it, where there is no libFuzzer. */
Test(trial, corpus_is_well)
{
	DIR *folder = opendir(CORPUS_FOLDER);
	struct dirent *entry;
	unsigned count = 0;

	cr_assert_not_null(folder);
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		replay(entry->d_name);
		count++;
	}
	closedir(folder);
	cr_assert_gt(count, 100);
}
