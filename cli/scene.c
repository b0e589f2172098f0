/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
#include "cli/scene.h"

#include <stdlib.h>

static const char *add_setup(struct scene *scene, struct event *copy)
{
	struct event **more;

	if (scene->setup_count == scene->setup_capacity) {
		scene->setup_capacity = scene->setup_capacity * 2 + 16;
		more = realloc(scene->setup, scene->setup_capacity * sizeof(struct event *));
		if (!more) {
			free(copy);
			return "memory is out";
		}
		scene->setup = more;
	}
	scene->setup[scene->setup_count++] = copy;
	return NULL;
}

const char *scene_add(struct scene *scene, const struct event *event)
{
	struct event *copy;

	if (!event->timed && scene->count)
		return "a call behind those that are made at once";
	if (scene->count == SCHEDULE_CALLS_MAX)
		return "more calls at once than can be explored";
	copy = event_clone(event);
	if (!copy)
		return "memory is out";
	if (!event->timed)
		return add_setup(scene, copy);
	scene->at_once[scene->count++] = copy;
	return NULL;
}

void scene_clear(struct scene *scene)
{
	for (size_t i = 0; i < scene->setup_count; i++)
		free(scene->setup[i]);
	for (uint32_t i = 0; i < scene->count; i++)
		free(scene->at_once[i]);
	free(scene->setup);
	*scene = (struct scene){.count = 0};
}

void scene_explore(const struct scene *scene, const struct machine *machine, const struct profile *profile,
		   struct exploration *exploration)
{
	struct scenario scenario = {.host = host_new(machine, profile), .count = scene->count};

	for (size_t i = 0; i < scene->setup_count; i++) {
		const struct event *event = scene->setup[i];
		const struct choice choice = {.ret = event->answer.ret,
					      .out = event->call.buffer_count ? event->call.buffers[0].out : NULL};
		struct outcome outcome;

		host_call(scenario.host, &event->call, event->answer.known ? &choice : NULL, &outcome);
	}
	for (uint32_t i = 0; i < scene->count; i++)
		scenario.calls[i] = scene->at_once[i];
	explore(&scenario, exploration);
	host_free(scenario.host);
}

const char *scene_wrong(const struct scene *scene, const struct exploration *exploration,
			const struct exploration *reference)
{
	const char *why = NULL;

	for (size_t i = 0; i < exploration->count && !why; i++)
		why = exploration_judge(exploration, &exploration->outcomes[i], scene->count, reference);
	return why;
}
