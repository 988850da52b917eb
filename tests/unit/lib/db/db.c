#include "db/db.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "tap.h"

static char dir[] = "/tmp/mamori-db-XXXXXX";
static char url[128];

static const char *
fresh(const char *name)
{
	(void)snprintf(url, sizeof(url), "sqlite:%s/%s", dir, name);
	return url;
}

static struct db *
must_open(const char *name)
{
	struct db *db = NULL;
	struct err e = {0};

	if (db_open(fresh(name), &db, &e) < 0) {
		printf("# %s\n", e.msg);
		abort();
	}
	return db;
}

static const char *const names[] = {"追加", "髙橋", "﨑", "𠮷野", "葛󠄀", "①", "㈱", "ｶﾅ", "～",
    "'; DROP TABLE t; --", ""};

static int
same_text(const struct db_row *row, void *cookie, struct err *e)
{
	unsigned *n = cookie;

	(void)e;
	if (*n < ARRAY_LEN(names) && strcmp(db_col_text(row, 1), names[*n]) == 0)
		(*n)++;
	return 0;
}

static int
same_blob(const struct db_row *row, void *cookie, struct err *e)
{
	size_t n;
	const void *p = db_col_blob(row, 0, &n);

	(void)e;
	*(bool *)cookie = n == 3 && memcmp(p, "a\0b", 3) == 0 && db_col_null(row, 1) &&
	    db_col_i64(row, 1) == 0 && strcmp(db_col_text(row, 1), "") == 0;
	return 0;
}

static void
test_values(void)
{
	struct db *db = must_open("values.db");
	struct err e = {0};
	unsigned n = 0;
	bool good = false;
	int64_t v = 0;
	struct stat st;
	int bad = 0;

	OK(stat(url + 7, &st) == 0 && (st.st_mode & 0777) == 0600, "the file is private");
	OK(db_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, b BLOB) STRICT", "", &e) >=
		0,
	    "a table");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (db_exec(db, "INSERT INTO t (id, s) VALUES ($1, $2)", "is", &e, (int64_t)i,
		        names[i]) != 1)
			bad++;
	EQ_I(bad, 0, "texts of every kind go in");
	OK(db_each(db, "SELECT id, s FROM t ORDER BY id", same_text, &n, "", &e) == 0 &&
	        n == ARRAY_LEN(names), "and come back unchanged");
	OK(db_exec(db, "INSERT INTO t (id, b, s) VALUES ($2, $1, $3)", "bis", &e, "a\0b", (size_t)3,
	       INT64_MAX, NULL) == 1, "placeholders may stand in any order");
	OK(db_each(db, "SELECT b, s FROM t WHERE id = $1", same_blob, &good, "i", &e, INT64_MAX) ==
		    0 &&
		good,
	    "blob, NULL and the largest number");
	EQ_I(db_exec(db, "INSERT INTO t (id) VALUES ($1)", "i", &e, (int64_t)1), E_EXIST,
	    "a key twice");
	EQ_I(db_exec(db, "INSERT INTO t (id) VALUES ($1)", "", &e), E_INVAL, "too few arguments");
	EQ_I(db_exec(db, "INSERT INTO t (id) VALUES ($1)", "ii", &e, (int64_t)91, (int64_t)92),
	    E_INVAL, "too many arguments");
	EQ_I(db_exec(db, "INSERT INTO t (id) VALUES (?)", "i", &e, (int64_t)91), E_INVAL,
	    "only $N placeholders");
	EQ_I(db_exec(db, "DELETE FROM t; DELETE FROM t", "", &e), E_INVAL, "one statement a call");
	EQ_I(db_exec(db, "ATTACH $1 AS other", "s", &e, "/tmp/x"), E_INVAL, "no other database");
	EQ_I(db_exec(db, "SELECT load_extension($1)", "s", &e, "x"), E_INVAL, "no extensions");
	EQ_I(db_exec(db, "SELEC", "", &e), E_INVAL, "not SQL");
	OK(db_i64(db, "SELECT count(*) FROM t", &v, "", &e) == 0 && v == (int)ARRAY_LEN(names) + 1,
	    "nothing was lost by the refused ones");
	EQ_I(db_i64(db, "SELECT id FROM t WHERE id = -5", &v, "", &e), E_NOENT, "no row");
	EQ_I(db_i64(db, "SELECT NULL", &v, "", &e), E_NOENT, "NULL");
	OK(db_check(db, &e) == 0, "the structure is good");
	db_close(db);
}

