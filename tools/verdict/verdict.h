/* SPDX-License-Identifier: GPL-2.0-only */
/* Judges what a machine said, and keeps account of it; see main.c for the commands. */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* text.c: lines, words and complaints.  Nothing that is read is ever cut. */

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *grow(void *array, size_t nr, size_t size);

/* A file, line by line, without the ends of lines. */
struct text {
	const char *path;
	FILE *f;
	char *line;
	size_t size;
	int nr;
};

bool open_text(struct text *t, const char *path);
void open_needed(struct text *t, const char *path);
bool next_line(struct text *t);
void close_text(struct text *t);
/* A fault in what people wrote: said at once, and counted. */
void complain(const struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
extern int complaints;

struct list {
	char **item;
	int nr;
};

void add(struct list *list, const char *item);
bool has(const struct list *list, const char *item);
/* What stands between any of @separators, without the empty. */
struct list words(const char *text, const char *separators);
/* What stands between two of @separator, the empty included. */
struct list fields(const char *text, char separator);
char *join(const struct list *list, const char *separator);
/* The first word of @text, which is moved on to the second one. */
char *word(const char **text);
bool number(const char *text);
const char *base_name(const char *path);
/* A shell's pattern, or with "!" before it what does not match it. */
bool matches(const char *pattern, const char *text);

/* args.c: the key=value arguments of a command. */

void take_args(int argc, char **argv, const char *keys);
const char *arg(const char *key);
const char *arg_or(const char *key, const char *otherwise);

enum verdict { PASS, FAIL, SKIP, PANIC, SPLAT, HANG, BOOT, SILENT, LOST, NR_VERDICTS };

extern const char *const verdict_names[NR_VERDICTS];
enum verdict verdict_by_name(const char *name);

/* ledger.c: one run of one scenario; a line of results/BASE and of a run's rows. */
struct row {
	const char *base, *machine, *flavour, *kernel, *scenario;
	enum verdict verdict;
	bool good;		/* it is the verdict that was expected */
	const char *seconds, *date;
	const char *tree;	/* what ran: the id of the kernel's tree */
	const char *key;	/* a hash of all that the verdict depends on */
	const char *emulator;
	const char *did;	/* what the table says of the machine, see table.c */
	const char *detail;
};

struct rows {
	struct row *row;
	int nr;
};

void row_from_args(struct row *row);
void read_rows(struct rows *rows, const char *path, bool needed);
struct row *find_row(const struct rows *rows, const struct row *like);
void print_row(const struct row *row);
/* Prints it, and adds it to the files that rows= and ledger= name. */
void record(const struct row *row);

#define ROW_ARGS	"base machine flavour kernel scenario seconds tree key emulator rows ledger"

/* scenario.c: the one parser of scenarios/. */
struct scenario {
	const char *name;
	const char **value;	/* as many as there are keys */
	struct list steps;
};

void read_scenario(struct scenario *s, const char *path);
const char *scenario_value(const struct scenario *s, const char *key);

/* expect.c: linux-BASE/expect and linux-BASE/errata. */
struct expectation {
	struct list pattern;	/* scenario, kernel, machine, flavour */
	bool console;		/* what the console has to say, not a verdict */
	unsigned int verdicts;	/* one bit each */
	struct list names;	/* what has to fail, and nothing else */
	const char *text;
	int line, clash;	/* with another line; said once */
	bool used;		/* for lint */
};

struct expectations {
	const char *path;
	struct expectation *e;
	int nr;
};

void parse_expected(const struct text *t, const char *text, struct expectation *e);
void read_expectations(struct expectations *all, const char *room);
/* What has to come out of @row, or what the console has to say: at most one line. */
struct expectation *find_expectation(const struct expectations *all, const struct row *row,
				     bool console);

struct erratum {
	const char *machine, *test, *reason;
	int line;
};

struct errata {
	const char *path;
	struct erratum *e;
	int nr;
};

void read_errata(struct errata *all, const char *room);
/* The reason to let a test fail, or a function warn, on this machine. */
const char *known_failure(const struct errata *all, const char *machine, const char *name);
bool unstable(const char *reason);

/* report.c: what the machine said, on its own channel and on the console. */
enum { OK, NOT_OK, SKIPPED };

struct result {
	int status;
	bool nested;
	const char *name, *why;
};

struct report {
	bool begun, complete;
	int planned, seen;
	int boots, before;	/* results of the boots before this one */
	int sub_planned, sub_seen;
	bool out_of_order;
	bool has_load;
	bool faked_suspend;
	struct result *r;
	int nr;
};

struct console {
	const char *panic, *splat;
	bool banner;
	const char *missing;	/* of what it has to say, or NULL */
};

void read_report(struct report *rep, const char *dir, int boots);
void read_console(struct console *con, const char *dir, const char *banner,
		  const struct list *wanted, const char *asked, const struct errata *errata,
		  const char *machine);

/* rows.c: what the shell knows of machines, and the rows that follow from it. */
struct machine {
	const char *name, *title;
	bool fast;		/* boots in the fast tests, too */
	bool never;		/* this base does not boot there */
	struct list flavours, has, later, lacks;
};

struct machines {
	struct machine *m;
	int nr;
};

struct scenarios {
	struct scenario *s;
	int nr;
};

void read_machines(struct machines *all, const char *path);
const struct machine *find_machine(const struct machines *all, const char *name);
void read_scenarios(struct scenarios *all, const char *dir);
const struct scenario *find_scenario(const struct scenarios *all, const char *name);
bool can_run(const struct machine *m, const struct scenario *s, bool fast);
/* The flavours in which a scenario runs on a machine. */
struct list flavours_of(const struct machine *m, const struct scenario *s, bool fast);
/* The scenario of SCENARIO:CASE. */
char *without_case(const char *name);
char *with_case(const struct scenario *s, const char *one);
/* Its cases; the empty one if it has none. */
struct list cases_of(const struct scenario *s);

/* What is at the head of a mutant. */
struct mutant {
	const char *path, *name, *scenario, *expect;
	struct list machines;
	bool on_base, slow;
};

struct mutants {
	struct mutant *m;
	int nr;
};

void read_mutants(struct mutants *all, const char *room);

/* table.c: what a report shows of the machine's abilities, for a row. */
const char *shown(const struct report *rep, enum verdict verdict, bool good);

int do_get(int argc, char **argv);
int do_steps(int argc, char **argv);
int do_expect(int argc, char **argv);
int do_lint(int argc, char **argv);
int do_rows(int argc, char **argv);
int do_judge(int argc, char **argv);
int do_note(int argc, char **argv);
int do_compare(int argc, char **argv);
int do_summary(int argc, char **argv);
int do_table(int argc, char **argv);
int do_check(int argc, char **argv);
int do_keep(int argc, char **argv);
int do_status(int argc, char **argv);

#endif
