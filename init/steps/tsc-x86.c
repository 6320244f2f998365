// SPDX-License-Identifier: GPL-2.0-only
/* Steps for what KVM does about the host's TSC when CPUs come online or resume. */
#define _GNU_SOURCE
#include <linux/kvm.h>
#include <string.h>
#include <time.h>

#include "../lab.h"
#include "../../modules/lab.h"

#define X		1	/* the CPU that goes and comes; all else is on CPU 0 */
#define AHEAD		0x100000000000ull	/* hours, in cycles */

static int lab;

static void setup(struct vm *vm, int nr)
{
	int i;

	lab = open_lab();
	for (i = 0; i < nr; i++)
		vm_init(&vm[i], &code_hello, 0);
}

static void ahead(struct vm *vm, uint64_t cycles)
{
	struct lab_tsc tsc = { .vm = vm->fd, .cycles = cycles };

	check(!ioctl(lab, LAB_TSC_AHEAD, &tsc), "LAB_TSC_AHEAD: %m");
}

static struct lab_tsc moved(struct vm *vm)
{
	struct lab_tsc tsc = { .vm = vm->fd };

	check(!ioctl(lab, LAB_TSC_MOVED, &tsc), "LAB_TSC_MOVED: %m");
	return tsc;
}

/* tsc-online: a CPU that comes online tells nothing about the TSCs of the others. */
static int step_tsc_online(int argc, char **argv)
{
	struct vm vm = {};
	uint64_t cycles;

	setup(&vm, 1);
	ahead(&vm, AHEAD);
	replug(X);
	cycles = moved(&vm).cycles;
	/* Or KVM takes the TSC for unstable when the vCPU is loaded to be destroyed. */
	ahead(&vm, 0);
	check(!cycles, "a guest was moved forward by %#llx cycles", (unsigned long long)cycles);
	return PASS;
}

STEP("tsc-online", step_tsc_online);

/* tsc-resume: guests are moved forward once, all by the same, whoever was ahead. */
static int step_tsc_resume(int argc, char **argv)
{
	struct vm vm[3] = {};
	uint64_t cycles;
	int i;

	setup(vm, 3);
	ahead(&vm[1], AHEAD);
	check(write_file("/sys/class/rtc/rtc0/wakealarm", "+20"), "wakealarm: %m");
	suspend("mem");
	cycles = moved(&vm[1]).cycles;
	/* What was ahead, less the time since. */
	check(cycles > AHEAD / 2 && cycles <= AHEAD, "moved by %#llx cycles, not %#llx",
	      (unsigned long long)cycles, AHEAD);
	for (i = 0; i < 3; i += 2)
		check(moved(&vm[i]).cycles == cycles, "VM %d was moved by %#llx cycles, not %#llx",
		      i, (unsigned long long)moved(&vm[i]).cycles, (unsigned long long)cycles);
	note("lab: 3 guests moved forward by %#llx of %#llx cycles", (unsigned long long)cycles,
	     AHEAD);
	return PASS;
}

STEP("tsc-resume", step_tsc_resume);

/*
 * A guest with a clock.  KVM keeps struct pvclock_vcpu_time_info up to date in the
 * guest's memory, the guest reads its TSC: together they are the time that the guest
 * sees, and that is compared with the host's.
 */
#define MSR_KVM_WALL_CLOCK_NEW	0x4b564d00
#define MSR_KVM_SYSTEM_TIME_NEW	0x4b564d01
#define WALL_CLOCK		0x8000
#define PVCLOCK			0x9000
#define GUEST_TSC		0xa000

struct pvclock {
	uint32_t version, pad0;
	uint64_t tsc_timestamp, system_time;
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags, pad[2];
} __attribute__((packed));

asm("	.pushsection .rodata\n"
"	.code16\n"
"clock_start:\n"
"	rdtsc\n"
"	mov	%eax, 0xa000\n"
"	mov	%edx, 0xa004\n"
"	out	%al, $0xe9\n"
"	jmp	clock_start\n"
"clock_end:\n"
"	.code64\n"
"	.popsection\n"
);

extern const unsigned char clock_start[], clock_end[];
static const struct code code_clock = { clock_start, clock_end };

#define PVCLOCK_TSC_STABLE	1	/* flags: other vCPUs' clocks go alike */
#define TOLERANCE		20000000 /* ns; clocksources differ a little */

