/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the comparison of containers and iommufds: two models in step, fed with the same calls but for one path. */
#include "vfiosim/twins.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/place.h"

static const char container_path[] = "/dev/vfio/vfio", iommufd_path[] = "/dev/iommu";

const char *const likeness_names[LIKENESS_COUNT] = {
    [LIKENESS_SAME] = "same",	      [LIKENESS_CHARGE] = "charge",   [LIKENESS_DIFFERS] = "differs",
    [LIKENESS_ERRNO] = "errno",	      [LIKENESS_REFUSED] = "refused", [LIKENESS_GRANTED] = "granted",
    [LIKENESS_UNKNOWN] = "not known",
};

/* One side: a host, and the outcome that a comparison points to. */
struct side {
	struct host *host;
	struct outcome outcome;
};

struct twins {
	const struct machine *machine;
	const struct profile *profile;
	struct side container, iommufd;
};

struct twins *twins_new(const struct machine *machine, const struct profile *profile)
{
	struct twins *twins = calloc(1, sizeof(*twins));

	if (!twins)
		return NULL;
	twins->machine = machine;
	twins->profile = profile;
	return twins;
}

static void side_clear(struct side *side)
{
	if (side->host)
		host_free(side->host);
	side->host = NULL;
}

void twins_free(struct twins *twins)
{
	if (!twins)
		return;
	side_clear(&twins->container);
	side_clear(&twins->iommufd);
	free(twins);
}

void twins_begin_run(struct twins *twins)
{
	side_clear(&twins->container);
	side_clear(&twins->iommufd);
	twins->container.host = host_new(twins->machine, twins->profile);
	twins->iommufd.host = host_new(twins->machine, twins->profile);
}

struct call twins_call_of_iommufd(const struct call *call)
{
	struct call twin = *call;

	if (call->op == CALL_OPEN && !strcmp(call->string, container_path))
		twin.string = iommufd_path;
	return twin;
}

/* The first byte of a buffer that is defined on both sides and not the same; its length if there is none. */
static uint32_t buffer_compare(const struct buffer *buffer, uint32_t index, const struct outcome *a,
			       const struct outcome *b)
{
	const uint8_t *left = a->out[index] ? a->out[index] : buffer->in;
	const uint8_t *right = b->out[index] ? b->out[index] : buffer->in;

	if (!left || !right)
		return buffer->length;
	for (uint32_t i = 0; i < buffer->length; i++) {
		const unsigned mask =
		    (a->mask[index] ? a->mask[index][i] : 0xffu) & (b->mask[index] ? b->mask[index][i] : 0xffu);

		if ((left[i] ^ right[i]) & mask)
			return i;
	}
	return buffer->length;
}

static bool bytes_differ(const struct call *call, struct comparison *comparison)
{
	for (uint32_t i = 0; i < call->buffer_count; i++) {
		comparison->buffer = i;
		comparison->offset = buffer_compare(&call->buffers[i], i, comparison->container, comparison->iommufd);
		if (comparison->offset < call->buffers[i].length)
			return true;
	}
	return false;
}

/* Where a kernel is free to choose, any two values are alike. */
static bool values_differ(enum call_return returns, int64_t a, int64_t b)
{
	const bool chosen = returns == RETURN_FD || returns == RETURN_ADDR || returns == RETURN_TASK;

	return chosen ? (a < 0) != (b < 0) : a != b;
}

static bool charges_differ(const struct outcome *a, const struct outcome *b)
{
	if (a->task_gone || b->task_gone)
		return false;
	return a->locked_after - a->locked_before != b->locked_after - b->locked_before ||
	       a->pinned_after - a->pinned_before != b->pinned_after - b->pinned_before;
}

static enum likeness compare(const struct call *call, struct comparison *comparison)
{
	const struct outcome *container = comparison->container, *iommufd = comparison->iommufd;