static int
tx_fail(struct db *db, void *cookie, struct err *e)
{
	(void)cookie;
	if (db_exec(db, "INSERT INTO t VALUES (1)", "", e) < 0)
		return E_SYS;
	return err_set(e, E_CANCEL, "no");
}

static int
tx_nest(struct db *db, void *cookie, struct err *e)
{
	*(int *)cookie = db_tx(db, tx_fail, NULL, e);
	return db_exec(db, "INSERT INTO t VALUES (2)", "", e) < 0 ? E_SYS : 0;
}

static void
test_tx(void)
{
	struct db *db = must_open("tx.db");
	struct err e = {0};
	int64_t v = -1;
	int nest = 0;

	(void)!db_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT", "", &e);
	EQ_I(db_tx(db, tx_fail, NULL, &e), E_CANCEL, "a failing transaction says why");
	OK(db_i64(db, "SELECT count(*) FROM t", &v, "", &e) == 0 && v == 0, "and leaves nothing");
	EQ_I(db_tx(db, tx_nest, &nest, &e), 0, "a good one");
	EQ_I(nest, E_INVAL, "no nesting");
	OK(db_i64(db, "SELECT id FROM t", &v, "", &e) == 0 && v == 2, "its row is there");
	db_close(db);
}

/* --- crash ---------------------------------------------------------------------------------- */

struct pairs {
	int64_t n;
};

static int
tx_pair(struct db *db, void *cookie, struct err *e)
{
	const struct pairs *p = cookie;

	/* two rows or none: a half transaction would show */
	if (db_exec(db, "INSERT INTO a VALUES ($1)", "i", e, p->n) < 0 ||
	    db_exec(db, "INSERT INTO b VALUES ($1)", "i", e, p->n) < 0)
		return E_SYS;
	return 0;
}

static void
writer(int64_t from, int ack)
{
	struct db *db = must_open("kill.db");

	for (struct pairs p = {from};; p.n++) {
		if (db_tx(db, tx_pair, &p, NULL) < 0)
			_exit(1);
		if (write(ack, &p.n, sizeof(p.n)) != (ssize_t)sizeof(p.n))
			_exit(1);
	}
}

