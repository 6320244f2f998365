// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: another hypervisor.  It has SVM enabled on some CPUs, or is in
 * VMX operation there, while it is loaded, and does not share them.  Not part of the
 * series.
 *
 * insmod otherhv.ko [cpus=LIST]; all that are online otherwise.  -EBUSY if somebody has
 * virtualization enabled on one of them.
 */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include <asm/asm.h>

#include "compat.h"
#include "enabled.h"
#include "lookup.h"

static char *cpus;
module_param(cpus, charp, 0444);
MODULE_PARM_DESC(cpus, "List of CPUs");

static struct cpumask mine;

/* A page per CPU: where to save to, or the VMXON region. */
static DEFINE_PER_CPU(void *, area);

/* Exported to KVM only. */
static void (*update_cr4)(unsigned long set, unsigned long clear);

static void change_cr4(unsigned long set, unsigned long clear)
{
	unsigned long flags;

	local_irq_save(flags);
	update_cr4(set, clear);
	local_irq_restore(flags);
}

static int svm_start(void)
{
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer | EFER_SVME);
	return 0;
}

static void svm_stop(void)
{
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer & ~EFER_SVME);
}

/* VMSAVE is an invalid opcode unless SVME is set. */
static bool svm_works(void)
{
	asm goto("1:	vmsave %%rax\n"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : "a" (__pa(this_cpu_read(area))) : "memory" : fault);
	return true;
fault:
	return false;
}

static int vmx_start(void)
{
	u32 *region = this_cpu_read(area);
	u64 address = __pa(region), basic;

	rdmsrq(MSR_IA32_VMX_BASIC, basic);
	*region = basic;	/* the revision, in the lower half */
	change_cr4(X86_CR4_VMXE, 0);
	asm goto("1:	vmxon %[address]\n"
		 "	jbe %l[fault]\n"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : [address] "m" (address) : "cc", "memory" : fault);
	return 0;
fault:
	change_cr4(0, X86_CR4_VMXE);
	return -EIO;
}

/* Also where somebody has left VMX operation before. */
static void vmx_stop(void)
{
	asm goto("1:	vmxoff\n"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : : "cc", "memory" : fault);
fault:
	change_cr4(0, X86_CR4_VMXE);
}

/* VMPTRST is an invalid opcode outside of VMX operation, whatever VMXE is. */
static bool vmx_works(void)
{
	u64 vmcs = 0;

	asm goto("1:	vmptrst %[vmcs]\n"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : [vmcs] "m" (vmcs) : "cc", "memory" : fault);
	return true;
fault:
	return false;
}

static void start(void *error)
{
	int cpu = smp_processor_id(), r = -EBUSY;

	if (!is_enabled())
		r = has_svm() ? svm_start() : vmx_start();
	if (r) {
		pr_info("otherhv: cannot have CPU %d: %d\n", cpu, r);
		*(int *)error = r;
	} else {
		cpumask_set_cpu(cpu, &mine);
	}
}

static void stop(void *unused)
{
	if (has_svm())
		svm_stop();
	else
		vmx_stop();
}

static void use(void *nr)
{
	*(int *)nr += has_svm() ? svm_works() : vmx_works();
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

static void free_areas(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		free_page((unsigned long)per_cpu(area, cpu));
}

static void stop_all(void)
{
	unsigned int cpu;

	for_each_cpu(cpu, &mine)
		smp_call_function_single(cpu, stop, NULL, 1);
	free_areas();
}

static int __init otherhv_init(void)
{
	struct cpumask wanted;
	unsigned int cpu;
	int r;

	/* The firmware may have VMX locked off. */
	if (!has_svm() && !(boot_cpu_has(X86_FEATURE_VMX) &&
			    boot_cpu_has(X86_FEATURE_MSR_IA32_FEAT_CTL)))
		return -ENODEV;
	r = init_lookup();
	if (r)
		return r;
	update_cr4 = (void *)lookup("cr4_update_irqsoff");
	if (!update_cr4)
		return -ENOENT;
	if (cpus)
		r = cpulist_parse(cpus, &wanted);
	else
		cpumask_copy(&wanted, cpu_possible_mask);
	if (r)
		return r;
	for_each_possible_cpu(cpu) {
		per_cpu(area, cpu) = (void *)get_zeroed_page(GFP_KERNEL);
		if (!per_cpu(area, cpu)) {
			free_areas();
			return -ENOMEM;
		}
	}

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
