// SPDX-License-Identifier: GPL-2.0-only
/* See work.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "work.h"

long meminfo(const char *key)
{
	char text[4096], *p;

	check(read_file("/proc/meminfo", text, sizeof(text)), "meminfo: %m");
	p = strstr(text, key);
	check(p, "no %s", key);
	return atol(p + strlen(key));
}

/* With min_free_kbytes at 60 % of the memory kswapd begins at 75 %. */
void reclaim_early(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", meminfo("MemTotal:") / 5 * 3);
	check(write_file("/proc/sys/vm/min_free_kbytes", text), "min_free_kbytes: %m");
}

void short_of_memory(const volatile bool *stop)
{
	long enough = meminfo("MemTotal:") / 3 * 2;
	size_t chunk = 4 << 20;
	char *chunks[1024];
	int nr = 0;

	do {
		chunks[nr] = mmap(NULL, chunk, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (chunks[nr] != MAP_FAILED)
			nr++;
	} while (meminfo("MemFree:") > enough && nr < 1024 && !*stop);
	usleep(200000);
	while (nr)
		munmap(chunks[--nr], chunk);
}

bool read_statistics(void)
{
	char path[300], text[64];
	struct dirent *d;
	DIR *dir;

	dir = opendir(STATS);
	if (!dir)
		return false;
	while ((d = readdir(dir))) {
		if (d->d_type == DT_DIR)
			continue;
		snprintf(path, sizeof(path), STATS "%s", d->d_name);
		if (!read_file(path, text, sizeof(text))) {
			/* KVM is unloaded meanwhile. */
			check(errno == ENOENT || errno == ENXIO || errno == EIO, "%s: %m", path);
			break;
		}
		/* Not all can be cleared. */
		write_file(path, "0");
	}
	closedir(dir);
	return true;
}

bool change_frequency(int cpu)
{
	char path[80];

	snprintf(path, sizeof(path),
		 "/sys/devices/system/cpu/cpufreq/policy%d/scaling_max_freq", cpu);
	/* No policy while the CPU is offline. */
	return write_file(path, "1000000") && write_file(path, "2000000");
}

const char *set_nx_huge_pages(unsigned int nth, bool *ok)
{
	static const char *const values[] = { "force", "off", "auto", "1", "never", "0" };
	const char *v = values[nth % 6];

	*ok = write_file(PARAMS "nx_huge_pages", v);
	return v;
}

void set_nx_recovery(unsigned int nth)
{
	write_file(PARAMS "nx_huge_pages_recovery_period_ms", nth % 2 ? "100" : "0");
	write_file(PARAMS "nx_huge_pages_recovery_ratio", nth % 3 ? "1" : "3600");
}
