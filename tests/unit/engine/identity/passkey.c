/* Passkeys end to end, with an authenticator in software (soft.h). */
#include "unit/engine/identity/world.h"

#include "unit/engine/identity/soft.h"

static char director[IDENTITY_ID], staff[IDENTITY_ID];

/* offer(pass, s): Ask for options, let the authenticator answer, hand it in. */
static int
enrol(struct identity_pass *p, struct soft *s)
{
	json_t *options, *answer;
	int r = identity_passkey_offer(id, now, p->token, &options, &e);

	if (r < 0)
		return r;
	answer = soft_create(s, options);
	r = identity_passkey_add(id, now, p->token, "鍵 ①", answer, p, &e);
	json_decref(options);
	json_decref(answer);
	return r;
}

static int
use(const char *token, struct soft *s, const char *handle, struct identity_pass *p)
{
	json_t *options, *answer;
	int r = identity_passkey_ask(id, now, token, &options, &e);

	if (r < 0)
		return r;
	answer = soft_get(s, options, handle);
	r = identity_passkey_use(id, now, token, answer, &desk, p, &waits, &e);
	json_decref(options);
	json_decref(answer);
	return r;
}

static void
test_enrol_and_sign_in(int64_t alg, const char *login)
{
	char account[IDENTITY_ID];
	struct identity_pass p, q;
	struct soft s, other;

	person(login, ROLE_DIRECTOR, account, &p);
	(void)memcpy(director, account, sizeof(director));
	soft_new(&s, alg, (uint8_t)(alg & 0x7f));
	soft_new(&other, alg, (uint8_t)(alg & 0x7f));
	EQ_I(enrol(&p, &s), 0, "a passkey is added");
	EQ_I(p.stage, STAGE_FULL, "and is the second factor");
	EQ_I(use(NULL, &s, account, &q), 0, "signing in with it alone");
	EQ_I(q.stage, STAGE_FULL, "all the way in");
	EQ_S(q.account, account, "as its owner");
	EQ_I(use(NULL, &s, NULL, &q), 0, "without a user handle");
	EQ_I(use(NULL, &s, "a-somebody", &q), E_AUTH, "not with another's handle");
	must(signin(login, "ao-sora 7 no kumo", &desk, &q), "password");
	EQ_I(q.stage, STAGE_SECOND, "with the password it is asked");
	EQ_I(use(q.token, &s, account, &q), 0, "and answers");
	EQ_I(q.stage, STAGE_FULL, "all the way in");
	now += 400 * TIME_SEC;
	EQ_I(use(q.token, &s, account, &q), 0, "a step-up");
	EQ_I(use(NULL, &other, account, &q), E_AUTH, "another key under its name");
	EQ_I(enrol(&p, &s), E_AUTH, "adding one takes a fresh factor");
	EVP_PKEY_free(s.key);
	EVP_PKEY_free(other.key);
	now += TIME_DAY;
}

/* Everything a wrong page, a wrong device or a thief can send. */
static void
test_wrong(void)
{
	struct identity_pass p, q;
	struct soft s;
	json_t *options, *answer;
	int r;

	person("wrong", ROLE_STAFF, staff, &p);
	soft_new(&s, WEBAUTHN_ES256, 77);
	s.origin = "https://mamori.clinic.example";
	EQ_I(enrol(&p, &s), E_AUTH, "another port is another site");
	s.origin = "https://mamori.clinic.example:8443";
	s.rp = "evil.example";
	EQ_I(enrol(&p, &s), E_AUTH, "another host's key");
	s.rp = "mamori.clinic.example";
	s.flags = 0x04;
	EQ_I(enrol(&p, &s), E_AUTH, "nobody touched it");
	s.flags = 0x01;
	EQ_I(enrol(&p, &s), E_AUTH, "it did not check who is there");
	s.flags = 0x15;
	EQ_I(enrol(&p, &s), E_PROTO, "a copy of what cannot be copied");
	s.flags = 0x05;
	s.type = "webauthn.get";
	EQ_I(enrol(&p, &s), E_AUTH, "the answer to another question");
	s.type = NULL;
	s.extra = ",\"topOrigin\":\"https://evil.example\"";
	EQ_I(enrol(&p, &s), E_AUTH, "inside another site's page");
	s.extra = ",\"origin\":\"https://mamori.clinic.example:8443\"";
	EQ_I(enrol(&p, &s), E_PROTO, "a name twice");
	s.extra = NULL;
	must(identity_passkey_offer(id, now, p.token, &options, &e), "offer");
	answer = soft_create(&s, options);
	EQ_I(identity_passkey_add(id, now + 301 * TIME_SEC, p.token, "x", answer, &q, &e), E_AUTH,
	    "too late");
	EQ_I(identity_passkey_add(id, now, p.token, "鍵", answer, &p, &e), 0, "in time");
	EQ_I(identity_passkey_add(id, now, p.token, "鍵", answer, &q, &e), E_AUTH,
	    "the same answer twice");
	json_decref(options);
	json_decref(answer);
	EQ_I(enrol(&p, &s), E_EXIST, "the same passkey twice");

	must(identity_passkey_ask(id, now, NULL, &options, &e), "ask");
	answer = soft_get(&s, options, staff);
	EQ_I(identity_passkey_use(id, now, p.token, answer, &desk, &q, &waits, &e), E_AUTH,
	    "an answer to another session's question");
	EQ_I(identity_passkey_use(id, now, NULL, answer, &desk, &q, &waits, &e), 0, "its own");
	EQ_I(identity_passkey_use(id, now, NULL, answer, &desk, &q, &waits, &e), E_AUTH, "twice");
	json_decref(options);
	json_decref(answer);
	s.count -= 1;
	EQ_I(use(NULL, &s, staff, &q), E_AUTH, "a counter that stands still: a copied key");
	s.flags = 0x01;
	EQ_I(use(NULL, &s, staff, &q), E_AUTH, "alone it must check who is there");
	now += 3600 * TIME_SEC;
	must(signin("wrong", "ao-sora 7 no kumo", &desk, &p), "password");
	EQ_I(use(p.token, &s, staff, &p), 0, "beside the password a touch is enough");
	must(identity_account_disable(id, now, staff, &e), "disable");
	s.flags = 0x05;
	r = use(NULL, &s, staff, &q);
	EQ_I(r, E_AUTH, "a disabled account's key opens nothing");
	EVP_PKEY_free(s.key);
	now += TIME_DAY;
}

