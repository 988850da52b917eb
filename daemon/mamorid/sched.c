#include "mamorid/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "base/num.h"
#include "mamorid/when.h"

struct sched {
	struct loop *l;
	struct db *db;
	struct sched_ops ops;
	struct loop_src *timer;
	struct sched_run run; /* id 0: none */
	int64_t offset;       /* wall minus monotonic at the last look */
	int64_t last_wall;
	int64_t next; /* the earliest due time as last read; 0: look now */
	bool on;
};

static void
note(struct sched *s, const char *text)
{
	if (s->ops.note)
		s->ops.note(s->ops.ctx, text);
}

static void
recorded(struct sched *s)
{
	if (s->ops.recorded)
		s->ops.recorded(s->ops.ctx);
}

int
sched_new(struct loop *l, struct db *db, const struct sched_ops *ops, struct sched **ret,
    struct err *e)
{
	struct sched *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, E_NOMEM, "no memory for the scheduler");
	s->l = l;
	s->db = db;
	s->ops = *ops;
	*ret = s;
	return 0;
}

void
sched_free(struct sched *s)
{
	if (!s)
		return;
	loop_del(s->timer);
	free(s->run.paths);
	free(s);
}

const struct sched_run *
sched_running(const struct sched *s)
{
	return s->run.id ? &s->run : NULL;
}

/* --- missed runs ---------------------------------------------------------------------------- */

struct job {
	char id[SCHED_NAME], every[SCHED_NAME];
	int64_t due;
};

struct jobs {
	struct job *v;
	size_t n;
};

static int
take_job(const struct db_row *row, void *cookie, struct err *e)
{
	struct jobs *j = cookie;
	struct job *v = reallocarray(j->v, j->n + 1, sizeof(*v));

	if (!v)
		return err_set(e, E_NOMEM, "no memory for the jobs");
	j->v = v;
	(void)snprintf(v[j->n].id, SCHED_NAME, "%s", db_col_text(row, 0));
	(void)snprintf(v[j->n].every, SCHED_NAME, "%s", db_col_text(row, 1));
	v[j->n].due = db_col_i64(row, 2);
	j->n++;
	return 0;
}

/* miss(s, j, now, ret, e): Record the due times of a job that went by while nobody was there.
 * ${ret} counts them. The row of the last one says how many more there were when they are too many.
 */
static int
miss(struct sched *s, const struct job *j, int64_t now, unsigned *ret, struct err *e)
{
	int64_t due = j->due, last = 0;
	unsigned n = 0;
	int r = 0;

	while (due + SCHED_GRACE < now && r == 0) {
		if (n < SCHED_MISSED) {
			r = db_exec(s->db,
			    "INSERT INTO job_runs (job, due, started, ended, outcome, sealed) "
			    "SELECT $1, $2, $3, $3, 'missed', CASE WHEN place IS NULL THEN 1 "
			    "ELSE 0 END FROM jobs WHERE id = $1",
			    "sii", e, j->id, due, now);
			r = r < 0 ? r : db_i64(s->db, "SELECT max(id) FROM job_runs", &last, "", e);
		}
		n++;
		if (r == 0)
			r = when_next(j->every, due, &due, e);
	}
	if (r == 0 && n > SCHED_MISSED) {
		r = db_exec(s->db, "UPDATE job_runs SET message = $2 WHERE id = $1", "is", e, last,
		    "and later ones, too many to list");
		r = r < 0 ? r : 0;
	}
	*ret = n;
	return r;
}

struct looked {
	struct sched *s;
	int64_t now;
	bool away; /* nobody looked at the jobs for longer than the grace */
	unsigned missed;
};

/* one_job(k, j, e): Missed runs and far futures of one job. */
static int
one_job(struct looked *k, const struct job *j, struct err *e)
{
	int64_t next, due = j->due;
	unsigned n = 0;
	int r = when_next(j->every, k->now, &next, e);

	if (r == 0 && k->away)
		r = miss(k->s, j, k->now, &n, e);
	if (r < 0)
		return r;
	k->missed += n;
	if (n > 0)
		due = k->now; /* once, whatever the number */
	if (due > next)
		due = next; /* the clock was ahead when this was planned */
	if (due == j->due)
		return 0;
	r = db_exec(k->s->db, "UPDATE jobs SET next_due = $2 WHERE id = $1", "si", e, j->id, due);
	return r < 0 ? r : 0;
}

static int
look_tx(struct db *db, void *cookie, struct err *e)
{
	struct looked *k = cookie;
	struct jobs jobs = {0};
	int r;

	k->missed = 0;
	r = db_each(db, "SELECT id, every, next_due FROM jobs WHERE enabled = 1 ORDER BY id",
	    take_job, &jobs, "", e);
	for (size_t i = 0; i < jobs.n && r == 0; i++)
		r = one_job(k, &jobs.v[i], e);
	free(jobs.v);
	return r < 0 ? r : 0;
}

