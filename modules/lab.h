/* SPDX-License-Identifier: GPL-2.0-only */
/* What lab.ko does for init, through ioctls on /dev/lab. */
#ifndef LAB_H
#define LAB_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct lab_msr {
	__u32 msr;
	__u32 pad;
	__u64 value;
};

/*
 * Play another hypervisor: put a value into an MSR of this CPU and stay in the
 * kernel, preemption disabled and IRQs enabled, until LAB_LET_GO; then put the
 * old value back.  The same, and again, whenever somebody else wants the CPU.
 * -ETIME if nobody lets go within LAB_PATIENCE.
 */
#define LAB_HOLD_MSR	_IOW('L', 1, struct lab_msr)

/*
 * Stop the next task that writes this MSR right after the WRMSR, in the same
 * way, until LAB_LET_GO.
 */
#define LAB_STOP_WRMSR	_IOW('L', 2, __u32)

/* Returns 1 while a task is held or stopped. */
#define LAB_HELD	_IO('L', 3)
#define LAB_LET_GO	_IO('L', 4)

/* Count RDMSRs of this MSR, on all CPUs; the second returns their number. */
#define LAB_COUNT_RDMSR	_IOW('L', 5, __u32)
#define LAB_COUNTED	_IO('L', 6)

/* Returns how many user-return notifiers are on this CPU's list. */
#define LAB_NOTIFIERS	_IOW('L', 7, __u32)

/* Forget them: for a kernel which left notifiers there that are freed. */
#define LAB_FORGET	_IOW('L', 8, __u32)

/* Run what KVM does when the machine restarts, and come back. */
#define LAB_REBOOT	_IO('L', 9)

/*
 * Stop this CPU when it comes online and finds a vCPU of a VM, until LAB_LET_GO:
 * right after kvm_for_each_vcpu() has the pointer, before it is used.
 */
#define LAB_STOP_WALK	_IOW('L', 10, __u32)

/*
 * Be a reader of vm_list: find the VM of this file descriptor, stay in the section
 * until LAB_LET_GO, then look at the VM's first vCPU and its locks.  On kernels
 * without vm_list_srcu, hold kvm_lock, as readers do there.  After LAB_GIVE_UP, leave
 * the VM alone: it is gone.
 */
#define LAB_HOLD_READER	_IOW('L', 11, __u32)

#define LAB_GIVE_UP	_IO('L', 13)

/* Get and put a reference to this VM, as a reader must not do. */
#define LAB_PUT_IN_READER	_IOW('L', 12, __u32)

struct lab_tsc {
	__u32 vm;		/* file descriptor; its first vCPU is meant */
	__u32 update;		/* out: its clock is to be updated */
	__u64 cycles;
};

/*
 * Make it look as if the vCPU had been unloaded when the host's TSC was ahead of what
 * it is now by this much, and forget a clock update that is to come.
 */
#define LAB_TSC_AHEAD	_IOWR('L', 14, struct lab_tsc)
/* By how much is the vCPU's TSC to be moved when it is loaded, and see above. */
#define LAB_TSC_MOVED	_IOWR('L', 15, struct lab_tsc)

/* The next CPU that compares its TSC with another's finds that it is unstable. */
#define LAB_TSC_UNSTABLE	_IO('L', 16)

/*
 * Stop the next task that takes a user-return notifier from the list of this CPU, on its
 * way out of the kernel or not, before it restores the host's values, until LAB_LET_GO.
 * Others may run there meanwhile if that task can be preempted; if not, it goes on.
 */
#define LAB_STOP_RETURN		_IOW('L', 17, __u32)

/*
 * Ask KVM what a CPU has in a user-return MSR, as SVM does for a guest that has the MSR
 * switched by the CPU.  -ENOENT on kernels where KVM cannot be asked, or has no such MSR.
 */
struct lab_uret {
	__u32 cpu;
	__u32 msr;
	__u64 value;		/* out */
};

#define LAB_GET_URET	_IOWR('L', 18, struct lab_uret)

/*
 * Make it look as if the CPU on which the VM's master clock was updated and the vCPU ran was
 * ahead of all others by this much.  KVM notices when the vCPU is loaded, and marks the TSC as
 * unstable; timekeeping does not hear of it before LAB_LET_GO.
 */
#define LAB_TSC_SKEWED	_IOWR('L', 19, struct lab_tsc)

/*
 * Stop the next task of this process that turns on a static key, e.g. in KVM_SET_MSRS with
 * kvm->srcu held for reading, before it takes cpus_read_lock(), until LAB_LET_GO.
 */
#define LAB_STOP_KEY	_IO('L', 20)

#define LAB_PATIENCE	20	/* seconds */

#endif
