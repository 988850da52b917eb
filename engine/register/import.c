#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "register/exchange.h"
#include "register/match.h"
#include "register/register_int.h"
#include "text/fold.h"

enum {
	SAMPLE = 160,     /* bytes of a value that is shown beside its heading */
	SHOW_CELL = 2000, /* bytes of a value in the first rows */
};

#define FIELD_ID REGISTER_FIELD_ID

struct import {
	const struct register_kind *k;
	const struct table *t;
	const struct register_import *how;
	const struct register_who *who;
	struct register_match match; /* which column is which field */
	/* of one attempt */
	json_t *problems, *conflicts, *warnings, *preview, *later;
	json_t *missing; /* required field that has no column: how many rows needed it */
	json_t *made;    /* ids of the records that were added */
	int64_t nproblems, nconflicts, rows, added, updated, merged, unchanged, skipped;
	const struct table_row *row;
	const char *action;
};

/* -- the columns ------------------------------------------------------------------------------- */

/* sample(m, c, o): Of a column: some of its values, and how many it has. */
static void
sample(const struct import *m, size_t c, json_t *o)
{
	json_t *values = json_array();
	json_int_t n = 0;

	for (size_t i = m->match.head + 1; i < table_rows(m->t); i++) {
		const char *s = table_cell(table_row(m->t, i), c);
		char text[SAMPLE];

		n += *s != 0;
		if (!*s || json_array_size(values) >= REGISTER_PREVIEW)
			continue;
		register_match_label(s, text, sizeof(text));
		(void)json_array_append_new(values, json_string(text));
	}
	(void)json_object_set_new(o, "values", values);
	(void)json_object_set_new(o, "filled", json_integer(n));
}

static json_t *
columns(const struct import *m)
{
	json_t *out = json_array(), *o;
	const struct table_row *head = table_row(m->t, m->match.head);
	char label[REGISTER_LABEL];

	for (size_t c = 0; c < m->match.n; c++) {
		const struct register_match_col *col = &m->match.col[c];

		register_match_label(table_cell(head, c), label, sizeof(label));
		o = json_pack("{s:I, s:s, s:s, s:s, s:s}", "column", (json_int_t)(c + 1), "label",
		    label, "field", col->field ? col->field : "", "how",
		    register_how_name(col->how), "guess", col->guess ? col->guess : "");
		sample(m, c, o);
		(void)json_array_append_new(out, o);
	}
	return out;
}

/* heads(m): The rows that could be the heading: {"row","text"}. */
static json_t *
heads(const struct import *m)
{
	json_t *out = json_array();

	for (size_t i = 0; i < table_rows(m->t) && i < REGISTER_HEADS; i++) {
		const struct table_row *row = table_row(m->t, i);
		char text[SAMPLE] = "", cell[48];
		size_t at = 0;

		for (size_t c = 0; c < row->n && at + sizeof(cell) + 4 < sizeof(text); c++) {
			register_match_label(table_cell(row, c), cell, sizeof(cell));
			if (*cell)
				at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
				    at ? " / " : "", cell);
		}
		(void)json_array_append_new(out, json_pack("{s:I, s:s}", "row",
		    (json_int_t)row->no, "text", text));
	}
	return out;
}

/* missing(m): The required fields that no column gives and that rows needed. */
static json_t *
missing(const struct import *m)
{
	json_t *out = json_array();

	for (size_t i = 0; i < m->k->nfields; i++)
		if (json_object_get(m->missing, m->k->fields[i].key))
			(void)json_array_append_new(out, json_pack("{s:s, s:O}", "field",
			    m->k->fields[i].key, "rows",
			    json_object_get(m->missing, m->k->fields[i].key)));
	return out;
}

/* -- what is said about rows ------------------------------------------------------------------- */

static size_t
column_of(const struct import *m, const char *field)
{
	return (size_t)(register_match_col(&m->match, field) + 1);
}

/* shorten(values): Texts as a page shows them; a cell may be very long. */
static void
shorten(json_t *values)
{
	const char *key;
	json_t *v;

	json_object_foreach(values, key, v) {
		const char *s = json_string_value(v);
		char text[SHOW_CELL + 8];

		if (!s || strlen(s) < SHOW_CELL)
			continue;
		(void)snprintf(text, sizeof(text), "%.*s…", utf8_cut(s, SHOW_CELL), s);
		(void)json_object_set_new(values, key, json_string(text));
	}
}

