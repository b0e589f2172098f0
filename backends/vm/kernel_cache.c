/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The cache of kernels, and when to go to the archive.
 *
 *	kernels/RELEASE-ARCH/           image, NAME.ko, modules (what needs what), info; complete or not there
 *	kernels/built-SERIES-ARCH/      the same, put there by kernels/build; never looked for in the archive
 *	kernels/.newest/WANTED-ARCH     the release that WANTED meant when the archive was last asked
 *	kernels/.incoming-RELEASE-ARCH/ packages on their way; kept when interrupted, so that apt goes on with them
 *	kernels/.lock                   held by whoever asks the archive
 *	apt/ARCH/                       the private apt's indexes
 *
 * All is under $VFIOSIM_CACHE, $XDG_CACHE_HOME/vfiosim or ~/.cache/vfiosim. A kernel that is
 * there is used without network and without lock. $VFIOSIM_OFFLINE keeps away from the archive.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vm_internal.h"

/* The archive is asked what the newest release of a series is at most once in this time. */
#define NEWEST_SECONDS (24 * 60 * 60)

/* How long another run may hold the lock; longer than its fetch can take. */
#define LOCK_MS	     (30 * 60 * 1000)
#define LOCK_POLL_US 100000

struct cache {
	char *root, *kernels;
	const char *arch; /* Debian's name */
	struct words modules;
	struct diag *diag;
};

/* What kernels/RELEASE-ARCH/info says. */
struct info {
	char *release, *version;
	struct words asked; /* modules that were looked for in the packages, whether they were there or not */
};

/* Begins the name of a kernel that kernels/build makes. */
static const char built_prefix[] = "built-";

static bool is_built(const char *wanted)
{
	return strncmp(wanted, built_prefix, strlen(built_prefix)) == 0;
}

static char *cache_root(void)
{
	static const struct {
		const char *variable, *below;
	} places[] = {{"VFIOSIM_CACHE", ""}, {"XDG_CACHE_HOME", "/vfiosim"}, {"HOME", "/.cache/vfiosim"}};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *value = getenv(places[i].variable);
		char *here = NULL, *root;

		if (!value || value[0] == '\0')
			continue;
		/* The packages' tools run in other directories: only an absolute path means the same there. */
		if (value[0] != '/')
			here = must(getcwd(NULL, 0));
		root = format_text("%s%s%s%s", here ? here : "", here ? "/" : "", value, places[i].below);
		free(here);
		return root;
	}
	return NULL;
}

static bool make_directories(const char *path)
{
	char *copy = must(strdup(path));
	bool made = true;

	for (char *slash = strchr(copy + 1, '/'); slash && made; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		made = mkdir(copy, 0777) == 0 || errno == EEXIST;
		*slash = '/';
	}
	made = made && (mkdir(copy, 0777) == 0 || errno == EEXIST);
	free(copy);
	return made;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void info_free(struct info *info)
{
	free(info->release);
	free(info->version);
	words_free(&info->asked);
	*info = (struct info){0};
}

/* Reads an info file. False if there is none, or not a whole one. */
static bool info_read(struct info *info, const char *directory)
{
	char *path = format_text("%s/info", directory), *line = NULL;
	FILE *file = fopen(path, "re");
	size_t size = 0;

	*info = (struct info){0};
	while (file && getline(&line, &size, file) >= 0) {
		char *value = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(line, "release") == 0 && !info->release)
			info->release = must(strdup(value));
		else if (strcmp(line, "version") == 0 && !info->version)
			info->version = must(strdup(value));
		else if (strcmp(line, "asked") == 0)
			words_split(&info->asked, value, " ");
	}
	free(line);
	free(path);
	if (file)
		fclose(file);
	if (info->release && info->version)
		return true;
	info_free(info);
	return false;
}

static bool info_write(const struct cache *cache, const char *directory, const char *release, const char *version)
{
	char *path = format_text("%s/info", directory);
	FILE *file = fopen(path, "we");
	bool good = file != NULL;

	free(path);
	if (!file)
		return false;
	fprintf(file, "release %s\nversion %s\nasked", release, version);
	for (size_t i = 0; i < cache->modules.count; i++)
		fprintf(file, " %s", cache->modules.word[i]);
	fputc('\n', file);
	good = !ferror(file);
	return fclose(file) == 0 && good;
}

