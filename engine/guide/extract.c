#include "guide/extract.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/desk_int.h"

enum { GOOD_MAX = 6 };

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void
give(json_t *list, json_t *o)
{
	(void)json_array_append_new(list, o);
}

/* -- checklist --------------------------------------------------------------------------------- */

static json_t *
round_json(const json_t *given, const char *round)
{
	json_t *a = json_object_get(json_object_get(given, "rounds"), round);

	if (!a || json_is_true(json_object_get(a, "carried")))
		return json_object();
	return json_pack("{s:s,s:s}", "answer", text(a, "value"), "date", text(a, "confirmed"));
}

static json_t *
item_json(const json_t *it)
{
	json_t *given = json_object_get(it, "given");
	const char *words = text(it, "wording");

	return json_pack("{s:s,s:s,s:o,s:s,s:o,s:s,s:s,s:b}", "ref", text(it, "ref"), "text",
	    *words ? words : text(it, "ja"), "first", round_json(given, "1"), "target",
	    text(given, "target"), "second", round_json(given, "2"), "mark", text(it, "verdict"),
	    "reason", text(it, "reason"), "declared",
	    json_is_true(json_object_get(it, "declared_only")));
}

int
extract_checklist(struct desk *d, const char *pack, json_t **ret, struct err *e)
{
	json_t *st = NULL, *s, *it, *sections = json_array();
	size_t i, k;
	int r = desk_status(d, pack, &st, e);

	json_array_foreach(json_object_get(st, "sections"), i, s) {
		json_t *items = json_array();

		json_array_foreach(json_object_get(st, "items"), k, it)
			if (strcmp(text(it, "section"), text(s, "id")) == 0)
				give(items, item_json(it));
		give(sections, json_pack("{s:s,s:o}", "title", text(s, "ja"), "items", items));
	}
	if (r == 0)
		*ret = json_pack("{s:s,s:s,s:s,s:O}", "title",
		    text(json_object_get(st, "title"), "ja"), "edition", text(st, "edition"),
		    "note", text(json_object_get(st, "note"), "ja"), "sections", sections);
	json_decref(sections);
	json_decref(st);
	return r;
}

/* -- what is not so ---------------------------------------------------------------------------- */

static const char *
state_ja(const char *s)
{
	static const char *const words[][2] = {{"open", "計画なし"}, {"planned", "承認待ち"},
	    {"approved", "承認済み"}, {"done", "済"}, {"dropped", "やめた"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i][0], s) == 0)
			return words[i][1];
	return s;
}

static const char *
answer_target(const json_t *it)
{
	return text(json_object_get(it, "given"), "target");
}

