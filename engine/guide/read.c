/* Packs and practices from JSON. Everything that is not known, missing or too long is an error with
 * its place; nothing is guessed. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "guide/guide_int.h"

enum { TEXT_MAX = 2000, LINKS_MAX = 200 };

struct from { /* where we are, for messages */
	struct guide *g;
	const char *what; /* id of the pack or practice */
	char at[96];
	struct err *e;
};

static int
bad(struct from *f, const char *why)
{
	return err_set(f->e, E_INVAL, "%s: %s: %s", f->what, f->at, why);
}

static const char *
keep(struct from *f, const char *s, size_t n)
{
	const char *p = arena_dup(&f->g->mem, s, n);

	if (!p)
		(void)err_set(f->e, E_NOMEM, "no memory for packs");
	return p;
}

/* A text of at most ${max} bytes under ${key}; ${must}: it has to be there. */
static int
get_str(struct from *f, json_t *o, const char *key, size_t max, bool must, const char **ret)
{
	json_t *v = json_object_get(o, key);

	(void)snprintf(f->at, sizeof(f->at), "%s", key);
	*ret = NULL;
	if (!v)
		return must ? bad(f, "is missing") : 0;
	if (!json_is_string(v) || json_string_length(v) == 0)
		return bad(f, "is not a text");
	if (json_string_length(v) > max)
		return bad(f, "is too long");
	for (const char *s = json_string_value(v); *s; s++)
		if ((unsigned char)*s < 0x20)
			return bad(f, "holds a control character");
	*ret = keep(f, json_string_value(v), json_string_length(v));
	return *ret ? 0 : E_NOMEM;
}

static int
get_id(struct from *f, json_t *o, const char *key, const char **ret)
{
	int r = get_str(f, o, key, GUIDE_ID - 1, true, ret);

	for (const char *s = r == 0 ? *ret : ""; *s; s++) {
		bool fine = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		    (*s >= '0' && *s <= '9') || strchr("-._", *s);

		if (!fine || (s == *ret && *s == '.'))
			return bad(f, "may hold letters, digits, - . _ only");
	}
	return r;
}

static int
get_text(struct from *f, json_t *o, const char *key, bool must, struct guide_text *ret)
{
	json_t *v = json_object_get(o, key);
	int r;

	(void)snprintf(f->at, sizeof(f->at), "%s", key);
	*ret = (struct guide_text){0};
	if (!v)
		return must ? bad(f, "is missing") : 0;
	if (!json_is_object(v))
		return bad(f, "is not {\"ja\", \"en\"}");
	r = get_str(f, v, "ja", TEXT_MAX, true, &ret->ja);
	return r < 0 ? r : get_str(f, v, "en", TEXT_MAX, true, &ret->en);
}

static int
get_int(struct from *f, json_t *o, const char *key, int lo, int hi, int otherwise, int *ret)
{
	json_t *v = json_object_get(o, key);

	(void)snprintf(f->at, sizeof(f->at), "%s", key);
	*ret = otherwise;
	if (!v)
		return otherwise < lo ? bad(f, "is missing") : 0;
	if (!json_is_integer(v) || json_integer_value(v) < lo || json_integer_value(v) > hi)
		return bad(f, "is not a number in its range");
	*ret = (int)json_integer_value(v);
	return 0;
}

static int
get_word(struct from *f, json_t *o, const char *key, const char *const *words, size_t n, int *ret)
{
	const char *s = json_string_value(json_object_get(o, key));

	(void)snprintf(f->at, sizeof(f->at), "%s", key);
	for (size_t i = 0; s && i < n; i++) {
		if (strcmp(words[i], s) == 0) {
			*ret = (int)i;
			return 0;
		}
	}
	return bad(f, "is not a known word");
}

/* "2026-11-22" */
static int
get_day(struct from *f, json_t *o, const char *key, bool must, const char **ret)
{
	char text[TIME_TEXT];
	int64_t us;
	int r = get_str(f, o, key, 10, must, ret);

	if (r < 0 || !*ret)
		return r;
	(void)snprintf(text, sizeof(text), "%sT00:00:00Z", *ret);
	return strlen(*ret) == 10 && time_get(text, &us, NULL) == 0 ? 0 : bad(f, "is not a day");
}

