/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the words of a finding. Observed and allowed are both printed as the whole
 * event, one below the other, so that eyes and diff find what differs.
 */
#include "check/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/place.h"

struct ground ground_of_rule(enum rule rule)
{
	if (rule == RULE_NONE)
		return (struct ground){.kind = "rule"};
	return (struct ground){"rule", rules[rule].name, rules[rule].sentence, rules[rule].source};
}

static const char *finding_kind(const struct finding *finding)
{
	static const char *const kinds[] = {
	    [MISMATCH_NONE] = "",
	    [MISMATCH_RETURN] = "return value",
	    [MISMATCH_BYTES] = "bytes",
	    [MISMATCH_LOCKED] = "page accounting",
	    [MISMATCH_PINNED] = "pinned pages",
	    [MISMATCH_ANSWER_MISSING] = "answer missing",
	    [MISMATCH_SURVIVED] = "survival of the kernel",
	    [MISMATCH_COUNT] = "incomplete run",
	    [MISMATCH_SILENCE] = "silence of the kernel",
	    [MISMATCH_FAULT] = "fault of the kernel",
	};

	if (finding->in_doubt)
		return "descriptor in doubt";
	return finding->verdict == VERDICT_NOT_MODELLED ? "not modelled" : kinds[finding->mismatch];
}

/* The event as text; NULL when memory is out. */
static char *event_text(const struct event *event)
{
	struct text text = {.text = NULL};
	size_t length;
	char *cut;
	int written;

	event_print(&text, event);
	if (text.failed || !text.text) {
		free(text.text);
		return NULL;
	}
	length = text.length;
	if (length <= EXPLAIN_LINE_MAX)
		return text.text;
	written = asprintf(&cut, "%.*s ... (%zu more bytes)", EXPLAIN_LINE_MAX, text.text, length - EXPLAIN_LINE_MAX);
	free(text.text);
	return written < 0 ? NULL : cut;
}

/* What @buffer would hold: the model's bits where the API defines them, the observed ones elsewhere. */
static uint8_t *allowed_bytes(const struct buffer *buffer, const uint8_t *out, const uint8_t *mask)
{
	const uint8_t *observed = buffer->out ? buffer->out : buffer->in;
	uint8_t *bytes = malloc(buffer->length > 0 ? buffer->length : 1);

	if (!out)
		out = buffer->in ? buffer->in : observed;
	for (uint32_t i = 0; bytes && i < buffer->length; i++) {
		uint8_t judged = mask ? mask[i] : 0xff;
		uint8_t allowed = out ? out[i] : 0;

		bytes[i] = (uint8_t)((allowed & judged) | (observed ? observed[i] & (uint8_t)~judged : 0));
	}
	return bytes;
}

/* The same amount before, and after it what the model says that the call changes. */
static struct observation allowed_amount(const struct observation *observed, uint64_t before, uint64_t after)
{
	struct observation allowed = *observed;

	allowed.after = allowed.before + (after - before);
	return allowed;
}

/* "argument, byte 16 (iova): observed 0x1000, allowed 0x2000" */
static char *where_bytes(const struct finding *finding, const struct event *allowed)
{
	const struct buffer *observed = &finding->event->call.buffers[finding->buffer];
	const uint8_t *seen = observed->out ? observed->out : observed->in;
	const uint8_t *right = allowed->call.buffers[finding->buffer].out;
	struct place place;
	char buffer_name[32] = "argument";
	char *text;
	int written;

	if (!seen)
		return NULL;
	if (finding->buffer > 0)
		snprintf(buffer_name, sizeof(buffer_name), "buffer %" PRIu32, finding->buffer);
	place_find(&place, &finding->event->call, finding->buffer, finding->offset, right);
	written = asprintf(&text, "%s, byte %" PRIu32 "%s%s%s: observed 0x%" PRIx64 ", allowed 0x%" PRIx64, buffer_name,
			   finding->offset, place.name[0] ? " (" : "", place.name, place.name[0] ? ")" : "",
			   bytes_get(seen + place.offset, place.width), bytes_get(right + place.offset, place.width));
	return written < 0 ? NULL : text;
}

/* "VmLck: observed +4096 bytes, allowed +0 bytes" */
static char *where_amount(const char *name, const struct observation *observed, const struct observation *allowed)
{
	char *text;
	int written =
	    asprintf(&text, "%s: observed %+" PRId64 " bytes, allowed %+" PRId64 " bytes", name,
		     (int64_t)(observed->after - observed->before), (int64_t)(allowed->after - allowed->before));

	return written < 0 ? NULL : text;
}

