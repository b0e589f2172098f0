/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
#include "bed.h"

#include <criterion/criterion.h>
#include <string.h>

struct bed bed_new(const char *profile)
{
	return bed_on("q35-edu", profile);
}

struct bed bed_on(const char *machine, const char *profile_name)
{
	struct bed bed = {.arena = arena_new()};
	static struct profile profile;

	cr_assert_eq(profile_find(profile_name, &profile), 0);
	bed.host = host_new(machine_find(machine), &profile);
	return bed;
}

void bed_free(struct bed *bed)
{
	host_free(bed->host);
	arena_free(bed->arena);
}

struct outcome run(struct bed *bed, struct host *host, const char *line)
{
	struct event event;
	struct diag diag;
	struct outcome outcome;

	cr_assert_eq(event_parse(line, strlen(line), &event, bed->arena, "test", 1, &diag), 0, "%s", diag.text);
	host_call(host, &event.call, NULL, &outcome);
	cr_assert(outcome.modelled, "%s", line);
	cr_assert_null(host_audit(host), "%s: %s", line, host_audit(host));
	if (event.answer.known)
		cr_assert_eq(outcome.ret, event.answer.ret, "%s: the model says %lld (%s)", line,
			     (long long)outcome.ret,
			     outcome.rule_count ? rules[outcome.rules[outcome.rule_count - 1]].name : "no rule");
	return outcome;
}

void run_all(struct bed *bed, const char *const *lines)
{
	for (; *lines; lines++)
		run(bed, bed->host, *lines);
}

const char *const set_up[] = {
    "1 open(\"/dev/vfio/vfio\", O_RDWR) = 3",
    "1 open(\"/dev/vfio/1\", O_RDWR) = 4",
    "1 ioctl(4, VFIO_GROUP_SET_CONTAINER, [3]) = 0",
    "1 ioctl(3, VFIO_SET_IOMMU, 3) = 0",
    "1 mmap(0x100000000000, 0x100000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0) = "
    "0x100000000000",
    NULL,
};
