// SPDX-License-Identifier: GPL-2.0-only
/*
 * What needs data structures on the host: judge what a machine said, compare two
 * machines test by test, and sum up.
 *
 * lab judge MACHINE FLAVOUR WHAT SCENARIO ERRATA BANNER DIR ENDED SECONDS
 * lab compare MACHINE SCENARIO ERRATA DIR-BASE DIR-SERIES
 * lab note MACHINE FLAVOUR WHAT SCENARIO VERDICT GOOD SECONDS DETAIL
 * lab summary TSV JUNIT
 * lab table MACHINES TSV RUN-DIR
 *
 * The first three append a row to $LAB_RESULTS and exit with 1 if the verdict is
 * not the one that the scenario expects.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX		1024

enum { OK, NOT_OK, SKIPPED };

struct result {
	int status;
	bool nested;
	char *name;
	char *why;
};

struct report {
	bool begun, complete;
	int planned, seen;
	int boots, before;	/* results of the boots before this one */
	int sub_planned, sub_seen;
	bool out_of_order;
	bool has_load;
	struct result r[MAX];
	int nr;
};

static void die(const char *what)
{
	fprintf(stderr, "lab: %s\n", what);
	exit(2);
}

static void *need(void *p)
{
	if (!p)
		die("out of memory");
	return p;
}

static char *format(const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return need(strdup(text));
}

/* Lines are cut where they are longer than anybody wants to read. */
static bool next_line(FILE *f, char *line, size_t size)
{
	size_t n = 0;
	int c;

	while ((c = getc(f)) != EOF && c != '\n')
		if (n < size - 1 && c && c != '\r')
			line[n++] = c;
	line[n] = 0;
	return c != EOF || n;
}

static void parse_result(struct report *rep, char *p, bool nested)
{
	struct result *r = &rep->r[rep->nr];
	char *hash;
	int nr;

	r->status = NOT_OK;
	r->nested = nested;
	if (!strncmp(p, "ok ", 3)) {
		r->status = OK;
		p += 3;
	} else if (!strncmp(p, "not ok ", 7)) {
		p += 7;
	} else {
		return;
	}
	if (rep->nr == MAX - 1)
		die("too many results");

	nr = strtol(p, &p, 10);
	if (nested)
		rep->sub_seen++;
	else if (nr != ++rep->seen - rep->before)
		rep->out_of_order = true;
	p += strspn(p, " -");
	hash = strstr(p, " # ");
	r->why = "";
	if (hash) {
		*hash = 0;
		r->why = need(strdup(hash + 3));
		if (!strncmp(r->why, "SKIP", 4) && r->status == OK)
			r->status = SKIPPED;
	}
	r->name = need(strdup(p));
	if (!nested && !strncmp(p, "load", 4))
		rep->has_load = true;
	rep->nr++;
}

/* A machine that restarts goes on doing so: what counts are the first boots. */
static void read_report(const char *dir, int boots, struct report *rep)
{
	char line[4096], *p;
	FILE *f = fopen(format("%s/report", dir), "r");

	memset(rep, 0, sizeof(*rep));
	if (!f)
		return;
	while (!(boots > 1 && rep->boots == boots && rep->complete) &&
	       next_line(f, line, sizeof(line))) {
		p = line + strspn(line, " ");
		if (p == line && !strncmp(p, "KTAP version", 12)) {
			/* A machine that was restarted begins anew. */
			if (rep->seen != rep->planned)
				rep->out_of_order = true;
			rep->before = rep->seen;
			rep->boots++;
			rep->begun = true;
			rep->complete = false;
		} else if (!strncmp(p, "1..", 3) && p == line) {
			rep->planned += atoi(p + 3);
		} else if (!strncmp(p, "1..", 3)) {
			rep->sub_planned += atoi(p + 3);
		} else if (!strcmp(line, "# lab: complete")) {
			rep->complete = true;
		} else {
			parse_result(rep, p, p != line);
		}
	}
	fclose(f);
}

static const char *const panics[] = {
	"Kernel panic - not syncing", "BUG: unable to handle", "Oops: ", "kernel BUG at",
	"general protection fault", "Unable to handle kernel", "double fault:", NULL
};

