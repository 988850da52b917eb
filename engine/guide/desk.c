#include "guide/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/desk_int.h"
#include "text/day.h"

static const struct {
	const char *id;
	struct guide_text text;
} conditions[] = {
    {"wifi", {"無線LAN（Wi-Fi）", "Wi-Fi"}},
    {"byod", {"私物の端末を仕事に使うこと", "private devices used for work"}},
    {"remote-maintenance", {"業者の遠隔保守", "remote maintenance by vendors"}},
    {"staff-remote", {"職員が外から使うこと", "access by staff from outside"}},
    {"iot-lending", {"患者に貸し出す機器", "devices lent to patients"}},
    {"patient-access", {"患者が外から見るしくみ", "patients' access from outside"}},
    {"e-signature", {"電子署名が要る文書", "documents with electronic signatures"}},
    {"scanning", {"紙のスキャン保存", "scanning paper records"}},
};

const char *const *
desk_conditions(size_t *ret_n)
{
	static const char *list[ARRAY_LEN(conditions)];

	for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
		list[i] = conditions[i].id;
	*ret_n = ARRAY_LEN(conditions);
	return list;
}

struct guide_text
desk_condition_text(const char *cond)
{
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
		if (strcmp(conditions[i].id, cond) == 0)
			return conditions[i].text;
	return (struct guide_text){cond, cond};
}

char
desk_band(const char *type, int64_t beds)
{
	if (beds < 0)
		return type && (strcmp(type, "clinic") == 0 || strcmp(type, "dental") == 0) ? 'C'
											    : 0;
	return beds < 20 ? 'C' : beds < 200 ? 'S' : beds < 500 ? 'M' : 'L';
}

/* -- settings ---------------------------------------------------------------------------------- */

static int
on_setting(const struct db_row *row, void *cookie, struct err *e)
{
	json_t **ret = cookie;

	(void)e;
	*ret = json_loads(db_col_text(row, 0), JSON_REJECT_DUPLICATES, NULL);
	return 0;
}

int
desk_setting(struct db *db, const char *key, json_t **ret, struct err *e)
{
	*ret = NULL;
	return db_each(db, "SELECT value FROM settings WHERE key = $1", on_setting, ret, "s", e,
	    key);
}

int
desk_setting_put(struct db *db, const char *key, const json_t *value, int64_t now, struct err *e)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	int r = text ? db_exec(db,
	    "INSERT INTO settings (key, value, at) VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE "
	    "SET value = excluded.value, at = excluded.at", "ssi", e, key, text, now)
		     : err_set(e, E_NOMEM, "no memory for a setting");

	free(text);
	return r < 0 ? r : 0;
}

int
desk_profile_set(struct db *db, const json_t *none, int64_t now, struct err *e)
{
	json_t *v;
	size_t i;

	json_array_foreach(none, i, v) {
		const char *s = json_string_value(v);
		bool known = false;

		for (size_t k = 0; s && k < ARRAY_LEN(conditions); k++)
			known = known || strcmp(conditions[k].id, s) == 0;
		if (!known)
			return err_set(e, E_INVAL, "what is \"%.60s\"?", s ? s : "");
	}
	return desk_setting_put(db, "guide.none", none, now, e);
}

int
desk_begin(struct desk *d, const struct guide *g, struct db *db, const struct state *st,
    const struct fact *facts, size_t n, const json_t *facility, int64_t now, struct err *e)
{
	const char *beds = json_string_value(json_object_get(facility, "beds"));
	uint64_t count = 0;
	json_t *none, *v;
	size_t i, at = 0;
	int r;

	*d = (struct desk){.g = g, .db = db, .st = st, .facts = facts, .n = n, .now = now};
	day_local(now, d->today);
	d->profile.band = desk_band(json_string_value(json_object_get(facility, "type")),
	    beds && *beds && num_parse_u64(beds, 100000, &count, NULL) == 0 ? (int64_t)count : -1);
	r = desk_setting(db, "guide.none", &none, e);
	if (r < 0)
		return r;
	d->none[at++] = ',';
	json_array_foreach(none, i, v) {
		const char *s = json_string_value(v);
		size_t k = s ? strlen(s) : 0;

		if (k == 0 || at + k + 2 > sizeof(d->none))
			continue;
		(void)memcpy(d->none + at, s, k);
		at += k;
		d->none[at++] = ',';
	}
	d->none[at] = 0;
	json_decref(none);
	return 0;
}

struct guide_input
desk_input(const struct desk *d)
{
	return (struct guide_input){d->facts, d->n, d->now, {d->profile.band, d->none}};
}

/* -- verdicts of a pack ------------------------------------------------------------------------ */

static bool
proofs_for(const json_t *proofs, const char *pack, const char *item, const char *today)
{
	char subject[2 * GUIDE_ID + 2];
	json_t *p;
	size_t i;

	(void)snprintf(subject, sizeof(subject), "%s:%s", pack, item);
	json_array_foreach(proofs, i, p) {
		const char *expires = json_string_value(json_object_get(p, "expires"));

		if (strcmp(json_string_value(json_object_get(p, "subject")), subject) == 0 &&
		    (!expires || !*expires || strcmp(expires, today) >= 0))
			return true;
	}
	return false;
}

