/* SPDX-License-Identifier: GPL-2.0-only */
/* What a host does to KVM beside VMs, once each; for steps that do it all the time. */
#ifndef INIT_WORK_H
#define INIT_WORK_H

#include "lab.h"

#define PARAMS		"/sys/module/kvm/parameters/"
#define STATS		"/sys/kernel/debug/kvm/"

long meminfo(const char *key);
/* kswapd begins early from now on, long before anybody else has to reclaim memory. */
void reclaim_early(void);
/* Eat memory until kswapd has to work, or *stop, and give it back. */
void short_of_memory(const volatile bool *stop);

/* All statistics of KVM are read, and cleared as far as they can be; false without any. */
bool read_statistics(void);
/* The CPU's frequency changes twice, if fakefreq.ko is loaded and the CPU online. */
bool change_frequency(int cpu);
/* nx_huge_pages is set to the nth of a few values; returns which. */
const char *set_nx_huge_pages(unsigned int nth, bool *ok);
void set_nx_recovery(unsigned int nth);

#endif
