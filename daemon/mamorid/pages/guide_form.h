/* Forms of 点検 that come back: what was typed stays, and what is wrong stands at its field. */
#ifndef MAMORI_DAEMON_MAMORID_PAGES_GUIDE_FORM_H
#define MAMORI_DAEMON_MAMORID_PAGES_GUIDE_FORM_H

#include "mamorid/pages/guide_page.h"

/* A form that was sent. Pages take a pointer to it, or NULL when they are shown afresh. */
struct guide_form {
	struct req *r;
	unsigned status;  /* 0: nothing is wrong so far */
	json_t *wrong;    /* {field: words} */
	json_t *errors;   /* [{name, text}] for {{> errors}} */
	json_t *kept;     /* [{label, text}]: for a page that no longer has the form */
};

/* guide_form_fn: Answer with the page of the form; ${f} NULL: afresh. */
typedef int guide_form_fn(struct req *r, const struct guide_form *f, struct err *e);

struct guide_form guide_form_begin(struct req *r);
void guide_form_end(struct guide_form *f);
/* guide_form_done(f, rc, why, name, label, page, e): The end of a form, and of ${f}. ${rc}, ${why}:
 * what the engine said; a no becomes a problem of that field, unless a form would not help (no such
 * thing, no right, no memory). 1: all is well, say so and go on; 0: it was answered with ${page};
 * below 0: an error. */
MUST int guide_form_done(struct guide_form *f, int rc, const struct err *why, const char *name,
    const char *label, guide_form_fn *page, struct err *e);

/* guide_form_wrong(f, name, label, word): The field is wrong; ${label} and ${word} are keys of the
 * strings. Only the first problem of a field is said. */
void guide_form_wrong(struct guide_form *f, const char *name, const char *label, const char *word);
/* guide_form_text(f, name, label, must, max): A field with words: ${must} not be empty, at most
 * ${max} bytes. */
void guide_form_text(struct guide_form *f, const char *name, const char *label, bool must,
    size_t max);
/* guide_form_day(f, name, label, from, to, word): A day between the two; "" where that side is
 * open. ${word} says which days would do. */
void guide_form_day(struct guide_form *f, const char *name, const char *label, const char *from,
    const char *to, const char *word);
/* guide_form_choice(f, name, label, ret): One of the four answers. */
void guide_form_choice(struct guide_form *f, const char *name, const char *label,
    enum guide_value *ret);
/* guide_form_proof(f): The fields that go with a file. */
void guide_form_proof(struct guide_form *f);
/* guide_form_sealed(f, name, label): Whether the sealed record is open: asked before anything is
 * written that must be sealed. */
void guide_form_sealed(struct guide_form *f, const char *name, const char *label);

/* guide_form_page(f, r, template, m, e): Answer with the page, with what is wrong where ${f} says
 * something. Takes ${m}. */
MUST int guide_form_page(const struct guide_form *f, struct req *r, const char *template,
    json_t *m, struct err *e);

/* guide_form_button(r, why, e, fmt, ...): A button without words of its own was refused: say what
 * kind of no it was on the page to go back to. Other errors are returned as they are. */
MUST int guide_form_button(struct req *r, const struct err *why, struct err *e, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

/* Pages that forms of other files lead back to; ${f} NULL: afresh. */
MUST int guide_pack_page(struct req *r, const char *id, const struct guide_form *f, struct err *e);
MUST int guide_request_page(struct req *r, const struct guide_form *f, struct err *e);

#endif
