// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: makes races happen and looks at what cannot be seen
 * from user space.  Not part of the series.
 */
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/uaccess.h>
#include <linux/user-return-notifier.h>

#include <asm/msr.h>
#include <asm/msr-trace.h>

#include "lab.h"

static unsigned long (*lookup)(const char *name);
static struct hlist_head __percpu *return_notifiers;
static struct blocking_notifier_head *reboot_notifiers;

static bool held, let_go;
static u32 stop_msr, count_msr;
static atomic_t count;

/* Busy-wait like a CPU that runs a guest: IRQs come in, the task stays. */
static int hold(void)
{
	ktime_t end = ktime_add_ms(ktime_get(), LAB_PATIENCE * 1000);
	int r = 0;

	WRITE_ONCE(held, true);
	while (!READ_ONCE(let_go)) {
		if (ktime_after(ktime_get(), end)) {
			r = -ETIME;
			break;
		}
		cpu_relax();
	}
	WRITE_ONCE(held, false);
	return r;
}

static int hold_msr(struct lab_msr *arg)
{
	u64 host;
	int r;

	WRITE_ONCE(let_go, false);
	preempt_disable();
	rdmsrl(arg->msr, host);
	wrmsrl(arg->msr, arg->value);
	r = hold();
	wrmsrl(arg->msr, host);
	preempt_enable();
	return r;
}

static void on_read_msr(void *data, unsigned int msr, u64 val, int failed)
{
	if (msr == READ_ONCE(count_msr))
		atomic_inc(&count);
}

static void on_write_msr(void *data, unsigned int msr, u64 val, int failed)
{
	if (msr && in_task() && cmpxchg(&stop_msr, msr, 0) == msr)
		hold();
}

static unsigned int nr_notifiers(unsigned int cpu)
{
	struct hlist_node *node;
	unsigned int nr = 0;

	hlist_for_each(node, per_cpu_ptr(return_notifiers, cpu))
		nr++;
	return nr;
}

static long lab_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct lab_msr msr;
	u32 nr = 0;

	if (_IOC_SIZE(cmd) == sizeof(nr) && get_user(nr, (u32 __user *)arg))
		return -EFAULT;

	switch (cmd) {
	case LAB_HOLD_MSR:
		if (copy_from_user(&msr, (void __user *)arg, sizeof(msr)))
			return -EFAULT;
		return hold_msr(&msr);
	case LAB_STOP_WRMSR:
		WRITE_ONCE(let_go, false);
		WRITE_ONCE(stop_msr, nr);
		return 0;
	case LAB_HELD:
		return READ_ONCE(held);
	case LAB_LET_GO:
		WRITE_ONCE(let_go, true);
		return 0;
	case LAB_COUNT_RDMSR:
		atomic_set(&count, 0);
		WRITE_ONCE(count_msr, nr);
		return 0;
	case LAB_COUNTED:
		WRITE_ONCE(count_msr, 0);
		return atomic_read(&count);
	case LAB_NOTIFIERS:
	case LAB_FORGET:
		if (nr >= nr_cpu_ids || !cpu_possible(nr))
			return -EINVAL;
		if (cmd == LAB_FORGET)
			INIT_HLIST_HEAD(per_cpu_ptr(return_notifiers, nr));
		return nr_notifiers(nr);
	case LAB_REBOOT:
		blocking_notifier_call_chain(reboot_notifiers, SYS_RESTART, NULL);
		return 0;
	}
	return -ENOTTY;
}

static const struct file_operations lab_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = lab_ioctl,
};

static struct miscdevice lab_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "lab",
	.fops = &lab_fops,
};

static int __init lab_init(void)
{
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };
	int r;

	r = register_kprobe(&kp);
	if (r)
		return r;
	lookup = (void *)kp.addr;
	unregister_kprobe(&kp);

	return_notifiers = (void __percpu *)lookup("return_notifier_list");
	reboot_notifiers = (void *)lookup("reboot_notifier_list");
	if (!return_notifiers || !reboot_notifiers)
		return -ENOENT;

	r = register_trace_read_msr(on_read_msr, NULL);
	if (r)
		return r;
	r = register_trace_write_msr(on_write_msr, NULL);
	if (r)
		goto err_read;
	r = misc_register(&lab_dev);
	if (r)
		goto err_write;
	return 0;

err_write:
	unregister_trace_write_msr(on_write_msr, NULL);
err_read:
	unregister_trace_read_msr(on_read_msr, NULL);
	tracepoint_synchronize_unregister();
	return r;
}
module_init(lab_init);

static void __exit lab_exit(void)
{
	misc_deregister(&lab_dev);
	unregister_trace_write_msr(on_write_msr, NULL);
	unregister_trace_read_msr(on_read_msr, NULL);
	tracepoint_synchronize_unregister();
}
module_exit(lab_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test module of the KVM lab");
