/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What modules/ calls by its role in the kernel, and what this base calls otherwise than
 * the newest one.  A role that nothing plays here is "".
 */
#ifndef COMPAT_H
#define COMPAT_H

/* x86: turns virtualization on, on this CPU. */
#define SVM_ENABLE_CPU		"svm_hardware_enable"
#define VMX_ENABLE_CPU		"vmx_hardware_enable"

/* x86: can VMs run on this CPU?  SVM has no check of its own, see the common one. */
#define SVM_CHECK_CPU		"kvm_arch_check_processor_compat"
#define VMX_CHECK_CPU		"kvm_arch_check_processor_compat"
/* VMX: compares this CPU with what KVM was set up for, which is there to be changed. */
#define VMX_COMPARE_CPU		"vmx_check_processor_compat"
#define VMX_CONFIG		"vmcs_config"

/* x86: what an NMI calls on a CPU in VMX operation before the crash kernel. */
#define VMX_EMERGENCY_DISABLE	"vmx_emergency_disable"

/* Enables virtualization on a CPU that comes online; may sleep.  Only in the series. */
#define ENABLE_COMING_CPU	"kvm_hw_enable_cpu"

/* KVM hears of a restart from the reboot notifiers, at all times. */
#define KVM_SHUTDOWN		""
#define SHUTDOWN_CALLS		""
/*
 * Who creates the first VM is held when it has called this, i.e. all CPUs are enabled; who
 * destroys the last one when it is about to, i.e. before any is disabled.  Both may sleep
 * there; nobody but KVM calls them.
 */
#define AFTER_ENABLING		"preempt_notifier_inc"
#define BEFORE_DISABLING	"preempt_notifier_dec"
#define is_for_kvm(first)	true
/* Both are called whether or not CPUs are enabled one after the other, see 7.3. */
#define ENABLES_AT_ONCE		""
#define AFTER_ENABLING_AT_ONCE	""
#define BEFORE_DISABLING_AT_ONCE ""

/* MIPS: turn VZ on and off, on this CPU. */
#define VZ_ENABLE_CPU		"kvm_vz_hardware_enable"
#define VZ_DISABLE_CPU		"kvm_vz_hardware_disable"

/* arm64: called by every enabling of EL2, from the kernel's start on. */
#define ARM64_ENABLE_EL2	"kvm_arm_init_debug"

/* RISC-V: sets up the H extension of this CPU; the first one that there is. */
#define RISCV_ENABLE_CPU	"kvm_riscv_hw_enable", "kvm_arch_hardware_enable"
/* RISC-V: takes memory from a guest, with the mmu_lock; looked for where there is AIA. */
#define RISCV_UNMAP		""

/* s390: called for each CPU, although there is nothing to enable. */
#define S390_ENABLE_CPU		"kvm_arch_hardware_enable"
#define S390_DISABLE_CPU	"kvm_arch_hardware_disable"

/* s390: SIE faulted here, or could have; the kernel has left it, and reports a fault. */
#define is_guest_fault(regs)	test_pt_regs_flag(regs, PIF_GUEST_FAULT)
#define forget_guest_fault()	true

#define rdmsrq			rdmsrl
#define wrmsrq			wrmsrl
#define fd_file(fd)		((fd).file)

#endif
