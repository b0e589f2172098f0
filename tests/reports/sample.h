/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* A report for tests of writers: one trace of each verdict, with texts that are out to break the formats. */
#ifndef VFIOSIM_TESTS_SAMPLE_H
#define VFIOSIM_TESTS_SAMPLE_H

#include "reports/report.h"

/* Bytes that HTML, JSON, KTAP or a terminal would take for something else. */
#define NASTY "<script>\"&'</script>\t\x1b[31m\xff # SKIP \\ \xe2\x82\xac"

struct report *sample_report(void);

/* What the writer of @format writes for @report. Free it. */
char *sample_written(const struct report *report, enum report_format format);

#endif
