// SPDX-License-Identifier: GPL-2.0-only
/* Where no emulator can run a guest: VMs and vCPUs only come and go. */
#include "../init/lab.h"

const struct code code_hello, code_count;
const char *const vm_signature = "";

void vm_arch_vcpu(struct vm *vm)
{
}
