/* What the runner may start: a table of `mamori` commands and the form of each of their arguments.
 * Whoever has taken over the console can reach no further than this. */
#ifndef MAMORI_DAEMON_MAMORID_ALLOW_H
#define MAMORI_DAEMON_MAMORID_ALLOW_H

#include <jansson.h>
#include <stdbool.h>

enum { ALLOW_ARGS = 64 };

/* allow_argv(state, argv): Whether the words after `mamori --state STATE --json` are in the table
 * and every argument has its form. ${state} is the absolute path of the state directory. A pure
 * function. */
bool allow_argv(const char *state, const json_t *argv);

#endif
