/* The methods of STATE/run/mamorid.sock. Only root and the user mamorid runs as may call them. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/utf8.h"
#include "mamorid/mamorid.h"
#include "mamorid/model.h"

static const char *
text_of(const struct chan_call *c, const char *key)
{
	const char *s = json_string_value(json_object_get(c->params, key));

	return s ? s : "";
}

static int
h_ping(struct chan_call *c, struct err *e)
{
	struct mamorid *m = c->cookie;

	(void)e;
	c->result = json_pack("{s:s, s:s, s:i, s:s, s:s, s:i, s:b}", "name", "mamorid", "version",
	    MAMORI_VERSION, "pid", (int)getpid(), "url", m->url, "fingerprint", m->fingerprint,
	    "jail", (int)m->jail.level, "stopping", m->stopping);
	return 0;
}

/* set_time(o, key, us): RFC 3339, or null for "never". */
static void
set_time(json_t *o, const char *key, int64_t us)
{
	char text[TIME_TEXT];

	time_put(text, us);
	(void)json_object_set_new(o, key, us ? json_string(text) : json_null());
}

static const char *
why_name(enum reason w)
{
	static const char *const names[] = {"fresh", "never", "running", "stale", "late", "failed",
	    "error", "no-key", "nothing"};

	return names[w];
}

static json_t *
item_json(const struct item *t)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "job", t->job, "kind", t->kind,
	    "subject", t->subject, "name_ja", t->name_ja, "name_en", t->name_en, "state",
	    light_name(t->light), "why", why_name(t->why));

	if (!o)
		return NULL;
	set_time(o, "good_at", t->good_at);
	set_time(o, "next_due", t->next_due);
	(void)json_object_set_new(o, "last_outcome", json_string(t->last.outcome));
	if (*t->last.message)
		(void)json_object_set_new(o, "last_message", json_string(t->last.message));
	return o;
}

static json_t *
running_json(const struct model *m)
{
	json_t *o;

	if (!m->running)
		return json_null();
	o = json_pack("{s:s, s:s, s:s, s:I, s:I}", "job", m->run.job, "kind", m->run.kind,
	    "subject", m->run.subject, "seconds", (json_int_t)m->run_seconds, "usual_seconds",
	    (json_int_t)m->usual_seconds);
	if (o)
		set_time(o, "started", m->run.started);
	return o ? o : json_null();
}

static int
with_model(struct mamorid *m, struct model *model, struct err *e)
{
	return model_make(m->db, sched_running(m->sched), loop_wall(m->l), model, e);
}

static int
h_status(struct chan_call *c, struct err *e)
{
	struct mamorid *m = c->cookie;
	struct model model;
	json_t *items;
	size_t n[4] = {0};
	int r = with_model(m, &model, e);

	if (r < 0)
		return r;
	items = json_array();
	for (size_t i = 0; i < model.nitems; i++) {
		n[model.items[i].light]++;
		(void)json_array_append_new(items, item_json(&model.items[i]));
	}
	if (m->facts_error[0])
		model.overall = LIGHT_RED;
	c->result = json_pack("{s:s, s:s, s:s, s:b, s:{s:i, s:i, s:i, s:i}, s:o, s:o, s:s}",
	    "state", light_name(model.overall), "url", m->url, "fingerprint", m->fingerprint,
	    "practice", model.practice, "verdicts", "green", (int)n[LIGHT_GREEN], "yellow",
	    (int)n[LIGHT_YELLOW], "red", (int)n[LIGHT_RED], "grey", (int)n[LIGHT_GREY], "items",
	    items, "running", running_json(&model), "ledger_error", m->facts_error);
	model_free(&model);
	return 0;
}

static int
h_job_list(struct chan_call *c, struct err *e)
{
	struct model model;
	json_t *items;
	int r = with_model(c->cookie, &model, e);

	if (r < 0)
		return r;
	items = json_array();
	for (size_t i = 0; i < model.nitems; i++)
		if (*model.items[i].job)
			(void)json_array_append_new(items, item_json(&model.items[i]));
	c->result = json_pack("{s:o}", "jobs", items);
	model_free(&model);
	return 0;
}

static int
h_job_progress(struct chan_call *c, struct err *e)
{
	struct model model;
	json_t *queue;
	int r = with_model(c->cookie, &model, e);

	if (r < 0)
		return r;
	queue = json_array();
	for (size_t i = 0; i < model.nitems; i++)
		if (*model.items[i].job && model.items[i].next_due <= model.now)
			(void)json_array_append_new(queue, json_string(model.items[i].job));
	c->result = json_pack("{s:o, s:o}", "running", running_json(&model), "queue", queue);
	model_free(&model);
	return 0;
}

static int
h_job_run(struct chan_call *c, struct err *e)
{
	struct mamorid *m = c->cookie;
	int r = sched_now(m->sched, text_of(c, "job"), e);

	if (r == 0)
		c->result = json_pack("{s:b}", "queued", 1);
	return r;
}

static int
h_fact_add(struct chan_call *c, struct err *e)
{
	struct mamorid *m = c->cookie;
	char *s = json_dumps(c->params, JSON_COMPACT);
	struct fact fact;
	uint64_t seq = 0;
	int r;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for a fact");
	r = fact_read(s, strlen(s), true, &fact, e);
	free(s);
	if (r < 0)
		return r;
	if (!m->facts)
		r = err_set(e, E_SYS, "the sealed record cannot be written: %s", m->facts_error);
	else
		r = facts_add(m->facts, &fact, loop_wall(m->l), &seq, e);
	fact_free(&fact);
	if (r == 0)
		c->result = json_pack("{s:I}", "seq", (json_int_t)seq);
	return r;
}

