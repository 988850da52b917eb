/* One record: made, read, changed, archived. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/time.h"
#include "register/register_int.h"
#include "text/day.h"
#include "text/fold.h"

/* -- reading ----------------------------------------------------------------------------------- */

static int
take_row(const struct db_row *row, void *cookie, struct err *e)
{
	struct register_row *t = cookie;

	(void)snprintf(t->id, sizeof(t->id), "%s", db_col_text(row, 0));
	t->rev = db_col_i64(row, 1);
	t->archived = strcmp(db_col_text(row, 2), "archived") == 0;
	t->made_at = db_col_i64(row, 4);
	t->at = db_col_i64(row, 5);
	(void)snprintf(t->who, sizeof(t->who), "%s", db_col_text(row, 6));
	json_decref(t->data);
	t->data = json_loads(db_col_text(row, 3), JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(t->data))
		return err_set(e, E_CORRUPT, "record %s: its values are damaged", t->id);
	return 1;
}

int
register_load(struct db *db, const struct register_kind *k, const char *id,
    struct register_row *ret, struct err *e)
{
	int r;

	*ret = (struct register_row){0};
	r = db_each(db, "SELECT id, rev, state, data, made_at, at, who FROM records "
	    "WHERE kind = $1 AND id = $2", take_row, ret, "ss", e, k->key, id);
	if (r == 0)
		r = err_set(e, E_NOENT, "%s: there is no such record", id);
	if (r < 0) {
		json_decref(ret->data);
		ret->data = NULL;
	}
	return r < 0 ? r : 0;
}

static json_t *
split_words(const char *s)
{
	json_t *a = json_array();

	while (a && *s) {
		size_t n = strcspn(s, " ");

		(void)json_array_append_new(a, json_stringn(s, n));
		s += n + (s[n] == ' ');
	}
	return a;
}

static void
put_time(json_t *o, const char *key, int64_t us)
{
	char text[TIME_TEXT];

	time_put(text, us);
	(void)json_object_set_new(o, key, json_string(text));
}

int
register_row_json(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *values = json_loads(db_col_text(row, 5), JSON_REJECT_DUPLICATES, NULL), *o;

	if (!json_is_object(values)) {
		json_decref(values);
		return err_set(e, E_CORRUPT, "record %s: its values are damaged",
		    db_col_text(row, 1));
	}
	(void)json_object_del(values, REGISTER_NEXT);
	(void)json_object_del(values, REGISTER_NEXT_NONE);
	o = json_pack("{s:s, s:s, s:I, s:s, s:s, s:o, s:o, s:{s:s, s:s, s:s}, s:s, s:s}", "kind",
	    db_col_text(row, 0), "id", db_col_text(row, 1), "rev", (json_int_t)db_col_i64(row, 2),
	    "state", db_col_text(row, 3), "title", db_col_text(row, 4), "values", values,
	    "missing", split_words(db_col_text(row, 6)), "next", "mode", db_col_text(row, 7),
	    "date", db_col_text(row, 8), "why", db_col_text(row, 9), "made_by",
	    db_col_text(row, 11), "by", db_col_text(row, 13));
	if (!o)
		return err_set(e, E_NOMEM, "no memory for a record");
	put_time(o, "made_at", db_col_i64(row, 10));
	put_time(o, "at", db_col_i64(row, 12));
	return json_array_append_new(cookie, o) < 0 ? err_set(e, E_NOMEM, "no memory for a record")
						    : 0;
}

int
register_get(struct db *db, const struct register_kind *k, const char *id, json_t **ret,
    struct err *e)
{
	json_t *list = json_array();
	int r = db_each(db, "SELECT " REGISTER_COLUMNS "WHERE r.kind = $1 AND r.id = $2",
	    register_row_json, list, "ss", e, k->key, id);

	if (r == 0 && json_array_size(list) == 0)
		r = err_set(e, E_NOENT, "%s: there is no such record", id);
	if (r == 0)
		*ret = json_incref(json_array_get(list, 0));
	json_decref(list);
	return r;
}

/* -- values ------------------------------------------------------------------------------------ */

json_t *
register_overlay(json_t *old, json_t *given)
{
	json_t *o = json_copy(old), *v;
	const char *key;

	if (!o)
		return NULL;
	json_object_foreach(given, key, v) {
		if (*register_str(given, key))
			(void)json_object_set(o, key, v);
		else
			(void)json_object_del(o, key);
	}
	return o;
}

