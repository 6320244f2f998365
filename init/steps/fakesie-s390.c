// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps with fakesie.ko: how often virtualization is enabled and disabled, and
 * guests that consist of instructions that KVM emulates.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "../lab.h"

#define AREA		0x1000		/* where the guest has its results, in %r2 */
#define PSW_64		0x180000000	/* 64-bit addressing, DAT and interrupts off */

/* stsi 0(%r2); diag 0,0,0x501: the first is KVM's, the second is for user space. */
static const unsigned char who_text[] = {
	0xb2, 0x7d, 0x20, 0x00, 0x83, 0x00, 0x05, 0x01
};

/* stidp 0(%r2); stpx 0(%r2); lpsw 0x10, which goes back: all of it is KVM's. */
static const unsigned char loop_text[] = {
	0xb2, 0x02, 0x20, 0x00, 0xb2, 0x11, 0x20, 0x00, 0x82, 0x00, 0x00, 0x10, 0, 0, 0, 0,
	0x00, 0x08, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00
};

static const struct code who = { who_text, who_text + sizeof(who_text) };
static const struct code loop = { loop_text, loop_text + sizeof(loop_text) };
/* "KVM/Linux" in EBCDIC. */
static const char kvm_linux[] = "\xd2\xe5\xd4\x61\xd3\x89\x95\xa4\xa7";

/* How often KVM called a function of the architecture; -1 if there is none. */
static int calls(const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/sys/module/fakesie/parameters/%s", name);
	check(read_file(path, text, sizeof(text)), "no %s: %m", path);
	return *text >= '0' && *text <= '9' ? atoi(text) : -1;
}

static int enabled, disabled;

/* So many calls have to have come since the last time. */
static void expect(int enables, int disables, const char *when)
{
	int e = calls("enables"), d = calls("disables");

	note("lab: %s: %d enabled, %d disabled", when, e < 0 ? e : e - enabled,
	     d < 0 ? d : d - disabled);
	check(e < 0 || e == enabled + enables, "%s: enabled %d times, not %d",
	      when, e - enabled, enables);
	check(d < 0 || d == disabled + disables, "%s: disabled %d times, not %d",
	      when, d - disabled, disables);
	enabled = e;
	disabled = d;
}

static void all_but_one(bool online)
{
	int cpu;

	for (cpu = 1; cpu < nr_cpus(); cpu++)
		check(set_online(cpu, online), "CPU %d does not go %sline: %m", cpu,
		      online ? "on" : "off");
}

/*
 * fakesie-calls [TOO-MANY]: on all CPUs for the first VM and after the last, and in
 * hotplug.  TOO-MANY of them are expected for the first VM, to see the step fail.
 */
static int step_fakesie_calls(int argc, char **argv)
{
	struct vm one = {}, two = {};
	int cpus = nr_cpus(), too_many = argc > 1 ? atoi(argv[1]) : 0, round;

	enabled = calls("enables");
	disabled = calls("disables");
	if (enabled < 0)
		note("lab: this KVM has no function that enables");
	if (disabled < 0)
		note("lab: this KVM has no function that disables");

	/* The second round is as the first one only if all were disabled. */
	for (round = 0; round < 2; round++) {
		vm_init(&one, NULL, 0);
		expect(cpus + too_many, 0, "0->1 VMs");
		vm_init(&two, NULL, 0);
		expect(0, 0, "1->2 VMs");
		vm_free(&one);
		expect(0, 0, "2->1 VMs");
		all_but_one(false);
		expect(0, cpus - 1, "1 VM, CPUs off");
		all_but_one(true);
		expect(cpus - 1, 0, "1 VM, CPUs on");
		vm_free(&two);
		expect(0, cpus, "1->0 VMs");
		all_but_one(false);
		all_but_one(true);
		expect(0, 0, "no VM, CPUs off and on");
	}
	return PASS;
}

STEP("fakesie-calls", step_fakesie_calls);

static void start(struct vm *vm, const struct code *code)
{
	vm_init(vm, code, 0);
	vm->run->psw_mask = PSW_64;
	vm->run->s.regs.gprs[2] = AREA;
}

static void *run_loop(void *arg)
{
	int r;

	while ((r = vm_run(arg)) == -EINTR)
		;
	fail("the guest stopped with exit reason %d", r);
}

/* STIDP's word is not 0, STPX' is. */
static void expect_both(struct vm *vm, const char *when)
{
	volatile uint32_t *word = (volatile uint32_t *)(vm->mem + AREA);
	bool zero = false, other = false;
	double end = now() + 20;

	*word = 0;
	while (!zero || !other) {
		if (*word)
			other = true;
		else if (other)
			zero = true;
		check(now() < end, "the guest does not run any more %s", when);
	}
}

/* fakesie-run ROUNDS: KVM says who it is; then it emulates while CPUs go and come. */
static int step_fakesie_run(int argc, char **argv)
{
	struct vm vm = {};
	pthread_t thread;
	int i, r;

	start(&vm, &who);
	vm.run->s.regs.gprs[0] = 3 << 28 | 2;
	vm.run->s.regs.gprs[1] = 2;
	r = vm_run(&vm);
	check(r == KVM_EXIT_S390_SIEIC && vm.run->s390_sieic.ipa == 0x8300 &&
	      vm.run->s390_sieic.ipb == 0x501U << 16, "exit reason %d, not for DIAG 501", r);
	check(memmem(vm.mem + AREA, 4096, kvm_linux, strlen(kvm_linux)),
	      "STSI does not say KVM/Linux");
	vm_free(&vm);

	start(&vm, &loop);
	check(!pthread_create(&thread, NULL, run_loop, &vm), "pthread_create");
	expect_both(&vm, "from the start");
	for (i = 0; i < atoi(argv[1]); i++) {
		all_but_one(false);
		expect_both(&vm, "with one CPU");
		all_but_one(true);
		expect_both(&vm, "with the CPUs back");
	}
	note("lab: %d CPUs went and came %d times while KVM emulated", nr_cpus() - 1, i);
	return PASS;
}

STEP("fakesie-run", step_fakesie_run);
