// SPDX-License-Identifier: GPL-2.0-only
/* See hw.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "hw.h"

int hw;

long hw_u32(unsigned long cmd, uint32_t arg)
{
	long r = ioctl(hw, cmd, &arg);

	check(r >= 0, "hw ioctl %#lx: %m", cmd);
	return r;
}

/* Also for a step that comes after one that failed. */
void open_hw(int cpus)
{
	int cpu;

	if (nr_cpus() < cpus)
		skip("takes %d CPUs", cpus);
	hw = open("/dev/hw", O_RDWR | O_CLOEXEC);
	check(hw >= 0, "no /dev/hw: %m");
	hw_u32(HW_FAIL, HW_NO_CPU);
	hw_u32(HW_INCOMPATIBLE, HW_NO_CPU);
	syscall(SYS_delete_module, "otherhv", O_NONBLOCK);
	for (cpu = 1; cpu < nr_cpus(); cpu++)
		online(cpu);
	pin(cpus == 4 ? WATCH : 0);
	/* A reference to the vendor's module, from now on. */
	kvm_fd();
}

struct hw_state get_state(void)
{
	struct hw_state s;

	check(!ioctl(hw, HW_STATE, &s), "HW_STATE: %m");
	return s;
}

/* All CPUs that are online have it enabled, and all that are wanted are online. */
void check_enabled(uint64_t online, const char *when)
{
	struct hw_state s = get_state();

	check(s.online == online, "%s: CPUs %#llx are online, not %#lx", when, s.online, online);
	check(s.enabled == s.online, "%s: a VM exists, CPUs %#llx of %#llx are enabled", when,
	      s.enabled, s.online);
}

void check_disabled(const char *when)
{
	struct hw_state s = get_state();

	check(!s.enabled, "%s: there is no VM, CPUs %#llx are enabled", when, s.enabled);
}

void hold(uint32_t point, uint32_t cpu)
{
	struct hw_hold h = { .point = point, .cpu = cpu };

	if (!ioctl(hw, HW_HOLD, &h))
		return;
	if (errno == EOPNOTSUPP)
		skip("this kernel has no such point");
	fail("HW_HOLD: %m");
}

bool wait_at(uint32_t point, double seconds)
{
	double end = now() + seconds;

	while (!hw_u32(HW_HELD, point)) {
		if (now() > end)
			return false;
		usleep(1000);
	}
	return true;
}

static void *job_thread(void *p)
{
	struct job *job = p;

	pin(job->cpu);
	job->result = job->fn(job->arg);
	job->error = errno;
	job->done = true;
	return NULL;
}

void start_job(struct job *job, int cpu, int (*fn)(int arg), int arg)
{
	memset(job, 0, sizeof(*job));
	job->cpu = cpu;
	job->fn = fn;
	job->arg = arg;
	check(!pthread_create(&job->thread, NULL, job_thread, job), "pthread_create");
}

bool end_job(struct job *job)
{
	bool done = job->done;

	pthread_join(job->thread, NULL);
	return done;
}

int job_create(int unused)
{
	return vm_create();
}

int job_online(int cpu)
{
	return set_online(cpu, true);
}

int job_offline(int cpu)
{
	return set_online(cpu, false);
}

/* Without HW_STATE, which waits for hotplug to be over. */
bool in_online_mask(int cpu)
{
	char text[256], *p;

	check(read_file("/sys/devices/system/cpu/online", text, sizeof(text)), "cpu/online: %m");
	for (p = strtok(text, ",\n"); p; p = strtok(NULL, ",\n")) {
		int first = atoi(p), last = strchr(p, '-') ? atoi(strchr(p, '-') + 1) : first;

		if (cpu >= first && cpu <= last)
			return true;
	}
	return false;
}
