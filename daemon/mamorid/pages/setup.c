/* The first start: one address with a code that `mamori up` prints, and nothing else works. Whoever
 * has it makes the first account, the director's, and goes on to choose a password. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/pages.h"

void
setup_code(struct console *c)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"; /* 32, none alike */
	uint8_t rnd[SETUP_CODE - 1];

	random_fill(rnd, sizeof(rnd));
	for (size_t i = 0; i < sizeof(rnd); i++)
		c->setup[i] = letters[rnd[i] & 31];
	c->setup[sizeof(rnd)] = 0;
}

static bool
knows(const struct req *r)
{
	const char *code = req_id(r, 0);

	return !r->c->ready && r->c->setup[0] && strlen(code) == SETUP_CODE - 1 &&
	    secret_eq(code, r->c->setup, SETUP_CODE - 1);
}

static int
form(struct req *r, struct err *e)
{
	if (r->c->ready)
		return req_go(r, e, "/");
	if (!knows(r))
		return req_error(r, 404, e);
	return req_page(r, "setup", json_pack("{s:s}", "code", req_id(r, 0)), e);
}

static int
again(struct req *r, const char *field, const char *word, struct err *e)
{
	json_t *m = json_pack("{s:s, s:s, s:s}", "code", req_id(r, 0), "name", req_form(r, "name"),
	    "login", req_form(r, "login"));
	char key[32];

	(void)snprintf(key, sizeof(key), "%s_error", field);
	model_text(m, key, tmpl_word(word, r->ja));
	return req_page_status(r, 422, "setup", m, e);
}

static int
post(struct req *r, struct err *e)
{
	struct identity_new n = {.login = req_form(r, "login"), .name = req_form(r, "name"),
	    .role = ROLE_DIRECTOR, .ja = r->ja};
	struct identity_from from = req_from(r);
	struct identity_pass pass;
	char account[IDENTITY_ID], invite[IDENTITY_CODE];
	int rc;

	if (!knows(r))
		return req_error(r, 404, e);
	if (!n.name[0])
		return again(r, "name", "setup.name.missing", e);
	if (!n.login[0])
		return again(r, "login", "setup.login.missing", e);
	(void)snprintf(r->what, sizeof(r->what), "setup.director");
	rc = identity_account_add(r->c->id, r->now, "console", &n, account, invite, e);
	if (rc == E_INVAL)
		return again(r, "login", "setup.login.wrong", e);
	explicit_bzero(invite, sizeof(invite));
	if (rc == 0)
		rc =
		    identity_session_begin(r->c->id, r->now, account, STAGE_ENROL, &from, &pass, e);
	if (rc < 0)
		return rc;
	/* from now on people sign in; if this browser is lost: mamori account reset */
	r->c->ready = true;
	r->c->setup[0] = 0;
	req_login(r, &pass);
	return req_go(r, e, "/me");
}

const struct route setup_rows[] = {
    {M_GET, "/setup/:code", AREA_SETTINGS, VERB_READ, NULL, F_PUBLIC | F_SETUP | F_FEED, form, 0},
    {M_POST, "/setup/:code", AREA_SETTINGS, VERB_WRITE, NULL, F_PUBLIC | F_SETUP | F_RATE, post, 0},
    {0},
};
