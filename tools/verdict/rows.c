// SPDX-License-Identifier: GPL-2.0-only
/*
 * rows room= scenarios= machines= kernels= how=fast|all [mutants=MACHINE]: which rows there
 * should be, "machine flavour kernel scenario[:case]" with tabs between.  kernels= is "base
 * series", or what there is of that.  With mutants=, those as well, each on its own
 * machines or else on this one.
 *
 * machines= is a file that the shell writes from machines/: a line for each, with tabs
 * between name, level, flavours, has, later, title, and lacks with "|" between, each
 * "WORD: reason", of the machine or of the base there.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

#define MACHINE_FIELDS	7

void read_machines(struct machines *all, const char *path)
{
	struct machine *m;
	struct text t;

	memset(all, 0, sizeof(*all));
	open_needed(&t, path);
	while (next_line(&t)) {
		struct list f = fields(t.line, '\t');

		if (f.nr != MACHINE_FIELDS)
			die("%s:%d: has %d fields, not %d", path, t.nr, f.nr, MACHINE_FIELDS);
		all->m = grow(all->m, all->nr, sizeof(*all->m));
		m = &all->m[all->nr++];
		m->name = f.item[0];
		m->fast = !strcmp(f.item[1], "fast");
		m->never = !strcmp(f.item[1], "never");
		m->flavours = words(f.item[2], " ");
		m->has = words(f.item[3], " ");
		m->later = words(f.item[4], " ");
		m->title = f.item[5];
		m->lacks = words(f.item[6], "|");
	}
	close_text(&t);
}

const struct machine *find_machine(const struct machines *all, const char *name)
{
	int i;

	for (i = 0; i < all->nr; i++)
		if (!strcmp(all->m[i].name, name))
			return &all->m[i];
	return NULL;
}

/* The names of the files in @dir that end in @end, sorted. */
static struct list files(const char *dir, const char *end, bool needed)
{
	struct list list = {};
	struct dirent **entry;
	int n, i;

	n = scandir(dir, &entry, NULL, alphasort);
	if (n < 0 && (needed || errno != ENOENT))
		die("cannot read %s: %s", dir, strerror(errno));
	for (i = 0; i < n; i++) {
		size_t length = strlen(entry[i]->d_name);

		if (*entry[i]->d_name != '.' && length > strlen(end) &&
		    !strcmp(entry[i]->d_name + length - strlen(end), end))
			add(&list, entry[i]->d_name);
	}
	return list;
}

void read_scenarios(struct scenarios *all, const char *dir)
{
	struct list list = files(dir, "", true);
	int i;

	memset(all, 0, sizeof(*all));
	for (i = 0; i < list.nr; i++) {
		all->s = grow(all->s, all->nr, sizeof(*all->s));
		read_scenario(&all->s[all->nr++], format("%s/%s", dir, list.item[i]));
	}
}

const struct scenario *find_scenario(const struct scenarios *all, const char *name)
{
	int i;

	for (i = 0; i < all->nr; i++)
		if (!strcmp(all->s[i].name, name))
			return &all->s[i];
	return NULL;
}

static void parse_mutant(struct mutant *m, const struct text *t)
{
	const char *rest = t->line, **value = NULL;
	char *key = word(&rest);

	rest = format("%s", rest);
	if (!strcmp(key, "Scenario:"))
		value = &m->scenario;
	else if (!strcmp(key, "Expect:"))
		value = &m->expect;
	else if (!strcmp(key, "Machine:"))
		m->machines = words(rest, " ");
	else if (!strcmp(key, "On:"))
		m->on_base = !strcmp(rest, "base");
	else if (!strcmp(key, "Slow:"))
		m->slow = !strcmp(rest, "yes");
	else if (strcmp(key, "With:") && strncmp(key, "SPDX-", 5))
		complain(t, "no key '%s' in a mutant; there are: %s", key,
			 "Scenario: Expect: Machine: On: Slow: With:");
	if (value && *value)
		complain(t, "'%s' is there twice", key);
	if (value)
		*value = rest;
}

void read_mutants(struct mutants *all, const char *room)
{
	const char *dir = format("%s/mutants", room);
	struct list list = files(dir, ".patch", false);
	struct mutant *m;
	struct text t;
	int i;

	memset(all, 0, sizeof(*all));
	for (i = 0; i < list.nr; i++) {
		all->m = grow(all->m, all->nr, sizeof(*all->m));
		m = &all->m[all->nr++];
		memset(m, 0, sizeof(*m));
		m->path = format("%s/%s", dir, list.item[i]);
		m->name = format("%.*s", (int)strlen(list.item[i]) - 6, list.item[i]);
		open_needed(&t, m->path);
		while (next_line(&t) && strncmp(t.line, "diff ", 5)) {
			size_t n = strcspn(t.line, ": ");

			/* "Key: value", and not the prose before it. */
			if (t.line[n] == ':' && t.line[n + 1] == ' ')
				parse_mutant(m, &t);
		}
		close_text(&t);
	}
}

