/* The page that a vendor sees: no account, only the way that was sent. What is answered is kept as
 * evidence and as facts said by the vendor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ledger/evidence.h"
#include "mamorid/pages/guide_page.h"

static json_t *
options(const struct req *r, const char *item)
{
	json_t *list = json_array();
	char field[GUIDE_ID + 8];

	(void)snprintf(field, sizeof(field), "v-%s", item);
	for (int i = 0; i < GUIDE_VALUES; i++) {
		struct guide_text t = guide_value_text((enum guide_value)i);
		const char *name = guide_value_name((enum guide_value)i);

		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:b}", "value", name, "label",
		    r->ja ? t.ja : t.en, "selected", strcmp(req_form(r, field), name) == 0));
	}
	return list;
}

static json_t *
form_model(const struct req *r, const struct guide_pack *form, const json_t *q)
{
	json_t *m = json_pack("{s:s,s:s,s:s,s:s,s:s}", "subject", guide_page_text(q, "subject"),
	    "letter",
	    guide_page_text(q, "body"), "due", guide_page_text(q, "due"), "token", req_id(r, 0),
	    "name", req_form(r, "name")), *items = json_array();

	for (size_t i = 0; form && i < form->items; i++) {
		const struct guide_item *it = &form->item[i];
		char v[GUIDE_ID + 8], n[GUIDE_ID + 8];

		(void)snprintf(v, sizeof(v), "v-%s", it->id);
		(void)snprintf(n, sizeof(n), "n-%s", it->id);
		(void)json_array_append_new(items, json_pack("{s:s,s:s,s:s,s:s,s:o,s:s}", "ref",
		    it->ref,
		    "text", r->ja ? it->text.ja : it->text.en, "group", v, "field", n, "options",
		    options(r, it->id), "note", req_form(r, n)));
	}
	model_put(m, "items", items);
	model_bool(m, "free", !form);
	model_text(m, "text", req_form(r, "text"));
	return m;
}

static int
show(struct req *r, struct err *e)
{
	struct guide_page x = {0};
	json_t *q = NULL, *m = NULL;
	int64_t id = 0;
	int rc = request_open(r->db, req_id(r, 0), r->now, &id, e);

	if (rc == E_AUTH)
		return req_error(r, 410, e);
	if (rc == 0)
		rc = guide_page_open(r, &x, e);
	if (rc < 0)
		return rc;
	rc = request_get(r->db, id, &q, e);
	if (rc == 0)
		m = form_model(r, guide_pack(x.d.g, guide_page_text(q, "form")), q);
	json_decref(q);
	guide_page_close(&x);
	return rc < 0 ? rc : req_page(r, "vendor-form", m, e);
}

static json_t *
answers_of(struct req *r, const struct guide_pack *form)
{
	json_t *o = json_object();

	if (!form)
		(void)json_object_set_new(o, "text", json_string(req_form(r, "text")));
	for (size_t i = 0; form && i < form->items; i++) {
		char v[GUIDE_ID + 8], n[GUIDE_ID + 8];

		(void)snprintf(v, sizeof(v), "v-%s", form->item[i].id);
		(void)snprintf(n, sizeof(n), "n-%s", form->item[i].id);
		if (*req_form(r, v))
			(void)json_object_set_new(o, form->item[i].id, json_pack("{s:s,s:s}",
			    "value",
			    req_form(r, v), "note", req_form(r, n)));
	}
	return o;
}

/* The answer as a file of evidence. */
static int
keep(struct req *r, const json_t *q, char hex[EVIDENCE_HEX], struct err *e)
{
	char *text = json_dumps(q, JSON_SORT_KEYS | JSON_INDENT(1));
	int rc = text ? evidence_put_bytes(r->c->state, text, strlen(text), hex, e)
		      : err_set(e, E_NOMEM, "no memory for the answer");

	free(text);
	return rc;
}

static int
seal_one(const struct fact *f, void *cookie, struct err *e)
{
	struct req *r = cookie;

	return *r->c->facts ? facts_add(*r->c->facts, f, r->now, NULL, e) : 0;
}

static int
after(struct req *r, struct guide_page *x, int64_t id, struct err *e)
{
	char hex[EVIDENCE_HEX];
	json_t *q = NULL;
	int rc = request_get(r->db, id, &q, e);

	if (rc == 0)
		rc = keep(r, q, hex, e);
	if (rc == 0)
		rc = guide_page_proof(r, x, "request", "vendor", e);
	if (rc == 0)
		rc = request_facts(x->d.g, q, hex, &x->who, seal_one, r, e);
	json_decref(q);
	return rc;
}

static int
answer(struct req *r, struct err *e)
{
	struct guide_page x = {0};
	struct err why = {0};
	json_t *q = NULL, *answers, *m;
	const struct guide_pack *form;
	int64_t id = 0;
	int rc = request_open(r->db, req_id(r, 0), r->now, &id, e);

	if (rc == E_AUTH)
		return req_error(r, 410, e);
	if (rc == 0)
		rc = guide_page_open(r, &x, e);
	if (rc < 0)
		return rc;
	x.who.who = "vendor";
	rc = request_get(r->db, id, &q, e);
	form = rc == 0 ? guide_pack(x.d.g, guide_page_text(q, "form")) : NULL;
	answers = answers_of(r, form);
	if (rc == 0)
		rc = request_answer(r->db, x.d.g, id, req_form(r, "name"), answers, &x.who, &why);
	json_decref(answers);
	if (rc == E_INVAL && q) { /* the form comes back with what was typed */
		m = form_model(r, form, q);
		model_text(m, "error", why.msg);
		json_decref(q);
		guide_page_close(&x);
		return req_page_status(r, 422, "vendor-form", m, e);
	}
	if (rc == 0)
		rc = after(r, &x, id, &why);
	json_decref(q);
	guide_page_close(&x);
	if (rc < 0) {
		if (e)
			*e = why;
		return rc;
	}
	return req_page(r, "vendor-thanks", json_object(), e);
}

const struct route guide_vendor_rows[] = {
	{M_GET, "/vendor/:token", AREA_REQUESTS, VERB_READ, NULL, F_PUBLIC | F_RATE | F_FEED, show,
	    0},
	{M_POST, "/vendor/:token", AREA_REQUESTS, VERB_WRITE, NULL,
	    F_PUBLIC | F_RATE | F_FEED, answer, 0},
	{0},
};
