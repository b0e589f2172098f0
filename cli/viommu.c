/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * `vfiosim viommu`: guests at random, a client that tells VFIO what their devices are to find, and what went wrong. Of
 * a guest that went wrong it says how to play it alone again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/generate.h"
#include "cli/listing.h"
#include "cli/progress.h"
#include "cli/subject.h"
#include "viommu/player.h"

#define SEED_DEFAULT	1
#define STEPS_DEFAULT	10000
#define MACHINE_DEFAULT "q35-mdev"

struct playing {
	const struct options *options;
	const char *on;
	uint64_t seed, steps, first; /* the first guest */
	bool bugs[CLIENT_BUG_COUNT]; /* of the client */
	struct trace_header wanted;  /* of the backend */
	struct backend *backend;
	struct subject subject; /* what the spaces are watched with */
	struct trace_writer *writer;
	struct player *player;
	double seconds;
};

/* Switches on in the client, or else in the model, what --defect names. 0, or -1 with @diag. */
static int take_defects(struct playing *playing, struct options *of_model, struct diag *diag)
{
	of_model->defects.count = 0;
	for (size_t i = 0; i < playing->options->defects.count; i++) {
		const char *name = playing->options->defects.items[i];
		const enum client_bug bug = client_bug_by_name(name);

		if (bug < CLIENT_BUG_COUNT)
			playing->bugs[bug] = true;
		else
			of_model->defects.items[of_model->defects.count++] = name;
	}
	if (of_model->defects.count > 0 && strcmp(playing->on, "model") != 0)
		return diag_set(diag, NULL, 0, 0, "viommu: --defect %s with --on %s: only the model can be given it",
				of_model->defects.items[0], playing->on);
	return 0;
}

/* What is played, and on what. 0, or -1 with @diag. */
static int prepare(struct playing *playing, const struct options *options, struct diag *diag)
{
	const char *machine = options->values[OPTION_MACHINE], *profile = options->values[OPTION_PROFILE];
	struct trace_header *wanted = &playing->wanted;
	struct guest guest;

	playing->options = options;
	playing->on = options->values[OPTION_ON] ? options->values[OPTION_ON] : "model";
	playing->seed = SEED_DEFAULT;
	playing->steps = STEPS_DEFAULT;
	if (option_number(&playing->seed, "viommu", "seed", options->values[OPTION_SEED], diag) != 0 ||
	    option_number(&playing->steps, "viommu", "steps", options->values[OPTION_STEPS], diag) != 0 ||
	    option_number(&playing->first, "viommu", "only", options->values[OPTION_ONLY], diag) != 0)
		return -1;
	if (options->values[OPTION_ONLY] && playing->steps > PLAYER_STEPS)
		playing->steps = PLAYER_STEPS;
	snprintf(wanted->machine, sizeof(wanted->machine), "%s", machine ? machine : MACHINE_DEFAULT);
	snprintf(wanted->profile, sizeof(wanted->profile), "%s", profile ? profile : usual_profile(options));
	snprintf(wanted->program, sizeof(wanted->program),
		 "vfiosim viommu, seed %" PRIu64 ", %" PRIu64 " steps from guest %" PRIu64, playing->seed,
		 playing->steps, playing->first);
	if (subject_settings(wanted, options, diag) != 0 || subject_find(&playing->subject, wanted, NULL, diag) != 0)
		return -1;
	guest_begin(&guest, &playing->subject.machine, true);
	if (!guest.device_count)
		return diag_set(diag, NULL, 0, 0,
				"viommu: machine '%s' has no device that a guest could be given by TYPE1",
				wanted->machine);
	return 0;
}