static void
say(struct import *m, json_t *list, int64_t *count, const char *field, const char *code,
    const char *ja, const char *en)
{
	size_t col = column_of(m, field);
	json_t *p;

	if (count)
		++*count;
	if (json_array_size(list) >= REGISTER_SAID)
		return;
	p = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s}", "row", (json_int_t)m->row->no,
	    "column", (json_int_t)col, "field", field, "value",
	    col ? table_cell(m->row, col - 1) : register_str(m->how->fill, field), "code", code,
	    "ja", ja, "en", en);
	shorten(p);
	(void)json_array_append_new(list, p);
}

/* lacks(m, field): A row needed a required field that no column gives. */
static void
lacks(struct import *m, const char *field)
{
	json_int_t n = json_integer_value(json_object_get(m->missing, field));

	m->nproblems += n == 0;
	(void)json_object_set_new(m->missing, field, json_integer(n + 1));
}

static void
say_all(struct import *m, json_t *problems)
{
	json_t *p;
	size_t i;

	json_array_foreach(problems, i, p) {
		const char *field = register_str(p, "field");

		/* a column that is not there is said once, not in each row */
		if (strcmp(register_str(p, "code"), "required") == 0 && column_of(m, field) == 0)
			lacks(m, field);
		else
			say(m, m->problems, &m->nproblems, field, register_str(p, "code"),
			    register_str(p, "ja"), register_str(p, "en"));
	}
	m->action = "problem";
}

static void
say_conflict(struct import *m, const char *id, const char *why, const char *by, json_t *fields)
{
	json_t *f;
	size_t i;

	m->nconflicts++;
	m->action = "conflict";
	json_array_foreach(fields, i, f)
		shorten(f);
	if (json_array_size(m->conflicts) < REGISTER_SAID)
		(void)json_array_append_new(m->conflicts, json_pack("{s:I, s:s, s:s, s:s, s:o}",
		    "row", (json_int_t)m->row->no, "id", id, "why", why, "by", by, "fields",
		    fields));
	else
		json_decref(fields);
}

/* lost_zero(m, values): A spreadsheet that opened a CSV file has eaten zeros. */
static void
lost_zero(struct import *m, json_t *values)
{
	for (size_t i = 0; i < m->k->nfields; i++) {
		const struct register_field *f = &m->k->fields[i];
		const char *s = register_str(values, f->key);
		size_t n = strlen(s);

		if (f->type == REGISTER_PHONE && (n == 9 || n == 10) && *s != '0' &&
		    strspn(s, "0123456789") == n)
			say(m, m->warnings, NULL, f->key, "zero",
			    "電話番号の先頭の 0 が消えていませんか", "has the leading 0 been lost?");
	}
}

/* -- one row ----------------------------------------------------------------------------------- */

static json_t *
raw_values(const struct import *m)
{
	json_t *v = json_object();

	for (size_t c = 0; c < m->match.n && v; c++) {
		const char *field = m->match.col[c].field;

		if (field && strcmp(field, FIELD_ID) != 0)
			(void)json_object_set_new(v, field, json_string(table_cell(m->row, c)));
	}
	return v;
}

/* tidy_row(m, db, raw, partial, ret, e): The values with ids for references; references into the
 * same register wait until all rows are there. 1: fine, 0: problems were said. */
static int
tidy_row(struct import *m, struct db *db, json_t *raw, bool partial, json_t **ret, json_t **ret_own,
    struct err *e)
{
	json_t *tidy, *problems, *own = json_object();
	int r = register_tidy(m->k, raw, partial, &tidy, &problems);

	if (r == E_NOMEM || !own) {
		json_decref(own);
		return err_set(e, E_NOMEM, "no memory for a row");
	}
	for (size_t i = 0; i < m->k->nfields; i++) {
		const struct register_field *f = &m->k->fields[i];

		if (!f->ref || strcmp(f->ref, m->k->key) != 0 || !*register_str(tidy, f->key))
			continue;
		(void)json_object_set(own, f->key, json_object_get(tidy, f->key));
		(void)json_object_del(tidy, f->key);
	}
	r = register_refs(db, m->k, tidy, problems, e);
	if (r == 0 && json_array_size(problems) == 0) {
		*ret = tidy;
		*ret_own = own;
		json_decref(problems);
		return 1;
	}
	if (r == 0)
		say_all(m, problems);
	json_decref(tidy);
	json_decref(own);
	json_decref(problems);
	return r;
}

