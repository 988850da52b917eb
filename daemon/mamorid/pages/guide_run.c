/* 点検: one inspection as a task list, checking the answers, signing, the next edition. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/guide_form.h"

/* An inspection with the pack under which it is answered. */
struct run {
	struct guide_page x;
	int64_t id;
	json_t *insp, *answers;
	struct guide *own;
	const struct guide_pack *pack;
};

static void
run_close(struct run *u)
{
	json_decref(u->insp);
	json_decref(u->answers);
	guide_free(u->own);
	guide_page_close(&u->x);
}

static int
run_open(struct req *r, struct run *u, struct err *e)
{
	int rc;

	*u = (struct run){.id = req_num(req_id(r, 0), 1, INT64_MAX, 0)};
	if (u->id == 0)
		return err_set(e, E_NOENT, "no such inspection");
	rc = guide_page_open(r, &u->x, e);
	if (rc < 0)
		return rc;
	rc = inspect_get(r->db, u->id, &u->insp, e);
	if (rc == 0)
		rc = inspect_answers(r->db, u->id, &u->answers, e);
	if (rc == 0)
		rc = inspect_pack(r->c->state, u->x.d.g, guide_page_text(u->insp, "pack"),
		    guide_page_text(u->insp, "pack_sum"), &u->own, &u->pack, e);
	if (rc < 0)
		run_close(u);
	return rc;
}

static int
pack_form(struct req *r, const struct guide_form *f, struct err *e)
{
	return guide_pack_page(r, req_form(r, "pack"), f, e);
}

static int
begin(struct req *r, struct err *e)
{
	const char *pack = req_form(r, "pack"), *due1 = req_form(r, "due1");
	char first[16], last[16];
	struct guide_form f;
	struct err why = {0};
	struct guide_page x;
	int64_t id = 0;
	int year, rc = guide_page_open(r, &x, e);

	if (rc < 0)
		return rc;
	f = guide_form_begin(r);
	year = inspect_fiscal(x.d.today) % 9999;
	(void)snprintf(first, sizeof(first), "%04d-04-01", year);
	(void)snprintf(last, sizeof(last), "%04d-03-31", year + 1);
	guide_form_day(&f, "due1", "guide.due1", first, last, "guide.wrong.year");
	guide_form_day(&f, "due2", "guide.due2", first, last, "guide.wrong.year");
	if (!f.status)
		guide_form_day(&f, "due2", "guide.due2", due1, "", "guide.wrong.order");
	if (!f.status)
		rc = inspect_open(r->db, r->c->state, x.d.g, pack, due1, req_form(r, "due2"),
		    &x.who, &id, &why);
	guide_page_close(&x);
	rc = guide_form_done(&f, rc, &why, "due1", "guide.begin", pack_form, e);
	return rc <= 0 ? rc : req_go(r, e, "/guide/inspections/%lld", (long long)id);
}

/* -- the task list ----------------------------------------------------------------------------- */

static const char *
state_of(const json_t *a)
{
	const char *value = guide_page_text(a, "value");

	if (!*value)
		return "todo";
	if (json_is_true(json_object_get(a, "carried")))
		return "check";
	return strcmp(value, "unknown") == 0 ? "doing" : "done";
}

