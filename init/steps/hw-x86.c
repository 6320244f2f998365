// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps for virtualization on and off in the CPUs: which are on, what happens if one
 * fails, comes or goes meanwhile, or is slow to answer.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "../lab.h"
#include "../../modules/hw.h"

/*
 * Who is where: CPU 0 runs hotplug, X is the one that comes and goes, VMs are created
 * on C, and init watches from a CPU of its own.  A CPU that is held answers nobody.
 */
#define X		1
#define C		2
#define WATCH		3

static int hw;

static long hw_u32(unsigned long cmd, uint32_t arg)
{
	long r = ioctl(hw, cmd, &arg);

	check(r >= 0, "hw ioctl %#lx: %m", cmd);
	return r;
}

/* Also for a step that comes after one that failed. */
static void open_hw(int cpus)
{
	int cpu;

	if (nr_cpus() < cpus)
		skip("takes %d CPUs", cpus);
	hw = open("/dev/hw", O_RDWR | O_CLOEXEC);
	check(hw >= 0, "no /dev/hw: %m");
	hw_u32(HW_FAIL, HW_NO_CPU);
	hw_u32(HW_INCOMPATIBLE, HW_NO_CPU);
	syscall(SYS_delete_module, "otherhv", O_NONBLOCK);
	for (cpu = 1; cpu < nr_cpus(); cpu++)
		online(cpu);
	pin(cpus == 4 ? WATCH : 0);
	/* A reference to the vendor's module, from now on. */
	kvm_fd();
}

static struct hw_state get_state(void)
{
	struct hw_state s;

	check(!ioctl(hw, HW_STATE, &s), "HW_STATE: %m");
	return s;
}

/* All CPUs that are online have it enabled, and all that are wanted are online. */
static void check_enabled(uint64_t online, const char *when)
{
	struct hw_state s = get_state();

	check(s.online == online, "%s: CPUs %#llx are online, not %#lx", when, s.online, online);
	check(s.enabled == s.online, "%s: a VM exists, CPUs %#llx of %#llx are enabled", when,
	      s.enabled, s.online);
}

static void check_disabled(const char *when)
{
	struct hw_state s = get_state();

	check(!s.enabled, "%s: there is no VM, CPUs %#llx are enabled", when, s.enabled);
}

static void hold(uint32_t point, uint32_t cpu)
{
	struct hw_hold h = { .point = point, .cpu = cpu };

	if (!ioctl(hw, HW_HOLD, &h))
		return;
	if (errno == EOPNOTSUPP)
		skip("this kernel has no such point");
	fail("HW_HOLD: %m");
}

