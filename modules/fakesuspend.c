// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: suspend to RAM for a machine that has none.  All of the
 * kernel's way down and up is taken, secondary CPUs and syscore callbacks included;
 * only the machine does not go to sleep.  Not part of the series.
 */
#include <linux/module.h>
#include <linux/suspend.h>

static int fake_enter(suspend_state_t state)
{
	pr_info("lab: as good as suspended, %u CPU online\n", num_online_cpus());
	return 0;
}

static const struct platform_suspend_ops fake_ops = {
	.valid = suspend_valid_only_mem,
	.enter = fake_enter,
};

static int __init fake_init(void)
{
	suspend_set_ops(&fake_ops);
	return 0;
}
module_init(fake_init);

/* No exit: suspend_set_ops() does not say when nobody uses them any more. */

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Suspend to RAM for machines without, KVM lab");
