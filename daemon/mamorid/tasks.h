/* Long work that a page starts and a person may leave: a backup, a restore, a drill, an import, a
 * PDF. A task is a row and a `mamori` command that the runner starts (allow.c); several may run
 * beside a scheduled job. Whoever started it sees its progress at /tasks/ID, which renews itself,
 * and gets its result there: words, a file, or a page to go on to. */
#ifndef MAMORI_DAEMON_MAMORID_TASKS_H
#define MAMORI_DAEMON_MAMORID_TASKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "db/db.h"
#include "ledger/state.h"
#include "sys/loop.h"

enum {
	TASKS_AT_ONCE = 3,
	TASKS_WAITING = 40, /* of everybody */
	TASKS_OWNER = 12,   /* waiting or running, of one account */
	TASK_ID = 33,
	TASK_FILE = 64,
};

#define TASKS_KEEP TIME_DAY            /* a result file */
#define TASKS_FORGET (30 * TIME_DAY)   /* the row */

struct tasks;
struct tasks_ops {
	void *ctx;
	/* Give an order to the runner; tasks_report follows. */
	int (*start)(void *ctx, json_t *order, struct err *e); /* takes ${order} */
	void (*stop)(void *ctx, int64_t n);
};
/* tasks_new(l, db, st, ops, ret, e): Tasks that a crash cut off are recorded as failed; what waited
 * starts. */
MUST int tasks_new(struct loop *l, struct db *db, const struct state *st,
    const struct tasks_ops *ops, struct tasks **ret, struct err *e);
void tasks_free(struct tasks *t); /* NULL is fine */

struct task_new {
	const char *owner;     /* account */
	bool ja;               /* its messages */
	const char *word, *it; /* title: key in web/strings, what fills {it}; ${it} may be NULL */
	const json_t *argv;    /* borrowed; must be allowed (allow.h) */
	int64_t seconds;       /* at most; 0: an hour */
	const char *go;        /* address for afterwards, or NULL */
	bool keep;             /* keep what it prints: task_out; for more than 40 kB */
	bool raw;              /* without --json: what it prints is the file itself */
	const char *file;      /* what it writes: from task_file; or NULL. With keep: that output */
	const char *file_name, *file_type;
	int64_t keep_us;       /* 0: TASKS_KEEP */
};
/* task_file(st, suffix, rel, abs, n): A fresh name in the spool for a result: ${rel} "spool/..."
 * for task_new, ${abs} the absolute path for the command line. */
void task_file(const struct state *st, const char *suffix, char rel[TASK_FILE], char *abs,
    size_t n);
/* task_start(t, new, ret_id, e): E_INVAL (not allowed), E_BUSY (too many). */
MUST int task_start(struct tasks *t, const struct task_new *n, char ret_id[TASK_ID],
    struct err *e);
/* task_stop(t, id, e): E_NOENT. One that ended stays as it is. */
MUST int task_stop(struct tasks *t, const char *id, struct err *e);

struct task {
	int64_t n;
	char id[TASK_ID], owner[40], word[64], it[256], state[12], progress[320], message[420];
	char go[256], file[TASK_FILE], file_name[256], file_type[96];
	int64_t created, started, ended, status, expires;
	bool over; /* done, failed or stopped */
	json_t *result; /* owned; or NULL */
};
/* task_get(db, id, ret, e): E_NOENT. */
MUST int task_get(struct db *db, const char *id, struct task *ret, struct err *e);
void task_free(struct task *t);
/* task_each(db, owner, limit, fn, cookie, e): Newest first; ${owner} NULL: everybody's. The task is
 * freed after each call. */
typedef int task_fn(const struct task *t, void *cookie, struct err *e);
MUST int task_each(struct db *db, const char *owner, int limit, task_fn *fn, void *cookie,
    struct err *e);
/* task_out(st, t, out, e): What a task with ${keep} printed (JSON in UTF-8). E_NOENT. */
MUST int task_out(const struct state *st, const struct task *t, struct buf *out, struct err *e);

/* tasks_report(t, n, o): What the runner says about order -${n}. */
void tasks_report(struct tasks *t, int64_t n, const json_t *o);

#endif
