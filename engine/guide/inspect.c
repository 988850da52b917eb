#include "guide/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/guide_int.h"
#include "guide/rows.h"
#include "ledger/evidence.h"
#include "text/day.h"

int
inspect_fiscal(const char *day)
{
	uint64_t y = 0, m = 0;
	char year[5] = "", month[3] = "";

	(void)memcpy(year, day, 4);
	(void)memcpy(month, day + 5, 2);
	if (num_parse_u64(year, 9999, &y, NULL) < 0 || num_parse_u64(month, 12, &m, NULL) < 0)
		return 0;
	return (int)y - (m < 4 ? 1 : 0);
}

/* -- the pack under which was answered --------------------------------------------------------- */

static int
keep_pack(const struct state *st, const struct guide *g, const struct guide_pack *p, struct err *e)
{
	size_t n;
	const struct asset *a = guide_assets(&n);
	char name[80];
	int r, dir;

	(void)g;
	if (p->trust != GUIDE_SHIPPED)
		return 0; /* imported: it lies there already */
	(void)snprintf(name, sizeof(name), "%s.json", p->id);
	while (n > 0 && strcmp(a->name, name) != 0)
		n--, a++;
	if (n == 0)
		return err_set(e, E_NOENT, "the pack %s is not part of the program", p->id);
	dir = state_dir(st, "packs", true, e);
	if (dir < 0)
		return dir;
	(void)snprintf(name, sizeof(name), "%s.json", p->sum);
	r = fio_create(st->f, dir, name, a->p, a->len, 0600, e);
	fio_close(st->f, dir);
	return r == E_EXIST ? 0 : r;
}

static int
read_kept(const struct state *st, const char *id, const char *sum, struct guide *own, struct err *e)
{
	struct buf b;
	char name[80];
	int r, dir = state_dir(st, "packs", false, e);

	if (dir < 0)
		return dir;
	buf_init(&b, GUIDE_FILE_MAX);
	(void)snprintf(name, sizeof(name), "%.64s.json", sum);
	r = fio_slurp(st->f, dir, name, &b, e);
	if (r == 0)
		r = guide_put(own, b.p, b.len, GUIDE_OPERATOR, e);
	if (r == 0 && (!guide_pack(own, id) || strcmp(guide_pack(own, id)->sum, sum) != 0))
		r = err_set(e, E_CORRUPT, "the pack %s that was kept is not what it was", id);
	buf_free(&b);
	fio_close(st->f, dir);
	return r;
}

int
inspect_pack(const struct state *st, const struct guide *g, const char *id, const char *sum,
    struct guide **ret_own, const struct guide_pack **ret, struct err *e)
{
	const struct guide_pack *p = guide_pack(g, id);
	struct guide *own;
	int r;

	*ret_own = NULL;
	*ret = p;
	if (p && strcmp(p->sum, sum) == 0)
		return 0;
	r = guide_new(&own, e);
	if (r < 0)
		return r;
	r = read_kept(st, id, sum, own, e);
	if (r < 0) {
		guide_free(own);
		return r;
	}
	*ret_own = own;
	*ret = guide_pack(own, id);
	return 0;
}

/* -- beginning --------------------------------------------------------------------------------- */

struct begin {
	const struct guide_pack *pack;
	const char *due1, *due2;
	const struct inspect_who *who;
	int64_t before, id; /* before: 0 the newest of the family */
	json_t *carry;      /* answers of the edition before, or NULL */
};