json_t *
register_changes(json_t *old, json_t *now)
{
	json_t *o = json_object(), *v;
	const char *key;

	json_object_foreach(old, key, v) {
		if (o && strcmp(json_string_value(v), register_str(now, key)) != 0)
			(void)json_object_set_new(o, key,
			    json_pack("[s, s]", json_string_value(v), register_str(now, key)));
	}
	json_object_foreach(now, key, v) {
		if (o && !json_object_get(old, key))
			(void)json_object_set_new(o, key,
			    json_pack("[s, s]", "", json_string_value(v)));
	}
	return o;
}

struct resolve {
	struct db *db;
	const struct register_field *f;
	json_t *problems, *out; /* out: array of ids */
	char found[REGISTER_ID];
	int n;
};

static int
take_found(const struct db_row *row, void *cookie, struct err *e)
{
	struct resolve *v = cookie;

	(void)e;
	if (v->n++ == 0)
		(void)snprintf(v->found, sizeof(v->found), "%s", db_col_text(row, 0));
	return 0;
}

/* resolve(v, word, e): An id, or the title of one record. */
static int
resolve(struct resolve *v, const char *word, struct err *e)
{
	char ja[300], en[300];
	int r;

	v->n = 0;
	r = db_each(v->db, "SELECT id FROM records WHERE kind = $1 AND id = $2", take_found, v,
	    "ss", e, v->f->ref, word);
	if (r == 0 && v->n == 0)
		r = db_each(v->db, REGISTER_BY_TITLE " LIMIT 2", take_found, v, "sss", e, v->f->ref,
		    register_kind(v->f->ref)->title, word);
	if (r < 0)
		return r;
	if (v->n == 1)
		return json_array_append_new(v->out, json_string(v->found)) < 0 ? E_NOMEM : 0;
	(void)snprintf(ja, sizeof(ja), v->n ? "「%.100s」が二つ以上あります。番号（ID）で指定してください"
	                                    : "「%.100s」は台帳（%s）にありません",
	    word, register_kind(v->f->ref)->ja);
	(void)snprintf(en, sizeof(en), v->n ? "there are several \"%.100s\"; give the id"
	                                    : "\"%.100s\" is not in the register (%s)",
	    word, register_kind(v->f->ref)->en);
	return register_problem(v->problems, v->f->key, v->n ? "ambiguous" : "reference", ja, en);
}

/* one_ref(v, value, e): The canonical value of a reference, in v->out. The parts are not cut as
 * ids, since they may be titles. */
static int
one_ref(struct resolve *v, const char *value, struct err *e)
{
	char word[1024];

	if (v->f->type == REGISTER_REF)
		return resolve(v, value, e);
	while (*value) {
		size_t n = strcspn(value, ",");
		int r;

		(void)snprintf(word, sizeof(word), "%.*s", (int)(n < 1000 ? n : 1000), value);
		r = resolve(v, word, e);
		if (r < 0)
			return r;
		value += n + (value[n] == ',');
	}
	return 0;
}

static int
join(json_t *values, const char *key, json_t *ids)
{
	struct buf b;
	json_t *id;
	size_t i;
	int r = 0;

	buf_init(&b, REGISTER_MAX_VALUE + 1);
	json_array_foreach(ids, i, id)
		if (r == 0)
			r = buf_fmt(&b, NULL, "%s%s", i ? "," : "", json_string_value(id));
	if (r == 0 && (!buf_cstr(&b, NULL) ||
	    json_object_set_new(values, key, json_string((const char *)b.p)) < 0))
		r = E_NOMEM;
	buf_free(&b);
	return r;
}

int
register_refs(struct db *db, const struct register_kind *k, json_t *values, json_t *problems,
    struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < k->nfields && r == 0; i++) {
		const struct register_field *f = &k->fields[i];
		struct resolve v = {.db = db, .f = f, .problems = problems, .out = json_array()};
		const char *value = register_str(values, f->key);

		if (f->ref && *value) {
			r = one_ref(&v, value, e);
			if (r == 0)
				r = join(values, f->key, v.out);
		}
		json_decref(v.out);
	}
	return r == E_NOMEM ? err_set(e, E_NOMEM, "no memory for a record") : r;
}

/* -- writing ----------------------------------------------------------------------------------- */

