#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "identity/ident_int.h"

static const char *const states[] = {[ACCOUNT_INVITED] = "invited", [ACCOUNT_ACTIVE] = "active",
    [ACCOUNT_DISABLED] = "disabled"};

static void
copy(char *out, size_t size, const char *s)
{
	(void)snprintf(out, size, "%s", s);
}

/* --- what an account is ----------------------------------------------------------------------- */

bool
ident_account_second(const struct identity_account *a)
{
	return a->has_totp || a->passkeys > 0;
}

bool
ident_account_in_force(const struct identity_account *a, int64_t now, bool invited_too)
{
	if (a->state != ACCOUNT_ACTIVE && !(invited_too && a->state == ACCOUNT_INVITED))
		return false;
	return (a->valid_from == 0 || now >= a->valid_from) &&
	    (a->valid_until == 0 || now < a->valid_until);
}

enum identity_stage
ident_account_stage(const struct identity_account *a)
{
	/* a passkey is asked with the person's PIN or finger: it is two factors in one */
	bool first = (a->has_password && !a->must_change) || (a->passkeys > 0 && !a->has_password);
	bool second = ident_account_second(a);

	if (!first || (identity_role_needs_second(a->role) && !second))
		return STAGE_ENROL;
	return a->has_password && !a->long_password && !second ? STAGE_ENROL : STAGE_FULL;
}

/* --- reading ---------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
	"SELECT a.id, a.login, a.name, a.person, a.role, a.state, a.ja, a.valid_from, "            \
	"a.valid_until, a.objects, a.password <> '', a.totp IS NOT NULL, a.must_change, "          \
	"a.password_long, a.created, a.last_login, a.password_at, a.version, "                     \
	"(SELECT count(*) FROM passkeys p WHERE p.account = a.id), "                               \
	"(SELECT count(*) FROM account_codes c WHERE c.account = a.id AND c.kind = 'code' "        \
	"AND c.used = 0) FROM accounts a "

static int
objects_of(const char *text, struct identity_account *a, struct err *e)
{
	json_t *list = json_loads(text, 0, NULL), *v;
	size_t i;
	int r = json_is_array(list) && json_array_size(list) <= IDENTITY_OBJECTS ? 0 : E_CORRUPT;

	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v);

		if (r == 0 && (!s || strlen(s) >= IDENTITY_OBJECT))
			r = E_CORRUPT;
		if (r == 0)
			copy(a->objects[a->nobjects++], IDENTITY_OBJECT, s);
	}
	json_decref(list);
	return r < 0 ? err_set(e, E_CORRUPT, "the objects of account %s are damaged", a->id) : 0;
}

static int
read_row(const struct db_row *row, struct identity_account *a, struct err *e)
{
	const char *state = db_col_text(row, 5);
	size_t i = 0;

	*a = (struct identity_account){0};
	copy(a->id, sizeof(a->id), db_col_text(row, 0));
	copy(a->login, sizeof(a->login), db_col_text(row, 1));
	copy(a->name, sizeof(a->name), db_col_text(row, 2));
	copy(a->person, sizeof(a->person), db_col_text(row, 3));
	while (i + 1 < ARRAY_LEN(states) && strcmp(states[i], state) != 0)
		i++; /* what is not known counts as disabled */
	a->state = (enum identity_state)i;
	if (identity_role_get(db_col_text(row, 4), &a->role) < 0)
		return err_set(e, E_CORRUPT, "account %s has an unknown role", a->id);
	a->ja = db_col_i64(row, 6) != 0;
	a->valid_from = db_col_i64(row, 7);
	a->valid_until = db_col_i64(row, 8);
	a->has_password = db_col_i64(row, 10) != 0;
	a->has_totp = db_col_i64(row, 11) != 0;
	a->must_change = db_col_i64(row, 12) != 0;
	a->long_password = db_col_i64(row, 13) != 0;
	a->created = db_col_i64(row, 14);
	a->last_login = db_col_i64(row, 15);
	a->password_at = db_col_i64(row, 16);
	a->version = db_col_i64(row, 17);
	a->passkeys = (unsigned)db_col_i64(row, 18);
	a->codes = (unsigned)db_col_i64(row, 19);
	return objects_of(db_col_text(row, 9), a, e);
}

