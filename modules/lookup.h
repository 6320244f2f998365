/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols that the kernel, or KVM, keeps for itself. */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <linux/kprobes.h>

static unsigned long (*lookup)(const char *name);

/* A kprobe may be put on anything, and tells where that is. */
static int init_lookup(void)
{
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };
	int r;

	r = register_kprobe(&kp);
	if (r)
		return r;
	lookup = (void *)kp.addr;
	unregister_kprobe(&kp);
	return 0;
}

/* What plays a role, see compat.h. */
static inline void *find_role(const char *name)
{
	return *name ? (void *)lookup(name) : NULL;
}

#endif
