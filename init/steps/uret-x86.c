// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps for user-return MSRs.  TSC_AUX stands for all: it is the one that SVM
 * switches, and user space can read it with RDTSCP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../lab.h"
#include "../tsc-aux.h"
#include "../../modules/lab.h"

#define X		1	/* the CPU that things happen on; all else is on CPU 0 */

#define FOREIGN_AUX	0x666

static int lab;

static long lab_u32(unsigned long cmd, uint32_t arg)
{
	long r = ioctl(lab, cmd, &arg);

	check(r >= 0, "lab ioctl %#lx: %m", cmd);
	return r;
}

static void write_aux(int cpu, uint64_t aux)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDWR);
	check(fd >= 0, "no %s: %m", path);
	check(pwrite(fd, &aux, 8, MSR_TSC_AUX) == 8, "cannot write TSC_AUX: %m");
	close(fd);
}

/* Tests on another CPU are threads that stay there. */
struct on_x {
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
};

static void *on_x_thread(void *p)
{
	struct on_x *x = p;

	pin(X);
	x->fn(x->arg);
	return NULL;
}

static void start_on_x(struct on_x *x, void (*fn)(void *), void *arg)
{
	x->fn = fn;
	x->arg = arg;
	check(!pthread_create(&x->thread, NULL, on_x_thread, x), "pthread_create");
}

static void run_on_x(void (*fn)(void *), void *arg)
{
	struct on_x x;

	start_on_x(&x, fn, arg);
	pthread_join(x.thread, NULL);
}

static void get_aux(void *arg)
{
	*(uint32_t *)arg = read_aux();
}

/* Run the guest on X with a TSC_AUX of its own; what does user space see then? */
struct guest_run {
	struct vm *vm;
	int exit;
	uint32_t aux;
};

static void guest_on_x(void *arg)
{
	struct guest_run *g = arg;

	vm_set_msr(g->vm, MSR_TSC_AUX, GUEST_AUX, GUEST_AUX);
	g->exit = vm_run(g->vm);
	g->aux = read_aux();
}

static uint32_t aux_after_guest(struct vm *vm)
{
	struct guest_run g = { .vm = vm };

	run_on_x(guest_on_x, &g);
	check(g.exit == KVM_EXIT_HLT || g.exit == KVM_EXIT_IO, "the guest ended with %d", g.exit);
	return g.aux;
}

static void hold_foreign(void *arg)
{
	struct lab_msr msr = { .msr = MSR_TSC_AUX, .value = FOREIGN_AUX };

	if (ioctl(lab, LAB_HOLD_MSR, &msr))
		fail("nobody let go of the foreign guest: %m");
}

static void *create_vm(void *p)
{
	struct vm *vm = p;

	__atomic_store_n(&vm->fd, vm_create(), __ATOMIC_RELEASE);
	return NULL;
}

/*
 * Another hypervisor has its guest's value loaded on X when the first VM is
 * created.  It must not become the host's value.
 */
static int step_uret_foreign(int argc, char **argv)
{
	uint32_t host, found;
	pthread_t creator;
	struct vm vm = {};
	struct on_x x;
	bool waits;
	int i;

	lab = open_lab();
	run_on_x(get_aux, &host);
	start_on_x(&x, hold_foreign, NULL);
	wait_held(lab, true);
	/* Where enabling needs a task on X, it comes after the foreign guest: no race. */
	pthread_create(&creator, NULL, create_vm, &vm);
	for (i = 0; i < 300 && !__atomic_load_n(&vm.fd, __ATOMIC_ACQUIRE); i++)
		usleep(10000);
	waits = !__atomic_load_n(&vm.fd, __ATOMIC_ACQUIRE);
	ioctl(lab, LAB_LET_GO);
	pthread_join(x.thread, NULL);
	pthread_join(creator, NULL);
	check(vm.fd > 0, "KVM_CREATE_VM: %m");
	if (waits)
		skip("KVM does not enable a CPU in the middle of another hypervisor's guest");

	vm_init(&vm, &code_halt, 0);
	found = aux_after_guest(&vm);
	vm_free(&vm);
	write_aux(X, host);
	check(found == host, "user space has TSC_AUX %#x, the host %#x, the foreign guest %#x",
	      found, host, FOREIGN_AUX);
	return PASS;
}

STEP("uret-foreign", step_uret_foreign);

/* Enabling reads no user-return MSR; first use does, once per CPU. */
static int step_uret_count(int argc, char **argv)
{
	int enable, first, second;
	struct vm vm = {};

	lab = open_lab();
	lab_u32(LAB_COUNT_RDMSR, MSR_TSC_AUX);
	vm.fd = vm_create();
	enable = ioctl(lab, LAB_COUNTED);

	vm_init(&vm, &code_halt, 0);
	lab_u32(LAB_COUNT_RDMSR, MSR_TSC_AUX);
	aux_after_guest(&vm);
	first = ioctl(lab, LAB_COUNTED);
	lab_u32(LAB_COUNT_RDMSR, MSR_TSC_AUX);
	aux_after_guest(&vm);
	second = ioctl(lab, LAB_COUNTED);
	vm_free(&vm);

	note("lab: RDMSRs of TSC_AUX on %d CPUs: %d while enabling, %d at first use, %d later",
	     nr_cpus(), enable, first, second);
	check(enable == 0 && first == 1 && second == 0,
	      "%d while enabling, %d at first use, %d later", enable, first, second);
	return PASS;
}

