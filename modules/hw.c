// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: virtualization on and off in the CPUs.  Shows where it is on,
 * holds CPUs on their way, makes them fail, or slow.  Not part of the series.
 *
 * Takes probes in the vendor's module: load it after that one, unload it before.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/kvm_host.h>
#include <linux/miscdevice.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "enabled.h"
#include "hw.h"
#include "lookup.h"

static u32 fail_cpu = HW_NO_CPU, incompatible_cpu = HW_NO_CPU;
static u64 dying;

static bool is_over(u64 end)
{
	cpu_relax();
	return ktime_get_ns() > end;
}

static struct hold {
	u32 cpu;
	bool held, let_go;
} holds[HW_POINTS] = { [0 ... HW_POINTS - 1] = { .cpu = HW_NO_CPU } };

/* Not every kernel has such functions; this one may or may not get the CPU's number. */
static int (*enable_cpu)(unsigned int cpu);
static void (*clear_vmcs)(void *vmcs);
static bool cleared;

static bool is_to_be_held(enum hw_point point, u32 cpu)
{
	return cmpxchg(&holds[point].cpu, cpu, HW_NO_CPU) == cpu;
}

static void stay(enum hw_point point, bool may_sleep)
{
	u64 end = ktime_get_ns() + HW_PATIENCE * NSEC_PER_SEC;
	struct hold *h = &holds[point];

	WRITE_ONCE(h->held, true);
	while (!READ_ONCE(h->let_go) && !is_over(end))
		if (may_sleep)
			usleep_range(1000, 2000);
	WRITE_ONCE(h->held, false);
}

static void hold(enum hw_point point, u32 cpu)
{
	if (is_to_be_held(point, cpu))
		stay(point, false);
}

static long hold_ioctl(struct hw_hold *arg)
{
	struct hold *h = &holds[arg->point];

	if ((arg->point == HW_COMES && !enable_cpu) || (arg->point == HW_CLEAR && !clear_vmcs))
		return -EOPNOTSUPP;

	WRITE_ONCE(cleared, false);
	WRITE_ONCE(h->let_go, false);
	WRITE_ONCE(h->cpu, arg->cpu);
	return 0;
}

/* The last thing that a CPU does before it is online, RCU watching it already. */
static int on_tsc_sync(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	hold(HW_ONLINE, smp_processor_id());
	return 0;
}

static struct kretprobe tsc_sync_probe = {
	.handler = on_tsc_sync,
	.kp.symbol_name = "check_tsc_sync_target",
};

static int on_enabled(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (!regs_return_value(regs))
		hold(HW_ENABLED, smp_processor_id());
	return 0;
}

static struct kretprobe enabled_probe = {
	.handler = on_enabled,
	.kp.symbol_name = SVM_ENABLE_CPU,
};

/* takedown_cpu() begins with parking the thread that ran the ONLINE section. */
static int on_park(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct task_struct *task = (void *)regs_get_kernel_argument(regs, 0);
	u32 *cpu = (void *)ri->data;

	return strncmp(task->comm, "cpuhp/", 6) || kstrtou32(task->comm + 6, 10, cpu);
}

static int on_parked(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	u32 *cpu = (void *)ri->data;

	hold(HW_OFFLINE, *cpu);
	return 0;
}

static struct kretprobe park_probe = {
	.entry_handler = on_park,
	.handler = on_parked,
	.data_size = sizeof(u32),
	.kp.symbol_name = "kthread_park",
};

/* HW_SLOW: one CPU waits, the creator says when, and waits until IRQs are off. */
enum { SLOW_NOT, SLOW_WAITS, SLOW_WANTED, SLOW_NOW };
static int slow;

static long be_slow(u32 ms)
{
	u64 end = ktime_get_ns() + HW_PATIENCE * NSEC_PER_SEC;

	WRITE_ONCE(slow, SLOW_WAITS);
	while (READ_ONCE(slow) != SLOW_WANTED) {
		if (is_over(end) || signal_pending(current)) {
			WRITE_ONCE(slow, SLOW_NOT);
			return -ETIME;
		}
		cond_resched();
	}

	local_irq_disable();
	WRITE_ONCE(slow, SLOW_NOW);
	end = ktime_get_ns() + ms * NSEC_PER_MSEC;
	while (!is_over(end))
		;
	WRITE_ONCE(slow, SLOW_NOT);
	local_irq_enable();
	return 0;
}

static int on_before(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (cmpxchg(&slow, SLOW_WAITS, SLOW_WANTED) == SLOW_WAITS)
		while (READ_ONCE(slow) == SLOW_WANTED)
			cpu_relax();
	return 0;
}

static struct kretprobe before_enable_probe = {
	.handler = on_before,
	.kp.symbol_name = "kvm_arch_init_vm",
};

