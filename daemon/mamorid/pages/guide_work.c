/* 点検: findings and plans, reviews, requests to vendors. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "mamorid/pages/guide_form.h"
#include "notify/notify.h"
#include "register/register.h"
#include "text/day.h"

static int64_t
id_of(const struct req *r)
{
	return req_num(req_id(r, 0), 1, INT64_MAX, 0);
}

static struct inspect_who
who_of(const struct req *r, char today[DAY_TEXT])
{
	day_local(r->now, today);
	return (struct inspect_who){req_by(r), today, r->now};
}

/* -- findings ---------------------------------------------------------------------------------- */

static json_t *
finding_model(const json_t *f)
{
	char state[60];
	json_t *o;
	const char *s = guide_page_text(f, "state");

	(void)snprintf(state, sizeof(state), "guide.finding.%.20s", strcmp(s,
	    "approved") == 0 ? "approved_state" : s);
	o = json_pack("{s:O,s:s,s:s,s:s,s:s,s:s,s:s,s:O,s:s}", "id", json_object_get(f, "id"),
	    "title",
	    guide_page_text(f, "title"), "detail", guide_page_text(f, "detail"), "owner",
	    guide_page_text(f, "owner"), "plan", guide_page_text(f, "plan"), "due",
	    guide_page_text(f, "due"), "word", state, "rev", json_object_get(f, "rev"), "light",
	    strcmp(s, "approved") == 0 ? "yellow" : strcmp(s, "done") == 0 ? "green"
	    : strcmp(s, "dropped") == 0 ? "grey" : "red");
	model_text(o, "approved_by", guide_page_text(f, "approved_by"));
	model_text(o, "why", guide_page_text(f, "why"));
	model_bool(o, "over", strcmp(s, "done") == 0 || strcmp(s, "dropped") == 0);
	model_bool(o, "planned", strcmp(s, "planned") == 0);
	model_text(o, "pack", guide_page_text(f, "pack"));
	if (strncmp(guide_page_text(f, "pack"), "wizard/", 7) == 0) { /* "wizard/backup/emr" */
		const char *step = guide_page_text(f, "pack") + 7;

		model_put(o, "go", json_stringn(step, strcspn(step, "/")));
	}
	model_text(o, "item", guide_page_text(f, "item"));
	return o;
}

static int
findings_form(struct req *r, const struct guide_form *f, struct err *e)
{
	json_t *m = json_object(), *all = NULL, *one, *rows = json_array();
	size_t i;
	int rc = finding_list(r->db, true, &all, e);

	json_array_foreach(all, i, one)
		(void)json_array_append_new(rows, finding_model(one));
	json_decref(all);
	model_put(m, "rows", rows);
	model_bool(m, "may_write", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
	model_text(m, "pack", req_form_or(r, "pack", req_get(r, "pack")));
	model_text(m, "item", req_form_or(r, "item", req_get(r, "item")));
	model_text(m, "title", req_form_or(r, "title", req_get(r, "title")));
	model_text(m, "detail", req_form(r, "detail"));
	model_text(m, "owner", req_form(r, "owner"));
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return guide_form_page(f, r, "guide-findings", m, e);
}

static int
findings(struct req *r, struct err *e)
{
	return findings_form(r, NULL, e);
}

static int
finding_new(struct req *r, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(r, today);
	struct guide_form f = guide_form_begin(r);
	struct err why = {0};
	int64_t id = 0;
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "title", req_form(r, "title"), "detail",
	    req_form(r, "detail"), "pack", req_form(r, "pack"), "item", req_form(r, "item"),
	    "owner", req_form(r, "owner"), "severity",
	    (json_int_t)req_num(req_form(r, "severity"), 1, 3, 2));
	int rc = 0;

	guide_form_text(&f, "title", "guide.finding.title", true, FINDING_TEXT);
	guide_form_text(&f, "detail", "guide.finding.detail", false, FINDING_TEXT);
	guide_form_text(&f, "owner", "guide.finding.owner", false, FINDING_TEXT);
	if (!f.status)
		rc = finding_add(r->db, o, &who, &id, &why);
	json_decref(o);
	rc = guide_form_done(&f, rc, &why, "title", "guide.finding.title", findings_form, e);
	return rc <= 0 ? rc : req_go(r, e, "/guide/findings/%lld", (long long)id);
}

