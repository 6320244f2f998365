// SPDX-License-Identifier: GPL-2.0-only
/* Steps for allocations that fail. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "../leftovers.h"
#include "../../modules/power.h"
#include "../work.h"

/* Does KVM_CREATE_VM fail, with errno, if the nth allocation does?  @left as fail_nth(). */
static bool create_fails(int nth, int *left)
{
	int fd;

	fail_nth(nth);
	fd = vm_create();
	*left = fail_nth(0);
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

/*
 * Whole pages are nothing that kmemleak knows of.  One that is left each time shows in
 * what is free after many times; the first ones fill caches.  Which allocation is the
 * nth one varies: the last point up to @nth that fails ten times in a row is taken.
 *
 * Not under KASAN, which keeps in quarantine what was freed; that kernel has no kmemleak.
 */
static void same_memory(int nth)
{
	int i, rounds = 500, first = 200, failed = 0, left;
	long before, lost;

	for (i = 0; i < 10 && nth; i++) {
		if (!create_fails(nth, &left)) {
			i = -1;
			nth--;
		}
	}
	check(nth, "no point fails ten times");
	for (i = 0; i < first; i++)
		create_fails(nth, &left);
	before = settled_pages();
	for (i = 0; i < 10 * rounds && failed < rounds; i++)
		failed += create_fails(nth, &left);
	lost = before - settled_pages();
	note("lab: point %d failed %d of %d times, %ld pages less are free", nth, failed, i, lost);
	check(failed == rounds, "point %d fails too seldom", nth);
	check(lost < rounds / 4, "%ld pages are gone after %d failures", lost, failed);
}

/*
 * fail-create [alive]: each allocation of KVM_CREATE_VM fails once, without or with
 * another VM.  Nothing is left of a VM that was not created, and the next one is.
 * One of the last that it does not do without fails many times.
 */
static int step_fail_create(int argc, char **argv)
{
	int nth, left, failed = 0, survived = 0, last = 0;
	struct vm other = {};
	struct leftovers before;
	bool fails;

	/* Who tells on which CPUs virtualization is enabled. */
	check(!access("/dev/power", F_OK), "no /dev/power");
	arm_faults();
	vm_hello();
	if (argc > 1)
		vm_init(&other, &code_hello, 0);
	before = leftovers();
	for (nth = 1; ; nth++) {
		fails = create_fails(nth, &left);
		check(!fails || !left, "point %d: no VM without a fault: %m", nth);
		check(!fails || errno == ENOMEM, "point %d: not 'out of memory', but: %m", nth);
		check_leftovers(&before, "point %d", nth);
		if (left)
			break;
		if (fails) {
			failed++;
			last = nth;
		} else {
			survived++;
		}
	}
	if (argc == 1 && !access(KMEMLEAK, F_OK))
		same_memory(last);
	vm_hello();
	check(failed > 5, "%d failures only", failed);
	note("lab: KVM_CREATE_VM%s: %d failures, %d more that it did without",
	     argc > 1 ? " next to another VM" : "", failed, survived);
	return PASS;
}

STEP("fail-create", step_fail_create);

/* Opens a file of the VM in debugfs as soon as it is there, and keeps it open while it may. */
struct opener {
	char path[96];
	pthread_t thread;
	volatile bool may, busy, open, stop;
};

static void *opener(void *arg)
{
	struct opener *o = arg;
	int fd;

	/* Not to take the number that the VM would get. */
	check(!unshare(CLONE_FILES), "unshare: %m");
	while (!o->stop) {
		/* Set before it looks: who clears "may" waits for it. */
		o->busy = true;
		__sync_synchronize();
		fd = o->may ? open(o->path, O_RDONLY | O_CLOEXEC) : -1;
		o->open = fd >= 0;
		while (o->open && o->may)
			usleep(100);
		o->open = false;
		if (fd >= 0)
			close(fd);
		o->busy = false;
	}
	return NULL;
}

/*
 * fail-opened: KVM_CREATE_VM fails once at each allocation, next to somebody who opens the
 * VM's files in debugfs.  Who has one open keeps the VM, also if user space never gets it.
 */
static int step_fail_opened(int argc, char **argv)
{
	int nth, left = 0, fd, failed = 0, opened = 0;
	struct opener o = {};
	double end;

	check(nr_cpus() > 1, "this machine has one CPU");
	arm_faults();
	/* Opens what it needs. */
	fail_nth(0);
	fd = vm_create();
	check(fd >= 0, "KVM_CREATE_VM: %m");
	/* The next VM has the same number, in the name of the directory as well. */
	snprintf(o.path, sizeof(o.path), STATS "%d-%d/remote_tlb_flush", gettid(), fd);
	check(!access(o.path, R_OK), "%s: %m", o.path);
	close(fd);
	check(!pthread_create(&o.thread, NULL, opener, &o), "pthread_create");
	for (nth = 1; !left; nth++) {
		o.may = true;
		if (create_fails(nth, &left)) {
			failed++;
			opened += o.open;
		}
		o.may = false;
		__sync_synchronize();
		while (o.busy)
			;
	}
	note("lab: KVM_CREATE_VM: %d failures, a file was open in %d of them", failed, opened);
	/* The opener is quick enough to be noticed. */
	o.may = true;
	fd = vm_create();
	check(fd >= 0, "KVM_CREATE_VM: %m");
	for (end = now() + 10; !o.open && now() < end; )
		usleep(100);
	check(o.open, "nobody opened %s", o.path);
	o.may = false;
	o.stop = true;
	pthread_join(o.thread, NULL);
	close(fd);
	check(failed > 5, "%d failures only", failed);
	vm_hello();
	return PASS;
}

STEP("fail-opened", step_fail_opened);

/*
 * fail-load: each allocation of kvm_init() fails once.  Nothing is left of a module
 * that was not loaded.  KVM has to be unloaded before, except for kvm.ko.
 */
static int step_fail_load(int argc, char **argv)
{
	int power = open_power();
	int nth, r, left, failed = 0, survived = 0;
	struct leftovers before = leftovers();
	char when[32];

	arm_faults();
	for (nth = 1; ; nth++) {
		snprintf(when, sizeof(when), "point %d", nth);
		check(!ioctl(power, POWER_INIT_FAILS, nth), "POWER_INIT_FAILS: %m");
		r = try_load("kvm-amd", "");
		left = ioctl(power, POWER_INIT_LEFT);
		check(!r || !left, "point %d: not loaded without a fault: %s", nth, strerror(r));
		check(!r || r == ENOMEM, "point %d: not 'out of memory', but: %s", nth,
		      strerror(r));
		if (!r)
			unload("kvm-amd");
		check_kvm_gone(when);
		check_leftovers(&before, "point %d", nth);
		if (left)
			break;
		if (r)
			failed++;
		else
			survived++;
	}
	ioctl(power, POWER_INIT_FAILS, 0);
	load("kvm-amd", "");
	in_child(vm_hello, "kvm_init() worked");
	check(failed > 10, "%d failures only", failed);
	note("lab: kvm_init: %d failures, %d more that it did without", failed, survived);
	return PASS;
}

STEP("fail-load", step_fail_load);
