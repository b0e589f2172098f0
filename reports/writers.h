/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The writers behind report_writers[]; each is one file. Contract: struct report_writer. */
#ifndef VFIOSIM_REPORTS_WRITERS_H
#define VFIOSIM_REPORTS_WRITERS_H

#include "reports/report.h"

int table_write(const struct report *report, FILE *out);
int json_write(const struct report *report, FILE *out);
int ktap_write(const struct report *report, FILE *out);
int html_write(const struct report *report, FILE *out);

/* The style sheet of the HTML page. */
extern const char html_style[];

#endif
