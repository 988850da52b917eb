#include "identity/idcheck.h"

#include <string.h>

#include "identity/ident_int.h"

struct tally {
	idcheck_left_fn *left;
	void *cookie;
	int64_t now;
	int active, with_second, must_second, missing_second, dormant, leavers, no_person, weak;
	int directors, admins, admins_no_person;
	json_t *missing_names, *dormant_names, *leaver_names, *weak_names, *admin_names;
};

static void
name(json_t *list, const struct identity_account *a)
{
	if (json_array_size(list) < IDCHECK_NAMES)
		(void)json_array_append_new(list, json_string(a->login));
}

static int
person(struct tally *t, const struct identity_account *a, struct err *e)
{
	int r;

	if (!a->person[0]) {
		t->no_person++;
		return 0;
	}
	if (!t->left)
		return 0;
	r = t->left(t->cookie, a->person, e);
	if (r == E_NOENT) { /* a person that is not there cannot be working here */
		t->no_person++;
		return 0;
	}
	if (r > 0) {
		t->leavers++;
		name(t->leaver_names, a);
	}
	return r < 0 ? r : 0;
}

static int
on_account(const struct identity_account *a, void *cookie, struct err *e)
{
	struct tally *t = cookie;
	bool second = ident_account_second(a);
	int64_t last = a->last_login ? a->last_login : a->created;

	if (!ident_account_in_force(a, t->now, false))
		return 0;
	t->active++;
	t->with_second += second;
	if (identity_role_needs_second(a->role)) {
		t->must_second++;
		if (!second) {
			t->missing_second++;
			name(t->missing_names, a);
		}
	}
	/* an account that comes in by links signs in when it is asked */
	if (!identity_role_must_end(a->role) && t->now - last > IDCHECK_DORMANT_DAYS * TIME_DAY) {
		t->dormant++;
		name(t->dormant_names, a);
	}
	if (a->has_password && !a->long_password && !second) {
		t->weak++;
		name(t->weak_names, a);
	}
	if (a->role == ROLE_DIRECTOR || a->role == ROLE_CLERK) {
		t->directors += a->role == ROLE_DIRECTOR;
		t->admins++;
		t->admins_no_person += !a->person[0];
		name(t->admin_names, a);
	}
	return person(t, a, e);
}

/* add(list, check, outcome, observed, expected): Takes the objects. */
static int
add(json_t *list, const char *check, const char *outcome, json_t *observed, json_t *expected)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "check", check, "kind", "console",
	    "id", "accounts", "outcome", outcome, "observed", observed, "expected", expected);

	return !o || json_array_append_new(list, o) < 0 ? E_NOMEM : 0;
}

static const char *
word(const struct tally *t, bool good)
{
	return t->active == 0 ? "unknown" : good ? "pass" : "fail";
}

static int
accounts(const struct tally *t, json_t *list)
{
	int r = add(list, "identity.mfa.coverage", word(t, t->missing_second == 0),
	    json_pack("{s:i, s:i, s:i, s:O}", "accounts", t->active, "with_second", t->with_second,
	        "missing", t->missing_second, "names", t->missing_names),
	    json_pack("{s:i}", "missing", 0));

	r |= add(list, "identity.account.dormant", word(t, t->dormant == 0),
	    json_pack("{s:i, s:i, s:O}", "accounts", t->active, "dormant", t->dormant, "names",
	        t->dormant_names), json_pack("{s:i}", "max_days", IDCHECK_DORMANT_DAYS));
	/* without persons nobody can say who has left */
	r |= add(list, "identity.account.leaver", t->leavers > 0 ? "fail"
	        : !t->left || t->no_person == t->active	 ? "unknown" : word(t, true),
	    json_pack("{s:i, s:i, s:i, s:O}", "accounts", t->active, "leavers", t->leavers,
	        "without_person", t->no_person, "names", t->leaver_names),
	    json_pack("{s:i}", "leavers", 0));
	r |= add(list, "identity.password.rule", word(t, t->weak == 0),
	    json_pack("{s:i, s:i, s:O}", "accounts", t->active, "weak", t->weak, "names",
	        t->weak_names),
	    json_pack("{s:i, s:i}", "alone", PASSWORD_LONG, "beside_second", PASSWORD_SHORT));
	r |= add(list, "identity.admin.list",
	    word(t, t->directors > 0 && t->admins_no_person == 0),
	    json_pack("{s:i, s:i, s:i, s:O}", "directors", t->directors, "admins", t->admins,
	        "without_person", t->admins_no_person, "names", t->admin_names),
	    json_pack("{s:i}", "without_person", 0));
	return r;
}

static int
glass(struct identity *id, int64_t now, json_t *list, struct err *e)
{
	json_t *uses = NULL, *u;
	int owed = 0, late = 0;
	size_t i;
	int r = identity_glass_list(id, &uses, e);

	if (r < 0)
		return r;
	json_array_foreach(uses, i, u) {
		if (json_integer_value(json_object_get(u, "reviewed")) > 0)
			continue;
		owed++;
		late += now - json_integer_value(json_object_get(u, "used")) >
		    IDCHECK_REVIEW_DAYS * TIME_DAY;
	}
	r = add(list, "identity.glass.review", late > 0 ? "fail" : "pass",
	    json_pack("{s:i, s:i, s:i}", "uses", (int)json_array_size(uses), "unreviewed", owed,
	        "late", late), json_pack("{s:i}", "max_days", IDCHECK_REVIEW_DAYS));
	json_decref(uses);
	return r < 0 ? err_set(e, E_NOMEM, "no memory") : 0;
}

int
idcheck_run(struct identity *id, int64_t now, idcheck_left_fn *left, void *cookie, json_t **ret,
    struct err *e)
{
	struct tally t = {.left = left, .cookie = cookie, .now = now,
	    .missing_names = json_array(), .dormant_names = json_array(),
	    .leaver_names = json_array(), .weak_names = json_array(), .admin_names = json_array()};
	json_t *list = json_array();
	int r = identity_account_each(id, on_account, &t, e);

	if (r == 0 && (!list || accounts(&t, list) < 0))
		r = err_set(e, E_NOMEM, "no memory");
	if (r == 0)
		r = glass(id, now, list, e);
	json_decref(t.missing_names);
	json_decref(t.dormant_names);
	json_decref(t.leaver_names);
	json_decref(t.weak_names);
	json_decref(t.admin_names);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}
