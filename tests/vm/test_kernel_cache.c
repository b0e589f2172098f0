/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Fetching, unpacking and caching kernels, with an archive made for the test: packages are real,
 * apt is a script that hands them out and counts how often it is asked.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm_internal.h"

static char root[] = "/tmp/vfiosim-cache-XXXXXX";
static struct diag diag;
static struct kernel kernel;

/* Makes bin/ (apt), debs/ (the archive) and names (what it has) in the current directory. */
static const char make_archive[] =
    "set -e\n"
    "mkdir bin debs tree\n"
    ": > names-security\n"
    "cat > names <<'END'\n"
    "linux-image-amd64\n"
    "linux-image-6.1.0-9-amd64\n"
    "linux-image-6.1.0-50-amd64\n"
    "linux-image-6.1.0-51-rt-amd64\n"
    "linux-image-6.1.0-51-cloud-amd64\n"
    "linux-image-6.1.0-51-amd64-dbg\n"
    "linux-image-6.1.0-51-amd64-unsigned\n"
    "linux-image-6.12.9+deb13-amd64\n"
    "linux-image-6.12.10+deb13-amd64\n"
    "linux-image-7.2.1+deb13-amd64\n"
    "END\n"
    "cat > bin/apt-config <<'END'\n"
    "#!/bin/sh\n"
    "END\n"
    "cat > bin/apt-cache <<'END'\n"
    "#!/bin/sh\n"
    "if grep -q security \"$(dirname \"$APT_CONFIG\")/sources.list\"\n"
    "then cat \"$TEST_ROOT/names-security\"\n"
    "else cat \"$TEST_ROOT/names\"\n"
    "fi\n"
    "END\n"
    "cat > bin/apt-get <<'END'\n"
    "#!/bin/sh\n"
    "echo \"$*\" >> \"$TEST_ROOT/asked\"\n"
    "case \"$*\" in\n"
    "indextargets*)\n"
    "	echo 'bookworm main http://archive.invalid/debian'\n"
    "	echo 'bookworm-security main http://archive.invalid/debian-security' ;;\n"
    "*update) [ ! -e \"$TEST_ROOT/offline\" ] || { echo 'E: no network'; exit 100; } ;;\n"
    "*download*) cp \"$TEST_ROOT\"/debs/\"$3\"_* . 2>/dev/null || { echo 'E: 404'; exit 100; } ;;\n"
    "esac\n"
    "END\n"
    "chmod +x bin/*\n"
    "deb() {\n"
    "	mkdir -p tree/DEBIAN\n"
    "	printf 'Package: %s\\nVersion: 1.0-1\\nArchitecture: all\\nMaintainer: m\\nDescription: d\\n%s' \"$1\" \"$2\""
    " > tree/DEBIAN/control\n"
    "	dpkg-deb -Zxz -z0 -b tree debs/$1_1.0-1_all.deb >/dev/null\n"
    "	rm -r tree\n"
    "}\n"
    "module() { printf 'ELF\\0license=GPL\\0depends=%s\\0end' \"$2\" > \"$1\"; }\n"
    "k=tree/lib/modules/6.1.0-50-amd64/kernel; mkdir -p tree/boot $k/pci\n"
    "echo image61 > tree/boot/vmlinuz-6.1.0-50-amd64\n"
    "echo map > tree/boot/System.map-6.1.0-50-amd64\n"
    "module $k/pci/vfio-pci.ko vfio,bypass\n"
    "module $k/pci/other.ko vfio\n"
    "module $k/bypass.ko ''\n"
    "module $k/vfio.ko ''\n"
    "deb linux-image-6.1.0-50-amd64 ''\n"
    "deb linux-image-7.2.1+deb13-amd64 'Depends: kmod, linux-base-7.2.1+deb13-amd64 (= 1), "
    "linux-binary-7.2.1+deb13-amd64 (= 1.0-1), linux-modules-7.2.1+deb13-amd64 (= 1.0-1)\n'\n"
    "k=tree/usr/lib/modules/7.2.1+deb13-amd64; mkdir -p $k\n"
    "echo image72 > $k/vmlinuz\n"
    "deb linux-binary-7.2.1+deb13-amd64 ''\n"
    "mkdir -p $k/kernel\n"
    "module $k/kernel/vfio-pci.ko ''; xz -0 $k/kernel/vfio-pci.ko\n"
    "deb linux-modules-7.2.1+deb13-amd64 ''\n"
    "echo broken > debs/linux-image-6.12.10+deb13-amd64_1.0-1_all.deb\n";

