// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: a vendor module that uses virtualization before there is
 * /dev/kvm.  Sets the callback of the next one that is loaded; stay loaded until that
 * one is unloaded.  Not part of the series.
 *
 * insmod usehw.ko [keep=1] [error=N] [squat=1]: do not release what is held; fail at
 * last; let kvm_init() fail after that, as it does not get its minor number.
 */
#include <linux/cpu.h>
#include <linux/kvm_host.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/smp.h>

#include "enabled.h"
#include "lookup.h"

static bool keep;
module_param(keep, bool, 0444);
MODULE_PARM_DESC(keep, "Keep virtualization enabled after the callback");

static int error;
module_param(error, int, 0444);
MODULE_PARM_DESC(error, "What the callback fails with");

static bool squat;
module_param(squat, bool, 0444);
MODULE_PARM_DESC(squat, "Take the minor number of /dev/kvm");

/* What the callback saw. */
static int missing = -1;
module_param(missing, int, 0444);
MODULE_PARM_DESC(missing, "CPUs that were not enabled, -1 before it was called");

static int chardev = -1;
module_param(chardev, int, 0444);
MODULE_PARM_DESC(chardev, "Was there /dev/kvm?");

static int set_release(const char *value, const struct kernel_param *kp)
{
	kvm_hw_release();
	return 0;
}

static const struct kernel_param_ops release_ops = {
	.set = set_release,
};
module_param_cb(release, &release_ops, NULL, 0200);
MODULE_PARM_DESC(release, "Let go of what was kept");

static void count_disabled(void *nr)
{
	*(int *)nr += !is_enabled();
}

static const struct file_operations squatter_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice squatter = {
	.minor = KVM_MINOR,
	.name = "squatter",
	.fops = &squatter_fops,
};

static int use_hw(void)
{
	struct path path;
	unsigned int cpu;
	int r, nr = 0;

	r = kvm_hw_hold();
	if (r)
		return r;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, count_disabled, &nr, 1);
	cpus_read_unlock();
	missing = nr;

	chardev = !kern_path("/dev/kvm", 0, &path);
	if (chardev)
		path_put(&path);

	if (!keep)
		kvm_hw_release();
	return -error;
}

/* The module is there, and has executed nothing yet. */
static int on_module(struct notifier_block *nb, unsigned long state, void *module)
{
	struct kvm_x86_init_ops *ops = NULL;

	if (state != MODULE_STATE_COMING)
		return NOTIFY_OK;
	if (!strcmp(((struct module *)module)->name, "kvm_amd"))
		ops = (void *)lookup("svm_init_ops");
	if (!strcmp(((struct module *)module)->name, "kvm_intel"))
		ops = (void *)lookup("vmx_init_ops");
	if (ops)
		ops->use_hw = use_hw;
	return NOTIFY_OK;
}

static struct notifier_block module_nb = {
	.notifier_call = on_module,
};

static int __init usehw_init(void)
{
	int r = init_lookup();

	if (!r && squat)
		r = misc_register(&squatter);
	return r ?: register_module_notifier(&module_nb);
}
module_init(usehw_init);

static void __exit usehw_exit(void)
{
	unregister_module_notifier(&module_nb);
	if (squat)
		misc_deregister(&squatter);
}
module_exit(usehw_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Use of virtualization by a vendor module, KVM lab");
