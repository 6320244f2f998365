// SPDX-License-Identifier: GPL-2.0-only
/* Steps for CPUs that fail, do not fit, or belong to another hypervisor. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "../hw.h"
#include "../leftovers.h"

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
	struct leftovers before = leftovers();
	int vm = vm_create(), error = errno;

	check(vm < 0, "CPU %d: a VM was created", cpu);
	check_leftovers(&before, "CPU %d, after the failure", cpu);
	return error;
}

/*
 * hw-fail: enabling fails on each CPU in turn.  The first failure of a process also
 * allocates what belongs to the process, and stays: create a VM before.
 */
static int step_hw_fail(int argc, char **argv)
{
	int cpu, error, wrong = 0;
	struct leftovers before;

	open_hw(2);
	create_and_close("before", -1);
	before = leftovers();
	for (cpu = 0; cpu < nr_cpus(); cpu++) {
		hw_u32(HW_FAIL, cpu);
		error = fail_to_create(cpu);
		if (error != HW_ERROR)
			wrong = error;
		hw_u32(HW_FAIL, HW_NO_CPU);
		create_and_close("after the failure", cpu);
		check_leftovers(&before, "CPU %d, in the end", cpu);
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
	fail_to_create(X);
	offline(X);
	hw_u32(HW_INCOMPATIBLE, HW_NO_CPU);
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
	check_kvm_gone("KVM is unloaded");
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