static const char *const splats[] = {
	"WARNING: CPU:", "WARNING: possible", "WARNING: suspicious", "WARNING: bad unlock",
	"WARNING: inconsistent", "WARNING: lock held", "WARNING: nested lock",
	"WARNING: held lock", "BUG: sleeping function", "BUG: scheduling while atomic",
	"BUG: KASAN", "BUG: KCSAN", "BUG: KMSAN", "BUG: spinlock", "BUG: workqueue",
	"BUG: soft lockup", "BUG: Bad page", "BUG: using ", "BUG: Invalid wait", "BUG kmalloc",
	"ODEBUG:", "list_add corruption", "list_del corruption", "new suspected memory leaks",
	"rcu: INFO: rcu_", "INFO: task ", "INFO: trying to register", "INFO: possible",
	"refcount_t:", "UBSAN:", "DEBUG_LOCKS_WARN_ON", "unchecked MSR access error",
	"Poison overwritten", "Invalid wait context", NULL
};

static const char *find(const char *const list[], const char *line)
{
	for (; *list; list++)
		if (strstr(line, *list))
			return *list;
	return NULL;
}

struct console {
	char *panic, *splat;
	bool banner, wanted;
};

/* The kernel's time stamp is of no interest to a reader. */
static char *plain(char *line)
{
	char *p = line;

	if (*p == '[' && strchr(p, ']'))
		p = strchr(p, ']') + 1;
	return format("%s", p + strspn(p, " "));
}

static const char *base_name(const char *path)
{
	const char *p = strrchr(path, '/');

	return p ? p + 1 : path;
}

/* "MACHINE: ", which stands in errata before what holds only there. */
static const char *only;

/* The reason that errata gives for a test, or a function that warns, on this machine. */
static char *erratum(const char *file, const char *name)
{
	FILE *f = fopen(file, "r");
	char line[1024], *p, *found = NULL;
	size_t n = strlen(name);

	if (!f)
		return NULL;
	while (!found && next_line(f, line, sizeof(line))) {
		p = line;
		if (!strncmp(p, only, strlen(only)))
			p += strlen(only);
		if (!strncmp(p, name, n) && isspace((unsigned char)p[n]))
			found = format("%s", p + n + strspn(p + n, " \t"));
	}
	fclose(f);
	return found;
}

/* "WARNING: CPU: 1 PID: 2 at FILE:LINE FUNCTION+..." of a function that is known to. */
static bool known(const char *errata, const char *line)
{
	char function[64], *reason;

	line = strstr(line, "WARNING: CPU:");
	if (!line || sscanf(line, "WARNING: CPU: %*d PID: %*d at %*s %63[^+]", function) != 1)
		return false;
	reason = erratum(errata, function);
	if (reason)
		printf("       note: a warning in %s; %s says: %s\n", function,
		       base_name(errata), reason);
	return reason;
}

static void read_console(const char *dir, const char *banner, const char *wanted,
			 const char *errata, struct console *con)
{
	FILE *f = fopen(format("%s/console", dir), "r");
	char line[1024];

	memset(con, 0, sizeof(*con));
	con->wanted = !*wanted;
	if (!f)
		return;
	while (next_line(f, line, sizeof(line))) {
		if (strstr(line, banner))
			con->banner = true;
		if (*wanted && strstr(line, wanted))
			con->wanted = true;
		if (!con->panic && find(panics, line))
			con->panic = plain(line);
		if (!con->splat && find(splats, line) && !known(errata, line))
			con->splat = plain(line);
	}
	fclose(f);
}

/* "KEY: value" of a scenario, or "". */
static char *header(const char *file, const char *key)
{
	char line[1024], *value = "";
	FILE *f = fopen(file, "r");
	size_t n = strlen(key);

	if (!f)
		die("cannot read the scenario");
	while (next_line(f, line, sizeof(line)))
		if (!strncmp(line, key, n) && line[n] == ':')
			value = format("%s", line + n + 1 + strspn(line + n + 1, " "));
	fclose(f);
	return value;
}

/* Is name one of "a; b; c"? */
static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);
	const char *p;

	for (p = list; (p = strstr(p, name)); p++)
		if ((p == list || p[-1] == ' ' || p[-1] == ';') && (!p[n] || p[n] == ';'))
			return true;
	return false;
}

/* A test that passes or fails as the host has time for it decides nothing. */
static bool unstable(const char *reason)
{
	return reason && !strncmp(reason, "unstable:", 9);
}

