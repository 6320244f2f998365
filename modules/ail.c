// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab (PowerPC): keeps interrupts in real mode once KVM-PR has asked
 * for that.  KVM-PR has the hypervisor switch all CPUs with the first and after the last
 * VM; QEMU 7.2 switches one after the other, and a CPU that is started meanwhile gets the
 * mode of the one that starts it.  Not part of the series.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static int no_return_to_virtual_mode(struct kprobe *kp, struct pt_regs *regs)
{
	regs_set_return_value(regs, false);
	regs_set_return_ip(regs, regs->link);
	return 1;
}

static struct kprobe enable = {
	.symbol_name = "pseries_enable_reloc_on_exc",
	.pre_handler = no_return_to_virtual_mode,
};

static int __init ail_init(void)
{
	return register_kprobe(&enable);
}
module_init(ail_init);

static void __exit ail_exit(void)
{
	unregister_kprobe(&enable);
}
module_exit(ail_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Interrupts stay in real mode, KVM lab");