/* An answer that nobody confirmed after it was carried over says nothing. */
bool
desk_answer_of(const struct desk *d, const struct desk_book *b, const struct guide_item *it,
    struct guide_answer *ret)
{
	json_t *a = json_object_get(b->answers, it->id);
	const char *value = json_string_value(json_object_get(a, "value"));
	const char *day = json_string_value(json_object_get(a, "confirmed"));
	const char *at = json_string_value(json_object_get(a, "at"));

	if (!value || json_is_true(json_object_get(a, "carried")) || !day || !day_ok(day))
		return false;
	*ret = (struct guide_answer){.at = day_number(day) * TIME_DAY,
	    .paper = proofs_for(b->proofs, b->pack->id, it->id, d->today)};
	if (at && time_get(at, &ret->at, NULL) < 0)
		return false;
	return guide_value_get(value, &ret->value) == 0;
}

struct guide_verdict
desk_judge(const struct desk *d, const struct desk_book *b, const struct guide_item *it)
{
	struct guide_input in = desk_input(d);
	struct guide_answer a;
	struct guide_plan plan;
	bool answered = desk_answer_of(d, b, it, &a);

	return guide_judge(it, &in, answered ? &a : NULL,
	    finding_plan_of(b->findings, b->pack->id, it, &plan) ? &plan : NULL);
}

static int
newest_of(struct desk *d, const struct guide_pack *p, int64_t *ret, struct err *e)
{
	int r = db_i64(d->db, "SELECT max(id) FROM guide_inspections WHERE pack_sum = $1", ret, "s",
	    e, p->sum);

	if (r == E_NOENT)
		*ret = 0;
	return r == E_NOENT ? 0 : r;
}

int
desk_book_open(struct desk *d, const struct guide_pack *p, struct desk_book *b, struct err *e)
{
	int64_t id = 0;
	int r;

	*b = (struct desk_book){.pack = p};
	r = newest_of(d, p, &id, e);
	if (r == 0 && id)
		r = inspect_get(d->db, id, &b->inspection, e);
	if (r == 0 && id)
		r = inspect_answers(d->db, id, &b->answers, e);
	if (r == 0)
		r = finding_list(d->db, false, &b->findings, e);
	if (r == 0)
		r = proof_list(d->db, "item", NULL, &b->proofs, e);
	if (r < 0)
		desk_book_close(b);
	return r;
}

void
desk_book_close(struct desk_book *b)
{
	json_decref(b->inspection);
	json_decref(b->answers);
	json_decref(b->findings);
	json_decref(b->proofs);
	*b = (struct desk_book){0};
}

json_t *
desk_counts_json(const int n[GUIDE_COLOURS])
{
	return json_pack("{s:i,s:i,s:i,s:i,s:i}", "green", n[GUIDE_GREEN], "yellow",
	    n[GUIDE_YELLOW], "grey", n[GUIDE_GREY], "red", n[GUIDE_RED], "na", n[GUIDE_NA]);
}

static json_t *
pack_head(const struct guide_pack *p)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s},s:s,s:s*,s:s,s:s*,s:s,s:i,s:i}", "id",
	    p->id, "pack", p->id, "kind", p->kind, "family", p->family, "edition",
	    p->edition, "title", "ja", p->title.ja, "en", p->title.en, "issued", p->issued, "until",
	    p->until, "publisher", p->publisher, "official", p->official, "trust",
	    guide_trust_name(p->trust), "version", p->version, "fiscal_year", p->fiscal_year);
}

static int
pack_row(struct desk *d, const struct guide_pack *p, json_t *list, struct err *e)
{
	struct desk_book b;
	int n[GUIDE_COLOURS] = {0}, r = desk_book_open(d, p, &b, e);
	json_t *o;

	if (r < 0)
		return r;
	for (size_t i = 0; i < p->items; i++)
		n[desk_judge(d, &b, &p->item[i]).colour]++;
	o = pack_head(p);
	(void)json_object_set_new(o, "items", json_integer((json_int_t)p->items));
	(void)json_object_set_new(o, "counts", desk_counts_json(n));
	if (b.inspection)
		(void)json_object_set(o, "inspection", b.inspection);
	desk_book_close(&b);
	return o && json_array_append_new(list, o) == 0 ? 0 : err_set(e, E_NOMEM, "no memory");
}

