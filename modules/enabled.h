/* SPDX-License-Identifier: GPL-2.0-only */
/* Where virtualization is on, by the register that says so. */
#ifndef ENABLED_H
#define ENABLED_H

#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/virtext.h>

static inline bool has_svm(void)
{
	return boot_cpu_has(X86_FEATURE_SVM);
}

/* On this CPU.  From probes as well, hence without the tracepoint of rdmsrl(). */
static inline bool is_enabled(void)
{
	if (has_svm())
		return __rdmsr(MSR_EFER) & EFER_SVME;
	return __read_cr4() & X86_CR4_VMXE;
}

/* Off, on this CPU, whoever turned it on. */
static inline void disable(void)
{
	u64 efer;

	if (has_svm()) {
		rdmsrl(MSR_EFER, efer);
		wrmsrl(MSR_EFER, efer & ~EFER_SVME);
	} else {
		cpu_vmxoff();
	}
}

#endif
