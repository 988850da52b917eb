/* Shared machines, links, break-glass, and looking after accounts. */
#include "unit/engine/identity/world.h"

static void
test_pin(void)
{
	char nurse[IDENTITY_ID], clerk[IDENTITY_ID], cookie[IDENTITY_TOKEN],
	    other[IDENTITY_TOKEN] = "";
	struct identity_from pc = desk;
	struct identity_session s;
	struct identity_pass p, q, r;
	json_t *list;
	uint8_t seed[OTP_SEED_LEN];
	int looked = 0;

	person("nurse", ROLE_STAFF, nurse, &p);
	must(identity_device_new(id, now, p.token, "受付PC", cookie, &e), "device");
	pc.device = cookie;
	EQ_I(identity_pin_set(id, now, p.token, cookie, "1234", &e), E_INVAL, "1234");
	EQ_I(identity_pin_set(id, now, p.token, cookie, "7777", &e), E_INVAL, "7777");
	EQ_I(identity_pin_set(id, now, p.token, cookie, "831", &e), E_INVAL, "three digits");
	EQ_I(identity_pin_set(id, now, p.token, cookie, "83a1", &e), E_INVAL, "a letter");
	EQ_I(identity_pin_set(id, now, p.token, p.token, "8315", &e), E_NOENT, "no such machine");
	EQ_I(identity_pin_set(id, now, p.token, cookie, "8315", &e), 0, "a PIN");
	person("clerk", ROLE_CLERK, clerk, &q);
	EQ_I(identity_pin_set(id, now, q.token, cookie, "4071", &e), E_AUTH,
	    "not before everything is set up");
	totp(&q, seed);
	EQ_I(identity_pin_set(id, now, q.token, cookie, "4071", &e), 0, "a second person");
	must(identity_pin_people(id, now, cookie, &list, &e), "people");
	EQ_I(json_array_size(list), 2, "both are on the machine's list");
	json_decref(list);
	must(identity_pin_people(id, now, other, &list, &e), "people");
	EQ_I(json_array_size(list), 0, "nobody elsewhere");
	json_decref(list);

	EQ_I(identity_pin_use(id, now, clerk, "4071", p.token, &pc, &r, &waits, &e), 0, "switch");
	EQ_I(r.stage, STAGE_PIN, "to a short session");
	EQ_I(identity_session(id, now, p.token, &s, &e), E_AUTH, "the other one's has ended");
	must(identity_session(id, now, r.token, &s, &e), "session");
	EQ_I(identity_session_may(&s, AREA_GUIDE, VERB_WRITE, NULL, now), MAY_YES, "everyday work");
	EQ_I(identity_session_may(&s, AREA_RESTORE, VERB_RUN, NULL, now), MAY_IF_FRESH,
	    "a restore takes a factor");
	EQ_I(identity_session_may(&s, AREA_SELF, VERB_WRITE, NULL, now), MAY_IF_FRESH,
	    "so does the own account");
	EQ_I(identity_session_may(&s, AREA_SETTINGS, VERB_WRITE, NULL, now), MAY_NO,
	    "and what the role may not stays so");
	EQ_I(identity_session(id, now + IDENTITY_IDLE_PIN, r.token, &s, &e), E_AUTH,
	    "ten idle minutes end it");
	EQ_I(identity_pin_use(id, now, clerk, "4071", NULL, &far, &r, &waits, &e), E_AUTH,
	    "the PIN is nothing without the machine");
	EQ_I(identity_pin_use(id, now, clerk, "8315", NULL, &pc, &r, &waits, &e), E_AUTH,
	    "another person's PIN");
	for (int i = 0; i < 40; i++) {
		looked +=
		    identity_pin_use(id, now, nurse, "0000", NULL, &pc, &r, &waits, &e) == E_AUTH;
		now += IDENTITY_WAIT_MAX;
	}
	EQ_I(looked, 40, "every guess is refused");
	EQ_I(identity_pin_use(id, now, nurse, "8315", NULL, &pc, &r, &waits, &e), E_AUTH,
	    "after five wrong ones the PIN is gone");
	must(identity_pin_people(id, now, cookie, &list, &e), "people");
	EQ_I(json_array_size(list), 1, "and its owner off the list");
	json_decref(list);
	now += TIME_DAY + TIME_SEC;
	must(identity_account_disable(id, now, clerk, &e), "disable");
	EQ_I(identity_pin_use(id, now, clerk, "4071", NULL, &pc, &r, &waits, &e), E_AUTH,
	    "a disabled account has none");
	now += TIME_DAY;
}