	if (!container->modelled || !iommufd->modelled)
		return LIKENESS_UNKNOWN;
	if (container->ret >= 0 && iommufd->ret < 0)
		return LIKENESS_REFUSED;
	if (container->ret < 0 && iommufd->ret >= 0)
		return LIKENESS_GRANTED;
	if (container->ret < 0 && container->ret != iommufd->ret)
		return LIKENESS_ERRNO;
	comparison->differs_in_bytes = bytes_differ(call, comparison);
	if (comparison->differs_in_bytes || values_differ(call_table[call->op].returns, container->ret, iommufd->ret))
		return LIKENESS_DIFFERS;
	return charges_differ(container, iommufd) ? LIKENESS_CHARGE : LIKENESS_SAME;
}

void twins_call(struct twins *twins, const struct event *event, struct comparison *comparison)
{
	const struct call *call = &event->call, twin = twins_call_of_iommufd(call);
	const struct choice choice = {.ret = event->answer.ret,
				      .out = call->buffer_count ? call->buffers[0].out : NULL};
	const struct choice *chosen = event->answer.known ? &choice : NULL;

	if (!twins->container.host)
		twins_begin_run(twins);
	host_call(twins->container.host, call, chosen, &twins->container.outcome);
	host_call(twins->iommufd.host, &twin, chosen, &twins->iommufd.outcome);
	*comparison = (struct comparison){.container = &twins->container.outcome, .iommufd = &twins->iommufd.outcome};
	comparison->likeness = compare(call, comparison);
}

/* ---- in words --------------------------------------------------------------------------------- */

/* A text that grows to a limit. */
struct cell {
	char *text;
	size_t length, size;
};

static void cell_add(struct cell *cell, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void cell_add(struct cell *cell, const char *format, ...)
{
	va_list arguments;
	int written;

	if (cell->length >= cell->size)
		return;
	va_start(arguments, format);
	written = vsnprintf(cell->text + cell->length, cell->size - cell->length, format, arguments);
	va_end(arguments);
	if (written > 0)
		cell->length += (size_t)written;
}

static void add_value(struct cell *cell, const struct call *call, const struct outcome *side)
{
	const char *name = side->ret < 0 ? errno_name((unsigned)-side->ret) : NULL;

	if (name)
		cell_add(cell, "%s", name);
	else if (call_table[call->op].returns == RETURN_ADDR)
		cell_add(cell, "0x%" PRIx64, (uint64_t)side->ret);
	else
		cell_add(cell, "%" PRId64, side->ret);
}

static void add_difference(struct cell *cell, const struct comparison *comparison, const struct call *call,
			   const struct outcome *side)
{
	const struct buffer *buffer = &call->buffers[comparison->buffer];
	const uint8_t *bytes = side->out[comparison->buffer] ? side->out[comparison->buffer] : buffer->in;
	struct place place;

	place_find(&place, call, comparison->buffer, comparison->offset, bytes);
	cell_add(cell, ", %s 0x%" PRIx64, place.name[0] ? place.name : "byte",
		 bytes_get(bytes + place.offset, place.width));
}

static void add_charge(struct cell *cell, const char *name, uint64_t before, uint64_t after)
{
	const int64_t change = (int64_t)(after - before);

	if (change)
		cell_add(cell, ", %s %+" PRId64 " KiB", name, change / 1024);
}

void comparison_text(const struct comparison *comparison, const struct call *call, const struct outcome *side,
		     char *text, size_t size)
{
	struct cell cell = {.text = text, .size = size};

	if (!side->modelled) {
		cell_add(&cell, "not modelled");
		return;
	}
	add_value(&cell, call, side);
	if (comparison->differs_in_bytes)
		add_difference(&cell, comparison, call, side);
	if (!side->task_gone) {
		add_charge(&cell, "VmLck", side->locked_before, side->locked_after);
		add_charge(&cell, "VmPin", side->pinned_before, side->pinned_after);
	}
	for (uint32_t i = 0; i < side->rule_count; i++)
		if (!i || side->rules[i] != side->rules[i - 1])
			cell_add(&cell, "%s%s", i ? ", " : " (", rules[side->rules[i]].name);
	if (side->rule_count)
		cell_add(&cell, ")");
}
