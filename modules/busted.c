// SPDX-License-Identifier: GPL-2.0-only
/* Does what no module should, to show that the lab sees it. */
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *how = "";
module_param(how, charp, 0);

static DEFINE_MUTEX(a);
static DEFINE_MUTEX(b);

static int __init busted_init(void)
{
	char *p;

	if (!strcmp(how, "warn")) {
		WARN(1, "as it should\n");
	} else if (!strcmp(how, "lockdep")) {
		mutex_lock(&a);
		mutex_lock(&b);
		mutex_unlock(&b);
		mutex_unlock(&a);
		mutex_lock(&b);
		mutex_lock(&a);
		mutex_unlock(&a);
		mutex_unlock(&b);
	} else if (!strcmp(how, "panic")) {
		panic("as it should");
	} else if (!strcmp(how, "oops")) {
		WRITE_ONCE(*(int *)8, 1);
	} else if (!strcmp(how, "hang")) {
		local_irq_disable();
		for (;;)
			cpu_relax();
	} else if (!strcmp(how, "kasan")) {
		p = kmalloc(16, GFP_KERNEL);
		kfree(p);
		OPTIMIZER_HIDE_VAR(p);
		pr_info("%d\n", READ_ONCE(*p));
	} else {
		return -EINVAL;
	}
	return 0;
}
module_init(busted_init);

static void __exit busted_exit(void)
{
}
module_exit(busted_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Deliberate failures for the KVM lab");
