/* The names of the checks that engines emit, what they mean, and how long a fact about them counts.
 * The list is checks.def; an engine adds its rows there. */
#ifndef MAMORI_LEDGER_CHECKS_H
#define MAMORI_LEDGER_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

struct check {
	const char *name;
	int max_days; /* 0: an event, which does not grow old */
	const char *ja, *en;
};

/* checks_all(ret_n): The whole table, sorted by name. */
const struct check *checks_all(size_t *ret_n);
/* checks_find(name): The row, or NULL when no engine emits it. */
const struct check *checks_find(const char *name);
/* checks_name_ok(s): Whether ${s} has the form of a check name: two or more lower-case words of
 * letters, digits, '_' and '-', each beginning with a letter, joined by dots; at most 95 bytes. */
bool checks_name_ok(const char *s);

#endif
