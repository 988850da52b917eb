#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ledger/checks.h"
#include "notify/notify.h"
#include "notify/notify_int.h"

enum { REDS = 400, EVENTS = 500 };

#define SETTLE (2 * 3600 * TIME_SEC) /* what a sleeping machine missed is often made up at once */
#define EVENT_RED TIME_DAY           /* an event without an end is red for so long */
#define QUIET TIME_DAY               /* the same cause again: no second mail within this time */

struct red {
	char name[440];
	const struct fact *f;
	const char *why;
	int64_t since;
};

struct watch {
	int64_t now, seq;
	struct red *reds;
	size_t n;
	json_t *events; /* [{event, about, once, data}] */
	bool facts, first;
};

/* An event is over when a later fact of this check about the same subject is good. */
static const struct {
	const char *event, *until;
} pairs[] = {
	{"vault.generation.missed", "vault.generation.age"},
	{"vault.drill.missed", "vault.restore.drill"},
	{"vault.scrub.missed", "vault.scrub"},
};

/* What must not only have been good once. */
static const char *const lasting[] = {"vault.generation.age", "vault.restore.drill", "vault.scrub",
    "vault.database.drill", "vault.offline.age"};

/* Whether a red fact of this check is an alarm. What is a matter of weeks (registers, plans, what
 * somebody said) is in the weekly page and in the console. */
static bool
alarming(const struct fact *f)
{
	static const char *const slow[] = {"register.", "guide.", "practice."};

	for (size_t i = 0; i < ARRAY_LEN(slow); i++)
		if (strncmp(f->check, slow[i], strlen(slow[i])) == 0)
			return false;
	return f->by != FACT_DECLARED;
}

static const struct fact *
same_subject(const struct fact *all, size_t n, const char *check, const struct fact *f)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].check, check) == 0 && strcmp(all[i].kind, f->kind) == 0 &&
		    strcmp(all[i].id, f->id) == 0)
			return &all[i];
	return NULL;
}

static int
on_pass(const struct fact *f, void *cookie, struct err *e)
{
	int64_t *at = cookie;

	(void)e;
	if (f->outcome == FACT_PASS && f->at > *at)
		*at = f->at;
	return 0;
}

/* last_pass(fs, f, ret, e): When this was last good. */
static int
last_pass(struct facts *fs, const struct fact *f, int64_t *ret, struct err *e)
{
	struct facts_filter only = {0};

	*ret = f->outcome == FACT_PASS ? f->at : 0;
	if (f->outcome == FACT_PASS)
		return 0;
	(void)snprintf(only.check, sizeof(only.check), "%s", f->check);
	(void)snprintf(only.kind, sizeof(only.kind), "%s", f->kind);
	(void)snprintf(only.id, sizeof(only.id), "%s", f->id);
	return facts_each(fs, &only, on_pass, ret, NULL, e);
}

static bool
must_last(const char *check)
{
	for (size_t i = 0; i < ARRAY_LEN(lasting); i++)
		if (strcmp(lasting[i], check) == 0)
			return true;
	return false;
}

/* judge(...): Why a newest fact is red ("fail", "missed", "stale", "event"), or NULL. */
static int
judge(struct facts *fs, const struct fact *all, size_t n, const struct fact *f, int64_t now,
    const char **ret, struct err *e)
{
	const struct check *k = checks_find(f->check);
	int64_t good = 0;
	int r = 0;

	*ret = NULL;
	if (!k || !alarming(f))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (strcmp(pairs[i].event, f->check) == 0) {
			const struct fact *u = same_subject(all, n, pairs[i].until, f);

			if (f->outcome == FACT_FAIL &&
			    !(u && u->outcome == FACT_PASS && u->at > f->at))
				*ret = "missed";
			return 0;
		}
	if (f->outcome == FACT_FAIL) {
		if (k->max_days > 0)
			*ret = "fail";
		else if (f->at > now - EVENT_RED)
			*ret = "event";
		return 0;
	}
	if (k->max_days > 0 && must_last(f->check) &&
	    (f->outcome == FACT_PASS || f->outcome == FACT_ERROR)) {
		r = last_pass(fs, f, &good, e);
		if (r == 0 && good > 0 && good + k->max_days * TIME_DAY < now)
			*ret = "stale";
	}
	return r;
}

/* -- what is new in the record ------------------------------------------------------------------
 */

