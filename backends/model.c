/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The model as a backend: it answers like a kernel, with its own choices where the event has none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/observe.h"
#include "backends_internal.h"
#include "vfiosim/model.h"

struct model {
	struct backend backend;
	struct profile profile;
	struct host *host; /* NULL between runs */
	struct bytes_chain kept;
};

static struct model *model_of(struct backend *backend)
{
	return (struct model *)(void *)((char *)backend - offsetof(struct model, backend));
}

static enum backend_status model_end(struct backend *backend, struct diag *diag)
{
	struct model *model = model_of(backend);

	(void)diag;
	bytes_clear(&model->kept);
	host_free(model->host);
	model->host = NULL;
	return BACKEND_OK;
}

static enum backend_status model_begin(struct backend *backend, struct diag *diag)
{
	struct model *model = model_of(backend);

	model_end(backend, diag);
	model->host = host_new(backend->machine, &model->profile);
	if (model->host)
		return BACKEND_OK;
	diag_set(diag, NULL, 0, 0, "out of memory");
	return BACKEND_FAILED;
}

/* What the model wrote, or the bytes as they were. False when memory is out. */
static bool model_buffers(struct model *model, struct call *call, const struct outcome *outcome)
{
	for (uint32_t i = 0; i < call->buffer_count; i++) {
		struct buffer *buffer = &call->buffers[i];
		buffer->out = buffer->in;
		if (!outcome->out[i])
			continue;
		buffer->out = bytes_keep(&model->kept, outcome->out[i], buffer->length);
		if (!buffer->out)
			return false;
	}
	return true;
}

/* A call that the model does not know stays without an answer. */
static enum backend_status model_execute(struct backend *backend, struct event *events, size_t count, struct diag *diag)
{
	struct model *model = model_of(backend);
	struct outcome outcome;

	bytes_clear(&model->kept);
	if (!model->host) {
		diag_set(diag, NULL, 0, 0, "there is no run to execute calls in");
		return BACKEND_FAILED;
	}
	for (size_t i = 0; i < count; i++) {
		struct event *event = &events[i];
		const struct choice choice = {event->answer.ret,
					      event->call.buffer_count ? event->call.buffers[0].out : NULL};

		host_call(model->host, &event->call, event->answer.known ? &choice : NULL, &outcome);
		event->answer = (struct answer){.known = outcome.modelled && !rule_complaint_fatal(outcome.complaint)};
		if (!event->answer.known)
			continue;
		event->answer.ret = outcome.ret;
		if (call_observed(event->call.op) && !outcome.task_gone) {
			event->answer.locked = (struct observation){true, outcome.locked_before, outcome.locked_after};
			event->answer.pinned = (struct observation){true, outcome.pinned_before, outcome.pinned_after};
		}
		if (!model_buffers(model, &event->call, &outcome)) {
			diag_set(diag, NULL, 0, 0, "out of memory");
			return BACKEND_FAILED;
		}
	}
	return BACKEND_OK;
}

static const char *model_console(struct backend *backend)
{
	(void)backend;
	return "";
}

static void model_close(struct backend *backend)
{
	model_end(backend, NULL);
	free(model_of(backend));
}

static const struct backend_ops model_ops = {
    .begin = model_begin,
    .execute = model_execute,
    .end = model_end,
    .console = model_console,
    .close = model_close,
};

/* The wanted profile, with the fields that the wanted header changes. */
static int model_profile(struct profile *profile, const struct trace_header *wanted, struct diag *diag)
{
	if (profile_find(wanted->profile, profile))
		return diag_set(diag, NULL, 0, 0, "there is no profile \"%s\"", wanted->profile);
	for (uint32_t i = 0; i < wanted->field_count; i++)
		if (profile_set(profile, wanted->fields[i].name, wanted->fields[i].value))
			return diag_set(diag, NULL, 0, 0, "a profile cannot have %s = %s", wanted->fields[i].name,
					wanted->fields[i].value);
	return 0;
}

struct backend *model_backend_open(const char *argument, const struct trace_header *wanted, enum backend_status *status,
				   struct diag *diag)
{
	const struct machine *machine = machine_find(wanted->machine);
	struct model *model = calloc(1, sizeof(*model));

	(void)argument;
	*status = BACKEND_FAILED;
	if (!model || !machine || model_profile(&model->profile, wanted, diag)) {
		if (!model)
			diag_set(diag, NULL, 0, 0, "out of memory");
		else if (!machine)
			diag_set(diag, NULL, 0, 0, "there is no machine \"%s\"", wanted->machine);
		free(model);
		return NULL;
	}
	model->backend.ops = &model_ops;
	model->backend.machine = machine;
	model->backend.header = *wanted;
	model->backend.header.version = TRACE_VERSION;
	model->backend.header.page_size = machine->page_size;
	model->backend.header.kernel[0] = '\0';
	model->backend.header.program[0] = '\0';
	snprintf(model->backend.header.arch, sizeof(model->backend.header.arch), "%s", machine->arch);
	*status = BACKEND_OK;
	return &model->backend;
}
