/* What the accounts say, as facts: each answer right, wrong and unknown. */
#include "unit/engine/identity/world.h"

#include "identity/idcheck.h"
#include "ledger/checks.h"

static int
left(void *cookie, const char *person, struct err *err)
{
	(void)cookie, (void)err;
	if (strcmp(person, "p-none") == 0)
		return E_NOENT;
	return strcmp(person, "p-gone") == 0;
}

static json_t *
run(idcheck_left_fn *fn)
{
	json_t *list, *o;
	size_t i;

	must(idcheck_run(id, now, fn, NULL, &list, &e), "check");
	json_array_foreach(list, i, o)
		if (!checks_find(json_string_value(json_object_get(o, "check"))))
			abort();
	return list;
}

static const json_t *
find(const json_t *list, const char *check)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		if (strcmp(json_string_value(json_object_get(o, "check")), check) == 0)
			return o;
	abort();
}

static const char *
outcome(const json_t *list, const char *check)
{
	return json_string_value(json_object_get(find(list, check), "outcome"));
}

static json_int_t
seen(const json_t *list, const char *check, const char *key)
{
	return json_integer_value(
	    json_object_get(json_object_get(find(list, check), "observed"), key));
}

static void
of_person(const char *account, const char *login, enum identity_role role, const char *record)
{
	struct identity_new n = {.name = login, .person = record, .role = role, .ja = true};
	struct identity_account a;

	must(identity_account_get(id, account, &a, &e), "get");
	must(identity_account_change(id, now, account, a.version, &n, &e), "change");
}

static void
test_empty(void)
{
	json_t *l = run(left);

	EQ_S(outcome(l, "identity.mfa.coverage"), "unknown", "nobody: nothing is known");
	EQ_S(outcome(l, "identity.admin.list"), "unknown", "nor who administers");
	EQ_S(outcome(l, "identity.glass.review"), "pass", "no glass was broken");
	json_decref(l);
}

static void
test_factors(const char *director, struct identity_pass *p)
{
	uint8_t seed[OTP_SEED_LEN];
	json_t *l = run(left);

	EQ_S(outcome(l, "identity.mfa.coverage"), "fail", "a director without a second factor");
	EQ_I(seen(l, "identity.mfa.coverage", "missing"), 1, "is counted");
	EQ_S(outcome(l, "identity.admin.list"), "fail", "and belongs to nobody");
	EQ_S(outcome(l, "identity.account.leaver"), "unknown", "so nobody can say who left");
	json_decref(l);
	totp(p, seed);
	of_person(director, "d", ROLE_DIRECTOR, "p-1");
	l = run(left);
	EQ_S(outcome(l, "identity.mfa.coverage"), "pass", "with one");
	EQ_S(outcome(l, "identity.admin.list"), "pass", "and a person");
	EQ_S(outcome(l, "identity.account.leaver"), "pass", "who still works here");
	EQ_S(outcome(l, "identity.password.rule"), "pass", "and a long password");
	json_decref(l);
	l = run(NULL);
	EQ_S(outcome(l, "identity.account.leaver"), "unknown", "without registers nobody knows");
	json_decref(l);
}

static void
test_leaver(const char *staff)
{
	json_t *l;

	of_person(staff, "s", ROLE_STAFF, "p-gone");
	l = run(left);
	EQ_S(outcome(l, "identity.account.leaver"), "fail", "somebody left and can still sign in");
	EQ_I(seen(l, "identity.account.leaver", "leavers"), 1, "one");
	json_decref(l);
	of_person(staff, "s", ROLE_STAFF, "p-none");
	l = run(left);
	EQ_I(seen(l, "identity.account.leaver", "without_person"), 1,
	    "a person that is not in the register is nobody");
	json_decref(l);
	must(identity_account_disable(id, now, staff, &e), "disable");
}

static void
test_time(void)
{
	char code[IDENTITY_CODE];
	struct identity_pass p;
	json_t *l;

	must(identity_glass_make(id, now, "console", code, &e), "make");
	must(identity_glass_use(id, now, code, "x", "y", &desk, &p, &waits, &e), "use");
	l = run(left);
	EQ_S(outcome(l, "identity.glass.review"), "pass", "a review is owed");
	EQ_I(seen(l, "identity.glass.review", "unreviewed"), 1, "and counted");
	json_decref(l);
	now += 8 * TIME_DAY;
	l = run(left);
	EQ_S(outcome(l, "identity.glass.review"), "fail", "for a week");
	EQ_S(outcome(l, "identity.account.dormant"), "pass", "nobody sleeps yet");
	json_decref(l);
	now += 90 * TIME_DAY;
	l = run(left);
	EQ_S(outcome(l, "identity.account.dormant"), "fail", "after ninety days the director does");
	json_decref(l);
	must(
	    db_exec(world_db, "UPDATE accounts SET password_long = 0, totp = NULL", "", &e), "sql");
	l = run(left);
	EQ_S(outcome(l, "identity.password.rule"), "fail", "a short password alone");
	json_decref(l);
}

int
main(void)
{
	char director[IDENTITY_ID], staff[IDENTITY_ID];
	struct identity_pass p, q;

	world_open();
	test_empty();
	person("d", ROLE_DIRECTOR, director, &p);
	test_factors(director, &p);
	person("s", ROLE_STAFF, staff, &q);
	test_leaver(staff);
	test_time();
	world_close();
	return tap_done();
}
