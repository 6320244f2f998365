// SPDX-License-Identifier: GPL-2.0-only
/*
 * compare room= base-dir= series-dir=, and what a row has: the nested results of
 * base and series, test by test.  What has to fail on the base may differ.
 */
#include <string.h>

#include "verdict.h"

static const struct result *lookup(const struct report *rep, const char *name)
{
	int i;

	for (i = 0; i < rep->nr; i++)
		if (!strcmp(rep->r[i].name, name))
			return &rep->r[i];
	return NULL;
}

int do_compare(int argc, char **argv)
{
	static const char *const status[] = { "pass", "fail", "skip" };
	int i, count[2][3] = {}, differ = 0, as_expected = 0;
	const struct expectation *expected;
	struct expectations all;
	struct report base, series;
	const struct result *s;
	struct errata errata;
	struct row row = {};

	take_args(argc, argv, ROW_ARGS " room base-dir series-dir");
	row_from_args(&row);
	read_expectations(&all, arg("room"));
	read_errata(&errata, arg("room"));
	row.kernel = "base";
	expected = find_expectation(&all, &row, false);
	row.kernel = "both";
	if (complaints)
		return 2;
	read_report(&base, arg("base-dir"), 1);
	read_report(&series, arg("series-dir"), 1);
	for (i = 0; i < base.nr; i++) {
		const struct result *r = &base.r[i];

		if (!r->nested)
			continue;
		s = lookup(&series, r->name);
		count[0][r->status]++;
		if (s)
			count[1][s->status]++;
		if (s && s->status == r->status)
			continue;
		if (s && expected && has(&expected->names, r->name)) {
			as_expected++;
			continue;
		}
		if (s && unstable(known_failure(&errata, row.machine, r->name)))
			continue;
		differ++;
		printf("       %s: base %s, series %s\n", r->name, status[r->status],
		       s ? status[s->status] : "missing");
	}
	row.good = !differ && base.nr >= 3;
	row.verdict = row.good ? PASS : FAIL;
	row.detail = format("pass/skip/fail: base %d/%d/%d, series %d/%d/%d; "
			    "%d new fail on the base, %d others differ",
			    count[0][OK], count[0][SKIPPED], count[0][NOT_OK],
			    count[1][OK], count[1][SKIPPED], count[1][NOT_OK],
			    as_expected, differ);
	record(&row);
	return !row.good;
}
