/* Several records in one transaction: a form with many rows is saved whole or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "register/register_int.h"

struct batch {
	json_t *items;
	const struct register_who *who;
	db_tx_fn *after;
	void *cookie;
	bool clash; /* somebody else changed the same */
	json_t *ids, *problems;
};

static int
problem(struct batch *b, size_t item, const char *field, const char *code, const char *ja,
    const char *en)
{
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:s}", "item", (json_int_t)item, "field", field,
	    "code", code, "ja", ja, "en", en);

	return o && json_array_append_new(b->problems, o) == 0 ? 0 : E_NOMEM;
}

/* named(b, kind, id): Whether an item names that record, or took it before. */
static bool
named(const struct batch *b, const char *kind, const char *id)
{
	json_t *o;
	size_t i;

	json_array_foreach(b->items, i, o) {
		const char *mine = register_str(o, "id");

		if (!*mine && i < json_array_size(b->ids))
			mine = json_string_value(json_array_get(b->ids, i));
		if (strcmp(register_str(o, "kind"), kind) == 0 && strcmp(mine, id) == 0)
			return true;
	}
	return false;
}

struct same {
	const struct batch *b;
	const struct register_kind *k;
	json_t *item, *values;
	char id[REGISTER_ID];
};

static int
take_same(const struct db_row *row, void *cookie, struct err *e)
{
	struct same *s = cookie;
	json_t *data = json_loads(db_col_text(row, 1), JSON_REJECT_DUPLICATES, NULL), *f;
	bool same = data && !named(s->b, s->k->key, db_col_text(row, 0));
	size_t i;

	(void)e;
	json_array_foreach(json_object_get(s->item, "same"), i, f) {
		const char *key = json_string_value(f);

		same = same && strcmp(register_str(data, key), register_str(s->values, key)) == 0;
	}
	json_decref(data);
	if (same)
		(void)snprintf(s->id, sizeof(s->id), "%s", db_col_text(row, 0));
	return same;
}

/* find(db, b, k, item, values, ret, e): The record that a new item stands for already: what is sent
 * twice is there once. "" when there is none. */
static int
find(struct db *db, const struct batch *b, const struct register_kind *k, json_t *item,
    json_t *values, char ret[REGISTER_ID], struct err *e)
{
	struct same s = {.b = b, .k = k, .item = item, .values = values};
	int64_t there = 0;
	int r = 0;

	if (k->single) {
		r = db_i64(db, "SELECT count(*) FROM records WHERE kind = $1 AND id = $2", &there,
		    "ss", e, k->key, k->single);
		if (there)
			(void)snprintf(s.id, sizeof(s.id), "%s", k->single);
	} else if (json_object_get(item, "same"))
		r = db_each(db, REGISTER_BY_TITLE, take_same, &s, "sss", e, k->key, k->title,
		    register_str(values, k->title));
	(void)snprintf(ret, REGISTER_ID, "%s", s.id);
	return r < 0 ? r : 0;
}

/* earlier(b, k, values): The reference "@N" becomes the id of item N. */
static int
earlier(const struct batch *b, const struct register_kind *k, json_t *values, struct err *e)
{
	json_t *v;
	const char *key;
	void *tmp;

	json_object_foreach_safe(values, tmp, key, v) {
		const struct register_field *f = register_field(k, key);
		const char *s = json_string_value(v);
		uint64_t n;

		if (!f || !f->ref || !s || s[0] != '@' || num_parse_u64(s + 1, 10000, &n, NULL) < 0)
			continue;
		if (n >= json_array_size(b->ids))
			return err_set(e, E_INVAL, "an item refers to a later one");
		(void)json_object_set(values, key, json_array_get(b->ids, (size_t)n));
	}
	return 0;
}

/* tidy(b, db, k, i, item, partial, ret, e): The item's values in canonical form, references as ids.
 * What is wrong is a problem; then ${ret} is NULL. */
static int
tidy(struct batch *b, struct db *db, const struct register_kind *k, size_t i, json_t *item,
    bool partial, json_t **ret, struct err *e)
{
	json_t *values = json_copy(json_object_get(item, "values")), *good = NULL, *bad = NULL, *p;
	size_t n;
	int r = values ? earlier(b, k, values, e) : err_set(e, E_NOMEM, "no memory for a record");

	*ret = NULL;
	if (r == 0)
		r = register_tidy(k, values, partial, &good, &bad);
	json_decref(values);
	if (r < 0 && r != E_INVAL)
		return err_set(e, r, "no memory for a record");
	if (!bad)
		return r;
	r = register_refs(db, k, good, bad, e);
	json_array_foreach(bad, n, p)
		if (r == 0)
			r = problem(b, i, register_str(p, "field"), register_str(p, "code"),
			    register_str(p, "ja"), register_str(p, "en"));
	if (r == 0 && json_array_size(bad) == 0)
		*ret = json_incref(good);
	json_decref(good);
	json_decref(bad);
	return r;
}

