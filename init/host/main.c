// SPDX-License-Identifier: GPL-2.0-only
/*
 * init's steps in a system that has a process 1 of its own.
 *
 * host-check:		those that a host as it is can take, see plan[]; YES=1 asks nobody
 * host-check steps:	those in ./steps, reported to lab.report=: a machine with Debian
 *
 * As process 1 it is what it is anywhere else in the lab.
 */
#define main init_main
#include "../init.c"
#undef main

#include <dirent.h>
#include <sys/prctl.h>

static const struct {
	const char *line;	/* the step */
	const char *what;
	bool root;		/* it takes root */
	bool hotplug;		/* it takes CPUs away and back */
} plan[] = {
	{ "hello", "run a guest of a few instructions", false, false },
	{ "vms 8", "create eight VMs, some with a vCPU, and destroy them", false, false },
	{ "tsc-aux", "run a guest with its own TSC_AUX on each CPU, and compare the host's",
	  false, false },
	{ "statistics 20", "read KVM's statistics while VMs come and go", true, false },
	{ "hotplug 2", "take all CPUs but the first away, and back, under a guest; twice",
	  true, true },
	{ "tsc-aux again", "the same as before, on CPUs that came back", true, true },
	{ "master-clock-replugs 200", "take single CPUs away and back, and look at guests' clocks",
	  true, true },
};

#define NR_PLAN		((int)(sizeof(plan) / sizeof(*plan)))

/* What the CPUs were before: '0', '1', or 0 for one that always is online. */
static char *cpu_was;

static char cpu_state(int cpu)
{
	char path[64], text[8];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return read_file(path, text, sizeof(text) - 1) ? *text : 0;
}

static void restore_cpus(void)
{
	int cpu;

	for (cpu = 0; cpu < nr_cpus(); cpu++)
		if (cpu_was[cpu] && cpu_state(cpu) != cpu_was[cpu])
			set_online(cpu, cpu_was[cpu] == '1');
}

/* Kill all children that still do something; false if there were none. */
static bool kill_children(void)
{
	bool any = false;
	struct dirent *d;
	DIR *proc;

	proc = opendir("/proc");
	while (proc && (d = readdir(proc))) {
		char path[300], text[1024], state, *p;
		int parent;

		snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
		if (!atoi(d->d_name) || !read_file(path, text, sizeof(text) - 1))
			continue;
		/* A name may have blanks in it. */
		p = strrchr(text, ')');
		if (!p || sscanf(p + 1, " %c %d", &state, &parent) != 2)
			continue;
		if (parent == getpid() && state != 'Z') {
			kill(atoi(d->d_name), SIGKILL);
			any = true;
		}
	}
	if (proc)
		closedir(proc);
	return any;
}

static volatile bool interrupted;
static sigset_t ends;

/* Whoever ends this program gets the CPUs back. */
static void *wait_for_end(void *unused)
{
	int sig;

	sigwait(&ends, &sig);
	interrupted = true;
	while (kill_children())
		usleep(10000);
	restore_cpus();
	printf("# interrupted; the CPUs are as they were\n");
	_exit(130);
}

static void guard_cpus(void)
{
	pthread_t thread;
	int cpu;

	cpu_was = calloc(nr_cpus(), 1);
	for (cpu = 0; cpu < nr_cpus(); cpu++)
		cpu_was[cpu] = cpu_state(cpu);
	/* What a step leaves behind is our child, and can be found. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	pthread_create(&thread, NULL, wait_for_end, NULL);
}

/* Why the step cannot run here, or NULL. */
static const char *cannot(int i, const char *no_kvm)
{
	if (no_kvm)
		return no_kvm;
	if (plan[i].root && geteuid())
		return "takes root";
	if (plan[i].hotplug && nr_cpus() < 2)
		return "this host has one CPU";
	if (plan[i].hotplug && access("/sys/devices/system/cpu/cpu1/online", W_OK))
		return "this kernel takes no CPU away";
	return NULL;
}

/* The answer to what is going to happen. */
static bool agreed(void)
{
	const char *yes = getenv("YES");
	char line[16] = "";
	int i;

	printf("It would:\n\n");
	for (i = 0; i < NR_PLAN; i++) {
		const char *why = cannot(i, NULL);

		printf("  - %s%s%s%s\n", plan[i].what, why ? " (not here: " : "", why ?: "",
		       why ? ")" : "");
	}
	printf("\nCPUs are brought back in the end, also after ^C.  A task that was bound to a\n"
	       "CPU may not be any more.  Nothing else of this host is changed.\n\n");
	if (yes && !strcmp(yes, "1"))
		return true;
	printf("Do it? [y/N] ");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		printf("\n");
	return *line == 'y' || *line == 'Y';
}

/* As run_step(), for a step that may leave processes behind; did it fail? */
static bool failed(int i)
{
	char *name = strdup(plan[i].line), *arg = strchr(name, ' ');
	char *argv[3] = { name, arg ? arg + 1 : NULL };
	const char *why;
	const struct step *step;
	int status, result;
	pid_t pid;

	if (arg)
		*arg = 0;
	step = find_step(name, &why);
	if (!step) {
		result_line("", FAIL, i + 1, plan[i].line, why);
		return true;
	}
	*reason = 0;
	pid = fork();
	if (!pid) {
		setsid();
		pin(-1);
		_exit(step->run(arg ? 2 : 1, argv));
	}
	status = wait_for(pid, STEP_SECONDS);
	if (cut_short(status, STEP_SECONDS, reason, REASON_SIZE))
		result = FAIL;
	else
		result = WEXITSTATUS(status);
	if (result != PASS && result != SKIP)
		result = FAIL;
	while (kill_children())
		usleep(10000);
	restore_cpus();
	if (!interrupted)
		result_line("", result, i + 1, plan[i].line, reason);
	free(name);
	return result == FAIL;
}

static int host_check(void)
{
	static char no_kvm[128];
	const char *why = NULL;
	int i, fd, nr_failed = 0;
	struct utsname u;

	uname(&u);
	printf("KVM of Linux %s on %s, %d CPUs.\n", u.release, u.nodename, nr_cpus());
	fd = open("/dev/kvm", O_RDWR);
	if (fd < 0) {
		snprintf(no_kvm, sizeof(no_kvm), "/dev/kvm: %s", strerror(errno));
		why = no_kvm;
	} else {
		close(fd);
	}
	if (!why && !agreed()) {
		fprintf(stderr, "error: nobody said yes; YES=1 asks nobody\n");
		return 2;
	}
	guard_cpus();
	report_fmt("KTAP version 1");
	report_fmt("1..%d", NR_PLAN);
	for (i = 0; i < NR_PLAN && !interrupted; i++) {
		const char *not_here = cannot(i, why);

		if (not_here)
			result_line("", SKIP, i + 1, plan[i].line, not_here);
		else
			nr_failed += failed(i);
	}
	while (interrupted)
		pause();
	return nr_failed != 0;
}

static int in_machine(void)
{
	char *steps = read_all("steps");

	open_report(cmdline("lab.report="));
	run_steps(steps ?: strdup(""));
	tcdrain(report);
	return 0;
}

int main(int argc, char **argv)
{
	if (getpid() == 1)
		return init_main();
	setvbuf(stdout, NULL, _IOLBF, 0);
	reason = mmap(NULL, REASON_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc == 2 && !strcmp(argv[1], "steps"))
		return in_machine();
	if (argc > 1) {
		fprintf(stderr, "usage: host-check [steps]\n");
		return 2;
	}
	return host_check();
}
