// SPDX-License-Identifier: GPL-2.0-only
/* What a machine said: in KTAP on a channel of its own, and on the console. */
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

static void parse_result(struct report *rep, const char *p, bool nested)
{
	struct result *r;
	const char *hash;
	char *end;
	int nr;

	rep->r = grow(rep->r, rep->nr, sizeof(*rep->r));
	r = &rep->r[rep->nr];
	r->nested = nested;
	if (!strncmp(p, "ok ", 3)) {
		r->status = OK;
		p += 3;
	} else if (!strncmp(p, "not ok ", 7)) {
		r->status = NOT_OK;
		p += 7;
	} else {
		return;
	}

	nr = strtol(p, &end, 10);
	p = end;
	if (nested)
		rep->sub_seen++;
	else if (nr != ++rep->seen - rep->before)
		rep->out_of_order = true;
	p += strspn(p, " -");
	hash = strstr(p, " # ");
	r->why = hash ? format("%s", hash + 3) : "";
	r->name = format("%.*s", (int)(hash ? hash - p : (long)strlen(p)), p);
	if (!strncmp(r->why, "SKIP", 4) && r->status == OK) {
		r->status = SKIPPED;
		r->why += 4 + strspn(r->why + 4, " ");
	}
	if (!nested && !strncmp(p, "load", 4))
		rep->has_load = true;
	rep->nr++;
}

/* A machine that restarts goes on doing so: what counts are the first boots. */
void read_report(struct report *rep, const char *dir, int boots)
{
	struct text t;
	const char *p;

	memset(rep, 0, sizeof(*rep));
	if (!open_text(&t, format("%s/report", dir)))
		return;
	while (!(boots > 1 && rep->boots == boots && rep->complete) && next_line(&t)) {
		p = t.line + strspn(t.line, " ");
		if (p == t.line && !strncmp(p, "KTAP version", 12)) {
			/* A machine that was restarted begins anew. */
			if (rep->seen != rep->planned)
				rep->out_of_order = true;
			rep->before = rep->seen;
			rep->boots++;
			rep->begun = true;
			rep->complete = false;
		} else if (!strncmp(p, "1..", 3) && p == t.line) {
			rep->planned += atoi(p + 3);
		} else if (!strncmp(p, "1..", 3)) {
			rep->sub_planned += atoi(p + 3);
		} else if (!strcmp(t.line, "# lab: complete")) {
			rep->complete = true;
		} else if (!strcmp(t.line, "# lab: suspended=faked")) {
			rep->faked_suspend = true;
		} else {
			parse_result(rep, p, p != t.line);
		}
	}
	close_text(&t);
}

static const char *const panics[] = {
	"Kernel panic - not syncing", "BUG: unable to handle", "Oops: ", "kernel BUG at",
	"general protection fault", "Unable to handle kernel", "double fault:", "Internal error: ",
	/* Whatever an architecture calls it: the first time that it died of something. */
	"[#1]", NULL
};

/* WARN() is not here, DEBUG_LOCKS_WARN_ON() neither, see warning(). */
static const char *const splats[] = {
	"WARNING: possible", "WARNING: suspicious", "WARNING: bad unlock",
	"WARNING: bad contention", "WARNING: chain_key", "WARNING: inconsistent",
	"WARNING: lock held", "WARNING: Nested lock", "WARNING: held lock",
	"-unsafe lock order detected", "still has locks held", "BUG: sleeping function",
	"BUG: scheduling ", "BUG: assuming ", "BUG: KASAN", "BUG: KCSAN", "BUG: KMSAN",
	"BUG: spinlock", "BUG: rwlock", "BUG: workqueue", "BUG: soft lockup", "BUG: Bad page",
	"BUG: using ", "BUG: Invalid wait", "BUG kmalloc", "BUG: key ", "ODEBUG:",
	"list_add corruption", "list_del corruption", "new suspected memory leaks",
	"rcu: INFO: rcu_", "INFO: task ", "INFO: trying to register", "INFO: possible",
	"refcount_t:", "UBSAN:", "unchecked MSR access error",
	"Poison overwritten", "Invalid wait context", NULL
};

