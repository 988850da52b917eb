/* 台帳: files in and out. The daemon itself never looks into them: `mamori register import` does,
 * in a task, and says what it would do. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/register.h"
#include "mamorid/tasks.h"

static bool
upload_name_ok(const char *u)
{
	return strncmp(u, "up-", 3) == 0 && strlen(u) < 60 &&
	    strspn(u, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
	    strlen(u);
}

static json_t *
base_model(struct req *r, const struct register_kind *k)
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
	m = base_model(r, k);
	fields = json_array();
	for (size_t i = 0; i < k->nfields; i++)
		(void)json_array_append_new(fields, json_pack("{s:s, s:b}", "label",
		    reg_label(r, k->fields[i].ja, k->fields[i].en), "required",
		    k->fields[i].required));
	model_put(m, "fields", fields);
	return req_page(r, "register-import", m, e);
}

/* begin(r, k, upload, name, mode, dry, e): Start the reading and go to the page about it. */
static int
begin(struct req *r, const struct register_kind *k, const char *upload, const char *name,
    const char *mode, bool dry, struct err *e)
{
	struct task_new n = {.owner = req_by(r), .ja = r->ja, .word = "task.import", .it = name,
	    .seconds = 600, .keep = true};
	char path[4200], go[200], id[TASK_ID];
	json_t *argv;
	int rc;

	(void)snprintf(path, sizeof(path), "%.4000s/spool/%s", r->c->state->path, upload);
	argv = json_pack("[s, s, s, s, s, s, s, s]", "register", "import", k->key, path,
	    "--conflict", mode, "--by", req_by(r));
	if (dry)
		(void)json_array_append_new(argv, json_string("--dry-run"));
	(void)snprintf(go, sizeof(go), "/register/%s", k->key);
	n.argv = argv;
	n.go = go;
	rc = task_start(r->c->tasks, &n, id, e);
	json_decref(argv);
	if (rc < 0)
		return rc;
	req_note(r, "", "%s %.150s", dry ? "trial" : "import", name);
	return req_go(r, e, "/register/%s/import/%s?u=%s", k->key, id, upload);
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
	upload_keep(u);
	return begin(r, k, u->path + strlen("spool/"), u->name, "stop", true, e);
}

/* -- what the reading said --------------------------------------------------------------------- */

static json_t *
said_places(struct req *r, const struct register_kind *k, json_t *list)
{
	json_t *out = json_array(), *p;
	size_t i;

	json_array_foreach(list, i, p)
		(void)json_array_append_new(out, json_pack("{s:I, s:s, s:s, s:s}", "row",
		    json_integer_value(json_object_get(p, "row")), "label", strcmp(reg_text(p,
		    "field"), "_id") == 0 ? "ID" : reg_field_label(r, k, reg_text(p, "field")),
		    "value", reg_text(p, "value"), "text", reg_text(p, r->ja ? "ja" : "en")));
	return out;
}

static json_t *
said_conflicts(struct req *r, const struct register_kind *k, json_t *list)
{
	json_t *out = json_array(), *p, *f;
	size_t i, j;

	json_array_foreach(list, i, p) {
		char word[48];

		(void)snprintf(word, sizeof(word), "register.why.%s", reg_text(p, "why"));
		json_array_foreach(json_object_get(p, "fields"), j, f)
			model_text(f, "label", reg_field_label(r, k, reg_text(f, "field")));
		model_text(p, "word", word);
		model_text(p, "rkind", k->key);
		(void)json_array_append(out, p);
	}
	return out;
}

/* preview_table(r, k, res, m): The first rows under the headings that were understood. */
static void
preview_table(struct req *r, const struct register_kind *k, json_t *res, json_t *m)
{
	json_t *cols = json_array(), *left = json_array(), *rows = json_array(), *c, *p;
	size_t i, j;

	json_array_foreach(json_object_get(res, "columns"), i, c) {
		const char *field = reg_text(c, "field");

		if (!*field && *reg_text(c, "label"))
			(void)json_array_append_new(left, json_string(reg_text(c, "label")));
		else if (*field && strcmp(field, "_id") != 0)
			(void)json_array_append_new(cols, json_pack("{s:s, s:s}", "label",
			    reg_text(c, "label"), "to", reg_field_label(r, k, field)));
	}
	json_array_foreach(json_object_get(res, "preview"), i, p) {
		json_t *cells = json_array();
		char word[48];

		json_array_foreach(json_object_get(res, "columns"), j, c)
			if (*reg_text(c, "field") && strcmp(reg_text(c, "field"), "_id") != 0)
				(void)json_array_append_new(cells, json_string(reg_text(
				    json_object_get(p, "values"), reg_text(c, "field"))));
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

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		model_int(n, counts[i], json_integer_value(json_object_get(res, counts[i])));
	/* nothing is called "count" in the page but numbers */
	model_put(m, "n", n);
	model_bool(m, "done", json_is_true(json_object_get(res, "done")));
	model_bool(m, "dry", json_is_true(json_object_get(res, "dry")));
	model_bool(m, "only_conflicts",
	    json_integer_value(json_object_get(res, "nproblems")) == 0 &&
		json_integer_value(json_object_get(res, "nconflicts")) > 0);
	model_text(m, "encoding", reg_text(res, "encoding"));
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

static int
preview(struct req *r, struct err *e)
{
	const struct register_kind *k;
	struct task t;
	json_t *m, *res;
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc == 0)
		rc = page_task_own(r, req_id(r, 1), &t, e);
	if (rc < 0)
		return rc;
	m = base_model(r, k);
	model_bool(m, "over", t.over);
	model_text(m, "file", t.it);
	model_text(m, "task", t.id);
	model_text(m, "u", upload_name_ok(req_get(r, "u")) ? req_get(r, "u") : "");
	if (!t.over)
		req_refresh(r, 1);
	res = t.over ? result_of(r, &t) : NULL;
	if (json_is_array(json_object_get(res, "columns")))
		said(r, k, res, m);
	else if (t.over)
		model_text(m, "failed", t.message[0] ? t.message : "?");
	json_decref(res);
	task_free(&t);
	return req_page(r, "register-preview", m, e);
}

static int
run(struct req *r, struct err *e)
{
	const struct register_kind *k;
	const char *mode = req_form(r, "mode"), *u = req_form(r, "u");
	struct task t;
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc < 0)
		return rc;
	if (!upload_name_ok(u))
		return err_set(e, E_INVAL, "no file");
	rc = page_task_own(r, req_form(r, "task"), &t, e);
	if (rc < 0)
		return rc;
	if (strcmp(mode, "skip") != 0 && strcmp(mode, "update") != 0)
		mode = "stop";
	rc = begin(r, k, u, t.it, mode, false, e);
	task_free(&t);
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
	{M_POST, "/register/:kind/import/run", AREA_REGISTER, VERB_WRITE, NULL, 0, run, 0},
	{M_GET, "/register/:kind/import/:task", AREA_REGISTER, VERB_WRITE, NULL, 0, preview, 0},
	{M_POST, "/register/:kind/export", AREA_REGISTER, VERB_EXPORT, NULL, 0, export, 0},
	{0},
};
