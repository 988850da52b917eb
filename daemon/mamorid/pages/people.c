/* 人と研修: who is here, by the report's five categories, with account and next dates; who leaves.
 * And what きょう lists from the registers: visits, returns, leavers. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mamorid/http/console.h"
#include "mamorid/pages/register.h"
#include "text/day.h"

enum { SHOWN = 20, PER_PAGE = 50, AHEAD = 7, LEAVE_AHEAD = 30, LEAVE_BACK = 30 };

/* --- dates that are near ---------------------------------------------------------------------- */

struct near {
	json_t *rows;
	const char *kind, *today;
};

static int
take_near(const struct db_row *row, void *cookie, struct err *e)
{
	struct near *n = cookie;
	const char *day = db_col_text(row, 2);
	int c = strcmp(day, n->today);

	(void)e;
	(void)json_array_append_new(n->rows,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "kind", n->kind, "id", db_col_text(row, 0),
		"title", db_col_text(row, 1), "day", day, "more", db_col_text(row, 3), "late",
		c < 0));
	return 0;
}

/* near(r, kind, field, more, and, from, to): Live records whose day in ${field} lies between the
 * two; ${more}: a further field to show. */
static json_t *
near(struct req *r, const char *kind, const char *field, const char *more, const char *and,
    const char *from, const char *to)
{
	char sql[900], today[DAY_TEXT];
	struct near n = {.rows = json_array(), .kind = kind, .today = today};

	day_local(r->now, today);
	(void)snprintf(sql, sizeof(sql),
	    "SELECT r.id, r.title, v.value, coalesce((SELECT m.value FROM record_values m WHERE "
	    "m.kind = r.kind AND m.record = r.id AND m.field = '%s'), '') FROM record_values v "
	    "JOIN records r ON r.kind = v.kind AND r.id = v.record WHERE v.kind = $1 AND "
	    "v.field = $2 AND v.value >= $3 AND v.value <= $4 AND r.state = 'live'%s "
	    "ORDER BY v.value, r.sort LIMIT %d", more, and, SHOWN);
	(void)!db_each(r->db, sql, take_near, &n, "ssss", NULL, kind, field, from, to);
	return n.rows;
}

static int
take_account(const struct identity_account *a, void *cookie, struct err *e)
{
	json_t *by_person = cookie;

	(void)e;
	if (!a->person[0])
		return 0;
	/* who has two: the one that is open counts */
	if (json_object_get(by_person, a->person) && a->state == ACCOUNT_DISABLED)
		return 0;
	(void)json_object_set_new(by_person, a->person,
	    json_pack("{s:s, s:s, s:b, s:b, s:b}", "id", a->id, "login", a->login, "open",
		a->state != ACCOUNT_DISABLED, "invited", a->state == ACCOUNT_INVITED, "second",
		a->has_totp || a->passkeys > 0));
	return 0;
}

/* accounts(r): Person to account, for whoever may know it; else NULL. */
static json_t *
accounts(struct req *r)
{
	json_t *o;

	if (!r->c->id || !req_may(r, AREA_ACCOUNTS, VERB_READ, NULL))
		return NULL;
	o = json_object();
	(void)!identity_account_each(r->c->id, take_account, o, NULL);
	return o;
}

/* leavers(r, known): Who leaves soon or left lately; and whether an account is still open. */
static json_t *
leavers(struct req *r, json_t *known)
{
	char today[DAY_TEXT], from[DAY_TEXT], to[DAY_TEXT];
	json_t *rows, *one;
	size_t i;

	day_local(r->now, today);
	day_add(today, 0, -LEAVE_BACK, from);
	day_add(today, 0, LEAVE_AHEAD, to);
	rows = near(r, "person", "left_on", "post", "", from, to);
	json_array_foreach(rows, i, one) {
		json_t *a = json_object_get(known, reg_text(one, "id"));

		model_bool(one, "gone", json_is_true(json_object_get(one, "late")));
		model_bool(one, "open", json_is_true(json_object_get(a, "open")));
	}
	return rows;
}

void
people_dates(struct req *r, json_t *m)
{
	char today[DAY_TEXT], to[DAY_TEXT];
	json_t *known;

	day_local(r->now, today);
	day_add(today, 0, AHEAD, to);
	if (req_may(r, AREA_REGISTER, VERB_READ, NULL)) {
		model_put(m, "visits", near(r, "vendor", "visit_on", "remote_from", "", today, to));
		model_put(m, "returns", near(r, "medium", "out_due", "out_why",
		    " AND EXISTS (SELECT 1 FROM record_values s WHERE s.kind = r.kind AND "
		    "s.record = r.id AND s.field = 'state' AND s.value = 'out')", "", to));
	}
	if (req_may(r, AREA_PEOPLE, VERB_READ, NULL)) {
		known = accounts(r);
		model_put(m, "leavers", leavers(r, known));
		json_decref(known);
	}
}

