/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The defects, from their table.
 */
#include "vfiosim/defect.h"

#include <string.h>

#include "host.h"

const struct defect_desc defects[DEFECT_COUNT] = {
#define DEFECT(id, name, sentence, source)		       [DEFECT_##id] = {name, sentence, source},
#define FIELD_DEFECT(id, name, field, value, sentence, source) [DEFECT_##id] = {name, sentence, source},
#include "defects.def"
};

enum defect defect_by_name(const char *name)
{
	unsigned defect = 0;

	while (defect < DEFECT_COUNT && strcmp(defects[defect].name, name))
		defect++;
	return (enum defect)defect;
}

void defect_set_add(struct defect_set *set, enum defect defect)
{
	set->bits[defect / 64] |= UINT64_C(1) << defect % 64;
}

void defects_change_profile(struct profile *profile)
{
#define DEFECT(id, name, sentence, source)
#define FIELD_DEFECT(id, name, field, value, sentence, source) \
	if (defect_set_has(&profile->defects, DEFECT_##id))    \
		profile->values[PROFILE_##field] = value;
#include "defects.def"
}