/* clash(b, i, key, theirs): Another person changed this field since the form was made. */
static int
clash(struct batch *b, const struct register_kind *k, size_t i, const char *key,
    const char *theirs)
{
	const struct register_field *f = register_field(k, key);
	char ja[400], en[400], word[200] = "―";

	b->clash = true;
	if (f && *theirs)
		register_show(f, theirs, NULL, true, word, sizeof(word));
	(void)snprintf(ja, sizeof(ja), "ほかの人が先に「%s」に変えました。もう一度保存すると、ここにある内容になります", word);
	if (f && *theirs)
		register_show(f, theirs, NULL, false, word, sizeof(word));
	(void)snprintf(en, sizeof(en),
	    "somebody changed this to \"%s\" meanwhile; saving again makes it what stands here",
	    word);
	return problem(b, i, key, "changed", ja, en);
}

/* mine(b, db, k, i, item, now, values, e): Drop what whoever typed did not change, and what only
 * fills gaps where there is none; the rest must not cross another's change. */
static int
mine(struct batch *b, struct db *db, const struct register_kind *k, size_t i, json_t *item,
    const struct register_row *now, json_t *values, struct err *e)
{
	int64_t rev = json_integer_value(json_object_get(item, "rev"));
	bool fill = json_is_true(json_object_get(item, "fill"));
	json_t *base = NULL, *v;
	const char *key;
	void *tmp;
	int r = rev ? register_at(db, k, now->id, rev, &base, e) : 0;

	json_object_foreach_safe(values, tmp, key, v) {
		const char *want = register_str(values, key), *is = register_str(now->data, key);
		const char *was = register_str(base, key);

		if (r < 0)
			break;
		if ((fill && *is) || (rev && strcmp(want, was) == 0) || strcmp(want, is) == 0)
			(void)json_object_del(values, key);
		else if (rev && rev != now->rev && strcmp(is, was) != 0)
			r = clash(b, k, i, key, is);
	}
	json_decref(base);
	return r;
}

static int
change(struct batch *b, struct db *db, const struct register_kind *k, size_t i, json_t *item,
    const char *id, struct err *e)
{
	struct register_row now = {0};
	json_t *values = NULL, *data;
	int r = register_load(db, k, id, &now, e);

	if (r == 0)
		r = tidy(b, db, k, i, item, true, &values, e);
	if (r == 0 && values)
		r = mine(b, db, k, i, item, &now, values, e);
	if (r == 0 && values && json_array_size(b->problems) == 0) {
		data = register_overlay(now.data, values);
		r = data ? register_put(db, k, &now, data, b->who, "", e)
			 : err_set(e, E_NOMEM, "no memory for a record");
		json_decref(data);
	}
	json_decref(values);
	json_decref(now.data);
	return r < 0 ? r : 0;
}

static int
add(struct batch *b, struct db *db, const struct register_kind *k, size_t i, json_t *item,
    char id[REGISTER_ID], struct err *e)
{
	json_t *values = NULL;
	int r = register_room(db, k, 1, e);

	if (r == 0)
		r = tidy(b, db, k, i, item, false, &values, e);
	if (r == 0 && values)
		r = find(db, b, k, item, values, id, e);
	if (r == 0 && values && *id)
		r = change(b, db, k, i, item, id, e);
	else if (r == 0 && values && json_array_size(b->problems) == 0)
		r = register_put_new(db, k, NULL, values, b->who, "", id, e);
	json_decref(values);
	return r < 0 ? r : 0;
}

static int
batch_tx(struct db *db, void *cookie, struct err *e)
{
	struct batch *b = cookie;
	json_t *item;
	size_t i;
	int r = 0;

	(void)json_array_clear(b->ids); /* may be run again */
	(void)json_array_clear(b->problems);
	b->clash = false;
	json_array_foreach(b->items, i, item) {
		const struct register_kind *k = register_kind(register_str(item, "kind"));
		char id[REGISTER_ID] = "";

		(void)snprintf(id, sizeof(id), "%s", register_str(item, "id"));
		if (r == 0 && !k)
			r = err_set(e, E_NOENT, "no such register");
		if (r == 0)
			r = *id ? change(b, db, k, i, item, id, e) : add(b, db, k, i, item, id, e);
		if (r == 0 && json_array_append_new(b->ids, json_string(id)) < 0)
			r = E_NOMEM;
	}
	if (r == 0 && json_array_size(b->problems) > 0)
		r = err_set(e, b->clash ? E_BUSY : E_INVAL, "%s",
		    register_str(json_array_get(b->problems, 0), "en"));
	if (r == 0 && b->after)
		r = b->after(db, b->cookie, e);
	return r == E_NOMEM ? err_set(e, E_NOMEM, "no memory for the records") : r;
}

int
register_batch(struct db *db, json_t *items, const struct register_who *who, db_tx_fn *after,
    void *cookie, json_t *ids, json_t **ret_problems, struct err *e)
{
	struct batch b = {.items = items, .who = who, .after = after, .cookie = cookie, .ids = ids,
	    .problems = json_array()};
	int r = json_array_size(items) > REGISTER_BATCH
	    ? err_set(e, E_LIMIT, "more than %d records at once", REGISTER_BATCH)
	    : db_tx(db, batch_tx, &b, e);

	*ret_problems = NULL;
	if ((r == E_INVAL || r == E_BUSY) && json_array_size(b.problems) > 0)
		*ret_problems = b.problems;
	else
		json_decref(b.problems);
	return r;
}
