/* SPDX-License-Identifier: GPL-2.0-only */
/* What power.ko does for init, through ioctls on /dev/power. */
#ifndef POWER_H
#define POWER_H

#include <linux/ioctl.h>

/* Returns kvm_usage_count. */
#define POWER_VMS		_IO('P', 1)

/* The CPUs that are online and have virtualization enabled, as bits. */
#define POWER_ENABLED		_IOR('P', 10, unsigned long)

/*
 * The next kvm_init() fails at its arg-th allocation; arg 0 is for none.
 * POWER_INIT_LEFT: how many were missing to that one, 0 if it failed.
 */
#define POWER_INIT_FAILS	_IO('P', 2)
#define POWER_INIT_LEFT		_IO('P', 3)

/*
 * Hold the next task that creates a VM, or destroys the last one, at one of these points.
 * POWER_HELD: 1 while it is held.
 *
 * POWER_BEFORE: it goes on when all are told that the machine restarts, who then wait until
 * the task says by POWER_CREATED what KVM_CREATE_VM returned; the state of all CPUs is
 * printed.  At the others it stays, and the state is printed.
 */
enum power_point {
	POWER_NOWHERE,
	POWER_BEFORE,	/* creates it, before virtualization is enabled */
	POWER_AFTER,	/* creates it, all CPUs are enabled */
	POWER_DROP,	/* destroys it, all CPUs are still enabled */
};

#define POWER_HOLD_CREATE	_IO('P', 4)
#define POWER_HELD		_IO('P', 5)
#define POWER_CREATED		_IO('P', 6)

/*
 * These CPUs fail to enable virtualization, and have it disabled: the one that resumes next,
 * or all of them from now on.
 */
enum power_failing {
	POWER_NONE,
	POWER_RESUMING,
	POWER_ALL,
};

#define POWER_FAIL_RESUME	_IO('P', 7)

/* Wake the system from suspend to idle in so many milliseconds, as a device would. */
#define POWER_WAKE		_IO('P', 8)

/*
 * Jump into the crash kernel, as panic() does, and say which CPUs left before.
 * arg 1: by panic() itself, which says POWER_PANIC.
 */
#define POWER_CRASH		_IO('P', 9)
#define POWER_PANIC		"as a scenario asked for"

#endif