/* What the guest's clock showed, in ns, and the host's before and after that. */
struct reading {
	struct vm *vm;
	int64_t guest, before, after;
	bool stable;		/* so KVM says, and the guest relies on it */
};

static int64_t boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void *read_clock(void *arg)
{
	struct reading *r = arg;
	struct pvclock pv;
	uint64_t delta, tsc;

	r->before = boottime();
	vm_getc(r->vm);
	r->after = boottime();
	memcpy(&pv, r->vm->mem + PVCLOCK, sizeof(pv));
	memcpy(&tsc, r->vm->mem + GUEST_TSC, sizeof(tsc));
	delta = tsc - pv.tsc_timestamp;
	delta = pv.tsc_shift < 0 ? delta >> -pv.tsc_shift : delta << pv.tsc_shift;
	r->guest = pv.system_time +
		   (int64_t)((unsigned __int128)delta * pv.tsc_to_system_mul >> 32);
	r->stable = pv.flags & PVCLOCK_TSC_STABLE;
	return NULL;
}

/* The guest's clock as KVM has it for migration, on this CPU. */
static void get_clock(struct vm *vm, struct reading *r)
{
	struct kvm_clock_data clock = {};

	r->vm = vm;
	r->before = boottime();
	check(!ioctl(vm->fd, KVM_GET_CLOCK, &clock), "KVM_GET_CLOCK: %m");
	r->after = boottime();
	r->guest = clock.clock;
	r->stable = clock.flags & KVM_CLOCK_TSC_STABLE;
}

/* When the guest's clock was zero, as KVM tells the guest: ns since 1970. */
static int64_t wall_clock(struct vm *vm)
{
	struct {
		uint32_t version, sec, nsec;
	} wall;

	memset(vm->mem + WALL_CLOCK, 0, sizeof(wall));
	vm_set_msr(vm, MSR_KVM_WALL_CLOCK_NEW, WALL_CLOCK, WALL_CLOCK);
	memcpy(&wall, vm->mem + WALL_CLOCK, sizeof(wall));
	check(wall.version && !(wall.version & 1), "KVM wrote no wall clock");
	return wall.sec * 1000000000ll + wall.nsec;
}

static void *read_clock_on_x(void *arg)
{
	pin(X);
	return read_clock(arg);
}

/*
 * By how much the guest's clock is known to be wrong, in ns: what the difference to the
 * host's may have changed by since the first reading, less what reading takes.
 */
static int64_t apart(struct reading *first, struct reading *r)
{
	if (r->guest - first->guest > r->after - first->before)
		return r->guest - first->guest - (r->after - first->before);
	if (r->guest - first->guest < r->before - first->after)
		return r->guest - first->guest - (r->before - first->after);
	return 0;
}

/* The same for another reading, by a vCPU on CPU X or here. */
static int64_t wrong_by(struct reading *first, struct reading *r, bool on_x)
{
	pthread_t thread;

	r->vm = first->vm;
	if (on_x) {
		pthread_create(&thread, NULL, read_clock_on_x, r);
		pthread_join(thread, NULL);
	} else {
		read_clock(r);
	}
	return apart(first, r);
}

/* A VM with a clock, and its first reading. */
static void start_clock(struct vm *vm, struct reading *first, bool on_x)
{
	struct reading none = { .vm = vm }, next;

	vm_init(vm, &code_clock, 0);
	vm_set_msr(vm, MSR_KVM_SYSTEM_TIME_NEW, PVCLOCK | 1, PVCLOCK | 1);
	wrong_by(&none, &next, on_x);
	*first = next;
	check(first->guest, "the guest has no clock");
}

/*
 * tsc-unstable: the TSC turns out to be unstable when a CPU comes online.  A guest that
 * ran there last, and one that did not, keep the right time, wherever they run next.
 */
