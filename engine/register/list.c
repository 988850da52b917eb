/* Lists, counts, and the words for values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/num.h"
#include "base/utf8.h"
#include "register/register_int.h"
#include "text/fold.h"

/* -- titles ------------------------------------------------------------------------------------ */

struct titles {
	struct db *db;
	json_t *out;
	const struct register_field *f;
	const char *key;
};

static int
take_title(const struct db_row *row, void *cookie, struct err *e)
{
	struct titles *t = cookie;

	(void)e;
	(void)json_object_set_new(t->out, t->key, json_string(db_col_text(row, 0)));
	return 1;
}

static int
one_title(const char *id, void *cookie, struct err *e)
{
	struct titles *t = cookie;
	char key[2 * REGISTER_ID + 2];
	int r;

	(void)snprintf(key, sizeof(key), "%s/%s", t->f->ref, id);
	if (json_object_get(t->out, key))
		return 0;
	t->key = key;
	r = db_each(t->db, "SELECT title FROM records WHERE kind = $1 AND id = $2", take_title, t,
	    "ss", e, t->f->ref, id);
	return r < 0 ? r : 0;
}

static int
add_titles(struct db *db, const struct register_kind *k, json_t *record, json_t *out,
    struct err *e)
{
	json_t *values = json_object_get(record, "values");
	struct titles t = {.db = db, .out = out};
	int r = 0;

	for (size_t i = 0; i < k->nfields && r == 0; i++) {
		t.f = &k->fields[i];
		if (t.f->ref)
			r = register_words(register_str(values, t.f->key), one_title, &t, e);
	}
	return r;
}

int
register_titles(struct db *db, const struct register_kind *k, json_t *record, json_t **ret,
    struct err *e)
{
	json_t *out = json_object();
	int r = add_titles(db, k, record, out, e);

	if (r == 0)
		*ret = out;
	else
		json_decref(out);
	return r;
}

/* -- lists ------------------------------------------------------------------------------------- */

/* like(text, b, e): A pattern that finds the folded text anywhere; "" finds everything. */
static int
like(const char *text, struct buf *b, struct err *e)
{
	struct buf folded;
	int r;

	if (!text || !*text)
		return buf_cstr(b, e) ? 0 : E_NOMEM;
	buf_init(&folded, 4096);
	r = text_fold(&folded, text, e);
	if (r == 0)
		r = buf_u8(b, '%', e);
	for (size_t i = 0; i < folded.len && r == 0; i++) {
		unsigned char c = folded.p[i];

		if (c == '%' || c == '_' || c == '\\')
			r = buf_u8(b, '\\', e);
		if (r == 0)
			r = buf_u8(b, c, e);
	}
	if (r == 0)
		r = buf_u8(b, '%', e);
	buf_free(&folded);
	return r == 0 && !buf_cstr(b, e) ? E_NOMEM : r;
}

struct terms {
	const char *state, *day;
	const char *field[REGISTER_FILTERS], *value[REGISTER_FILTERS];
	char number[REGISTER_FILTERS][16];
	struct buf pattern;
};

/* The conditions of a query, always with the same arguments: $1 kind, $2 state, $3 pattern, $4 day,
 * then field and value of each filter. What is not asked for is left out, so that a plain list is
 * read in the order of an index and its rows are counted there; its argument, which is empty, still
 * stands in the text. */
static int
where(const struct terms *t, struct buf *b, struct err *e)
{
	int r = buf_fmt(b, e, "WHERE r.kind = $1 AND %s AND %s AND %s",
	    *t->state ? "r.state = $2" : "$2 = ''",
	    t->pattern.len ? "r.search LIKE $3 ESCAPE '\\'" : "$3 = ''",
	    *t->day ? "(r.missing <> '' OR (r.next_date <> '' AND r.next_date < $4))" : "$4 = ''");

	for (size_t i = 0; i < REGISTER_FILTERS && r == 0; i++) {
		unsigned f = (unsigned)(5 + 2 * i), v = f + 1;

		if (!*t->field[i])
			r = buf_fmt(b, e, " AND $%u = '' AND $%u = ''", f, v);
		else if (*t->value[i])
			r = buf_fmt(b, e, " AND EXISTS (SELECT 1 FROM record_values v WHERE v.kind "
			    "= r.kind AND v.record = r.id AND v.field = $%u AND v.value = $%u)", f,
			    v);
		else
			r = buf_fmt(b, e, " AND $%u = '' AND NOT EXISTS (SELECT 1 FROM "
			    "record_values v WHERE v.kind = r.kind AND v.record = r.id AND "
			    "v.field = $%u)", v, f);
	}
	return r;
}

#define WHERE_TYPES "ssssssssssss"

#define WHERE_ARGS(k, t)                                                                           \
	(k)->key, (t)->state, (const char *)(t)->pattern.p, (t)->day, (t)->field[0],               \
	    (t)->value[0], (t)->field[1], (t)->value[1], (t)->field[2], (t)->value[2],             \
	    (t)->field[3], (t)->value[3]

