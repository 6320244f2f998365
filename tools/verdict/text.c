// SPDX-License-Identifier: GPL-2.0-only
/* Lines, words and complaints. */
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

int complaints;

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "error: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(2);
}

char *format(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		die("out of memory");
	return text;
}

/* The array with room for one more than @nr. */
void *grow(void *array, size_t nr, size_t size)
{
	/* Twice as much whenever @nr is a power of two. */
	if (!(nr & (nr - 1))) {
		array = realloc(array, (nr ? 2 * nr : 1) * size);
		if (!array)
			die("out of memory");
	}
	return array;
}

bool open_text(struct text *t, const char *path)
{
	memset(t, 0, sizeof(*t));
	t->path = path;
	t->f = fopen(path, "r");
	if (!t->f && errno != ENOENT)
		die("cannot read %s: %s", path, strerror(errno));
	return t->f;
}

void open_needed(struct text *t, const char *path)
{
	if (!open_text(t, path))
		die("cannot read %s: %s", path, strerror(errno));
}

bool next_line(struct text *t)
{
	ssize_t n = getline(&t->line, &t->size, t->f);
	char *from, *to;

	if (n < 0) {
		if (ferror(t->f))
			die("cannot read %s: %s", t->path, strerror(errno));
		return false;
	}
	/* A serial port adds what is no part of the line. */
	for (from = to = t->line; from < t->line + n; from++)
		if (*from && *from != '\r' && *from != '\n')
			*to++ = *from;
	*to = 0;
	t->nr++;
	return true;
}

void close_text(struct text *t)
{
	fclose(t->f);
	free(t->line);
}

void complain(const struct text *t, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	if (t->nr)
		fprintf(stderr, "error: %s:%d: ", t->path, t->nr);
	else
		fprintf(stderr, "error: %s: ", t->path);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	complaints++;
}

void add(struct list *list, const char *item)
{
	list->item = grow(list->item, list->nr, sizeof(*list->item));
	list->item[list->nr++] = format("%s", item);
}

bool has(const struct list *list, const char *item)
{
	int i;

	for (i = 0; i < list->nr; i++)
		if (!strcmp(list->item[i], item))
			return true;
	return false;
}

struct list words(const char *text, const char *separators)
{
	struct list list = {};
	size_t n;

	for (text += strspn(text, separators); *text; text += n + strspn(text + n, separators)) {
		n = strcspn(text, separators);
		add(&list, format("%.*s", (int)n, text));
	}
	return list;
}

struct list fields(const char *text, char separator)
{
	struct list list = {};
	const char *end;

	while ((end = strchr(text, separator))) {
		add(&list, format("%.*s", (int)(end - text), text));
		text = end + 1;
	}
	add(&list, text);
	return list;
}

char *join(const struct list *list, const char *separator)
{
	char *text = format("%s", "");
	int i;

	for (i = 0; i < list->nr; i++)
		text = format("%s%s%s", text, i ? separator : "", list->item[i]);
	return text;
}

char *word(const char **text)
{
	size_t n = strcspn(*text, " \t");
	char *first = format("%.*s", (int)n, *text);

	*text += n;
	*text += strspn(*text, " \t");
	return first;
}

bool number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

const char *base_name(const char *path)
{
	const char *p = strrchr(path, '/');

	return p ? p + 1 : path;
}

bool matches(const char *pattern, const char *text)
{
	if (*pattern == '!')
		return fnmatch(pattern + 1, text, 0);
	return !fnmatch(pattern, text, 0);
}
