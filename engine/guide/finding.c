#include "guide/finding.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/rows.h"
#include "text/day.h"

enum { DECISIONS_MAX = 500 };

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int
fits(const char *s, bool must, const char *what, struct err *e)
{
	if (must && !*s)
		return err_set(e, E_INVAL, "%s is missing", what);
	return strlen(s) > FINDING_TEXT ? err_set(e, E_LIMIT, "%s is too long", what) : 0;
}

/* -- findings ---------------------------------------------------------------------------------- */

struct add {
	const json_t *f;
	const struct inspect_who *who;
	int64_t severity, id;
};

static int
add_tx(struct db *db, void *cookie, struct err *e)
{
	struct add *a = cookie;
	int64_t n = 0;
	int r = 0;

	if (*text(a->f, "item"))
		r = db_i64(db,
		    "SELECT count(*) FROM guide_findings WHERE pack = $1 AND item = $2 AND state "
		    "NOT IN ('done', 'dropped')", &n, "ss", e, text(a->f, "pack"),
		    text(a->f, "item"));
	if (r == 0 && n > 0)
		r = err_set(e, E_EXIST, "there is a finding of that item already");
	if (r < 0)
		return r;
	return db_i64(db,
	    "INSERT INTO guide_findings (pack, item, practice, title, detail, severity, owner, "
	    "state, at, who) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9) RETURNING id",
	    &a->id, "sssssisis", e, text(a->f, "pack"), text(a->f, "item"), text(a->f, "practice"),
	    text(a->f, "title"), text(a->f, "detail"), a->severity, text(a->f, "owner"),
	    a->who->now, a->who->who);
}

int
finding_add(struct db *db, const json_t *f, const struct inspect_who *who, int64_t *ret_id,
    struct err *e)
{
	json_t *s = json_object_get(f, "severity");
	struct add a = {.f = f, .who = who, .severity = s ? json_integer_value(s) : 2};
	int r = fits(text(f, "title"), true, "the title of the finding", e);

	if (r == 0)
		r = fits(text(f, "detail"), false, "the detail of the finding", e);
	if (r == 0)
		r = fits(text(f, "owner"), false, "the owner", e);
	if (r == 0 && (a.severity < 1 || a.severity > 3))
		r = err_set(e, E_INVAL, "the severity is not 1, 2 or 3");
	if (r == 0)
		r = db_tx(db, add_tx, &a, e);
	if (r == 0)
		*ret_id = a.id;
	return r;
}

/* What an update that met no row means. */
static int
missed(struct db *db, int64_t id, struct err *e)
{
	json_t *f = NULL;
	int r = finding_get(db, id, &f, e);

	if (r < 0)
		return r;
	r = strcmp(text(f, "state"), "done") == 0 || strcmp(text(f, "state"), "dropped") == 0
	    ? err_set(e, E_INVAL, "that finding has ended")
	    : err_set(e, E_BUSY, "somebody changed that finding before, or it has no plan yet");
	json_decref(f);
	return r;
}

int
finding_plan(struct db *db, int64_t id, int64_t rev, const char *plan, const char *due,
    const char *owner, const struct inspect_who *who, struct err *e)
{
	int r = fits(plan, true, "the plan", e);

	if (r == 0)
		r = fits(owner, false, "the owner", e);
	if (r == 0 && (!day_ok(due) || strcmp(due, who->today) < 0))
		r = err_set(e, E_INVAL, "the day of the plan is not a day to come");
	if (r < 0)
		return r;
	r = db_exec(db,
	    "UPDATE guide_findings SET plan = $3, due = $4, owner = CASE WHEN $5 = '' THEN owner "
	    "ELSE $5 END, state = 'planned', approved_by = '', approved_at = NULL, rev = rev + 1 "
	    "WHERE id = $1 AND ($2 = 0 OR rev = $2) AND state NOT IN ('done', 'dropped')", "iisss",
	    e, id, rev, plan, due, owner);
	return r == 0 ? missed(db, id, e) : r < 0 ? r : 0;
}

int
finding_approve(struct db *db, int64_t id, int64_t rev, const char *name,
    const struct inspect_who *who, struct err *e)
{
	int r = fits(name, true, "the name of who approves", e);

	if (r < 0)
		return r;
	r = db_exec(db,
	    "UPDATE guide_findings SET state = 'approved', approved_by = $3, approved_at = $4, "
	    "rev = "
	    "rev + 1 WHERE id = $1 AND ($2 = 0 OR rev = $2) AND state = 'planned'",
	    "iisi", e, id, rev, name, who->now);
	return r == 0 ? missed(db, id, e) : r < 0 ? r : 0;
}