static int
terms_make(struct terms *t, const struct register_kind *k, const struct register_query *q,
    struct err *e)
{
	t->state = q->state == REGISTER_LIVE ? "live"
	    : q->state == REGISTER_ARCHIVED  ? "archived"
					     : "";
	t->day = q->attention ? q->attention : "";
	buf_init(&t->pattern, 16384);
	for (size_t i = 0; i < REGISTER_FILTERS; i++) {
		const char *field = q->filter[i].field, *value = q->filter[i].value;
		const struct register_field *f = field && *field ? register_field(k, field) : NULL;
		uint64_t n;

		t->field[i] = f ? f->key : "";
		t->value[i] = f && value ? value : "";
		if (field && *field && (!f || f->type == REGISTER_LONG))
			return err_set(e, E_INVAL, "%.64s: no field to filter by", field);
		if (f && f->type == REGISTER_INT &&
		    num_parse_u64(t->value[i], 999999999, &n, NULL) == 0) {
			(void)snprintf(t->number[i], sizeof(t->number[i]), "%012llu",
			    (unsigned long long)n);
			t->value[i] = t->number[i];
		}
	}
	return like(q->text, &t->pattern, e);
}

/* order_by(k, q, e): One of a fixed set of texts, or NULL. */
static const char *
order_by(const struct register_kind *k, const struct register_query *q, struct err *e)
{
	static const struct {
		const char *name, *up, *down;
	} t[] = {
		{"", "r.sort, r.id", "r.sort DESC, r.id DESC"},
		{"id", "r.id", "r.id DESC"},
		{"at", "r.at, r.id", "r.at DESC, r.id DESC"},
		{"next", "CASE r.next_date WHEN '' THEN 1 ELSE 0 END, r.next_date, r.sort, r.id",
		    "r.next_date DESC, r.sort, r.id"},
	};
	const char *sort = q->sort ? q->sort : "";

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (strcmp(sort, t[i].name) == 0)
			return q->down ? t[i].down : t[i].up;
	if (register_field(k, sort))
		return q->down ? "s.value DESC, r.sort DESC, r.id DESC"
			       : "coalesce(s.value, ''), r.sort, r.id";
	(void)err_set(e, E_INVAL, "%.64s: no field to sort by", sort);
	return NULL;
}

static int
read_page(struct db *db, const struct register_kind *k, const struct register_query *q,
    const struct terms *t, json_t *records, struct err *e)
{
	const char *order = order_by(k, q, e);
	bool by_field = q->sort && register_field(k, q->sort);
	struct buf sql;
	int r;

	if (!order)
		return E_INVAL;
	buf_init(&sql, 8192);
	r = buf_fmt(&sql, e, "SELECT " REGISTER_COLUMNS "%s", by_field
		? "LEFT JOIN (SELECT record, min(value) AS value FROM record_values WHERE kind = "
		  "$1 AND field = $15 GROUP BY record) s ON s.record = r.id " : "");
	if (r == 0)
		r = where(t, &sql, e);
	if (r == 0)
		r = buf_fmt(&sql, e, " ORDER BY %s LIMIT $13 OFFSET $14", order);
	if (r == 0 && !buf_cstr(&sql, e))
		r = E_NOMEM;
	if (r == 0 && by_field)
		r = db_each(db, (const char *)sql.p, register_row_json, records,
		    WHERE_TYPES "iis", e, WHERE_ARGS(k, t), q->limit ? q->limit : 50, q->offset,
		    q->sort);
	else if (r == 0)
		r = db_each(db, (const char *)sql.p, register_row_json, records, WHERE_TYPES "ii",
		    e, WHERE_ARGS(k, t), q->limit ? q->limit : 50, q->offset);
	buf_free(&sql);
	return r;
}

static int
count(struct db *db, const struct register_kind *k, const struct terms *t, int64_t *ret,
    struct err *e)
{
	struct buf sql;
	int r;

	buf_init(&sql, 8192);
	r = buf_str(&sql, "SELECT count(*) FROM records r ", e);
	if (r == 0)
		r = where(t, &sql, e);
	if (r == 0 && !buf_cstr(&sql, e))
		r = E_NOMEM;
	if (r == 0)
		r = db_i64(db, (const char *)sql.p, ret, WHERE_TYPES, e, WHERE_ARGS(k, t));
	buf_free(&sql);
	return r;
}

