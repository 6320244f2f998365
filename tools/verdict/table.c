// SPDX-License-Identifier: GPL-2.0-only
/*
 * table ledger= machines=: what ran on which machine, in Markdown, from a ledger.
 * machines= is as for rows.
 *
 * What a run shows of a machine is in the field "did" of its row: for each ability its
 * name, or NAME=warn, NAME=fail, or suspend=faked; and tests=PASS/SKIP/FAIL.
 */
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

/* By the first word of a step. */
static const char *const abilities[] = { "hello", "hotplug", "suspend", "reboot", "reload" };

#define NR_ABILITIES	((int)(sizeof(abilities) / sizeof(*abilities)))

/* "hotplug 3" is about hotplug, and so is "reboot kexec" about reboot. */
static bool is_step(const char *line, const char *name)
{
	return !strncmp(line, name, strlen(name)) && strchr(" ", line[strlen(name)]);
}

/* The verdict may be one that was expected, and then tells of the scenario's subject only. */
static void ability(struct list *did, const struct report *rep, const char *name,
		    enum verdict verdict, bool good)
{
	bool passed = false, warned = false, failed = false;
	int i;

	for (i = 0; i < rep->nr; i++) {
		const struct result *r = &rep->r[i];
		/* The last step of a boot that ended badly is not above suspicion. */
		bool suspect = i == rep->nr - 1;

		if (r->nested || !is_step(r->name, name))
			continue;
		passed |= r->status == OK;
		if (good && verdict == SPLAT)
			warned |= suspect;
		else if (!good || (verdict != PASS && verdict != FAIL && verdict != SKIP))
			failed |= r->status == NOT_OK || suspect;
	}
	if (failed)
		add(did, format("%s=fail", name));
	else if (warned)
		add(did, format("%s=warn", name));
	else if (passed && !strcmp(name, "suspend") && rep->faked_suspend)
		add(did, format("%s=faked", name));
	else if (passed)
		add(did, name);
}

static void tests(struct list *did, const struct report *rep)
{
	int nested[3] = {}, sum[3] = {}, i, k;
	bool any = false;

	for (i = 0; i < rep->nr; i++) {
		const struct result *r = &rep->r[i];

		if (r->nested) {
			nested[r->status]++;
			continue;
		}
		/* A step's own result comes after those inside it. */
		for (k = 0; k < 3; k++) {
			if (is_step(r->name, "kselftests")) {
				any = true;
				sum[k] += nested[k];
			}
			nested[k] = 0;
		}
	}
	if (any)
		add(did, format("tests=%d/%d/%d", sum[OK], sum[SKIPPED], sum[NOT_OK]));
}

const char *shown(const struct report *rep, enum verdict verdict, bool good)
{
	struct list did = {};
	int k;

	if (rep->begun)
		add(&did, "boot");
	for (k = 0; k < NR_ABILITIES; k++)
		ability(&did, rep, abilities[k], verdict, good);
	tests(&did, rep);
	return did.nr ? join(&did, ",") : "-";
}

/* What all rows of one machine and one kernel show. */
struct outcome {
	bool booted;
	bool passed[NR_ABILITIES], warned[NR_ABILITIES], failed[NR_ABILITIES];
	bool faked_suspend;
	bool has_tests;
	int tests[3];
};

static void add_outcome(struct outcome *o, const char *did)
{
	struct list list = words(did, ",");
	int i, k, n[3];

	for (i = 0; i < list.nr; i++) {
		struct list pair = fields(list.item[i], '=');
		const char *how = pair.nr > 1 ? pair.item[1] : "";

		o->booted |= !strcmp(pair.item[0], "boot");
		if (!strcmp(pair.item[0], "tests") &&
		    sscanf(how, "%d/%d/%d", &n[0], &n[1], &n[2]) == 3) {
			o->has_tests = true;
			o->tests[OK] += n[0];
			o->tests[SKIPPED] += n[1];
			o->tests[NOT_OK] += n[2];
		}
		for (k = 0; k < NR_ABILITIES; k++) {
			if (strcmp(pair.item[0], abilities[k]))
				continue;
			o->failed[k] |= !strcmp(how, "fail");
			o->warned[k] |= !strcmp(how, "warn");
			o->passed[k] |= !*how || !strcmp(how, "faked");
			o->faked_suspend |= !strcmp(how, "faked");
		}
	}
}

static const char *yes_or_no(const struct outcome *o, int k)
{
	const char *says[2];
	int i;

	for (i = 0; i < 2; i++) {
		says[i] = "-";
		if (o[i].failed[k])
			says[i] = "no";
		else if (o[i].warned[k])
			says[i] = "yes, WARN";
		else if (o[i].passed[k])
			says[i] = !strcmp(abilities[k], "suspend") && o[i].faked_suspend ?
				  "faked" : "yes";
	}
	if (!strcmp(says[0], says[1]))
		return says[0];
	return format("base %s, series %s", says[0], says[1]);
}

