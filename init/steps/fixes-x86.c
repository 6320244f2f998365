// SPDX-License-Identifier: GPL-2.0-only
/* Steps for bugs of x86 that a topic of fixes mends; what guests see is the oracle. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <signal.h>
#include <string.h>

#include "../lab.h"
#include "../../modules/hw.h"
#include "../../modules/lab.h"
#include "../../modules/power.h"

#define X		1	/* the CPU that goes and comes */
#define CLOCK		0x9000	/* where KVM puts the guest's clock */
#define TSC		0x8010	/* where the guest puts its TSC */
#define COUNT		0x8018	/* and how often it did */

/* A guest that does nothing but read its TSC, count and exit; one that only counts. */
asm("	.pushsection .rodata\n"
"	.code16\n"
"tick_start:\n"
"	rdtsc\n"
"	mov	%eax, 0x8010\n"
"	mov	%edx, 0x8014\n"
"	incl	0x8018\n"
"	mov	$46, %al\n"
"	out	%al, $0xe9\n"
"	jmp	tick_start\n"
"tick_end:\n"
"spin_start:\n"
"	incl	0x8018\n"
"	jmp	spin_start\n"
"spin_end:\n"
"	.code64\n"
"	.popsection\n"
);

extern const unsigned char tick_start[], tick_end[], spin_start[], spin_end[];
static const struct code code_tick = { tick_start, tick_end };
static const struct code code_spin = { spin_start, spin_end };

/* As the guest would compute its time from it, Documentation/virt/kvm/x86/msr.rst. */
struct clock {
	uint32_t version, pad;
	uint64_t tsc, system_time;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
	uint8_t pad2[2];
} __attribute__((packed));

#define TSC_STABLE	1	/* the flag that says: same clock on all vCPUs */

static void tick_init(struct vm *vm)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry clock;
	} msrs = {
		.head.nmsrs = 1,
		.clock = { .index = MSR_KVM_SYSTEM_TIME_NEW, .data = CLOCK | 1 },
	};

	vm_init(vm, &code_tick, 0);
	check(ioctl(vm->vcpu, KVM_SET_MSRS, &msrs) == 1, "KVM_SET_MSRS: %m");
	check(vm_getc(vm) >= 0, "no output");
}

static struct clock *clock_of(struct vm *vm)
{
	return (void *)(vm->mem + CLOCK);
}

static uint64_t rdtsc(void)
{
	uint32_t a, d;

	asm volatile("lfence; rdtsc; lfence" : "=a" (a), "=d" (d) : : "memory");
	return (uint64_t)d << 32 | a;
}

/* The guest's TSC is the host's plus something that is in this interval. */
struct offset {
	int64_t min, max;
};

static struct offset offset_of(struct vm *vm)
{
	uint64_t before = rdtsc(), after, guest;

	vm_getc(vm);
	after = rdtsc();
	guest = *(uint64_t *)(vm->mem + TSC);
	return (struct offset){ guest - after, guest - before };
}

struct comer {
	pthread_t thread;
	volatile bool done;
	bool ok;
};

static void *come_online(void *arg)
{
	struct comer *c = arg;

	c->ok = set_online(X, true);
	c->done = true;
	return NULL;
}

/*
 * master-clock: CPU X comes online and looks at the TSCs of vCPUs, if it does; meanwhile a
 * vCPU runs and stops on CPU 0.  Its guest keeps its clock and its TSC.
 */
static int step_master_clock(int argc, char **argv)
{
	struct offset before, after;
	struct comer comer = {};
	struct vm vm = {};
	uint32_t cpu = X;
	int lab = open_lab();
	double end;
	bool held;

	tick_init(&vm);
	before = offset_of(&vm);
	check(clock_of(&vm)->flags & TSC_STABLE, "the guest has no master clock to lose");

	offline(X);
	check(!ioctl(lab, LAB_STOP_WALK, &cpu), "LAB_STOP_WALK: %m");
	pthread_create(&comer.thread, NULL, come_online, &comer);
	end = now() + LAB_PATIENCE / 2;
	while (!(held = ioctl(lab, LAB_HELD) == 1) && !comer.done && now() < end)
		usleep(1000);
	vm_getc(&vm);
	usleep(100000);
	ioctl(lab, LAB_LET_GO);
	pthread_join(comer.thread, NULL);
	check(comer.ok, "CPU %d did not come online", X);

	after = offset_of(&vm);
	note("lab: the CPU that came online %s the vCPU", held ? "looked at" : "did not look at");
	check(after.max >= before.min && after.min <= before.max,
	      "the guest's TSC jumped by %lld cycles or so", (long long)(after.min - before.min));
	check(clock_of(&vm)->flags & TSC_STABLE, "the guest lost its master clock");
	return PASS;
}

