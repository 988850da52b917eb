/* One's own account: password, second factors, sessions, this machine. Whoever was invited comes
 * here first and goes on when nothing is missing. */
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/wizard_page.h"

static bool
has_second(const struct identity_account *a)
{
	return a->has_totp || a->passkeys > 0;
}

static json_t *
sessions(struct req *r)
{
	json_t *a = NULL, *o;
	size_t i;

	if (identity_session_list(r->c->id, r->now, r->s.account.id, &a, NULL) < 0)
		return json_array();
	json_array_foreach(a, i, o)
		model_bool(o, "this", strcmp(json_string_value(json_object_get(o, "id")),
		    r->s.id) == 0);
	return a;
}

static json_t *
model(struct req *r)
{
	const struct identity_account *a = &r->s.account;
	json_t *m = json_pack("{s:s, s:s, s:b, s:b, s:i, s:i, s:I, s:b, s:b}", "login", a->login,
	    "name", a->name, "has_password", (int)a->has_password, "has_totp", (int)a->has_totp,
	    "passkeys", (int)a->passkeys, "codes", (int)a->codes, "last_login",
	    (json_int_t)a->last_login, "enrol", (int)(r->s.stage == STAGE_ENROL), "needs_second",
	    (int)(identity_role_needs_second(a->role) || !a->long_password));
	json_t *keys = NULL;

	model_bool(m, "second", has_second(a));
	model_put(m, "sessions", sessions(r));
	if (identity_passkey_list(r->c->id, a->id, &keys, NULL) == 0)
		model_put(m, "keys", keys);
	model_bool(m, "device", r->device[0]);
	return m;
}

static int
show(struct req *r, struct err *e)
{
	return req_page(r, "me", model(r), e);
}

/* --- password ------------------------------------------------------------------------------- */

static int
password_form(struct req *r, struct err *e)
{
	json_t *m = json_object();

	model_bool(m, "enrol", r->s.stage == STAGE_ENROL);
	return req_page(r, "me-password", m, e);
}

/* home(r, was, pass, e): After a step of one's own account: back to it; or, when that made the
 * account whole, on to the first set-up where it waits. */
static int
home(struct req *r, enum identity_stage was, const struct identity_pass *pass, struct err *e)
{
	struct wizard w;

	if (was != STAGE_ENROL || pass->stage != STAGE_FULL)
		return req_go(r, e, "/me");
	return req_go(r, e, "%s", wizard_of(r, &w) && wizard_next(&w, WIZARD_STEPS) < WIZARD_STEPS
	    ? "/wizard" : "/me");
}

static void
newpw_hash(void *cookie)
{
	identity_newpw_hash(cookie);
}

static int
newpw_done(struct req *r, void *cookie, struct err *e)
{
	enum identity_stage was = r->s.stage;
	struct identity_pass pass;
	int rc = identity_newpw_finish(r->c->id, r->now, cookie, &pass, e);

	if (rc < 0)
		return rc;
	req_login(r, &pass);
	req_flash(r, "ok.password");
	return home(r, was, &pass, e);
}

static int
password_post(struct req *r, struct err *e)
{
	const char *a = req_form(r, "password"), *b = req_form(r, "again");
	struct identity_newpw *w = NULL;
	enum password_why why = PASSWORD_OK;
	json_t *m;
	int rc;

	(void)snprintf(r->what, sizeof(r->what), "self.password");
	rc = strcmp(a, b) != 0 ? E_INVAL
	    : identity_newpw_begin(r->c->id, r->now, r->token, a, strlen(a), &w, &why, e);
	if (rc == E_AUTH)
		return req_step_up(r, e);
	if (rc == E_INVAL) {
		m = json_object();
		model_bool(m, "enrol", r->s.stage == STAGE_ENROL);
		if (why == PASSWORD_OK)
			model_text(m, "again_error", tmpl_word("me.password.differ", r->ja));
		else
			model_text(m, "password_error", password_words(why, r->ja));
		return req_page_status(r, 422, "me-password", m, e);
	}
	if (rc < 0)
		return rc;
	rc = req_work(r, newpw_hash, newpw_done, w, e);
	if (rc < 0)
		identity_newpw_free(w);
	return rc;
}

/* --- authenticator -------------------------------------------------------------------------- */

