// SPDX-License-Identifier: GPL-2.0-only
/* Steps for machines that sleep, restart, or jump into another kernel. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/kvm.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/syscall.h>

#include "../lab.h"
#include "../../modules/power.h"

/* A bit for each CPU on which virtualization is enabled. */
static unsigned long enabled(int power)
{
	unsigned long mask;

	check(!ioctl(power, POWER_ENABLED, &mask), "POWER_ENABLED: %m");
	return mask;
}

/*
 * clear: as this kernel found the CPUs, if KVM is not loaded.  One in VMX operation does
 * not come up, as it does not take INIT; one with SVM enabled does.
 */
static int step_clear(int argc, char **argv)
{
	int online = sysconf(_SC_NPROCESSORS_ONLN), r;

	check(online == nr_cpus(), "%d of %d CPUs are online", online, nr_cpus());
	r = try_load("otherhv", "");
	check(!r, "virtualization is enabled already, or cannot be: %s", strerror(r));
	unload("otherhv");
	return PASS;
}

STEP("clear", step_clear);

/*
 * A guest that reads its TSC in a loop, counts, and notes every step backwards.
 */
#define TSC_BACK	0x8020		/* how many */
#define TSC_STEP	0x8028		/* the last one, negative */

asm("	.pushsection .rodata\n"
"	.code16\n"
"tsc_start:\n"
"	rdtsc\n"
"	mov	%eax, 0x8010\n"
"	mov	%edx, 0x8014\n"
"1:	incl	0x8000\n"
"	mov	0x8010, %ebx\n"
"	mov	0x8014, %ecx\n"
"	rdtsc\n"
"	mov	%eax, 0x8010\n"
"	mov	%edx, 0x8014\n"
"	sub	%ebx, %eax\n"
"	sbb	%ecx, %edx\n"
"	jns	1b\n"
"	mov	%eax, 0x8028\n"
"	mov	%edx, 0x802c\n"
"	incl	0x8020\n"
"	jmp	1b\n"
"tsc_end:\n"
"	.code64\n"
"	.popsection\n"
);

extern const unsigned char tsc_start[], tsc_end[];
static const struct code code_tsc = { tsc_start, tsc_end };

struct runner {
	struct vm vm;
	pthread_t thread;
	int cpu;			/* negative: any */
	volatile int result;		/* of KVM_RUN, once it is not interrupted */
	volatile bool done;
};

static void *runner(void *arg)
{
	struct runner *r = arg;
	int result;

	pin(r->cpu);
	do {
		result = vm_run(&r->vm);
	} while (result == -EINTR);
	r->result = result;
	r->done = true;
	return NULL;
}

static void start(struct runner *r, int cpu, const struct code *code)
{
	r->cpu = cpu;
	vm_init(&r->vm, code, 0);
	check(!pthread_create(&r->thread, NULL, runner, r), "pthread_create");
}

static void wait_progress(struct runner *r, const char *when)
{
	volatile uint32_t *count = (void *)(r->vm.mem + VM_COUNTER);
	uint32_t old = *count;
	double end = now() + 30;

	while (*count == old) {
		check(!r->done, "KVM_RUN returned %d %s", r->result, when);
		check(now() < end, "the guest does not run any more %s", when);
		usleep(1000);
	}
}

static uint64_t kvm_clock(struct runner *r)
{
	struct kvm_clock_data data = {};

	check(!ioctl(r->vm.fd, KVM_GET_CLOCK, &data), "KVM_GET_CLOCK: %m");
	return data.clock;
}

/* suspend-guests mem|idle ROUNDS: guests go on, and their clocks never go backwards. */
static int step_suspend_guests(int argc, char **argv)
{
	struct runner r[3] = {};
	bool idle = !strcmp(argv[1], "idle");
	int power = open_power(), rounds = atoi(argv[2]), i, k;
	uint64_t clock[3];
	double begun, length = 0;

	for (i = 0; i < 3; i++) {
		start(&r[i], -1, &code_tsc);
		wait_progress(&r[i], "from the start");
	}
	for (k = 0; k < rounds; k++) {
		for (i = 0; i < 3; i++)
			clock[i] = kvm_clock(&r[i]);
		begun = now();
		if (idle)
			sleep_to_idle();
		else
			sleep_to_ram();
		length = now() - begun;
		for (i = 0; i < 3; i++) {
			wait_progress(&r[i], "after the resume");
			check(kvm_clock(&r[i]) > clock[i], "clock of guest %d went backwards", i);
		}
		check(enabled(power) == all_cpus(), "enabled on CPUs %#lx only",
		      enabled(power));
	}
	for (i = 0; i < 3; i++)
		check(!*(uint32_t *)(r[i].vm.mem + TSC_BACK),
		      "guest %d saw its TSC go backwards %u times, once by %lld", i,
		      *(uint32_t *)(r[i].vm.mem + TSC_BACK),
		      -*(long long *)(r[i].vm.mem + TSC_STEP));
	note("lab: suspended to %s %d times, the last one for %.1f s on the monotonic clock",
	     idle ? "idle" : "RAM", rounds, length);
	return PASS;
}

STEP("suspend-guests", step_suspend_guests);

/*
 * The MSR by which firmware allows virtualization on a CPU, and locks itself out of it:
 * IA32_FEATURE_CONTROL, or VM_CR of AMD.
 */
