/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Settings: on the command line of a kernel, and read back from it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

static struct trace_header header_of(const char *profile)
{
	struct trace_header header = {.version = TRACE_VERSION};

	snprintf(header.profile, sizeof(header.profile), "%s", profile);
	return header;
}

static struct trace_header wanting(const char *name, const char *value)
{
	struct trace_header header = header_of("6.1");

	cr_assert_eq(header_set_field(&header, name, value), 0);
	return header;
}

Test(settings, become_parameters_on_the_command_line)
{
	struct trace_header wanted = wanting("dma_entry_limit", "3");
	char *words;

	cr_assert_eq(header_set_field(&wanted, "allow_unsafe_interrupts", "1"), 0);
	words = settings_words(&wanted);
	cr_expect_str_eq(words, " vfio_iommu_type1.dma_entry_limit=3 vfio_iommu_type1.allow_unsafe_interrupts=1");
	free(words);
}

Test(settings, fields_that_nobody_can_set_are_not_on_the_command_line)
{
	struct trace_header wanted = wanting("capability_alignment", "8");
	char *words;

	cr_assert_eq(header_set_field(&wanted, "of_another_program", "1"), 0);
	words = settings_words(&wanted);
	cr_expect_str_eq(words, "");
	free(words);
}

Test(settings, that_were_probed_hold)
{
	struct trace_header kernel = header_of("6.12"), wanted = wanting("dma_entry_limit", "0x3");
	struct diag diag = {.text = ""};

	cr_assert_eq(settings_probed(&kernel, " dma_entry_limit=3"), 0);
	cr_expect(settings_hold(&kernel, &wanted, &diag), "%s", diag.text);
}

Test(settings, that_are_as_usual_hold)
{
	struct trace_header kernel = header_of("6.12"), wanted = wanting("dma_entry_limit", "65535");
	struct diag diag = {.text = ""};

	cr_expect(settings_hold(&kernel, &wanted, &diag), "%s", diag.text);
}

Test(settings, that_do_not_show_do_not_hold)
{
	struct trace_header kernel = header_of("6.12"), wanted = wanting("dma_entry_limit", "3");
	struct diag diag = {.text = ""};

	cr_assert_not(settings_hold(&kernel, &wanted, &diag));
	cr_expect_not_null(strstr(diag.text, "dma_entry_limit=65535, expected 3"), "%s", diag.text);
	cr_expect_not_null(strstr(diag.text, "vfio_iommu_type1.dma_entry_limit"), "%s", diag.text);
}

Test(settings, probed_text_that_is_none_is_refused)
{
	static const char *const texts[] = {" dma_entry_limit", " =3", " dma_entry_limit= ", "x"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct trace_header kernel = header_of("6.12");

		cr_expect_eq(settings_probed(&kernel, texts[i]), -1, "%s", texts[i]);
	}
}
