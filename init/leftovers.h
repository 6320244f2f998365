/* SPDX-License-Identifier: GPL-2.0-only */
/* What VMs leave behind, and what KVM does once it is unloaded. */
#ifndef INIT_LEFTOVERS_H
#define INIT_LEFTOVERS_H

#include "lab.h"

/*
 * All of it that can be seen from here.  hw.ko, or else power.ko, tells what user space
 * does not see, if it is loaded; what nobody tells is 0.
 */
struct leftovers {
	long refs[MAX_MODULES];	/* references to each of the machine's modules */
	long debugfs;		/* entries in KVM's directory */
	uint64_t online, enabled;	/* CPUs, and those with virtualization enabled */
	long usage_count;	/* kvm_usage_count */
	long vms;		/* on vm_list */
	long notifiers;		/* MMU notifiers of this process */
};

struct leftovers leftovers(void);
/* The step fails unless everything is as it was; the text says when. */
void check_leftovers(const struct leftovers *before, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same after at most 10 s, where others may still have what is to go. */
void check_leftovers_soon(const struct leftovers *before, const char *when);

/*
 * The step fails if there is anything that goes with the last VM: references to modules,
 * virtualization that is enabled, directories of VMs, threads, objects in KVM's caches.
 */
void check_no_vm_left(void);

/* The step fails if there is anything of KVM but code: its device, or its debugfs. */
void check_kvm_gone(const char *when);

/*
 * The number of pages that are free once RCU and workqueues have freed what they were
 * going to.  kmemleak does not know of whole pages.
 */
long settled_pages(void);

/* There in the debug flavour only. */
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"

#endif
