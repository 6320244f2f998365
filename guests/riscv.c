// SPDX-License-Identifier: GPL-2.0-only
/* RISC-V guests, in VS-mode without translation. */
#include <linux/kvm.h>
#include <stddef.h>

#include "../init/lab.h"

/* The SBI implementation's number comes from KVM, whose own is 3. */
asm("	.pushsection .rodata\n"
"	.balign	8\n"
"	.option	push\n"
"	.option	norvc\n"
"	.option	norelax\n"
"hello_start:\n"
"	li	t0, 0x10000000\n"
"	li	a7, 0x10\n"
"	li	a6, 1\n"
"	ecall\n"
"	addi	t2, a1, '0'\n"
"	lla	t1, 5f\n"
"	sb	t2, 0(t1)\n"
"	lla	t1, 3f\n"
"1:	lbu	t2, 0(t1)\n"
"	sb	t2, 0(t0)\n"
"	addi	t1, t1, 1\n"
"	j	1b\n"
"3:	.ascii	\"Hello from VS-mode, says a guest of SBI implementation \"\n"
"5:	.ascii	\"?\\n\"\n"
"hello_end:\n"
"	.balign	8\n"
"count_start:\n"
"	li	t0, 0x8000\n"
"1:	lw	t1, 0(t0)\n"
"	addi	t1, t1, 1\n"
"	sw	t1, 0(t0)\n"
"	j	1b\n"
"count_end:\n"
"	.option	pop\n"
"	.popsection\n"
);

extern const unsigned char hello_start[], hello_end[], count_start[], count_end[];
const struct code code_hello = { hello_start, hello_end };
const struct code code_count = { count_start, count_end };
const char *const vm_signature = "VS-mode, says a guest of SBI implementation 3";

void vm_arch_vcpu(struct vm *vm)
{
	unsigned long pc = 0;
	struct kvm_one_reg reg = {
		.id = KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE |
		      KVM_REG_RISCV_CORE_REG(regs.pc),
		.addr = (uintptr_t)&pc,
	};

	check(!ioctl(vm->vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG: %m");
}
