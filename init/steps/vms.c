// SPDX-License-Identifier: GPL-2.0-only
/* Steps for VMs that come and go, or run while something happens to the machine. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>

#include "../lab.h"

/* hello: a guest that says who runs it. */
static int step_hello(int argc, char **argv)
{
	struct vm vm = {};
	char text[128] = "";
	unsigned int len = 0;
	int c;

	if (machine_lacks("guest"))
		skip("not on this machine");
	vm_init(&vm, &code_hello, 0);
	while (len < sizeof(text) - 1 && (c = vm_getc(&vm)) != '\n')
		text[len++] = c;
	check(strstr(text, vm_signature), "the guest printed '%s'", text);
	note("lab: guest=%s", text);
	vm_free(&vm);
	return PASS;
}

STEP("hello", step_hello);

/* vms N: that many at the same time, some with a vCPU; then none. */
static int step_vms(int argc, char **argv)
{
	int nr = atoi(argv[1]), i;
	struct vm *vms = calloc(nr, sizeof(*vms));

	for (i = 0; i < nr; i++)
		vm_init(&vms[i], i % 2 ? &code_hello : NULL, 0);
	for (i = 0; i < nr; i++)
		vm_free(&vms[i]);
	note("lab: vms=%d", nr);
	return PASS;
}

STEP("vms", step_vms);

/*
 * A VM that is alive while something happens to the machine.  Its vCPU computes,
 * unless the machine cannot run one.
 */
static void *run_forever(void *arg)
{
	int r;

	while ((r = vm_run(arg)) == -EINTR)
		;
	fail("the guest stopped with exit reason %d", r);
}

static uint32_t counter(struct vm *vm)
{
	return *(volatile uint32_t *)(vm->mem + VM_COUNTER);
}

static void expect_progress(struct vm *vm, const char *when)
{
	uint32_t old = counter(vm);
	double end = now() + 20;

	if (machine_lacks("guest"))
		return;
	while (counter(vm) == old) {
		check(now() < end, "the guest does not run any more %s", when);
		usleep(1000);
	}
}

static void start_counting(struct vm *vm)
{
	pthread_t thread;

	vm_init(vm, &code_count, 0);
	if (!machine_lacks("guest"))
		check(!pthread_create(&thread, NULL, run_forever, vm), "pthread_create");
	expect_progress(vm, "from the start");
}

/* hotplug ROUNDS: take CPUs away and back while a guest computes. */
static int step_hotplug(int argc, char **argv)
{
	int rounds = atoi(argv[1]), cpus = nr_cpus(), i, cpu;
	struct vm vm = {};

	if (machine_lacks("hotplug"))
		skip("not on this machine");
	check(cpus > 1, "this machine has one CPU");
	start_counting(&vm);
	for (i = 0; i < rounds; i++) {
		for (cpu = 1; cpu < cpus; cpu++) {
			offline(cpu);
			expect_progress(&vm, "with a CPU offline");
		}
		for (cpu = 1; cpu < cpus; cpu++) {
			online(cpu);
			expect_progress(&vm, "with the CPU back");
		}
	}
	note("lab: hotplug=%d CPUs, %d times", cpus - 1, rounds);
	note("guest counted to %u", counter(&vm));
	return PASS;
}

STEP("hotplug", step_hotplug);

/*
 * churn SECONDS: VMs come and go, the first and the last one as often as others, while
 * CPUs do.  Lockdep and the like are who looks.
 */
static int step_churn(int argc, char **argv)
{
	/* Not in a register: HV of POWER was seen to lose user space's, see docs/bugs.md. */
	volatile double end = now() + atoi(argv[1]);
	int cpus = nr_cpus(), i;
	struct vm vm = {};
	long *count, n;
	pid_t pids[3];

	if (machine_lacks("hotplug"))
		skip("not on this machine");
	check(cpus > 1, "this machine has one CPU");
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(count != MAP_FAILED, "mmap: %m");
	/* fork() and munmap() have the firmware flush TLBs of the CPUs where the task was. */
	if (machine_lacks("fences"))
		pin(0);
	if (machine_lacks("ail"))
		load("ail", "");
	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		for (n = 0; now() < end; n++, count[i]++) {
			if (!i) {
				replug(1 + n % (cpus - 1));
				continue;
			}
			if (n % 2) {
				vm_hello();
				continue;
			}
			/* Every other one without a vCPU. */
			vm_init(&vm, NULL, 0);
			vm_free(&vm);
		}
		_exit(PASS);
	}
	for (i = 0; i < 3; i++)
		wait_good(pids[i], atoi(argv[1]) + 120, i ? "who creates VMs" : "CPU hotplug");
	note("lab: %ld CPUs replugged, %ld VMs", count[0], count[1] + count[2]);
	check(count[0] > 5 && count[1] > 5 && count[2] > 5, "too few");
	return PASS;
}

STEP("churn", step_churn);

/*
 * suspend: to RAM and back, with a vCPU running.  The RTC wakes the machine; one
 * without suspend of its own borrows it from a test module, which goes through
 * the same callbacks of the kernel and does nothing at the bottom.
 */
static int step_suspend(int argc, char **argv)
{
	bool real = !access("/sys/class/rtc/rtc0/wakealarm", W_OK);
	double start, length;
	struct vm vm = {};

	if (machine_lacks("suspend"))
		skip("not on this machine");
	if (!real)
		load("fakesuspend", "");
	start_counting(&vm);
	if (real)
		check(write_file("/sys/class/rtc/rtc0/wakealarm", "+20"), "wakealarm: %m");
	start = now();
	suspend("mem");
	length = now() - start;
	expect_progress(&vm, "after the resume");
	note("lab: suspended=%s", real ? "mem" : "faked");
	note("the suspend took %.1f s on the monotonic clock", length);
	return PASS;
}

STEP("suspend", step_suspend);

/*
 * reboot [kexec]: the machine restarts, or jumps into the kernel in /next, while a vCPU
 * runs.  A kernel that was jumped into has no /next: there, it is done.
 */
static int step_reboot(int argc, char **argv)
{
	bool kexec = argc > 1;
	struct vm vm = {};

	if (kexec && !has_next())
		return PASS;
	if (kexec)
		load_next(0);
	start_counting(&vm);
	report_end();
	sync();
	sleep(1);
	reboot(kexec ? RB_KEXEC : RB_AUTOBOOT);
	fail("reboot: %m");
}

STEP("reboot", step_reboot);
