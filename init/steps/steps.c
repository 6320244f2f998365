// SPDX-License-Identifier: GPL-2.0-only
/* Steps for every machine: modules, guests, hotplug, tests of the kernel tree. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../lab.h"

#ifndef SYS_kexec_file_load
#define SYS_kexec_file_load	-1	/* MIPS: there is no such system call */
#endif

/* "vendor" is the last of the machine's own modules. */
static const char *real_name(const char *module)
{
	char *own[MAX_MODULES];

	return strcmp(module, "vendor") ? module : own[kvm_modules(own) - 1];
}

/* load [MODULE[:PARAMETER]...]...: in this order; if none is named, the machine's own. */
static int step_load(int argc, char **argv)
{
	char *own[MAX_MODULES], **modules = argv + 1;
	int nr = argc - 1, i;

	if (!nr) {
		modules = own;
		nr = kvm_modules(own);
	}
	for (i = 0; i < nr; i++) {
		char *params = modules[i], *name = strsep(&params, ":"), *p = params;

		while (p && (p = strchr(p, ':')))
			*p = ' ';
		load(real_name(name), params ?: "");
		note("lab: loaded=%s", real_name(name));
	}
	return PASS;
}

STEP("load", step_load);

/* unload [MODULE]...: in this order, or the machine's own, last one first. */
static int step_unload(int argc, char **argv)
{
	char *own[MAX_MODULES];
	int i;

	if (machine_lacks("reload"))
		skip("not on this machine");
	for (i = 1; i < argc; i++)
		unload(real_name(argv[i]));
	if (argc == 1)
		for (i = kvm_modules(own) - 1; i >= 0; i--)
			unload(own[i]);
	return PASS;
}

STEP("unload", step_unload);

/* refused: the last module says that this machine has no virtualization. */
static int step_refused(int argc, char **argv)
{
	char *modules[MAX_MODULES], path[128];
	int nr = kvm_modules(modules), i, fd;

	for (i = 0; i < nr - 1; i++)
		load(modules[i], "");
	snprintf(path, sizeof(path), "/modules/%s.ko", modules[nr - 1]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0, "no module %s", modules[nr - 1]);
	check(syscall(SYS_finit_module, fd, "", 0), "%s was loaded", modules[nr - 1]);
	check(errno == ENODEV, "%s: not 'no such device', but: %m", modules[nr - 1]);
	check(access("/dev/kvm", F_OK), "/dev/kvm is there");
	check(access("/sys/kernel/debug/kvm", F_OK), "debugfs still has a directory kvm");
	for (i = nr - 2; i >= 0; i--)
		unload(modules[i]);
	note("lab: refused=%s: %s", modules[nr - 1], strerror(ENODEV));
	return PASS;
}

STEP("refused", step_refused);

static void create(void)
{
	struct vm vm = {};

	vm_init(&vm, &code_hello, 0);
}

/* reload N: the machine's modules out and in, a VM in between, each time. */
static int step_reload(int argc, char **argv)
{
	char *own[MAX_MODULES];
	int rounds = atoi(argv[1]), nr = kvm_modules(own), i, k;
	char when[32];

	if (machine_lacks("reload"))
		skip("not on this machine");
	for (i = 0; i < rounds; i++) {
		for (k = nr - 1; k >= 0; k--)
			unload(own[k]);
		check(access("/dev/kvm", F_OK), "/dev/kvm is there without KVM");
		for (k = 0; k < nr; k++)
			load(own[k], "");
		snprintf(when, sizeof(when), "round %d", i + 1);
		in_child(create, when);
	}
	note("lab: unloaded and loaded %d times", rounds);
	return PASS;
}

STEP("reload", step_reload);

