/* 台帳: adding and changing a record, the page for two people at once, archiving, files. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "ledger/evidence.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/register.h"

/* form_page(r, k, id, rev, values, problems, e): The form, fresh or come back with its errors. */
static int
form_page(struct req *r, const struct register_kind *k, const char *id, int64_t rev,
    json_t *values, json_t *problems, struct err *e)
{
	json_t *fields, *errors = json_array(), *m, *p;
	char crumb[80], label[200], to[200];
	size_t i;
	int rc = reg_form(r, k, values, problems, &fields, e);

	if (rc < 0) {
		json_decref(errors);
		return rc;
	}
	json_array_foreach(problems, i, p) {
		char name[FORM_NAME], text[600];

		(void)snprintf(name, sizeof(name), "f_%.60s", reg_text(p, "field"));
		(void)snprintf(text, sizeof(text), "%s: %.400s", reg_field_label(r, k,
		    reg_text(p, "field")), reg_text(p, r->ja ? "ja" : "en"));
		(void)json_array_append_new(errors, json_pack("{s:s, s:s}", "name", name, "text",
		    text));
	}
	m = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:b, s:s, s:s}", "kind", k->key, "label",
	    reg_label(r, k->ja, k->en), "id", id, "rev", (json_int_t)rev, "fields", fields,
	    "errors", errors, "fresh", !*id, "next", reg_text(values, "_next"), "none",
	    reg_text(values, "_next_none"));
	model_text(m, "next_label", reg_label(r, k->next_ja, k->next_en));
	(void)snprintf(to, sizeof(to), "/register/%s%s%s", k->key, *id ? "/" : "", id);
	model_text(m, "to", to);
	(void)snprintf(crumb, sizeof(crumb), "/register/%s", k->key);
	(void)snprintf(label, sizeof(label), "=%s", reg_label(r, k->ja, k->en));
	model_put(m, "crumbs", model_crumbs("nav.register", "/register", label, crumb, NULL));
	return req_page_status(r, json_array_size(problems) ? 422 : 200, "register-edit", m, e);
}

static int
fresh(struct req *r, struct err *e)
{
	const struct register_kind *k;
	json_t *none;
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc < 0)
		return rc;
	if (k->single && db_i64(r->db, "SELECT rev FROM records WHERE kind = $1 AND id = $2",
	    &(int64_t){0}, "ss", NULL, k->key, k->single) == 0)
		return req_go(r, e, "/register/%s/%s/edit", k->key, k->single);
	none = json_object();
	rc = form_page(r, k, "", 0, none, NULL, e);
	json_decref(none);
	return rc;
}

static int
edit(struct req *r, struct err *e)
{
	const struct register_kind *k;
	json_t *record, *values, *next;
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc == 0)
		rc = register_get(r->db, k, req_id(r, 1), &record, e);
	if (rc < 0)
		return rc;
	values = json_object_get(record, "values");
	next = json_object_get(record, "next");
	if (strcmp(reg_text(next, "mode"), "date") == 0)
		model_text(values, "_next", reg_text(next, "date"));
	if (strcmp(reg_text(next, "mode"), "none") == 0)
		model_text(values, "_next_none", reg_text(next, "why"));
	rc = form_page(r, k, reg_text(record, "id"), json_integer_value(json_object_get(record,
	    "rev")), values, NULL, e);
	json_decref(record);
	return rc;
}

/* sent(r, k): The form's values, with the next date. */
static json_t *
sent(const struct req *r, const struct register_kind *k)
{
	json_t *v = reg_form_values(r, k);

	if (form_has(&r->form, "next"))
		model_text(v, "_next", req_form(r, "next"));
	if (form_has(&r->form, "none"))
		model_text(v, "_next_none", req_form(r, "none"));
	return v;
}

static int
add(struct req *r, struct err *e)
{
	const struct register_kind *k;
	char today[REGISTER_DAY], id[REGISTER_ID];
	struct register_who who = reg_who(r, today);
	json_t *values, *problems = NULL;
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc < 0)
		return rc;
	values = sent(r, k);
	rc = register_add(r->db, k, NULL, values, &who, id, &problems, e);
	if (rc == E_INVAL && problems)
		rc = form_page(r, k, "", 0, values, problems, e);
	else if (rc == 0) {
		req_flash(r, "ok.saved");
		req_note(r, "", "%s/%s", k->key, id);
		rc = req_go(r, e, "/register/%s/%s", k->key, id);
	}
	json_decref(values);
	json_decref(problems);
	return rc;
}