static int
look(struct sched *s, bool away, struct err *e)
{
	struct looked k = {s, loop_wall(s->l), away, 0};
	int r = db_tx(s->db, look_tx, &k, e);

	if (r == 0 && k.missed > 0) {
		char text[80];

		(void)snprintf(text, sizeof(text),
		    "%u runs were missed while Mamori was not running", k.missed);
		note(s, text);
		recorded(s);
	}
	return r;
}

/* --- the clock ------------------------------------------------------------------------------ */

/* clock_check(s): Compare the wall clock with the one nobody can set. True: it was set. */
static bool
clock_check(struct sched *s)
{
	int64_t wall = loop_wall(s->l), offset = wall - loop_mono(s->l);
	int64_t jump = offset - s->offset;
	char detail[96];

	s->offset = offset;
	if (jump <= SCHED_JUMP && jump >= -SCHED_JUMP)
		return false;
	(void)snprintf(detail, sizeof(detail), "{\"seconds\":%lld}", (long long)(jump / TIME_SEC));
	if (db_exec(s->db, "INSERT INTO events (at, kind, subject, detail) VALUES ($1, "
	        "'clock.jump', 'host', $2)", "is", NULL, wall, detail) > 0)
		recorded(s);
	note(s, "the clock was changed by more than five minutes");
	return true;
}

/* --- choosing and starting ------------------------------------------------------------------ */