/* The trace that is written says who answered, and what was played. 0, or -1 with @diag. */
static int open_writer(struct playing *playing, const struct trace_header *judged, struct diag *diag)
{
	struct trace_header header = *judged;

	if (!playing->options->values[OPTION_OUTPUT])
		return 0;
	memcpy(header.program, playing->wanted.program, sizeof(header.program));
	playing->writer = trace_create(playing->options->values[OPTION_OUTPUT], &header, diag);
	return playing->writer ? 0 : -1;
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One guest after the other, up to one that goes wrong. True if none does. */
static bool play(struct playing *playing)
{
	struct player *player = playing->player;
	const double start = seconds_now();
	struct progress progress;
	bool well = true;

	progress_begin(&progress, "viommu", playing->options->values[OPTION_QUIET] != NULL, 10);
	for (uint64_t number = playing->first; well && player->steps < playing->steps; number++) {
		const uint64_t left = playing->steps - player->steps;

		progress_step(&progress);
		well = player_guest(player, number, left < PLAYER_STEPS ? left : PLAYER_STEPS);
	}
	progress_end(&progress);
	playing->seconds = seconds_now() - start;
	return well;
}

/* ---- what is told --------------------------------------------------------------------------- */

static void print_repeat(const struct playing *playing)
{
	const struct options *options = playing->options;

	fprintf(stderr, "repeat: vfiosim viommu --on %s --machine %s --profile %s --seed %" PRIu64 " --only %" PRIu64,
		playing->on, playing->wanted.machine, playing->wanted.profile, playing->seed,
		playing->player->guest_number);
	for (size_t i = 0; i < options->settings.count; i++)
		fprintf(stderr, " --set %s", options->settings.items[i]);
	for (size_t i = 0; i < options->defects.count; i++)
		fprintf(stderr, " --defect %s", options->defects.items[i]);
	fputc('\n', stderr);
}

static void print_faults(const struct playing *playing)
{
	const struct player *player = playing->player;

	for (uint32_t i = 0; i < player->twin.fault_count; i++) {
		const struct twin_fault *fault = &player->twin.faults[i];

		fprintf(stderr, "guest %" PRIu64 ", step %" PRIu64 " (%s), call %" PRIu64 ": %s: %s\n",
			player->guest_number, player->guest_steps, player->action[0] ? player->action : "switched off",
			player->port.run_calls, space_rules[fault->rule].name, fault->text);
	}
	print_repeat(playing);
}

static enum exit_code list_actions(const struct playing *playing)
{
	static const char *const titles[] = {"action", "steps", "what", NULL};
	struct listing listing;

	listing_begin(&listing, titles);
	for (unsigned i = 0; i < ACTION_COUNT; i++) {
		char steps[24];
		const char *cells[] = {guest_actions[i].name, steps, guest_actions[i].sentence};

		snprintf(steps, sizeof(steps), "%" PRIu64, playing->player->actions[i]);
		listing_add(&listing, cells);
	}
	return listing_end(&listing, playing->options);
}

static void print_summary(const struct playing *playing)
{
	const struct player *player = playing->player;

	fprintf(stderr,
		"%" PRIu64 " steps of %" PRIu64 " guests, %" PRIu64 " calls in %.1f s; spaces: %" PRIu64
		" of memory, %" PRIu64 " of translations, %" PRIu64 " open; %s\n",
		player->steps, player->guests, player->port.calls, playing->seconds, player->spaces[SPACE_MEMORY],
		player->spaces[SPACE_TRANSLATED], player->spaces[SPACE_OPEN],
		player->twin.fault_count ? "faults" : "no fault");
}

static enum exit_code backend_code(enum backend_status status, const struct diag *diag)
{
	diag_print(diag);
	if (status == BACKEND_SPLAT)
		return EXIT_CODE_DIVERGES;
	return status == BACKEND_MISSING ? EXIT_CODE_SKIPPED : EXIT_CODE_INTERNAL;
}

static enum exit_code tell(const struct playing *playing, bool well)
{
	const struct player *player = playing->player;
	enum exit_code code = EXIT_CODE_CONFORMS;

	if (!playing->options->values[OPTION_QUIET]) {
		code = list_actions(playing);
		print_summary(playing);
	}
	if (player->port.status != BACKEND_OK)
		return backend_code(player->port.status, &player->port.diag);
	if (well)
		return code;
	print_faults(playing);
	return EXIT_CODE_DIVERGES;
}

/* ---- from one end to the other --------------------------------------------------------------- */

static enum exit_code play_on(struct playing *playing, struct diag *diag)
{
	struct trace_header judged;
	enum exit_code code;

	if (subject_header(&judged, &playing->backend->header, playing->options, diag) != 0)
		return bad_input(diag);
	/* Bugs are the backend's; whoever watches it has none. */
	subject_without_defects(&judged);
	if (subject_find(&playing->subject, &judged, NULL, diag) != 0 || open_writer(playing, &judged, diag) != 0)
		return bad_input(diag);
	if (!player_begin(playing->player, playing->backend, &playing->subject.profile, playing->writer, playing->seed))
		return out_of_memory();
	memcpy(playing->player->listener.bugs, playing->bugs, sizeof(playing->bugs));
	code = tell(playing, play(playing));
	player_end(playing->player);
	if (playing->writer && trace_commit(playing->writer, diag) != 0)
		return bad_input(diag);
	return code;
}

static enum exit_code play_opened(struct playing *playing, const struct options *options)
{
	enum backend_status status = BACKEND_FAILED;
	struct options of_model = *options;
	struct diag diag = {.text = ""};
	enum exit_code code;

	if (prepare(playing, options, &diag) != 0 || take_defects(playing, &of_model, &diag) != 0 ||
	    subject_defects(&playing->wanted, &of_model, &diag) != 0)
		return bad_input(&diag);
	if (!options->values[OPTION_QUIET])
		fprintf(stderr, "%s\n", playing->wanted.program);
	playing->backend = backend_open(playing->on, &playing->wanted, &status, &diag);
	if (!playing->backend)
		return backend_code(status, &diag);
	code = play_on(playing, &diag);
	backend_close(playing->backend);
	return code;
}

enum exit_code command_viommu(const struct options *options)
{
	struct playing playing = {.player = calloc(1, sizeof(*playing.player))};
	enum exit_code code;

	if (!playing.player)
		return out_of_memory();
	code = play_opened(&playing, options);
	free(playing.player);
	return code;
}
