// SPDX-License-Identifier: GPL-2.0-only
/* Steps that must not pass: they show that the lab sees failures. */
#include <sys/reboot.h>

#include "../lab.h"

/* What only the kernel can do; its parameter says which. */
static int step_busted_load(int argc, char **argv)
{
	load("busted", argc > 1 ? argv[1] : "");
	return PASS;
}

STEP("busted-load", step_busted_load);

static int step_busted_silence(int argc, char **argv)
{
	reboot(RB_POWER_OFF);
	return PASS;
}

STEP("busted-silence", step_busted_silence);

static int step_busted_fail(int argc, char **argv)
{
	fail("as it should");
}

STEP("busted-fail", step_busted_fail);

/* The end of the report, before all results are in it. */
static int step_busted_lose(int argc, char **argv)
{
	report_raw("# lab: complete\n");
	reboot(RB_POWER_OFF);
	return PASS;
}

STEP("busted-lose", step_busted_lose);

static int step_busted_fake(int argc, char **argv)
{
	/* On the console, where it must not count. */
	printf("KTAP version 1\n1..1\nok 1 fake\n# lab: complete\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return PASS;
}

STEP("busted-fake", step_busted_fake);
