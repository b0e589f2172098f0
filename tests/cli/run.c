/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns running the command for tests. */
#include "run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/vfiosim-cli-XXXXXX";
static struct outcome_of_run last;

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

void folder_begin(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

void folder_end(void)
{
	free(last.out);
	free(last.err);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void file_write(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	cr_assert_geq(fputs(text, file), 0);
	cr_assert_eq(fclose(file), 0);
}

/* The whole of a file as allocated text. */
static char *slurp(const char *name)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(name, "r");

	cr_assert_not_null(file, "%s", name);
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

const char *file_read(const char *name)
{
	static char *text;

	free(text);
	text = slurp(name);
	return text;
}

static void redirect(int fd, const char *name)
{
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (file < 0 || dup2(file, fd) < 0)
		_exit(126);
	close(file);
}

static void execute(const char *arguments)
{
	char *copy = strdup(arguments);
	char *argv[RUN_ARGUMENTS_MAX + 2] = {getenv("VFIOSIM")};
	const char *out = ".out";
	int argc = 1;
	char *rest;

	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (word[0] == '>')
			out = word + 1;
		else if (argc <= RUN_ARGUMENTS_MAX)
			argv[argc++] = word;
	}
	redirect(STDOUT_FILENO, out);
	redirect(STDERR_FILENO, ".err");
	execv(argv[0], argv);
	_exit(127);
}

const struct outcome_of_run *run(const char *arguments)
{
	int status;
	pid_t child;

	cr_assert_not_null(getenv("VFIOSIM"), "VFIOSIM must name the built program");
	file_write(".out", "");
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0)
		execute(arguments);
	cr_assert_eq(waitpid(child, &status, 0), child);
	free(last.out);
	free(last.err);
	last.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	last.out = slurp(".out");
	last.err = slurp(".err");
	return &last;
}

const struct outcome_of_run *expect(int status, const char *arguments)
{
	const struct outcome_of_run *result = run(arguments);

	cr_assert_eq(result->status, status, "vfiosim %s: exit %d: %s%s", arguments, result->status, result->out,
		     result->err);
	return result;
}

void expect_text(const char *text, const char *part)
{
	cr_assert_not_null(strstr(text, part), "no \"%s\" in \"%s\"", part, text);
}
