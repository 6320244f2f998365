// SPDX-License-Identifier: GPL-2.0-only
/*
 * bad-callers [WHAT]: who calls KVM as nobody should.  Each call fails with the errno that it
 * has to, or works; nothing is lost, and a VM runs afterwards.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../leftovers.h"
#include "../work.h"

#ifndef KVM_CAP_VM_TYPES
#define KVM_CAP_VM_TYPES	235
#endif

#define NOBODY	65534

/* A call that fails, with one errno or another. */
static void check_error(long r, int error, int other, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void check_error(long r, int error, int other, const char *fmt, ...)
{
	char what[256], got[64];
	va_list ap;

	snprintf(got, sizeof(got), "%s", r < 0 ? strerror(errno) : "it worked");
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	check(r < 0 && (errno == error || errno == other), "%s: not '%s', but: %s", what,
	      strerror(error), got);
}

/* Types that there are, as bits; without the capability, 0 is the only one. */
static void bad_types(void)
{
	long types = ioctl(kvm_fd(), KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	unsigned long arg;
	int i, k, fd;

	if (types <= 0)
		types = 1;
	for (i = 0; i < 64; i++) {
		for (k = -1; k <= 1; k++) {
			arg = (1ul << i) + k;
			fd = ioctl(kvm_fd(), KVM_CREATE_VM, arg);
			if (arg < 64 && types & (1l << arg))
				check(fd >= 0 && !close(fd), "KVM_CREATE_VM of type %#lx: %m", arg);
			else
				check_error(fd, EINVAL, 0, "KVM_CREATE_VM of type %#lx", arg);
		}
	}
	fd = vm_created();
	for (i = 12; i < 32; i++)
		check_error(ioctl(fd, KVM_CREATE_VCPU, 1ul << i), EINVAL, 0,
			    "KVM_CREATE_VCPU %#lx", 1ul << i);
	check(ioctl(fd, KVM_CREATE_VCPU, 0) >= 0, "KVM_CREATE_VCPU: %m");
	check_error(ioctl(fd, KVM_CREATE_VCPU, 0), EEXIST, 0, "KVM_CREATE_VCPU twice");
	check_error(ioctl(fd, KVM_CREATE_VM, 0), ENOTTY, EINVAL, "KVM_CREATE_VM on a VM");
	check_error(ioctl(kvm_fd(), KVM_RUN, 0), EINVAL, ENOTTY, "KVM_RUN on /dev/kvm");
}

/* No more file descriptors than there are: the next one would be the lowest free one. */
static void no_more_fds(void)
{
	int next = dup(0);
	struct rlimit limit = { next, next };

	close(next);
	check(!setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE: %m");
}

static void no_fds(void)
{
	int vm = vm_created(), vcpu = ioctl(vm, KVM_CREATE_VCPU, 0), i;
	struct kvm_create_device vfio = { .type = KVM_DEV_TYPE_VFIO };

	check(vcpu >= 0, "KVM_CREATE_VCPU: %m");
	no_more_fds();
	for (i = 0; i < 20; i++) {
		check_error(vm_create(), EMFILE, 0, "KVM_CREATE_VM");
		check_error(ioctl(vm, KVM_CREATE_VCPU, 1), EMFILE, 0, "KVM_CREATE_VCPU");
		check_error(ioctl(vm, KVM_GET_STATS_FD, 0), EMFILE, 0, "KVM_GET_STATS_FD");
		check_error(ioctl(vcpu, KVM_GET_STATS_FD, 0), EMFILE, 0,
			    "KVM_GET_STATS_FD of a vCPU");
		check_error(ioctl(vm, KVM_CREATE_DEVICE, &vfio), EMFILE, ENODEV,
			    "KVM_CREATE_DEVICE");
	}
	/* A vCPU that got no file is not there, and can be had once there is room. */
	close(0);
	check(ioctl(vm, KVM_CREATE_VCPU, 1) == 0, "KVM_CREATE_VCPU with room again: %m");
}

static void become_nobody(void)
{
	kvm_fd();
	check(!setgid(NOBODY) && !setuid(NOBODY), "setuid: %m");
}

/*
 * There is a descriptor, but no file: that is found out when the VM is complete.  Root may
 * have more files than there may be.
 */
static void no_files(void)
{
	int vm = vm_created(), i;

	become_nobody();
	for (i = 0; i < 20; i++) {
		check_error(vm_create(), ENFILE, 0, "KVM_CREATE_VM");
		check_error(ioctl(vm, KVM_CREATE_VCPU, 1), ENFILE, 0, "KVM_CREATE_VCPU");
	}
}

#define FILE_MAX "/proc/sys/fs/file-max"

static void with_file_max(void)
{
	char old[64];

	check(read_file(FILE_MAX, old, sizeof(old)), FILE_MAX ": %m");
	/* The count that it is compared with is a rough one. */
	check(write_file(FILE_MAX, "0"), FILE_MAX ": %m");
	in_child(no_files, "without a file");
	check(write_file(FILE_MAX, old), FILE_MAX ": %m");
}

static int limited;

/* Nothing of a resource: some are not needed, and none is an excuse for another error. */
static void without_resource(void)
{
	struct rlimit none = { 0, 0 };
	volatile char stack[65536];
	struct vm vm = {};
	int fd, vcpu;

	/* It does not grow any more. */
	stack[0] = 0;
	(void)stack[0];
	kvm_fd();
	check(!setrlimit(limited, &none), "setrlimit: %m");
	fd = vm_create();
	if (limited == RLIMIT_NOFILE) {
		check_error(fd, EMFILE, 0, "KVM_CREATE_VM without RLIMIT_NOFILE");
		return;
	}
	check(fd >= 0 || errno == ENOMEM || errno == EAGAIN, "KVM_CREATE_VM: %m");
	if (fd < 0)
		return;
	vcpu = ioctl(fd, KVM_CREATE_VCPU, 0);
	check(vcpu >= 0 || errno == ENOMEM || errno == EAGAIN, "KVM_CREATE_VCPU: %m");
	if (limited == RLIMIT_AS || limited == RLIMIT_DATA || vcpu < 0)
		return;
	close(vcpu);
	close(fd);
	vm_init(&vm, NULL, 0);
	vm_add_vcpu(&vm, 0, &code_hello);
	/* The thread of the VM may be the process that is one too many. */
	vcpu = vm_run(&vm);
	check(vcpu >= 0 || vcpu == -EAGAIN || vcpu == -ENOMEM, "KVM_RUN: %d", vcpu);
}

static void without_resource_as_nobody(void)
{
	become_nobody();
	without_resource();
}

static void without_resources(void)
{
	char who[64];

	for (limited = 0; limited < RLIM_NLIMITS; limited++) {
		/* Kills by itself. */
		if (limited == RLIMIT_CPU)
			continue;
		snprintf(who, sizeof(who), "root with none of resource %d", limited);
		in_child(without_resource, who);
		snprintf(who, sizeof(who), "nobody with none of resource %d", limited);
		in_child(without_resource_as_nobody, who);
	}
}

/* Who may not open /dev/kvm, nor set parameters, nor look into debugfs. */
static void as_nobody(void)
{
	become_nobody();
	check_error(open("/dev/kvm", O_RDWR), EACCES, 0, "/dev/kvm");
	check_error(open(PARAMS "nx_huge_pages", O_WRONLY), EACCES, 0, "nx_huge_pages");
	check_error(open(STATS, O_RDONLY), EACCES, ENOENT, STATS);
	/* Who is given it may. */
	vm_hello();
}

static void without_rights(void)
{
	struct stat st;

	check(!fstat(kvm_fd(), &st), "fstat: %m");
	check(!fchmod(kvm_fd(), 0600), "fchmod: %m");
	in_child(as_nobody, "nobody");
	check(!fchmod(kvm_fd(), st.st_mode & 07777), "fchmod: %m");
}

#define STORM	48

/* What has been inherited is another process's, and is there until the last one is gone. */
static void inherit(struct vm *vm, int nr)
{
	struct vm own = {};

	check_error(ioctl(vm->fd, KVM_CREATE_VCPU, 5), EIO, 0, "KVM_CREATE_VCPU, inherited");
	check_error(ioctl(vm->vcpu, KVM_RUN, 0), EIO, 0, "KVM_RUN, inherited");
	switch (nr % 4) {
	case 0:
		vm_hello();
		break;
	case 1:
		/* Killed by itself, with a VM of its own. */
		vm_init(&own, &code_count, 0);
		kill(getpid(), SIGKILL);
		break;
	case 2:
		if (!fork()) {
			usleep(nr * 1000);
			_exit(PASS);
		}
		break;
	}
	_exit(PASS);
}

static void fork_storm(void)
{
	pid_t pids[STORM];
	struct vm vm = {};
	int i, status;

	vm_init(&vm, &code_hello, 0);
	for (i = 0; i < STORM; i++) {
		pids[i] = fork();
		check(pids[i] >= 0, "fork: %m");
		if (!pids[i])
			inherit(&vm, i);
	}
	vm_getc(&vm);
	vm_free(&vm);
	for (i = 0; i < STORM; i++) {
		status = wait_for(pids[i], 60);
		if (!status || (i % 4 == 1 && status == SIGKILL))
			continue;
		check(WIFEXITED(status), "process %d of the storm: status %#x", i, status);
		/* It has said why. */
		_exit(FAIL);
	}
}

/* Texts for files that take a number, a truth value or a word. */
static char long_text[3000];
static const char *const nasty[] = {
	"", "\n", " ", "-1", "0", "1", "2", "-0", "+1", "1 2", "0x10", "010", "1e3", "0b1",
	"65535", "65536", "2147483647", "2147483648", "-2147483648", "4294967295", "4294967296",
	"9223372036854775807", "18446744073709551615", "18446744073709551616",
	"-9223372036854775809", "99999999999999999999999999", "y", "N", "yes", "on", "off",
	"force", "auto", "FORCE", "never", "force\n\n", "%s%n%p", "\xff\xfe", "../..", long_text
};

#define NR_NASTY	(sizeof(nasty) / sizeof(*nasty))

/* A file that does not take a text says what it said before; at last that is put back. */
static void fuzz_parameter(const char *path)
{
	char first[256], before[256], after[256];
	unsigned int i;

	if (!read_file(path, first, sizeof(first)))
		return;
	for (i = 0; i < NR_NASTY; i++) {
		read_file(path, before, sizeof(before));
		if (write_file(path, nasty[i]))
			continue;
		check(errno == EINVAL || errno == ERANGE || errno == EPERM || errno == EBUSY ||
		      errno == EACCES || errno == ENOSPC, "%s=%.20s: %m", path, nasty[i]);
		check(read_file(path, after, sizeof(after)) && !strcmp(before, after),
		      "%s did not take %.20s, and is %s, not %s", path, nasty[i], after, before);
	}
	check(write_file(path, first) || errno == EACCES, "%s=%s: %m", path, first);
}

static void fuzz_debugfs(const char *path)
{
	static char *volatile nowhere;
	int fd = open(path, O_RDONLY);
	char text[16];
	unsigned int i;

	if (fd >= 0) {
		pread(fd, text, 1, 0);
		pread(fd, text, sizeof(text), LONG_MAX - 1);
		pread(fd, nowhere, 100, 0);
		lseek(fd, -1, SEEK_END);
		close(fd);
	}
	for (i = 0; i < NR_NASTY; i++) {
		if (write_file(path, nasty[i]))
			continue;
		check(errno == EINVAL || errno == ERANGE || errno == EPERM || errno == EACCES,
		      "%s, %.20s: %m", path, nasty[i]);
		}
}

static int fuzz_all(const char *dir, void (*fuzz)(const char *path))
{
	struct dirent *d;
	DIR *list = opendir(dir);
	char path[PATH_MAX];
	struct stat st;
	int nr = 0;

	check(list, "%s: %m", dir);
	while ((d = readdir(list))) {
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		if (d->d_name[0] == '.' || lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode)) {
			nr += fuzz_all(path, fuzz);
		} else if (S_ISREG(st.st_mode)) {
			fuzz(path);
			nr++;
		}
	}
	closedir(list);
	return nr;
}

static void fuzz_files(void)
{
	char *modules[MAX_MODULES], path[128], name[64];
	int nr = kvm_modules(modules), i, parameters = 0, files;
	struct vm vm = {};

	memset(long_text, 'A', sizeof(long_text) - 1);
	/* "never" is refused while there is a VM; without one it could not be taken back. */
	vm_init(&vm, &code_hello, 0);
	for (i = 0; i < nr; i++) {
		module_name(modules[i], name, sizeof(name));
		snprintf(path, sizeof(path), "/sys/module/%s/parameters", name);
		if (!access(path, F_OK))
			parameters += fuzz_all(path, fuzz_parameter);
	}
	files = fuzz_all(STATS, fuzz_debugfs);
	vm_getc(&vm);
	vm_free(&vm);
	note("lab: %d parameters, %d files in debugfs", parameters, files);
	check(parameters > 5 && files > 10, "too few");
}

static const struct {
	const char *name;
	void (*run)(void);
} kinds[] = {
	{ "types", bad_types },
	{ "fds", no_fds },
	{ "files", with_file_max },
	{ "resources", without_resources },
	{ "rights", without_rights },
	{ "storm", fork_storm },
	{ "fuzz", fuzz_files },
};

static int step_bad_callers(int argc, char **argv)
{
	struct leftovers before;
	unsigned int i;

	in_child(vm_hello, "the first VM");
	before = leftovers();
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (argc > 1 && strcmp(argv[1], kinds[i].name))
			continue;
		in_child(kinds[i].run, kinds[i].name);
		/* Who has inherited a VM may have it for a while. */
		check_leftovers_soon(&before, kinds[i].name);
		in_child(vm_hello, "a VM afterwards");
	}
	return PASS;
}

STEP("bad-callers", step_bad_callers);
