// SPDX-License-Identifier: GPL-2.0-only
/* How long it takes to create and destroy VMs. */
#define _GNU_SOURCE
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "../lab.h"

#define MAX_ROUNDS	1000
#define WARM_UP		5

enum { CREATE_01, CREATE_12, DESTROY_21, DESTROY_10, METRICS };
static const char *const metrics[] = {
	"create 0->1", "create 1->2", "destroy 2->1", "destroy 1->0"
};

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double us[METRICS][MAX_ROUNDS];

static int create(bool with_vcpu, int *vcpu)
{
	int vm = vm_create();

	check(vm >= 0, "cannot create a VM: %m");
	*vcpu = with_vcpu ? ioctl(vm, KVM_CREATE_VCPU, 0) : -1;
	check(!with_vcpu || *vcpu >= 0, "cannot create a vCPU: %m");
	return vm;
}

static void destroy(int vm, int vcpu)
{
	/* It keeps a reference to the VM. */
	if (vcpu >= 0)
		close(vcpu);
	close(vm);
}

/* Two VMs come and go, as often. */
static void come_and_go(int rounds, bool with_vcpu)
{
	int i, vm[2], vcpu[2];
	double t[5];

	for (i = -WARM_UP; i < rounds; i++) {
		t[0] = now();
		vm[0] = create(with_vcpu, &vcpu[0]);
		t[1] = now();
		vm[1] = create(with_vcpu, &vcpu[1]);
		t[2] = now();
		destroy(vm[1], vcpu[1]);
		t[3] = now();
		destroy(vm[0], vcpu[0]);
		t[4] = now();
		if (i < 0)
			continue;
		us[CREATE_01][i] = t[1] - t[0];
		us[CREATE_12][i] = t[2] - t[1];
		us[DESTROY_21][i] = t[3] - t[2];
		us[DESTROY_10][i] = t[4] - t[3];
	}
}

static void measure(const char *load, int rounds)
{
	int with_vcpu, m;

	for (with_vcpu = 0; with_vcpu < 2; with_vcpu++) {
		come_and_go(rounds, with_vcpu);
		for (m = 0; m < METRICS; m++) {
			qsort(us[m], rounds, sizeof(double), by_value);
			note("bench\t%s\t%s%s\t%.0f", load, metrics[m],
			     with_vcpu ? " + vCPU" : "", us[m][rounds / 2] * 1e6);
		}
	}
}

/* Somebody who walks vm_list all the time, or takes kvm_lock for it on the base. */
static void read_statistics(void)
{
	char text[32];

	for (;;)
		read_file("/sys/kernel/debug/kvm/exits", text, sizeof(text));
}

