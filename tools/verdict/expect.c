// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a base says of scenarios: linux-BASE/expect and linux-BASE/errata.
 *
 * expect, a line: SCENARIO[:CASE] KERNEL MACHINE FLAVOUR VERDICT.  The first four are
 * patterns of the shell, "!" before one negates it; without :CASE, all cases of
 * a scenario match.  VERDICT is one of them, several as "splat; pass", "fail A; B" for
 * exactly these tests, or "console TEXT" for what the console has to say in order to
 * pass.  What no line matches has to pass; two lines that match the same row are
 * an error, whichever comes first.
 *
 * errata, a line: MACHINE TEST REASON.
 *
 * expect room= scenario= kernel= machine= flavour=: what has to come out
 */
#include <string.h>

#include "verdict.h"

const char *const verdict_names[NR_VERDICTS] = {
	"pass", "fail", "skip", "panic", "splat", "hang", "boot", "silent", "lost"
};

enum verdict verdict_by_name(const char *name)
{
	enum verdict v;

	for (v = 0; v < NR_VERDICTS; v++)
		if (!strcmp(name, verdict_names[v]))
			break;
	return v;
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	for (n = strlen(text); n && strchr(" \t", text[n - 1]); n--)
		text[n - 1] = 0;
	return text;
}

/* "splat; pass", "fail", or "fail a; b".  @t is where the text stands, for complaints. */
void parse_expected(const struct text *t, const char *text, struct expectation *e)
{
	struct list list = fields(text, ';');
	enum verdict v;
	int i;

	for (i = 0; i < list.nr; i++) {
		char *item = trim(list.item[i]);

		v = verdict_by_name(item);
		if (!i && !strncmp(item, "fail ", 5)) {
			v = FAIL;
			add(&e->names, trim(item + 5));
		} else if (e->names.nr) {
			v = FAIL;
			add(&e->names, item);
		}
		if (v == NR_VERDICTS)
			complain(t, "no verdict '%s'", item);
		else if (e->names.nr && !*e->names.item[e->names.nr - 1])
			complain(t, "';' with nothing after it");
		else
			e->verdicts |= 1 << v;
	}
	e->text = format("%s", text);
}

void read_expectations(struct expectations *all, const char *room)
{
	struct expectation *e;
	const char *rest;
	struct text t;
	char *first;
	int i;

	memset(all, 0, sizeof(*all));
	all->path = format("%s/expect", room);
	open_needed(&t, all->path);
	while (next_line(&t)) {
		if (*t.line == '#' || !*t.line)
			continue;
		all->e = grow(all->e, all->nr, sizeof(*all->e));
		e = &all->e[all->nr++];
		memset(e, 0, sizeof(*e));
		e->line = t.nr;
		rest = t.line;
		for (i = 0; i < 4; i++)
			add(&e->pattern, word(&rest));
		if (!*rest) {
			complain(&t, "SCENARIO KERNEL MACHINE FLAVOUR VERDICT are wanted");
			all->nr--;
			continue;
		}
		e->text = format("%s", rest);
		rest = e->text;
		first = word(&rest);
		if (!strcmp(first, "console")) {
			e->console = true;
			e->text = rest;
			if (!*rest)
				complain(&t, "console: says nothing");
		} else {
			parse_expected(&t, e->text, e);
		}
	}
	close_text(&t);
}

static bool applies(const struct expectation *e, const struct row *row)
{
	char *const *pattern = e->pattern.item;
	const char *scenario = row->scenario;

	if (!strchr(pattern[0], ':'))
		scenario = without_case(scenario);
	return matches(pattern[0], scenario) && matches(pattern[1], row->kernel) &&
	       matches(pattern[2], row->machine) && matches(pattern[3], row->flavour);
}

struct expectation *find_expectation(const struct expectations *all, const struct row *row,
				     bool console)
{
	struct expectation *found = NULL;
	int i;

	for (i = 0; i < all->nr; i++) {
		struct expectation *e = &all->e[i];
		struct text t = { .path = all->path, .nr = e->line };

		if (e->console != console || !applies(e, row))
			continue;
		if (found && e->clash != found->line)
			complain(&t, "and line %d match the same row: %s %s %s %s", found->line,
				 row->scenario, row->kernel, row->machine, row->flavour);
		if (found)
			e->clash = found->line;
		found = e;
	}
	return found;
}

int do_expect(int argc, char **argv)
{
	struct expectations all;
	struct expectation *e;
	struct row row = {};

	take_args(argc, argv, "room scenario kernel machine flavour");
	row.scenario = arg("scenario");
	row.kernel = arg("kernel");
	row.machine = arg("machine");
	row.flavour = arg("flavour");
	read_expectations(&all, arg("room"));
	e = find_expectation(&all, &row, false);
	if (complaints)
		return 2;
	printf("%s\n", e ? e->text : "pass");
	return 0;
}

void read_errata(struct errata *all, const char *room)
{
	struct erratum *e;
	const char *rest;
	struct text t;

	memset(all, 0, sizeof(*all));
	all->path = format("%s/errata", room);
	open_needed(&t, all->path);
	while (next_line(&t)) {
		if (*t.line == '#' || !*t.line)
			continue;
		all->e = grow(all->e, all->nr, sizeof(*all->e));
		e = &all->e[all->nr++];
		rest = t.line;
		e->machine = word(&rest);
		e->test = word(&rest);
		e->reason = format("%s", rest);
		e->line = t.nr;
		if (!*rest)
			complain(&t, "MACHINE TEST REASON are wanted");
	}
	close_text(&t);
}

const char *known_failure(const struct errata *all, const char *machine, const char *name)
{
	int i;

	for (i = 0; i < all->nr; i++) {
		struct erratum *e = &all->e[i];

		if (!strcmp(e->test, name) && matches(e->machine, machine))
			return e->reason;
	}
	return NULL;
}

/* A test that passes or fails as the host has time for it decides nothing. */
bool unstable(const char *reason)
{
	return reason && !strncmp(reason, "unstable:", 9);
}
