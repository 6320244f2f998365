// SPDX-License-Identifier: GPL-2.0-only
/* Steps that run the tests of the kernel tree: KUnit and kselftests. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "../lab.h"

/*
 * kunit MODULE SUITE: load the suite and pass its results on.  They are read from
 * the kernel's log: what debugfs has is cut off where a case printed a lot.
 */
static int step_kunit(int argc, char **argv)
{
	char path[128], record[8192], *p;	/* the kernel has no longer ones */
	int fd, n, result = SKIP;

	snprintf(path, sizeof(path), "/modules/%s.ko", argv[1]);
	if (access(path, R_OK))
		skip("this kernel has no %s.ko", argv[1]);
	load("kunit", "");
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	check(fd >= 0 && lseek(fd, 0, SEEK_END) >= 0, "/dev/kmsg: %m");
	load(argv[1], "");
	/* EPIPE: the log has lost lines that were not read yet. */
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		check(n > 0, "the log is too short for what %s prints: log_buf_len=", argv[2]);
		record[n] = 0;
		/* "level,number,time,flags;text\n continuation..." */
		p = strchr(record, ';');
		if (!p)
			continue;
		*strchrnul(++p, '\n') = 0;
		/* The suite's own line says how it ended; its cases are indented. */
		if (strstr(p, argv[2]) && !strncmp(p, "ok ", 3))
			result = PASS;
		else if (strstr(p, argv[2]) && !strncmp(p, "not ok ", 7))
			result = FAIL;
		else if (!strncmp(p, "    ", 4))
			report_raw(strcat(p, "\n"));
	}
	close(fd);
	check(result != SKIP, "no verdict of %s in the log", argv[2]);
	if (result == FAIL)
		fail("see above");
	return result;
}

STEP("kunit", step_kunit);

/* The last line that a test printed tells the most. */
static void last_line(const char *path, char *line, size_t size)
{
	char *text = read_all(path), *p, *save;

	*line = 0;
	if (!text)
		return;
	for (p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		p += strspn(p, " \t");
		/* kselftest's backtraces come after what failed. */
		if (strstr(p, "FAIL") || strstr(p, "!=") || strstr(p, "==") ||
		    strstr(p, "failed") || strstr(p, "Assert") || strstr(p, "SKIP") ||
		    strstr(p, "equirement"))
			snprintf(line, size, "%s", p);
	}
	free(text);
}

/* What it printed goes to the console, where people look for it. */
static void show(const char *path)
{
	char line[200];
	FILE *f = fopen(path, "r");
	int left = 20;

	while (f && left-- && fgets(line, sizeof(line), f))
		printf("lab| %s", line);
	if (f)
		fclose(f);
}

/*
 * Is the test of this line one of those that a scenario names, and the machine runs?  The
 * architecture's directory, which differs from kernel to kernel, need not be named.
 */
static bool wanted(const char *line, char **names)
{
	size_t len = strcspn(line, " ");
	const char *slash = memchr(line, '/', len);
	const char *base = slash ? slash + 1 : line;
	size_t base_len = line + len - base;

	while (*++names)
		if ((strlen(*names) == len && !strncmp(*names, line, len)) ||
		    (strlen(*names) == base_len && !strncmp(*names, base, base_len)))
			return !machine_lacks(*names);
	return false;
}

/* Runs the test of a line, which is its name and its arguments. */
static int one_selftest(const char *line, int seconds, char *why, size_t size)
{
	/* No more words than every other character can be. */
	char **argv = calloc(strlen(line) / 2 + 3, sizeof(*argv));
	char *name = strdup(line), *path, *p, *save;
	int status, fd, argc = 1;
	double start = now();
	pid_t pid;

	printf("lab: selftest %s\n", line);
	strtok_r(name, " ", &save);
	while ((p = strtok_r(NULL, " ", &save)))
		argv[argc++] = p;
	check(asprintf(&path, "/selftests/%s", name) >= 0, "out of memory");
	argv[0] = path;
	pid = fork();
	if (!pid) {
		setsid();
		fd = open("/tmp/log", O_WRONLY | O_CREAT | O_TRUNC, 0644);
		dup2(fd, 1);
		dup2(fd, 2);
		if (chdir("/selftests"))
			_exit(FAIL);
		execv(path, argv);
		/* A script for a shell that is not here. */
		execl("/bin/busybox", "sh", path, NULL);
		_exit(127);
	}
	status = wait_for(pid, seconds);
	kill(-pid, SIGKILL);
	last_line("/tmp/log", why, size);
	printf("lab: selftest %s took %.1f s\n", name, now() - start);
	free(argv);
	free(name);
	free(path);
	/* One that passes may have skipped what matters. */
	p = read_all("/tmp/log");
	if (status || (p && strstr(p, "# SKIP")))
		show("/tmp/log");
	free(p);
	if (cut_short(status, seconds, why, size))
		return FAIL;
	status = WEXITSTATUS(status);
	if (status == 127)
		snprintf(why, size, "cannot be run");
	if (status == PASS)
		*why = 0;
	return status == PASS || status == SKIP ? status : FAIL;
}

/*
 * kselftests [TEST]...: these, or all but the slow ones.  The list has a line for
 * each that was to be built: its name and its arguments, or "slow" before them.
 *
 * Many tests want vCPUs to get CPU time soon, or timer interrupts in time, which an
 * emulator on a shared host does not promise.  One that fails is tried again, and
 * the verdict says so where that helped: what fails every time is what counts.
 * The slow ones get more time instead.
 */
static int step_kselftests(int argc, char **argv)
{
	char *text = read_all("/selftests/list"), **names, *p, *save, why[1024];
	int nr = 0, i, r, count[5] = { 0 }, tries;

	check(text, "no /selftests/list: %m");
	names = calloc(strlen(text) / 2 + 1, sizeof(*names));
	for (p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		bool slow = !strncmp(p, "slow ", 5);

		if (slow)
			p += 5;
		if (argc == 1 ? !slow : wanted(p, argv))
			names[nr++] = p;
	}
	if (!nr)
		skip("not on this machine");
	sub_plan(nr);
	for (i = 0; i < nr; i++) {
		tries = 0;
		do {
			r = one_selftest(names[i], argc == 1 ? 100 : 2400, why, sizeof(why));
		} while (r == FAIL && ++tries < 3 && argc == 1);
		if (r == PASS && tries)
			snprintf(why, sizeof(why), "at try %d", tries + 1);
		names[i][strcspn(names[i], " ")] = 0;
		sub_result(r, i + 1, names[i], why);
		count[r]++;
	}
	note("lab: kselftests: %d pass, %d skip, %d fail", count[PASS], count[SKIP], count[FAIL]);
	/* Single results count; which may fail is up to the one who compares. */
	return PASS;
}

STEP("kselftests", step_kselftests);
