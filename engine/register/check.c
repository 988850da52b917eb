/* What the registers say now, as facts. A fact a check, not one a record: the sealed record must
 * not grow with every printer every day. Only systems have facts of their own, because other
 * engines speak of them, too. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "register/register_int.h"
#include "text/day.h"

enum { EXAMPLES = 20 };

struct tally {
	int64_t total, good, unknown;
	json_t *open; /* examples of what is not good: "kind/id title" */
};

struct check_run {
	struct db *db;
	const char *today, *year_ago, *half_ago;
	json_t *out;
	struct tally t;
};

/* A test of one record: 1 good, 0 not, -1 not known, 2 does not count. */
typedef int test_fn(const struct check_run *c, json_t *v);

static bool
is(json_t *v, const char *field, const char *value)
{
	return strcmp(register_str(v, field), value) == 0;
}

static bool
since(json_t *v, const char *field, const char *day)
{
	return strcmp(register_str(v, field), day) >= 0;
}

static int
reviewed(const struct check_run *c, json_t *v)
{
	if (is(v, "state", "disposed") || is(v, "state", "destroyed") ||
	    is(v, "connection", "unused"))
		return 2;
	return since(v, "reviewed_on", c->year_ago);
}

static int
answered(const struct check_run *c, json_t *v)
{
	return since(v, "answered_on", c->year_ago);
}

static int
rung(const struct check_run *c, json_t *v)
{
	return since(v, "tested_on", c->half_ago) &&
	    (is(v, "test_result", "reached") || is(v, "test_result", ""));
}

static bool
gone(const struct check_run *c, json_t *v)
{
	return *register_str(v, "left_on") && strcmp(register_str(v, "left_on"), c->today) < 0;
}

static int
agreed(const struct check_run *c, json_t *v)
{
	if (gone(c, v) || is(v, "category", "third"))
		return 2;
	if (is(v, "agreement", "signed") || is(v, "agreement", "not_needed"))
		return 1;
	return is(v, "agreement", "none") ? 0 : -1;
}

static int
trained(const struct check_run *c, json_t *v)
{
	if (gone(c, v) || (!is(v, "category", "statutory") && !is(v, "category", "employee")))
		return 2;
	return since(v, "trained_on", c->year_ago);
}

static int
split(const struct check_run *c, json_t *v)
{
	(void)c;
	if (is(v, "split", "written") && is(v, "secrecy", "yes"))
		return 1;
	return is(v, "split", "none") || is(v, "secrecy", "no") ? 0 : -1;
}

static int
returned(const struct check_run *c, json_t *v)
{
	if (is(v, "state", "lost"))
		return 0;
	if (!is(v, "state", "out"))
		return 1;
	return *register_str(v, "out_due") ? since(v, "out_due", c->today) : 0;
}

static int
supported(const struct check_run *c, json_t *v)
{
	if (is(v, "state", "disposed") || is(v, "connection", "unused"))
		return 2;
	return *register_str(v, "support_end") ? since(v, "support_end", c->today) : -1;
}

static int
take_record(const struct db_row *row, void *cookie, struct err *e)
{
	return register_row_json(row, cookie, e);
}

static int
records_of(struct db *db, const char *kind, json_t **ret, struct err *e)
{
	json_t *list = json_array();
	int r = db_each(db, "SELECT " REGISTER_COLUMNS "WHERE r.kind = $1 AND r.state = 'live' "
	    "ORDER BY r.sort, r.id", take_record, list, "s", e, kind);

	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

static int
count(struct check_run *c, const char *kind, test_fn *test, struct err *e)
{
	json_t *list, *one;
	size_t i;
	int r = records_of(c->db, kind, &list, e);

	if (r < 0)
		return r;
	json_array_foreach(list, i, one) {
		int good = test(c, json_object_get(one, "values"));

		if (good == 2)
			continue;
		c->t.total++;
		c->t.good += good == 1;
		c->t.unknown += good == -1;
		if (good != 1 && json_array_size(c->t.open) < EXAMPLES)
			(void)json_array_append_new(c->t.open, json_pack("{s:s, s:s, s:s}", "kind",
			    kind, "id", register_str(one, "id"), "title",
			    register_str(one, "title")));
	}
	json_decref(list);
	return 0;
}

static void
begin(struct check_run *c)
{
	c->t = (struct tally){.open = json_array()};
}

static int
emit(struct check_run *c, const char *check, const char *kind, const char *id,
    const char *outcome, json_t *observed, json_t *expected, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "check", check, "kind", kind, "id",
	    id, "outcome", outcome, "observed", observed, "expected", expected);

	return o && json_array_append_new(c->out, o) == 0
	    ? 0 : err_set(e, E_NOMEM, "no memory for the facts");
}

/* finish(c, check, expected, e): The tally as one fact about the institution. Nothing registered is
 * unknown, never good. */
static int
finish(struct check_run *c, const char *check, json_t *expected, struct err *e)
{
	const struct tally *t = &c->t;
	const char *outcome = t->total == 0 ? "unknown" : t->good == t->total ? "pass"
	    : t->good + t->unknown == t->total ? "unknown" : "fail";
	json_t *observed = json_pack("{s:I, s:I, s:I, s:o}", "total", (json_int_t)t->total, "good",
	    (json_int_t)t->good, "unknown", (json_int_t)t->unknown, "open", t->open);

	return emit(c, check, "facility", "main", outcome, observed, expected, e);
}

