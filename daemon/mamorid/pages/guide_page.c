#include "mamorid/pages/guide_page.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "register/register.h"

/* -- the library ------------------------------------------------------------------------------- */

static int
imported_at(struct db *db, int64_t *ret, struct err *e)
{
	int r = db_i64(db, "SELECT at FROM settings WHERE key = 'guide.imported'", ret, "", e);

	if (r == E_NOENT)
		*ret = 0;
	return r == E_NOENT ? 0 : r;
}

static int
library(struct req *r, struct err *e)
{
	struct guide *g = NULL;
	int64_t at = 0;
	size_t bad;
	int rc = imported_at(r->db, &at, e);

	if (rc < 0 || (r->c->guide && r->c->guide_at == at))
		return rc;
	rc = guide_new(&g, e);
	if (rc == 0)
		rc = desk_load(r->db, r->c->state, g, &bad, e);
	if (rc < 0) {
		guide_free(g);
		return rc;
	}
	guide_free(r->c->guide);
	r->c->guide = g;
	r->c->guide_at = at;
	return 0;
}

int
guide_page_open(struct req *r, struct guide_page *x, struct err *e)
{
	const struct facts_filter any = {0};
	json_t *rec = NULL;
	int rc = library(r, e);

	*x = (struct guide_page){0};
	if (rc == 0 && *r->c->facts)
		rc = facts_newest(*r->c->facts, &any, &x->list, &x->n, e);
	if (rc == 0) {
		rc = register_get(r->db, register_kind("facility"), "main", &rec, e);
		rc = rc == E_NOENT ? 0 : rc;
		x->facility = json_incref(json_object_get(rec, "values"));
		json_decref(rec);
	}
	if (rc == 0)
		rc = desk_begin(&x->d, r->c->guide, r->db, r->c->state, x->list, x->n, x->facility,
		    r->now, e);
	x->who = (struct inspect_who){req_by(r), x->d.today, r->now};
	if (rc < 0)
		guide_page_close(x);
	return rc;
}

void
guide_page_close(struct guide_page *x)
{
	json_decref(x->facility);
	facts_newest_free(x->list, x->n);
	x->facility = NULL;
	x->list = NULL;
	x->n = 0;
}

int
guide_page_seal(struct req *r, struct fact *f, struct err *e)
{
	int rc = *r->c->facts ? facts_add(*r->c->facts, f, r->now, NULL, e)
			      : err_set(e, E_BUSY, "the sealed record cannot be opened");

	fact_free(f);
	return rc < 0 ? rc : 0;
}

int
guide_page_proof(struct req *r, struct guide_page *x, const char *about, const char *subject,
    struct err *e)
{
	struct upload *u = req_upload(r, "file");
	json_t *meta;
	char hex[65];
	int64_t id;
	int fd, rc;

	if (!u)
		return 0;
	fd = fio_open(r->c->state->f, r->c->state->dirfd, u->path, O_RDONLY, 0, e);
	if (fd < 0)
		return fd;
	meta = json_pack("{s:s,s:s,s:s,s:s}", "name", *u->name ? u->name : "file", "title",
	    req_form(r, "title"), "effective", req_form(r, "effective"), "expires",
	    req_form(r, "expires"));
	rc = meta ? proof_add(r->db, r->c->state, about, subject, fd, meta, &x->who, &id, hex, e)
		  : err_set(e, E_INVAL, "evidence: not text");
	json_decref(meta);
	fio_close(r->c->state->f, fd);
	return rc;
}

/* -- models ------------------------------------------------------------------------------------ */

const char *
guide_page_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

const char *
guide_page_words(const struct req *r, const json_t *o, const char *key)
{
	return guide_page_text(json_object_get(o, key), r->ja ? "ja" : "en");
}

json_t *
guide_page_proofs(const json_t *list)
{
	json_t *out = json_array(), *p;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, p)
		(void)json_array_append_new(out, json_pack("{s:O,s:s,s:s,s:s,s:s}", "id",
		    json_object_get(p, "id"), "title", guide_page_text(p, "title"), "effective",
		    guide_page_text(p, "effective"), "expires", guide_page_text(p, "expires"),
		        "mark",
		    guide_page_text(p, "sha256")));
	return out;
}

json_t *
guide_page_practice(const struct req *r, const json_t *p)
{
	json_t *o, *steps = json_array(), *step;
	size_t i;

	json_array_foreach(json_object_get(p, "steps"), i, step)
		(void)json_array_append_new(steps,
		    json_string(guide_page_text(step, r->ja ? "ja" : "en")));
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:O*,s:s}", "id", guide_page_text(p, "id"), "title",
	    guide_page_words(r, p, "title"), "light", guide_page_text(p, "verdict"), "reason",
	    guide_page_text(p, r->ja ? "reason" : "reason_en"), "why", guide_page_words(r, p,
	        "why"),
	    "steps", steps, "minutes", json_object_get(p, "minutes"), "who",
	    guide_page_words(r, p, "who"));
	model_text(o, "ask", *guide_page_words(r, p, "ask") ? guide_page_words(r, p, "ask") : NULL);
	if (json_object_get(p, "proofs"))
		model_put(o, "proofs", guide_page_proofs(json_object_get(p, "proofs")));
	return o;
}