static struct kretprobe before_disable_probe = {
	.handler = on_before,
	.kp.symbol_name = "preempt_notifier_dec",
};

/*
 * VMX compares what each CPU can do with what it was set up for, and finds a difference
 * on this one, where that can be changed.  Otherwise the check as a whole fails, see
 * below.
 */
static u32 *config;	/* not by its own name, which lookup() would find here */

static int on_compare(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (raw_smp_processor_id() != READ_ONCE(incompatible_cpu))
		return 1;
	++*config;
	return 0;
}

static int on_compared(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	--*config;
	return 0;
}

static struct kretprobe compare_probe = {
	.entry_handler = on_compare,
	.handler = on_compared,
	.kp.symbol_name = VMX_COMPARE_CPU,
};

/* The last one is left out where there is no such function, or not any more. */
static struct kretprobe *returns[] = {
	&tsc_sync_probe, &enabled_probe, &park_probe, &before_enable_probe,
	&before_disable_probe, &compare_probe,
};

static int nr_returns = ARRAY_SIZE(returns);

/*
 * What is called in place of a function that has to fail.  A kretprobe, which could
 * change what the function returns, would be too late: it has succeeded.
 */
static noinline int fail_to_enable(void)
{
	return -HW_ERROR;
}

static noinline int fail_the_check(void)
{
	return -EIO;
}

static int on_enable(struct kprobe *kp, struct pt_regs *regs)
{
	if (raw_smp_processor_id() != READ_ONCE(fail_cpu))
		return 0;
	instruction_pointer_set(regs, (unsigned long)fail_to_enable);
	return 1;
}

static int on_check(struct kprobe *kp, struct pt_regs *regs)
{
	if (config || raw_smp_processor_id() != READ_ONCE(incompatible_cpu))
		return 0;
	instruction_pointer_set(regs, (unsigned long)fail_the_check);
	return 1;
}

/* A probe with this one is not optimized to a jump, which ignores where to go on. */
static void on_end(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe enable_probe = {
	.pre_handler = on_enable,
	.post_handler = on_end,
	.symbol_name = SVM_ENABLE_CPU,
};

static struct kprobe check_probe = {
	.pre_handler = on_check,
	.post_handler = on_end,
	.symbol_name = SVM_CHECK_CPU,
};

/* Nothing of KVM comes after it on the way down. */
static int on_dying(struct kprobe *kp, struct pt_regs *regs)
{
	u64 bit = BIT_ULL(raw_smp_processor_id());

	WRITE_ONCE(dying, is_enabled() ? dying | bit : dying & ~bit);
	return 0;
}

static struct kprobe dying_probe = {
	.pre_handler = on_dying,
	.symbol_name = "rcutree_dying_cpu",
};

/*
 * Sleeping is not for probes, but for what is called in place of a function.  Without
 * it, no grace period would end, and CPU hotplug waits for one.
 */
static noinline void stay_and_drop(void)
{
	stay(HW_DROP, true);
	preempt_notifier_dec();
}

static int on_drop(struct kprobe *kp, struct pt_regs *regs)
{
	if (!is_to_be_held(HW_DROP, raw_smp_processor_id()))
		return 0;
	instruction_pointer_set(regs, (unsigned long)stay_and_drop);
	return 1;
}

static struct kprobe drop_probe = {
	.pre_handler = on_drop,
	.post_handler = on_end,
	.symbol_name = "preempt_notifier_dec",
};

/* The same for a CPU that comes online. */
static noinline int stay_and_enable(unsigned int cpu)
{
	stay(HW_COMES, true);
	return enable_cpu(cpu);
}

static int on_comes(struct kprobe *kp, struct pt_regs *regs)
{
	if (!is_to_be_held(HW_COMES, raw_smp_processor_id()))
		return 0;
	instruction_pointer_set(regs, (unsigned long)stay_and_enable);
	return 1;
}

static struct kprobe comes_probe = {
	.pre_handler = on_comes,
	.post_handler = on_end,
	.symbol_name = ENABLE_COMING_CPU,
};

/*
 * VMX: a CPU that goes offline clears the VMCSs that are loaded there.  With IRQs disabled
 * nobody can be in its way, and it is not held.  Where the compiler has inlined the function
 * into the walk, there is nothing to be seen of it.
 */
static noinline void stay_and_clear(void *vmcs)
{
	stay(HW_CLEAR, preemptible());
	clear_vmcs(vmcs);
}

static int on_clear(struct kprobe *kp, struct pt_regs *regs)
{
	if (strncmp(current->comm, "cpuhp/", 6))
		return 0;
	WRITE_ONCE(cleared, true);
	if (!(regs->flags & X86_EFLAGS_IF) ||
	    !is_to_be_held(HW_CLEAR, raw_smp_processor_id()))
		return 0;
	instruction_pointer_set(regs, (unsigned long)stay_and_clear);
	return 1;
}

static struct kprobe clear_probe = {
	.pre_handler = on_clear,
	.post_handler = on_end,
	.symbol_name = "__loaded_vmcs_clear",
};

/* Those that not every kernel has a function for are added. */
static struct kprobe *probes[6] = {
	&enable_probe, &check_probe, &dying_probe, &drop_probe,
};

static int nr_probes = 4;

static void get_enabled(void *enabled)
{
	*(bool *)enabled = is_enabled();
}

static long get_state(struct hw_state __user *arg)
{
	unsigned int *usage_count = (void *)lookup("kvm_usage_count");
	struct list_head *list = (void *)lookup("vm_list"), *pos;
	struct mutex *lock = (void *)lookup("kvm_lock");
	struct hw_state state = { .dying = READ_ONCE(dying) };
	struct hlist_head *notifiers;
	struct hlist_node *node;
	unsigned int cpu;
	bool enabled;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		state.online |= BIT_ULL(cpu);
		smp_call_function_single(cpu, get_enabled, &enabled, 1);
		if (enabled)
			state.enabled |= BIT_ULL(cpu);
	}
	cpus_read_unlock();

	if (usage_count && list && lock) {
		mutex_lock(lock);
		state.usage_count = *usage_count;
		list_for_each(pos, list)
			state.vms++;
		mutex_unlock(lock);
	}
	/* The type is mm/mmu_notifier.c's own; it begins with the list. */
	notifiers = (void *)current->mm->notifier_subscriptions;
	if (notifiers)
		hlist_for_each(node, notifiers)
			state.notifiers++;
	state.slow = READ_ONCE(slow) == SLOW_WAITS;
	return copy_to_user(arg, &state, sizeof(state)) ? -EFAULT : 0;
}

