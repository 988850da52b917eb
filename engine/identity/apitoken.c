#include "identity/apitoken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "identity/ident_int.h"
#include "ledger/checks.h"

static const char prefix[] = "mmr_";
static const char measure[] = "measure:";

static void
copy(char *out, size_t size, const char *s)
{
	(void)snprintf(out, size, "%s", s);
}

/* --- scopes ----------------------------------------------------------------------------------- */

static bool
split(const char *s, enum identity_area *area, enum identity_verb *verb)
{
	const char *colon = strchr(s, ':');
	char name[32];

	if (!colon || colon == s || (size_t)(colon - s) >= sizeof(name))
		return false;
	(void)memcpy(name, s, (size_t)(colon - s));
	name[colon - s] = 0;
	return identity_area_get(name, area) == 0 && identity_verb_get(colon + 1, verb) == 0;
}

/* A check, or a group of them: "backup." */
static bool
group_ok(const char *s)
{
	char name[APITOKEN_MEASURE + 2];
	size_t n = strlen(s);

	if (n == 0 || n >= APITOKEN_MEASURE)
		return false;
	copy(name, sizeof(name), s);
	if (name[n - 1] == '.')
		copy(name + n, 2, "x");
	return checks_name_ok(name);
}

bool
apitoken_scope_ok(const char *s)
{
	enum identity_area area;
	enum identity_verb verb;

	if (strncmp(s, measure, sizeof(measure) - 1) == 0)
		return group_ok(s + sizeof(measure) - 1);
	/* a program has no account of its own to look after, and none to make */
	return split(s, &area, &verb) && area != AREA_SELF && area != AREA_TASKS &&
	    area != AREA_ACCOUNTS && area != AREA_API && area != AREA_ACCESS;
}

static int
read_scopes(const json_t *list, struct apitoken *t, struct err *e)
{
	const json_t *v;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) == 0 ||
	    json_array_size(list) > APITOKEN_SCOPES)
		return err_set(e, E_INVAL, "scopes: 1 to %d", APITOKEN_SCOPES);
	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v);
		enum identity_area area;
		enum identity_verb verb;

		if (!s || !apitoken_scope_ok(s))
			return err_set(e, E_INVAL, "scopes: \"%.60s\" is none", s ? s : "?");
		if (split(s, &area, &verb))
			t->verbs[area] |= (uint8_t)(1U << verb);
		else if (t->measure[0])
			return err_set(e, E_INVAL, "scopes: one measure:... a token");
		else
			copy(t->measure, sizeof(t->measure), s + sizeof(measure) - 1);
	}
	return 0;
}

bool
apitoken_may(const struct apitoken *t, enum identity_area area, enum identity_verb verb,
    const char *object, int64_t now)
{
	if ((unsigned)area >= AREAS || (unsigned)verb >= VERBS || now >= t->ends)
		return false;
	return (t->verbs[area] & 1U << verb) && identity_may(&t->owner, area, verb, object, now);
}

bool
apitoken_may_measure(const struct apitoken *t, const char *check)
{
	size_t n = strlen(t->measure);

	if (n == 0)
		return false;
	return t->measure[n - 1] == '.' ? strncmp(t->measure, check, n) == 0
	                                : strcmp(t->measure, check) == 0;
}

/* --- making ----------------------------------------------------------------------------------- */

static int
owner_has(const struct apitoken *t, int64_t now, struct err *e)
{
	for (int a = 0; a < AREAS; a++)
		for (int v = 0; v < VERBS; v++)
			if ((t->verbs[a] & 1U << v) && !identity_may(&t->owner,
			    (enum identity_area)a, (enum identity_verb)v, NULL, now))
				return err_set(e, E_INVAL,
				    "scopes: this account has not %s:%s itself",
				    identity_area_name((enum identity_area)a),
				    identity_verb_name((enum identity_verb)v));
	if (t->measure[0] && !identity_may(&t->owner, AREA_GUIDE, VERB_WRITE, NULL, now))
		return err_set(e, E_INVAL, "scopes: this account may not report measurements");
	return 0;
}

