// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps for EL2 of arm64: on which CPUs KVM has it, how often it was enabled since the
 * kernel started, and whether a guest's timer works wherever the vCPU runs, after the CPU
 * was offline, asleep or idle.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/klog.h>

#include "../leftovers.h"

#define MAX_CPUS	8
#define PARAMETERS	"/sys/module/fakeidle/parameters/"

static enum { VHE, NVHE, PKVM } mode;

static uint64_t read_mask(const char *path)
{
	char text[32];

	check(read_file(path, text, sizeof(text)), "cannot read %s: %m", path);
	return strtoull(text, NULL, 16);
}

/*
 * A probe on a function that every enabling of EL2 calls, from the command line: KVM is
 * part of the kernel, and starts before anything here does.
 */
static void count_enabled(long *count)
{
	char path[64], text[512], *entries, *lost;
	int cpu;

	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		snprintf(path, sizeof(path), TRACING "per_cpu/cpu%d/stats", cpu);
		check(read_file(path, text, sizeof(text)), "cannot read %s: %m", path);
		entries = strstr(text, "entries: ");
		lost = strstr(text, "overrun: ");
		check(entries && lost, "no numbers in %s", path);
		count[cpu] = atol(entries + 9) + atol(lost + 9);
	}
}

static long seen[MAX_CPUS];

/* Since the last look, EL2 was enabled that often on these CPUs, and never on others. */
static void expect_enabled(uint64_t cpus, long times, const char *when)
{
	long count[MAX_CPUS], n;
	int cpu;

	count_enabled(count);
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		n = cpus & BIT(cpu) ? times : 0;
		check(count[cpu] - seen[cpu] == n, "%s: EL2 of CPU %d enabled %ld times, not %ld",
		      when, cpu, count[cpu] - seen[cpu], n);
		seen[cpu] = count[cpu];
	}
}

/* The same after kvm_init(): pKVM has EL2 of all CPUs for good. */
static void expect_more(uint64_t cpus, long times, const char *when)
{
	expect_enabled(cpus, mode == PKVM ? 0 : times, when);
}

/* KVM has EL2 of these CPUs, where there is somebody to ask. */
static void expect_el2(uint64_t cpus, const char *when)
{
	uint64_t mask;

	if (mode == VHE)
		return;
	if (mode == PKVM)
		cpus = all_cpus();
	mask = read_mask(PARAMETERS "el2");
	check(mask == cpus, "%s: KVM has EL2 of CPUs %#lx, not %#lx", when, mask, cpus);
}

static void start(void)
{
	const char *word = cmdline("kvm-arm.mode=");
	char text[512];

	mode = !strcmp(word, "protected") ? PKVM : !strcmp(word, "nvhe") ? NVHE : VHE;
	check(nr_cpus() > 1 && nr_cpus() <= MAX_CPUS, "this takes 2 to %d CPUs", MAX_CPUS);
	mount_tracing();
	check(read_file(TRACING "kprobe_profile", text, sizeof(text)) && strstr(text, "el2"),
	      "nothing counts how often EL2 is enabled: that takes kprobe_event=");
	load("fakeidle", "");
	count_enabled(seen);
}

/* el2-once: kvm_init() has enabled EL2 once on each CPU.  No VM before this step. */
static int step_el2_once(int argc, char **argv)
{
	char text[512], *p = text;
	int cpu;

	start();
	for (cpu = 0; cpu < nr_cpus(); cpu++)
		p += sprintf(p, " %ld", seen[cpu]);
	note("lab: kvm_init() enabled EL2, times per CPU:%s", text);
	memset(seen, 0, sizeof(seen));
	expect_enabled(all_cpus(), 1, "kvm_init()");
	return PASS;
}

STEP("el2-once", step_el2_once);

/* el2-boot: and nobody needs it yet. */
static int step_el2_boot(int argc, char **argv)
{
	step_el2_once(argc, argv);
	expect_el2(0, "no VM yet");
	return PASS;
}

STEP("el2-boot", step_el2_boot);

/* el2-always: kvm.enable_virt_at_load is set; there is no VM, one, and none again. */
static int step_el2_always(int argc, char **argv)
{
	int cpu = nr_cpus() - 1;

	start();
	expect_el2(all_cpus(), "KVM has started");
	replug(cpu);
	expect_more(BIT(cpu), 1, "a CPU came back without a VM");
	close(vm_created());
	expect_more(0, 0, "a VM came and went");
	expect_el2(all_cpus(), "the last VM is gone");
	return PASS;
}

STEP("el2-always", step_el2_always);

/*
 * el2-vms: enabled with the first VM and while there is one, once on each CPU, also on
 * those that come back; and never without.
 */
