/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Module names, needs and load order.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm_internal.h"

static struct module_table table;
static struct words wanted, order;

static void clean_up(void)
{
	module_table_free(&table);
	words_free(&wanted);
	words_free(&order);
}

TestSuite(module, .fini = clean_up);

/* The order as one string, "" if it is empty. */
static char *order_text(void)
{
	static char text[256];

	text[0] = '\0';
	for (size_t i = 0; i < order.count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, order.word[i]);
	}
	return text;
}

Test(module, name_loses_directory_suffixes_and_dashes)
{
	char *name = module_name("./usr/lib/modules/7.2/kernel/vfio-pci-core.ko.xz");

	cr_expect_str_eq(name, "vfio_pci_core");
	free(name);
}

Test(module, depends_is_read_from_modinfo)
{
	static const char file[] = "\177ELF\0license=GPL\0depends=vfio,irqbypass\0retpoline=Y";
	char *depends = module_depends(file, sizeof(file));

	cr_expect_str_eq(depends, "vfio,irqbypass");
	free(depends);
}

Test(module, depends_without_modinfo_is_empty)
{
	char *depends = module_depends("no module at all", 16);

	cr_expect_str_eq(depends, "");
	free(depends);
}

Test(module, depends_cut_off_at_the_end_stays_inside_the_file)
{
	static const char file[] = {'x', '\0', 'd', 'e', 'p', 'e', 'n', 'd', 's', '=', 'v', 'f', 'i', 'o'};
	char *depends = module_depends(file, sizeof(file));

	cr_expect_str_eq(depends, "vfio");
	free(depends);
}

Test(module, load_order_puts_needs_first_and_skips_what_is_not_there)
{
	module_table_add(&table, "vfio_pci", "vfio-pci-core,vfio");
	module_table_add(&table, "vfio", "");
	module_table_add(&table, "vfio_pci_core", "vfio,irqbypass");
	module_table_add(&table, "irqbypass", "");
	words_split(&wanted, "vfio_spapr_eeh vfio-pci", " ");
	module_load_order(&table, &wanted, &order);
	cr_expect_str_eq(order_text(), "vfio irqbypass vfio_pci_core vfio_pci");
}

Test(module, load_order_of_a_circle_ends)
{
	module_table_add(&table, "a", "b");
	module_table_add(&table, "b", "a");
	words_split(&wanted, "a", " ");
	module_load_order(&table, &wanted, &order);
	cr_expect_str_eq(order_text(), "b a");
}

Test(module, table_written_and_read_is_the_same)
{
	char path[] = "/tmp/vfiosim-modules-XXXXXX";
	struct module_table again = {0};

	close(mkstemp(path));
	module_table_add(&table, "vfio_pci", "vfio-pci-core,vfio");
	module_table_add(&table, "irqbypass", "");
	cr_assert(zero(int, module_table_write(&table, path)));
	cr_assert(zero(int, module_table_read(&again, path)));
	unlink(path);
	cr_assert(eq(sz, again.count, 2));
	cr_expect_str_eq(again.module[0].name, "vfio_pci");
	cr_assert(eq(sz, again.module[0].needs.count, 2));
	cr_expect_str_eq(again.module[0].needs.word[0], "vfio_pci_core");
	cr_expect(eq(sz, again.module[1].needs.count, 0));
	module_table_free(&again);
}
