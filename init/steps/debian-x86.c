// SPDX-License-Identifier: GPL-2.0-only
/* Steps for a machine with Debian's userland: its tools, its QEMU, its kernel as a guest. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <string.h>

#include "../lab.h"
#include "../work.h"

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

/* reload-modprobe MODULE: without a VM, it goes and comes back. */
static int step_reload_modprobe(int argc, char **argv)
{
	sh("modprobe -r %s && modprobe %s", argv[1], argv[1]);
	note("lab: reloaded=%s", argv[1]);
	return PASS;
}

STEP("reload-modprobe", step_reload_modprobe);

/* How often text is in the file, in lines that are complete; 0 without one. */
static int count_in(const char *path, const char *text)
{
	char *all = read_all(path), *p;
	int nr = 0;

	for (p = all; p && (p = strstr(p, text)) && strchr(p, '\n'); p++)
		nr++;
	free(all);
	return nr;
}

#define GUEST_REPORT	"guest.report"
#define GUEST_STATUS	"guest.status"	/* of QEMU, once it has ended */
#define WORKED		"lab: disk="
#define SHOW_GUEST	"sed 's/^/guest| /' guest.console guest.qemu"

/* The guest does another so many rounds of its work. */
static void guest_works(int rounds, const char *when)
{
	int before = count_in(GUEST_REPORT, WORKED);
	double end = now() + 1200;

	while (count_in(GUEST_REPORT, WORKED) < before + rounds) {
		if (!access(GUEST_STATUS, F_OK)) {
			sh(SHOW_GUEST);
			fail("QEMU ended %s", when);
		}
		check(!count_in(GUEST_REPORT, "not ok"), "the guest failed %s", when);
		check(now() < end, "the guest does not work %s", when);
		usleep(100000);
	}
}

/*
 * Both clocks when the guest had last done a round: the steps that follow want the guest's to
 * go as fast as the host's.  In a file, as each step is a process of its own.
 */
#define GUEST_CLOCKS	"guest.clocks"
/* What a report on its way, and a host that has no time for the guest, may cost. */
#define CLOCKS_APART	1.0
/* At least so long: a second is 3 % of it. */
#define CLOCKS_SECONDS	30

/* The guest's clock at its last round. */
static double guest_clock(void)
{
	char *all = read_all(GUEST_REPORT), *p, *last = NULL, *at = NULL;
	double clock = 0;

	for (p = all; p && (p = strstr(p, WORKED)) && strchr(p, '\n'); p++)
		last = p;
	if (last)
		at = strstr(last, ", at ");
	if (at)
		clock = atof(at + 5);
	check(clock > 0, "the guest does not say what its clock is");
	free(all);
	return clock;
}

static void remember_clocks(void)
{
	double guest, host;
	FILE *f;

	/* Both are of now: its report has just come. */
	guest_works(1, "when its clock is read");
	host = now();
	guest = guest_clock();
	f = fopen(GUEST_CLOCKS, "w");
	check(f, GUEST_CLOCKS ": %m");
	check(fprintf(f, "%f %f", guest, host) > 0 && !fclose(f), GUEST_CLOCKS ": %m");
}

static void check_clocks(const char *when)
{
	double guest, host, took, apart;
	char text[64];

	check(read_file(GUEST_CLOCKS, text, sizeof(text)), GUEST_CLOCKS ": %m");
	check(sscanf(text, "%lf %lf", &guest, &host) == 2, GUEST_CLOCKS " has '%s'", text);
	do
		guest_works(1, when);
	while ((took = now() - host) < CLOCKS_SECONDS);
	apart = guest_clock() - guest - took;
	note("lab: the guest's clock is %.2f s ahead of the host's after %.0f s, %s", apart,
	     took, when);
	check(apart < CLOCKS_APART && apart > -CLOCKS_APART,
	      "the guest's clock is %.2f s ahead of the host's %s", apart, when);
}

/*
 * guest-start: Debian's QEMU boots Debian's kernel, which writes its disk and reads it back
 * with two vCPUs, until guest-end.
 */