static void
put_event(struct watch *w, const char *event, const struct fact *f)
{
	char once[80], at[TIME_TEXT];

	time_put(at, f->at);
	(void)snprintf(once, sizeof(once), "fact:%llu", (unsigned long long)f->seq);
	(void)json_array_append_new(w->events,
	    json_pack("{s:s,s:s,s:{s:s,s:{s:s,s:s},s:s,s:s}}", "event", event, "once", once, "data",
		"check", f->check, "subject", "kind", f->kind, "id", f->id, "outcome",
		fact_outcome_name(f->outcome), "at", at));
}

static int
on_fact(const struct fact *f, void *cookie, struct err *e)
{
	struct watch *w = cookie;
	size_t n = strlen(f->check);

	(void)e;
	if (json_array_size(w->events) >= EVENTS)
		return 1; /* the rest with the next look */
	w->seq = (int64_t)f->seq + 1;
	if (w->first)
		return 0;
	if (strcmp(f->check, "vault.generation.age") == 0 && f->outcome == FACT_PASS)
		put_event(w, "generation.made", f);
	else if (strncmp(f->check, "vault.", 6) == 0 && n > 6 &&
	    strcmp(f->check + n - 6, ".drill") == 0)
		put_event(w, "drill.result", f);
	return 0;
}

/* -- in one transaction -------------------------------------------------------------------------
 */

static json_t *
alarm_data(const char *check, const char *kind, const char *id, const char *why, int64_t since)
{
	char at[TIME_TEXT];

	time_put(at, since);
	return json_pack("{s:s,s:{s:s,s:s},s:s,s:s}", "check", check, "subject", "kind", kind, "id",
	    id, "why", why, "since", at);
}

static int
raise(struct db *db, const struct watch *w, const struct red *x, struct err *e)
{
	char once[120], about[100];
	int64_t id = 0;
	int r = db_i64(db, "INSERT INTO alarms (name, chk, kind, subject, why, since, at) VALUES "
	    "($1, $2, $3, $4, $5, $6, $7) RETURNING id", &id, "sssssii", e, x->name, x->f->check,
	    x->f->kind, x->f->id, x->why, x->since, w->now);

	(void)snprintf(once, sizeof(once), "raised:%lld", (long long)id);
	(void)snprintf(about, sizeof(about), "alarm:%lld", (long long)id);
	return r < 0 ? r : notify_hook_event(db, "alarm.raised", alarm_data(x->f->check, x->f->kind,
	    x->f->id, x->why, x->since), about, once, w->now, e);
}

static int
clear(struct db *db, const struct watch *w, const json_t *open, struct err *e)
{
	int64_t id = json_integer_value(json_object_get(open, "id"));
	const char *const keys[] = {"check", "kind", "subject", "why"};
	const char *v[4];
	char once[120], about[100];
	int r = db_exec(db, "UPDATE alarms SET cleared = $2 WHERE id = $1", "ii", e, id, w->now);

	for (size_t i = 0; i < 4; i++)
		v[i] = json_string_value(json_object_get(open, keys[i]));
	(void)snprintf(once, sizeof(once), "cleared:%lld", (long long)id);
	(void)snprintf(about, sizeof(about), "alarm:%lld", (long long)id);
	return r < 0 ? r : notify_hook_event(db, "alarm.cleared", alarm_data(v[0], v[1], v[2], v[3],
	    json_integer_value(json_object_get(open, "since"))), about, once, w->now, e);
}

static const json_t *
find_open(const json_t *open, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach(open, i, v)
		if (strcmp(json_string_value(json_object_get(v, "name")), name) == 0)
			return v;
	return NULL;
}

static bool
still_red(const struct watch *w, const json_t *open)
{
	const char *name = json_string_value(json_object_get(open, "name"));

	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->reds[i].name, name) == 0)
			return true;
	return false;
}

#define ALARM_COLS                                                                                 \
	"SELECT id, name, chk, kind, subject, why, since, at, cleared FROM alarms "
static const char *const alarm_cols[] = {"#id", "name", "check", "kind", "subject", "why", "#since",
    "#at", "#cleared"};

static int
alarms_where(struct db *db, const char *sql, int64_t a, int64_t b, json_t **ret, struct err *e)
{
	struct notify_rows rows = {alarm_cols, ARRAY_LEN(alarm_cols), json_array()};
	int r = db_each(db, sql, notify_rows_take, &rows, "ii", e, a, b);

	if (r < 0)
		json_decref(rows.list);
	else
		*ret = rows.list;
	return r;
}

