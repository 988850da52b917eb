#include "mamorid/tasks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "mamorid/allow.h"
#include "mamorid/http/console.h"

#define SWEEP (3600 * TIME_SEC)

struct tasks {
	struct loop *l;
	struct db *db;
	const struct state *st;
	struct tasks_ops ops;
	struct loop_src *sweep, *kick;
	unsigned running;
};

/* --- rows ----------------------------------------------------------------------------------- */

#define COLUMNS "n, id, owner, word, it, state, progress, message, go, file, file_name, " \
	"file_type, created, started, ended, status, expires, result"

static void
text(char *out, size_t size, const struct db_row *row, int col)
{
	(void)snprintf(out, size, "%s", db_col_text(row, col));
}

static void
fill(struct task *t, const struct db_row *row)
{
	*t = (struct task){.n = db_col_i64(row, 0), .created = db_col_i64(row, 12),
	    .started = db_col_i64(row, 13), .ended = db_col_i64(row, 14),
	    .status = db_col_i64(row, 15), .expires = db_col_i64(row, 16)};
	text(t->id, sizeof(t->id), row, 1);
	text(t->owner, sizeof(t->owner), row, 2);
	text(t->word, sizeof(t->word), row, 3);
	text(t->it, sizeof(t->it), row, 4);
	text(t->state, sizeof(t->state), row, 5);
	text(t->progress, sizeof(t->progress), row, 6);
	text(t->message, sizeof(t->message), row, 7);
	text(t->go, sizeof(t->go), row, 8);
	text(t->file, sizeof(t->file), row, 9);
	text(t->file_name, sizeof(t->file_name), row, 10);
	text(t->file_type, sizeof(t->file_type), row, 11);
	t->over = strcmp(t->state, "waiting") != 0 && strcmp(t->state, "running") != 0;
	t->result = json_loads(db_col_text(row, 17), 0, NULL);
}

static int
on_get(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	fill(cookie, row);
	return 1;
}

int
task_get(struct db *db, const char *id, struct task *ret, struct err *e)
{
	int r = db_each(db, "SELECT " COLUMNS " FROM tasks WHERE id = $1", on_get, ret, "s", e, id);

	return r < 0 ? r : r == 1 ? 0 : err_set(e, E_NOENT, "no such task");
}

void
task_free(struct task *t)
{
	json_decref(t->result);
	t->result = NULL;
}

struct each {
	task_fn *fn;
	void *cookie;
};

static int
on_each(const struct db_row *row, void *cookie, struct err *e)
{
	struct each *x = cookie;
	struct task t;
	int r;

	fill(&t, row);
	r = x->fn(&t, x->cookie, e);
	task_free(&t);
	return r;
}

int
task_each(struct db *db, const char *owner, int limit, task_fn *fn, void *cookie, struct err *e)
{
	struct each x = {fn, cookie};

	return db_each(db, "SELECT " COLUMNS " FROM tasks WHERE $1 = '' OR owner = $1 "
	    "ORDER BY n DESC LIMIT $2", on_each, &x, "si", e, owner ? owner : "", (int64_t)limit);
}

int
task_out(const struct state *st, const struct task *t, struct buf *out, struct err *e)
{
	char path[TASK_FILE];

	(void)snprintf(path, sizeof(path), "spool/out-%lld", (long long)t->n);
	return fio_slurp(st->f, st->dirfd, path, out, e);
}

void
task_file(const struct state *st, const char *suffix, char rel[TASK_FILE], char *abs, size_t n)
{
	uint8_t rnd[12];
	char hex[2 * sizeof(rnd) + 1];

	random_fill(rnd, sizeof(rnd));
	hex_put(hex, rnd, sizeof(rnd));
	(void)snprintf(rel, TASK_FILE, "spool/made-%s%.12s", hex, suffix);
	(void)snprintf(abs, n, "%s/%s", st->path, rel);
}

/* --- starting ------------------------------------------------------------------------------- */

/* drop_keys(t, argv): A key that somebody uploaded for one command, and the passphrase of it, go
 * with it, however it ended;
 * one that could not be removed is found by spool_sweep. */
static void
drop_keys(struct tasks *t, const char *argv)
{
	json_t *o = json_loads(argv, 0, NULL);
	size_t n = strlen(t->st->path);

	for (size_t i = 0; i + 1 < json_array_size(o); i++) {
		const char *option = json_string_value(json_array_get(o, i));
		const char *path = json_string_value(json_array_get(o, i + 1));

		if (option && path &&
		    (strcmp(option, "--approver-key") == 0 ||
			strcmp(option, "--passphrase-file") == 0) &&
		    strncmp(path, t->st->path, n) == 0 && strncmp(path + n, "/spool/", 7) == 0)
			(void)fio_unlink(t->st->f, t->st->dirfd, path + n + 1, NULL);
	}
	json_decref(o);
}

