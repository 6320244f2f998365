// SPDX-License-Identifier: GPL-2.0-only
/* arm64 guests, at EL1 with the MMU off. */
#include <linux/kvm.h>
#include <stddef.h>

#include "../init/lab.h"

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
/*
 * A timer interrupt each millisecond, if the counter has 62.5 MHz, as it has in QEMU.
 * Interrupts stay masked in the CPU: they are taken by reading their number.  Every
 * other one ends a WFI, which KVM does with a timer of its own; the rest is waited for
 * without leaving the guest, and takes the interrupt of the CPU's virtual timer.
 */
"	.balign	8\n"
"timer_start:\n"
"	mov	x9, #0x8000\n"
"	mov	x10, #0x8000000\n"		/* GICD_CTLR: group 1 */
"	mov	w11, #2\n"
"	str	w11, [x10]\n"
"	mov	x10, #0x80b0000\n"		/* GICR_ISENABLER0: interrupt 27 */
"	mov	w11, #0x8000000\n"
"	str	w11, [x10, #0x100]\n"
"	mov	x11, #0xff\n"
"	msr	s3_0_c4_c6_0, x11\n"		/* ICC_PMR_EL1 */
"	mov	x11, #1\n"
"	msr	s3_0_c12_c12_7, x11\n"		/* ICC_IGRPEN1_EL1 */
"1:	mov	x10, #62500\n"
"	msr	cntv_tval_el0, x10\n"
"	msr	cntv_ctl_el0, x11\n"
"	isb\n"
"	ldr	w12, [x9]\n"
"2:	tbnz	w12, #0, 3f\n"
"	wfi\n"
"3:	mrs	x13, s3_0_c12_c12_0\n"		/* ICC_IAR1_EL1 */
"	cmp	x13, #27\n"
"	b.ne	2b\n"
"	msr	cntv_ctl_el0, xzr\n"
"	isb\n"
"	msr	s3_0_c12_c12_1, x13\n"		/* ICC_EOIR1_EL1 */
"	add	w12, w12, #1\n"
"	str	w12, [x9]\n"
"	b	1b\n"
"timer_end:\n"
"	.popsection\n"
);

extern const unsigned char hello_start[], hello_end[], count_start[], count_end[];
extern const unsigned char timer_start[], timer_end[];
const struct code code_hello = { hello_start, hello_end };
const struct code code_count = { count_start, count_end };
static const struct code code_timer = { timer_start, timer_end };
const char *const vm_signature = "EL1, says a guest of KVM";

void vm_arch_vcpu(struct vm *vm)
{
	struct kvm_vcpu_init init;

	/* That leaves it at EL1, the MMU off, the program counter 0. */
	check(!ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET: %m");
	check(!ioctl(vm->vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT: %m");
}

static void set_gic(int gic, uint32_t group, uint64_t attr, void *value)
{
	struct kvm_device_attr a = {
		.group = group, .attr = attr, .addr = (uintptr_t)value,
	};

	check(!ioctl(gic, KVM_SET_DEVICE_ATTR, &a), "the vGIC's attribute %u, %lu: %m", group,
	      attr);
}

void vm_init_timer(struct vm *vm)
{
	struct kvm_create_device gic = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	uint64_t dist = 0x8000000, redist = 0x80a0000;

	vm->fd = vm_create();
	check(vm->fd >= 0, "KVM_CREATE_VM: %m");
	check(!ioctl(vm->fd, KVM_CREATE_DEVICE, &gic), "KVM_CREATE_DEVICE: %m");
	vm_init(vm, &code_timer, 0);
	set_gic(gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
	set_gic(gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist);
	set_gic(gic.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	close(gic.fd);
}