/* hello: a guest that says who runs it. */
static int step_hello(int argc, char **argv)
{
	struct vm vm = {};
	char text[128] = "";
	unsigned int len = 0;
	int c;

	if (machine_lacks("guest"))
		skip("not on this machine");
	vm_init(&vm, &code_hello, 0);
	while (len < sizeof(text) - 1 && (c = vm_getc(&vm)) != '\n')
		text[len++] = c;
	check(strstr(text, vm_signature), "the guest printed '%s'", text);
	note("lab: guest=%s", text);
	vm_free(&vm);
	return PASS;
}

STEP("hello", step_hello);

/* vms N: that many at the same time, some with a vCPU; then none. */
static int step_vms(int argc, char **argv)
{
	int nr = atoi(argv[1]), i;
	struct vm *vms = calloc(nr, sizeof(*vms));

	for (i = 0; i < nr; i++)
		vm_init(&vms[i], i % 2 ? &code_hello : NULL, 0);
	for (i = 0; i < nr; i++)
		vm_free(&vms[i]);
	note("lab: vms=%d", nr);
	return PASS;
}

STEP("vms", step_vms);

/*
 * A VM that is alive while something happens to the machine.  Its vCPU computes,
 * unless the machine cannot run one.
 */
static void *run_forever(void *arg)
{
	int r;

	while ((r = vm_run(arg)) == -EINTR)
		;
	fail("the guest stopped with exit reason %d", r);
}

static uint32_t counter(struct vm *vm)
{
	return *(volatile uint32_t *)(vm->mem + VM_COUNTER);
}

static void expect_progress(struct vm *vm, const char *when)
{
	uint32_t old = counter(vm);
	double end = now() + 20;

	if (machine_lacks("guest"))
		return;
	while (counter(vm) == old) {
		check(now() < end, "the guest does not run any more %s", when);
		usleep(1000);
	}
}

static void start_counting(struct vm *vm)
{
	pthread_t thread;

	vm_init(vm, &code_count, 0);
	if (!machine_lacks("guest"))
		check(!pthread_create(&thread, NULL, run_forever, vm), "pthread_create");
	expect_progress(vm, "from the start");
}

/* hotplug ROUNDS: take CPUs away and back while a guest computes. */
static int step_hotplug(int argc, char **argv)
{
	int rounds = atoi(argv[1]), cpus = nr_cpus(), i, cpu;
	struct vm vm = {};

	if (machine_lacks("hotplug"))
		skip("not on this machine");
	check(cpus > 1, "this machine has one CPU");
	start_counting(&vm);
	for (i = 0; i < rounds; i++) {
		for (cpu = 1; cpu < cpus; cpu++) {
			offline(cpu);
			expect_progress(&vm, "with a CPU offline");
		}
		for (cpu = 1; cpu < cpus; cpu++) {
			online(cpu);
			expect_progress(&vm, "with the CPU back");
		}
	}
	note("lab: hotplug=%d CPUs, %d times", cpus - 1, rounds);
	note("guest counted to %u", counter(&vm));
	return PASS;
}

STEP("hotplug", step_hotplug);

/*
 * churn SECONDS: VMs come and go, the first and the last one as often as others, while
 * CPUs do.  Lockdep and the like are who looks.
 */
static int step_churn(int argc, char **argv)
{
	/* Not in a register: HV of POWER was seen to lose user space's, see docs/bugs.md. */
	volatile double end = now() + atoi(argv[1]);
	int cpus = nr_cpus(), i;
	struct vm vm = {};
	long *count, n;
	pid_t pids[3];

	if (machine_lacks("hotplug"))
		skip("not on this machine");
	check(cpus > 1, "this machine has one CPU");
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(count != MAP_FAILED, "mmap: %m");
	/* fork() and munmap() have the firmware flush TLBs of the CPUs where the task was. */
	if (machine_lacks("fences"))
		pin(0);
	if (machine_lacks("ail"))
		load("ail", "");
	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		for (n = 0; now() < end; n++, count[i]++) {
			if (!i) {
				replug(1 + n % (cpus - 1));
				continue;
			}
			if (n % 2) {
				vm_hello();
				continue;
			}
			/* Every other one without a vCPU. */
			vm_init(&vm, NULL, 0);
			vm_free(&vm);
		}
		_exit(PASS);
	}
	for (i = 0; i < 3; i++)
		wait_good(pids[i], atoi(argv[1]) + 120, i ? "who creates VMs" : "CPU hotplug");
	note("lab: %ld CPUs replugged, %ld VMs", count[0], count[1] + count[2]);
	check(count[0] > 5 && count[1] > 5 && count[2] > 5, "too few");
	return PASS;
}

