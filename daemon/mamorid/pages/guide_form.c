#include "mamorid/pages/guide_form.h"

#include <stdio.h>
#include <string.h>

#include "text/day.h"

struct guide_form
guide_form_begin(struct req *r)
{
	return (struct guide_form){.r = r, .wrong = json_object(), .errors = json_array(),
	    .kept = json_array()};
}

void
guide_form_end(struct guide_form *f)
{
	json_decref(f->wrong);
	json_decref(f->errors);
	json_decref(f->kept);
	f->wrong = f->errors = f->kept = NULL;
}

static const char *
words(const struct guide_form *f, const char *key)
{
	const char *s = tmpl_word(key, f->r->ja);

	return s ? s : key;
}

void
guide_form_wrong(struct guide_form *f, const char *name, const char *label, const char *word)
{
	if (!f->status)
		f->status = 422;
	if (json_object_get(f->wrong, name))
		return;
	model_text(f->wrong, name, words(f, word));
	(void)json_array_append_new(f->errors, json_pack("{s:s, s:o}", "name", name, "text",
	    json_sprintf("%s: %s", words(f, label), words(f, word))));
}

void
guide_form_text(struct guide_form *f, const char *name, const char *label, bool must, size_t max)
{
	const char *s = req_form(f->r, name);

	if (*s)
		(void)json_array_append_new(f->kept, json_pack("{s:s, s:s}", "label",
		    words(f, label), "text", s));
	if (must && !s[strspn(s, " \t\n")])
		guide_form_wrong(f, name, label, "guide.wrong.must");
	else if (strlen(s) > max)
		guide_form_wrong(f, name, label, "guide.wrong.long");
}

void
guide_form_day(struct guide_form *f, const char *name, const char *label, const char *from,
    const char *to, const char *word)
{
	const char *s = req_form(f->r, name);

	if (!day_ok(s))
		guide_form_wrong(f, name, label, "guide.wrong.day");
	else if ((*from && strcmp(s, from) < 0) || (*to && strcmp(s, to) > 0))
		guide_form_wrong(f, name, label, word);
}

void
guide_form_choice(struct guide_form *f, const char *name, const char *label, enum guide_value *ret)
{
	if (guide_value_get(req_form(f->r, name), ret) < 0)
		guide_form_wrong(f, name, label, "guide.wrong.choose");
}

void
guide_form_proof(struct guide_form *f)
{
	if (*req_form(f->r, "expires"))
		guide_form_day(f, "expires", "guide.expires.label", "", "", "guide.wrong.day");
}

void
guide_form_sealed(struct guide_form *f, const char *name, const char *label)
{
	if (*f->r->c->facts)
		return;
	guide_form_wrong(f, name, label, "guide.wrong.sealed");
	f->status = 409;
}

int
guide_form_no(struct guide_form *f, const struct err *why, const char *name, const char *label,
    struct err *e)
{
	static const struct {
		int code;
		unsigned status;
		const char *word;
	} kinds[] = {{E_EXIST, 409, "guide.wrong.exists"}, {E_BUSY, 409, "guide.wrong.busy"},
	    {E_LIMIT, 422, "guide.wrong.long"}, {E_NOSPC, 507, "error.507"}};
	const char *word = "guide.wrong.other";
	unsigned status = why->code == E_INVAL ? 422 : 503;

	if (why->code == E_NOENT || why->code == E_AUTH || why->code == E_NOMEM) {
		if (e)
			*e = *why;
		return why->code;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].code == why->code) {
			word = kinds[i].word;
			status = kinds[i].status;
		}
	req_note(f->r, "failed", "%.200s", why->msg);
	guide_form_wrong(f, name, label, word);
	f->status = status;
	return 0;
}

int
guide_form_page(const struct guide_form *f, struct req *r, const char *template, json_t *m,
    struct err *e)
{
	if (!f || !f->status)
		return req_page(r, template, m, e);
	if (req_upload(r, "file") && !json_object_get(f->wrong, "file"))
		model_text(f->wrong, "file", words(f, "guide.wrong.file"));
	(void)json_object_set(m, "wrong", f->wrong);
	(void)json_object_set(m, "errors", f->errors);
	(void)json_object_set(m, "kept", f->kept);
	return req_page_status(r, f->status, template, m, e);
}

const char *
guide_form_value(const struct req *r, const char *name, const char *otherwise)
{
	return form_has(&r->form, name) ? req_form(r, name) : otherwise;
}
