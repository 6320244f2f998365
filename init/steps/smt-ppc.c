// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps for processors before POWER9: the second thread of a core stays offline while
 * there is a VM of KVM-HV.  modules/smt.c makes threads of CPUs.
 */
#include <errno.h>
#include <linux/kvm.h>

#include "../lab.h"

static int create(unsigned long type)
{
	int fd = ioctl(kvm_fd(), KVM_CREATE_VM, type);

	check(fd >= 0, "KVM_CREATE_VM, type %lu: %m", type);
	return fd;
}

static void expect_refused(int cpu, const char *when)
{
	check(!set_online(cpu, true), "%s: thread %d came online", when, cpu);
	check(errno == EBUSY, "%s: thread %d does not come online: %m", when, cpu);
}

static void expect_accepted(int cpu, const char *when)
{
	check(set_online(cpu, true), "%s: thread %d does not come online: %m", when, cpu);
	check(set_online(cpu, false), "%s: thread %d does not go offline: %m", when, cpu);
}

/* smt: no second thread with a VM of KVM-HV; one of KVM-PR does not matter. */
static int step_smt(int argc, char **argv)
{
	int cpu = 1, hv, hv2, pr;
	char asked[16];

	load("kvm-pr", "");
	load("smt", "");
	offline(cpu);
	expect_accepted(cpu, "no VM");

	hv = create(KVM_VM_PPC_HV);
	expect_refused(cpu, "one of HV");
	pr = create(KVM_VM_PPC_PR);
	hv2 = create(KVM_VM_PPC_HV);
	expect_refused(cpu, "two of HV, one of PR");
	close(hv);
	expect_refused(cpu, "one of HV, one of PR");
	close(hv2);
	expect_accepted(cpu, "the last one of HV is gone, one of PR is left");
	hv = create(KVM_VM_PPC_HV);
	expect_refused(cpu, "one of HV beside the one of PR");
	close(pr);
	expect_refused(cpu, "the one of PR is gone");
	close(hv);
	expect_accepted(cpu, "no VM is left");
	pr = create(KVM_VM_PPC_PR);
	expect_accepted(cpu, "one of PR alone");
	close(pr);

	check(read_file("/sys/module/smt/parameters/asked", asked, sizeof(asked)), "asked: %m");
	check(atoi(asked) == 9, "the kernel asked %d times, not 9", atoi(asked));
	online(cpu);
	unload("smt");
	return PASS;
}

STEP("smt", step_smt);