int
notify_alarms(struct db *db, int64_t since, json_t **ret, struct err *e)
{
	return alarms_where(db, ALARM_COLS "WHERE cleared = 0 OR at > $1 OR cleared > $2 ORDER BY "
	    "CASE WHEN cleared = 0 THEN 0 ELSE 1 END, at DESC LIMIT 400", since, since, ret, e);
}

static int
alarms(struct db *db, const struct watch *w, struct err *e)
{
	json_t *open = NULL, *v;
	size_t i;
	int r = alarms_where(db, ALARM_COLS "WHERE cleared = 0 AND $1 = $2", 0, 0, &open, e);

	for (size_t k = 0; k < w->n && r == 0; k++)
		if (!find_open(open, w->reds[k].name))
			r = raise(db, w, &w->reds[k], e);
	json_array_foreach(open, i, v)
		if (r == 0 && !still_red(w, v))
			r = clear(db, w, v, e);
	json_decref(open);
	return r;
}

/* mail_all(...): Put the letter for each receiver; returns how many were put. */
static int
mail_all(struct db *db, const struct notify_mail *m, const json_t *raised, const json_t *over,
    int64_t now, struct err *e)
{
	struct buf AUTO(buf_free) b = {0};
	char subject[400];
	int r, put = 0;

	buf_init(&b, NOTIFY_BODY);
	r = notify_red_text(db, m, raised, over, &b, subject, e);
	for (size_t i = 0; i < m->nto && r == 0; i++) {
		struct notify_new n = {.way = "mail",
		    .target = m->to[i],
		    .kind = json_array_size(raised) ? "state.red" : "state.over",
		    .subject = subject,
		    .body = buf_cstr(&b, e)};

		r = n.body ? notify_put(db, &n, now, e) : E_NOMEM;
		put += r > 0;
		if (r > 0 || r == E_LIMIT)
			r = 0;
	}
	return r < 0 ? r : put;
}

static int
told(struct db *db, const json_t *list, int64_t state, struct err *e)
{
	json_t *v;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, v)
		if (r >= 0)
			r = db_exec(db, "UPDATE alarms SET told = $2 WHERE id = $1", "ii", e,
			    (int64_t)json_integer_value(json_object_get(v, "id")), state);
	return r < 0 ? r : 0;
}

/* mails(db, now, e): One letter for all that turned red and is over since the last. */
static int
mails(struct db *db, int64_t now, struct err *e)
{
	json_t *raised = NULL, *over = NULL;
	struct notify_mail m;
	bool put;
	int r = notify_mail_get(db, &m, e);

	if (r < 0 || !m.url[0] || !m.red || m.nto == 0)
		return r;
	r = alarms_where(db,
	    ALARM_COLS
	    "WHERE cleared = 0 AND told = 0 AND (why IN ('fail', 'event') "
	    "OR at <= $1) AND NOT EXISTS (SELECT 1 FROM alarms o WHERE o.name = alarms.name AND "
	    "o.told > 0 AND o.at > $2) ORDER BY at LIMIT 30",
	    now - SETTLE, now - QUIET, &raised, e);
	if (r == 0)
		r = alarms_where(db,
		    ALARM_COLS "WHERE cleared > 0 AND told = 1 AND $1 = $2 ORDER BY at "
			       "LIMIT 30",
		    0, 0, &over, e);
	if (r == 0 && json_array_size(raised) + json_array_size(over) > 0)
		r = mail_all(db, &m, raised, over, now, e);
	put = r > 0; /* where nothing could be put it is told with a later look */
	if (put)
		r = told(db, raised, 1, e);
	if (put && r == 0)
		r = told(db, over, 2, e);
	json_decref(raised);
	json_decref(over);
	return r;
}

