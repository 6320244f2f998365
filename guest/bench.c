// SPDX-License-Identifier: GPL-2.0-only
/* How long it takes to create and destroy VMs. */
#include <linux/kvm.h>
#include <signal.h>
#include <sys/wait.h>

#include "lab.h"

#define MAX_ROUNDS	1000

enum { CREATE_01, CREATE_12, VCPU, DESTROY_21, DESTROY_10, METRICS };
static const char *const metrics[] = {
	"create 0->1", "create 1->2", "first vCPU", "destroy 2->1", "destroy 1->0"
};

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(const char *phase, int rounds)
{
	static double us[METRICS][MAX_ROUNDS];
	int i, m, vm1, vm2, vcpu;
	double t[6];

	for (i = -5; i < rounds; i++) {
		t[0] = now();
		vm1 = vm_create();
		t[1] = now();
		vm2 = vm_create();
		t[2] = now();
		vcpu = ioctl(vm2, KVM_CREATE_VCPU, 0);
		t[3] = now();
		check(vm1 >= 0 && vm2 >= 0 && vcpu >= 0, "KVM_CREATE_VM: %m");
		close(vcpu);
		t[4] = now();
		close(vm2);
		t[5] = now();
		if (i >= 0) {
			us[CREATE_01][i] = t[1] - t[0];
			us[CREATE_12][i] = t[2] - t[1];
			us[VCPU][i] = t[3] - t[2];
			us[DESTROY_21][i] = t[5] - t[4];
		}
		t[0] = now();
		close(vm1);
		t[1] = now();
		if (i >= 0)
			us[DESTROY_10][i] = t[1] - t[0];
	}
	for (m = 0; m < METRICS; m++) {
		qsort(us[m], rounds, sizeof(double), by_value);
		note("bench\t%s\t%s\t%.0f", phase, metrics[m], us[m][rounds / 2] * 1e6);
	}
}

/* Somebody who walks vm_list all the time, or takes kvm_lock for it on the base. */
static void read_statistics(void)
{
	char text[32];

	for (;;)
		read_file("/sys/kernel/debug/kvm/exits", text, sizeof(text));
}

/* bench ROUNDS */
static int step_bench(int argc, char **argv)
{
	int rounds = atoi(argv[1]);
	pid_t pid;

	check(rounds > 0 && rounds <= MAX_ROUNDS, "rounds: 1 to %d", MAX_ROUNDS);
	kvm_fd();
	measure("alone", rounds);
	pid = fork();
	if (!pid)
		read_statistics();
	measure("readers", rounds);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return PASS;
}

const struct step bench_steps[] = {
	{ "bench", step_bench },
	{}
};