static int
finding_form(struct req *r, const struct guide_form *f, struct err *e)
{
	json_t *o = NULL, *m;
	char today[DAY_TEXT], due[DAY_TEXT];
	int rc = finding_get(r->db, id_of(r), &o, e);

	if (rc < 0)
		return rc;
	m = finding_model(o);
	json_decref(o);
	day_local(r->now, today);
	day_add(today, 1, 0, due);
	/* what is there stands above the form, what was typed in it */
	model_text(m, "typed_plan", req_form_or(r, "plan", guide_page_text(m, "plan")));
	model_text(m, "typed_due", req_form_or(r, "due", *guide_page_text(m, "due")
		    ? guide_page_text(m, "due") : due));
	model_text(m, "typed_owner", req_form_or(r, "owner", guide_page_text(m, "owner")));
	model_text(m, "typed_why", req_form(r, "why"));
	model_bool(m, "ending", form_has(&r->form, "why"));
	model_bool(m, "may_write", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
	model_bool(m, "may_approve", req_may(r, AREA_GUIDE, VERB_APPROVE, NULL));
	return guide_form_page(f, r, "guide-finding", m, e);
}

static int
finding(struct req *r, struct err *e)
{
	return finding_form(r, NULL, e);
}

/* finding_back(r, f, rc, why, name, label, e): After a step: the finding, with the form where it
 * was refused. Ends ${f}. */
static int
finding_back(struct guide_form *f, int rc, const struct err *why, const char *name,
    const char *label, struct err *e)
{
	struct req *r = f->r;

	rc = guide_form_done(f, rc, why, name, label, finding_form, e);
	if (rc <= 0)
		return rc;
	req_flash(r, "ok.saved");
	return req_go(r, e, "/guide/findings/%s", req_id(r, 0));
}

static int
plan(struct req *r, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(r, today);
	struct guide_form f = guide_form_begin(r);
	struct err why = {0};
	int rc = 0;

	guide_form_text(&f, "plan", "guide.finding.what", true, FINDING_TEXT);
	guide_form_day(&f, "due", "guide.finding.due", today, "", "guide.wrong.past");
	guide_form_text(&f, "owner", "guide.finding.owner", false, FINDING_TEXT);
	if (!f.status)
		rc = finding_plan(r->db, id_of(r), req_num(req_form(r, "rev"), 0, INT64_MAX, 0),
		    req_form(r, "plan"), req_form(r, "due"), req_form(r, "owner"), &who, &why);
	return finding_back(&f, rc, &why, "plan", "guide.finding.what", e);
}

static int
approve(struct req *r, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(r, today);
	struct guide_form f = guide_form_begin(r);
	struct err why = {0};

	return finding_back(&f, finding_approve(r->db, id_of(r), req_num(req_form(r, "rev"), 0,
	    INT64_MAX, 0), r->s.account.name, &who, &why), &why, "plan", "guide.finding.what", e);
}

static int
end(struct req *r, struct err *e)
{
	bool done = strcmp(req_form(r, "how"), "drop") != 0;
	char today[DAY_TEXT];
	struct inspect_who who = who_of(r, today);
	struct guide_form f = guide_form_begin(r);
	struct err why = {0};
	int rc = 0;

	guide_form_text(&f, "why", "guide.finding.why", !done, FINDING_TEXT);
	if (!f.status)
		rc = finding_end(r->db, id_of(r), done, req_form(r, "why"), &who, &why);
	return finding_back(&f, rc, &why, "why", "guide.finding.why", e);
}

/* -- reviews ----------------------------------------------------------------------------------- */

/* decision_model(r, one, f): An open finding with what was chosen for it. */
static json_t *
decision_model(const struct req *r, const json_t *one, const struct guide_form *f)
{
	static const char *const ways[] = {"do", "postpone", "done", "drop"};
	long long id = json_integer_value(json_object_get(one, "id"));
	json_t *o = finding_model(one), *options = json_array();
	char d[40], u[40], word[40];

	(void)snprintf(d, sizeof(d), "d-%lld", id);
	(void)snprintf(u, sizeof(u), "u-%lld", id);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		(void)snprintf(word, sizeof(word), "guide.decide.%s", ways[i]);
		(void)json_array_append_new(options, json_pack("{s:s,s:s,s:b}", "value", ways[i],
		    "word", word, "selected", (int)(strcmp(req_form(r, d), ways[i]) == 0)));
	}
	model_put(o, "options", options);
	model_text(o, "group", d);
	model_text(o, "field", u);
	model_text(o, "until", req_form(r, u));
	if (f)
		model_text(o, "until_error", json_string_value(json_object_get(f->wrong, u)));
	return o;
}

