/* Signing in and out: name and password, second step, step-up, changing the person, invitation,
 * passkey, emergency code, links. What counts and slows guesses is engine/identity. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypt/secret.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"

/* --- where to afterwards -------------------------------------------------------------------- */

static const char *
wished(const struct req *r)
{
	const char *to = form_has(&r->form, "to") ? req_form(r, "to") : req_get(r, "to");

	return form_local(to) && strncmp(to, "/signin", 7) != 0 && strncmp(to, "/signout", 8) != 0
	    ? to
	    : "";
}

static json_t *
base(const struct req *r, const char *error)
{
	json_t *m = json_object();

	model_text(m, "to", wished(r));
	model_text(m, "error", error);
	return m;
}

/* passed(r, pass, to, e): The session has moved on; the next page by its stage. */
static int
passed(struct req *r, const struct identity_pass *pass, const char *to, struct err *e)
{
	AUTO(buf_free) struct buf b = {0};

	req_login(r, pass);
	if (pass->stage == STAGE_SECOND) {
		buf_init(&b, 8192);
		if (tmpl_escape(CTX_URLPART, to, &b, e) < 0 || !buf_cstr(&b, e))
			return E_NOMEM;
		return req_go(r, e, "/signin/second?to=%s", (const char *)b.p);
	}
	if (pass->stage == STAGE_ENROL)
		return req_go(r, e, "/me");
	return req_go(r, e, "%s", to[0] ? to : "/");
}

/* refused(r, page, code, wait, e): The form again; the same words whoever asked. */
static int
refused(struct req *r, const char *page, int code, int64_t wait, struct err *e)
{
	json_t *m = base(r, code == E_BUSY ? "signin.wait" : "signin.wrong");

	if (code != E_BUSY && code != E_AUTH && code != E_PROTO && code != E_INVAL) {
		json_decref(m);
		return code;
	}
	if (code == E_BUSY) {
		model_int(m, "wait", (wait + TIME_SEC - 1) / TIME_SEC);
		req_header(r, "Retry-After", "%lld", (long long)(wait / TIME_SEC + 1));
	}
	model_text(m, "login", req_form(r, "login"));
	req_note(r, code == E_BUSY ? "waits" : "denied", "%s", "");
	return req_page_status(r, code == E_BUSY ? 429 : 422, page, m, e);
}

/* --- name and password ---------------------------------------------------------------------- */

struct attempt {
	struct identity_try *t;
	char *pw;
	size_t n;
	const char *page;
};

static void
attempt_free(struct attempt *a)
{
	if (!a)
		return;
	identity_try_free(a->t);
	if (a->pw)
		explicit_bzero(a->pw, a->n);
	free(a->pw);
	free(a);
}

static void
attempt_hash(void *cookie)
{
	struct attempt *a = cookie;

	identity_try_hash(a->t, a->pw, a->n);
}

static int
attempt_done(struct req *r, void *cookie, struct err *e)
{
	struct attempt *a = cookie;
	struct identity_pass pass;
	const char *page = a->page;
	int rc = identity_try_finish(r->c->id, r->now, a->t, &pass, e);

	a->t = NULL;
	attempt_free(a);
	return rc < 0 ? refused(r, page, rc, 0, e) : passed(r, &pass, wished(r), e);
}

/* attempt(r, page, t, e): The slow half; takes ${t}. */
static int
attempt(struct req *r, const char *page, struct identity_try *t, struct err *e)
{
	const char *pw = req_form(r, "password");
	struct attempt *a = calloc(1, sizeof(*a));
	int rc;

	if (!a) {
		identity_try_free(t);
		return err_set(e, E_NOMEM, "no memory for a sign-in");
	}
	*a = (struct attempt){.t = t, .pw = strdup(pw), .n = strlen(pw), .page = page};
	rc = a->pw ? req_work(r, attempt_hash, attempt_done, a, e)
		   : err_set(e, E_NOMEM, "no memory for a sign-in");
	if (rc < 0)
		attempt_free(a);
	return rc == E_BUSY ? refused(r, page, E_BUSY, 2 * TIME_SEC, e) : rc;
}

/* passkey_ask(r, m, token): What static/passkey.js asks the browser for. Only under a name:
 * browsers know no passkeys for addresses. */
static void
passkey_ask(struct req *r, json_t *m, const char *token)
{
	json_t *o = NULL;
	char *s;

	if (!req_named(r) || identity_passkey_ask(r->c->id, r->now, token, &o, NULL) < 0)
		return;
	s = json_dumps(o, JSON_COMPACT);
	model_text(m, "passkey", s);
	free(s);
	json_decref(o);
}

static int
in_form(struct req *r, struct err *e)
{
	json_t *m;

	if (r->signed_in && r->s.stage >= STAGE_PIN)
		return req_go(r, e, "%s", wished(r)[0] ? wished(r) : "/");
	m = base(r, NULL);
	passkey_ask(r, m, NULL);
	model_bool(m, "shared", r->device[0]);
	return req_page(r, "signin", m, e);
}

