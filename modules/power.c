// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: what happens to KVM on the way down, while the machine
 * sleeps, and when memory runs out.  Not part of the series.
 */
#include <linux/completion.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/kexec.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/suspend.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

#include <asm/msr.h>
#include <asm/msr-trace.h>

#include "compat.h"
#include "enabled.h"
#include "lookup.h"
#include "power.h"

#define PATIENCE	(20 * HZ)

/* kvm_init(): the task is the one that loads the vendor module. */
#ifdef CONFIG_FAULT_INJECTION
static unsigned int init_nth, init_left;

static int on_init(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	current->fail_nth = init_nth;
	return 0;
}

static int on_init_end(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	init_left = current->fail_nth;
	current->fail_nth = 0;
	return 0;
}

static struct kretprobe init_probe = {
	.entry_handler = on_init,
	.handler = on_init_end,
	.kp.symbol_name = "kvm_init",
};

/*
 * A cache that cannot be shown in sysfs leaks its kobject's name, in mm/slub.c of
 * some kernels.  That is not what is tested, and would hide what is.
 */
static int on_slab_add(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	*(unsigned int *)ri->data = current->fail_nth;
	current->fail_nth = 0;
	return 0;
}

static int on_slab_add_end(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	current->fail_nth = *(unsigned int *)ri->data;
	return 0;
}

static struct kretprobe slab_probe = {
	.entry_handler = on_slab_add,
	.handler = on_slab_add_end,
	.data_size = sizeof(unsigned int),
	.kp.symbol_name = "sysfs_slab_add",
};

static long init_fails(unsigned int nth)
{
	init_nth = nth;
	return 0;
}

static long init_missing(void)
{
	return init_left;
}

static int watch_init(void)
{
	int r = register_kretprobe(&slab_probe);

	if (r)
		return r;
	r = register_kretprobe(&init_probe);
	if (r)
		unregister_kretprobe(&slab_probe);
	return r;
}

static void unwatch_init(void)
{
	unregister_kretprobe(&init_probe);
	unregister_kretprobe(&slab_probe);
}
#else
static long init_fails(unsigned int nth) { return -EOPNOTSUPP; }
static long init_missing(void) { return -EOPNOTSUPP; }
static int watch_init(void) { return 0; }
static void unwatch_init(void) { }
#endif

/* Who is held, and where; let go by whom depends on the place. */
static unsigned int hold_where, held_where;
static bool let_go;

static bool is_to_be_held(unsigned int where)
{
	return cmpxchg(&hold_where, where, POWER_NOWHERE) == where;
}

/* A task that may sleep is in nobody's way: the restart, however late, finds it there. */
static void stay(unsigned int where, bool may_sleep)
{
	unsigned long end = jiffies + PATIENCE;

	WRITE_ONCE(held_where, where);
	while (!READ_ONCE(let_go) && (may_sleep || time_before(READ_ONCE(jiffies), end))) {
		if (may_sleep)
			usleep_range(1000, 2000);
		else
			cpu_relax();
	}
	WRITE_ONCE(held_where, POWER_NOWHERE);
}

/* Preemption is disabled here, IRQs are not: the CPU answers whoever asks it. */
static int on_init_vm(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (is_to_be_held(POWER_BEFORE))
		stay(POWER_BEFORE, false);
	return 0;
}

/* All kernels call this before they enable virtualization. */
static struct kretprobe create_probe = {
	.handler = on_init_vm,
	.kp.symbol_name = "kvm_arch_init_vm",
};

static struct cpumask enabled;

static void look(void *unused)
{
	if (is_enabled())
		cpumask_set_cpu(smp_processor_id(), &enabled);
}

static void look_everywhere(void)
{
	cpumask_clear(&enabled);
	on_each_cpu(look, NULL, true);
}

static DECLARE_COMPLETION(created);
static int create_result;

/*
 * All who are told of the shutdown have been told.  Who was held before enabling
 * virtualization goes on, and is waited for; who is in the middle of it stays there.
 */
static void look_after_shutdown(void)
{
	unsigned int where = READ_ONCE(held_where);

	if (where == POWER_BEFORE) {
		WRITE_ONCE(let_go, true);
		if (!wait_for_completion_timeout(&created, PATIENCE))
			create_result = -ETIME;
	}
	look_everywhere();
	if (where == POWER_BEFORE)
		pr_emerg("power: KVM_CREATE_VM during reboot: %d, enabled on CPUs (%*pbl)\n",
			 create_result, cpumask_pr_args(&enabled));
	else
		pr_emerg("power: reboot with a VM half %s, enabled on CPUs (%*pbl)\n",
			 where == POWER_AFTER ? "created" : "destroyed",
			 cpumask_pr_args(&enabled));
}