static void print_row(bool good, const char *machine, const char *flavour, const char *what,
		      const char *scenario, const char *verdict, const char *seconds,
		      const char *detail)
{
	printf("  %-3s %-17s %-6s %-25s %-16s %-7s %4s s  %s\n", good ? "ok" : "BAD", machine,
	       flavour, what, scenario, verdict, seconds, detail);
}

static bool row(const char *machine, const char *flavour, const char *what,
		const char *scenario, const char *verdict, bool good, const char *seconds,
		const char *detail)
{
	const char *path = getenv("LAB_RESULTS");
	FILE *f = path ? fopen(path, "a") : NULL;

	print_row(good, machine, flavour, what, scenario, verdict, seconds, detail);
	if (f) {
		fprintf(f, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", machine, flavour, what, scenario,
			verdict, good, seconds, detail);
		fclose(f);
	}
	return good;
}

/* What a user needs to see of a verdict that nobody expected. */
static void excerpt(const char *dir, const char *line)
{
	char text[1024];
	FILE *f = fopen(format("%s/console", dir), "r");
	int left = 0;

	while (f && next_line(f, text, sizeof(text))) {
		if (line && strstr(text, line)) {
			left = 6;
			line = NULL;
		}
		if (left-- > 0)
			printf("       | %s\n", text);
	}
	if (f)
		fclose(f);
	printf("       console and report: %s\n", dir);
}

static int judge(char **a)
{
	const char *machine = a[0], *flavour = a[1], *what = a[2], *scenario = a[3];
	const char *errata = a[4], *banner = a[5], *dir = a[6], *ended = a[7], *seconds = a[8];
	/* A mutant says itself what it breaks. */
	char *expect = getenv("LAB_EXPECT") ?: "";
	int boots = atoi(header(scenario, "boots")) ?: 1;
	const char *expect_verdict, *expect_names = "";
	static struct report rep;
	struct console con;
	char *verdict, *detail = "", *reason, *failed = NULL;
	int i, failures = 0, missing = 0, skips = 0;
	bool good;

	/* What is for less comes first: "base x86_64" is all machines named so, up to a dash. */
	char *const keys[] = {
		format("expect %s %s", what, flavour),
		format("expect %s %s", what, machine),
		format("expect %s", machine),
		format("expect %s", what),
		format("expect %s %.*s", what, (int)strcspn(machine, "-"), machine),
		"expect",
	};
	for (i = 0; !*expect && i < (int)(sizeof(keys) / sizeof(*keys)); i++)
		expect = header(scenario, keys[i]);
	if (!*expect)
		expect = "pass";
	/* "fail a; b": exactly these. */
	if (!strncmp(expect, "fail ", 5)) {
		expect_verdict = "fail";
		expect_names = expect + 5;
	} else {
		expect_verdict = expect;
	}

	read_report(dir, boots, &rep);
	read_console(dir, banner, header(scenario, "console"), errata, &con);

	for (i = 0; i < rep.nr; i++) {
		struct result *r = &rep.r[i];

		reason = erratum(errata, r->name);
		if (r->status == SKIPPED && !r->nested)
			skips++;
		if (r->status == NOT_OK && !reason) {
			failures++;
			if (!failed || !listed(expect_names, r->name))
				failed = format("%s: %s", r->name, r->why);
			if (*expect_names && !listed(expect_names, r->name))
				missing++;
		} else if (r->status == OK && !strncmp(r->why, "at try", 6)) {
			printf("       note: %s passed %s\n", r->name, r->why);
		} else if (r->status == OK && reason && !unstable(reason)) {
			printf("       note: %s passes now; %s says: %s\n", r->name,
			       base_name(errata), reason);
		}
		if (r->status != NOT_OK && listed(expect_names, r->name)) {
			missing++;
			failed = format("%s did not fail as it has to%s%s", r->name,
					r->status == SKIPPED ? ", it was skipped: " : "",
					r->status == SKIPPED ? r->why : "");
		}
	}

	if (con.panic) {
		verdict = "panic";
		detail = con.panic;
	} else if (con.splat) {
		verdict = "splat";
		detail = con.splat;
	} else if (!strcmp(ended, "timeout")) {
		verdict = "hang";
		detail = format("after %d of %d results", rep.seen, rep.planned);
	} else if (!rep.begun) {
		verdict = "boot";
		detail = format("no report; the emulator: %s", ended);
	} else if (rep.has_load && !con.banner) {
		verdict = "boot";
		detail = format("the console lacks '%s'", banner);
	} else if (rep.complete && rep.boots < boots) {
		verdict = "boot";
		detail = format("it came up %d of %d times", rep.boots, boots);
	} else if (!rep.complete) {
		verdict = "silent";
		detail = format("it stopped after %d of %d results", rep.seen, rep.planned);
	} else if (rep.seen != rep.planned || rep.out_of_order || rep.sub_seen < rep.sub_planned) {
		verdict = "lost";
		detail = format("%d of %d results, %d of %d nested", rep.seen, rep.planned,
				rep.sub_seen, rep.sub_planned);
	} else if (failures || missing) {
		verdict = "fail";
		detail = failed;
	} else if (!con.wanted) {
		verdict = "fail";
		detail = format("the console lacks '%s'", header(scenario, "console"));
	} else if (skips && skips == rep.seen) {
		verdict = "skip";
		detail = rep.r[0].why;
	} else {
		verdict = "pass";
		if (skips)
			detail = format("%d skipped", skips);
	}

	good = listed(expect_verdict, verdict) && !missing;
	if (good && !strcmp(verdict, "fail"))
		detail = format("as it has to: %s", *expect_names ? expect_names : detail);
	if (!strcmp(verdict, "skip"))
		good = true;
	row(machine, flavour, what,
	    format("%s%s", base_name(scenario), getenv("LAB_CASE") ?: ""), verdict, good,
	    seconds, detail);
	if (!good)
		excerpt(dir, con.panic ?: con.splat);
	return !good;
}