static json_t *
tasks_of(struct run *u, const struct guide_section *s, bool ja, int *left)
{
	json_t *list = json_array();

	for (size_t i = 0; i < u->pack->items; i++) {
		const struct guide_item *it = &u->pack->item[i];
		json_t *a = json_object_get(u->answers, it->id), *o;
		const char *state = state_of(a);
		struct guide_text t = it->plain.ja ? it->plain : it->text;
		char label[400];
		enum guide_value v;

		if (it->section != s)
			continue;
		if (strcmp(state, "todo") == 0 || strcmp(state, "check") == 0)
			(*left)++;
		(void)snprintf(label, sizeof(label), "%s %.360s", it->ref, ja ? t.ja : t.en);
		o = json_pack("{s:s,s:s}", "label", label, "state", state);
		model_put(o, "href", json_sprintf("/guide/packs/%s/%s", u->pack->id, it->id));
		if (guide_value_get(guide_page_text(a, "value"), &v) == 0)
			model_text(o, "hint", ja ? guide_value_text(v).ja : guide_value_text(v).en);
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *
signs_model(const json_t *insp)
{
	json_t *list = json_array(), *v, *o;
	size_t i;

	json_array_foreach(json_object_get(insp, "signs"), i, v) {
		o = json_pack("{s:O,s:s}", "round", json_object_get(v, "round"), "name",
		    guide_page_text(v, "name"));
		model_when(o, "at", guide_page_text(v, "at"));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *
run_model(struct req *r, struct run *u)
{
	json_t *m = json_pack("{s:I,s:s,s:s,s:s,s:s,s:O,s:o,s:s}", "id", (json_int_t)u->id, "title",
	    guide_page_text(u->insp, r->ja ? "title_ja" : "title_en"), "due1",
	    guide_page_text(u->insp, "due1"), "due2", guide_page_text(u->insp, "due2"), "state",
	    guide_page_text(u->insp, "state"), "round", json_object_get(u->insp, "round"), "signs",
	    signs_model(u->insp), "pack", u->pack->id);
	const struct guide_pack *now = guide_current(u->x.d.g, u->pack->kind, u->x.d.today);

	model_bool(m, "may_write", req_may(r, AREA_GUIDE, VERB_WRITE, NULL));
	model_bool(m, "may_sign", req_may(r, AREA_GUIDE, VERB_APPROVE, NULL));
	model_bool(m, "may_export", req_may(r, AREA_GUIDE, VERB_EXPORT, NULL));
	model_bool(m, "is_open", strcmp(guide_page_text(u->insp, "state"), "open") == 0);
	model_bool(m, "is_signed", strcmp(guide_page_text(u->insp, "state"), "signed") == 0);
	model_bool(m, "second", json_integer_value(json_object_get(u->insp, "round")) == 2);
	if (now && strcmp(now->family, u->pack->family) == 0 && strcmp(now->sum,
	    u->pack->sum) != 0 &&
	    strcmp(guide_page_text(u->insp, "state"), "closed") != 0) {
		model_text(m, "newer", now->id);
		model_text(m, "newer_title", r->ja ? now->title.ja : now->title.en);
	}
	return m;
}

static json_t *
diff_model(struct req *r, struct run *u)
{
	json_t *changes = NULL, *v, *out = json_array();
	size_t i;

	if (inspect_diff(r->db, u->pack, u->id, &changes, NULL) < 0)
		return out;
	json_array_foreach(changes, i, v) {
		const struct guide_item *it = guide_item(u->pack, guide_page_text(v, "item"));
		char kind[60];

		(void)snprintf(kind, sizeof(kind), "guide.diff.%.20s", guide_page_text(v, "kind"));
		(void)json_array_append_new(out, json_pack("{s:s,s:s}", "text",
		    it ? (r->ja ? it->text.ja : it->text.en) : guide_page_text(v, "item"), "kind",
		    kind));
	}
	json_decref(changes);
	return out;
}

static int
show(struct req *r, struct err *e)
{
	json_t *m, *sections = json_array();
	struct run u;
	int left = 0, rc = run_open(r, &u, e);

	if (rc < 0) {
		json_decref(sections);
		return rc;
	}
	m = run_model(r, &u);
	for (size_t i = 0; i < u.pack->sections; i++) {
		const struct guide_section *s = &u.pack->section[i];

		(void)json_array_append_new(sections, json_pack("{s:s,s:o}", "title",
		    r->ja ? s->title.ja : s->title.en, "list", tasks_of(&u, s, r->ja, &left)));
	}
	model_put(m, "sections", sections);
	model_int(m, "left", left);
	model_int(m, "done", (int64_t)u.pack->items - left);
	model_int(m, "all", (int64_t)u.pack->items);
	model_put(m, "changes", diff_model(r, &u));
	run_close(&u);
	return req_page(r, "guide-run", m, e);
}

/* Every answer once more, before it is signed. */
static int
check_form(struct req *r, const struct guide_form *f, struct err *e)
{
	json_t *m, *rows = json_array();
	struct run u;
	int missing = 0, rc = run_open(r, &u, e);

	if (rc < 0) {
		json_decref(rows);
		return rc;
	}
	m = run_model(r, &u);
	for (size_t i = 0; i < u.pack->items; i++) {
		const struct guide_item *it = &u.pack->item[i];
		json_t *a = json_object_get(u.answers, it->id), *o;
		bool given = *guide_page_text(a, "value") && json_is_false(json_object_get(a,
		    "carried"));
		char word[60];

		missing += !given;
		(void)snprintf(word, sizeof(word), "guide.value.%.20s", given
			? guide_page_text(a, "value") : "none");
		o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "ref", it->ref, "text",
		    r->ja ? it->text.ja : it->text.en, "value", word, "confirmed",
		    guide_page_text(a, "confirmed"), "target", guide_page_text(a, "target"), "note",
		    guide_page_text(a, "note"), "missing", !given);
		model_put(o, "href", json_sprintf("/guide/packs/%s/%s", u.pack->id, it->id));
		(void)json_array_append_new(rows, o);
	}
	model_put(m, "rows", rows);
	model_int(m, "missing", missing);
	model_text(m, "name", req_form_or(r, "name", r->signed_in ? r->s.account.name : ""));
	run_close(&u);
	return guide_form_page(f, r, "guide-check", m, e);
}

static int
check(struct req *r, struct err *e)
{
	return check_form(r, NULL, e);
}

static int
sign(struct req *r, struct err *e)
{
	struct guide_form form;
	struct err why = {0};
	struct fact f;
	struct run u;
	int rc = run_open(r, &u, e);

	if (rc < 0)
		return rc;
	form = guide_form_begin(r);
	guide_form_text(&form, "name", "guide.sign.name", true, INSPECT_NAME);
	guide_form_sealed(&form, "name", "guide.sign.name");
	if (!form.status) {
		rc = inspect_sign(r->db, r->c->state, u.pack, u.id, req_form(r, "name"),
		    &u.x.who, &f, &why);
		if (rc == E_INVAL) { /* the page says how many answers are missing */
			guide_form_wrong(&form, "name", "guide.sign", "guide.wrong.incomplete");
			rc = 0;
		} else if (rc == 0 && (rc = guide_page_seal(r, &f, e)) < 0) {
			run_close(&u); /* it is signed: the form would say that it is not */
			guide_form_end(&form);
			return rc;
		}
	}
	run_close(&u);
	rc = guide_form_done(&form, rc, &why, "name", "guide.sign", check_form, e);
	if (rc <= 0)
		return rc;
	req_flash(r, "ok.guide.signed");
	return req_go(r, e, "/guide/inspections/%s", req_id(r, 0));
}

typedef int step_fn(struct req *r, struct run *u, int64_t *ret_id, struct err *e);

static int
step(struct req *r, step_fn *fn, struct err *e)
{
	struct err why = {0};
	struct run u;
	int64_t id;
	int rc = run_open(r, &u, e);

	if (rc < 0)
		return rc;
	id = u.id;
	rc = fn(r, &u, &id, &why);
	run_close(&u);
	return rc < 0 ? guide_form_button(r, &why, e, "/guide/inspections/%s", req_id(r, 0))
		      : req_go(r, e, "/guide/inspections/%lld", (long long)id);
}

static int
do_round(struct req *r, struct run *u, int64_t *ret_id, struct err *e)
{
	(void)ret_id;
	return inspect_round(r->db, u->id, &u->x.who, e);
}

static int
do_upgrade(struct req *r, struct run *u, int64_t *ret_id, struct err *e)
{
	return inspect_upgrade(r->db, r->c->state, u->x.d.g, u->id, req_form(r, "pack"), &u->x.who,
	    ret_id, e);
}

static int
do_close(struct req *r, struct run *u, int64_t *ret_id, struct err *e)
{
	(void)ret_id;
	return inspect_close(r->db, u->id, e);
}

static int
second(struct req *r, struct err *e)
{
	return step(r, do_round, e);
}

static int
upgrade(struct req *r, struct err *e)
{
	return step(r, do_upgrade, e);
}

static int
close_it(struct req *r, struct err *e)
{
	return step(r, do_close, e);
}

const struct route guide_run_rows[] = {
	{M_POST, "/guide/inspections", AREA_GUIDE, VERB_WRITE, NULL, 0, begin, 0},
	{M_GET, "/guide/inspections/:id", AREA_GUIDE, VERB_READ, NULL, 0, show, 0},
	{M_GET, "/guide/inspections/:id/check", AREA_GUIDE, VERB_READ, NULL, 0, check, 0},
	{M_POST, "/guide/inspections/:id/sign", AREA_GUIDE, VERB_APPROVE, NULL, 0, sign, 0},
	{M_POST, "/guide/inspections/:id/round", AREA_GUIDE, VERB_WRITE, NULL, 0, second, 0},
	{M_POST, "/guide/inspections/:id/upgrade", AREA_GUIDE, VERB_WRITE, NULL, 0, upgrade, 0},
	{M_POST, "/guide/inspections/:id/close", AREA_GUIDE, VERB_APPROVE, NULL, 0, close_it, 0},
	{0},
};