/* finding_events(db, now, e): Findings that were opened and ended since the last look. */
static int
finding_events(struct db *db, int64_t now, struct err *e)
{
	static const char *const cols[] = {"#id", "pack", "item", "#severity", "state", "#ended"};
	struct notify_rows rows = {cols, ARRAY_LEN(cols), json_array()};
	json_t *at = NULL, *v;
	int64_t id = 0, ended = 0;
	size_t i;
	int r = notify_setting(db, "notify.findings", &at, e);

	if (r == 0 && !json_object_get(at, "id")) {
		(void)json_object_set_new(at, "ended", json_integer(now));
		r = db_i64(db, "SELECT coalesce(max(id), 0) FROM guide_findings", &id, "", e);
	} else {
		id = json_integer_value(json_object_get(at, "id"));
	}
	ended = json_integer_value(json_object_get(at, "ended"));
	json_decref(at);
	if (r == 0)
		r = db_each(db,
		    "SELECT id, pack, item, severity, state, coalesce(ended_at, 0) FROM "
		    "guide_findings WHERE id > $1 OR ended_at > $2 ORDER BY id",
		    notify_rows_take, &rows, "ii", e, id, ended);
	json_array_foreach(rows.list, i, v) {
		int64_t n = json_integer_value(json_object_get(v, "id"));
		int64_t end = json_integer_value(json_object_get(v, "ended"));
		char about[60], once[80];

		(void)snprintf(about, sizeof(about), "finding:%lld", (long long)n);
		(void)json_object_del(v, "ended");
		(void)snprintf(once, sizeof(once), "opened:%lld", (long long)n);
		if (r == 0 && n > id)
			r = notify_hook_event(
			    db, "finding.opened", json_incref(v), about, once, now, e);
		(void)snprintf(
		    once, sizeof(once), "closed:%lld:%lld", (long long)n, (long long)end);
		if (r == 0 && end > ended)
			r = notify_hook_event(
			    db, "finding.closed", json_incref(v), about, once, now, e);
	}
	json_array_foreach(rows.list, i, v)
		id = json_integer_value(json_object_get(v, "id")) > id
		    ? json_integer_value(json_object_get(v, "id")) : id;
	json_decref(rows.list);
	if (r == 0)
		r = db_i64(db,
		    "SELECT coalesce(max(ended_at), $1) FROM guide_findings WHERE ended_at > $1",
		    &ended, "i", e, ended);
	return r < 0 ? r : notify_setting_put(db, "notify.findings",
	    json_pack("{s:I,s:I}", "id", (json_int_t)id, "ended", (json_int_t)ended), now, e);
}

static int
watch_tx(struct db *db, void *cookie, struct err *e)
{
	const struct watch *w = cookie;
	json_t *v;
	size_t i;
	int r = 0;

	if (w->facts)
		r = alarms(db, w, e);
	json_array_foreach(w->events, i, v)
		if (r == 0)
			r = notify_hook_event(db, json_string_value(json_object_get(v, "event")),
			    json_incref(json_object_get(v, "data")), NULL,
			    json_string_value(json_object_get(v, "once")), w->now, e);
	if (r == 0 && w->facts)
		r = notify_setting_put(db, "notify.facts",
		    json_pack("{s:I}", "seq", (json_int_t)w->seq), w->now, e);
	if (r == 0)
		r = finding_events(db, w->now, e);
	return r == 0 ? mails(db, w->now, e) : r;
}

static int
look_at_facts(struct watch *w, struct facts *fs, const struct fact *all, size_t n, struct err *e)
{
	int r = 0;

	w->reds = calloc(REDS, sizeof(*w->reds));
	if (!w->reds)
		return err_set(e, E_NOMEM, "no memory for alarms");
	for (size_t i = 0; i < n && r == 0 && w->n < REDS; i++) {
		struct red *x = &w->reds[w->n];

		r = judge(fs, all, n, &all[i], w->now, &x->why, e);
		if (r < 0 || !x->why)
			continue;
		x->f = &all[i];
		x->since = all[i].at;
		(void)snprintf(
		    x->name, sizeof(x->name), "%s %s:%s", x->f->check, x->f->kind, x->f->id);
		w->n++;
	}
	return r;
}

int
notify_watch(struct db *db, struct facts *fs, int64_t now, struct err *e)
{
	struct watch w = {.now = now, .events = json_array(), .facts = fs != NULL};
	struct facts_filter any = {0};
	struct fact *all = NULL;
	json_t *at = NULL;
	size_t n = 0;
	int r = notify_setting(db, "notify.facts", &at, e);

	w.first = !json_object_get(at, "seq");
	w.seq = json_integer_value(json_object_get(at, "seq"));
	json_decref(at);
	if (r == 0 && fs)
		r = facts_newest(fs, &any, &all, &n, e);
	if (r == 0 && fs)
		r = look_at_facts(&w, fs, all, n, e);
	any.from = (uint64_t)w.seq;
	if (r == 0 && fs)
		r = facts_each(fs, &any, on_fact, &w, NULL, e);
	if (r >= 0)
		r = db_tx(db, watch_tx, &w, e);
	facts_newest_free(all, n);
	free(w.reds);
	json_decref(w.events);
	return r;
}
