// SPDX-License-Identifier: GPL-2.0-only
/* Steps for CPUs that come and go while virtualization is enabled or disabled on all others. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "../hw.h"

/* X comes online, until it is held there. */
static void start_online(struct job *online, uint32_t point)
{
	hold(point, X);
	start_job(online, 0, job_online, X);
	check(wait_at(point, 10), "CPU %d was not held", X);
}

/* Whoever destroys the last VM has had the time to be done; only now X goes on. */
static void end_online(struct job *online, uint32_t point, struct job *destroy, const char *when)
{
	bool early;

	sleep(1);
	early = destroy->done;
	hw_u32(HW_LET_GO, point);
	end_job(destroy);
	end_job(online);
	check(online->result, "CPU %d does not come online", X);
	note("lab: VM destroyed while the CPU %s: %s", when, early ? "at once" : "after it");
	check_disabled("after both");
}

/* The only VM, with X offline. */
static int vm_without_x(void)
{
	open_hw(4);
	offline(X);
	return vm_created();
}

/*
 * hw-online-create: a CPU comes online while the first VM is created.  It is held after
 * the STARTING section, where the base has looked at the number of VMs, and before
 * anybody can send it an IPI.  Then it goes on while the creator is held between having
 * enabled all CPUs and whatever comes next.
 */
static int step_hw_online_create(int argc, char **argv)
{
	struct job online, create;
	double end;
	bool early;

	open_hw(4);
	offline(X);
	hold(HW_ENABLED, C);
	start_online(&online, HW_ONLINE);
	start_job(&create, C, job_create, 0);
	early = wait_at(HW_ENABLED, 1);
	hw_u32(HW_LET_GO, HW_ONLINE);
	end = now() + 5;
	while (!in_online_mask(X) && now() < end)
		usleep(1000);
	/* As long as it takes to be done with KVM's callback. */
	usleep(500000);
	check(wait_at(HW_ENABLED, 10), "the creator was not held");
	hw_u32(HW_LET_GO, HW_ENABLED);
	end_job(&create);
	end_job(&online);
	check(online.result, "CPU %d does not come online", X);
	check(create.result >= 0, "KVM_CREATE_VM: %s", strerror(create.error));
	note("lab: VM created while the CPU came online: %s", early ? "at once" : "after it");
	check_enabled(all_cpus(), "after both");
	close(create.result);
	check_disabled("in the end");
	return PASS;
}

STEP("hw-online-create", step_hw_online_create);

/*
 * hw-online-destroy: the same, and the last VM goes away.  Whoever destroys it has done
 * all but the end when the CPU comes online, as it would wait for the CPU before that.
 */
static int step_hw_online_destroy(int argc, char **argv)
{
	struct job online, destroy;
	int vm = vm_without_x();

	hold(HW_DROP, C);
	start_job(&destroy, C, close, vm);
	check(wait_at(HW_DROP, 10), "who destroys the VM was not held");
	start_online(&online, HW_ONLINE);
	hw_u32(HW_LET_GO, HW_DROP);
	end_online(&online, HW_ONLINE, &destroy, "came online");
	return PASS;
}

STEP("hw-online-destroy", step_hw_online_destroy);

/*
 * hw-online-drop: the other way round.  The CPU is online and has seen that there is a
 * VM, but has not enabled virtualization yet, when the last VM goes away.
 */
static int step_hw_online_drop(int argc, char **argv)
{
	struct job online, destroy;
	int vm = vm_without_x();

	start_online(&online, HW_COMES);
	start_job(&destroy, C, close, vm);
	end_online(&online, HW_COMES, &destroy, "was about to enable");
	return PASS;
}

STEP("hw-online-drop", step_hw_online_drop);

/*
 * hw-offline-create: a CPU goes offline while the first VM is created.  It is held when
 * its ONLINE section is over, and it still gets IPIs.
 */
static int step_hw_offline_create(int argc, char **argv)
{
	struct job offline, create;
	struct hw_state s;
	bool early;

	open_hw(4);
	hold(HW_OFFLINE, X);
	start_job(&offline, 0, job_offline, X);
	check(wait_at(HW_OFFLINE, 10), "CPU %d was not held", X);
	start_job(&create, C, job_create, 0);
	sleep(1);
	early = create.done;
	hw_u32(HW_LET_GO, HW_OFFLINE);
	end_job(&create);
	end_job(&offline);
	check(offline.result, "CPU %d does not go offline", X);
	check(create.result >= 0, "KVM_CREATE_VM: %s", strerror(create.error));
	note("lab: VM created while the CPU went offline: %s", early ? "at once" : "after it");
	s = get_state();
	check(!(s.dying & BIT(X)), "CPU %d went offline with virtualization enabled", X);
	check_enabled(all_cpus() & ~BIT(X), "with the CPU offline");
	online(X);
	check_enabled(all_cpus(), "with the CPU back");
	close(create.result);
	check_disabled("in the end");
	return PASS;
}

STEP("hw-offline-create", step_hw_offline_create);

/* hw-stress SECONDS: VMs come and go, so do CPUs, and whoever looks finds it right. */
static int step_hw_stress(int argc, char **argv)
{
	double end = now() + atoi(argv[1]);
	long vms = 0, *replugged;
	struct hw_state s;
	pid_t pid;
	int vm, cpu;

	open_hw(2);
	replugged = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(replugged != MAP_FAILED, "mmap: %m");
	pid = fork();
	if (!pid) {
		for (; now() < end; ++*replugged) {
			cpu = 1 + *replugged % (nr_cpus() - 1);
			replug(cpu);
			s = get_state();
			check(!(s.dying & BIT(cpu)), "CPU %d went offline enabled", cpu);
		}
		_exit(PASS);
	}
	pin(-1);
	while (now() < end) {
		vm = vm_create();
		check(vm >= 0, "KVM_CREATE_VM: %m");
		s = get_state();
		check(s.enabled == s.online, "VM %ld: CPUs %#llx of %#llx are enabled", vms,
		      s.enabled, s.online);
		close(vm);
		check_disabled("between two VMs");
		vms++;
	}
	wait_good(pid, 60, "CPU hotplug");
	note("lab: %ld VMs, %ld CPUs replugged", vms, *replugged);
	check(vms > 5 && *replugged > 5, "%ld VMs, %ld CPUs replugged", vms, *replugged);
	return PASS;
}

STEP("hw-stress", step_hw_stress);
