// SPDX-License-Identifier: GPL-2.0-only
/* Four tasks that wait for each other, where readers of vm_list take kvm_lock. */
#define _GNU_SOURCE
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../work.h"
#include "../../modules/lab.h"

#define X		1	/* the CPU that comes online */
#define PATIENCE	15	/* s, for all four to be done once the first is let go */

enum { MSRS, MEMSLOT, PARAMETER, ONLINE, TASKS };

static const char *const names[] = {
	[MSRS] = "KVM_SET_MSRS", [MEMSLOT] = "KVM_SET_USER_MEMORY_REGION",
	[PARAMETER] = "nx_huge_pages", [ONLINE] = "CPU online",
};

/* Shared with the process of the four, which cannot be killed once they wait for good. */
static struct all {
	volatile bool done[TASKS], failed[TASKS], let_go;
} *all;

static struct vm vm;

/* Turns the APIC off, i.e. a static key on, with kvm->srcu held for reading. */
static bool do_msrs(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry msr;
	} set = { .head.nmsrs = 1, .msr.index = 0x1b, .msr.data = 0xfee00100 };

	return ioctl(vm.vcpu, KVM_SET_MSRS, &set) == 1;
}

/* Waits for readers of kvm->srcu, with slots_lock held. */
static bool do_memslot(void)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1,
		.guest_phys_addr = 0x20000000,
		.memory_size = 0x1000,
		.userspace_addr = (uintptr_t)vm.mem,
	};

	return !ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Takes slots_lock of each VM, on kernels with the bug with kvm_lock held. */
static bool do_parameter(void)
{
	return write_file(PARAMS "nx_huge_pages", "force");
}

/* Has KVM told of the new CPU's frequency, with cpu_hotplug_lock held for writing. */
static bool do_online(void)
{
	return set_online(X, true);
}

static bool (*const work[])(void) = {
	[MSRS] = do_msrs, [MEMSLOT] = do_memslot, [PARAMETER] = do_parameter, [ONLINE] = do_online,
};

static void *thread_task(void *arg)
{
	int i = (uintptr_t)arg;

	all->failed[i] = !work[i]();
	all->done[i] = true;
	return NULL;
}

/* One after the other, so that each waits for the one before, and the first for the last. */
static void four(int lab)
{
	pthread_t threads[TASKS];
	uintptr_t i;

	vm_init(&vm, &code_hello, VM_IRQCHIP);
	check(!ioctl(lab, LAB_STOP_KEY), "LAB_STOP_KEY: %m");
	for (i = 0; i < TASKS; i++) {
		pthread_create(&threads[i], NULL, thread_task, (void *)i);
		if (i == MSRS)
			wait_held(lab, true);
		else
			usleep(1000000);
	}
	/* On any kernel, these three wait now: for the vCPU, and for each other. */
	check(ioctl(lab, LAB_HELD) == 1, "the vCPU was not held for long enough");
	for (i = MSRS; i <= PARAMETER; i++)
		check(!all->done[i], "%s waits for nobody", names[i]);
	check(!ioctl(lab, LAB_LET_GO), "LAB_LET_GO: %m");
	all->let_go = true;
	for (i = 0; i < TASKS; i++)
		pthread_join(threads[i], NULL);
	vm_free(&vm);
}

/*
 * deadlock: a vCPU in kvm->srcu is about to turn on a static key; a memslot update waits for
 * it; a writer of nx_huge_pages waits for the memslot update, and a CPU that comes online must
 * not wait for that writer, as the vCPU waits for the CPU.
 */
static int step_deadlock(int argc, char **argv)
{
	int lab = open_lab(), nr_stuck = 0, i;
	char stuck[128] = "", *cpuinfo = read_all("/proc/cpuinfo");
	siginfo_t gone = {};
	double end;
	pid_t pid;

	check(cpuinfo, "cpuinfo: %m");
	check(!strstr(cpuinfo, "constant_tsc"), "the TSC is constant: KVM ignores cpufreq");

	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(all != MAP_FAILED, "mmap: %m");
	offline(X);
	load("fakefreq", "");
	pid = fork();
	check(pid >= 0, "fork: %m");
	if (!pid) {
		four(lab);
		_exit(PASS);
	}
	while (!all->let_go && !gone.si_pid) {
		waitid(P_PID, pid, &gone, WEXITED | WNOHANG | WNOWAIT);
		usleep(10000);
	}
	if (!all->let_go)
		wait_good(pid, 1, "the four");
	for (end = now() + PATIENCE; now() < end; usleep(10000)) {
		for (i = 0; i < TASKS && all->done[i]; i++)
			;
		if (i == TASKS)
			break;
	}
	for (i = 0; i < TASKS; i++) {
		check(!all->failed[i], "%s went wrong", names[i]);
		if (all->done[i])
			continue;
		nr_stuck++;
		snprintf(stuck + strlen(stuck), sizeof(stuck) - strlen(stuck), "%s%s",
			 *stuck ? ", " : "", names[i]);
	}
	check(!nr_stuck || nr_stuck == TASKS, "not done: %s", stuck);
	check(!nr_stuck, "wait for each other: %s", stuck);
	wait_good(pid, PATIENCE, "the four");
	check(write_file(PARAMS "nx_huge_pages", "off"), "nx_huge_pages: %m");
	unload("fakefreq");
	return PASS;
}

STEP("deadlock", step_deadlock);
