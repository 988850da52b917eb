/* Records in tables. One contract, one dialect: SQLite now, PostgreSQL for a group of hospitals.
 *
 * Placeholders are $1 $2 ...; each call names the types of its arguments in a string, checked
 * against the statement at run time: i int64_t · s const char * (NULL is SQL NULL) · b const void
 * *, size_t. Times are int64 microseconds UTC, texts are UTF-8. A statement that returned success
 * outside db_tx, and a db_tx that returned success, is on the disk. One handle belongs to one
 * thread. */
#ifndef MAMORI_DB_DB_H
#define MAMORI_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	DB_MAX_ARGS = 32,
	DB_MAX_VALUE = 16 << 20, /* bytes of one text or blob */
};

struct db;
struct db_row; /* valid during the callback */

/* db_open(url, ret, e): Open, and create if need be (mode 0600, its folder must exist), the
 * database `sqlite:PATH`. E_INVAL (another scheme), E_CORRUPT (the file is no database or damaged),
 * E_SYS, E_NOENT (no such folder), E_NOSPC. */
MUST int db_open(const char *url, struct db **ret, struct err *e);
/* db_close(db): NULL is fine. An open transaction is rolled back. */
void db_close(struct db *db);

/* db_exec(db, sql, types, e, ...): Run one statement. Returns the number of rows changed. E_EXIST
 * (a unique key is taken), E_INVAL (wrong statement, arguments or a broken rule of the table),
 * E_BUSY (another process holds the database for longer than 5 s), E_NOSPC, E_CORRUPT, E_SYS. */
MUST int db_exec(struct db *db, const char *sql, const char *types, struct err *e, ...);

/* db_each(db, sql, fn, cookie, types, e, ...): Call ${fn} for each row. A non-zero result of ${fn}
 * stops and is returned. Else returns 0. Errors as db_exec. */
typedef int db_row_fn(const struct db_row *row, void *cookie, struct err *e);
MUST int db_each(struct db *db, const char *sql, db_row_fn *fn, void *cookie, const char *types,
    struct err *e, ...);

/* db_i64(db, sql, ret, types, e, ...): The first column of the first row. E_NOENT: no row or NULL.
 */
MUST int db_i64(struct db *db, const char *sql, int64_t *ret, const char *types, struct err *e,
    ...);

/* Columns count from 0. NULL reads as 0 and "". Texts end with NUL. */
int64_t db_col_i64(const struct db_row *row, int col);
const char *db_col_text(const struct db_row *row, int col);
const void *db_col_blob(const struct db_row *row, int col, size_t *ret_len);
bool db_col_null(const struct db_row *row, int col);

/* db_tx(db, fn, cookie, e): Run ${fn} inside one write transaction: committed when it returns 0,
 * else rolled back and its result returned. Where another process is in the way ${fn} is run again
 * (at most 5 times), so it must do nothing but database work. No nesting (E_INVAL). */
typedef int db_tx_fn(struct db *db, void *cookie, struct err *e);
MUST int db_tx(struct db *db, db_tx_fn *fn, void *cookie, struct err *e);

/* One step of the schema. Numbers count from 1 without a gap. In the text {{i64}} {{text}} {{blob}}
 * are column types, {{id}} is a self-numbering primary key and {{table}} ends a table. */
struct db_step {
	unsigned n;
	const char *name;
	const char *sql;
	size_t len;
};

/* db_steps(ret_n): The schema of Mamori, oldest step first (the files in schema/). */
const struct db_step *db_steps(size_t *ret_n);

/* db_migrate(db, steps, n, now, e): Bring the database to the newest step, each step in one
 * transaction of its own; ${now} is noted beside each. Returns the number of steps taken. E_PROTO
 * (a newer Mamori was here, or the database belongs to another program; nothing was changed),
 * E_CORRUPT (a step taken in the past had another text). */
MUST int db_migrate(struct db *db, const struct db_step *steps, size_t n, int64_t now,
    struct err *e);

/* db_check(db, e): Read the whole database and check its structure. E_CORRUPT with the first
 * finding. */
MUST int db_check(struct db *db, struct err *e);

#endif
