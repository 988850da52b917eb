/* /api/v1: for other programs. JSON, bearer tokens, problem details (RFC 9457). What each address
 * does stands in web/api/openapi.json; tests/unit/daemon/mamorid/pages/api.c holds the two
 * together. */
#include "mamorid/pages/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/num.h"
#include "base/time.h"
#include "crypt/digest.h"
#include "guide/desk.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/pages/guide_page.h"
#include "register/register.h"

#define ONCE_KEEP TIME_DAY
#define AHEAD (300 * TIME_SEC) /* how far another machine's clock may be ahead of ours */

/* --- what they share -------------------------------------------------------------------------- */

int
api_problem(struct req *r, unsigned status, const char *detail, json_t *more, struct err *e)
{
	char key[24];
	json_t *o;

	(void)snprintf(key, sizeof(key), "error.%u", status);
	o = json_pack("{s:s, s:s, s:s, s:i}", "type", "about:blank", "title",
	    tmpl_word(tmpl_word(key, true) ? key : "error.other", r->ja), "detail", detail,
	    "status", (int)status);
	if (o && more)
		(void)json_object_update_missing(o, more);
	json_decref(more);
	return req_json(r, status, o, e);
}

void
api_cursor_put(int64_t at, char out[API_CURSOR])
{
	char text[32];

	(void)snprintf(text, sizeof(text), "1.%lld", (long long)at);
	b64_put_url(out, text, strlen(text));
}

int
api_cursor(const struct req *r, int64_t *ret)
{
	const char *s = req_get(r, "cursor");
	char text[33];
	uint64_t v = 0;
	size_t n = 0;

	*ret = 0;
	if (!*s)
		return 0;
	if (b64_get_url(text, sizeof(text) - 1, s, strlen(s), &n) < 0 || n < 3)
		return E_INVAL;
	text[n] = 0;
	if (strlen(text) != n || strncmp(text, "1.", 2) != 0 ||
	    num_parse_u64(text + 2, INT64_MAX, &v, NULL) < 0)
		return E_INVAL;
	*ret = (int64_t)v;
	return 0;
}

int
api_list(struct req *r, json_t *items, int64_t next, struct err *e)
{
	char cursor[API_CURSOR];

	api_cursor_put(next, cursor);
	return req_json(r, 200, json_pack("{s:o, s:s?}", "items", items, "next",
	    next > 0 ? cursor : NULL), e);
}

static int
bad_cursor(struct req *r, struct err *e)
{
	return api_problem(r, 400, "cursor: not one of this list", NULL, e);
}

static int64_t
limit_of(const struct req *r)
{
	return req_num(req_get(r, "limit"), 1, API_LIMIT_MAX, API_LIMIT);
}

/* --- once ------------------------------------------------------------------------------------- */

struct kept {
	char request[2 * DIGEST_LEN + 1];
	int64_t status;
	struct buf body;
	bool there;
};

static int
on_kept(const struct db_row *row, void *cookie, struct err *e)
{
	struct kept *k = cookie;

	(void)snprintf(k->request, sizeof(k->request), "%s", db_col_text(row, 0));
	k->status = db_col_i64(row, 1);
	k->there = true;
	return buf_str(&k->body, db_col_text(row, 2), e);
}