static struct result *lookup(struct report *rep, const char *name)
{
	int i;

	for (i = 0; i < rep->nr; i++)
		if (!strcmp(rep->r[i].name, name))
			return &rep->r[i];
	return NULL;
}

static int compare(char **a)
{
	static const char *const words[] = { "pass", "fail", "skip" };
	static struct report base, series;
	char *expect = header(a[1], format("expect base %.*s", (int)strcspn(a[0], "-"), a[0]));
	char *detail;
	int i, count[2][3] = { 0 }, differ = 0, expected = 0;
	struct result *r, *s;

	read_report(a[3], 1, &base);
	read_report(a[4], 1, &series);
	for (i = 0; i < base.nr; i++) {
		r = &base.r[i];
		s = lookup(&series, r->name);
		if (!r->nested)
			continue;
		count[0][r->status]++;
		if (s)
			count[1][s->status]++;
		if (s && s->status == r->status)
			continue;
		if (s && listed(expect, r->name)) {
			expected++;
			continue;
		}
		if (s && unstable(erratum(a[2], r->name)))
			continue;
		differ++;
		printf("       %s: base %s, series %s\n", r->name, words[r->status],
		       s ? words[s->status] : "missing");
	}
	detail = format("pass/skip/fail: base %d/%d/%d, series %d/%d/%d; "
			"%d new fail on the base, %d others differ",
			count[0][OK], count[0][SKIPPED], count[0][NOT_OK],
			count[1][OK], count[1][SKIPPED], count[1][NOT_OK], expected, differ);
	return !row(a[0], "-", "both", base_name(a[1]), differ || base.nr < 3 ? "fail" : "pass",
		    !differ && base.nr >= 3, "0", detail);
}

static void xml(FILE *f, const char *text)
{
	for (; *text; text++)
		if (strchr("<>&\"", *text))
			fprintf(f, "&#%d;", *text);
		else if (isprint((unsigned char)*text))
			putc(*text, f);
}

static void split(char *line, char **field, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		field[i] = line;
		line += strcspn(line, "\t");
		if (*line)
			*line++ = 0;
	}
}