static int
reviews_form(struct req *r, const struct guide_form *f, struct err *e)
{
	json_t *m = json_object(), *all = NULL, *open = NULL, *one, *rows = json_array();
	char today[DAY_TEXT];
	size_t i;
	int rc = finding_reviews(r->db, &all, e);

	if (rc == 0)
		rc = finding_list(r->db, false, &open, e);
	json_array_foreach(open, i, one)
		(void)json_array_append_new(rows, decision_model(r, one, f));
	day_local(r->now, today);
	model_put(m, "reviews", all ? all : json_array());
	model_put(m, "open", rows);
	model_text(m, "held", req_form_or(r, "held", today));
	model_text(m, "chair", req_form_or(r, "chair",
	    r->signed_in ? r->s.account.name : ""));
	model_text(m, "present", req_form(r, "present"));
	model_text(m, "minutes", req_form(r, "minutes"));
	model_bool(m, "may_approve", req_may(r, AREA_GUIDE, VERB_APPROVE, NULL));
	json_decref(open);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return guide_form_page(f, r, "guide-reviews", m, e);
}

static int
reviews(struct req *r, struct err *e)
{
	return reviews_form(r, NULL, e);
}

/* Each open finding has the fields d-ID (decision) and u-ID (day). */
static json_t *
decisions(struct guide_form *form, const char *today)
{
	json_t *open = NULL, *f, *list = json_array();
	struct req *r = form->r;
	size_t i;

	if (finding_list(r->db, false, &open, NULL) < 0)
		return list;
	json_array_foreach(open, i, f) {
		long long id = json_integer_value(json_object_get(f, "id"));
		char d[40], u[40];

		(void)snprintf(d, sizeof(d), "d-%lld", id);
		(void)snprintf(u, sizeof(u), "u-%lld", id);
		if (!*req_form(r, d))
			continue;
		if (*req_form(r, u) || strcmp(req_form(r, d), "postpone") == 0)
			guide_form_day(form, u, "guide.decide.until", today, "",
			    "guide.wrong.past");
		(void)json_array_append_new(list, json_pack("{s:I,s:s,s:s,s:s}", "finding",
		    (json_int_t)id, "decision", req_form(r, d), "due", req_form(r, u), "note",
		    ""));
	}
	json_decref(open);
	return list;
}

static int
review(struct req *r, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(r, today);
	struct guide_form form = guide_form_begin(r);
	struct err why = {0};
	struct fact f;
	int64_t id = 0;
	json_t *o;
	int rc = 0;

	guide_form_day(&form, "held", "guide.review.held", "", today, "guide.wrong.future");
	guide_form_text(&form, "chair", "guide.review.chair", true, FINDING_TEXT);
	guide_form_text(&form, "present", "guide.review.present", false, FINDING_TEXT);
	guide_form_text(&form, "minutes", "guide.review.minutes", true, FINDING_TEXT);
	o = json_pack("{s:s,s:s,s:s,s:s,s:o}", "held", req_form(r, "held"), "chair",
	    req_form(r, "chair"), "present", req_form(r, "present"), "minutes",
	    req_form(r, "minutes"), "decisions", decisions(&form, today));
	/* a review that is kept but not sealed would be sent, and be there, twice */
	guide_form_sealed(&form, "minutes", "guide.review.minutes");
	if (!form.status) {
		rc = finding_review(r->db, o, &who, &id, &f, &why);
		if (rc == 0 && (rc = guide_page_seal(r, &f, e)) < 0) {
			json_decref(o);
			guide_form_end(&form);
			return rc;
		}
	}
	json_decref(o);
	rc = guide_form_done(&form, rc, &why, "minutes", "guide.review.minutes", reviews_form, e);
	if (rc <= 0)
		return rc;
	req_flash(r, "ok.saved");
	return req_go(r, e, "/guide/reviews");
}

/* -- requests ---------------------------------------------------------------------------------- */