STEP("master-clock", step_master_clock);

/* The guest's time in ns when it read its TSC last. */
static uint64_t guest_time(struct vm *vm)
{
	struct clock *c = clock_of(vm);
	uint64_t delta = *(uint64_t *)(vm->mem + TSC) - c->tsc;

	check(!(c->version & 1), "the clock is being written");
	delta = c->shift < 0 ? delta >> -c->shift : delta << c->shift;
	return c->system_time + (uint64_t)((unsigned __int128)delta * c->mul >> 32);
}

static void *tick_on_x(void *vm)
{
	pin(X);
	vm_getc(vm);
	return NULL;
}

static int64_t host_time(struct vm *vm)
{
	struct kvm_clock_data host;

	check(!ioctl(vm->fd, KVM_GET_CLOCK, &host), "KVM_GET_CLOCK: %m");
	return host.clock;
}

/*
 * Run the guest on CPU X: by how much, in ns, is its clock outside of what the host's was
 * before and after that?  It takes as long as the host lets it.
 */
static int64_t clock_error(struct vm *vm)
{
	int64_t before = host_time(vm), after, guest;
	pthread_t thread;

	pthread_create(&thread, NULL, tick_on_x, vm);
	pthread_join(thread, NULL);
	after = host_time(vm);
	guest = guest_time(vm);
	return guest < before ? guest - before : guest > after ? guest - after : 0;
}

#define TOLERANCE	20000000	/* ns; the two are updated at different times */

/*
 * clock-replug: the TSC turns out to be unstable when CPU X comes online.  The clock of a
 * guest that ran there last, and does so next, is right then, and after another time.
 */
static int step_clock_replug(int argc, char **argv)
{
	int lab = open_lab(), i;
	struct vm vm = {};
	int64_t error;

	tick_init(&vm);
	error = clock_error(&vm);
	check(llabs(error) < TOLERANCE, "the guest's clock is wrong by %lld ns at first",
	      (long long)error);
	for (i = 0; i < 2; i++) {
		offline(X);
		if (!i)
			check(!ioctl(lab, LAB_TSC_UNSTABLE), "LAB_TSC_UNSTABLE: %m");
		online(X);
		error = clock_error(&vm);
		note("lab: the guest's clock is off by %lld ns", (long long)error);
		check(llabs(error) < TOLERANCE, "the guest's clock is wrong by %lld ns",
		      (long long)error);
	}
	return PASS;
}

STEP("clock-replug", step_clock_replug);

static void nothing(int sig)
{
}

/* A vCPU in a thread of its own, and what KVM_RUN returned when it was not interrupted. */
struct runner {
	struct vm vm;
	pthread_t thread;
	int cpu;
	volatile int result;
	volatile bool done, stop;
};

static void *run(void *arg)
{
	struct runner *r = arg;
	int result;

	pin(r->cpu);
	do {
		result = vm_run(&r->vm);
	} while (!r->stop && (result == -EINTR || result == KVM_EXIT_IO));
	r->result = result;
	r->done = true;
	return NULL;
}

static void start(struct runner *r, int cpu)
{
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGUSR1, &sa, NULL);
	r->cpu = cpu;
	r->done = false;
	r->stop = false;
	check(!pthread_create(&r->thread, NULL, run, r), "pthread_create");
}

static void stop(struct runner *r)
{
	r->stop = true;
	while (!r->done) {
		pthread_kill(r->thread, SIGUSR1);
		usleep(1000);
	}
	pthread_join(r->thread, NULL);
}

static uint32_t ticks(struct runner *r)
{
	return *(volatile uint32_t *)(r->vm.mem + COUNT);
}

static void progress(struct runner *r, const char *when)
{
	uint32_t old = ticks(r);
	double end = now() + 20;

	while (ticks(r) == old) {
		check(!r->done, "KVM_RUN returned %d %s", r->result, when);
		check(now() < end, "the guest does not run %s", when);
		usleep(1000);
	}
}

