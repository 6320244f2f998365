// SPDX-License-Identifier: GPL-2.0-only
/* Steps that need no module of the lab, change nothing, and bear with other VMs: see init/host. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../tsc-aux.h"
#include "../work.h"

static bool has_rdtscp(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && d & 1 << 27;
}

/*
 * tsc-aux: a guest has its own TSC_AUX, a user-return MSR where the CPU does not switch it.
 * User space has the host's afterwards, on each CPU.
 */
static int step_tsc_aux(int argc, char **argv)
{
	struct vm vm = {};
	int cpu, nr = 0;
	uint32_t host, found;

	if (!has_rdtscp())
		skip("no RDTSCP");
	vm_init(&vm, &code_halt, 0);
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		/* One that is offline, or not for this process. */
		if (sched_setaffinity(0, sizeof(set), &set))
			continue;
		host = read_aux();
		vm_set_msr(&vm, MSR_TSC_AUX, GUEST_AUX, GUEST_AUX + 1);
		check(vm_run(&vm) == KVM_EXIT_HLT, "the guest did not halt");
		found = read_aux();
		check(found == host, "CPU %d: TSC_AUX is %#x after a guest, not %#x", cpu, found,
		      host);
		nr++;
	}
	note("lab: TSC_AUX is right on %d CPUs", nr);
	return PASS;
}

STEP("tsc-aux", step_tsc_aux);

/* Exits of all vCPUs, as debugfs has it. */
static long all_exits(void)
{
	char text[64];

	check(read_file(STATS "exits", text, sizeof(text) - 1), STATS "exits: %m");
	return atol(text);
}

/* All files of statistics. */
static void read_all_statistics(void)
{
	struct dirent *d;
	DIR *dir = opendir(STATS);

	check(dir, STATS ": %m");
	while ((d = readdir(dir))) {
		char path[300], text[64];

		if (d->d_type == DT_DIR)
			continue;
		snprintf(path, sizeof(path), STATS "%s", d->d_name);
		check(read_file(path, text, sizeof(text) - 1), "%s: %m", path);
	}
	closedir(dir);
}

#define EXITS	1000

/*
 * statistics VMS: they are read while that many VMs come and go.  Whoever walks all VMs finds the
 * one that is there all the time.
 */
static int step_statistics(int argc, char **argv)
{
	long nr = atol(argv[1]), reads = 0, found;
	struct {
		volatile long vms;
		volatile bool stop;
	} *shared;
	double end = now() + 600;
	struct vm vm = {};
	pid_t pid;
	int i;

	if (access(STATS, R_OK))
		skip("no statistics in " STATS ": %s", strerror(errno));
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared != MAP_FAILED, "mmap: %m");
	vm_init(&vm, &code_halt, 0);
	for (i = 0; i < EXITS; i++)
		check(vm_run(&vm) == KVM_EXIT_HLT, "the guest did not halt");
	pid = fork();
	if (!pid) {
		for (; !shared->stop; shared->vms++)
			vm_hello();
		_exit(PASS);
	}
	for (; shared->vms < nr || reads < 10; reads++) {
		int status;

		found = all_exits();
		check(found >= EXITS, "%ld exits in the statistics, of which one VM had %d", found,
		      EXITS);
		read_all_statistics();
		check(!waitpid(pid, &status, WNOHANG), "who creates VMs ended: status %#x",
		      status);
		check(now() < end, "%ld VMs, %ld reads of the statistics in 600 s", shared->vms,
		      reads);
	}
	shared->stop = true;
	wait_good(pid, 120, "who creates VMs");
	note("lab: %ld VMs came and went, the statistics were read %ld times", shared->vms, reads);
	return PASS;
}

STEP("statistics", step_statistics);