int
finding_end(struct db *db, int64_t id, bool done, const char *why, const struct inspect_who *who,
    struct err *e)
{
	int r = fits(why, !done, "the reason", e);

	if (r < 0)
		return r;
	r = db_exec(db,
	    "UPDATE guide_findings SET state = $2, why = $3, ended_at = $4, rev = rev + 1 WHERE "
	    "id = "
	    "$1 AND state NOT IN ('done', 'dropped')",
	    "issi", e, id, done ? "done" : "dropped", why, who->now);
	return r == 0 ? missed(db, id, e) : r < 0 ? r : 0;
}

static const char *const cols[] = {"#id", "title", "detail", "pack", "item", "practice",
    "#severity", "owner", "state", "plan", "due", "approved_by", "@approved_at", "@ended_at", "why",
    "#rev", "@at", "who"};
#define SELECT                                                                                     \
	"SELECT id, title, detail, pack, item, practice, severity, owner, state, plan, due, "      \
	"approved_by, approved_at, ended_at, why, rev, at, who FROM guide_findings "

int
finding_list(struct db *db, bool all, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(cols, ARRAY_LEN(cols));
	int r = db_each(db,
	    SELECT "WHERE $1 = 1 OR state NOT IN ('done', 'dropped') ORDER BY state IN ('done', "
	    "'dropped'), due = '', due, severity DESC, id", rows_take, &rows, "i", e,
	    (int64_t)all);

	return rows_end(&rows, r, ret, e);
}

int
finding_get(struct db *db, int64_t id, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(cols, ARRAY_LEN(cols));
	int r = db_each(db, SELECT "WHERE id = $1", rows_take, &rows, "i", e, id);

	return rows_one(&rows, r, ret, e);
}

bool
finding_plan_of(const json_t *list, const char *pack, const struct guide_item *item,
    struct guide_plan *ret)
{
	json_t *f;
	size_t i;

	json_array_foreach(list, i, f) {
		const char *practice = text(f, "practice"), *due = text(f, "due");
		bool mine = strcmp(text(f, "pack"), pack) == 0 &&
		    strcmp(text(f, "item"), item->id) == 0;

		for (size_t k = 0; !mine && *practice && k < item->bys; k++)
			mine = strcmp(item->by[k]->id, practice) == 0;
		if (!mine || !day_ok(due))
			continue;
		ret->approved = strcmp(text(f, "state"), "approved") == 0;
		ret->due = day_number(due) * TIME_DAY + TIME_DAY / 2; /* that day, in most places */
		return true;
	}
	return false;
}

/* -- reviews ----------------------------------------------------------------------------------- */

struct review {
	const json_t *r;
	const struct inspect_who *who;
	int64_t id;
};

static int
decide(struct db *db, const struct review *v, const json_t *d, struct err *e)
{
	int64_t f = json_integer_value(json_object_get(d, "finding"));
	const char *what = text(d, "decision"), *due = text(d, "due");
	int r;

	if (strcmp(what, "do") != 0 && strcmp(what, "postpone") != 0 && strcmp(what, "drop") != 0 &&
	    strcmp(what, "done") != 0)
		return err_set(e, E_INVAL, "a decision is not one of do, postpone, drop, done");
	if (*due && (!day_ok(due) || strcmp(due, v->who->today) < 0))
		return err_set(e, E_INVAL, "the day of a decision is not a day to come");
	if (strcmp(what, "postpone") == 0 && !*due)
		return err_set(e, E_INVAL, "what is postponed needs a new day");
	r = db_exec(db,
	    "INSERT INTO guide_review_items (review, finding, decision, due, note) VALUES ($1, $2, "
	    "$3, $4, $5)", "iisss", e, v->id, f, what, due, text(d, "note"));
	if (r < 0)
		return r == E_INVAL ? err_set(e, E_NOENT, "there is no finding %lld", (long long)f)
				    : r;
	if (strcmp(what, "drop") == 0 || strcmp(what, "done") == 0)
		return finding_end(db, f, what[1] == 'o', *text(d, "note") ? text(d, "note")
		    : text(v->r, "minutes"), v->who, e);
	if (!*due)
		return 0;
	r = db_exec(db,
	    "UPDATE guide_findings SET due = $2, plan = CASE WHEN $3 = '' THEN plan ELSE $3 END, "
	    "state = 'approved', approved_by = $4, approved_at = $5, rev = rev + 1 WHERE id = $1 "
	    "AND "
	    "state NOT IN ('done', 'dropped')",
	    "isssi", e, f, due, text(d, "note"), text(v->r, "chair"), v->who->now);
	return r == 0 ? missed(db, f, e) : r < 0 ? r : 0;
}

