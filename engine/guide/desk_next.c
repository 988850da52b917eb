/* The next action, and what a person does with it. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/desk_int.h"
#include "guide/rows.h"
#include "text/day.h"

enum { SNOOZES = GUIDE_PRACTICES, LATER_DAYS = 370 };

static json_t *
text_json(struct guide_text t)
{
	return json_pack("{s:s,s:s}", "ja", t.ja, "en", t.en);
}

static json_t *
steps_json(const struct guide_practice *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->steps; i++)
		(void)json_array_append_new(list, text_json(p->step[i]));
	return list;
}

static json_t *
answers_json(const struct desk *d, const struct guide_practice *p)
{
	json_t *list = json_array();
	size_t n;
	const struct guide_pack *const *all = guide_packs(d->g, &n);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < all[i]->items; k++) {
			const struct guide_item *it = &all[i]->item[k];

			for (size_t j = 0; j < it->bys; j++)
				if (it->by[j] == p)
					(void)json_array_append_new(list, json_pack(
					    "{s:s,s:s,s:s,s:s,s:s}", "pack", all[i]->id, "item",
					    it->id, "ref", it->ref, "edition", all[i]->edition,
					    "ja", it->text.ja));
		}
	}
	return list;
}

static json_t *
practice_json(const struct desk *d, const struct guide_practice *p, const struct guide_verdict *v)
{
	static const char *const proofs[] = {"measure", "paper", "word"};
	char ja[500], en[500], oldest[TIME_TEXT] = "";
	json_t *o = json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:i,s:i,s:s,s:s,s:s,s:s,s:b}", "id",
	    p->id, "category", guide_category_name(p->category), "family", p->family, "title",
	    text_json(p->title), "why", text_json(p->why), "steps", steps_json(p), "who",
	    text_json(guide_who(p->who)), "who_id", p->who, "minutes", p->minutes, "impact",
	    p->impact, "proof", proofs[p->proof], "verdict", guide_colour_name(v->colour), "reason",
	    guide_reason(d->g, v, true, ja, sizeof(ja)), "reason_en",
	    guide_reason(d->g, v, false, en, sizeof(en)), "declared_only", v->declared_only);

	if (o && p->ask.ja)
		(void)json_object_set_new(o, "ask", text_json(p->ask));
	if (o && v->oldest) {
		time_put(oldest, v->oldest);
		(void)json_object_set_new(o, "oldest", json_string(oldest));
	}
	return o;
}

int
desk_practices(struct desk *d, json_t **ret, struct err *e)
{
	struct guide_input in = desk_input(d);
	json_t *list = json_array();
	size_t n;
	const struct guide_practice *const *all = guide_practices(d->g, &n);

	for (size_t i = 0; i < n; i++) {
		struct guide_verdict v = guide_judge_practice(all[i], &in, NULL);

		if (json_array_append_new(list, practice_json(d, all[i], &v)) < 0) {
			json_decref(list);
			return err_set(e, E_NOMEM, "no memory for practices");
		}
	}
	*ret = list;
	return 0;
}

int
desk_practice(struct desk *d, const char *id, json_t **ret, struct err *e)
{
	const struct guide_practice *p = guide_practice(d->g, id);
	struct guide_input in = desk_input(d);
	struct guide_verdict v;
	json_t *proofs = NULL;
	int r;

	if (!p)
		return err_set(e, E_NOENT, "there is no practice %.60s", id);
	v = guide_judge_practice(p, &in, NULL);
	r = proof_list(d->db, "practice", id, &proofs, e);
	if (r < 0)
		return r;
	*ret = practice_json(d, p, &v);
	(void)json_object_set_new(*ret, "proofs", proofs);
	(void)json_object_set_new(*ret, "answers", answers_json(d, p));
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory for a practice");
}

int
desk_counts(struct desk *d, json_t **ret, struct err *e)
{
	struct guide_input in = desk_input(d);
	int n[GUIDE_CATEGORIES + 1][GUIDE_COLOURS] = {0};
	size_t count;
	const struct guide_practice *const *all = guide_practices(d->g, &count);
	json_t *o = json_object();

	for (size_t i = 0; i < count; i++) {
		enum guide_colour c = guide_judge_practice(all[i], &in, NULL).colour;

		n[all[i]->category][c]++;
		n[GUIDE_CATEGORIES][c]++;
	}
	for (int c = 0; c < GUIDE_CATEGORIES; c++)
		(void)json_object_set_new(o, guide_category_name((enum guide_category)c),
		    desk_counts_json(n[c]));
	if (json_object_set_new(o, "overall", desk_counts_json(n[GUIDE_CATEGORIES])) < 0)
		return err_set(e, E_NOMEM, "no memory for counts");
	*ret = o;
	return 0;
}

/* -- next -------------------------------------------------------------------------------------- */

