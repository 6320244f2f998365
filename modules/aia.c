// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab (RISC-V): holds a task that unmaps memory of a guest, with the
 * mmu_lock of the VM.  Not part of the series.
 */
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/module.h>

#include "compat.h"
#include "lookup.h"

/* 1: the next task is to be held; 2: it is. */
static int hold;
module_param(hold, int, 0644);
MODULE_PARM_DESC(hold, "Hold the next task that unmaps memory; 2 when it is held");

static unsigned long (*unmap)(unsigned long gstage, unsigned long start, unsigned long size,
			      unsigned long may_block);

/* IRQs are as the caller has them: enabled.  Long enough for any restart. */
static noinline unsigned long hold_and_unmap(unsigned long gstage, unsigned long start,
					     unsigned long size, unsigned long may_block)
{
	unsigned long end = jiffies + 60 * HZ;

	WRITE_ONCE(hold, 2);
	while (time_before(READ_ONCE(jiffies), end))
		cpu_relax();
	return unmap(gstage, start, size, may_block);
}

static int on_unmap(struct kprobe *kp, struct pt_regs *regs)
{
	if (cmpxchg(&hold, 1, 0) != 1)
		return 0;
	regs->epc = (unsigned long)hold_and_unmap;
	return 1;
}

static struct kprobe probe = {
	.pre_handler = on_unmap,
	.symbol_name = RISCV_UNMAP,
};

static int __init aia_init(void)
{
	int r = init_lookup();

	if (r)
		return r;
	unmap = find_role(RISCV_UNMAP);
	return unmap ? register_kprobe(&probe) : -ENOENT;
}
module_init(aia_init);

static void __exit aia_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(aia_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A VM's mmu_lock that is held, KVM lab");