static bool wait_at(uint32_t point, double seconds)
{
	double end = now() + seconds;

	while (!hw_u32(HW_HELD, point)) {
		if (now() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* What other CPUs do meanwhile. */
struct job {
	pthread_t thread;
	int cpu, arg;
	int (*fn)(int arg);
	int result, error;
	volatile bool done;
};

static void *job_thread(void *p)
{
	struct job *job = p;

	pin(job->cpu);
	job->result = job->fn(job->arg);
	job->error = errno;
	job->done = true;
	return NULL;
}

static void start_job(struct job *job, int cpu, int (*fn)(int arg), int arg)
{
	memset(job, 0, sizeof(*job));
	job->cpu = cpu;
	job->fn = fn;
	job->arg = arg;
	check(!pthread_create(&job->thread, NULL, job_thread, job), "pthread_create");
}

static bool end_job(struct job *job)
{
	bool done = job->done;

	pthread_join(job->thread, NULL);
	return done;
}

static int job_create(int unused)
{
	return vm_create();
}

static int job_online(int cpu)
{
	return set_online(cpu, true);
}

static int job_offline(int cpu)
{
	return set_online(cpu, false);
}

/* Without HW_STATE, which waits for hotplug to be over. */
static bool in_online_mask(int cpu)
{
	char text[256], *p;

	check(read_file("/sys/devices/system/cpu/online", text, sizeof(text)), "cpu/online: %m");
	for (p = strtok(text, ",\n"); p; p = strtok(NULL, ",\n")) {
		int first = atoi(p), last = strchr(p, '-') ? atoi(strchr(p, '-') + 1) : first;

		if (cpu >= first && cpu <= last)
			return true;
	}
	return false;
}

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

/* All that creating a VM leaves behind, if it fails and has a bug. */
struct traces {
	struct hw_state hw;
	int refs, dirs;
};

static const char *vendor(void)
{
	static char *modules[MAX_MODULES];
	char *p = modules[kvm_modules(modules) - 1];

	if (strchr(p, '-'))
		*strchr(p, '-') = '_';
	return p;
}

static struct traces get_traces(void)
{
	struct traces t = { .hw = get_state() };
	char path[128], text[32];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", vendor());
	check(read_file(path, text, sizeof(text)), "%s: %m", path);
	t.refs = atoi(text);
	dir = opendir("/sys/kernel/debug/kvm");
	check(dir, "no debugfs: %m");
	while ((d = readdir(dir)))
		t.dirs += d->d_type == DT_DIR;
	closedir(dir);
	return t;
}

static void check_equal(uint64_t a, uint64_t b, const char *what, const char *when, int cpu)
{
	check(a == b, "CPU %d, %s: %s is %#lx, not %#lx", cpu, when, what, b, a);
}

static void check_same(const struct traces *a, const char *when, int cpu)
{
	struct traces b = get_traces();

	check_equal(a->hw.online, b.hw.online, "the set of CPUs online", when, cpu);
	check_equal(a->hw.enabled, b.hw.enabled, "the set of CPUs enabled", when, cpu);
	check_equal(a->hw.usage_count, b.hw.usage_count, "kvm_usage_count", when, cpu);
	check_equal(a->hw.vms, b.hw.vms, "the length of vm_list", when, cpu);
	check_equal(a->hw.notifiers, b.hw.notifiers, "the number of MMU notifiers", when, cpu);
	check_equal(a->refs, b.refs, "the module's reference count", when, cpu);
	check_equal(a->dirs, b.dirs, "the number of directories in debugfs", when, cpu);
}

static void create_and_close(const char *when, int cpu)
{
	int vm = vm_create();
	struct hw_state s;

	check(vm >= 0, "CPU %d, %s: KVM_CREATE_VM: %m", cpu, when);
	s = get_state();
	check(s.enabled == s.online, "CPU %d, %s: CPUs %#llx of %#llx are enabled", cpu, when,
	      s.enabled, s.online);
	close(vm);
	check_disabled(when);
}

/* Creating a VM fails, and nothing is different from before; the error. */
static int fail_to_create(int cpu)
{
	struct traces before = get_traces();
	int vm = vm_create(), error = errno;

	check(vm < 0, "CPU %d: a VM was created", cpu);
	check_same(&before, "after the failure", cpu);
	return error;
}

/*
 * hw-fail: enabling fails on each CPU in turn.  The first failure of a process also
 * allocates what belongs to the process, and stays: create a VM before.
 */
static int step_hw_fail(int argc, char **argv)
{
	int cpu, error, wrong = 0;
	struct traces before;

	open_hw(2);
	create_and_close("before", -1);
	before = get_traces();
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		hw_u32(HW_FAIL, cpu);
		error = fail_to_create(cpu);
		if (error != HW_ERROR)
			wrong = error;
		hw_u32(HW_FAIL, HW_NO_CPU);
		create_and_close("after the failure", cpu);
		check_same(&before, "in the end", cpu);
	}
	note("lab: enabling failed on each of %d CPUs, and left nothing", nr_cpus());
	check(!wrong, "KVM_CREATE_VM: %s, the CPU: %s", strerror(wrong), strerror(HW_ERROR));
	return PASS;
}

STEP("hw-fail", step_hw_fail);

/* Another hypervisor on these CPUs, or all: 0 or why it refused. */
static int load_other(const char *cpus)
{
	char params[64];

	snprintf(params, sizeof(params), "%s%s", *cpus ? "cpus=" : "", cpus);
	return try_load("otherhv", params);
}

static void check_other(int nr)
{
	char text[16];

	check(read_file("/sys/module/otherhv/parameters/works", text, sizeof(text)),
	      "otherhv.ko: %m");
	check(atoi(text) == nr, "the other hypervisor works on %d CPUs, not %d", atoi(text), nr);
}

/* hw-fail-other: the same for real, as another hypervisor has the CPU. */
static int step_hw_fail_other(int argc, char **argv)
{
	char list[16];
	int cpu, error;

	open_hw(2);
	create_and_close("before", -1);
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		snprintf(list, sizeof(list), "%d", cpu);
		error = load_other(list);
		check(!error, "otherhv.ko: %s", strerror(error));
		check(get_state().enabled == BIT(cpu), "it did not enable CPU %d", cpu);
		error = fail_to_create(cpu);
		check(error == EBUSY, "CPU %d: KVM_CREATE_VM: %s", cpu, strerror(error));
		check_other(1);
		unload("otherhv");
		create_and_close("after the other one", cpu);
	}
	return PASS;
}

STEP("hw-fail-other", step_hw_fail_other);

/* X is refused while there is a VM, whose guest goes on, as do the other CPUs. */
static void check_refused(struct vm *vm, int error)
{
	check(!set_online(X, true), "CPU %d came online", X);
	check(errno == error, "CPU %d: %m, and not: %s", X, strerror(error));
	check(!in_online_mask(X), "CPU %d failed to come online, and is", X);
	check_enabled(all_cpus() & ~BIT(X), "with the CPU refused");
	check(!(get_state().dying & BIT(X)), "CPU %d left enabled", X);
	check(vm_getc(vm) > 0, "no output");
}

static void check_accepted(const char *when)
{
	check(set_online(X, true), "%s: CPU %d is refused: %m", when, X);
}

/* hw-online-fail: a CPU comes online on which virtualization cannot be enabled. */
static int step_hw_online_fail(int argc, char **argv)
{
	struct vm vm = {};

	open_hw(2);
	offline(X);
	hw_u32(HW_FAIL, X);
	check_accepted("without a VM");
	check_disabled("with it online");
	fail_to_create(X);
	offline(X);

	vm_init(&vm, &code_hello, 0);
	check_refused(&vm, HW_ERROR);
	hw_u32(HW_FAIL, HW_NO_CPU);
	check_accepted("as it works again");
	check_enabled(all_cpus(), "with it back");
	check(vm_getc(&vm) > 0, "no output");
	vm_free(&vm);
	check_disabled("in the end");
	return PASS;
}

STEP("hw-online-fail", step_hw_online_fail);

/* hw-online-incompatible: a CPU comes online on which the vendor says no VM can run. */
static int step_hw_online_incompatible(int argc, char **argv)
{
	struct vm vm = {};
	int error;

	open_hw(2);
	offline(X);
	hw_u32(HW_INCOMPATIBLE, X);
	check_accepted("without a VM");
	error = fail_to_create(X);
	check(error == EIO, "KVM_CREATE_VM: %s", strerror(error));

	/* Offline it is in nobody's way, and has to stay there. */
	offline(X);
	vm_init(&vm, &code_hello, 0);
	check_refused(&vm, EIO);
	vm_free(&vm);

	/* Replaced, without a VM and with one. */
	check_accepted("without a VM");
	hw_u32(HW_INCOMPATIBLE, HW_NO_CPU);
	fail_to_create(X);
	offline(X);
	check_accepted("as it is compatible");
	create_and_close("with it online", X);
	hw_u32(HW_INCOMPATIBLE, X);
	offline(X);
	memset(&vm, 0, sizeof(vm));
	vm_init(&vm, &code_hello, 0);
	check_refused(&vm, EIO);
	hw_u32(HW_INCOMPATIBLE, HW_NO_CPU);
	check_accepted("as it is compatible");
	check_enabled(all_cpus(), "with it back");
	vm_free(&vm);
	check_disabled("in the end");
	return PASS;
}

STEP("hw-online-incompatible", step_hw_online_incompatible);

/* hw-other: without a VM, another hypervisor may have the CPUs; with one, it may not. */
static int step_hw_other(int argc, char **argv)
{
	struct vm vm = {};
	int error;

	open_hw(2);
	check_disabled("KVM was loaded");
	create_and_close("once", -1);
	replug(X);
	check_disabled("a CPU was replugged");

	error = load_other("");
	check(!error, "no VM, another hypervisor is refused: %s", strerror(error));
	check_other(nr_cpus());
	error = fail_to_create(-1);
	check(error == EBUSY, "KVM_CREATE_VM: %s", strerror(error));
	check_other(nr_cpus());
	unload("otherhv");
	check_disabled("the other one is gone");

	vm_init(&vm, &code_hello, 0);
	check_enabled(all_cpus(), "with a VM");
	error = load_other("");
	check(error == EBUSY, "a VM is alive, another hypervisor: %s", strerror(error));
	check_enabled(all_cpus(), "another one was refused");
	replug(X);
	check_enabled(all_cpus(), "a CPU was replugged");
	check(vm_getc(&vm) > 0, "no output");
	vm_free(&vm);
	check_disabled("the VM is gone");
	error = load_other("");
	check(!error, "after the VM, another hypervisor is refused: %s", strerror(error));
	check_other(nr_cpus());
	unload("otherhv");
	return PASS;
}

STEP("hw-other", step_hw_other);

/*
 * hw-always: virtualization is enabled without a VM, to stay, i.e. a CPU that cannot is
 * refused, and so is another hypervisor.
 */
static int step_hw_always(int argc, char **argv)
{
	struct vm vm = {};
	int error;

	open_hw(2);
	check_enabled(all_cpus(), "before the first VM");
	check(get_state().usage_count == 1, "kvm_usage_count is %d", get_state().usage_count);
	vm_init(&vm, &code_hello, 0);
	replug(X);
	check_enabled(all_cpus(), "a CPU was replugged");
	check(vm_getc(&vm) > 0, "no output");
	vm_free(&vm);
	check_enabled(all_cpus(), "after the last VM");

	offline(X);
	check(!(get_state().dying & BIT(X)), "CPU %d went offline enabled", X);
	hw_u32(HW_FAIL, X);
	check(!set_online(X, true), "CPU %d came online", X);
	check(errno == HW_ERROR, "CPU %d: %m", X);
	hw_u32(HW_FAIL, HW_NO_CPU);
	online(X);
	check_enabled(all_cpus(), "with the CPU back");

	error = load_other("");
	check(error == EBUSY, "another hypervisor: %s", strerror(error));
	return PASS;
}

STEP("hw-always", step_hw_always);

static void check_nothing_left(void)
{
	int error = load_other("");

	check(!error, "another hypervisor, KVM being gone: %s", strerror(error));
	check_other(nr_cpus());
	unload("otherhv");
	check(access("/dev/kvm", F_OK), "/dev/kvm is there");
	check(access("/sys/kernel/debug/kvm", F_OK), "debugfs still has a directory kvm");
}

/* hw-left: the vendor's module was unloaded, and virtualization is off. */
static int step_hw_left(int argc, char **argv)
{
	check_nothing_left();
	return PASS;
}

STEP("hw-left", step_hw_left);

/*
 * hw-load-fails: virtualization is to be enabled at load, and cannot, as another
 * hypervisor has each CPU in turn.
 */
static int step_hw_load_fails(int argc, char **argv)
{
	char *modules[MAX_MODULES], list[16];
	int nr = kvm_modules(modules), cpu, error;

	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		snprintf(list, sizeof(list), "%d", cpu);
		check(!load_other(list), "otherhv.ko was refused");
		error = try_load(modules[nr - 1], "");
		check(error == EBUSY, "CPU %d: %s: %s", cpu, modules[nr - 1], strerror(error));
		check_other(1);
		unload("otherhv");
		check_nothing_left();
	}
	return PASS;
}