static void
test_kill(void)
{
	struct db *db = must_open("kill.db");
	int64_t acked = -1, a = 0, b = 0;
	bool good = true;
	unsigned seed = 7, rounds = 0;

	(void)!db_exec(db, "CREATE TABLE a (n INTEGER PRIMARY KEY) STRICT", "", NULL);
	(void)!db_exec(db, "CREATE TABLE b (n INTEGER PRIMARY KEY) STRICT", "", NULL);
	db_close(db);
	/* on a slow or busy disk it takes more rounds until something was acknowledged */
	for (; (rounds < 25 || (acked <= 20 && rounds < 1000)) && good; rounds++) {
		int64_t n;
		int p[2];
		pid_t pid;

		if (pipe(p) < 0 || (pid = fork()) < 0)
			abort();
		if (pid == 0)
			writer(acked + 1, p[1]);
		(void)close(p[1]);
		seed = seed * 1103515245 + 12345;
		(void)usleep(5000 + (seed >> 16) % 20000 + rounds * 200);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		while (read(p[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
			acked = n;
		(void)close(p[0]);
		db = must_open("kill.db");
		good = db_check(db, NULL) == 0 &&
		    db_i64(db, "SELECT coalesce(max(n), -1) FROM a", &a, "", NULL) == 0 &&
		    db_i64(db, "SELECT coalesce(max(n), -1) FROM b", &b, "", NULL) == 0 &&
		    a == b && a >= acked && a <= acked + 1;
		db_close(db);
		acked = a;
	}
	OK(good, "killed %u times while committing: all acknowledged rows are there, none by half",
	    rounds);
	OK(acked > 20, "and there were some");
}

/* --- full disk ------------------------------------------------------------------------------ */

static int
in_small_disk(void)
{
	char data[4096], path[128];
	struct db *db = NULL;
	struct err e = {0};
	int64_t n = 0, have = 0;
	int r = 0;

	(void)memset(data, 'x', sizeof(data));
	(void)snprintf(path, sizeof(path), "%s/small", dir);
	(void)mkdir(path, 0700);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=400k") < 0)
		return 77;
	(void)snprintf(path, sizeof(path), "sqlite:%s/small/s.db", dir);
	if (db_open(path, &db, &e) < 0 ||
	    db_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB) STRICT", "", &e) < 0)
		return 1;
	for (; n < 10000; n++) {
		r = db_exec(db, "INSERT INTO t VALUES ($1, $2)", "ib", &e, n, data, sizeof(data));
		if (r < 0)
			break;
	}
	if (r != E_NOSPC)
		return 2;
	if (db_i64(db, "SELECT count(*) FROM t", &have, "", &e) < 0 || have != n)
		return 3;
	if (db_check(db, &e) < 0)
		return 4;
	db_close(db);
	if (db_open(path, &db, &e) < 0 || db_check(db, &e) < 0 ||
	    db_i64(db, "SELECT count(*) FROM t", &have, "", &e) < 0 || have != n)
		return 5;
	db_close(db);
	return 0;
}

static void
test_full(void)
{
	pid_t pid = fork();
	int st = 0;

	if (pid == 0)
		_exit(in_small_disk());
	(void)waitpid(pid, &st, 0);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		SKIP("needs the right to mount");
	else
		EQ_I(st, 0, "a full disk: said so, and every acknowledged row is there");
}

/* --- schema --------------------------------------------------------------------------------- */

#define STEP(k, text) {(k), "x.sql", (text), sizeof(text) - 1}

static const struct db_step v2[] = {
	STEP(1, "CREATE TABLE one (a {{i64}}, b {{text}}, c {{blob}}) {{table}};"),
	STEP(2, "CREATE TABLE two (id {{id}}) {{table}}; INSERT INTO one VALUES (1, 'x', NULL);"),
};

static void
test_migrate(void)
{
	static const struct db_step broken[] = {
		STEP(1, "CREATE TABLE one (a {{i64}}, b {{text}}, c {{blob}}) {{table}};"),
		STEP(2, "CREATE TABLE half (id {{id}}) {{table}}; INSERT INTO nowhere VALUES (1);"),
	};
	static const struct db_step altered[] = {
		STEP(1, "CREATE TABLE one (a {{i64}}) {{table}};"), STEP(2, "")};
	static const struct db_step gap[] = {STEP(2, "")};
	static const struct db_step macro[] = {
	    STEP(1, "CREATE TABLE one (a {{float}}) {{table}};")};
	struct db *db = must_open("migrate.db");
	struct err e = {0};
	int64_t v = -1;

	EQ_I(db_migrate(db, broken, 2, 5, &e), E_INVAL, "a step that fails is reported");
	OK(db_i64(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'", &v, "", &e) == 0 &&
	        v == 0, "and leaves no half table");
	OK(db_i64(db, "SELECT max(n) FROM schema_steps", &v, "", &e) == 0 && v == 1,
	    "the step before it stands");
	EQ_I(db_migrate(db, v2, 2, 6, &e), 1, "the repaired step is taken later");
	EQ_I(db_migrate(db, v2, 2, 7, &e), 0, "and only once");
	EQ_I(db_exec(db, "INSERT INTO one VALUES ('text', 'x', NULL)", "", &e), E_INVAL,
	    "tables are strict");
	EQ_I(db_migrate(db, v2, 1, 7, &e), E_PROTO, "a newer schema is refused");
	OK(strstr(e.msg, "newer Mamori") && strstr(e.msg, "nothing was changed"), "in plain words");
	EQ_I(db_migrate(db, altered, 2, 7, &e), E_CORRUPT, "a step whose text changed is noticed");
	EQ_I(db_migrate(db, gap, 1, 7, &e), E_INVAL, "steps have no gaps");
	db_close(db);
	db = must_open("macro.db");
	EQ_I(db_migrate(db, macro, 1, 7, &e), E_INVAL, "an unknown macro");
	db_close(db);
}

/* Killed at any moment of the migration, the next start finishes it. */
static void
test_migrate_kill(void)
{
	bool good = true;

	for (unsigned i = 0; i < 20 && good; i++) {
		char name[32];
		struct db *db;
		size_t n;
		const struct db_step *steps = db_steps(&n);
		pid_t pid;

		(void)snprintf(name, sizeof(name), "mk%u.db", i);
		pid = fork();
		if (pid == 0) {
			db = must_open(name);
			_exit(db_migrate(db, steps, n, 1, NULL) < 0);
		}
		(void)usleep(i * 700);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		db = must_open(name);
		good = db_migrate(db, steps, n, 2, NULL) >= 0 && db_check(db, NULL) == 0 &&
		    db_exec(db, "SELECT * FROM job_runs", "", NULL) >= 0;
		db_close(db);
	}
	OK(good, "killed while the schema was made: the next start finishes it");
}

static void
test_foreign(void)
{
	struct db *db = must_open("foreign.db");
	struct err e = {0};
	size_t n;
	const struct db_step *steps = db_steps(&n);
	int fd;

	(void)!db_exec(db, "CREATE TABLE theirs (a)", "", &e);
	EQ_I(db_migrate(db, steps, n, 1, &e), E_PROTO, "another program's database is left alone");
	db_close(db);
	fd = open(fresh("junk.db") + 7, O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 100; i++)
		(void)!write(fd, "this is not a database, whatever it is called", 45);
	(void)close(fd);
	EQ_I(db_open(url, &db, &e), E_CORRUPT, "a file that is no database");
	EQ_I(db_open("postgres://x", &db, &e), E_INVAL, "an unknown kind");
	EQ_I(db_open("sqlite:", &db, &e), E_INVAL, "no path");
	EQ_I(db_open("sqlite:/nonexistent/x.db", &db, &e), E_NOENT, "no such folder");
}

static void
test_schema(void)
{
	struct db *db = must_open("schema.db");
	struct err e = {0};
	size_t n;
	const struct db_step *steps = db_steps(&n);

	OK(n >= 1 && db_migrate(db, steps, n, 1, &e) == (int)n, "Mamori's own schema is taken");
	OK(db_exec(db, "INSERT INTO places (id, repo, name_ja, name_en, at) VALUES ('p', '/r', "
	       "'保管庫', 'vault', 1)", "", &e) == 1, "a place");
	EQ_I(db_exec(db, "INSERT INTO systems (id, name_ja, name_en, kind, paths, place, at) "
	         "VALUES ('x', 'a', 'b', 'chart', '[]', 'nowhere', 1)", "", &e),
	    E_INVAL, "a system must have its place");
	db_close(db);
}

/* Two handles: the second waits for the first, and says so when it takes too long. */
static void
test_two(void)
{
	struct db *a = must_open("two.db"), *b = must_open("two.db");
	struct err e = {0};
	int64_t v = 0;

	(void)!db_exec(a, "CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT", "", &e);
	OK(db_exec(b, "INSERT INTO t VALUES (1)", "", &e) == 1, "two handles write in turn");
	OK(db_exec(a, "INSERT INTO t VALUES (2)", "", &e) == 1, "the first again");
	OK(db_i64(b, "SELECT count(*) FROM t", &v, "", &e) == 0 && v == 2, "both see all");
	(void)!db_exec(a, "BEGIN IMMEDIATE", "", &e);
	EQ_I(db_exec(b, "INSERT INTO t VALUES (3)", "", &e), E_BUSY, "held too long: busy");
	db_close(a);
	db_close(b);
}

int
main(void)
{
	char cmd[64];

	if (!mkdtemp(dir))
		abort();
	test_values();
	test_tx();
	test_kill();
	test_full();
	test_migrate();
	test_migrate_kill();
	test_foreign();
	test_schema();
	test_two();
	(void)snprintf(cmd, sizeof(cmd), "%s", dir);
	if (fork() == 0)
		(void)execl("/bin/rm", "rm", "-rf", cmd, (char *)NULL);
	(void)wait(NULL);
	return tap_done();
}
