// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps for AIA: vCPUs that own an interrupt file of a CPU, when the CPU is about to go.
 * modules/aia.c holds a task that has the mmu_lock of a VM.
 */
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>

#include "../lab.h"

/* Headers of user space may be older than the device. */
#define DEV_AIA			11
#define AIA_CONFIG		0
#define AIA_CONFIG_MODE		0
#define AIA_MODE_HWACCEL	1
#define AIA_ADDR		1
#define AIA_ADDR_IMSIC(vcpu)	(1 + (vcpu))
#define AIA_CTRL		2
#define AIA_CTRL_INIT		0
#define AIA_IMSIC		4
#define IMSIC_EITHRESHOLD	0x72	/* of vCPU 0 */

#define IMSIC_ADDR		0x28000000ull	/* no memory there */
#define THRESHOLD		42
#define LETTERS			"Hello from"	/* what the guest begins with */
#define HOLD			"/sys/module/aia/parameters/hold"

static unsigned long attr(int device, unsigned long request, uint32_t group, uint64_t what,
			  void *value)
{
	struct kvm_device_attr attr = {
		.group = group,
		.attr = what,
		.addr = (uintptr_t)value,
	};

	return ioctl(device, request, &attr);
}

/*
 * A VM whose only vCPU ran on this CPU, and owns an interrupt file there until it runs on
 * another one: where there is none left, the guest is not entered.  Returns its AIA.
 */
static int vm_with_file(struct vm *vm, int cpu)
{
	struct kvm_create_device create = { .type = DEV_AIA };
	uint64_t addr = IMSIC_ADDR;
	uint32_t mode = AIA_MODE_HWACCEL;
	unsigned long threshold = THRESHOLD;

	vm_init(vm, &code_hello, 0);
	check(!ioctl(vm->fd, KVM_CREATE_DEVICE, &create), "KVM_CREATE_DEVICE: %m");
	check(!attr(create.fd, KVM_SET_DEVICE_ATTR, AIA_CONFIG, AIA_CONFIG_MODE, &mode) &&
	      !attr(create.fd, KVM_SET_DEVICE_ATTR, AIA_ADDR, AIA_ADDR_IMSIC(0), &addr) &&
	      !attr(create.fd, KVM_SET_DEVICE_ATTR, AIA_CTRL, AIA_CTRL_INIT, NULL),
	      "the AIA of a VM: %m");
	check(!attr(create.fd, KVM_SET_DEVICE_ATTR, AIA_IMSIC, IMSIC_EITHRESHOLD, &threshold),
	      "eithreshold: %m");
	pin(cpu);
	check(vm_getc(vm) == *LETTERS, "not the guest's first letter");
	return create.fd;
}

/* The guest goes on, and its interrupt file is as it was. */
static void expect_unchanged(struct vm *vm, int aia, int cpu, int letter)
{
	unsigned long threshold = 0;
	int c;

	pin(cpu);
	check(!attr(aia, KVM_GET_DEVICE_ATTR, AIA_IMSIC, IMSIC_EITHRESHOLD, &threshold),
	      "eithreshold: %m");
	check(threshold == THRESHOLD, "CPU %d: eithreshold is %lu, not %d", cpu, threshold,
	      THRESHOLD);
	c = vm_getc(vm);
	check(c == letter, "CPU %d: the guest goes on with '%c', not '%c'", cpu, c, letter);
}

/* aia-suspend: the CPU that is the last one to suspend has a file with an owner, as others. */
static int step_aia_suspend(int argc, char **argv)
{
	int cpus = nr_cpus(), cpu, i;
	struct vm vms[8] = {};
	int aia[8];

	load("fakesuspend", "");
	for (cpu = 0; cpu < cpus; cpu++)
		aia[cpu] = vm_with_file(&vms[cpu], cpu);
	/* From the second time on, files are given out by a CPU that was suspended. */
	for (i = 1; i <= 2; i++) {
		suspend("mem");
		for (cpu = 0; cpu < cpus; cpu++)
			expect_unchanged(&vms[cpu], aia[cpu], cpu, LETTERS[i]);
	}
	note("lab: suspended=faked");
	return PASS;
}

STEP("aia-suspend", step_aia_suspend);

/* aia-hotplug: CPUs go offline, and their files are taken from the vCPUs. */
static int step_aia_hotplug(int argc, char **argv)
{
	int cpus = nr_cpus(), cpu, i, aia;
	struct vm vm = {};

	for (cpu = 1; cpu < cpus; cpu++) {
		aia = vm_with_file(&vm, cpu);
		for (i = 1; i <= 4; i++) {
			pin(0);
			offline(cpu);
			expect_unchanged(&vm, aia, 0, LETTERS[2 * i - 1]);
			online(cpu);
			expect_unchanged(&vm, aia, cpu, LETTERS[2 * i]);
		}
		close(aia);
		vm_free(&vm);
	}
	return PASS;
}

STEP("aia-hotplug", step_aia_hotplug);

/* It is held with the mmu_lock of its VM, on a CPU of which its vCPU has a file. */
static void *unmap(void *arg)
{
	struct vm *vm = arg;

	pin(1);
	madvise(vm->mem, VM_MEM_SIZE, MADV_DONTNEED);
	return NULL;
}

/*
 * aia-reboot: restart while vCPUs own interrupt files of all CPUs.  In case "held", a task
 * with a mmu_lock is interrupted.
 */
static int step_aia_reboot(int argc, char **argv)
{
	bool held = !strcmp(cmdline("lab.case="), "held");
	double end = now() + 20;
	struct vm vms[8] = {};
	pthread_t thread;
	char text[16];
	int cpu;

	for (cpu = 0; cpu < nr_cpus(); cpu++)
		vm_with_file(&vms[cpu], cpu);
	pin(0);
	if (held) {
		load("aia", "");
		check(write_file(HOLD, "1"), "hold: %m");
		check(!pthread_create(&thread, NULL, unmap, &vms[1]), "pthread_create");
		do {
			check(now() < end, "nobody is held");
			check(read_file(HOLD, text, sizeof(text)), "hold: %m");
		} while (*text != '2');
	}
	report_end();
	sync();
	sleep(1);
	reboot(RB_AUTOBOOT);
	fail("reboot: %m");
}

STEP("aia-reboot", step_aia_reboot);
