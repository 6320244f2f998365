// SPDX-License-Identifier: GPL-2.0-only
/* The init of every machine: see lab.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "lab.h"

#define STEP_SECONDS	2500
#define REASON_SIZE	4096

static int report = STDOUT_FILENO;

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void report_raw(const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = write(report, text, len);

		if (n <= 0)
			return;
		text += n;
		len -= n;
	}
}

static void report_line(const char *prefix, const char *fmt, va_list ap)
{
	char *text, *line, *nl;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	/* One line is one line, whatever a test printed. */
	while ((nl = strpbrk(text, "\n\r")))
		*nl = ' ';
	/* In one write: lines of several processes do not mix. */
	if (asprintf(&line, "%s%s\n", prefix, text) < 0)
		abort();
	report_raw(line);
	free(line);
	free(text);
}

static void report_fmt(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_line("", fmt, ap);
	va_end(ap);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_line("# ", fmt, ap);
	va_end(ap);
}

static const char *const words[] = { [PASS] = "ok", [FAIL] = "not ok", [SKIP] = "ok" };

static void result_line(const char *indent, int result, int nr, const char *name,
			const char *why)
{
	report_fmt("%s%s %d %s%s%s", indent, words[result], nr, name,
		   result == SKIP ? " # SKIP " : *why ? " # " : "", why);
}

void sub_plan(int nr)
{
	report_fmt("  KTAP version 1");
	report_fmt("  1..%d", nr);
}

void sub_result(int result, int nr, const char *name, const char *why)
{
	result_line("  ", result, nr, name, why);
}

static int step_nr;
static const char *step_line;

void report_end(void)
{
	result_line("", PASS, step_nr, step_line, "");
	note("lab: complete");
	tcdrain(report);
}

/* A step is a process; what it says about its end reaches the parent here. */
static char *reason;

static void end_step(int result, const char *fmt, va_list ap)
{
	static const char cut[] = " [cut]";

	if (vsnprintf(reason, REASON_SIZE, fmt, ap) >= REASON_SIZE)
		strcpy(reason + REASON_SIZE - sizeof(cut), cut);
	_exit(result);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end_step(FAIL, fmt, ap);
	abort();
}

void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end_step(SKIP, fmt, ap);
	abort();
}

/* Wait for a child, kill it when it takes too long: its status, or -1. */
int wait_for(pid_t pid, int seconds)
{
	double end = now() + seconds;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now() > end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		usleep(2000);
	}
	return status;
}

/* Did a child not get as far as its exit?  How is in @why; @status as from wait_for(). */
bool cut_short(int status, int seconds, char *why, size_t size)
{
	if (status == -1)
		snprintf(why, size, "took more than %d s", seconds);
	else if (WIFSIGNALED(status))
		snprintf(why, size, "killed by signal %d", WTERMSIG(status));
	else
		return false;
	return true;
}

/* A child that did not end well ends the step, which says who and what is known of it. */
void wait_good(pid_t pid, int seconds, const char *who)
{
	int status = wait_for(pid, seconds);
	char why[REASON_SIZE];

	if (!status)
		return;
	if (*reason)
		strcpy(why, reason);
	else if (!cut_short(status, seconds, why, sizeof(why)))
		snprintf(why, sizeof(why), "exit status %d", WEXITSTATUS(status));
	fail("%s: %s", who, why);
}

void in_child(void (*fn)(void), const char *who)
{
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(PASS);
	}
	wait_good(pid, 60, who);
}

bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	buf[len] = 0;
	return true;
}

char *read_all(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t size = 2048, len = 0;
	char *text = NULL;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	while (n > 0) {
		/* Room for what is to come; files of /proc do not tell their size. */
		if (!text || len == size - 1)
			text = realloc(text, size *= 2);
		check(text, "out of memory: %s", path);
		n = read(fd, text + len, size - 1 - len);
		if (n > 0)
			len += n;
	}
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[len] = 0;
	return text;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

/* Stay on a CPU, or on none in particular if it is negative. */
void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0) {
		memset(&set, 0xff, sizeof(set));
	} else {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
	}
	check(!sched_setaffinity(0, sizeof(set), &set), "cannot move to CPU %d: %m", cpu);
}

int nr_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_CONF);
}

uint64_t all_cpus(void)
{
	return BIT(nr_cpus()) - 1;
}

