// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab (PowerPC): CPUs have one thread each in the emulators.  When
 * the kernel asks whether a CPU may come online as the second thread of a core, it has
 * two: CPUs 2n and 2n + 1 share one.  Not part of the series.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <asm/cputhreads.h>

static unsigned int asked;
module_param(asked, uint, 0444);
MODULE_PARM_DESC(asked, "How often the kernel asked whether a CPU may come online");

/* No longer than it takes to ask: who idles meanwhile would look for the other thread. */
static void set_threads(int nr)
{
	threads_per_core = nr;
	threads_per_subcore = nr;
}

static int cpu_up_begins(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	set_threads(2);
	return 0;
}

static int cpu_up_ends(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	set_threads(1);
	return 0;
}

static int answered(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (threads_per_core == 2)
		asked++;
	if (!regs_return_value(regs))
		set_threads(1);
	return 0;
}

static struct kretprobe cpu_up = {
	.kp.symbol_name = "__cpu_up",
	.entry_handler = cpu_up_begins,
	.handler = cpu_up_ends,
};

static struct kretprobe mode_active = {
	.kp.symbol_name = "kvm_hv_mode_active",
	.handler = answered,
};

static struct kretprobe *probes[] = { &mode_active, &cpu_up };

static int __init smt_init(void)
{
	if (threads_per_core != 1)
		return -EBUSY;
	return register_kretprobes(probes, ARRAY_SIZE(probes));
}
module_init(smt_init);

static void __exit smt_exit(void)
{
	unregister_kretprobes(probes, ARRAY_SIZE(probes));
}
module_exit(smt_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Cores with two threads, KVM lab");