/* sortable(f, value, out, n): A text that sorts as the value does. */
static const char *
sortable(const struct register_field *f, const char *value, char *out, size_t n)
{
	if (f->type != REGISTER_INT || !*value)
		return value;
	(void)snprintf(out, n, "%012llu", strtoull(value, NULL, 10)); /* allow: tidied digits */
	return out;
}

struct row_value {
	struct db *db;
	const struct register_kind *k;
	const struct register_field *f;
	const char *id;
};

static int
put_value(const char *word, void *cookie, struct err *e)
{
	const struct row_value *v = cookie;
	char tmp[32];
	int r = db_exec(v->db, "INSERT INTO record_values (kind, record, field, value) "
	    "VALUES ($1, $2, $3, $4)", "ssss", e, v->k->key, v->id, v->f->key,
	    sortable(v->f, word, tmp, sizeof(tmp)));

	return r < 0 ? r : 0;
}

static int
put_values(struct db *db, const struct register_kind *k, const char *id, json_t *data,
    struct err *e)
{
	int r = db_exec(db, "DELETE FROM record_values WHERE kind = $1 AND record = $2", "ss", e,
	    k->key, id);

	for (size_t i = 0; i < k->nfields && r >= 0; i++) {
		struct row_value v = {db, k, &k->fields[i], id};
		const char *value = register_str(data, v.f->key);

		if (v.f->type == REGISTER_CHOICES || v.f->type == REGISTER_REFS)
			r = register_words(value, put_value, &v, e);
		else if (*value && v.f->type != REGISTER_LONG)
			r = put_value(value, &v, e);
	}
	return r < 0 ? r : 0;
}

struct texts { /* what a row holds beside its values */
	struct buf sort, search, missing;
	char *data;
};

static void
texts_free(struct texts *t)
{
	buf_free(&t->sort);
	buf_free(&t->search);
	buf_free(&t->missing);
	free(t->data);
}

static int
search_text(struct buf *b, const struct register_kind *k, json_t *data, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < k->nfields && r == 0; i++) {
		const struct register_field *f = &k->fields[i];
		const struct register_choice *c;
		const char *value = register_str(data, f->key);

		if (!*value)
			continue;
		c = f->type == REGISTER_CHOICE ? register_choice(f, value) : NULL;
		r = text_fold(b, c ? c->ja : value, e);
		if (r == 0)
			r = buf_str(b, "\n", e);
	}
	return r;
}

static int
texts_make(struct texts *t, const struct register_kind *k, const char *id, json_t *data,
    struct err *e)
{
	const struct register_field *by = k->reading ? register_field(k, k->reading) : NULL;
	char tmp[32];
	int r = 0;

	buf_init(&t->sort, 8192);
	buf_init(&t->search, 1 << 20);
	buf_init(&t->missing, 4096);
	if (by && *register_str(data, by->key))
		r = text_fold(&t->sort, sortable(by, register_str(data, by->key), tmp,
		    sizeof(tmp)), e);
	if (r == 0 && t->sort.len > 0)
		r = buf_str(&t->sort, "\x1f", e);
	if (r == 0)
		r = text_fold(&t->sort, register_str(data, k->title), e);
	if (r == 0)
		r = text_fold(&t->search, id, e);
	if (r == 0)
		r = buf_str(&t->search, "\n", e);
	if (r == 0)
		r = search_text(&t->search, k, data, e);
	for (size_t i = 0; i < k->nfields && r == 0; i++) {
		const struct register_field *f = &k->fields[i];
		const char *value = register_str(data, f->key);

		/* "not known" is an answer, and still to be found out */
		if (f->wanted && (!*value || strcmp(value, "unknown") == 0))
			r = buf_fmt(&t->missing, e, "%s%s", t->missing.len ? " " : "", f->key);
	}
	t->data = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);
	if (r == 0 && (!t->data || !buf_cstr(&t->sort, e) || !buf_cstr(&t->search, e) ||
	    !buf_cstr(&t->missing, e)))
		r = err_set(e, E_NOMEM, "no memory for a record");
	return r;
}