static void
wait_for(struct import *m, const char *id, json_t *own)
{
	if (json_object_size(own) > 0)
		(void)json_array_append_new(m->later,
		    json_pack("{s:s, s:O, s:I}", "id", id, "values", own, "row",
			(json_int_t)(m->row - table_row(m->t, 0))));
}

/* filled(m, raw): The row, and for what it leaves empty the value said for all new rows. */
static json_t *
filled(const struct import *m, json_t *raw)
{
	json_t *o = json_copy(raw), *v;
	const char *field;

	json_object_foreach(m->how->fill, field, v)
		if (!*register_str(o, field))
			(void)json_object_set(o, field, v);
	return o;
}

static int
add_row(struct import *m, struct db *db, const char *id, json_t *raw, struct err *e)
{
	char made[REGISTER_ID];
	json_t *values, *own, *all = filled(m, raw);
	int r = all ? tidy_row(m, db, all, false, &values, &own, e)
		    : err_set(e, E_NOMEM, "no memory for a row");

	json_decref(all);
	if (r <= 0)
		return r;
	lost_zero(m, values);
	r = register_put_new(db, m->k, id, values, m->who, "import", made, e);
	if (r >= 0) {
		m->added++;
		m->action = "add";
		(void)json_object_set_new(m->made, made, json_true());
		wait_for(m, made, own);
	}
	json_decref(values);
	json_decref(own);
	return r < 0 ? r : 0;
}

/* differ(given, base, theirs, ret_fields): What the row changed since the base; into ${ret_fields}
 * those that somebody else changed, too. */
static json_t *
differ(json_t *given, json_t *base, json_t *theirs, json_t *fields)
{
	json_t *mine = json_object(), *v;
	const char *key;

	json_object_foreach(given, key, v) {
		const char *b = register_str(base, key), *t = register_str(theirs, key);
		const char *g = json_string_value(v);

		if (strcmp(g, b) == 0)
			continue;
		(void)json_object_set(mine, key, v);
		if (strcmp(t, b) != 0 && strcmp(t, g) != 0)
			(void)json_array_append_new(fields, json_pack("{s:s, s:s, s:s, s:s}",
			    "field", key, "base", b, "theirs", t, "mine", g));
	}
	return mine;
}

/* write_row(m, db, now, given, e): Lay the given values over the record. */
static int
write_row(struct import *m, struct db *db, const struct register_row *now, json_t *given,
    bool merged, struct err *e)
{
	json_t *data = register_overlay(now->data, given);
	int r = data ? register_put(db, m->k, now, data, m->who, "import", e)
		     : err_set(e, E_NOMEM, "no memory for a row");

	json_decref(data);
	if (r < 0)
		return r;
	m->updated += r;
	m->merged += r && merged;
	m->unchanged += !r;
	m->action = r ? "update" : "unchanged";
	return 0;
}

static int
known_row(struct import *m, struct db *db, const struct register_row *now, int64_t rev,
    json_t *given, struct err *e)
{
	json_t *base = NULL, *mine, *fields = json_array();
	bool stale = rev > 0 && rev < now->rev, overlap;
	int r = 0;

	if (stale)
		r = register_at(db, m->k, now->id, rev, &base, e);
	if (r < 0) {
		json_decref(fields);
		return r;
	}
	mine = differ(given, stale ? base : now->data, now->data, fields);
	overlap = json_array_size(fields) > 0;
	if (now->archived && json_object_size(mine) > 0) {
		say_conflict(m, now->id, "archived", "", fields);
		fields = NULL;
	} else if (overlap && m->how->mode == REGISTER_STOP) {
		say_conflict(m, now->id, "changed", "", fields);
		fields = NULL;
	} else if (overlap && m->how->mode == REGISTER_SKIP) {
		m->skipped++;
		m->action = "skip";
	} else {
		r = write_row(m, db, now, mine, stale, e);
	}
	json_decref(fields);
	json_decref(base);
	json_decref(mine);
	return r;
}