static int explain_allowed(const struct finding *finding, struct explanation *explanation)
{
	struct event allowed = *finding->event;
	uint8_t *bytes[CALL_BUFFERS_MAX] = {NULL};
	bool complete = true;

	allowed.answer.known = true;
	allowed.answer.ret = finding->allowed->ret;
	if (allowed.answer.locked.present)
		allowed.answer.locked = allowed_amount(&allowed.answer.locked, finding->allowed->locked_before,
						       finding->allowed->locked_after);
	if (allowed.answer.pinned.present)
		allowed.answer.pinned = allowed_amount(&allowed.answer.pinned, finding->allowed->pinned_before,
						       finding->allowed->pinned_after);
	for (uint32_t i = 0; i < allowed.call.buffer_count; i++) {
		bytes[i] = allowed_bytes(&allowed.call.buffers[i], finding->allowed->out[i], finding->allowed->mask[i]);
		allowed.call.buffers[i].out = bytes[i];
		complete = complete && bytes[i];
	}
	if (complete) {
		explanation->allowed = event_text(&allowed);
		if (finding->mismatch == MISMATCH_BYTES)
			explanation->where = where_bytes(finding, &allowed);
		else if (finding->mismatch == MISMATCH_LOCKED)
			explanation->where =
			    where_amount("VmLck", &finding->event->answer.locked, &allowed.answer.locked);
		else if (finding->mismatch == MISMATCH_PINNED)
			explanation->where =
			    where_amount("VmPin", &finding->event->answer.pinned, &allowed.answer.pinned);
	}
	for (uint32_t i = 0; i < CALL_BUFFERS_MAX; i++)
		free(bytes[i]);
	return explanation->allowed ? 0 : -1;
}

/* The last line of a run as it is and as it would be right, and what that means. */
static int explain_count(const struct finding *finding, struct explanation *explanation)
{
	bool missing = finding->declared > finding->counted;
	uint64_t lines = missing ? finding->declared - finding->counted : finding->counted - finding->declared;
	bool complete;

	explanation->ground = ground_of_rule(RULE_RUN_COMPLETE);
	complete = asprintf(&explanation->observed, "end %" PRIu64, finding->declared) >= 0;
	complete = asprintf(&explanation->allowed, "end %" PRIu64, finding->counted) >= 0 && complete;
	complete = asprintf(&explanation->where,
			    "the run has %" PRIu64 " calls, its last line says %" PRIu64 ": %" PRIu64 " line%s %s",
			    finding->counted, finding->declared, lines, lines == 1 ? " is" : "s are",
			    missing ? "missing" : "too many") >= 0 &&
		   complete;
	return complete ? 0 : -1;
}

static int explain_silence(const struct finding *finding, struct explanation *explanation)
{
	explanation->ground = ground_of_rule(finding->allowed->complaint);
	explanation->observed = strdup("no complaint on the console");
	return explanation->observed ? 0 : -1;
}

/* Of a fault that is a rule there is no other answer to show: what would be right, its sentence tells. */
static int explain_fault(const struct finding *finding, struct explanation *explanation)
{
	explanation->ground = ground_of_rule(finding->fault);
	explanation->observed = event_text(finding->event);
	if (!explanation->observed)
		return -1;
	if (!finding->field)
		return 0;
	explanation->ground =
	    (struct ground){"field", finding->field->name, finding->field->sentence, finding->field->source};
	if (explain_allowed(finding, explanation) == 0)
		return 0;
	explanation_clear(explanation);
	return -1;
}

int finding_explain(const struct finding *finding, struct explanation *explanation)
{
	const struct outcome *allowed = finding->allowed;

	*explanation = (struct explanation){.kind = finding_kind(finding)};
	if (finding->mismatch == MISMATCH_COUNT)
		return explain_count(finding, explanation);
	if (finding->mismatch == MISMATCH_SILENCE)
		return explain_silence(finding, explanation);
	if (finding->mismatch == MISMATCH_FAULT)
		return explain_fault(finding, explanation);
	explanation->observed = event_text(finding->event);
	if (!explanation->observed)
		return -1;
	if (!allowed->modelled)
		return 0;
	if (allowed->rule_count > 0)
		explanation->ground = ground_of_rule(allowed->rules[allowed->rule_count - 1]);
	if (!rule_complaint_fatal(allowed->complaint) && explain_allowed(finding, explanation) != 0) {
		explanation_clear(explanation);
		return -1;
	}
	return 0;
}

void explanation_clear(struct explanation *explanation)
{
	free(explanation->observed);
	free(explanation->allowed);
	free(explanation->where);
	*explanation = (struct explanation){.kind = ""};
}