static json_t *
request_model(const json_t *q, const char *today)
{
	char state[60];
	json_t *o;

	(void)snprintf(state, sizeof(state), "guide.request.%.20s", guide_page_text(q, "state"));
	o = json_pack("{s:O,s:s,s:s,s:s,s:s,s:s,s:s,s:O}", "id", json_object_get(q, "id"), "vendor",
	    guide_page_text(q, "vendor_name"), "subject", guide_page_text(q, "subject"), "letter",
	    guide_page_text(q, "body"), "due", guide_page_text(q, "due"), "word", state, "sent_on",
	    guide_page_text(q, "sent_on"), "chased", json_object_get(q, "chased"));
	model_text(o, "chase_due", json_string_value(json_object_get(q, "chase_due")));
	model_text(o, "answered_by", guide_page_text(q, "answered_by"));
	model_text(o, "form", guide_page_text(q, "form"));
	model_bool(o, "late", strcmp(guide_page_text(q, "state"), "sent") == 0 &&
	    strcmp(guide_page_text(q, "due"), today) < 0);
	model_bool(o, "remind", *guide_page_text(q, "chase_due") &&
	    strcmp(guide_page_text(q, "chase_due"), today) <= 0);
	model_bool(o, "draft", strcmp(guide_page_text(q, "state"), "draft") == 0);
	model_bool(o, "sent", strcmp(guide_page_text(q, "state"), "sent") == 0);
	model_bool(o, "over", strcmp(guide_page_text(q, "state"), "answered") == 0 ||
	    strcmp(guide_page_text(q, "state"), "closed") == 0);
	return o;
}

static int
requests(struct req *r, struct err *e)
{
	json_t *m = json_object(), *all = NULL, *q, *rows = json_array();
	char today[DAY_TEXT];
	size_t i;
	int rc = request_list(r->db, true, &all, e);

	day_local(r->now, today);
	json_array_foreach(all, i, q)
		(void)json_array_append_new(rows, request_model(q, today));
	json_decref(all);
	model_put(m, "rows", rows);
	model_bool(m, "may_write", req_may(r, AREA_REQUESTS, VERB_WRITE, NULL));
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "guide-requests", m, e);
}

static json_t *
practice_options(const struct req *r, const struct guide *g, const char *chosen)
{
	json_t *list = json_pack("[{s:s,s:s}]", "value", "", "label", "－");
	size_t n;
	const struct guide_practice *const *all = guide_practices(g, &n);

	for (size_t i = 0; i < n; i++)
		if (all[i]->ask.ja)
			(void)json_array_append_new(list, json_pack("{s:s,s:s,s:b}", "value",
			    all[i]->id, "label", r->ja ? all[i]->ask.ja : all[i]->ask.en,
			        "selected",
			    strcmp(all[i]->id, chosen) == 0));
	return list;
}

static int
request_page(struct req *r, const struct guide_form *f, struct err *e)
{
	const struct guide_pack *form;
	struct guide_page x;
	char due[DAY_TEXT];
	json_t *m = json_object();
	int rc = guide_page_open(r, &x, e);

	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	form = guide_current(x.d.g, "vendor", x.d.today);
	model_put(m, "practices", practice_options(r, x.d.g,
	    req_form_or(r, "practice", req_get(r, "practice"))));
	if (form) {
		model_text(m, "form", form->id);
		model_text(m, "form_title", r->ja ? form->title.ja : form->title.en);
	}
	day_add(x.d.today, 0, 21, due);
	model_bool(m, "form_on", *req_form(r, "form") != 0);
	model_text(m, "due", req_form_or(r, "due", due));
	model_text(m, "vendor", req_form_or(r, "vendor", req_get(r, "vendor")));
	guide_page_close(&x);
	return guide_form_page(f, r, "guide-request-new", m, e);
}

static int
request_form(struct req *r, struct err *e)
{
	return request_page(r, NULL, e);
}

/* take_vendor(row, out, e): The record of that name; two of one name are nobody. */
static int
take_vendor(const struct db_row *row, void *cookie, struct err *e)
{
	char *out = cookie;

	(void)e;
	(void)snprintf(out, 64, "%.63s", *out ? "" : db_col_text(row, 0));
	return 0;
}

