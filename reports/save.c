/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the table of writers, and how a report gets its name on disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/report.h"
#include "reports/writers.h"

const struct report_writer report_writers[REPORT_FORMAT_COUNT] = {
    [REPORT_TABLE] = {"table", table_write},
    [REPORT_JSON] = {"json", json_write},
    [REPORT_KTAP] = {"ktap", ktap_write},
    [REPORT_HTML] = {"html", html_write},
};

/* Writes to @out and flushes; 0 or a negative errno. */
static int write_all(const struct report *report, enum report_format format, FILE *out)
{
	if (report_writers[format].write(report, out) != 0)
		return -ENOMEM;
	errno = 0;
	if (fflush(out) != 0 || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}

/* The mode that open() would have given: mkstemp() gives files to their owner alone. */
static mode_t file_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int save_file(const struct report *report, enum report_format format, const char *path, char *temporary)
{
	int fd = mkstemp(temporary);
	FILE *out;
	int error;

	if (fd < 0)
		return -errno;
	out = fdopen(fd, "w");
	if (!out) {
		error = -errno;
		close(fd);
	} else {
		error = write_all(report, format, out);
		if (error == 0 && fchmod(fd, file_mode()) != 0)
			error = -errno;
		if (fclose(out) != 0 && error == 0)
			error = -errno;
	}
	if (error == 0 && rename(temporary, path) != 0)
		error = -errno;
	if (error != 0)
		unlink(temporary);
	return error;
}

/* A device or a pipe must be written to, not replaced. */
static bool is_special(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static int save_special(const struct report *report, enum report_format format, const char *path)
{
	FILE *out = fopen(path, "w");
	int error;

	if (!out)
		return -errno;
	error = write_all(report, format, out);
	if (fclose(out) != 0 && error == 0)
		error = -errno;
	return error;
}

int report_save(const struct report *report, enum report_format format, const char *path, struct diag *diag)
{
	char *temporary = NULL;
	int error;

	if (strcmp(path, "-") == 0)
		error = write_all(report, format, stdout);
	else if (is_special(path))
		error = save_special(report, format, path);
	else if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		error = -ENOMEM;
	else {
		error = save_file(report, format, path, temporary);
		free(temporary);
	}
	if (error != 0)
		return diag_set(diag, path, 0, 0, "cannot write the report: %s", strerror(-error));
	return 0;
}
