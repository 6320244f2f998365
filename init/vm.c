// SPDX-License-Identifier: GPL-2.0-only
/* The smallest VM there is, as far as it is the same for all architectures. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>

#include "lab.h"

int kvm_fd(void)
{
	static int kvm = -1;

	if (kvm < 0) {
		kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		check(kvm >= 0, "cannot open /dev/kvm: %m");
	}
	return kvm;
}

int vm_create(void)
{
	return ioctl(kvm_fd(), KVM_CREATE_VM, 0);
}

int vm_created(void)
{
	int fd = vm_create();

	check(fd >= 0, "KVM_CREATE_VM: %m");
	return fd;
}

void vm_add_vcpu(struct vm *vm, int id, const struct code *code)
{
	vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	check(vm->vcpu >= 0, "KVM_CREATE_VCPU: %m");
	vm->run = mmap(NULL, ioctl(kvm_fd(), KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		       MAP_SHARED, vm->vcpu, 0);
	check(vm->run != MAP_FAILED, "mmap of the vCPU: %m");
	memcpy(vm->mem, code->start, code->end - code->start);
	__builtin___clear_cache((char *)vm->mem, (char *)vm->mem + VM_MEM_SIZE);
	vm_arch_vcpu(vm);
}

void vm_init(struct vm *vm, const struct code *code, int flags)
{
	struct kvm_userspace_memory_region region = { .memory_size = VM_MEM_SIZE };
	size_t head;

	if (!vm->fd)
		vm->fd = vm_create();
	check(vm->fd >= 0, "KVM_CREATE_VM: %m");
	if (flags & VM_IRQCHIP)
		check(!ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP: %m");
	vm->mem = mmap(NULL, 2 * VM_MEM_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(vm->mem != MAP_FAILED, "mmap: %m");
	/* Aligned to its size, as s390 wants. */
	head = -(uintptr_t)vm->mem % VM_MEM_SIZE;
	if (head)
		munmap(vm->mem, head);
	vm->mem += head;
	munmap(vm->mem + VM_MEM_SIZE, VM_MEM_SIZE - head);
	region.userspace_addr = (uintptr_t)vm->mem;
	check(!ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region),
	      "KVM_SET_USER_MEMORY_REGION: %m");
	if (code)
		vm_add_vcpu(vm, 0, code);
}

void vm_free(struct vm *vm)
{
	if (vm->run)
		munmap(vm->run, ioctl(kvm_fd(), KVM_GET_VCPU_MMAP_SIZE, 0));
	if (vm->vcpu)
		close(vm->vcpu);
	if (vm->mem)
		munmap(vm->mem, VM_MEM_SIZE);
	close(vm->fd);
	memset(vm, 0, sizeof(*vm));
}

int vm_run(struct vm *vm)
{
	if (ioctl(vm->vcpu, KVM_RUN, 0))
		return -errno;
	return vm->run->exit_reason;
}

int vm_getc(struct vm *vm)
{
	int r;

	do {
		r = vm_run(vm);
	} while (r == -EINTR);
	if (r == KVM_EXIT_IO)
		return *((char *)vm->run + vm->run->io.data_offset);
	/* POWER: the byte is the first one of a register. */
	if (r == KVM_EXIT_PAPR_HCALL)
		return vm->run->papr_hcall.args[2] >> 56;
	check(r != KVM_EXIT_FAIL_ENTRY, "the guest is not entered: failure %#llx on CPU %u",
	      (unsigned long long)vm->run->fail_entry.hardware_entry_failure_reason,
	      vm->run->fail_entry.cpu);
	check(r == KVM_EXIT_MMIO && vm->run->mmio.is_write && vm->run->mmio.phys_addr == VM_OUTPUT,
	      "the guest stopped with exit reason %d", r);
	return vm->run->mmio.data[0];
}

void vm_hello(void)
{
	struct vm vm = {};

	vm_init(&vm, &code_hello, 0);
	check(machine_lacks("guest") || vm_getc(&vm) > 0, "no output");
	vm_free(&vm);
}