int
register_note_rev(struct db *db, const struct register_kind *k, const char *id, int64_t rev,
    const struct register_who *who, const char *how, const char *note, json_t *changes,
    struct err *e)
{
	char *text = json_dumps(changes, JSON_COMPACT | JSON_SORT_KEYS);
	int r = text ? db_exec(db,
			   "INSERT INTO record_revs (kind, record, rev, at, who, how, note, "
			   "changes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			   "ssiissss", e, k->key, id, rev, who->now, who->who, how, note, text)
		     : err_set(e, E_NOMEM, "no memory for a record");

	free(text);
	return r < 0 ? r : 0;
}

/* new_id(db, k, ret, e): The next number of the kind that is free. */
static int
new_id(struct db *db, const struct register_kind *k, char ret[REGISTER_ID], struct err *e)
{
	for (int tries = 0; tries < 1000; tries++) {
		int64_t n = 0, there = 0;
		int r = db_exec(db, "INSERT INTO record_numbers (kind, last) VALUES ($1, 1) "
		    "ON CONFLICT (kind) DO UPDATE SET last = record_numbers.last + 1", "s", e,
		    k->key);

		if (r >= 0)
			r = db_i64(db, "SELECT last FROM record_numbers WHERE kind = $1", &n, "s",
			    e, k->key);
		if (r < 0)
			return r;
		(void)snprintf(ret, REGISTER_ID, "%s-%04lld", k->prefix, (long long)n);
		r = db_i64(db, "SELECT count(*) FROM records WHERE kind = $1 AND id = $2", &there,
		    "ss", e, k->key, ret);
		if (r < 0 || there == 0)
			return r;
	}
	return err_set(e, E_LIMIT, "no free number for a record");
}

int
register_room(struct db *db, const struct register_kind *k, int64_t more, struct err *e)
{
	int64_t n = 0;
	int r = db_i64(db, "SELECT count(*) FROM records WHERE kind = $1", &n, "s", e, k->key);

	if (r == 0 && n + more > REGISTER_MAX_RECORDS)
		r = err_set(e, E_LIMIT, "more than %d records of one kind", REGISTER_MAX_RECORDS);
	return r;
}

int
register_put_new(struct db *db, const struct register_kind *k, const char *id,
    json_t *values, const struct register_who *who, const char *note,
    char ret_id[REGISTER_ID], struct err *e)
{
	AUTO(texts_free) struct texts t = {0};
	json_t *none = json_object(), *data, *changes;
	struct register_next next;
	int r = 0;

	if (k->single)
		id = k->single;
	if (r == 0 && id && !register_id_ok(id))
		r = err_set(e, E_INVAL, "an id has small letters, digits, '.', '_', '-'");
	if (r == 0 && id)
		(void)snprintf(ret_id, REGISTER_ID, "%s", id);
	else if (r == 0)
		r = new_id(db, k, ret_id, e);
	data = register_overlay(none, values);
	changes = register_changes(none, data);
	json_decref(none);
	if (r == 0)
		r = texts_make(&t, k, ret_id, data, e);
	register_next(k, data, who->today, &next);
	if (r == 0)
		r = db_exec(db, "INSERT INTO records (kind, id, rev, state, title, sort, search, "
		    "data, missing, next_mode, next_date, next_why, made_at, made_who, at, who) "
		    "VALUES ($1, $2, 1, 'live', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $11, "
		    "$12)", "ssssssssssis", e, k->key, ret_id, register_str(data, k->title),
		    (char *)t.sort.p, (char *)t.search.p, t.data, (char *)t.missing.p, next.mode,
		    next.date, next.why, who->now, who->who);
	if (r == E_EXIST)
		r = err_set(e, E_EXIST, "%s: there is such a record already", ret_id);
	if (r >= 0)
		r = put_values(db, k, ret_id, data, e);
	if (r >= 0)
		r = register_note_rev(db, k, ret_id, 1, who, "add", note, changes, e);
	json_decref(data);
	json_decref(changes);
	return r;
}

int
register_put(struct db *db, const struct register_kind *k, const struct register_row *old,
    json_t *data, const struct register_who *who, const char *note, struct err *e)
{
	AUTO(texts_free) struct texts t = {0};
	json_t *changes = register_changes(old->data, data);
	char made[DAY_TEXT];
	struct register_next next;
	int r;

	if (json_object_size(changes) == 0) {
		json_decref(changes);
		return 0;
	}
	day_local(old->made_at, made);
	register_next(k, data, made, &next);
	r = texts_make(&t, k, old->id, data, e);
	if (r == 0)
		r = db_exec(db, "UPDATE records SET rev = rev + 1, title = $3, sort = $4, "
		    "search = $5, data = $6, missing = $7, next_mode = $8, next_date = $9, "
		    "next_why = $10, at = $11, who = $12 WHERE kind = $1 AND id = $2",
		    "ssssssssssis", e, k->key, old->id, register_str(data, k->title),
		    (char *)t.sort.p, (char *)t.search.p, t.data, (char *)t.missing.p, next.mode,
		    next.date, next.why, who->now, who->who);
	if (r >= 0)
		r = put_values(db, k, old->id, data, e);
	if (r >= 0)
		r = register_note_rev(db, k, old->id, old->rev + 1, who, "edit", note, changes, e);
	json_decref(changes);
	return r < 0 ? r : 1;
}

/* -- the public calls -------------------------------------------------------------------------- */

struct call {
	const struct register_kind *k;
	const char *id;
	int64_t rev;
	json_t *tidy;
	const struct register_who *who;
	bool archive;
	const char *why;
	/* results */
	char *ret_id;
	int64_t ret_rev;
	json_t *problems, *conflict;
};

static int
problems_found(json_t *problems, struct err *e)
{
	json_t *p = json_array_get(problems, 0);

	return err_set(e, E_INVAL, "%s: %s", register_str(p, "field"), register_str(p, "en"));
}

/* resolved(db, c, ret, e): The values with references as ids; E_INVAL when there are problems. */
static int
resolved(struct db *db, struct call *c, json_t **ret, struct err *e)
{
	json_t *values = json_copy(c->tidy);
	int r;

	json_decref(c->problems);
	c->problems = json_array();
	if (!values || !c->problems) {
		json_decref(values);
		return err_set(e, E_NOMEM, "no memory for a record");
	}
	r = register_refs(db, c->k, values, c->problems, e);
	if (r == 0 && json_array_size(c->problems) > 0)
		r = problems_found(c->problems, e);
	if (r == 0)
		*ret = values;
	else
		json_decref(values);
	return r;
}

static int
add_tx(struct db *db, void *cookie, struct err *e)
{
	struct call *c = cookie;
	json_t *values;
	int r = register_room(db, c->k, 1, e);

	if (r == 0)
		r = resolved(db, c, &values, e);
	if (r < 0)
		return r;
	r = register_put_new(db, c->k, c->id, values, c->who, "", c->ret_id, e);
	json_decref(values);
	return r < 0 ? r : 0;
}

/* hand_over(c, r, ret_problems): The problems to the caller when that is why. */
static void
hand_over(struct call *c, int r, json_t **ret_problems)
{
	if (r == E_INVAL && ret_problems && json_array_size(c->problems) > 0)
		*ret_problems = c->problems;
	else
		json_decref(c->problems);
	c->problems = NULL;
}

static int
tidied(const struct register_kind *k, json_t *values, bool partial, json_t **ret,
    json_t **ret_problems, struct err *e)
{
	json_t *problems = NULL;
	int r = register_tidy(k, values, partial, ret, &problems);

	if (r == E_NOMEM)
		return err_set(e, r, "no memory for a record");
	if (r < 0) {
		(void)problems_found(problems, e);
		json_decref(*ret);
	}
	if (r < 0 && ret_problems)
		*ret_problems = problems;
	else
		json_decref(problems);
	return r;
}

int
register_add(struct db *db, const struct register_kind *k, const char *id, json_t *values,
    const struct register_who *who, char ret_id[REGISTER_ID], json_t **ret_problems,
    struct err *e)
{
	struct call c = {.k = k, .id = id, .who = who, .ret_id = ret_id};
	json_t *tidy;
	int r;