bool set_online(int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return write_file(path, online ? "1" : "0");
}

void offline(int cpu)
{
	check(set_online(cpu, false), "CPU %d does not go offline: %m", cpu);
}

void online(int cpu)
{
	check(set_online(cpu, true), "CPU %d does not come online: %m", cpu);
}

void replug(int cpu)
{
	offline(cpu);
	online(cpu);
}

void suspend(const char *state)
{
	check(write_file("/sys/power/state", state), "cannot suspend: %m");
}

/* The kernel knows kvm-amd.ko as kvm_amd. */
static void module_name(const char *module, char *name, size_t size)
{
	char *p;

	snprintf(name, size, "%s", module);
	for (p = name; *p; p++)
		if (*p == '-')
			*p = '_';
}

/* As modprobe does, params and what the command line has for the module; to be freed. */
static char *with_boot_params(const char *module, const char *params)
{
	char *text = read_all("/proc/cmdline"), *all = strdup(params), *more, *p, *save;
	char name[64];
	size_t n;

	module_name(module, name, sizeof(name));
	n = strlen(name);
	for (p = strtok_r(text, "\n ", &save); p; p = strtok_r(NULL, "\n ", &save)) {
		if (strncmp(p, name, n) || p[n] != '.')
			continue;
		check(asprintf(&more, "%s %s", all, p + n + 1) >= 0, "out of memory");
		free(all);
		all = more;
	}
	free(text);
	return all;
}

/* 0 or the error. */
int try_load(const char *module, const char *params)
{
	char path[128], *all;
	int fd, r;

	snprintf(path, sizeof(path), "/modules/%s.ko", module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0, "no module %s", module);
	all = with_boot_params(module, params);
	r = syscall(SYS_finit_module, fd, all, 0) ? errno : 0;
	free(all);
	close(fd);
	return r;
}

void load(const char *module, const char *params)
{
	int r = try_load(module, params);

	check(!r || r == EEXIST, "cannot load %s: %s", module, strerror(r));
}

void unload(const char *module)
{
	char name[64];

	module_name(module, name, sizeof(name));
	check(!syscall(SYS_delete_module, name, O_NONBLOCK), "cannot unload %s: %m", module);
}

/* What follows key, up to a blank; NULL if it is not there.  It does not change. */
static const char *cmdline_at(const char *key)
{
	static char *text;
	const char *p;

	if (!text)
		text = read_all("/proc/cmdline");
	/* A word of its own. */
	for (p = text; p && (p = strstr(p, key)); p++)
		if (p == text || p[-1] == ' ')
			return p + strlen(key);
	return NULL;
}

const char *cmdline(const char *key)
{
	const char *p = cmdline_at(key);

	return p ? strndup(p, strcspn(p, "\n ")) : "";
}

int kvm_modules(char **names)
{
	char *p, *save;
	int nr = 0;

	p = strtok_r(strdup(cmdline("lab.modules=")), ",", &save);
	for (; p; p = strtok_r(NULL, ",", &save)) {
		check(nr < MAX_MODULES, "lab.modules= has more than %d", MAX_MODULES);
		names[nr++] = p;
	}
	return nr;
}

bool machine_lacks(const char *what)
{
	const char *p = cmdline_at("lab.lacks=");
	size_t n;

	for (; p; p = p[n] == ',' ? p + n + 1 : NULL) {
		n = strcspn(p, ",\n ");
		if (n == strlen(what) && !strncmp(p, what, n))
			return true;
	}
	return false;
}

/* The linker's: what STEP() has put there. */
extern const struct step *const __start_lab_steps[], *const __stop_lab_steps[];

static const struct step *find_step(const char *name, const char **why)
{
	const struct step *const *s, *found = NULL;

	*why = "init has no such step";
	for (s = __start_lab_steps; s < __stop_lab_steps; s++) {
		if (strcmp((*s)->name, name))
			continue;
		if (found) {
			*why = "init has two steps of this name";
			return NULL;
		}
		found = *s;
	}
	return found;
}

