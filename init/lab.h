/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside a machine: init runs the steps of a scenario, each in a process of its
 * own, and reports in KTAP.
 */
#ifndef GUEST_LAB_H
#define GUEST_LAB_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What a step returns, or exits with; as in kselftest. */
#define PASS	0
#define FAIL	1
#define SKIP	4

struct step {
	const char *name;
	int (*run)(int argc, char **argv);
};

/*
 * Registers a step where it is defined: init finds all of them in a section.  One line
 * each, as tools look for the names of steps in the source.
 */
#define STEP(text, function)								\
	static const struct step step_of_##function = { text, function };		\
	static const struct step *const entry_of_##function				\
	__attribute__((used, section("lab_steps"))) = &step_of_##function

/* A line for the report, to be read by people. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A result of a step that has several, in nested KTAP. */
void sub_plan(int nr);
void sub_result(int result, int nr, const char *name, const char *why);
/* End the step: failed or cannot be run here, and why. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* The step fails unless cond holds. */
#define check(cond, ...) do { if (!(cond)) fail(__VA_ARGS__); } while (0)

/* Write into the report as it is, for scenarios that break it. */
void report_raw(const char *text);
/* The last step of a scenario passes and is not to return: end the report. */
void report_end(void);

double now(void);
int wait_for(pid_t pid, int seconds);
bool cut_short(int status, int seconds, char *why, size_t size);
void wait_good(pid_t pid, int seconds, const char *who);
void in_child(void (*fn)(void), const char *who);	/* /dev/kvm is closed afterwards */
bool read_file(const char *path, char *buf, size_t size);
char *read_all(const char *path);	/* NULL if it cannot be read; to be freed */
bool write_file(const char *path, const char *text);
void pin(int cpu);
int nr_cpus(void);
/* Masks of CPUs. */
#define BIT(cpu)	(1ull << (cpu))
uint64_t all_cpus(void);
bool set_online(int cpu, bool online);
/* The step fails unless the CPU goes offline, comes online, or both. */
void offline(int cpu);
void online(int cpu);
void replug(int cpu);
/* The same for a machine that goes to sleep, "mem" or "freeze", and wakes up. */
void suspend(const char *state);

/* kvm-amd.ko as the kernel names it, kvm_amd. */
void module_name(const char *module, char *name, size_t size);
int try_load(const char *module, const char *params);
void load(const char *module, const char *params);
void unload(const char *module);

/*
 * Is there a kernel to jump into, see boot.sh?  Load it, with flags as kexec_file_load()
 * takes them; the step fails if it cannot.
 */
bool has_next(void);
void load_next(unsigned long flags);

/* What the kernel's command line has after key, which ends in "="; or "". */
const char *cmdline(const char *key);

/* How often count.ko saw the functions called. */
void read_calls(int nr, int *calls);

/* The machine's modules, in the order in which they are loaded; their number. */
#define MAX_MODULES	8
int kvm_modules(char **names);

/* Does the machine's data say that it cannot do this?  The reason is there. */
bool machine_lacks(const char *what);

/* A VM with one vCPU and 1 MiB of memory, as s390 wants; it starts at address 0. */
struct vm {
	int fd;
	int vcpu;
	struct kvm_run *run;
	unsigned char *mem;
};

#define VM_MEM_SIZE	0x100000
#define VM_COUNTER	0x8000		/* where code_count counts */
#define VM_OUTPUT	0x10000000	/* no memory there: a store is an exit */

struct code {
	const unsigned char *start, *end;
};

/* One line of text, of which KVM supplies a part where it can; an endless loop. */
extern const struct code code_hello, code_count;
/* What has to be in that line. */
extern const char *const vm_signature;

#define VM_IRQCHIP	1	/* x86: HLT blocks in the kernel */

int kvm_fd(void);		/* /dev/kvm */
int vm_create(void);		/* just the VM */
int vm_created(void);		/* the same; the step fails if it cannot be had */
void vm_init(struct vm *vm, const struct code *code, int flags);
void vm_add_vcpu(struct vm *vm, int id, const struct code *code);
void vm_free(struct vm *vm);
void vm_hello(void);		/* one comes, says something if it can run, and goes */
int vm_run(struct vm *vm);	/* exit reason, or -errno */
int vm_getc(struct vm *vm);	/* run until the guest puts out a byte */

/* The architecture's: make a new vCPU start at address 0 in its simplest mode. */
void vm_arch_vcpu(struct vm *vm);

/* arm64 only: a guest with a vGIC, which counts the interrupts of its timer. */
void vm_init_timer(struct vm *vm);

/* x86 only: lab.ko, with this process on CPU 0; wait until it holds somebody, or not. */
int open_lab(void);
void wait_held(int lab, bool want);

/* x86 only, see uret-x86.c. */
extern const struct code code_halt;
void vm_set_msr(struct vm *vm, uint32_t msr, uint64_t value, uint64_t then);

#endif
