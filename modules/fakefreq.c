// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module of the lab: a cpufreq driver that changes nothing but tells everybody,
 * i.e. what calls KVM's notifier also while a CPU comes online.  Not part of the series.
 */
#include <linux/cpufreq.h>
#include <linux/module.h>

static struct cpufreq_frequency_table table[] = {
	{ .frequency = 1000000 },
	{ .frequency = 2000000 },
	{ .frequency = CPUFREQ_TABLE_END },
};

static DEFINE_PER_CPU(unsigned int, khz);

static int fakefreq_init(struct cpufreq_policy *policy)
{
	policy->freq_table = table;
	policy->cpuinfo.transition_latency = 1000;
	/* Not what the governor wants: it changes the frequency of a new CPU at once. */
	per_cpu(khz, policy->cpu) = table[0].frequency;
	return 0;
}

static unsigned int fakefreq_get(unsigned int cpu)
{
	return per_cpu(khz, cpu);
}

static int fakefreq_target_index(struct cpufreq_policy *policy, unsigned int index)
{
	per_cpu(khz, policy->cpu) = table[index].frequency;
	return 0;
}

static struct cpufreq_driver fakefreq_driver = {
	.name = "fakefreq",
	.init = fakefreq_init,
	.verify = cpufreq_generic_frequency_table_verify,
	.target_index = fakefreq_target_index,
	.get = fakefreq_get,
};

static int __init fakefreq_module_init(void)
{
	return cpufreq_register_driver(&fakefreq_driver);
}
module_init(fakefreq_module_init);

static void __exit fakefreq_module_exit(void)
{
	cpufreq_unregister_driver(&fakefreq_driver);
}
module_exit(fakefreq_module_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("cpufreq driver without hardware, KVM lab");
