// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: what KVM needs to load on an s390 without SIE.  It says
 * that the machine has SIE; answers PLO, which KVM asks for its functions, with
 * "not installed"; and lets SIE intercept each instruction of a guest, so that a
 * guest runs as far as it consists of what KVM or user space emulates.  It also
 * counts how often KVM enables and disables virtualization.  Not part of the series.
 */
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include <asm/dis.h>
#include <asm/gmap.h>
#include <asm/sclp.h>

#include "compat.h"

struct counter {
	struct kprobe probe;
	bool there;
	atomic_t calls;
};

static int count(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(&container_of(probe, struct counter, probe)->calls);
	return 0;
}

static struct counter enables = {
	.probe = { .symbol_name = S390_ENABLE_CPU, .pre_handler = count },
};

static struct counter disables = {
	.probe = { .symbol_name = S390_DISABLE_CPU, .pre_handler = count },
};

static int get_counter(char *buf, const struct kernel_param *kp)
{
	struct counter *c = kp->arg;

	if (!c->there)
		return sprintf(buf, "no such function\n");
	return sprintf(buf, "%d\n", atomic_read(&c->calls));
}

static const struct kernel_param_ops counter_ops = { .get = get_counter };

module_param_cb(enables, &counter_ops, &enables, 0444);
module_param_cb(disables, &counter_ops, &disables, 0444);

static void start_counting(struct counter *c)
{
	/* A probe that was registered before is not as it was. */
	c->probe.addr = NULL;
	c->probe.flags = 0;
	atomic_set(&c->calls, 0);
	c->there = *c->probe.symbol_name && !register_kprobe(&c->probe);
}

static void stop_counting(struct counter *c)
{
	if (c->there)
		unregister_kprobe(&c->probe);
	c->there = false;
}

static int on_module(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;

	if (strcmp(mod->name, "kvm"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		start_counting(&enables);
		start_counting(&disables);
	} else if (state == MODULE_STATE_GOING) {
		stop_counting(&enables);
		stop_counting(&disables);
	}
	return NOTIFY_DONE;
}

static struct notifier_block module_nb = {
	.notifier_call = on_module,
	.priority = 1,		/* before kprobes gives up the probes */
};

/* Reads the guest's next instruction; no DAT, no prefixing. */
static bool fetch(unsigned long gaddr, u16 insn[3])
{
	unsigned long addr;

	addr = __gmap_translate((struct gmap *)S390_lowcore.gmap, gaddr);
	return !IS_ERR_VALUE(addr) &&
	       !copy_from_user_nofault(insn, (void __user *)addr, 3 * sizeof(*insn));
}

static int fake_sie(struct pt_regs *regs)
{
	/* As sie64a() has it; nothing maps 0 or its neighbours there. */
	struct kvm_s390_sie_block *sie = (void *)regs->gprs[14];
	u16 insn[3];
	bool fetched;

	/* An exit without a reason is tried again, and lets others have the lock. */
	if (!mmap_read_trylock(current->mm))
		return NOTIFY_STOP;
	fetched = fetch(sie->gpsw.addr, insn);
	mmap_read_unlock(current->mm);
	if (!fetched) {
		/* sie64a() returns -EFAULT, and KVM looks for a page. */
		current->thread.gmap_addr = sie->gpsw.addr;
		current->thread.gmap_pfault = 1;
		return NOTIFY_DONE;
	}
	sie->gpsw.addr += insn_length(insn[0] >> 8);
	sie->ipa = insn[0];
	sie->ipb = (u32)insn[1] << 16 | insn[2];
	sie->icptcode = ICPT_INST;
	return NOTIFY_STOP;
}

static int on_illegal_op(struct notifier_block *nb, unsigned long val, void *data)
{
	struct pt_regs *regs = ((struct die_args *)data)->regs;

	if (val != DIE_BPT || user_mode(regs))
		return NOTIFY_DONE;
	/* The kernel has left sie64a()'s critical section by then. */
	if (test_pt_regs_flag(regs, PIF_GUEST_FAULT))
		return fake_sie(regs);
	/* The PSW is behind the instruction already; bit 0x100 asks for a function. */
	if (regs->int_code >> 16 == 6 && *(u8 *)(regs->psw.addr - 6) == 0xee &&
	    regs->gprs[0] & 0x100) {
		regs->psw.mask |= PSW_MASK_CC;
		return NOTIFY_STOP;
	}
	return NOTIFY_DONE;
}

static struct notifier_block die_nb = { .notifier_call = on_illegal_op };

static int __init fakesie_init(void)
{
	int r;

	if (sclp.has_sief2)
		return -EBUSY;
	r = register_die_notifier(&die_nb);
	if (r)
		return r;
	r = register_module_notifier(&module_nb);
	if (r) {
		unregister_die_notifier(&die_nb);
		return r;
	}
	sclp.has_sief2 = 1;
	pr_info("lab: SIE is faked by a test module\n");
	return 0;
}
module_init(fakesie_init);

static void __exit fakesie_exit(void)
{
	sclp.has_sief2 = 0;
	unregister_module_notifier(&module_nb);
	stop_counting(&enables);
	stop_counting(&disables);
	unregister_die_notifier(&die_nb);
}
module_exit(fakesie_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("SIE for machines without, KVM lab");
