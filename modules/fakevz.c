// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: MIPS VZ for a CPU that has none, as far as KVM needs it
 * to load, to create VMs and vCPUs and to turn virtualization on and off.  The
 * instructions of VZ are answered when they trap; nothing can enter a guest.
 * Not part of the series.
 */
#include <linux/debug_locks.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/percpu.h>

#include <asm/branch.h>
#include <asm/cpu-info.h>
#include <asm/cpu.h>
#include <asm/mipsregs.h>
#include <asm/traps.h>

#include "compat.h"
#include "lookup.h"

/* How often KVM has turned virtualization on and off, of all CPUs. */
static atomic_t enables, disables;
module_param_named(enables, enables.counter, int, 0444);
module_param_named(disables, disables.counter, int, 0444);

/*
 * Pretend that the guest's TLB has an entry less than it had.  KVM refuses to turn
 * virtualization on if it has seen another size since it was loaded.
 */
static bool fail;
module_param(fail, bool, 0644);

static int on_enable(struct kprobe *kp, struct pt_regs *regs)
{
	atomic_inc(&enables);
	return 0;
}

static int on_disable(struct kprobe *kp, struct pt_regs *regs)
{
	atomic_inc(&disables);
	return 0;
}

/* Registers of guest context, by number and select. */
static DEFINE_PER_CPU(u64 [32][8], gc0);

#define GC0_CONFIG1_REG	16
#define GC0_CONFIG1_SEL	1

/*
 * (D)MFGC0 and (D)MTGC0 are COP0 with 3 in rs; the two bits above the select tell
 * which.  The instructions for the guest's TLB have CO set and nothing to do here.
 */
#define GC0_MASK	0xffe004f8
#define GC0_INSN	0x40600000
#define GC0_DOUBLE	0x100
#define GC0_WRITE	0x200

static bool is_guest_tlb(u32 insn)
{
	switch (insn) {
	case 0x42000009: /* tlbgr */
	case 0x4200000a: /* tlbgwi */
	case 0x4200000c: /* tlbginvf */
	case 0x4200000e: /* tlbgwr */
	case 0x42000010: /* tlbgp */
		return true;
	}
	return false;
}

static void move_gc0(u32 insn, struct pt_regs *regs)
{
	unsigned int rt = insn >> 16 & 31, rd = insn >> 11 & 31, sel = insn & 7;
	u64 value, *reg = &(*this_cpu_ptr(&gc0))[rd][sel];

	value = insn & GC0_WRITE ? (rt ? regs->regs[rt] : 0) : *reg;
	if (!(insn & GC0_DOUBLE))
		value = (s32)value;
	if (insn & GC0_WRITE) {
		*reg = value;
		return;
	}
	if (READ_ONCE(fail) && rd == GC0_CONFIG1_REG && sel == GC0_CONFIG1_SEL)
		value -= 1 << MIPS_CONF1_TLBS_SHIFT;
	if (rt)
		regs->regs[rt] = value;
}

/*
 * After a compact branch of R6 that is not taken, QEMU reports a trap as one in a
 * delay slot.  Execution goes on behind it.
 */
static bool is_compact_branch(u32 insn)
{
	switch (insn >> 26) {
	case 0x06: /* POP06, POP07: with 0 in rt a branch with a delay slot */
	case 0x07:
		return insn >> 16 & 31;
	case 0x08: /* POP10, POP26, POP27, POP30, POP66, POP76 */
	case 0x16:
	case 0x17:
	case 0x18:
	case 0x36:
	case 0x3e:
		return true;
	}
	return false;
}

/*
 * The kernel's own handler of reserved instructions turns IRQs on, which code that
 * has them off for a reason does not survive: KVM moves guest registers while the
 * scheduler holds a run queue.  The one of bus errors leaves them off and asks the
 * board first.  An instruction that is not VZ's is reported as a bus error.
 */
static int (*old_be_handler)(struct pt_regs *regs, int is_fixup);
static unsigned long old_ri_handler;

/* Not exported. */
static int (**be_handler)(struct pt_regs *regs, int is_fixup);
static unsigned long *exception_handler;

