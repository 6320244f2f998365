/* SPDX-License-Identifier: GPL-2.0-only */
/* A mask of CPUs as a module parameter. */
#ifndef MASK_H
#define MASK_H

#include <linux/smp.h>
#include <linux/sysfs.h>

/* What look() finds on each CPU that is online; it gets the mask, to set its bit. */
static int get_mask(char *buffer, smp_call_func_t look)
{
	unsigned long mask = 0;

	on_each_cpu(look, &mask, true);
	return sysfs_emit(buffer, "%lx\n", mask);
}

#endif
