// SPDX-License-Identifier: GPL-2.0-only
/* The arguments of a command: key=value, so that no shell has to count them. */
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

static struct list names, values;

void take_args(int argc, char **argv, const char *keys)
{
	struct list known = words(keys, " ");
	int i;

	for (i = 0; i < argc; i++) {
		int n = strcspn(argv[i], "=");
		char *name = format("%.*s", n, argv[i]);

		if (!argv[i][n])
			die("'%s' is not key=value", argv[i]);
		if (!has(&known, name))
			die("no key '%s' here; there are: %s", name, keys);
		if (has(&names, name))
			die("%s= is given twice", name);
		add(&names, name);
		add(&values, argv[i] + n + 1);
	}
}

const char *arg_or(const char *key, const char *otherwise)
{
	int i;

	for (i = 0; i < names.nr; i++)
		if (!strcmp(names.item[i], key))
			return *values.item[i] ? values.item[i] : otherwise;
	return otherwise;
}

const char *arg(const char *key)
{
	const char *value = arg_or(key, NULL);

	if (!value)
		die("%s= is missing", key);
	return value;
}
