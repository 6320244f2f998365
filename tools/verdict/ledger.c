// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows: one line for each run of a scenario, in a file for one run of the tests (rows=, or
 * $LAB_RESULTS)
 * and in results/BASE, which is committed (ledger=).  There, a row replaces the one of
 * the same base, machine, flavour, kernel and scenario, and lines are sorted by these, so
 * that a diff shows what ran again.
 *
 * keep ledger= key= [rows=], and what a row has: exits with 0 if this row is there, good,
 * and of the same key; it is printed, and added to rows=
 * status ledger= [prune=yes]: of the rows on stdin ("machine flavour kernel scenario key",
 * with tabs between), how many ran as they would today, ran otherwise, failed, never ran
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "verdict.h"

#define HEAD	"base\tmachine\tflavour\tkernel\tscenario\tverdict\tgood\tseconds\tdate\ttree\tkey\t" \
		"emulator\tdid\tdetail"
#define NR_FIELDS	14

static const char *today(void)
{
	time_t now = time(NULL);
	char *date = format("%s", "YYYY-MM-DD");

	strftime(date, strlen(date) + 1, "%Y-%m-%d", gmtime(&now));
	return date;
}

void row_from_args(struct row *row)
{
	row->base = arg("base");
	row->machine = arg_or("machine", "-");
	row->flavour = arg_or("flavour", "-");
	row->kernel = arg_or("kernel", "-");
	row->scenario = arg("scenario");
	row->seconds = arg_or("seconds", "0");
	row->date = today();
	row->tree = arg_or("tree", "-");
	row->key = arg_or("key", "-");
	row->emulator = arg_or("emulator", "-");
	row->did = "-";
	row->detail = "";
	if (!number(row->seconds))
		die("seconds='%s' is not a number", row->seconds);
}

/* A field of a line: not empty, and without what separates fields and lines. */
static char *field(const char *text)
{
	char *copy = format("%s", *text ? text : "-"), *p;

	while ((p = strpbrk(copy, "\t\n\r")))
		*p = ' ';
	return copy;
}

static char *row_line(const struct row *row)
{
	const char *const item[NR_FIELDS] = {
		row->base, row->machine, row->flavour, row->kernel, row->scenario,
		verdict_names[row->verdict], row->good ? "ok" : "BAD", row->seconds, row->date,
		row->tree, row->key, row->emulator, row->did, row->detail
	};
	struct list list = {};
	int i;

	for (i = 0; i < NR_FIELDS; i++)
		add(&list, field(item[i]));
	return format("%s\n", join(&list, "\t"));
}

static bool hex(const char *text)
{
	return !strcmp(text, "-") || strspn(text, "0123456789abcdef") == strlen(text);
}

static bool is_date(const char *text)
{
	return strlen(text) == 10 && strspn(text, "0123456789") == 4 && text[4] == '-' &&
	       strspn(text + 5, "0123456789") == 2 && text[7] == '-' && number(text + 8);
}

static const char *parse_row(struct row *row, const char *line)
{
	struct list f = fields(line, '\t');
	int i;

	if (f.nr != NR_FIELDS)
		return format("has %d fields, not %d", f.nr, NR_FIELDS);
	for (i = 0; i < f.nr; i++)
		if (!*f.item[i])
			return format("field %d is empty", i + 1);
	*row = (struct row) {
		.base = f.item[0], .machine = f.item[1], .flavour = f.item[2],
		.kernel = f.item[3], .scenario = f.item[4],
		.verdict = verdict_by_name(f.item[5]), .good = !strcmp(f.item[6], "ok"),
		.seconds = f.item[7], .date = f.item[8], .tree = f.item[9], .key = f.item[10],
		.emulator = f.item[11], .did = f.item[12],
		.detail = strcmp(f.item[13], "-") ? f.item[13] : "",
	};
	if (row->verdict == NR_VERDICTS)
		return format("no verdict '%s'", f.item[5]);
	if (!row->good && strcmp(f.item[6], "BAD"))
		return format("'%s' is neither ok nor BAD", f.item[6]);
	if (!number(row->seconds))
		return format("'%s' is no number of seconds", row->seconds);
	if (!is_date(row->date))
		return format("'%s' is no date", row->date);
	if (!hex(row->tree) || !hex(row->key))
		return "tree or key is not a hash";
	return NULL;
}

static struct row *add_row(struct rows *rows, const struct row *row)
{
	rows->row = grow(rows->row, rows->nr, sizeof(*rows->row));
	rows->row[rows->nr] = *row;
	return &rows->row[rows->nr++];
}

static int by_name(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	return strcmp(a->base, b->base) ?: strcmp(a->machine, b->machine) ?:
	       strcmp(a->kernel, b->kernel) ?: strcmp(a->scenario, b->scenario) ?:
	       strcmp(a->flavour, b->flavour);
}

struct row *find_row(const struct rows *rows, const struct row *like)
{
	int i;

	for (i = 0; i < rows->nr; i++)
		if (!by_name(&rows->row[i], like))
			return &rows->row[i];
	return NULL;
}

/* One line that does not parse is the end: what else is in the file cannot be trusted. */
void read_rows(struct rows *rows, const char *path, bool needed)
{
	const char *wrong;
	struct row row;
	struct text t;

	memset(rows, 0, sizeof(*rows));
	if (needed)
		open_needed(&t, path);
	else if (!open_text(&t, path))
		return;
	while (next_line(&t)) {
		if (*t.line == '#')
			continue;
		wrong = parse_row(&row, t.line);
		if (wrong)
			die("%s:%d: %s", path, t.nr, wrong);
		add_row(rows, &row);
	}
	close_text(&t);
}

