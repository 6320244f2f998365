// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: another hypervisor.  It has SVM enabled on some CPUs while it
 * is loaded, and does not share them.  Not part of the series.
 *
 * insmod otherhv.ko [cpus=LIST]; all that are online otherwise.  -EBUSY if somebody has
 * SVM enabled on one of them.
 */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/smp.h>

#include <asm/msr.h>

static char *cpus;
module_param(cpus, charp, 0444);
MODULE_PARM_DESC(cpus, "List of CPUs");

static struct cpumask mine;
static void *area;

static void start(void *error)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME) {
		*(int *)error = -EBUSY;
		return;
	}
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	cpumask_set_cpu(smp_processor_id(), &mine);
}

static void stop(void *unused)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

/* VMSAVE is an invalid opcode unless SVME is set. */
static void use(void *nr)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	asm volatile("vmsave %%rax" : : "a" (__pa(area)) : "memory");
	++*(int *)nr;
}

static int get_works(char *buffer, const struct kernel_param *kp)
{
	unsigned int cpu;
	int nr = 0;

	for_each_cpu(cpu, &mine)
		smp_call_function_single(cpu, use, &nr, 1);
	return sysfs_emit(buffer, "%d\n", nr);
}

static const struct kernel_param_ops works_ops = {
	.get = get_works,
};
module_param_cb(works, &works_ops, NULL, 0444);
MODULE_PARM_DESC(works, "On how many CPUs");

static void stop_all(void)
{
	unsigned int cpu;

	for_each_cpu(cpu, &mine)
		smp_call_function_single(cpu, stop, NULL, 1);
	free_page((unsigned long)area);
}

static int __init otherhv_init(void)
{
	struct cpumask wanted;
	unsigned int cpu;
	int r = 0;

	if (!boot_cpu_has(X86_FEATURE_SVM))
		return -ENODEV;
	if (cpus)
		r = cpulist_parse(cpus, &wanted);
	else
		cpumask_copy(&wanted, cpu_possible_mask);
	if (r)
		return r;
	area = (void *)get_zeroed_page(GFP_KERNEL);
	if (!area)
		return -ENOMEM;

	cpus_read_lock();
	for_each_cpu_and(cpu, &wanted, cpu_online_mask) {
		smp_call_function_single(cpu, start, &r, 1);
		if (r)
			break;
	}
	if (r)
		stop_all();
	cpus_read_unlock();
	return r;
}
module_init(otherhv_init);

static void __exit otherhv_exit(void)
{
	stop_all();
}
module_exit(otherhv_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Another hypervisor, KVM lab");
