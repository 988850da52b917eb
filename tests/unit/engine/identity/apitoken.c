#include "unit/engine/identity/world.h"

#include "identity/apitoken.h"

static json_t *
scopes(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	if (!o)
		abort();
	return o;
}

static int
make(const char *account, const char *list, int64_t ends, char ret[APITOKEN_LEN])
{
	json_t *s = scopes(list);
	int r = apitoken_new(id, now, account, "監視 ①", s, ends, ret, &e);

	json_decref(s);
	return r;
}

static void
test_scopes(void)
{
	static const char *const good[] = {"register:read", "register:write", "vault:run",
	    "measure:backup.", "measure:net.asset.new", "guide:read"};
	static const char *const bad[] = {"", "register", "register:", ":read", "register:root",
	    "root:read", "accounts:write", "api:write", "self:read", "access:read", "measure:",
	    "measure:x", "measure:UP.x", "measure:..", "register:read "};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		OK(apitoken_scope_ok(good[i]), "a scope: %s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		OK(!apitoken_scope_ok(bad[i]), "none: \"%s\"", bad[i]);
}

static void
test_life(const char *director, const char *staff)
{
	char t[APITOKEN_LEN], u[APITOKEN_LEN], odd[APITOKEN_LEN];
	int64_t end = now + 30 * TIME_DAY;
	struct apitoken k;
	json_t *list;

	EQ_I(make(director, "[]", end, t), E_INVAL, "no scope");
	EQ_I(make(director, "[\"register:read\"]", now, t), E_INVAL, "no end");
	EQ_I(make(director, "[\"register:read\"]", now + 401 * TIME_DAY, t), E_INVAL, "too long");
	EQ_I(make(staff, "[\"register:read\"]", end, t), E_INVAL, "more than the account has");
	EQ_I(make(staff, "[\"measure:backup.\"]", end, t), E_INVAL, "staff report nothing");
	EQ_I(make("a-none", "[\"register:read\"]", end, t), E_NOENT, "nobody's");
	EQ_I(make(director, "[\"register:read\", \"measure:backup.\"]", end, t), 0, "a token");
	OK(strncmp(t, "mmr_", 4) == 0 && strlen(t) == APITOKEN_LEN - 1, "of its form");
	EQ_I(make(director, "[\"vault:read\"]", end, u), 0, "another");
	EQ_I(apitoken_get(id, now, t, &k, &e), 0, "is known");
	OK(apitoken_may(&k, AREA_REGISTER, VERB_READ, NULL, now), "may what it was given");
	OK(!apitoken_may(&k, AREA_REGISTER, VERB_WRITE, NULL, now) &&
	        !apitoken_may(&k, AREA_VAULT, VERB_READ, NULL, now) &&
	        !apitoken_may(&k, AREA_ACCOUNTS, VERB_WRITE, NULL, now), "and nothing else");
	OK(apitoken_may_measure(&k, "backup.age") && !apitoken_may_measure(&k, "backups.age") &&
	        !apitoken_may_measure(&k, "vault.scrub"), "reports what it was given");
	OK(!apitoken_may(&k, AREA_REGISTER, VERB_READ, NULL, end), "until its end");
	EQ_I(apitoken_get(id, end, t, &k, &e), E_AUTH, "then it is unknown");
	(void)memcpy(odd, t, sizeof(odd));
	odd[20] = odd[20] == 'A' ? 'B' : 'A';
	EQ_I(apitoken_get(id, now, odd, &k, &e), E_AUTH, "one letter off");
	EQ_I(apitoken_get(id, now, t + 4, &k, &e), E_AUTH, "without its beginning");
	EQ_I(apitoken_get(id, now, NULL, &k, &e), E_AUTH, "none");
	must(apitoken_list(id, now, &list, &e), "list");
	EQ_I(json_array_size(list), 2, "both are listed");
	json_decref(list);
	must(apitoken_get(id, now, u, &k, &e), "get");
	EQ_I(apitoken_revoke(id, now, k.id, &e), 0, "revoke");
	EQ_I(apitoken_get(id, now, u, &k, &e), E_AUTH, "at once");
	EQ_I(apitoken_revoke(id, now, k.id, &e), E_NOENT, "once");
	must(db_exec(
		 world_db, "UPDATE accounts SET role = 'staff' WHERE id = $1", "s", &e, director),
	    "sql");
	must(apitoken_get(id, now, t, &k, &e), "get");
	OK(!apitoken_may(&k, AREA_REGISTER, VERB_READ, NULL, now),
	    "an account that loses a right takes it from its tokens");
	must(identity_account_disable(id, now, director, &e), "disable");
	EQ_I(apitoken_get(id, now, t, &k, &e), E_AUTH, "a disabled account's tokens end with it");
}

static void
test_feed(const char *staff)
{
	char a[IDENTITY_TOKEN], b[IDENTITY_TOKEN];
	struct identity_account who;

	must(apitoken_feed_new(id, now, staff, a, &e), "feed");
	EQ_I(apitoken_feed_get(id, now, a, &who, &e), 0, "a calendar's secret");
	EQ_S(who.id, staff, "and whose it is");
	must(apitoken_feed_new(id, now, staff, b, &e), "feed");
	EQ_I(apitoken_feed_get(id, now, a, &who, &e), E_AUTH, "a new one ends the older");
	EQ_I(apitoken_feed_get(id, now, b, &who, &e), 0, "the new one holds");
	must(apitoken_feed_revoke(id, now, staff, &e), "revoke");
	EQ_I(apitoken_feed_get(id, now, b, &who, &e), E_AUTH, "until it is revoked");
	EQ_I(apitoken_feed_get(id, now, "x", &who, &e), E_AUTH, "no secret at all");
}

int
main(void)
{
	char director[IDENTITY_ID], staff[IDENTITY_ID];
	struct identity_pass p;

	world_open();
	person("d", ROLE_DIRECTOR, director, &p);
	person("s", ROLE_STAFF, staff, &p);
	test_scopes();
	test_life(director, staff);
	test_feed(staff);
	world_close();
	return tap_done();
}
