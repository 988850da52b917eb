/* Passkeys of accounts: challenges, keeping the key, signing in with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/num.h"
#include "crypt/secret.h"
#include "identity/ident_int.h"
#include "identity/webauthn.h"

enum { CHALLENGES_MAX = 2000, NAME_MAX_BYTES = 64 };

static void
copy(char *out, size_t size, const char *s)
{
	(void)snprintf(out, size, "%s", s);
}

/* --- challenges: random, good once, for five minutes, for one session and purpose ------------- */

static int
challenge_new(struct identity *id, int64_t now, const char *session, const char *purpose,
    char text[B64_LEN(WEBAUTHN_CHALLENGE)], struct err *e)
{
	uint8_t raw[WEBAUTHN_CHALLENGE], hash[DIGEST_LEN];
	int r;

	if (!id->rp[0])
		return err_set(e, E_NOENT, "passkeys need a host name; this console is reached by "
		    "its address");
	random_fill(raw, sizeof(raw));
	b64_put_url(text, raw, sizeof(raw));
	digest_sha256(raw, sizeof(raw), hash);
	r = db_exec(id->db, "DELETE FROM challenges WHERE ends <= $1 OR hash IN (SELECT hash FROM "
	    "challenges ORDER BY ends DESC LIMIT 1000 OFFSET $2)", "ii", e, now,
	    (int64_t)CHALLENGES_MAX);
	if (r >= 0)
		r = db_exec(id->db, "INSERT INTO challenges (hash, session, purpose, ends) VALUES "
		    "($1, $2, $3, $4)", "bssi", e, hash, sizeof(hash), session, purpose,
		    now + IDENTITY_SPAN_CHALLENGE);
	return r < 0 ? r : 0;
}

struct answer {
	json_t *client;
	uint8_t *bytes[3];
	size_t len[3];
	uint8_t challenge[WEBAUTHN_CHALLENGE];
	uint8_t cred[WEBAUTHN_ID_MAX];
	size_t cred_len;
};

static void
answer_free(struct answer *a)
{
	for (size_t i = 0; i < ARRAY_LEN(a->bytes); i++)
		free(a->bytes[i]);
	json_decref(a->client);
}

static int
field(const json_t *o, const char *name, size_t max, uint8_t **ret, size_t *ret_n, struct err *e)
{
	const json_t *v = json_object_get(o, name);
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);

	if (!s || n == 0 || n > max / 3 * 4 + 4)
		return err_set(e, E_PROTO, "the browser's answer lacks %s", name);
	*ret = malloc(max);
	if (!*ret)
		return err_set(e, E_NOMEM, "no memory");
	if (b64_get_url(*ret, max, s, n, ret_n) < 0)
		return err_set(e, E_PROTO, "%s is not base64url", name);
	return 0;
}

/* answer_read(o, names, max, ret, e): The fields of an answer; clientDataJSON is the first. */
static int
answer_read(const json_t *o, const char *const names[3], const size_t max[3], struct answer *ret,
    struct err *e)
{
	const char *text, *cred = json_string_value(json_object_get(o, "id"));
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < 3 && names[i] && r == 0; i++)
		r = field(o, names[i], max[i], &ret->bytes[i], &ret->len[i], e);
	if (r < 0)
		return r;
	if (!cred || b64_get_url(ret->cred, sizeof(ret->cred), cred, strlen(cred),
	    &ret->cred_len) < 0 || ret->cred_len == 0)
		return err_set(e, E_PROTO, "the browser's answer lacks id");
	/* which challenge it claims to answer; webauthn.c compares it once more */
	ret->client = json_loadb((const char *)ret->bytes[0], ret->len[0], JSON_REJECT_DUPLICATES,
	    NULL);
	text = json_string_value(json_object_get(ret->client, "challenge"));
	if (!text ||
	    b64_get_url(ret->challenge, sizeof(ret->challenge), text, strlen(text), &n) < 0 ||
	    n != WEBAUTHN_CHALLENGE)
		return err_set(e, E_PROTO, "the browser's answer lacks its challenge");
	return 0;
}

/* challenge_take(...): Use it up, before anything else is looked at. */
static int
challenge_take(struct identity *id, int64_t now, const struct answer *a, const char *session,
    const char *purpose, struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	int r;

	digest_sha256(a->challenge, sizeof(a->challenge), hash);
	r = db_exec(id->db, "DELETE FROM challenges WHERE hash = $1 AND session = $2 AND "
	    "purpose = $3 AND ends > $4", "bssi", e, hash, sizeof(hash), session, purpose, now);
	return r < 0 ? r : r == 0 ? err_set(e, E_AUTH, "this request is no longer open") : 0;
}

