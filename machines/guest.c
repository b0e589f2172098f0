/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Reads /qemu: the command line that makes this machine, and the kernel that runs on it.
 */
#include <stdio.h>
#include <string.h>

#include "machines_internal.h"

static const struct tree_word debian_archs[] = {{"amd64", 0}, {"arm64", 0}, {"ppc64el", 0}, {NULL, 0}};

#define MIB	   (UINT64_C(1) << 20)
#define DIGITS_MAX 20 /* of a 64-bit number */

/* A list of words as options: "edu,addr=03.0" "edu,addr=04.0" are " -device edu,addr=03.0 -device edu,addr=04.0". */
static const char *read_options(struct tree *tree, int qemu, const char *property, const char *option)
{
	const char *list, *end;
	char *joined;
	size_t size = 1, used = 0;

	if (tree_joined(tree, qemu, property, &list) != 0)
		return NULL;
	for (const char *word = list; *word != '\0'; word = end + strspn(end, " ")) {
		end = word + strcspn(word, " ");
		size += 1 + strlen(option) + 1 + (size_t)(end - word);
	}
	joined = tree_take(tree, size, 1);
	if (joined == NULL)
		return NULL;
	for (const char *word = list; *word != '\0'; word = end + strspn(end, " ")) {
		end = word + strcspn(word, " ");
		used += (size_t)snprintf(joined + used, size - used, " %s %.*s", option, (int)(end - word), word);
	}
	return joined;
}

/* Everything on QEMU's command line that says what the machine is. Memory is said once, at the root. */
static const char *read_command_line(struct tree *tree, int qemu, const struct machine *machine)
{
	static const char format[] = "%s%s%s -m %lluM";
	const char *args, *netdevs = "", *devices;
	char *joined;
	size_t size;

	if (tree_joined(tree, qemu, "args", &args) != 0)
		return NULL;
	if (tree_has(tree, qemu, "netdevs"))
		netdevs = read_options(tree, qemu, "netdevs", "-netdev");
	devices = read_options(tree, qemu, "devices", "-device");
	if (netdevs == NULL || devices == NULL)
		return NULL;
	size = strlen(args) + strlen(netdevs) + strlen(devices) + sizeof(format) + DIGITS_MAX;
	joined = tree_take(tree, size, 1);
	if (joined != NULL)
		snprintf(joined, size, format, args, netdevs, devices, (unsigned long long)(machine->memory / MIB));
	return joined;
}

/* "@text default_hugepagesz=2M hugepagesz=2M hugepages=128", if there are any. */
static const char *with_hugepages(struct tree *tree, const char *text, const struct machine *machine)
{
	static const char format[] = "%s default_hugepagesz=%lluM hugepagesz=%lluM hugepages=%u";
	unsigned long long size_mib = machine->hugepage_size / MIB;
	size_t size = strlen(text) + sizeof(format) + 3 * DIGITS_MAX;
	char *joined;

	if (machine->hugepage_count == 0)
		return text;
	joined = tree_take(tree, size, 1);
	if (joined != NULL)
		snprintf(joined, size, format, text, size_mib, size_mib, machine->hugepage_count);
	return joined;
}

int guest_read(struct tree *tree, int qemu, struct machine *machine)
{
	static const char *const properties[] = {"program", "args",    "netdevs",     "devices", "channel",
						 "append",  "modules", "debian-arch", NULL};
	const char *append;
	uint32_t ignored;

	if (tree_known(tree, qemu, properties, tree_nothing) != 0 ||
	    tree_string(tree, qemu, "program", &machine->qemu_program) != 0 ||
	    tree_string(tree, qemu, "channel", &machine->qemu_channel) != 0 ||
	    tree_joined(tree, qemu, "append", &append) != 0 ||
	    tree_joined(tree, qemu, "modules", &machine->modules) != 0 ||
	    tree_choice(tree, qemu, "debian-arch", debian_archs, &ignored) != 0 ||
	    tree_string(tree, qemu, "debian-arch", &machine->debian_arch) != 0)
		return -1;
	machine->qemu_args = read_command_line(tree, qemu, machine);
	machine->append = with_hugepages(tree, append, machine);
	return machine->qemu_args == NULL || machine->append == NULL ? -1 : 0;
}
