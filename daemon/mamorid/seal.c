#include "mamorid/seal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

enum { BATCH = 200 };

struct row {
	int64_t id, at, due;
	struct fact fact;
	const char *table;
};

struct rows {
	struct row *v;
	size_t n;
	const char *host;
};

/* What each kind of job proves, and how old the proof may be; a missed run is an event of its own.
 */
static const struct {
	const char *kind, *check, *missed;
	int max_age_days;
} checks[] = {
	{"backup", "vault.generation.age", "vault.generation.missed", 2},
	{"drill-files", "vault.restore.drill", "vault.drill.missed", 31},
	{"drill-system", "vault.restore.drill", "vault.drill.missed", 31},
	{"verify", "vault.scrub", "vault.scrub.missed", 8},
	{"verify-deep", "vault.scrub", "vault.scrub.missed", 8},
};

static json_t *
observed_of(const struct db_row *row)
{
	json_t *o = json_loads(db_col_text(row, 6), JSON_REJECT_DUPLICATES, NULL);
	const char *msg = db_col_text(row, 7);

	if (!json_is_object(o)) {
		json_decref(o);
		o = json_object();
	}
	if (!o)
		return NULL;
	(void)json_object_set_new(o, "job", json_string(db_col_text(row, 1)));
	if (*msg)
		(void)json_object_set_new(o, "message", json_string(msg));
	if (strcmp(db_col_text(row, 5), "missed") == 0)
		(void)json_object_set_new(o, "missed", json_true());
	return o;
}

static int
add_row(struct rows *rows, struct row **ret, struct err *e)
{
	struct row *v = reallocarray(rows->v, rows->n + 1, sizeof(*v));

	if (!v)
		return err_set(e, E_NOMEM, "no memory for the facts");
	rows->v = v;
	*ret = &v[rows->n++];
	**ret = (struct row){0};
	fact_init(&(*ret)->fact);
	return 0;
}

/* common(f, host, ...): The fields all facts of mamorid share. */
static int
common(struct fact *f, const char *host, const char *check, const char *kind, const char *id,
    struct err *e)
{
	int r = fact_set(f->check, sizeof(f->check), "check", check, e);

	if (r == 0)
		r = fact_set(f->kind, sizeof(f->kind), "subject.kind", kind, e);
	if (r == 0)
		r = fact_set(f->id, sizeof(f->id), "subject.id", id, e);
	if (r == 0)
		r = fact_set(f->module, sizeof(f->module), "source.module", "mamorid", e);
	if (r == 0)
		r = fact_set(f->version, sizeof(f->version), "source.version", MAMORI_VERSION, e);
	if (r == 0)
		r = fact_set(f->host, sizeof(f->host), "source.host", host, e);
	f->by = FACT_MEASURED;
	return r;
}

static int
take_run(const struct db_row *row, void *cookie, struct err *e)
{
	/* id, job, kind, place, subject, outcome, result, message, due, ended */
	struct rows *rows = cookie;
	const char *kind = db_col_text(row, 2), *outcome = db_col_text(row, 5);
	const char *subject = db_col_text(row, 4);
	bool missed = strcmp(outcome, "missed") == 0;
	struct row *t;
	size_t i = 0;
	int r = add_row(rows, &t, e);

	if (r < 0)
		return r;
	t->id = db_col_i64(row, 0);
	t->table = "job_runs";
	while (i + 1 < ARRAY_LEN(checks) && strcmp(checks[i].kind, kind) != 0)
		i++;
	r = common(&t->fact, rows->host, missed ? checks[i].missed : checks[i].check,
	    *subject ? "system" : "place", *subject ? subject : db_col_text(row, 3), e);
	/* a missed run is so since the moment it was due */
	t->fact.at = missed ? db_col_i64(row, 8) : db_col_i64(row, 9);
	t->fact.outcome = strcmp(outcome, "pass") == 0 ? FACT_PASS
	    : strcmp(outcome, "error") == 0	       ? FACT_ERROR
						       : FACT_FAIL;
	t->fact.observed = observed_of(row);
	t->fact.expected = json_pack("{s:i}", "max_age_days", checks[i].max_age_days);
	return r == E_INVAL ? 0 : r;
}

static int
take_event(const struct db_row *row, void *cookie, struct err *e)
{
	/* id, at, detail */
	struct rows *rows = cookie;
	struct row *t;
	int r = add_row(rows, &t, e);

	if (r < 0)
		return r;
	t->id = db_col_i64(row, 0);
	t->table = "events";
	r = common(&t->fact, rows->host, "host.clock.jump", "host", rows->host, e);
	t->fact.at = db_col_i64(row, 1);
	t->fact.outcome = FACT_FAIL;
	t->fact.observed = json_loads(db_col_text(row, 2), JSON_REJECT_DUPLICATES, NULL);
	return r == E_INVAL ? 0 : r;
}

static int
seal_one(struct db *db, struct facts *fs, const struct row *t, int64_t now, struct err *e)
{
	const char *sql = strcmp(t->table, "events") == 0
	    ? "UPDATE events SET sealed = 1 WHERE id = $1"
	    : "UPDATE job_runs SET sealed = 1 WHERE id = $1";
	int r = facts_add(fs, &t->fact, now, NULL, e);

	if (r < 0 && r != E_INVAL && r != E_LIMIT)
		return r;
	r = db_exec(db, sql, "i", e, t->id);
	return r < 0 ? r : 0;
}

int
seal_pending(struct db *db, struct facts *fs, const char *host, int64_t now, struct err *e)
{
	struct rows rows = {.host = host};
	int r, n = 0;

	r = db_each(db, "SELECT r.id, r.job, j.kind, j.place, r.subject, r.outcome, "
	    "coalesce(r.result, ''), r.message, r.due, r.ended FROM job_runs r "
	    "JOIN jobs j ON j.id = r.job WHERE r.sealed = 0 AND r.ended IS NOT NULL "
	    "ORDER BY r.id LIMIT $1", take_run, &rows, "i", e, (int64_t)BATCH);
	if (r == 0)
		r = db_each(db, "SELECT id, at, detail FROM events "
		    "WHERE sealed = 0 AND kind = 'clock.jump' ORDER BY id LIMIT $1", take_event,
		    &rows, "i", e, (int64_t)BATCH);
	for (size_t i = 0; i < rows.n; i++) {
		if (r == 0)
			r = seal_one(db, fs, &rows.v[i], now, e);
		n += r == 0;
		fact_free(&rows.v[i].fact);
	}
	free(rows.v);
	return r < 0 ? r : n;
}
