/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The report as data: sums, statuses, limits, clean texts, and files that are whole or not there. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample.h"

static char *clean(const char *text)
{
	static char copy[256];
	char *cleaned = report_clean(text, false);

	cr_assert_not_null(cleaned);
	snprintf(copy, sizeof(copy), "%s", cleaned);
	free(cleaned);
	return copy;
}

Test(clean, plain_text_stays)
{
	cr_assert_str_eq(clean("a b\\c <&> \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7"),
			 "a b\\c <&> \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7");
}

Test(clean, control_characters_are_spelled)
{
	cr_assert_str_eq(clean("a\n\x1b[1m\x7f"), "a\\x0a\\x1b[1m\\x7f");
	cr_assert_str_eq(clean("\xc2\x9b"), "\\xc2\\x9b");
	cr_assert_str_eq(clean("\xe2\x80\xae"), "\\xe2\\x80\\xae");
}

Test(clean, invalid_utf8_is_spelled)
{
	cr_assert_str_eq(clean("\xff"), "\\xff");
	cr_assert_str_eq(clean("\xe2\x82"), "\\xe2\\x82");
	cr_assert_str_eq(clean("\xc0\xaf"), "\\xc0\\xaf");
	cr_assert_str_eq(clean("\xed\xa0\x80"), "\\xed\\xa0\\x80");
	cr_assert_str_eq(clean("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
}

Test(report, totals_are_sums)
{
	struct report *report = sample_report();
	struct tally total;

	report_total(report, &total);
	cr_assert_eq(total.runs, 4);
	cr_assert_eq(total.calls, 18);
	cr_assert_eq(total.conforming, 12);
	cr_assert_eq(total.diverging, 4);
	cr_assert_eq(total.not_modelled, 2);
	cr_assert_eq(total.rule_hits[RULE_NONE + 1], 7);
	cr_assert_eq(tally_rules_hit(&total), 1);
	report_free(report);
}

Test(report, worst_status_counts)
{
	struct report *report = sample_report();

	cr_assert_eq(report->traces[0].status, REPORT_CONFORMS);
	cr_assert_eq(report->traces[1].status, REPORT_DIVERGES);
	cr_assert_eq(report->traces[2].status, REPORT_NOT_MODELLED);
	cr_assert_eq(report->traces[3].status, REPORT_SKIPPED);
	cr_assert_eq(report_status_of(report), REPORT_BAD_INPUT);
	report->trace_count--;
	cr_assert_eq(report_status_of(report), REPORT_DIVERGES);
	report->trace_count++;
	report_free(report);
}

Test(report, findings_beyond_the_limit_are_counted)
{
	struct report *report = sample_report();

	cr_assert_eq(report->traces[1].finding_count, 2);
	cr_assert_eq(report->traces[1].findings_left_off, 2);
	report_free(report);
}

/* A folder of our own; its name is in @path. */
static void make_folder(char *path)
{
	strcpy(path, "/tmp/vfiosim-test-XXXXXX");
	cr_assert_not_null(mkdtemp(path));
}

Test(save, file_is_written_whole_and_readable)
{
	struct report *report = sample_report();
	char *wanted = sample_written(report, REPORT_KTAP);
	char *read_back = calloc(1, strlen(wanted) + 2);
	char folder[32];
	char path[64];
	struct stat status;
	struct diag diag;
	FILE *file;

	make_folder(folder);
	snprintf(path, sizeof(path), "%s/report", folder);
	umask(022);
	cr_assert_eq(report_save(report, REPORT_TABLE, path, &diag), 0, "%s", diag.text);
	cr_assert_eq(report_save(report, REPORT_KTAP, path, &diag), 0, "%s", diag.text);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	cr_assert_eq(fread(read_back, 1, strlen(wanted) + 1, file), strlen(wanted));
	cr_assert_str_eq(read_back, wanted);
	fclose(file);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0644);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(folder), 0, "something else was left in the folder");
	free(read_back);
	free(wanted);
	report_free(report);
}

Test(save, folder_missing_is_told)
{
	struct report *report = sample_report();
	struct diag diag;

	cr_assert_eq(report_save(report, REPORT_JSON, "/nonexistent/report", &diag), -1);
	cr_assert_str_eq(diag.file, "/nonexistent/report");
	cr_assert_not_null(strstr(diag.text, "No such file"));
	report_free(report);
}

Test(save, pipe_is_written_to_and_not_replaced)
{
	struct report *report = sample_report();
	char folder[32];
	char path[64];
	char text[16] = "";
	struct stat status;
	struct diag diag;
	int fd;

	make_folder(folder);
	snprintf(path, sizeof(path), "%s/pipe", folder);
	cr_assert_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_NONBLOCK);
	cr_assert_geq(fd, 0);
	report->trace_count = 1;
	cr_assert_eq(report_save(report, REPORT_KTAP, path, &diag), 0, "%s", diag.text);
	report->trace_count = 5;
	cr_assert_eq(read(fd, text, 14), 14);
	cr_assert_str_eq(text, "KTAP version 1");
	cr_assert_eq(stat(path, &status), 0);
	cr_assert(S_ISFIFO(status.st_mode));
	close(fd);
	unlink(path);
	rmdir(folder);
	report_free(report);
}
