// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: what happens to KVM on the way down, while the machine
 * sleeps, and when memory runs out.  Not part of the series.
 */
#include <linux/completion.h>
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
 * A cache that cannot be shown in sysfs leaks its kobject's name, in mm/slub.c of the
 * base.  That is not what is tested, and would hide what is.
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

static bool hold_create, held, let_go;
static DECLARE_COMPLETION(created);
static int create_result;

/* Preemption is disabled here, IRQs are not: the CPU answers whoever asks it. */
static int on_init_vm(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	unsigned long end = jiffies + PATIENCE;

	if (!xchg(&hold_create, false))
		return 0;
	WRITE_ONCE(held, true);
	while (!READ_ONCE(let_go) && time_before(READ_ONCE(jiffies), end))
		cpu_relax();
	WRITE_ONCE(held, false);
	return 0;
}

/* Both base and series call this before they enable virtualization. */
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

static int on_reboot(struct notifier_block *nb, unsigned long val, void *unused)
{
	if (!READ_ONCE(held))
		return NOTIFY_DONE;
	WRITE_ONCE(let_go, true);
	if (!wait_for_completion_timeout(&created, PATIENCE))
		create_result = -ETIME;
	look_everywhere();
	pr_emerg("power: KVM_CREATE_VM during reboot: %d, enabled on CPUs (%*pbl)\n",
		 create_result, cpumask_pr_args(&enabled));
	return NOTIFY_DONE;
}

/* After KVM's. */
static struct notifier_block reboot_block = {
	.notifier_call = on_reboot,
	.priority = INT_MIN,
};

static bool fail_resume, watching_enable;

static int on_enable(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (system_state != SYSTEM_SUSPEND || !xchg(&fail_resume, false))
		return 0;
	disable();
	regs_set_return_value(regs, -EIO);
	return 0;
}

static struct kretprobe enable_probe = {
	.handler = on_enable,
	.kp.symbol_name = "svm_hardware_enable",
};

static int resume_fails(void)
{
	int r;

	if (!watching_enable) {
		r = register_kretprobe(&enable_probe);
		if (r)
			return r;
		watching_enable = true;
	}
	WRITE_ONCE(fail_resume, true);
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
	.kp.symbol_name = "vmx_emergency_disable",
};

static int watch_crash(void)
{
	return has_svm() ? register_trace_write_msr(on_write_msr, NULL) :
			   register_kretprobe(&vmxoff_probe);
}

static int crash(void)
{
	typeof(crash_kexec) *jump = (void *)lookup("crash_kexec");
	int r;

	if (!jump)
		return -ENOENT;
	r = watch_crash();
	if (r)
		return r;
	crash_cpu = get_cpu();
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
		WRITE_ONCE(hold_create, true);
		return 0;
	case POWER_HELD:
		return READ_ONCE(held);
	case POWER_CREATED:
		create_result = arg;
		complete(&created);
		return 0;
	case POWER_FAIL_RESUME:
		return resume_fails();
	case POWER_WAKE:
		mod_timer(&wake_timer, jiffies + msecs_to_jiffies(arg));
		return 0;
	case POWER_CRASH:
		return crash();
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
		enable_probe.kp.symbol_name = "vmx_hardware_enable";
	r = watch_init();
	if (r)
		return r;
	r = register_kretprobe(&create_probe);
	if (r)
		goto err_init;
	r = misc_register(&power_dev);
	if (r)
		goto err_create;
	register_reboot_notifier(&reboot_block);
	return 0;

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
	del_timer_sync(&wake_timer);
	if (watching_enable)
		unregister_kretprobe(&enable_probe);
	unregister_kretprobe(&create_probe);
	unwatch_init();
}
module_exit(power_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test module of the KVM lab");