/* --- a new passkey ---------------------------------------------------------------------------- */

struct creds {
	json_t *list;
};

static int
on_cred(const struct db_row *row, void *cookie, struct err *e)
{
	char text[B64_LEN(WEBAUTHN_ID_MAX)];
	struct creds *c = cookie;
	size_t n = 0;
	const void *p = db_col_blob(row, 0, &n);
	json_t *o;

	if (n > WEBAUTHN_ID_MAX)
		return err_set(e, E_CORRUPT, "a passkey's name is damaged");
	b64_put_url(text, p, n);
	o = json_pack("{s:s, s:s}", "type", "public-key", "id", text);
	return !o || json_array_append_new(c->list, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

static int
creds_of(struct identity *id, const char *account, json_t **ret, struct err *e)
{
	struct creds c = {json_array()};
	int r = c.list ? db_each(id->db, "SELECT cred FROM passkeys WHERE account = $1 ORDER BY id",
	    on_cred, &c, "s", e, account) : err_set(e, E_NOMEM, "no memory");

	if (r < 0) {
		json_decref(c.list);
		return r;
	}
	*ret = c.list;
	return 0;
}

int
identity_passkey_offer(struct identity *id, int64_t now, const char *token, json_t **ret,
    struct err *e)
{
	char challenge[B64_LEN(WEBAUTHN_CHALLENGE)], handle[B64_LEN(IDENTITY_ID)];
	struct identity_account a;
	struct ident_session s;
	json_t *creds = NULL;
	int r = ident_session_setup(id, now, token, &s, &a, e);

	if (r == 0)
		r = creds_of(id, a.id, &creds, e);
	if (r == 0 && json_array_size(creds) >= IDENTITY_PASSKEYS)
		r = err_set(e, E_LIMIT, "there are %d passkeys already", IDENTITY_PASSKEYS);
	if (r == 0)
		r = challenge_new(id, now, s.id, "add", challenge, e);
	if (r < 0) {
		json_decref(creds);
		return r;
	}
	b64_put_url(handle, a.id, strlen(a.id));
	*ret = json_pack("{s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s}, "
	    "s:[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}], s:i, s:o, s:{s:s, s:s, s:b}, s:s}",
	    "challenge", challenge, "rp", "id", id->rp, "name", "Mamori", "user", "id", handle,
	    "name", a.login, "displayName", a.name, "pubKeyCredParams", "type", "public-key",
	    "alg", WEBAUTHN_ES256, "type", "public-key", "alg", WEBAUTHN_EDDSA, "type",
	    "public-key", "alg", WEBAUTHN_RS256, "timeout",
	    (int)(IDENTITY_SPAN_CHALLENGE / 1000), "excludeCredentials", creds,
	    "authenticatorSelection", "residentKey", "preferred", "userVerification", "required",
	    "requireResidentKey", 0, "attestation", "none");
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory");
}

static int
keep(struct identity *id, int64_t now, const struct identity_account *a, const char *name,
    const struct webauthn_made *m, struct err *e)
{
	char new_id[IDENTITY_ID];
	int r;

	ident_id(new_id, "k");
	r = db_exec(id->db, "INSERT INTO passkeys (id, account, cred, alg, cose, count, name, "
	    "synced, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", "ssbibisii", e, new_id,
	    a->id, m->id, m->id_len, m->key.alg, m->key.cose, m->key.n, (int64_t)m->count, name,
	    (int64_t)m->synced, now);
	if (r == E_EXIST)
		return err_set(e, E_EXIST, "this passkey is known already");
	if (r >= 0)
		r = db_exec(id->db, "UPDATE accounts SET state = 'active', version = version + 1 "
		    "WHERE id = $1", "s", e, a->id);
	return r < 0 ? r : 0;
}

int
identity_passkey_add(struct identity *id, int64_t now, const char *token, const char *name,
    const json_t *response, struct identity_pass *ret, struct err *e)
{
	static const char *const names[3] = {"clientDataJSON", "attestationObject", NULL};
	static const size_t max[3] = {WEBAUTHN_CLIENT_MAX, WEBAUTHN_OBJECT_MAX, 0};
	struct webauthn_rp rp = {.id = id->rp, .origin = id->origin, .verify = true};
	struct answer ans = {0};
	struct webauthn_made made;
	struct identity_account a;
	struct ident_session s;
	int r = ident_session_setup(id, now, token, &s, &a, e);

	if (r < 0)
		return r;
	if (!ident_text_ok(name, NAME_MAX_BYTES))
		return err_set(e, E_INVAL, "name: 1 to %d bytes of text", NAME_MAX_BYTES - 1);
	r = answer_read(response, names, max, &ans, e);
	if (r == 0)
		r = challenge_take(id, now, &ans, s.id, "add", e);
	rp.challenge = ans.challenge;
	if (r == 0)
		r = webauthn_register(&rp, (struct webauthn_bytes){ans.bytes[0], ans.len[0]},
		    (struct webauthn_bytes){ans.bytes[1], ans.len[1]}, &made, e);
	if (r == 0 && (made.id_len != ans.cred_len || memcmp(made.id, ans.cred, made.id_len) != 0))
		r = err_set(e, E_PROTO, "the browser named another key than it sent");
	answer_free(&ans);
	if (r == 0)
		r = keep(id, now, &a, name, &made, e);
	if (r == 0)
		r = ident_session_end_all(id, now, a.id, s.id, e);
	if (r == 0)
		r = identity_account_get(id, a.id, &a, e);
	return r < 0 ? r : ident_session_move(id, now, &s, ident_account_stage(&a), ret, e);
}

/* --- signing in ------------------------------------------------------------------------------- */

int
identity_passkey_ask(struct identity *id, int64_t now, const char *token, json_t **ret,
    struct err *e)
{
	char challenge[B64_LEN(WEBAUTHN_CHALLENGE)];
	struct identity_account a;
	struct ident_session s = {0};
	json_t *creds = NULL;
	int r = 0;

	if (token) {
		r = ident_session_own(id, now, token, &s, &a, e);
		if (r == 0)
			r = creds_of(id, a.id, &creds, e);
		if (r == 0 && json_array_size(creds) == 0)
			r = err_set(e, E_NOENT, "this account has no passkey");
	} else {
		creds = json_array();
	}
	if (r == 0)
		r = challenge_new(id, now, s.id, "use", challenge, e);
	if (r < 0) {
		json_decref(creds);
		return r;
	}
	*ret = json_pack("{s:s, s:s, s:s, s:i, s:o}", "challenge", challenge, "rpId", id->rp,
	    "userVerification", token ? "preferred" : "required", "timeout",
	    (int)(IDENTITY_SPAN_CHALLENGE / 1000), "allowCredentials", creds);
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory");
}

struct known {
	char id[IDENTITY_ID], account[IDENTITY_ID];
	struct webauthn_key key;
	uint32_t count;
};

static int
on_known(const struct db_row *row, void *cookie, struct err *e)
{
	struct known *k = cookie;
	size_t n = 0;
	const void *p = db_col_blob(row, 3, &n);

	if (n == 0 || n > WEBAUTHN_KEY_MAX)
		return err_set(e, E_CORRUPT, "a passkey is damaged");
	copy(k->id, sizeof(k->id), db_col_text(row, 0));
	copy(k->account, sizeof(k->account), db_col_text(row, 1));
	k->key.alg = db_col_i64(row, 2);
	k->key.n = n;
	(void)memcpy(k->key.cose, p, n);
	k->count = (uint32_t)db_col_i64(row, 4);
	return 0;
}

/* handle_ok(response, account): The user handle, where the browser sends one, names the account. */
static bool
handle_ok(const json_t *response, const char *account)
{
	const json_t *v = json_object_get(response, "userHandle");
	uint8_t raw[IDENTITY_ID];
	size_t n = 0;

	if (!v || json_is_null(v) || json_string_length(v) == 0)
		return true;
	return json_is_string(v) && b64_get_url(raw, sizeof(raw), json_string_value(v),
	    json_string_length(v), &n) == 0 && n == strlen(account) &&
	    memcmp(raw, account, n) == 0;
}

/* check(...): The passkey that answered; its counter is moved on in one statement, so that of two
 * copies of an answer one fails. */
static int
check(struct identity *id, int64_t now, const json_t *response, const struct answer *ans,
    bool verify, struct known *k, struct err *e)
{
	struct webauthn_rp rp = {.id = id->rp, .origin = id->origin, .challenge = ans->challenge,
	    .verify = verify};
	struct webauthn_seen seen;
	int r =
	    db_each(id->db, "SELECT id, account, alg, cose, count FROM passkeys WHERE cred = $1",
		on_known, k, "b", e, ans->cred, ans->cred_len);

	if (r == 0 && (!k->id[0] || !handle_ok(response, k->account)))
		r = err_set(e, E_AUTH, IDENT_WRONG);
	if (r == 0)
		r = webauthn_assert(&rp, (struct webauthn_bytes){ans->bytes[0], ans->len[0]},
		    (struct webauthn_bytes){ans->bytes[1], ans->len[1]},
		    (struct webauthn_bytes){ans->bytes[2], ans->len[2]}, &k->key, k->count, &seen,
		    e);
	if (r < 0)
		return r;
	r = db_exec(id->db, "UPDATE passkeys SET count = $2, last_used = $3 WHERE id = $1 AND "
	    "count = $4", "siii", e, k->id, (int64_t)seen.count, now, (int64_t)k->count);
	return r < 0 ? r : r == 0 ? err_set(e, E_AUTH, IDENT_WRONG) : 0;
}

static int
let_in(struct identity *id, int64_t now, const struct ident_session *s, const char *account,
    const struct identity_from *from, struct identity_pass *ret, struct err *e)
{
	struct ident_begin b = {.account = account, .from = from, .fresh = true};
	struct identity_account a;
	int r = identity_account_get(id, account, &a, e);

	if (r == E_NOENT || (r == 0 && !ident_account_in_force(&a, now, false)))
		r = err_set(e, E_AUTH, IDENT_WRONG);
	if (r < 0)
		return r;
	b.stage = ident_account_stage(&a);
	return s->id[0] ? ident_session_move(id, now, s, b.stage, ret, e)
	                : ident_session_new(id, now, &b, ret, e);
}

int
identity_passkey_use(struct identity *id, int64_t now, const char *token, const json_t *response,
    const struct identity_from *from, struct identity_pass *ret, int64_t *ret_wait,
    struct err *e)
{
	static const char *const names[3] = {"clientDataJSON", "authenticatorData", "signature"};
	static const size_t max[3] = {WEBAUTHN_CLIENT_MAX, WEBAUTHN_AUTH_MAX, WEBAUTHN_SIG_MAX};
	struct identity_account a;
	struct ident_session s = {0};
	struct answer ans = {0};
	struct known k = {0};
	struct ident_gate g;
	int r = 0;

	*ret_wait = 0;
	if (token) {
		r = ident_session_own(id, now, token, &s, &a, e);
		if (r == 0 && s.stage == STAGE_ENROL)
			r = err_set(e, E_AUTH, IDENT_NO_SESSION);
	}
	if (r < 0)
		return r;
	ident_gate_set(&g, "key", token ? s.account : from->source, from);
	r = ident_gate_enter(id, now, &g, ret_wait, e);
	if (r == 0)
		r = answer_read(response, names, max, &ans, e);
	if (r == 0)
		r = challenge_take(id, now, &ans, s.id, "use", e);
	if (r == 0)
		r = check(id, now, response, &ans, token == NULL, &k, e);
	answer_free(&ans);
	if (r == 0 && token && strcmp(k.account, s.account) != 0)
		r = err_set(e, E_AUTH, IDENT_WRONG);
	if (r == 0)
		r = ident_gate_pass(id, &g, e);
	return r < 0 ? r : let_in(id, now, &s, k.account, from, ret, e);
}

/* --- looking after them ----------------------------------------------------------------------- */

static int
on_list(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:b}", "id", db_col_text(row, 0), "name",
	    db_col_text(row, 1), "created", (json_int_t)db_col_i64(row, 2), "last_used",
	    (json_int_t)db_col_i64(row, 3), "synced", (int)db_col_i64(row, 4));

	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
identity_passkey_list(struct identity *id, const char *account, json_t **ret, struct err *e)
{
	json_t *list = json_array();
	int r = list ? db_each(id->db, "SELECT id, name, created, last_used, synced FROM passkeys "
	    "WHERE account = $1 ORDER BY created, id", on_list, list, "s", e, account)
	             : err_set(e, E_NOMEM, "no memory");

	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}

int
identity_passkey_drop(struct identity *id, int64_t now, const char *token, const char *passkey,
    struct err *e)
{
	struct identity_account a;
	struct ident_session s;
	int r = ident_session_setup(id, now, token, &s, &a, e);

	if (r < 0)
		return r;
	if (a.passkeys > 0)
		a.passkeys--;
	if (s.stage == STAGE_FULL && ident_account_stage(&a) != STAGE_FULL)
		return err_set(e, E_INVAL, "set up another second factor, or a password of %d "
		    "characters, first", PASSWORD_LONG);
	r = db_exec(id->db, "DELETE FROM passkeys WHERE id = $1 AND account = $2", "ss", e, passkey,
	    a.id);
	return r < 0 ? r : r == 0 ? err_set(e, E_NOENT, "there is no such passkey") : 0;
}
