// SPDX-License-Identifier: GPL-2.0-only
/* Steps for the list of VMs: its readers, the order of locks, the shrinker. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../work.h"
#include "../../modules/lab.h"

#define X		1	/* the CPU that comes online; all else is on CPU 0 */

/*
 * A guest with many shadow pages and little memory: it reads a byte in every 2 MiB
 * of a memslot that user space never touches, i.e. that is the zero page throughout.
 */
#define TOUCH_START	0x10000000
#define TOUCH_SIZE	0x20000000
#define TOUCH_PAGES	(TOUCH_SIZE >> 21)

asm("	.pushsection .rodata\n"
"	.code32\n"
"touch_start:\n"
"	mov	$0x10000000, %ebx\n"
"1:	mov	(%ebx), %al\n"
"	add	$0x200000, %ebx\n"
"	cmp	$0x30000000, %ebx\n"
"	jb	1b\n"
"	out	%al, $0xe9\n"
"	jmp	touch_start\n"
"touch_end:\n"
"	.code64\n"
"	.popsection\n"
);

extern const unsigned char touch_start[], touch_end[];
static const struct code code_touch = { touch_start, touch_end };

static void touch_init(struct vm *vm)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1,
		.guest_phys_addr = TOUCH_START,
		.memory_size = TOUCH_SIZE,
	};
	struct kvm_segment flat = {
		.limit = ~0u, .g = 1, .db = 1, .s = 1, .present = 1, .type = 3
	};
	struct kvm_sregs sregs;
	void *mem;

	vm_init(vm, &code_touch, 0);
	mem = mmap(NULL, TOUCH_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(mem != MAP_FAILED, "mmap: %m");
	region.userspace_addr = (uintptr_t)mem;
	check(!ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region),
	      "KVM_SET_USER_MEMORY_REGION: %m");
	check(!ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS: %m");
	sregs.ds = flat;
	sregs.es = flat;
	sregs.ss = flat;
	flat.type = 11;
	sregs.cs = flat;
	sregs.cr0 |= 1;
	check(!ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS: %m");
}

/* A statistic of one VM, or of all that there are. */
static long stat_of(struct vm *vm, const char *name)
{
	char path[128], text[32];

	if (vm)
		snprintf(path, sizeof(path), STATS "%d-%d/%s", getpid(), vm->fd, name);
	else
		snprintf(path, sizeof(path), STATS "%s", name);
	check(read_file(path, text, sizeof(text)), "no %s: %m", path);
	return atol(text);
}

/* Has KVM a shrinker, which takes shadow pages when memory gets short? */
static bool has_shrinker(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[256];
	bool found = false;

	check(f, "/proc/kallsyms: %m");
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, " mmu_shrink_scan\t");
	fclose(f);
	return found;
}

/*
 * shrink IDLE: memory reclaim takes shadow pages from all VMs that have any, equally,
 * also when IDLE VMs without any are in front of them.
 */
static int step_shrink(int argc, char **argv)
{
	int nr = 8, idle = atoi(argv[1]), rounds = 6, i, k;
	struct vm *vms = calloc(nr, sizeof(*vms));
	long least = -1, most = 0, n;

	if (!has_shrinker())
		skip("this KVM has no shrinker");
	for (i = 0; i < nr; i++)
		touch_init(&vms[i]);
	for (i = 0; i < idle; i++)
		check(vm_create() >= 0, "KVM_CREATE_VM: %m");
	for (k = 0; k < rounds; k++) {
		for (i = 0; i < nr; i++)
			vm_getc(&vms[i]);
		if (!k)
			check(stat_of(&vms[0], "mmu_shadow_zapped") == 0, "zapped too early");
		check(write_file("/proc/sys/vm/drop_caches", "2"), "drop_caches: %m");
	}
	for (i = 0; i < nr; i++) {
		n = stat_of(&vms[i], "mmu_recycled");
		note("VM %d gave up %ld shadow pages", i, n);
		if (least < 0 || n < least)
			least = n;
		if (n > most)
			most = n;
	}
	check(most, "no VM was shrunk");
	check(least * 3 >= most, "one VM gave up %ld pages, another one %ld", least, most);
	note("lab: shrunk with %d idle VMs: %ld to %ld pages of %d per VM", idle, least, most,
	     TOUCH_PAGES * rounds);
	return PASS;
}

