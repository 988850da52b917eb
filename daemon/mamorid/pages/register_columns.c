/* 台帳: which column of a file is which field. A form with a select for each column, preset with
 * what was found; a guess is marked as one. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/register_io.h"
#include "register/match.h"

enum { SAID = 900 }; /* bytes of what stands beside a heading */

/* letters(c, out): How a spreadsheet calls a column: A, B ... Z, AA. */
static const char *
letters(json_int_t c, char out[8])
{
	char tmp[8];
	size_t n = 0, k = 0;

	for (; c > 0 && n < sizeof(tmp) - 1; c = (c - 1) / 26)
		tmp[n++] = (char)('A' + (c - 1) % 26);
	while (n > 0)
		out[k++] = tmp[--n];
	out[k] = 0;
	return out;
}

static const char *
name_of(json_t *col, char out[24])
{
	(void)snprintf(out, 24, "c%lld",
	    (long long)json_integer_value(json_object_get(col, "column")));
	return out;
}

/* shown(col): Whether there is anything in a column to ask about. */
static bool
shown(json_t *col)
{
	return *reg_text(col, "label") || json_integer_value(json_object_get(col, "filled")) > 0;
}

static bool
has_column(json_t *res, const char *field)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(res, "columns"), i, c)
		if (strcmp(reg_text(c, "field"), field) == 0)
			return true;
	return false;
}

/* -- the form ---------------------------------------------------------------------------------- */

static void
option(json_t *list, const char *value, const char *label, const char *chosen)
{
	(void)json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "value", value, "label",
	    label, "selected", strcmp(value, chosen) == 0));
}

static json_t *
options(const struct req *r, const struct register_kind *k, const char *chosen)
{
	json_t *list = json_array();
	char label[200];

	option(list, "", reg_label(r, "取り込まない", "leave it out"), chosen);
	for (size_t i = 0; i < k->nfields; i++) {
		const struct register_field *f = &k->fields[i];

		(void)snprintf(label, sizeof(label), "%.150s%s", reg_label(r, f->ja, f->en),
		    f->required ? reg_label(r, "（必須）", " (required)") : "");
		option(list, f->key, label, chosen);
	}
	option(list, REGISTER_FIELD_ID, reg_label(r, "守りID（書き出したときの番号）",
	    "Mamori ID (of an export)"), chosen);
	return list;
}

static bool
guessed(json_t *col)
{
	const char *how = reg_text(col, "how");

	return strcmp(how, "alike") == 0 || strcmp(how, "alias") == 0;
}

static bool
unsure(json_t *col)
{
	const char *how = reg_text(col, "how");

	return guessed(col) || strcmp(how, "twice") == 0 || strcmp(how, "none") == 0;
}

/* mark(r, k, col, out, n): Why a column is what it is, in words. */
static void
mark(const struct req *r, const struct register_kind *k, json_t *col, char *out, size_t n)
{
	static const struct {
		const char *how, *ja, *en;
	} words[] = {
		{"none", "？ わからない見出しです。", "？ This heading is not known. "},
		{"chosen", "選んだとおり。", "As chosen. "},
		{"kept", "前に選んだとおり。", "As chosen before. "},
		{"exact", "見出しどおり。", "As the heading says. "},
		{"alike", "▲ 推測です。", "▲ A guess. "},
		{"alias", "▲ 推測です。", "▲ A guess. "},
	};
	const char *how = reg_text(col, "how");

	out[0] = 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].how, how) == 0)
			(void)snprintf(out, n, "%s", reg_label(r, words[i].ja, words[i].en));
	if (strcmp(how, "twice") == 0)
		(void)snprintf(out, n, r->ja ? "▲ ほかの列も「%.150s」のようです。"
		    : "▲ Another column seems to be the %.150s. ",
		    reg_field_label(r, k, reg_text(col, "guess")));
}

/* hint(r, k, col, out, n): The reason, and some of the values. */
static void
hint(const struct req *r, const struct register_kind *k, json_t *col, char *out, size_t n)
{
	json_t *v, *list = json_object_get(col, "values");
	const char *between = "";
	size_t i, at;

	mark(r, k, col, out, n);
	at = strlen(out);
	at += (size_t)snprintf(out + at, n - at, "%s", json_array_size(list) == 0
	    ? reg_label(r, "値はありません。", "It has no values.")
	    : reg_label(r, "値の例: ", "Such as: "));
	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v);

		if (!s || strlen(s) + 8 >= n - at)
			continue;
		at += (size_t)snprintf(out + at, n - at, "%s%s", between, s);
		between = " ／ ";
	}
}

static json_t *
one_column(struct req *r, const struct register_kind *k, json_t *col, json_t *wrong)
{
	char name[24], letter[8], said[SAID], label[REGISTER_LABEL + 80];
	json_t *o;

	(void)name_of(col, name);
	(void)letters(json_integer_value(json_object_get(col, "column")), letter);
	if (*reg_text(col, "label"))
		(void)snprintf(label, sizeof(label), r->ja ? "%s列「%.255s」"
		    : "Column %s \"%.255s\"", letter, reg_text(col, "label"));
	else
		(void)snprintf(label, sizeof(label), r->ja ? "%s列（見出しなし）"
		    : "Column %s (no heading)", letter);
	hint(r, k, col, said, sizeof(said));
	o = json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", name, "label", label, "hint", said,
	    "unsure", (int)unsure(col), "options", options(r, k,
	    req_form_or(r, name, reg_text(col, "field"))));
	model_text(o, "error", json_string_value(json_object_get(wrong, name)));
	return o;
}

