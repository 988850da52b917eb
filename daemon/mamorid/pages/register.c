/* 台帳: tiles, lists, one record. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/register.h"

enum { PER_PAGE = 50, HISTORY = 50 };

const char *
reg_text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

bool
reg_may(const struct req *r, const struct register_kind *k, enum identity_verb verb)
{
	/* a zone's keeper may do so with his own record only: the row's object */
	return req_may(r, strcmp(k->key, "person") == 0 ? AREA_PEOPLE : AREA_REGISTER, verb,
	    r->route->object && r->object[0] ? r->object : NULL);
}

int
reg_kind(struct req *r, const char *name, enum identity_verb verb,
    const struct register_kind **ret, struct err *e)
{
	const struct register_kind *k = register_kind(name);

	if (!k)
		return err_set(e, E_NOENT, "no such register");
	if (!reg_may(r, k, verb))
		return err_set(e, E_AUTH, "not allowed");
	*ret = k;
	return 0;
}

struct register_who
reg_who(struct req *r, char today[REGISTER_DAY])
{
	register_today(r->now, today);
	return (struct register_who){.who = req_by(r), .today = today, .now = r->now};
}

const char *
reg_name(struct req *r, const char *by, char *out, size_t n)
{
	struct identity_account a;

	if (r->c->id && identity_account_get(r->c->id, by, &a, NULL) == 0)
		(void)snprintf(out, n, "%s", a.name);
	else
		(void)snprintf(out, n, "%s", by);
	return out;
}

const char *
reg_field_label(const struct req *r, const struct register_kind *k, const char *key)
{
	const struct register_field *f = register_field(k, key);

	if (f)
		return reg_label(r, f->ja, f->en);
	if (strcmp(key, "_next") == 0)
		return reg_label(r, "次の期日", "next date");
	if (strcmp(key, "_next_none") == 0)
		return reg_label(r, "期日のない理由", "why there is no date");
	if (strcmp(key, "_file") == 0)
		return reg_label(r, "ファイル", "file");
	return strcmp(key, "_state") == 0 ? reg_label(r, "一覧", "lists") : key;
}

/* -- tiles ------------------------------------------------------------------------------------- */

static int
tiles(struct req *r, struct err *e)
{
	json_t *m, *counts, *one;
	char today[REGISTER_DAY];
	size_t i;
	int rc;

	register_today(r->now, today);
	rc = register_counts(r->db, today, &counts, e);
	if (rc < 0)
		return rc;
	json_array_foreach(counts, i, one) {
		const struct register_kind *k = register_kind(reg_text(one, "kind"));
		json_int_t attention = json_integer_value(json_object_get(one, "attention"));
		json_int_t overdue = json_integer_value(json_object_get(one, "overdue"));
		json_int_t live = json_integer_value(json_object_get(one, "live"));

		model_text(one, "label", reg_label(r, k->ja, k->en));
		model_text(one, "help", reg_label(r, k->help_ja, k->help_en));
		model_text(one, "light",
		    overdue         ? "red"
			: live == 0 ? "grey"
			: attention ? "yellow"
				    : "green");
	}
	m = json_object();
	model_put(m, "tiles", counts);
	return req_page(r, "register", m, e);
}

/* -- lists ------------------------------------------------------------------------------------- */

struct columns {
	const struct register_field *f[24];
	const char *keys[24];
	size_t n;
};

static void
columns_of(const struct register_kind *k, struct columns *c)
{
	c->n = 0;
	for (size_t i = 0; i < k->nfields && c->n < 22; i++)
		if (k->fields[i].list) {
			c->f[c->n] = &k->fields[i];
			c->keys[c->n++] = k->fields[i].key;
		}
	c->keys[c->n] = "next";
}

/* filter_of(k): The choice by which the list can be narrowed, or NULL. */
static const struct register_field *
filter_of(const struct register_kind *k)
{
	for (size_t i = 0; i < k->nfields; i++)
		if (k->fields[i].list && k->fields[i].type == REGISTER_CHOICE)
			return &k->fields[i];
	return NULL;
}