static int
on_one(const struct db_row *row, void *cookie, struct err *e)
{
	return read_row(row, cookie, e);
}

int
identity_account_get(struct identity *id, const char *account, struct identity_account *ret,
    struct err *e)
{
	struct identity_account a = {0};
	int r = db_each(id->db, COLUMNS "WHERE a.id = $1", on_one, &a, "s", e, account);

	if (r < 0)
		return r;
	if (!a.id[0])
		return err_set(e, E_NOENT, "there is no such account");
	*ret = a;
	return 0;
}

int
identity_account_find(struct identity *id, const char *login, struct identity_account *ret,
    struct err *e)
{
	struct identity_account a = {0};
	char fold[IDENTITY_LOGIN];
	int r;

	if (!ident_fold(login, fold))
		return err_set(e, E_NOENT, "there is no such account");
	r = db_each(id->db, COLUMNS "WHERE a.login = $1", on_one, &a, "s", e, fold);
	if (r < 0)
		return r;
	if (!a.id[0])
		return err_set(e, E_NOENT, "there is no such account");
	*ret = a;
	return 0;
}

struct each {
	identity_account_fn *fn;
	void *cookie;
};

static int
on_each(const struct db_row *row, void *cookie, struct err *e)
{
	struct each *it = cookie;
	struct identity_account a;
	int r = read_row(row, &a, e);

	return r < 0 ? r : it->fn(&a, it->cookie, e);
}

int
identity_account_each(struct identity *id, identity_account_fn *fn, void *cookie, struct err *e)
{
	struct each it = {fn, cookie};

	return db_each(id->db, COLUMNS "ORDER BY a.login", on_each, &it, "", e);
}

