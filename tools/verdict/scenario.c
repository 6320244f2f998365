// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one parser of scenarios/: comments, then "key: value" lines, then steps.
 *
 * get SCENARIO-FILE KEY: the value, or what holds where the scenario has none
 * steps SCENARIO-FILE: the steps, one a line, as init wants them
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

enum type { TEXT, NUMBER, YES, WORDS };

static const struct {
	const char *name;
	enum type type;
	const char *otherwise;
} keys[] = {
	{ "title", TEXT, "" },
	{ "timeout", NUMBER, "120" },	/* seconds */
	{ "needs", WORDS, "" },		/* what machine or base have to have */
	{ "flavours", WORDS, "" },
	{ "kernels", WORDS, "" },	/* none: only by hand, or for mutants */
	{ "each", WORDS, "" },		/* cases: one boot for each */
	{ "cpus", NUMBER, "" },
	{ "append", TEXT, "" },		/* to the kernel's command line */
	{ "boots", NUMBER, "1" },	/* how often it has to come up */
	{ "console", TEXT, "" },	/* what a test module has to say, on any base */
	{ "panic", TEXT, "" },		/* a panic that the scenario asks for, and has to get */
	{ "alone", YES, "" },
	{ "slow", YES, "" },
	{ "lockdep", YES, "" },		/* not worth a run without */
};

#define NR_KEYS	((int)(sizeof(keys) / sizeof(*keys)))

static int key_by_name(const char *name)
{
	int i;

	for (i = 0; i < NR_KEYS; i++)
		if (!strcmp(keys[i].name, name))
			return i;
	return -1;
}

static char *all_keys(void)
{
	struct list names = {};
	int i;

	for (i = 0; i < NR_KEYS; i++)
		add(&names, keys[i].name);
	return join(&names, " ");
}

static void parse_value(const struct text *t, struct scenario *s, const char *name,
			const char *value)
{
	int key = key_by_name(name), i;
	struct list list;

	if (key < 0) {
		complain(t, "no key '%s'; there are: %s", name, all_keys());
		return;
	}
	if (s->value[key])
		complain(t, "'%s' is there twice", name);
	if (s->steps.nr)
		complain(t, "'%s' comes after a step", name);
	if (keys[key].type == NUMBER && (!number(value) || !atoi(value)))
		complain(t, "%s: '%s' is not a number", name, value);
	if (keys[key].type == YES && strcmp(value, "yes"))
		complain(t, "%s: '%s' is not 'yes'; leave the line out otherwise", name, value);
	if (keys[key].type == TEXT && !*value)
		complain(t, "%s: says nothing", name);
	s->value[key] = format("%s", value);
	if (strcmp(name, "kernels"))
		return;
	list = words(value, " ");
	for (i = 0; i < list.nr; i++)
		if (strcmp(list.item[i], "base") && strcmp(list.item[i], "series"))
			complain(t, "no kernel '%s'; there are: base series", list.item[i]);
}

static void parse_line(const struct text *t, struct scenario *s)
{
	const char *rest = t->line, *p;
	char *first;

	if (*t->line == '#' || !*t->line)
		return;
	first = word(&rest);
	if (*first && first[strlen(first) - 1] == ':') {
		first[strlen(first) - 1] = 0;
		parse_value(t, s, first, rest);
		return;
	}
	for (p = first; islower(*p) || isdigit(*p) || *p == '-'; p++)
		;
	if (p == first || *p)
		complain(t, "'%s' is neither 'key: value' nor a step", t->line);
	add(&s->steps, t->line);
}

void read_scenario(struct scenario *s, const char *path)
{
	struct text t;

	memset(s, 0, sizeof(*s));
	s->name = base_name(path);
	s->value = calloc(NR_KEYS, sizeof(*s->value));
	if (!s->value)
		die("out of memory");
	open_needed(&t, path);
	while (next_line(&t))
		parse_line(&t, s);
	t.nr = 0;
	if (!s->value[key_by_name("title")])
		complain(&t, "has no title");
	if (!s->steps.nr)
		complain(&t, "has no steps");
	close_text(&t);
}

const char *scenario_value(const struct scenario *s, const char *key)
{
	int i = key_by_name(key);

	if (i < 0)
		die("no key '%s'; there are: %s", key, all_keys());
	return s->value[i] ?: keys[i].otherwise;
}

int do_get(int argc, char **argv)
{
	struct scenario s;

	if (argc != 2)
		die("usage: verdict get SCENARIO-FILE KEY");
	read_scenario(&s, argv[0]);
	if (complaints)
		return 2;
	printf("%s\n", scenario_value(&s, argv[1]));
	return 0;
}

int do_steps(int argc, char **argv)
{
	struct scenario s;
	int i;

	if (argc != 1)
		die("usage: verdict steps SCENARIO-FILE");
	read_scenario(&s, argv[0]);
	if (complaints)
		return 2;
	for (i = 0; i < s.steps.nr; i++)
		printf("%s\n", s.steps.item[i]);
	return 0;
}
