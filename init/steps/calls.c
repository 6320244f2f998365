// SPDX-License-Identifier: GPL-2.0-only
/* A step for functions of the kernel that a VM has called. */
#define _GNU_SOURCE
#include "../lab.h"

/*
 * calls WORD CREATE DESTROY: these functions of the kernel are called once when a VM
 * comes and goes, and never on a machine that lacks WORD.
 */
static int step_calls(int argc, char **argv)
{
	int each = !machine_lacks(argv[1]), rounds = 5, calls[2], i;
	char *functions;
	struct vm vm = {};

	check(asprintf(&functions, "functions=%s,%s", argv[2], argv[3]) >= 0, "out of memory");
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