static int summary(char **a)
{
	FILE *f = fopen(a[0], "r"), *j = fopen(a[1], "w");
	int passed = 0, failed = 0, skipped = 0;
	char line[4096], *field[8];

	if (!f || !j)
		die("cannot read the results or write the JUnit file");
	fprintf(j, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"kvm-lab\">\n");
	printf("      %-17s %-6s %-25s %-16s %-7s %6s\n", "machine", "config", "kernel",
	       "scenario", "verdict", "time");
	while (next_line(f, line, sizeof(line))) {
		split(line, field, 8);
		if (!atoi(field[5]))
			failed++;
		else if (!strcmp(field[4], "skip"))
			skipped++;
		else
			passed++;
		print_row(atoi(field[5]), field[0], field[1], field[2], field[3], field[4],
			  field[6], field[7]);
		fprintf(j, "<testcase classname=\"");
		xml(j, format("%s.%s.%s", field[0], field[1], field[2]));
		fprintf(j, "\" name=\"");
		xml(j, field[3]);
		fprintf(j, "\" time=\"%s\">", field[6]);
		if (!atoi(field[5])) {
			fprintf(j, "<failure type=\"%s\" message=\"", field[4]);
			xml(j, field[7]);
			fprintf(j, "\"/>");
		} else if (!strcmp(field[4], "skip")) {
			fprintf(j, "<skipped/>");
		}
		fprintf(j, "</testcase>\n");
	}
	fprintf(j, "</testsuite>\n");
	fclose(f);
	if (fclose(j))
		die("cannot write the JUnit file");
	printf("\n%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	return failed || !passed;
}

/* What the table says of a machine, by the first word of a step. */
static const char *const abilities[] = { "hello", "hotplug", "suspend", "reload", "reboot" };

#define NR_ABILITIES	((int)(sizeof(abilities) / sizeof(*abilities)))

struct outcome {
	bool booted;
	int passed[NR_ABILITIES], warned[NR_ABILITIES], failed[NR_ABILITIES];
	bool faked_suspend;
	bool has_tests;
	int tests[3];
};

/* Adds what one boot showed, whose verdict was expected or not. */
static void add_outcome(struct outcome *o, const char *dir, const char *verdict, bool expected)
{
	bool good = expected && (!strcmp(verdict, "pass") || !strcmp(verdict, "fail"));
	bool warned = expected && !strcmp(verdict, "splat");
	static struct report rep;
	int nested[3] = { 0 }, i, k;
	char line[4096];
	FILE *f;

	/* More boots than one are those of a restart: look at all of them. */
	read_report(dir, 1, &rep);
	o->booted |= rep.begun;
	for (i = 0; i < rep.nr; i++) {
		struct result *r = &rep.r[i];

		if (r->nested) {
			nested[r->status]++;
			continue;
		}
		/* A step's own result comes after those inside it. */
		for (k = 0; k < 3; k++) {
			if (!strncmp(r->name, "kselftests", 10)) {
				o->has_tests = true;
				o->tests[k] += nested[k];
			}
			nested[k] = 0;
		}
		for (k = 0; k < NR_ABILITIES; k++) {
			if (strncmp(r->name, abilities[k], strlen(abilities[k])))
				continue;
			/*
			 * The last step of a boot that ended badly is not above suspicion;
			 * one that has to fail tells of the scenario's subject only.
			 */
			o->passed[k] += r->status == OK;
			if (warned)
				o->warned[k] += i == rep.nr - 1;
			else if (!good)
				o->failed[k] += r->status == NOT_OK || i == rep.nr - 1;
		}
	}
	f = fopen(format("%s/report", dir), "r");
	while (f && next_line(f, line, sizeof(line)))
		if (strstr(line, "through fakesuspend.ko"))
			o->faked_suspend = true;
	if (f)
		fclose(f);
}

static char *yes_or_no(struct outcome *o, int k)
{
	const char *words[2];
	int i;

	for (i = 0; i < 2; i++)
		words[i] = o[i].failed[k] ? "no" : o[i].warned[k] ? "yes, WARN" :
			   o[i].passed[k] ? "yes" : "-";
	if (!strcmp(words[0], words[1]))
		return format("%s", words[0]);
	return format("base %s, series %s", words[0], words[1]);
}

static char *test_counts(struct outcome *o)
{
	return o->has_tests ? format("%d/%d/%d", o->tests[OK], o->tests[SKIPPED], o->tests[NOT_OK])
			    : "-";
}

#define COLUMNS	13

static int table(char **a)
{
	static const char *const head[COLUMNS] = {
		"machine", "mode", "emulator", "kernels booted", "config", "guest code", "hotplug",
		"suspend", "reboot", "reload", "selftests p/s/f base", "series", "wall time"
	};
	static char *cell[64][COLUMNS];
	FILE *m = fopen(a[0], "r"), *r;
	char line[4096], row_line[4096], *mf[5], *rf[8], *lacks[64], *p, *save;
	size_t width[COLUMNS];
	int nr = 0, i, k, seconds;

	if (!m)
		die("cannot read the list of machines");
	for (i = 0; i < COLUMNS; i++)
		cell[0][i] = need(strdup(head[i]));
	while (next_line(m, line, sizeof(line)) && nr < 63) {
		struct outcome o[2] = {};

		split(line, mf, 5);
		nr++;
		lacks[nr] = need(strdup(mf[4]));
		seconds = 0;
		r = fopen(a[1], "r");
		while (r && next_line(r, row_line, sizeof(row_line))) {
			split(row_line, rf, 8);
			/* Mutants and tests of the lab itself say nothing about a machine. */
			if (strcmp(rf[0], mf[0]) || !strncmp(rf[3], "busted", 6))
				continue;
			seconds += atoi(rf[6]);
			if (!strcmp(rf[2], "base") || !strcmp(rf[2], "series"))
				add_outcome(&o[*rf[2] == 's'],
					    format("%s/%s-%s-%s-%s", a[2], rf[0], rf[1], rf[2],
						   rf[3]),
					    rf[4], atoi(rf[5]));
		}
		if (r)
			fclose(r);
		i = 0;
		cell[nr][i++] = need(strdup(mf[0]));
		cell[nr][i++] = need(strdup(mf[1]));
		cell[nr][i++] = need(strdup(mf[2]));
		cell[nr][i++] = format("%s", o[0].booted && o[1].booted ? "base, series" :
				       o[0].booted ? "base" : o[1].booted ? "series" : "none");
		cell[nr][i++] = need(strdup(mf[3]));
		cell[nr][i++] = yes_or_no(o, 0);
		cell[nr][i++] = yes_or_no(o, 1);
		cell[nr][i] = yes_or_no(o, 2);
		if (!strcmp(cell[nr][i], "yes") && o[1].faked_suspend)
			cell[nr][i] = "faked";
		i++;
		cell[nr][i++] = yes_or_no(o, 4);
		cell[nr][i++] = yes_or_no(o, 3);
		cell[nr][i++] = test_counts(&o[0]);
		cell[nr][i++] = test_counts(&o[1]);
		cell[nr][i++] = o[0].booted || o[1].booted ? format("%d s", seconds) : "-";
	}
	fclose(m);

	for (k = 0; k < COLUMNS; k++)
		for (i = 0, width[k] = 0; i <= nr; i++)
			if (strlen(cell[i][k]) > width[k])
				width[k] = strlen(cell[i][k]);
	for (i = 0; i <= nr; i++) {
		for (k = 0; k < COLUMNS; k++)
			printf("| %-*s ", (int)width[k], cell[i][k]);
		printf("|\n");
		for (k = 0; !i && k < COLUMNS; k++)
			printf("|%.*s", (int)width[k] + 2,
			       "------------------------------------------------------------");
		if (!i)
			printf("|\n");
	}
	printf("\nA yes holds on base and series.  \"faked\": through all of the kernel's suspend "
	       "path, to a\nplatform that is a test module (fakesuspend.ko).\n\n"
	       "Not covered, and why:\n\n");
	for (i = 1; i <= nr; i++)
		for (p = strtok_r(lacks[i], "|", &save); p; p = strtok_r(NULL, "|", &save))
			printf("- %s: %s\n", cell[i][0], p + strspn(p, " \t"));
	printf("- everywhere: real hardware; there was none\n");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2)
		only = format("%s: ", argv[2]);
	if (argc == 11 && !strcmp(argv[1], "judge"))
		return judge(argv + 2);
	if (argc == 7 && !strcmp(argv[1], "compare"))
		return compare(argv + 2);
	if (argc == 10 && !strcmp(argv[1], "note"))
		return !row(argv[2], argv[3], argv[4], argv[5], argv[6], atoi(argv[7]), argv[8],
			    argv[9]);
	if (argc == 5 && !strcmp(argv[1], "table"))
		return table(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "summary"))
		return summary(argv + 2);
	die("usage: see the head of tools/lab.c");
}
