/* 点検: the packs, an item, a practice, and what a person does with the next action. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/guide_form.h"
#include "mamorid/tasks.h"
#include "text/day.h"

static json_t *
counts_of(const json_t *n)
{
	return json_pack("{s:O*,s:O*,s:O*,s:O*,s:O*}", "green", json_object_get(n, "green"),
	    "yellow",
	    json_object_get(n, "yellow"), "grey", json_object_get(n, "grey"), "red",
	    json_object_get(n, "red"), "na", json_object_get(n, "na"));
}

static json_t *
pack_model(const struct req *r, const json_t *p)
{
	json_t *insp = json_object_get(p, "inspection");
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:o}", "id", guide_page_text(p, "id"), "title",
	    guide_page_words(r, p, "title"), "edition", guide_page_text(p, "edition"), "issued",
	    guide_page_text(p, "issued"), "counts", counts_of(json_object_get(p, "counts")));

	model_text(o, "until", json_string_value(json_object_get(p, "until")));
	model_bool(o, "operator", strcmp(guide_page_text(p, "trust"), "operator") == 0);
	if (insp && strcmp(guide_page_text(insp, "state"), "closed") != 0)
		model_int(o, "inspection", json_integer_value(json_object_get(insp, "id")));
	return o;
}

/* -- overview ---------------------------------------------------------------------------------- */

static json_t *
open_inspections(struct req *r, struct err *e)
{
	json_t *all = NULL, *out = json_array(), *v;
	size_t i;

	if (inspect_list(r->db, &all, e) < 0)
		return out;
	json_array_foreach(all, i, v)
		if (strcmp(guide_page_text(v, "state"), "closed") != 0)
			(void)json_array_append_new(out, json_pack("{s:O,s:s,s:s,s:b,s:O}", "id",
			    json_object_get(v, "id"), "title",
			    guide_page_text(v, r->ja ? "title_ja" : "title_en"), "due",
			    guide_page_text(v, json_integer_value(json_object_get(v, "round")) == 1
				    ? "due1" : "due2"), "signed",
			    strcmp(guide_page_text(v, "state"), "signed") == 0, "round",
			    json_object_get(v, "round")));
	json_decref(all);
	return out;
}

static int
overview(struct req *r, struct err *e)
{
	json_t *m = json_object(), *packs = NULL, *p, *now = json_array(), *old = json_array();
	json_t *counts = NULL, *areas = json_array();
	struct guide_page x;
	size_t i;
	int rc = guide_page_open(r, &x, e);

	if (rc == 0)
		rc = desk_packs(&x.d, &packs, e);
	if (rc == 0)
		rc = desk_counts(&x.d, &counts, e);
	json_array_foreach(packs, i, p)
		(void)json_array_append_new(json_object_get(p, "until") ? old : now,
		    pack_model(r, p));
	for (int c = 0; c < GUIDE_CATEGORIES; c++) {
		const char *name = guide_category_name((enum guide_category)c);
		char word[64];

		(void)snprintf(word, sizeof(word), "guide.area.%s", name);
		(void)json_array_append_new(areas, json_pack("{s:s,s:s,s:o}", "id", name, "word",
		    word, "counts", counts_of(json_object_get(counts, name))));
	}
	model_put(m, "now", now);
	model_put(m, "old", old);
	model_put(m, "areas", areas);
	model_put(m, "inspections", open_inspections(r, e));
	model_bool(m, "may_write", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
	model_bool(m, "may_export", req_may(r, AREA_GUIDE, VERB_EXPORT, NULL));
	json_decref(packs);
	json_decref(counts);
	guide_page_close(&x);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "guide", m, e);
}

/* -- one pack ---------------------------------------------------------------------------------- */

static json_t *
item_model(const struct req *r, const char *pack, const json_t *it)
{
	const char *words = guide_page_text(it, "wording"), *text;
	json_t *given = json_object_get(it, "given");
	char value[64];
	json_t *o;

	text = guide_page_words(r, it, "plain");
	if (!*text)
		text = guide_page_text(it, r->ja ? "ja" : "en");
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "id", guide_page_text(it, "id"), "pack",
	    pack,
	    "ref", guide_page_text(it, "ref"), "text", text, "light", guide_page_text(it,
	        "verdict"),
	    "reason", guide_page_text(it, r->ja ? "reason" : "reason_en"), "declared",
	    json_is_true(json_object_get(it, "declared_only")));
	model_text(o, "official", *words ? words : guide_page_text(it, r->ja ? "ja" : "en"));
	model_bool(o, "is_official", *words != 0);
	(void)snprintf(value, sizeof(value), "guide.mark.%.40s", guide_page_text(it, "mark"));
	model_text(o, "mark", value);
	if (*guide_page_text(given, "value")) {
		(void)snprintf(value, sizeof(value), "guide.value.%s", guide_page_text(given,
		    "value"));
		model_text(o, "given", value);
		model_text(o, "confirmed", guide_page_text(given, "confirmed"));
		model_bool(o, "carried", json_is_true(json_object_get(given, "carried")));
	}
	return o;
}

