/* SPDX-License-Identifier: GPL-2.0-only */
/* What hw.ko does for init, through ioctls on /dev/hw. */
#ifndef HW_H
#define HW_H

#include <linux/errno.h>
#include <linux/ioctl.h>
#include <linux/types.h>

/* CPUs are bits. */
struct hw_state {
	__u64 online;
	__u64 enabled;		/* virtualization is on; EFER.SVME or CR4.VMXE */
	__u64 dying;		/* it was on when the CPU went offline, at the very end */
	__u32 usage_count;
	__u32 vms;		/* on vm_list */
	__u32 notifiers;	/* MMU notifiers of the caller */
	__u32 slow;		/* somebody waits in HW_SLOW */
};

/* All of it at one time: no CPU comes or goes meanwhile. */
#define HW_STATE	_IOR('H', 1, struct hw_state)

/* Enabling fails on this CPU, before anything is done, with HW_ERROR. */
#define HW_FAIL		_IOW('H', 2, __u32)
#define HW_ERROR	ENXIO
/* KVM's check of this CPU fails, with EIO. */
#define HW_INCOMPATIBLE	_IOW('H', 3, __u32)
#define HW_NO_CPU	(~0u)

/* Where a CPU can be held, until HW_LET_GO, or for HW_PATIENCE seconds; it spins. */
enum hw_point {
	HW_ONLINE,	/* comes online, is not in cpu_online_mask yet; IRQs disabled */
	HW_ENABLED,	/* has enabled virtualization and told nobody; IRQs disabled */
	HW_OFFLINE,	/* goes offline, its ONLINE section is over; not the CPU itself */
	HW_DROP,	/* has a task that destroys a VM; about to lower the count; sleeps */
	HW_COMES,	/* is online and saw a VM, about to enable; sleeps; not on every kernel */
	HW_CLEAR,	/* goes offline, about to clear a VMCS; IRQs may be enabled; VMX */
	HW_POINTS
};

struct hw_hold {
	__u32 point;
	__u32 cpu;
};

#define HW_HOLD		_IOW('H', 4, struct hw_hold)
#define HW_HELD		_IOW('H', 5, __u32)
#define HW_LET_GO	_IOW('H', 6, __u32)
#define HW_PATIENCE	20

/*
 * Wait until KVM is about to enable virtualization on all CPUs, or to disable it; then
 * take no IRQs on this CPU for so many ms.
 */
#define HW_SLOW		_IOW('H', 7, __u32)

/* VMX: was a CPU that goes offline seen where it is held for HW_CLEAR, since HW_HOLD? */
#define HW_CLEARED	_IO('H', 8)

#endif