int
register_list(struct db *db, const struct register_kind *k, const struct register_query *q,
    json_t **ret, struct err *e)
{
	json_t *records = json_array(), *titles = json_object(), *one;
	struct terms t = {0};
	int64_t total = 0;
	size_t i;
	int r = records && titles ? terms_make(&t, k, q, e) : err_set(e, E_NOMEM, "no memory");

	if (r == 0 && (q->limit < 0 || q->limit > REGISTER_MAX_PAGE || q->offset < 0))
		r = err_set(e, E_INVAL, "no such part of the list");
	if (r == 0)
		r = count(db, k, &t, &total, e);
	if (r == 0)
		r = read_page(db, k, q, &t, records, e);
	json_array_foreach(records, i, one)
		if (r == 0)
			r = add_titles(db, k, one, titles, e);
	buf_free(&t.pattern);
	if (r < 0) {
		json_decref(records);
		json_decref(titles);
		return r;
	}
	*ret = json_pack("{s:o, s:I, s:I, s:I, s:o}", "records", records, "total",
	    (json_int_t)total, "offset", (json_int_t)q->offset, "limit",
	    (json_int_t)(q->limit ? q->limit : 50), "titles", titles);
	return *ret ? 0 : err_set(e, E_NOMEM, "no memory for a list");
}

int
register_counts(struct db *db, const char *today, json_t **ret, struct err *e)
{
	json_t *out = json_array();
	size_t n;
	const struct register_kind *k = register_kinds(&n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		int64_t live = 0, attention = 0, overdue = 0;

		r = db_i64(db, "SELECT count(*) FROM records WHERE kind = $1 AND state = 'live'",
		    &live, "s", e, k[i].key);
		if (r == 0)
			r = db_i64(db, "SELECT count(*) FROM records WHERE kind = $1 AND "
			    "state = 'live' AND (missing <> '' OR (next_date <> '' AND "
			    "next_date < $2))", &attention, "ss", e, k[i].key, today);
		if (r == 0)
			r = db_i64(db, "SELECT count(*) FROM records WHERE kind = $1 AND "
			    "state = 'live' AND next_date <> '' AND next_date < $2", &overdue,
			    "ss", e, k[i].key, today);
		if (r == 0 && json_array_append_new(out, json_pack("{s:s, s:I, s:I, s:I}", "kind",
		    k[i].key, "live", (json_int_t)live, "attention", (json_int_t)attention,
		    "overdue", (json_int_t)overdue)) < 0)
			r = err_set(e, E_NOMEM, "no memory for the counts");
	}
	if (r == 0)
		*ret = out;
	else
		json_decref(out);
	return r;
}

/* -- what refers to a record ------------------------------------------------------------------- */

static int
take_backref(const struct db_row *row, void *cookie, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "kind", db_col_text(row, 0), "id",
	    db_col_text(row, 1), "title", db_col_text(row, 2), "field", db_col_text(row, 3));

	return o && json_array_append_new(cookie, o) == 0 ? 0
							  : err_set(e, E_NOMEM, "no memory");
}

int
register_backrefs(struct db *db, const char *kind, const char *id, json_t **ret, struct err *e)
{
	json_t *out = json_array();
	size_t n;
	const struct register_kind *k = register_kinds(&n);
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < k[i].nfields && r == 0; j++) {
			const struct register_field *f = &k[i].fields[j];

			if (f->ref && strcmp(f->ref, kind) == 0)
				r = db_each(db, "SELECT r.kind, r.id, r.title, v.field FROM "
				    "record_values v JOIN records r ON r.kind = v.kind AND "
				    "r.id = v.record WHERE v.kind = $1 AND v.field = $2 AND "
				    "v.value = $3 AND r.state = 'live' ORDER BY r.sort, r.id "
				    "LIMIT 500", take_backref, out, "sss", e, k[i].key, f->key, id);
		}
	}
	if (r == 0)
		*ret = out;
	else
		json_decref(out);
	return r;
}

/* -- words ------------------------------------------------------------------------------------- */

struct show {
	const struct register_field *f;
	json_t *titles;
	bool ja;
	struct buf *out;
};

static int
show_word(const char *word, void *cookie, struct err *e)
{
	const struct show *s = cookie;
	const struct register_choice *c;
	char key[2 * REGISTER_ID + 2];
	const char *text = word;

	if (s->f->ref) {
		(void)snprintf(key, sizeof(key), "%s/%s", s->f->ref, word);
		text = register_str(s->titles, key);
		text = *text ? text : word;
	} else if ((c = register_choice(s->f, word))) {
		text = s->ja ? c->ja : c->en;
	}
	return buf_fmt(s->out, e, "%s%s", s->out->len ? (s->ja ? "、" : ", ") : "", text);
}

void
register_show(const struct register_field *f, const char *value, json_t *titles, bool ja,
    char *out, size_t n)
{
	bool words = f->nchoices > 0 || f->ref;
	struct buf b;
	struct show s = {f, titles, ja, &b};
	size_t len;

	buf_init(&b, 1 << 16);
	if (words && register_words(value, show_word, &s, NULL) == 0 && buf_cstr(&b, NULL))
		value = (const char *)b.p;
	len = (size_t)utf8_cut(value, n - 1);
	(void)memcpy(out, value, len);
	out[len] = 0;
	buf_free(&b);
}