static int step_tsc_unstable(int argc, char **argv)
{
	struct reading first[2] = {}, next;
	struct vm vm[2] = {};
	int64_t wrong, most = 0;
	int round, i;

	lab = open_lab();
	for (i = 0; i < 2; i++)
		start_clock(&vm[i], &first[i], !i);
	for (round = 0; round < 8; round++) {
		check(set_online(X, false), "CPU %d: %m", X);
		if (!round)
			check(!ioctl(lab, LAB_TSC_UNSTABLE), "LAB_TSC_UNSTABLE: %m");
		usleep(300000);
		check(set_online(X, true), "CPU %d: %m", X);
		for (i = 0; i < 4; i++) {
			/* Both on both CPUs, in an order that changes. */
			wrong = wrong_by(&first[i % 2], &next, (i / 2 + i + round) % 2);
			note("round %d: guest %d is wrong by %lld us, read within %lld us", round,
			     i % 2, (long long)wrong / 1000,
			     (long long)(next.after - next.before) / 1000);
			if (llabs(wrong) > most)
				most = llabs(wrong);
		}
	}
	note("lab: guests' clocks are wrong by %lld us at most", (long long)most / 1000);
	check(most < TOLERANCE, "a guest's clock is wrong by %lld us", (long long)most / 1000);
	return PASS;
}

STEP("tsc-unstable", step_tsc_unstable);

/*
 * tsc-skewed: a vCPU ran on a CPU whose TSC is ahead, and moves to another one.  KVM finds
 * that the TSC is unstable, and timekeeping is not told yet.  Neither the guest's clock nor
 * KVM_GET_CLOCK nor the wall clock may be off by the skew, or by the time for which the vCPU
 * was not loaded, or say any longer that all vCPUs' TSCs are the same.
 */
#define SKEW_MS		60000
#define AWAY_MS		1000
#define CLOCKSOURCE	"/sys/devices/system/clocksource/clocksource0/current_clocksource"

struct skewed {
	int64_t guest, kvm, wall;	/* wrong by, in ns */
	bool stable;
};

/* first[0] is the guest's first reading, first[1] that of KVM_GET_CLOCK, epoch the wall clock. */
static struct skewed read_skewed(struct reading *first, int64_t epoch, bool on_x, const char *when)
{
	struct reading guest, kvm;
	struct skewed skewed;

	/* A VM that is paused: the vCPU is loaded, and does not run. */
	check(ioctl(first->vm->vcpu, KVM_GET_TSC_KHZ, 0) > 0, "KVM_GET_TSC_KHZ: %m");
	get_clock(first->vm, &kvm);
	skewed.kvm = apart(&first[1], &kvm);
	skewed.wall = wall_clock(first->vm) - epoch;
	skewed.guest = wrong_by(&first[0], &guest, on_x);
	skewed.stable = guest.stable || kvm.stable;
	note("lab: %s: off: guest's clock %lld us%s, KVM_GET_CLOCK %lld us%s, wall clock %lld us",
	     when, (long long)skewed.guest / 1000, guest.stable ? " and stable" : "",
	     (long long)skewed.kvm / 1000, kvm.stable ? " and stable" : "",
	     (long long)skewed.wall / 1000);
	return skewed;
}

static void check_skewed(struct skewed *skewed, const char *when)
{
	check(llabs(skewed->guest) < TOLERANCE, "%s: the guest's clock is wrong by %lld us", when,
	      (long long)skewed->guest / 1000);
	check(llabs(skewed->kvm) < TOLERANCE, "%s: KVM_GET_CLOCK is wrong by %lld us", when,
	      (long long)skewed->kvm / 1000);
	check(llabs(skewed->wall) < TOLERANCE, "%s: the wall clock is wrong by %lld us", when,
	      (long long)skewed->wall / 1000);
	check(!skewed->stable, "%s: the guest is told that all TSCs are the same", when);
}