static void
request_sum(const struct req *r, char out[2 * DIGEST_LEN + 1])
{
	char *body = r->json ? json_dumps(r->json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	const struct iovec v[] = {
		{(void *)(uintptr_t)&r->method, sizeof(r->method)},
		{(void *)(uintptr_t)r->path, strlen(r->path) + 1},
		{body, body ? strlen(body) : 0},
	};
	uint8_t sum[DIGEST_LEN];

	digest_sha256v(v, ARRAY_LEN(v), sum);
	hex_put(out, sum, sizeof(sum));
	free(body);
}

/* again(r, sum, e): The answer that was given before. */
static int
again(struct req *r, const char *sum, struct err *e)
{
	struct kept k = {0};
	int rc;

	buf_init(&k.body, REQ_PAGE);
	rc = db_each(r->db, "SELECT request, status, body FROM api_once WHERE token = $1 AND "
	    "key = $2", on_kept, &k, "ss", e, r->tok.id, r->once);
	if (rc == 0 && strcmp(k.request, sum) != 0)
		rc = api_problem(
		    r, 422, "Idempotency-Key: it was used for another request", NULL, e);
	else if (rc == 0 && k.status == 0)
		rc = api_problem(r, 409, "the first request is still being worked on", NULL, e);
	else if (rc == 0) {
		req_header(r, "Idempotency-Replayed", "true");
		rc = req_bytes(r, k.status < 400 ? "application/json" : "application/problem+json",
		    NULL, k.body.p ? k.body.p : (const unsigned char *)"", k.body.len, e);
		r->res.status = (unsigned)k.status;
	}
	buf_free(&k.body);
	return rc;
}

int
api_once(struct req *r, req_fn *fn, struct err *e)
{
	char sum[2 * DIGEST_LEN + 1];
	int rc, kept;

	if (!r->once[0])
		return fn(r, e);
	request_sum(r, sum);
	rc = db_exec(r->db, "DELETE FROM api_once WHERE at < $1", "i", e, r->now - ONCE_KEEP);
	if (rc >= 0)
		rc = db_exec(r->db, "INSERT INTO api_once (token, key, request, status, at) VALUES "
		    "($1, $2, $3, 0, $4)", "sssi", e, r->tok.id, r->once, sum, r->now);
	if (rc == E_EXIST)
		return again(r, sum, e);
	if (rc < 0)
		return rc;
	rc = fn(r, e);
	/* what went wrong on our side may be tried again */
	if (rc < 0 || r->res.status >= 500 || !buf_cstr(&r->res.body, NULL))
		kept = db_exec(r->db, "DELETE FROM api_once WHERE token = $1 AND key = $2", "ss",
		    NULL, r->tok.id, r->once);
	else
		kept = db_exec(r->db, "UPDATE api_once SET status = $3, body = $4 WHERE token = $1 "
		    "AND key = $2", "ssis", NULL, r->tok.id, r->once, (int64_t)r->res.status,
		    (const char *)r->res.body.p);
	return rc < 0 ? rc : kept < 0 ? err_set(e, E_SYS, "the answer could not be kept") : rc;
}

/* --- about ------------------------------------------------------------------------------------ */

static int
about(struct req *r, struct err *e)
{
	return req_json(r, 200, json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:I}}", "name", "mamori",
	    "version", MAMORI_VERSION, "description", "/api/v1/openapi.json", "token", "id",
	    r->tok.id, "name", r->tok.name, "ends", (json_int_t)r->tok.ends), e);
}

static int
openapi(struct req *r, struct err *e)
{
	size_t n;
	const struct asset *a = web_assets(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i].name, "openapi.json") == 0)
			return req_bytes(r, "application/vnd.oai.openapi+json;version=3.1", NULL,
			    a[i].p, a[i].len, e);
	return err_set(e, E_NOENT, "no description");
}

/* --- what is protected ------------------------------------------------------------------------ */