/* parse_id(s, id, rev): "per-0001@3" or "per-0001"; false: it is neither. */
static bool
parse_id(const char *s, char id[REGISTER_ID], int64_t *rev)
{
	char text[2 * REGISTER_ID];
	uint64_t n = 0;
	char *at;

	*rev = 0;
	if (strlen(s) >= sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), "%s", s);
	at = strchr(text, '@');
	if (at) {
		*at = 0;
		if (num_parse_u64(at + 1, INT32_MAX, &n, NULL) < 0)
			return false;
		*rev = (int64_t)n;
	}
	if (!register_id_ok(text))
		return false;
	(void)snprintf(id, REGISTER_ID, "%.63s", text);
	return true;
}

static int
row_with_id(struct import *m, struct db *db, const char *cell, json_t *raw, struct err *e)
{
	struct register_row now;
	char id[REGISTER_ID];
	json_t *given, *own;
	int64_t rev;
	int r;

	if (!parse_id(cell, id, &rev)) {
		say(m, m->problems, &m->nproblems, FIELD_ID, "id",
		    "守りIDの欄は変えないでください。新しい行では空にします",
		    "the id must not be changed; leave it empty in a new row");
		m->action = "problem";
		return 0;
	}
	r = register_load(db, m->k, id, &now, e);
	if (r == E_NOENT)
		return add_row(m, db, id, raw, e);
	if (r < 0)
		return r;
	r = tidy_row(m, db, raw, true, &given, &own, e);
	if (r > 0) {
		/* references inside this register are settled here: both are there */
		(void)json_object_update(given, own);
		json_decref(own);
		own = json_array();
		r = register_refs(db, m->k, given, own, e);
		if (r == 0 && json_array_size(own) > 0) {
			say_all(m, own);
		} else if (r == 0) {
			lost_zero(m, given);
			r = known_row(m, db, &now, rev, given, e);
		}
		json_decref(own);
		json_decref(given);
	}
	json_decref(now.data);
	return r < 0 ? r : 0;
}

/* -- rows without an id ------------------------------------------------------------------------ */

struct twin {
	const struct import *m;
	json_t *given;
	char id[REGISTER_ID];
};

static int
take_twin(const struct db_row *row, void *cookie, struct err *e)
{
	struct twin *w = cookie;
	json_t *data = json_loads(db_col_text(row, 1), JSON_REJECT_DUPLICATES, NULL);
	bool same = data != NULL;

	(void)e;
	for (size_t i = 0; i < w->m->k->nsame && same; i++) {
		const char *key = w->m->k->same[i];

		/* what the file does not have cannot tell them apart */
		if (json_object_get(w->given, key))
			same = text_same(register_str(data, key), register_str(w->given, key));
	}
	json_decref(data);
	if (!same)
		return 0;
	(void)snprintf(w->id, sizeof(w->id), "%s", db_col_text(row, 0));
	return 1;
}

/* only_filled(values): Without the empty ones. */
static json_t *
only_filled(json_t *values)
{
	json_t *o = json_object(), *v;
	const char *key;

	json_object_foreach(values, key, v)
		if (*json_string_value(v))
			(void)json_object_set(o, key, v);
	return o;
}

/* tells(s): Whether a number tells one thing from another: not "-", "なし" or "0000". */
static bool
tells(const char *s)
{
	size_t n = strlen(s);

	return n >= 4 && strpbrk(s, "0123456789") && strspn(s, (char[]){s[0], 0}) < n;
}

static int
take_unique(const struct db_row *row, void *cookie, struct err *e)
{
	struct twin *w = cookie;

	(void)e;
	if (json_object_get(w->m->made, db_col_text(row, 0)))
		return 0; /* of this very table */
	(void)snprintf(w->id, sizeof(w->id), "%s", db_col_text(row, 0));
	return 1;
}

/* find_unique(w, db, ret_by, e): A record with another title that has the same number. */
static int
find_unique(struct twin *w, struct db *db, const char **ret_by, struct err *e)
{
	const struct register_kind *k = w->m->k;
	int r = 0;

	for (size_t i = 0; i < k->nunique && r == 0; i++) {
		const char *s = register_str(w->given, k->unique[i]);

		if (tells(s))
			r = db_each(db, REGISTER_BY_TITLE, take_unique, w, "sss", e, k->key,
			    k->unique[i], s);
		if (r > 0)
			*ret_by = k->unique[i];
	}
	return r;
}

/* twin_row(m, db, id, by, given, e): A record that seems to be the same thing is there already. */
static int
twin_row(struct import *m, struct db *db, const char *id, const char *by, json_t *given,
    struct err *e)
{
	json_t *filled = only_filled(given), *fields = json_array(), *mine;
	struct register_row now;
	int r = register_load(db, m->k, id, &now, e);