STEP("shrink", step_shrink);

/* The same for the one function that a step has counted. */
static int counted(void)
{
	int calls;

	read_calls(1, &calls);
	return calls;
}

/* All that takes locks around vm_list, at the same time, in processes of their own. */
static struct {
	volatile bool stop, suspends;
	unsigned long count[16];
} *all;

static void work_vms(unsigned long *count)
{
	while (!all->stop) {
		vm_hello();
		++*count;
	}
}

/* VMs that stay, so that there are shadow pages to reclaim and VMs to find. */
static void work_touch(unsigned long *count)
{
	struct vm vms[8] = {};
	int i;

	for (i = 0; i < 8; i++)
		touch_init(&vms[i]);
	while (!all->stop) {
		for (i = 0; i < 8; i++)
			vm_getc(&vms[i]);
		usleep(10000);
		++*count;
	}
}

/* A system that is about to sleep lets no CPU come or go by itself. */
static void work_replug(int cpu, bool online)
{
	while (!set_online(cpu, online)) {
		check(errno == EBUSY && all->suspends, "CPU %d does not go %s: %m", cpu,
		      online ? "online" : "offline");
		usleep(1000);
	}
}

static void work_hotplug(unsigned long *count)
{
	int cpu;

	while (!all->stop) {
		for (cpu = 1; cpu < nr_cpus(); cpu++) {
			work_replug(cpu, false);
			work_replug(cpu, true);
			++*count;
		}
	}
}

static void work_cpufreq(unsigned long *count)
{
	int cpu;

	while (!all->stop) {
		for (cpu = 0; cpu < nr_cpus(); cpu++) {
			*count += change_frequency(cpu);
			usleep(5000);
		}
	}
}

static void work_memory(unsigned long *count)
{
	while (!all->stop) {
		short_of_memory(&all->stop);
		++*count;
	}
}

static void work_params(unsigned long *count)
{
	while (!all->stop) {
		bool ok;
		const char *v = set_nx_huge_pages(*count, &ok);

		/* There are VMs all the time. */
		check(ok == !!strcmp(v, "never"), "nx_huge_pages=%s: %m", v);
		set_nx_recovery(*count);
		usleep(50000);
		++*count;
	}
}

static void work_stats(unsigned long *count)
{
	while (!all->stop) {
		check(read_statistics(), "no " STATS ": %m");
		usleep(5000);
		++*count;
	}
}

/*
 * A static key changes under kvm->srcu: an APIC is turned off when no other one has been off
 * for a second.  That takes cpus_read_lock(), on a kernel with jump labels.
 */
static void work_apic(unsigned long *count)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry msr;
	} set = { .head.nmsrs = 1, .msr.index = 0x1b };
	struct vm vm = {};

	vm_init(&vm, &code_hello, VM_IRQCHIP);
	while (!all->stop) {
		/* The address, BSP; enabled or not. */
		set.msr.data = *count % 2 ? 0xfee00900 : 0xfee00100;
		check(ioctl(vm.vcpu, KVM_SET_MSRS, &set) == 1, "IA32_APIC_BASE: %m");
		/* A key that is not needed any more goes after a second. */
		if (*count % 2)
			usleep(1500000);
		++*count;
	}
}

/* All processes but this one are stopped each time, wherever they are. */
static int work_suspend(int seconds)
{
	double end = now() + seconds;
	int nr = 0;

	while (now() < end) {
		/* The last one may still be set: somebody else could not be stopped. */
		write_file("/sys/class/rtc/rtc0/wakealarm", "0");
		check(write_file("/sys/class/rtc/rtc0/wakealarm", "+4"), "wakealarm: %m");
		nr += write_file("/sys/power/state", "mem");
		usleep(500000);
	}
	return nr;
}

/*
 * lock-order SECONDS [quiet | suspend]: for lockdep to look at.  "quiet" leaves the
 * parameters alone: setting them gives the base a deadlock of its own, which lockdep
 * reports on some.  "suspend" has the machine sleep again and again meanwhile.
 */
