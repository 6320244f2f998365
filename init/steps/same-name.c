// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two VMs of the same name in debugfs, PID-FD: a vCPU keeps the first one alive while the
 * number of its file descriptor is free, and the next VM gets it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/klog.h>

#include "../leftovers.h"
#include "../work.h"

#define SYSLOG_ACTION_READ_ALL	3	/* the kernel's own name, in no header for user space */

/* The VM that has the name, and its directory as it was in the beginning. */
struct owner {
	struct vm vm;
	int number;
	char name[32], dir[96];
	int files;
};

/* How many files there are, all of which can be read; 0 without the directory. */
static int files_in(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	char file[400];
	char *text;
	int nr = 0;

	check(dir || errno == ENOENT, "%s: %m", path);
	while (dir && (d = readdir(dir))) {
		if (*d->d_name == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, d->d_name);
		if (d->d_type == DT_DIR) {
			nr += files_in(file);
			continue;
		}
		text = read_all(file);
		check(text, "%s: %m", file);
		free(text);
		nr++;
	}
	if (dir)
		closedir(dir);
	return nr;
}

/* How often KVM has said that the name is taken. */
static int said_taken(const struct owner *o)
{
	static char log[1 << 20];
	char line[64], *p = log;
	int len = klogctl(SYSLOG_ACTION_READ_ALL, log, sizeof(log) - 1), nr = 0;

	check(len >= 0, "klogctl: %m");
	log[len] = 0;
	snprintf(line, sizeof(line), "duplicate directory %s\n", o->name);
	while ((p = strstr(p, line))) {
		p += strlen(line);
		nr++;
	}
	return nr;
}

static void check_files(const struct owner *o, const char *fmt, int nth)
{
	int files = files_in(o->dir);
	char when[64];

	snprintf(when, sizeof(when), fmt, nth);
	check(files == o->files, "%s: %d files in %s, not %d", when, files, o->dir, o->files);
}

/* The VM keeps its name, and user space has only its vCPU. */
static void close_vm(struct owner *o)
{
	close(o->vm.fd);
	o->vm.fd = -1;
	check_files(o, "its file descriptor is closed", 0);
}

static void become_owner(struct owner *o)
{
	vm_init(&o->vm, &code_hello, 0);
	o->number = o->vm.fd;
	snprintf(o->name, sizeof(o->name), "%d-%d", gettid(), o->number);
	snprintf(o->dir, sizeof(o->dir), STATS "%s", o->name);
	o->files = files_in(o->dir);
	/* One of them is of the vCPU. */
	check(o->files > 10, "%d files in %s", o->files, o->dir);
}

static void check_runs(struct vm *vm, const char *who)
{
	check(machine_lacks("guest") || vm_getc(vm) > 0, "%s has no output", who);
}

/* The next one gets the number and is called the same, but has no directory. */
static void create_second(struct owner *o, struct vm *vm, int said)
{
	struct leftovers before = leftovers();

	vm->fd = vm_created();
	check(vm->fd == o->number, "it is number %d, not %d", vm->fd, o->number);
	check(said_taken(o) == said, "it was said %d times that %s is taken, not %d",
	      said_taken(o), o->name, said);
	check_files(o, "the second VM is created", 0);
	vm_init(vm, &code_hello, 0);
	check_files(o, "the second VM has a vCPU", 0);
	check(leftovers().debugfs == before.debugfs, "it has files elsewhere");
}

/*
 * same-name: the second VM is created, KVM warns once, and whoever of the two goes first
 * leaves the directory of the other one alone.
 */
static int step_same_name(int argc, char **argv)
{
	struct owner first = {}, third = {};
	struct leftovers before;
	struct vm second = {};

	/* What belongs to the process stays. */
	vm_hello();
	before = leftovers();
	become_owner(&first);
	close_vm(&first);
	create_second(&first, &second, 1);
	check_runs(&first.vm, "the first VM");
	check_runs(&second, "the second VM");
	vm_free(&second);
	check_files(&first, "the second VM is gone", 0);
	check_runs(&first.vm, "the first VM");

	create_second(&first, &second, 2);
	vm_free(&first.vm);
	check(!files_in(first.dir), "the first VM is gone, and %s is not", first.dir);
	check_runs(&second, "the second VM");

	/* Nobody has the name now, and the next one does. */
	close(second.fd);
	second.fd = -1;
	become_owner(&third);
	check(third.number == first.number, "it is number %d, not %d", third.number,
	      first.number);
	check(said_taken(&first) == 2, "%s is not taken", first.name);
	check_runs(&second, "the second VM");
	vm_free(&second);
	check_files(&third, "the second VM is gone, and had no directory", 0);
	check_runs(&third.vm, "the third VM");
	vm_free(&third.vm);
	check(!files_in(first.dir), "the third VM is gone, and %s is not", first.dir);
	check_leftovers(&before, "all of them are gone");
	note("lab: %d files of the first VM survived", first.files);
	return PASS;
}

STEP("same-name", step_same_name);

/* -1, and errno is ENOMEM, or a file descriptor; *left as fail_nth(). */
static int create_nth(int nth, int *left)
{
	int fd;

	fail_nth(nth);
	fd = vm_create();
	*left = fail_nth(0);
	return fd;
}

static int create_vcpu_nth(int nth, int *left)
{
	int vm = vm_created(), vcpu, error;

	fail_nth(nth);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	error = errno;
	*left = fail_nth(0);
	close(vm);
	errno = error;
	return vcpu;
}

/* Each allocation fails once.  Returns how many of them the second one cannot do without. */
static int fail_each(struct owner *o, const char *what, int (*create)(int nth, int *left))
{
	struct leftovers before = leftovers();
	int nth, left = 0, failed = 0, fd;

	for (nth = 1; !left; nth++) {
		fd = create(nth, &left);
		check(fd >= 0 || !left, "point %d: %s without a fault: %m", nth, what);
		check(fd >= 0 || errno == ENOMEM, "point %d: %s: not 'out of memory', but: %m",
		      nth, what);
		if (fd >= 0)
			close(fd);
		else
			failed++;
		check_files(o, "point %d", nth);
		check_leftovers(&before, "point %d, %s", nth, what);
	}
	check_runs(&o->vm, "the first VM");
	note("lab: %s next to a VM of the same name: %d failures, %d more that it did without",
	     what, failed, nth - 2 - failed);
	return failed;
}

/* same-name-fails: the creation of the second one, or of its vCPU, fails. */
static int step_same_name_fails(int argc, char **argv)
{
	struct owner first = {};
	struct leftovers before;
	struct vm second = {};

	arm_faults();
	vm_hello();
	before = leftovers();
	/* Opens what it needs: not to take the number of the VM. */
	fail_nth(0);
	become_owner(&first);
	close_vm(&first);
	check(fail_each(&first, "KVM_CREATE_VM", create_nth) > 5, "too few failures");
	check(fail_each(&first, "KVM_CREATE_VCPU", create_vcpu_nth) > 5, "too few failures");
	vm_init(&second, &code_hello, 0);
	check(second.fd == first.number, "it is number %d, not %d", second.fd, first.number);
	check_runs(&second, "the second VM");
	vm_free(&first.vm);
	vm_free(&second);
	check_leftovers(&before, "both of them are gone");
	return PASS;
}

STEP("same-name-fails", step_same_name_fails);
