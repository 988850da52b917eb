/* きょう: one sentence, one thing to do, and nothing that is only to be looked at. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "mamorid/http/console.h"
#include "mamorid/mamorid.h"
#include "mamorid/model.h"
#include "mamorid/pages/guide_page.h"
#include "mamorid/pages/wizard_page.h"
#include "mamorid/pages/register.h"
#include "mamorid/pages/vault_pages.h"
#include "text/day.h"

/* --- the copies ----------------------------------------------------------------------------- */

static const char *const whys[] = {"today.why.fresh", "today.why.never", "today.why.running",
    "today.why.stale", "today.why.late", "today.why.failed", "today.why.error", "today.why.no_key",
    "today.why.nothing"};

static json_t *
item(const struct item *t, bool ja)
{
	const char *name = ja ? t->name_ja : t->name_en;
	char word[128];
	json_t *o;

	(void)snprintf(word, sizeof(word), "today.kind.%s", t->kind);
	o = json_pack("{s:s, s:s, s:s, s:s}", "name", *name ? name : t->subject, "word", word,
	    "light", light_name(t->light), "why", whys[t->why]);
	if (t->good_at)
		model_int(o, "good_at", t->good_at);
	if (*t->last.message)
		model_text(o, "message", t->last.message);
	return o;
}

/* copies(m, model, ja): What is well as one line each, what is not as cards. */
static void
copies(json_t *m, const struct model *model, bool ja)
{
	json_t *well = json_array(), *ill = json_array();

	for (size_t i = 0; i < model->nitems; i++)
		(void)json_array_append_new(model->items[i].light == LIGHT_GREEN ? well : ill,
		    item(&model->items[i], ja));
	model_put(m, "well", well);
	model_put(m, "ill", ill);
	model_bool(m, "nothing", model->nitems == 0);
	if (model->running) {
		const char *name = ja ? model->run.name_ja : model->run.name_en;
		char word[128];
		json_t *o;

		(void)snprintf(word, sizeof(word), "today.kind.%s", model->run.kind);
		o = json_pack("{s:s, s:s, s:I, s:I}", "word", word, "name", *name ? name
		    : model->run.subject, "seconds", (json_int_t)model->run_seconds, "usual",
		    (json_int_t)(model->usual_seconds > 0 ? model->usual_seconds : 0));
		model_put(m, "running", o);
	}
}

static int
protection(struct req *r, json_t *m, struct err *e)
{
	struct mamorid *d = r->c->daemon;
	struct model model;
	int rc = model_make(r->db, sched_running(d->sched), r->now, &model, e);

	if (rc < 0)
		return rc;
	copies(m, &model, r->ja);
	if (d->facts_error[0])
		model.overall = LIGHT_RED;
	model_text(m, "overall", light_name(model.overall));
	model_text(m, "ledger_error", d->facts_error[0] ? d->facts_error : NULL);
	r->c->practice = model.practice;
	model_free(&model);
	return 0;
}

/* --- the one thing -------------------------------------------------------------------------- */

static json_t *
pillar(const char *id, const json_t *counts)
{
	static const char *const order[] = {"red", "grey", "yellow", "green"};
	const char *worst = "grey";
	char word[32];

	for (size_t i = ARRAY_LEN(order); i-- > 0;)
		if (json_integer_value(json_object_get(counts, order[i])) > 0)
			worst = order[i];
	(void)snprintf(word, sizeof(word), "today.pillar.%s", id);
	return json_pack(
	    "{s:s, s:s, s:s, s:O}", "id", id, "word", word, "light", worst, "n", counts);
}

/* first_setup(r, m): While the first set-up is under way, that is the one thing; what was put off
 * is said below, and comes first once its day has passed. Whether it is the one thing. */