int
apitoken_new(struct identity *id, int64_t now, const char *account, const char *name,
    const json_t *scopes, int64_t ends, char ret[APITOKEN_LEN], struct err *e)
{
	char new_id[IDENTITY_ID], text[IDENTITY_TOKEN], *dump;
	struct apitoken t = {.ends = ends};
	uint8_t hash[DIGEST_LEN];
	int64_t n = 0;
	int r = identity_account_get(id, account, &t.owner, e);

	if (r == 0 && !ident_text_ok(name, APITOKEN_NAME))
		r = err_set(e, E_INVAL, "name: 1 to %d bytes of text", APITOKEN_NAME - 1);
	if (r == 0 && (ends <= now || ends > now + APITOKEN_SPAN))
		r = err_set(e, E_INVAL, "ends: within the next 400 days");
	if (r == 0)
		r = read_scopes(scopes, &t, e);
	if (r == 0)
		r = owner_has(&t, now, e);
	if (r == 0)
		r = db_i64(id->db,
		    "SELECT count(*) FROM api_tokens WHERE revoked = 0 AND ends > $1", &n, "i", e,
		    now);
	if (r == 0 && n >= APITOKENS)
		r = err_set(e, E_LIMIT, "there are %d tokens already", APITOKENS);
	if (r < 0)
		return r;
	dump = json_dumps(scopes, JSON_COMPACT);
	if (!dump)
		return err_set(e, E_NOMEM, "no memory");
	ident_id(new_id, "t");
	ident_token(text, hash);
	r = db_exec(id->db, "INSERT INTO api_tokens (id, token, account, name, scopes, created, "
	    "ends) VALUES ($1, $2, $3, $4, $5, $6, $7)", "sbsssii", e, new_id, hash, sizeof(hash),
	    account, name, dump, now, ends);
	free(dump);
	if (r < 0)
		return r;
	(void)snprintf(ret, APITOKEN_LEN, "%s%s", prefix, text);
	return 0;
}

/* --- using ------------------------------------------------------------------------------------ */

struct row {
	struct apitoken *t;
	char account[IDENTITY_ID];
	int64_t used;
};

static int
on_token(const struct db_row *row, void *cookie, struct err *e)
{
	struct row *k = cookie;
	json_t *scopes = json_loads(db_col_text(row, 3), 0, NULL);
	int r;

	copy(k->t->id, sizeof(k->t->id), db_col_text(row, 0));
	copy(k->account, sizeof(k->account), db_col_text(row, 1));
	copy(k->t->name, sizeof(k->t->name), db_col_text(row, 2));
	k->t->ends = db_col_i64(row, 4);
	k->used = db_col_i64(row, 5);
	r = read_scopes(scopes, k->t, e);
	json_decref(scopes);
	return r;
}

int
apitoken_get(struct identity *id, int64_t now, const char *text, struct apitoken *ret,
    struct err *e)
{
	uint8_t hash[DIGEST_LEN];
	struct apitoken t = {0};
	struct row k = {.t = &t};
	int r;

	if (!text || strncmp(text, prefix, sizeof(prefix) - 1) != 0 ||
	    !ident_token_hash(text + sizeof(prefix) - 1, hash, NULL))
		return err_set(e, E_AUTH, "this is no token");
	r = db_each(id->db, "SELECT id, account, name, scopes, ends, used FROM api_tokens WHERE "
	    "token = $1 AND revoked = 0 AND ends > $2", on_token, &k, "bi", e, hash, sizeof(hash),
	    now);
	if (r == 0 && !t.id[0])
		return err_set(e, E_AUTH, "the token is unknown or has ended");
	if (r == 0)
		r = identity_account_get(id, k.account, &t.owner, e);
	if (r == 0 && !ident_account_in_force(&t.owner, now, false))
		return err_set(e, E_AUTH, "the token is unknown or has ended");
	if (r == 0 && now - k.used > 60 * TIME_SEC)
		r = db_exec(id->db, "UPDATE api_tokens SET used = $2 WHERE id = $1", "si", e, t.id,
		    now);
	if (r < 0)
		return r;
	*ret = t;
	return 0;
}

