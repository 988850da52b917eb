/* Signing in: the way through, and everything that must not work. */
#include "unit/engine/identity/world.h"

static char director[IDENTITY_ID];
static uint8_t seed[OTP_SEED_LEN];

#define PW "ao-sora 7 no kumo"

static void
test_first(void)
{
	struct identity_new n = {.login = "Inchō", .name = "髙橋 﨑", .role = ROLE_DIRECTOR, .ja = true};
	struct identity_session s;
	struct identity_pass p, q;
	enum password_why why;
	char code[IDENTITY_CODE], lower[IDENTITY_CODE], none[IDENTITY_ID];

	EQ_I(identity_account_count(id, &e), 0, "nobody is there");
	EQ_I(identity_account_add(id, now, "console", &n, director, code, &e), 0, "a director");
	EQ_I(identity_account_add(id, now, "console", &n, none, lower, &e), E_EXIST, "not twice");
	n.login = "ＩＮＣＨŌ";
	EQ_I(identity_account_add(id, now, "console", &n, none, lower, &e), E_EXIST,
	    "not in full-width capitals either");
	EQ_I(signin("inchō", PW, &desk, &p), E_AUTH, "no sign-in before the invitation is used");
	for (size_t i = 0; i < sizeof(code); i++)
		lower[i] = (char)(code[i] >= 'A' && code[i] <= 'Z' ? code[i] + 32 : code[i]);
	EQ_I(
	    identity_invite_use(id, now, lower, &desk, &p, &waits, &e), 0, "the code, typed small");
	EQ_I(p.stage, STAGE_ENROL, "a session for setting up");
	EQ_I(identity_invite_use(id, now, code, &desk, &q, &waits, &e), E_AUTH, "it is good once");
	EQ_I(identity_session(id, now, p.token, &s, &e), 0, "the session");
	EQ_I(identity_session_may(&s, AREA_SELF, VERB_WRITE, NULL, now), MAY_YES, "own account");
	EQ_I(identity_session_may(&s, AREA_GUIDE, VERB_READ, NULL, now), MAY_NO, "nothing else");
	EQ_I(newpw(&p, "short", &why), E_INVAL, "a short password");
	EQ_I(why, PASSWORD_FEW, "and why");
	EQ_I(newpw(&p, PW, &why), 0, "a good one");
	EQ_I(p.stage, STAGE_ENROL, "a director needs a second factor");
	EQ_I(identity_session(id, now, p.token, &s, &e), 0, "the session");
	EQ_I(identity_session_may(&s, AREA_GUIDE, VERB_READ, NULL, now), MAY_NO, "still nothing");
	totp(&p, seed);
	EQ_I(p.stage, STAGE_FULL, "now all the way in");
	EQ_I(identity_session(id, now, p.token, &s, &e), 0, "the session");
	EQ_S(s.account.name, "髙橋 﨑", "with the name as it was typed");
	EQ_I(identity_session_may(&s, AREA_GUIDE, VERB_APPROVE, NULL, now), MAY_YES, "approve");
}

static void
test_two_factors(void)
{
	struct identity_pass p, q;
	struct identity_session s;
	char used[8], old[IDENTITY_TOKEN];

	EQ_I(signin("INCHŌ", PW, &desk, &p), 0, "the password");
	EQ_I(p.stage, STAGE_SECOND, "asks for the second factor");
	EQ_I(identity_session(id, now, p.token, &s, &e), 0, "the session");
	EQ_I(identity_session_may(&s, AREA_SELF, VERB_READ, NULL, now), MAY_NO, "may do nothing");
	(void)memcpy(old, p.token, sizeof(old));
	(void)snprintf(used, sizeof(used), "%s", otp(seed));
	EQ_I(identity_second(id, now, p.token, used, &desk, &p, &waits, &e), 0, "the code");
	EQ_I(p.stage, STAGE_FULL, "all the way in");
	OK(strcmp(old, p.token) != 0, "with a new token");
	EQ_I(identity_session(id, now, old, &s, &e), E_AUTH, "the old one is worth nothing");
	EQ_I(signin("inchō", PW, &desk, &q), 0, "another sign-in");
	EQ_I(identity_second(id, now, q.token, used, &desk, &q, &waits, &e), E_AUTH,
	    "the same code twice");
	now += 31 * TIME_SEC;
	EQ_I(
	    identity_second(id, now, q.token, otp(seed), &desk, &q, &waits, &e), 0, "the next one");
	EQ_I(identity_session_end(id, now, q.token, &e), 0, "sign out");
	EQ_I(identity_session(id, now, q.token, &s, &e), E_AUTH, "is out");
	EQ_I(identity_session(id, now, p.token, &s, &e), 0, "the other is still in");
}