STEP("uret-count", step_uret_count);

/*
 * uret-changed [alive]: the host changes its value after one VM and before the next one,
 * and gets it back; with "alive", while a third one exists that has used X before.
 */
static int step_uret_changed(int argc, char **argv)
{
	bool alive = argc > 1 && !strcmp(argv[1], "alive");
	uint32_t host, found;
	struct vm third = {};
	int i;

	lab = open_lab();
	run_on_x(get_aux, &host);
	if (alive) {
		vm_init(&third, &code_halt, 0);
		aux_after_guest(&third);
	}
	for (i = 0; i < 3; i++) {
		uint32_t aux = host + i * 0x1000;
		struct vm vm = {};

		write_aux(X, aux);
		vm_init(&vm, &code_halt, 0);
		found = aux_after_guest(&vm);
		vm_free(&vm);
		write_aux(X, host);
		check(found == aux, "VM %d: restored %#x, the host had %#x", i, found, aux);
	}
	return PASS;
}

STEP("uret-changed", step_uret_changed);

static void block_on_x(void *arg)
{
	vm_run(arg);
}

/* Start a guest that halts: its thread blocks, X keeps the guest's value. */
static void start_halted(struct on_x *x, struct vm *vm)
{
	double end = now() + 10;

	vm_set_msr(vm, MSR_TSC_AUX, GUEST_AUX, GUEST_AUX);
	start_on_x(x, block_on_x, vm);
	while (lab_u32(LAB_NOTIFIERS, X) != 1) {
		check(now() < end, "no notifier on CPU %d", X);
		usleep(1000);
	}
	usleep(50000);
	check(lab_u32(LAB_NOTIFIERS, X) == 1, "the notifier did not stay on CPU %d", X);
}

static uint64_t get_uret(void)
{
	struct lab_uret uret = { .cpu = X, .msr = MSR_TSC_AUX };

	check(!ioctl(lab, LAB_GET_URET, &uret), "LAB_GET_URET: %m");
	return uret.value;
}

/*
 * uret-get: what KVM says about X is what the CPU has, with and without a guest's value,
 * also if nobody has used X since KVM was loaded.
 */
static int step_uret_get(int argc, char **argv)
{
	struct lab_uret uret = { .cpu = X, .msr = MSR_TSC_AUX };
	struct vm halted = {};
	uint64_t before, during, after;
	uint32_t host;
	struct on_x x;

	lab = open_lab();
	halted.fd = vm_create();
	if (ioctl(lab, LAB_GET_URET, &uret) && errno == ENOENT)
		skip("KVM cannot be asked");
	run_on_x(get_aux, &host);
	before = uret.value;
	vm_init(&halted, &code_halt, VM_IRQCHIP);
	start_halted(&x, &halted);
	during = get_uret();
	run_on_x(get_aux, &host);
	after = get_uret();
	check(before == host && during == GUEST_AUX && after == host,
	      "%#llx before, %#llx with a guest's value, %#llx after that; the host has %#x",
	      (unsigned long long)before, (unsigned long long)during,
	      (unsigned long long)after, host);
	return PASS;
}

STEP("uret-get", step_uret_get);

/* A CPU goes offline with the notifier registered, and comes back with a VM alive. */
static int step_uret_hotplug(int argc, char **argv)
{
	struct vm halted = {}, vm = {};
	uint32_t host, found;
	struct on_x x;

	lab = open_lab();
	run_on_x(get_aux, &host);
	vm_init(&halted, &code_halt, VM_IRQCHIP);
	start_halted(&x, &halted);

	offline(X);
	check(lab_u32(LAB_NOTIFIERS, X) == 0, "CPU %d is offline with a notifier", X);
	online(X);
	check(lab_u32(LAB_NOTIFIERS, X) == 0, "CPU %d came online with a notifier", X);
	run_on_x(get_aux, &found);
	check(found == host, "TSC_AUX is %#x after coming online, not %#x", found, host);

	/* What was read before the CPU went is not to be used now. */
	vm_init(&vm, &code_halt, 0);
	write_aux(X, host + 0x1000);
	found = aux_after_guest(&vm);
	write_aux(X, host);
	check(found == host + 0x1000,
	      "restored %#x, read before the CPU was used; the host has %#x",
	      found, host + 0x1000);
	return PASS;
}

STEP("uret-hotplug", step_uret_hotplug);

/*
 * The IPI of a reboot hits a task that has written the guest's value into the
 * MSR, but not yet into KVM's books.  The next MSR that it sets must not make
 * that value the host's.
 */
static void set_twice(void *arg)
{
	struct guest_run *g = arg;

	vm_set_msr(g->vm, MSR_TSC_AUX, GUEST_AUX, GUEST_AUX + 1);
	g->aux = read_aux();
}