static json_t *
list_rows(struct req *r, const struct register_kind *k, const struct columns *c, json_t *list,
    const char *today)
{
	json_t *rows = json_array(), *one, *titles = json_object_get(list, "titles");
	char words[300];
	size_t i;

	json_array_foreach(json_object_get(list, "records"), i, one) {
		json_t *cells = json_array(), *values = json_object_get(one, "values");
		const char *next = reg_text(json_object_get(one, "next"), "date");
		bool late = *next && strcmp(next, today) < 0;
		bool missing = json_array_size(json_object_get(one, "missing")) > 0;

		for (size_t j = 0; j < c->n; j++) {
			if (strcmp(c->f[j]->key, k->title) == 0)
				continue;
			register_show(c->f[j], reg_text(values, c->f[j]->key), titles, r->ja, words,
			    sizeof(words));
			(void)json_array_append_new(cells, json_string(words));
		}
		(void)json_array_append_new(rows,
		    json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "kind", k->key, "id",
			reg_text(one, "id"), "title", reg_text(one, "title"), "cells", cells,
			"next", *next ? next : "―", "light",
			late          ? "red"
			    : missing ? "yellow"
				      : "green"));
	}
	return rows;
}

static json_t *
heading(const struct req *r, const struct register_kind *k, const struct columns *c,
    struct register_query *q)
{
	json_t *cols, *one;
	size_t i;
	int sort;

	cols = model_sort(r, c->keys, c->n + 1, &sort);
	json_array_foreach(cols, i, one) {
		model_text(one, "word", i < c->n ? reg_label(r, c->f[i]->ja, c->f[i]->en)
						 : reg_label(r, k->next_ja, k->next_en));
		/* without a wish the engine's own order, by reading, stands */
		if (!*req_get(r, "sort"))
			(void)json_object_del(one, "dir");
	}
	if (*req_get(r, "sort")) {
		q->sort = c->keys[sort < 0 ? -1 - sort : sort];
		q->down = sort < 0;
	}
	return cols;
}

static json_t *
filter_model(const struct req *r, const struct register_field *f)
{
	json_t *options = json_array();

	(void)json_array_append_new(options, json_pack("{s:s, s:s}", "value", "", "label",
	    reg_label(r, "すべて", "all")));
	for (size_t i = 0; i < f->nchoices; i++)
		(void)json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value",
		    f->choices[i].key, "label", reg_label(r, f->choices[i].ja, f->choices[i].en),
		    "selected", strcmp(req_get(r, "c"), f->choices[i].key) == 0));
	return json_pack("{s:s, s:o}", "label", reg_label(r, f->ja, f->en), "options", options);
}

static int
list_page(struct req *r, const struct register_kind *k, struct err *e)
{
	enum identity_area area = strcmp(k->key, "person") == 0 ? AREA_PEOPLE : AREA_REGISTER;
	const struct register_field *f = filter_of(k);
	struct register_query q = {.text = req_get(r, "q"), .limit = PER_PAGE};
	json_t *m = json_object(), *list;
	char today[REGISTER_DAY];
	struct columns c;
	int64_t total;
	int rc;

	register_today(r->now, today);
	columns_of(k, &c);
	if (f && *req_get(r, "c")) {
		q.filter[0].field = f->key;
		q.filter[0].value = req_get(r, "c");
	}
	if (strcmp(req_get(r, "state"), "archived") == 0)
		q.state = REGISTER_ARCHIVED;
	if (*req_get(r, "attention"))
		q.attention = today;
	model_put(m, "cols", heading(r, k, &c, &q));
	q.offset =
	    PER_PAGE * (req_num(req_get(r, "page"), 1, REGISTER_MAX_RECORDS / PER_PAGE, 1) - 1);
	rc = register_list(r->db, k, &q, &list, e);
	if (rc == 0) {
		int64_t asked = q.offset;

		total = json_integer_value(json_object_get(list, "total"));
		model_put(m, "pager", model_pager(r, total, PER_PAGE, &q.offset));
		if (q.offset != asked) { /* there are fewer pages by now */
			json_decref(list);
			rc = register_list(r->db, k, &q, &list, e);
		}
	}
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	model_put(m, "rows", list_rows(r, k, &c, list, today));
	json_decref(list);
	model_text(m, "kind", k->key);
	model_text(m, "label", reg_label(r, k->ja, k->en));
	model_text(m, "help", reg_label(r, k->help_ja, k->help_en));
	model_text(m, "q", req_get(r, "q"));
	model_bool(m, "archived", q.state == REGISTER_ARCHIVED);
	model_bool(m, "attention", q.attention != NULL);
	model_bool(m, "single", k->single != NULL);
	model_bool(m, "may_write", req_may(r, area, VERB_WRITE, NULL));
	model_bool(m, "may_export", req_may(r, area, VERB_EXPORT, NULL));
	if (f)
		model_put(m, "filter", filter_model(r, f));
	model_put(m, "crumbs", model_crumbs("nav.register", "/register", NULL));
	return req_page(r, "register-list", m, e);
}

