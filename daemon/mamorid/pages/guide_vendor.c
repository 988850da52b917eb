/* The page that a vendor sees: no account, only the way that was sent. What is answered is kept as
 * evidence and as facts said by the vendor. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ledger/evidence.h"
#include "guide/desk.h"
#include "mamorid/pages/guide_page.h"
#include "register/register.h"

enum { VENDOR_FILES = 5, VENDOR_BODY = 12 << 20, SAVE_TRIES = 5 };

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

/* files_ok(r): Whether everything that came is of a kind that somebody here can look at. */
static bool
files_ok(struct req *r)
{
	static const char *const types[] = {"application/pdf", "image/png", "image/jpeg",
	    "image/gif", "text/plain", "text/csv",
	    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"};
	size_t n = 0;

	for (size_t i = 0; i < r->uploads.len; i++) {
		const struct upload *u = VEC_AT(&r->uploads, struct upload, i);
		bool known = u->size == 0;

		for (size_t k = 0; k < ARRAY_LEN(types); k++)
			known = known || strcmp(u->type, types[k]) == 0;
		n += u->size > 0;
		if (!known || n > VENDOR_FILES)
			return false;
	}
	return true;
}

/* store_files(r, e): The bytes of what came, before the link ends: on a full disk the vendor is
 * told and can send again. The same bytes once more are nothing new. */
static int
store_files(struct req *r, struct err *e)
{
	const struct state *st = r->c->state;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->uploads.len; i++) {
		const struct upload *u = VEC_AT(&r->uploads, struct upload, i);
		char hex[EVIDENCE_HEX];
		int fd;

		if (u->size == 0)
			continue;
		fd = fio_open(st->f, st->dirfd, u->path, O_RDONLY, 0, e);
		if (fd < 0)
			return fd;
		rc = evidence_put_fd(st, fd, PROOF_MAX, hex, e);
		fio_close(st->f, fd);
	}
	return rc < 0 ? rc : 0;
}

/* keep_files(r, x, request, e): What came with the answer, as evidence about the request. */
static int
keep_files(struct req *r, struct guide_page *x, const char *request, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->uploads.len; i++) {
		const struct upload *u = VEC_AT(&r->uploads, struct upload, i);
		char hex[65];
		int64_t id;
		json_t *meta;
		int fd;

		if (u->size == 0)
			continue;
		fd = fio_open(r->c->state->f, r->c->state->dirfd, u->path, O_RDONLY, 0, e);
		if (fd < 0)
			return fd;
		meta = json_pack("{s:s,s:s,s:s}", "name", *u->name ? u->name : "file", "title",
		    *u->name ? u->name : "file", "source", "vendor");
		rc = meta ? proof_add(r->db, r->c->state, "request", request, fd, meta, &x->who,
		                &id, hex, e)
			  : err_set(e, E_INVAL, "a file has a name that is not text");
		json_decref(meta);
		fio_close(r->c->state->f, fd);
	}
	return rc < 0 ? rc : 0;
}

/* note_answered(r, x, q, e): The vendor's record learns the day. Somebody may save it meanwhile;
 * then it is read again. */
static int
note_answered(struct req *r, struct guide_page *x, const json_t *q, struct err *e)
{
	const struct register_kind *k = register_kind("vendor");
	const char *vendor = guide_page_text(q, "vendor");
	struct register_who who = {.who = "vendor", .today = x->d.today, .now = r->now};
	int rc = E_BUSY;

	if (!*vendor || !k)
		return 0;
	for (int i = 0; rc == E_BUSY && i < SAVE_TRIES; i++) {
		json_t *rec = NULL, *values = json_pack("{s:s}", "answered_on", x->d.today);
		int64_t rev = 0;

		rc = register_get(r->db, k, vendor, &rec, e);
		if (rc == 0)
			rc = register_set(r->db, k, vendor,
			    json_integer_value(json_object_get(rec, "rev")), values, &who, &rev,
			    NULL, NULL, e);
		json_decref(rec);
		json_decref(values);
	}
	/* a record that was taken out meanwhile, or holds something else that is wrong, must not
	 * lose the vendor's answer */
	return rc == E_NOENT || rc == E_INVAL || rc == E_BUSY ? 0 : rc;
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
	char hex[EVIDENCE_HEX], request[24];
	json_t *q = NULL;
	int rc = request_get(r->db, id, &q, e);

	if (rc == 0)
		rc = keep(r, q, hex, e);
	(void)snprintf(request, sizeof(request), "%lld", (long long)id);
	if (rc == 0)
		rc = request_facts(x->d.g, q, hex, &x->who, seal_one, r, e);
	if (rc == 0)
		rc = keep_files(r, x, request, e);
	if (rc == 0)
		rc = note_answered(r, x, q, e);
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
	bool bad_file = false;
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
	if (rc == 0 && !files_ok(r)) {
		rc = err_set(&why, E_INVAL, "files");
		bad_file = true;
	}
	if (rc == 0)
		rc = store_files(r, &why);
	if (rc == 0)
		rc = request_answer(r->db, x.d.g, id, req_form(r, "name"), answers, &x.who, &why);
	json_decref(answers);
	if (q && (rc == E_INVAL || rc == E_LIMIT || rc == E_NOSPC)) { /* with what was typed */
		m = form_model(r, form, q);
		model_text(m, "error", why.msg);
		model_bool(m, "bad_file", bad_file);
		model_bool(m, "too_long", rc == E_LIMIT);
		model_bool(m, "full", rc == E_NOSPC);
		if (!*req_form(r, "name"))
			model_text(m, "name_error", tmpl_word("guide.wrong.must", r->ja));
		model_bool(m, "file_again", req_upload(r, "file") != NULL);
		json_decref(q);
		guide_page_close(&x);
		return req_page_status(r, rc == E_NOSPC ? 507 : 422, "vendor-form", m, e);
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
	    F_PUBLIC | F_RATE | F_FEED | F_UPLOAD, answer, VENDOR_BODY},
	{0},
};
