// SPDX-License-Identifier: GPL-2.0-only
/* A VMM in a cgroup v2 that is frozen: does the cgroup get there? */
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "../lab.h"

static bool is_frozen(void)
{
	char text[256];

	check(read_file(VMM_CGROUP "/cgroup.events", text, sizeof(text)), "cgroup.events: %m");
	return strstr(text, "frozen 1");
}

/* In the cgroup from before there is a VM, as a VMM that a service manager starts. */
static void vmm(const char *has, int ready)
{
	struct vm vm = {};

	join_vmm_cgroup();
	if (!strcmp(has, "vm"))
		vm.fd = vm_created();
	else if (!strcmp(has, "vcpu"))
		vm_init(&vm, &code_count, 0);
	check(write(ready, "", 1) == 1, "pipe: %m");
	for (;;)
		pause();
}

/* frozen none | vm | vcpu: cgroup.events says so when everybody in the VMM's cgroup is. */
static int step_frozen(int argc, char **argv)
{
	double end;
	bool frozen;
	char c;
	int fds[2];
	pid_t pid;

	check(!pipe(fds), "pipe: %m");
	make_vmm_cgroup();
	pid = fork();
	if (!pid)
		vmm(argv[1], fds[1]);
	close(fds[1]);
	check(read(fds[0], &c, 1) == 1, "the VMM did not come up");

	check(write_file(VMM_CGROUP "/cgroup.freeze", "1"), "cgroup.freeze: %m");
	end = now() + 3;
	while (!(frozen = is_frozen()) && now() < end)
		usleep(10000);
	check(write_file(VMM_CGROUP "/cgroup.freeze", "0"), "cgroup.freeze: %m");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	umount(CGROUPS);
	check(frozen, "cgroup.events does not say \"frozen 1\" after 3 s");
	return PASS;
}

STEP("frozen", step_frozen);