static int
list(struct req *r, struct err *e)
{
	const struct register_kind *k;
	int rc = reg_kind(r, req_id(r, 0), VERB_READ, &k, e);

	return rc < 0 ? rc : list_page(r, k, e);
}

/* -- one record -------------------------------------------------------------------------------- */

static json_t *
show_fields(struct req *r, const struct register_kind *k, json_t *record, json_t *titles)
{
	json_t *out = json_array(), *values = json_object_get(record, "values"), *miss;
	char words[REGISTER_MAX_VALUE + 1], href[200];

	for (size_t i = 0; i < k->nfields; i++) {
		const struct register_field *f = &k->fields[i];
		const char *value = reg_text(values, f->key);
		bool missing = false;
		size_t j;
		json_t *o;

		json_array_foreach(json_object_get(record, "missing"), j, miss)
			missing = missing || strcmp(json_string_value(miss), f->key) == 0;
		if (!*value && !missing)
			continue;
		register_show(f, value, titles, r->ja, words, sizeof(words));
		o = json_pack("{s:s, s:s, s:b}", "label", reg_label(r, f->ja, f->en), "text", words,
		    "missing", missing);
		if (f->type == REGISTER_REF && *value) {
			(void)snprintf(href, sizeof(href), "/register/%s/%s", f->ref, value);
			model_text(o, "href", href);
		}
		(void)json_array_append_new(out, o);
	}
	return out;
}

static json_t *
show_changes(struct req *r, const struct register_kind *k, json_t *changes)
{
	json_t *out = json_array(), *pair;
	const char *key;
	char was[300], is[300];

	json_object_foreach(changes, key, pair) {
		const struct register_field *f = register_field(k, key);
		const char *a = json_string_value(json_array_get(pair, 0));
		const char *b = json_string_value(json_array_get(pair, 1));

		if (f) {
			register_show(f, a, NULL, r->ja, was, sizeof(was));
			register_show(f, b, NULL, r->ja, is, sizeof(is));
		} else {
			(void)snprintf(was, sizeof(was), "%.250s", a);
			(void)snprintf(is, sizeof(is), "%.250s", b);
		}
		(void)json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "label",
		    reg_field_label(r, k, key), "was", *was ? was : "―", "now", *is ? is : "―"));
	}
	return out;
}

static int
history(struct req *r, const struct register_kind *k, const char *id, json_t **ret, struct err *e)
{
	json_t *list, *one, *o, *out = json_array();
	char name[IDENTITY_NAME], word[40];
	size_t i;
	int rc = register_history(r->db, k, id, &list, e);

	if (rc < 0) {
		json_decref(out);
		return rc;
	}
	json_array_foreach(list, i, one) {
		if (i >= HISTORY)
			break;
		(void)snprintf(word, sizeof(word), "register.how.%s", reg_text(one, "how"));
		o = json_pack("{s:I, s:s, s:s, s:s, s:o}", "rev",
		    json_integer_value(json_object_get(one, "rev")), "by",
		    reg_name(r, reg_text(one, "by"), name, sizeof(name)), "how", word, "note",
		    reg_text(one, "note"), "changes", show_changes(r, k,
		    json_object_get(one, "changes")));
		model_when(o, "at", reg_text(one, "at"));
		(void)json_array_append_new(out, o);
	}
	json_decref(list);
	*ret = out;
	return 0;
}

static int
backrefs(struct req *r, const struct register_kind *k, const char *id, json_t **ret, struct err *e)
{
	json_t *list, *one;
	size_t i;
	int rc = register_backrefs(r->db, k->key, id, &list, e);

	if (rc < 0)
		return rc;
	json_array_foreach(list, i, one) {
		const struct register_kind *other = register_kind(reg_text(one, "kind"));

		model_text(one, "label", reg_field_label(r, other, reg_text(one, "field")));
		model_text(one, "kind_label", reg_label(r, other->ja, other->en));
	}
	*ret = list;
	return 0;
}

