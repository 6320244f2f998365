// SPDX-License-Identifier: GPL-2.0-only
/* Steps for machines that sleep, restart, or jump into another kernel. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/kvm.h>
#include <linux/reboot.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "../lab.h"
#include "../../modules/power.h"

static int open_power(void)
{
	int fd = open("/dev/power", O_RDWR | O_CLOEXEC);

	check(fd >= 0, "no /dev/power: %m");
	return fd;
}

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
	bool moves;			/* leaves a CPU that KVM_RUN says cannot run it */
	volatile int moved;		/* how often it did */
	volatile int result;		/* of KVM_RUN, once it is not interrupted */
	volatile bool stop, done;
	volatile pid_t tid;
};

static void nothing(int sig)
{
}

/* KVM_RUN refused a CPU: the affinity is as it was, and it is for us to change it. */
static void move_away(struct runner *r)
{
	int refused = r->vm.run->fail_entry.cpu;
	cpu_set_t allowed;

	check(!sched_getaffinity(0, sizeof(allowed), &allowed), "affinity: %m");
	check(CPU_ISSET(refused, &allowed), "the task lost CPU %d from its affinity", refused);
	check(CPU_COUNT(&allowed) == (r->cpu < 0 ? nr_cpus() : 1), "the task may use %d CPUs",
	      CPU_COUNT(&allowed));
	pin((refused + 1) % nr_cpus());
	r->cpu = (refused + 1) % nr_cpus();
	r->moved++;
}

static void *runner(void *arg)
{
	struct runner *r = arg;
	int result;

	pin(r->cpu);
	r->tid = syscall(SYS_gettid);
	do {
		result = vm_run(&r->vm);
		if (result == KVM_EXIT_FAIL_ENTRY && r->moves && !r->stop) {
			move_away(r);
			result = -EINTR;
		}
	} while (result == -EINTR && !r->stop);
	r->result = result;
	r->done = true;
	return NULL;
}

static void start(struct runner *r, int cpu, const struct code *code)
{
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGUSR1, &sa, NULL);
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
		if (idle) {
			check(!ioctl(power, POWER_WAKE, 3000), "POWER_WAKE: %m");
			suspend("freeze");
		} else {
			sleep_to_ram();
		}
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

static void end(struct runner *r)
{
	r->stop = true;
	while (!r->done) {
		pthread_kill(r->thread, SIGUSR1);
		usleep(1000);
	}
	pthread_join(r->thread, NULL);
	vm_free(&r->vm);
}

/* What cannot be done on the CPU fails, and can be done elsewhere. */
static void refused_on(int cpu, struct vm *vm)
{
	struct kvm_regs regs;
	int fd, r;

	pin(cpu);
	check(ioctl(vm->vcpu, KVM_GET_REGS, &regs) && errno == EIO, "KVM_GET_REGS on CPU %d: %m",
	      cpu);
	/* A VM that is new does not help the CPU as long as others exist. */
	fd = vm_create();
	check(fd >= 0, "KVM_CREATE_VM: %m");
	check(ioctl(fd, KVM_CREATE_VCPU, 0) < 0 && errno == EIO, "KVM_CREATE_VCPU on CPU %d: %m",
	      cpu);
	pin((cpu + 1) % nr_cpus());
	r = ioctl(fd, KVM_CREATE_VCPU, 0);
	check(r >= 0, "KVM_CREATE_VCPU on another CPU: %m");
	close(r);
	close(fd);
	check(!ioctl(vm->vcpu, KVM_GET_REGS, &regs), "KVM_GET_REGS on another CPU: %m");
	pin(-1);
}

/*
 * resume-fails: CPU 0 does not enable virtualization when the system resumes.  KVM_RUN
 * says so there, and the vCPU goes on elsewhere, if user space takes it there.
 */
static int step_resume_fails(int argc, char **argv)
{
	struct runner free = { .moves = true }, bound = {}, moved = { .moves = true };
	struct runner second = {}, again = {};
	int power = open_power();
	double end_of_wait;

	start(&free, -1, &code_tsc);
	start(&bound, 0, &code_tsc);
	start(&moved, 0, &code_tsc);
	wait_progress(&free, "from the start");
	wait_progress(&bound, "from the start");
	wait_progress(&moved, "from the start");
	check(!ioctl(power, POWER_FAIL_RESUME), "POWER_FAIL_RESUME: %m");
	sleep_to_ram();

	end_of_wait = now() + 20;
	while (!bound.done && now() < end_of_wait)
		usleep(10000);
	check(bound.done && bound.result == KVM_EXIT_FAIL_ENTRY, "KVM_RUN on CPU 0 %s %d",
	      bound.done ? "returned" : "goes on,", bound.result);
	check(bound.vm.run->fail_entry.cpu == 0, "KVM_RUN blames CPU %u",
	      bound.vm.run->fail_entry.cpu);
	check(!(enabled(power) & 1), "virtualization is enabled on CPU 0");
	wait_progress(&free, "after the resume");
	wait_progress(&moved, "on another CPU");
	check(moved.moved == 1, "KVM_RUN refused a CPU %d times", moved.moved);
	refused_on(0, &bound.vm);

	/* It has not lost anything. */
	pthread_join(bound.thread, NULL);
	bound.cpu = 1;
	bound.done = false;
	check(!pthread_create(&bound.thread, NULL, runner, &bound), "pthread_create");
	wait_progress(&bound, "on another CPU, after CPU 0 was refused");
	end(&bound);

	/* The next sleep is another chance. */
	sleep_to_ram();
	check(enabled(power) & 1, "not enabled on CPU 0 after another sleep");
	start(&second, 0, &code_tsc);
	wait_progress(&second, "on CPU 0, after another sleep");
	end(&second);

	/* So is the next first VM. */
	check(!ioctl(power, POWER_FAIL_RESUME), "POWER_FAIL_RESUME: %m");
	sleep_to_ram();
	check(!(enabled(power) & 1), "virtualization is enabled on CPU 0");
	wait_progress(&moved, "until it is ended");
	wait_progress(&free, "until it is ended");
	end(&free);
	end(&moved);
	check(!enabled(power), "enabled on CPUs %#lx without a VM", enabled(power));
	start(&again, 0, &code_tsc);
	wait_progress(&again, "on CPU 0, with the next VM");
	end(&again);
	return PASS;
}

STEP("resume-fails", step_resume_fails);

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
 * restart reboot|kexec|crash vcpus|create|race|created|destroyed: the machine restarts, or
 * jumps into the kernel in /next, while vCPUs run, VMs are created and destroyed all the
 * time, or there is only one, at the worst moment: about to enable virtualization, or half
 * created or half destroyed, with all CPUs enabled.  A kernel that was jumped into has no
 * /next: there, it is done.
 */
static int step_restart(int argc, char **argv)
{
	bool reboot_only = !strcmp(argv[1], "reboot"), crash = !strcmp(argv[1], "crash");
	static struct runner r[8];
	pthread_t thread;
	int power;
	long cpu;

	if (!reboot_only && !has_next())
		return PASS;
	power = open_power();
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
		ioctl(power, POWER_CRASH);
	else
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			reboot_only ? LINUX_REBOOT_CMD_RESTART : LINUX_REBOOT_CMD_KEXEC, 0);
	fail("%s: %m", argv[1]);
}

STEP("restart", step_restart);