/* fills(r, k, res, wrong, ret, e): A field for each required one that no column gives. */
static int
fills(struct req *r, const struct register_kind *k, json_t *res, json_t *wrong, json_t **ret,
    struct err *e)
{
	json_t *list = json_array();
	int rc = 0;

	for (size_t i = 0; i < k->nfields && rc == 0; i++) {
		const struct register_field *f = &k->fields[i];
		const char *value;
		char name[FORM_NAME];

		value = reg_text(json_object_get(res, "fill"), f->key);
		if (!f->required || strcmp(f->key, k->title) == 0 ||
		    (has_column(res, f->key) && !*value))
			continue;
		(void)snprintf(name, sizeof(name), "fill_%s", f->key);
		rc = reg_field(r, f, name, req_form_or(r, name, value),
		    json_string_value(json_object_get(wrong, name)), list, e);
		if (rc == 0) /* it may stay empty: the rows then say so */
			model_bool(json_array_get(list, json_array_size(list) - 1), "required",
			    false);
	}
	if (rc == 0)
		*ret = list;
	else
		json_decref(list);
	return rc;
}

static json_t *
heads(struct req *r, json_t *res)
{
	json_int_t row = json_integer_value(json_object_get(res, "row"));
	json_t *list = json_array(), *h;
	char value[24], now[24], label[240];
	bool found = false;
	size_t i;

	(void)snprintf(now, sizeof(now), "%lld", (long long)row);
	json_array_foreach(json_object_get(res, "heads"), i, h) {
		json_int_t n = json_integer_value(json_object_get(h, "row"));

		found = found || n == row;
		(void)snprintf(value, sizeof(value), "%lld", (long long)n);
		(void)snprintf(label, sizeof(label), r->ja ? "%lld 行目: %.190s"
		    : "row %lld: %.190s", (long long)n, reg_text(h, "text"));
		option(list, value, label, req_form_or(r, "head", now));
	}
	if (!found)
		option(list, now, now, now);
	return list;
}

/* errors(wrong): On top of the form: what is wrong, with the column where it is. */
static json_t *
errors(json_t *wrong)
{
	json_t *list = json_array(), *v;
	const char *name;

	json_object_foreach(wrong, name, v)
		(void)json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "text",
		    json_string_value(v)));
	return list;
}

int
register_columns_form(struct req *r, const struct register_kind *k, json_t *res, json_t *wrong,
    json_t *m, struct err *e)
{
	json_t *list = json_array(), *col, *o, *fill = NULL;
	bool ask = form_has(&r->form, "head") ||
	    json_array_size(json_object_get(res, "missing")) > 0 ||
	    json_is_true(json_object_get(res, "changed"));
	bool guess = false, kept = false;
	size_t i;
	int rc = fills(r, k, res, wrong, &fill, e);

	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	json_array_foreach(json_object_get(res, "columns"), i, col) {
		if (!shown(col))
			continue;
		ask = ask || unsure(col);
		guess = guess || guessed(col);
		kept = kept || strcmp(reg_text(col, "how"), "kept") == 0;
		(void)json_array_append_new(list, one_column(r, k, col, wrong));
	}
	o = json_pack("{s:o, s:o, s:o, s:b, s:b, s:b}", "cols", list, "fills", fill, "heads",
	    heads(r, res), "ask", (int)ask, "guess", (int)guess, "kept", (int)kept);
	if (wrong)
		model_put(o, "errors", errors(wrong));
	model_text(o, "kind", k->key);
	model_text(o, "task", reg_text(m, "task"));
	model_put(m, "match", o);
	return 0;
}

int
register_columns_kept(struct req *r, const struct register_kind *k, json_t *m, struct err *e)
{
	json_t *kept, *one, *list;
	const char *key;
	int rc = register_match_kept(r->db, k, &kept, e);

	if (rc < 0)
		return rc;
	list = json_array();
	json_object_foreach(kept, key, one) {
		const char *field = reg_text(one, "field");

		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "label",
		    reg_text(one, "label"), "to", *field ? reg_field_label(r, k, field) : "",
		    "out", !*field));
	}
	json_decref(kept);
	model_int(m, "nkept", (int64_t)json_array_size(list));
	model_put(m, "kept", list);
	return 0;
}

/* -- the form that came back ------------------------------------------------------------------- */

static void
blame(json_t *wrong, const char *name, const char *text)
{
	if (!json_object_get(wrong, name))
		model_text(wrong, name, text);
}