static int
on_argv(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	drop_keys(cookie, db_col_text(row, 0));
	return 0;
}

/* Returns whether it had not ended before. */
static bool
ended(struct tasks *t, int64_t n, const char *state, int64_t status, const char *out,
    const char *message)
{
	json_t *o = out ? json_loads(out, JSON_REJECT_DUPLICATES, NULL) : NULL;
	int r;

	/* the key first: a crash in between leaves a row that is running, whose key is looked for
	 * once more at the next start */
	(void)!db_each(t->db, "SELECT argv FROM tasks WHERE n = $1", on_argv, t, "i", NULL, n);
	/* a row that cannot be written now is recorded as cut off at the next start */
	r = db_exec(t->db, "UPDATE tasks SET state = $2, status = $3, result = $4, "
	    "message = $5, ended = $6, progress = '' WHERE n = $1 AND ended IS NULL",
	    "isissi", NULL, n, state, status, json_is_object(o) ? out : NULL, message,
	    loop_wall(t->l));
	json_decref(o);
	return r != 0;
}

struct next {
	int64_t n;
	char *argv, *how;
};

static int
on_next(const struct db_row *row, void *cookie, struct err *e)
{
	struct next *x = cookie;

	(void)e;
	x->n = db_col_i64(row, 0);
	x->argv = strdup(db_col_text(row, 1));
	x->how = strdup(db_col_text(row, 2));
	return 1;
}

static void
run(struct tasks *t, const struct next *x)
{
	json_t *argv = x->argv ? json_loads(x->argv, 0, NULL) : NULL;
	json_t *o = x->how ? json_loads(x->how, 0, NULL) : NULL;
	struct err e = {0};
	int r = E_NOMEM;

	if (db_exec(t->db, "UPDATE tasks SET state = 'running', started = $2 WHERE n = $1", "ii",
	        &e, x->n, loop_wall(t->l)) == 1 && argv && o) {
		(void)json_object_set_new(o, "run", json_integer(-x->n));
		(void)json_object_set(o, "argv", argv);
		r = t->ops.start(t->ops.ctx, json_incref(o), &e);
	}
	json_decref(argv);
	json_decref(o);
	if (r < 0)
		(void)ended(t, x->n, "failed", -1, NULL, e.msg);
	else
		t->running++;
}

static void
on_kick(struct loop *l, void *cookie)
{
	struct tasks *t = cookie;

	(void)l;
	while (t->running < TASKS_AT_ONCE) {
		struct next x = {0};
		int r = db_each(t->db, "SELECT n, argv, how FROM tasks WHERE state = 'waiting' "
		    "ORDER BY n LIMIT 1", on_next, &x, "", NULL);

		if (r == 1)
			run(t, &x);
		free(x.argv);
		free(x.how);
		if (r != 1)
			break;
	}
}

static int
room(struct tasks *t, const char *owner, struct err *e)
{
	int64_t all = 0, own = 0;
	int r = db_i64(t->db, "SELECT count(*) FROM tasks WHERE ended IS NULL", &all, "", e);

	if (r == 0)
		r = db_i64(t->db, "SELECT count(*) FROM tasks WHERE ended IS NULL AND owner = $1",
		    &own, "s", e, owner);
	if (r == 0 && (all >= TASKS_WAITING || own >= TASKS_OWNER))
		r = err_set(e, E_BUSY, "too much work is waiting already");
	return r;
}

int
task_start(struct tasks *t, const struct task_new *n, char ret_id[TASK_ID], struct err *e)
{
	int64_t now = loop_wall(t->l), seconds = n->seconds ? n->seconds : 3600;
	json_t *how = json_pack("{s:b, s:b, s:b, s:I}", "en", (int)!n->ja, "keep", (int)n->keep,
	    "raw", (int)n->raw, "seconds", (json_int_t)seconds);
	char *argv = json_dumps(n->argv, JSON_COMPACT), *how_text = json_dumps(how, JSON_COMPACT);
	uint8_t rnd[16];
	int r = argv && how_text ? room(t, n->owner, e) : err_set(e, E_NOMEM, "no memory");

	if (r == 0 && !allow_argv(t->st->path, n->argv))
		r = err_set(e, E_INVAL, "this command may not be started from the console");
	random_fill(rnd, sizeof(rnd));
	hex_put(ret_id, rnd, sizeof(rnd));
	if (r == 0)
		r = db_exec(t->db,
		    "INSERT INTO tasks (id, owner, word, it, argv, how, state, "
		    "created, go, file, file_name, file_type, expires) VALUES ($1, $2, $3, $4, $5, "
		    "$6, 'waiting', $7, $8, $9, $10, $11, $12)",
		    "ssssssissssi", e, ret_id, n->owner, n->word, n->it ? n->it : "", argv,
		    how_text, now, n->go ? n->go : "", n->file ? n->file : "",
		    n->file_name ? n->file_name : "", n->file_type ? n->file_type : "",
		    now + (n->keep_us ? n->keep_us : TASKS_KEEP));
	free(argv);
	free(how_text);
	json_decref(how);
	if (r < 0)
		return r;
	loop_arm(t->kick, loop_mono(t->l));
	return 0;
}