static int
request_write(struct req *r, struct guide_page *x, int64_t *ret_id, struct err *e)
{
	char known[64] = "";
	json_t *letter = NULL, *q;
	int rc = request_letter(x->d.g, req_form(r, "practice"), req_form(r, "form"), r->ja,
	    req_form(r, "vendor"), guide_page_text(x->facility, "name"), req_form(r, "due"),
	    &letter, e);

	if (rc < 0)
		return rc;
	(void)!db_each(r->db, "SELECT id FROM records WHERE kind = 'vendor' AND "
	    "state = 'live' AND title = $1 LIMIT 2", take_vendor, known, "s", NULL,
	    req_form(r, "vendor"));
	q = json_pack("{s:s,s:s,s:O,s:O,s:s,s:s,s:s}", "vendor", known, "vendor_name",
	    req_form(r, "vendor"), "subject", json_object_get(letter, "subject"), "body",
	    json_object_get(letter, "body"), "practice", req_form(r, "practice"), "form",
	    req_form(r, "form"), "due", req_form(r, "due"));
	rc = request_add(r->db, x->d.g, q, &x->who, ret_id, e);
	json_decref(letter);
	json_decref(q);
	return rc;
}

static int
request_new(struct req *r, struct err *e)
{
	struct guide_form f;
	struct err why = {0};
	struct guide_page x;
	int64_t id = 0;
	int rc = guide_page_open(r, &x, e);

	if (rc < 0)
		return rc;
	f = guide_form_begin(r);
	guide_form_text(&f, "vendor", "guide.request.vendor", true, REQUEST_LINE);
	guide_form_day(&f, "due", "guide.request.due", x.d.today, "", "guide.wrong.past");
	if (!*req_form(r, "practice") && !*req_form(r, "form"))
		guide_form_wrong(&f, "practice", "guide.request.what", "guide.wrong.choose");
	if (!f.status)
		rc = request_write(r, &x, &id, &why);
	guide_page_close(&x);
	if (rc == E_NOENT) { /* no such practice or form to ask for */
		guide_form_wrong(&f, "practice", "guide.request.what", "guide.wrong.choose");
		rc = 0;
	}
	rc = guide_form_done(&f, rc, &why, "vendor", "guide.request.vendor", request_page, e);
	return rc <= 0 ? rc : req_go(r, e, "/guide/requests/%lld", (long long)id);
}

static json_t *
answers_model(const struct req *r, const struct guide *g, const json_t *q)
{
	const struct guide_pack *form = guide_pack(g, guide_page_text(q, "form"));
	json_t *out = json_array(), *v;
	const char *key;

	json_object_foreach(json_object_get(q, "answer"), key, v) {
		const struct guide_item *it = form ? guide_item(form, key) : NULL;
		char word[60];

		(void)snprintf(word, sizeof(word), "guide.value.%.20s", guide_page_text(v,
		    "value"));
		(void)json_array_append_new(out, json_pack("{s:s,s:s,s:s}", "text",
		    it ? (r->ja ? it->text.ja : it->text.en) : key, "value",
		    json_is_string(v) ? json_string_value(v) : word, "note",
		    json_is_string(v) ? "" : guide_page_text(v, "note")));
	}
	return out;
}

/* Where a letter goes by mail: as the last one, else as the vendor's record says. */
static void
put_address(struct req *r, const json_t *q, json_t *m)
{
	char to[NOTIFY_ADDR] = "";
	json_t *rec = NULL;

	if (notify_asked(r->db, id_of(r), to, NULL) < 0 && *guide_page_text(q, "vendor") &&
	    register_get(r->db, register_kind("vendor"), guide_page_text(q, "vendor"), &rec,
	        NULL) == 0)
		(void)snprintf(to, sizeof(to), "%s",
		    guide_page_text(json_object_get(rec, "values"), "email"));
	json_decref(rec);
	model_text(m, "mail_to", req_form_or(r, "to", to));
}

int
guide_request_page(struct req *r, const struct guide_form *f, struct err *e)
{
	json_t *q = NULL, *m = NULL, *proofs = NULL;
	struct guide_page x;
	int rc = guide_page_open(r, &x, e);

	if (rc < 0)
		return rc;
	rc = request_get(r->db, id_of(r), &q, e);
	if (rc == 0) {
		m = request_model(q, x.d.today);
		model_put(m, "answers", answers_model(r, x.d.g, q));
		if (proof_list(r->db, "request", req_id(r, 0), &proofs, NULL) == 0)
			model_put(m, "files", guide_page_proofs(proofs));
		json_decref(proofs);
		model_bool(m, "may_write", req_may(r, AREA_REQUESTS, VERB_WRITE, NULL));
		put_address(r, q, m);
	}
	json_decref(q);
	guide_page_close(&x);
	return rc < 0 ? rc : guide_form_page(f, r, "guide-request", m, e);
}

