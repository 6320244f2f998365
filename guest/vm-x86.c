// SPDX-License-Identifier: GPL-2.0-only
/* The smallest VM there is: one vCPU in real mode, 64 KiB of memory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>

#include "lab.h"

/*
 * Guest code, at address 0.  code_hello prints what it is on port 0xe9; it asks
 * CPUID for the hypervisor's signature, so that the text comes from KVM.
 */
asm("	.pushsection .rodata\n"
"	.code16\n"
"hello_start:\n"
"	mov	$0x40000000, %eax\n"
"	cpuid\n"
"	mov	%ebx, 0x100\n"
"	mov	%ecx, 0x104\n"
"	mov	%edx, 0x108\n"
"	mov	$(2f - hello_start), %si\n"
"	mov	$(3f - 2f), %cx\n"
"	call	1f\n"
"	mov	$0x100, %si\n"
"	mov	$9, %cx\n"
"	call	1f\n"
"	mov	$10, %al\n"
"	out	%al, $0xe9\n"
"	hlt\n"
"1:	lodsb\n"
"	out	%al, $0xe9\n"
"	loop	1b\n"
"	ret\n"
"2:	.ascii	\"Hello from real mode, says a guest of \"\n"
"3:\n"
"hello_end:\n"

"count_start:\n"
"1:	incl	0x8000\n"
"	jmp	1b\n"
"count_end:\n"

/* Halts whenever it is woken up.  The loop would also do, but see uret.c. */
"halt_start:\n"
"	.fill	4096, 1, 0xf4\n"
"halt_end:\n"
"	.code64\n"
"	.popsection\n"
);

extern const unsigned char hello_start[], hello_end[], count_start[], count_end[],
	halt_start[], halt_end[];
const struct code code_hello = { hello_start, hello_end };
const struct code code_count = { count_start, count_end };
const struct code code_halt = { halt_start, halt_end };

static int kvm = -1;

int vm_create(void)
{
	if (kvm < 0) {
		kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		check(kvm >= 0, "cannot open /dev/kvm: %m");
	}
	return ioctl(kvm, KVM_CREATE_VM, 0);
}

void vm_add_vcpu(struct vm *vm, const struct code *code)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[100];
	} cpuid = { .head.nent = 100 };
	struct kvm_sregs sregs;
	/* Interrupts enabled: with an irqchip they end a HLT. */
	struct kvm_regs regs = { .rflags = 0x202, .rsp = 0x7000 };
	int size;

	vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
	check(vm->vcpu >= 0, "KVM_CREATE_VCPU: %m");
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	check(vm->run != MAP_FAILED, "mmap of the vCPU: %m");

	check(!ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID: %m");
	check(!ioctl(vm->vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2: %m");
	check(!ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS: %m");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(!ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS: %m");
	check(!ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS: %m");
	memcpy(vm->mem, code->start, code->end - code->start);
}

void vm_init(struct vm *vm, const struct code *code, int flags)
{
	struct kvm_userspace_memory_region region = { .memory_size = VM_MEM_SIZE };

	if (!vm->fd)
		vm->fd = vm_create();
	check(vm->fd >= 0, "KVM_CREATE_VM: %m");
	if (flags & VM_IRQCHIP)
		check(!ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP: %m");
	vm->mem = mmap(NULL, VM_MEM_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(vm->mem != MAP_FAILED, "mmap: %m");
	region.userspace_addr = (uintptr_t)vm->mem;
	check(!ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region),
	      "KVM_SET_USER_MEMORY_REGION: %m");
	if (code)
		vm_add_vcpu(vm, code);
}

void vm_free(struct vm *vm)
{
	if (vm->run)
		munmap(vm->run, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	if (vm->vcpu)
		close(vm->vcpu);
	if (vm->mem)
		munmap(vm->mem, VM_MEM_SIZE);
	close(vm->fd);
	memset(vm, 0, sizeof(*vm));
}

int vm_run(struct vm *vm)
{
	if (ioctl(vm->vcpu, KVM_RUN, 0))
		return -errno;
	return vm->run->exit_reason;
}

/* One ioctl sets two values in turn, without a return to user space. */
void vm_set_msr(struct vm *vm, uint32_t msr, uint64_t value, uint64_t then)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[2];
	} msrs = {
		.head.nmsrs = 2,
		.entries = { { .index = msr, .data = value }, { .index = msr, .data = then } },
	};

	check(ioctl(vm->vcpu, KVM_SET_MSRS, &msrs) == 2, "KVM_SET_MSRS: %m");
}
