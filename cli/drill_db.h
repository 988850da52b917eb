/* Database drills: a generation is opened (vault/overlay.h) in namespaces of its own – no network,
 * no view of other processes, mounts nobody else sees – and the databases found in it are started
 * and checked there. Nothing of the source or the vault is written. */
#ifndef MAMORI_CLI_DRILL_DB_H
#define MAMORI_CLI_DRILL_DB_H

#include <jansson.h>

#include "cli/cli_vault.h"
#include "ledger/state.h"

struct drill_db {
	struct cli *c;
	struct state *st;
	const char *repo;   /* the repository */
	const char *system; /* whose newest generation */
	const uint8_t *secret; /* the recovery key, or NULL: this machine's ring */
	double limit_seconds;  /* 0: an hour */
};

/* drill_db_run(d, ret, e): Look for PostgreSQL and SQLite databases in the newest generation of a
 * system and check each. 0, and in ${ret} an object
 *   {"databases": [{"kind", "path", "version", "outcome": pass|fail|unknown, "detail",
 *     "first_answer_ms", "bytes"}], "first_answer_ms", "total_ms", "outcome"}
 * with an empty list when the generation holds none; outcome "unknown" where this machine cannot
 * check (no such program, no namespaces; "detail" says which). E_SYS, E_AUTH, E_CANCEL (the limit).
 */
MUST int drill_db_run(const struct drill_db *d, json_t **ret, struct err *e);

/* ---- private to drill_db*.c ---- */

/* drill_pg(dir, socket_dir): Start PostgreSQL on ${dir}, ask it, read all of it, stop it. Runs as a
 * process of the namespaces. A new object, as above. */
json_t *drill_pg(const char *dir, const char *run_dir);
/* drill_sqlite(path): The same for an SQLite file. */
json_t *drill_sqlite(const char *path);

#endif
