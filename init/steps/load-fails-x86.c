// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vendor's module fails to load, kvm.ko having had another one of them, and guests.
 * What kvm.ko still has of the one before is memory that was freed.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "../leftovers.h"
#include "../../modules/power.h"
#include "../tsc-aux.h"
#include "../work.h"

#define MANY		100000
#define ENDS		30	/* points at either end that are all tried */
#define EVERY		16	/* one in so many in between */

/* With a user-return MSR of its own, on each CPU. */
static void guests(void)
{
	struct vm vm = {};
	int cpu, r;

	vm_init(&vm, &code_hello, 0);
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		pin(cpu);
		vm_set_msr(&vm, MSR_TSC_AUX, GUEST_AUX, GUEST_AUX);
		r = vm_run(&vm);
		check(r == KVM_EXIT_HLT || r == KVM_EXIT_IO, "the guest ended with %d", r);
	}
	vm_free(&vm);
	vm_hello();
}

/* All that calls kvm.ko without a VM, and without a vendor's module. */
static void call_kvm(unsigned int nth)
{
	bool ok;

	replug(1 + nth % (nr_cpus() - 1));
	set_nx_huge_pages(nth, &ok);
	set_nx_recovery(nth);
	change_frequency(nth % nr_cpus());
	check(write_file("/proc/sys/vm/drop_caches", "2"), "drop_caches: %m");
}

/* Nobody is held where the kernel only tries how far it would get. */
static void suspend_almost(void)
{
	check(write_file("/sys/module/suspend/parameters/pm_test_delay", "0"),
	      "pm_test_delay: %m");
	check(write_file("/sys/power/pm_test", "core"), "pm_test: %m");
	suspend("mem");
	check(write_file("/sys/power/pm_test", "none"), "pm_test: %m");
}

/* Does loading fail, if the nth allocation does?  How many there were after that one. */
static bool fail_load(int power, const char *vendor, int nth, int *left,
		      const struct leftovers *before)
{
	char when[32];
	int r;

	snprintf(when, sizeof(when), "point %d", nth);
	check(!ioctl(power, POWER_INIT_FAILS, nth), "POWER_INIT_FAILS: %m");
	r = try_load(vendor, "");
	*left = ioctl(power, POWER_INIT_LEFT);
	check(*left >= 0, "POWER_INIT_LEFT: %m");
	check(!r || r == ENOMEM, "%s: not 'out of memory', but: %s", when, strerror(r));
	check(!r || !*left, "%s: not loaded without a fault: %s", when, strerror(r));
	if (!r)
		unload(vendor);
	check_kvm_gone(when);
	call_kvm(nth);
	check_leftovers(before, "%s", when);
	return r;
}

/*
 * load-fails: guests run, the vendor's module is unloaded, and fails to load again, at the
 * first allocations of kvm_init(), the last ones and some in between; the machine almost
 * sleeps, and then guests run again.
 */
static int step_load_fails(int argc, char **argv)
{
	int power = open_power();
	int nth, all, nr, tried = 0, failed = 0, left;
	char *modules[MAX_MODULES];
	struct leftovers before;
	const char *vendor;

	check(nr_cpus() > 1, "this machine has one CPU");
	nr = kvm_modules(modules);
	vendor = modules[nr - 1];
	load("fakefreq", "");
	arm_faults();
	in_child(guests, "before");
	unload(vendor);
	before = leftovers();
	check(try_load(vendor, "npt=maybe"), "%s has npt=maybe", vendor);
	check_kvm_gone("a parameter was wrong");
	fail_load(power, vendor, MANY, &left, &before);
	all = MANY - left;
	check(all > 2 * ENDS, "%d allocations only", all);
	for (nth = 1; nth <= all; nth++) {
		if (nth > ENDS && nth < all - ENDS && nth % EVERY)
			continue;
		failed += fail_load(power, vendor, nth, &left, &before);
		tried++;
	}
	ioctl(power, POWER_INIT_FAILS, 0);
	suspend_almost();
	check_kvm_gone("the machine almost slept");
	load(vendor, "");
	in_child(guests, "after");
	check(failed > 10, "%d failures only", failed);
	note("lab: kvm_init: %d allocations, %d tried, %d failures", all, tried, failed);
	return PASS;
}

STEP("load-fails", step_load_fails);
