/* 台帳: files in and out. The daemon itself never looks into them: `mamori register import` does,
 * in a task, and says what it would do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/register_io.h"
#include "register/match.h"

enum { LEFT = 40 }; /* headings of columns that are left out, named below the first rows */

json_t *
register_io_model(struct req *r, const struct register_kind *k)
{
	char crumb[80], label[200];
	json_t *m = json_pack("{s:s, s:s}", "kind", k->key, "label", reg_label(r, k->ja, k->en));

	(void)snprintf(crumb, sizeof(crumb), "/register/%s", k->key);
	(void)snprintf(label, sizeof(label), "=%s", reg_label(r, k->ja, k->en));
	model_put(m, "crumbs", model_crumbs("nav.register", "/register", label, crumb, NULL));
	return m;
}

static int
ask(struct req *r, struct err *e)
{
	const struct register_kind *k;
	json_t *m, *fields;
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc < 0)
		return rc;
	m = register_io_model(r, k);
	fields = json_array();
	for (size_t i = 0; i < k->nfields; i++)
		(void)json_array_append_new(fields, json_pack("{s:s, s:b}", "label",
		    reg_label(r, k->fields[i].ja, k->fields[i].en), "required",
		    k->fields[i].required));
	model_put(m, "fields", fields);
	rc = register_columns_kept(r, k, m, e);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "register-import", m, e);
}

/* put_shown(r, shown, path, e): The columns to take as a file of the spool, in which uploads lie,
 * too: it is removed as they are, when no task needs it any more. */
static int
put_shown(struct req *r, const json_t *shown, char path[SPOOL_NAME], struct err *e)
{
	char *text = json_dumps(shown, JSON_COMPACT);
	int rc = text ? spool_put(r, text, strlen(text), path, e)
		      : err_set(e, E_NOMEM, "no memory for columns");

	free(text);
	return rc;
}

static void
add_word(json_t *argv, const char *word)
{
	(void)json_array_append_new(argv, json_string(word));
}

int
register_io_begin(struct req *r, const struct register_kind *k, const struct register_io *io,
    struct err *e)
{
	struct task_new n = {.owner = req_by(r), .ja = r->ja, .word = "task.import", .it = io->name,
	    .seconds = 600, .keep = true};
	char path[SPOOL_PATH], go[200], id[TASK_ID], cols[SPOOL_NAME] = "";
	json_t *argv;
	int rc = io->shown ? put_shown(r, io->shown, cols, e) : 0;

	if (rc < 0)
		return rc;
	spool_path(r, io->upload, path);
	argv = json_pack("[s, s, s, s, s, s, s, s]", "register", "import", k->key, path,
	    "--conflict", io->mode, "--by", req_by(r));
	if (*cols) {
		spool_path(r, cols, path);
		add_word(argv, "--columns");
		add_word(argv, path);
	}
	if (io->keep)
		add_word(argv, "--remember");
	if (io->dry)
		add_word(argv, "--dry-run");
	(void)snprintf(go, sizeof(go), "/register/%s", k->key);
	n.argv = argv;
	n.go = go;
	rc = task_start(r->c->tasks, &n, id, e);
	json_decref(argv);
	if (rc < 0 && *cols)
		(void)fio_unlink(r->c->state->f, r->c->state->dirfd, cols, NULL);
	if (rc < 0)
		return rc;
	req_note(r, "", "%s %.150s", io->dry ? "trial" : "import", io->name);
	return req_go(r, e, "/register/%s/import/%s", k->key, id);
}

static int
receive(struct req *r, struct err *e)
{
	const struct register_kind *k;
	struct upload *u = req_upload(r, "file");
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc < 0)
		return rc;
	if (!u) {
		req_flash(r, "register.no_file");
		return req_go(r, e, "/register/%s/import", k->key);
	}
	rc = register_io_begin(r, k, &(struct register_io){.upload = u->path, .name = u->name,
	    .mode = "stop", .dry = true}, e);
	if (rc == 0)
		upload_keep(u);
	return rc;
}

