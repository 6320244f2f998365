// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps for virtualization that modules/fakevz.c fakes: when it is turned on and
 * off, and what is left when that fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>

#include "../lab.h"

#define PARAMETERS	"/sys/module/fakevz/parameters/"

static int counted(const char *path)
{
	char text[32];

	check(read_file(path, text, sizeof(text)), "no %s: %m", path);
	return atoi(text);
}

/* What fakevz.ko has counted since this was called last. */
static void expect_since(const char *when, int on, int off)
{
	static int enables, disables;
	int e = counted(PARAMETERS "enables"), d = counted(PARAMETERS "disables");

	if (when)
		check(e - enables == on && d - disables == off,
		      "%s: turned on %d times, off %d times, not %d and %d", when,
		      e - enables, d - disables, on, off);
	enables = e;
	disables = d;
}

/*
 * fakevz-count [TOO-MANY]: on every CPU with the first VM, off with the last one,
 * else not.  TOO-MANY are expected for the first VM, to see the step fail.
 */
static int step_count(int argc, char **argv)
{
	int cpus = nr_cpus(), too_many = argc > 1 ? atoi(argv[1]) : 0, first, second;

	expect_since(NULL, 0, 0);
	first = vm_created();
	expect_since("first VM", cpus + too_many, 0);
	second = vm_created();
	expect_since("second VM", 0, 0);
	close(first);
	expect_since("first VM gone", 0, 0);
	close(second);
	expect_since("no VM left", 0, cpus);
	close(vm_created());
	expect_since("a VM again", cpus, cpus);
	note("lab: VZ on with the first VM, off with the last, on %d CPU", cpus);
	return PASS;
}

STEP("fakevz-count", step_count);

/*
 * KVM warns when it finds another size of the TLB.  That warning is part of the
 * test: it is kept off the console and has to be the only one in the log.
 */
static void expect_warnings(int log, int nr)
{
	char record[1024];
	int n, found = 0;

	while ((n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		if (strstr(record, "Available guest VTLB size mismatch"))
			found++;
		else if (strstr(record, "WARNING: ") && !strstr(record, " kvm_vz_"))
			fail("in the log: %s", record);
		check(!strstr(record, "BUG: "), "in the log: %s", record);
	}
	check(found == nr, "%d warnings of a mismatch, not %d", found, nr);
}

/* fakevz-fail: no VM if a CPU refuses, nothing left of it, and a VM thereafter. */
static int step_fail(int argc, char **argv)
{
	int cpus = nr_cpus(), log, vm, i, error = 0, rounds = 3;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	check(log >= 0 && lseek(log, 0, SEEK_END) >= 0, "/dev/kmsg: %m");
	/* The first VM since KVM was loaded decides which size is right. */
	close(vm_created());
	check(write_file("/proc/sys/kernel/printk", "1"), "printk: %m");
	check(write_file(PARAMETERS "fail", "1"), "fail: %m");
	expect_since(NULL, 0, 0);
	for (i = 0; i < rounds; i++) {
		vm = vm_create();
		error = errno;
		/* The CPU says EINVAL; there are kernels that make one error of all. */
		if (vm >= 0 || (error != EBUSY && error != EIO && error != EINVAL))
			break;
	}
	write_file(PARAMETERS "fail", "0");
	write_file("/proc/sys/kernel/printk", "7");
	check(i == rounds, "KVM_CREATE_VM: %s", vm < 0 ? strerror(error) : "no error");
	expect_since("refused VMs", rounds * cpus, 0);
	expect_warnings(log, rounds * cpus);

	vm = vm_created();
	expect_since("VM after refused ones", cpus, 0);
	/* Nothing is turned on for a second VM, so nothing can fail. */
	check(write_file(PARAMETERS "fail", "1"), "fail: %m");
	i = vm_create();
	write_file(PARAMETERS "fail", "0");
	check(i >= 0, "KVM_CREATE_VM, with a VM there: %m");
	expect_since("second VM", 0, 0);
	close(i);
	close(vm);
	expect_since("no VM left", 0, cpus);
	note("lab: %d VMs refused: %s; then created", rounds, strerror(error));
	return PASS;
}

STEP("fakevz-fail", step_fail);

/* fakevz-vcpu: guest registers to the CPU and back, which is all but to run. */
static int step_vcpu(int argc, char **argv)
{
	static struct kvm_regs regs;
	struct vm vm = {};

	vm_init(&vm, &code_hello, 0);
	check(!ioctl(vm.vcpu, KVM_GET_REGS, &regs), "KVM_GET_REGS: %m");
	check(!ioctl(vm.vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS: %m");
	vm_free(&vm);
	return PASS;
}

STEP("fakevz-vcpu", step_vcpu);

/* fakevz-suspend: off before and on after, if there is a VM, and else not. */
static int step_suspend(int argc, char **argv)
{
	int vm;

	if (machine_lacks("suspend"))
		skip("not on this machine");
	load("fakesuspend", "");
	expect_since(NULL, 0, 0);
	suspend("mem");
	expect_since("suspend without a VM", 0, 0);
	vm = vm_created();
	expect_since(NULL, 0, 0);
	suspend("mem");
	expect_since("suspend with a VM", nr_cpus(), nr_cpus());
	close(vm);
	expect_since("no VM left", 0, nr_cpus());
	return PASS;
}

STEP("fakevz-suspend", step_suspend);

/* CPU 1 goes offline as far as it can without being switched off, and comes back. */
static void turn_back(void)
{
	char text[8192], *p, *save, *teardown = NULL;

	check(read_file("/sys/devices/system/cpu/hotplug/states", text, sizeof(text)),
	      "hotplug/states: %m");
	for (p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		if (strstr(p, "cpu:teardown"))
			teardown = strsep(&p, ":");
	check(teardown && write_file("/sys/devices/system/cpu/cpu1/hotplug/fail", teardown),
	      "hotplug/fail: %m");
	check(!set_online(1, false) && errno == EAGAIN, "CPU 1 goes offline, and should not");
}

/*
 * fakevz-hotplug: off on a CPU that goes, on when it comes, if there is a VM, and else not.
 * The emulator does not survive a CPU that is really switched off.
 */
static int step_hotplug(int argc, char **argv)
{
	int vm;

	check(nr_cpus() == 2, "%d CPUs, not 2", nr_cpus());
	expect_since(NULL, 0, 0);
	turn_back();
	expect_since("CPU 1 went and came without a VM", 0, 0);
	vm = vm_created();
	expect_since("first VM", 2, 0);
	turn_back();
	expect_since("CPU 1 went and came with a VM", 1, 1);
	close(vm);
	expect_since("no VM left", 0, 2);
	return PASS;
}

STEP("fakevz-hotplug", step_hotplug);

/*
 * fakevz-always [unloaded]: kvm.enable_virt_at_load is set; VZ was turned on when KVM
 * was loaded, stays on whatever VMs do, and was turned off when KVM was unloaded.
 */
static int step_always(int argc, char **argv)
{
	int cpus = nr_cpus(), sleeps = !machine_lacks("suspend");

	if (argc > 1) {
		/* A step of its own: counted since fakevz.ko was loaded. */
		expect_since("KVM unloaded", cpus * (1 + sleeps), cpus * (1 + sleeps));
		return PASS;
	}
	expect_since("KVM loaded", cpus, 0);
	close(vm_created());
	expect_since("a VM came and went", 0, 0);
	if (sleeps) {
		load("fakesuspend", "");
		suspend("mem");
		expect_since("suspend without a VM", cpus, cpus);
	}
	return PASS;
}

STEP("fakevz-always", step_always);
