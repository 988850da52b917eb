/* Forms of records: made from the kind's fields, and read back. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/pages/register.h"

enum { CHOOSE = 200 }; /* more records than this are not offered one by one */

static const char *
error_of(const struct req *r, json_t *problems, const char *field)
{
	json_t *p;
	size_t i;

	json_array_foreach(problems, i, p)
		if (strcmp(reg_text(p, "field"), field) == 0)
			return reg_text(p, r->ja ? "ja" : "en");
	return NULL;
}

static bool
among(const char *value, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = value; (p = strstr(p, word)); p += n)
		if ((p == value || p[-1] == ',') && (p[n] == 0 || p[n] == ','))
			return true;
	return false;
}

static void
option(json_t *list, const char *value, const char *label, bool selected)
{
	(void)json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "value", value, "label",
	    label, "selected", selected));
}

/* ref_options(r, f, value, ret, e): The records that a reference may lead to. 0: too many. */
static int
ref_options(struct req *r, const struct register_field *f, const char *value, json_t **ret,
    struct err *e)
{
	const struct register_query q = {.limit = CHOOSE};
	json_t *list, *one, *out;
	size_t i;
	int rc = register_list(r->db, register_kind(f->ref), &q, &list, e);

	if (rc < 0)
		return rc;
	if (json_integer_value(json_object_get(list, "total")) > CHOOSE) {
		json_decref(list);
		return 0;
	}
	out = json_array();
	if (f->type == REGISTER_REF)
		option(out, "", "―", !*value);
	json_array_foreach(json_object_get(list, "records"), i, one)
		option(out, reg_text(one, "id"), reg_text(one, "title"),
		    among(value, reg_text(one, "id")));
	json_decref(list);
	*ret = out;
	return 1;
}

static json_t *
choice_options(const struct req *r, const struct register_field *f, const char *value)
{
	json_t *out = json_array();

	if (f->type == REGISTER_CHOICE)
		option(out, "", "―", !*value);
	for (size_t i = 0; i < f->nchoices; i++)
		option(out, f->choices[i].key, reg_label(r, f->choices[i].ja, f->choices[i].en),
		    among(value, f->choices[i].key));
	return out;
}

int
reg_field(struct req *r, const struct register_field *f, const char *name, const char *value,
    const char *error, json_t *list, struct err *e)
{
	const char *type = "text", *hint = reg_label(r, f->hint_ja, f->hint_en);
	json_t *options = NULL, *o;
	int rc = 1;

	if (f->nchoices > 0)
		options = choice_options(r, f, value);
	else if (f->ref)
		rc = ref_options(r, f, value, &options, e);
	if (rc < 0)
		return rc;
	if (options)
		type = f->type == REGISTER_CHOICES || f->type == REGISTER_REFS ? "many" : "select";
	else if (f->type == REGISTER_LONG)
		type = "area";
	if (!*hint && f->type == REGISTER_DATE)
		hint = reg_label(r, "例 2026-04-01、令和8年4月1日", "such as 2026-04-01");
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "type", type, "name", name, "key",
	    f->key, "label", reg_label(r, f->ja, f->en), "value", value, "hint", hint, "required",
	    f->required);
	model_text(o, "error", error);
	if (options)
		model_put(o, "options", options);
	return o && json_array_append_new(list, o) == 0 ? 0 : err_set(e, E_NOMEM, "no memory");
}

int
reg_form(struct req *r, const struct register_kind *k, json_t *values, json_t *problems,
    json_t **ret, struct err *e)
{
	json_t *list = json_array();
	int rc = 0;

	for (size_t i = 0; i < k->nfields && rc == 0; i++) {
		const struct register_field *f = &k->fields[i];
		char name[FORM_NAME];

		(void)snprintf(name, sizeof(name), "f_%s", f->key);
		rc = reg_field(r, f, name, reg_text(values, f->key), error_of(r, problems, f->key),
		    list, e);
	}
	if (rc == 0)
		*ret = list;
	else
		json_decref(list);
	return rc;
}

/* many(r, name): All values of that name, joined. */
static json_t *
many(const struct req *r, const char *name)
{
	json_t *list = json_array();
	const char *v;

	for (size_t i = 0; (v = form_nth(&r->form, name, i)); i++)
		if (*v)
			(void)json_array_append_new(list, json_string(v));
	return list;
}

json_t *
reg_form_values(const struct req *r, const struct register_kind *k)
{
	json_t *o = json_object();

	for (size_t i = 0; i < k->nfields; i++) {
		const struct register_field *f = &k->fields[i];
		char name[FORM_NAME], mark[FORM_NAME];

		(void)snprintf(name, sizeof(name), "f_%s", f->key);
		(void)snprintf(mark, sizeof(mark), "m_%s", f->key);
		/* boxes that are all empty send nothing: the mark says that they were there */
		if (form_has(&r->form, mark))
			model_put(o, f->key, many(r, name));
		else if (form_has(&r->form, name))
			model_text(o, f->key, req_form(r, name));
	}
	return o;
}