/* -- what the reading said --------------------------------------------------------------------- */

static json_t *
said_places(struct req *r, const struct register_kind *k, json_t *list)
{
	json_t *out = json_array(), *p;
	size_t i;

	json_array_foreach(list, i, p) {
		const char *f = reg_text(p, "field");

		(void)json_array_append_new(out, json_pack("{s:I, s:s, s:s, s:s}", "row",
		    json_integer_value(json_object_get(p, "row")), "label",
		    strcmp(f, REGISTER_FIELD_ID) == 0 ? "ID" : reg_field_label(r, k, f),
		    "value", reg_text(p, "value"), "text", reg_text(p, r->ja ? "ja" : "en")));
	}
	return out;
}

static json_t *
said_conflicts(struct req *r, const struct register_kind *k, json_t *list)
{
	json_t *out = json_array(), *p, *f;
	size_t i, j;

	json_array_foreach(list, i, p) {
		char word[48];

		(void)snprintf(word, sizeof(word), "register.why.%s", strcmp(reg_text(p, "why"),
		    "same") == 0 && *reg_text(p, "by") && strcmp(reg_text(p, "by"), k->title) != 0
		    ? "number" : reg_text(p, "why"));
		json_array_foreach(json_object_get(p, "fields"), j, f)
			model_text(f, "label", reg_field_label(r, k, reg_text(f, "field")));
		model_text(p, "word", word);
		model_text(p, "rkind", k->key);
		(void)json_array_append(out, p);
	}
	return out;
}

static json_t *
said_missing(struct req *r, const struct register_kind *k, json_t *list)
{
	json_t *out = json_array(), *p;
	size_t i;

	json_array_foreach(list, i, p)
		(void)json_array_append_new(out, json_pack("{s:s, s:I}", "label",
		    reg_field_label(r, k, reg_text(p, "field")), "rows",
		    json_integer_value(json_object_get(p, "rows"))));
	return out;
}

/* preview_table(r, k, res, m): The first rows under the headings that were understood. */
static void
preview_table(struct req *r, const struct register_kind *k, json_t *res, json_t *m)
{
	json_t *cols = json_array(), *left = json_array(), *rows = json_array(), *c, *p;
	size_t i, j, n = 0;

	json_array_foreach(json_object_get(res, "columns"), i, c) {
		const char *field = reg_text(c, "field");

		if (!*field && *reg_text(c, "label") && n++ < LEFT)
			(void)json_array_append_new(left, json_string(reg_text(c, "label")));
		else if (*field && strcmp(field, REGISTER_FIELD_ID) != 0)
			(void)json_array_append_new(cols, json_pack("{s:s, s:s}", "label",
			    reg_text(c, "label"), "to", reg_field_label(r, k, field)));
	}
	json_array_foreach(json_object_get(res, "preview"), i, p) {
		json_t *cells = json_array();
		char word[48];

		json_array_foreach(json_object_get(res, "columns"), j, c) {
			const char *f = reg_text(c, "field");

			if (*f && strcmp(f, REGISTER_FIELD_ID) != 0)
				(void)json_array_append_new(cells,
				    json_string(reg_text(json_object_get(p, "values"), f)));
		}
		(void)snprintf(word, sizeof(word), "register.act.%s", reg_text(p, "action"));
		(void)json_array_append_new(rows, json_pack("{s:I, s:s, s:o}", "row",
		    json_integer_value(json_object_get(p, "row")), "action", word, "cells", cells));
	}
	model_put(m, "cols", cols);
	model_put(m, "left", left);
	model_put(m, "rows", rows);
}

