// SPDX-License-Identifier: GPL-2.0-only
/*
 * chaos SECONDS [SEED]: all that the series touches, at random and at the same time, until
 * lockdep, KASAN or a check finds something.
 *
 * A few processes create VMs and all that goes with them, for some seconds; then they are
 * gone, nothing may be left of them, and KVM is loaded again.  One that takes CPUs away and
 * one that has everything else done to the host do not stop for that.
 *
 * Which operation is whose nth one, and its random numbers, depend on the seed alone, also
 * where the kernel or the machine lacks it: then nothing happens.  How they interleave does
 * not.  Each operation is written to the kernel's log, below what the console shows; with
 * panic_print=0x20 a kernel that panics prints it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "../leftovers.h"
#include "../work.h"

#define ROUND		10	/* seconds */
#define VMMS		3	/* processes with VMs */
#define HOTPLUG		VMMS
#define ADMIN		(VMMS + 1)
#define WORKERS		(VMMS + 2)
#define MAX_OPS		24

static struct {
	volatile bool stop, end_round;
	struct {
		volatile unsigned long nr;
		const char *volatile op;
	} at[WORKERS];
	unsigned long count[MAX_OPS];	/* how often each was done */
} *shared;

static bool faults, cgroups;
static int me, kmsg;

/* splitmix64: all states are good ones, so that a seed is any number. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* The operation's own: what it takes depends on what happens, and changes no other one. */
static uint64_t random_state;

static unsigned int below(unsigned int limit)
{
	random_state = mix(random_state);
	return (random_state >> 32) % limit;
}

static struct vm vms[4];
static int nr_slots;

static struct vm *some_vm(void)
{
	return &vms[below(nr_slots)];
}

/* A signal that is no more than one: it interrupts KVM_CREATE_VM and KVM_RUN. */
static void on_alarm(int sig)
{
}

static void alarm_in(int us)
{
	/* And again, as the first one may come before KVM_RUN; with time for more than that. */
	struct itimerval t = { .it_value.tv_usec = us, .it_interval.tv_usec = us ? 50000 : 0 };

	setitimer(ITIMER_REAL, &t, NULL);
}

static bool op_destroy(void)
{
	struct vm *vm = some_vm();

	if (!vm->mem)
		return false;
	vm_free(vm);
	return true;
}

static bool op_create(void)
{
	struct vm *vm = some_vm();

	if (vm->mem)
		vm_free(vm);
	/* With a vCPU that computes, one that says something, or none. */
	vm_init(vm, below(3) ? below(2) ? &code_count : &code_hello : NULL, 0);
	return true;
}

static bool op_create_interrupted(void)
{
	int fd;

	alarm_in(1 + below(10000));
	fd = vm_create();
	check(fd >= 0 || errno == EINTR, "KVM_CREATE_VM, interrupted: %m");
	if (fd >= 0)
		close(fd);
	alarm_in(0);
	return true;
}

/* Only memory may have been short; the VM, or half of it, goes at once. */
static bool op_create_failing(void)
{
	struct kvm_userspace_memory_region region = { .memory_size = VM_MEM_SIZE };
	int fd, vcpu = -1, r = 0;

	if (!faults)
		return false;
	fail_nth(below(2) ? 1 + below(150) : 0);
	fd = vm_create();
	fail_nth(0);
	check(fd >= 0 || errno == ENOMEM, "KVM_CREATE_VM without memory: %m");
	if (fd < 0)
		return true;
	fail_nth(1 + below(60));
	vcpu = ioctl(fd, KVM_CREATE_VCPU, 0);
	fail_nth(0);
	check(vcpu >= 0 || errno == ENOMEM, "KVM_CREATE_VCPU without memory: %m");
	region.userspace_addr = 0x100000000;
	fail_nth(1 + below(10));
	r = ioctl(fd, KVM_SET_USER_MEMORY_REGION, &region);
	fail_nth(0);
	check(!r || errno == ENOMEM, "KVM_SET_USER_MEMORY_REGION without memory: %m");
	if (vcpu >= 0)
		close(vcpu);
	close(fd);
	return true;
}

