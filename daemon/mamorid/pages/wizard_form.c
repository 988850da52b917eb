/* Rows and fields of the wizard's forms. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/wizard_page.h"

const char *
wizard_word(const struct wizard_form *f, const char *key)
{
	const char *s = tmpl_word(key, f->r->ja);

	return s ? s : key;
}

const char *
wizard_x(const struct wizard_form *f, const char *key)
{
	const char *s = f->practice ? tmpl_word(key, f->r->ja) : NULL;

	return s ? s : "";
}

int
wizard_live(struct req *r, const char *kind, json_t **ret, struct err *e)
{
	const struct register_query q = {.sort = "id", .limit = WIZARD_ROWS};
	json_t *list;
	int rc = register_list(r->db, register_kind(kind), &q, &list, e);

	if (rc < 0)
		return rc;
	*ret = json_incref(json_object_get(list, "records"));
	json_decref(list);
	return 0;
}

json_t *
wizard_named(struct req *r, const char *kind, const char *name)
{
	const struct register_kind *k = register_kind(kind);
	const struct register_query q = {.limit = 1, .filter = {{k->title, name}}};
	json_t *list, *one;

	if (!*name || register_list(r->db, k, &q, &list, NULL) < 0)
		return NULL;
	one = json_incref(json_array_get(json_object_get(list, "records"), 0));
	json_decref(list);
	return one;
}

static const char *
typed(const struct wizard_form *f, const char *p, const char *key)
{
	char name[FORM_NAME];

	(void)snprintf(name, sizeof(name), "%s_%.60s", p, key);
	return req_form(f->r, name);
}

bool
wizard_again(const struct wizard_form *f, const char *p, size_t i, const char *key,
    char out[WIZARD_P])
{
	char name[FORM_NAME];

	(void)snprintf(out, WIZARD_P, "%.8s%u", p, (unsigned)(i % 1000));
	(void)snprintf(name, sizeof(name), "%s_%.60s", out, key);
	return i < REGISTER_BATCH && form_has(&f->r->form, name);
}

json_t *
wizard_row(struct wizard_form *f, const char *p, const char *kind, json_t *record,
    json_t *example)
{
	json_t *values = f->sent ? json_object()
	    : record ? json_incref(json_object_get(record, "values"))
	    : example ? json_incref(example) : json_object();
	const char *id = f->sent ? typed(f, p, "id") : reg_text(record, "id");
	json_int_t rev = f->sent ? req_num(typed(f, p, "rev"), 0, INT32_MAX, 0)
	    : json_integer_value(json_object_get(record, "rev"));
	json_t *row = json_pack("{s:s, s:s, s:s, s:I, s:o, s:[]}", "p", p, "kind", kind, "id", id,
	    "rev", rev, "values", values, "fields");

	json_decref(example);
	if (!row || json_array_append_new(f->rows, row) < 0)
		return NULL;
	return row;
}

const char *
wizard_value(const struct wizard_form *f, json_t *row, const char *key)
{
	return f->sent ? typed(f, reg_text(row, "p"), key)
		       : reg_text(json_object_get(row, "values"), key);
}

static void
name_of(json_t *row, const char *key, char out[FORM_NAME])
{
	(void)snprintf(out, FORM_NAME, "%.15s_%.60s", reg_text(row, "p"), key);
}

int
wizard_field(struct wizard_form *f, json_t *row, const char *key, struct err *e)
{
	const struct register_kind *k = register_kind(reg_text(row, "kind"));
	const struct register_field *rf = register_field(k, key);
	json_t *fields = json_object_get(row, "fields");
	char name[FORM_NAME];
	int rc;

	if (!rf)
		return err_set(e, E_INVAL, "%s has no field %s", k->key, key);
	name_of(row, key, name);
	rc = reg_field(f->r, rf, name, wizard_value(f, row, key), NULL, fields, e);
	/* an empty row is left out, so nothing in it must be filled */
	if (rc == 0 && !*reg_text(row, "id") && !json_is_true(json_object_get(row, "must")))
		model_bool(json_array_get(fields, json_array_size(fields) - 1), "required", false);
	return rc;
}

static json_t *
own_field(struct wizard_form *f, json_t *row, const char *key, const char *type, const char *label,
    const char *hint, bool must)
{
	char name[FORM_NAME];
	json_t *o;

	name_of(row, key, name);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "type", type, "name", name, "key", key,
	    "label", wizard_word(f, label), "value", wizard_value(f, row, key), "hint",
	    hint ? wizard_word(f, hint) : "", "required", must);
	(void)json_array_append_new(json_object_get(row, "fields"), o);
	return o;
}

void
wizard_text(struct wizard_form *f, json_t *row, const char *key, const char *label,
    const char *hint, bool must)
{
	(void)own_field(f, row, key, "text", label, hint, must);
}

void
wizard_choice(struct wizard_form *f, json_t *row, const char *key, const char *label,
    const char *hint, json_t *options)
{
	json_t *o = own_field(f, row, key, "select", label, hint, false), *one;
	size_t i;

	json_array_foreach(options, i, one)
		model_bool(one, "selected", strcmp(reg_text(one, "value"), wizard_value(f, row,
		    key)) == 0);
	model_put(o, "options", options);
}

void
wizard_option(json_t *options, const char *value, const char *label)
{
	(void)json_array_append_new(options, json_pack("{s:s, s:s}", "value", value, "label",
	    label));
}

json_t *
wizard_given(const struct wizard_form *f, json_t *row, const char *const *keys)
{
	json_t *o = json_object();

	for (; *keys; keys++)
		model_text(o, *keys, wizard_value(f, row, *keys));
	return o;
}

void
wizard_blame(struct wizard_form *f, json_t *row, const char *key, const char *label,
    const char *text)
{
	char name[FORM_NAME], words[700];
	const char *legend = reg_text(row, "legend");

	name_of(row, key, name);
	(void)snprintf(words, sizeof(words), "%.100s%s%.100s: %.400s", legend, *legend ? " – " : "",
	    label, text);
	(void)json_array_append_new(f->problems, json_pack("{s:s, s:s, s:s}", "name", name, "text",
	    words, "error", text));
}

size_t
wizard_item(struct wizard_form *f, json_t *row, json_t *o)
{
	json_t *one;
	size_t i, at = json_array_size(f->items);
	json_int_t of = -1;

	json_array_foreach(f->rows, i, one)
		if (one == row)
			of = (json_int_t)i;
	if (row && *reg_text(row, "id") && !json_object_get(o, "id")) {
		model_text(o, "id", reg_text(row, "id"));
		(void)json_object_set(o, "rev", json_object_get(row, "rev"));
	}
	(void)json_array_append_new(f->items, o);
	(void)json_array_append_new(f->of, json_integer(of));
	return at;
}