static void
test_codes(void)
{
	char codes[IDENTITY_CODES][IDENTITY_CODE], more[IDENTITY_CODES][IDENTITY_CODE];
	struct identity_account a;
	struct identity_pass p;

	now += 60 * TIME_SEC;
	must(signin("inchō", PW, &desk, &p), "sign in");
	EQ_I(identity_codes_make(id, now, p.token, codes, &e), E_AUTH,
	    "not before the second factor");
	must(identity_second(id, now, p.token, otp(seed), &desk, &p, &waits, &e), "second");
	EQ_I(identity_codes_make(id, now, p.token, codes, &e), 0, "ten printed codes");
	EQ_I(identity_codes_make(id, now, p.token, more, &e), 0, "a new set");
	must(signin("inchō", PW, &desk, &p), "sign in");
	EQ_I(identity_second(id, now, p.token, codes[0], &desk, &p, &waits, &e), E_AUTH,
	    "the older set is void");
	EQ_I(
	    identity_second(id, now, p.token, more[3], &desk, &p, &waits, &e), 0, "one of the new");
	EQ_I(p.stage, STAGE_FULL, "opens");
	must(signin("inchō", PW, &desk, &p), "sign in");
	EQ_I(identity_second(id, now, p.token, more[3], &desk, &p, &waits, &e), E_AUTH, "once");
	must(identity_account_get(id, director, &a, &e), "account");
	EQ_I(a.codes, IDENTITY_CODES - 1, "nine are left");
}

static void
test_step_up(void)
{
	struct identity_session s;
	struct identity_pass p;
	enum password_why why;

	now += 60 * TIME_SEC;
	must(signin("inchō", PW, &desk, &p), "sign in");
	must(identity_second(id, now, p.token, otp(seed), &desk, &p, &waits, &e), "second");
	now += 299 * TIME_SEC;
	must(identity_session(id, now, p.token, &s, &e), "session");
	EQ_I(identity_session_may(&s, AREA_RESTORE, VERB_RUN, NULL, now), MAY_YES, "fresh enough");
	now += 2 * TIME_SEC;
	EQ_I(identity_session_may(&s, AREA_RESTORE, VERB_RUN, NULL, now), MAY_IF_FRESH,
	    "five minutes later a factor is asked");
	EQ_I(identity_session_may(&s, AREA_GUIDE, VERB_WRITE, NULL, now), MAY_YES,
	    "everyday work goes on");
	EQ_I(newpw(&p, "kiiroi 8 hikouki", &why), E_AUTH, "no new password without a factor");
	EQ_I(identity_second(id, now, p.token, otp(seed), &desk, &p, &waits, &e), 0, "step up");
	must(identity_session(id, now, p.token, &s, &e), "session");
	EQ_I(identity_session_may(&s, AREA_RESTORE, VERB_RUN, NULL, now), MAY_YES, "fresh again");
	EQ_I(identity_session_may(&s, AREA_RESTORE, VERB_RUN, NULL, now - 3600 * TIME_SEC),
	    MAY_IF_FRESH, "a clock set back does not make a factor fresh");
}

