// SPDX-License-Identifier: GPL-2.0-only
/* A step for what KCSAN is to look at. */
#include "../lab.h"

/* kcsan FUNCTION...: look for data races in these, as far as the kernel has them. */
static int step_kcsan(int argc, char **argv)
{
	const char *path = "/sys/kernel/debug/kcsan";
	char text[80];
	int i, nr = 0;

	if (access(path, W_OK))
		skip("no KCSAN in this kernel");
	check(write_file(path, "whitelist"), "%s: %m", path);
	for (i = 1; i < argc; i++) {
		snprintf(text, sizeof(text), "!%s", argv[i]);
		nr += write_file(path, text);
	}
	check(nr, "this kernel has none of the functions");
	check(write_file(path, "on"), "%s: %m", path);
	note("lab: KCSAN looks at %d functions", nr);
	return PASS;
}

STEP("kcsan", step_kcsan);
