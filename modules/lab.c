// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: makes races happen and looks at what cannot be seen
 * from user space.  Not part of the series.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/kprobes.h>
#include <linux/kvm_host.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/rculist.h>
#include <linux/uaccess.h>
#include <linux/user-return-notifier.h>
#include <linux/workqueue.h>

#include <asm/msr.h>
#include <asm/msr-trace.h>
#include <asm/tsc.h>

#include "compat.h"
#include "lab.h"
#include "lookup.h"

#define CLOCKSOURCE_WATCHDOG	"clocksource_watchdog_work"

static struct hlist_head __percpu *return_notifiers;
static struct blocking_notifier_head *reboot_notifiers;

static bool held, let_go, give_up;
static u32 stop_msr, count_msr;
static atomic_t count;

static int hold_unless(bool (*end_early)(void), bool may_sleep)
{
	ktime_t end = ktime_add_ms(ktime_get(), LAB_PATIENCE * 1000);
	int r = 0;

	WRITE_ONCE(held, true);
	while (!READ_ONCE(let_go)) {
		if (ktime_after(ktime_get(), end)) {
			r = -ETIME;
			break;
		}
		if (end_early && end_early()) {
			r = -EAGAIN;
			break;
		}
		if (may_sleep)
			usleep_range(1000, 2000);
		else
			cpu_relax();
	}
	WRITE_ONCE(held, false);
	return r;
}

/* Without sleeping: IRQs come in, the task stays. */
static int hold(bool may_sleep)
{
	return hold_unless(NULL, may_sleep);
}

static bool is_wanted(void)
{
	return need_resched();
}

/*
 * A guest runs on this CPU, and goes on after an IRQ, but not before others had the CPU who
 * want it.
 */
static int hold_msr(struct lab_msr *arg)
{
	u64 host;
	int r;

	WRITE_ONCE(let_go, false);
	do {
		preempt_disable();
		rdmsrq(arg->msr, host);
		wrmsrq(arg->msr, arg->value);
		r = hold_unless(is_wanted, false);
		wrmsrq(arg->msr, host);
		preempt_enable();
		cond_resched();
	} while (r == -EAGAIN);
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
		hold(false);
}

/*
 * Only on demand: a CPU that resumes accesses MSRs before it has per-CPU data, and
 * does not survive it if that is traced.
 */
static bool traced;

static int trace_msrs(void)
{
	int r;

	if (traced)
		return 0;
	r = register_trace_read_msr(on_read_msr, NULL);
	if (r)
		return r;
	r = register_trace_write_msr(on_write_msr, NULL);
	if (r)
		unregister_trace_read_msr(on_read_msr, NULL);
	else
		traced = true;
	return r;
}

static unsigned int nr_notifiers(unsigned int cpu)
{
	struct hlist_node *node;
	unsigned int nr = 0;

	hlist_for_each(node, per_cpu_ptr(return_notifiers, cpu))
		nr++;
	return nr;
}

/* A kernel thread does not return to user space, so that nothing is restored before. */
static long get_uret(void *p)
{
	u64 (*get)(unsigned int slot) = (void *)lookup("kvm_get_user_return_msr");
	int (*find)(u32 msr) = (void *)lookup("kvm_find_user_return_msr");
	struct lab_uret *uret = p;
	int slot;

	if (!get || !find)
		return -ENOENT;
	slot = find(uret->msr);
	if (slot < 0)
		return -ENOENT;
	preempt_disable();
	uret->value = get(slot);
	preempt_enable();
	return 0;
}

static long get_uret_ioctl(struct lab_uret __user *arg)
{
	struct lab_uret uret;
	long r;

	if (copy_from_user(&uret, arg, sizeof(uret)))
		return -EFAULT;
	if (uret.cpu >= nr_cpu_ids || !cpu_online(uret.cpu))
		return -EINVAL;
	r = work_on_cpu(uret.cpu, get_uret, &uret);
	if (!r && copy_to_user(arg, &uret, sizeof(uret)))
		r = -EFAULT;
	return r;
}