static void
test_links(void)
{
	const char *const objects[] = {"request:12", "request:13"};
	struct identity_new n = {.login = "repair-co", .name = "修理㈱", .role = ROLE_VENDOR,
	    .valid_until = now + 60 * TIME_DAY, .objects = objects, .nobjects = 2};
	char vendor[IDENTITY_ID], inspector[IDENTITY_ID], staff[IDENTITY_ID], code[IDENTITY_CODE];
	char link[IDENTITY_TOKEN], wide[IDENTITY_TOKEN];
	struct identity_session s;
	struct identity_pass p;
	json_t *list;

	must(identity_account_add(id, now, "console", &n, vendor, code, &e), "vendor");
	n.valid_until = 0;
	n.login = "x";
	EQ_I(identity_account_add(id, now, "console", &n, staff, code, &e), E_INVAL,
	    "a vendor without an end");
	EQ_I(identity_link_new(id, now, "console", vendor, "request:12", now + 91 * TIME_DAY, link,
	    &e), E_INVAL, "a link for ever");
	EQ_I(identity_link_new(id, now, "console", vendor, "*", now + TIME_DAY, link, &e), E_INVAL,
	    "a vendor's link for everything");
	EQ_I(identity_link_new(id, now, "console", vendor, "request:12", now + 14 * TIME_DAY, link,
	    &e), 0, "a link");
	EQ_I(identity_link_use(id, now, link, &far, &p, &e), 0, "is opened");
	must(identity_session(id, now, p.token, &s, &e), "session");
	EQ_I(identity_session_may(&s, AREA_REQUESTS, VERB_WRITE, "request:12", now), MAY_YES,
	    "answers what it was asked");
	EQ_I(identity_session_may(&s, AREA_REQUESTS, VERB_WRITE, "request:13", now), MAY_NO,
	    "and nothing else of the same vendor");
	EQ_I(
	    identity_session_may(&s, AREA_SELF, VERB_WRITE, NULL, now), MAY_NO, "sets no password");
	EQ_I(identity_codes_make(id, now, p.token, (char[IDENTITY_CODES][IDENTITY_CODE]){""}, &e),
	    E_AUTH, "nor codes");
	EQ_I(identity_link_use(id, now, link, &far, &p, &e), 0, "it can be opened again");
	EQ_I(identity_link_use(id, now + 14 * TIME_DAY, link, &far, &p, &e), E_AUTH,
	    "not after its end");
	must(identity_link_list(id, now, &list, &e), "list");
	EQ_I(json_array_size(list), 1, "one is open");
	EQ_I(identity_link_revoke(
		 id, now, json_string_value(json_object_get(json_array_get(list, 0), "id")), &e),
	    0, "it is revoked");
	json_decref(list);
	EQ_I(identity_session(id, now, p.token, &s, &e), E_AUTH, "its session ends");
	EQ_I(identity_link_use(id, now, link, &far, &p, &e), E_AUTH, "it opens nothing");
	EQ_I(identity_link_revoke(id, now, "l-none", &e), E_NOENT, "no such link");

	person("inspector", ROLE_INSPECTOR, inspector, &p);
	person("plain", ROLE_STAFF, staff, &p);
	EQ_I(identity_link_new(id, now, "console", staff, "*", now + TIME_DAY, wide, &e), E_INVAL,
	    "staff come in by no link");
	EQ_I(identity_link_new(id, now, "console", inspector, "*", now + TIME_DAY, wide, &e), 0,
	    "an inspector's link for everything");
	must(identity_link_use(id, now, wide, &far, &p, &e), "open");
	must(identity_session(id, now, p.token, &s, &e), "session");
	EQ_I(identity_session_may(&s, AREA_GUIDE, VERB_READ, NULL, now), MAY_YES, "reads");
	EQ_I(identity_session_may(&s, AREA_GUIDE, VERB_WRITE, NULL, now), MAY_NO, "never writes");
	EQ_I(identity_session_may(&s, AREA_ACCESS, VERB_READ, NULL, now), MAY_NO, "no access log");
	EQ_I(identity_session_may(&s, AREA_REGISTER, VERB_READ, NULL, now), MAY_YES, "ledgers");
	EQ_I(identity_session_may(&s, AREA_PAPERS, VERB_READ, NULL, now), MAY_YES, "papers");
	EQ_I(identity_session_may(&s, AREA_VAULT, VERB_READ, NULL, now), MAY_NO, "not the vault");
	EQ_I(identity_session_may(&s, AREA_REQUESTS, VERB_READ, NULL, now), MAY_NO,
	    "nor letters to vendors");
}