/* --- what is protected ---------------------------------------------------------------------- */

static int
name_ok(const char *what, const char *s, size_t max, bool id, struct err *e)
{
	size_t n = strlen(s);

	if (n < 1 || n > max || !utf8_ok(s, n))
		return err_set(e, E_INVAL, "\"%s\" is missing or too long", what);
	for (size_t i = 0; i < n; i++) {
		bool plain = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') ||
		    (i > 0 && strchr("-_.", s[i]));

		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f || (id && !plain))
			return err_set(e, E_INVAL, "\"%s\" holds a character it may not", what);
	}
	return 0;
}

struct add {
	const struct chan_call *c;
	int64_t now;
	char *paths;
};

static int
place_tx(struct db *db, void *cookie, struct err *e)
{
	const struct add *a = cookie;
	const char *id = text_of(a->c, "id"), *key = text_of(a->c, "key_file");
	int r = db_exec(db, "INSERT INTO places (id, repo, name_ja, name_en, key_file, at) "
	    "VALUES ($1, $2, $3, $4, $5, $6)", "sssssi", e, id, text_of(a->c, "repo"),
	    text_of(a->c, "name_ja"), text_of(a->c, "name_en"), key, a->now);

	/* Drills need no recovery key: this machine's ring opens the newest generations. Without
	 * the key the weekly deep check is the keyless one, every byte against its hash. */
	return r < 0 ? r : sched_add_place(db, a->now, id, true, e);
}

static int
h_place_add(struct chan_call *c, struct err *e)
{
	struct mamorid *m = c->cookie;
	struct add a = {.c = c, .now = loop_wall(m->l)};
	const char *repo = text_of(c, "repo"), *key = text_of(c, "key_file");
	int r = name_ok("id", text_of(c, "id"), 60, true, e);

	if (r == 0)
		r = name_ok("name_ja", text_of(c, "name_ja"), 120, false, e);
	if (r == 0)
		r = name_ok("name_en", text_of(c, "name_en"), 120, false, e);
	if (r == 0)
		r = name_ok("repo", repo, SCHED_PATH - 1, false, e);
	if (r == 0 && repo[0] != '/' && !strstr(repo, "://"))
		r = err_set(e, E_INVAL, "\"repo\" is neither an absolute path nor an address");
	if (r == 0 && *key && (key[0] != '/' || strlen(key) >= SCHED_PATH))
		r = err_set(e, E_INVAL, "\"key_file\" is not an absolute path");
	if (r == 0)
		r = db_tx(m->db, place_tx, &a, e);
	if (r == 0)
		sched_look(m->sched);
	return r;
}

static int
system_tx(struct db *db, void *cookie, struct err *e)
{
	const struct add *a = cookie;
	const struct sched_system s = {.id = text_of(a->c, "id"), .name_ja = text_of(a->c,
	    "name_ja"), .name_en = text_of(a->c, "name_en"), .kind = text_of(a->c, "kind"),
	    .place = text_of(a->c, "place"), .paths = a->paths,
	    .practice = json_is_true(json_object_get(a->c->params, "practice"))};

	return sched_put_system(db, a->now, &s, e);
}

static int
h_system_add(struct chan_call *c, struct err *e)
{
	struct mamorid *m = c->cookie;
	const json_t *paths = json_object_get(c->params, "paths"), *v;
	struct add a = {.c = c, .now = loop_wall(m->l)};
	int r = name_ok("id", text_of(c, "id"), 60, true, e);
	size_t i;

	if (r == 0)
		r = name_ok("name_ja", text_of(c, "name_ja"), 120, false, e);
	if (r == 0)
		r = name_ok("name_en", text_of(c, "name_en"), 120, false, e);
	if (r == 0 && (json_array_size(paths) < 1 || json_array_size(paths) > 40))
		r = err_set(e, E_INVAL, "\"paths\" is not a list of 1 to 40 paths");
	json_array_foreach(paths, i, v)
		if (r == 0 && (!json_is_string(v) || json_string_value(v)[0] != '/'))
			r = err_set(e, E_INVAL, "\"paths\" holds what is not an absolute path");
	if (r < 0)
		return r;
	a.paths = json_dumps(paths, JSON_COMPACT);
	if (!a.paths)
		return err_set(e, E_NOMEM, "no memory for a system");
	r = db_tx(m->db, system_tx, &a, e);
	free(a.paths);
	if (r == 0)
		sched_look(m->sched);
	return r;
}

const struct chan_rule mamorid_rules[] = {
	{"ping", CHAN_OWNER, 0, false, h_ping},
	{"status", CHAN_OWNER, 0, false, h_status},
	{"job.list", CHAN_OWNER, 0, false, h_job_list},
	{"job.progress", CHAN_OWNER, 0, false, h_job_progress},
	{"job.run", CHAN_OWNER, 1, false, h_job_run},
	{"fact.add", CHAN_OWNER, 0, false, h_fact_add},
	{"place.add", CHAN_OWNER, 1, false, h_place_add},
	{"system.add", CHAN_OWNER, 1, false, h_system_add},
};
const size_t mamorid_nrules = ARRAY_LEN(mamorid_rules);