static int
request(struct req *r, struct err *e)
{
	return guide_request_page(r, NULL, e);
}

/* A new way for the vendor; it is shown on this answer and never again. */
static int
request_way(struct req *r, struct err *e)
{
	char today[DAY_TEXT], token[REQUEST_TOKEN];
	struct inspect_who who = who_of(r, today);
	struct err why = {0};
	int rc = request_link(r->db, id_of(r), 30, &who, token, &why);
	json_t *m = json_object();

	if (rc < 0) {
		json_decref(m);
		return guide_form_button(r, &why, e, "/guide/requests/%s", req_id(r, 0));
	}
	model_put(m, "link", json_sprintf("https://%s/vendor/%s", r->host, token));
	model_text(m, "id", req_id(r, 0));
	return req_page(r, "guide-request-link", m, e);
}

static int
request_back(struct req *r, int rc, const struct err *why, struct err *e)
{
	if (rc < 0)
		return guide_form_button(r, why, e, "/guide/requests/%s", req_id(r, 0));
	req_flash(r, "ok.saved");
	return req_go(r, e, "/guide/requests/%s", req_id(r, 0));
}

static int
sent(struct req *r, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(r, today);
	struct err why = {0};

	return request_back(r, request_sent(r->db, id_of(r), &who, &why), &why, e);
}

static int
chased(struct req *r, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(r, today);
	struct err why = {0};

	return request_back(r, request_chased(r->db, id_of(r), &who, &why), &why, e);
}

static int
closed(struct req *r, struct err *e)
{
	char today[DAY_TEXT];
	struct inspect_who who = who_of(r, today);
	struct err why = {0};

	return request_back(r, request_close(r->db, id_of(r), &who, &why), &why, e);
}

const struct route guide_work_rows[] = {
	{M_GET, "/guide/findings", AREA_GUIDE, VERB_READ, NULL, 0, findings, 0},
	{M_POST, "/guide/findings", AREA_GUIDE, VERB_WRITE, NULL, 0, finding_new, 0},
	{M_GET, "/guide/findings/:id", AREA_GUIDE, VERB_READ, NULL, 0, finding, 0},
	{M_POST, "/guide/findings/:id/plan", AREA_GUIDE, VERB_WRITE, NULL, 0, plan, 0},
	{M_POST, "/guide/findings/:id/approve", AREA_GUIDE, VERB_APPROVE, NULL, 0, approve, 0},
	{M_POST, "/guide/findings/:id/end", AREA_GUIDE, VERB_WRITE, NULL, 0, end, 0},
	{M_GET, "/guide/reviews", AREA_GUIDE, VERB_READ, NULL, 0, reviews, 0},
	{M_POST, "/guide/reviews", AREA_GUIDE, VERB_APPROVE, NULL, 0, review, 0},
	{M_GET, "/guide/requests", AREA_REQUESTS, VERB_READ, NULL, 0, requests, 0},
	{M_GET, "/guide/requests/new", AREA_REQUESTS, VERB_READ, NULL, 0, request_form, 0},
	{M_POST, "/guide/requests", AREA_REQUESTS, VERB_WRITE, NULL, 0, request_new, 0},
	{M_GET, "/guide/requests/:id", AREA_REQUESTS, VERB_READ, "request:$0", 0, request, 0},
	{M_POST, "/guide/requests/:id/link", AREA_REQUESTS, VERB_WRITE, NULL, 0, request_way, 0},
	{M_POST, "/guide/requests/:id/sent", AREA_REQUESTS, VERB_WRITE, NULL, 0, sent, 0},
	{M_POST, "/guide/requests/:id/chased", AREA_REQUESTS, VERB_WRITE, NULL, 0, chased, 0},
	{M_POST, "/guide/requests/:id/close", AREA_REQUESTS, VERB_WRITE, NULL, 0, closed, 0},
	{0},
};
