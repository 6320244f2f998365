// SPDX-License-Identifier: GPL-2.0-only
/* A step for memory that nobody has freed. */
#include "../leftovers.h"

/* leaks: nothing that kmemleak would report. */
static int step_leaks(int argc, char **argv)
{
	char *text;
	int i;

	if (access(KMEMLEAK, W_OK))
		skip("no kmemleak in this kernel");
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