static int64_t
deadline_of(const char *kind)
{
	static const struct {
		const char *kind;
		int hours;
	} t[] = {{"backup", 12}, {"drill-files", 2}, {"drill-system", 12}, {"verify", 6},
	    {"verify-deep", 24}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (strcmp(kind, t[i].kind) == 0)
			return t[i].hours * 3600 * TIME_SEC;
	return 3600 * TIME_SEC;
}

struct pick {
	struct sched_run run;
	char every[SCHED_NAME];
	int64_t turn;
};

static int
take_pick(const struct db_row *row, void *cookie, struct err *e)
{
	struct pick *p = cookie;

	(void)e;
	(void)snprintf(p->run.job, SCHED_NAME, "%s", db_col_text(row, 0));
	(void)snprintf(p->run.kind, SCHED_NAME, "%s", db_col_text(row, 1));
	(void)snprintf(p->run.system, SCHED_NAME, "%s", db_col_text(row, 2));
	(void)snprintf(p->run.place, SCHED_NAME, "%s", db_col_text(row, 3));
	(void)snprintf(p->every, SCHED_NAME, "%s", db_col_text(row, 4));
	p->run.due = db_col_i64(row, 5);
	p->turn = db_col_i64(row, 6);
	(void)snprintf(p->run.repo, SCHED_PATH, "%s", db_col_text(row, 7));
	(void)snprintf(p->run.key_file, SCHED_PATH, "%s", db_col_text(row, 8));
	return 1;
}

static int
take_system(const struct db_row *row, void *cookie, struct err *e)
{
	struct sched_run *r = cookie;

	(void)snprintf(r->system, SCHED_NAME, "%s", db_col_text(row, 0));
	free(r->paths);
	r->paths = strdup(db_col_text(row, 1));
	return r->paths ? 1 : err_set(e, E_NOMEM, "no memory for a job");
}

/* fill_system(db, p, e): The system of a run: its own, or in a rotation the next in turn. */
static int
fill_system(struct db *db, struct pick *p, struct err *e)
{
	int64_t n = 0;
	int r;

	if (p->run.system[0])
		return db_each(db, "SELECT id, paths FROM systems WHERE id = $1", take_system,
		    &p->run, "s", e, p->run.system);
	if (strcmp(p->run.kind, "drill-system") != 0)
		return 0;
	r = db_i64(db, "SELECT count(*) FROM systems WHERE place = $1", &n, "s", e, p->run.place);
	if (r < 0 || n == 0)
		return r;
	return db_each(db, "SELECT id, paths FROM systems WHERE place = $1 ORDER BY id LIMIT 1 "
	    "OFFSET $2", take_system, &p->run, "si", e, p->run.place, p->turn % n);
}

struct begin {
	struct sched *s;
	struct pick p;
	int64_t now;
};

static int
begin_tx(struct db *db, void *cookie, struct err *e)
{
	struct begin *b = cookie;
	struct sched_run *run = &b->p.run;
	int64_t next;
	int r;

	run->id = 0;
	r = db_each(db,
	    "SELECT j.id, j.kind, coalesce(j.system, ''), coalesce(j.place, ''), j.every, "
	    "j.next_due, j.turn, coalesce(p.repo, ''), coalesce(p.key_file, '') "
	    "FROM jobs j LEFT JOIN places p ON p.id = j.place "
	    "WHERE j.enabled = 1 AND j.next_due <= $1 "
	    /* a copy first */
	    "ORDER BY CASE j.kind WHEN 'backup' THEN 0 ELSE 1 END, j.next_due, j.id LIMIT 1",
	    take_pick, &b->p, "i", e, b->now);
	if (r <= 0)
		return r; /* nothing is due */
	r = fill_system(db, &b->p, e);
	if (r >= 0)
		r = when_next(b->p.every, b->now, &next, e);
	if (r >= 0)
		r = db_exec(db, "UPDATE jobs SET next_due = $2, turn = turn + 1 WHERE id = $1",
		    "si", e, run->job, next);
	if (r >= 0)
		/* a job of no place records its own facts */
		r = db_exec(db, "INSERT INTO job_runs (job, due, started, subject, sealed) "
		    "VALUES ($1, $2, $3, $4, $5)", "siisi", e, run->job, run->due, b->now,
		    run->system, (int64_t)(run->place[0] == 0));
	if (r >= 0)
		r = db_i64(db, "SELECT max(id) FROM job_runs", &run->id, "", e);
	return r < 0 ? r : 0;
}

static void
begin(struct sched *s)
{
	struct begin b = {.s = s, .now = loop_wall(s->l)};
	struct err e = {0};

	if (!s->on || s->run.id)
		return;
	if (db_tx(s->db, begin_tx, &b, &e) < 0) {
		free(b.p.run.paths);
		note(s, e.msg);
		return;
	}
	if (!b.p.run.id) {
		free(b.p.run.paths);
		return;
	}
	free(s->run.paths);
	s->run = b.p.run;
	s->run.started = b.now;
	s->run.mono = loop_mono(s->l);
	s->run.deadline_us = deadline_of(s->run.kind);
	if (s->ops.start(s->ops.ctx, &s->run, &e) < 0)
		sched_ended(s, -1, NULL, e.msg);
}

/* --- the end of a run ----------------------------------------------------------------------- */

struct end {
	const struct sched_run *run;
	const char *outcome, *result, *message;
	int64_t now;
	int status;
};

static int
end_tx(struct db *db, void *cookie, struct err *e)
{
	const struct end *n = cookie;
	int r = db_exec(db, "UPDATE job_runs SET ended = $2, outcome = $3, exit_status = $4, "
	    "result = $5, message = $6 WHERE id = $1", "iisiss", e, n->run->id, n->now, n->outcome,
	    (int64_t)n->status, n->result, n->message);

	if (r >= 0 && strcmp(n->outcome, "error") != 0)
		r = db_exec(db, "UPDATE jobs SET tries = 0 WHERE id = $1", "s", e, n->run->job);
	else if (r >= 0)
		/* could not be done at all: again soon, a few times, then at the regular hour */
		r = db_exec(db,
		    "UPDATE jobs SET tries = tries + 1, next_due = "
		    "CASE WHEN tries < $2 AND next_due > $3 THEN $3 ELSE next_due END "
		    "WHERE id = $1",
		    "sii", e, n->run->job, (int64_t)SCHED_TRIES, n->now + SCHED_RETRY);
	return r < 0 ? r : 0;
}

void
sched_ended(struct sched *s, int status, const char *out, const char *message)
{
	struct end n = {.run = &s->run, .status = status, .message = message ? message : "",
	    .now = loop_wall(s->l)};
	json_t *o = out ? json_loads(out, JSON_REJECT_DUPLICATES, NULL) : NULL;
	struct err e = {0};

	if (!s->run.id)
		return;
	n.outcome = status == 0 ? "pass" : status == 1 ? "fail" : "error";
	if (status == 0 && !json_is_object(o)) {
		/* a run that cannot say what it did has not proved anything */
		n.outcome = "error";
		n.message = "the program ended without a result";
	}
	n.result = json_is_object(o) ? out : NULL;
	if (db_tx(s->db, end_tx, &n, &e) < 0)
		note(s, e.msg); /* the row stays open and is closed at the next start */
	json_decref(o);
	s->run.id = 0;
	recorded(s);
	sched_look(s);
}

/* --- life ----------------------------------------------------------------------------------- */

static void
on_tick(struct loop *l, void *cookie)
{
	struct sched *s = cookie;
	int64_t wall = loop_wall(l);
	struct err e = {0};

	int64_t was = s->last_wall;
	bool away = wall - was > SCHED_GRACE;

	s->last_wall = wall;
	if (clock_check(s) || away || wall >= s->next) {
		if (look(s, away, &e) < 0) {
			note(s, e.msg);
			s->last_wall = was; /* what was missed is still to be recorded */
		}
		begin(s);
		if (db_i64(s->db, "SELECT min(next_due) FROM jobs WHERE enabled = 1", &s->next, "",
		        NULL) < 0)
			s->next =
			    wall + 60 * SCHED_TICK; /* no jobs: sched_look tells of new ones */
	}
	loop_arm(s->timer, loop_mono(l) + SCHED_TICK);
}

static int
close_cut_off(struct db *db, void *cookie, struct err *e)
{
	const int64_t *now = cookie;
	/* again at once: what was being done is not done */
	int r = db_exec(db,
	    "UPDATE jobs SET next_due = $1, turn = turn - 1 WHERE next_due > $1 AND "
	    "turn > 0 AND id IN (SELECT job FROM job_runs WHERE ended IS NULL)",
	    "i", e, *now);

	if (r >= 0)
		r = db_exec(db, "UPDATE job_runs SET ended = $1, outcome = 'error', "
		    "message = 'cut off: Mamori or the machine stopped during this run' "
		    "WHERE ended IS NULL", "i", e, *now);
	return r < 0 ? r : 0;
}

int
sched_start(struct sched *s, struct err *e)
{
	int64_t now = loop_wall(s->l);
	int r = db_tx(s->db, close_cut_off, &now, e);

	if (r == 0)
		r = look(s, true, e);
	if (r < 0)
		return r;
	recorded(s);
	s->offset = now - loop_mono(s->l);
	s->last_wall = now;
	s->on = true;
	return loop_add_timer(s->l, loop_mono(s->l), on_tick, s, &s->timer, e);
}

void
sched_stop(struct sched *s)
{
	s->on = false;
}

void
sched_look(struct sched *s)
{
	s->next = 0;
	if (s->timer)
		loop_arm(s->timer, loop_mono(s->l));
}

int
sched_now(struct sched *s, const char *job, struct err *e)
{
	int r =
	    db_exec(s->db, "UPDATE jobs SET next_due = $2, tries = 0 WHERE id = $1 AND enabled = 1",
		"si", e, job, loop_wall(s->l));

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, E_NOENT, "there is no job \"%.90s\"", job);
	sched_look(s);
	return 0;
}