STEP("churn", step_churn);

/*
 * suspend: to RAM and back, with a vCPU running.  The RTC wakes the machine; one
 * without suspend of its own borrows it from a test module, which goes through
 * the same callbacks of the kernel and does nothing at the bottom.
 */
static int step_suspend(int argc, char **argv)
{
	bool real = !access("/sys/class/rtc/rtc0/wakealarm", W_OK);
	double start, length;
	struct vm vm = {};

	if (machine_lacks("suspend"))
		skip("not on this machine");
	if (!real)
		load("fakesuspend", "");
	start_counting(&vm);
	if (real)
		check(write_file("/sys/class/rtc/rtc0/wakealarm", "+3"), "wakealarm: %m");
	start = now();
	suspend("mem");
	length = now() - start;
	expect_progress(&vm, "after the resume");
	note("lab: suspended=%s", real ? "mem" : "faked");
	note("the suspend took %.1f s on the monotonic clock", length);
	return PASS;
}

STEP("suspend", step_suspend);

bool has_next(void)
{
	return !access("/next/image", R_OK);
}

void load_next(unsigned long flags)
{
	int image = open("/next/image", O_RDONLY), initrd = open("/next/initrd", O_RDONLY);
	char cmdline[2048], *p;
	double start = now();

	check(image >= 0 && initrd >= 0, "no kernel in /next: %m");
	check(read_file("/proc/cmdline", cmdline, sizeof(cmdline)), "/proc/cmdline: %m");
	cmdline[strcspn(cmdline, "\n")] = 0;
	/* The crash kernel has no memory to reserve for yet another one. */
	p = strstr(cmdline, "crashkernel=");
	while (p && *p && *p != ' ')
		*p++ = ' ';
	check(!syscall(SYS_kexec_file_load, image, initrd, strlen(cmdline) + 1, cmdline, flags),
	      "kexec_file_load: %m");
	note("lab: the next kernel was loaded in %.1f s", now() - start);
}

/*
 * reboot [kexec]: the machine restarts, or jumps into the kernel in /next, while a vCPU
 * runs.  A kernel that was jumped into has no /next: there, it is done.
 */
static int step_reboot(int argc, char **argv)
{
	bool kexec = argc > 1;
	struct vm vm = {};

	if (kexec && !has_next())
		return PASS;
	if (kexec)
		load_next(0);
	start_counting(&vm);
	report_end();
	sync();
	sleep(1);
	reboot(kexec ? RB_KEXEC : RB_AUTOBOOT);
	fail("reboot: %m");
}

STEP("reboot", step_reboot);

void read_calls(int nr, int *calls)
{
	char text[128], *p = text;
	int i;

	check(read_file("/sys/module/count/parameters/calls", text, sizeof(text)),
	      "count.ko does not say anything: %m");
	for (i = 0; i < nr; i++)
		calls[i] = strtol(p, &p, 10);
}

/*
 * calls WORD CREATE DESTROY: these functions of the kernel are called once when a VM
 * comes and goes, and never on a machine that lacks WORD.
 */