static int
in_post(struct req *r, struct err *e)
{
	struct identity_from from = req_from(r);
	struct identity_try *t = NULL;
	int64_t wait = 0;
	int rc = identity_try_begin(r->c->id, r->now, req_form(r, "login"), &from, &t, &wait, e);

	(void)snprintf(r->what, sizeof(r->what), "signin.password");
	return rc < 0 ? refused(r, "signin", rc, wait, e) : attempt(r, "signin", t, e);
}

/* response(r): What static/passkey.js put into the form; or NULL. */
static json_t *
response(const struct req *r)
{
	const char *s = req_form(r, "response");

	return json_loadb(s, strlen(s), JSON_REJECT_DUPLICATES, NULL);
}

static int
passkey(struct req *r, struct err *e)
{
	struct identity_from from = req_from(r);
	struct identity_pass pass;
	json_t *o = response(r);
	int64_t wait = 0;
	const char *token = r->signed_in ? r->token : NULL;
	int rc = o ? identity_passkey_use(r->c->id, r->now, token, o, &from, &pass, &wait, e)
		   : err_set(e, E_PROTO, "no answer of a passkey");

	(void)snprintf(r->what, sizeof(r->what), "signin.passkey");
	json_decref(o);
	if (rc < 0)
		return refused(r, token ? "signin-again" : "signin", rc, wait, e);
	return passed(r, &pass, wished(r), e);
}

/* --- second step, step-up ------------------------------------------------------------------- */

static int
second_form(struct req *r, struct err *e)
{
	json_t *m;

	if (r->s.stage != STAGE_SECOND)
		return req_go(r, e, "/");
	m = base(r, NULL);
	passkey_ask(r, m, r->token);
	return req_page(r, "signin-second", m, e);
}

static int
code(struct req *r, const char *page, struct err *e)
{
	struct identity_from from = req_from(r);
	struct identity_pass pass;
	int64_t wait = 0;
	int rc = identity_second(
	    r->c->id, r->now, r->token, req_form(r, "code"), &from, &pass, &wait, e);

	(void)snprintf(r->what, sizeof(r->what), "signin.code");
	return rc < 0 ? refused(r, page, rc, wait, e) : passed(r, &pass, wished(r), e);
}

static int
second_post(struct req *r, struct err *e)
{
	return code(r, "signin-second", e);
}

static bool
has_second(const struct req *r)
{
	const struct identity_account *a = &r->s.account;

	return a->has_totp || a->codes > 0 || a->passkeys > 0;
}

static int
again_form(struct req *r, struct err *e)
{
	json_t *m = base(r, NULL);

	model_bool(m, "second", has_second(r));
	passkey_ask(r, m, r->token);
	return req_page(r, "signin-again", m, e);
}

static int
again_post(struct req *r, struct err *e)
{
	struct identity_from from = req_from(r);
	struct identity_try *t = NULL;
	int64_t wait = 0;
	int rc;

	if (has_second(r))
		return code(r, "signin-again", e);
	(void)snprintf(r->what, sizeof(r->what), "signin.again");
	rc = identity_step_begin(r->c->id, r->now, r->token, &from, &t, &wait, e);
	return rc < 0 ? refused(r, "signin-again", rc, wait, e)
		      : attempt(r, "signin-again", t, e);
}

static int
out(struct req *r, struct err *e)
{
	(void)snprintf(r->what, sizeof(r->what), "signin.out");
	(void)!identity_session_end(r->c->id, r->now, r->token, NULL);
	req_logout(r);
	return req_go(r, e, "/signin");
}

/* --- a shared machine ----------------------------------------------------------------------- */

static int
switch_page(struct req *r, unsigned status, const char *error, struct err *e)
{
	json_t *people = NULL, *m = base(r, error);

	if (r->device[0] && identity_pin_people(r->c->id, r->now, r->device, &people, NULL) == 0)
		model_put(m, "people", people);
	model_text(m, "account", form_has(&r->form, "account") ? req_form(r, "account")
							       : req_get(r, "account"));
	return req_page_status(r, status, "signin-switch", m, e);
}

static int
switch_form(struct req *r, struct err *e)
{
	return switch_page(r, 200, NULL, e);
}

static int
switch_post(struct req *r, struct err *e)
{
	struct identity_from from = req_from(r);
	struct identity_pass pass;
	int64_t wait = 0;
	int rc = identity_pin_use(r->c->id, r->now, req_form(r, "account"), req_form(r, "pin"),
	    r->token[0] ? r->token : NULL, &from, &pass, &wait, e);

	(void)snprintf(r->what, sizeof(r->what), "signin.pin");
	if (rc == E_AUTH || rc == E_BUSY) {
		req_note(r, rc == E_BUSY ? "waits" : "denied", "%s", "");
		return switch_page(r, rc == E_BUSY ? 429 : 422,
		    rc == E_BUSY ? "signin.wait.little" : "signin.pin.wrong", e);
	}
	return rc < 0 ? rc : passed(r, &pass, wished(r), e);
}

