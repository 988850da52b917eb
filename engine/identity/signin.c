/* Passwords: signing in, step-up without a second factor, invitations, a new password. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "crypt/secret.h"
#include "identity/ident_int.h"

struct identity_try {
	struct ident_gate gate;
	char account[IDENTITY_ID]; /* "" when there is none */
	char hash[PWHASH_LEN];     /* the account's, or one that nothing fits */
	char device[IDENTITY_TOKEN], source[IDENTITY_SOURCE], agent[IDENT_AGENT];
	bool has_device, step;
	char token[IDENTITY_TOKEN]; /* of the session to step up */
	int verdict;               /* of the hash: 0, E_AUTH, or why it could not be told */
	bool stale;
	struct pwhash_cost cost;
	char *fresh;               /* hashed anew at today's cost; NULL when there is no need */
};

static void
copy(char *out, size_t size, const char *s)
{
	(void)snprintf(out, size, "%s", s ? s : "");
}

static int
on_hash(const struct db_row *row, void *cookie, struct err *e)
{
	struct identity_try *t = cookie;

	(void)e;
	copy(t->account, sizeof(t->account), db_col_text(row, 0));
	if (db_col_text(row, 1)[0])
		copy(t->hash, sizeof(t->hash), db_col_text(row, 1));
	return 0;
}

/* gate_of(...): A browser in which this account signed in before has a count of its own. */
static int
gate_of(struct identity *id, int64_t now, const char *kind, const char *account, const char *who,
    const struct identity_from *from, struct ident_gate *g, struct err *e)
{
	char device[IDENTITY_ID] = "", key[2 * IDENTITY_ID];
	int64_t known = 0;
	int r = ident_device_get(id, now, from->device, device, e);

	if (r == 0 && device[0] && *account) {
		r = db_i64(id->db, "SELECT 1 FROM device_accounts WHERE device = $1 AND "
		    "account = $2", &known, "ss", e, device, account);
		if (r == E_NOENT)
			r = 0;
	}
	if (r < 0)
		return r;
	(void)snprintf(key, sizeof(key), "%s/%s", device, account);
	ident_gate_set(g, kind, known ? key : who, from);
	return 0;
}

static struct identity_try *
try_new(struct identity *id, const struct identity_from *from)
{
	struct identity_try *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	copy(t->hash, sizeof(t->hash), id->dummy);
	copy(t->source, sizeof(t->source), from->source);
	copy(t->agent, sizeof(t->agent), from->agent);
	copy(t->device, sizeof(t->device), from->device);
	t->has_device = from->device != NULL;
	t->cost = id->cost;
	t->verdict = E_SYS; /* until it was hashed */
	return t;
}

int
identity_try_begin(struct identity *id, int64_t now, const char *login,
    const struct identity_from *from, struct identity_try **ret, int64_t *ret_wait,
    struct err *e)
{
	struct identity_try *t = try_new(id, from);
	char fold[IDENTITY_LOGIN], who[2 * DIGEST_LEN + 1];
	uint8_t mac[DIGEST_LEN];
	int r = 0;

