// SPDX-License-Identifier: GPL-2.0-only
/* A step for a guest that works: see debian-x86.c, which runs it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "../lab.h"

#define DISK	"/dev/vda"
#define CHUNK	0x100000	/* each CPU's part, after the first one */

static uint64_t checksum(const unsigned char *p, size_t n)
{
	uint64_t sum = 0xcbf29ce484222325;

	while (n--)
		sum = (sum ^ *p++) * 0x100000001b3;
	return sum;
}

static void fill(uint64_t *p, size_t n, uint64_t seed)
{
	while (n--) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		*p++ = seed;
	}
}

static void *buffer(void)
{
	void *p = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(p != MAP_FAILED, "mmap: %m");
	return p;
}

/* The host has written "end" to the disk's beginning. */
static bool told_to_end(int disk, char *sector)
{
	check(pread(disk, sector, 512, 0) == 512, DISK ": %m");
	return !strncmp(sector, "end", 3);
}

static void work(int cpu)
{
	int disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC), round;
	off_t at = (off_t)CHUNK * (cpu + 1);
	void *out = buffer(), *in = buffer();
	uint64_t wrote, got;
	double last = now(), next;

	check(disk >= 0, DISK ": %m");
	pin(cpu);
	for (round = 1; !told_to_end(disk, in); round++) {
		fill(out, CHUNK / 8, round * 64 + cpu);
		wrote = checksum(out, CHUNK);
		check(pwrite(disk, out, CHUNK, at) == CHUNK && !fsync(disk), "write: %m");
		check(pread(disk, in, CHUNK, at) == CHUNK, "read: %m");
		got = checksum(in, CHUNK);
		check(got == wrote, "CPU %d, round %d: read %#lx, wrote %#lx", cpu, round, got,
		      wrote);
		next = now();
		check(next >= last, "CPU %d: the clock went back by %f s", cpu, last - next);
		last = next;
		note("lab: disk=CPU %d, round %d, checksum %#lx, at %f", cpu, round, got, now());
	}
}

/*
 * disk: each CPU writes a part of the disk and reads it back, until somebody outside says that it
 * is enough.
 */
static int step_disk(int argc, char **argv)
{
	int cpus = nr_cpus(), cpu;
	pid_t pids[64];

	check(cpus <= 64, "%d CPUs", cpus);
	for (cpu = 0; cpu < cpus; cpu++) {
		pids[cpu] = fork();
		if (!pids[cpu]) {
			work(cpu);
			_exit(PASS);
		}
	}
	for (cpu = 0; cpu < cpus; cpu++)
		wait_good(pids[cpu], 2000, "a CPU's worker");
	return PASS;
}

STEP("disk", step_disk);
