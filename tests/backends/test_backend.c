/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Backends by name, and the model as one of them.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vfiosim/backend.h"

static struct trace_header wanted(void)
{
	struct trace_header header = {.version = TRACE_VERSION};

	snprintf(header.machine, sizeof(header.machine), "q35-edu");
	snprintf(header.profile, sizeof(header.profile), "6.1");
	return header;
}

static enum backend_status status_of(const char *name, const struct trace_header *header, struct diag *diag)
{
	enum backend_status status = BACKEND_OK;

	cr_expect(zero(ptr, backend_open(name, header, &status, diag)), "%s", name);
	return status;
}

Test(backend, name_that_is_none_is_refused)
{
	static const char *const names[] = {"",	   "nothing", "model:6.1", "model:", "vm",
					    "vm:", "kernel:", "mode",	   "models", "recorded:x"};
	struct trace_header header = wanted();
	struct diag diag;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_expect(eq(int, status_of(names[i], &header, &diag), BACKEND_FAILED), "%s", names[i]);
		cr_expect(ne(ptr, strstr(diag.text, "expected model, recorded, kernel or vm:KERNEL"), NULL), "%s",
			  diag.text);
	}
}

Test(backend, machine_or_profile_that_is_none_is_refused)
{
	struct trace_header header = wanted();
	struct diag diag;

	snprintf(header.machine, sizeof(header.machine), "pdp-11");
	cr_expect(eq(int, status_of("model", &header, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "pdp-11"), NULL), "%s", diag.text);
	cr_expect(eq(int, status_of("vm:6.1", &header, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "pdp-11"), NULL), "%s", diag.text);
	header = wanted();
	snprintf(header.profile, sizeof(header.profile), "2.4");
	cr_expect(eq(int, status_of("model", &header, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "2.4"), NULL), "%s", diag.text);
	header = wanted();
	header.field_count = 1;
	snprintf(header.fields[0].name, sizeof(header.fields[0].name), "no_such_field");
	snprintf(header.fields[0].value, sizeof(header.fields[0].value), "1");
	cr_expect(eq(int, status_of("model", &header, &diag), BACKEND_FAILED));
	cr_expect(ne(ptr, strstr(diag.text, "no_such_field"), NULL), "%s", diag.text);
}

Test(backend, kernel_without_vfio_is_missing)
{
	struct trace_header header = wanted();
	struct diag diag;

	if (!access("/dev/vfio/vfio", F_OK))
		cr_skip_test("this machine has VFIO");
	cr_expect(eq(int, status_of("kernel", &header, &diag), BACKEND_MISSING));
	cr_expect(ne(ptr, strstr(diag.text, "/dev/vfio/vfio"), NULL), "%s", diag.text);
}

Test(backend, model_answers_calls_and_begins_afresh)
{
	struct trace_header header = wanted();
	struct event events[2];
	enum backend_status status;
	struct diag diag;
	struct backend *backend = backend_open("model", &header, &status, &diag);

	cr_assert(ne(ptr, backend, NULL), "%s", diag.text);
	cr_expect_str_eq(backend->header.arch, "x86_64");
	cr_expect(eq(u32, backend->header.page_size, 4096));
	for (unsigned run = 0; run < 2; run++) {
		memset(events, 0, sizeof(events));
		for (unsigned i = 0; i < 2; i++)
			events[i].call = (struct call){.task = 1, .thread = 1, .op = CALL_EVENTFD};
		events[1].answer = (struct answer){.known = true, .ret = 9};
		cr_assert(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
		cr_assert(eq(int, backend->ops->execute(backend, events, 2, &diag), BACKEND_OK));
		cr_expect(events[0].answer.known && events[1].answer.known);
		cr_expect(eq(i64, events[0].answer.ret, 3));
		cr_expect(eq(i64, events[1].answer.ret, 9), "a descriptor that was observed is taken");
		cr_assert(eq(int, backend->ops->end(backend, &diag), BACKEND_OK));
		cr_expect(eq(int, backend->ops->execute(backend, events, 2, &diag), BACKEND_FAILED));
	}
	cr_expect_str_eq(backend->ops->console(backend), "");
	backend_close(backend);
}

Test(backend, model_leaves_what_it_does_not_know_without_an_answer)
{
	struct trace_header header = wanted();
	struct event event = {.call = {.task = 7, .thread = 1, .op = CALL_EVENTFD}};
	enum backend_status status;
	struct diag diag;
	struct backend *backend = backend_open("model", &header, &status, &diag);

	cr_assert(ne(ptr, backend, NULL), "%s", diag.text);
	cr_assert(eq(int, backend->ops->begin(backend, &diag), BACKEND_OK));
	cr_expect(eq(int, backend->ops->execute(backend, &event, 1, &diag), BACKEND_OK));
	cr_expect(not(event.answer.known));
	backend_close(backend);
}
