/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Looks at what is there, not at what calls do: a probe leaves no trace in what is recorded after it.
 */
#include "probe.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What an administrator can set, and what it is if nobody does. */
static const struct setting {
	const char *field, *parameter; /* of a module, as MODULE.NAME */
	int64_t usual;
} settings[] = {
#define FIELD(...)
#define SETTING(id, name, parameter, sentence, source, usual, ...) {name, parameter, usual},
#include "../../model/profile-fields.def"
};

/* The number that a parameter has now, a flag's 0 or 1; or what it usually is, where there is no such parameter. */
static int64_t probe_setting(const struct setting *setting)
{
	const int module = (int)strcspn(setting->parameter, ".");
	char path[128], text[32] = "";
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%.*s/parameters/%s", module, setting->parameter,
		 setting->parameter + module + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return setting->usual;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return setting->usual;
	if (text[0] == 'Y' || text[0] == 'N')
		return text[0] == 'Y';
	return strtoll(text, NULL, 10);
}

/* 2: noiommu mode is on; 1: the kernel has it, switched off; 0: it has not. */
static int probe_noiommu(void)
{
	int fd = open("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", O_RDONLY | O_CLOEXEC);
	char value = 'N';

	if (fd < 0)
		return 0;
	if (read(fd, &value, 1) != 1)
		value = 'N';
	close(fd);
	return value == 'Y' ? 2 : 1;
}

static int probe_iommufd(void)
{
	return access("/dev/iommu", F_OK) == 0;
}

/* The folder of the files is there only with a device that has one; the numbers are set aside in any case. */
static int probe_cdev(void)
{
	FILE *devices = fopen("/proc/devices", "re");
	char line[128];
	int found = 0;

	while (devices && !found && fgets(line, sizeof(line), devices))
		found = strstr(line, " vfio-dev\n") != NULL;
	if (devices)
		fclose(devices);
	return found;
}

void probe_fields(char *text, size_t size)
{
	static const struct {
		const char *field;
		int (*probe)(void);
	} probes[] = {{"noiommu", probe_noiommu}, {"iommufd", probe_iommufd}, {"device_cdev", probe_cdev}};
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		long long value = probe_setting(&settings[i]);

		if (value != settings[i].usual && length < size)
			length += (size_t)snprintf(text + length, size - length, " %s=%lld", settings[i].field, value);
	}
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		int value = probes[i].probe();

		if (value && length < size)
			length += (size_t)snprintf(text + length, size - length, " %s=%d", probes[i].field, value);
	}
}