static int step_el2_vms(int argc, char **argv)
{
	int cpu, first, second;

	start();
	for (cpu = 1; cpu < nr_cpus(); cpu++) {
		replug(cpu);
		expect_more(0, 0, "a CPU came back before the first VM");
		expect_el2(0, "a CPU came back before the first VM");

		first = vm_created();
		expect_more(all_cpus(), 1, "the first VM");
		expect_el2(all_cpus(), "the first VM");
		second = vm_created();
		close(second);
		expect_more(0, 0, "a second VM, and its end");
		expect_el2(all_cpus(), "the end of the second VM");
		offline(cpu);
		expect_more(0, 0, "a CPU went with a VM");
		online(cpu);
		expect_more(BIT(cpu), 1, "a CPU came back with a VM");
		expect_el2(all_cpus(), "a CPU came back with a VM");
		offline(cpu);
		close(first);
		online(cpu);
		expect_more(0, 0, "a CPU came back after the last VM");
		expect_el2(0, "a CPU came back after the last VM");

		offline(cpu);
		first = vm_created();
		expect_more(all_cpus() & ~BIT(cpu), 1, "the first VM, without a CPU");
		online(cpu);
		expect_more(BIT(cpu), 1, "a CPU that missed the first VM");
		expect_el2(all_cpus(), "a CPU that missed the first VM");
		close(first);
		expect_more(0, 0, "the end of the last VM");
		expect_el2(0, "the end of the last VM");
	}
	return PASS;
}

STEP("el2-vms", step_el2_vms);

/* A guest that counts the interrupts of its timer, and the thread of its vCPU. */
static struct vm vm;
static volatile pid_t vcpu_thread;

static void *run_vcpu(void *arg)
{
	int r;

	vcpu_thread = gettid();
	while ((r = vm_run(&vm)) == -EINTR)
		;
	fail("the guest stopped with exit reason %d", r);
}

static uint32_t ticks(void)
{
	return *(volatile uint32_t *)(vm.mem + VM_COUNTER);
}

static void move(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check(!sched_setaffinity(vcpu_thread, sizeof(set), &set),
	      "cannot move the vCPU to CPU %d: %m", cpu);
}

static void start_ticking(void)
{
	pthread_t thread;

	vm_init_timer(&vm);
	check(!pthread_create(&thread, NULL, run_vcpu, NULL), "pthread_create");
	while (!vcpu_thread)
		usleep(1000);
}

/* The line of /proc/interrupts that ends like this.  All CPUs are online. */
static char *interrupt(const char *name, char *text, size_t size)
{
	size_t n = strlen(name);
	char *line, *save;

	check(read_file("/proc/interrupts", text, size), "/proc/interrupts: %m");
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strlen(line) > n && !strcmp(line + strlen(line) - n, name))
			return line;
	fail("no interrupt '%s'", name);
}

static unsigned long host_ticks(int cpu)
{
	char text[8192], *p = strchr(interrupt("kvm guest vtimer", text, sizeof(text)), ':') + 1;
	unsigned long n;

	do {
		n = strtoul(p, &p, 10);
	} while (cpu--);
	return n;
}

/*
 * The guest has timer interrupts on this CPU, and not just by way of a timer of the
 * host: the CPU's virtual timer interrupts it as well.
 */
static void expect_ticks(int cpu, const char *when)
{
	unsigned long host = host_ticks(cpu);
	uint32_t guest = ticks();
	double end = now() + 20;

	while (ticks() - guest < 20 || host_ticks(cpu) - host < 5) {
		check(now() < end,
		      "%s, on CPU %d: %u timer interrupts in the guest, %lu from the CPU's timer",
		      when, cpu, ticks() - guest, host_ticks(cpu) - host);
		usleep(1000);
	}
}

/* Each CPU has KVM's interrupts enabled.  The physical timer is KVM's with VHE only. */
static void expect_interrupts(const char *when)
{
	static const char *const names[] = { "kvm guest vtimer", " vgic", "kvm guest ptimer" };
	char text[8192], number[16];
	uint64_t mask;
	int i;

	for (i = 0; i < (mode == VHE ? 3 : 2); i++) {
		snprintf(number, sizeof(number), "%d",
			 atoi(interrupt(names[i], text, sizeof(text))));
		check(write_file(PARAMETERS "irq", number), "irq: %m");
		mask = read_mask(PARAMETERS "enabled");
		check(mask == all_cpus(), "%s: '%s' is enabled on CPUs %#lx", when, names[i], mask);
	}
}

/* el2-replug: a vCPU's timer on CPUs that were offline meanwhile, under its VM. */
static int step_el2_replug(int argc, char **argv)
{
	int cpu;

	start();
	start_ticking();
	expect_interrupts("with a VM");
	for (cpu = 1; cpu < nr_cpus(); cpu++) {
		move(cpu);
		expect_ticks(cpu, "before");
		move(0);
		replug(cpu);
		move(cpu);
		expect_ticks(cpu, "after the CPU came back");
		expect_interrupts("after a CPU came back");
	}
	note("lab: %d CPUs replugged, %u timer interrupts", nr_cpus() - 1, ticks());
	return PASS;
}