int
task_stop(struct tasks *t, const char *id, struct err *e)
{
	struct task x;
	int r = task_get(t->db, id, &x, e);

	if (r < 0)
		return r;
	if (strcmp(x.state, "waiting") == 0)
		(void)ended(t, x.n, "stopped", -1, NULL, "stopped");
	else if (!x.over)
		t->ops.stop(t->ops.ctx, x.n);
	task_free(&x);
	return 0;
}

/* --- reports -------------------------------------------------------------------------------- */

void
tasks_report(struct tasks *t, int64_t n, const json_t *o)
{
	const char *progress = json_string_value(json_object_get(o, "progress"));
	const char *message = json_string_value(json_object_get(o, "message"));
	const json_t *status = json_object_get(o, "status");
	int64_t s = json_integer_value(status);

	if (progress) {
		(void)!db_exec(t->db,
		    "UPDATE tasks SET progress = $2 WHERE n = $1 AND ended IS NULL", "is", NULL, n,
		    progress);
		return;
	}
	if (!status)
		return;
	message = message ? message : "";
	if (ended(t, n, s == -1 && strcmp(message, "stopped") == 0 ? "stopped" : s == 0 ? "done"
	        : "failed", s, json_string_value(json_object_get(o, "out")), message))
		t->running -= t->running ? 1 : 0;
	loop_arm(t->kick, loop_mono(t->l));
}

/* --- tidying -------------------------------------------------------------------------------- */

static int
on_expired(const struct db_row *row, void *cookie, struct err *e)
{
	const struct state *st = cookie;
	const char *file = db_col_text(row, 1);
	char out[TASK_FILE];

	(void)e;
	(void)snprintf(out, sizeof(out), "spool/out-%lld", (long long)db_col_i64(row, 0));
	(void)fio_unlink(st->f, st->dirfd, out, NULL);
	if (strncmp(file, "spool/", 6) == 0)
		(void)fio_unlink(st->f, st->dirfd, file, NULL);
	return 0;
}

static void
on_sweep(struct loop *l, void *cookie)
{
	struct tasks *t = cookie;
	int64_t now = loop_wall(l);

	if (db_each(t->db, "SELECT n, file FROM tasks WHERE expires < $1 AND ended IS NOT NULL AND "
	        "expires > 0", on_expired, (void *)(uintptr_t)t->st, "i", NULL, now) == 0)
		(void)!db_exec(t->db, "UPDATE tasks SET expires = 0, file = '' WHERE expires < $1 "
		    "AND ended IS NOT NULL", "i", NULL, now);
	(void)!db_exec(t->db, "DELETE FROM tasks WHERE ended < $1 AND expires = 0", "i", NULL,
	    now - TASKS_FORGET);
	spool_sweep(t->st, t->db, now);
	loop_arm(t->sweep, loop_mono(l) + SWEEP);
}

int
tasks_new(struct loop *l, struct db *db, const struct state *st, const struct tasks_ops *ops,
    struct tasks **ret, struct err *e)
{
	struct tasks *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_set(e, E_NOMEM, "no memory for tasks");
	*t = (struct tasks){.l = l, .db = db, .st = st, .ops = *ops};
	r = db_each(db, "SELECT argv FROM tasks WHERE state = 'running'", on_argv, t, "", e);
	if (r == 0)
		r = db_exec(db,
		    "UPDATE tasks SET state = 'failed', status = -1, ended = $1, progress = '', "
		    "message = 'cut off: the machine or the program ended while it ran' "
		    "WHERE state = 'running'",
		    "i", e, loop_wall(l));
	if (r >= 0)
		r = loop_add_timer(l, loop_mono(l), on_sweep, t, &t->sweep, e);
	if (r == 0)
		r = loop_add_timer(l, loop_mono(l), on_kick, t, &t->kick, e);
	if (r < 0) {
		tasks_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void
tasks_free(struct tasks *t)
{
	if (!t)
		return;
	loop_del(t->sweep);
	loop_del(t->kick);
	free(t);
}
