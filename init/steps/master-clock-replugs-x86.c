// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU hotplug and the clocks of guests.  The oracle is what a guest sees: the flags of
 * its pvclock, which say whether its VM has a master clock, and its TSC, which no vCPU
 * may see go backwards and which has to stay at the same distance from the host's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/resource.h>

#include "../lab.h"

#define VMS	4
#define VCPUS	2

/*
 * Where the guest has what it sees.  All vCPUs share the lock, the last TSC that one of
 * them read under it, how often that went backwards, and the last such step.
 */
#define LOCK		0x8000
#define LAST		0x8008
#define BACK		0x8010
#define STEP_BACK	0x8018
/* Of each vCPU: its pvclock, and its TSC just before it exits to user space. */
#define PVCLOCK(vcpu)	(0x9000 + 32 * (vcpu))
#define EXIT_TSC(vcpu)	(0xa000 + 8 * (vcpu))

/* In struct pvclock_vcpu_time_info. */
#define FLAGS		29
#define TSC_STABLE	1

/* BX: MSR_KVM_SYSTEM_TIME_NEW's value, SI: EXIT_TSC.  One that finds the lock taken goes on. */
asm("	.pushsection .rodata\n"
"	.code16\n"
"clock_start:\n"
"	mov	$0x4b564d01, %ecx\n"
"	mov	%ebx, %eax\n"
"	xor	%edx, %edx\n"
"	wrmsr\n"
"1:	mov	$1, %al\n"
"	xchg	%al, 0x8000\n"
"	test	%al, %al\n"
"	jnz	3f\n"
"	lfence\n"
"	rdtsc\n"
"	mov	%eax, %edi\n"
"	mov	%edx, %ebp\n"
"	sub	0x8008, %eax\n"
"	sbb	0x800c, %edx\n"
"	jns	2f\n"
"	incl	0x8010\n"
"	mov	%eax, 0x8018\n"
"	mov	%edx, 0x801c\n"
"2:	mov	%edi, 0x8008\n"
"	mov	%ebp, 0x800c\n"
"	movb	$0, 0x8000\n"
"3:	lfence\n"
"	rdtsc\n"
"	mov	%eax, (%si)\n"
"	mov	%edx, 4(%si)\n"
"	out	%al, $0xe9\n"
"	jmp	1b\n"
"clock_end:\n"
"	.code64\n"
"	.popsection\n"
);

extern const unsigned char clock_start[], clock_end[];
static const struct code code_clock = { clock_start, clock_end };

/*
 * A vCPU and its thread.  The guest's TSC less the host's was not less than @least and
 * not more than @most, as an exit takes some time.
 */
static struct vcpu {
	struct vm vm;
	int nr;
	volatile long exits;
	volatile int64_t least, most;
} vcpus[VMS][VCPUS];

