// SPDX-License-Identifier: GPL-2.0-only
/*
 * s390: VMs and vCPUs come and go.  No emulator has SIE, so that a guest does not
 * run, but for what fakesie-s390.c gets out of fakesie.ko.
 */
#include "../init/lab.h"

const struct code code_hello, code_count;
const char *const vm_signature = "";

void vm_arch_vcpu(struct vm *vm)
{
}
