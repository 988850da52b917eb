/* Second factors that are typed: the code of an authenticator, printed codes. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crypt/otp.h"
#include "crypt/secret.h"
#include "identity/ident_int.h"

_Static_assert((int)IDENT_SEED == (int)OTP_SEED_LEN, "one seed");
_Static_assert((int)IDENTITY_TOTP_SECRET >= (int)OTP_BASE32, "room for the text");

/* --- setting up ------------------------------------------------------------------------------- */

static int
uri_text(const struct identity *id, const struct identity_account *a, const char *secret,
    char out[IDENTITY_TOTP_URI], struct err *e)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	char label[3 * IDENTITY_LOGIN];
	size_t n = 0;
	int len;

	for (const char *s = a->login; *s && n + 4 < sizeof(label); s++) {
		if (strchr(safe, *s))
			label[n++] = *s;
		else
			n += (size_t)snprintf(label + n, 4, "%%%02X", (unsigned char)*s);
	}
	label[n] = 0;
	(void)id;
	len = snprintf(out, IDENTITY_TOTP_URI, "otpauth://totp/Mamori:%s?secret=%s&issuer=Mamori",
	    label, secret);
	return len < 0 || len >= IDENTITY_TOTP_URI ? err_set(e, E_LIMIT, "the login is too long")
						   : 0;
}

int
identity_totp_begin(struct identity *id, int64_t now, const char *token,
    char secret[IDENTITY_TOTP_SECRET], char uri[IDENTITY_TOTP_URI], struct err *e)
{
	uint8_t seed[IDENT_SEED], sealed[IDENT_SEALED];
	struct identity_account a;
	struct ident_session s;
	int r = ident_session_setup(id, now, token, &s, &a, e);

	if (r < 0)
		return r;
	random_fill(seed, sizeof(seed));
	otp_base32(seed, secret);
	r = uri_text(id, &a, secret, uri, e);
	if (r == 0)
		r = ident_seal(id, a.id, seed, sealed, e);
	if (r == 0)
		r = db_exec(id->db, "UPDATE accounts SET totp_new = $2 WHERE id = $1", "sb", e,
		    a.id, sealed, sizeof(sealed));
	explicit_bzero(seed, sizeof(seed));
	return r < 0 ? r : 0;
}

struct seed {
	const struct identity *id;
	const char *account;
	uint8_t bytes[IDENT_SEED];
	int64_t last;
	bool there;
};

static int
on_seed(const struct db_row *row, void *cookie, struct err *e)
{
	struct seed *s = cookie;
	size_t n = 0;
	const void *p = db_col_blob(row, 0, &n);

	if (db_col_null(row, 0))
		return 0;
	s->last = db_col_i64(row, 1);
	s->there = true;
	return ident_unseal(s->id, s->account, p, n, s->bytes, e);
}

int
identity_totp_confirm(struct identity *id, int64_t now, const char *token, const char *code,
    struct identity_pass *ret, struct err *e)
{
	struct identity_account a;
	struct ident_session s;
	struct seed seed = {.id = id};
	struct ident_gate g;
	int64_t step = 0, wait = 0;
	int r = ident_session_setup(id, now, token, &s, &a, e);

	if (r < 0)
		return r;
	seed.account = a.id;
	ident_gate_set(&g, "enrol", a.id, &(struct identity_from){.source = "own"});
	r = ident_gate_enter(id, now, &g, &wait, e);
	if (r == 0)
		r = db_each(id->db, "SELECT totp_new, 0 FROM accounts WHERE id = $1", on_seed,
		    &seed, "s", e, a.id);
	if (r == 0 && (!seed.there || otp_check(seed.bytes, now / TIME_SEC, -1, code, &step) < 0))
		r = err_set(e, E_AUTH, "this is not the code that the authenticator shows now");
	explicit_bzero(seed.bytes, sizeof(seed.bytes));
	if (r == 0)
		r = db_exec(id->db, "UPDATE accounts SET totp = totp_new, totp_new = NULL, "
		    "totp_last = $2, version = version + 1 WHERE id = $1", "si", e, a.id, step);
	if (r >= 0)
		r = ident_gate_pass(id, &g, e);
	if (r == 0)
		r = ident_session_end_all(id, now, a.id, s.id, e);
	if (r == 0)
		r = identity_account_get(id, a.id, &a, e);
	return r < 0 ? r : ident_session_move(id, now, &s, ident_account_stage(&a), ret, e);
}

