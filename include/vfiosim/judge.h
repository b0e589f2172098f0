/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The judge: runs the model in step with observed answers and says of each whether
 * it is one that the rules allow, then goes on from the state that the rules give.
 */
#ifndef VFIOSIM_JUDGE_H
#define VFIOSIM_JUDGE_H

#include "vfiosim/call.h"
#include "vfiosim/model.h"
#include "vfiosim/trace.h"

enum verdict { VERDICT_CONFORMS, VERDICT_DIVERGES, VERDICT_NOT_MODELLED };

/* What about an answer was not allowed. */
enum mismatch {
	MISMATCH_NONE,
	MISMATCH_RETURN,
	MISMATCH_BYTES,
	MISMATCH_LOCKED,
	MISMATCH_PINNED,
	MISMATCH_ANSWER_MISSING,
	MISMATCH_SURVIVED, /* there is an answer, where the kernel should have fallen */
	MISMATCH_COUNT,	   /* of a run, not of a call: it has not as many calls as it says */
	MISMATCH_SILENCE,  /* of a run: the kernel should have complained */
	MISMATCH_FAULT,	   /* it is what this kernel answers, which is wrong; a strict judge says so */
};

struct finding {
	enum verdict verdict;
	enum mismatch mismatch;
	uint64_t line;		       /* of the event, or the end of the run, in its trace */
	const struct event *event;     /* as observed; valid during the callback; NULL if it is of a run */
	const struct outcome *allowed; /* what the model gives; valid during the callback */
	uint32_t buffer, offset;       /* MISMATCH_BYTES: first byte that differs, in which buffer */
	/* MISMATCH_FAULT: the rule or (RULE_NONE) the field by which the kernel is wrong; @allowed is right then. */
	enum rule fault;
	const struct profile_field_desc *field;
	uint64_t declared, counted; /* MISMATCH_COUNT: calls that the run says it has, and those it has */
	/*
	 * Not modelled only because an earlier divergence left a descriptor of this call in doubt: the
	 * observer has it and the model does not, or it means something else there. @allowed says nothing then.
	 */
	bool in_doubt;
};

struct tally {
	uint64_t runs, calls, conforming, diverging, not_modelled; /* diverging: calls, and runs with a wrong count */
	uint64_t rule_hits[RULE_COUNT];
};

struct judge;

/* Judges against @machine under @profile; both must outlive the judge. NULL when memory is out. */
struct judge *judge_new(const struct machine *machine, const struct profile *profile);
void judge_free(struct judge *judge);

/*
 * From now on the answers of the profile's kernel are not taken for right where the rules call them faults of it
 * (rule_is_fault()), or where a fault of its profile makes them (profile_field_desc.is_fault): they diverge, with
 * MISMATCH_FAULT. What follows is judged from the state that the kernel is in.
 */
void judge_be_strict(struct judge *judge);

/* A new run: a fresh host, and nothing in doubt. A first run without a begin starts with the first event. */
void judge_begin_run(struct judge *judge);

/*
 * Judges one event; @finding is filled for every verdict, and the tally counts it. After a divergence the
 * model's state stands, with these repairs, so that one divergence does not become dozens:
 *  - a descriptor, task or mapping that the model made and the observer did not get is released again;
 *  - a descriptor that the observer got and the model has still open was closed unseen: the model closes it
 *    and takes the call again;
 *  - a descriptor that only the observer has, or that evidently is something else there (a container that has
 *    its IOMMU already), is in doubt; a call that is not modelled makes such, too. Calls that use it are not judged
 *    (VERDICT_NOT_MODELLED with in_doubt) until it is closed or its number is given out again; duplicates of
 *    it, what it hands out and what it is joined to are in doubt with it.
 */
enum verdict judge_event(struct judge *judge, const struct event *event, struct finding *finding);

/*
 * Judges the end of a run, at @line of its trace, which says that the run has @declared calls: CONFORMS, or DIVERGES
 * with MISMATCH_COUNT. Of a call that was left out or put in, the others seldom tell.
 */
enum verdict judge_end_run(struct judge *judge, uint64_t line, uint64_t declared, struct finding *finding);

/* Whether the calls of this run make the kernel complain with this line of its console: then it is no divergence. */
bool judge_expects(const struct judge *judge, const char *line);

/*
 * Judges what the kernel did not say in this run, if nothing has made it complain before: @lines are all its
 * complaints. CONFORMS, or DIVERGES with MISMATCH_SILENCE; @finding->allowed has the rule.
 */
enum verdict judge_silence(struct judge *judge, const char *const *lines, size_t count, struct finding *finding);

const struct tally *judge_tally(const struct judge *judge);

/* Audits the model's ledger (host_audit()): NULL, or what does not add up, which is a fault of the model. */
const char *judge_audit(struct judge *judge);

#endif