static json_t *
sections_model(const struct req *r, const char *id, const json_t *st)
{
	json_t *sections = json_array(), *s, *it;
	size_t i, k;

	json_array_foreach(json_object_get(st, "sections"), i, s) {
		json_t *items = json_array();

		json_array_foreach(json_object_get(st, "items"), k, it)
			if (strcmp(guide_page_text(it, "section"), guide_page_text(s, "id")) == 0)
				(void)json_array_append_new(items, item_model(r, id, it));
		(void)json_array_append_new(sections, json_pack("{s:s,s:o}", "title",
		    guide_page_text(s, r->ja ? "ja" : "en"), "items", items));
	}
	return sections;
}

int
guide_pack_page(struct req *r, const char *id, const struct guide_form *f, struct err *e)
{
	json_t *m = NULL, *st = NULL;
	struct guide_page x;
	int rc = guide_page_open(r, &x, e);

	if (rc == 0)
		rc = desk_status(&x.d, id, &st, e);
	if (rc == 0) {
		const char *kind = guide_page_text(st, "kind");
		char year_end[16], half[DAY_TEXT], crumb[400];

		m = pack_model(r, st);
		model_put(m, "sections", sections_model(r, id, st));
		model_text(m, "note", guide_page_words(r, st, "note"));
		model_text(m, "publisher", guide_page_text(st, "publisher"));
		model_bool(m, "may_begin", req_may(r, AREA_GUIDE, VERB_WRITE, NULL) &&
		    strcmp(kind, "vendor") != 0 && !json_object_get(m, "inspection"));
		(void)snprintf(year_end, sizeof(year_end), "%04d-03-31",
		    (inspect_fiscal(x.d.today) + 1) % 10000);
		day_add(x.d.today, 0, 30, half);
		model_text(m, "due1", req_form_or(r, "due1",
		    strcmp(half, year_end) < 0 ? half : year_end));
		model_text(m, "due2", req_form_or(r, "due2", year_end));
		(void)snprintf(crumb, sizeof(crumb), "=%s", guide_page_words(r, st, "title"));
		model_put(m, "crumbs", model_crumbs("nav.guide", "/guide", crumb,
		    (const char *)NULL, (const char *)NULL));
	}
	json_decref(st);
	guide_page_close(&x);
	return rc < 0 ? rc : guide_form_page(f, r, "guide-pack", m, e);
}

static int
pack(struct req *r, struct err *e)
{
	return guide_pack_page(r, req_id(r, 0), NULL, e);
}

/* -- one item ---------------------------------------------------------------------------------- */

static json_t *
value_options(const struct req *r, const json_t *given)
{
	const char *now = req_form_or(r, "value", json_is_true(json_object_get(given,
	    "carried")) ? "" : guide_page_text(given, "value"));
	bool ja = r->ja;
	json_t *list = json_array();

	for (int i = 0; i < GUIDE_VALUES; i++) {
		struct guide_text t = guide_value_text((enum guide_value)i);
		const char *name = guide_value_name((enum guide_value)i);

		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:b}", "value", name, "label",
		    ja ? t.ja : t.en, "selected", strcmp(now, name) == 0));
	}
	return list;
}

/* Where "next" leads: the next item of the pack. */
static const char *
after(const struct guide_pack *p, const char *item)
{
	for (size_t i = 0; i + 1 < p->items; i++)
		if (strcmp(p->item[i].id, item) == 0)
			return p->item[i + 1].id;
	return NULL;
}