static void
test_idle_and_end(void)
{
	struct identity_session s;
	struct identity_pass p;
	int64_t end, ok = 0;

	now += 60 * TIME_SEC;
	must(signin("inchō", PW, &desk, &p), "sign in");
	must(identity_second(id, now, p.token, otp(seed), &desk, &p, &waits, &e), "second");
	end = p.ends;
	EQ_I(end, now + IDENTITY_SPAN, "twelve hours");
	EQ_I(
	    identity_session(id, now + IDENTITY_IDLE - 1, p.token, &s, &e), 0, "half an hour idle");
	EQ_I(identity_session(id, now + 2 * IDENTITY_IDLE - 2, p.token, &s, &e), 0, "and again");
	EQ_I(identity_session(id, now + 4 * IDENTITY_IDLE, p.token, &s, &e), E_AUTH, "too long");
	while (now < end) {
		ok = identity_session(id, now, p.token, &s, &e);
		now += IDENTITY_IDLE / 2;
	}
	(void)ok;
	EQ_I(identity_session(id, end, p.token, &s, &e), E_AUTH, "never longer than its span");
	EQ_I(identity_session(id, now, "", &s, &e), E_AUTH, "no token");
	EQ_I(identity_session(id, now, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &s, &e),
	    E_AUTH, "a made-up one");
	EQ_I(identity_session(id, now, NULL, &s, &e), E_AUTH, "none at all");
}

static void
test_revoke(void)
{
	struct identity_session s;
	struct identity_pass p, q;
	json_t *list;
	char other[IDENTITY_ID];
	struct identity_pass o;

	now += 60 * TIME_SEC;
	must(signin("inchō", PW, &desk, &p), "sign in");
	must(identity_second(id, now, p.token, otp(seed), &desk, &p, &waits, &e), "second");
	now += 31 * TIME_SEC;
	must(signin("inchō", PW, &far, &q), "sign in");
	must(identity_second(id, now, q.token, otp(seed), &far, &q, &waits, &e), "second");
	person("other", ROLE_STAFF, other, &o);
	must(identity_session_list(id, now, director, &list, &e), "list");
	OK(json_array_size(list) >= 2, "both are listed");
	EQ_S(json_string_value(json_object_get(json_array_get(list, 0), "source")), far.source,
	    "the newest first, with its source");
	json_decref(list);
	EQ_I(identity_session_revoke(id, now, other, p.session, &e), E_NOENT,
	    "nobody ends another's session");
	EQ_I(identity_session_revoke(id, now, director, q.session, &e), 0, "the far one is ended");
	EQ_I(identity_session(id, now, q.token, &s, &e), E_AUTH, "at once");
	EQ_I(identity_session(id, now, p.token, &s, &e), 0, "and only that one");
	EQ_I(identity_session_revoke(id, now, director, NULL, &e), 0, "all of them");
	EQ_I(identity_session(id, now, p.token, &s, &e), E_AUTH, "are ended");
}

static void
test_single_factor(void)
{
	char staff[IDENTITY_ID];
	struct identity_session s;
	struct identity_pass p;
	struct identity_try *t;

	person("ukéts①", ROLE_STAFF, staff, &p);
	EQ_I(p.stage, STAGE_FULL, "staff with a long password are in");
	now += 600 * TIME_SEC;
	must(identity_session(id, now, p.token, &s, &e), "session");
	EQ_I(identity_session_may(&s, AREA_INCIDENT, VERB_RUN, NULL, now), MAY_YES,
	    "sound the alarm");
	EQ_I(identity_session_may(&s, AREA_VAULT, VERB_READ, NULL, now), MAY_NO, "not the vault");
	must(identity_step_begin(id, now, p.token, &desk, &t, &waits, &e), "step");
	identity_try_hash(t, "wrong", 5);
	EQ_I(identity_try_finish(id, now, t, &p, &e), E_AUTH, "step up with a wrong password");
	must(identity_step_begin(id, now, p.token, &desk, &t, &waits, &e), "step");
	identity_try_hash(t, PW, strlen(PW));
	EQ_I(identity_try_finish(id, now, t, &p, &e), 0, "step up with the password");
	must(identity_session(id, now, p.token, &s, &e), "session");
	EQ_I(s.fresh_at, now, "is fresh");
	totp(&p, seed); /* overwrites the director's: the last test */
	EQ_I(identity_step_begin(id, now, p.token, &desk, &t, &waits, &e), E_AUTH,
	    "with a second factor that is what is asked");
	EQ_I(identity_totp_drop(id, now, p.token, &e), 0, "staff may drop it");
}

int
main(void)
{
	world_open();
	test_first();
	test_two_factors();
	test_codes();
	test_step_up();
	test_idle_and_end();
	test_revoke();
	test_single_factor();
	world_close();
	return tap_done();
}