/* Run a guest, if there is one here and in the machine, until it exits or is interrupted. */
static bool run_some(int nth)
{
	struct vm *vm = some_vm();
	int r;

	if (!vm->run || machine_lacks("guest"))
		return false;
	alarm_in(1000 + below(20000));
	if (nth)
		fail_nth(nth);
	r = vm_run(vm);
	if (nth)
		fail_nth(0);
	alarm_in(0);
	if (r == -EINTR || r == KVM_EXIT_IO || r == KVM_EXIT_MMIO || r == KVM_EXIT_PAPR_HCALL)
		return true;
	/* It is done, or an allocation was missing in the middle: it is not run again. */
	check(r == KVM_EXIT_HLT || (nth && r != -EIO && r != KVM_EXIT_FAIL_ENTRY),
	      "KVM_RUN: %d", r);
	vm_free(vm);
	return true;
}

static bool op_run(void)
{
	return run_some(0);
}

static bool op_run_failing(void)
{
	return faults && run_some(1 + below(30));
}

static bool op_hello(void)
{
	vm_hello();
	return true;
}

static void *count_forever(void *vm)
{
	for (;;)
		vm_run(vm);
	return NULL;
}

/* A process whose VM computes when SIGKILL comes, in a cgroup that may be frozen then. */
static void vmm(const char *cgroup, int ready)
{
	struct vm vm = {};
	pthread_t thread;

	if (cgroup)
		check(write_file(cgroup, "0"), "%s: %m", cgroup);
	vm_init(&vm, &code_count, 0);
	if (!machine_lacks("guest"))
		pthread_create(&thread, NULL, count_forever, &vm);
	check(write(ready, "", 1) == 1, "pipe: %m");
	for (;;)
		pause();
}

/* Start it, and wait until it is half way or has its VM. */
static pid_t start_vmm(const char *cgroup)
{
	bool all_of_it = below(2);
	int fds[2];
	pid_t pid;
	char c;

	check(!pipe(fds), "pipe: %m");
	pid = fork();
	check(pid >= 0, "fork: %m");
	if (!pid)
		vmm(cgroup, fds[1]);
	close(fds[1]);
	if (all_of_it)
		check(read(fds[0], &c, 1) == 1, "a process with a VM did not get that far");
	close(fds[0]);
	/* Without a reader: its write, if it is yet to come, is a signal that kills it. */
	usleep(below(5000));
	return pid;
}

static bool op_kill(void)
{
	pid_t pid = start_vmm(NULL);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return true;
}

static bool op_freeze(void)
{
	char group[64], path[96];
	pid_t pid;

	if (!cgroups)
		return false;
	snprintf(group, sizeof(group), CGROUPS "/%d", me);
	mkdir(group, 0700);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	pid = start_vmm(path);
	snprintf(path, sizeof(path), "%s/cgroup.freeze", group);
	check(write_file(path, "1"), "%s: %m", path);
	usleep(below(20000));
	if (below(2))
		kill(pid, SIGKILL);
	check(write_file(path, "0"), "%s: %m", path);
	usleep(below(5000));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return true;
}

/* Who has a VM last is a child that has inherited it, and cannot use it. */
static bool op_inherit(void)
{
	struct vm vm = {};
	pid_t pid;

	vm_init(&vm, &code_hello, 0);
	pid = fork();
	check(pid >= 0, "fork: %m");
	if (!pid) {
		check(ioctl(vm.fd, KVM_CREATE_VCPU, 1) == -1 && errno == EIO,
		      "KVM_CREATE_VCPU in another process: %m");
		usleep(below(5000));
		_exit(PASS);
	}
	vm_free(&vm);
	wait_good(pid, 60, "a process that has inherited a VM");
	return true;
}

static bool op_move(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(below(nr_cpus()), &set);
	/* It may be offline. */
	sched_setaffinity(0, sizeof(set), &set);
	return true;
}

static bool op_anywhere(void)
{
	pin(-1);
	return true;
}

static bool op_replug(void)
{
	int cpu = 1 + below(nr_cpus() - 1);

	if (machine_lacks("hotplug") || nr_cpus() < 2)
		return false;
	/* A system that is about to sleep lets no CPU come or go by itself. */
	while (!set_online(cpu, false)) {
		check(errno == EBUSY, "CPU %d does not go offline: %m", cpu);
		usleep(1000);
	}
	usleep(below(4) ? below(3000) : 0);
	while (!set_online(cpu, true)) {
		check(errno == EBUSY, "CPU %d does not come online: %m", cpu);
		usleep(1000);
	}
	return true;
}

