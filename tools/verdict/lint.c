// SPDX-License-Identifier: GPL-2.0-only
/*
 * lint room= scenarios= machines= steps=: faults in scenarios/, and in what a base
 * says of them: expect, errata and the heads of mutants/.  machines= is as for rows;
 * steps= is a file with the names of init's steps.
 */
#include <string.h>

#include "verdict.h"

static struct scenarios scenarios;
static struct machines machines;
static struct expectations expect;
static struct list known_steps;

/* Does any machine have this flavour, or whatever else is in one of its lists? */
static bool any_flavour(const char *pattern)
{
	int i, k;

	for (i = 0; i < machines.nr; i++)
		for (k = 0; k < machines.m[i].flavours.nr; k++)
			if (matches(pattern, machines.m[i].flavours.item[k]))
				return true;
	return false;
}

static bool any_ability(const char *name)
{
	int i;

	for (i = 0; i < machines.nr; i++)
		if (has(&machines.m[i].has, name) || has(&machines.m[i].later, name))
			return true;
	return false;
}

static bool any_machine(const char *pattern)
{
	int i;

	for (i = 0; i < machines.nr; i++)
		if (matches(pattern, machines.m[i].name))
			return true;
	return false;
}

static char *full_name(const struct scenario *s, const char *one)
{
	return format("%s%s%s", s->name, *one ? ":" : "", one);
}

static bool any_scenario(const char *pattern)
{
	int i, k;

	for (i = 0; i < scenarios.nr; i++) {
		struct list cases = cases_of(&scenarios.s[i]);

		if (!strchr(pattern, ':') && matches(pattern, scenarios.s[i].name))
			return true;
		for (k = 0; k < cases.nr; k++)
			if (matches(pattern, full_name(&scenarios.s[i], cases.item[k])))
				return true;
	}
	return false;
}

static void lint_scenario(const struct scenario *s)
{
	struct text t = { .path = format("%s/%s", arg("scenarios"), s->name) };
	struct list list;
	int i;

	list = words(scenario_value(s, "flavours"), " ");
	for (i = 0; i < list.nr; i++)
		if (!any_flavour(list.item[i]))
			complain(&t, "no machine has a flavour '%s'", list.item[i]);
	list = words(scenario_value(s, "needs"), " ");
	for (i = 0; i < list.nr; i++)
		if (!any_ability(list.item[i]))
			complain(&t, "no machine has '%s'", list.item[i]);
	for (i = 0; i < s->steps.nr; i++) {
		const char *step = s->steps.item[i];
		char *name = word(&step);

		if (!has(&known_steps, name))
			complain(&t, "init has no step '%s'", name);
	}
}

static bool has_step(const struct scenario *s, const char *name)
{
	int i;

	for (i = 0; i < s->steps.nr; i++) {
		const char *step = s->steps.item[i];

		if (!strcmp(word(&step), name))
			return true;
	}
	return false;
}

/* A test that has to fail is a step of the scenario, or inside of a step that has several. */
static void lint_names(const struct text *t, const struct expectation *e, const struct scenario *s)
{
	int i;

	for (i = 0; i < e->names.nr; i++) {
		const char *rest = e->names.item[i];

		if (has(&s->steps, e->names.item[i]))
			continue;
		if (has(&known_steps, word(&rest)))
			complain(t, "%s has no step '%s'", s->name, e->names.item[i]);
		else if (!has_step(s, "kselftests") && !has_step(s, "kunit"))
			complain(t, "'%s' is no step of %s, which has no tests inside of steps",
				 e->names.item[i], s->name);
	}
}

/* Looks for a row's lines; two of a kind are a complaint.  Does the row ever run? */
static void lint_row(const struct row *row, const struct scenario *s, bool runs)
{
	struct expectation *e[2];
	int i;

	e[0] = find_expectation(&expect, row, false);
	e[1] = find_expectation(&expect, row, true);
	for (i = 0; i < 2; i++) {
		struct text t = { .path = expect.path };

		if (!e[i] || !runs || e[i]->used)
			continue;
		t.nr = e[i]->line;
		lint_names(&t, e[i], s);
		e[i]->used = true;
	}
}