/* qr(m, text): The squares as one path of an SVG, with its size. */
static void
qr(json_t *m, const char *text)
{
	QRcode *q = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	AUTO(buf_free) struct buf b = {0};
	char box[40];
	int r = 0;

	buf_init(&b, 256 << 10);
	if (!q)
		return;
	for (int y = 0; y < q->width; y++)
		for (int x = 0; r == 0 && x < q->width; x++)
			if (q->data[y * q->width + x] & 1)
				r = buf_fmt(&b, NULL, "M%d %dh1v1h-1z", x + 4, y + 4);
	(void)snprintf(box, sizeof(box), "0 0 %d %d", q->width + 8, q->width + 8);
	QRcode_free(q);
	if (r < 0 || !buf_cstr(&b, NULL))
		return;
	model_text(m, "qr", (const char *)b.p);
	model_text(m, "qr_box", box);
}

static int
totp_page(struct req *r, unsigned status, const char *error, struct err *e)
{
	char secret[IDENTITY_TOTP_SECRET], uri[IDENTITY_TOTP_URI], shown[64] = "";
	int rc = identity_totp_begin(r->c->id, r->now, r->token, secret, uri, e);
	json_t *m;

	if (rc == E_AUTH)
		return req_step_up(r, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0, k = 0; secret[i] && k + 2 < sizeof(shown); i++) {
		shown[k++] = secret[i];
		if (i % 4 == 3 && secret[i + 1])
			shown[k++] = ' ';
		shown[k] = 0;
	}
	m = json_object();
	model_text(m, "secret", shown);
	model_text(m, "error", error ? tmpl_word(error, r->ja) : NULL);
	qr(m, uri);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(uri, sizeof(uri));
	return req_page_status(r, status, "me-totp", m, e);
}

static int
totp_form(struct req *r, struct err *e)
{
	return totp_page(r, 200, NULL, e);
}

static int
totp_post(struct req *r, struct err *e)
{
	enum identity_stage was = r->s.stage;
	struct identity_pass pass;
	int rc = identity_totp_confirm(r->c->id, r->now, r->token, req_form(r, "code"), &pass, e);

	(void)snprintf(r->what, sizeof(r->what), "self.totp");
	if (rc == E_AUTH) {
		req_note(r, "denied", "%s", "");
		return totp_page(r, 422, "me.totp.wrong", e);
	}
	if (rc < 0)
		return rc;
	req_login(r, &pass);
	req_flash(r, "ok.totp");
	return home(r, was, &pass, e);
}

static int
totp_drop(struct req *r, struct err *e)
{
	int rc = identity_totp_drop(r->c->id, r->now, r->token, e);

	if (rc == E_AUTH)
		return req_step_up(r, e);
	if (rc < 0)
		return rc;
	req_flash(r, "ok.gone");
	return req_go(r, e, "/me");
}

static int
codes_post(struct req *r, struct err *e)
{
	char codes[IDENTITY_CODES][IDENTITY_CODE];
	int rc = identity_codes_make(r->c->id, r->now, r->token, codes, e);
	json_t *m, *a;

	(void)snprintf(r->what, sizeof(r->what), "self.codes");
	if (rc == E_AUTH)
		return req_step_up(r, e);
	if (rc < 0)
		return rc;
	m = json_object();
	a = json_array();
	for (size_t i = 0; i < IDENTITY_CODES; i++)
		(void)json_array_append_new(a, json_string(codes[i]));
	model_put(m, "codes", a);
	model_text(m, "name", r->s.account.name);
	model_text(m, "login", r->s.account.login);
	explicit_bzero(codes, sizeof(codes));
	return req_page(r, "me-codes", m, e);
}

/* --- passkeys ------------------------------------------------------------------------------- */

static int
key_form(struct req *r, struct err *e)
{
	json_t *o = NULL, *m = json_object();
	int rc = req_named(r) ? identity_passkey_offer(r->c->id, r->now, r->token, &o, e)
			      : E_NOENT;
	char *s;

	if (rc == E_AUTH) {
		json_decref(m);
		return req_step_up(r, e);
	}
	if (rc < 0 && rc != E_NOENT) {
		json_decref(m);
		return rc;
	}
	s = o ? json_dumps(o, JSON_COMPACT) : NULL;
	model_text(m, "options", s);
	free(s);
	json_decref(o);
	return req_page(r, "me-passkey", m, e);
}

