// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps for the H extension of RISC-V: on which CPUs it is set up for guests, and what
 * happens if that fails.  modules/hext.c tells, and makes it fail.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "../lab.h"

#define PARAMETERS	"/sys/module/hext/parameters/"

static void expect(const char *what, uint64_t cpus, const char *when)
{
	char path[64], text[32];
	uint64_t mask;

	snprintf(path, sizeof(path), PARAMETERS "%s", what);
	check(read_file(path, text, sizeof(text)), "cannot read %s: %m", path);
	mask = strtoull(text, NULL, 16);
	check(mask == cpus, "%s: %s on CPUs %#lx, not %#lx", when, what, mask, cpus);
}

static void fail_on(int cpu)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", cpu);
	check(write_file(PARAMETERS "fail", number), "fail: %m");
}

/* hext-vms: set up on all CPUs with the first VM, and on those that come back. */
static int step_hext_vms(int argc, char **argv)
{
	int cpu, first, second;

	load("hext", "");
	expect("enabled", 0, "no VM yet");
	for (cpu = 1; cpu < nr_cpus(); cpu++) {
		replug(cpu);
		expect("enabled", 0, "a CPU came back before the first VM");
		first = vm_created();
		second = vm_created();
		close(second);
		expect("enabled", all_cpus(), "one of two VMs is left");
		replug(cpu);
		expect("enabled", all_cpus(), "a CPU came back with a VM");
		close(first);
		expect("enabled", 0, "the last VM is gone");

		offline(cpu);
		first = vm_created();
		online(cpu);
		expect("enabled", all_cpus(), "a CPU that missed the first VM");
		close(first);
		expect("enabled", 0, "the last VM is gone again");
	}
	return PASS;
}

STEP("hext-vms", step_hext_vms);

/* hext-interrupts: what is pending for guests goes away with the last VM. */
static int step_hext_interrupts(int argc, char **argv)
{
	int fd;

	load("hext", "");
	fd = vm_created();
	check(write_file(PARAMETERS "pending", "1"), "pending: %m");
	expect("pending", all_cpus(), "as asked for");
	close(fd);
	expect("enabled", 0, "the last VM is gone");
	expect("pending", 0, "the last VM is gone");
	return PASS;
}

STEP("hext-interrupts", step_hext_interrupts);

/* hext-fail: it fails on one CPU, for each of them in turn. */
static int step_hext_fail(int argc, char **argv)
{
	int cpu, fd, error = 0;

	load("hext", "");
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		fail_on(cpu);
		fd = vm_create();
		check(fd < 0, "CPU %d fails, and a VM is created", cpu);
		if (errno != ENXIO)
			error = errno;
		expect("enabled", 0, "a CPU failed");
		fail_on(-1);
		close(vm_created());
	}
	check(!error, "KVM_CREATE_VM: %s, the CPU: %s", strerror(error), strerror(ENXIO));
	return PASS;
}

STEP("hext-fail", step_hext_fail);

/* hext-refused: a CPU that fails stays offline as long as there is a VM. */
static int step_hext_refused(int argc, char **argv)
{
	int cpu = nr_cpus() - 1, fd;

	load("hext", "");
	offline(cpu);
	fail_on(cpu);
	check(set_online(cpu, true), "without a VM, CPU %d does not come online: %m", cpu);
	offline(cpu);
	fd = vm_created();
	check(!set_online(cpu, true), "CPU %d came online under a VM", cpu);
	fail_on(-1);
	online(cpu);
	expect("enabled", all_cpus(), "it works again");
	close(fd);
	expect("enabled", 0, "the last VM is gone");
	return PASS;
}

STEP("hext-refused", step_hext_refused);

/* hext-always: kvm.enable_virt_at_load is set; there is no VM, one, and none again. */
static int step_hext_always(int argc, char **argv)
{
	int cpu = nr_cpus() - 1;

	load("hext", "");
	expect("enabled", all_cpus(), "KVM was loaded");
	replug(cpu);
	expect("enabled", all_cpus(), "a CPU came back without a VM");
	close(vm_created());
	expect("enabled", all_cpus(), "the last VM is gone");

	offline(cpu);
	fail_on(cpu);
	check(!set_online(cpu, true), "CPU %d came online, and was not enabled", cpu);
	fail_on(-1);
	online(cpu);
	expect("enabled", all_cpus(), "it works again");
	return PASS;
}

STEP("hext-always", step_hext_always);

/* Memory comes and goes, on several CPUs at a time: each time, the firmware flushes TLBs. */
static void *map_and_unmap(void *arg)
{
	long *count = arg;

	for (;; ++*count) {
		char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		check(p != MAP_FAILED, "mmap: %m");
		*(volatile char *)p = 1;
		munmap(p, 4 * 4096);
	}
	return NULL;
}

/*
 * fences SECONDS: what CPU hotplug and TLB flushes do to each other without KVM, i.e. with
 * the kernel and the firmware alone.  The threads end with the step.
 */
static int step_fences(int argc, char **argv)
{
	double end = now() + atoi(argv[1]);
	int cpus = nr_cpus(), i;
	static long count[4];
	pthread_t thread;
	long replugs;

	for (i = 0; i < 4; i++)
		check(!pthread_create(&thread, NULL, map_and_unmap, &count[i]), "pthread_create");
	for (replugs = 0; now() < end; replugs++)
		replug(1 + replugs % (cpus - 1));
	note("lab: %ld CPUs replugged, %ld times unmapped", replugs,
	     count[0] + count[1] + count[2] + count[3]);
	return PASS;
}

STEP("fences", step_fences);