/* --- the regular jobs ----------------------------------------------------------------------- */

static int
add(struct db *db, int64_t now, const char *kind, const char *name, const char *system,
    const char *place, const char *every, int64_t first, struct err *e)
{
	char id[2 * SCHED_NAME];
	int64_t next;
	int r = when_next(every, now, &next, e);

	(void)snprintf(id, sizeof(id), "%s:%s", kind, name);
	if (strlen(id) >= SCHED_NAME)
		return err_set(e, E_INVAL, "the name \"%.80s\" is too long", name);
	if (next > first)
		next = first;
	if (r == 0)
		r = db_exec(db, "INSERT INTO jobs (id, kind, system, place, every, next_due, at) "
		    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING", "sssssii", e,
		    id, kind, system, place, every, next, now);
	return r < 0 ? r : 0;
}

int
sched_add_system(struct db *db, int64_t now, const char *system, const char *place,
    struct err *e)
{
	return add(db, now, "backup", system, system, place, "daily 01:30", now, e);
}

int
sched_put_system(struct db *db, int64_t now, const struct sched_system *s, struct err *e)
{
	int r = db_exec(db,
	    "INSERT INTO systems (id, name_ja, name_en, kind, paths, place, practice, at) VALUES "
	    "($1, $2, $3, $4, $5, $6, $7, $8)", "ssssssii", e, s->id, s->name_ja, s->name_en,
	    s->kind, s->paths, s->place, (int64_t)s->practice, now);

	return r < 0 ? r : sched_add_system(db, now, s->id, s->place, e);
}

int
sched_add_own(struct db *db, int64_t now, const char *kind, const char *every, struct err *e)
{
	int r = add(db, now, kind, "mamori", NULL, NULL, every, now + SCHED_SOON, e);

	/* a newer Mamori may want it at another hour */
	if (r == 0)
		r = db_exec(db, "UPDATE jobs SET every = $2 WHERE kind = $1 AND every <> $2", "ss",
		    e, kind, every);
	return r < 0 ? r : 0;
}

int
sched_add_place(struct db *db, int64_t now, const char *place, bool drills, struct err *e)
{
	/* the first proof soon after the first copies */
	int64_t soon = now + SCHED_SOON;
	int r = add(db, now, "verify", place, NULL, place, "daily 05:00", soon, e);

	if (r == 0 && drills)
		r = add(
		    db, now, "verify-deep", place, NULL, place, "weekly sat 22:00", INT64_MAX, e);
	if (r == 0 && drills)
		r = add(db, now, "drill-files", place, NULL, place, "daily 03:00", soon, e);
	if (r == 0 && drills)
		r = add(
		    db, now, "drill-system", place, NULL, place, "weekly sun 04:00", INT64_MAX, e);
	return r;
}