static int step_guest_start(int argc, char **argv)
{
	static const char modules[] = "virtio virtio_ring virtio_pci_legacy_dev "
				      "virtio_pci_modern_dev virtio_pci virtio_blk";
	double start = now();

	sh("rm -rf guest.* guest; mkdir -p guest/modules; cp host-check guest/init; "
	   "for m in %s; do "
	   "cp /lib/modules/*-cloud-amd64/kernel/drivers/*/$m.ko guest/modules/ || exit; done; "
	   "printf 'load %s\\ndisk\\n' > guest/steps; truncate -s 8M guest.disk; "
	   "cd guest && find . | cpio --quiet -o -H newc > ../guest.cpio", modules, modules);
	sh("(setsid qemu-system-x86_64 -machine q35,accel=kvm -cpu host -smp 2 "
	   "-m 256M -display none -vga none -nic none -no-reboot "
	   "-serial file:guest.console -serial file:" GUEST_REPORT " "
	   "-drive file=guest.disk,format=raw,if=virtio "
	   "-kernel /boot/vmlinuz-*-cloud-amd64 -initrd guest.cpio "
	   "-append 'console=ttyS0 panic=-1 lab.scenario=debian-guest lab.report=ttyS1' "
	   "> guest.qemu 2>&1 < /dev/null; "
	   "echo $? > guest.ended; mv guest.ended " GUEST_STATUS ") &");
	guest_works(1, "at first");
	remember_clocks();
	note("lab: the guest began to work after %.0f s", now() - start);
	return PASS;
}

STEP("guest-start", step_guest_start);

/* guest-hotplug ROUNDS: each CPU but one goes offline and comes back, that often. */
static int step_guest_hotplug(int argc, char **argv)
{
	int rounds = atoi(argv[1]), cpus = nr_cpus(), i, cpu;

	for (i = 0; i < rounds; i++)
		for (cpu = 1; cpu < cpus; cpu++) {
			sh("chcpu -d %d", cpu);
			/* The first of both vCPUs may have been done before that. */
			guest_works(3, "with a CPU offline");
			sh("chcpu -e %d", cpu);
			guest_works(1, "with the CPU back");
		}
	check_clocks("after hotplug");
	note("lab: hotplug=%d CPUs, %d times", cpus - 1, rounds);
	return PASS;
}

STEP("guest-hotplug", step_guest_hotplug);

/*
 * guest-beside ROUNDS: while other VMs come and go, KVM's parameters are written, and its
 * statistics are read and cleared.
 */
static int step_guest_beside(int argc, char **argv)
{
	int rounds = atoi(argv[1]), i;
	bool ok;

	for (i = 0; i < rounds; i++) {
		const char *value = set_nx_huge_pages(i, &ok);

		/* "never" is refused once there was a VM. */
		check(ok || !strcmp(value, "never"), "nx_huge_pages %s: %m", value);
		set_nx_recovery(i);
		check(read_statistics(), "no statistics of KVM");
		vm_hello();
		guest_works(1, "beside other VMs");
	}
	check_clocks("beside other VMs");
	note("lab: beside=%d VMs, statistics, nx_huge_pages", rounds);
	return PASS;
}

STEP("guest-beside", step_guest_beside);

/* guest-sleep TIMES: the host sleeps; what the guest's clock makes of that is in bugs.md. */
static int step_guest_sleep(int argc, char **argv)
{
	int times = atoi(argv[1]), i;

	for (i = 0; i < times; i++) {
		sleep_to_ram();
		guest_works(1, "after the host slept");
	}
	remember_clocks();
	check_clocks("after the host slept");
	note("lab: suspended=%d times", times);
	return PASS;
}

STEP("guest-sleep", step_guest_sleep);

/* guest-end: it is told to end, and was right all the time. */
static int step_guest_end(int argc, char **argv)
{
	double end = now() + 1200;
	char *text, *line, *save, status[16];

	check(write_file("guest.disk", "end"), "guest.disk: %m");
	while (!read_file(GUEST_STATUS, status, sizeof(status))) {
		check(now() < end, "the guest does not end");
		usleep(100000);
	}
	sh(SHOW_GUEST);
	check(!atoi(status), "QEMU ended with status %s", status);
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

STEP("guest-end", step_guest_end);
