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
#include <linux/tracepoint.h>
#include <linux/uaccess.h>

#include <asm/dis.h>
#include <asm/sclp.h>

#include "compat.h"
#include "lookup.h"

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

static unsigned long (*to_hva)(struct kvm *kvm, gfn_t gfn);
static struct tracepoint *sie_exit_point;
static void on_sie_exit(void *unused, struct kvm_vcpu *vcpu, u8 icptcode);

/* KVM is there, and has executed nothing yet. */
static int start_faking(void)
{
	int r;

	to_hva = (void *)lookup("gfn_to_hva");
	sie_exit_point = (void *)lookup("__tracepoint_kvm_s390_sie_exit");
	if (!to_hva || !sie_exit_point)
		return -ENOENT;
	r = tracepoint_probe_register(sie_exit_point, on_sie_exit, NULL);
	if (r)
		sie_exit_point = NULL;
	return r;
}

static void stop_faking(void)
{
	if (!sie_exit_point)
		return;
	tracepoint_probe_unregister(sie_exit_point, on_sie_exit, NULL);
	tracepoint_synchronize_unregister();
	sie_exit_point = NULL;
}

static int on_module(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;

	if (strcmp(mod->name, "kvm"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		start_counting(&enables);
		start_counting(&disables);
		return notifier_from_errno(start_faking());
	} else if (state == MODULE_STATE_GOING) {
		stop_faking();
		stop_counting(&enables);
		stop_counting(&disables);
	}
	return NOTIFY_DONE;
}

static struct notifier_block module_nb = {
	.notifier_call = on_module,
	.priority = 1,		/* before kprobes gives up the probes */
};

/*
 * SIE ended, and did nothing.  Before KVM asks why, it is to look as if SIE had intercepted
 * the guest's next instruction; no DAT, no prefixing.  KVM holds kvm->srcu here.
 */
static void on_sie_exit(void *unused, struct kvm_vcpu *vcpu, u8 icptcode)
{
	struct kvm_s390_sie_block *sie = vcpu->arch.sie_block;
	unsigned long hva;
	u16 insn[3];

	if (icptcode || !forget_guest_fault())
		return;
	hva = to_hva(vcpu->kvm, sie->gpsw.addr >> PAGE_SHIFT);
	/* An exit without a reason is tried again: the page is on its way. */
	if (kvm_is_error_hva(hva) ||
	    copy_from_user_nofault(insn, (void __user *)hva + offset_in_page(sie->gpsw.addr),
				   sizeof(insn)))
		return;
	sie->gpsw.addr += insn_length(insn[0] >> 8);
	sie->ipa = insn[0];
	sie->ipb = (u32)insn[1] << 16 | insn[2];
	sie->icptcode = ICPT_INST;
}

static int on_illegal_op(struct notifier_block *nb, unsigned long val, void *data)
{
	struct pt_regs *regs = ((struct die_args *)data)->regs;

	if (val != DIE_BPT || user_mode(regs))
		return NOTIFY_DONE;
	/* Where SIE faults like any instruction, that is all of it; see on_sie_exit(). */
	if (is_guest_fault(regs))
		return NOTIFY_STOP;
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
	r = init_lookup();
	if (r)
		return r;
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
	stop_faking();
	stop_counting(&enables);
	stop_counting(&disables);
	unregister_die_notifier(&die_nb);
}
module_exit(fakesie_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("SIE for machines without, KVM lab");