STEP("hw-load-fails", step_hw_load_fails);

/*
 * Somebody who has to run every now and then, before all others, on the CPU of the
 * creator: for how long was it kept from that?
 */
static volatile bool urgent_stop;
static volatile double urgent_gap;

static void *urgent_thread(void *unused)
{
	struct sched_param param = { .sched_priority = 50 };
	struct timespec ts = { .tv_nsec = 1000000 };
	double last, t;

	pin(C);
	check(!sched_setscheduler(0, SCHED_FIFO, &param), "SCHED_FIFO: %m");
	for (last = now(); !urgent_stop; last = t) {
		nanosleep(&ts, NULL);
		t = now();
		if (t - last > urgent_gap)
			urgent_gap = t - last;
	}
	return NULL;
}

static int job_slow(int ms)
{
	uint32_t arg = ms;

	return ioctl(hw, HW_SLOW, &arg);
}

static int slow_ms(int (*fn)(int arg), int arg, int ms, int *result)
{
	double end = now() + 10;
	struct job slow;

	start_job(&slow, X, job_slow, ms);
	while (!get_state().slow)
		check(now() < end, "nobody is slow");
	/* In between, what came before is over. */
	usleep(10000);
	urgent_gap = 0;
	*result = fn(arg);
	end_job(&slow);
	check(!slow.result, "CPU %d was not slow: %s", X, strerror(slow.error));
	return urgent_gap * 1000;
}