static int step_lock_order(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(unsigned long *count);
	} workers[] = {
		{ "VMs with a shadow MMU", work_touch },
		{ "VMs created and destroyed", work_vms },
		{ "CPUs replugged", work_hotplug },
		{ "frequency changes", work_cpufreq },
		{ "times short of memory", work_memory },
		{ "times all statistics", work_stats },
		{ "times an APIC on or off", work_apic },
		{ "parameters set", work_params },
	};
	bool quiet = argc > 2 && !strcmp(argv[2], "quiet"), shrinker = has_shrinker();
	int nr = sizeof(workers) / sizeof(*workers) - quiet, i, suspends = 0, scans;
	char text[65536], line[512] = "";
	pid_t pids[16];
	double end;

	check(read_file("/proc/cpuinfo", text, sizeof(text)), "cpuinfo: %m");
	check(!strstr(text, "constant_tsc"), "the TSC is constant: KVM ignores cpufreq");
	load("fakefreq", "");
	if (shrinker)
		load("count", "functions=mmu_shrink_scan");
	reclaim_early();
	all = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(all != MAP_FAILED, "mmap: %m");
	all->suspends = argc > 2 && !quiet;
	for (i = 0; i < nr; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			workers[i].work(&all->count[i]);
			_exit(PASS);
		}
		/* The first one has its VMs when the others begin. */
		end = now() + 30;
		while (!i && !all->count[0] && now() < end)
			usleep(10000);
	}
	if (all->suspends)
		suspends = work_suspend(atoi(argv[1]));
	else
		sleep(atoi(argv[1]));
	/* On a busy host it may take longer until memory gets short. */
	end = now() + 4 * atoi(argv[1]);
	while (shrinker && !counted() && now() < end)
		sleep(1);
	all->stop = true;
	for (i = 0; i < nr; i++) {
		wait_good(pids[i], 60, workers[i].name);
		check(all->count[i], "nothing happened: %s", workers[i].name);
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%lu %s",
			 i ? ", " : "", all->count[i], workers[i].name);
	}
	unload("fakefreq");
	scans = shrinker ? counted() : 0;
	note("lab: %s, %d scans of the shrinker, %d times asleep", line, scans, suspends);
	check(scans || !shrinker, "the shrinker was not called");
	check(suspends || !all->suspends, "the machine did not sleep");
	if (shrinker)
		unload("count");
	return PASS;
}

STEP("lock-order", step_lock_order);

/* nx-never: without VMs it is granted, for good, and VMs do without the thread. */
static int step_nx_never(int argc, char **argv)
{
	check(write_file(PARAMS "nx_huge_pages", "never"), "never: %m");
	check(!write_file(PARAMS "nx_huge_pages", "force") && errno == EPERM, "force: %m");
	vm_hello();
	return PASS;
}

STEP("nx-never", step_nx_never);

/*
 * lock-edges FROM... TO: lockdep has seen no way from one of the first locks to the
 * last one, i.e. who holds it may wait for the others.
 *
 * /proc/lockdep has the edges between locks of which one was taken right after the
 * other.  That leaves out those over a trylock, such as the shrinkers' rwsem, and lockdep
 * itself does not follow those over a recursive reader, such as the SRCU of a notifier chain.
 * Hence /proc/lockdep_chains for whatever was held when the last lock was taken.
 */
#define MAX_CLASSES	8192

static struct class {
	char key[20];
	const char *name;
	int line;		/* of /proc/lockdep; its edges follow */
	int from;		/* the class by which it was reached, -1 if it was not */
	bool outside;		/* held when TO was taken */
} classes[MAX_CLASSES];
static int nr_classes;

static int find_class(const char *key)
{
	size_t len = strcspn(key, "] ");
	int i;

	for (i = 0; i < nr_classes; i++)
		if (strlen(classes[i].key) == len && !strncmp(classes[i].key, key, len))
			return i;
	return -1;
}

/* Lines of a file of /proc, empty ones included; an empty one and NULL follow. */
static char **read_lines(const char *path)
{
	char *text = read_all(path), **lines, *p;
	int nr = 1;

	if (!text)
		return NULL;
	for (p = text; *p; p++)
		nr += *p == '\n';
	lines = calloc(nr + 2, sizeof(*lines));
	check(lines, "out of memory: %s", path);
	for (nr = 0; text; nr++)
		lines[nr] = strsep(&text, "\n");
	lines[nr] = "";
	return lines;
}