static int step_uret_reboot_race(int argc, char **argv)
{
	struct guest_run g = {};
	struct vm vm = {};
	uint32_t host;
	struct on_x x;

	lab = open_lab();
	run_on_x(get_aux, &host);
	vm_init(&vm, &code_halt, 0);
	g.vm = &vm;
	lab_u32(LAB_STOP_WRMSR, MSR_TSC_AUX);
	start_on_x(&x, set_twice, &g);
	wait_held(lab, true);
	check(!ioctl(lab, LAB_REBOOT), "reboot notifiers: %m");
	ioctl(lab, LAB_LET_GO);
	pthread_join(x.thread, NULL);
	write_aux(X, host);
	check(g.aux == host, "user space has TSC_AUX %#x, the host's is %#x", g.aux, host);
	return PASS;
}

STEP("uret-reboot-race", step_uret_reboot_race);

/* Wake up a halted vCPU.  Nobody sends an EOI, so each IRQ has a higher priority. */
static void kick(struct vm *vm, int nth)
{
	struct kvm_irq_level irq = { .irq = 7 - nth % 7, .level = 1 };

	check(!ioctl(vm->fd, KVM_IRQ_LINE, &irq), "KVM_IRQ_LINE: %m");
	irq.level = 0;
	check(!ioctl(vm->fd, KVM_IRQ_LINE, &irq), "KVM_IRQ_LINE: %m");
}

/*
 * A vCPU that is scheduled in after the reboot notifiers have run leaves its
 * notifier on a CPU that KVM does not have down as enabled.  Its task is killed,
 * the VM goes away, and the vendor module with the notifier's memory.
 * With "offline", the CPU goes away as well, before the module.
 */
static int step_uret_unload(int argc, char **argv)
{
	bool goes_offline = argc > 1 && !strcmp(argv[1], "offline");
	char *modules[MAX_MODULES];
	const char *vendor;
	struct vm *shared;
	uint32_t host, found;
	volatile bool *was_there;
	long left;
	int i;
	pid_t pid;

	lab = open_lab();
	vendor = modules[kvm_modules(modules) - 1];
	run_on_x(get_aux, &host);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	was_there = (void *)(shared + 1);
	pid = fork();
	if (!pid) {
		struct on_x x;

		vm_init(shared, &code_halt, VM_IRQCHIP);
		start_halted(&x, shared);
		check(!ioctl(lab, LAB_REBOOT), "reboot notifiers: %m");
		/*
		 * VMRUN does nothing any more, KVM sees the last exit again: a
		 * HLT, for which it skips an instruction and blocks the task.
		 */
		for (i = 0; i < 7 && lab_u32(LAB_NOTIFIERS, X) != 1; i++) {
			kick(shared, i);
			usleep(100000);
		}
		usleep(50000);
		*was_there = lab_u32(LAB_NOTIFIERS, X) == 1;
		kill(getpid(), SIGKILL);
	}
	wait_for(pid, 60);
	/* It may go with the last VM, i.e. before the module. */
	check(*was_there, "the task had no notifier on CPU %d, there is nothing to test", X);
	if (goes_offline)
		offline(X);
	unload(vendor);
	left = lab_u32(LAB_NOTIFIERS, X);
	/* The base would go on with freed memory: this is about who owns it. */
	lab_u32(LAB_FORGET, X);
	if (goes_offline)
		set_online(X, true);
	run_on_x(get_aux, &found);
	write_aux(X, host);
	check(!left, "%s is gone, its notifier is still on the list of CPU %d", vendor, X);
	check(found == host, "%s is gone and left TSC_AUX %#x on CPU %d, the host's is %#x",
	      vendor, found, X, host);
	return PASS;
}

STEP("uret-unload", step_uret_unload);

/*
 * The last VM goes away, and with it the notifier that its killed vCPU left on X.  Whoever
 * restores the host's values there can be preempted or not; user space that runs on X in
 * between must not see the guest's.
 */
static int step_uret_preempt(int argc, char **argv)
{
	uint32_t host, found;
	double end;
	pid_t pid;
	bool held;

	lab = open_lab();
	run_on_x(get_aux, &host);
	pid = fork();
	if (!pid) {
		struct vm vm = {};
		struct on_x x;

		vm_init(&vm, &code_halt, VM_IRQCHIP);
		start_halted(&x, &vm);
		lab_u32(LAB_STOP_RETURN, X);
		kill(getpid(), SIGKILL);
	}
	/* As long as it takes to see that nobody is going to be held. */
	end = now() + 10;
	while (!(held = ioctl(lab, LAB_HELD) == 1) && now() < end)
		usleep(1000);
	run_on_x(get_aux, &found);
	ioctl(lab, LAB_LET_GO);
	wait_for(pid, 60);
	check(lab_u32(LAB_NOTIFIERS, X) == 0, "the notifier is still on the list of CPU %d", X);
	note("lab: who restores the host's values %s preempted",
	     held ? "was" : "could not be");
	check(found == host, "user space on CPU %d has TSC_AUX %#x, the host's is %#x",
	      X, found, host);
	return PASS;
}

STEP("uret-preempt", step_uret_preempt);