	if (r < 0) {
		json_decref(filled);
		json_decref(fields);
		return r;
	}
	mine = differ(filled, now.data, now.data, fields);
	if (json_object_size(mine) == 0 || m->how->mode == REGISTER_UPDATE) {
		r = write_row(m, db, &now, mine, false, e);
	} else if (m->how->mode == REGISTER_SKIP) {
		m->skipped++;
		m->action = "skip";
	} else {
		const char *key;
		json_t *v;

		json_object_foreach(mine, key, v)(void) json_array_append_new(fields,
		    json_pack("{s:s, s:s, s:s, s:s}", "field", key, "base",
			register_str(now.data, key), "theirs", register_str(now.data, key), "mine",
			json_string_value(v)));
		say_conflict(m, id, "same", by, json_incref(fields));
	}
	json_decref(mine);
	json_decref(fields);
	json_decref(filled);
	json_decref(now.data);
	return r;
}

static int
row_without_id(struct import *m, struct db *db, json_t *raw, struct err *e)
{
	const char *by = m->k->title;
	struct twin w = {.m = m};
	json_t *given, *own;
	int r = tidy_row(m, db, raw, true, &given, &own, e);

	if (r <= 0)
		return r;
	w.given = given;
	if (m->k->single)
		r = db_each(db, "SELECT id, data FROM records WHERE kind = $1", take_twin, &w, "s",
		    e, m->k->key);
	else
		r = db_each(db, REGISTER_BY_TITLE, take_twin, &w, "sss", e, m->k->key, m->k->title,
		    register_str(given, m->k->title));
	if (r == 0)
		r = find_unique(&w, db, &by, e);
	if (r == 0)
		r = add_row(m, db, NULL, raw, e);
	else if (r > 0)
		r = twin_row(m, db, w.id, by, given, e);
	json_decref(given);
	json_decref(own);
	return r;
}

static int
one_row(struct import *m, struct db *db, struct err *e)
{
	json_t *raw = raw_values(m);
	size_t col = column_of(m, FIELD_ID);
	const char *id = col ? table_cell(m->row, col - 1) : "";
	int r;

	m->rows++;
	m->action = "";
	if (!raw)
		return err_set(e, E_NOMEM, "no memory for a row");
	r = *id ? row_with_id(m, db, id, raw, e) : row_without_id(m, db, raw, e);
	if (r == 0 && json_array_size(m->preview) < REGISTER_PREVIEW) {
		shorten(raw);
		(void)json_array_append_new(m->preview, json_pack("{s:I, s:s, s:O, s:s}", "row",
		    (json_int_t)m->row->no, "id", id, "values", raw, "action", m->action));
	}
	json_decref(raw);
	return r;
}

/* settle(m, db, one, e): A reference that waited for all rows. */
static int
settle(struct import *m, struct db *db, json_t *one, struct err *e)
{
	json_t *values = json_object_get(one, "values"), *problems = json_array(), *data;
	struct register_row now;
	int r = register_load(db, m->k, register_str(one, "id"), &now, e);

	if (r < 0) {
		json_decref(problems);
		return r;
	}
	m->row = table_row(m->t, (size_t)json_integer_value(json_object_get(one, "row")));
	r = register_refs(db, m->k, values, problems, e);
	if (r == 0 && json_array_size(problems) > 0) {
		say_all(m, problems);
	} else if (r == 0) {
		data = register_overlay(now.data, values);
		r = data ? register_put(db, m->k, &now, data, m->who, "import", e) : E_NOMEM;
		json_decref(data);
	}
	json_decref(now.data);
	json_decref(problems);
	return r < 0 ? r : 0;
}

/* -- everything -------------------------------------------------------------------------------- */

static void
forget(struct import *m)
{
	json_decref(m->problems);
	json_decref(m->conflicts);
	json_decref(m->warnings);
	json_decref(m->preview);
	json_decref(m->later);
	json_decref(m->missing);
	json_decref(m->made);
	m->problems = m->conflicts = m->warnings = m->preview = m->later = NULL;
	m->missing = m->made = NULL;
}