/* --- the page --------------------------------------------------------------------------------- */

static int
take_count(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	model_int(cookie, db_col_text(row, 0), db_col_i64(row, 1));
	return 0;
}

/* categories(r, k): The report's five, with how many of each are here. */
static json_t *
categories(struct req *r, const struct register_kind *k)
{
	const struct register_field *f = register_field(k, "category");
	json_t *counts = json_object(), *out = json_array();

	(void)!db_each(r->db,
	    "SELECT v.value, count(*) FROM record_values v JOIN records r ON r.kind = v.kind AND "
	    "r.id = v.record WHERE v.kind = 'person' AND v.field = 'category' AND "
	    "r.state = 'live' GROUP BY v.value", take_count, counts, "", NULL);
	for (size_t i = 0; f && i < f->nchoices; i++)
		(void)json_array_append_new(out, json_pack("{s:s, s:s, s:I, s:b}", "key",
		    f->choices[i].key, "label", reg_label(r, f->choices[i].ja, f->choices[i].en),
		    "n", json_integer_value(json_object_get(counts, f->choices[i].key)), "chosen",
		    strcmp(req_get(r, "c"), f->choices[i].key) == 0));
	json_decref(counts);
	return out;
}

static json_t *
person_model(struct req *r, const struct register_kind *k, json_t *one, json_t *titles,
    json_t *known, const char *today)
{
	static const char *const shown[] = {"category", "job", "agreement", "trained_on"};
	json_t *values = json_object_get(one, "values"), *o, *a;
	const char *next = reg_text(json_object_get(one, "next"), "date");
	bool late = *next && strcmp(next, today) < 0;
	bool missing = json_array_size(json_object_get(one, "missing")) > 0;
	const char *left = reg_text(values, "left_on");
	char words[300];

	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "id", reg_text(one, "id"), "title",
	    reg_text(one, "title"), "next", *next ? next : "―", "light",
	    late          ? "red"
		: missing ? "yellow"
			  : "green", "left", left, "has_left", *left && strcmp(left, today) < 0);
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		const struct register_field *f = register_field(k, shown[i]);

		if (!f)
			continue;
		register_show(f, reg_text(values, shown[i]), titles, r->ja, words, sizeof(words));
		model_text(o, shown[i], words);
	}
	a = json_object_get(known, reg_text(one, "id"));
	if (a)
		model_put(o, "account", json_incref(a));
	return o;
}

static int
page(struct req *r, struct err *e)
{
	const struct register_kind *k = register_kind("person");
	struct register_query q = {.text = req_get(r, "q"), .limit = PER_PAGE};
	json_t *m = json_object(), *list = NULL, *known = accounts(r), *rows = json_array(), *one;
	char today[DAY_TEXT];
	int64_t total = 0;
	size_t i;
	int rc;

	day_local(r->now, today);
	if (*req_get(r, "c")) {
		q.filter[0].field = "category";
		q.filter[0].value = req_get(r, "c");
	}
	q.offset =
	    PER_PAGE * (req_num(req_get(r, "page"), 1, REGISTER_MAX_RECORDS / PER_PAGE, 1) - 1);
	rc = register_list(r->db, k, &q, &list, e);
	if (rc == 0) {
		total = json_integer_value(json_object_get(list, "total"));
		model_put(m, "pager", model_pager(r, total, PER_PAGE, &q.offset));
		json_array_foreach(json_object_get(list, "records"), i, one)
			(void)json_array_append_new(rows, person_model(r, k, one,
			    json_object_get(list, "titles"), known, today));
		model_put(m, "categories", categories(r, k));
		model_put(m, "leavers", leavers(r, known));
		model_bool(m, "accounts", known != NULL);
		model_text(m, "q", req_get(r, "q"));
		model_text(m, "c", req_get(r, "c"));
		model_bool(m, "may_write", req_may(r, AREA_PEOPLE, VERB_WRITE, NULL));
	}
	model_put(m, "rows", rows);
	json_decref(list);
	json_decref(known);
	if (rc < 0) {
		json_decref(m);
		return rc;
	}
	return req_page(r, "people", m, e);
}

const struct route people_rows[] = {
    {M_GET, "/people", AREA_PEOPLE, VERB_READ, NULL, 0, page, 0},
    {0},
};