int
desk_packs(struct desk *d, json_t **ret, struct err *e)
{
	json_t *list = json_array();
	size_t n;
	const struct guide_pack *const *all = guide_packs(d->g, &n);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = pack_row(d, all[i], list, e);
	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

/* -- one pack ---------------------------------------------------------------------------------- */

static int
on_wording(const struct db_row *row, void *cookie, struct err *e)
{
	(void)e;
	(void)json_object_set_new(cookie, db_col_text(row, 0), json_string(db_col_text(row, 1)));
	return 0;
}

static int
wordings(struct desk *d, const char *pack, json_t **ret, struct err *e)
{
	*ret = json_object();
	return db_each(d->db, "SELECT item, wording FROM guide_wording WHERE pack = $1", on_wording,
	    *ret, "s", e, pack);
}

static void
add_plan(json_t *o, const struct desk_book *b, const struct guide_item *it)
{
	struct guide_plan plan;
	json_t *f;
	size_t i;

	json_array_foreach(b->findings, i, f) {
		json_t *one = json_pack("[O]", f);

		if (finding_plan_of(one, b->pack->id, it, &plan))
			(void)json_object_set(o, "plan", f);
		json_decref(one);
	}
}

json_t *
desk_item_json(struct desk *d, const struct desk_book *b, const struct guide_item *it,
    json_t *words, enum guide_colour *ret)
{
	struct guide_verdict v = desk_judge(d, b, it);
	struct guide_answer a;
	json_t *o = guide_item_json(d->g, it, &v, desk_answer_of(d, b, it, &a) ? &a : NULL);
	json_t *given = json_object_get(b->answers, it->id);

	*ret = v.colour;
	if (json_object_get(words, it->id))
		(void)json_object_set(o, "wording", json_object_get(words, it->id));
	if (given)
		(void)json_object_set(o, "given", given);
	if (it->target)
		(void)json_object_set_new(o, "target", json_string(it->target));
	if (it->basis)
		(void)json_object_set_new(o, "guideline", json_string(it->basis));
	add_plan(o, b, it);
	return o;
}

static json_t *
sections_json(const struct guide_pack *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->sections; i++)
		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "id", p->section[i].id,
		    "ja", p->section[i].title.ja, "en", p->section[i].title.en));
	return list;
}

static json_t *
sources_json(const struct guide_pack *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->sources; i++)
		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:s*}", "code",
		    p->source[i].code, "what", p->source[i].what, "where", p->source[i].where));
	return list;
}

int
desk_status_of(struct desk *d, const struct guide_pack *p, struct desk_book *b, json_t **ret,
    struct err *e)
{
	json_t *o, *items = json_array(), *words = NULL;
	int n[GUIDE_COLOURS] = {0}, r = wordings(d, p->id, &words, e);

	for (size_t i = 0; r == 0 && i < p->items; i++) {
		enum guide_colour c;

		(void)json_array_append_new(items, desk_item_json(d, b, &p->item[i], words, &c));
		n[c]++;
	}
	o = pack_head(p);
	if (p->note.ja)
		(void)json_object_set_new(o, "note", json_pack("{s:s,s:s}", "ja", p->note.ja, "en",
		    p->note.en));
	(void)json_object_set_new(o, "sections", sections_json(p));
	(void)json_object_set_new(o, "sources", sources_json(p));
	(void)json_object_set_new(o, "counts", desk_counts_json(n));
	(void)json_object_set_new(o, "items", items);
	if (b->inspection)
		(void)json_object_set(o, "inspection", b->inspection);
	json_decref(words);
	if (r == 0)
		*ret = o;
	else
		json_decref(o);
	return r;
}

int
desk_status(struct desk *d, const char *pack, json_t **ret, struct err *e)
{
	const struct guide_pack *p = guide_pack(d->g, pack);
	struct desk_book b;
	int r;

	if (!p)
		return err_set(e, E_NOENT, "there is no pack %.60s", pack);
	r = desk_book_open(d, p, &b, e);
	if (r < 0)
		return r;
	r = desk_status_of(d, p, &b, ret, e);
	desk_book_close(&b);
	return r;
}

int
desk_item(struct desk *d, const char *pack, const char *item, json_t **ret, struct err *e)
{
	const struct guide_pack *p = guide_pack(d->g, pack);
	const struct guide_item *it = p ? guide_item(p, item) : NULL;
	char subject[2 * GUIDE_ID + 2];
	struct desk_book b;
	json_t *words = NULL, *proofs = NULL, *list, *o = NULL;
	enum guide_colour c;
	int r;

	if (!it)
		return err_set(e, E_NOENT, "there is no item %.60s:%.60s", pack, item);
	r = desk_book_open(d, p, &b, e);
	if (r < 0)
		return r;
	list = json_array();
	(void)snprintf(subject, sizeof(subject), "%s:%s", pack, item);
	r = wordings(d, p->id, &words, e);
	if (r == 0)
		r = proof_list(d->db, "item", subject, &proofs, e);
	for (size_t i = 0; r == 0 && i < it->bys; i++) {
		json_t *one = NULL;

		r = desk_practice(d, it->by[i]->id, &one, e);
		if (r == 0)
			(void)json_array_append_new(list, one);
	}
	if (r == 0) {
		o = desk_item_json(d, &b, it, words, &c);
		(void)json_object_set(o, "practice_list", list);
		(void)json_object_set_new(o, "proofs", proofs);
		(void)json_object_set_new(o, "pack", json_string(pack));
		*ret = o;
	}
	json_decref(list);
	json_decref(words);
	desk_book_close(&b);
	return r;
}