static int
on_system(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *paths = json_loads(db_col_text(row, 4), 0, NULL);
	json_t *o = json_pack("{s:s, s:{s:s, s:s}, s:s, s:o, s:s}", "id", db_col_text(row, 0),
	    "name", "ja", db_col_text(row, 1), "en", db_col_text(row, 2), "kind",
	    db_col_text(row, 3), "paths", paths ? paths : json_array(), "place",
	    db_col_text(row, 5));
	char at[TIME_TEXT];

	if (o && !db_col_null(row, 6)) {
		time_put(at, db_col_i64(row, 6));
		(void)json_object_set_new(o, "generation_at", json_string(at));
	}
	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

static int
systems(struct req *r, struct err *e)
{
	json_t *items = json_array();
	int rc = db_each(r->db, "SELECT s.id, s.name_ja, s.name_en, s.kind, s.paths, s.place, "
	    "(SELECT max(x.ended) FROM job_runs x JOIN jobs j ON j.id = x.job WHERE "
	    "j.system = s.id AND j.kind = 'backup' AND x.outcome = 'pass') "
	    "FROM systems s ORDER BY s.id LIMIT 1000", on_system, items, "", e);

	if (rc < 0) {
		json_decref(items);
		return rc;
	}
	return api_list(r, items, 0, e);
}

struct runs {
	json_t *items;
	int64_t limit, last;
	bool more;
};

static int
on_run(const struct db_row *row, void *cookie, struct err *e)
{
	struct runs *k = cookie;
	char at[TIME_TEXT];
	json_t *o, *result;

	if ((int64_t)json_array_size(k->items) == k->limit) {
		k->more = true;
		return 1;
	}
	k->last = db_col_i64(row, 0);
	result = json_loads(db_col_text(row, 5), JSON_REJECT_DUPLICATES, NULL);
	o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o}", "run", (json_int_t)k->last, "job",
	    db_col_text(row, 1), "kind", db_col_text(row, 2), "system", db_col_text(row, 3),
	    "outcome", db_col_text(row, 4), "message", db_col_text(row, 6), "result",
	    result ? result : json_null());
	time_put(at, db_col_i64(row, 7));
	if (o)
		(void)json_object_set_new(o, "started", json_string(at));
	if (o && !db_col_null(row, 8)) {
		time_put(at, db_col_i64(row, 8));
		(void)json_object_set_new(o, "ended", json_string(at));
	}
	return !o || json_array_append_new(k->items, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

/* list_runs(r, only, e): Runs, newest first; ${only}: "backup" that passed: the generations. */
static int
list_runs(struct req *r, bool only, struct err *e)
{
	struct runs k = {.items = json_array(), .limit = limit_of(r)};
	int64_t before;
	int rc;

	if (api_cursor(r, &before) < 0) {
		json_decref(k.items);
		return bad_cursor(r, e);
	}
	rc = db_each(r->db, "SELECT x.id, x.job, j.kind, coalesce(j.system, x.subject), "
	    "coalesce(x.outcome, 'running'), coalesce(x.result, ''), x.message, x.started, x.ended "
	    "FROM job_runs x JOIN jobs j ON j.id = x.job WHERE x.id < $1 AND "
	    "($2 = '' OR j.system = $2) AND ($3 = 0 OR (j.kind = 'backup' AND x.outcome = 'pass')) "
	    "ORDER BY x.id DESC LIMIT $4", on_run, &k, "isii", e, before ? before : INT64_MAX,
	    req_get(r, "system"), (int64_t)only, k.limit + 1);
	if (rc < 0) {
		json_decref(k.items);
		return rc;
	}
	return api_list(r, k.items, k.more ? k.last : 0, e);
}

static int
generations(struct req *r, struct err *e)
{
	return list_runs(r, true, e);
}

static int
runs(struct req *r, struct err *e)
{
	return list_runs(r, false, e);
}

static int
on_job(const struct db_row *row, void *cookie, struct err *e)
{
	char due[TIME_TEXT];
	json_t *o;

	time_put(due, db_col_i64(row, 5));
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", db_col_text(row, 0), "kind",
	    db_col_text(row, 1), "system", db_col_text(row, 2), "place", db_col_text(row, 3),
	    "every", db_col_text(row, 4), "next_due", due, "enabled", (int)db_col_i64(row, 6));
	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

static int
jobs(struct req *r, struct err *e)
{
	json_t *items = json_array();
	int rc = db_each(r->db,
	    "SELECT id, kind, coalesce(system, ''), coalesce(place, ''), every, "
	    "next_due, enabled FROM jobs ORDER BY id LIMIT 1000",
	    on_job, items, "", e);

	if (rc < 0) {
		json_decref(items);
		return rc;
	}
	return api_list(r, items, 0, e);
}

/* A job that is there already is run sooner: nothing else can be started from outside, and nothing
 * is ever given back to anywhere. */
static int
run_now_once(struct req *r, struct err *e)
{
	struct mamorid *m = r->c->daemon;
	int rc = m && m->sched ? sched_now(m->sched, req_id(r, 0), e)
	                       : err_set(e, E_BUSY, "nothing is scheduled here");

	if (rc == E_NOENT)
		return api_problem(r, 404, "there is no such job", NULL, e);
	return rc < 0 ? rc : req_json(r, 202, json_pack("{s:s, s:b}", "job", req_id(r, 0),
	    "accepted", 1), e);
}

static int
run_now(struct req *r, struct err *e)
{
	return api_once(r, run_now_once, e);
}

/* --- facts ------------------------------------------------------------------------------------ */

struct some {
	json_t *items;
	int64_t limit, next;
};

static int
on_fact(const struct fact *f, void *cookie, struct err *e)
{
	struct some *k = cookie;
	json_t *o;

	if ((int64_t)json_array_size(k->items) == k->limit) {
		k->next = (int64_t)f->seq;
		return 1;
	}
	o = fact_json(f, true);
	return !o || json_array_append_new(k->items, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

static int
facts_filter_of(const struct req *r, struct facts_filter *f)
{
	const char *check = req_get(r, "check"), *kind = req_get(r, "kind"), *id = req_get(r, "id");
	const char *since = req_get(r, "since");

	if (strlen(check) >= sizeof(f->check) || strlen(kind) >= sizeof(f->kind) ||
	    strlen(id) >= sizeof(f->id))
		return E_INVAL;
	(void)snprintf(f->check, sizeof(f->check), "%s", check);
	(void)snprintf(f->kind, sizeof(f->kind), "%s", kind);
	(void)snprintf(f->id, sizeof(f->id), "%s", id);
	return *since ? time_get(since, &f->since, NULL) : 0;
}

static int
list_facts(struct req *r, struct err *e)
{
	struct some k = {.limit = limit_of(r)};
	struct facts *fs = r->c->facts ? *r->c->facts : NULL;
	struct facts_filter f = {0};
	int64_t from;
	int rc;

	if (api_cursor(r, &from) < 0)
		return bad_cursor(r, e);
	if (facts_filter_of(r, &f) < 0)
		return api_problem(r, 400, "check, kind, id or since has not its form", NULL, e);
	if (!fs)
		return err_set(e, E_BUSY, "the sealed record cannot be read now");
	f.from = (uint64_t)from;
	k.items = json_array();
	rc = facts_each(fs, &f, on_fact, &k, NULL, e);
	if (rc < 0) {
		json_decref(k.items);
		return rc;
	}
	return api_list(r, k.items, k.next, e);
}

/* take_fact(r, f, e): The body as a fact. Who reports is who holds the token, whatever it says. */
static int
take_fact(struct req *r, struct fact *f, struct err *e)
{
	char *text = r->json ? json_dumps(r->json, JSON_COMPACT) : NULL;
	int rc = text ? fact_read(text, strlen(text), true, f, e)
	              : err_set(e, E_INVAL, "a fact in JSON is expected");

	free(text);
	if (rc < 0)
		return rc;
	rc = fact_set(f->module, sizeof(f->module), "source.module", r->tok.id, e);
	if (rc == 0 && f->at > r->now + AHEAD)
		rc = err_set(e, E_INVAL, "at: in the future");
	if (rc == 0 && !apitoken_may_measure(&r->tok, f->check))
		rc = err_set(e, E_AUTH, "check: this token may not report it");
	if (rc < 0)
		fact_free(f);
	return rc;
}

static int
measure_once(struct req *r, struct err *e)
{
	struct facts *fs = r->c->facts ? *r->c->facts : NULL;
	uint64_t seq = 0;
	struct fact f;
	int rc = take_fact(r, &f, e);

	if (rc == E_AUTH)
		return api_problem(r, 403, e->msg, NULL, e);
	if (rc == E_INVAL || rc == E_LIMIT)
		return api_problem(r, 422, e->msg, NULL, e);
	if (rc < 0)
		return rc;
	rc = fs ? facts_add(fs, &f, r->now, &seq, e)
	        : err_set(e, E_BUSY, "the sealed record cannot be written now");
	req_note(r, rc < 0 ? "failed" : "ok", "%.90s %.60s", f.check, f.id);
	fact_free(&f);
	return rc < 0 ? rc : req_json(r, 201, json_pack("{s:I}", "seq", (json_int_t)seq), e);
}

static int
measure(struct req *r, struct err *e)
{
	return api_once(r, measure_once, e);
}

/* --- the guide -------------------------------------------------------------------------------- */

typedef int desk_fn(struct desk *d, struct req *r, json_t **ret, struct err *e);

static int
at_desk(struct req *r, desk_fn *fn, json_t **ret, struct err *e)
{
	struct guide_page x = {0};
	int rc = r->c->facts && *r->c->facts
	    ? guide_page_open(r, &x, e)
	    : err_set(e, E_BUSY, "the sealed record cannot be read now");

	if (rc < 0)
		return rc;
	rc = fn(&x.d, r, ret, e);
	guide_page_close(&x);
	return rc;
}

static int
pack_list(struct desk *d, struct req *r, json_t **ret, struct err *e)
{
	(void)r;
	return desk_packs(d, ret, e);
}

static int
packs(struct req *r, struct err *e)
{
	json_t *items = NULL;
	int rc = at_desk(r, pack_list, &items, e);

	return rc < 0 ? rc : api_list(r, items, 0, e);
}

static int
pack_items(struct desk *d, struct req *r, json_t **ret, struct err *e)
{
	return desk_status(d, req_id(r, 0), ret, e);
}

static int
items(struct req *r, struct err *e)
{
	json_t *o = NULL;
	int rc = at_desk(r, pack_items, &o, e);

	return rc < 0 ? rc : req_json(r, 200, o, e);
}

static int
practice_list(struct desk *d, struct req *r, json_t **ret, struct err *e)
{
	(void)r;
	return desk_practices(d, ret, e);
}

static int
practices(struct req *r, struct err *e)
{
	json_t *list = NULL;
	int rc = at_desk(r, practice_list, &list, e);

	return rc < 0 ? rc : api_list(r, list, 0, e);
}

const struct route api_rows[] = {
	{M_GET, "/api/v1", AREA_TODAY, VERB_READ, NULL, F_API, about, 0},
	{M_GET, "/api/v1/openapi.json", AREA_TODAY, VERB_READ, NULL, F_API | F_PUBLIC, openapi, 0},
	{M_GET, "/api/v1/systems", AREA_VAULT, VERB_READ, NULL, F_API, systems, 0},
	{M_GET, "/api/v1/generations", AREA_VAULT, VERB_READ, NULL, F_API, generations, 0},
	{M_GET, "/api/v1/jobs", AREA_VAULT, VERB_READ, NULL, F_API, jobs, 0},
	{M_POST, "/api/v1/jobs/:id/run", AREA_VAULT, VERB_RUN, "job:$0", F_API, run_now, 0},
	{M_GET, "/api/v1/runs", AREA_VAULT, VERB_READ, NULL, F_API, runs, 0},
	{M_GET, "/api/v1/facts", AREA_GUIDE, VERB_READ, NULL, F_API, list_facts, 0},
	{M_POST, "/api/v1/measurements", AREA_GUIDE, VERB_WRITE, "measure", F_API, measure, 0},
	{M_GET, "/api/v1/guide/packs", AREA_GUIDE, VERB_READ, NULL, F_API, packs, 0},
	{M_GET, "/api/v1/guide/packs/:id", AREA_GUIDE, VERB_READ, NULL, F_API, items, 0},
	{M_GET, "/api/v1/guide/practices", AREA_GUIDE, VERB_READ, NULL, F_API, practices, 0},
	{0},
};
