// SPDX-License-Identifier: GPL-2.0-only
/* Steps for what KVM does about the host's TSC when CPUs come online or resume. */
#define _GNU_SOURCE

#include "../lab.h"
#include "../../modules/lab.h"

#define X		1	/* the CPU that goes and comes; all else is on CPU 0 */
#define AHEAD		0x100000000000ull	/* hours, in cycles */

static int lab;

static void setup(struct vm *vm, int nr)
{
	int i;

	lab = open_lab();
	for (i = 0; i < nr; i++)
		vm_init(&vm[i], &code_hello, 0);
}

static void ahead(struct vm *vm, uint64_t cycles)
{
	struct lab_tsc tsc = { .vm = vm->fd, .cycles = cycles };

	check(!ioctl(lab, LAB_TSC_AHEAD, &tsc), "LAB_TSC_AHEAD: %m");
}

static struct lab_tsc moved(struct vm *vm)
{
	struct lab_tsc tsc = { .vm = vm->fd };

	check(!ioctl(lab, LAB_TSC_MOVED, &tsc), "LAB_TSC_MOVED: %m");
	return tsc;
}

/* tsc-online: a CPU that comes online tells nothing about the TSCs of the others. */
static int step_tsc_online(int argc, char **argv)
{
	struct vm vm = {};
	uint64_t cycles;

	setup(&vm, 1);
	ahead(&vm, AHEAD);
	replug(X);
	cycles = moved(&vm).cycles;
	/* Or KVM takes the TSC for unstable when the vCPU is loaded to be destroyed. */
	ahead(&vm, 0);
	check(!cycles, "a guest was moved forward by %#llx cycles", (unsigned long long)cycles);
	return PASS;
}

STEP("tsc-online", step_tsc_online);

/* tsc-resume: guests are moved forward once, all by the same, whoever was ahead. */
static int step_tsc_resume(int argc, char **argv)
{
	struct vm vm[3] = {};
	uint64_t cycles;
	int i;

	setup(vm, 3);
	ahead(&vm[1], AHEAD);
	check(write_file("/sys/class/rtc/rtc0/wakealarm", "+10"), "wakealarm: %m");
	suspend("mem");
	cycles = moved(&vm[1]).cycles;
	/* What was ahead, less the time since. */
	check(cycles > AHEAD / 2 && cycles <= AHEAD, "moved by %#llx cycles, not %#llx",
	      (unsigned long long)cycles, AHEAD);
	for (i = 0; i < 3; i += 2)
		check(moved(&vm[i]).cycles == cycles, "VM %d was moved by %#llx cycles, not %#llx",
		      i, (unsigned long long)moved(&vm[i]).cycles, (unsigned long long)cycles);
	note("lab: 3 guests moved forward by %#llx of %#llx cycles", (unsigned long long)cycles,
	     AHEAD);
	return PASS;
}

STEP("tsc-resume", step_tsc_resume);

static void *run_on_x(void *vm)
{
	pin(X);
	vm_getc(vm);
	return NULL;
}

/* The first VM runs on X, the other one on CPU 0, and there is no update to come. */
static void run_both(struct vm *vm)
{
	pthread_t thread;
	int i;

	pthread_create(&thread, NULL, run_on_x, &vm[0]);
	pthread_join(thread, NULL);
	vm_getc(&vm[1]);
	/* A vCPU that moved to another CPU updates all clocks of its VM, 0.1 s later. */
	usleep(500000);
	for (i = 0; i < 2; i++)
		ahead(&vm[i], 0);
}

/*
 * tsc-unstable: the TSC turns out to be unstable when a CPU comes online.  The clock
 * of the vCPU that ran there last has to be updated, that of another one not.
 */
static int step_tsc_unstable(int argc, char **argv)
{
	struct vm vm[2] = {};

	setup(vm, 2);
	run_both(vm);
	check(set_online(X, false), "CPU %d: %m", X);
	check(!moved(&vm[0]).update && !moved(&vm[1]).update, "a clock update too early");
	check(!ioctl(lab, LAB_TSC_UNSTABLE), "LAB_TSC_UNSTABLE: %m");
	check(set_online(X, true), "CPU %d: %m", X);
	check(moved(&vm[0]).update, "the guest that ran on CPU %d keeps its clock", X);
	check(!moved(&vm[1]).update, "the guest that ran on CPU 0 is to update its clock");

	/* And when it is known to be unstable before. */
	run_both(vm);
	replug(X);
	check(moved(&vm[0]).update, "the guest keeps its clock at the second time");
	check(!moved(&vm[1]).update, "the other guest is to update its clock");
	return PASS;
}

STEP("tsc-unstable", step_tsc_unstable);