static bool find(const char *const list[], const char *line)
{
	for (; *list; list++)
		if (strstr(line, *list))
			return true;
	return false;
}

/*
 * Is it the first line of a WARN()?  Then the function that warns is stored.
 *	WARNING: CPU: 1 PID: 2 at FILE:LINE FUNCTION+0x1/0x2
 *	WARNING: FILE:LINE at FUNCTION+0x1/0x2, CPU#1: COMM/PID		since Linux 6.18
 *	WARNING: at FUNCTION+0x1/0x2, CPU#1: COMM/PID
 */
static bool warning(const char *line, char **function)
{
	const char *p = strstr(line, "WARNING: ");

	*function = NULL;
	if (!p)
		return false;
	p += strlen("WARNING: ");
	if (!strncmp(p, "CPU:", 4)) {
		p = strstr(p, " at ");
		if (p)
			p = strchr(p + 4, ' ');
		p = p ? p + 1 : "";
	} else {
		p = strncmp(p, "at ", 3) ? strstr(p, " at ") : p - 1;
		if (!p || !strstr(p, ", CPU#"))
			return false;
		p += 4;
	}
	*function = format("%.*s", (int)strcspn(p, "+ ,"), p);
	return true;
}

/* Is it a function that is known to warn? */
static bool known(const char *function, const struct errata *errata, const char *machine)
{
	const char *reason = known_failure(errata, machine, function);
	static struct list said;

	if (reason && !has(&said, function)) {
		printf("       note: a warning in %s; %s says: %s\n", function,
		       base_name(errata->path), reason);
		add(&said, function);
	}
	return reason;
}

/*
 * What lockdep says about RCU has no function in its first line.  The one that is known to
 * be at fault is in the stack at its end: FUNCTION+0x1/0x2.
 */
static bool known_stack(const char *line, const struct errata *errata, const char *machine)
{
	const char *end = strstr(line, "+0x"), *p = end;

	while (p && p > line && !strchr(" ]", p[-1]))
		p--;
	return p && p < end && known(format("%.*s", (int)(end - p), p), errata, machine);
}

/* The kernel's time stamp is of no interest to a reader. */
static char *plain(const char *line)
{
	const char *p = line;

	if (*p == '[' && strchr(p, ']'))
		p = strchr(p, ']') + 1;
	return format("%s", p + strspn(p, " "));
}

/* asked: text of a panic that the scenario asks for, which is none of those to be judged. */
void read_console(struct console *con, const char *dir, const char *banner,
		  const struct list *wanted, const char *asked, const struct errata *errata,
		  const char *machine)
{
	struct list missing = {};
	char *function, *rcu = NULL;
	bool stack = false;
	struct text t;
	int i;

	memset(con, 0, sizeof(*con));
	for (i = 0; i < wanted->nr; i++)
		add(&missing, wanted->item[i]);
	if (missing.nr)
		con->missing = missing.item[0];
	if (!open_text(&t, format("%s/console", dir)))
		return;
	while (next_line(&t)) {
		if (strstr(t.line, banner))
			con->banner = true;
		for (i = 0; i < missing.nr; i++)
			if (strstr(t.line, missing.item[i]))
				missing.item[i--] = missing.item[--missing.nr];
		if (!con->panic && find(panics, t.line) && !(*asked && strstr(t.line, asked)))
			con->panic = plain(t.line);
		if (con->splat)
			continue;
		if (warning(t.line, &function) || find(splats, t.line)) {
			/* The one before was not known. */
			con->splat = rcu;
			rcu = NULL;
			if (con->splat || (function && known(function, errata, machine)))
				continue;
			if (strstr(t.line, "WARNING: suspicious RCU usage"))
				rcu = plain(t.line);
			else
				con->splat = plain(t.line);
			stack = false;
		} else if (strstr(t.line, "stack backtrace:")) {
			stack = true;
		} else if (rcu && stack && known_stack(t.line, errata, machine)) {
			rcu = NULL;
		}
	}
	close_text(&t);
	if (!con->splat)
		con->splat = rcu;
	con->missing = missing.nr ? missing.item[0] : NULL;
}
