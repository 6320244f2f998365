// SPDX-License-Identifier: GPL-2.0-only
/*
 * What needs data structures on the host: scenarios and what is expected of them, the
 * verdict on what a machine said, and the account of verdicts.  Arguments are key=value,
 * but for get and steps; each command is described at the head of its file.
 *
 * Exits with 0 for yes, good, or done; 1 for no, bad, or a fault found by lint; 2 if it
 * cannot tell.
 */
#include <errno.h>
#include <string.h>

#include "verdict.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "get", do_get },
	{ "steps", do_steps },
	{ "expect", do_expect },
	{ "lint", do_lint },
	{ "rows", do_rows },
	{ "judge", do_judge },
	{ "note", do_note },
	{ "compare", do_compare },
	{ "summary", do_summary },
	{ "table", do_table },
	{ "check", do_check },
	{ "keep", do_keep },
	{ "status", do_status },
};

#define NR_COMMANDS	((int)(sizeof(commands) / sizeof(*commands)))

int main(int argc, char **argv)
{
	struct list names = {};
	int i, r;

	for (i = 0; i < NR_COMMANDS; i++) {
		add(&names, commands[i].name);
		if (argc < 2 || strcmp(argv[1], commands[i].name))
			continue;
		r = commands[i].run(argc - 2, argv + 2);
		if (fflush(stdout) || ferror(stdout))
			die("cannot write: %s", strerror(errno));
		return r;
	}
	die("usage: verdict COMMAND...; there are: %s", join(&names, " "));
}
