// SPDX-License-Identifier: GPL-2.0-only
/* Allocations that fail on demand, where the kernel has fault injection. */
#define _GNU_SOURCE
#include <fcntl.h>

#include "lab.h"

#define FAULTS	"/sys/kernel/debug/failslab"

bool has_faults(void)
{
	return !access(FAULTS, F_OK) && !access("/proc/thread-self/fail-nth", W_OK);
}

void arm_faults(void)
{
	static const char *const files[][2] = {
		{ "failslab/cache-filter", "N" },
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};
	char path[80];
	unsigned int i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", files[i][0]);
		check(write_file(path, files[i][1]), "%s: %m", path);
	}
}

int fail_nth(int nth)
{
	static __thread pid_t owner;
	static __thread int fd;
	char text[16] = "";
	int len, left;

	/* The file is the thread's that opened it: not the child's after a fork. */
	if (owner != gettid()) {
		if (owner)
			close(fd);
		owner = gettid();
		fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	}
	check(fd >= 0, "no fail-nth: %m");
	check(pread(fd, text, sizeof(text) - 1, 0) > 0, "fail-nth: %m");
	left = atoi(text);
	len = snprintf(text, sizeof(text), "%d", nth);
	check(pwrite(fd, text, len, 0) == len, "fail-nth: %m");
	return left;
}