struct snoozes {
	struct guide_snooze list[SNOOZES];
	size_t n;
};

static int
on_snooze(const struct db_row *row, void *cookie, struct err *e)
{
	struct snoozes *s = cookie;
	const char *id = db_col_text(row, 0);

	(void)e;
	if (s->n < SNOOZES && strlen(id) < GUIDE_ID) {
		(void)memcpy(s->list[s->n].practice, id, strlen(id) + 1);
		s->list[s->n++].until = db_col_i64(row, 1);
	}
	return 0;
}

struct shown {
	char practice[GUIDE_ID], family[GUIDE_ID];
};

static int
on_shown(const struct db_row *row, void *cookie, struct err *e)
{
	struct shown *s = cookie;

	(void)e;
	(void)snprintf(s->practice, sizeof(s->practice), "%s", db_col_text(row, 0));
	(void)snprintf(s->family, sizeof(s->family), "%s", db_col_text(row, 1));
	return 0;
}

/* The nearest day on which a round of an open inspection is due. */
static int
next_round(struct desk *d, int64_t *ret, struct err *e)
{
	json_t *list = NULL, *v;
	size_t i;
	int r = inspect_list(d->db, &list, e);

	*ret = 0;
	json_array_foreach(list, i, v) {
		const char *day = json_string_value(json_object_get(v,
		    json_integer_value(json_object_get(v, "round")) == 1 ? "due1" : "due2"));
		int64_t at = day && day_ok(day) ? day_number(day) * TIME_DAY : 0;

		if (strcmp(json_string_value(json_object_get(v, "state")), "open") == 0 && at &&
		    (*ret == 0 || at < *ret))
			*ret = at;
	}
	json_decref(list);
	return r;
}

static int
remember(struct desk *d, const struct guide_practice *p, struct err *e)
{
	int r = db_exec(d->db,
	    "INSERT INTO guide_shown (day, practice, family) VALUES ($1, $2, $3) ON CONFLICT "
	    "(day) DO "
	    "UPDATE SET practice = excluded.practice, family = excluded.family",
	    "sss", e, d->today, p->id, p->family);

	return r < 0 ? r : 0;
}

static void
sentence(const struct guide_next *got, size_t n, char ja[200], char en[200])
{
	bool red = n && got[0].verdict.colour == GUIDE_RED;

	if (n == 0) {
		(void)snprintf(ja, 200, "大丈夫です。今日やることはありません。");
		(void)snprintf(en, 200, "All is well. There is nothing to do today.");
	} else if (red) {
		(void)snprintf(ja, 200, "1つだけ急ぎがあります。");
		(void)snprintf(en, 200, "One thing is urgent.");
	} else if (got[0].verdict.colour == GUIDE_GREY) {
		(void)snprintf(ja, 200, "まだ分からないことがあります。今日は1つだけ確かめましょう。");
		(void)snprintf(en, 200, "Some things are not known. Find out one of them today.");
	} else {
		(void)snprintf(ja, 200, "大丈夫です。今日やることは1つです。");
		(void)snprintf(en, 200, "All is well. There is one thing to do today.");
	}
}

static int
next_json(struct desk *d, const struct guide_next *got, size_t n, size_t all, json_t **ret,
    struct err *e)
{
	json_t *more = json_array(), *next = NULL;
	char ja[200], en[200];

	for (size_t i = 0; i < n && i < 3; i++) {
		json_t *o = practice_json(d, got[i].practice, &got[i].verdict);

		(void)json_object_set_new(o, "score", json_real(got[i].score));
		(void)json_object_set_new(o, "link", json_sprintf("/guide/practice/%s",
		    got[i].practice->id));
		if (i == 0)
			next = o;
		else
			(void)json_array_append_new(more, o);
	}
	sentence(got, n, ja, en);
	*ret = json_pack("{s:o,s:o,s:{s:s,s:s},s:I}", "next", next ? next : json_null(), "more",
	    more, "sentence", "ja", ja, "en", en, "waiting", (json_int_t)all);
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory for the next action");
}

/* What was proposed this morning stays first, unless something red came up. */
static void
keep_first(struct guide_next *got, size_t n, const char *id)
{
	for (size_t i = 1; i < n; i++) {
		struct guide_next one = got[i];

		if (strcmp(got[i].practice->id, id) != 0 ||
		    (got[0].verdict.colour == GUIDE_RED && one.verdict.colour != GUIDE_RED))
			continue;
		for (size_t k = i; k > 0; k--)
			got[k] = got[k - 1];
		got[0] = one;
	}
}