static void make_root(void)
{
	char *path;

	cr_assert(mkdtemp(root) != NULL);
	cr_assert(zero(int, chdir(root)));
	cr_assert(zero(int, system(make_archive)));
	setenv("TEST_ROOT", root, 1);
	path = format_text("%s/bin:%s", root, getenv("PATH"));
	setenv("PATH", path, 1);
	free(path);
	path = format_text("%s/cache", root);
	setenv("VFIOSIM_CACHE", path, 1);
	free(path);
	unsetenv("VFIOSIM_OFFLINE");
}

static void remove_root(void)
{
	kernel_free(&kernel);
	cr_expect(zero(int, chdir("/")));
	char *command = format_text("rm -rf %s", root);

	cr_expect(zero(int, system(command)));
	free(command);
}

TestSuite(kernel_cache, .init = make_root, .fini = remove_root);

static enum backend_status get(const char *wanted)
{
	kernel_free(&kernel);
	return kernel_get(&kernel, wanted, "amd64", "vfio-pci", &diag);
}

/* What a file in the kernel's directory contains; "(none)" if it is not there. */
static char *content(const char *name)
{
	static char text[256];
	char *path = format_text("%s/%s", kernel.directory, name);
	FILE *file = fopen(path, "r");
	size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[length] = '\0';
	if (file)
		fclose(file);
	else
		strcpy(text, "(none)");
	free(path);
	return text;
}

/* Forgets that apt was asked, and says whether it had been. */
static bool apt_was_asked(void)
{
	return unlink("asked") == 0;
}

static void age_everything(void)
{
	cr_assert(zero(int, system("find cache -type f -exec touch -d '3 days ago' {} +")));
}

Test(kernel_cache, series_gives_its_newest_plain_kernel)
{
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	cr_expect_str_eq(kernel.release, "6.1.0-50-amd64");
	cr_expect_str_eq(kernel.package_version, "1.0-1");
	cr_expect_str_eq(content("image"), "image61\n");
}

Test(kernel_cache, modules_come_with_their_needs_and_nothing_else)
{
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	cr_expect(strstr(content("modules"), "vfio_pci: vfio bypass\n") != NULL);
	cr_expect(strstr(content("modules"), "other") == NULL);
	cr_expect_str_neq(content("bypass.ko"), "(none)");
	cr_expect_str_neq(content("vfio.ko"), "(none)");
	cr_expect_str_eq(content("other.ko"), "(none)");
}

Test(kernel_cache, split_packages_and_compressed_modules_are_put_together)
{
	cr_assert(eq(int, get("7.2"), BACKEND_OK), "%s", diag.text);
	cr_expect_str_eq(content("image"), "image72\n");
	cr_expect_str_eq(content("vfio_pci.ko"), "ELF");
}

Test(kernel_cache, packages_do_not_stay)
{
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	cr_expect(zero(int, system("! find cache -name '*.deb' -o -name '.incoming*' | grep .")));
}

Test(kernel_cache, cached_kernel_needs_no_apt)
{
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	cr_expect(apt_was_asked());
	cr_expect(eq(int, get("6.1"), BACKEND_OK));
	cr_expect(eq(int, get("6.1.0-50-amd64"), BACKEND_OK));
	cr_expect(not(apt_was_asked()));
}

Test(kernel_cache, series_is_asked_for_again_after_a_day)
{
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	age_everything();
	apt_was_asked();
	cr_expect(eq(int, get("6.1"), BACKEND_OK));
	cr_expect(apt_was_asked());
}

Test(kernel_cache, cached_kernel_is_used_when_the_archive_does_not_answer)
{
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	cr_assert(zero(int, system("touch offline; rm -r cache/apt")));
	age_everything();
	cr_expect(eq(int, get("6.1"), BACKEND_OK));
	cr_expect_str_eq(kernel.release, "6.1.0-50-amd64");
	apt_was_asked();
	cr_expect(eq(int, get("6.1"), BACKEND_OK));
	cr_expect(not(apt_was_asked()), "an archive that did not answer is asked again too soon");
}

Test(kernel_cache, module_that_was_never_asked_for_is_fetched)
{
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	kernel_free(&kernel);
	cr_expect(eq(int, kernel_get(&kernel, "6.1", "amd64", "vfio-pci other absent", &diag), BACKEND_OK));
	cr_expect_str_neq(content("other.ko"), "(none)");
	apt_was_asked();
	kernel_free(&kernel);
	cr_expect(eq(int, kernel_get(&kernel, "6.1", "amd64", "absent", &diag), BACKEND_OK));
	cr_expect(not(apt_was_asked()));
}