static int on_reboot(struct notifier_block *nb, unsigned long val, void *unused)
{
	if (!*SHUTDOWN_CALLS && READ_ONCE(held_where))
		look_after_shutdown();
	return NOTIFY_DONE;
}

/* After KVM's. */
static struct notifier_block reboot_block = {
	.notifier_call = on_reboot,
	.priority = INT_MIN,
};

/*
 * A function is replaced by one that calls it, which the probe lets pass, and does more:
 * it may sleep.
 */
static void (*shutdown_calls)(void);
/* The arguments of either; what is not one of them does no harm in a register. */
typedef long (*role)(unsigned long first, unsigned long second, unsigned long third,
		     unsigned long fourth, unsigned long fifth, unsigned long sixth);
static role after_enabling, before_disabling;
/* The kernel enables all CPUs by an IPI, and others than KVM don't call either. */
static bool at_once;

static noinline void shutdown_and_look(void)
{
	shutdown_calls();
	look_after_shutdown();
}

static noinline long enable_and_stay(unsigned long first, unsigned long second,
				     unsigned long third, unsigned long fourth,
				     unsigned long fifth, unsigned long sixth)
{
	long r = after_enabling(first, second, third, fourth, fifth, sixth);

	stay(POWER_AFTER, true);
	return r;
}

static noinline long stay_and_disable(unsigned long first, unsigned long second,
				      unsigned long third, unsigned long fourth,
				      unsigned long fifth, unsigned long sixth)
{
	stay(POWER_DROP, true);
	return before_disabling(first, second, third, fourth, fifth, sixth);
}

static int replace(struct pt_regs *regs, void *by)
{
	instruction_pointer_set(regs, (unsigned long)by);
	return 1;
}

static int on_shutdown(struct kprobe *kp, struct pt_regs *regs)
{
	static bool once;

	return READ_ONCE(held_where) && !xchg(&once, true) ? replace(regs, shutdown_and_look) : 0;
}

static int on_enabled(struct kprobe *kp, struct pt_regs *regs)
{
	return (at_once || is_for_kvm(regs_get_kernel_argument(regs, 0))) &&
	       is_to_be_held(POWER_AFTER) ?
	       replace(regs, enable_and_stay) : 0;
}

static int on_disable(struct kprobe *kp, struct pt_regs *regs)
{
	return (at_once || is_for_kvm(regs_get_kernel_argument(regs, 0))) &&
	       is_to_be_held(POWER_DROP) ?
	       replace(regs, stay_and_disable) : 0;
}