/*
 * hw-slow MS: a CPU does not answer for so long, when the first VM is created and when
 * it is destroyed.  The creator has to wait; others on its CPU do not.
 */
static int step_hw_slow(int argc, char **argv)
{
	int ms = atoi(argv[1]), create, destroy, vm, r;
	pthread_t urgent;

	open_hw(4);
	pin(C);
	check(!pthread_create(&urgent, NULL, urgent_thread, NULL), "pthread_create");
	create = slow_ms(job_create, 0, ms, &vm);
	check(vm >= 0, "KVM_CREATE_VM: %m");
	check_enabled(all_cpus(), "with a VM");
	destroy = slow_ms(close, vm, ms, &r);
	check_disabled("in the end");
	urgent_stop = true;
	pthread_join(urgent, NULL);
	note("lab: one CPU slow for %d ms, the creator's lost to others for %d and %d ms", ms,
	     create, destroy);
	check(create < ms / 2 && destroy < ms / 2,
	      "of %d ms, nobody else ran for %d while creating, %d while destroying", ms, create,
	      destroy);
	return PASS;
}

STEP("hw-slow", step_hw_slow);

/*
 * hw-preempt ROUNDS: the longest section with preemption disabled on the creator's CPU,
 * as the kernel's preemptoff tracer sees it; for kernels that have one.
 */
