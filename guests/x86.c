// SPDX-License-Identifier: GPL-2.0-only
/* x86 guests, in real mode. */
#include <linux/kvm.h>

#include "../init/lab.h"

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

/* Halts whenever it is woken up.  The loop would also do, but see uret-x86.c. */
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

const char *const vm_signature = "KVMKVMKVM";

void vm_arch_vcpu(struct vm *vm)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[100];
	} cpuid = { .head.nent = 100 };
	struct kvm_sregs sregs;
	/* Interrupts enabled: with an irqchip they end a HLT. */
	struct kvm_regs regs = { .rflags = 0x202, .rsp = 0x7000 };

	check(!ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID: %m");
	check(!ioctl(vm->vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2: %m");
	check(!ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS: %m");
	/* With VMX, SS may be what it was before the reset of the vCPU, see docs/bugs.md. */
	sregs.ss = sregs.ds;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(!ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS: %m");
	check(!ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS: %m");
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
