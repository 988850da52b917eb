#include "mamorid/model.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"

enum { MAX_ITEMS = 500, RUNS_SHOWN = 20 };

/* How old a good run may be: `fresh` hours is green, `stale` hours is red. */
static const struct {
	const char *kind;
	int fresh, stale;
} ages[] = {
	{"backup", 27, 51},
	{"drill-files", 27, 31 * 24},
	{"drill-system", 8 * 24, 31 * 24},
	{"verify", 27, 7 * 24},
	{"verify-deep", 8 * 24, 31 * 24},
};

const char *
light_name(enum light l)
{
	static const char *const names[] = {"green", "grey", "yellow", "red"};

	return names[l];
}

static int64_t
number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static void
read_result(struct run_view *v, const char *text)
{
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *g = json_object_get(o, "generation");

	v->files = number(o, "files");
	v->bytes = number(o, "bytes");
	v->new_bytes = number(o, "new_bytes");
	v->mismatch = number(o, "lost"); /* of a drill */
	if (json_is_string(g))
		(void)snprintf(v->generation, sizeof(v->generation), "%s", json_string_value(g));
	else if (json_is_integer(g))
		(void)snprintf(v->generation, sizeof(v->generation), "%lld",
		    (long long)json_integer_value(g));
	json_decref(o);
}

#define RUN_COLUMNS                                                                                \
	"r.job, j.kind, r.subject, coalesce(s.name_ja, ''), coalesce(s.name_en, ''), "             \
	"coalesce(r.outcome, ''), r.message, r.due, r.started, coalesce(r.ended, 0), "             \
	"coalesce(r.result, '') FROM job_runs r JOIN jobs j ON j.id = r.job "                      \
	"LEFT JOIN systems s ON s.id = r.subject "

static void
read_run(const struct db_row *row, struct run_view *v)
{
	*v = (struct run_view){0};
	(void)snprintf(v->job, sizeof(v->job), "%s", db_col_text(row, 0));
	(void)snprintf(v->kind, sizeof(v->kind), "%s", db_col_text(row, 1));
	(void)snprintf(v->subject, sizeof(v->subject), "%s", db_col_text(row, 2));
	(void)snprintf(v->name_ja, sizeof(v->name_ja), "%s", db_col_text(row, 3));
	(void)snprintf(v->name_en, sizeof(v->name_en), "%s", db_col_text(row, 4));
	(void)snprintf(v->outcome, sizeof(v->outcome), "%s", db_col_text(row, 5));
	(void)snprintf(v->message, sizeof(v->message), "%s", db_col_text(row, 6));
	v->due = db_col_i64(row, 7);
	v->started = db_col_i64(row, 8);
	v->ended = db_col_i64(row, 9);
	read_result(v, db_col_text(row, 10));
}

static int
take_one_run(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	read_run(row, cookie);
	return 1;
}

static int
take_runs(const struct db_row *row, void *cookie, struct err *e)
{
	struct model *m = cookie;

	(void)e;
	if (m->nruns < RUNS_SHOWN)
		read_run(row, &m->runs[m->nruns++]);
	return 0;
}

static int
take_item(const struct db_row *row, void *cookie, struct err *e)
{
	struct model *m = cookie;
	struct item *v, *t;

	if (m->nitems >= MAX_ITEMS)
		return err_set(e, E_LIMIT, "more than %d jobs", MAX_ITEMS);
	v = reallocarray(m->items, m->nitems + 1, sizeof(*v));
	if (!v)
		return err_set(e, E_NOMEM, "no memory for the status");
	m->items = v;
	t = &v[m->nitems++];
	*t = (struct item){0};
	(void)snprintf(t->job, sizeof(t->job), "%s", db_col_text(row, 0));
	(void)snprintf(t->kind, sizeof(t->kind), "%s", db_col_text(row, 1));
	(void)snprintf(t->subject, sizeof(t->subject), "%s", db_col_text(row, 2));
	(void)snprintf(t->name_ja, sizeof(t->name_ja), "%s", db_col_text(row, 3));
	(void)snprintf(t->name_en, sizeof(t->name_en), "%s", db_col_text(row, 4));
	t->next_due = db_col_i64(row, 5);
	return 0;
}

static void
judge(struct model *m, struct item *t)
{
	int64_t age = m->now - t->good_at, hour = 3600 * TIME_SEC;
	const char *last = t->last.outcome;
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(ages) && strcmp(ages[i].kind, t->kind) != 0)
		i++;
	if (strcmp(last, "fail") == 0) {
		t->light = LIGHT_RED;
		t->why = WHY_FAILED;
	} else if (!t->good_at) {
		bool on = m->running && strcmp(m->run.job, t->job) == 0;

		t->light = strcmp(last, "error") == 0 ? LIGHT_RED : LIGHT_GREY;
		t->why = on ? WHY_RUNNING : t->light == LIGHT_RED ? WHY_ERROR : WHY_NEVER;
	} else if (age > ages[i].stale * hour || age < -hour) {
		t->light = LIGHT_RED;
		t->why = WHY_STALE;
	} else if (age > ages[i].fresh * hour) {
		t->light = LIGHT_YELLOW;
		t->why = WHY_LATE;
	} else if (strcmp(last, "error") == 0) {
		t->light = LIGHT_YELLOW;
		t->why = WHY_ERROR;
	} else {
		t->light = LIGHT_GREEN;
		t->why = WHY_FRESH;
	}
}