#define TRACING		"/sys/kernel/debug/tracing/"
#define MAX_ROUNDS	1000

static void set_tracing(const char *file, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "%s", file);
	check(write_file(path, value), "%s: %m", path);
}

static int longest(int (*fn)(int arg), int arg, long *us)
{
	char text[32];
	int r;

	set_tracing("tracing_max_latency", "0");
	set_tracing("tracing_on", "1");
	r = fn(arg);
	set_tracing("tracing_on", "0");
	check(read_file(TRACING "tracing_max_latency", text, sizeof(text)), "no latency: %m");
	*us = atol(text);
	return r;
}

/* What there is without KVM. */
static int job_nothing(int us)
{
	return usleep(us);
}

static int by_value(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int step_hw_preempt(int argc, char **argv)
{
	static const char *const names[] = { "nothing", "create 0->1", "destroy 1->0" };
	static long us[3][MAX_ROUNDS];
	int rounds = atoi(argv[1]), i, vm;

	check(rounds > 0 && rounds <= MAX_ROUNDS, "rounds: 1 to %d", MAX_ROUNDS);
	kvm_fd();
	pin(X);
	set_tracing("tracing_on", "0");
	set_tracing("current_tracer", "preemptoff");
	set_tracing("tracing_cpumask", "2");
	for (i = -5; i < rounds; i++) {
		int k = i < 0 ? 0 : i;

		longest(job_nothing, 5000, &us[0][k]);
		vm = longest(job_create, 0, &us[1][k]);
		check(vm >= 0, "KVM_CREATE_VM: %m");
		longest(close, vm, &us[2][k]);
	}
	set_tracing("current_tracer", "nop");
	for (i = 0; i < 3; i++) {
		qsort(us[i], rounds, sizeof(long), by_value);
		note("preempt\t%s\t%ld\t%ld", names[i], us[i][rounds / 2],
		     us[i][rounds * 9 / 10]);
	}
	return PASS;
}

STEP("hw-preempt", step_hw_preempt);