static void write_ledger(struct rows *rows, const char *path)
{
	const char *new = format("%s.new", path);
	FILE *f = fopen(new, "w");
	int i;

	if (!f)
		die("cannot write %s: %s", new, strerror(errno));
	qsort(rows->row, rows->nr, sizeof(*rows->row), by_name);
	fprintf(f, "# SPDX-License-Identifier: GPL-2.0-only\n# %s\n", HEAD);
	for (i = 0; i < rows->nr; i++)
		fputs(row_line(&rows->row[i]), f);
	if (ferror(f) | fclose(f) || rename(new, path)) {
		unlink(new);
		die("cannot write %s: %s", path, strerror(errno));
	}
}

/* Boots run side by side: one at a time reads the ledger and writes it. */
static void lock_ledger(const char *path)
{
	int fd = open(dirname(format("%s", path)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX))
		die("cannot lock the directory of %s: %s", path, strerror(errno));
}

static void append_row(const char *path, const struct row *row)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	char *line = row_line(row);
	ssize_t n = strlen(line);

	/* In one piece, as others append as well. */
	if (fd < 0 || write(fd, line, n) != n || close(fd))
		die("cannot write %s: %s", path, strerror(errno));
}

void print_row(const struct row *row)
{
	printf("  %-3s %-4s %-17s %-6s %-25s %-16s %-7s %4s s  %s\n", row->good ? "ok" : "BAD",
	       row->base, row->machine, row->flavour, row->kernel, row->scenario,
	       verdict_names[row->verdict], row->seconds, row->detail);
}

/* All that runs as part of the same tests adds to the same file. */
static const char *rows_file(void)
{
	const char *path = arg_or("rows", getenv("LAB_RESULTS"));

	return path && *path ? path : NULL;
}

void record(const struct row *row)
{
	const char *file = rows_file(), *ledger = arg_or("ledger", NULL);
	struct rows rows;
	struct row *old;

	print_row(row);
	if (file)
		append_row(file, row);
	if (!ledger)
		return;
	lock_ledger(ledger);
	read_rows(&rows, ledger, false);
	old = find_row(&rows, row);
	if (old)
		*old = *row;
	else
		add_row(&rows, row);
	write_ledger(&rows, ledger);
}

int do_keep(int argc, char **argv)
{
	struct row like = {}, *found;
	struct rows rows;

	take_args(argc, argv, ROW_ARGS);
	row_from_args(&like);
	read_rows(&rows, arg("ledger"), false);
	found = find_row(&rows, &like);
	if (!found || !found->good || strcmp(found->key, arg("key")))
		return 1;
	found->detail = format("kept, ran on %s%s%s", found->date, *found->detail ? ": " : "",
			       found->detail);
	print_row(found);
	if (rows_file())
		append_row(rows_file(), found);
	return 0;
}

static const char *const states[] = { "fresh", "stale", "failing", "missing" };

#define NR_STATES	((int)(sizeof(states) / sizeof(*states)))

static const char *state(const struct row *found, const char *key)
{
	if (!found)
		return "missing";
	if (strcmp(found->key, key))
		return "stale";
	return found->good ? "fresh" : "failing";
}

int do_status(int argc, char **argv)
{
	struct text t = { .path = "stdin", .f = stdin };
	struct rows rows, wanted = {}, left = {};
	int count[NR_STATES] = {}, i, k;
	const char *path, *is;
	struct row *found;

	take_args(argc, argv, "ledger prune");
	path = arg("ledger");
	lock_ledger(path);
	read_rows(&rows, path, false);
	while (next_line(&t)) {
		struct list f = fields(t.line, '\t');
		struct row row = { .base = base_name(path) };

		if (f.nr != 5)
			die("stdin:%d: machine, flavour, kernel, scenario and key are wanted", t.nr);
		row.machine = f.item[0];
		row.flavour = f.item[1];
		row.kernel = f.item[2];
		row.scenario = f.item[3];
		add_row(&wanted, &row);
		found = find_row(&rows, &row);
		is = state(found, f.item[4]);
		for (k = 0; k < NR_STATES; k++)
			count[k] += !strcmp(is, states[k]);
		if (strcmp(is, "fresh"))
			printf("  %-7s %-17s %-6s %-25s %-16s %s%s\n", is, row.machine, row.flavour,
			       row.kernel, row.scenario, found ? "ran on " : "",
			       found ? found->date : "");
	}
	for (i = 0; i < rows.nr; i++) {
		if (find_row(&wanted, &rows.row[i]))
			add_row(&left, &rows.row[i]);
		else
			printf("  %-7s %-17s %-6s %-25s %-16s ran on %s\n", "unasked",
			       rows.row[i].machine, rows.row[i].flavour, rows.row[i].kernel,
			       rows.row[i].scenario, rows.row[i].date);
	}
	printf("%s: %d rows", base_name(path), wanted.nr);
	for (k = 0; k < NR_STATES; k++)
		printf(", %d %s", count[k], states[k]);
	printf("; %d that nobody asks for\n", rows.nr - left.nr);
	if (!strcmp(arg_or("prune", ""), "yes") && left.nr < rows.nr)
		write_ledger(&left, path);
	return !wanted.nr || count[0] != wanted.nr;
}