int
desk_next(struct desk *d, bool keep, json_t **ret, struct err *e)
{
	struct guide_next_input in = {.in = desk_input(d)};
	struct guide_next got[GUIDE_PRACTICES];
	struct shown today = {0}, yesterday = {0};
	struct snoozes snoozes = {.n = 0};
	char before[DAY_TEXT];
	size_t n;
	int r = db_each(d->db, "SELECT practice, until FROM guide_snoozes WHERE until > $1",
	    on_snooze, &snoozes, "i", e, d->now);

	day_add(d->today, 0, -1, before);
	if (r == 0)
		r = db_each(d->db, "SELECT practice, family FROM guide_shown WHERE day = $1",
		    on_shown, &today, "s", e, d->today);
	if (r == 0)
		r = db_each(d->db, "SELECT practice, family FROM guide_shown WHERE day = $1",
		    on_shown, &yesterday, "s", e, before);
	if (r == 0)
		r = next_round(d, &in.inspection, e);
	if (r < 0)
		return r;
	in.snoozes = snoozes.list;
	in.snooze_n = snoozes.n;
	in.yesterday = *yesterday.family ? yesterday.family : NULL;
	n = guide_next(d->g, &in, got, ARRAY_LEN(got));
	if (*today.practice)
		keep_first(got, n, today.practice);
	if (keep && n)
		r = remember(d, got[0].practice, e);
	return r < 0 ? r : next_json(d, got, n, n, ret, e);
}

int
desk_later(struct desk *d, const char *practice, const char *until, const char *why,
    const struct inspect_who *who, struct err *e)
{
	char last[DAY_TEXT];
	int r;

	if (!guide_practice(d->g, practice))
		return err_set(e, E_NOENT, "there is no practice %.60s", practice);
	day_add(who->today, 0, LATER_DAYS, last);
	if (!day_ok(until) || strcmp(until, who->today) <= 0 || strcmp(until, last) > 0)
		return err_set(e, E_INVAL, "until when? A day to come, within a year");
	if (!why || !*why || strlen(why) > DESK_NOTE)
		return err_set(e, E_INVAL, "the reason is missing");
	r = db_exec(d->db,
	    "INSERT INTO guide_snoozes (practice, until, why, at, who) VALUES ($1, $2, $3, $4, "
	    "$5) ON "
	    "CONFLICT (practice) DO UPDATE SET until = excluded.until, why = excluded.why, at = "
	    "excluded.at, who = excluded.who",
	    "sisis", e, practice, day_number(until) * TIME_DAY - TIME_DAY / 2, why, who->now,
	    who->who);
	return r < 0 ? r : 0;
}

static int
add_proofs(struct desk *d, const char *practice, json_t *list, struct err *e)
{
	json_t *proofs = NULL, *p, *have;
	size_t i, k;
	int r = proof_list(d->db, "practice", practice, &proofs, e);

	json_array_foreach(proofs, i, p) {
		const char *expires = json_string_value(json_object_get(p, "expires"));
		bool twice = *expires && strcmp(expires, d->today) < 0;

		json_array_foreach(list, k, have)
			twice = twice || json_equal(have, json_object_get(p, "sha256"));
		if (!twice && json_array_size(list) < FACT_MAX_EVIDENCE)
			(void)json_array_append(list, json_object_get(p, "sha256"));
	}
	json_decref(proofs);
	return r;
}

int
desk_say(struct desk *d, const char *practice, enum guide_value value, const char *note,
    const json_t *evidence, enum fact_by by, const struct inspect_who *who, struct fact *ret_fact,
    struct err *e)
{
	const struct guide_practice *p = guide_practice(d->g, practice);
	int r;

	if (!p)
		return err_set(e, E_NOENT, "there is no practice %.60s", practice);
	if (by == FACT_MEASURED)
		return err_set(e, E_INVAL, "people do not measure");
	if (note && strlen(note) > DESK_NOTE)
		return err_set(e, E_LIMIT, "the note has more than %d bytes", DESK_NOTE);
	r = fact_fill(ret_fact, "guide", p->declared, "facility", "self",
	    guide_value_outcome(value), who->now, e);
	if (r < 0)
		return r;
	ret_fact->by = by;
	ret_fact->observed = json_pack("{s:s,s:s}", "who", who->who, "note", note ? note : "");
	ret_fact->evidence = evidence ? json_deep_copy(evidence) : json_array();
	if (value == GUIDE_YES)
		r = add_proofs(d, practice, ret_fact->evidence, e);
	if (json_array_size(ret_fact->evidence) == 0) {
		json_decref(ret_fact->evidence);
		ret_fact->evidence = NULL;
	}
	if (r == 0 && !ret_fact->observed)
		r = err_set(e, E_INVAL, "the note is not UTF-8");
	if (r < 0)
		fact_free(ret_fact);
	return r;
}
