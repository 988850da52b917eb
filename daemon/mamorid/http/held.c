/* What was typed while a factor was asked for, or after a session had ended: kept in memory for the
 * same person, shown once in the page with the form. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "crypt/secret.h"
#include "mamorid/http/console.h"

enum { HELD_BYTES = 64 << 10, HELD_FIELDS = 500 };
#define HELD_FOR (30 * 60 * TIME_SEC)

static void
drop(struct held *h)
{
	for (size_t i = 0; i < h->form.fields.len; i++) {
		struct field *f = VEC_AT(&h->form.fields, struct field, i);

		explicit_bzero(f->value, f->len);
	}
	form_free(&h->form);
	*h = (struct held){0};
}

/* Secrets are not kept for anybody. */
static bool
keeps(const struct form *f)
{
	static const char *const secrets[] = {"password", "again", "pin", "code", "old", "secret"};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (form_has(f, secrets[i]))
			return false;
	for (size_t i = 0; i < f->fields.len; i++)
		n += VEC_AT(&f->fields, struct field, i)->len;
	return f->fields.len > 0 && f->fields.len <= HELD_FIELDS && n <= HELD_BYTES;
}

void
held_put(struct req *r, const char *account, const char *page)
{
	struct held *h = &r->c->held[0];
	bool good = true;

	if (!*account || !keeps(&r->form))
		return;
	for (size_t i = 0; i < HELD; i++) { /* one a person, else the oldest place */
		struct held *at = &r->c->held[i];

		if (strcmp(at->account, account) == 0) {
			h = at;
			break;
		}
		if (at->until < h->until)
			h = at;
	}
	drop(h);
	form_init(&h->form);
	for (size_t i = 0; good && i < r->form.fields.len; i++) {
		const struct field *f = VEC_AT(&r->form.fields, struct field, i);

		if (strcmp(f->name, "csrf") != 0)
			good = form_add(&h->form, f->name, strlen(f->name), f->value, f->len,
				   NULL) == 0;
	}
	(void)snprintf(h->account, sizeof(h->account), "%s", account);
	(void)snprintf(h->page, sizeof(h->page), "%.*s", (int)strcspn(page, "?"), page);
	h->until = r->now + HELD_FOR;
	if (!good)
		drop(h);
}

void
held_take(struct req *r)
{
	for (size_t i = 0; i < HELD; i++) {
		struct held *h = &r->c->held[i];

		if (!h->account[0])
			continue;
		if (r->now >= h->until) {
			drop(h);
		} else if (r->signed_in && strcmp(h->account, r->s.account.id) == 0 &&
		    strcmp(h->page, r->path) == 0) {
			form_free(&r->form);
			r->form = h->form;
			form_init(&h->form);
			drop(h);
		}
	}
}

int
held_lapsed(struct req *r, struct err *e)
{
	char want[2 * sizeof(r->lapsed_csrf) + 1], page[FORM_PATH];
	const char *got = req_form(r, "csrf");
	json_t *m = json_pack("{s:i, s:s}", "status", 401, "word", "error.401");

	hex_put(want, r->lapsed_csrf, sizeof(r->lapsed_csrf));
	req_form_page(r, page);
	if (strlen(got) == sizeof(want) - 1 && secret_eq(got, want, sizeof(want) - 1)) {
		held_put(r, r->lapsed, page);
		model_text(m, "to", page);
	}
	return req_page_status(r, 401, "error", m, e);
}

void
held_free(struct console *c)
{
	for (size_t i = 0; i < HELD; i++)
		drop(&c->held[i]);
}
