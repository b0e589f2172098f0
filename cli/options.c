/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the parsing of options, and what `help` tells about them, from the one table options.def. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define FINDINGS_DEFAULT 100
#define FINDINGS_LIMIT	 1000000

static const struct option_desc {
	const char *name;
	char letter;
	const char *argument;
	const char *text;
} option_table[OPTION_COUNT] = {
#define OPTION(id, name, letter, argument, text) [OPTION_##id] = {name, letter, argument, text},
#include "cli/options.def"
};

/* Every command can be asked for help. */
static bool takes(const struct command *command, int id)
{
	return id == OPTION_HELP || (command->takes & 1u << id) != 0;
}

/* What getopt returns for an option: beyond every letter, so that long and short ones are told apart by id. */
#define LONG_BASE 256

/* The tables that getopt_long() wants, with the options that @command takes. */
static void getopt_tables(const struct command *command, struct option *longs, char *letters)
{
	size_t count = 0;

	/* '+' or '-': where options end; ':' tells a missing argument from an unknown option. */
	if (command->stops_at_operand)
		*letters++ = '+';
	*letters++ = ':';
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_desc *desc = &option_table[id];

		if (!takes(command, id))
			continue;
		longs[count++] =
		    (struct option){desc->name, desc->argument ? required_argument : no_argument, NULL, LONG_BASE + id};
		if (desc->letter) {
			*letters++ = desc->letter;
			if (desc->argument)
				*letters++ = ':';
		}
	}
	longs[count] = (struct option){NULL, 0, NULL, 0};
	*letters = '\0';
}

static int option_of_letter(int letter)
{
	for (int id = 0; id < OPTION_COUNT; id++) {
		if (option_table[id].letter == letter)
			return id;
	}
	return -1;
}

int option_number(uint64_t *value, const char *command, const char *name, const char *text, struct diag *diag)
{
	unsigned long long number;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno)
		return diag_set(diag, NULL, 0, 0, "%s: --%s '%s': expected a number of at most 64 bits", command, name,
				text);
	*value = number;
	return 0;
}

static int parse_findings(struct options *options, const struct command *command, struct diag *diag)
{
	const char *text = options->values[OPTION_FINDINGS];
	char *end;
	unsigned long long count;

	options->findings_max = FINDINGS_DEFAULT;
	if (!text)
		return 0;
	errno = 0;
	count = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || count > FINDINGS_LIMIT)
		return diag_set(diag, NULL, 0, 0, "%s: --findings '%s': expected a number from 0 to %d", command->name,
				text, FINDINGS_LIMIT);
	options->findings_max = (size_t)count;
	return 0;
}

static int parse_operands(struct options *options, const struct command *command, int argc, char **argv,
			  struct diag *diag)
{
	options->operands = argv + optind;
	options->operand_count = argc - optind;
	if (options->values[OPTION_HELP])
		return 0;
	if (options->operand_count < command->operands_min ||
	    (command->operands_max >= 0 && options->operand_count > command->operands_max))
		return diag_set(diag, NULL, 0, 0, "%s: wrong number of arguments; expected: vfiosim %s %s",
				command->name, command->name, command->synopsis);
	if (options->values[OPTION_JSON] && options->values[OPTION_KTAP])
		return diag_set(diag, NULL, 0, 0, "%s: --json and --ktap exclude each other", command->name);
	return parse_findings(options, command, diag);
}

/* The list of an option that can be repeated, or NULL. */
static struct option_list *option_list(struct options *options, int id)
{
	switch (id) {
	case OPTION_FILE:
		return &options->files;
	case OPTION_ENV:
		return &options->environment;
	case OPTION_DEFECT:
		return &options->defects;
	case OPTION_SET:
		return &options->settings;
	default:
		return NULL;
	}
}

/* Takes the option in: most have one value, the last one given. 0, or -1 with @diag. */
static int take_option(struct options *options, const struct command *command, int id, const char *argument,
		       struct diag *diag)
{
	struct option_list *list = option_list(options, id);

	options->values[id] = argument;
	if (!list)
		return 0;
	if (list->count == OPTION_LIST_MAX)
		return diag_set(diag, NULL, 0, 0, "%s: option '--%s' can be given %d times at most", command->name,
				option_table[id].name, OPTION_LIST_MAX);
	list->items[list->count++] = argument;
	return 0;
}

/* Names the option as it was written: getopt tells a letter of a cluster by itself only. */
static int refuse_option(const struct command *command, int result, char **argv, struct diag *diag)
{
	const char *what = result == ':' ? "needs an argument" : "is not known";

	if (optopt > 0 && optopt < LONG_BASE)
		return diag_set(diag, NULL, 0, 0, "%s: option '-%c' %s; see `vfiosim help %s`", command->name, optopt,
				what, command->name);
	return diag_set(diag, NULL, 0, 0, "%s: option '%s' %s; see `vfiosim help %s`", command->name, argv[optind - 1],
			result == '?' && optopt ? "takes no argument" : what, command->name);
}

int options_parse(struct options *options, const struct command *command, int argc, char **argv, struct diag *diag)
{
	struct option longs[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 3];
	int result;

	*options = (struct options){.operand_count = 0};
	getopt_tables(command, longs, letters);
	opterr = 0;
	optind = 0; /* glibc: start afresh, also after an earlier parse */
	while ((result = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		int id = result >= LONG_BASE ? result - LONG_BASE : option_of_letter(result);

		if (result == ':' || result == '?' || id < 0)
			return refuse_option(command, result, argv, diag);
		if (take_option(options, command, id, optarg ? optarg : "", diag) != 0)
			return -1;
	}
	return parse_operands(options, command, argc, argv, diag);
}

static void print_options(FILE *out, const struct command *command)
{
	fputs("\nOptions:\n", out);
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_desc *desc = &option_table[id];
		char form[64];

		if (!takes(command, id))
			continue;
		snprintf(form, sizeof(form), "%c%c%s--%s%s%s", desc->letter ? '-' : ' ',
			 desc->letter ? desc->letter : ' ', desc->letter ? ", " : "  ", desc->name,
			 desc->argument ? " " : "", desc->argument ? desc->argument : "");
		fprintf(out, "  %-24s %s\n", form, desc->text);
	}
}

void usage_print(FILE *out, const struct command *command)
{
	if (command) {
		fprintf(out, "Usage: vfiosim %s%s%s\n%s.\n", command->name, command->synopsis[0] ? " " : "",
			command->synopsis, command->summary);
		print_options(out, command);
		return;
	}
	fputs("Usage: vfiosim COMMAND [ARGUMENT...]\n\nCommands:\n", out);
	for (size_t i = 0; i < command_count; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`vfiosim help COMMAND` tells the options; exit codes and formats are in vfiosim(1).\n", out);
}