/* -- two people at once ------------------------------------------------------------------------ */

static json_t *
conflict_rows(struct req *r, const struct register_kind *k, json_t *conflict)
{
	json_t *rows = json_array(), *f;
	char b[300], t[300], m[300];
	size_t i;

	json_array_foreach(json_object_get(conflict, "fields"), i, f) {
		const struct register_field *field = register_field(k, reg_text(f, "field"));
		const char *base = reg_text(f, "base"), *theirs = reg_text(f, "theirs");
		const char *mine = reg_text(f, "mine");
		static const struct register_field plain = {.key = ""};
		char input[FORM_NAME];

		(void)snprintf(input, sizeof(input), "f_%.80s", reg_text(f, "field"));
		if (!field)
			(void)snprintf(input, sizeof(input), "%s", strcmp(reg_text(f, "field"),
			    "_next") == 0 ? "next" : "none");
		register_show(field ? field : &plain, base, NULL, r->ja, b, sizeof(b));
		register_show(field ? field : &plain, theirs, NULL, r->ja, t, sizeof(t));
		register_show(field ? field : &plain, mine, NULL, r->ja, m, sizeof(m));
		(void)json_array_append_new(rows,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "field",
			reg_text(f, "field"), "input", input, "label",
			reg_field_label(r, k, reg_text(f, "field")), "base", *b ? b : "―", "theirs",
			*t ? t : "―", "mine", *m ? m : "―", "value", mine, "same",
			strcmp(theirs, mine) == 0, "i_changed", strcmp(base, mine) != 0));
	}
	return rows;
}

static int
conflict_page(struct req *r, const struct register_kind *k, const char *id, json_t *conflict,
    struct err *e)
{
	char name[IDENTITY_NAME];
	json_t *m = json_pack("{s:s, s:s, s:s, s:I, s:s, s:o}", "kind", k->key, "label",
	    reg_label(r, k->ja, k->en), "id", id, "rev",
	    json_integer_value(json_object_get(conflict, "rev")), "by",
	    reg_name(r, reg_text(conflict, "by"), name, sizeof(name)), "rows",
	    conflict_rows(r, k, conflict));

	model_when(m, "at", reg_text(conflict, "at"));
	req_note(r, "conflict", "%s/%s", k->key, id);
	return req_page_status(r, 409, "register-conflict", m, e);
}

/* only_mine(r, k, id, rev, values): Without the fields that whoever typed did not change since the
 * page was made, or gave up on the page for two. */
static json_t *
only_mine(struct req *r, const struct register_kind *k, const char *id, int64_t rev,
    json_t *values)
{
	json_t *base = NULL, *out = json_object(), *tidy = NULL, *problems = NULL, *v;
	const char *key;
	char pick[FORM_NAME];
	bool was = register_at(r->db, k, id, rev, &base, NULL) == 0;
	bool good = register_tidy(k, values, true, &tidy, &problems) == 0;

	json_object_foreach(values, key, v) {
		(void)snprintf(pick, sizeof(pick), "pick_%.80s", key);
		if (strcmp(req_form(r, pick), "theirs") == 0)
			continue;
		if (was && good && strcmp(reg_text(base, key), reg_text(tidy, key)) == 0)
			continue;
		(void)json_object_set(out, key, v);
	}
	json_decref(base);
	json_decref(tidy);
	json_decref(problems);
	return out;
}

static int
save(struct req *r, struct err *e)
{
	const struct register_kind *k;
	const char *id = req_id(r, 1);
	char today[REGISTER_DAY];
	struct register_who who = reg_who(r, today);
	json_t *values, *mine, *problems = NULL, *conflict = NULL;
	int64_t rev = req_num(req_form(r, "rev"), 1, INT32_MAX, 0), now;
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc < 0)
		return rc;
	values = sent(r, k);
	mine = only_mine(r, k, id, rev, values);
	rc = register_set(r->db, k, id, rev, mine, &who, &now, &conflict, &problems, e);
	if (rc == E_BUSY && conflict) {
		rc = conflict_page(r, k, id, conflict, e);
	} else if (rc == E_INVAL && problems) {
		rc = form_page(r, k, id, rev, values, problems, e);
	} else if (rc == 0) {
		req_flash(r, "ok.saved");
		rc = req_go(r, e, "/register/%s/%s", k->key, id);
	}
	json_decref(values);
	json_decref(mine);
	json_decref(problems);
	json_decref(conflict);
	return rc;
}

