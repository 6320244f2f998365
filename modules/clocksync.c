// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: tells those who want to know that the clock of this s390
 * jumped, in the way in which the kernel does when STP sets it.  The clock stays as
 * it is.  Not part of the series.
 *
 * echo DELTA > /sys/module/clocksync/parameters/delta, in units of the TOD clock.
 */
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/stop_machine.h>

#include <asm/stp.h>

static int tell(void *delta)
{
	atomic_notifier_call_chain(&s390_epoch_delta_notifier, 0, delta);
	return 0;
}

static int set_delta(const char *text, const struct kernel_param *kp)
{
	unsigned long long delta;
	int r;

	r = kstrtoull(text, 0, &delta);
	return r ?: stop_machine(tell, &delta, NULL);
}

static const struct kernel_param_ops delta_ops = { .set = set_delta };

module_param_cb(delta, &delta_ops, NULL, 0200);
MODULE_PARM_DESC(delta, "By how much the clock jumps");

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Jumps of the clock, KVM lab");