static int
review_tx(struct db *db, void *cookie, struct err *e)
{
	struct review *v = cookie;
	json_t *d, *list = json_object_get(v->r, "decisions");
	size_t i;
	int r = db_i64(db,
	    "INSERT INTO guide_reviews (held, chair, present, minutes, at, who) VALUES ($1, $2, "
	    "$3, "
	    "$4, $5, $6) RETURNING id",
	    &v->id, "ssssis", e, text(v->r, "held"), text(v->r, "chair"), text(v->r, "present"),
	    text(v->r, "minutes"), v->who->now, v->who->who);

	json_array_foreach(list, i, d)
		if (r == 0)
			r = decide(db, v, d, e);
	return r;
}

int
finding_review(struct db *db, const json_t *r, const struct inspect_who *who, int64_t *ret_id,
    struct fact *ret_fact, struct err *e)
{
	struct review v = {.r = r, .who = who};
	size_t n = json_array_size(json_object_get(r, "decisions"));
	int rc = fits(text(r, "chair"), true, "who led the review", e);

	if (rc == 0)
		rc = fits(text(r, "minutes"), true, "the minutes", e);
	if (rc == 0)
		rc = fits(text(r, "present"), false, "who was there", e);
	if (rc == 0 && (!day_ok(text(r, "held")) || strcmp(text(r, "held"), who->today) > 0))
		rc = err_set(e, E_INVAL, "the day of the review is no day up to today");
	if (rc == 0 && n > DECISIONS_MAX)
		rc = err_set(e, E_LIMIT, "more than %d decisions", DECISIONS_MAX);
	if (rc == 0)
		rc = fact_fill(ret_fact, "guide", "guide.review.held", "facility", "self",
		    FACT_PASS, who->now, e);
	if (rc < 0)
		return rc;
	rc = db_tx(db, review_tx, &v, e);
	ret_fact->observed = json_pack("{s:I,s:s,s:s,s:I}", "review", (json_int_t)v.id, "held",
	    text(r, "held"), "chair", text(r, "chair"), "decisions", (json_int_t)n);
	if (rc < 0)
		fact_free(ret_fact);
	else
		*ret_id = v.id;
	return rc;
}

int
finding_reviews(struct db *db, json_t **ret, struct err *e)
{
	static const char *const heads[] = {
	    "#id", "held", "chair", "present", "minutes", "@at", "who"};
	static const char *const items[] = {"#finding", "title", "decision", "due", "note"};
	struct rows rows = rows_begin(heads, ARRAY_LEN(heads));
	json_t *list = NULL, *v;
	size_t i;
	int r = db_each(db,
	    "SELECT id, held, chair, present, minutes, at, who FROM guide_reviews ORDER BY held "
	    "DESC, id DESC", rows_take, &rows, "", e);

	r = rows_end(&rows, r, &list, e);
	json_array_foreach(list, i, v) {
		json_t *decisions = NULL;

		if (r < 0)
			break;
		rows = rows_begin(items, ARRAY_LEN(items));
		r = db_each(db,
		    "SELECT i.finding, f.title, i.decision, i.due, i.note FROM guide_review_items "
		    "i "
		    "JOIN guide_findings f ON f.id = i.finding WHERE i.review = $1 ORDER BY "
		    "i.finding",
		    rows_take, &rows, "i", e,
		    (int64_t)json_integer_value(json_object_get(v, "id")));
		r = rows_end(&rows, r, &decisions, e);
		if (r == 0)
			(void)json_object_set_new(v, "decisions", decisions);
	}
	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

int
finding_overdue(struct db *db, const struct inspect_who *who, struct fact *ret_fact, struct err *e)
{
	int64_t late, plans;
	int r = db_i64(db,
	    "SELECT count(*) FROM guide_findings WHERE state IN ('planned', 'approved') AND due < "
	    "$1",
	    &late, "s", e, who->today);

	if (r == 0)
		r = db_i64(db,
		    "SELECT count(*) FROM guide_findings WHERE state IN ('planned', 'approved')",
		    &plans, "", e);
	if (r == 0)
		r = fact_fill(ret_fact, "guide", "guide.plan.overdue", "facility", "self",
		    late ? FACT_FAIL : FACT_PASS, who->now, e);
	if (r == 0)
		ret_fact->observed = json_pack("{s:I,s:I}", "overdue", (json_int_t)late, "plans",
		    (json_int_t)plans);
	return r;
}