/* twice(r, k, col, first, wrong): One field for two columns. */
static void
twice(struct req *r, const struct register_kind *k, const char *field, json_t *col,
    json_t *first, json_t *wrong)
{
	char a[8], b[8], name[24], text[300];

	(void)letters(json_integer_value(json_object_get(first, "column")), a);
	(void)letters(json_integer_value(json_object_get(col, "column")), b);
	(void)snprintf(text, sizeof(text), r->ja
	    ? "%s列と%s列の両方を「%.180s」にはできません。どちらかを変えてください。"
	    : "Columns %s and %s cannot both be \"%.180s\". Please change one.", a, b,
	    strcmp(field, REGISTER_FIELD_ID) == 0 ? reg_label(r, "守りID", "Mamori ID")
	                                     : reg_field_label(r, k, field));
	blame(wrong, name_of(col, name), text);
}

/* choices(r, k, res, wrong, e): The columns as chosen: an array for register_import. */
static json_t *
choices(struct req *r, const struct register_kind *k, json_t *res, json_t *wrong, struct err *e)
{
	json_t *out = json_array(), *seen = json_object(), *col;
	const char *anchor = "head";
	char name[24], first[24] = "", text[300];
	size_t i;
	bool good = true;

	json_array_foreach(json_object_get(res, "columns"), i, col) {
		const char *field = req_form(r, name_of(col, name));
		json_t *other = json_object_get(seen, field);

		if (!*first && shown(col))
			(void)snprintf(first, sizeof(first), "%s", name);
		good = good && (!*field || strcmp(field, REGISTER_FIELD_ID) == 0 ||
		    register_field(k, field));
		if (*field && other)
			twice(r, k, field, col, other, wrong);
		else if (*field)
			(void)json_object_set(seen, field, col);
		(void)json_array_append_new(out, json_pack("{s:O, s:O, s:s}", "column",
		    json_object_get(col, "column"), "label", json_object_get(col, "label"),
		    "field", field));
	}
	if (*first)
		anchor = first;
	(void)snprintf(text, sizeof(text), r->ja
	    ? "「%.180s」がどの列かを選んでください。これがないと取り込めません。"
	    : "Please choose the column with \"%.180s\". Nothing can be taken in without it.",
	    reg_field_label(r, k, k->title));
	if (!json_object_get(seen, k->title))
		blame(wrong, anchor, text);
	json_decref(seen);
	if (good)
		return out;
	json_decref(out);
	(void)err_set(e, E_INVAL, "no such field");
	return NULL;
}

static json_t *
filled(struct req *r, const struct register_kind *k)
{
	json_t *o = json_object();
	char name[FORM_NAME];

	for (size_t i = 0; i < k->nfields; i++) {
		(void)snprintf(name, sizeof(name), "fill_%s", k->fields[i].key);
		if (k->fields[i].required && *req_form(r, name))
			model_text(o, k->fields[i].key, req_form(r, name));
	}
	return o;
}

/* again(r, t, e): Read once more with what the form says, or show it again. */
static int
again(struct req *r, const struct register_trial *t, struct err *e)
{
	struct register_io io = {.upload = t->upload, .name = t->t.it, .mode = "stop", .dry = true};
	const struct register_kind *k = t->k;
	json_t *res = t->res;
	json_int_t was = json_integer_value(json_object_get(res, "row"));
	int64_t head = req_num(req_form(r, "head"), 1, INT32_MAX, was);
	json_t *shown = register_io_shown(res), *wrong = json_object(), *cols;
	int rc;

	model_put(shown, "fill", filled(r, k));
	if (head != was) { /* other headings: what was chosen for these says nothing */
		model_int(shown, "row", head);
		model_put(shown, "columns", json_array());
		(void)json_object_del(shown, "heading");
	} else {
		cols = choices(r, k, res, wrong, e);
		if (!cols) {
			json_decref(shown);
			json_decref(wrong);
			return e->code;
		}
		model_put(shown, "columns", cols);
		io.keep = true;
	}
	io.shown = shown;
	rc = json_object_size(wrong) > 0 ? register_io_page(r, t, wrong, e)
	                                 : register_io_begin(r, k, &io, e);
	json_decref(shown);
	json_decref(wrong);
	return rc;
}

static int
choose(struct req *r, struct err *e)
{
	struct register_trial t;
	int rc = register_io_trial(r, &t, e);

	if (rc < 0)
		return rc;
	rc = register_io_trial_said(&t, e);
	if (rc == 0)
		rc = again(r, &t, e);
	register_io_trial_free(&t);
	return rc;
}

static int
forget(struct req *r, struct err *e)
{
	const struct register_kind *k;
	int rc = reg_kind(r, req_id(r, 0), VERB_WRITE, &k, e);

	if (rc == 0)
		rc = register_match_forget(r->db, k, e);
	if (rc < 0)
		return rc;
	req_note(r, "", "forget the columns of %s", k->key);
	req_flash(r, "ok.columns_forgotten");
	return req_go(r, e, "/register/%s/import", k->key);
}

const struct route register_columns_rows[] = {
	{M_POST, "/register/:kind/import/:task/columns", AREA_REGISTER, VERB_WRITE, NULL, 0, choose,
	    0},
	{M_POST, "/register/:kind/import/forget", AREA_REGISTER, VERB_WRITE, NULL, 0, forget, 0},
	{0},
};