/* --- invitation, link, emergency ------------------------------------------------------------ */

static int
invite_form(struct req *r, struct err *e)
{
	return req_page(r, "signin-invite", base(r, NULL), e);
}

static int
invite_post(struct req *r, struct err *e)
{
	struct identity_from from = req_from(r);
	struct identity_pass pass;
	int64_t wait = 0;
	int rc = identity_invite_use(r->c->id, r->now, req_form(r, "code"), &from, &pass, &wait, e);

	(void)snprintf(r->what, sizeof(r->what), "signin.invite");
	return rc < 0 ? refused(r, "signin-invite", rc, wait, e) : passed(r, &pass, "", e);
}

static int
link_form(struct req *r, struct err *e)
{
	json_t *m = base(r, NULL);

	/* opened by a button, so that programs that look into mails open nothing */
	model_text(m, "link", req_id(r, 0));
	return req_page(r, "signin-link", m, e);
}

static int
link_post(struct req *r, struct err *e)
{
	struct identity_from from = req_from(r);
	struct identity_pass pass;
	int rc = identity_link_use(r->c->id, r->now, req_id(r, 0), &from, &pass, e);

	(void)snprintf(r->what, sizeof(r->what), "signin.link");
	if (rc == E_AUTH || rc == E_NOENT)
		return req_error(r, 410, e);
	if (rc < 0)
		return rc;
	req_login(r, &pass);
	return req_go(r, e, "%s", wished(r)[0]             ? wished(r)
	    : r->s.account.role == ROLE_INSPECTOR ? "/inspect"
	                                           : "/");
}

static int
glass_form(struct req *r, struct err *e)
{
	return req_page(r, "signin-glass", base(r, NULL), e);
}

static int
glass_post(struct req *r, struct err *e)
{
	struct identity_from from = req_from(r);
	struct identity_pass pass;
	int64_t wait = 0;
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "signin.glass");
	rc = identity_glass_use(r->c->id, r->now, req_form(r, "code"), req_form(r, "who"),
	    req_form(r, "why"), &from, &pass, &wait, e);
	if (rc < 0)
		return refused(r, "signin-glass", rc, wait, e);
	rc = passed(r, &pass, "", e);
	req_note(r, "ok", "%.90s: %.150s", req_form(r, "who"), req_form(r, "why"));
	return rc;
}

const struct route signin_rows[] = {
    {M_GET, "/signin", AREA_SELF, VERB_READ, NULL, F_PUBLIC, in_form, 0},
    {M_POST, "/signin", AREA_SELF, VERB_WRITE, NULL, F_PUBLIC | F_RATE, in_post, 0},
    {M_POST, "/signin/passkey", AREA_SELF, VERB_WRITE, NULL, F_PUBLIC | F_RATE, passkey, 0},
    {M_GET, "/signin/second", AREA_SELF, VERB_READ, NULL, F_STAGE, second_form, 0},
    {M_POST, "/signin/second", AREA_SELF, VERB_WRITE, NULL, F_STAGE | F_RATE, second_post, 0},
    {M_GET, "/signin/again", AREA_SELF, VERB_READ, NULL, 0, again_form, 0},
    /* F_STAGE: this is how one becomes fresh; it may not ask for that itself */
    {M_POST, "/signin/again", AREA_SELF, VERB_WRITE, NULL, F_STAGE | F_RATE, again_post, 0},
    {M_GET, "/signin/switch", AREA_SELF, VERB_READ, NULL, F_PUBLIC, switch_form, 0},
    {M_POST, "/signin/switch", AREA_SELF, VERB_WRITE, NULL, F_PUBLIC | F_RATE, switch_post, 0},
    {M_GET, "/signin/invite", AREA_SELF, VERB_READ, NULL, F_PUBLIC, invite_form, 0},
    {M_POST, "/signin/invite", AREA_SELF, VERB_WRITE, NULL, F_PUBLIC | F_RATE, invite_post, 0},
    {M_GET, "/signin/emergency", AREA_SELF, VERB_READ, NULL, F_PUBLIC, glass_form, 0},
    {M_POST, "/signin/emergency", AREA_SELF, VERB_WRITE, NULL, F_PUBLIC | F_RATE, glass_post, 0},
    {M_GET, "/l/:token", AREA_REQUESTS, VERB_READ, NULL, F_PUBLIC | F_FEED, link_form, 0},
    {M_POST, "/l/:token", AREA_REQUESTS, VERB_WRITE, NULL, F_PUBLIC | F_RATE, link_post, 0},
    {M_POST, "/signout", AREA_SELF, VERB_WRITE, NULL, F_STAGE, out, 0},
    {0},
};