static int
on_list(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *scopes = json_loads(db_col_text(row, 3), 0, NULL);
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I}", "id", db_col_text(row, 0),
	    "account", db_col_text(row, 1), "name", db_col_text(row, 2), "scopes",
	    scopes ? scopes : json_array(), "created", (json_int_t)db_col_i64(row, 4), "ends",
	    (json_int_t)db_col_i64(row, 5), "used", (json_int_t)db_col_i64(row, 6));

	return !o || json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
apitoken_list(struct identity *id, int64_t now, json_t **ret, struct err *e)
{
	json_t *list = json_array();
	int r = list ? db_each(id->db, "SELECT id, account, name, scopes, created, ends, used FROM "
	    "api_tokens WHERE revoked = 0 AND ends > $1 ORDER BY created DESC, id", on_list, list,
	    "i", e, now) : err_set(e, E_NOMEM, "no memory");

	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}

int
apitoken_revoke(struct identity *id, int64_t now, const char *token_id, struct err *e)
{
	int r = db_exec(id->db, "UPDATE api_tokens SET revoked = $2 WHERE id = $1 AND revoked = 0",
	    "si", e, token_id, now);

	return r < 0 ? r : r == 0 ? err_set(e, E_NOENT, "there is no such token") : 0;
}

/* --- calendars -------------------------------------------------------------------------------- */

int
apitoken_feed_revoke(struct identity *id, int64_t now, const char *account, struct err *e)
{
	int r = db_exec(id->db, "UPDATE feeds SET revoked = $2 WHERE account = $1 AND revoked = 0",
	    "si", e, account, now);

	return r < 0 ? r : 0;
}

int
apitoken_feed_new(struct identity *id, int64_t now, const char *account,
    char ret[IDENTITY_TOKEN], struct err *e)
{
	char new_id[IDENTITY_ID], text[IDENTITY_TOKEN];
	uint8_t hash[DIGEST_LEN];
	struct identity_account a;
	int r = identity_account_get(id, account, &a, e);

	if (r == 0)
		r = apitoken_feed_revoke(id, now, account, e);
	if (r < 0)
		return r;
	ident_id(new_id, "f");
	ident_token(text, hash);
	r = db_exec(id->db, "INSERT INTO feeds (id, token, account, created) VALUES "
	    "($1, $2, $3, $4)", "sbsi", e, new_id, hash, sizeof(hash), account, now);
	if (r < 0)
		return r;
	(void)memcpy(ret, text, sizeof(text));
	return 0;
}

static int
on_feed(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	copy(cookie, IDENTITY_ID, db_col_text(row, 0));
	return 0;
}

int
apitoken_feed_get(struct identity *id, int64_t now, const char *secret,
    struct identity_account *ret, struct err *e)
{
	char account[IDENTITY_ID] = "";
	uint8_t hash[DIGEST_LEN];
	struct identity_account a;
	int r;

	if (!ident_token_hash(secret, hash, NULL))
		return err_set(e, E_AUTH, "there is no such calendar");
	r = db_each(id->db, "SELECT account FROM feeds WHERE token = $1 AND revoked = 0", on_feed,
	    account, "b", e, hash, sizeof(hash));
	if (r == 0 && !account[0])
		return err_set(e, E_AUTH, "there is no such calendar");
	if (r == 0)
		r = identity_account_get(id, account, &a, e);
	if (r == 0 && !ident_account_in_force(&a, now, false))
		return err_set(e, E_AUTH, "there is no such calendar");
	if (r == 0)
		*ret = a;
	return r;
}