static json_t *
basis_model(const struct req *r, const json_t *it)
{
	json_t *list = json_array(), *b;
	size_t i;

	json_array_foreach(json_object_get(it, "basis"), i, b) {
		char by[40];
		json_t *o;

		(void)snprintf(by, sizeof(by), "guide.by.%.20s", guide_page_text(b, "by"));
		o = json_pack("{s:s,s:s,s:s}", "text", guide_page_text(b, r->ja ? "ja" : "en"),
		    "by", by, "outcome", guide_page_text(b, "outcome"));
		model_when(o, "at", guide_page_text(b, "at"));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *
item_page(struct req *r, struct guide_page *x, const json_t *it)
{
	const struct guide_pack *p = guide_pack(x->d.g, req_id(r, 0));
	json_t *m = item_model(r, req_id(r, 0), it), *practices = json_array(), *one;
	json_t *given = json_object_get(it, "given"), *plan = json_object_get(it, "plan");
	int64_t open_id = 0;
	size_t i;

	json_array_foreach(json_object_get(it, "practice_list"), i, one)
		(void)json_array_append_new(practices, guide_page_practice(r, one));
	model_put(m, "practices", practices);
	model_put(m, "basis", basis_model(r, it));
	model_put(m, "proofs", guide_page_proofs(json_object_get(it, "proofs")));
	model_put(m, "options", value_options(r, given));
	model_text(m, "note", req_form_or(r, "note", guide_page_text(given, "note")));
	model_text(m, "target", req_form_or(r, "target", guide_page_text(given, "target")));
	model_text(m, "expires", req_form(r, "expires"));
	model_text(m, "pack_title", r->ja ? p->title.ja : p->title.en);
	model_text(m, "next", after(p, req_id(r, 1)));
	if (plan) {
		model_int(m, "finding", json_integer_value(json_object_get(plan, "id")));
		model_text(m, "plan", guide_page_text(plan, "plan"));
		model_text(m, "plan_due", guide_page_text(plan, "due"));
	}
	if (db_i64(r->db, "SELECT max(id) FROM guide_inspections WHERE pack_sum = $1 AND state = "
	    "'open'", &open_id, "s", NULL, p->sum) == 0 &&
	    req_may(r, AREA_GUIDE, VERB_WRITE, NULL))
		model_int(m, "inspection", open_id);
	model_bool(m, "may_write", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
	return m;
}

static int
item_form(struct req *r, const struct guide_form *f, struct err *e)
{
	json_t *it = NULL, *m = NULL;
	struct guide_page x;
	int rc = guide_page_open(r, &x, e);

	if (rc == 0)
		rc = desk_item(&x.d, req_id(r, 0), req_id(r, 1), &it, e);
	if (rc == 0)
		m = item_page(r, &x, it);
	json_decref(it);
	guide_page_close(&x);
	return rc < 0 ? rc : guide_form_page(f, r, "guide-item", m, e);
}

static int
item(struct req *r, struct err *e)
{
	return item_form(r, NULL, e);
}

/* What can be seen to be wrong before anything is kept, so that a file is not kept twice. */
static void
answer_check(struct guide_form *f, const char *today, enum guide_value *ret)
{
	char year_end[16];

	guide_form_choice(f, "value", "guide.answer", ret);
	(void)snprintf(year_end, sizeof(year_end), "%04d-03-31",
	    (inspect_fiscal(today) + 1) % 10000);
	if (*ret == GUIDE_NO)
		guide_form_day(f, "target", "guide.target", today, year_end, "guide.wrong.target");
	guide_form_text(f, "note", "guide.note", false, INSPECT_NOTE);
	guide_form_proof(f);
}

static int
answer(struct req *r, struct err *e)
{
	const char *pack_id = req_id(r, 0), *item_id = req_id(r, 1), *next;
	const struct guide_pack *p;
	enum guide_value value = GUIDE_UNKNOWN;
	char subject[2 * GUIDE_ID + 2];
	struct guide_form f;
	struct err why = {0};
	struct guide_page x;
	int64_t id = 0;
	int rc = guide_page_open(r, &x, e);

	if (rc < 0)
		return rc;
	p = guide_pack(x.d.g, pack_id);
	if (!p || !guide_item(p, item_id)) {
		guide_page_close(&x);
		return err_set(e, E_NOENT, "no such item");
	}
	(void)snprintf(subject, sizeof(subject), "%s:%s", pack_id, item_id);
	f = guide_form_begin(r);
	answer_check(&f, x.d.today, &value);
	if (!f.status)
		rc = db_i64(r->db, "SELECT coalesce(max(id), 0) FROM guide_inspections WHERE "
		    "pack_sum = $1 AND state = 'open'", &id, "s", &why, p->sum);
	if (rc == 0 && !f.status && id == 0)
		rc = err_set(&why, E_BUSY, "that inspection is not open for answers");
	if (rc == 0 && !f.status)
		rc = guide_page_proof(r, &x, "item", subject, &why);
	if (rc == 0 && !f.status)
		rc = inspect_answer(r->db, p, id, item_id, value, NULL, req_form(r, "target"),
		    req_form(r, "note"), &x.who, &why);
	next = after(p, item_id);
	guide_page_close(&x);
	rc = guide_form_done(&f, rc, &why, "value", "guide.answer", item_form, e);
	if (rc <= 0)
		return rc;
	req_flash(r, "ok.saved");
	return next ? req_go(r, e, "/guide/packs/%s/%s", pack_id, next)
		    : req_go(r, e, "/guide/inspections/%lld", (long long)id);
}

static int
proof_file(struct req *r, struct err *e)
{
	int64_t id = req_num(req_id(r, 0), 1, INT64_MAX, 0);
	json_t *p = NULL;
	char path[100];
	int rc = id ? proof_get(r->db, id, &p, e) : err_set(e, E_NOENT, "no such evidence");
	const char *hex = guide_page_text(p, "sha256");

	if (rc == 0) {
		(void)snprintf(path, sizeof(path), "evidence/%.2s/%.64s", hex, hex);
		rc = req_file(r, "application/octet-stream", guide_page_text(p, "name"), path,
		    false,
		    e);
	}
	json_decref(p);
	return rc;
}

/* -- a practice -------------------------------------------------------------------------------- */

static int
practice_form(struct req *r, const struct guide_form *f, struct err *e)
{
	json_t *p = NULL, *m = NULL, *a, *refs = json_array();
	struct guide_page x;
	char week[DAY_TEXT];
	size_t i;
	int rc = guide_page_open(r, &x, e);

	if (rc == 0)
		rc = desk_practice(&x.d, req_id(r, 0), &p, e);
	if (rc == 0) {
		m = guide_page_practice(r, p);
		json_array_foreach(json_object_get(p, "answers"), i, a)
			(void)json_array_append_new(refs, json_pack("{s:s,s:s,s:s,s:s}", "pack",
			    guide_page_text(a, "pack"), "item", guide_page_text(a, "item"),
			        "edition",
			    guide_page_text(a, "edition"), "ref", guide_page_text(a, "ref")));
		model_put(m, "refs", json_incref(refs));
		day_add(x.d.today, 0, 7, week);
		model_text(m, "until", req_form_or(r, "until", week));
		model_text(m, "reason_later", req_form(r, "why"));
		model_bool(m, "later", form_has(&r->form, "until"));
		model_text(m, "note", req_form(r, "note"));
		model_text(m, "expires", req_form(r, "expires"));
		model_put(m, "options", value_options(r, NULL));
		model_bool(m, "may_write", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
		model_bool(m, "may_ask", json_object_get(m, "ask") &&
		    req_may(r, AREA_REQUESTS, VERB_WRITE, NULL));
	}
	json_decref(refs);
	json_decref(p);
	guide_page_close(&x);
	return rc < 0 ? rc : guide_form_page(f, r, "guide-practice", m, e);
}

static int
practice(struct req *r, struct err *e)
{
	return practice_form(r, NULL, e);
}

static int
said(struct req *r, struct guide_page *x, enum guide_value value, struct err *e)
{
	struct fact f;
	int rc = guide_page_proof(r, x, "practice", req_id(r, 0), e);

	if (rc == 0)
		rc = desk_say(&x->d, req_id(r, 0), value, req_form(r, "note"), NULL, FACT_DECLARED,
		    &x->who, &f, e);
	return rc < 0 ? rc : guide_page_seal(r, &f, e);
}

static int
say(struct req *r, struct err *e)
{
	enum guide_value value = GUIDE_UNKNOWN;
	struct guide_form f;
	struct err why = {0};
	struct guide_page x;
	int rc = guide_page_open(r, &x, e);

	if (rc < 0)
		return rc;
	f = guide_form_begin(r);
	guide_form_choice(&f, "value", "guide.say", &value);
	guide_form_text(&f, "note", "guide.note", false, DESK_NOTE);
	guide_form_proof(&f);
	guide_form_sealed(&f, "value", "guide.say");
	if (!f.status)
		rc = said(r, &x, value, &why);
	guide_page_close(&x);
	rc = guide_form_done(&f, rc, &why, "value", "guide.say", practice_form, e);
	if (rc <= 0)
		return rc;
	req_flash(r, "ok.saved");
	return strcmp(req_form(r, "back"), "today") == 0 ? req_go(r, e, "/")
	    : req_go(r, e, "/guide/practice/%s", req_id(r, 0));
}

static int
later(struct req *r, struct err *e)
{
	char from[DAY_TEXT], to[DAY_TEXT];
	struct guide_form f;
	struct err why = {0};
	struct guide_page x;
	int rc = guide_page_open(r, &x, e);

	if (rc < 0)
		return rc;
	f = guide_form_begin(r);
	day_add(x.d.today, 0, 1, from);
	day_add(x.d.today, 12, 0, to);
	guide_form_day(&f, "until", "guide.later.until", from, to, "guide.wrong.later");
	guide_form_text(&f, "why", "guide.later.why", true, DESK_NOTE);
	if (!f.status)
		rc = desk_later(&x.d, req_id(r, 0), req_form(r, "until"), req_form(r, "why"),
		    &x.who, &why);
	guide_page_close(&x);
	rc = guide_form_done(&f, rc, &why, "until", "guide.later.until", practice_form, e);
	if (rc <= 0)
		return rc;
	req_flash(r, "ok.guide.later");
	return req_go(r, e, "/");
}

/* -- papers ------------------------------------------------------------------------------------ */

static int
paper(struct req *r, const char *command, const char *id, const char *word, const char *name,
    struct err *e)
{
	char rel[TASK_FILE], abs[PATH_MAX];
	struct task_new n = {.word = word, .it = name, .file = rel, .file_name = name,
	    .file_type = "application/pdf"};
	json_t *argv;
	int rc;

	task_file(r->c->state, ".pdf", rel, abs, sizeof(abs));
	argv = id ? json_pack("[s,s,s,s,s]", "guide", command, id, "--pdf", abs)
		  : json_pack("[s,s,s,s]", "guide", command, "--pdf", abs);
	n.argv = argv;
	rc = page_task(r, &n, e);
	json_decref(argv);
	return rc;
}

static int
binder(struct req *r, struct err *e)
{
	return paper(r, "binder", NULL, "task.pdf", r->ja ? "立入検査の資料.pdf" : "inspection-binder.pdf", e);
}

static int
first(struct req *r, struct err *e)
{
	return paper(r, "first", NULL, "task.pdf", r->ja ? "はじめの一冊.pdf" : "first-booklet.pdf", e);
}

static int
morning(struct req *r, struct err *e)
{
	return paper(r, "morning", NULL, "task.pdf", r->ja ? "朝礼シート.pdf" : "morning-sheet.pdf", e);
}

static int
letter(struct req *r, struct err *e)
{
	return paper(r, "letter", req_id(r, 0), "task.pdf", r->ja ? "業者への手紙.pdf" : "letter.pdf", e);
}

const struct route guide_rows[] = {
	{M_GET, "/guide", AREA_GUIDE, VERB_READ, NULL, 0, overview, 0},
	{M_GET, "/guide/packs/:id", AREA_GUIDE, VERB_READ, NULL, 0, pack, 0},
	{M_GET, "/guide/packs/:id/:item", AREA_GUIDE, VERB_READ, NULL, 0, item, 0},
	{M_POST, "/guide/packs/:id/:item", AREA_GUIDE, VERB_WRITE, NULL, F_UPLOAD, answer, 0},
	{M_GET, "/guide/evidence/:id", AREA_GUIDE, VERB_READ, NULL, F_LOG, proof_file, 0},
	{M_GET, "/guide/practice/:id", AREA_GUIDE, VERB_READ, NULL, 0, practice, 0},
	{M_POST, "/guide/practice/:id/say", AREA_GUIDE, VERB_WRITE, NULL, F_UPLOAD, say, 0},
	{M_POST, "/guide/practice/:id/later", AREA_GUIDE, VERB_WRITE, NULL, 0, later, 0},
	{M_POST, "/guide/binder", AREA_GUIDE, VERB_EXPORT, NULL, 0, binder, 0},
	{M_POST, "/guide/first", AREA_GUIDE, VERB_EXPORT, NULL, 0, first, 0},
	{M_POST, "/guide/morning", AREA_GUIDE, VERB_WRITE, NULL, 0, morning, 0},
	{M_POST, "/guide/requests/:id/letter", AREA_REQUESTS, VERB_WRITE, NULL, 0, letter, 0},
	{0},
};
