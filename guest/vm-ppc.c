// SPDX-License-Identifier: GPL-2.0-only
/* 64-bit PowerPC guests, in real mode, little endian. */
#include <linux/kvm.h>

#include "lab.h"

asm("	.pushsection .rodata\n"
"	.balign	8\n"
"hello_start:\n"
"	bl	1f\n"
"1:	mflr	4\n"
"	addi	4, 4, 3f - 1b\n"
"	lis	5, 0x1000\n"
"2:	lbz	6, 0(4)\n"
"	stb	6, 0(5)\n"
"	addi	4, 4, 1\n"
"	b	2b\n"
"3:	.ascii	\"Hello from real mode, says a guest of KVM\\n\"\n"
"hello_end:\n"
"	.balign	8\n"
"count_start:\n"
"	lis	5, 1\n"
"1:	lwz	6, -0x8000(5)\n"
"	addi	6, 6, 1\n"
"	stw	6, -0x8000(5)\n"
"	b	1b\n"
"count_end:\n"
"	.popsection\n"
);

extern const unsigned char hello_start[], hello_end[], count_start[], count_end[];
const struct code code_hello = { hello_start, hello_end };
const struct code code_count = { count_start, count_end };
const char vm_signature[] = "real mode, says a guest of KVM";

#define MSR_SF	(1ull << 63)
#define MSR_ME	(1ull << 12)
#define MSR_LE	(1ull << 0)

void vm_arch_vcpu(struct vm *vm)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	/* KVM-PR takes the host's PVR only from here. */
	check(!ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS: %m");
	asm("mfpvr %0" : "=r" (sregs.pvr));
	check(!ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS: %m");
	check(!ioctl(vm->vcpu, KVM_GET_REGS, &regs), "KVM_GET_REGS: %m");
	regs.pc = 0;
	regs.msr = MSR_SF | MSR_ME | MSR_LE;
	check(!ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS: %m");
}