/* The last steps of falling asleep, on the way to which it turns round. */
static bool op_sleep(void)
{
	static const char *const depths[] = {
		"freezer", "devices", "platform", "processors", "core"
	};

	write_file("/sys/module/suspend/parameters/pm_test_delay", "0");
	if (!write_file("/sys/power/pm_test", depths[below(5)]))
		return false;
	/* Somebody may be forking, or a CPU just come: then it does not sleep. */
	return write_file("/sys/power/state", "mem");
}

static bool op_statistics(void)
{
	return read_statistics();
}

/* KVM may be gone just now.  "never" cannot be taken back. */
static bool op_nx_huge_pages(void)
{
	unsigned int nth = below(5);
	bool ok;

	set_nx_huge_pages(nth == 4 ? 5 : nth, &ok);
	return ok;
}

static bool op_nx_recovery(void)
{
	set_nx_recovery(below(6));
	return !access(PARAMS "nx_huge_pages_recovery_ratio", F_OK);
}

static bool op_memory(void)
{
	short_of_memory(&shared->stop);
	return true;
}

static bool op_drop_caches(void)
{
	return write_file("/proc/sys/vm/drop_caches", "2");
}

static bool op_frequency(void)
{
	return change_frequency(below(nr_cpus()));
}

/*
 * A CPU that comes or goes keeps everybody waiting who creates or destroys a VM.  On a slow
 * machine, who does nothing else leaves no time for that.
 */
static bool op_rest(void)
{
	usleep(below(600000));
	return true;
}

static bool op_nothing(void)
{
	usleep(below(10000));
	return true;
}

/* How likely each is, for who has VMs, takes CPUs away, and administers the host. */
static const struct op {
	const char *name;
	bool (*run)(void);
	int weight[3];
} ops[] = {
	{ "create", op_create, { 10, 0, 0 } },
	{ "destroy", op_destroy, { 10, 0, 0 } },
	{ "create-interrupted", op_create_interrupted, { 4, 0, 0 } },
	{ "create-failing", op_create_failing, { 6, 0, 0 } },
	{ "run", op_run, { 12, 0, 0 } },
	{ "run-failing", op_run_failing, { 4, 0, 0 } },
	{ "hello", op_hello, { 4, 0, 0 } },
	{ "kill", op_kill, { 3, 0, 0 } },
	{ "freeze", op_freeze, { 2, 0, 0 } },
	{ "inherit", op_inherit, { 2, 0, 0 } },
	{ "move", op_move, { 4, 0, 4 } },
	{ "anywhere", op_anywhere, { 2, 0, 2 } },
	{ "replug", op_replug, { 0, 10, 0 } },
	{ "sleep", op_sleep, { 0, 0, 2 } },
	{ "statistics", op_statistics, { 0, 0, 8 } },
	{ "nx-huge-pages", op_nx_huge_pages, { 0, 0, 8 } },
	{ "nx-recovery", op_nx_recovery, { 0, 0, 4 } },
	{ "memory", op_memory, { 0, 0, 2 } },
	{ "drop-caches", op_drop_caches, { 0, 0, 2 } },
	{ "frequency", op_frequency, { 0, 0, 8 } },
	{ "rest", op_rest, { 0, 10, 0 } },
	{ "nothing", op_nothing, { 2, 4, 4 } },
};

#define NR_OPS	((int)(sizeof(ops) / sizeof(*ops)))

static const struct op *choose(int role)
{
	int i, sum = 0, left;

	for (i = 0; i < NR_OPS; i++)
		sum += ops[i].weight[role];
	left = below(sum);
	for (i = 0; left >= ops[i].weight[role]; i++)
		left -= ops[i].weight[role];
	return &ops[i];
}

static void work(int worker, uint64_t seed)
{
	int role = worker < VMMS ? 0 : 1 + worker - HOTPLUG;
	struct sigaction alarm = { .sa_handler = on_alarm };
	pid_t parent = getppid();
	const struct op *op;
	unsigned long n;

	me = worker;
	sigaction(SIGALRM, &alarm, NULL);
	random_state = seed;
	/* Where one VM at most is here, the first and the last one are frequent. */
	nr_slots = below(2) ? 1 : 4;
	/* Without the parent, the step has failed. */
	for (n = 0; !shared->stop && (role || !shared->end_round) && getppid() == parent; n++) {
		random_state = mix(seed + n);
		op = choose(role);
		shared->at[worker].nr = n;
		shared->at[worker].op = op->name;
		dprintf(kmsg, "<7>chaos: %d: %lu %s", worker, n, op->name);
		if (op->run())
			__atomic_fetch_add(&shared->count[op - ops], 1, __ATOMIC_RELAXED);
	}
	_exit(PASS);
}