/* A probe with this one is not optimized to a jump, which ignores where to go on. */
static void on_end(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe shutdown_probes[] = {
	{ .symbol_name = SHUTDOWN_CALLS, .pre_handler = on_shutdown, .post_handler = on_end },
	{ .symbol_name = AFTER_ENABLING, .pre_handler = on_enabled, .post_handler = on_end },
	{ .symbol_name = BEFORE_DISABLING, .pre_handler = on_disable, .post_handler = on_end },
};

static void unwatch_shutdown(unsigned int nr)
{
	while (nr--)
		if (*shutdown_probes[nr].symbol_name)
			unregister_kprobe(&shutdown_probes[nr]);
}

static int watch_shutdown(void)
{
	unsigned int i;
	int r = 0;

	shutdown_calls = find_role(SHUTDOWN_CALLS);
	at_once = find_role(ENABLES_AT_ONCE);
	if (at_once) {
		shutdown_probes[1].symbol_name = AFTER_ENABLING_AT_ONCE;
		shutdown_probes[2].symbol_name = BEFORE_DISABLING_AT_ONCE;
	}
	after_enabling = find_role(shutdown_probes[1].symbol_name);
	before_disabling = find_role(shutdown_probes[2].symbol_name);
	for (i = 0; i < ARRAY_SIZE(shutdown_probes); i++) {
		if (*shutdown_probes[i].symbol_name)
			r = register_kprobe(&shutdown_probes[i]);
		if (r) {
			unwatch_shutdown(i);
			break;
		}
	}
	return r;
}

static enum power_failing failing;
static bool watching_enable;

/* In place of what enables virtualization, which therefore stays disabled. */
static noinline int fail_to_enable(void)
{
	return -EIO;
}

static int on_enable(struct kprobe *kp, struct pt_regs *regs)
{
	switch (READ_ONCE(failing)) {
	case POWER_RESUMING:
		if (system_state != SYSTEM_SUSPEND)
			return 0;
		WRITE_ONCE(failing, POWER_NONE);
		break;
	case POWER_ALL:
		break;
	default:
		return 0;
	}
	instruction_pointer_set(regs, (unsigned long)fail_to_enable);
	return 1;
}

static struct kprobe enable_probe = {
	.pre_handler = on_enable,
	.post_handler = on_end,
	.symbol_name = SVM_ENABLE_CPU,
};

static int fail_resume(enum power_failing who)
{
	int r;

	if (!watching_enable) {
		r = register_kprobe(&enable_probe);
		if (r)
			return r;
		watching_enable = true;
	}
	WRITE_ONCE(failing, who);
	return 0;
}

static void wake(struct timer_list *unused)
{
	pm_system_wakeup();
}

static DEFINE_TIMER(wake_timer, wake);

static struct cpumask left;
static int crash_cpu;

/* Where CPUs are stopped by an NMI, that is all that can be seen of them. */
static void leave(void)
{
	int cpu = raw_smp_processor_id();

	cpumask_set_cpu(cpu, &left);
	/* It is the last one. */
	if (cpu == crash_cpu)
		pr_emerg("power: left before the crash kernel on %sCPUs (%*pbl)\n",
			 cpumask_equal(&left, cpu_online_mask) ? "all " : "",
			 cpumask_pr_args(&left));
}

static void on_write_msr(void *data, unsigned int msr, u64 val, int failed)
{
	if (msr == MSR_EFER && !(val & EFER_SVME))
		leave();
}

/* VMX has no MSR to write, but a function to call. */
static int on_vmxoff(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	return !is_enabled();
}

static int on_vmxoff_end(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (!is_enabled())
		leave();
	return 0;
}

static struct kretprobe vmxoff_probe = {
	.entry_handler = on_vmxoff,
	.handler = on_vmxoff_end,
	.kp.symbol_name = VMX_EMERGENCY_DISABLE,
};

static int watch_crash(void)
{
	return has_svm() ? register_trace_write_msr(on_write_msr, NULL) :
			   register_kretprobe(&vmxoff_probe);
}

static int crash(bool by_panic)
{
	typeof(crash_kexec) *jump = (void *)lookup("crash_kexec");
	int r;

	if (!jump)
		return -ENOENT;
	r = watch_crash();
	if (r)
		return r;
	crash_cpu = get_cpu();
	/* As SysRq-c does, once it has left its RCU section. */
	if (by_panic)
		panic(POWER_PANIC);
	jump(NULL);
	/* There was no crash kernel. */
	put_cpu();
	if (has_svm())
		unregister_trace_write_msr(on_write_msr, NULL);
	else
		unregister_kretprobe(&vmxoff_probe);
	return -ENOEXEC;
}

static long power_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	unsigned int *count;

	switch (cmd) {
	case POWER_VMS:
		count = (void *)lookup("kvm_usage_count");
		return count ? *count : -ENOENT;
	case POWER_ENABLED:
		look_everywhere();
		return put_user(*cpumask_bits(&enabled), (unsigned long __user *)arg);
	case POWER_INIT_FAILS:
		return init_fails(arg);
	case POWER_INIT_LEFT:
		return init_missing();
	case POWER_HOLD_CREATE:
		WRITE_ONCE(hold_where, arg);
		return 0;
	case POWER_HELD:
		return READ_ONCE(held_where) != POWER_NOWHERE;
	case POWER_CREATED:
		create_result = arg;
		complete(&created);
		return 0;
	case POWER_FAIL_RESUME:
		return fail_resume(arg);
	case POWER_WAKE:
		mod_timer(&wake_timer, jiffies + msecs_to_jiffies(arg));
		return 0;
	case POWER_CRASH:
		return crash(arg);
	}
	return -ENOTTY;
}

static const struct file_operations power_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = power_ioctl,
};

static struct miscdevice power_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "power",
	.fops = &power_fops,
};

static int __init power_init(void)
{
	int r;

	r = init_lookup();
	if (r)
		return r;
	if (!has_svm())
		enable_probe.symbol_name = VMX_ENABLE_CPU;
	r = watch_init();
	if (r)
		return r;
	r = register_kretprobe(&create_probe);
	if (r)
		goto err_init;
	r = watch_shutdown();
	if (r)
		goto err_create;
	r = misc_register(&power_dev);
	if (r)
		goto err_shutdown;
	register_reboot_notifier(&reboot_block);
	return 0;

err_shutdown:
	unwatch_shutdown(ARRAY_SIZE(shutdown_probes));
err_create:
	unregister_kretprobe(&create_probe);
err_init:
	unwatch_init();
	return r;
}
module_init(power_init);

static void __exit power_exit(void)
{
	unregister_reboot_notifier(&reboot_block);
	misc_deregister(&power_dev);
	timer_delete_sync(&wake_timer);
	if (watching_enable)
		unregister_kprobe(&enable_probe);
	unwatch_shutdown(ARRAY_SIZE(shutdown_probes));
	unregister_kretprobe(&create_probe);
	unwatch_init();
}
module_exit(power_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test module of the KVM lab");