	if (ret_problems)
		*ret_problems = NULL;
	r = tidied(k, values, false, &tidy, ret_problems, e);
	if (r < 0)
		return r;
	c.tidy = tidy;
	r = db_tx(db, add_tx, &c, e);
	hand_over(&c, r, ret_problems);
	json_decref(tidy);
	return r;
}

/* value_now(o, key): As shown in a conflict. */
static int
conflict_field(json_t *fields, const char *key, json_t *base, json_t *theirs,
    json_t *mine)
{
	const char *b = register_str(base, key), *t = register_str(theirs, key);
	const char *m = register_str(mine, key);
	json_t *f;

	if (strcmp(b, t) == 0 && strcmp(b, m) == 0)
		return 0;
	f = json_pack("{s:s, s:s, s:s, s:s}", "field", key, "base", b, "theirs", t, "mine", m);
	return f && json_array_append_new(fields, f) == 0 ? 0 : E_NOMEM;
}

static int
conflict(struct db *db, struct call *c, const struct register_row *now, json_t *given,
    struct err *e)
{
	json_t *base, *mine, *fields = json_array(), *o;
	int r = register_at(db, c->k, c->id, c->rev, &base, e);

	if (r < 0) {
		json_decref(fields);
		return r;
	}
	mine = register_overlay(base, given);
	for (size_t i = 0; i < c->k->nfields && r == 0; i++)
		r = conflict_field(fields, c->k->fields[i].key, base, now->data, mine);
	if (r == 0)
		r = conflict_field(fields, REGISTER_NEXT, base, now->data, mine);
	if (r == 0)
		r = conflict_field(fields, REGISTER_NEXT_NONE, base, now->data, mine);
	o = json_pack("{s:I, s:s, s:o}", "rev", (json_int_t)now->rev, "by", now->who, "fields",
	    fields);
	if (o)
		put_time(o, "at", now->at);
	json_decref(c->conflict);
	c->conflict = o;
	json_decref(base);
	json_decref(mine);
	return err_set(e, E_BUSY, "%s: %s saved revision %lld before", c->id, now->who,
	    (long long)now->rev);
}

static int
set_tx(struct db *db, void *cookie, struct err *e)
{
	struct call *c = cookie;
	struct register_row now = {0};
	json_t *given = NULL, *data;
	int r = register_load(db, c->k, c->id, &now, e);

	if (r == 0)
		r = resolved(db, c, &given, e);
	if (r == 0 && now.rev != c->rev)
		r = conflict(db, c, &now, given, e);
	if (r == 0) {
		data = register_overlay(now.data, given);
		r = data ? register_put(db, c->k, &now, data, c->who, "", e)
			 : err_set(e, E_NOMEM, "no memory for a record");
		json_decref(data);
		c->ret_rev = now.rev + (r > 0);
	}
	json_decref(given);
	json_decref(now.data);
	return r < 0 ? r : 0;
}

int
register_set(struct db *db, const struct register_kind *k, const char *id, int64_t rev,
    json_t *values, const struct register_who *who, int64_t *ret_rev, json_t **ret_conflict,
    json_t **ret_problems, struct err *e)
{
	struct call c = {.k = k, .id = id, .rev = rev, .who = who};
	json_t *tidy;
	int r;

	if (ret_problems)
		*ret_problems = NULL;
	if (ret_conflict)
		*ret_conflict = NULL;
	r = tidied(k, values, true, &tidy, ret_problems, e);
	if (r < 0)
		return r;
	c.tidy = tidy;
	r = db_tx(db, set_tx, &c, e);
	if (r == 0)
		*ret_rev = c.ret_rev;
	if (r == E_BUSY && ret_conflict)
		*ret_conflict = c.conflict;
	else
		json_decref(c.conflict);
	hand_over(&c, r, ret_problems);
	json_decref(tidy);
	return r;
}

static int
archive_tx(struct db *db, void *cookie, struct err *e)
{
	struct call *c = cookie;
	const char *to = c->archive ? "archived" : "live", *was = c->archive ? "live" : "archived";
	struct register_row now = {0};
	json_t *changes;
	int r = register_load(db, c->k, c->id, &now, e);

	json_decref(now.data);
	if (r < 0)
		return r;
	if (now.rev != c->rev)
		return err_set(e, E_BUSY, "%s: %s saved revision %lld before", c->id, now.who,
		    (long long)now.rev);
	if (now.archived == c->archive)
		return err_set(e, E_INVAL, "%s: it is %s already", c->id, to);
	r = db_exec(db, "UPDATE records SET state = $3, rev = rev + 1, at = $4, who = $5 "
	    "WHERE kind = $1 AND id = $2", "sssis", e, c->k->key, c->id, to, c->who->now,
	    c->who->who);
	changes = json_pack("{s:[s, s]}", "_state", was, to);
	if (r >= 0)
		r = register_note_rev(db, c->k, c->id, now.rev + 1, c->who,
		    c->archive ? "archive" : "restore", c->why, changes, e);
	json_decref(changes);
	return r;
}

int
register_archive(struct db *db, const struct register_kind *k, const char *id, int64_t rev,
    bool archive, const char *why, const struct register_who *who, struct err *e)
{
	struct call c = {.k = k, .id = id, .rev = rev, .archive = archive, .why = why ? why : "",
	    .who = who};

	if (k->single)
		return err_set(e, E_INVAL, "%s: the only record of its kind stays", id);
	return db_tx(db, archive_tx, &c, e);
}