static void lint_rows(const struct machine *m, const struct scenario *s)
{
	static const char *const all_kernels[] = { "base", "series" };
	struct list kernels = words(scenario_value(s, "kernels"), " ");
	struct list flavours = flavours_of(m, s, false), cases = cases_of(s);
	struct row row = { .machine = m->name };
	int k, f, c;

	/* By hand, each flavour can be had, and each kernel. */
	for (k = 0; k < 2; k++)
		for (f = 0; f < m->flavours.nr; f++)
			for (c = 0; c < cases.nr; c++) {
				row.kernel = all_kernels[k];
				row.flavour = m->flavours.item[f];
				row.scenario = full_name(s, cases.item[c]);
				lint_row(&row, s, has(&flavours, row.flavour) &&
					 (!kernels.nr || has(&kernels, row.kernel)));
			}
}

static void lint_expectation(const struct expectation *e)
{
	struct text t = { .path = expect.path, .nr = e->line };
	char *const *pattern = e->pattern.item;
	int before = complaints;

	if (!any_scenario(pattern[0]))
		complain(&t, "no scenario '%s'", pattern[0]);
	if (!matches(pattern[1], "base") && !matches(pattern[1], "series"))
		complain(&t, "no kernel '%s'; there are: base series", pattern[1]);
	if (!any_machine(pattern[2]))
		complain(&t, "no machine '%s'", pattern[2]);
	if (!any_flavour(pattern[3]))
		complain(&t, "no flavour '%s'", pattern[3]);
	if (complaints == before && !e->used)
		complain(&t, "no row matches all of that");
}

static void lint_errata(const struct errata *errata)
{
	int i, k;

	for (i = 0; i < errata->nr; i++) {
		struct erratum *e = &errata->e[i];
		struct text t = { .path = errata->path, .nr = e->line };

		if (!any_machine(e->machine))
			complain(&t, "no machine '%s'", e->machine);
		for (k = 0; k < i; k++) {
			struct erratum *other = &errata->e[k];
			int m;

			for (m = 0; !strcmp(e->test, other->test) && m < machines.nr; m++)
				if (matches(e->machine, machines.m[m].name) &&
				    matches(other->machine, machines.m[m].name)) {
					complain(&t, "line %d is about %s on %s, too", other->line,
						 e->test, machines.m[m].name);
					break;
				}
		}
	}
}

static void lint_mutant(const struct mutant *m)
{
	struct text t = { .path = m->path };
	struct expectation e = {};
	const struct scenario *s;
	struct list cases;
	int i;

	for (i = 0; i < m->machines.nr; i++)
		if (!find_machine(&machines, m->machines.item[i]))
			complain(&t, "no machine '%s'", m->machines.item[i]);
	if (!m->scenario) {
		complain(&t, "has no Scenario:");
		return;
	}
	/* One that others are on top of breaks nothing itself. */
	if (m->expect)
		parse_expected(&t, m->expect, &e);
	s = find_scenario(&scenarios, format("%.*s", (int)strcspn(m->scenario, ":"), m->scenario));
	if (!s) {
		complain(&t, "no scenario '%s'", m->scenario);
		return;
	}
	cases = cases_of(s);
	for (i = 0; strcmp(s->name, m->scenario) && i < cases.nr && strcmp(full_name(s, cases.item[i]), m->scenario); i++)
		;
	if (i == cases.nr)
		complain(&t, "no case '%s' in %s", m->scenario, s->name);
	lint_names(&t, &e, s);
}

int do_lint(int argc, char **argv)
{
	struct mutants mutants;
	struct errata errata;
	struct text t;
	int i, k;

	take_args(argc, argv, "room scenarios machines steps");
	read_machines(&machines, arg("machines"));
	read_scenarios(&scenarios, arg("scenarios"));
	read_expectations(&expect, arg("room"));
	read_errata(&errata, arg("room"));
	read_mutants(&mutants, arg("room"));
	open_needed(&t, arg("steps"));
	while (next_line(&t))
		add(&known_steps, t.line);
	close_text(&t);

	for (k = 0; k < scenarios.nr; k++)
		lint_scenario(&scenarios.s[k]);
	for (i = 0; i < machines.nr; i++)
		for (k = 0; k < scenarios.nr; k++)
			if (can_run(&machines.m[i], &scenarios.s[k], false))
				lint_rows(&machines.m[i], &scenarios.s[k]);
	for (i = 0; i < expect.nr; i++)
		lint_expectation(&expect.e[i]);
	lint_errata(&errata);
	for (i = 0; i < mutants.nr; i++)
		lint_mutant(&mutants.m[i]);
	return complaints ? 1 : 0;
}
