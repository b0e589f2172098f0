/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim kernels`: the kernels that have a profile, and those in the cache, ready to boot. */
#include <stdlib.h>
#include <string.h>

#include "backends/vm/vm.h"
#include "cli/listing.h"
#include "vfiosim/profile.h"

struct cached {
	char *name, *release, *arch, *package;
	bool built;
};

struct cache {
	struct cached *kernels;
	size_t count;
	bool failed; /* memory ran out */
};

static int remember(const struct vm_cached_kernel *kernel, void *data)
{
	struct cache *cache = data;
	struct cached *grown = reallocarray(cache->kernels, cache->count + 1, sizeof(*grown));

	if (!grown) {
		cache->failed = true;
		return -1;
	}
	cache->kernels = grown;
	grown += cache->count++;
	*grown = (struct cached){strdup(kernel->name), strdup(kernel->release), strdup(kernel->debian_arch),
				 strdup(kernel->package_version), kernel->built};
	cache->failed = !grown->name || !grown->release || !grown->arch || !grown->package;
	return cache->failed ? -1 : 0;
}

/* The cache has no order; a list has: by name as people count, then by architecture. */
static int compare(const void *a, const void *b)
{
	const struct cached *left = a;
	const struct cached *right = b;
	int order = strverscmp(left->name, right->name);

	return order ? order : strcmp(left->arch, right->arch);
}

static void cache_clear(struct cache *cache)
{
	for (size_t i = 0; i < cache->count; i++) {
		free(cache->kernels[i].name);
		free(cache->kernels[i].release);
		free(cache->kernels[i].arch);
		free(cache->kernels[i].package);
	}
	free(cache->kernels);
}

static void add_cached(struct listing *listing, const struct cache *cache)
{
	for (size_t i = 0; i < cache->count; i++) {
		const struct cached *kernel = &cache->kernels[i];
		const char *profile = profile_for_release(kernel->release);
		const char *cells[] = {kernel->name, kernel->arch, kernel->built ? "built" : "cached",
				       profile ? profile : "-", kernel->package};

		listing_add(listing, cells);
	}
}

enum exit_code command_kernels(const struct options *options)
{
	static const char *const titles[] = {"kernel", "arch", "state", "profile", "package", NULL};
	struct cache cache = {.count = 0};
	struct listing listing;

	vm_cached_kernels(remember, &cache);
	if (cache.failed) {
		cache_clear(&cache);
		return out_of_memory();
	}
	qsort(cache.kernels, cache.count, sizeof(*cache.kernels), compare);
	listing_begin(&listing, titles);
	for (const char *const *name = profile_names(); *name; name++) {
		const char *cells[] = {*name, "-", "modelled", *name, "-"};

		if (!profile_base(*name))
			listing_add(&listing, cells);
	}
	add_cached(&listing, &cache);
	cache_clear(&cache);
	return listing_end(&listing, options);
}