/* A step and its arguments, with blanks in between. */
static void run_step(int nr, const char *line)
{
	/* No more words than every other character can be. */
	char **argv = calloc(strlen(line) / 2 + 2, sizeof(*argv));
	char *copy = strdup(line), *p, *save;
	const struct step *step = NULL;
	const char *why = "no step";
	int argc = 0, status, result;
	double start = now();
	pid_t pid;

	for (p = strtok_r(copy, " \t", &save); p; p = strtok_r(NULL, " \t", &save))
		argv[argc++] = p;
	if (argc)
		step = find_step(argv[0], &why);
	if (!step) {
		result_line("", FAIL, nr, line, why);
		return;
	}

	printf("lab: step %d: %s\n", nr, line);
	*reason = 0;
	step_nr = nr;
	step_line = line;
	pid = fork();
	if (!pid) {
		setsid();
		pin(-1);
		_exit(step->run(argc, argv));
	}
	status = wait_for(pid, STEP_SECONDS);
	if (cut_short(status, STEP_SECONDS, reason, REASON_SIZE)) {
		result = FAIL;
	} else {
		result = WEXITSTATUS(status);
		if (result != PASS && result != SKIP)
			result = FAIL;
	}
	result_line("", result, nr, line, reason);
	note("step %d took %.1f s", nr, now() - start);
	free(copy);
	free(argv);
}

/* The steps of this boot, one a line; boot.sh takes them from the scenario. */
#define STEPS	"/steps"

static void run_steps(char *text)
{
	char *line, *save;
	struct utsname u;
	int nr = 0, i;

	for (line = text + strspn(text, "\n"); *line; line += strspn(line, "\n")) {
		nr++;
		line += strcspn(line, "\n");
	}

	report_fmt("KTAP version 1");
	report_fmt("1..%d", nr ?: 1);
	if (!uname(&u))
		note("lab: kernel=%s", u.release);
	note("lab: cpus=%d", nr_cpus());
	line = strtok_r(text, "\n", &save);
	for (i = 1; line; i++, line = strtok_r(NULL, "\n", &save))
		run_step(i, line);
	if (!nr)
		result_line("", FAIL, 1, STEPS, "no step in it");
	/* Without this line the report is not whole. */
	note("lab: complete");
}

/* For people: a shell, or where there is none a prompt that takes steps. */
static void shell(void)
{
	char *line = NULL;
	size_t size = 0;
	pid_t pid;
	int nr = 0;

	if (!access("/bin/busybox", X_OK)) {
		pid = fork();
		if (!pid) {
			setsid();
			ioctl(0, TIOCSCTTY, 1);
			execl("/bin/busybox", "sh", NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
		return;
	}
	printf("lab: no shell for this architecture; a step, as in scenarios/, or 'exit'\n");
	while (printf("lab> "), fflush(stdout), getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, "exit"))
			break;
		if (*line)
			run_step(++nr, line);
	}
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static void open_report(const char *tty)
{
	double end = now() + 20;
	struct termios t;
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", tty);
	/* A port of virtio appears when the host has answered. */
	do {
		report = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	} while (report < 0 && errno == ENOENT && now() < end && !usleep(10000));
	if (report < 0) {
		printf("lab: cannot open %s for the report\n", path);
		return;
	}
	if (!tcgetattr(report, &t)) {
		cfmakeraw(&t);
		cfsetspeed(&t, B115200);
		tcsetattr(report, TCSANOW, &t);
	}
}

/*
 * Without /steps there is nobody to report to: a shell.  If stdin is not a terminal with
 * somebody at it, the machine runs into its timeout, and has reported nothing.
 */
int main(void)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev", "/tmp", "/dev/shm", "/root" };
	const char *scenario;
	char *steps;
	unsigned int i;

	for (i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		mkdir(dirs[i], 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/shm", 0755);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	open_console();

	setenv("PATH", "/bin", 1);
	setenv("HOME", "/root", 1);
	/* The selftests map more memory than they touch. */
	write_file("/proc/sys/vm/overcommit_memory", "1");
	/* s390: page tables that can be a guest's, for all processes from now on. */
	write_file("/proc/sys/vm/allocate_pgste", "1");
	reason = mmap(NULL, REASON_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	/* A step may need a CPU on which nothing returns to user space. */
	pin(0);
	scenario = cmdline("lab.scenario=");
	printf("lab: init, scenario %s\n", scenario);
	steps = read_all(STEPS);
	if (!steps || !strcmp(scenario, "shell")) {
		shell();
	} else {
		open_report(cmdline("lab.report="));
		run_steps(steps);
		tcdrain(report);
	}

	sync();
	reboot(RB_POWER_OFF);
	/* Some machines cannot be powered off: a restart ends them as well. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
