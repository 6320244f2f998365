// SPDX-License-Identifier: GPL-2.0-only
/*
 * judge file= room= banner= dir= ended= [expect=], and what a row has: what DIR's
 * report and console come to, and whether it is what has to come out.  expect= is for
 * mutants, which say themselves what they break.
 * note verdict= detail=, and what a row has: a row for what was no boot.
 *
 * Both exit with 1 if the row is bad.
 */
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

/* What was expected, and how the results differ from that. */
struct judgement {
	struct expectation *expected;
	const struct errata *errata;
	const char *machine;
	int failures, differ, skips;
	const char *failed;
};

static void judge_result(struct judgement *j, const struct result *r)
{
	const char *reason = known_failure(j->errata, j->machine, r->name);
	bool has_to_fail = has(&j->expected->names, r->name);

	if (r->status == SKIPPED && !r->nested)
		j->skips++;
	if (r->status == NOT_OK && !reason) {
		j->failures++;
		if (!j->failed || !has_to_fail)
			j->failed = format("%s: %s", r->name, r->why);
		if (j->expected->names.nr && !has_to_fail)
			j->differ++;
	} else if (r->status == OK && !strncmp(r->why, "at try", 6)) {
		printf("       note: %s passed %s\n", r->name, r->why);
	} else if (r->status == OK && reason && !unstable(reason)) {
		printf("       note: %s passes now; %s says: %s\n", r->name,
		       base_name(j->errata->path), reason);
	}
}

/* What has to fail does so in one of the boots, not in each: "clear" after a kexec only. */
static void judge_missing(struct judgement *j, const struct report *rep)
{
	struct list missing = {};
	const char *skipped = NULL;
	int i, k;

	for (i = 0; i < j->expected->names.nr; i++) {
		const char *name = j->expected->names.item[i];

		for (k = 0; k < rep->nr; k++) {
			if (strcmp(rep->r[k].name, name))
				continue;
			if (rep->r[k].status == NOT_OK)
				break;
			if (rep->r[k].status == SKIPPED)
				skipped = rep->r[k].why;
		}
		if (k == rep->nr)
			add(&missing, name);
	}
	if (!missing.nr)
		return;
	j->differ++;
	j->failed = format("%s did not fail as it has to%s%s", join(&missing, "; "),
			   skipped ? ", skipped: " : "", skipped ?: "");
}

/* What a user needs to see of a verdict that nobody expected. */
static void excerpt(const char *dir, const char *line)
{
	struct text t;
	int left = 0;

	if (open_text(&t, format("%s/console", dir))) {
		while (next_line(&t)) {
			if (line && strstr(t.line, line)) {
				left = 6;
				line = NULL;
			}
			if (left-- > 0)
				printf("       | %s\n", t.line);
		}
		close_text(&t);
	}
	printf("       console and report: %s\n", dir);
}

/* In this order: what comes first explains what comes later. */
static enum verdict decide(const struct report *rep, const struct console *con,
			   const struct judgement *j, int boots, const char **detail)
{
	const char *ended = arg("ended");

	*detail = "";
	if (con->panic) {
		*detail = con->panic;
		return PANIC;
	}
	if (con->splat) {
		*detail = con->splat;
		return SPLAT;
	}
	if (!strcmp(ended, "timeout")) {
		*detail = format("after %d of %d results", rep->seen, rep->planned);
		return HANG;
	}
	if (!rep->begun) {
		*detail = format("no report; the emulator: %s", ended);
		return BOOT;
	}
	if (rep->has_load && !con->banner) {
		*detail = format("the console lacks '%s'", arg("banner"));
		return BOOT;
	}
	if (rep->complete && rep->boots < boots) {
		*detail = format("it came up %d of %d times", rep->boots, boots);
		return BOOT;
	}
	if (!rep->complete) {
		*detail = format("it stopped after %d of %d results", rep->seen, rep->planned);
		return SILENT;
	}
	if (rep->seen != rep->planned || rep->out_of_order || rep->sub_seen < rep->sub_planned) {
		*detail = format("%d of %d results, %d of %d nested", rep->seen, rep->planned,
				 rep->sub_seen, rep->sub_planned);
		return LOST;
	}
	if (j->failures || j->differ) {
		*detail = j->failed;
		return FAIL;
	}
	if (con->missing) {
		*detail = format("the console lacks '%s'", con->missing);
		return FAIL;
	}
	if (j->skips && j->skips == rep->seen) {
		*detail = rep->r[0].why;
		return SKIP;
	}
	if (j->skips)
		*detail = format("%d skipped", j->skips);
	return PASS;
}

int do_judge(int argc, char **argv)
{
	static struct expectation by_arg, pass = { .verdicts = 1 << PASS };
	struct expectation *console;
	struct expectations all;
	struct judgement j = {};
	struct scenario s;
	struct console con;
	struct report rep;
	struct errata errata;
	struct row row = {};
	struct list wanted = {};
	const char *asked;
	int boots, i;

	take_args(argc, argv, ROW_ARGS " file room banner dir ended expect");
	row_from_args(&row);
	read_scenario(&s, arg("file"));
	read_expectations(&all, arg("room"));
	read_errata(&errata, arg("room"));
	boots = atoi(scenario_value(&s, "boots"));
	j.errata = &errata;
	j.machine = row.machine;
	if (*arg_or("expect", "")) {
		struct text t = { .path = "expect=" };

		parse_expected(&t, arg("expect"), &by_arg);
		j.expected = &by_arg;
	} else {
		j.expected = find_expectation(&all, &row, false) ?: &pass;
	}
	console = find_expectation(&all, &row, true);
	if (console)
		add(&wanted, console->text);
	if (*scenario_value(&s, "console"))
		add(&wanted, scenario_value(&s, "console"));
	asked = scenario_value(&s, "panic");
	if (*asked)
		add(&wanted, asked);
	if (complaints)
		return 2;

	read_report(&rep, arg("dir"), boots);
	read_console(&con, arg("dir"), arg("banner"), &wanted, asked, &errata, row.machine);
	for (i = 0; i < rep.nr; i++)
		judge_result(&j, &rep.r[i]);
	judge_missing(&j, &rep);

	row.verdict = decide(&rep, &con, &j, boots, &row.detail);
	row.good = j.expected->verdicts & 1 << row.verdict && !j.differ;
	if (row.good && row.verdict == FAIL)
		row.detail = format("as it has to: %s", j.expected->names.nr ?
				    join(&j.expected->names, "; ") : row.detail);
	/* What cannot be tried shows nothing, unless it has to go wrong. */
	if (row.verdict == SKIP && j.expected->verdicts & 1 << PASS)
		row.good = true;
	row.did = shown(&rep, row.verdict, row.good);
	record(&row);
	if (!row.good)
		excerpt(arg("dir"), con.panic ?: con.splat);
	return !row.good;
}

int do_note(int argc, char **argv)
{
	struct row row = {};

	take_args(argc, argv, ROW_ARGS " verdict detail");
	row_from_args(&row);
	row.verdict = verdict_by_name(arg("verdict"));
	if (row.verdict == NR_VERDICTS)
		die("no verdict '%s'", arg("verdict"));
	row.good = row.verdict == PASS || row.verdict == SKIP;
	row.detail = arg_or("detail", "");
	record(&row);
	return !row.good;
}