static void
test_glass(void)
{
	char code[IDENTITY_CODE], newer[IDENTITY_CODE], glass[IDENTITY_ID];
	struct identity_session s;
	struct identity_pass p;
	json_t *list;

	must(identity_glass_make(id, now, "console", code, &e), "glass");
	must(identity_glass_make(id, now, "console", newer, &e), "glass");
	EQ_I(identity_glass_use(id, now, newer, "", "x", &desk, &p, &waits, &e), E_INVAL, "who?");
	EQ_I(identity_glass_use(id, now, newer, "髙橋", " \r\n", &desk, &p, &waits, &e), E_INVAL,
	    "why?");
	EQ_I(identity_glass_use(id, now, code, "髙橋", "院長不在", &desk, &p, &waits, &e), E_AUTH,
	    "the older code is void");
	EQ_I(identity_glass_use(id, now, newer, "髙橋", "院長不在\r\n画面が赤い", &desk, &p, &waits,
	    &e), 0, "the glass is broken");
	EQ_I(p.stage, STAGE_GLASS, "for an hour");
	EQ_I(p.ends, now + 3600 * TIME_SEC, "exactly");
	EQ_I(identity_glass_use(id, now, newer, "x", "y", &desk, &p, &waits, &e), E_AUTH, "once");
	must(identity_session(id, now, p.token, &s, &e), "session");
	EQ_S(s.account.name, "髙橋", "in the name that was written down");
	EQ_I(identity_session_may(&s, AREA_RESTORE, VERB_RUN, NULL, now), MAY_YES, "restores");
	EQ_I(identity_session_may(&s, AREA_PEOPLE, VERB_READ, NULL, now), MAY_YES,
	    "sees telephones");
	EQ_I(identity_session_may(&s, AREA_PEOPLE, VERB_WRITE, NULL, now), MAY_NO,
	    "changes nothing");
	EQ_I(identity_session_may(&s, AREA_ACCOUNTS, VERB_WRITE, NULL, now), MAY_NO, "no accounts");
	EQ_I(identity_session(id, now + 3600 * TIME_SEC, p.token, &s, &e), E_AUTH,
	    "then it is over");
	must(identity_glass_list(id, &list, &e), "list");
	EQ_I(json_array_size(list), 1, "a review is owed");
	(void)snprintf(glass, sizeof(glass), "%s",
	    json_string_value(json_object_get(json_array_get(list, 0), "id")));
	json_decref(list);
	EQ_I(identity_glass_review(id, now, glass, "a-1", "", &e), E_INVAL, "not without words");
	EQ_I(identity_glass_review(id, now, glass, "a-1", "必要だった", &e), 0, "reviewed");
	EQ_I(identity_glass_review(id, now, glass, "a-1", "again", &e), E_EXIST, "once");
	EQ_I(identity_glass_review(id, now, "g-none", "a-1", "x", &e), E_NOENT, "no such use");
}

static void
test_admin(void)
{
	struct identity_new n = {.login = "d2", .name = "d2", .role = ROLE_STAFF};
	char d1[IDENTITY_ID], d2[IDENTITY_ID], code[IDENTITY_CODE];
	struct identity_account a;
	struct identity_session s;
	struct identity_pass p, q;
	uint8_t seed[OTP_SEED_LEN];

	person("d1", ROLE_DIRECTOR, d1, &p);
	totp(&p, seed);
	must(identity_account_get(id, d1, &a, &e), "account");
	EQ_I(identity_account_disable(id, now, d1, &e), E_INVAL, "the last director stays");
	n.role = ROLE_CLERK;
	n.name = "d1";
	EQ_I(identity_account_change(id, now, d1, a.version, &n, &e), E_INVAL,
	    "and stays a director");
	n.role = ROLE_DIRECTOR;
	n.valid_until = now + TIME_DAY;
	EQ_I(identity_account_change(id, now, d1, a.version, &n, &e), E_INVAL, "without an end");
	n.valid_until = 0;
	n.name = "院長 一";
	EQ_I(identity_account_change(id, now, d1, a.version, &n, &e), 0, "a new name");
	EQ_I(identity_account_change(id, now, d1, a.version, &n, &e), E_BUSY, "saved first");
	EQ_I(identity_session(id, now, p.token, &s, &e), 0, "a name ends no session");
	person("d2", ROLE_DIRECTOR, d2, &q);
	totp(&q, seed);
	must(identity_account_get(id, d2, &a, &e), "account");
	n.name = "d2";
	n.role = ROLE_STAFF;
	EQ_I(identity_account_change(id, now, d2, a.version, &n, &e), 0, "another role");
	EQ_I(identity_session(id, now, q.token, &s, &e), E_AUTH, "ends the sessions");
	EQ_I(identity_account_reset(id, now, d1, code, &e), 0, "a reset at the console machine");
	EQ_I(identity_session(id, now, p.token, &s, &e), E_AUTH, "ends the sessions");
	EQ_I(signin("d1", "ao-sora 7 no kumo", &desk, &p), E_AUTH, "the old password is gone");
	must(identity_account_get(id, d1, &a, &e), "account");
	OK(!a.has_totp && !a.has_password && a.state == ACCOUNT_INVITED, "so are the factors");
	EQ_I(identity_invite_use(id, now + 8 * TIME_DAY, code, &desk, &p, &waits, &e), E_AUTH,
	    "the invitation ends after a week");
	EQ_I(identity_invite_use(id, now, code, &desk, &p, &waits, &e), 0, "and works until then");
	EQ_I(identity_account_enable(id, now, "a-none", &e), E_NOENT, "no such account");
	EQ_I(identity_sweep(id, now + 60 * TIME_DAY, &e), 0, "the sweep");
	OK(identity_account_count(id, &e) > 5, "keeps every account");
}

int
main(void)
{
	world_open();
	test_pin();
	test_links();
	test_glass();
	test_admin();
	world_close();
	return tap_done();
}
