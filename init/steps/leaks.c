// SPDX-License-Identifier: GPL-2.0-only
/* A step for what is left when there is no VM. */
#include "../leftovers.h"

/* leaks: nothing of a VM, whether KVM is still loaded or not; nothing for kmemleak. */
static int step_leaks(int argc, char **argv)
{
	char *text;
	int i;

	check_no_vm_left();
	if (access(KMEMLEAK, W_OK)) {
		note("lab: no kmemleak in this kernel");
		return PASS;
	}
	/* What is reported did not change since the scan before, and is 5 s old. */
	for (i = 0; i < 2; i++) {
		check(write_file(KMEMLEAK, "scan"), "cannot start a scan: %m");
		if (!i)
			sleep(6);
	}
	text = read_all(KMEMLEAK);
	check(text, "cannot read the result: %m");
	if (*text) {
		printf("%s\n", text);
		fail("leaks, see the console");
	}
	return PASS;
}

STEP("leaks", step_leaks);