static bool
first_setup(struct req *r, json_t *m)
{
	char today[DAY_TEXT], word[40], href[40];
	json_t *later = json_array();
	bool overdue = false;
	struct wizard w;
	size_t next;

	day_local(r->now, today);
	if (!wizard_of(r, &w)) {
		json_decref(later);
		return false;
	}
	for (size_t i = 0; i < WIZARD_STEPS; i++) {
		if (!*w.step[i].due)
			continue;
		overdue = overdue || strcmp(w.step[i].due, today) < 0;
		(void)snprintf(word, sizeof(word), "wizard.step.%s", wizard_key(i));
		(void)snprintf(href, sizeof(href), "/wizard/%s", wizard_key(i));
		(void)json_array_append_new(later, json_pack("{s:s, s:s, s:s, s:b}", "word", word,
		    "href", href, "due", w.step[i].due, "overdue", (int)(strcmp(w.step[i].due,
		        today) < 0)));
	}
	model_put(m, "put_off", later);
	model_bool(m, "put_off_overdue", overdue);
	next = wizard_next(&w, WIZARD_STEPS);
	if (next == WIZARD_STEPS)
		return false;
	(void)snprintf(word, sizeof(word), "wizard.title.%s", wizard_key(next));
	(void)snprintf(href, sizeof(href), "/wizard%s%s", w.begun ? "/" : "", w.begun
	    ? wizard_key(next) : "");
	model_put(m, "setup", json_pack("{s:I, s:I, s:s, s:s, s:b}", "settled",
	    (json_int_t)w.settled, "of", (json_int_t)WIZARD_STEPS, "word", word, "href", href,
	    "begun", (int)w.begun));
	return true;
}

static int
guide(struct req *r, json_t *m, struct err *e)
{
	static const char *const ids[] = {"organisational", "physical", "human", "technical"};
	struct guide_page p;
	json_t *next = NULL, *counts = NULL, *pillars = json_array();
	bool setup = first_setup(r, m);
	int rc = guide_page_open(r, &p, e);

	if (rc == 0)
		rc = desk_next(&p.d, !setup, &next, e);
	if (rc == 0)
		rc = desk_counts(&p.d, &counts, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(ids); i++)
		(void)json_array_append_new(
		    pillars, pillar(ids[i], json_object_get(counts, ids[i])));
	model_put(m, "pillars", pillars);
	if (rc == 0) {
		model_words(next, r->ja);
		(void)json_object_update(m, next);
	}
	json_decref(next);
	json_decref(counts);
	guide_page_close(&p);
	return rc;
}

static int
show(struct req *r, struct err *e)
{
	json_t *m = json_object();
	int rc = protection(r, m, e);

	if (rc == 0 && req_may(r, AREA_GUIDE, VERB_READ, NULL))
		rc = guide(r, m, e);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	people_dates(r, m);
	if (req_may(r, AREA_VAULT, VERB_READ, NULL))
		vault_alarms(r, m);
	model_bool(m, "may", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
	model_bool(m, "may_ask", req_may(r, AREA_REQUESTS, VERB_WRITE, NULL));
	model_bool(m, "may_vault", req_may(r, AREA_VAULT, VERB_READ, NULL));
	if (json_object_get(m, "running"))
		req_refresh(r, 20);
	return req_page(r, "today", m, e);
}

/* --- what is done about it ------------------------------------------------------------------ */

static int
answer(struct req *r, struct err *e)
{
	const char *id = req_form(r, "practice");
	enum guide_value v;
	struct guide_page p;
	struct fact f;
	int rc = guide_value_get(req_form(r, "value"), &v);

	if (rc < 0)
		return req_error(r, 422, e);
	(void)snprintf(r->object, sizeof(r->object), "practice:%.80s", id);
	rc = guide_page_open(r, &p, e);
	if (rc == 0)
		rc = desk_say(&p.d, id, v, req_form(r, "note"), NULL, FACT_DECLARED, &p.who, &f, e);
	guide_page_close(&p);
	if (rc == 0)
		rc = guide_page_seal(r, &f, e);
	if (rc < 0)
		return rc;
	req_flash(r, v == GUIDE_UNKNOWN ? "today.unknown.said" : "ok.answered");
	return req_go(r, e, "/");
}

static int
later(struct req *r, struct err *e)
{
	const char *id = req_form(r, "practice"), *why = req_form(r, "why");
	int days = (int)req_num(req_form(r, "days"), 1, 90, 7);
	char until[DAY_TEXT];
	struct guide_page p;
	int rc;

	(void)snprintf(r->object, sizeof(r->object), "practice:%.80s", id);
	rc = guide_page_open(r, &p, e);
	if (rc == 0) {
		day_add(p.d.today, 0, days, until);
		rc = desk_later(&p.d, id, until, why[0] ? why : tmpl_word("today.later.why", r->ja),
		    &p.who, e);
	}
	guide_page_close(&p);
	if (rc < 0)
		return rc;
	req_flash(r, "ok.later");
	return req_go(r, e, "/");
}

const struct route today_rows[] = {
	{M_GET, "/", AREA_TODAY, VERB_READ, NULL, 0, show, 0},
	{M_POST, "/today/answer", AREA_GUIDE, VERB_WRITE, NULL, 0, answer, 0},
	{M_POST, "/today/later", AREA_GUIDE, VERB_WRITE, NULL, 0, later, 0},
	{0},
};
