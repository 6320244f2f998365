// SPDX-License-Identifier: GPL-2.0-only
/*
 * summary rows= junit=: all rows, the bad ones once more, then how many; and the same in
 * XML.  Of a long summary, people and CI keep the end.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "verdict.h"

static void xml(FILE *f, const char *text)
{
	for (; *text; text++)
		if (strchr("<>&\"", *text))
			fprintf(f, "&#%d;", *text);
		else if (isprint((unsigned char)*text))
			putc(*text, f);
}

static void testcase(FILE *f, const struct row *row)
{
	fprintf(f, "<testcase classname=\"");
	xml(f, format("%s.%s.%s.%s", row->base, row->machine, row->flavour, row->kernel));
	fprintf(f, "\" name=\"");
	xml(f, row->scenario);
	fprintf(f, "\" time=\"%s\">", row->seconds);
	if (!row->good) {
		fprintf(f, "<failure type=\"%s\" message=\"", verdict_names[row->verdict]);
		xml(f, row->detail);
		fprintf(f, "\"/>");
	} else if (row->verdict == SKIP) {
		fprintf(f, "<skipped/>");
	}
	fprintf(f, "</testcase>\n");
}

int do_summary(int argc, char **argv)
{
	int passed = 0, failed = 0, skipped = 0, i;
	struct rows rows;
	FILE *f;

	take_args(argc, argv, "rows junit");
	read_rows(&rows, arg("rows"), true);
	f = fopen(arg("junit"), "w");
	if (!f)
		die("cannot write %s: %s", arg("junit"), strerror(errno));
	fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	fprintf(f, "<testsuite name=\"kvm-lab\">\n");
	printf("      %-4s %-17s %-6s %-25s %-16s %-7s %6s\n",
	       "base", "machine", "config", "kernel", "scenario", "verdict", "time");
	for (i = 0; i < rows.nr; i++) {
		const struct row *row = &rows.row[i];

		if (!row->good)
			failed++;
		else if (row->verdict == SKIP)
			skipped++;
		else
			passed++;
		print_row(row);
		testcase(f, row);
	}
	fprintf(f, "</testsuite>\n");
	if (ferror(f) | fclose(f))
		die("cannot write %s: %s", arg("junit"), strerror(errno));
	if (failed)
		printf("\n");
	for (i = 0; i < rows.nr; i++)
		if (!rows.row[i].good)
			print_row(&rows.row[i]);
	printf("\n%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	return failed || !passed;
}