/* Array under ${key}; NULL where there is none. ${max} elements. */
static int
get_array(struct from *f, json_t *o, const char *key, size_t max, json_t **ret)
{
	json_t *v = json_object_get(o, key);

	(void)snprintf(f->at, sizeof(f->at), "%s", key);
	*ret = v;
	if (v && !json_is_array(v))
		return bad(f, "is not a list");
	return json_array_size(v) > max ? bad(f, "is too long") : 0;
}

static void *
room(struct from *f, size_t n, size_t size)
{
	void *p = arena_alloc(&f->g->mem, (n ? n : 1) * size);

	if (!p)
		(void)err_set(f->e, E_NOMEM, "no memory for packs");
	return p;
}

/* -- packs ------------------------------------------------------------------------------------- */

static int
read_sections(struct from *f, json_t *o, struct guide_pack *p)
{
	json_t *list, *v;
	size_t i;
	int r = get_array(f, o, "sections", GUIDE_ITEMS, &list);

	if (r < 0)
		return r;
	p->section = room(f, json_array_size(list), sizeof(*p->section));
	if (!p->section)
		return E_NOMEM;
	json_array_foreach(list, i, v) {
		struct guide_section *s = &p->section[p->sections++];

		r = get_id(f, v, "id", &s->id);
		if (r == 0)
			r = get_str(f, v, "ja", TEXT_MAX, true, &s->title.ja);
		if (r == 0)
			r = get_str(f, v, "en", TEXT_MAX, true, &s->title.en);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
read_sources(struct from *f, json_t *o, struct guide_pack *p)
{
	json_t *list, *v;
	size_t i;
	int r = get_array(f, o, "sources", GUIDE_ITEMS, &list);

	if (r < 0)
		return r;
	p->source = room(f, json_array_size(list), sizeof(*p->source));
	if (!p->source)
		return E_NOMEM;
	json_array_foreach(list, i, v) {
		struct guide_source *s = &p->source[p->sources++];

		r = get_id(f, v, "code", &s->code);
		if (r == 0)
			r = get_str(f, v, "what", TEXT_MAX, true, &s->what);
		if (r == 0)
			r = get_str(f, v, "where", TEXT_MAX, false, &s->where);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
read_section_of(struct from *f, json_t *o, const struct guide_pack *p, struct guide_item *it)
{
	const char *s = json_string_value(json_object_get(o, "section"));

	for (size_t i = 0; s && i < p->sections; i++)
		if (strcmp(p->section[i].id, s) == 0)
			it->section = &p->section[i];
	(void)snprintf(f->at, sizeof(f->at), "%s section", it->id);
	return it->section ? 0 : bad(f, "is not a section of this pack");
}

static int
read_item_practices(struct from *f, json_t *o, const struct guide_pack *p, struct guide_item *it)
{
	json_t *list, *v;
	size_t i;
	int r = get_array(f, o, "practices", GUIDE_ANSWERED_BY, &list);

	if (r < 0)
		return r;
	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v);

		if (!s || strlen(s) >= GUIDE_ID)
			return bad(f, "is not the id of a practice");
		s = keep(f, s, strlen(s));
		r = s ? guide_note_name(f->g, p->id, it->id, s, f->e) : E_NOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static int
read_item_more(struct from *f, json_t *o, struct guide_item *it)
{
	int r = get_text(f, o, "plain", false, &it->plain);

	if (r == 0)
		r = get_str(f, o, "source", TEXT_MAX, false, &it->source);
	if (r == 0)
		r = get_str(f, o, "target", 200, false, &it->target);
	if (r == 0)
		r = get_str(f, o, "basis", 200, false, &it->basis);
	if (r == 0)
		r = get_str(f, o, "if", GUIDE_ID - 1, false, &it->cond);
	if (r == 0 && json_object_get(o, "was"))
		r = get_id(f, o, "was", &it->was);
	return r;
}

/* ["C", "S"] to "CS" */
static int
read_bands(struct from *f, json_t *o, struct guide_item *it)
{
	char bands[8] = "";
	json_t *list, *v;
	size_t i, n = 0;
	int r = get_array(f, o, "bands", 4, &list);

	if (r < 0 || !list)
		return r;
	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v);

		if (!s || strlen(s) != 1 || !strchr("CSML", *s))
			return bad(f, "holds something other than C S M L");
		bands[n++] = *s;
	}
	it->bands = keep(f, bands, n);
	return it->bands ? 0 : E_NOMEM;
}

static int
read_item(struct from *f, json_t *o, const struct guide_pack *p, struct guide_item *it)
{
	static const char *const levels[] = {"must", "should", "gate", "info"};
	static const char *const marks[] = {"found", "found-draft", "memory-high", "memory-med",
	    "memory-low", "derived", "official"};
	int level = 0, mark = 0, r = get_id(f, o, "id", &it->id);

	if (r == 0)
		r = read_section_of(f, o, p, it);
	if (r == 0)
		r = get_str(f, o, "ref", 100, true, &it->ref);
	if (r == 0)
		r = get_word(f, o, "level", levels, ARRAY_LEN(levels), &level);
	if (r == 0)
		r = get_str(f, o, "ja", TEXT_MAX, true, &it->text.ja);
	if (r == 0)
		r = get_str(f, o, "en", TEXT_MAX, true, &it->text.en);
	if (r == 0)
		r = get_word(f, o, "mark", marks, ARRAY_LEN(marks), &mark);
	if (r == 0)
		r = read_item_more(f, o, it);
	if (r == 0)
		r = read_bands(f, o, it);
	if (r == 0)
		r = read_item_practices(f, o, p, it);
	it->level = (enum guide_level)level;
	it->mark = marks[mark];
	return r;
}

static int
read_items(struct from *f, json_t *o, struct guide_pack *p)
{
	json_t *list, *v;
	size_t i;
	int r = get_array(f, o, "items", GUIDE_ITEMS, &list);

	if (r < 0)
		return r;
	if (json_array_size(list) == 0)
		return bad(f, "is empty");
	p->item = room(f, json_array_size(list), sizeof(*p->item));
	if (!p->item)
		return E_NOMEM;
	json_array_foreach(list, i, v) {
		struct guide_item *it = &p->item[i];

		r = read_item(f, v, p, it);
		if (r < 0)
			return r == E_INVAL && it->id ? err_wrap(f->e, "item %s", it->id) : r;
		if (guide_item(p, it->id))
			return err_set(f->e, E_INVAL, "%s: item %s is there twice", p->id, it->id);
		p->items++;
	}
	return 0;
}

static int
read_pack_head(struct from *f, json_t *o, struct guide_pack *p)
{
	static const char *const kinds[] = {"guideline", "checklist", "inspection", "vendor",
	    "self-check"};
	int kind = 0, r = get_word(f, o, "kind", kinds, ARRAY_LEN(kinds), &kind);

	p->kind = kinds[kind];
	if (r == 0)
		r = get_str(f, o, "edition", 40, true, &p->edition);
	if (r == 0)
		r = get_text(f, o, "title", true, &p->title);
	if (r == 0)
		r = get_text(f, o, "note", false, &p->note);
	if (r == 0)
		r = get_day(f, o, "issued", true, &p->issued);
	if (r == 0)
		r = get_day(f, o, "until", false, &p->until);
	if (r == 0)
		r = get_str(f, o, "publisher", 200, true, &p->publisher);
	if (r == 0)
		r = get_str(f, o, "official", 500, false, &p->official);
	if (r == 0)
		r = get_int(f, o, "version", 1, 100000, 1, &p->version);
	if (r == 0)
		r = get_int(f, o, "fiscal_year", 0, 3000, 0, &p->fiscal_year);
	if (r == 0)
		r = get_str(f, o, "family", GUIDE_ID - 1, false, &p->family);
	if (r == 0 && !p->family)
		p->family = p->id;
	return r;
}

int
guide_read_pack(struct guide *g, json_t *o, struct guide_pack **ret, struct err *e)
{
	struct from f = {.g = g, .what = "pack", .e = e};
	struct guide_pack *p = room(&f, 1, sizeof(*p));
	int r = p ? get_id(&f, o, "id", &p->id) : E_NOMEM;

	if (r < 0)
		return r;
	f.what = p->id;
	r = read_pack_head(&f, o, p);
	if (r == 0)
		r = read_sections(&f, o, p);
	if (r == 0)
		r = read_sources(&f, o, p);
	if (r == 0)
		r = read_items(&f, o, p);
	if (r == 0)
		*ret = p;
	return r;
}

/* -- practices --------------------------------------------------------------------------------- */

static int
read_check(struct from *f, json_t *o, struct guide_check *c)
{
	const char *need = NULL, *watch = NULL;
	int r = get_str(f, o, "need", 95, false, &need);

	if (r == 0)
		r = get_str(f, o, "watch", 95, false, &watch);
	if (r == 0)
		r = get_str(f, o, "until", 95, false, &c->until);
	if (r < 0)
		return r;
	if (!need == !watch)
		return bad(f, "one of need and watch, please");
	c->name = need ? need : watch;
	c->watch = watch != NULL;
	c->row = checks_find(c->name);
	return checks_name_ok(c->name) && (!c->until || checks_name_ok(c->until)) ? 0
	    : bad(f, "is not the name of a check");
}

static int
read_checks(struct from *f, json_t *o, struct guide_practice *p)
{
	json_t *list, *v;
	size_t i;
	int r = get_array(f, o, "checks", GUIDE_CHECKS, &list);

	if (r < 0)
		return r;
	json_array_foreach(list, i, v) {
		r = read_check(f, v, &p->check[p->checks++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
read_steps(struct from *f, json_t *o, struct guide_practice *p)
{
	json_t *list, *v;
	size_t i;
	int r = get_array(f, o, "steps", GUIDE_STEPS, &list);

	if (r < 0)
		return r;
	if (json_array_size(list) == 0)
		return bad(f, "is empty");
	json_array_foreach(list, i, v) {
		struct guide_text *t = &p->step[p->steps++];

		r = get_str(f, v, "ja", TEXT_MAX, true, &t->ja);
		if (r == 0)
			r = get_str(f, v, "en", TEXT_MAX, true, &t->en);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "pack:item" */
static int
read_answers(struct from *f, json_t *o, const struct guide_practice *p)
{
	json_t *list, *v;
	size_t i;
	int r = get_array(f, o, "answers", LINKS_MAX, &list);

	if (r < 0)
		return r;
	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v), *colon = s ? strchr(s, ':') : NULL;
		const char *pack, *item;

		if (!colon || colon == s || !colon[1] || strlen(s) >= (size_t)2 * GUIDE_ID)
			return bad(f, "is not pack:item");
		pack = keep(f, s, (size_t)(colon - s));
		item = keep(f, colon + 1, strlen(colon + 1));
		if (!pack || !item)
			return E_NOMEM;
		r = guide_note_link(f->g, p, pack, item, f->e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
read_practice_head(struct from *f, json_t *o, struct guide_practice *p)
{
	static const char *const proofs[] = {"measure", "paper", "word"};
	static const char *const whos[] = {"director", "clerk", "staff", "zone", "vendor"};
	static const char *const cats[] = {"organisational", "physical", "technical", "human"};
	int proof = 0, who = 0, cat = 0,
	    r = get_word(f, o, "category", cats, ARRAY_LEN(cats), &cat);

	if (r == 0)
		r = get_id(f, o, "family", &p->family);
	if (r == 0)
		r = get_text(f, o, "title", true, &p->title);
	if (r == 0)
		r = get_text(f, o, "why", true, &p->why);
	if (r == 0)
		r = get_text(f, o, "ask", false, &p->ask);
	if (r == 0)
		r = get_int(f, o, "impact", 1, 10, 0, &p->impact);
	if (r == 0)
		r = get_int(f, o, "minutes", 1, 600, 0, &p->minutes);
	if (r == 0)
		r = get_int(f, o, "days", 1, 3660, 0, &p->days);
	if (r == 0)
		r = get_word(f, o, "who", whos, ARRAY_LEN(whos), &who);
	if (r == 0)
		r = get_word(f, o, "proof", proofs, ARRAY_LEN(proofs), &proof);
	p->category = (enum guide_category)cat;
	p->proof = (enum guide_proof)proof;
	p->who = whos[who];
	return r;
}

int
guide_read_practice(struct guide *g, json_t *o, struct guide_practice **ret, struct err *e)
{
	struct from f = {.g = g, .what = "practice", .e = e};
	struct guide_practice *p = room(&f, 1, sizeof(*p));
	char declared[GUIDE_ID + 16];
	int r = p ? get_id(&f, o, "id", &p->id) : E_NOMEM;

	if (r < 0)
		return r;
	f.what = p->id;
	(void)snprintf(declared, sizeof(declared), "practice.%s", p->id);
	if (!checks_name_ok(declared))
		return bad(&f, "is not fit for a check name (lower-case words)");
	p->declared = keep(&f, declared, strlen(declared));
	r = p->declared ? read_practice_head(&f, o, p) : E_NOMEM;
	if (r == 0)
		r = read_checks(&f, o, p);
	if (r == 0)
		r = read_steps(&f, o, p);
	if (r == 0)
		r = read_answers(&f, o, p);
	if (r == 0)
		*ret = p;
	return r;
}
