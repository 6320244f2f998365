// SPDX-License-Identifier: GPL-2.0-only
/* Steps for a machine with Debian's userland: its tools, its QEMU, its kernel as a guest. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "../lab.h"

/* Run a command of the shell; the step fails if it fails. */
static void __attribute__((format(printf, 1, 2))) sh(const char *fmt, ...)
{
	char *command;
	va_list ap;
	int status;

	va_start(ap, fmt);
	check(vasprintf(&command, fmt, ap) >= 0, "out of memory");
	va_end(ap);
	status = system(command);
	check(!status, "%s: status %#x", command, status);
	free(command);
}

/* load-modprobe MODULE...: those of the kernel's package. */
static int step_load_modprobe(int argc, char **argv)
{
	while (*++argv) {
		sh("modprobe %s", *argv);
		note("lab: loaded=%s", *argv);
	}
	return PASS;
}

STEP("load-modprobe", step_load_modprobe);

/* How often text is in the file; 0 without one. */
static int count_in(const char *path, const char *text)
{
	char *all = read_all(path), *p;
	int nr = 0;

	for (p = all; p && (p = strstr(p, text)); p++)
		nr++;
	free(all);
	return nr;
}

#define GUEST_REPORT	"guest.report"
#define WORKED		"lab: disk="

static pid_t start_qemu(void)
{
	pid_t pid = fork();
	int log;

	if (pid)
		return pid;
	log = open("guest.qemu", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	dup2(log, 1);
	dup2(log, 2);
	execlp("sh", "sh", "-c", "exec qemu-system-x86_64 -machine q35,accel=kvm -cpu host -smp 2 "
	       "-m 256M -display none -vga none -nic none -no-reboot "
	       "-serial file:guest.console -serial file:" GUEST_REPORT " "
	       "-drive file=guest.disk,format=raw,if=virtio "
	       "-kernel /boot/vmlinuz-*-cloud-amd64 -initrd guest.cpio "
	       "-append 'console=ttyS0 panic=-1 lab.scenario=debian-guest lab.report=ttyS1'", NULL);
	_exit(127);
}

/* The guest does another so many rounds of its work. */
static void guest_works(pid_t qemu, int rounds, const char *when)
{
	int before = count_in(GUEST_REPORT, WORKED), status;
	double end = now() + 1200;

	while (count_in(GUEST_REPORT, WORKED) < before + rounds) {
		check(!waitpid(qemu, &status, WNOHANG), "QEMU ended %s with status %#x", when,
		      status);
		check(!count_in(GUEST_REPORT, "not ok"), "the guest failed %s", when);
		check(now() < end, "the guest does not work %s", when);
		usleep(100000);
	}
}

/*
 * qemu-guest ROUNDS: Debian's QEMU boots Debian's kernel, which writes its disk and reads it back
 * with two vCPUs.  Meanwhile each CPU but one goes offline and comes back, that often.
 */
static int step_qemu_guest(int argc, char **argv)
{
	static const char modules[] = "virtio virtio_ring virtio_pci_legacy_dev "
				      "virtio_pci_modern_dev virtio_pci virtio_blk";
	int rounds = atoi(argv[1]), cpus = nr_cpus(), i, cpu, status, fd;
	char *text, *line, *save;
	double start = now();
	pid_t qemu;

	sh("rm -rf guest.* guest; mkdir -p guest/modules; cp host-check guest/init; "
	   "for m in %s; do "
	   "cp /lib/modules/*-cloud-amd64/kernel/drivers/*/$m.ko guest/modules/ || exit; done; "
	   "printf 'load %s\\ndisk\\n' > guest/steps; truncate -s 8M guest.disk; "
	   "cd guest && find . | cpio --quiet -o -H newc > ../guest.cpio", modules, modules);
	qemu = start_qemu();
	guest_works(qemu, 2, "at first");
	note("lab: the guest began to work after %.0f s", now() - start);
	for (i = 0; i < rounds; i++)
		for (cpu = 1; cpu < cpus; cpu++) {
			sh("chcpu -d %d", cpu);
			guest_works(qemu, 1, "with a CPU offline");
			sh("chcpu -e %d", cpu);
			guest_works(qemu, 1, "with the CPU back");
		}
	note("lab: hotplug=%d CPUs, %d times", cpus - 1, rounds);
	fd = open("guest.disk", O_WRONLY);
	check(fd >= 0 && write(fd, "end", 3) == 3, "guest.disk: %m");
	close(fd);
	status = wait_for(qemu, 1200);
	check(!status, "QEMU ended with status %#x", status);
	sh("sed 's/^/guest| /' guest.console");
	text = read_all(GUEST_REPORT);
	check(text && strstr(text, "lab: complete"), "the guest's report is not complete");
	note("lab: guest=%d rounds of work by Debian's kernel", count_in(GUEST_REPORT, WORKED));
	for (line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		if (strncmp(line, "# lab: disk", 11))
			note("guest: %s", line);
		check(strncmp(line, "not ok", 6), "the guest: %s", line);
	}
	return PASS;
}

STEP("qemu-guest", step_qemu_guest);