static int step_lock_edges(int argc, char **argv)
{
	char **lines = read_lines("/proc/lockdep_chains"), **graph = read_lines("/proc/lockdep");
	int i, k, head = 0, tail = 0, target = -1, start = 0, hit = -1;
	static int queue[MAX_CLASSES];
	char *path, *inner, *stats, *p;
	const char *to = argv[argc - 1];

	if (!lines || !graph)
		skip("this kernel has no lockdep");

	for (i = 0; graph[i]; i++) {
		struct class *c = &classes[nr_classes];

		/* "KEY FD: n BD: n usage: name" */
		if (graph[i][0] == ' ' || !strstr(graph[i], " FD:"))
			continue;
		check(nr_classes < MAX_CLASSES, "more lock classes than %d", MAX_CLASSES);
		c->name = strrchr(graph[i], ' ') + 1;
		snprintf(c->key, sizeof(c->key), "%.*s", (int)strcspn(graph[i], " "), graph[i]);
		check(find_class(c->key) < 0,
		      "two locks have the key %s: boot with no_hash_pointers", c->key);
		c->line = i;
		c->from = -1;
		for (k = 1; k < argc - 1; k++)
			if (!strcmp(c->name, argv[k])) {
				c->from = nr_classes;
				queue[tail++] = nr_classes;
			}
		if (!strcmp(c->name, to))
			target = nr_classes;
		nr_classes++;
	}
	check(tail == argc - 2, "lockdep knows %d of the %d locks to start at", tail, argc - 2);
	check(target >= 0, "lockdep does not know %s", to);

	/* "irq_context: n", then "[KEY] name" from the outside in. */
	for (i = 0; lines[i]; i++) {
		if (lines[i][0] != '[') {
			start = i + 1;
		} else if (find_class(lines[i] + 1) == target) {
			for (k = start; k < i; k++)
				if (find_class(lines[k] + 1) >= 0)
					classes[find_class(lines[k] + 1)].outside = true;
		}
	}
	while (head < tail && hit < 0) {
		int from = queue[head++];

		if (classes[from].outside)
			hit = from;
		for (i = classes[from].line + 1; !strncmp(graph[i], " -> [", 5); i++) {
			k = find_class(graph[i] + 5);
			if (k >= 0 && classes[k].from < 0) {
				classes[k].from = from;
				queue[tail++] = k;
			}
		}
	}
	note("lab: %d lock classes, %d of them inside of the given ones", nr_classes,
	     tail - argc + 2);
	/* A graph that lockdep has stopped to add to says little. */
	stats = read_all("/proc/lockdep_stats");
	check(stats && (p = strstr(stats, "debug_locks:")), "no debug_locks: /proc/lockdep_stats");
	check(strtoul(p + strlen("debug_locks:"), NULL, 10), "lockdep has turned itself off");
	if (hit < 0)
		return PASS;
	path = strdup(to);
	for (i = hit; ; i = classes[i].from) {
		inner = path;
		check(asprintf(&path, "%s -> %s", classes[i].name, inner) >= 0, "out of memory");
		free(inner);
		if (classes[i].from == i)
			break;
	}
	fail("%s", path);
}

STEP("lock-edges", step_lock_edges);

static void *thread_free(void *vm)
{
	vm_free(vm);
	return NULL;
}

static volatile bool is_online;

static void *thread_online(void *failed)
{
	*(bool *)failed = !set_online(X, true);
	is_online = true;
	return NULL;
}

/*
 * vmlist-hotplug: a CPU that comes online and finds a vCPU by way of vm_list is stopped
 * right after that.  The vCPU has to stay until the CPU goes on.
 */