/*
 * Fills @kernel from the cache. False if @release is not there, or was unpacked without some of the modules. A built
 * kernel has all that there are for it.
 */
static bool take_cached(const struct cache *cache, const char *release, struct kernel *kernel)
{
	char *directory = format_text("%s/%s-%s", cache->kernels, release, cache->arch);
	struct info info;
	bool complete = info_read(&info, directory);

	for (size_t i = 0; complete && !is_built(release) && i < cache->modules.count; i++)
		complete = words_has(&info.asked, cache->modules.word[i]);
	if (!complete) {
		free(directory);
		info_free(&info);
		return false;
	}
	*kernel = (struct kernel){.directory = directory, .release = info.release, .package_version = info.version};
	words_free(&info.asked);
	return true;
}

static char *newest_path(const struct cache *cache, const char *wanted)
{
	return format_text("%s/.newest/%s-%s", cache->kernels, wanted, cache->arch);
}

/* The release that @wanted meant a short time ago; NULL if that is not known. Caller frees. */
static char *newest_known(const struct cache *cache, const char *wanted)
{
	char *path = newest_path(cache, wanted), *release = NULL;
	FILE *file = fopen(path, "re");
	struct stat status;
	size_t size = 0;

	free(path);
	if (!file)
		return NULL;
	if (fstat(fileno(file), &status) < 0 || time(NULL) - status.st_mtime > NEWEST_SECONDS ||
	    getline(&release, &size, file) < 0) {
		free(release);
		release = NULL;
	} else {
		release[strcspn(release, "\n")] = '\0';
	}
	fclose(file);
	return release;
}

/* Only a hint: a cache that cannot be written to is asked again next time. */
static void remember_newest(const struct cache *cache, const char *wanted, const char *release)
{
	char *path = newest_path(cache, wanted);
	char *fresh = format_text("%s.new", path);
	FILE *file = fopen(fresh, "we");

	if (file) {
		fprintf(file, "%s\n", release);
		if (fclose(file) == 0)
			rename(fresh, path);
	}
	free(fresh);
	free(path);
}

/* Whether @release is of the series or the release @wanted: 6.1 is not the beginning of 6.12. */
static bool release_matches(const char *release, const char *wanted)
{
	size_t length = strlen(wanted);

	return strncmp(release, wanted, length) == 0 && (release[length] == '\0' || strchr(".+-", release[length]));
}

/* The newest kernel of the cache that matches, whatever the archive has. */
static bool take_newest_cached(const struct cache *cache, const char *wanted, struct kernel *kernel)
{
	DIR *directory = opendir(cache->kernels);
	const struct dirent *entry;
	size_t suffix = strlen(cache->arch) + 1;
	bool found = false;

	while (directory && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);
		struct kernel candidate;
		char *release;

		if (length <= suffix || entry->d_name[length - suffix] != '-' ||
		    strcmp(entry->d_name + length - suffix + 1, cache->arch) != 0)
			continue;
		release = must(strndup(entry->d_name, length - suffix));
		if (release_matches(release, wanted) && take_cached(cache, release, &candidate)) {
			if (!found || strverscmp(candidate.release, kernel->release) > 0) {
				if (found)
					kernel_free(kernel);
				*kernel = candidate;
				found = true;
			} else {
				kernel_free(&candidate);
			}
		}
		free(release);
	}
	if (directory)
		closedir(directory);
	return found;
}

/* Takes the lock of those who ask the archive. Its descriptor, or -1 with diag. */
static int take_lock(const struct cache *cache)
{
	char *path = format_text("%s/.lock", cache->kernels);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	int64_t until = now_ms() + LOCK_MS;

	if (fd < 0)
		diag_set(cache->diag, path, 0, 0, "cannot be opened: %s", strerror(errno));
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (now_ms() > until || (errno != EWOULDBLOCK && errno != EINTR)) {
			diag_set(cache->diag, path, 0, 0, "another run has been fetching kernels for too long");
			close(fd);
			fd = -1;
		} else {
			usleep(LOCK_POLL_US);
		}
	}
	free(path);
	return fd;
}