static int
key_post(struct req *r, struct err *e)
{
	const char *s = req_form(r, "response"), *name = req_form(r, "name");
	json_t *o = json_loadb(s, strlen(s), JSON_REJECT_DUPLICATES, NULL);
	enum identity_stage was = r->s.stage;
	struct identity_pass pass;
	int rc = o ? identity_passkey_add(r->c->id, r->now, r->token, name, o, &pass, e)
		   : err_set(e, E_PROTO, "no answer of a passkey");

	(void)snprintf(r->what, sizeof(r->what), "self.passkey");
	json_decref(o);
	if (rc < 0) {
		req_note(r, "denied", "%.200s", e ? e->msg : "");
		req_flash(r, "me.passkey.failed");
		return req_go(r, e, "/me/passkey");
	}
	req_login(r, &pass);
	req_flash(r, "ok.passkey");
	return home(r, was, &pass, e);
}

static int
key_drop(struct req *r, struct err *e)
{
	int rc = identity_passkey_drop(r->c->id, r->now, r->token, req_id(r, 0), e);

	if (rc == E_AUTH)
		return req_step_up(r, e);
	if (rc < 0)
		return rc;
	req_flash(r, "ok.gone");
	return req_go(r, e, "/me");
}

/* --- sessions, this machine ----------------------------------------------------------------- */

static int
revoke(struct req *r, struct err *e)
{
	const char *s = req_form(r, "session");
	int rc = identity_session_revoke(r->c->id, r->now, r->s.account.id, *s ? s : NULL, e);

	(void)snprintf(r->what, sizeof(r->what), "self.session.end");
	if (rc < 0)
		return rc;
	if (!*s || strcmp(s, r->s.id) == 0) {
		req_logout(r);
		return req_go(r, e, "/signin");
	}
	req_flash(r, "ok.ended");
	return req_go(r, e, "/me");
}

static int
pin_page(struct req *r, unsigned status, const char *error, struct err *e)
{
	json_t *m = json_object();

	model_text(m, "pin_error", error ? tmpl_word(error, r->ja) : NULL);
	model_text(m, "machine", req_form(r, "machine"));
	model_bool(m, "device", r->device[0]);
	return req_page_status(r, status, "me-pin", m, e);
}

static int
pin_form(struct req *r, struct err *e)
{
	return pin_page(r, 200, NULL, e);
}

static int
pin_post(struct req *r, struct err *e)
{
	char device[IDENTITY_TOKEN];
	int rc = 0;

	(void)snprintf(r->what, sizeof(r->what), "self.pin");
	(void)snprintf(device, sizeof(device), "%s", r->device);
	if (!device[0]) {
		rc = identity_device_new(r->c->id, r->now, r->token, req_form(r, "machine"), device,
		    e);
		if (rc == 0)
			req_device(r, device);
	}
	if (rc == 0)
		rc = identity_pin_set(r->c->id, r->now, r->token, device, req_form(r, "pin"), e);
	if (rc == E_AUTH)
		return req_step_up(r, e);
	if (rc == E_INVAL)
		return pin_page(r, 422, "me.pin.simple", e);
	if (rc < 0)
		return rc;
	req_flash(r, "ok.pin");
	return req_go(r, e, "/me");
}

const struct route me_rows[] = {
	{M_GET, "/me", AREA_SELF, VERB_READ, NULL, 0, show, 0},
	{M_GET, "/me/password", AREA_SELF, VERB_READ, NULL, 0, password_form, 0},
	{M_POST, "/me/password", AREA_SELF, VERB_WRITE, NULL, 0, password_post, 0},
	{M_GET, "/me/totp", AREA_SELF, VERB_READ, NULL, F_LOG, totp_form, 0},
	{M_POST, "/me/totp", AREA_SELF, VERB_WRITE, NULL, F_RATE, totp_post, 0},
	{M_POST, "/me/totp/drop", AREA_SELF, VERB_WRITE, NULL, 0, totp_drop, 0},
	{M_POST, "/me/codes", AREA_SELF, VERB_WRITE, NULL, 0, codes_post, 0},
	{M_GET, "/me/passkey", AREA_SELF, VERB_READ, NULL, 0, key_form, 0},
	{M_POST, "/me/passkey", AREA_SELF, VERB_WRITE, NULL, 0, key_post, 0},
	{M_POST, "/me/passkey/:id/drop", AREA_SELF, VERB_WRITE, NULL, 0, key_drop, 0},
	{M_POST, "/me/sessions", AREA_SELF, VERB_WRITE, NULL, 0, revoke, 0},
	{M_GET, "/me/pin", AREA_SELF, VERB_READ, NULL, 0, pin_form, 0},
	{M_POST, "/me/pin", AREA_SELF, VERB_WRITE, NULL, 0, pin_post, 0},
	{0},
};