static unsigned int stop_cpu = UINT_MAX;

/*
 * xa_find() is what kvm_for_each_vcpu() gets the first vCPU from.  Whoever can be preempted
 * there sleeps, or no grace period would end, and who destroys a VM waits for some.
 */
static noinline void *find_and_stay(struct xarray *xa, unsigned long *index,
				    unsigned long max, xa_mark_t filter)
{
	void *found = xa_find(xa, index, max, filter);

	if (found)
		hold(preemptible() && !rcu_preempt_depth());
	else
		WRITE_ONCE(stop_cpu, raw_smp_processor_id());
	return found;
}

static int on_xa_find(struct kprobe *kp, struct pt_regs *regs)
{
	unsigned int cpu = raw_smp_processor_id();

	if (cpu_active(cpu) || cmpxchg(&stop_cpu, cpu, UINT_MAX) != cpu)
		return 0;
	instruction_pointer_set(regs, (unsigned long)find_and_stay);
	return 1;
}

/* A probe with this one is not optimized to a jump, which ignores where to go on. */
static void on_end(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe xa_find_probe = {
	.pre_handler = on_xa_find,
	.post_handler = on_end,
	.symbol_name = "xa_find",
};

/*
 * In place of the function that takes a notifier from its list.  Sleeping is for those
 * whom anybody may preempt there.
 */
static unsigned int return_cpu = UINT_MAX;

static noinline void unregister_and_stay(struct user_return_notifier *urn)
{
	user_return_notifier_unregister(urn);
	if (preemptible())
		hold(true);
}

static int on_unregister(struct kprobe *kp, struct pt_regs *regs)
{
	unsigned int cpu = raw_smp_processor_id();

	if (cmpxchg(&return_cpu, cpu, UINT_MAX) != cpu)
		return 0;
	instruction_pointer_set(regs, (unsigned long)unregister_and_stay);
	return 1;
}

static struct kprobe unregister_probe = {
	.pre_handler = on_unregister,
	.post_handler = on_end,
	.symbol_name = "user_return_notifier_unregister",
};

/* kvm.ko exports none of this.  Where there is no SRCU, readers take kvm_lock. */
static int with_reader(unsigned int fd, int (*fn)(struct kvm *kvm))
{
	typeof(int (void)) *enter = (void *)lookup("kvm_vm_list_read_lock");
	typeof(void (int)) *leave = (void *)lookup("kvm_vm_list_read_unlock");
	/* Where the two are inline. */
	struct srcu_struct *srcu = (void *)lookup("vm_list_srcu");
	struct mutex *lock = (void *)lookup("kvm_lock");
	struct list_head *list = (void *)lookup("vm_list");
	struct kvm *kvm, *found = NULL;
	struct fd f = fdget(fd);
	int r = -EBADF, idx = 0;

	if (!fd_file(f))
		return r;
	kvm = fd_file(f)->private_data;
	fdput(f);
	if (!lock || !list)
		return -ENOENT;
	if (!srcu)
		mutex_lock(lock);
	else
		idx = enter ? enter() : srcu_read_lock(srcu);
	list_for_each_entry_rcu(found, list, vm_list, true) {
		if (found == kvm) {
			r = fn(kvm);
			break;
		}
	}
	if (!srcu)
		mutex_unlock(lock);
	else if (leave)
		leave(idx);
	else
		srcu_read_unlock(srcu, idx);
	return r;
}

static int stay_reader(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	int r;

	WRITE_ONCE(give_up, false);
	WRITE_ONCE(let_go, false);
	r = hold(true);
	if (READ_ONCE(give_up))
		return -ESTALE;
	vcpu = kvm_get_vcpu(kvm, 0);
	if (!vcpu || READ_ONCE(vcpu->kvm) != kvm)
		r = -ESTALE;
	mutex_lock(&kvm->slots_lock);
	mutex_unlock(&kvm->slots_lock);
	return r;
}

static int put_in_reader(struct kvm *kvm)
{
	typeof(kvm_get_kvm_safe) *get = (void *)lookup("kvm_get_kvm_safe");
	typeof(kvm_put_kvm) *put = (void *)lookup("kvm_put_kvm");

	if (!get || !put || !get(kvm))
		return -ENOENT;
	put(kvm);
	return 0;
}

static bool stop_watchdog;

static noinline void watchdog_and_stay(struct work_struct *work)
{
	typeof(watchdog_and_stay) *go_on = (void *)lookup(CLOCKSOURCE_WATCHDOG);

	hold(true);
	go_on(work);
}

/* A work, by which timekeeping turns to another clock when the TSC is unstable. */
static int on_watchdog(struct kprobe *kp, struct pt_regs *regs)
{
	if (!xchg(&stop_watchdog, false))
		return 0;
	instruction_pointer_set(regs, (unsigned long)watchdog_and_stay);
	return 1;
}

static struct kprobe watchdog_probe = {
	.pre_handler = on_watchdog,
	.post_handler = on_end,
	.symbol_name = CLOCKSOURCE_WATCHDOG,
};

static pid_t stop_key;

static noinline bool inc_key_and_stay(struct static_key *key)
{
	hold(true);
	return static_key_slow_inc(key);
}

static int on_inc_key(struct kprobe *kp, struct pt_regs *regs)
{
	pid_t tgid = current->tgid;

	if (cmpxchg(&stop_key, tgid, 0) != tgid)
		return 0;
	instruction_pointer_set(regs, (unsigned long)inc_key_and_stay);
	return 1;
}

/* Without jump labels it is inline, and takes no lock. */
static struct kprobe inc_key_probe = {
	.pre_handler = on_inc_key,
	.post_handler = on_end,
	.symbol_name = "static_key_slow_inc",
};

/* vCPUs of init's own VMs, which it does not close meanwhile. */
static long tsc_ioctl(unsigned int cmd, struct lab_tsc __user *arg)
{
	struct kvm_vcpu *vcpu;
	struct lab_tsc tsc;
	struct fd f;

	if (copy_from_user(&tsc, arg, sizeof(tsc)))
		return -EFAULT;
	f = fdget(tsc.vm);
	if (!fd_file(f))
		return -EBADF;
	vcpu = kvm_get_vcpu(fd_file(f)->private_data, 0);
	if (cmd == LAB_TSC_AHEAD) {
		vcpu->arch.last_host_tsc = rdtsc() + tsc.cycles;
		kvm_clear_request(KVM_REQ_CLOCK_UPDATE, vcpu);
	} else if (cmd == LAB_TSC_SKEWED) {
		vcpu->arch.last_host_tsc += tsc.cycles;
		vcpu->kvm->arch.master_cycle_now += tsc.cycles;
		WRITE_ONCE(let_go, false);
		WRITE_ONCE(stop_watchdog, true);
	}
	tsc.cycles = vcpu->arch.tsc_offset_adjustment;
	tsc.update = kvm_test_request(KVM_REQ_CLOCK_UPDATE, vcpu);
	fdput(f);
	return copy_to_user(arg, &tsc, sizeof(tsc)) ? -EFAULT : 0;
}

/*
 * What KVM does when the machine restarts, without the others whom a restart would call
 * next.
 */
static int run_shutdown(void)
{
	void (*shutdown)(void *data) = find_role(KVM_SHUTDOWN);

	if (shutdown)
		shutdown(NULL);
	else if (!*KVM_SHUTDOWN)
		blocking_notifier_call_chain(reboot_notifiers, SYS_RESTART, NULL);
	else
		return -ENOENT;
	return 0;
}

static bool make_unstable;

/* Not before it is through: the other CPU waits for its answer. */
static int on_tsc_sync(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (xchg(&make_unstable, false))
		mark_tsc_unstable("lab.ko says so");
	return 0;
}

static struct kretprobe tsc_sync_probe = {
	.handler = on_tsc_sync,
	.kp.symbol_name = "check_tsc_sync_target",
};

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
		return trace_msrs();
	case LAB_HELD:
		return READ_ONCE(held);
	case LAB_GIVE_UP:
		WRITE_ONCE(give_up, true);
		fallthrough;
	case LAB_LET_GO:
		WRITE_ONCE(let_go, true);
		return 0;
	case LAB_COUNT_RDMSR:
		atomic_set(&count, 0);
		WRITE_ONCE(count_msr, nr);
		return trace_msrs();
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
		return run_shutdown();
	case LAB_STOP_WALK:
		WRITE_ONCE(let_go, false);
		WRITE_ONCE(stop_cpu, nr);
		return 0;
	case LAB_STOP_KEY:
		if (!IS_ENABLED(CONFIG_JUMP_LABEL))
			return -EOPNOTSUPP;
		WRITE_ONCE(let_go, false);
		WRITE_ONCE(stop_key, current->tgid);
		return 0;
	case LAB_STOP_RETURN:
		WRITE_ONCE(let_go, false);
		WRITE_ONCE(return_cpu, nr);
		return 0;
	case LAB_GET_URET:
		return get_uret_ioctl((void __user *)arg);
	case LAB_TSC_AHEAD:
	case LAB_TSC_MOVED:
	case LAB_TSC_SKEWED:
		return tsc_ioctl(cmd, (void __user *)arg);
	case LAB_TSC_UNSTABLE:
		WRITE_ONCE(make_unstable, true);
		return 0;
	case LAB_HOLD_READER:
		return with_reader(nr, stay_reader);
	case LAB_PUT_IN_READER:
		return with_reader(nr, put_in_reader);
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
	int r;

	r = init_lookup();
	if (r)
		return r;

	return_notifiers = (void __percpu *)lookup("return_notifier_list");
	reboot_notifiers = (void *)lookup("reboot_notifier_list");
	if (!return_notifiers || !reboot_notifiers)
		return -ENOENT;

	r = register_kprobe(&xa_find_probe);
	if (r)
		return r;
	r = register_kretprobe(&tsc_sync_probe);
	if (r)
		goto err_xa_find;
	r = register_kprobe(&unregister_probe);
	if (r)
		goto err_tsc_sync;
	r = register_kprobe(&watchdog_probe);
	if (r)
		goto err_unregister;
	if (IS_ENABLED(CONFIG_JUMP_LABEL))
		r = register_kprobe(&inc_key_probe);
	if (r)
		goto err_watchdog;
	r = misc_register(&lab_dev);
	if (r)
		goto err_inc_key;
	return 0;

err_inc_key:
	if (IS_ENABLED(CONFIG_JUMP_LABEL))
		unregister_kprobe(&inc_key_probe);
err_watchdog:
	unregister_kprobe(&watchdog_probe);
err_unregister:
	unregister_kprobe(&unregister_probe);
err_tsc_sync:
	unregister_kretprobe(&tsc_sync_probe);
err_xa_find:
	unregister_kprobe(&xa_find_probe);
	return r;
}
module_init(lab_init);

static void __exit lab_exit(void)
{
	misc_deregister(&lab_dev);
	if (IS_ENABLED(CONFIG_JUMP_LABEL))
		unregister_kprobe(&inc_key_probe);
	unregister_kprobe(&watchdog_probe);
	unregister_kprobe(&unregister_probe);
	unregister_kretprobe(&tsc_sync_probe);
	unregister_kprobe(&xa_find_probe);
	if (!traced)
		return;
	unregister_trace_write_msr(on_write_msr, NULL);
	unregister_trace_read_msr(on_read_msr, NULL);
	tracepoint_synchronize_unregister();
}
module_exit(lab_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test module of the KVM lab");