Test(kernel_cache, no_network_and_no_kernel_is_missing_with_the_reason)
{
	cr_assert(zero(int, system("touch offline")));
	cr_expect(eq(int, get("6.1"), BACKEND_MISSING));
	cr_expect(strstr(diag.text, "no network") != NULL, "%s", diag.text);
}

Test(kernel_cache, kernel_that_no_suite_has_is_missing)
{
	cr_expect(eq(int, get("5.99"), BACKEND_MISSING));
	cr_expect(strstr(diag.text, "no suite has") != NULL, "%s", diag.text);
}

Test(kernel_cache, package_that_is_gone_is_missing)
{
	cr_expect(eq(int, get("6.1.0-9-amd64"), BACKEND_MISSING));
	cr_expect(strstr(diag.text, "404") != NULL, "%s", diag.text);
}

Test(kernel_cache, series_whose_newest_package_is_gone_gives_the_one_before)
{
	cr_assert(zero(int, system("echo linux-image-6.1.0-52-amd64 > names-security")));
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	cr_expect_str_eq(kernel.release, "6.1.0-50-amd64");
}

Test(kernel_cache, broken_package_is_refused_and_leaves_no_kernel)
{
	cr_expect(eq(int, get("6.12"), BACKEND_FAILED));
	cr_expect(zero(int, system("! find cache/kernels -name '6.12*' | grep .")));
}

Test(kernel_cache, offline_by_wish_never_asks)
{
	setenv("VFIOSIM_OFFLINE", "1", 1);
	cr_expect(eq(int, get("6.1"), BACKEND_MISSING));
	cr_expect(not(apt_was_asked()));
}

Test(kernel_cache, name_that_is_no_kernel_is_refused)
{
	static const char *const names[] = {"",	    "../6.1", "6.1/..", "6.1 ",	     "$(id)",
					    "-6.1", "linux",  "built-", "built-/6.1"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect(eq(int, get(names[i]), BACKEND_FAILED), "\"%s\"", names[i]);
	cr_expect(not(apt_was_asked()));
}

static int count_one(const struct vm_cached_kernel *cached, void *data)
{
	cr_expect_str_eq(cached->name, "6.1.0-50-amd64");
	cr_expect_str_eq(cached->release, "6.1.0-50-amd64");
	cr_expect_str_eq(cached->debian_arch, "amd64");
	cr_expect_str_eq(cached->package_version, "1.0-1");
	cr_expect(not(cached->built));
	++*(int *)data;
	return 0;
}

Test(kernel_cache, listing_shows_what_is_there)
{
	int count = 0;

	cr_assert(zero(int, vm_cached_kernels(count_one, &count)));
	cr_expect(eq(int, count, 0));
	cr_assert(eq(int, get("6.1"), BACKEND_OK), "%s", diag.text);
	cr_assert(zero(int, vm_cached_kernels(count_one, &count)));
	cr_expect(eq(int, count, 1));
}

/* What kernels/build leaves behind. */
static const char put_built[] = "d=cache/kernels/built-6.1-coverage-amd64 && mkdir -p $d && echo image > $d/image && "
				"echo 'release 6.1.7-built' > $d/info && echo 'version 1.0-1' >> $d/info";

static int expect_built(const struct vm_cached_kernel *cached, void *data)
{
	(void)data;
	cr_expect_str_eq(cached->name, "built-6.1-coverage");
	cr_expect_str_eq(cached->release, "6.1.7-built");
	cr_expect_str_eq(cached->debian_arch, "amd64");
	cr_expect(cached->built);
	return 1;
}

Test(kernel_cache, built_kernel_is_taken_by_its_name_whatever_modules_it_has)
{
	cr_assert(zero(int, system(put_built)));
	cr_assert(eq(int, get("built-6.1-coverage"), BACKEND_OK), "%s", diag.text);
	cr_expect_str_eq(kernel.release, "6.1.7-built");
	cr_expect(eq(int, vm_cached_kernels(expect_built, NULL), 1));
	cr_expect(not(apt_was_asked()));
}

Test(kernel_cache, built_kernel_that_is_not_there_is_missing_and_never_asked_for)
{
	cr_assert(zero(int, system(put_built)));
	cr_expect(eq(int, get("built-6.1"), BACKEND_MISSING));
	cr_expect(not(apt_was_asked()));
}

Test(kernel_cache, series_never_means_a_built_kernel)
{
	cr_assert(zero(int, system(put_built)));
	setenv("VFIOSIM_OFFLINE", "1", 1);
	cr_expect(eq(int, get("6.1"), BACKEND_MISSING));
}
