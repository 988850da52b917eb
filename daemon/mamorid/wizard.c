#include "mamorid/wizard.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "guide/finding.h"
#include "text/day.h"

static const char *const keys[WIZARD_STEPS] = {"facility", "appointed", "people", "systems",
    "vendors", "backup", "contacts", "signin"};

const char *
wizard_key(size_t i)
{
	return i < WIZARD_STEPS ? keys[i] : "";
}

size_t
wizard_find(const char *key)
{
	size_t i = 0;

	while (i < WIZARD_STEPS && strcmp(keys[i], key) != 0)
		i++;
	return i;
}

static int
take(const struct db_row *row, void *cookie, struct err *e)
{
	struct wizard *w = cookie;
	size_t i = wizard_find(db_col_text(row, 0));

	(void)e;
	if (i == WIZARD_STEPS) /* of another version */
		return 0;
	w->begun = true;
	w->step[i].state = strcmp(db_col_text(row, 1), "done") == 0 ? WIZARD_DONE : WIZARD_LATER;
	w->step[i].finding = db_col_i64(row, 2);
	w->step[i].at = db_col_i64(row, 3);
	(void)snprintf(w->step[i].who, sizeof(w->step[i].who), "%s", db_col_text(row, 4));
	(void)snprintf(w->step[i].due, sizeof(w->step[i].due), "%s", db_col_text(row, 5));
	w->settled++;
	w->done += w->step[i].state == WIZARD_DONE;
	return 0;
}

int
wizard_load(struct db *db, struct wizard *ret, struct err *e)
{
	*ret = (struct wizard){.done = 0};
	return db_each(db,
	    "SELECT s.step, s.state, s.finding, s.at, s.who, coalesce(f.due, '') FROM "
	    "wizard_steps s LEFT JOIN guide_findings f ON f.id = s.finding AND f.state NOT IN "
	    "('done', 'dropped')", take, ret, "", e);
}

size_t
wizard_next(const struct wizard *w, size_t after)
{
	for (size_t i = after >= WIZARD_STEPS ? 0 : after + 1; i < WIZARD_STEPS; i++)
		if (w->step[i].state == WIZARD_TODO)
			return i;
	return after >= WIZARD_STEPS ? WIZARD_STEPS : wizard_next(w, WIZARD_STEPS);
}

/* mark(...): What is done is not put off again. */
static int
mark(struct db *db, size_t i, const char *state, int64_t finding, const char *who, int64_t now,
    struct err *e)
{
	int r = db_exec(db,
	    "INSERT INTO wizard_steps (step, state, finding, at, who) VALUES ($1, $2, $3, $4, $5) "
	    "ON CONFLICT (step) DO UPDATE SET state = excluded.state, finding = excluded.finding, "
	    "at = excluded.at, who = excluded.who WHERE wizard_steps.state = 'later' OR "
	    "excluded.state = 'done'", "ssiis", e, wizard_key(i), state, finding, now, who);

	return r < 0 ? r : 0;
}

/* find(db, mark, ret, e): The open finding of a point; 0 when there is none. */
static int
find(struct db *db, const char *point, int64_t *ret, struct err *e)
{
	int r = db_i64(db, "SELECT id FROM guide_findings WHERE pack = $1 AND item = '' AND state "
	    "NOT IN ('done', 'dropped') ORDER BY id LIMIT 1", ret, "s", e, point);

	if (r != E_NOENT)
		return r;
	*ret = 0;
	return 0;
}

int
wizard_task(struct db *db, const char *point, const char *title, const char *plan,
    const char *owner, const struct inspect_who *who, int64_t *ret, struct err *e)
{
	char pack[120], due[DAY_TEXT];
	json_t *f;
	int r;

	(void)snprintf(pack, sizeof(pack), "wizard/%.100s", point);
	day_add(who->today, 0, WIZARD_DAYS, due);
	r = find(db, pack, ret, e);
	if (r == 0 && *ret == 0) {
		f = json_pack("{s:s, s:s, s:s, s:i}", "title", title, "pack", pack, "owner", owner,
		    "severity", 2);
		r = f ? finding_add(db, f, who, ret, e) : err_set(e, E_INVAL, "not text");
		json_decref(f);
	}
	return r < 0 ? r : finding_plan(db, *ret, 0, plan, due, owner, who, e);
}

int
wizard_later(struct db *db, size_t i, const char *title, const char *plan, const char *owner,
    const struct inspect_who *who, struct err *e)
{
	struct wizard w;
	int64_t id = 0;
	int r = wizard_load(db, &w, e);

	if (r < 0 || w.step[i].state == WIZARD_DONE)
		return r;
	if (w.step[i].state == WIZARD_LATER && w.step[i].finding)
		return 0; /* its day stays */
	r = wizard_task(db, wizard_key(i), title, plan, owner, who, &id, e);
	return r < 0 ? r : mark(db, i, "later", id, who->who, who->now, e);
}

/* settle(db, i, why, who, e): The findings of the step end. */
static int
settle(struct db *db, size_t i, const char *why, const struct inspect_who *who, struct err *e)
{
	char pack[120];
	int64_t id = 0;
	int r;

	(void)snprintf(pack, sizeof(pack), "wizard/%s", wizard_key(i));
	do {
		r = find(db, pack, &id, e);
		if (r == 0 && id)
			r = finding_end(db, id, true, why, who, e);
	} while (r == 0 && id);
	return r;
}

int
wizard_done(struct db *db, size_t i, const char *why, const struct inspect_who *who, struct err *e)
{
	int r = settle(db, i, why, who, e);

	return r < 0 ? r : mark(db, i, "done", 0, who->who, who->now, e);
}
