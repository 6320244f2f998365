// SPDX-License-Identifier: GPL-2.0-only
/* See leftovers.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "leftovers.h"
#include "../modules/hw.h"
#include "../modules/power.h"

#define DEBUGFS		"/sys/kernel/debug/kvm"

/* -1 if the module is not loaded, or is built in. */
static long module_refs(const char *module)
{
	char path[128], name[64], text[32];

	module_name(module, name, sizeof(name));
	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	return read_file(path, text, sizeof(text)) ? atol(text) : -1;
}

/* What a test module tells: the first of them that is loaded. */
static void ask_modules(struct leftovers *l)
{
	unsigned long enabled;
	struct hw_state s;
	int fd;

	fd = open("/dev/hw", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		check(!ioctl(fd, HW_STATE, &s), "HW_STATE: %m");
		close(fd);
		l->online = s.online;
		l->enabled = s.enabled;
		l->usage_count = s.usage_count;
		l->vms = s.vms;
		l->notifiers = s.notifiers;
		return;
	}
	fd = open("/dev/power", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		check(!ioctl(fd, POWER_ENABLED, &enabled), "POWER_ENABLED: %m");
		l->enabled = enabled;
		l->usage_count = ioctl(fd, POWER_VMS);
		close(fd);
	}
}

struct leftovers leftovers(void)
{
	char *modules[MAX_MODULES];
	int nr = kvm_modules(modules), i;
	struct leftovers l = {};
	DIR *dir;

	for (i = 0; i < nr; i++)
		l.refs[i] = module_refs(modules[i]);
	dir = opendir(DEBUGFS);
	while (dir && readdir(dir))
		l.debugfs++;
	if (dir)
		closedir(dir);
	ask_modules(&l);
	return l;
}

static void check_equal(uint64_t before, uint64_t now, const char *what, const char *when)
{
	check(before == now, "%s: %s %#lx, not %#lx", when, what, now, before);
}

void check_leftovers(const struct leftovers *before, const char *fmt, ...)
{
	struct leftovers after = leftovers();
	char *modules[MAX_MODULES], *when, *what;
	int nr = kvm_modules(modules), i;
	va_list ap;

	va_start(ap, fmt);
	check(vasprintf(&when, fmt, ap) >= 0, "out of memory");
	va_end(ap);
	for (i = 0; i < nr; i++) {
		check(asprintf(&what, "references to %s:", modules[i]) >= 0, "out of memory");
		check_equal(before->refs[i], after.refs[i], what, when);
		free(what);
	}
	check_equal(before->debugfs, after.debugfs, "entries in " DEBUGFS ":", when);
	check_equal(before->online, after.online, "CPUs online:", when);
	check_equal(before->enabled, after.enabled, "CPUs enabled:", when);
	check_equal(before->usage_count, after.usage_count, "kvm_usage_count is", when);
	check_equal(before->vms, after.vms, "VMs on vm_list:", when);
	check_equal(before->notifiers, after.notifiers, "MMU notifiers:", when);
	free(when);
}

void check_leftovers_soon(const struct leftovers *before, const char *when)
{
	double end = now() + 10;
	struct leftovers after;

	do {
		after = leftovers();
	} while (memcmp(&after, before, sizeof(after)) && now() < end && !usleep(10000));
	check_leftovers(before, "%s", when);
}

/* A cache of KVM's has objects; one that is merged with others is not its own. */
static void check_cache(const char *cache)
{
	char path[128], text[1024];
	double end = now() + 5;
	struct stat st;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s", cache);
	if (lstat(path, &st) || !S_ISDIR(st.st_mode))
		return;
	do {
		/* What CPUs keep for themselves counts as used. */
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
		check(write_file(path, "1"), "%s: %m", path);
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
		check(read_file(path, text, sizeof(text)), "%s: %m", path);
		/* RCU may still have some. */
	} while (atol(text) && now() < end && !usleep(100000));
	check(!atol(text), "without a VM, there are %ld objects in %s", atol(text), cache);
}

/* Kernel threads with such a name. */
static void check_threads(const char *prefix)
{
	char path[300], text[256];
	struct dirent *d;
	DIR *dir = opendir("/proc");

	check(dir, "/proc: %m");
	while ((d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		check(!atoi(d->d_name) || !read_file(path, text, sizeof(text)) ||
		      strncmp(text, prefix, strlen(prefix)),
		      "without a VM, there is a thread %s", text);
	}
	closedir(dir);
}

static void check_directories(void)
{
	struct dirent *d;
	DIR *dir = opendir(DEBUGFS);

	while (dir && (d = readdir(dir)))
		check(d->d_type != DT_DIR || d->d_name[0] == '.',
		      "without a VM, there is " DEBUGFS "/%s", d->d_name);
	if (dir)
		closedir(dir);
}

void check_no_vm_left(void)
{
	static const char *const caches[] = {
		"kvm_vcpu", "kvm_async_pf", "x86_emulator", "kvm_mmu_page_header", "pte_list_desc"
	};
	struct leftovers l = leftovers();
	char *modules[MAX_MODULES], text[16];
	int nr = kvm_modules(modules);
	unsigned int i;

	check(!nr || l.refs[nr - 1] <= 0, "without a VM, there are %ld references to %s",
	      l.refs[nr - 1], modules[nr - 1]);
	check(l.vms <= 0, "without a VM, there are %ld on vm_list", l.vms);
	if (!read_file("/sys/module/kvm/parameters/enable_virt_at_load", text, sizeof(text)) ||
	    *text != 'Y') {
		check(!l.enabled, "without a VM, CPUs %#lx are enabled", l.enabled);
		check(l.usage_count <= 0, "without a VM, kvm_usage_count is %ld", l.usage_count);
	}
	check_directories();
	for (i = 0; i < sizeof(caches) / sizeof(*caches); i++)
		check_cache(caches[i]);
	check_threads("kvm-");
}

void check_kvm_gone(const char *when)
{
	check(access("/dev/kvm", F_OK), "%s: /dev/kvm is there", when);
	check(access(DEBUGFS, F_OK), "%s: debugfs has a directory kvm", when);
}

/* Those on the CPUs' own lists are free as well, but MemFree leaves out hundreds of them. */
static long free_pages(void)
{
	FILE *f;
	char line[256];
	long nr, sum = 0;

	check(write_file("/proc/sys/vm/stat_refresh", "1"), "stat_refresh: %m");
	f = fopen("/proc/zoneinfo", "r");
	check(f, "/proc/zoneinfo: %m");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " nr_free_pages %ld", &nr) == 1 ||
		    sscanf(line, " count: %ld", &nr) == 1)
			sum += nr;
	}
	fclose(f);
	check(sum, "no free pages in /proc/zoneinfo");
	return sum;
}

long settled_pages(void)
{
	long most = 0, now;
	int i, quiet = 0;

	for (i = 0; i < 40 && quiet < 4; i++) {
		now = free_pages();
		if (now > most) {
			most = now;
			quiet = 0;
		} else {
			quiet++;
		}
		usleep(250000);
	}
	return most;
}