static long hw_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct hw_hold to_hold;
	u32 nr = 0;

	if (_IOC_SIZE(cmd) == sizeof(nr) && get_user(nr, (u32 __user *)arg))
		return -EFAULT;

	switch (cmd) {
	case HW_STATE:
		return get_state((void __user *)arg);
	case HW_FAIL:
		WRITE_ONCE(fail_cpu, nr);
		return 0;
	case HW_INCOMPATIBLE:
		WRITE_ONCE(incompatible_cpu, nr);
		return 0;
	case HW_HOLD:
		if (copy_from_user(&to_hold, (void __user *)arg, sizeof(to_hold)))
			return -EFAULT;
		return to_hold.point < HW_POINTS ? hold_ioctl(&to_hold) : -EINVAL;
	case HW_HELD:
		return nr < HW_POINTS ? READ_ONCE(holds[nr].held) : -EINVAL;
	case HW_LET_GO:
		if (nr >= HW_POINTS)
			return -EINVAL;
		WRITE_ONCE(holds[nr].let_go, true);
		return 0;
	case HW_SLOW:
		return be_slow(nr);
	case HW_CLEARED:
		return READ_ONCE(cleared);
	}
	return -ENOTTY;
}

static const struct file_operations hw_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = hw_ioctl,
};

static struct miscdevice hw_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hw",
	.fops = &hw_fops,
};

static int __init hw_init(void)
{
	int r;

	r = init_lookup();
	if (r)
		return r;
	if (!has_svm()) {
		enabled_probe.kp.symbol_name = VMX_ENABLE_CPU;
		enable_probe.symbol_name = VMX_ENABLE_CPU;
		check_probe.symbol_name = VMX_CHECK_CPU;
	}
	config = find_role(VMX_CONFIG);
	if (!find_role(VMX_COMPARE_CPU))
		nr_returns--;
	enable_cpu = find_role(ENABLE_COMING_CPU);
	if (enable_cpu)
		probes[nr_probes++] = &comes_probe;
	clear_vmcs = find_role("__loaded_vmcs_clear");
	if (clear_vmcs)
		probes[nr_probes++] = &clear_probe;

	r = register_kretprobes(returns, nr_returns);
	if (r)
		return r;
	r = register_kprobes(probes, nr_probes);
	if (r)
		goto err_returns;
	r = misc_register(&hw_dev);
	if (r)
		goto err_probes;
	return 0;

err_probes:
	unregister_kprobes(probes, nr_probes);
err_returns:
	unregister_kretprobes(returns, nr_returns);
	return r;
}
module_init(hw_init);

static void __exit hw_exit(void)
{
	misc_deregister(&hw_dev);
	unregister_kprobes(probes, nr_probes);
	unregister_kretprobes(returns, nr_returns);
}
module_exit(hw_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Virtualization on and off, KVM lab");
