/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Small things that all files of this folder need: memory, text, time and sets of words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vm_internal.h"

void *must(void *pointer)
{
	if (!pointer) {
		fputs("vfiosim: out of memory\n", stderr);
		abort();
	}
	return pointer;
}

char *format_text(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	return must(length < 0 ? NULL : text);
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool words_has(const struct words *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->word[i], word) == 0)
			return true;
	return false;
}

bool words_add(struct words *words, const char *word)
{
	if (words_has(words, word))
		return false;
	words->word = must(reallocarray(words->word, words->count + 1, sizeof(*words->word)));
	words->word[words->count++] = must(strdup(word));
	return true;
}

void words_split(struct words *words, const char *text, const char *separators)
{
	char *copy = must(strdup(text)), *rest = NULL;

	for (char *word = strtok_r(copy, separators, &rest); word; word = strtok_r(NULL, separators, &rest))
		words_add(words, word);
	free(copy);
}

void words_free(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->word[i]);
	free(words->word);
	*words = (struct words){0};
}