static pid_t start_worker(int worker, uint64_t seed)
{
	pid_t pid = fork();

	check(pid >= 0, "fork: %m");
	if (!pid) {
		setpgid(0, 0);
		work(worker, mix(seed) + worker * 0x100000000ull);
	}
	return pid;
}

/* What it was at is known once it is over. */
static void end_worker(int worker, pid_t pid)
{
	double end = now() + 120;
	siginfo_t info = {};
	char who[80];

	while (!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid &&
	       now() < end)
		usleep(10000);
	if (!info.si_pid || info.si_code != CLD_EXITED || info.si_status)
		shared->stop = true;
	snprintf(who, sizeof(who), "process %d, operation %lu, %s", worker,
		 shared->at[worker].nr, shared->at[worker].op);
	wait_good(pid, 1, who);
}

/* Somebody may just have a file of KVM's open. */
static void unload_soon(const char *module)
{
	double end = now() + 30;

	while (try_unload(module)) {
		check(errno == EAGAIN && now() < end, "cannot unload %s: %m", module);
		usleep(1000);
	}
}

static void reload(void)
{
	char *own[MAX_MODULES];
	int nr = kvm_modules(own), i;

	for (i = nr - 1; i >= 0; i--)
		unload_soon(own[i]);
	for (i = 0; i < nr; i++)
		load(own[i], "");
}

static uint64_t get_seed(const char *text)
{
	uint64_t seed;

	if (*text)
		return strtoull(text, NULL, 0);
	check(getrandom(&seed, sizeof(seed), 0) == sizeof(seed), "getrandom: %m");
	return seed >> 32;
}

static int step_chaos(int argc, char **argv)
{
	uint64_t seed = get_seed(argc > 2 ? argv[2] : cmdline("lab.seed="));
	double begin = now(), end = begin + atoi(argv[1]), end_of_round;
	char line[1024], old[32] = "";
	struct leftovers before;
	pid_t pids[WORKERS];
	int i, round;

	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	check(kmsg >= 0, "/dev/kmsg: %m");
	write_file("/proc/sys/kernel/printk_devkmsg", "on");
	dprintf(kmsg, "<5>chaos: seed %llu", (unsigned long long)seed);
	note("lab: chaos seed %llu", (unsigned long long)seed);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	check(shared != MAP_FAILED, "mmap: %m");
	faults = has_faults();
	if (faults)
		arm_faults();
	mkdir(CGROUPS, 0700);
	cgroups = !mount("cgroup2", CGROUPS, "cgroup2", 0, NULL);
	read_file("/proc/sys/vm/min_free_kbytes", old, sizeof(old));
	reclaim_early();
	/* What a first VM leaves for good is not a leak. */
	in_child(vm_hello, "the first VM");
	before = leftovers();

	for (i = HOTPLUG; i < WORKERS; i++)
		pids[i] = start_worker(i, seed);
	for (round = 1; now() < end; round++) {
		shared->end_round = false;
		for (i = 0; i < VMMS; i++)
			pids[i] = start_worker(i, seed + round);
		end_of_round = now() + ROUND;
		while (now() < end_of_round && now() < end)
			usleep(50000);
		shared->end_round = true;
		for (i = 0; i < VMMS; i++)
			end_worker(i, pids[i]);
		snprintf(line, sizeof(line), "after round %d", round);
		check_leftovers_soon(&before, line);
		if (!machine_lacks("reload"))
			reload();
	}
	shared->stop = true;
	for (i = HOTPLUG; i < WORKERS; i++)
		end_worker(i, pids[i]);
	write_file("/sys/power/pm_test", "none");
	write_file("/proc/sys/vm/min_free_kbytes", old);
	if (cgroups) {
		for (i = 0; i < VMMS; i++) {
			char group[64];

			snprintf(group, sizeof(group), CGROUPS "/%d", i);
			rmdir(group);
		}
		umount(CGROUPS);
	}
	*line = 0;
	for (i = 0; i < NR_OPS; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%lu %s",
			 i ? ", " : "", shared->count[i], ops[i].name);
	note("lab: chaos, %d rounds in %.0f s: %s", round - 1, now() - begin, line);
	check(shared->count[0] > 5 && shared->count[1] > 5, "too few VMs");
	return PASS;
}

STEP("chaos", step_chaos);
