/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Kernel modules: names, what each needs, and an order in which they can be loaded.
 *
 * Debian's packages come without modules.dep (depmod makes it when they are installed), but
 * every module names what it needs in its own .modinfo section.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm_internal.h"

char *module_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = must(strdup(slash ? slash + 1 : path));

	name[strcspn(name, ".")] = '\0';
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

char *module_depends(const void *file, size_t size)
{
	/* The strings of .modinfo follow each other with a NUL between; depends= is never the first. */
	static const char key[] = "\0depends=";
	const size_t key_length = sizeof(key) - 1;
	const char *found = memmem(file, size, key, key_length);
	const char *value = found ? found + key_length : NULL;

	if (!value)
		return must(strdup(""));
	return must(strndup(value, size - (size_t)(value - (const char *)file)));
}

void module_table_add(struct module_table *table, const char *name, const char *needs)
{
	struct module *module;
	struct words raw = {0};

	table->module = must(reallocarray(table->module, table->count + 1, sizeof(*table->module)));
	module = &table->module[table->count++];
	*module = (struct module){.name = must(strdup(name))};
	words_split(&raw, needs, ", \n");
	for (size_t i = 0; i < raw.count; i++) {
		char *need = module_name(raw.word[i]);

		words_add(&module->needs, need);
		free(need);
	}
	words_free(&raw);
}

const struct module *module_table_find(const struct module_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->module[i].name, name) == 0)
			return &table->module[i];
	return NULL;
}

int module_table_read(struct module_table *table, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, *colon;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) >= 0) {
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		module_table_add(table, line, colon + 1);
	}
	free(line);
	fclose(file);
	return 0;
}

int module_table_write(const struct module_table *table, const char *path)
{
	FILE *file = fopen(path, "we");
	bool failed;

	if (!file)
		return -errno;
	for (size_t i = 0; i < table->count; i++) {
		fprintf(file, "%s:", table->module[i].name);
		for (size_t j = 0; j < table->module[i].needs.count; j++)
			fprintf(file, " %s", table->module[i].needs.word[j]);
		fputc('\n', file);
	}
	failed = ferror(file);
	return fclose(file) != 0 || failed ? -EIO : 0;
}

void module_table_free(struct module_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		free(table->module[i].name);
		words_free(&table->module[i].needs);
	}
	free(table->module);
	*table = (struct module_table){0};
}

/* @entered keeps a circle of needs, which a broken package could have, from going on for ever. */
static void visit(const struct module_table *table, const char *name, struct words *entered, struct words *order)
{
	const struct module *module = module_table_find(table, name);

	if (!module || !words_add(entered, name))
		return;
	for (size_t i = 0; i < module->needs.count; i++)
		visit(table, module->needs.word[i], entered, order);
	words_add(order, name);
}

void module_load_order(const struct module_table *table, const struct words *wanted, struct words *order)
{
	struct words entered = {0};

	for (size_t i = 0; i < wanted->count; i++) {
		char *name = module_name(wanted->word[i]);

		visit(table, name, &entered, order);
		free(name);
	}
	words_free(&entered);
}