/* KVM_RUN returns at once, with nothing having run: the VM is dead. */
static void dead(struct runner *r, const char *when)
{
	uint32_t old = ticks(r);
	double end = now() + 20;

	while (!r->done) {
		check(now() < end, "KVM_RUN goes on %s", when);
		usleep(1000);
	}
	pthread_join(r->thread, NULL);
	check(r->result == -EIO, "KVM_RUN returned %d %s, not -EIO", r->result, when);
	check(ticks(r) == old, "the guest ran, %s", when);
}

static void lose(int power, enum power_failing who)
{
	check(!ioctl(power, POWER_FAIL_RESUME, who), "POWER_FAIL_RESUME: %m");
	sleep_to_ram();
}

static bool cpu0_enabled(int power)
{
	unsigned long mask;

	check(!ioctl(power, POWER_ENABLED, &mask), "POWER_ENABLED: %m");
	return mask & 1;
}

/*
 * lost-cpu: CPU 0 does not enable virtualization when the system resumes.  VMs from before
 * are dead, whether a vCPU ran there or elsewhere; they can be destroyed on CPU 0.  Until
 * then no other VM can be had; after that, VMs run on CPU 0 again.
 */
static int step_lost_cpu(int argc, char **argv)
{
	int power = open_power(), i;
	struct runner on_0, on_x, between;
	bool at_load;

	at_load = cpu0_enabled(power);
	for (i = 0; i < 2; i++) {
		memset(&on_0, 0, sizeof(on_0));
		memset(&on_x, 0, sizeof(on_x));
		memset(&between, 0, sizeof(between));
		pin(X);
		vm_init(&on_0.vm, &code_spin, 0);
		vm_init(&on_x.vm, &code_spin, 0);
		vm_init(&between.vm, &code_tick, 0);
		vm_getc(&between.vm);
		start(&on_0, 0);
		start(&on_x, X);
		progress(&on_0, "before");
		progress(&on_x, "before");
		lose(power, POWER_RESUMING);
		check(!cpu0_enabled(power), "virtualization is enabled on CPU 0");

		dead(&on_0, "on CPU 0");
		dead(&on_x, "on a CPU that never failed");
		start(&between, 0);
		dead(&between, "on CPU 0, with an exit to complete");
		check(vm_create() == -1 && errno == EIO,
		      "KVM_CREATE_VM beside dead VMs: %m, not EIO");

		pin(0);
		vm_free(&on_0.vm);
		vm_free(&between.vm);
		pin(X);
		vm_free(&on_x.vm);
		if (i) {
			sleep_to_ram();
			check(!at_load || cpu0_enabled(power),
			      "CPU 0 is not enabled by another sleep");
		}
		memset(&on_0, 0, sizeof(on_0));
		vm_init(&on_0.vm, &code_spin, 0);
		check(cpu0_enabled(power), "CPU 0 is not enabled by a new VM");
		start(&on_0, 0);
		progress(&on_0, "on CPU 0, which is back");
		stop(&on_0);
		vm_free(&on_0.vm);
	}
	return PASS;
}

STEP("lost-cpu", step_lost_cpu);

/* Another VM, which runs on the CPU. */
static void spin_on(struct runner *r, int cpu, const char *when)
{
	memset(r, 0, sizeof(*r));
	vm_init(&r->vm, &code_spin, 0);
	start(r, cpu);
	progress(r, when);
}

/*
 * lost-all: no CPU enables virtualization when the system resumes, without a VM and with one.
 * The host has all of its CPUs nevertheless.  When they can be enabled again, VMs run on each.
 */
static int step_lost_all(int argc, char **argv)
{
	int power = open_power(), cpus = sysconf(_SC_NPROCESSORS_ONLN), left, cpu, with_vm;
	struct runner vm;

	for (with_vm = 0; with_vm < 2; with_vm++) {
		if (with_vm)
			spin_on(&vm, X, "before");
		lose(power, POWER_ALL);
		left = sysconf(_SC_NPROCESSORS_ONLN);
		check(left == cpus, "%d of %d CPUs are online after a resume %s a VM", left, cpus,
		      with_vm ? "with" : "without");
		if (with_vm)
			dead(&vm, "on a CPU that is not enabled");
		check(vm_create() == -1 && errno == EIO, "KVM_CREATE_VM: %m, not EIO");
		check(!ioctl(power, POWER_FAIL_RESUME, POWER_NONE), "POWER_FAIL_RESUME: %m");
		if (with_vm)
			vm_free(&vm.vm);
		for (cpu = 0; cpu < cpus; cpu++) {
			spin_on(&vm, cpu, "on a CPU that is back");
			stop(&vm);
			vm_free(&vm.vm);
		}
	}
	return PASS;
}

