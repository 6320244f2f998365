// SPDX-License-Identifier: GPL-2.0-only
/* Steps that put the program of make host-check to the test: it is ./host-check. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "../lab.h"

#define CHECKED		"host-check.report"

/* host-check: the program runs, and comes to its end; what it found is for host-checked. */
static int step_host_check(int argc, char **argv)
{
	char *text, *line, *save;
	int status;

	status = system("YES=1 ./host-check > " CHECKED " 2>&1");
	text = read_all(CHECKED);
	line = text ? strtok_r(text, "\n", &save) : NULL;
	for (; line; line = strtok_r(NULL, "\n", &save))
		note("host-check: %s", line);
	check(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "host-check: status %#x", status);
	return PASS;
}

STEP("host-check", step_host_check);

/* host-checked STEP [ARGUMENT]: the result that host-check had for it. */
static int step_host_checked(int argc, char **argv)
{
	char name[128], *text = read_all(CHECKED), *line, *save, *p;
	size_t n;

	check(text, CHECKED ": %m");
	snprintf(name, sizeof(name), "%s%s%s", argv[1], argc > 2 ? " " : "",
		 argc > 2 ? argv[2] : "");
	n = strlen(name);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool bad = !strncmp(line, "not ok ", 7);

		if (!bad && strncmp(line, "ok ", 3))
			continue;
		p = line + (bad ? 7 : 3);
		p += strspn(p, "0123456789 ");
		if (strncmp(p, name, n) || !strchr(" ", p[n]))
			continue;
		if (p[n] && strncmp(p + n, " # ", 3))
			continue;
		if (bad)
			fail("%s", p[n] ? p + n + 3 : "");
		if (!strncmp(p + n, " # SKIP ", 8))
			skip("%s", p + n + 8);
		return PASS;
	}
	fail("host-check says nothing about it");
}

STEP("host-checked", step_host_checked);

static bool any_offline(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) < nr_cpus();
}

/* host-check-ended: somebody ends the program while a CPU is offline, which comes back. */
static int step_host_check_ended(int argc, char **argv)
{
	double end = now() + 300;
	int status, out;
	pid_t pid;

	pid = fork();
	if (!pid) {
		out = open("/dev/null", O_WRONLY);
		dup2(out, 1);
		setenv("YES", "1", 1);
		execl("./host-check", "host-check", NULL);
		_exit(127);
	}
	while (!any_offline()) {
		check(!waitpid(pid, &status, WNOHANG), "it ended by itself: status %#x", status);
		check(now() < end, "no CPU went offline");
		usleep(1000);
	}
	kill(pid, SIGTERM);
	status = wait_for(pid, 120);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 130, "status %#x, not 130 << 8", status);
	check(!any_offline(), "%ld of %d CPUs are online", sysconf(_SC_NPROCESSORS_ONLN),
	      nr_cpus());
	sleep(2);
	check(!any_offline(), "a CPU goes offline after its end");
	return PASS;
}

STEP("host-check-ended", step_host_check_ended);
