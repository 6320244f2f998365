// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: how much of the time that a function takes is spent in
 * functions that it calls.  Not part of the series.
 *
 * insmod spent.ko outer=NAME inner=NAME,...; then debugfs has a file "spent" with a
 * line for each call of OUTER that called the first of INNER: the microseconds that
 * it took, and those in each of INNER.  Calls of INNER count if a module makes them
 * itself, not if the kernel proper does on its behalf.  Opening the file for writing
 * forgets all of it.
 */
#include <linux/debugfs.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include <asm/pgtable.h>

#define MAX_INNER	12
#define MAX_SAMPLES	1000

static char *outer, *inner[MAX_INNER];
static unsigned int nr_inner;
module_param(outer, charp, 0444);
MODULE_PARM_DESC(outer, "Name of the function whose time it is");
module_param_array(inner, charp, &nr_inner, 0444);
MODULE_PARM_DESC(inner, "Names of the functions that it is spent in");

/* Times in ns: the whole, then the parts.  One task at a time is looked at. */
static u64 samples[MAX_SAMPLES][1 + MAX_INNER], now[1 + MAX_INNER];
static unsigned int nr_samples;
static struct task_struct *task;

static struct kretprobe outer_probe, inner_probes[MAX_INNER];

static int enter_outer(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	/* A call that is nested in another one is part of it. */
	if (cmpxchg(&task, NULL, current))
		return 1;
	memset(now, 0, sizeof(now));
	now[0] = ktime_get_ns();
	return 0;
}

static int leave_outer(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	now[0] = ktime_get_ns() - now[0];
	if (now[1] && nr_samples < MAX_SAMPLES)
		memcpy(samples[nr_samples++], now, sizeof(now));
	WRITE_ONCE(task, NULL);
	return 0;
}

static int enter_inner(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (READ_ONCE(task) != current)
		return 1;
	*(u64 *)ri->data = ktime_get_ns();
	return 0;
}

static int leave_inner(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	unsigned int i = get_kretprobe(ri) - inner_probes;
	unsigned long caller = get_kretprobe_retaddr(ri);

	if (caller >= MODULES_VADDR && caller < MODULES_END)
		now[1 + i] += ktime_get_ns() - *(u64 *)ri->data;
	return 0;
}

static int show(struct seq_file *file, void *unused)
{
	unsigned int i, k;

	/* To be read when nothing happens any more. */
	for (i = 0; i < nr_samples; i++)
		for (k = 0; k <= nr_inner; k++)
			seq_printf(file, "%llu%c", div_u64(samples[i][k], NSEC_PER_USEC),
				   k < nr_inner ? ' ' : '\n');
	return 0;
}

static int spent_open(struct inode *inode, struct file *file)
{
	if (file->f_mode & FMODE_WRITE)
		nr_samples = 0;
	return single_open(file, show, NULL);
}

static ssize_t spent_write(struct file *file, const char __user *text, size_t len, loff_t *pos)
{
	return len;
}

static const struct file_operations spent_fops = {
	.owner = THIS_MODULE,
	.open = spent_open,
	.read = seq_read,
	.write = spent_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static struct dentry *dentry;

static void unregister(unsigned int i)
{
	while (i--)
		unregister_kretprobe(&inner_probes[i]);
}

static int __init spent_init(void)
{
	unsigned int i;
	int r;

	if (!outer || !nr_inner)
		return -EINVAL;
	for (i = 0; i < nr_inner; i++) {
		inner_probes[i].kp.symbol_name = inner[i];
		inner_probes[i].entry_handler = enter_inner;
		inner_probes[i].handler = leave_inner;
		inner_probes[i].data_size = sizeof(u64);
		r = register_kretprobe(&inner_probes[i]);
		if (r) {
			pr_err("no time of %s to be had\n", inner[i]);
			unregister(i);
			return r;
		}
	}
	outer_probe.kp.symbol_name = outer;
	outer_probe.entry_handler = enter_outer;
	outer_probe.handler = leave_outer;
	r = register_kretprobe(&outer_probe);
	if (r) {
		pr_err("no time of %s to be had\n", outer);
		unregister(nr_inner);
		return r;
	}
	dentry = debugfs_create_file("spent", 0600, NULL, NULL, &spent_fops);
	return 0;
}
module_init(spent_init);

static void __exit spent_exit(void)
{
	debugfs_remove(dentry);
	unregister_kretprobe(&outer_probe);
	unregister(nr_inner);
}
module_exit(spent_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Where a function spends its time, KVM lab");