int
identity_totp_drop(struct identity *id, int64_t now, const char *token, struct err *e)
{
	struct identity_account a;
	struct ident_session s;
	int r = ident_session_setup(id, now, token, &s, &a, e);

	if (r < 0 || !a.has_totp)
		return r;
	a.has_totp = false;
	if (ident_account_stage(&a) != STAGE_FULL)
		return err_set(e, E_INVAL,
		    "set up another second factor, or a password of %d characters, first",
		    PASSWORD_LONG);
	r = db_exec(id->db, "UPDATE accounts SET totp = NULL, version = version + 1 WHERE id = $1",
	    "s", e, a.id);
	return r < 0 ? r : 0;
}

struct codes {
	const char *account;
	uint8_t hash[IDENTITY_CODES][DIGEST_LEN];
	int64_t now;
};

static int
codes_tx(struct db *db, void *cookie, struct err *e)
{
	const struct codes *c = cookie;
	int r = db_exec(db, "DELETE FROM account_codes WHERE account = $1 AND kind = 'code'", "s",
	    e, c->account);

	for (size_t i = 0; i < IDENTITY_CODES && r >= 0; i++)
		r = db_exec(db, "INSERT INTO account_codes (hash, account, kind, created) "
		    "VALUES ($1, $2, 'code', $3)", "bsi", e, c->hash[i], (size_t)DIGEST_LEN,
		    c->account, c->now);
	return r < 0 ? r : 0;
}

int
identity_codes_make(struct identity *id, int64_t now, const char *token,
    char codes[IDENTITY_CODES][IDENTITY_CODE], struct err *e)
{
	struct identity_account a;
	struct ident_session s;
	struct codes c = {.now = now};
	int r = ident_session_setup(id, now, token, &s, &a, e);

	if (r < 0)
		return r;
	c.account = a.id;
	for (size_t i = 0; i < IDENTITY_CODES; i++)
		ident_code(id, codes[i], c.hash[i]);
	r = db_tx(id->db, codes_tx, &c, e);
	if (r < 0)
		explicit_bzero(codes, sizeof(char[IDENTITY_CODES][IDENTITY_CODE]));
	return r;
}

/* --- showing one ------------------------------------------------------------------------------ */

/* by_totp(...): 1 it was the code, 0 it was not. The step is taken in one statement, so that two
 * requests with the same code do not both pass. */
static int
by_totp(struct identity *id, int64_t now, const char *account, const char *code, struct err *e)
{
	struct seed seed = {.id = id, .account = account};
	int64_t step = 0;
	int r = db_each(id->db, "SELECT totp, totp_last FROM accounts WHERE id = $1", on_seed,
	    &seed, "s", e, account);
	bool hit = r == 0 && seed.there &&
	    otp_check(seed.bytes, now / TIME_SEC, seed.last, code, &step) == 0;

	explicit_bzero(seed.bytes, sizeof(seed.bytes));
	if (r < 0 || !hit)
		return r;
	return db_exec(id->db,
	    "UPDATE accounts SET totp_last = $2 WHERE id = $1 AND totp_last < $2", "si", e, account,
	    step);
}

static int
by_paper(struct identity *id, int64_t now, const char *account, const char *code, struct err *e)
{
	uint8_t hash[DIGEST_LEN];

	if (!ident_code_hash(id, code, hash))
		return 0;
	return db_exec(id->db,
	    "UPDATE account_codes SET used = $3 WHERE hash = $1 AND account = $2 "
	    "AND kind = 'code' AND used = 0",
	    "bsi", e, hash, sizeof(hash), account, now);
}

int
identity_second(struct identity *id, int64_t now, const char *token, const char *code,
    const struct identity_from *from, struct identity_pass *ret, int64_t *ret_wait,
    struct err *e)
{
	char key[2 * IDENTITY_ID + 2];
	struct identity_account a;
	struct ident_session s;
	struct ident_gate g;
	int r;

	*ret_wait = 0;
	r = ident_session_own(id, now, token, &s, &a, e);
	if (r < 0)
		return r;
	if (s.stage == STAGE_ENROL)
		return err_set(e, E_AUTH, IDENT_NO_SESSION);
	/* only who knows the password comes here; a known browser has its own count */
	(void)snprintf(key, sizeof(key), "%s/%s", s.device, a.id);
	ident_gate_set(&g, "second", key, from);
	r = ident_gate_enter(id, now, &g, ret_wait, e);
	if (r < 0)
		return r;
	r = by_totp(id, now, a.id, code, e);
	if (r == 0)
		r = by_paper(id, now, a.id, code, e);
	if (r == 0)
		return err_set(e, E_AUTH, IDENT_WRONG);
	if (r > 0)
		r = ident_gate_pass(id, &g, e);
	if (r == 0)
		r = identity_account_get(id, a.id, &a, e);
	return r < 0 ? r : ident_session_move(id, now, &s, ident_account_stage(&a), ret, e);
}
