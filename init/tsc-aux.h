/* SPDX-License-Identifier: GPL-2.0-only */
/* TSC_AUX of x86, which stands for all user-return MSRs: user space can read it. */
#ifndef TSC_AUX_H
#define TSC_AUX_H

#include <stdint.h>

#define MSR_TSC_AUX	0xc0000103
#define GUEST_AUX	0x4755

static inline uint32_t read_aux(void)
{
	uint32_t a, d, c;

	asm volatile("rdtscp" : "=a" (a), "=d" (d), "=c" (c));
	return c;
}

#endif
