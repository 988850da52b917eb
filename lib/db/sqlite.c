/* The SQLite side of db.h. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"
#include "db/db_int.h"
#include "sys/fio.h"

enum { BUSY_MS = 5000, TX_TRIES = 5, APP_ID = 0x4d4d5249 /* "MMRI" */ };

struct db {
	sqlite3 *s;
	bool in_tx;
};

struct db_row {
	sqlite3_stmt *st;
};

static int
code_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return E_BUSY;
	case SQLITE_FULL:
		return E_NOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return E_CORRUPT;
	case SQLITE_NOMEM:
		return E_NOMEM;
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY
		    ? E_EXIST
		    : E_INVAL;
	case SQLITE_TOOBIG:
		return E_LIMIT;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return E_SYS;
	default:
		return E_INVAL;
	}
}

static int
fail(struct db *db, const char *what, struct err *e)
{
	int r = err_set(e, code_of(sqlite3_extended_errcode(db->s)), "records database: %s: %s",
	    what, sqlite3_errmsg(db->s));

	if (e)
		e->sys = sqlite3_system_errno(db->s);
	return r;
}

static int
pragma(struct db *db, const char *sql, struct err *e)
{
	if (sqlite3_exec(db->s, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "cannot open", e);
	return 0;
}

/* setup(db, e): What every connection needs. A damaged or hostile database file must not be able to
 * run code or reach other files through its schema. */
static int
setup(struct db *db, struct err *e)
{
	static const char *const pragmas[] = {
		"PRAGMA journal_mode=WAL",
		"PRAGMA synchronous=FULL", /* acknowledged = on the disk */
		"PRAGMA foreign_keys=ON",
		"PRAGMA cell_size_check=ON",
		"PRAGMA temp_store=MEMORY",
	};
	int r = 0;

	(void)sqlite3_extended_result_codes(db->s, 1);
	(void)sqlite3_busy_timeout(db->s, BUSY_MS);
	(void)sqlite3_db_config(db->s, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->s, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(db->s, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	(void)sqlite3_db_config(db->s, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(db->s, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	(void)sqlite3_limit(db->s, SQLITE_LIMIT_ATTACHED, 0);
	(void)sqlite3_limit(db->s, SQLITE_LIMIT_LENGTH, DB_MAX_VALUE);
	(void)sqlite3_limit(db->s, SQLITE_LIMIT_VARIABLE_NUMBER, DB_MAX_ARGS);
	for (size_t i = 0; i < ARRAY_LEN(pragmas) && r == 0; i++)
		r = pragma(db, pragmas[i], e);
	return r;
}

/* make_file(path, e): Create the file with the right mode; SQLite would make it readable to all.
 * Only when it is absent: opening and closing a database somebody holds would drop his locks. */
static int
make_file(const char *path, struct err *e)
{
	const struct fio *f = fio_os();
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd, r;

	if (access(path, F_OK) == 0)
		return 0;
	fd = fio_open(f, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600, e);
	if (fd == E_EXIST)
		return 0;
	if (fd < 0)
		return fd;
	fio_close(f, fd);
	dir = slash == path ? strdup("/")
	    : slash	    ? strndup(path, (size_t)(slash - path))
			    : strdup(".");
	if (!dir)
		return err_set(e, E_NOMEM, "no memory");
	r = fio_sync_dir(f, AT_FDCWD, dir, e);
	free(dir);
	return r;
}

int
db_open(const char *url, struct db **ret, struct err *e)
{
	const char *path = url;
	struct db *db;
	int r;

	if (strncmp(url, "sqlite:", 7) != 0 || !url[7])
		return err_set(
		    e, E_INVAL, "\"%.100s\" is not a records database (sqlite:PATH)", url);
	path += 7;
	r = make_file(path, e);
	if (r < 0)
		return err_wrap(e, "cannot create the records database");
	db = calloc(1, sizeof(*db));
	if (!db)
		return err_set(e, E_NOMEM, "no memory for a database handle");
	if (sqlite3_open_v2(path, &db->s, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		r = db->s ? fail(db, "cannot open", e)
			  : err_set(e, E_NOMEM, "no memory for a database");
		db_close(db);
		return r;
	}
	r = setup(db, e);
	if (r < 0) {
		db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	(void)sqlite3_close_v2(db->s);
	free(db);
}

/* --- statements ----------------------------------------------------------------------------- */

static int
only_space(const char *s)
{
	while (*s == ' ' || *s == '\n' || *s == '\t' || *s == ';')
		s++;
	return !*s;
}

static int
prepare(struct db *db, const char *sql, const char *types, sqlite3_stmt **ret, struct err *e)
{
	const char *tail = "";
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db->s, sql, -1, &st, &tail) != SQLITE_OK)
		return fail(db, sql, e);
	if (!st || !only_space(tail)) {
		(void)sqlite3_finalize(st);
		return err_set(e, E_INVAL, "records database: not one statement: %.200s", sql);
	}
	if ((size_t)sqlite3_bind_parameter_count(st) != strlen(types)) {
		(void)sqlite3_finalize(st);
		return err_set(e, E_INVAL, "records database: \"%s\" does not fit: %.200s", types,
		    sql);
	}
	*ret = st;
	return 0;
}

static int
bind_all(struct db *db, sqlite3_stmt *st, const char *types, va_list ap, struct err *e)
{
	for (int i = 0; types[i]; i++) {
		char name[8] = "$";
		const void *p;
		size_t n;
		int at, rc;

		/* $N are names to SQLite, numbered by first appearance: look each up */
		(void)sqlite3_snprintf((int)sizeof(name) - 1, name + 1, "%d", i + 1);
		at = sqlite3_bind_parameter_index(st, name);
		if (at == 0)
			return err_set(e, E_INVAL, "records database: %s is missing", name);
		switch (types[i]) {
		case 'i':
			rc = sqlite3_bind_int64(st, at, va_arg(ap, int64_t));
			break;
		case 's':
			rc = sqlite3_bind_text64(st, at, va_arg(ap, const char *),
			    (sqlite3_uint64)-1, SQLITE_TRANSIENT, SQLITE_UTF8);
			break;
		case 'b':
			p = va_arg(ap, const void *);
			n = va_arg(ap, size_t);
			rc = sqlite3_bind_blob64(st, at, p ? p : "", n, SQLITE_TRANSIENT);
			break;
		default:
			return err_set(e, E_INVAL, "records database: type '%c'", types[i]);
		}
		if (rc != SQLITE_OK)
			return fail(db, "cannot bind", e);
	}
	return 0;
}

static int
run(struct db *db, const char *sql, db_row_fn *fn, void *cookie, const char *types, va_list ap,
    struct err *e)
{
	sqlite3_stmt *st;
	int rc, r = prepare(db, sql, types, &st, e);

	if (r < 0)
		return r;
	r = bind_all(db, st, types, ap, e);
	while (r == 0 && (rc = sqlite3_step(st)) != SQLITE_DONE) {
		struct db_row row = {st};

		if (rc != SQLITE_ROW)
			r = fail(db, "cannot run a statement", e);
		else if (fn)
			r = fn(&row, cookie, e);
	}
	(void)sqlite3_finalize(st);
	return r;
}

int
db_exec(struct db *db, const char *sql, const char *types, struct err *e, ...)
{
	va_list ap;
	int r;

	va_start(ap, e);
	r = run(db, sql, NULL, NULL, types, ap, e);
	va_end(ap);
	return r < 0 ? r : sqlite3_changes(db->s);
}

int
db_each(struct db *db, const char *sql, db_row_fn *fn, void *cookie, const char *types,
    struct err *e, ...)
{
	va_list ap;
	int r;

	va_start(ap, e);
	r = run(db, sql, fn, cookie, types, ap, e);
	va_end(ap);
	return r;
}

static int
take_i64(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	if (db_col_null(row, 0))
		return 2;
	*(int64_t *)cookie = db_col_i64(row, 0);
	return 1; /* the first row is enough */
}

int
db_i64(struct db *db, const char *sql, int64_t *ret, const char *types, struct err *e, ...)
{
	va_list ap;
	int r;

	va_start(ap, e);
	r = run(db, sql, take_i64, ret, types, ap, e);
	va_end(ap);
	if (r == 0 || r == 2)
		return err_set(e, E_NOENT, "records database: no such record");
	return r < 0 ? r : 0;
}

int64_t
db_col_i64(const struct db_row *row, int col)
{
	return sqlite3_column_int64(row->st, col);
}

const char *
db_col_text(const struct db_row *row, int col)
{
	const unsigned char *s = sqlite3_column_text(row->st, col);

	return s ? (const char *)s : "";
}

const void *
db_col_blob(const struct db_row *row, int col, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(row->st, col);

	*ret_len = (size_t)sqlite3_column_bytes(row->st, col);
	return p ? p : "";
}

bool
db_col_null(const struct db_row *row, int col)
{
	return sqlite3_column_type(row->st, col) == SQLITE_NULL;
}

/* --- transactions --------------------------------------------------------------------------- */

static int
tx_once(struct db *db, db_tx_fn *fn, void *cookie, struct err *e)
{
	int r;

	/* IMMEDIATE: a lock asked for in the middle could not be waited for */
	if (sqlite3_exec(db->s, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "cannot begin", e);
	db->in_tx = true;
	r = fn(db, cookie, e);
	if (r == 0 && sqlite3_exec(db->s, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = fail(db, "cannot commit", e);
	if (r != 0 && !sqlite3_get_autocommit(db->s))
		(void)sqlite3_exec(db->s, "ROLLBACK", NULL, NULL, NULL);
	db->in_tx = false;
	return r;
}

int
db_tx(struct db *db, db_tx_fn *fn, void *cookie, struct err *e)
{
	int r = E_BUSY;

	if (db->in_tx)
		return err_set(e, E_INVAL, "records database: a transaction inside another");
	for (int i = 0; i < TX_TRIES && r == E_BUSY; i++)
		r = tx_once(db, fn, cookie, e);
	return r;
}

/* --- schema --------------------------------------------------------------------------------- */

static const struct {
	const char *name, *type;
} macros[] = {
	{"{{i64}}", "INTEGER"},
	{"{{text}}", "TEXT"},
	{"{{blob}}", "BLOB"},
	{"{{id}}", "INTEGER PRIMARY KEY AUTOINCREMENT"},
	{"{{table}}", "STRICT"},
};

static int
expand(struct buf *out, const char *sql, size_t n, struct err *e)
{
	const char *p = sql, *end = sql + n;
	int r = 0;

	while (p < end && r == 0) {
		const char *q = memmem(p, (size_t)(end - p), "{{", 2);
		size_t i, k = 0;

		r = buf_put(out, p, (size_t)((q ? q : end) - p), e);
		if (!q || r < 0)
			break;
		for (i = 0; i < ARRAY_LEN(macros); i++) {
			k = strlen(macros[i].name);
			if ((size_t)(end - q) >= k && memcmp(q, macros[i].name, k) == 0)
				break;
		}
		if (i == ARRAY_LEN(macros))
			return err_set(e, E_INVAL, "schema: unknown macro at \"%.12s\"", q);
		r = buf_str(out, macros[i].type, e);
		p = q + k;
	}
	return r;
}

int
db_script(struct db *db, const char *sql, size_t n, struct err *e)
{
	AUTO(buf_free) struct buf b = {0};
	const char *text;
	int r;

	buf_init(&b, 1 << 20);
	r = expand(&b, sql, n, e);
	if (r < 0)
		return r;
	text = buf_cstr(&b, e);
	if (!text)
		return E_NOMEM;
	if (sqlite3_exec(db->s, text, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "schema", e);
	return 0;
}

int
db_claim(struct db *db, struct err *e)
{
	char sql[64];
	int64_t id = 0, tables = 0;
	int r = db_i64(db, "PRAGMA application_id", &id, "", e);

	if (r == 0)
		r = db_i64(db, "SELECT count(*) FROM sqlite_schema", &tables, "", e);
	if (r < 0 || id == APP_ID)
		return r;
	if (id != 0 || tables != 0)
		return err_set(e, E_PROTO, "the records database belongs to another program");
	(void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA application_id=%d", APP_ID);
	return pragma(db, sql, e);
}

static int
first_finding(const struct db_row *row, void *cookie, struct err *e)
{
	(void)cookie;
	if (strcmp(db_col_text(row, 0), "ok") == 0)
		return 0;
	return err_set(e, E_CORRUPT, "records database: %s", db_col_text(row, 0));
}

int
db_check(struct db *db, struct err *e)
{
	return db_each(db, "PRAGMA integrity_check(1)", first_finding, NULL, "", e);
}
