/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PID 1 of every machine.  It runs the steps in /steps, each in a process of its own,
 * and reports in KTAP.  What a step may call is declared here.
 */
#ifndef INIT_LAB_H
#define INIT_LAB_H

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
 * STEP() registers a step next to its definition, by a pointer in a linker section.  One
 * line each: tools/ take the names of steps from the source.
 */
#define STEP(text, function)								\
	static const struct step step_of_##function = { text, function };		\
	static const struct step *const entry_of_##function				\
	__attribute__((used, section("lab_steps"))) = &step_of_##function

/* A comment in the report.  "lab: key=value" is for tools, anything else for people. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A result of a step that has several, in nested KTAP. */
void sub_plan(int nr);
void sub_result(int result, int nr, const char *name, const char *why);
/* End the step: it failed, or it cannot run here; the text says why. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* The step fails unless cond holds. */
#define check(cond, ...) do { if (!(cond)) fail(__VA_ARGS__); } while (0)

/* Write text to the report unchanged.  Scenarios that break the report use it. */
void report_raw(const char *text);
/* For a last step that passes and does not return: write its result and end the report. */
void report_end(void);

double now(void);
int wait_for(pid_t pid, int seconds);
bool cut_short(int status, int seconds, char *why, size_t size);
void wait_good(pid_t pid, int seconds, const char *who);
void in_child(void (*fn)(void), const char *who);	/* /dev/kvm is closed afterwards */
/* Read a whole file as a string.  A file that does not fit into buf is not read. */
bool read_file(const char *path, char *buf, size_t size);
char *read_all(const char *path);	/* to be freed */
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
/* The step fails unless the machine suspends, state "mem" or "freeze", and resumes. */
void suspend(const char *state);
void sleep_to_ram(void);		/* "mem", until the RTC ends it */
void sleep_to_idle(void);		/* "freeze", until power.ko ends it */
int open_power(void);			/* power.ko, which has to be there */

/* The cgroup v2 that a VMM is put into; without cgroups the step is skipped. */
#define CGROUPS		"/tmp/cgroup"
#define VMM_CGROUP	CGROUPS "/vmm"
void make_vmm_cgroup(void);
void join_vmm_cgroup(void);

/* kvm-amd.ko as the kernel names it, kvm_amd. */
void module_name(const char *module, char *name, size_t size);
int try_load(const char *module, const char *params);
void load(const char *module, const char *params);
int try_unload(const char *module);
void unload(const char *module);

/*
 * Is there a kernel for kexec?  boot.sh puts it into /next.  load_next() loads it with
 * the flags of kexec_file_load(); the step fails if that fails.
 */
bool has_next(void);
void load_next(unsigned long flags);

/* What the kernel's command line has after key, which ends in "="; or "". */
const char *cmdline(const char *key);

/* Where the kernel's tracer is, from now on; the step fails if there is none. */
#define TRACING		"/sys/kernel/tracing/"
void mount_tracing(void);

/* How often each of nr functions was called since count.ko was loaded. */
void read_calls(int nr, int *calls);

/* The machine's modules, in the order in which they are loaded; their number. */
#define MAX_MODULES	8
int kvm_modules(char **names);

/* Does lab.lacks= name this ability?  The machine's or the base's data has the reason. */
bool machine_lacks(const char *what);

/*
 * Allocations that fail, see faults.c.  After arm_faults() all may, and do so quietly:
 * fail_nth() says which call of this thread from now on, 0 for none, and returns how many
 * were left before; a number other than 0 did not fail.
 */
bool has_faults(void);
void arm_faults(void);
int fail_nth(int nth);

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

/* code_hello prints one line, part of it from KVM; code_count counts forever. */
extern const struct code code_hello, code_count;
/* What the line of code_hello has to contain. */
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

/* x86 only: open /dev/lab and move to CPU 0; wait until lab.ko holds a task, or none. */
int open_lab(void);
void wait_held(int lab, bool want);

/* x86 only, see uret-x86.c. */
extern const struct code code_halt;
void vm_set_msr(struct vm *vm, uint32_t msr, uint64_t value, uint64_t then);

#endif
