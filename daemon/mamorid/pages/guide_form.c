#include "mamorid/pages/guide_form.h"

#include <stdarg.h>
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

/* said(code, ret): Words for a kind of refusal and its status; NULL: a page that comes back would
 * not help. */
static const char *
said(int code, unsigned *ret)
{
	static const struct {
		int code;
		unsigned status;
		const char *word;
	} kinds[] = {{E_NOENT, 0, NULL}, {E_AUTH, 0, NULL}, {E_NOMEM, 0, NULL},
	    {E_INVAL, 422, "guide.wrong.other"}, {E_EXIST, 409, "guide.wrong.exists"},
	    {E_BUSY, 409, "guide.wrong.busy"}, {E_LIMIT, 422, "guide.wrong.long"},
	    {E_NOSPC, 507, "error.507"}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].code == code) {
			*ret = kinds[i].status;
			return kinds[i].word;
		}
	*ret = 503;
	return "guide.wrong.other";
}

/* refused(f, why, name, label, e): The engine said no: at this field. */
static int
refused(struct guide_form *f, const struct err *why, const char *name, const char *label,
    struct err *e)
{
	unsigned status;
	const char *word = said(why->code, &status);

	if (!word) {
		if (e)
			*e = *why;
		return why->code;
	}
	req_note(f->r, "failed", "%.200s", why->msg);
	guide_form_wrong(f, name, label, word);
	f->status = status;
	return 0;
}

int
guide_form_done(struct guide_form *f, int rc, const struct err *why, const char *name,
    const char *label, guide_form_fn *page, struct err *e)
{
	if (rc < 0)
		rc = refused(f, why, name, label, e);
	if (rc == 0)
		rc = f->status ? page(f->r, f, e) : 1;
	guide_form_end(f);
	return rc;
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

int
guide_form_button(struct req *r, const struct err *why, struct err *e, const char *fmt, ...)
{
	unsigned status;
	const char *word = said(why->code, &status);
	char to[300];
	va_list ap;

	if (!word || status >= 500) {
		if (e)
			*e = *why;
		return why->code;
	}
	va_start(ap, fmt);
	(void)vsnprintf(to, sizeof(to), fmt, ap);
	va_end(ap);
	req_note(r, "failed", "%.200s", why->msg);
	if (why->code == E_INVAL)
		word = "guide.wrong.step";
	req_flash_arg(r, "guide.refused", tmpl_word(word, r->ja));
	return req_go(r, e, "%s", to);
}