STEP("el2-replug", step_el2_replug);

/* el2-suspend: the same for a machine that was asleep. */
static int step_el2_suspend(int argc, char **argv)
{
	int cpu;

	start();
	load("fakesuspend", "");
	start_ticking();
	move(1);
	expect_ticks(1, "before");
	expect_more(all_cpus(), 1, "the first VM");
	suspend("mem");
	expect_more(all_cpus(), 1, "suspend to RAM");
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		move(cpu);
		expect_ticks(cpu, "after suspend to RAM");
	}
	expect_interrupts("after suspend to RAM");
	note("lab: suspended=faked");
	note("%u timer interrupts", ticks());
	return PASS;
}

STEP("el2-suspend", step_el2_suspend);

static void idle(int cpu)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", cpu);
	check(write_file(PARAMETERS "idle", number), "CPU %d does not idle: %m", cpu);
}

/* How often KVM kept EL2 of a CPU that idled. */
static long kept(void)
{
	char text[32];

	check(read_file(PARAMETERS "kept", text, sizeof(text)), "kept: %m");
	return atol(text);
}

/*
 * el2-idle N: CPUs idle, N times each, without a VM and under a vCPU, which goes on after
 * each time.  KVM lets go of EL2 meanwhile, unless it is pKVM.
 */
static int step_el2_idle(int argc, char **argv)
{
	int rounds = atoi(argv[1]), cpu, i;
	uint32_t old;
	double end;
	long n;

	start();
	n = kept();
	for (cpu = 0; cpu < nr_cpus(); cpu++)
		idle(cpu);
	expect_more(0, 0, "CPUs idled, without a VM");
	expect_el2(0, "CPUs idled, without a VM");
	n += mode == PKVM ? nr_cpus() : 0;
	check(kept() == n, "without a VM, KVM has EL2 of CPUs that idle");

	start_ticking();
	move(0);
	expect_ticks(0, "before");
	expect_more(all_cpus(), 1, "the first VM");
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		move(cpu);
		for (i = 0; i < rounds; i++) {
			old = ticks();
			idle(cpu);
			end = now() + 20;
			while (ticks() == old) {
				check(now() < end, "CPU %d idled %d times: the guest stands still",
				      cpu, i + 1);
				usleep(200);
			}
		}
		expect_ticks(cpu, "after idle");
		expect_more(BIT(cpu), rounds, "CPUs idled");
	}
	expect_el2(all_cpus(), "CPUs idled");
	expect_interrupts("CPUs idled");
	n += mode == PKVM ? rounds * nr_cpus() : 0;
	check(kept() == n, "KVM kept EL2 of CPUs that idled, %ld times instead of %ld", kept(), n);
	note("lab: %d CPUs idled %d times each, %u timer interrupts", nr_cpus(), rounds, ticks());
	return PASS;
}

STEP("el2-idle", step_el2_idle);

/* Has the kernel said this since it was started? */
static bool logged(const char *text)
{
	static char log[1 << 18];
	int n = klogctl(3, log, sizeof(log) - 1);

	check(n >= 0, "cannot read the kernel's log: %m");
	log[n] = 0;
	return strstr(log, text);
}

/*
 * el2-none [FUNCTION]...: KVM has not started, as the function of lab.case= failed.  CPUs
 * go offline, sleep and idle without it.  Those named here fail when pKVM has EL2, for good.
 */
static int step_el2_none(int argc, char **argv)
{
	const char *function = cmdline("lab.case=");
	char text[96];
	bool late = false;
	int cpu, i;

	snprintf(text, sizeof(text), "lab: %s fails", function);
	if (!logged(text))
		skip("%s is not called on this machine", function);
	start();
	if (mode == PKVM && !strcmp(function, "kvm_hw_enable_all"))
		skip("pKVM has EL2 of one CPU, and does not give it back");
	for (i = 1; i < argc; i++)
		late |= !strcmp(argv[i], function);
	if (mode == PKVM && !late)
		mode = NVHE;
	check_kvm_gone("KVM has not started");
	expect_el2(0, "KVM has not started");
	for (cpu = 1; cpu < nr_cpus(); cpu++)
		replug(cpu);
	load("fakesuspend", "");
	suspend("mem");
	for (cpu = 0; cpu < nr_cpus(); cpu++)
		idle(cpu);
	expect_enabled(0, 0, "without KVM");
	expect_el2(0, "CPUs were offline, asleep and idle");
	return PASS;
}

STEP("el2-none", step_el2_none);
