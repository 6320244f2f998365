// SPDX-License-Identifier: GPL-2.0-only
/* Steps that load and unload KVM's modules, and others. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "../leftovers.h"

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
	check_kvm_gone("KVM refused");
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
		check_kvm_gone("KVM is unloaded");
		for (k = 0; k < nr; k++)
			load(own[k], "");
		snprintf(when, sizeof(when), "round %d", i + 1);
		in_child(create, when);
	}
	note("lab: unloaded and loaded %d times", rounds);
	return PASS;
}

STEP("reload", step_reload);
