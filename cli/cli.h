/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The vfiosim command: subcommands, their options, and exit codes. The contract is in
 * docs/vfiosim.1; scripts rely on it.
 */
#ifndef VFIOSIM_CLI_CLI_H
#define VFIOSIM_CLI_CLI_H

#include "reports/report.h"
#include "vfiosim/diag.h"

enum exit_code {
	EXIT_CODE_CONFORMS = 0,
	EXIT_CODE_DIVERGES = 1,
	EXIT_CODE_BAD_INPUT = 2, /* bad usage, or input that cannot be read */
	EXIT_CODE_NOT_MODELLED = 3,
	EXIT_CODE_SKIPPED = 4,
	EXIT_CODE_INTERNAL = 5,
};

/* The options there are; a command takes a set of them (bit 1 << option). */
enum option_id {
#define OPTION(id, name, letter, argument, text) OPTION_##id,
#include "cli/options.def"
	OPTION_COUNT
};

#define TAKES(id) (1u << OPTION_##id)

/* The arguments of an option that can be repeated. */
#define OPTION_LIST_MAX 64

struct option_list {
	const char *items[OPTION_LIST_MAX + 1]; /* NULL at the end */
	size_t count;
};

struct options {
	const char *values[OPTION_COUNT];      /* the argument, "" for an option without one; NULL: not given */
	struct option_list files, environment; /* --file, --env */
	struct option_list defects, settings;  /* --defect, --set */
	size_t findings_max;
	char *const *operands; /* NULL at the end */
	int operand_count;
};

struct command {
	const char *name;
	const char *synopsis; /* operands, as the manual writes them */
	const char *summary;
	unsigned takes;			/* TAKES(...) | ...; --help is understood by all */
	int operands_min, operands_max; /* -1: any number */
	bool stops_at_operand;		/* options end at the first operand (those of a program follow) */
	enum exit_code (*run)(const struct options *options);
};

extern const struct command commands[];
extern const size_t command_count;

/* The command with this name, or NULL. */
const struct command *command_find(const char *name);

/* Prints how @command is used; NULL: all of them. */
void usage_print(FILE *out, const struct command *command);

/*
 * Parses the arguments of @command, argv[0] being its name. 0, or -1 with @diag. @argc counts what is in @argv,
 * which is permuted and must outlive @options.
 */
int options_parse(struct options *options, const struct command *command, int argc, char **argv, struct diag *diag);

/*
 * The number that is the argument of option @name, or @value as it is if @text is NULL. 0, or -1 with @diag. @command
 * is for messages.
 */
int option_number(uint64_t *value, const char *command, const char *name, const char *text, struct diag *diag);

/* Runs the whole program and returns its exit code. */
int cli_main(int argc, char **argv);

/* Prints @diag and returns the code for bad input. */
enum exit_code bad_input(const struct diag *diag);

/* Says that memory is out, and returns the code for that. */
enum exit_code out_of_memory(void);

/* Flushes standard output: @code, or the code for an internal error if something could not be written. */
enum exit_code finish_output(enum exit_code code);

enum exit_code command_check(const struct options *options);
enum exit_code command_replay(const struct options *options);
enum exit_code command_record(const struct options *options);
enum exit_code command_generate(const struct options *options);
enum exit_code command_fuzz(const struct options *options);
enum exit_code command_ioctls(const struct options *options);
enum exit_code command_iommufd(const struct options *options);
enum exit_code command_rules(const struct options *options);
enum exit_code command_defects(const struct options *options);
enum exit_code command_explore(const struct options *options);
enum exit_code command_profiles(const struct options *options);
enum exit_code command_kernels(const struct options *options);
enum exit_code command_machines(const struct options *options);
enum exit_code command_devices(const struct options *options);
enum exit_code command_spaces(const struct options *options);
enum exit_code command_viommu(const struct options *options);
enum exit_code command_version(const struct options *options);
enum exit_code command_help(const struct options *options);

#endif