static void
test_manage(void)
{
	struct identity_account a;
	struct identity_pass p, other_p;
	char other[IDENTITY_ID];
	struct soft s;
	json_t *list;
	char key[IDENTITY_ID];

	person("manage", ROLE_CLERK, staff, &p);
	person("other", ROLE_STAFF, other, &other_p);
	soft_new(&s, WEBAUTHN_ES256, 88);
	must(enrol(&p, &s), "enrol");
	must(identity_passkey_list(id, staff, &list, &e), "list");
	EQ_I(json_array_size(list), 1, "one passkey");
	EQ_S(json_string_value(json_object_get(json_array_get(list, 0), "name")), "鍵 ①", "its name");
	(void)snprintf(key, sizeof(key), "%s",
	    json_string_value(json_object_get(json_array_get(list, 0), "id")));
	json_decref(list);
	EQ_I(identity_passkey_drop(id, now, other_p.token, key, &e), E_NOENT,
	    "nobody removes another's");
	EQ_I(identity_passkey_drop(id, now, p.token, key, &e), E_INVAL,
	    "a clerk's last second factor stays");
	EQ_I(enrol(&other_p, &s), E_EXIST, "one key belongs to one account");
	must(identity_account_get(id, staff, &a, &e), "account");
	EQ_I(a.passkeys, 1, "counted");
	EVP_PKEY_free(s.key);
}

static void
test_malformed(void)
{
	static const char *const bad[] = {"{}", "[]", "null", "{\"id\":\"AA\"}",
	    "{\"id\":\"AA\",\"clientDataJSON\":\"%%\",\"attestationObject\":\"AA\"}",
	    "{\"id\":\"AA\",\"clientDataJSON\":\"e30\",\"attestationObject\":\"oA\"}",
	    "{\"id\":7,\"clientDataJSON\":\"e30\",\"attestationObject\":\"oA\"}"};
	struct identity_pass p;
	char who[IDENTITY_ID];

	person("mal", ROLE_STAFF, who, &p);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *o = json_loads(bad[i], JSON_DECODE_ANY, NULL);

		EQ_I(identity_passkey_add(id, now, p.token, "x", o, &p, &e), E_PROTO, bad[i]);
		json_decref(o);
	}
}

int
main(void)
{
	static const struct identity_conf bare = {.cost = {.scheme = PWHASH_ARGON2ID,
	    .memory_kib = 64, .passes = 1, .lanes = 1}};
	struct identity_pass p;
	struct identity *no_name;
	json_t *options;

	world_open();
	test_enrol_and_sign_in(WEBAUTHN_ES256, "es256");
	test_enrol_and_sign_in(WEBAUTHN_EDDSA, "eddsa");
	test_enrol_and_sign_in(WEBAUTHN_RS256, "rs256");
	test_wrong();
	test_manage();
	test_malformed();
	must(identity_open(&world_st, world_db, &bare, &no_name, &e), "open");
	person("addr", ROLE_STAFF, staff, &p);
	EQ_I(identity_passkey_offer(no_name, now, p.token, &options, &e), E_NOENT,
	    "a console without a host name offers none");
	identity_close(no_name);
	world_close();
	return tap_done();
}