static int
fill_item(struct db *db, struct model *m, struct item *t, struct err *e)
{
	int r = db_each(db,
	    "SELECT " RUN_COLUMNS "WHERE r.job = $1 AND r.ended IS NOT NULL AND "
	    "r.outcome <> 'missed' ORDER BY r.id DESC LIMIT 1",
	    take_one_run, &t->last, "s", e, t->job);

	if (r >= 0)
		r = db_i64(db, "SELECT coalesce(max(ended), 0) FROM job_runs WHERE job = $1 AND "
		    "outcome = 'pass'", &t->good_at, "s", e, t->job);
	if (r >= 0)
		judge(m, t);
	return r < 0 ? r : 0;
}

static int
fill_running(struct db *db, struct model *m, const struct sched_run *run, struct err *e)
{
	int r = db_each(db, "SELECT " RUN_COLUMNS "WHERE r.id = $1", take_one_run, &m->run, "i", e,
	    run->id);

	if (r < 0)
		return r;
	m->running = true;
	m->run_seconds = (m->now - run->started) / TIME_SEC;
	if (m->run_seconds < 0)
		m->run_seconds = 0;
	m->usual_seconds = -1;
	r = db_i64(db, "SELECT (ended - started) / 1000000 FROM job_runs WHERE job = $1 AND "
	    "outcome = 'pass' ORDER BY id DESC LIMIT 1", &m->usual_seconds, "s", e, run->job);
	return r == E_NOENT ? 0 : r;
}

/* no_drill(m, e): Copies of which nobody tries whether they come back are a grey line of their own.
 */
static int
no_drill(struct model *m, struct err *e)
{
	struct item *v;

	for (size_t i = 0; i < m->nitems; i++)
		if (strncmp(m->items[i].kind, "drill-", 6) == 0)
			return 0;
	if (m->nitems == 0)
		return 0;
	v = reallocarray(m->items, m->nitems + 1, sizeof(*v));
	if (!v)
		return err_set(e, E_NOMEM, "no memory for the status");
	m->items = v;
	v[m->nitems] = (struct item){.kind = "drill-files", .light = LIGHT_GREY, .why = WHY_NO_KEY};
	m->nitems++;
	return 0;
}

static int
fill_counts(struct db *db, struct model *m, struct err *e)
{
	int64_t n = 0, p = 0;
	int r = db_i64(db, "SELECT count(*) FROM systems", &n, "", e);

	if (r == 0)
		r = db_i64(db, "SELECT count(*) FROM systems WHERE practice = 1", &p, "", e);
	if (r == 0)
		r = db_i64(db, "SELECT count(*) FROM events WHERE kind = 'clock.jump' AND at > $1",
		    &m->jumps, "i", e, m->now - 7 * TIME_DAY);
	m->nsystems = (size_t)n;
	m->practice = p > 0;
	return r;
}

int
model_make(struct db *db, const struct sched_run *running, int64_t now, struct model *ret,
    struct err *e)
{
	struct model m = {.now = now, .usual_seconds = -1};
	int r;

	m.runs = calloc(RUNS_SHOWN, sizeof(*m.runs));
	if (!m.runs)
		return err_set(e, E_NOMEM, "no memory for the status");
	r = fill_counts(db, &m, e);
	if (r == 0 && running && running->place[0])
		r = fill_running(db, &m, running, e);
	if (r == 0)
		r = db_each(db,
		    "SELECT j.id, j.kind, coalesce(j.system, j.place), "
		    "coalesce(s.name_ja, p.name_ja), coalesce(s.name_en, p.name_en), j.next_due "
		    "FROM jobs j JOIN places p ON p.id = j.place "
		    "LEFT JOIN systems s ON s.id = j.system WHERE j.enabled = 1 "
		    "ORDER BY CASE j.kind WHEN 'backup' THEN 0 WHEN 'drill-files' THEN 1 "
		    "WHEN 'drill-system' THEN 2 WHEN 'verify' THEN 3 ELSE 4 END, s.at, j.id",
		    take_item, &m, "", e);
	for (size_t i = 0; i < m.nitems && r == 0; i++)
		r = fill_item(db, &m, &m.items[i], e);
	if (r == 0)
		r = no_drill(&m, e);
	if (r == 0)
		r = db_each(db,
		    "SELECT " RUN_COLUMNS
		    "WHERE r.ended IS NOT NULL AND j.place IS NOT NULL ORDER BY r.id DESC "
		    "LIMIT $1",
		    take_runs, &m, "i", e, (int64_t)RUNS_SHOWN);
	if (r < 0) {
		model_free(&m);
		return r;
	}
	m.overall = m.nitems ? LIGHT_GREEN : LIGHT_GREY;
	for (size_t i = 0; i < m.nitems; i++)
		if (m.items[i].light > m.overall)
			m.overall = m.items[i].light;
	*ret = m;
	return 0;
}

void
model_free(struct model *m)
{
	free(m->items);
	free(m->runs);
	*m = (struct model){0};
}
