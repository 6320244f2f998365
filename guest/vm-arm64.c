// SPDX-License-Identifier: GPL-2.0-only
/* arm64 guests, at EL1 with the MMU off. */
#include <linux/kvm.h>
#include <stddef.h>

#include "lab.h"

/* KVM answers the hypervisor's UID call; another one's answer is not "KVM". */
asm("	.pushsection .rodata\n"
"	.balign	8\n"
"hello_start:\n"
"	mov	x9, #0x10000000\n"
"	adr	x10, 3f\n"
"1:	ldrb	w11, [x10], #1\n"
"	cbz	w11, 2f\n"
"	strb	w11, [x9]\n"
"	b	1b\n"
"2:	mrs	x11, CurrentEL\n"
"	lsr	x11, x11, #2\n"
"	add	x11, x11, #'0'\n"
"	strb	w11, [x9]\n"
"	adr	x10, 5f\n"
"	mov	w0, #0xff01\n"
"	movk	w0, #0x8600, lsl #16\n"
"	hvc	#0\n"
"	mov	w12, #0xb428\n"
"	movk	w12, #0xb66f, lsl #16\n"
"	cmp	w0, w12\n"
"	b.eq	1f\n"
"	adr	x10, 6f\n"
"1:	ldrb	w11, [x10], #1\n"
"	strb	w11, [x9]\n"
"	b	1b\n"
"3:	.asciz	\"Hello from EL\"\n"
"5:	.ascii	\", says a guest of KVM\\n\"\n"
"6:	.ascii	\", says a guest of nobody known\\n\"\n"
"hello_end:\n"
"	.balign	8\n"
"count_start:\n"
"	mov	x9, #0x8000\n"
"1:	ldr	w10, [x9]\n"
"	add	w10, w10, #1\n"
"	str	w10, [x9]\n"
"	b	1b\n"
"count_end:\n"
"	.popsection\n"
);

extern const unsigned char hello_start[], hello_end[], count_start[], count_end[];
const struct code code_hello = { hello_start, hello_end };
const struct code code_count = { count_start, count_end };
const char *const vm_signature = "EL1, says a guest of KVM";

void vm_arch_vcpu(struct vm *vm)
{
	struct kvm_vcpu_init init;

	/* That leaves it at EL1, the MMU off, the program counter 0. */
	check(!ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET: %m");
	check(!ioctl(vm->vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT: %m");
}
