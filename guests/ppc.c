// SPDX-License-Identifier: GPL-2.0-only
/* 64-bit PowerPC guests, in real mode, little endian. */
#include <linux/kvm.h>

#include "../init/lab.h"

/*
 * A byte goes out through the hypercall H_PUT_TERM_CHAR where KVM-HV runs the guest:
 * with a hashed page table, real mode has no address that is not memory.  KVM-PR in
 * turn need not see a hypercall, as whoever runs its host may take it for himself:
 * there it is a store.  r3 says which.
 */
asm("	.pushsection .rodata\n"
"	.balign	8\n"
"hello_start:\n"
"	mr	14, 3\n"
"	bl	1f\n"
"1:	mflr	15\n"
"	addi	15, 15, 4f - 1b\n"
"	lis	16, 0x1000\n"
"2:	lbz	6, 0(15)\n"
"	addi	15, 15, 1\n"
"	cmpdi	14, 0\n"
"	bne	3f\n"
"	stb	6, 0(16)\n"
"	b	2b\n"
"3:	mr	3, 14\n"
"	li	4, 0\n"
"	li	5, 1\n"
"	sldi	6, 6, 56\n"
"	sc	1\n"
"	b	2b\n"
"4:	.ascii	\"Hello from real mode, says a guest of KVM\\n\"\n"
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
const char *const vm_signature = "real mode, says a guest of KVM";

#define H_PUT_TERM_CHAR	0x58

#define MSR_SF	0x8000000000000000ull
#define MSR_ME	0x1000ull
#define MSR_LE	0x1ull

void vm_arch_vcpu(struct vm *vm)
{
	struct kvm_enable_cap papr = { .cap = KVM_CAP_PPC_PAPR };
	bool pr = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_PPC_GET_PVINFO);
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	/* KVM-PR takes the host's PVR only from here. */
	check(!ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS: %m");
	asm("mfpvr %0" : "=r" (sregs.pvr));
	check(!ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS: %m");
	check(!ioctl(vm->vcpu, KVM_GET_REGS, &regs), "KVM_GET_REGS: %m");
	regs.pc = 0;
	regs.gpr[3] = pr ? 0 : H_PUT_TERM_CHAR;
	regs.msr = MSR_SF | MSR_ME | MSR_LE;
	check(!ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS: %m");
	/* KVM-HV runs no other guests. */
	check(pr || !ioctl(vm->vcpu, KVM_ENABLE_CAP, &papr), "KVM_CAP_PPC_PAPR: %m");
}
