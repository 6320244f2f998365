// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab (arm64): a CPU idles as deeply as cpuidle would let it, short
 * of losing power, which an emulator does not do.  Also shows what KVM has to have ready
 * on each CPU: EL2, and interrupts of the CPU's own.  Not part of the series.
 */
#include <linux/cpu.h>
#include <linux/cpu_pm.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/virt.h>

#include "lookup.h"
#include "mask.h"

/* In truth it returns what EL2 answers. */
static unsigned long (*set_vectors)(phys_addr_t vectors);
static phys_addr_t stub;

/*
 * Does KVM have EL2 of this CPU?  The stub that is there otherwise takes new vectors,
 * here its own; KVM does not.  With VHE, there is nobody to ask.
 */
static bool kvm_has_el2(void)
{
	return !is_kernel_in_hyp_mode() && set_vectors(stub);
}

static void look_at_el2(void *mask)
{
	if (kvm_has_el2())
		set_bit(smp_processor_id(), mask);
}

static int irq;
module_param(irq, int, 0644);
MODULE_PARM_DESC(irq, "Number of an interrupt that each CPU has for itself");

/* The interrupt controller's view of it. */
static void look_at_irq(void *mask)
{
	bool masked = true;

	if (!irq_get_irqchip_state(irq, IRQCHIP_STATE_MASKED, &masked) && !masked)
		set_bit(smp_processor_id(), mask);
}

static int get_el2(char *buffer, const struct kernel_param *kp)
{
	return is_kernel_in_hyp_mode() ? -EOPNOTSUPP : get_mask(buffer, look_at_el2);
}

static const struct kernel_param_ops el2_ops = {
	.get = get_el2,
};
module_param_cb(el2, &el2_ops, NULL, 0444);
MODULE_PARM_DESC(el2, "Mask of CPUs whose EL2 KVM has; not with VHE");

static int get_enabled(char *buffer, const struct kernel_param *kp)
{
	return get_mask(buffer, look_at_irq);
}

static const struct kernel_param_ops enabled_ops = {
	.get = get_enabled,
};
module_param_cb(enabled, &enabled_ops, NULL, 0444);
MODULE_PARM_DESC(enabled, "Mask of CPUs that have that interrupt enabled");

static unsigned int kept;
module_param(kept, uint, 0444);
MODULE_PARM_DESC(kept, "How often KVM had EL2 of a CPU that idled");

static int idle(void *unused)
{
	int r;

	local_irq_disable();
	r = cpu_pm_enter();
	if (!r) {
		if (kvm_has_el2())
			kept++;
		r = cpu_pm_exit();
	}
	local_irq_enable();
	return r;
}

static int set_idle(const char *value, const struct kernel_param *kp)
{
	unsigned int cpu;
	int r;

	r = kstrtouint(value, 0, &cpu);
	if (r)
		return r;
	return cpu < nr_cpu_ids ? smp_call_on_cpu(cpu, idle, NULL, false) : -EINVAL;
}

static const struct kernel_param_ops idle_ops = {
	.set = set_idle,
};
module_param_cb(idle, &idle_ops, NULL, 0200);
MODULE_PARM_DESC(idle, "The CPU of this number idles once");

static int __init fakeidle_init(void)
{
	int r = init_lookup();

	if (r)
		return r;
	set_vectors = (void *)lookup("__hyp_set_vectors");
	stub = __pa_symbol(lookup("__hyp_stub_vectors"));
	return set_vectors ? 0 : -ENOENT;
}
module_init(fakeidle_init);

static void __exit fakeidle_exit(void)
{
}
module_exit(fakeidle_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("CPU idle for machines without, KVM lab");