static const struct {
	const char *check;
	const char *kinds[4];
	test_fn *test;
	int max_days; /* 0: no age */
} tests[] = {
	{"register.asset.reviewed", {"system", "device", "medium"}, reviewed, 365},
	{"register.contact.tested", {"contact"}, rung, 183},
	{"register.contract.split", {"contract"}, split, 0},
	{"register.device.support", {"system", "device"}, supported, 0},
	{"register.medium.returned", {"medium"}, returned, 0},
	{"register.person.agreement", {"person"}, agreed, 0},
	{"register.person.trained", {"person"}, trained, 365},
	{"register.vendor.answered", {"vendor"}, answered, 365},
};

static int
manager(struct check_run *c, struct err *e)
{
	json_t *list, *v;
	bool main, deputy;
	int r = records_of(c->db, "facility", &list, e);

	if (r < 0)
		return r;
	v = json_object_get(json_array_get(list, 0), "values");
	main = *register_str(v, "security_manager") != 0;
	deputy = *register_str(v, "deputy") != 0;
	r = emit(c, "register.facility.manager", "facility", "main", !v ? "unknown"
	    : main && deputy ? "pass" : "fail", json_pack("{s:b, s:b}", "manager", main, "deputy",
	    deputy), json_pack("{s:b, s:b}", "manager", 1, "deputy", 1), e);
	json_decref(list);
	return r;
}

static int
overdue(struct check_run *c, struct err *e)
{
	json_t *counts, *one;
	int64_t live = 0, late = 0;
	size_t i;
	int r = register_counts(c->db, c->today, &counts, e);

	if (r < 0)
		return r;
	json_array_foreach(counts, i, one) {
		live += json_integer_value(json_object_get(one, "live"));
		late += json_integer_value(json_object_get(one, "overdue"));
	}
	json_decref(counts);
	return emit(c, "register.next.overdue", "facility", "main", live == 0 ? "unknown"
	    : late ? "fail" : "pass", json_pack("{s:I, s:I}", "records", (json_int_t)live,
	    "overdue", (json_int_t)late), json_pack("{s:i}", "overdue", 0), e);
}

/* system_one(c, s, e): How it is connected, and what protects it. What the vault itself copies is
 * not asked of people. */
static int
system_one(struct check_run *c, json_t *s, struct err *e)
{
	json_t *v = json_object_get(s, "values");
	const char *conn = register_str(v, "connection"), *how = register_str(v, "protection");
	const char *id = register_system_subject(s);
	int64_t copied = 0;
	int r;

	r = emit(c, "register.system.connection", "system", id,
	    !*conn || is(v, "connection", "unknown") ? "unknown" : "pass",
	    json_pack("{s:s, s:s}", "connection", conn, "name", register_str(s, "title")),
	    json_object(), e);
	if (r == 0)
		r = db_i64(c->db, "SELECT count(*) FROM systems WHERE id = $1", &copied, "s", e,
		    id);
	if (r == 0 && !is(v, "connection", "unused"))
		r = emit(c, "register.system.protected", "system", id,
		    copied                            ? "pass"
			: is(v, "protection", "none") ? "fail"
			: !*how || is(v, "protection", "unknown") || is(v, "protection", "mamori")
			? "unknown"
			: "pass",
		    json_pack("{s:s, s:b, s:s}", "protection", how, "in_vault", copied > 0, "name",
			register_str(s, "title")),
		    json_object(), e);
	return r;
}

static int
systems(struct check_run *c, struct err *e)
{
	json_t *list, *one;
	size_t i;
	int r = records_of(c->db, "system", &list, e);

	if (r < 0)
		return r;
	json_array_foreach(list, i, one)
		if (r == 0)
			r = system_one(c, one, e);
	json_decref(list);
	return r;
}

int
register_check(struct db *db, const char *today, json_t **ret, struct err *e)
{
	char year_ago[DAY_TEXT], half_ago[DAY_TEXT];
	struct check_run c = {.db = db, .today = today, .year_ago = year_ago, .half_ago = half_ago,
	    .out = json_array()};
	int r = 0;

	day_add(today, -12, 0, year_ago);
	day_add(today, -6, 0, half_ago);
	for (size_t i = 0; i < ARRAY_LEN(tests) && r == 0; i++) {
		begin(&c);
		for (size_t k = 0; k < 4 && tests[i].kinds[k] && r == 0; k++)
			r = count(&c, tests[i].kinds[k], tests[i].test, e);
		if (r < 0)
			json_decref(c.t.open);
		else
			r = finish(&c, tests[i].check, tests[i].max_days
			    ? json_pack("{s:i}", "max_age_days", tests[i].max_days)
			    : json_object(), e);
	}
	if (r == 0)
		r = manager(&c, e);
	if (r == 0)
		r = overdue(&c, e);
	if (r == 0)
		r = systems(&c, e);
	if (r == 0)
		*ret = c.out;
	else
		json_decref(c.out);
	return r;
}
