// SPDX-License-Identifier: GPL-2.0-only
/* Steps for how long those who enable and disable virtualization keep a CPU from others. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "../hw.h"

/*
 * Somebody who has to run every now and then, before all others, on the CPU of the
 * creator: for how long was it kept from that?
 */
static volatile bool urgent_stop;
static volatile double urgent_gap;

static void *urgent_thread(void *unused)
{
	struct sched_param param = { .sched_priority = 50 };
	struct timespec ts = { .tv_nsec = 1000000 };
	double last, t;

	pin(C);
	check(!sched_setscheduler(0, SCHED_FIFO, &param), "SCHED_FIFO: %m");
	for (last = now(); !urgent_stop; last = t) {
		nanosleep(&ts, NULL);
		t = now();
		if (t - last > urgent_gap)
			urgent_gap = t - last;
	}
	return NULL;
}

static int job_slow(int ms)
{
	uint32_t arg = ms;

	return ioctl(hw, HW_SLOW, &arg);
}

static int slow_ms(int (*fn)(int arg), int arg, int ms, int *result)
{
	double end = now() + 10;
	struct job slow;

	start_job(&slow, X, job_slow, ms);
	while (!get_state().slow)
		check(now() < end, "nobody is slow");
	/* In between, what came before is over. */
	usleep(10000);
	urgent_gap = 0;
	*result = fn(arg);
	end_job(&slow);
	check(!slow.result, "CPU %d was not slow: %s", X, strerror(slow.error));
	return urgent_gap * 1000;
}

/*
 * hw-slow MS: a CPU does not answer for so long, when the first VM is created and when
 * it is destroyed.  The creator has to wait; others on its CPU do not.
 */
static int step_hw_slow(int argc, char **argv)
{
	int ms = atoi(argv[1]), create, destroy, vm, r;
	pthread_t urgent;

	open_hw(4);
	pin(C);
	check(!pthread_create(&urgent, NULL, urgent_thread, NULL), "pthread_create");
	create = slow_ms(job_create, 0, ms, &vm);
	check(vm >= 0, "KVM_CREATE_VM: %m");
	check_enabled(all_cpus(), "with a VM");
	destroy = slow_ms(close, vm, ms, &r);
	check_disabled("in the end");
	urgent_stop = true;
	pthread_join(urgent, NULL);
	note("lab: one CPU slow for %d ms, the creator's lost to others for %d and %d ms", ms,
	     create, destroy);
	check(create < ms / 2 && destroy < ms / 2,
	      "of %d ms, nobody else ran for %d while creating, %d while destroying", ms, create,
	      destroy);
	return PASS;
}

STEP("hw-slow", step_hw_slow);

#define MAX_ROUNDS	1000

static void set_tracing(const char *file, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "%s", file);
	check(write_file(path, value), "%s: %m", path);
}

static int longest(int (*fn)(int arg), int arg, long *us)
{
	char text[32];
	int r;

	set_tracing("tracing_max_latency", "0");
	set_tracing("tracing_on", "1");
	r = fn(arg);
	set_tracing("tracing_on", "0");
	check(read_file(TRACING "tracing_max_latency", text, sizeof(text)), "no latency: %m");
	*us = atol(text);
	return r;
}

/* What there is without KVM. */
static int job_nothing(int us)
{
	return usleep(us);
}

static int by_value(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * hw-preempt ROUNDS: the longest section with preemption disabled on the creator's CPU,
 * as the preemptoff tracer measures it.
 */
static int step_hw_preempt(int argc, char **argv)
{
	static const char *const names[] = { "nothing", "create 0->1", "destroy 1->0" };
	static long us[3][MAX_ROUNDS];
	int rounds = atoi(argv[1]), i, vm;

	check(rounds > 0 && rounds <= MAX_ROUNDS, "rounds: 1 to %d", MAX_ROUNDS);
	kvm_fd();
	pin(X);
	mount_tracing();
	if (access(TRACING "tracing_max_latency", F_OK))
		skip("this kernel has no tracer of latencies");
	set_tracing("tracing_on", "0");
	set_tracing("current_tracer", "preemptoff");
	set_tracing("tracing_cpumask", "2");
	for (i = -5; i < rounds; i++) {
		int k = i < 0 ? 0 : i;

		longest(job_nothing, 5000, &us[0][k]);
		vm = longest(job_create, 0, &us[1][k]);
		check(vm >= 0, "KVM_CREATE_VM: %m");
		longest(close, vm, &us[2][k]);
	}
	set_tracing("current_tracer", "nop");
	for (i = 0; i < 3; i++) {
		qsort(us[i], rounds, sizeof(long), by_value);
		note("preempt\t%s\t%ld\t%ld", names[i], us[i][rounds / 2],
		     us[i][rounds * 9 / 10]);
	}
	return PASS;
}

STEP("hw-preempt", step_hw_preempt);