static int
carry(struct db *db, const struct begin *b, struct err *e)
{
	for (size_t i = 0; b->carry && i < b->pack->items; i++) {
		const struct guide_item *it = &b->pack->item[i];
		json_t *a = json_object_get(b->carry, it->was ? it->was : it->id);
		int r;

		if (!a)
			continue;
		r = db_exec(db,
		    "INSERT INTO guide_answers (inspection, round, item, value, confirmed, target, "
		    "note, carried, at, who) VALUES ($1, 1, $2, $3, $4, $5, $6, 1, $7, $8)",
		    "isssssis", e, b->id, it->id, json_string_value(json_object_get(a, "value")),
		    json_string_value(json_object_get(a, "confirmed")),
		    json_string_value(json_object_get(a, "target")),
		    json_string_value(json_object_get(a, "note")), b->who->now, b->who->who);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
begin_tx(struct db *db, void *cookie, struct err *e)
{
	struct begin *b = cookie;
	const struct guide_pack *p = b->pack;
	int64_t n;
	int r = db_i64(db,
	    "SELECT count(*) FROM guide_inspections WHERE family = $1 AND state <> 'closed'", &n,
	    "s", e, p->family);

	if (r == 0 && n > 0)
		return err_set(e, E_EXIST, "an inspection of %s is open already", p->family);
	if (r == 0 && b->before == 0) {
		r = db_i64(db,
		    "SELECT max(id) FROM guide_inspections WHERE family = $1 AND (state = 'signed' "
		    "OR EXISTS (SELECT 1 FROM guide_signs s WHERE s.inspection = "
		    "guide_inspections.id))", &b->before, "s", e, p->family);
		r = r == E_NOENT ? 0 : r;
	}
	if (r == 0)
		r = db_i64(db,
		    "INSERT INTO guide_inspections (pack, pack_sum, family, edition, title_ja, "
		    "title_en, fiscal_year, state, round, due1, due2, before, at, who) VALUES "
		    "($1, $2, $3, $4, $5, $6, $7, 'open', 1, $8, $9, nullif($10, 0), $11, $12) "
		    "RETURNING id", &b->id, "ssssssissiis", e, p->id, p->sum, p->family,
		    p->edition, p->title.ja, p->title.en,
		    (int64_t)(p->fiscal_year ? p->fiscal_year : inspect_fiscal(b->who->today)),
		    b->due1, b->due2, b->before, b->who->now, b->who->who);
	return r < 0 ? r : carry(db, b, e);
}

static int
inside(const char *day, const char *today, const char *what, struct err *e)
{
	if (!day_ok(day))
		return err_set(e, E_INVAL, "%s is not a day like 2026-12-15", what);
	if (inspect_fiscal(day) != inspect_fiscal(today))
		return err_set(e, E_INVAL, "%s must lie inside the fiscal year (until %d-03-31)",
		    what, inspect_fiscal(today) + 1);
	return 0;
}

int
inspect_open(struct db *db, const struct state *st, const struct guide *g, const char *pack,
    const char *due1, const char *due2, const struct inspect_who *who, int64_t *ret_id,
    struct err *e)
{
	struct begin b = {.pack = guide_pack(g, pack), .due1 = due1, .due2 = due2, .who = who};
	int r;

	if (!b.pack)
		return err_set(e, E_NOENT, "there is no pack %.60s", pack);
	r = inside(due1, who->today, "the day of the first round", e);
	if (r == 0)
		r = inside(due2, who->today, "the day of the second round", e);
	if (r == 0 && strcmp(due2, due1) < 0)
		r = err_set(e, E_INVAL, "the second round lies before the first");
	if (r == 0)
		r = keep_pack(st, g, b.pack, e);
	if (r == 0)
		r = db_tx(db, begin_tx, &b, e);
	if (r == 0)
		*ret_id = b.id;
	return r;
}

struct upgrade {
	struct begin b;
	int64_t old;
};

static int
upgrade_tx(struct db *db, void *cookie, struct err *e)
{
	struct upgrade *u = cookie;
	int r = db_exec(db,
	    "UPDATE guide_inspections SET state = 'closed' WHERE id = $1 AND state <> 'closed'",
	    "i", e, u->old);

	if (r == 0)
		return err_set(e, E_INVAL, "that inspection is closed already");
	u->b.before = u->old;
	return r < 0 ? r : begin_tx(db, &u->b, e);
}

int
inspect_upgrade(struct db *db, const struct state *st, const struct guide *g, int64_t id,
    const char *pack, const struct inspect_who *who, int64_t *ret_id, struct err *e)
{
	struct upgrade u = {.b = {.pack = guide_pack(g, pack), .who = who}, .old = id};
	const char *family;
	json_t *old = NULL;
	int r;

	if (!u.b.pack)
		return err_set(e, E_NOENT, "there is no pack %.60s", pack);
	r = inspect_get(db, id, &old, e);
	if (r < 0)
		return r;
	family = json_string_value(json_object_get(old, "family"));
	u.b.due1 = json_string_value(json_object_get(old, "due1"));
	u.b.due2 = json_string_value(json_object_get(old, "due2"));
	if (strcmp(family, u.b.pack->family) != 0)
		r = err_set(e, E_INVAL, "%s is not an edition of %s", pack, family);
	else if (strcmp(json_string_value(json_object_get(old, "pack_sum")), u.b.pack->sum) == 0)
		r = err_set(e, E_EXIST, "the inspection is under that edition already");
	if (r == 0)
		r = inspect_answers(db, id, &u.b.carry, e);
	if (r == 0)
		r = keep_pack(st, g, u.b.pack, e);
	if (r == 0)
		r = db_tx(db, upgrade_tx, &u, e);
	if (r == 0)
		*ret_id = u.b.id;
	json_decref(u.b.carry);
	json_decref(old);
	return r;
}

/* -- answering --------------------------------------------------------------------------------- */

int
inspect_answer(struct db *db, const struct guide_pack *pack, int64_t id, const char *item,
    enum guide_value value, const char *confirmed, const char *target, const char *note,
    const struct inspect_who *who, struct err *e)
{
	int r = 0;

	confirmed = confirmed && *confirmed ? confirmed : who->today;
	target = value == GUIDE_NO && target ? target : "";
	if (!guide_item(pack, item))
		return err_set(e, E_NOENT, "%s has no item %.60s", pack->id, item);
	if (!day_ok(confirmed) || strcmp(confirmed, who->today) > 0)
		return err_set(e, E_INVAL, "the day of confirmation is no day up to today");
	if (value == GUIDE_NO)
		r = inside(target, who->today, "the target day", e);
	if (r == 0 && *target && strcmp(target, who->today) < 0)
		r = err_set(e, E_INVAL, "the target day lies in the past");
	if (r == 0 && note && strlen(note) > INSPECT_NOTE)
		r = err_set(e, E_LIMIT, "the note has more than %d bytes", INSPECT_NOTE);
	if (r < 0)
		return r;
	r = db_exec(db,
	    "INSERT INTO guide_answers (inspection, round, item, value, confirmed, target, note, "
	    "at, who) SELECT id, round, $2, $3, $4, $5, $6, $7, $8 FROM guide_inspections WHERE "
	    "id = "
	    "$1 AND state = 'open'",
	    "isssssis", e, id, item, guide_value_name(value), confirmed, target, note ? note : "",
	    who->now, who->who);
	if (r == 0)
		r = err_set(e, E_BUSY, "that inspection is not open for answers");
	return r < 0 ? r : 0;
}

static const char *const answer_cols[] = {"item", "value", "confirmed", "target", "note",
    "?carried", "#round", "@at", "who"};

int
inspect_answers(struct db *db, int64_t id, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(answer_cols, ARRAY_LEN(answer_cols));
	json_t *list = NULL, *out, *a;
	size_t i;
	int r = db_each(db,
	    "SELECT item, value, confirmed, target, note, carried, round, at, who FROM "
	    "guide_answers WHERE inspection = $1 ORDER BY id", rows_take, &rows, "i", e, id);

	r = rows_end(&rows, r, &list, e);
	if (r < 0)
		return r;
	out = json_object();
	json_array_foreach(list, i, a) { /* oldest first: the last one stays */
		const char *item = json_string_value(json_object_get(a, "item"));
		json_t *before = json_object_get(json_object_get(out, item), "rounds");
		json_t *rounds = before ? json_copy(before) : json_object();
		char round[8];

		(void)snprintf(round, sizeof(round), "%d",
		    (int)json_integer_value(json_object_get(a, "round")) % 10);
		(void)json_object_set_new(rounds, round, json_copy(a));
		(void)json_object_set_new(a, "rounds", rounds);
		(void)json_object_set(out, item, a);
	}
	json_decref(list);
	*ret = out;
	return out ? 0 : err_set(e, E_NOMEM, "no memory for answers");
}

int
inspect_history(struct db *db, int64_t id, const char *item, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(answer_cols, ARRAY_LEN(answer_cols));
	int r = db_each(db,
	    "SELECT item, value, confirmed, target, note, carried, round, at, who FROM "
	    "guide_answers WHERE inspection = $1 AND item = $2 ORDER BY id DESC", rows_take, &rows,
	    "is", e, id, item);

	return rows_end(&rows, r, ret, e);
}

/* -- signing ----------------------------------------------------------------------------------- */

static void
count(const struct guide_pack *pack, const json_t *answers, int n[GUIDE_VALUES], int *missing)
{
	for (size_t i = 0; i < pack->items; i++) {
		json_t *a = json_object_get(answers, pack->item[i].id);
		const char *s = json_string_value(json_object_get(a, "value"));
		enum guide_value v;

		if (!s || json_is_true(json_object_get(a, "carried")) ||
		    guide_value_get(s, &v) < 0)
			(*missing)++;
		else
			n[v]++;
	}
}

/* An inspection whose first answer ends it ("we have no such system") asks for nothing more. */
static bool
ended(const struct guide_pack *pack, const json_t *answers)
{
	for (size_t i = 0; i < pack->items; i++) {
		json_t *a = json_object_get(answers, pack->item[i].id);
		const char *s = json_string_value(json_object_get(a, "value"));

		if (pack->item[i].level == GUIDE_GATE && s && strcmp(s, "no") == 0)
			return true;
	}
	return false;
}

struct sign {
	int64_t id, round;
	const char *name;
	char sum[EVIDENCE_HEX];
	const struct inspect_who *who;
};

static int
sign_tx(struct db *db, void *cookie, struct err *e)
{
	struct sign *s = cookie;
	int r = db_exec(db,
	    "UPDATE guide_inspections SET state = 'signed' WHERE id = $1 AND round = $2 AND state "
	    "= "
	    "'open'",
	    "ii", e, s->id, s->round);

	if (r == 0)
		return err_set(e, E_BUSY, "that inspection is not open");
	if (r > 0)
		r = db_exec(db,
		    "INSERT INTO guide_signs (inspection, round, name, sum, at, who) VALUES ($1, "
		    "$2, "
		    "$3, $4, $5, $6)",
		    "iissis", e, s->id, s->round, s->name, s->sum, s->who->now, s->who->who);
	return r < 0 ? r : 0;
}

static int
sign_fact(struct fact *f, const json_t *insp, const int n[GUIDE_VALUES], const struct sign *s,
    struct err *e)
{
	int r = fact_fill(f, "guide", "guide.inspection.signed", "facility", "self", FACT_PASS,
	    s->who->now, e);

	if (r < 0)
		return r;
	f->observed = json_pack("{s:O,s:I,s:I,s:s,s:i,s:i,s:i,s:i}", "pack",
	    json_object_get(insp, "pack"), "inspection", (json_int_t)s->id, "round",
	    (json_int_t)s->round, "name", s->name, "yes", n[GUIDE_YES], "no", n[GUIDE_NO], "na",
	    n[GUIDE_NOT_APPLICABLE], "unknown", n[GUIDE_UNKNOWN]);
	f->evidence = json_pack("[s]", s->sum);
	if (f->observed && f->evidence)
		return 0;
	fact_free(f);
	return err_set(e, E_NOMEM, "no memory for a fact");
}

int
inspect_sign(struct db *db, const struct state *st, const struct guide_pack *pack, int64_t id,
    const char *name, const struct inspect_who *who, struct fact *ret_fact, struct err *e)
{
	json_t *insp = NULL, *answers = NULL, *all = NULL;
	int n[GUIDE_VALUES] = {0}, missing = 0, r = inspect_get(db, id, &insp, e);
	struct sign s = {.id = id, .name = name, .who = who};
	char *text = NULL;

	if (r == 0)
		r = inspect_answers(db, id, &answers, e);
	if (r < 0)
		goto out;
	s.round = json_integer_value(json_object_get(insp, "round"));
	count(pack, answers, n, &missing);
	if (missing > 0 && !ended(pack, answers))
		r = err_set(e, E_INVAL, "%d items have no confirmed answer yet", missing);
	if (r == 0 && (!name || !*name || strlen(name) > INSPECT_NAME))
		r = err_set(e, E_INVAL, "the name of who signs is missing");
	all = json_pack("{s:O,s:O,s:s}", "inspection", insp, "answers", answers, "signed_by",
	    name ? name : "");
	text = all ? json_dumps(all, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	if (r == 0 && !text)
		r = err_set(e, E_NOMEM, "no memory for the answers");
	if (r == 0)
		r = evidence_put_bytes(st, text, strlen(text), s.sum, e);
	if (r == 0)
		r = sign_fact(ret_fact, insp, n, &s, e);
	if (r == 0) {
		r = db_tx(db, sign_tx, &s, e);
		if (r < 0)
			fact_free(ret_fact);
	}
out:
	free(text);
	json_decref(all);
	json_decref(answers);
	json_decref(insp);
	return r;
}

int
inspect_round(struct db *db, int64_t id, const struct inspect_who *who, struct err *e)
{
	int r = db_exec(db,
	    "UPDATE guide_inspections SET state = 'open', round = 2 WHERE id = $1 AND state = "
	    "'signed' AND round = 1", "i", e, id);

	(void)who;
	if (r == 0)
		r = err_set(
		    e, E_INVAL, "the first round is not signed, or the second is under way");
	return r < 0 ? r : 0;
}

int
inspect_close(struct db *db, int64_t id, struct err *e)
{
	int r = db_exec(db, "UPDATE guide_inspections SET state = 'closed' WHERE id = $1", "i", e,
	    id);

	return r == 0 ? err_set(e, E_NOENT, "there is no inspection %lld", (long long)id)
	    : r < 0 ? r : 0;
}

/* -- reading ----------------------------------------------------------------------------------- */

static const char *const insp_cols[] = {"#id", "pack", "pack_sum", "family", "edition", "title_ja",
    "title_en", "#fiscal_year", "state", "#round", "due1", "due2", "#before", "@at", "who"};
#define INSP_SELECT                                                                                \
	"SELECT id, pack, pack_sum, family, edition, title_ja, title_en, fiscal_year, state, "     \
	"round, due1, due2, coalesce(before, 0), at, who FROM guide_inspections "

static int
with_signs(struct db *db, json_t *insp, struct err *e)
{
	static const char *const cols[] = {"#round", "name", "sum", "@at", "who"};
	struct rows rows = rows_begin(cols, ARRAY_LEN(cols));
	json_t *list = NULL;
	int r = db_each(db,
	    "SELECT round, name, sum, at, who FROM guide_signs WHERE inspection = $1 ORDER BY "
	    "round",
	    rows_take, &rows, "i", e, (int64_t)json_integer_value(json_object_get(insp, "id")));

	r = rows_end(&rows, r, &list, e);
	if (r == 0 && json_object_set_new(insp, "signs", list) < 0)
		r = err_set(e, E_NOMEM, "no memory for signatures");
	return r;
}

int
inspect_list(struct db *db, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(insp_cols, ARRAY_LEN(insp_cols));
	json_t *list = NULL, *v;
	size_t i;
	int r = db_each(db, INSP_SELECT "ORDER BY id DESC", rows_take, &rows, "", e);

	r = rows_end(&rows, r, &list, e);
	json_array_foreach(list, i, v)
		if (r == 0)
			r = with_signs(db, v, e);
	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

int
inspect_get(struct db *db, int64_t id, json_t **ret, struct err *e)
{
	struct rows rows = rows_begin(insp_cols, ARRAY_LEN(insp_cols));
	json_t *o = NULL;
	int r = db_each(db, INSP_SELECT "WHERE id = $1", rows_take, &rows, "i", e, id);

	r = rows_one(&rows, r, &o, e);
	if (r == 0)
		r = with_signs(db, o, e);
	if (r == 0)
		*ret = o;
	else
		json_decref(o);
	return r;
}

int
inspect_present(struct db *db, const char *family, int64_t *ret_id, struct err *e)
{
	int r = db_i64(db,
	    "SELECT max(id) FROM guide_inspections WHERE family = $1 AND state <> 'closed'", ret_id,
	    "s", e, family);

	if (r == E_NOENT)
		*ret_id = 0;
	return r == E_NOENT ? 0 : r;
}

/* How good an answer is: no < unknown < not applicable < yes. */
static int
worth(const char *value)
{
	static const char *const order[] = {"no", "unknown", "na", "yes"};

	for (size_t i = 0; value && i < ARRAY_LEN(order); i++)
		if (strcmp(value, order[i]) == 0)
			return (int)i;
	return -1;
}

static void
differ(json_t *out, const char *item, const char *before, const char *after)
{
	const char *kind = !before ? "new" : !after ? "gone"
	    : worth(after) > worth(before) ? "better" : worth(after) < worth(before) ? "worse"
						      : NULL;

	if (kind)
		(void)json_array_append_new(out, json_pack("{s:s,s:s*,s:s*,s:s}", "item", item,
		    "before", before, "after", after, "kind", kind));
}

int
inspect_diff(struct db *db, const struct guide_pack *pack, int64_t id, json_t **ret, struct err *e)
{
	json_t *insp = NULL, *now = NULL, *old = NULL, *out = json_array(), *v;
	const char *key;
	int64_t before = 0;
	int r = inspect_get(db, id, &insp, e);

	if (r == 0)
		r = inspect_answers(db, id, &now, e);
	if (r == 0)
		before = json_integer_value(json_object_get(insp, "before"));
	if (r == 0 && before)
		r = inspect_answers(db, before, &old, e);
	for (size_t i = 0; r == 0 && before && i < pack->items; i++) {
		const struct guide_item *it = &pack->item[i];
		const char *was = json_object_get(old, it->id) || !it->was ? it->id : it->was;
		json_t *a = json_object_get(now, it->id), *b = json_object_get(old, was);

		if (a && json_is_false(json_object_get(a, "carried")))
			differ(out, it->id, json_string_value(json_object_get(b, "value")),
			    json_string_value(json_object_get(a, "value")));
		(void)json_object_del(old, was);
	}
	json_object_foreach(old, key, v)
		differ(out, key, json_string_value(json_object_get(v, "value")), NULL);
	json_decref(insp);
	json_decref(now);
	json_decref(old);
	if (r == 0)
		*ret = out;
	else
		json_decref(out);
	return r;
}
