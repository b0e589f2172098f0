/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Files of execution counters, one directory for each guest: counters of several are added afterwards, with gcov-tool.
 */
#include "counters.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".gcda";

char *counters_directory(const char *parent)
{
	char *path = NULL;

	if (asprintf(&path, "%s/guest-XXXXXX", parent) < 0)
		return NULL;
	if (mkdtemp(path))
		return path;
	free(path);
	return NULL;
}

/* Names come from a guest: none may lead out of the directory. */
static bool is_counter_file(const char *name, size_t length)
{
	return length > strlen(suffix) && memchr(name, '/', length) == NULL &&
	       memcmp(name + length - strlen(suffix), suffix, strlen(suffix)) == 0;
}

/* The value of a digit, which it is. */
static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

int counters_keep(const char *directory, const char *line)
{
	size_t length = strcspn(line, " ");
	const char *hex = line + length + 1;
	char *path = NULL;
	FILE *file;
	bool good;

	if (line[length] != ' ' || !is_counter_file(line, length) || strspn(hex, "0123456789abcdef") != strlen(hex) ||
	    strlen(hex) % 2 != 0 || asprintf(&path, "%s/%.*s", directory, (int)length, line) < 0)
		return -1;
	file = fopen(path, "we");
	if (file)
		for (; *hex; hex += 2)
			putc((int)(hex_digit(hex[0]) << 4 | hex_digit(hex[1])), file);
	good = file && !ferror(file);
	if (file && fclose(file) != 0)
		good = false;
	if (file && !good)
		remove(path);
	free(path);
	return good ? 0 : -1;
}