static void
said(struct req *r, const struct register_kind *k, json_t *res, json_t *m)
{
	static const char *const counts[] = {"rows", "added", "updated", "merged", "unchanged",
	    "skipped", "nproblems", "nconflicts"};
	json_t *n = json_object();
	char word[48];

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		model_int(n, counts[i], json_integer_value(json_object_get(res, counts[i])));
	/* nothing is called "count" in the page but numbers */
	model_put(m, "n", n);
	model_bool(m, "done", json_is_true(json_object_get(res, "done")));
	model_bool(m, "dry", json_is_true(json_object_get(res, "dry")));
	model_bool(m, "only_conflicts",
	    json_integer_value(json_object_get(res, "nproblems")) == 0 &&
		json_integer_value(json_object_get(res, "nconflicts")) > 0);
	model_bool(m, "changed", json_is_true(json_object_get(res, "changed")));
	model_bool(m, "read", json_integer_value(json_object_get(res, "rows")) > 0);
	model_put(m, "missing", said_missing(r, k, json_object_get(res, "missing")));
	if (*reg_text(res, "encoding")) {
		(void)snprintf(word, sizeof(word), "register.letters.%.20s",
		    reg_text(res, "encoding"));
		model_text(m, "encoding", word);
	}
	model_put(m, "problems", said_places(r, k, json_object_get(res, "problems")));
	model_put(m, "warnings", said_places(r, k, json_object_get(res, "warnings")));
	model_put(m, "conflicts", said_conflicts(r, k, json_object_get(res, "conflicts")));
	preview_table(r, k, res, m);
}

static json_t *
result_of(struct req *r, const struct task *t)
{
	struct buf out;
	json_t *o = NULL;

	buf_init(&out, 4 << 20);
	if (task_out(r->c->state, t, &out, NULL) == 0 && out.len > 0)
		o = json_loadb((const char *)out.p, out.len, JSON_REJECT_DUPLICATES, NULL);
	buf_free(&out);
	return o ? o : json_incref(t->result);
}

/* upload_of(r, id, out): The file that a task read, as the spool calls it, while it is there. */
static void
upload_of(struct req *r, const char *id, char out[SPOOL_NAME])
{
	const char *name;
	json_t *argv = NULL;

	out[0] = 0;
	if (page_task_words(r, id, &argv, NULL) < 0)
		return;
	name = strrchr(page_task_word(argv, 3), '/');
	(void)snprintf(out, SPOOL_NAME, "spool/%.50s", name ? name + 1 : "");
	if (faccessat(r->c->state->dirfd, out, F_OK, 0) < 0)
		out[0] = 0;
	json_decref(argv);
}

int
register_io_trial(struct req *r, struct register_trial *ret, struct err *e)
{
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &ret->k, e);

	if (rc == 0)
		rc = page_task_own(r, req_id(r, 1), &ret->t, e);
	if (rc < 0)
		return rc;
	upload_of(r, ret->t.id, ret->upload);
	ret->res = ret->t.over ? result_of(r, &ret->t) : NULL;
	if (!json_is_array(json_object_get(ret->res, "columns")) ||
	    strcmp(reg_text(ret->res, "kind"), ret->k->key) != 0) {
		json_decref(ret->res);
		ret->res = NULL;
	}
	return 0;
}

int
register_io_trial_said(const struct register_trial *t, struct err *e)
{
	/* what was imported is no trial any more */
	return *t->upload && json_is_true(json_object_get(t->res, "dry")) ? 0 :
	    err_set(e, E_NOENT, "no such trial");
}

void
register_io_trial_free(struct register_trial *t)
{
	json_decref(t->res);
	task_free(&t->t);
}

json_t *
register_io_shown(json_t *res)
{
	json_t *cols = json_array(), *c, *fill = json_object_get(res, "fill");
	size_t i;

	json_array_foreach(json_object_get(res, "columns"), i, c)
		(void)json_array_append_new(cols, json_pack("{s:O, s:O, s:O}", "column",
		    json_object_get(c, "column"), "label", json_object_get(c, "label"), "field",
		    json_object_get(c, "field")));
	c = json_pack("{s:O, s:O, s:o}", "row", json_object_get(res, "row"), "heading",
	    json_object_get(res, "heading"), "columns", cols);
	if (fill)
		model_put(c, "fill", json_incref(fill));
	return c;
}

