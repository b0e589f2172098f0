/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Runs the fetch-kernel script, which is built into the program: finding and checking
 * packages is apt's work, and a shell speaks to apt best.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm_internal.h"

/* The script's exit status for "there is no such kernel to be had". */
#define EXIT_MISSING 4

#define OUTPUT_MAX 65536

extern char **environ;

static const char script[] = {
#include "fetch-kernel.inc"
    '\0',
};

/* All that was written to an anonymous file, as text without the last newline. Caller frees. */
static char *file_text(int fd)
{
	char *text = must(calloc(1, OUTPUT_MAX + 1));
	ssize_t length = pread(fd, text, OUTPUT_MAX, 0);

	text[length < 0 ? 0 : length] = '\0';
	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	return text;
}

/* Runs `sh -c SCRIPT ARGUMENTS` with nothing to read and two files to write to. Its exit status, or -1. */
static int run_script(char *const arguments[], int out, int err)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int error, status = 0;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	error = posix_spawn(&pid, "/bin/sh", &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		return -1;
	/* The script limits the time of everything that it does. */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What the script printed, which the caller frees; NULL with @status and @diag. */
static char *fetch(const char *action, const char *wanted, const char *debian_arch, const char *state,
		   const char *directory, enum backend_status *status, struct diag *diag)
{
	char *const arguments[] = {
	    (char *)"sh",   (char *)"-c",	 (char *)script, (char *)"fetch-kernel", (char *)action,
	    (char *)wanted, (char *)debian_arch, (char *)state,	 (char *)directory,	 NULL};
	int out = memfd_create("fetch-output", MFD_CLOEXEC), err = memfd_create("fetch-messages", MFD_CLOEXEC);
	int result = out < 0 || err < 0 ? -1 : run_script(arguments, out, err);
	char *text = out < 0 ? NULL : file_text(out), *messages = err < 0 ? NULL : file_text(err);
	const char *last_line = messages ? strrchr(messages, '\n') : NULL;

	if (result != 0) {
		const char *reason = last_line ? last_line + 1 : messages;

		diag_set(diag, NULL, 0, 0, "cannot fetch Linux %s: %s", wanted,
			 reason && *reason ? reason : "apt did not come to an end");
		*status = result == EXIT_MISSING ? BACKEND_MISSING : BACKEND_FAILED;
		free(text);
		text = NULL;
	}
	free(messages);
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	return text;
}

enum backend_status fetch_resolve(const char *wanted, const char *debian_arch, const char *state,
				  struct words *releases, struct diag *diag)
{
	enum backend_status status = BACKEND_OK;
	char *text = fetch("resolve", wanted, debian_arch, state, "", &status, diag);

	if (text)
		words_split(releases, text, "\n");
	free(text);
	return status;
}

enum backend_status fetch_download(const char *release, const char *debian_arch, const char *state,
				   const char *directory, char **version, struct words *packages, struct diag *diag)
{
	enum backend_status status = BACKEND_OK;
	char *text, *newline;

	/* Long work shows that it goes on, to whoever watches. */
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "vfiosim: fetching Linux %s for %s (once)\n", release, debian_arch);
	text = fetch("download", release, debian_arch, state, directory, &status, diag);
	if (!text)
		return status;
	newline = strchr(text, '\n');
	if (!newline) {
		free(text);
		diag_set(diag, NULL, 0, 0, "cannot fetch Linux %s: no packages came", release);
		return BACKEND_FAILED;
	}
	words_split(packages, newline, "\n");
	*newline = '\0';
	*version = text;
	return BACKEND_OK;
}
