/* SPDX-License-Identifier: GPL-2.0-only */
/* x86: on which CPUs virtualization is enabled, and CPUs that are held, by hw.ko. */
#ifndef INIT_HW_H
#define INIT_HW_H

#include "lab.h"
#include "../modules/hw.h"

/*
 * Who is where: CPU 0 runs hotplug, X is the one that comes and goes, VMs are created
 * on C, and the step itself watches from a CPU of its own.  A CPU that is held answers
 * nobody.
 */
#define X		1
#define C		2
#define WATCH		3

/* /dev/hw; opened by the first call of a step, which is skipped with fewer CPUs. */
extern int hw;
void open_hw(int cpus);
/* An ioctl whose argument is a number; the step fails if it does. */
long hw_u32(unsigned long cmd, uint32_t arg);
struct hw_state get_state(void);

/* The step fails unless all CPUs that are online, and these are, have it enabled. */
void check_enabled(uint64_t online, const char *when);
/* The step fails if any CPU has it enabled. */
void check_disabled(const char *when);

/* The next time that cpu gets to the point it is held; skips where there is no such point. */
void hold(uint32_t point, uint32_t cpu);
/* Is somebody held there, now or before so many seconds are over? */
bool wait_at(uint32_t point, double seconds);

/* What another CPU does meanwhile. */
struct job {
	pthread_t thread;
	int cpu, arg;
	int (*fn)(int arg);
	int result, error;
	volatile bool done;
};

void start_job(struct job *job, int cpu, int (*fn)(int arg), int arg);
/* Wait for it; was it done before? */
bool end_job(struct job *job);
/* What jobs do. */
int job_create(int unused);
int job_online(int cpu);
int job_offline(int cpu);

/* Is the CPU online?  HW_STATE would wait for hotplug to be over. */
bool in_online_mask(int cpu);

#endif