static int step_vmlist_hotplug(int argc, char **argv)
{
	pthread_t online, destroy;
	struct vm vm = {}, other = {};
	uint32_t cpu = X;
	int lab = open_lab(), early;
	double end;
	bool failed, looked;

	load("count", "functions=kvm_arch_vcpu_destroy");
	/* With an APIC, as a vCPU without flips a static key when it goes. */
	vm_init(&vm, &code_count, VM_IRQCHIP);
	offline(X);
	check(!ioctl(lab, LAB_STOP_WALK, &cpu), "LAB_STOP_WALK: %m");
	pthread_create(&online, NULL, thread_online, &failed);
	while (!is_online && ioctl(lab, LAB_HELD) != 1)
		usleep(1000);
	looked = ioctl(lab, LAB_HELD) == 1;
	other = vm;
	pthread_create(&destroy, NULL, thread_free, &other);
	end = now() + 5;
	while (!(early = counted()) && now() < end)
		usleep(10000);
	ioctl(lab, LAB_LET_GO);
	pthread_join(online, NULL);
	pthread_join(destroy, NULL);
	check(!failed, "CPU %d did not come online", X);
	check(counted() == 1, "the vCPU was not destroyed");
	unload("count");
	check(looked, "the CPU that came online looked at no vCPU: nothing was tested");
	check(!early, "a vCPU was destroyed under the CPU that looked at it");
	return PASS;
}

STEP("vmlist-hotplug", step_vmlist_hotplug);

struct reader {
	int lab;
	uint32_t vm;
};

static void *thread_reader(void *arg)
{
	struct reader *reader = arg;

	if (ioctl(reader->lab, LAB_HOLD_READER, &reader->vm))
		fail("a reader of vm_list, or its VM: %m");
	return NULL;
}

#define STUCK	(LAB_PATIENCE * 3 / 4)	/* s; the reader is let go by then */

/* What the thread is about; NULL when it is done with all of it. */
static const char *volatile goes_on;

static void *thread_go_on(void *arg)
{
	struct vm *vm = arg;

	goes_on = "KVM_CREATE_VM";
	vm_init(vm, &code_hello, 0);
	goes_on = "KVM_RUN";
	vm_getc(vm);
	goes_on = "hotplug of a CPU";
	replug(X);
	goes_on = "a statistic";
	stat_of(NULL, "exits");
	goes_on = "nx_huge_pages";
	check(write_file(PARAMS "nx_huge_pages", "force"), "nx_huge_pages: %m");
	check(write_file(PARAMS "nx_huge_pages", "off"), "nx_huge_pages: %m");
	goes_on = "drop_caches";
	check(write_file("/proc/sys/vm/drop_caches", "2"), "drop_caches: %m");
	goes_on = NULL;
	return NULL;
}

/*
 * vmlist-reader: while a reader looks at a VM, the VM is not destroyed, and whatever
 * is not destroying a VM goes on.
 */
static int step_vmlist_reader(int argc, char **argv)
{
	struct vm vm = {}, other = {};
	pthread_t thread, destroy, going;
	struct reader reader;
	int lab = open_lab(), early;
	const char *stuck;
	double end;

	vm_init(&vm, &code_count, VM_IRQCHIP);
	reader.lab = lab;
	reader.vm = vm.fd;
	pthread_create(&thread, NULL, thread_reader, &reader);
	wait_held(lab, true);
	load("count", "functions=kvm_arch_vcpu_destroy");
	other = vm;
	pthread_create(&destroy, NULL, thread_free, &other);
	usleep(500000);

	memset(&vm, 0, sizeof(vm));
	goes_on = "a thread";
	pthread_create(&going, NULL, thread_go_on, &vm);
	for (end = now() + STUCK; goes_on && now() < end; )
		usleep(10000);
	stuck = goes_on;
	early = counted();
	check(ioctl(lab, LAB_HELD) == 1, "the reader did not stay");
	ioctl(lab, early ? LAB_GIVE_UP : LAB_LET_GO);
	pthread_join(thread, NULL);
	pthread_join(destroy, NULL);
	pthread_join(going, NULL);
	check(counted() == 1, "the vCPU was not destroyed");
	unload("count");
	check(!early, "the vCPU was destroyed under a reader");
	vm_free(&vm);
	check(!stuck, "a reader of vm_list is there for %d s, and %s is not done", STUCK, stuck);
	return PASS;
}

STEP("vmlist-reader", step_vmlist_reader);

/* busted-put: a reader puts a reference to a VM, of which lockdep has to warn. */
static int step_busted_put(int argc, char **argv)
{
	int lab = open_lab();
	uint32_t fd = vm_create();

	check(!ioctl(lab, LAB_PUT_IN_READER, &fd), "LAB_PUT_IN_READER: %m");
	return PASS;
}

STEP("busted-put", step_busted_put);