/* Puts the directory @fresh in the place of @final; nobody sees anything between the two. */
static bool swap_in(const char *fresh, const char *final)
{
	int fd = open(fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && syncfs(fd) == 0;

	if (fd >= 0)
		close(fd);
	if (!good)
		return false;
	if (rename(fresh, final) == 0)
		return true;
	/* It is there with fewer modules; what is exchanged goes away with the rest of the incoming files. */
	return renameat2(AT_FDCWD, fresh, AT_FDCWD, final, RENAME_EXCHANGE) == 0;
}

/* Unpacks what was downloaded into @incoming, and makes it visible. 0 or -1. */
static int unpack(const struct cache *cache, const char *release, const char *version, const struct words *packages,
		  const char *incoming)
{
	char *fresh = format_text("%s/unpacked", incoming);
	char *final = format_text("%s/%s-%s", cache->kernels, release, cache->arch);
	int error = 0;

	if (!make_directories(fresh))
		error = diag_set(cache->diag, fresh, 0, 0, "cannot be made: %s", strerror(errno));
	if (!error)
		error = unpack_kernel(incoming, packages, release, &cache->modules, fresh, cache->diag);
	if (!error && (!info_write(cache, fresh, release, version) || !swap_in(fresh, final)))
		error = diag_set(cache->diag, final, 0, 0, "cannot be written: %s", strerror(errno));
	free(final);
	free(fresh);
	return error;
}

/* Downloads and unpacks @release. */
static enum backend_status install(const struct cache *cache, const char *release)
{
	char *incoming = format_text("%s/.incoming-%s-%s", cache->kernels, release, cache->arch);
	char *state = format_text("%s/apt", cache->root);
	char *version = NULL;
	struct words packages = {0};
	enum backend_status status = BACKEND_FAILED;

	if (!make_directories(incoming)) {
		diag_set(cache->diag, incoming, 0, 0, "cannot be made: %s", strerror(errno));
	} else {
		status = fetch_download(release, cache->arch, state, incoming, &version, &packages, cache->diag);
		if (status == BACKEND_OK) {
			if (unpack(cache, release, version, &packages, incoming) < 0)
				status = BACKEND_FAILED;
			/* Packages that cannot be unpacked are of no use the next time either. */
			remove_tree(incoming);
		}
	}
	words_free(&packages);
	free(version);
	free(state);
	free(incoming);
	return status;
}

/* The newest of @releases that can be had: an archive's index may name a package that it no longer has. */
static enum backend_status take_first(const struct cache *cache, const struct words *releases, struct kernel *kernel)
{
	enum backend_status status = BACKEND_MISSING;

	for (size_t i = 0; i < releases->count && status == BACKEND_MISSING; i++) {
		if (take_cached(cache, releases->word[i], kernel))
			return BACKEND_OK;
		status = install(cache, releases->word[i]);
		if (status == BACKEND_OK && !take_cached(cache, releases->word[i], kernel)) {
			diag_set(cache->diag, cache->kernels, 0, 0, "Linux %s is gone from the cache again",
				 releases->word[i]);
			status = BACKEND_FAILED;
		}
	}
	return status;
}

/* Asks the archive what @wanted is, and has it unpacked. */
static enum backend_status get_from_archive(const struct cache *cache, const char *wanted, struct kernel *kernel)
{
	char *state = format_text("%s/apt", cache->root);
	struct words releases = {0};
	enum backend_status status = fetch_resolve(wanted, cache->arch, state, &releases, cache->diag);

	if (status == BACKEND_OK)
		status = take_first(cache, &releases, kernel);
	if (status == BACKEND_OK)
		remember_newest(cache, wanted, kernel->release);
	words_free(&releases);
	free(state);
	return status;
}

/* What can be told without asking: an exact release that is there, or the newest of a series as of today. */
static bool take_known(const struct cache *cache, const char *wanted, struct kernel *kernel)
{
	char *release;
	bool found;

	if (take_cached(cache, wanted, kernel))
		return true;
	release = newest_known(cache, wanted);
	found = release && take_cached(cache, release, kernel);
	free(release);
	return found;
}

static enum backend_status get_locked(const struct cache *cache, const char *wanted, struct kernel *kernel)
{
	enum backend_status status;

	/* Another run may have fetched it while this one waited for the lock. */
	if (take_known(cache, wanted, kernel))
		return BACKEND_OK;
	if (getenv("VFIOSIM_OFFLINE")) {
		diag_set(cache->diag, NULL, 0, 0, "Linux %s for %s is not in the cache, and VFIOSIM_OFFLINE is set",
			 wanted, cache->arch);
		status = BACKEND_MISSING;
	} else {
		status = get_from_archive(cache, wanted, kernel);
	}
	if (status != BACKEND_OK && take_newest_cached(cache, wanted, kernel)) {
		/* The archive is out of reach; it is not asked again before every run. */
		if (!getenv("VFIOSIM_OFFLINE"))
			remember_newest(cache, wanted, kernel->release);
		status = BACKEND_OK;
	}
	return status;
}

/* The name becomes part of paths and of a regular expression. */
static bool is_kernel_name(const char *wanted)
{
	const char *version = is_built(wanted) ? wanted + strlen(built_prefix) : wanted;

	return version[0] >= '0' && version[0] <= '9' &&
	       version[strspn(version, "0123456789.+-~_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

enum backend_status kernel_get(struct kernel *kernel, const char *wanted, const char *debian_arch, const char *modules,
			       struct diag *diag)
{
	struct cache cache = {.root = cache_root(), .arch = debian_arch, .diag = diag};
	enum backend_status status = BACKEND_FAILED;
	struct words raw = {0};
	char *newest;
	int lock;

	*kernel = (struct kernel){0};
	if (!is_kernel_name(wanted)) {
		diag_set(diag, NULL, 0, 0,
			 "\"%s\" is not a kernel: expected a series (6.12), a release or a built kernel (built-6.12)",
			 wanted);
		free(cache.root);
		return BACKEND_FAILED;
	}
	if (!cache.root) {
		diag_set(diag, NULL, 0, 0, "no place for the cache: set VFIOSIM_CACHE to a directory");
		return BACKEND_MISSING;
	}
	words_split(&raw, modules, " ");
	for (size_t i = 0; i < raw.count; i++) {
		char *name = module_name(raw.word[i]);

		words_add(&cache.modules, name);
		free(name);
	}
	words_free(&raw);
	cache.kernels = format_text("%s/kernels", cache.root);
	newest = format_text("%s/.newest", cache.kernels);
	if (take_known(&cache, wanted, kernel)) {
		status = BACKEND_OK;
	} else if (is_built(wanted)) {
		diag_set(diag, NULL, 0, 0, "Linux %s for %s is not built: ./dev kernel builds it", wanted, debian_arch);
		status = BACKEND_MISSING;
	} else if (!make_directories(newest)) {
		diag_set(diag, newest, 0, 0, "cannot be made: %s", strerror(errno));
	} else {
		lock = take_lock(&cache);
		if (lock >= 0) {
			status = get_locked(&cache, wanted, kernel);
			close(lock);
		}
	}
	free(newest);
	free(cache.kernels);
	free(cache.root);
	words_free(&cache.modules);
	return status;
}

void kernel_free(struct kernel *kernel)
{
	free(kernel->directory);
	free(kernel->release);
	free(kernel->package_version);
	*kernel = (struct kernel){0};
}

int vm_cached_kernels(int (*visit)(const struct vm_cached_kernel *kernel, void *data), void *data)
{
	char *root = cache_root(), *kernels = root ? format_text("%s/kernels", root) : NULL;
	DIR *directory = kernels ? opendir(kernels) : NULL;
	const struct dirent *entry;
	int result = 0;

	while (directory && !result && (entry = readdir(directory))) {
		char *path = format_text("%s/%s", kernels, entry->d_name);
		char *name = must(strdup(entry->d_name)), *dash = strrchr(name, '-');
		struct info info;

		if (name[0] != '.' && dash && info_read(&info, path)) {
			*dash = '\0';
			result = visit(&(struct vm_cached_kernel){.name = name,
								  .release = info.release,
								  .debian_arch = dash + 1,
								  .package_version = info.version,
								  .built = is_built(name)},
				       data);
			info_free(&info);
		}
		free(name);
		free(path);
	}
	if (directory)
		closedir(directory);
	free(kernels);
	free(root);
	return result;
}