static const char *test_counts(const struct outcome *o)
{
	if (!o->has_tests)
		return "-";
	return format("%d/%d/%d", o->tests[OK], o->tests[SKIPPED], o->tests[NOT_OK]);
}

/* "QEMU emulator version 7.2.22", "Bochs x86 Emulator 2.7": the first word and the last. */
static const char *short_name(const char *emulator)
{
	struct list list = words(emulator, " ");

	if (list.nr < 3)
		return emulator;
	return format("%s %s", list.item[0], list.item[list.nr - 1]);
}

static struct list table_row(const struct machine *m, const struct rows *rows)
{
	struct outcome o[2] = {};
	const char *emulator = "not run", *from = NULL, *to = NULL;
	struct list list = {};
	int seconds = 0, i, k;

	for (i = 0; i < rows->nr; i++) {
		const struct row *row = &rows->row[i];

		/* Tests of the lab itself say nothing about a machine. */
		if (strcmp(row->machine, m->name) || !strncmp(row->scenario, "busted", 6))
			continue;
		seconds += atoi(row->seconds);
		/* Nor do mutants. */
		if (strcmp(row->kernel, "base") && strcmp(row->kernel, "series"))
			continue;
		add_outcome(&o[!strcmp(row->kernel, "series")], row->did);
		if (strcmp(row->emulator, "-"))
			emulator = row->emulator;
		if (!from || strcmp(row->date, from) < 0)
			from = row->date;
		if (!to || strcmp(row->date, to) > 0)
			to = row->date;
	}
	add(&list, m->name);
	add(&list, short_name(emulator));
	add(&list, o[0].booted && o[1].booted ? "both" : o[0].booted ? "base" :
	    o[1].booted ? "series" : "none");
	for (k = 0; k < NR_ABILITIES; k++)
		add(&list, yes_or_no(o, k));
	add(&list, test_counts(&o[0]));
	add(&list, test_counts(&o[1]));
	add(&list, seconds ? format("%d s", seconds) : "-");
	add(&list, !from ? "-" : strcmp(from, to) ? format("%s to %s", from, to) : from);
	return list;
}

static void print_table(const struct list *line, int nr)
{
	int i, k, width;

	for (i = 0; i < nr; i++) {
		for (k = 0; k < line[i].nr; k++) {
			int j;

			for (j = width = 0; j < nr; j++)
				if ((int)strlen(line[j].item[k]) > width)
					width = strlen(line[j].item[k]);
			printf("| %-*s ", width, line[i].item[k]);
		}
		printf("|\n");
		for (k = 0; !i && k < line[i].nr; k++) {
			int j;

			for (j = width = 0; j < nr; j++)
				if ((int)strlen(line[j].item[k]) > width)
					width = strlen(line[j].item[k]);
			printf("|");
			for (j = 0; j < width + 2; j++)
				putchar('-');
		}
		if (!i)
			printf("|\n");
	}
}

int do_table(int argc, char **argv)
{
	const char *head = "machine,emulator,kernels,guest,hotplug,suspend,"
			   "reboot,reload,tests base,tests series,time,ran";
	struct machines machines;
	struct list *line;
	struct rows rows;
	int i, k;

	take_args(argc, argv, "ledger machines");
	read_rows(&rows, arg("ledger"), true);
	read_machines(&machines, arg("machines"));
	line = calloc(machines.nr + 1, sizeof(*line));
	if (!line)
		die("out of memory");
	line[0] = fields(head, ',');
	for (i = 0; i < machines.nr; i++)
		line[i + 1] = table_row(&machines.m[i], &rows);
	print_table(line, machines.nr + 1);
	printf("\nA yes holds on base and series.  \"faked\": through all of the kernel's suspend "
	       "path, to a\nplatform that is a test module (fakesuspend.ko).  Tests are kselftests: "
	       "passed/skipped/failed.\n\n");
	for (i = 0; i < machines.nr; i++)
		printf("- %s: %s; kernels: %s\n", machines.m[i].name, machines.m[i].title,
		       join(&machines.m[i].flavours, " "));
	printf("\nNot covered, and why:\n\n");
	for (i = 0; i < machines.nr; i++)
		for (k = 0; k < machines.m[i].lacks.nr; k++)
			printf("- %s: %s\n", machines.m[i].name, machines.m[i].lacks.item[k]);
	printf("- everywhere: real hardware; there was none\n");
	return 0;
}
