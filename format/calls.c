/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The table of calls, the value sets of their arguments and the names of error numbers.
 */
#include <stdatomic.h>

#include "format_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * calls.def lists a call and then its arguments, without numbers. One struct per call,
 * with one char per argument (named after its line), lets the compiler count them.
 */
#define JOIN(a, b)  JOIN_(a, b)
#define JOIN_(a, b) a##b
#define CALL(id, name, returns, summary) \
	}                                \
	;                                \
	struct args_##id {
#define CALL_ARG(id, name, show, set) char JOIN(line_, __LINE__);
struct args_of_none {
#include "vfiosim/calls.def"
};

const struct call_desc call_table[CALL_OP_COUNT] = {
#define CALL(id, text, kind, sentence)                                                       \
	[CALL_##id].name = text, [CALL_##id].returns = kind, [CALL_##id].summary = sentence, \
	[CALL_##id].arg_count = sizeof(struct args_##id),
#define CALL_ARG(id, text, how, names) \
	[CALL_##id].args[offsetof(struct args_##id, JOIN(line_, __LINE__))] = {text, how, names},
#include "vfiosim/calls.def"
};

const struct value_set *call_arg_set(enum call_op op, size_t arg)
{
	/* Looking a set up by name compares with them all; whoever did it once leaves the answer here. */
	static const struct value_set *_Atomic found[CALL_OP_COUNT][CALL_ARGS_MAX];
	const struct value_set *set = atomic_load_explicit(&found[op][arg], memory_order_acquire);

	if (!set && call_table[op].args[arg].set) {
		set = value_set_by_name(call_table[op].args[arg].set);
		atomic_store_explicit(&found[op][arg], set, memory_order_release);
	}
	return set;
}

static const char *const errno_names[] = {
#define ERRNO(name, number) [number] = #name,
#include "errno.def"
};

const char *errno_name(unsigned number)
{
	return number < COUNT(errno_names) ? errno_names[number] : NULL;
}

unsigned errno_number(const char *name, size_t length)
{
	for (unsigned number = 1; number < COUNT(errno_names); number++) {
		const char *known = errno_names[number];

		if (known && strncmp(known, name, length) == 0 && known[length] == '\0')
			return number;
	}
	return 0;
}