static uint64_t host_tsc(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static void *run(void *arg)
{
	struct vcpu *v = arg;
	volatile int64_t *tsc = (void *)(v->vm.mem + EXIT_TSC(v->nr));

	/* Hotplug is not kept waiting by so many busy threads. */
	check(!setpriority(PRIO_PROCESS, gettid(), 19), "setpriority: %m");
	for (;;) {
		int64_t before = host_tsc(), after;
		int r = vm_run(&v->vm);

		after = host_tsc();
		if (r == -EINTR)
			continue;
		check(r == KVM_EXIT_IO, "a guest stopped with exit reason %d", r);
		if (*tsc - after > v->least)
			v->least = *tsc - after;
		if (*tsc - before < v->most)
			v->most = *tsc - before;
		v->exits++;
	}
}

static void start_vm(struct vcpu *v)
{
	struct kvm_regs regs;
	pthread_t thread;
	int i;

	vm_init(&v->vm, NULL, 0);
	for (i = 0; i < VCPUS; i++) {
		v[i].vm = v->vm;
		v[i].nr = i;
		v[i].least = INT64_MIN;
		v[i].most = INT64_MAX;
	}
	for (i = 0; i < VCPUS; i++) {
		vm_add_vcpu(&v[i].vm, i, &code_clock);
		check(!ioctl(v[i].vm.vcpu, KVM_GET_REGS, &regs), "KVM_GET_REGS: %m");
		regs.rbx = PVCLOCK(i) | 1;
		regs.rsi = EXIT_TSC(i);
		check(!ioctl(v[i].vm.vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS: %m");
	}
	/* Once all are there: a vCPU that comes later costs a VM its master clock for a while. */
	for (i = 0; i < VCPUS; i++)
		check(!pthread_create(&thread, NULL, run, &v[i]), "pthread_create");
}

/* Every vCPU has entered its guest since, and done what it was asked to before. */
static void wait_for_entries(void)
{
	double end = now() + 120;
	int i;

	for (i = 0; i < VMS * VCPUS; i++) {
		struct vcpu *v = &vcpus[i / VCPUS][i % VCPUS];
		long exits = v->exits;

		while (v->exits < exits + 3) {
			check(now() < end, "VM %d, vCPU %d stands still after %ld exits", i / VCPUS,
			      i % VCPUS, v->exits);
			usleep(1000);
		}
	}
}

/* What all guests have seen so far. */
struct seen {
	int master;		/* VMs all vCPUs of which are told that they share one clock */
	unsigned int back;	/* times that a TSC went backwards */
	int64_t back_by;	/* one such time */
	int64_t moved;		/* how far a TSC moved against the host's, at least */
};

static void look(const struct vcpu *v, struct seen *seen)
{
	const unsigned char *mem = v->vm.mem;
	int64_t least = INT64_MIN, most = INT64_MAX;
	int i, stable = 0;

	for (i = 0; i < VCPUS; i++) {
		stable += mem[PVCLOCK(i) + FLAGS] & TSC_STABLE;
		if (v[i].least > least)
			least = v[i].least;
		if (v[i].most < most)
			most = v[i].most;
	}
	seen->master += stable == VCPUS;
	if (least > most && least - most > seen->moved)
		seen->moved = least - most;
	if (*(uint32_t *)(mem + BACK))
		seen->back_by = -*(int64_t *)(mem + STEP_BACK);
	seen->back += *(uint32_t *)(mem + BACK);
}

static struct seen look_at_all(void)
{
	struct seen seen = {};
	int i;

	wait_for_entries();
	for (i = 0; i < VMS; i++)
		look(vcpus[i], &seen);
	return seen;
}

/* Start all VMs; skip the step where they have no master clock to lose. */
static void start_all(void)
{
	const char *path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
	double end = now() + 60;
	char text[32];
	int i, nr;

	check(read_file(path, text, sizeof(text)), "%s: %m", path);
	text[strcspn(text, "\n")] = 0;
	if (strcmp(text, "tsc"))
		skip("the host's clocksource is %s: tsc=reliable makes it the TSC", text);
	for (i = 0; i < VMS; i++)
		start_vm(vcpus[i]);
	do {
		nr = look_at_all().master;
	} while (nr < VMS && now() < end);
	if (nr < VMS)
		skip("%d of %d VMs have a master clock before the first replug", nr, VMS);
}

/*
 * master-clock-replugs REPLUGS: CPUs go and come that often, one after the other, under VMs whose
 * vCPUs exit all the time, i.e. are put and loaded while a CPU comes online.
 */
static int step_master_clock(int argc, char **argv)
{
	int replugs = argc > 1 ? atoi(argv[1]) : 0, n, milestone = 1;
	struct seen seen = {};

	check(replugs > 0, "how many replugs?");
	if (nr_cpus() < 2)
		skip("takes two CPUs");
	start_all();
	for (n = 1; n <= replugs; n++) {
		replug(1 + n % (nr_cpus() - 1));
		if (n != milestone && n != replugs)
			continue;
		if (n == milestone)
			milestone *= 10;
		seen = look_at_all();
		note("lab: replugs=%d vms=%d master_clock=%d tsc_back=%u tsc_moved=%ld", n, VMS,
		     seen.master, seen.back, seen.moved);
		/* A master clock that is lost does not come back: ten replugs show that. */
		if (!seen.master && n >= 10)
			break;
	}
	check(seen.master == VMS, "%d of %d VMs have a master clock after %d replugs", seen.master,
	      VMS, n > replugs ? replugs : n);
	check(!seen.back, "guests saw a TSC go backwards %u times, once by %ld", seen.back,
	      seen.back_by);
	check(!seen.moved, "the TSC of a guest moved by %ld against the host's", seen.moved);
	return PASS;
}

STEP("master-clock-replugs", step_master_clock);
