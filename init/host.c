// SPDX-License-Identifier: GPL-2.0-only
/* The kernel under test as steps use it: files, CPUs, modules, the command line. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lab.h"
#include "../modules/power.h"

#ifndef SYS_kexec_file_load
#define SYS_kexec_file_load	-1	/* MIPS: there is no such system call */
#endif

bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = read(fd, buf + len, size - len)) > 0) {
		len += n;
		/* Half of a file is none: read_all() takes whatever there is. */
		if (len == size) {
			close(fd);
			errno = EFBIG;
			return false;
		}
	}
	close(fd);
	buf[len] = 0;
	return true;
}

char *read_all(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t size = 2048, len = 0;
	char *text = NULL;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	while (n > 0) {
		/* Room for what is to come; files of /proc do not tell their size. */
		if (!text || len == size - 1)
			text = realloc(text, size *= 2);
		check(text, "out of memory: %s", path);
		n = read(fd, text + len, size - 1 - len);
		if (n > 0)
			len += n;
	}
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[len] = 0;
	return text;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

/* Stay on a CPU, or on none in particular if it is negative. */
void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0) {
		memset(&set, 0xff, sizeof(set));
	} else {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
	}
	check(!sched_setaffinity(0, sizeof(set), &set), "cannot move to CPU %d: %m", cpu);
}

int nr_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_CONF);
}

uint64_t all_cpus(void)
{
	return BIT(nr_cpus()) - 1;
}

bool set_online(int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return write_file(path, online ? "1" : "0");
}

void offline(int cpu)
{
	check(set_online(cpu, false), "CPU %d does not go offline: %m", cpu);
}

void online(int cpu)
{
	check(set_online(cpu, true), "CPU %d does not come online: %m", cpu);
}

void replug(int cpu)
{
	offline(cpu);
	online(cpu);
}

void suspend(const char *state)
{
	check(write_file("/sys/power/state", state), "cannot suspend: %m");
}

void sleep_to_ram(void)
{
	/*
	 * An alarm of the last sleep may still be set: Bochs comes back before its time.  On
	 * a busy host it takes long to fall asleep.
	 */
	check(write_file("/sys/class/rtc/rtc0/wakealarm", "0"), "wakealarm: %m");
	check(write_file("/sys/class/rtc/rtc0/wakealarm", "+20"), "wakealarm: %m");
	suspend("mem");
}

int open_power(void)
{
	int fd = open("/dev/power", O_RDWR | O_CLOEXEC);

	check(fd >= 0, "no /dev/power: %m");
	return fd;
}

void sleep_to_idle(void)
{
	int power = open_power();

	check(!ioctl(power, POWER_WAKE, 3000), "POWER_WAKE: %m");
	suspend("freeze");
	close(power);
}

void make_vmm_cgroup(void)
{
	check(!mkdir(CGROUPS, 0700) || errno == EEXIST, CGROUPS ": %m");
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) && errno == ENODEV)
		skip("this kernel has no cgroup v2");
	check(!mkdir(VMM_CGROUP, 0700) || errno == EEXIST, VMM_CGROUP ": %m");
}

void join_vmm_cgroup(void)
{
	check(write_file(VMM_CGROUP "/cgroup.procs", "0"), "cgroup.procs: %m");
}

void module_name(const char *module, char *name, size_t size)
{
	char *p;

	snprintf(name, size, "%s", module);
	for (p = name; *p; p++)
		if (*p == '-')
			*p = '_';
}

/* As modprobe does, params and what the command line has for the module; to be freed. */
static char *with_boot_params(const char *module, const char *params)
{
	char *text = read_all("/proc/cmdline"), *all = strdup(params), *more, *p, *save;
	char name[64];
	size_t n;

	module_name(module, name, sizeof(name));
	n = strlen(name);
	for (p = strtok_r(text, "\n ", &save); p; p = strtok_r(NULL, "\n ", &save)) {
		if (strncmp(p, name, n) || p[n] != '.')
			continue;
		check(asprintf(&more, "%s %s", all, p + n + 1) >= 0, "out of memory");
		free(all);
		all = more;
	}
	free(text);
	return all;
}

/* 0 or the error. */
int try_load(const char *module, const char *params)
{
	char path[128], *all;
	int fd, r;

	snprintf(path, sizeof(path), "/modules/%s.ko", module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0, "no module %s", module);
	all = with_boot_params(module, params);
	r = syscall(SYS_finit_module, fd, all, 0) ? errno : 0;
	free(all);
	close(fd);
	return r;
}

void load(const char *module, const char *params)
{
	int r = try_load(module, params);

	check(!r || r == EEXIST, "cannot load %s: %s", module, strerror(r));
}

int try_unload(const char *module)
{
	char name[64];

	module_name(module, name, sizeof(name));
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

void unload(const char *module)
{
	check(!try_unload(module), "cannot unload %s: %m", module);
}

/* What follows key, up to a blank; NULL if it is not there.  It does not change. */
static const char *cmdline_at(const char *key)
{
	static char *text;
	const char *p;

	if (!text)
		text = read_all("/proc/cmdline");
	/* A word of its own. */
	for (p = text; p && (p = strstr(p, key)); p++)
		if (p == text || p[-1] == ' ')
			return p + strlen(key);
	return NULL;
}

const char *cmdline(const char *key)
{
	const char *p = cmdline_at(key);

	return p ? strndup(p, strcspn(p, "\n ")) : "";
}

int kvm_modules(char **names)
{
	char *p, *save;
	int nr = 0;

	p = strtok_r(strdup(cmdline("lab.modules=")), ",", &save);
	for (; p; p = strtok_r(NULL, ",", &save)) {
		check(nr < MAX_MODULES, "lab.modules= has more than %d", MAX_MODULES);
		names[nr++] = p;
	}
	return nr;
}

bool machine_lacks(const char *what)
{
	const char *p = cmdline_at("lab.lacks=");
	size_t n;

	for (; p; p = p[n] == ',' ? p + n + 1 : NULL) {
		n = strcspn(p, ",\n ");
		if (n == strlen(what) && !strncmp(p, what, n))
			return true;
	}
	return false;
}

void mount_tracing(void)
{
	check(!mount("tracefs", TRACING, "tracefs", 0, NULL) || errno == EBUSY, "tracefs: %m");
}

void read_calls(int nr, int *calls)
{
	char text[128], *p = text;
	int i;

	check(read_file("/sys/module/count/parameters/calls", text, sizeof(text)),
	      "count.ko does not say anything: %m");
	for (i = 0; i < nr; i++)
		calls[i] = strtol(p, &p, 10);
}

bool has_next(void)
{
	return !access("/next/image", R_OK);
}

void load_next(unsigned long flags)
{
	int image = open("/next/image", O_RDONLY), initrd = open("/next/initrd", O_RDONLY);
	char *cmdline = read_all("/proc/cmdline"), *p;
	double start = now();

	check(image >= 0 && initrd >= 0, "no kernel in /next: %m");
	check(cmdline, "/proc/cmdline: %m");
	cmdline[strcspn(cmdline, "\n")] = 0;
	/* The crash kernel has no memory to reserve for yet another one. */
	p = strstr(cmdline, "crashkernel=");
	while (p && *p && *p != ' ')
		*p++ = ' ';
	check(!syscall(SYS_kexec_file_load, image, initrd, strlen(cmdline) + 1, cmdline, flags),
	      "kexec_file_load: %m");
	free(cmdline);
	note("lab: the next kernel was loaded in %.1f s", now() - start);
}