int
extract_plan(struct desk *d, const char *pack, json_t **ret, struct err *e)
{
	json_t *st = NULL, *findings = NULL, *v, *list = json_array();
	size_t i;
	int r = finding_list(d->db, false, &findings, e);

	json_array_foreach(findings, i, v)
		give(list, json_pack("{s:s,s:s++,s:s,s:s,s:s}", "ref", text(v, "item"), "what",
		    text(v, "title"), *text(v, "plan") ? " → " : "", text(v, "plan"), "who",
		    text(v, "owner"), "due", text(v, "due"), "state", state_ja(text(v, "state"))));
	if (r == 0)
		r = desk_status(d, pack, &st, e);
	json_array_foreach(json_object_get(st, "items"), i, v) {
		const char *colour = text(v, "verdict");

		if ((strcmp(colour, "red") != 0 && strcmp(colour, "grey") != 0) ||
		    json_object_get(v, "plan"))
			continue;
		give(list, json_pack("{s:s,s:s++,s:s,s:s,s:s}", "ref", text(v, "ref"), "what",
		    text(v, "ja"), "／", text(v, "reason"), "who", "", "due", answer_target(v),
		    "state", strcmp(colour, "red") == 0 ? "これから" : "確かめる"));
	}
	json_decref(findings);
	json_decref(st);
	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

/* -- vendors, documents, minutes --------------------------------------------------------------- */

int
extract_vendors(struct desk *d, json_t **ret, struct err *e)
{
	static const char *const words[][2] = {{"draft", "これから送る"}, {"sent", "返事待ち"},
	    {"answered", "受け取った"}, {"closed", "閉じた"}};
	json_t *all = NULL, *v, *list = json_array();
	size_t i;
	int r = request_list(d->db, true, &all, e);

	json_array_foreach(all, i, v) {
		const char *state = text(v, "state"), *at = text(v, "answered_at");

		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			if (strcmp(words[k][0], state) == 0)
				state = words[k][1];
		if (*text(v, "form"))
			give(list, json_pack("{s:s,s:s,s:s,s:s}", "name", text(v, "vendor_name"),
			    "systems", text(v, "form"), "state", state, "date",
			    *at ? at : text(v, "due")));
	}
	json_decref(all);
	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

int
extract_documents(struct desk *d, json_t **ret, struct err *e)
{
	json_t *all = NULL, *v, *list = json_array();
	size_t i;
	int r = proof_list(d->db, "practice", NULL, &all, e);

	json_array_foreach(all, i, v) {
		const struct guide_practice *p = guide_practice(d->g, text(v, "subject"));

		if (p)
			give(list, json_pack("{s:s++,s:s,s:s,s:s}", "title", p->title.ja, "／",
			    text(v, "title"), "version", text(v, "expires"), "date",
			    text(v, "effective"), "by", text(v, "who")));
	}
	json_decref(all);
	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

int
extract_minutes(struct desk *d, json_t **ret, struct err *e)
{
	json_t *all = NULL, *v, *list = json_array();
	size_t i;
	int r = finding_reviews(d->db, &all, e);

	json_array_foreach(all, i, v)
		give(list, json_pack("{s:s,s:s++,s:s}", "date", text(v, "held"), "members",
		    text(v, "chair"), *text(v, "present") ? "、" : "", text(v, "present"), "text",
		    text(v, "minutes")));
	json_decref(all);
	if (r == 0)
		*ret = list;
	else
		json_decref(list);
	return r;
}

/* -- what to do -------------------------------------------------------------------------------- */

static json_t *
measure_json(const struct guide_practice *p)
{
	json_t *how = json_array();

	for (size_t i = 0; i < p->steps; i++)
		give(how, json_string(p->step[i].ja));
	return json_pack("{s:s,s:s,s:o,s:i,s:s}", "title", p->title.ja, "why", p->why.ja, "how",
	    how,
	    "minutes", p->minutes, "who", guide_who(p->who).ja);
}

int
extract_measures(struct desk *d, size_t n, json_t **ret, struct err *e)
{
	struct guide_next_input in = {.in = desk_input(d)};
	struct guide_next got[GUIDE_PRACTICES];
	size_t have = guide_next(d->g, &in, got, n < ARRAY_LEN(got) ? n : ARRAY_LEN(got));

	*ret = json_array();
	for (size_t i = 0; i < have; i++)
		give(*ret, measure_json(got[i].practice));
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory for a paper");
}

int
extract_drills(struct desk *d, json_t **ret, struct err *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct fact *f = &d->facts[i];
		bool damage = strcmp(f->check, "vault.ransomware.drill") == 0;
		char at[TIME_TEXT], mark[32];
		json_t *o;

		(void)snprintf(mark, sizeof(mark), "#%llu", (unsigned long long)f->seq);
		if (!damage && strcmp(f->check, "vault.restore.drill") != 0)
			continue;
		time_put(at, f->at);
		o = json_pack("{s:s,s:s,s:s,s:b,s:s}", "date", at, "kind",
		    damage ? "暗号化被害からの回復" : "復元", "system", f->id, "ok",
		    f->outcome == FACT_PASS, "mark", mark);
		for (const char *const *k = (const char *const[]){"files", "seconds", "mismatch",
		    NULL}; o && *k; k++)
			if (json_object_get(f->observed, *k))
				(void)json_object_set(o, *k, json_object_get(f->observed, *k));
		give(list, o);
	}
	*ret = list;
	return list ? 0 : err_set(e, E_NOMEM, "no memory for a paper");
}

static json_t *
pillar(const json_t *counts, const char *key, const char *ja)
{
	const json_t *n = json_object_get(counts, key);
	int red = (int)json_integer_value(json_object_get(n, "red"));
	int grey = (int)json_integer_value(json_object_get(n, "grey"));
	int yellow = (int)json_integer_value(json_object_get(n, "yellow"));
	int green = (int)json_integer_value(json_object_get(n, "green"));
	char words[120];

	(void)snprintf(words, sizeof(words), "緑 %d・黄 %d・灰 %d・赤 %d", green, yellow, grey, red);
	return json_pack("{s:s,s:s,s:s}", "title", ja, "mark", red ? "red" : grey ? "grey"
	    : yellow ? "yellow" : "green", "text", words);
}

static json_t *
good_json(struct desk *d)
{
	struct guide_input in = desk_input(d);
	json_t *list = json_array();
	size_t n;
	const struct guide_practice *const *all = guide_practices(d->g, &n);

	for (size_t i = 0; i < n && json_array_size(list) < GOOD_MAX; i++)
		if (guide_judge_practice(all[i], &in, NULL).colour == GUIDE_GREEN)
			give(list, json_string(all[i]->title.ja));
	return list;
}

int
extract_morning(struct desk *d, json_t **ret, struct err *e)
{
	json_t *next = NULL, *counts = NULL, *v, *also = json_array(), *pillars = json_array();
	const struct guide_practice *p;
	size_t i;
	int r = desk_next(d, false, &next, e);

	if (r == 0)
		r = desk_counts(d, &counts, e);
	json_array_foreach(json_object_get(next, "more"), i, v)
		give(also, json_string(text(json_object_get(v, "title"), "ja")));
	give(pillars, pillar(counts, "organisational", "組織"));
	give(pillars, pillar(counts, "physical", "物理"));
	give(pillars, pillar(counts, "human", "人"));
	give(pillars, pillar(counts, "technical", "技術"));
	p = r == 0 ? guide_practice(d->g, text(json_object_get(next, "next"), "id")) : NULL;
	if (r == 0)
		*ret = json_pack("{s:s,s:s,s:o*,s:O,s:o,s:O}", "sentence",
		    text(json_object_get(next, "sentence"), "ja"), "mark",
		    p ? text(json_object_get(next, "next"), "verdict") : "green", "action",
		    p ? measure_json(p) : NULL, "also", also, "good", good_json(d), "pillars",
		    pillars);
	json_decref(next);
	json_decref(counts);
	json_decref(also);
	json_decref(pillars);
	return r;
}

int
extract_letter(struct desk *d, int64_t request, json_t **ret, struct err *e)
{
	json_t *q = NULL, *form = NULL;
	const struct guide_practice *p;
	const struct guide_pack *pack;
	int r = request_get(d->db, request, &q, e);

	if (r < 0)
		return r;
	p = guide_practice(d->g, text(q, "practice"));
	pack = guide_pack(d->g, text(q, "form"));
	if (pack) {
		json_t *items = json_array();

		for (size_t i = 0; i < pack->items; i++)
			give(items, json_pack("{s:s,s:s}", "ref", pack->item[i].ref, "text",
			    pack->item[i].text.ja));
		form = json_pack("{s:s,s:o}", "title", pack->title.ja, "items", items);
	}
	*ret = json_pack("{s:{s:s},s:s,s:s,s:O,s:{s:s,s:s,s:s,s:s},s:o*}", "to", "company",
	    text(q, "vendor_name"), "date", d->today, "due", text(q, "due"), "chase",
	    json_object_get(q, "chased"), "item", "text", p ? p->title.ja : text(q, "subject"),
	    "plain", p && p->ask.ja ? p->ask.ja : "", "reason", p ? p->why.ja : "", "ask",
	    p && p->ask.ja ? p->ask.ja : text(q, "subject"), "form", form);
	json_decref(q);
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory for a paper");
}
