// SPDX-License-Identifier: GPL-2.0-only
/* The one reader of the list of VMs that only s390 has: the clock jumps. */
#include <linux/kvm.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../lab.h"

#define VMS	3

/* What KVM adds to the host's clock for the guest. */
static uint64_t epoch(struct vm *vm)
{
	uint64_t value;
	struct kvm_one_reg reg = {
		.id = KVM_REG_S390_EPOCHDIFF,
		.addr = (uintptr_t)&value,
	};

	check(!ioctl(vm->vcpu, KVM_GET_ONE_REG, &reg), "KVM_REG_S390_EPOCHDIFF: %m");
	return value;
}

/* How often there was a VM more, for a while. */
static volatile unsigned long *others;

static void come_and_go(void)
{
	struct vm vm = {};

	for (;;) {
		vm_init(&vm, &code_hello, 0);
		vm_free(&vm);
		++*others;
	}
}

/*
 * clock-sync ROUNDS: the host's clock jumps, back and forth, while VMs come and go.
 * The guests' clocks do not, i.e. the difference follows.
 */
static int step_clock_sync(int argc, char **argv)
{
	int rounds = atoi(argv[1]), i, k;
	struct vm vms[VMS] = {};
	uint64_t before[VMS], sum = 0, delta;
	char text[32];
	pid_t pid;

	load("clocksync", "");
	for (i = 0; i < VMS; i++) {
		vm_init(&vms[i], &code_hello, 0);
		before[i] = epoch(&vms[i]);
	}
	others = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(others != MAP_FAILED, "mmap: %m");
	pid = fork();
	if (!pid)
		come_and_go();
	for (k = 1; k <= rounds; k++) {
		delta = (uint64_t)k << 40;
		if (k % 2)
			delta = -delta;
		snprintf(text, sizeof(text), "%llu", (unsigned long long)delta);
		check(write_file("/sys/module/clocksync/parameters/delta", text), "delta: %m");
		sum += delta;
		for (i = 0; i < VMS; i++)
			check(epoch(&vms[i]) == before[i] - sum,
			      "the clock of VM %d moved by %lld after %d times", i,
			      (long long)(epoch(&vms[i]) - before[i] + sum), k);
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	check(*others, "no VM came and went");
	note("lab: the clock jumped %d times, %d VMs followed, %lu others came and went", rounds,
	     VMS, *others);
	for (i = 0; i < VMS; i++)
		vm_free(&vms[i]);
	unload("clocksync");
	return PASS;
}

STEP("clock-sync", step_clock_sync);