/* fresh(m): Before each attempt; a transaction may need several. */
static int
fresh(struct import *m, struct err *e)
{
	forget(m);
	m->problems = json_array();
	m->conflicts = json_array();
	m->warnings = json_array();
	m->preview = json_array();
	m->later = json_array();
	m->missing = json_object();
	m->made = json_object();
	m->nproblems = m->nconflicts = m->rows = m->added = m->updated = 0;
	m->merged = m->unchanged = m->skipped = 0;
	return m->problems && m->conflicts && m->warnings && m->preview && m->later && m->missing &&
	    m->made ? 0 : err_set(e, E_NOMEM, "no memory for a table");
}

static int
import_tx(struct db *db, void *cookie, struct err *e)
{
	struct import *m = cookie;
	json_t *one;
	size_t i;
	int r = fresh(m, e);

	if (r == 0)
		r = register_room(db, m->k, (int64_t)(table_rows(m->t) - m->match.head), e);
	for (i = m->match.head + 1; i < table_rows(m->t) && r == 0; i++) {
		m->row = table_row(m->t, i);
		r = one_row(m, db, e);
	}
	json_array_foreach(m->later, i, one)
		if (r == 0)
			r = settle(m, db, one, e);
	if (r == 0 && (m->nproblems || m->nconflicts || m->how->dry))
		r = err_set(e, E_CANCEL, "nothing was changed");
	return r;
}

static int
result(const struct import *m, json_t **ret, struct err *e)
{
	json_t *o = json_pack(
	    "{s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:O, s:O, s:I, s:O, s:I, s:O}",
	    "done", m->nproblems == 0 && m->nconflicts == 0 && !m->match.changed, "dry",
	    m->how->dry, "kind", m->k->key, "rows", (json_int_t)m->rows, "added",
	    (json_int_t)m->added, "updated", (json_int_t)m->updated, "merged",
	    (json_int_t)m->merged, "unchanged", (json_int_t)m->unchanged, "skipped",
	    (json_int_t)m->skipped, "columns", columns(m), "preview", m->preview, "problems",
	    m->problems, "nproblems", (json_int_t)m->nproblems, "conflicts", m->conflicts,
	    "nconflicts", (json_int_t)m->nconflicts, "warnings", m->warnings);
	json_t *more = json_pack("{s:I, s:s, s:b, s:o, s:o}", "row",
	    (json_int_t)table_row(m->t, m->match.head)->no, "heading", m->match.heading, "changed",
	    m->match.changed, "heads", heads(m), "missing", missing(m));

	if (m->how->fill)
		(void)json_object_set(more, "fill", m->how->fill);
	if (!o || !more || json_object_update(o, more) < 0) {
		json_decref(o);
		o = NULL;
	}
	json_decref(more);
	*ret = o;
	return o ? 0 : err_set(e, E_NOMEM, "no memory for the result");
}

/* choose(m, db, e): Which column is which; kept when that was asked for. */
static int
choose(struct import *m, struct db *db, struct err *e)
{
	struct register_said said = {m->how->map, m->how->shown, NULL, m->how->row};
	json_t *v;
	const char *field;
	int r = register_match_kept(db, m->k, &said.kept, e);

	if (r == 0)
		r = register_match(m->k, m->t, &said, &m->match, e);
	json_decref(said.kept);
	json_object_foreach(m->how->fill, field, v)
		if (r == 0 && (!register_field(m->k, field) || !json_is_string(v)))
			r = err_set(e, E_INVAL, "%.60s: no such field", field);
	if (r == 0 && m->how->keep)
		r = register_match_keep(db, m->k, m->t, &m->match, m->who->now, e);
	return r;
}

int
register_import(struct db *db, const struct register_kind *k, const struct table *t,
    const struct register_import *how, const struct register_who *who, json_t **ret, struct err *e)
{
	struct import m = {.k = k, .t = t, .how = how, .who = who};
	int r = choose(&m, db, e);

	if (r < 0)
		return r;
	if (m.match.changed || register_match_col(&m.match, k->title) < 0) {
		/* nothing is read under headings that nobody understood or that are others now */
		r = fresh(&m, e);
		if (r == 0 && register_match_col(&m.match, k->title) < 0) {
			(void)json_object_set_new(m.missing, k->title, json_integer(0));
			m.nproblems = 1;
		}
	} else {
		r = db_tx(db, import_tx, &m, e);
	}
	if (r == 0 || r == E_CANCEL)
		r = result(&m, ret, e);
	forget(&m);
	return r;
}
