/* SPDX-License-Identifier: GPL-2.0-only */
/* Where virtualization is on, by the register that says so. */
#ifndef ENABLED_H
#define ENABLED_H

#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/special_insns.h>

static inline bool has_svm(void)
{
	return boot_cpu_has(X86_FEATURE_SVM);
}

/* On this CPU.  From probes as well, hence without the tracepoint of rdmsrq(). */
static inline bool is_enabled(void)
{
	if (has_svm())
		return __rdmsr(MSR_EFER) & EFER_SVME;
	return __read_cr4() & X86_CR4_VMXE;
}

#endif