static uint64_t allowed(int cpu)
{
	char path[32], info[8192];
	uint64_t value;
	uint32_t msr;
	int fd;

	check(read_file("/proc/cpuinfo", info, sizeof(info)), "/proc/cpuinfo: %m");
	msr = strstr(info, " vmx") ? 0x3a : 0xc0010114;
	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY);
	check(fd >= 0, "no %s: %m", path);
	check(pread(fd, &value, 8, msr) == 8, "MSR %#x on CPU %d: %m", msr, cpu);
	close(fd);
	return value;
}

/*
 * suspend-allowed: a CPU comes out of a reset with that MSR cleared, and it is as before
 * when KVM enables virtualization for the guests that there are.
 */
static int step_suspend_allowed(int argc, char **argv)
{
	int cpus = nr_cpus(), cpu, power = open_power();
	uint64_t *before = calloc(cpus, sizeof(*before)), after;
	struct vm vm = {};

	for (cpu = 0; cpu < cpus; cpu++) {
		before[cpu] = allowed(cpu);
		check(before[cpu] == before[0], "CPU %d has %#llx, CPU 0 %#llx", cpu,
		      (unsigned long long)before[cpu], (unsigned long long)before[0]);
	}
	vm_init(&vm, &code_hello, 0);
	check(vm_getc(&vm) > 0, "no output");
	sleep_to_ram();
	for (cpu = 0; cpu < cpus; cpu++) {
		after = allowed(cpu);
		check(after == before[cpu], "CPU %d has %#llx, not %#llx", cpu,
		      (unsigned long long)after, (unsigned long long)before[cpu]);
		pin(cpu);
		check(vm_getc(&vm) > 0, "no output on CPU %d", cpu);
	}
	check(enabled(power) == all_cpus(), "enabled on CPUs %#lx only", enabled(power));
	note("lab: the MSR is %#llx on %d CPUs, before and after",
	     (unsigned long long)before[0], cpus);
	return PASS;
}

STEP("suspend-allowed", step_suspend_allowed);

/* Where a VM is held that is being created, or destroyed. */
static int hold_where;

static void *create_one(void *power)
{
	int fd;

	/* It may be held with preemption disabled: not in the way of the others. */
	pin(nr_cpus() - 1);
	fd = vm_create();
	ioctl(*(int *)power, POWER_CREATED, fd < 0 ? -errno : 0);
	if (hold_where == POWER_DROP)
		close(fd);
	return NULL;
}

/* A VM is being created, or destroyed, when the machine restarts, and gets no further. */
static void hold_vm(const char *how, int *power)
{
	double end = now() + 20;
	pthread_t thread;

	hold_where = !strcmp(how, "race") ? POWER_BEFORE :
		     !strcmp(how, "created") ? POWER_AFTER : POWER_DROP;
	check(!ioctl(*power, POWER_HOLD_CREATE, hold_where), "POWER_HOLD_CREATE: %m");
	pin(0);
	pthread_create(&thread, NULL, create_one, power);
	while (ioctl(*power, POWER_HELD) != 1)
		check(now() < end, "the task with the VM was not held");
}

/* The CPU comes and goes with and without virtualization. */
static void *create_many(void *cpu)
{
	struct vm vm = {};

	pin((long)cpu);
	for (;;) {
		/* It fails when the machine is about to go down. */
		vm.fd = vm_create();
		if (vm.fd >= 0)
			close(vm.fd);
	}
	return NULL;
}

/*
 * In panic(), what jumps into the crash kernel comes before or after what stops the other
 * CPUs and calls the notifiers, as lab.case= says.
 */
static void choose_panic(void)
{
	const char *path = "/sys/module/kernel/parameters/crash_kexec_post_notifiers";
	bool notifiers = !strcmp(cmdline("lab.case="), "notifiers");

	check(write_file(path, notifiers ? "Y" : "N"), "%s: %m", path);
}

/*
 * restart reboot|kexec|crash|crash-panic vcpus|create|race|created|destroyed: the machine
 * restarts, or jumps into the kernel in /next, while vCPUs run, VMs are created and destroyed
 * all the time, or there is only one, at the worst moment: about to enable virtualization, or
 * half created or half destroyed, with all CPUs enabled.  A kernel that was jumped into has
 * no /next: there, it is done.
 */
static int step_restart(int argc, char **argv)
{
	bool reboot_only = !strcmp(argv[1], "reboot"), panic = !strcmp(argv[1], "crash-panic");
	bool crash = panic || !strcmp(argv[1], "crash");
	static struct runner r[8];
	pthread_t thread;
	int power;
	long cpu;

	if (!reboot_only && !has_next())
		return PASS;
	power = open_power();
	if (panic)
		choose_panic();
	if (!reboot_only)
		load_next(crash ? KEXEC_FILE_ON_CRASH : 0);
	kvm_fd();
	if (strcmp(argv[2], "create") && strcmp(argv[2], "vcpus"))
		hold_vm(argv[2], &power);
	for (cpu = 0; cpu < nr_cpus() && cpu < 8; cpu++) {
		if (!strcmp(argv[2], "create"))
			pthread_create(&thread, NULL, create_many, (void *)cpu);
		if (!strcmp(argv[2], "vcpus")) {
			start(&r[cpu], cpu, &code_tsc);
			wait_progress(&r[cpu], "from the start");
		}
	}
	pin(0);
	report_end();
	sleep(1);
	if (crash)
		ioctl(power, POWER_CRASH, panic);
	else
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			reboot_only ? LINUX_REBOOT_CMD_RESTART : LINUX_REBOOT_CMD_KEXEC, 0);
	fail("%s: %m", argv[1]);
}

STEP("restart", step_restart);