	*ret_wait = 0;
	if (!t)
		return err_set(e, E_NOMEM, "no memory");
	if (ident_fold(login, fold))
		r = db_each(id->db, "SELECT id, password FROM accounts WHERE login = $1", on_hash,
		    t, "s", e, fold);
	else
		(void)memcpy(fold, "?", 2);
	/* the count of a login that does not exist is kept like any other; not in the clear, for
	 * people type passwords there */
	ident_lookup(id, "login", fold, strlen(fold), mac);
	hex_put(who, mac, sizeof(mac));
	if (r == 0)
		r = gate_of(id, now, "pw", t->account, who, from, &t->gate, e);
	if (r == 0)
		r = ident_gate_enter(id, now, &t->gate, ret_wait, e);
	if (r < 0) {
		identity_try_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

int
identity_step_begin(struct identity *id, int64_t now, const char *token,
    const struct identity_from *from, struct identity_try **ret, int64_t *ret_wait,
    struct err *e)
{
	struct identity_account a;
	struct ident_session s;
	struct identity_try *t;
	int r = ident_session_own(id, now, token, &s, &a, e);

	*ret_wait = 0;
	if (r < 0)
		return r;
	if ((s.stage != STAGE_FULL && s.stage != STAGE_PIN) || ident_account_second(&a) ||
	    !a.has_password)
		return err_set(e, E_AUTH, "the second factor is asked here");
	t = try_new(id, from);
	if (!t)
		return err_set(e, E_NOMEM, "no memory");
	t->step = true;
	copy(t->token, sizeof(t->token), token);
	r = db_each(id->db, "SELECT id, password FROM accounts WHERE id = $1", on_hash, t, "s", e,
	    a.id);
	if (r == 0)
		r = gate_of(id, now, "step", a.id, a.id, from, &t->gate, e);
	if (r == 0)
		r = ident_gate_enter(id, now, &t->gate, ret_wait, e);
	if (r < 0) {
		identity_try_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void
identity_try_hash(struct identity_try *t, const void *password, size_t n)
{
	char *nfc = NULL;
	size_t len = 0;

	/* what is no text is hashed all the same: the time must not tell */
	if (password_nfc(password, n, &nfc, &len, NULL) < 0) {
		(void)!pwhash_verify(t->hash, "-", 1, NULL);
		t->verdict = E_AUTH;
		return;
	}
	t->verdict = pwhash_verify(t->hash, nfc, len, NULL);
	if (t->verdict == 0 && t->account[0] && pwhash_stale(t->hash, &t->cost)) {
		t->fresh = malloc(PWHASH_LEN);
		if (t->fresh && pwhash_make(&t->cost, nfc, len, t->fresh, NULL) < 0) {
			free(t->fresh); /* the old one still works */
			t->fresh = NULL;
		}
	}
	secret_free(nfc, len + 1);
}

/* right(id, now, t, a, ret, e): The password was the one. */
static int
right(struct identity *id, int64_t now, struct identity_try *t, const struct identity_account *a,
    struct identity_pass *ret, struct err *e)
{
	struct identity_from from = {.source = t->source, .agent = t->agent,
	    .device = t->has_device ? t->device : NULL};
	struct ident_begin b = {.account = a->id, .from = &from, .fresh = true};
	struct ident_session s;
	int r = 0;

	if (t->fresh)
		r = db_exec(id->db, "UPDATE accounts SET password = $2 WHERE id = $1 AND "
		    "password = $3", "sss", e, a->id, t->fresh, t->hash);
	if (r < 0)
		return r;
	if (t->step) {
		r = ident_session_get(id, now, t->token, &s, e);
		return r < 0 ? r : ident_session_move(id, now, &s, STAGE_FULL, ret, e);
	}
	b.stage = ident_account_second(a) ? STAGE_SECOND : ident_account_stage(a);
	return ident_session_new(id, now, &b, ret, e);
}

int
identity_try_finish(struct identity *id, int64_t now, struct identity_try *t,
    struct identity_pass *ret, struct err *e)
{
	struct identity_account a;
	int r;

	if (t->verdict != 0 && t->verdict != E_AUTH) {
		r = err_set(e, t->verdict, "the password could not be checked");
		identity_try_free(t);
		return r;
	}
	if (t->verdict == E_AUTH || !t->account[0]) {
		identity_try_free(t);
		return err_set(e, E_AUTH, IDENT_WRONG);
	}
	r = identity_account_get(id, t->account, &a, e);
	if (r == E_NOENT ||
	    (r == 0 && (!ident_account_in_force(&a, now, false) || !a.has_password)))
		r = err_set(e, E_AUTH, IDENT_WRONG);
	/* the second factor has a count of its own */
	if (r == 0)
		r = ident_gate_pass(id, &t->gate, e);
	if (r == 0)
		r = right(id, now, t, &a, ret, e);
	identity_try_free(t);
	return r;
}

void
identity_try_free(struct identity_try *t)
{
	if (!t)
		return;
	free(t->fresh);
	explicit_bzero(t, sizeof(*t));
	free(t);
}

/* --- invitations ------------------------------------------------------------------------------ */

static int
on_account(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	copy(cookie, IDENTITY_ID, db_col_text(row, 0));
	return 0;
}

int
identity_invite_use(struct identity *id, int64_t now, const char *code,
    const struct identity_from *from, struct identity_pass *ret, int64_t *ret_wait,
    struct err *e)
{
	struct ident_begin b = {.stage = STAGE_ENROL, .from = from, .fresh = true};
	char account[IDENTITY_ID] = "";
	struct identity_account a;
	uint8_t hash[DIGEST_LEN];
	struct ident_gate g;
	int r;

	/* fifty bits: it is the source that is slowed; the shared count is per source, too */
	ident_gate_set(&g, "invite", from->source ? from->source : "", from);
	r = ident_gate_enter(id, now, &g, ret_wait, e);
	if (r < 0)
		return r;
	if (!ident_code_hash(id, code, hash))
		return err_set(e, E_AUTH, IDENT_WRONG);
	r = db_each(id->db, "SELECT account FROM account_codes WHERE hash = $1 AND kind = 'invite' "
	    "AND used = 0 AND ends > $2", on_account, account, "bi", e, hash, sizeof(hash), now);
	if (r == 0 && !account[0])
		return err_set(e, E_AUTH, IDENT_WRONG);
	if (r == 0)
		r = identity_account_get(id, account, &a, e);
	if (r == 0 && !ident_account_in_force(&a, now, true))
		return err_set(e, E_AUTH, IDENT_WRONG);
	if (r == 0) {
		r = db_exec(id->db,
		    "UPDATE account_codes SET used = $2 WHERE hash = $1 AND used = 0", "bi", e,
		    hash, sizeof(hash), now);
		if (r == 0)
			r = err_set(e, E_AUTH, IDENT_WRONG); /* somebody was faster */
	}
	if (r > 0)
		r = ident_gate_pass(id, &g, e);
	b.account = account;
	return r < 0 ? r : ident_session_new(id, now, &b, ret, e);
}

/* --- a new password --------------------------------------------------------------------------- */

struct identity_newpw {
	char token[IDENTITY_TOKEN];
	struct pwhash_cost cost;
	char *nfc; /* secret */
	size_t n;
	char hash[PWHASH_LEN];
	int made; /* 0 when hashed */
	bool is_long;
};

int
identity_newpw_begin(struct identity *id, int64_t now, const char *token, const void *password,
    size_t n, struct identity_newpw **ret, enum password_why *ret_why, struct err *e)
{
	struct identity_account a;
	struct identity_newpw *w;
	struct ident_session s;
	int r = ident_session_setup(id, now, token, &s, &a, e);

	*ret_why = PASSWORD_OK;
	if (r < 0)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(e, E_NOMEM, "no memory");
	copy(w->token, sizeof(w->token), token);
	w->cost = id->cost;
	w->made = E_SYS;
	r = password_nfc(password, n, &w->nfc, &w->n, e);
	if (r == E_INVAL || r == E_LIMIT)
		*ret_why = r == E_INVAL ? PASSWORD_TEXT : PASSWORD_MANY;
	else if (r == 0)
		*ret_why = password_judge(w->nfc, w->n, a.login, a.name, ident_account_second(&a));
	if (*ret_why != PASSWORD_OK)
		r = err_set(e, E_INVAL, "%s", password_words(*ret_why, false));
	if (r < 0) {
		identity_newpw_free(w);
		return r;
	}
	w->is_long = password_chars(w->nfc, w->n) >= PASSWORD_LONG;
	*ret = w;
	return 0;
}

void
identity_newpw_hash(struct identity_newpw *w)
{
	w->made = pwhash_make(&w->cost, w->nfc, w->n, w->hash, NULL);
}

int
identity_newpw_finish(struct identity *id, int64_t now, struct identity_newpw *w,
    struct identity_pass *ret, struct err *e)
{
	struct identity_account a;
	struct ident_session s;
	int r = w->made < 0 ? err_set(e, w->made, "the password could not be kept")
	                    : ident_session_setup(id, now, w->token, &s, &a, e);

	if (r == 0)
		r = db_exec(id->db, "UPDATE accounts SET password = $2, password_long = $3, "
		    "password_at = $4, must_change = 0, state = 'active', version = version + 1 "
		    "WHERE id = $1", "ssii", e, a.id, w->hash, (int64_t)w->is_long, now);
	identity_newpw_free(w);
	if (r >= 0)
		r = ident_session_end_all(id, now, a.id, s.id, e);
	if (r >= 0)
		r = identity_account_get(id, a.id, &a, e);
	return r < 0 ? r : ident_session_move(id, now, &s, ident_account_stage(&a), ret, e);
}

void
identity_newpw_free(struct identity_newpw *w)
{
	if (!w)
		return;
	secret_free(w->nfc, w->n + 1);
	explicit_bzero(w, sizeof(*w));
	free(w);
}