static int step_calls(int argc, char **argv)
{
	int each = !machine_lacks(argv[1]), rounds = 5, calls[2], i;
	char functions[128];
	struct vm vm = {};

	snprintf(functions, sizeof(functions), "functions=%s,%s", argv[2], argv[3]);
	load("count", functions);
	for (i = 1; i <= rounds; i++) {
		vm_init(&vm, &code_hello, 0);
		read_calls(2, calls);
		check(calls[0] == i * each && calls[1] == (i - 1) * each,
		      "with VM %d: %s called %d times, %s %d", i, argv[2], calls[0],
		      argv[3], calls[1]);
		vm_free(&vm);
		read_calls(2, calls);
		check(calls[0] == i * each && calls[1] == i * each,
		      "after VM %d: %s called %d times, %s %d", i, argv[2], calls[0],
		      argv[3], calls[1]);
	}
	unload("count");
	note("lab: %d VMs: %s called %d times, %s %d", rounds, argv[2], calls[0], argv[3],
	     calls[1]);
	return PASS;
}

STEP("calls", step_calls);

/*
 * kunit MODULE SUITE: load the suite and pass its results on.  They are read from
 * the kernel's log: what debugfs has is cut off where a case printed a lot.
 */
static int step_kunit(int argc, char **argv)
{
	char path[128], record[1024], *p;
	int fd, n, result = SKIP;

	snprintf(path, sizeof(path), "/modules/%s.ko", argv[1]);
	if (access(path, R_OK))
		skip("this kernel has no %s.ko", argv[1]);
	load("kunit", "");
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	check(fd >= 0 && lseek(fd, 0, SEEK_END) >= 0, "/dev/kmsg: %m");
	load(argv[1], "");
	while ((n = read(fd, record, sizeof(record) - 1)) > 0) {
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
	static char text[1 << 20];
	char *p, *save;

	*line = 0;
	if (!read_file(path, text, sizeof(text)))
		return;
	for (p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		p += strspn(p, " \t");
		/* kselftest's backtraces come after what failed. */
		if (strstr(p, "FAIL") || strstr(p, "!=") || strstr(p, "==") ||
		    strstr(p, "failed") || strstr(p, "Assert") || strstr(p, "SKIP") ||
		    strstr(p, "equirement"))
			snprintf(line, size, "%s", p);
	}
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

/* Is the test of this line one of those that a scenario names, and the machine runs? */
static bool wanted(const char *line, char **names)
{
	size_t len = strcspn(line, " ");

	while (*++names)
		if (strlen(*names) == len && !strncmp(*names, line, len))
			return !machine_lacks(*names);
	return false;
}

/* Runs the test of a line, which is its name and its arguments. */
static int one_selftest(const char *line, int seconds, char *why, size_t size)
{
	char name[160], path[192], *argv[16] = { path }, *p, *save;
	int status, fd, argc = 1;
	double start = now();
	pid_t pid;

	printf("lab: selftest %s\n", line);
	snprintf(name, sizeof(name), "%s", line);
	strtok_r(name, " ", &save);
	while ((p = strtok_r(NULL, " ", &save)) && argc < 15)
		argv[argc++] = p;
	snprintf(path, sizeof(path), "/selftests/%s", name);
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
	if (status)
		show("/tmp/log");
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
	static char text[16384];
	char *names[256], *p, *save, why[200];
	int nr = 0, i, r, count[5] = { 0 }, tries;

	check(read_file("/selftests/list", text, sizeof(text)), "no /selftests/list: %m");
	for (p = strtok_r(text, "\n", &save); p && nr < 256; p = strtok_r(NULL, "\n", &save)) {
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

/* leaks: nothing that kmemleak would report. */
static int step_leaks(int argc, char **argv)
{
	static char text[65536];
	int i;

	if (access(KMEMLEAK, W_OK))
		skip("no kmemleak in this kernel");
	/* What is reported did not change since the scan before, and is 5 s old. */
	for (i = 0; i < 2; i++) {
		check(write_file(KMEMLEAK, "scan"), "cannot start a scan: %m");
		if (!i)
			sleep(6);
	}
	check(read_file(KMEMLEAK, text, sizeof(text)), "cannot read the result: %m");
	if (*text) {
		printf("%s\n", text);
		fail("leaks, see the console");
	}
	return PASS;
}

STEP("leaks", step_leaks);
