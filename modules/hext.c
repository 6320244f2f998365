// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab (RISC-V): on which CPUs the H extension is set up for guests,
 * and what is left of a guest's interrupts there.  Makes that fail on a CPU.  Not part
 * of the series.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/smp.h>

#include <asm/csr.h>

#include "compat.h"
#include "mask.h"

static int fail = -1;
module_param(fail, int, 0644);
MODULE_PARM_DESC(fail, "The CPU on which enabling fails, with -ENXIO and without being done");

static int skip_enable(struct kprobe *kp, struct pt_regs *regs)
{
	if (smp_processor_id() != READ_ONCE(fail))
		return 0;
	regs->a0 = -ENXIO;
	regs->epc = regs->ra;
	return 1;
}

static struct kprobe probe;

static void look_at_delegation(void *mask)
{
	if (csr_read(CSR_HIDELEG) || csr_read(CSR_HEDELEG))
		set_bit(smp_processor_id(), mask);
}

static void look_at_interrupts(void *mask)
{
	if (csr_read(CSR_HVIP) || csr_read(CSR_VSIE))
		set_bit(smp_processor_id(), mask);
}

static int get_enabled(char *buffer, const struct kernel_param *kp)
{
	return get_mask(buffer, look_at_delegation);
}

static const struct kernel_param_ops enabled_ops = {
	.get = get_enabled,
};
module_param_cb(enabled, &enabled_ops, NULL, 0444);
MODULE_PARM_DESC(enabled, "Mask of CPUs that delegate to guests");

static void raise_interrupt(void *unused)
{
	csr_set(CSR_VSIE, BIT(IRQ_S_SOFT));
	csr_set(CSR_HVIP, BIT(IRQ_VS_SOFT));
}

static int get_pending(char *buffer, const struct kernel_param *kp)
{
	return get_mask(buffer, look_at_interrupts);
}

static int set_pending(const char *value, const struct kernel_param *kp)
{
	on_each_cpu(raise_interrupt, NULL, true);
	return 0;
}

static const struct kernel_param_ops pending_ops = {
	.get = get_pending,
	.set = set_pending,
};
module_param_cb(pending, &pending_ops, NULL, 0644);
MODULE_PARM_DESC(pending, "Mask of CPUs with an interrupt for a guest; write to have one on all");

static int __init hext_init(void)
{
	static const char *const names[] = { RISCV_ENABLE_CPU };
	unsigned int i;
	int r = -ENOENT;

	for (i = 0; i < ARRAY_SIZE(names) && r == -ENOENT; i++) {
		probe = (struct kprobe) {
			.pre_handler = skip_enable,
			.symbol_name = names[i],
		};
		r = register_kprobe(&probe);
	}
	return r;
}
module_init(hext_init);

static void __exit hext_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(hext_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("State of the H extension, KVM lab");
