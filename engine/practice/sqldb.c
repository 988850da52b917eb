/* A small real database: SQLite with patients and visits, one transaction a day. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "practice/codes.h"
#include "practice/date.h"
#include "practice/names.h"
#include "practice/parts.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(day INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS patients(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " family TEXT, given TEXT, family_kana TEXT, given_kana TEXT, sex TEXT, birth TEXT);"
    "CREATE TABLE IF NOT EXISTS visits(patient TEXT NOT NULL, day TEXT NOT NULL, dept TEXT,"
    " PRIMARY KEY(patient, day)) WITHOUT ROWID;";

static int
failed(sqlite3 *db, struct err *e)
{
	int full = db && sqlite3_errcode(db) == SQLITE_FULL;

	return err_set(e, full ? E_NOSPC : E_SYS, "database/reception.sqlite: %s",
	    db ? sqlite3_errmsg(db) : "no memory");
}

static int
last_day(sqlite3 *db, int32_t *ret, struct err *e)
{
	sqlite3_stmt *st = NULL;

	*ret = -1;
	if (sqlite3_prepare_v2(db, "SELECT max(day) FROM meta", -1, &st, NULL) != SQLITE_OK)
		return failed(db, e);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
		*ret = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return 0;
}

static void
bind_text(sqlite3_stmt *st, int i, const char *s)
{
	(void)sqlite3_bind_text(st, i, s, -1, SQLITE_TRANSIENT);
}

static int
run_once(sqlite3 *db, sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : failed(db, e);
}

/* Everybody whose last contact lies on ${day}; on day 0 everybody. */
static int
fill(sqlite3 *db, const struct parts *p, int32_t day, struct err *e)
{
	sqlite3_stmt *who = NULL, *seen = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO patients VALUES(?,?,?,?,?,?,?,?)", -1,
	    &who,
		NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO visits VALUES(?,?,?)", -1, &seen,
	    NULL) !=
		SQLITE_OK)
		r = failed(db, e);
	for (uint32_t i = 0; i < p->h->patients.len && r == 0; i++) {
		const struct patient *pt = VEC_AT(&p->h->patients, struct patient, i);
		char birth[9], when[9], sex[2] = "";
		struct person w;

		if (day > 0 && pt->seen != day && pt->since != day)
			continue;
		names_person(p->seed, i, pt->v00, &w);
		date_put8(birth, w.birth);
		sex[0] = w.sex;
		(void)sqlite3_bind_int64(who, 1, i);
		bind_text(who, 2, w.id);
		bind_text(who, 3, w.family);
		bind_text(who, 4, w.given);
		bind_text(who, 5, w.family_kana);
		bind_text(who, 6, w.given_kana);
		bind_text(who, 7, sex);
		bind_text(who, 8, birth);
		r = run_once(db, who, e);
		if (r < 0 || pt->seen == DATE_NONE)
			continue;
		date_put8(when, pt->seen);
		bind_text(seen, 1, w.id);
		bind_text(seen, 2, when);
		bind_text(seen, 3, codes_depts[pt->dept].name);
		r = run_once(db, seen, e);
	}
	sqlite3_finalize(who);
	sqlite3_finalize(seen);
	return r;
}

static int
one_day(sqlite3 *db, const struct parts *p, int32_t day, struct err *e)
{
	char mark[64];
	int32_t last;
	int r;

	if (sqlite3_exec(db, day == 0 ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=NORMAL",
	    NULL,
		NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return failed(db, e);
	if ((r = last_day(db, &last, e)) < 0 || last >= day)
		return r;
	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return failed(db, e);
	r = fill(db, p, day, e);
	(void)snprintf(mark, sizeof(mark), "INSERT INTO meta VALUES(%d)", day);
	if (r == 0 && sqlite3_exec(db, mark, NULL, NULL, NULL) != SQLITE_OK)
		r = failed(db, e);
	if (r == 0 && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = failed(db, e);
	return r;
}

int
sqldb_day(const struct parts *p, int32_t day, struct err *e)
{
	AUTO(buf_free) struct buf path = {0};
	const char *file;
	sqlite3 *db = NULL;
	int r, fd;

	/* day 0 starts anew: an interrupted first call may have left a half-made file */
	fd = tree_open(p->t, "database/reception.sqlite", O_RDWR | O_CREAT | (day == 0 ? O_TRUNC :
	    0), e);
	if (fd < 0)
		return fd;
	buf_init(&path, 8192);
	r = buf_fmt(&path, e, "%s/database/reception.sqlite", p->dir);
	file = r == 0 ? buf_cstr(&path, e) : NULL;
	if (!file)
		r = r < 0 ? r : E_NOMEM;
	else if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		r = failed(db, e);
	else
		r = one_day(db, p, day, e);
	(void)sqlite3_close(db);
	if (r == 0)
		r = tree_touch(p->t, fd, date_stamp(day, INT64_C(82860456)), e);
	fio_close(p->t->f, fd);
	return r;
}
