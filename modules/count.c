// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: counts the calls of functions.  Not part of the series.
 *
 * insmod count.ko functions=NAME,...; then /sys/module/count/parameters/calls has
 * as many numbers, in the same order.
 */
#include <linux/atomic.h>
#include <linux/kprobes.h>
#include <linux/module.h>

#define MAX_FUNCTIONS	8

static char *functions[MAX_FUNCTIONS];
static unsigned int nr;
module_param_array(functions, charp, &nr, 0444);
MODULE_PARM_DESC(functions, "Names of the functions");

static struct counter {
	struct kprobe probe;
	atomic_t calls;
} counters[MAX_FUNCTIONS];

static int get_calls(char *buffer, const struct kernel_param *kp)
{
	unsigned int i;
	int n = 0;

	for (i = 0; i < nr; i++)
		n += sysfs_emit_at(buffer, n, "%s%d", i ? " " : "",
				   atomic_read(&counters[i].calls));
	return n + sysfs_emit_at(buffer, n, "\n");
}

static const struct kernel_param_ops calls_ops = {
	.get = get_calls,
};
module_param_cb(calls, &calls_ops, NULL, 0444);
MODULE_PARM_DESC(calls, "How often each was called");

static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(&container_of(probe, struct counter, probe)->calls);
	return 0;
}

static void unregister(unsigned int i)
{
	while (i--)
		unregister_kprobe(&counters[i].probe);
}

static int __init count_init(void)
{
	unsigned int i;
	int r;

	for (i = 0; i < nr; i++) {
		counters[i].probe.symbol_name = functions[i];
		counters[i].probe.pre_handler = on_call;
		r = register_kprobe(&counters[i].probe);
		if (r) {
			pr_err("cannot count the calls of %s\n", functions[i]);
			unregister(i);
			return r;
		}
	}
	return 0;
}
module_init(count_init);

static void __exit count_exit(void)
{
	unregister(nr);
}
module_exit(count_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts calls of functions, KVM lab");