int
identity_account_count(struct identity *id, struct err *e)
{
	int64_t n = 0;
	int r = db_i64(id->db, "SELECT count(*) FROM accounts", &n, "", e);

	return r < 0 ? r : (int)n;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int
check_objects(const struct identity_new *n, char **ret, struct err *e)
{
	json_t *list = json_array();
	int r = list ? 0 : err_set(e, E_NOMEM, "no memory");

	if (n->nobjects > IDENTITY_OBJECTS)
		r = err_set(e, E_LIMIT, "an account has at most %d objects", IDENTITY_OBJECTS);
	for (size_t i = 0; r == 0 && i < n->nobjects; i++) {
		const char *s = n->objects[i];

		if (!ident_text_ok(s, IDENTITY_OBJECT) || (strcmp(s, "*") != 0 && !strchr(s, ':')))
			r = err_set(e, E_INVAL, "an object is written KIND:ID, KIND:* or *");
		else if (json_array_append_new(list, json_string(s)) < 0)
			r = err_set(e, E_NOMEM, "no memory");
	}
	*ret = r == 0 ? json_dumps(list, JSON_COMPACT) : NULL;
	if (r == 0 && !*ret)
		r = err_set(e, E_NOMEM, "no memory");
	json_decref(list);
	return r;
}

static int
check_new(const struct identity_new *n, int64_t now, struct err *e)
{
	if (!ident_text_ok(n->name, IDENTITY_NAME))
		return err_set(e, E_INVAL, "name: 1 to %d bytes of text", IDENTITY_NAME - 1);
	if (n->person && strlen(n->person) >= IDENTITY_ID)
		return err_set(e, E_INVAL, "person: not the id of a record");
	if ((unsigned)n->role >= ROLES || n->role == ROLE_GLASS)
		return err_set(e, E_INVAL, "role: not one that an account can have");
	if (n->valid_from < 0 || n->valid_until < 0 ||
	    (n->valid_until != 0 && n->valid_until <= n->valid_from))
		return err_set(e, E_INVAL, "valid_until: before valid_from");
	if (identity_role_must_end(n->role) && n->valid_until <= now)
		return err_set(e, E_INVAL, "valid_until: a %s must have an end in the future",
		    identity_role_name(n->role));
	return 0;
}

struct add {
	const struct identity_new *n;
	const char *id, *login, *by, *objects;
	const uint8_t *hash;
	int64_t now;
};

static int
invite(struct db *db, const char *account, const uint8_t hash[DIGEST_LEN], int64_t now,
    struct err *e)
{
	int r = db_exec(db, "DELETE FROM account_codes WHERE account = $1 AND kind = 'invite'", "s",
	    e, account);

	if (r >= 0)
		r = db_exec(db, "INSERT INTO account_codes (hash, account, kind, created, ends) "
		    "VALUES ($1, $2, 'invite', $3, $4)", "bsii", e, hash, (size_t)DIGEST_LEN,
		    account, now, now + IDENTITY_SPAN_INVITE);
	return r < 0 ? r : 0;
}

static int
add_tx(struct db *db, void *cookie, struct err *e)
{
	const struct add *a = cookie;
	int64_t rows = 0;
	int r = db_i64(db, "SELECT count(*) FROM accounts", &rows, "", e);

	if (r == 0 && rows >= IDENTITY_ACCOUNTS)
		return err_set(e, E_LIMIT, "there are %d accounts already", IDENTITY_ACCOUNTS);
	if (r == 0)
		r = db_exec(db, "INSERT INTO accounts (id, login, name, person, role, state, ja, "
		    "valid_from, valid_until, objects, created, created_by) VALUES "
		    "($1, $2, $3, $4, $5, 'invited', $6, $7, $8, $9, $10, $11)", "sssssiiisis", e,
		    a->id, a->login, a->n->name, a->n->person ? a->n->person : "",
		    identity_role_name(a->n->role), (int64_t)a->n->ja, a->n->valid_from,
		    a->n->valid_until, a->objects, a->now, a->by);
	if (r == E_EXIST)
		return err_set(e, E_EXIST, "login: it is taken");
	return r < 0 ? r : invite(db, a->id, a->hash, a->now, e);
}

int
identity_account_add(struct identity *id, int64_t now, const char *by,
    const struct identity_new *n, char ret_id[IDENTITY_ID], char code[IDENTITY_CODE],
    struct err *e)
{
	char login[IDENTITY_LOGIN], new_id[IDENTITY_ID], text[IDENTITY_CODE], *objects = NULL;
	uint8_t hash[DIGEST_LEN];
	struct add a = {.n = n, .id = new_id, .login = login, .by = by, .hash = hash, .now = now};
	int r = check_new(n, now, e);

	if (r == 0 && !ident_fold(n->login, login))
		r = err_set(e, E_INVAL, "login: 1 to %d bytes of text without spaces",
		    IDENTITY_LOGIN - 1);
	if (r == 0)
		r = check_objects(n, &objects, e);
	if (r < 0)
		return r;
	a.objects = objects;
	ident_id(new_id, "a");
	ident_code(id, text, hash);
	r = db_tx(id->db, add_tx, &a, e);
	free(objects);
	if (r < 0)
		return r;
	copy(ret_id, IDENTITY_ID, new_id);
	copy(code, IDENTITY_CODE, text);
	return 0;
}

/* others(db, account, now, ret): Directors beside this one who can sign in and always will. */
static int
others(struct db *db, const char *account, int64_t *ret, struct err *e)
{
	return db_i64(db, "SELECT count(*) FROM accounts WHERE role = 'director' AND "
	    "state = 'active' AND valid_until = 0 AND id <> $1", ret, "s", e, account);
}

static int
keep_director(struct identity *id, const struct identity_account *was, bool stays, struct err *e)
{
	int64_t n = 0;
	int r;

	if (stays || was->role != ROLE_DIRECTOR || was->state != ACCOUNT_ACTIVE)
		return 0;
	r = others(id->db, was->id, &n, e);
	if (r == 0 && n == 0)
		r = err_set(e, E_INVAL, "there would be no director left who can sign in");
	return r;
}

static bool
same_rights(const struct identity_account *was, const struct identity_new *n)
{
	if (was->role != n->role || was->valid_from != n->valid_from ||
	    was->valid_until != n->valid_until || was->nobjects != n->nobjects)
		return false;
	for (size_t i = 0; i < n->nobjects; i++)
		if (strcmp(was->objects[i], n->objects[i]) != 0)
			return false;
	return true;
}

int
identity_account_change(struct identity *id, int64_t now, const char *account, int64_t version,
    const struct identity_new *n, struct err *e)
{
	struct identity_account was;
	char *objects = NULL;
	int r = identity_account_get(id, account, &was, e);

	if (r == 0)
		r = check_new(n, now, e);
	if (r == 0)
		r = keep_director(id, &was, n->role == ROLE_DIRECTOR && n->valid_until == 0, e);
	if (r == 0)
		r = check_objects(n, &objects, e);
	if (r < 0)
		return r;
	r = db_exec(id->db, "UPDATE accounts SET name = $3, person = $4, role = $5, ja = $6, "
	    "valid_from = $7, valid_until = $8, objects = $9, version = version + 1 "
	    "WHERE id = $1 AND version = $2", "sisssiiis", e, account, version, n->name,
	    n->person ? n->person : "", identity_role_name(n->role), (int64_t)n->ja, n->valid_from,
	    n->valid_until, objects);
	free(objects);
	if (r == 0)
		return err_set(e, E_BUSY, "somebody else saved this account first");
	if (r > 0 && !same_rights(&was, n))
		r = ident_session_end_all(id, now, account, NULL, e);
	return r < 0 ? r : 0;
}

struct close {
	const char *account;
	const uint8_t *hash; /* of a new invitation, or NULL */
	int64_t now;
};

/* Everything that lets somebody in as this account. */
static int
shut(struct db *db, const struct close *c, struct err *e)
{
	int r = db_exec(db, "UPDATE sessions SET ended = $2 WHERE account = $1 AND ended = 0", "si",
	    e, c->account, c->now);

	if (r >= 0)
		r = db_exec(db, "UPDATE links SET revoked = $2 WHERE account = $1 AND revoked = 0",
		    "si", e, c->account, c->now);
	if (r >= 0)
		r = db_exec(db, "UPDATE device_accounts SET pin = NULL WHERE account = $1", "s", e,
		    c->account);
	if (r >= 0)
		r = db_exec(db, "DELETE FROM account_codes WHERE account = $1 AND kind = 'invite'",
		    "s", e, c->account);
	return r < 0 ? r : 0;
}

static int
disable_tx(struct db *db, void *cookie, struct err *e)
{
	const struct close *c = cookie;
	int r = db_exec(db, "UPDATE accounts SET state = 'disabled', version = version + 1 "
	    "WHERE id = $1", "s", e, c->account);

	return r < 0 ? r : shut(db, c, e);
}

int
identity_account_disable(struct identity *id, int64_t now, const char *account, struct err *e)
{
	struct close c = {.account = account, .now = now};
	struct identity_account was;
	int r = identity_account_get(id, account, &was, e);

	if (r == 0)
		r = keep_director(id, &was, false, e);
	return r < 0 ? r : db_tx(id->db, disable_tx, &c, e);
}

int
identity_account_enable(struct identity *id, int64_t now, const char *account, struct err *e)
{
	struct identity_account a;
	int r = identity_account_get(id, account, &a, e);

	(void)now;
	if (r < 0 || a.state != ACCOUNT_DISABLED)
		return r;
	r = db_exec(id->db, "UPDATE accounts SET state = $2, version = version + 1 WHERE id = $1",
	    "ss", e, account, a.has_password || a.passkeys > 0 ? "active" : "invited");
	return r < 0 ? r : 0;
}

static int
reset_tx(struct db *db, void *cookie, struct err *e)
{
	const struct close *c = cookie;
	int r = db_exec(db, "UPDATE accounts SET state = 'invited', password = '', "
	    "password_long = 0, must_change = 0, totp = NULL, totp_new = NULL, "
	    "version = version + 1 WHERE id = $1", "s", e, c->account);

	if (r >= 0)
		r = db_exec(db, "DELETE FROM passkeys WHERE account = $1", "s", e, c->account);
	if (r >= 0)
		r = db_exec(db, "DELETE FROM account_codes WHERE account = $1", "s", e, c->account);
	if (r >= 0)
		r = shut(db, c, e);
	return r < 0 ? r : invite(db, c->account, c->hash, c->now, e);
}

int
identity_account_reset(struct identity *id, int64_t now, const char *account,
    char code[IDENTITY_CODE], struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	struct close c = {.account = account, .hash = hash, .now = now};
	struct identity_account a;
	char text[IDENTITY_CODE];
	int r = identity_account_get(id, account, &a, e);

	if (r < 0)
		return r;
	ident_code(id, text, hash);
	r = db_tx(id->db, reset_tx, &c, e);
	if (r == 0)
		copy(code, IDENTITY_CODE, text);
	return r;
}