/* protected_by(r, record, m, e): What the vault has of a system. */
static int
protected_by(struct req *r, json_t *record, json_t *m, struct err *e)
{
	const char *name = reg_text(json_object_get(record, "values"), "vault_system");
	json_t *list, *one;
	size_t i;
	int rc = register_protection(r->db, &list, e);

	if (rc < 0)
		return rc;
	json_array_foreach(list, i, one)
		if (strcmp(reg_text(one, "system"), *name ? name : reg_text(record, "id")) == 0)
			model_put(m, "vault", json_incref(one));
	json_decref(list);
	return 0;
}

static int
show_more(struct req *r, const struct register_kind *k, json_t *record, json_t *m, struct err *e)
{
	json_t *titles, *files, *past, *back, *one;
	char sha[32];
	size_t i;
	const char *id = reg_text(record, "id");
	int rc = register_titles(r->db, k, record, &titles, e);

	if (rc < 0)
		return rc;
	model_put(m, "fields", show_fields(r, k, record, titles));
	json_decref(titles);
	rc = register_files(r->db, k, id, &files, e);
	if (rc < 0)
		return rc;
	json_array_foreach(files, i, one) {
		model_text(one, "kind", k->key);
		model_int(one, "fid", json_integer_value(json_object_get(one, "id")));
		model_text(one, "id", id);
		(void)snprintf(sha, sizeof(sha), "%.12s…", reg_text(one, "sha256"));
		model_text(one, "sha", sha);
		model_bool(one, "may_write", json_is_true(json_object_get(m, "may_write")));
	}
	model_put(m, "files", files);
	rc = history(r, k, id, &past, e);
	if (rc < 0)
		return rc;
	model_put(m, "history", past);
	rc = backrefs(r, k, id, &back, e);
	if (rc < 0)
		return rc;
	model_put(m, "backrefs", back);
	return strcmp(k->key, "system") == 0 ? protected_by(r, record, m, e) : 0;
}

static int
show(struct req *r, struct err *e)
{
	const struct register_kind *k;
	json_t *record, *m, *next;
	char today[REGISTER_DAY], crumb[80], label[200];
	int rc = reg_kind(r, req_id(r, 0), VERB_READ, &k, e);

	if (rc == 0)
		rc = register_get(r->db, k, req_id(r, 1), &record, e);
	if (rc < 0)
		return rc;
	register_today(r->now, today);
	next = json_object_get(record, "next");
	m = json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:s, s:s, s:s}", "kind", k->key, "label",
	    reg_label(r, k->ja, k->en), "id", reg_text(record, "id"), "title",
	    reg_text(record, "title"), "rev", json_integer_value(json_object_get(record, "rev")),
	    "archived", strcmp(reg_text(record, "state"), "archived") == 0, "next",
	    reg_text(next, "date"), "why", reg_text(next, "why"), "next_label",
	    reg_label(r, k->next_ja, k->next_en));
	model_text(m, "light", *reg_text(next, "date") && strcmp(reg_text(next, "date"), today) < 0
	    ? "red" : json_array_size(json_object_get(record, "missing")) ? "yellow" : "green");
	model_bool(m, "may_write", reg_may(r, k, VERB_WRITE));
	model_bool(m, "single", k->single != NULL);
	(void)snprintf(crumb, sizeof(crumb), "/register/%s", k->key);
	(void)snprintf(label, sizeof(label), "=%s", reg_label(r, k->ja, k->en));
	model_put(m, "crumbs", model_crumbs("nav.register", "/register", label, crumb, NULL));
	rc = show_more(r, k, record, m, e);
	json_decref(record);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "register-show", m, e);
}

const struct route register_rows[] = {
	{M_GET, "/register", AREA_REGISTER, VERB_READ, NULL, 0, tiles, 0},
	{M_GET, "/register/:kind", AREA_REGISTER, VERB_READ, NULL, 0, list, 0},
	{M_GET, "/register/:kind/:id", AREA_REGISTER, VERB_READ, "$0:$1", 0, show, 0},
	{0},
};
