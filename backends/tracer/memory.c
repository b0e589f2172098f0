/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The memory of the program: its bytes, and what is mapped where.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tracer_internal.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

size_t memory_read(pid_t tid, uint64_t address, void *bytes, size_t length)
{
	/* Page by page: a transfer is all or nothing within one piece of the other side. */
	enum { PIECES = 64 };
	const size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	size_t done = 0;

	while (done < length) {
		struct iovec local = {(uint8_t *)bytes + done, 0}, remote[PIECES];
		unsigned count = 0;
		ssize_t got;

		while (count < PIECES && done + local.iov_len < length) {
			uint64_t at = address + done + local.iov_len;
			size_t piece = page_size - at % page_size;

			if (piece > length - done - local.iov_len)
				piece = length - done - local.iov_len;
			if (at < address)
				break;
			remote[count++] = (struct iovec){(void *)(uintptr_t)at, piece};
			local.iov_len += piece;
		}
		got = count ? process_vm_readv(tid, &local, 1, remote, count, 0) : 0;
		if (got <= 0)
			break;
		done += (size_t)got;
		if ((size_t)got < local.iov_len)
			break;
	}
	return done;
}

ssize_t memory_read_string(pid_t tid, uint64_t address, char *string, size_t size)
{
	size_t length = 0;

	/* In small steps: most strings are short, and what follows need not be there. */
	while (length < size) {
		size_t step = size - length < 256 ? size - length : 256;
		size_t got = memory_read(tid, address + length, string + length, step);
		const char *end = memchr(string + length, '\0', got);

		if (end)
			return end - string;
		if (got < step)
			break;
		length += got;
	}
	return -1;
}

/* One line of maps or smaps. */
struct map_line {
	struct region region;
	bool has_file;
};

/* Whether @line begins a mapping; then @map is filled. */
static bool parse_map_line(const char *line, struct map_line *map)
{
	struct region *region = &map->region;
	uint64_t inode;
	char permissions[5];
	int path = 0;

	*map = (struct map_line){.region.fd = -1};
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 " %n", &region->start, &region->end,
		   permissions, &region->offset, &inode, &path) != 5 ||
	    path == 0)
		return false;
	region->prot = (permissions[0] == 'r' ? PROT_READ : 0) | (permissions[1] == 'w' ? PROT_WRITE : 0) |
		       (permissions[2] == 'x' ? PROT_EXEC : 0);
	region->flags = permissions[3] == 's' ? MAP_SHARED : MAP_PRIVATE;
	map->has_file = inode != 0;
	if (strstr(line + path, "[vfio-device]")) {
		region->fd = 0;
	} else {
		/* Contents do not count, so that a file's memory is told as memory of nobody. */
		region->flags |= MAP_ANONYMOUS;
		region->offset = 0;
	}
	return true;
}

/* Joins @region to the last one if it goes on where that ends and is the same kind of memory. */
static int append_joined(struct regions *regions, const struct region *region)
{
	struct region *last = regions->count ? &regions->list[regions->count - 1] : NULL;

	if (last && last->end == region->start && last->fd < 0 && region->fd < 0 && last->flags == region->flags &&
	    last->prot == region->prot) {
		last->end = region->end;
		return 0;
	}
	return regions_append(regions, region);
}

/* Cuts @region to [start, end), to whole pages of @page bytes. */
static void clip(struct region *region, uint64_t start, uint64_t end, uint64_t page)
{
	start -= start % page;
	if (end % page)
		end += page - end % page;
	if (region->start < start) {
		if (region->fd >= 0)
			region->offset += start - region->start;
		region->start = start;
	}
	if (region->end > end && end > region->start)
		region->end = end;
}

static unsigned log2_of(uint64_t value)
{
	unsigned log = 0;

	while (value >>= 1)
		log++;
	return log;
}

/* Marks @region as huge pages if smaps says so; smaps is positioned where the mapping's line was read. */
static void find_page_size(FILE *smaps, char **line, size_t *size, struct region *region, uint64_t *page)
{
	struct map_line map;
	bool inside = false;
	uint64_t kilobytes = 0;

	*page = (uint64_t)sysconf(_SC_PAGESIZE);
	while (getline(line, size, smaps) > 0) {
		if (parse_map_line(*line, &map))
			inside = map.region.start == region->start;
		else if (inside && sscanf(*line, "KernelPageSize: %" SCNu64, &kilobytes) == 1)
			break;
	}
	if (!inside || feof(smaps) || kilobytes * 1024 <= *page)
		return;
	*page = kilobytes * 1024;
	region->flags |= MAP_HUGETLB | (uint32_t)(log2_of(*page) << MAP_HUGE_SHIFT);
}

int memory_map(pid_t tid, uint64_t address, uint64_t end, struct regions *regions, uint64_t *gap_end)
{
	FILE *maps, *smaps = NULL;
	char path[64], *line = NULL, *smaps_line = NULL;
	size_t size = 0, smaps_size = 0;
	uint64_t at = address;
	struct map_line map;
	int error = 0;

	*gap_end = end;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (!error && at < end && getline(&line, &size, maps) > 0) {
		uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

		if (!parse_map_line(line, &map) || map.region.end <= at)
			continue;
		if (map.region.start > at) {
			*gap_end = map.region.start < end ? map.region.start : end;
			break;
		}
		/* Huge pages are files even when they are anonymous; smaps costs too much to ask it for all else. */
		if (map.has_file && map.region.fd < 0) {
			snprintf(path, sizeof(path), "/proc/%d/smaps", (int)tid);
			if (!smaps)
				smaps = fopen(path, "re");
			if (smaps)
				find_page_size(smaps, &smaps_line, &smaps_size, &map.region, &page);
		}
		clip(&map.region, at, end, page);
		at = map.region.end;
		error = append_joined(regions, &map.region);
	}
	if (at >= end)
		*gap_end = at;
	free(line);
	free(smaps_line);
	fclose(maps);
	if (smaps)
		fclose(smaps);
	return error;
}

/* What /proc/PID/pagemap says of a page. */
#define PAGE_EXCLUSIVE (UINT64_C(1) << 56) /* mapped here and nowhere else; the page of zeros never is */
#define PAGE_SWAPPED   (UINT64_C(1) << 62)

bool memory_written(pid_t tid, uint64_t start, uint64_t end, uint64_t *first, uint64_t *last)
{
	const uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t pages[512];
	bool found = false, ended = false;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	*first = *last = start;
	while (fd >= 0 && !ended && *last < end) {
		uint64_t wanted = (end - *last) / page_size;
		ssize_t got = pread(fd, pages, (wanted < 512 ? wanted : 512) * sizeof(*pages),
				    (off_t)(*last / page_size * sizeof(*pages)));

		ended = got < (ssize_t)sizeof(*pages);
		for (size_t i = 0; !ended && i < (size_t)got / sizeof(*pages); i++) {
			bool written = pages[i] & (PAGE_EXCLUSIVE | PAGE_SWAPPED);

			ended = found && !written;
			if (!found && written)
				*first = *last;
			found = found || written;
			if (!ended)
				*last += page_size;
		}
	}
	if (fd >= 0)
		close(fd);
	return found;
}