/* All of fn() alone, then with such a reader. */
static void both(void (*fn)(const char *load, int rounds), int rounds)
{
	pid_t pid;

	check(rounds > 0 && rounds <= MAX_ROUNDS, "rounds: 1 to %d", MAX_ROUNDS);
	kvm_fd();
	fn("alone", rounds);
	pid = fork();
	if (!pid)
		read_statistics();
	fn("readers", rounds);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* bench ROUNDS */
static int step_bench(int argc, char **argv)
{
	both(measure, atoi(argv[1]));
	return PASS;
}

STEP("bench", step_bench);

#define SPENT	"/sys/kernel/debug/spent"
#define MAX_PARTS	13	/* the whole, and what spent.ko takes */

static char **functions;
static int nr_functions;

/*
 * How much of the destruction of a VM is spent in some functions, mean.  Whole and parts
 * are of the same VM: unlike in a comparison of two boots, what else differs cancels out.
 */
static void measure_parts(const char *load, int rounds)
{
	static const char *const what[] = { "destroy 2->1", "destroy 1->0" };
	double sum[2][MAX_PARTS] = {};
	char *text, *p;
	int nr, vm, i;

	check(write_file(SPENT, ""), SPENT ": %m");
	come_and_go(rounds, true);
	text = read_all(SPENT);
	check(text, SPENT ": %m");
	p = text;
	/* A line for each VM: all of it, what tells VMs from other calls, the functions. */
	for (nr = 0; *p; nr++) {
		for (i = 0; *p && *p != '\n'; i++) {
			double us = strtod(p, &p);

			if (nr >= 2 * WARM_UP && i < MAX_PARTS)
				sum[nr % 2][i] += us / rounds;
		}
		p += strspn(p, "\n");
	}
	check(nr == 2 * (rounds + WARM_UP), "%d VMs were destroyed, not %d", nr,
	      2 * (rounds + WARM_UP));
	for (vm = 0; vm < 2; vm++) {
		note("parts\t%s\t%s\twhole\t%.0f", load, what[vm], sum[vm][0]);
		for (i = 0; i < nr_functions; i++)
			note("parts\t%s\t%s\t%s\t%.0f", load, what[vm], functions[i],
			     sum[vm][2 + i]);
	}
	free(text);
}

/* bench-parts ROUNDS FUNCTION...: kvm_put_kvm()'s time in FUNCTIONs. */
static int step_bench_parts(int argc, char **argv)
{
	char *params = strdup("outer=kvm_put_kvm inner=kvm_arch_destroy_vm"), *more;
	int i;

	functions = argv + 2;
	nr_functions = argc - 2;
	check(nr_functions <= MAX_PARTS - 2, "more functions than %d", MAX_PARTS - 2);
	/* The first one says which references were the last ones. */
	for (i = 0; i < nr_functions; i++) {
		check(asprintf(&more, "%s,%s", params, functions[i]) >= 0, "out of memory");
		free(params);
		params = more;
	}
	load("spent", params);
	free(params);
	both(measure_parts, atoi(argv[1]));
	unload("spent");
	return PASS;
}

STEP("bench-parts", step_bench_parts);

#define FORKERS	2

/* Of the second VM, apart from its vCPU. */
enum { CREATE_VM, CREATE_VCPU, BOTH };
static const char *const apart[] = { "create VM", "create vCPU", "both" };

static void fork_and_exit(void)
{
	pid_t pid;

	join_vmm_cgroup();
	for (;;) {
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void measure_apart(const char *load, int rounds)
{
	int i, m, vm, vcpu, other = vm_created();
	double t[3];

	for (i = -WARM_UP; i < rounds; i++) {
		t[0] = now();
		vm = vm_create();
		t[1] = now();
		vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
		t[2] = now();
		check(vcpu >= 0, "a VM with a vCPU: %m");
		close(vcpu);
		close(vm);
		if (i < 0)
			continue;
		us[CREATE_VM][i] = t[1] - t[0];
		us[CREATE_VCPU][i] = t[2] - t[1];
		us[BOTH][i] = t[2] - t[0];
	}
	close(other);
	for (m = 0; m < 3; m++) {
		qsort(us[m], rounds, sizeof(double), by_value);
		note("bench\t%s\t%s p50\t%.0f", load, apart[m], us[m][rounds / 2] * 1e6);
		note("bench\t%s\t%s p99\t%.0f", load, apart[m], us[m][rounds * 99 / 100] * 1e6);
	}
}

/*
 * bench-cgroup ROUNDS: alone in a cgroup, then beside tasks there that fork and exit.  A
 * kernel thread that joins the VMM's cgroups waits for those who do.
 */
static int step_bench_cgroup(int argc, char **argv)
{
	int rounds = atoi(argv[1]), i;
	pid_t pids[FORKERS];

	check(rounds > 0 && rounds <= MAX_ROUNDS, "rounds: 1 to %d", MAX_ROUNDS);
	make_vmm_cgroup();
	join_vmm_cgroup();
	kvm_fd();
	measure_apart("alone", rounds);
	for (i = 0; i < FORKERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			fork_and_exit();
	}
	measure_apart("forks", rounds);
	for (i = 0; i < FORKERS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return PASS;
}

STEP("bench-cgroup", step_bench_cgroup);