static int on_trap(struct pt_regs *regs, int is_fixup)
{
	bool slot = delay_slot(regs);
	u32 insn, *pc;

	if ((regs->cp0_cause & CAUSEF_EXCCODE) >> CAUSEB_EXCCODE != EXCCODE_RI)
		return old_be_handler ? old_be_handler(regs, is_fixup) :
		       is_fixup ? MIPS_BE_FIXUP : MIPS_BE_FATAL;
	if (user_mode(regs))
		return MIPS_BE_FATAL;
	pc = (u32 *)regs->cp0_epc + slot;
	/* No assembler puts these into a delay slot: one there is not ours. */
	if (slot && !is_compact_branch(pc[-1]))
		return MIPS_BE_FATAL;
	insn = *pc;
	if ((insn & GC0_MASK) == GC0_INSN)
		move_gc0(insn, regs);
	else if (!is_guest_tlb(insn))
		return MIPS_BE_FATAL;
	regs->cp0_epc = (unsigned long)(pc + 1);
	return MIPS_BE_DISCARD;
}

/* KVM comes and goes while this module stays, and cannot stay without it. */
static struct kprobe probe_enable, probe_disable;
static bool watching;

static int on_module(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;
	int r;

	if (strcmp(mod->name, "kvm"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		probe_enable = (struct kprobe) {
			.symbol_name = VZ_ENABLE_CPU,
			.pre_handler = on_enable,
		};
		probe_disable = (struct kprobe) {
			.symbol_name = VZ_DISABLE_CPU,
			.pre_handler = on_disable,
		};
		r = register_kprobe(&probe_enable);
		if (r)
			return notifier_from_errno(r);
		r = register_kprobe(&probe_disable);
		if (r) {
			unregister_kprobe(&probe_enable);
			return notifier_from_errno(r);
		}
		__module_get(THIS_MODULE);
		watching = true;
	} else if (state == MODULE_STATE_GOING && watching) {
		unregister_kprobe(&probe_disable);
		unregister_kprobe(&probe_enable);
		watching = false;
		module_put(THIS_MODULE);
	}
	return NOTIFY_OK;
}

static struct notifier_block module_nb = {
	.notifier_call = on_module,
};

/* What an I6400 has, of what KVM has different code for. */
#define FAKE_OPTIONS	(MIPS_CPU_GUESTCTL0EXT | MIPS_CPU_GUESTCTL1 | \
			 MIPS_CPU_GUESTCTL2 | MIPS_CPU_GUESTID)

static int __init fakevz_init(void)
{
	unsigned int cpu;
	int r;

	if (boot_cpu_data.ases & MIPS_ASE_VZ)
		return -EBUSY;
	r = init_lookup();
	if (r)
		return r;
	be_handler = (void *)lookup("board_be_handler");
	exception_handler = (void *)lookup("exception_handlers");
	if (!be_handler || !exception_handler)
		return -ENOENT;

	r = register_module_notifier(&module_nb);
	if (r)
		return r;
	old_be_handler = *be_handler;
	mips_set_be_handler(on_trap);
	old_ri_handler = exception_handler[EXCCODE_RI];
	exception_handler[EXCCODE_RI] = exception_handler[EXCCODE_IBE];
	for_each_possible_cpu(cpu) {
		struct cpuinfo_mips *c = &cpu_data[cpu];

		c->options |= FAKE_OPTIONS;
		c->guestid_mask = 0xff;
		c->guest.conf = 1 << 1; /* Config1 */
		c->ases |= MIPS_ASE_VZ;
	}
	/*
	 * A probe that hits in an IPI: lockdep sees handle_bp enable IRQs there, says so, and
	 * is off.  Spare us the former.
	 */
	if (num_possible_cpus() > 1)
		debug_locks = 0;
	pr_info("lab: VZ is faked by a test module\n");
	return 0;
}
module_init(fakevz_init);

static void __exit fakevz_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct cpuinfo_mips *c = &cpu_data[cpu];

		c->ases &= ~MIPS_ASE_VZ;
		c->options &= ~FAKE_OPTIONS;
		c->guestid_mask = 0;
		memset(&c->guest, 0, sizeof(c->guest));
	}
	unregister_module_notifier(&module_nb);
	exception_handler[EXCCODE_RI] = old_ri_handler;
	mips_set_be_handler(old_be_handler);
}
module_exit(fakevz_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("MIPS VZ for CPUs without, KVM lab");