static bool is_lacking(const struct machine *m, const char *name)
{
	size_t n = strlen(name);
	int i;

	for (i = 0; i < m->lacks.nr; i++)
		if (!strncmp(m->lacks.item[i], name, n) && m->lacks.item[i][n] == ':')
			return true;
	return false;
}

bool can_run(const struct machine *m, const struct scenario *s, bool fast)
{
	struct list needs = words(scenario_value(s, "needs"), " ");
	int i;

	if (m->never)
		return false;
	for (i = 0; i < needs.nr; i++) {
		const char *name = needs.item[i];

		if (is_lacking(m, name) ||
		    (!has(&m->has, name) && (fast || !has(&m->later, name))))
			return false;
	}
	return true;
}

/* KASAN and KCSAN, with which kernels are slow. */
static bool sanitizer(const char *flavour)
{
	return matches("k?san", flavour);
}

/*
 * Those that it asks for, or else the machine's first one.  KASAN looks at whatever the debug
 * flavour looks at, but for lockdep, which it does without.
 */
struct list flavours_of(const struct machine *m, const struct scenario *s, bool fast)
{
	struct list wanted = words(scenario_value(s, "flavours"), " "), list = {};
	int i;

	if (wanted.nr == 1 && has(&wanted, "debug") && !*scenario_value(s, "lockdep"))
		add(&wanted, "kasan");
	for (i = 0; i < m->flavours.nr; i++)
		if (has(&wanted, m->flavours.item[i]) && !(fast && sanitizer(m->flavours.item[i])))
			add(&list, m->flavours.item[i]);
	if (!list.nr)
		add(&list, m->flavours.item[0]);
	return list;
}

char *without_case(const char *name)
{
	return format("%.*s", (int)strcspn(name, ":"), name);
}

char *with_case(const struct scenario *s, const char *one)
{
	return format("%s%s%s", s->name, *one ? ":" : "", one);
}

struct list cases_of(const struct scenario *s)
{
	struct list list = words(scenario_value(s, "each"), " ");

	if (!list.nr)
		add(&list, "");
	return list;
}

static void print_scenario(const struct machine *m, const struct scenario *s, bool fast)
{
	struct list kernels = words(scenario_value(s, "kernels"), " ");
	struct list flavours = flavours_of(m, s, fast), cases = cases_of(s);
	struct list there = words(arg("kernels"), " ");
	int k, f, c;

	for (k = 0; k < kernels.nr; k++)
		for (f = 0; has(&there, kernels.item[k]) && f < flavours.nr; f++)
			for (c = 0; c < cases.nr; c++)
				printf("%s\t%s\t%s\t%s\n", m->name, flavours.item[f],
				       kernels.item[k], with_case(s, cases.item[c]));
}

static void print_mutant(const struct mutant *mutant, const struct machines *machines,
			 const struct scenarios *scenarios, bool fast)
{
	const struct scenario *s = find_scenario(scenarios, without_case(mutant->scenario));
	struct list on = mutant->machines;
	const struct machine *m;
	int i;

	if (!on.nr)
		add(&on, arg("mutants"));
	for (i = 0; i < on.nr; i++) {
		m = find_machine(machines, on.item[i]);
		if (!m || !s)
			die("%s: no such machine or scenario", mutant->path);
		printf("%s\t%s\t%s\t%s\n", m->name, flavours_of(m, s, fast).item[0], mutant->name,
		       mutant->scenario);
	}
}

int do_rows(int argc, char **argv)
{
	struct scenarios scenarios;
	struct machines machines;
	struct mutants mutants;
	bool fast;
	int i, k;

	take_args(argc, argv, "room scenarios machines kernels how mutants");
	fast = !strcmp(arg("how"), "fast");
	if (!fast && strcmp(arg("how"), "all"))
		die("how='%s' is neither fast nor all", arg("how"));
	read_machines(&machines, arg("machines"));
	read_scenarios(&scenarios, arg("scenarios"));
	read_mutants(&mutants, arg("room"));
	if (complaints)
		return 2;
	for (i = 0; i < machines.nr; i++)
		for (k = 0; k < scenarios.nr; k++) {
			const struct machine *m = &machines.m[i];
			const struct scenario *s = &scenarios.s[k];

			if ((m->fast || !fast) && can_run(m, s, fast) &&
			    !(fast && *scenario_value(s, "slow")))
				print_scenario(m, s, fast);
		}
	for (i = 0; *arg_or("mutants", "") && i < mutants.nr; i++)
		if (!fast || !mutants.m[i].slow)
			print_mutant(&mutants.m[i], &machines, &scenarios, fast);
	return 0;
}
