/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What modules/ calls by its role in the kernel, and what this base calls otherwise than
 * the newest one.  A role that nothing plays here is "".
 */
#ifndef COMPAT_H
#define COMPAT_H

/* x86: turns virtualization on, on this CPU. */
#define SVM_ENABLE_CPU		"svm_enable_virtualization_cpu"
#define VMX_ENABLE_CPU		"vmx_enable_virtualization_cpu"

/* x86: can VMs run on this CPU? */
#define SVM_CHECK_CPU		"svm_check_processor_compat"
#define VMX_CHECK_CPU		"vmx_check_processor_compat"
/* VMX: what it compares this CPU with cannot be changed once the module is there. */
#define VMX_COMPARE_CPU		""
#define VMX_CONFIG		""

/* x86: what an NMI calls on a CPU in VMX operation before the crash kernel. */
#define VMX_EMERGENCY_DISABLE	"x86_vmx_emergency_disable_virtualization_cpu"

/* Enables virtualization on a CPU that comes online; may sleep. */
#define ENABLE_COMING_CPU	"kvm_online_cpu"

/* KVM hears of a restart by this function, from that one, while virtualization is on. */
#define KVM_SHUTDOWN		"kvm_shutdown"
#define SHUTDOWN_CALLS		"syscore_shutdown"
/*
 * Who creates the first VM is held when it has called this, i.e. all CPUs are enabled; who
 * destroys the last one when it is about to, i.e. before any is disabled.  Both may sleep
 * there, and have to be KVM's, by their first argument.
 */
#define AFTER_ENABLING		"__cpuhp_setup_state"
#define BEFORE_DISABLING	"__cpuhp_remove_state"
#define is_for_kvm(first)	((first) == CPUHP_AP_KVM_ONLINE)
/* The same for a kernel that has this function: it enables all CPUs by an IPI. */
#define ENABLES_AT_ONCE		"kvm_virt_add_user"
#define AFTER_ENABLING_AT_ONCE	ENABLES_AT_ONCE
#define BEFORE_DISABLING_AT_ONCE "kvm_virt_drop_user"

/* MIPS: turn VZ on and off, on this CPU. */
#define VZ_ENABLE_CPU		"kvm_vz_enable_virtualization_cpu"
#define VZ_DISABLE_CPU		"kvm_vz_disable_virtualization_cpu"

/* arm64: called by every enabling of EL2, from the kernel's start on. */
#define ARM64_ENABLE_EL2	"kvm_init_host_debug_data"

/* RISC-V: sets up the H extension of this CPU; the first one that there is. */
#define RISCV_ENABLE_CPU	"kvm_arch_enable_virtualization_cpu"
/* RISC-V: takes memory from a guest, with the mmu_lock. */
#define RISCV_UNMAP		"kvm_riscv_gstage_unmap_range"

/* s390: there is nothing to enable, and nothing is called. */
#define S390_ENABLE_CPU		""
#define S390_DISABLE_CPU	""

/* s390: a fault of SIE is noted for KVM, and not reported; was it the operation? */
#define is_guest_fault(regs)	((void)(regs), false)
#define forget_guest_fault()	\
	(cmpxchg(&current->thread.gmap_int_code, PGM_OPERATION, 0) == PGM_OPERATION)

#endif