static int
archive(struct req *r, struct err *e)
{
	const struct register_kind *k;
	char today[REGISTER_DAY];
	struct register_who who = reg_who(r, today);
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc == 0)
		rc = register_archive(r->db, k, req_id(r, 1), req_num(req_form(r, "rev"), 1,
		    INT32_MAX, 0), strcmp(req_form(r, "to"), "live") != 0, req_form(r, "why"), &who,
		    e);
	if (rc < 0)
		return rc;
	req_flash(r, "ok.saved");
	return req_go(r, e, "/register/%s/%s", k->key, req_id(r, 1));
}

/* -- files ------------------------------------------------------------------------------------- */

static int
attach(struct req *r, struct err *e)
{
	const struct register_kind *k;
	struct upload *u = req_upload(r, "file");
	char today[REGISTER_DAY], hex[65];
	struct register_who who = reg_who(r, today);
	int fd, rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc < 0)
		return rc;
	if (!u) {
		req_flash(r, "register.no_file");
		return req_go(r, e, "/register/%s/%s", k->key, req_id(r, 1));
	}
	fd = fio_open(r->c->state->f, r->c->state->dirfd, u->path, 0, 0, e);
	if (fd < 0)
		return fd;
	rc = register_attach(r->db, r->c->state, k, req_id(r, 1), fd, u->name, req_form(r, "day"),
	    &who, hex, e);
	(void)close(fd);
	if (rc == E_EXIST || rc == E_INVAL) {
		req_flash(r, rc == E_EXIST ? "register.file_twice" : "register.file_day");
		return req_go(r, e, "/register/%s/%s", k->key, req_id(r, 1));
	}
	if (rc < 0)
		return rc;
	req_flash(r, "ok.saved");
	req_note(r, "", "%.200s", u->name);
	return req_go(r, e, "/register/%s/%s", k->key, req_id(r, 1));
}

static int
detach(struct req *r, struct err *e)
{
	const struct register_kind *k;
	char today[REGISTER_DAY];
	struct register_who who = reg_who(r, today);
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc == 0)
		rc = register_detach(r->db, k, req_id(r, 1), req_num(req_form(r, "file"), 1,
		    INT64_MAX / 2, 0), "", &who, e);
	if (rc < 0)
		return rc;
	req_flash(r, "ok.saved");
	return req_go(r, e, "/register/%s/%s", k->key, req_id(r, 1));
}

static int
file(struct req *r, struct err *e)
{
	const struct register_kind *k;
	json_t *files, *f;
	char path[100];
	size_t i;
	int rc = reg_kind(r, req_id(r, 0), VERB_READ, &k, e);

	if (rc == 0)
		rc = register_files(r->db, k, req_id(r, 1), &files, e);
	if (rc < 0)
		return rc;
	rc = E_NOENT;
	json_array_foreach(files, i, f) {
		const char *hex = reg_text(f, "sha256");

		if (json_integer_value(json_object_get(f, "id")) !=
		    req_num(req_id(r, 2), 1, INT64_MAX / 2, 0))
			continue;
		(void)snprintf(path, sizeof(path), "evidence/%.2s/%s", hex, hex);
		rc = req_file(r, "application/octet-stream", reg_text(f, "name"), path, false, e);
		break;
	}
	json_decref(files);
	return rc == E_NOENT ? err_set(e, E_NOENT, "no such file") : rc;
}

const struct route register_edit_rows[] = {
    {M_GET, "/register/:kind/new", AREA_REGISTER, VERB_WRITE, NULL, 0, fresh, 0},
    {M_POST, "/register/:kind", AREA_REGISTER, VERB_WRITE, NULL, 0, add, 0},
    {M_GET, "/register/:kind/:id/edit", AREA_REGISTER, VERB_WRITE, "$0:$1", 0, edit, 0},
    {M_POST, "/register/:kind/:id", AREA_REGISTER, VERB_WRITE, "$0:$1", 0, save, 0},
    {M_POST, "/register/:kind/:id/archive", AREA_REGISTER, VERB_WRITE, "$0:$1", 0, archive, 0},
    {M_POST, "/register/:kind/:id/attach", AREA_REGISTER, VERB_WRITE, "$0:$1", F_UPLOAD, attach, 0},
    {M_POST, "/register/:kind/:id/detach", AREA_REGISTER, VERB_WRITE, "$0:$1", 0, detach, 0},
    {M_GET, "/register/:kind/:id/files/:file", AREA_REGISTER, VERB_READ, "$0:$1", F_LOG, file, 0},
    {0},
};