STEP("lost-all", step_lost_all);

static void *go_offline(void *arg)
{
	struct comer *c = arg;

	c->ok = set_online(X, false);
	c->done = true;
	return NULL;
}

static void *destroy(void *vm)
{
	vm_free(vm);
	return NULL;
}

/* CPU X goes offline, and is held before it clears the first VMCS of three. */
struct clearing {
	int hw;
	bool held;	/* cannot be done on a CPU that has IRQs disabled */
	struct vm vm[3];
	struct comer goer;
};

/* What makes the step skip comes first. */
static void clearing_hold(struct clearing *c)
{
	struct hw_hold hold = { .point = HW_CLEAR, .cpu = X };

	memset(c, 0, sizeof(*c));
	c->hw = open("/dev/hw", O_RDWR | O_CLOEXEC);
	check(c->hw >= 0, "no /dev/hw: %m");
	check(nr_cpus() > 1, "this machine has one CPU");
	if (ioctl(c->hw, HW_HOLD, &hold) && errno == EOPNOTSUPP)
		skip("no VMCSs on this machine");
}

static void clearing_begin(struct clearing *c)
{
	uint32_t point = HW_CLEAR;
	double end;
	int i;

	pin(X);
	for (i = 0; i < 3; i++) {
		/* With an APIC, as a vCPU without flips a static key when it goes. */
		vm_init(&c->vm[i], &code_tick, VM_IRQCHIP);
		vm_getc(&c->vm[i]);
	}
	pin(0);
	pthread_create(&c->goer.thread, NULL, go_offline, &c->goer);
	end = now() + HW_PATIENCE / 2;
	while (!(c->held = ioctl(c->hw, HW_HELD, &point) == 1) && !c->goer.done && now() < end)
		usleep(1000);
}

static void clearing_go_on(struct clearing *c)
{
	uint32_t point = HW_CLEAR;
	double end;

	ioctl(c->hw, HW_LET_GO, &point);
	for (end = now() + HW_PATIENCE; !c->goer.done; usleep(1000))
		check(now() < end, "CPU %d does not get to the end of the list of its VMCSs", X);
	pthread_join(c->goer.thread, NULL);
	check(c->goer.ok, "CPU %d did not go offline", X);
}

/* GONE, if any, was destroyed. */
static int clearing_end(struct clearing *c, const struct vm *gone)
{
	int i;

	for (i = 0; i < 3; i++)
		check(&c->vm[i] == gone || vm_getc(&c->vm[i]) >= 0, "no output");
	online(X);
	if (ioctl(c->hw, HW_CLEARED) != 1)
		skip("the CPU was not seen in the walk: __loaded_vmcs_clear() is inlined");
	note("lab: the CPU that went offline %s IRQs", c->held ? "took" : "took no");
	return PASS;
}

/*
 * vmclear-moved: the second VMCS is loaded on CPU 0 while the walk is held, i.e. is on the list
 * of CPU 0 when the walk gets there.  The list begins with the one that was loaded last.
 */
static int step_vmclear_moved(int argc, char **argv)
{
	struct clearing c;

	clearing_hold(&c);
	clearing_begin(&c);
	vm_getc(&c.vm[1]);
	clearing_go_on(&c);
	return clearing_end(&c, NULL);
}

STEP("vmclear-moved", step_vmclear_moved);

/* vmclear-destroyed: the vCPU of the second VMCS is destroyed while the walk is held. */
static int step_vmclear_destroyed(int argc, char **argv)
{
	struct clearing c;
	pthread_t destroyer;
	int destroyed = 0;
	struct vm gone;
	double end;

	clearing_hold(&c);
	/* Called for a vCPU whose VMCS is cleared. */
	load("count", "functions=kvm_free_lapic");
	clearing_begin(&c);
	gone = c.vm[1];
	pthread_create(&destroyer, NULL, destroy, &gone);
	end = now() + HW_PATIENCE / 4;
	while (!destroyed && now() < end) {
		read_calls(1, &destroyed);
		usleep(1000);
	}
	clearing_go_on(&c);
	pthread_join(destroyer, NULL);
	check(destroyed, "the vCPU was not destroyed in time");
	unload("count");
	return clearing_end(&c, &c.vm[1]);
}

STEP("vmclear-destroyed", step_vmclear_destroyed);
