/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Build tool: turns compiled device trees into a C file with the table of built-in machines.
 * Usage: embed OUTPUT.c NAME.dtb... (in the order that the table is to have)
 */
#include <stdio.h>
#include <string.h>

/* "some/where/q35-edu.dtb" is the machine q35-edu. */
static void print_name(FILE *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	fprintf(out, "%.*s", (int)strcspn(name, "."), name);
}

static int print_blob(FILE *out, const char *path, int number)
{
	FILE *in = fopen(path, "rb");
	int byte, column = 0;

	if (in == NULL)
		return -1;
	fprintf(out, "static const unsigned char blob_%d[] = {", number);
	while ((byte = getc(in)) != EOF)
		fprintf(out, "%s0x%02x,", column++ % 16 == 0 ? "\n\t" : " ", (unsigned)byte);
	fprintf(out, "\n};\n\n");
	byte = ferror(in);
	fclose(in);
	return byte == 0 && column > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	FILE *out;

	if (argc < 3) {
		fprintf(stderr, "usage: embed OUTPUT.c NAME.dtb...\n");
		return 2;
	}
	out = fopen(argv[1], "w");
	if (out == NULL) {
		perror(argv[1]);
		return 1;
	}
	fprintf(out, "/* Made by machines/embed.c; do not edit. */\n#include \"machines_internal.h\"\n\n");
	for (int i = 2; i < argc; i++) {
		if (print_blob(out, argv[i], i) != 0) {
			perror(argv[i]);
			return 1;
		}
	}
	fprintf(out, "const struct builtin builtin_machines[] = {\n");
	for (int i = 2; i < argc; i++) {
		fprintf(out, "\t{\"");
		print_name(out, argv[i]);
		fprintf(out, "\", blob_%d, sizeof(blob_%d)},\n", i, i);
	}
	fprintf(out, "};\n\nconst size_t builtin_count = sizeof(builtin_machines) / sizeof(builtin_machines[0]);\n");
	if (fclose(out) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