int
register_io_page(struct req *r, const struct register_trial *t, json_t *wrong, struct err *e)
{
	json_t *m = register_io_model(r, t->k);
	int rc = 0;

	model_bool(m, "over", t->t.over);
	model_text(m, "file", t->t.it);
	model_text(m, "task", t->t.id);
	model_bool(m, "there", *t->upload);
	if (!t->t.over)
		req_refresh(r, 1);
	else if (!t->res)
		model_text(m, "failed", t->t.message[0] ? t->t.message : "?");
	if (t->res) {
		said(r, t->k, t->res, m);
		if (*t->upload && json_is_true(json_object_get(t->res, "dry")))
			rc = register_columns_form(r, t->k, t->res, wrong, m, e);
	}
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page_status(r, wrong ? 422 : 200, "register-preview", m, e);
}

static int
preview(struct req *r, struct err *e)
{
	struct register_trial t;
	int rc = register_io_trial(r, &t, e);

	if (rc < 0)
		return rc;
	rc = register_io_page(r, &t, NULL, e);
	register_io_trial_free(&t);
	return rc;
}

/* run(r, e): What the trial showed, and nothing else: its file, with its columns beside it, so that
 * neither other headings nor what was remembered meanwhile change anything. */
static int
run(struct req *r, struct err *e)
{
	struct register_io io = {.mode = req_form(r, "mode")};
	struct register_trial t;
	json_t *shown;
	int rc = register_io_trial(r, &t, e);

	if (rc < 0)
		return rc;
	if (strcmp(io.mode, "skip") != 0 && strcmp(io.mode, "update") != 0)
		io.mode = "stop";
	rc = register_io_trial_said(&t, e);
	if (rc == 0) {
		shown = register_io_shown(t.res);
		io.upload = t.upload;
		io.name = t.t.it;
		io.shown = shown;
		rc = register_io_begin(r, t.k, &io, e);
		json_decref(shown);
	}
	register_io_trial_free(&t);
	return rc;
}

/* -- out --------------------------------------------------------------------------------------- */

static int
export(struct req *r, struct err *e)
{
	const struct register_kind *k;
	const char *form = req_form(r, "form");
	bool xlsx = strcmp(form, "xlsx") == 0, sjis = strcmp(form, "cp932") == 0;
	struct task_new n = {.word = "task.export", .seconds = 600};
	char rel[TASK_FILE], abs[4200], name[200], today[REGISTER_DAY];
	json_t *argv;
	int rc = reg_kind(r, req_id(r, 0), VERB_EXPORT, &k, e);

	if (rc < 0)
		return rc;
	task_file(r->c->state, xlsx ? ".xlsx" : ".csv", rel, abs, sizeof(abs));
	argv = json_pack("[s, s, s, s, s, s]", "register", "export", k->key, abs, "--format",
	    xlsx ? "xlsx" : "csv");
	if (sjis) {
		(void)json_array_append_new(argv, json_string("--encoding"));
		(void)json_array_append_new(argv, json_string("cp932"));
	}
	register_today(r->now, today);
	(void)snprintf(name, sizeof(name), "%s-%s.%s", reg_label(r, k->ja, k->en), today,
	    xlsx ? "xlsx" : "csv");
	n.it = reg_label(r, k->ja, k->en);
	n.argv = argv;
	n.file = rel;
	n.file_name = name;
	n.file_type = xlsx ? "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	                   : "text/csv";
	rc = page_task(r, &n, e);
	json_decref(argv);
	return rc;
}

const struct route register_io_rows[] = {
	{M_GET, "/register/:kind/import", AREA_REGISTER, VERB_WRITE, NULL, 0, ask, 0},
	{M_POST, "/register/:kind/import", AREA_REGISTER, VERB_WRITE, NULL, F_UPLOAD, receive, 0},
	{M_POST, "/register/:kind/import/:task/run", AREA_REGISTER, VERB_WRITE, NULL, 0, run, 0},
	{M_GET, "/register/:kind/import/:task", AREA_REGISTER, VERB_WRITE, NULL, 0, preview, 0},
	{M_POST, "/register/:kind/export", AREA_REGISTER, VERB_EXPORT, NULL, 0, export, 0},
	{0},
};