static int step_tsc_skewed(int argc, char **argv)
{
	struct reading first[2] = {}, next;
	struct skewed at_once, later;
	struct lab_tsc tsc = {};
	struct vm vm = {};
	char source[32] = "tsc";
	int64_t epoch;
	double end;
	int khz;

	lab = open_lab();
	start_clock(&vm, &first[0], true);
	get_clock(&vm, &first[1]);
	epoch = wall_clock(&vm);
	check(first[0].stable && first[1].stable, "the VM does not use the master clock");
	/* Some kernels update a new clock again after 100 ms, when the vCPU runs next. */
	usleep(300000);
	/* This moves the vCPU to CPU 0; the next reading puts it back on X. */
	khz = ioctl(vm.vcpu, KVM_GET_TSC_KHZ, 0);
	check(khz > 0, "KVM_GET_TSC_KHZ: %m");
	check(llabs(wrong_by(&first[0], &next, true)) < TOLERANCE,
	      "the guest's clock is wrong at first");
	usleep(AWAY_MS * 1000);
	tsc.vm = vm.fd;
	tsc.cycles = (uint64_t)khz * SKEW_MS;
	check(!ioctl(lab, LAB_TSC_SKEWED, &tsc), "LAB_TSC_SKEWED: %m");
	at_once = read_skewed(first, epoch, false, "at once");
	wait_held(lab, true);
	check(!ioctl(lab, LAB_LET_GO), "LAB_LET_GO: %m");
	wait_held(lab, false);
	for (end = now() + 10; now() < end; usleep(10000))
		if (read_file(CLOCKSOURCE, source, sizeof(source)) && strncmp(source, "tsc", 3))
			break;
	/* KVM is told by a work item, and the kworker has left lab.ko when that is over. */
	usleep(500000);
	check_skewed(&at_once, "at once");
	check(strncmp(source, "tsc", 3), "timekeeping goes on with the TSC");
	later = read_skewed(first, epoch, true, "later");
	check_skewed(&later, "later");
	note("lab: skewed=%d ms, away=%d ms", SKEW_MS, AWAY_MS);
	return PASS;
}

STEP("tsc-skewed", step_tsc_skewed);

/* By how much the guests' clocks are wrong at most, each read on both CPUs. */
static int64_t worst(struct reading *first, int nr, const char *when)
{
	struct reading next;
	int64_t wrong, most = 0;
	int i;

	for (i = 0; i < 2 * nr; i++) {
		wrong = wrong_by(&first[i % nr], &next, i / nr);
		note("%s: guest %d is wrong by %lld us, read within %lld us", when, i % nr,
		     (long long)wrong / 1000, (long long)(next.after - next.before) / 1000);
		if (llabs(wrong) > llabs(most))
			most = wrong;
	}
	return most;
}

/*
 * tsc-sleep: guests' clocks go on with the host's CLOCK_BOOTTIME, which counts the sleep,
 * if the system slept as lab.case= says: idle, ram, or reset, i.e. the same with a TSC that
 * begins anew.  Where it does not, it has counted the sleep, and KVM leaves clocks alone
 * that depend on nothing else; CLOCK_BOOTTIME then has the sleep from an RTC that counts
 * seconds.
 */
static int step_tsc_sleep(int argc, char **argv)
{
	const char *how = cmdline("lab.case=");
	bool idle = !strcmp(how, "idle"), reset = !strcmp(how, "reset");
	int64_t most, slept, took, limit = idle || reset ? TOLERANCE : 1000000000 + TOLERANCE;
	struct reading first[2] = {};
	struct vm vm[2] = {};
	double monotonic;
	uint64_t tsc;
	int i, khz;

	lab = open_lab();
	for (i = 0; i < 2; i++)
		start_clock(&vm[i], &first[i], false);
	khz = ioctl(vm[0].vcpu, KVM_GET_TSC_KHZ, 0);
	check(khz > 0, "KVM_GET_TSC_KHZ: %m");
	most = worst(first, 2, "before");
	check(llabs(most) < TOLERANCE, "wrong by %lld us before", (long long)most / 1000);

	took = boottime();
	monotonic = now();
	tsc = __builtin_ia32_rdtsc();
	/* The host's TSC is behind what the vCPU has seen of it. */
	if (reset)
		ahead(&vm[0], AHEAD);
	if (idle)
		sleep_to_idle();
	else
		sleep_to_ram();
	tsc = __builtin_ia32_rdtsc() - tsc;
	took = boottime() - took;
	slept = took - (int64_t)((now() - monotonic) * 1e9);
	note("CLOCK_BOOTTIME counted %lld ms, %lld of them asleep, the host's TSC %lld ms",
	     (long long)took / 1000000, (long long)slept / 1000000, (long long)tsc / khz);
	for (i = 0; reset && i < 2; i++)
		check(moved(&vm[i]).cycles, "guest %d was not moved: the TSC was not reset", i);

	most = worst(first, 2, "after");
	note("lab: slept %lld ms, guests' clocks are wrong by %lld us at most",
	     (long long)slept / 1000000, (long long)most / 1000);
	check(llabs(most) < limit, "a guest's clock is wrong by %lld us, of %lld ms",
	      (long long)most / 1000, (long long)slept / 1000000);
	return PASS;
}

STEP("tsc-sleep", step_tsc_sleep);
