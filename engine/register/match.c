#include "register/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "crypt/digest.h"
#include "register/exchange.h"
#include "register/register_int.h"
#include "text/fold.h"

const char *
register_how_name(enum register_how how)
{
	static const char *const names[REGISTER_HOWS] = {"none", "chosen", "kept", "exact", "alike",
	    "alias", "twice"};

	return how < REGISTER_HOWS ? names[how] : "none";
}

/* -- headings as texts ------------------------------------------------------------------------- */

/* hidden(p, k): Whether these ${k} bytes of a character show nothing or turn what is beside them:
 * controls, zero width, directions, byte order mark. */
static bool
hidden(const unsigned char *p, size_t k)
{
	if (k == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (k == 2) /* C1, soft hyphen, Arabic letter mark */
		return (p[0] == 0xc2 && (p[1] < 0xa0 || p[1] == 0xad)) ||
		    (p[0] == 0xd8 && p[1] == 0x9c);
	if (k != 3)
		return false;
	if (p[0] == 0xef)
		return p[1] == 0xbb && p[2] == 0xbf;
	if (p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 &&
	           ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	    (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf);
}

static bool
space(const unsigned char *p, size_t k)
{
	return (k == 1 && (p[0] == ' ' || (p[0] >= '\t' && p[0] <= '\r'))) ||
	    (k == 2 && p[0] == 0xc2 && p[1] == 0xa0) ||
	    (k == 3 && p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x80);
}

static size_t
width(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

void
register_match_label(const char *raw, char *out, size_t n)
{
	const unsigned char *p = (const unsigned char *)raw;
	size_t at = 0;
	bool gap = false;

	for (size_t k; *p; p += k) {
		k = width(*p);
		if (strnlen((const char *)p, k) < k)
			break; /* half a character, from a command line */
		if (space(p, k)) {
			gap = at > 0;
			continue;
		}
		if (hidden(p, k))
			continue;
		if (at + k + gap + sizeof("…") > n) {
			(void)snprintf(out + at, n - at, "…");
			return;
		}
		if (gap)
			out[at++] = ' ';
		gap = false;
		(void)memcpy(out + at, p, k);
		at += k;
	}
	out[at] = 0;
}

/* clean(raw, out): A heading without marks of "required" around it. False: too long to be one. */
static bool
clean(const char *raw, char out[REGISTER_LABEL])
{
	static const char *const marks[] = {"*", "＊", "※", "（必須）", "(必須)", "[必須]", "【必須】", " "};
	bool again = true;
	size_t len;

	register_match_label(raw, out, REGISTER_LABEL);
	if (strlen(raw) >= REGISTER_LABEL)
		return false;
	while (again) {
		again = false;
		for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
			size_t k = strlen(marks[i]);

			len = strlen(out);
			if (len > k && strcmp(out + len - k, marks[i]) == 0) {
				out[len - k] = 0;
				again = true;
			} else if (len > k && strncmp(out, marks[i], k) == 0) {
				(void)memmove(out, out + k, len - k + 1);
				again = true;
			}
		}
	}
	return true;
}

/* folded(s, out, e): What is the same to a person is the same text; also without spaces. */
static int
folded(const char *s, struct buf *out, struct err *e)
{
	size_t at = 0;
	int r;

	buf_clear(out);
	r = text_fold(out, s, e);
	for (size_t i = 0; r == 0 && i < out->len; i++)
		if (out->p[i] != ' ')
			out->p[at++] = out->p[i];
	if (r < 0)
		return r;
	out->len = at;
	return buf_u8(out, 0, e);
}

/* -- words for fields -------------------------------------------------------------------------- */

struct words { /* of one kind: folded text to the key of its field */
	const struct register_kind *k;
	json_t *alike, *alias;
	struct buf b;
};

static void
words_free(struct words *w)
{
	json_decref(w->alike);
	json_decref(w->alias);
	buf_free(&w->b);
}

static int
word(struct words *w, json_t *o, const char *label, const char *field, struct err *e)
{
	int r = folded(label, &w->b, e);
	const char *key = (const char *)w->b.p;

	if (r < 0)
		return r;
	if (!*key || json_object_get(w->alike, key) || json_object_get(o, key))
		return 0;
	return json_object_set_new(o, key, json_string(field)) < 0
	    ? err_set(e, E_NOMEM, "no memory for headings") : 0;
}

static int
words_new(struct words *w, const struct register_kind *k, struct err *e)
{
	size_t n;
	const struct register_alias *a = register_aliases(&n);
	int r = 0;

	*w = (struct words){.k = k, .alike = json_object(), .alias = json_object()};
	buf_init(&w->b, 1 << 16);
	for (size_t i = 0; i < k->nfields && r == 0; i++) {
		r = word(w, w->alike, k->fields[i].ja, k->fields[i].key, e);
		if (r == 0)
			r = word(w, w->alike, k->fields[i].en, k->fields[i].key, e);
	}
	for (size_t i = 0; i < n && r == 0; i++)
		if (register_field(k, a[i].field))
			r = word(w, w->alias, a[i].label, a[i].field, e);
	if (r < 0)
		words_free(w);
	return r;
}

/* an_id(k, t, head, col): Whether the first value below a heading "ID" is one of ours; a clinic's
 * own numbers are none. */
static bool
an_id(const struct register_kind *k, const struct table *t, size_t head, size_t col)
{
	size_t n = strlen(k->prefix);

	for (size_t i = head + 1; i < table_rows(t); i++) {
		const char *s = table_cell(table_row(t, i), col), *at = strchr(s, '@');

		if (*s)
			return (strncmp(s, k->prefix, n) == 0 && s[n] == '-') ||
			    (at && at[1] && strspn(at + 1, "0123456789") == strlen(at + 1));
	}
	return false;
}

static const char *
key_of(const struct register_kind *k, json_t *o, const char *text)
{
	const char *s = json_string_value(json_object_get(o, text));

	return s ? register_field(k, s)->key : NULL;
}

/* recognise(w, name, ret, e): The field that a clean heading names by itself, and why. */
static int
recognise(struct words *w, const char *name, const char **ret, enum register_how *how,
    struct err *e)
{
	const struct register_kind *k = w->k;
	char *text, *paren;
	int r;

	*ret = NULL;
	*how = REGISTER_EXACT;
	if (!*name)
		return 0;
	if (strcmp(name, "守りID") == 0 || strcmp(name, "Mamori ID") == 0)
		*ret = REGISTER_FIELD_ID;
	for (size_t i = 0; i < k->nfields && !*ret; i++)
		if (strcmp(name, k->fields[i].key) == 0 || strcmp(name, k->fields[i].ja) == 0 ||
		    strcmp(name, k->fields[i].en) == 0)
			*ret = k->fields[i].key;
	r = *ret ? 0 : folded(name, &w->b, e);
	if (*ret || r < 0)
		return r;
	text = (char *)w->b.p;
	*how = REGISTER_ALIKE;
	*ret = strcmp(text, "守りid") == 0 || strcmp(text, "mamoriid") == 0
	    ? REGISTER_FIELD_ID : key_of(k, w->alike, text);
	if (*ret)
		return 0;
	*how = REGISTER_ALIAS;
	*ret = key_of(k, w->alias, text);
	paren = strchr(text, '('); /* 購入日（西暦） */
	if (*ret || !paren || paren == text)
		return 0;
	*paren = 0;
	*ret = key_of(k, w->alike, text);
	if (!*ret)
		*ret = key_of(k, w->alias, text);
	return 0;
}

/* -- one row as a heading ---------------------------------------------------------------------- */

struct trial {
	struct words w;
	const struct table *t;
	const struct register_said *said;
	size_t i;                  /* of the row */
	const struct table_row *row;
	struct register_match m;
	char (*name)[REGISTER_LABEL]; /* of each column, clean */
	bool use_shown;
};

static bool
taken(const struct trial *x, const char *field)
{
	return register_match_col(&x->m, field) >= 0;
}

static void
take(struct trial *x, size_t c, const char *field, enum register_how how)
{
	struct register_match_col *col = &x->m.col[c];

	if (field && taken(x, field)) {
		col->guess = col->guess ? col->guess : field;
		col->how = REGISTER_TWICE;
		return;
	}
	col->field = field;
	col->how = how;
}

/* static_key(k, s, ret): The constant text of a field's key; NULL in ${ret} for "". */
static bool
static_key(const struct register_kind *k, const char *s, const char **ret)
{
	const struct register_field *f = s ? register_field(k, s) : NULL;

	*ret = f ? f->key : s && strcmp(s, REGISTER_FIELD_ID) == 0 ? REGISTER_FIELD_ID : NULL;
	return *ret || (s && !*s);
}

/* nth(x, c): Which one of its heading a column is, from 1. */
static size_t
nth(const struct trial *x, size_t c)
{
	size_t n = 1;

	for (size_t i = 0; i < c; i++)
		n += strcmp(x->name[i], x->name[c]) == 0;
	return n;
}

/* kept_key(x, c, out, e): Under which key the choice for a column is kept; "" under none. */
static int
kept_key(struct trial *x, size_t c, char out[2 * REGISTER_LABEL], struct err *e)
{
	int r = *x->name[c] ? folded(x->name[c], &x->w.b, e) : 0;

	out[0] = 0;
	if (r == 0 && *x->name[c] && x->w.b.len < 2 * REGISTER_LABEL - 24)
		(void)snprintf(out, 2 * REGISTER_LABEL, "%s\t%zu", (const char *)x->w.b.p,
		    nth(x, c));
	return r;
}

static void
take_said(struct trial *x)
{
	json_t *one, *list = x->use_shown ? json_object_get(x->said->shown, "columns") : NULL, *v;
	const char *label, *field;
	size_t i;

	json_array_foreach(list, i, one) {
		json_int_t c = json_integer_value(json_object_get(one, "column"));

		if (c >= 1 && c <= (json_int_t)x->m.n &&
		    static_key(x->w.k, register_str(one, "field"), &field))
			take(x, (size_t)c - 1, field, REGISTER_CHOSEN);
	}
	json_object_foreach(x->said->map, label, v) {
		char want[REGISTER_LABEL], number[24];

		if (!static_key(x->w.k, json_string_value(v), &field) || !clean(label, want))
			continue;
		for (size_t c = 0; c < x->m.n; c++) {
			(void)snprintf(number, sizeof(number), "#%zu", c + 1);
			if (x->m.col[c].how == REGISTER_NONE &&
			    (text_same(want, x->name[c]) || strcmp(want, number) == 0))
				take(x, c, field, REGISTER_CHOSEN);
		}
	}
}

static int
take_kept(struct trial *x, struct err *e)
{
	char key[2 * REGISTER_LABEL];
	const char *field;
	json_t *one;
	int r = 0;

	for (size_t c = 0; c < x->m.n && r == 0; c++) {
		if (x->m.col[c].how != REGISTER_NONE)
			continue;
		r = kept_key(x, c, key, e);
		one = r == 0 && *key ? json_object_get(x->said->kept, key) : NULL;
		if (one && static_key(x->w.k, register_str(one, "field"), &field))
			take(x, c, field, REGISTER_KEPT);
	}
	return r;
}

/* take_known(x, e): What the headings say by themselves, the surest first. */
static int
take_known(struct trial *x, struct err *e)
{
	static const enum register_how order[] = {REGISTER_EXACT, REGISTER_ALIKE, REGISTER_ALIAS};
	const char *field[TABLE_MAX_COLS] = {0};
	enum register_how how[TABLE_MAX_COLS] = {REGISTER_NONE};
	bool id = false;
	int r = 0;

	for (size_t c = 0; c < x->m.n && r == 0; c++) {
		r = recognise(&x->w, x->name[c], &field[c], &how[c], e);
		if (r == 0 && !field[c] && text_same(x->name[c], "ID") &&
		    an_id(x->w.k, x->t, x->i, c)) {
			field[c] = REGISTER_FIELD_ID;
			how[c] = REGISTER_EXACT;
		}
		id = id || (r == 0 && field[c] && how[c] == REGISTER_EXACT &&
		    strcmp(field[c], REGISTER_FIELD_ID) == 0);
	}
	if (r == 0 && !id)
		r = take_kept(x, e);
	for (size_t i = 0; i < ARRAY_LEN(order) && r == 0; i++)
		for (size_t c = 0; c < x->m.n; c++)
			if (x->m.col[c].how == REGISTER_NONE && field[c] && how[c] == order[i])
				take(x, c, field[c], order[i]);
	return r;
}

static int
try_row(struct trial *x, size_t i, struct err *e)
{
	x->i = i;
	x->row = table_row(x->t, i);
	x->m = (struct register_match){.head = i, .n = x->row->n, .changed = x->m.changed};
	for (size_t c = 0; c < x->m.n; c++)
		if (!clean(table_cell(x->row, c), x->name[c]))
			x->name[c][0] = 0;
	take_said(x);
	return take_known(x, e);
}

/* -- which row --------------------------------------------------------------------------------- */

static size_t
filled(const struct table_row *row)
{
	size_t n = 0;

	for (size_t c = 0; c < row->n; c++)
		n += *table_cell(row, c) != 0;
	return n;
}

/* find_row(x, ret, e): The row with most fields and the title; else the one with most of at least
 * two fields; else the widest. */
static int
find_row(struct trial *x, size_t *ret, struct err *e)
{
	size_t best = 0, score = 0;
	int r = 0;

	for (size_t i = 0; i < table_rows(x->t) && i < REGISTER_HEADS && r == 0; i++) {
		size_t n = 0, s;

		r = try_row(x, i, e);
		for (size_t c = 0; c < x->m.n; c++)
			n += x->m.col[c].field != NULL;
		s = filled(x->row);
		if (taken(x, x->w.k->title))
			s = 1000000 + n;
		else if (n >= 2)
			s = 1000 + n;
		if (s > score) {
			score = s;
			best = i;
		}
	}
	*ret = best;
	return r;
}

static int
row_said(const struct trial *x, int64_t no, size_t *ret, struct err *e)
{
	for (size_t i = 0; i < table_rows(x->t) && i < REGISTER_HEAD_SAID; i++)
		if (table_row(x->t, i)->no == (size_t)no) {
			*ret = i;
			return 0;
		}
	return err_set(e, E_INVAL, "the table has no row %lld that could be its heading",
	    (long long)no);
}

static void
digest_row(const struct table_row *row, char out[65])
{
	uint8_t sum[DIGEST_LEN], pair[2 * DIGEST_LEN] = {0};

	for (size_t c = 0; c < row->n; c++) {
		const char *s = table_cell(row, c);

		digest_sha256(s, strlen(s), pair + DIGEST_LEN);
		digest_sha256(pair, sizeof(pair), sum);
		(void)memcpy(pair, sum, sizeof(sum));
	}
	hex_put(out, pair, DIGEST_LEN);
}

/* still_so(x, row): Whether the headings are those that were shown. */
static bool
still_so(const struct trial *x, const struct table_row *row)
{
	const char *was = register_str(x->said->shown, "heading");
	char now[65], label[REGISTER_LABEL];
	json_t *one;
	size_t i;

	digest_row(row, now);
	if (*was)
		return strcmp(was, now) == 0;
	json_array_foreach(json_object_get(x->said->shown, "columns"), i, one) {
		json_int_t c = json_integer_value(json_object_get(one, "column"));
		const char *s = json_string_value(json_object_get(one, "label"));

		if (c < 1 || c > TABLE_MAX_COLS)
			return false;
		register_match_label(table_cell(row, (size_t)c - 1), label, sizeof(label));
		if (s && strcmp(s, label) != 0)
			return false;
	}
	return true;
}

/* -- what was said must fit -------------------------------------------------------------------- */

static int
fields_fit(const struct trial *x, struct err *e)
{
	json_t *one, *v, *seen = json_object();
	const char *label, *field;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(x->said->shown, "columns"), i, one) {
		const char *s = register_str(one, "field");

		if (r == 0 && !static_key(x->w.k, s, &field))
			r = err_set(e, E_INVAL, "%.60s: no such field", s);
		if (r == 0 && *s && json_object_get(seen, s))
			r = err_set(e, E_INVAL, "%.60s: said for two columns", s);
		(void)json_object_set_new(seen, s, json_true());
	}
	json_decref(seen);
	json_object_foreach(x->said->map, label, v)
		if (r == 0 && !static_key(x->w.k, json_string_value(v), &field))
			r = err_set(e, E_INVAL, "%.60s: no such field",
			    register_str(x->said->map, label));
	return r;
}

/* map_fits(x, e): Each heading of the map was one column. */
static int
map_fits(const struct trial *x, struct err *e)
{
	const char *label;
	json_t *v;
	int r = 0;

	json_object_foreach(x->said->map, label, v) {
		size_t n = 0, at = 0;
		char want[REGISTER_LABEL], number[24];

		if (r < 0 || !clean(label, want))
			continue;
		for (size_t c = 0; c < x->m.n; c++) {
			(void)snprintf(number, sizeof(number), "#%zu", c + 1);
			if (!text_same(want, x->name[c]) && strcmp(want, number) != 0)
				continue;
			n++;
			at = c;
		}
		if (n != 1)
			r = err_set(e, E_INVAL, n
			    ? "%.80s: several columns have this heading; say #N"
			    : "%.80s: no column has this heading", label);
		else if (x->m.col[at].how == REGISTER_TWICE)
			r = err_set(e, E_INVAL, "%.60s: said for two columns",
			    json_string_value(v));
	}
	return r;
}

/* -- all of it --------------------------------------------------------------------------------- */

int
register_match_col(const struct register_match *m, const char *field)
{
	for (size_t c = 0; c < m->n; c++)
		if (m->col[c].field && strcmp(m->col[c].field, field) == 0)
			return (int)c;
	return -1;
}

static int
match(struct trial *x, struct err *e)
{
	int64_t row = x->said->row;
	size_t i = 0;
	int r;

	if (row == 0)
		row = json_integer_value(json_object_get(x->said->shown, "row"));
	r = fields_fit(x, e);
	if (r == 0)
		r = row ? row_said(x, row, &i, e) : find_row(x, &i, e);
	if (r < 0)
		return r;
	x->use_shown = x->said->shown && still_so(x, table_row(x->t, i));
	x->m.changed = x->said->shown && !x->use_shown;
	if (x->m.changed && x->said->row == 0)
		r = find_row(x, &i, e);
	if (r == 0)
		r = try_row(x, i, e);
	if (r == 0)
		r = map_fits(x, e);
	if (r == 0)
		digest_row(table_row(x->t, i), x->m.heading);
	return r;
}

static int
trial_new(struct trial *x, const struct register_kind *k, const struct table *t,
    const struct register_said *said, struct err *e)
{
	int r;

	*x = (struct trial){.t = t, .said = said};
	x->name = calloc(TABLE_MAX_COLS, sizeof(*x->name));
	if (!x->name)
		return err_set(e, E_NOMEM, "no memory for headings");
	r = words_new(&x->w, k, e);
	if (r < 0)
		free(x->name);
	return r;
}

static void
trial_free(struct trial *x)
{
	words_free(&x->w);
	free(x->name);
}

int
register_match(const struct register_kind *k, const struct table *t,
    const struct register_said *said, struct register_match *ret, struct err *e)
{
	struct trial x;
	int r;

	if (table_rows(t) == 0)
		return err_set(e, E_INVAL, "the table has no rows");
	r = trial_new(&x, k, t, said, e);
	if (r < 0)
		return r;
	r = match(&x, e);
	if (r == 0)
		*ret = x.m;
	trial_free(&x);
	return r;
}

/* -- what is kept ------------------------------------------------------------------------------ */

static void
setting(const struct register_kind *k, char out[64])
{
	(void)snprintf(out, 64, "register.columns.%.40s", k->key);
}

static int
on_kept(const struct db_row *row, void *cookie, struct err *e)
{
	json_t **ret = cookie;

	(void)e;
	*ret = json_loads(db_col_text(row, 0), JSON_REJECT_DUPLICATES, NULL);
	return 0;
}

int
register_match_kept(struct db *db, const struct register_kind *k, json_t **ret, struct err *e)
{
	char key[64];
	json_t *o = NULL;
	int r;

	setting(k, key);
	r = db_each(db, "SELECT value FROM settings WHERE key = $1", on_kept, &o, "s", e, key);
	if (r == 0 && !json_is_object(o)) {
		json_decref(o);
		o = json_object();
	}
	if (r == 0)
		*ret = o;
	else
		json_decref(o);
	return r;
}

struct keeping {
	const struct register_kind *k;
	const struct table *t;
	const struct register_match *m;
	int64_t now;
};

static int
store(struct db *db, const struct register_kind *k, const json_t *kept, int64_t now, struct err *e)
{
	char *text = json_dumps(kept, JSON_COMPACT), key[64];
	int r;

	setting(k, key);
	r = text ? db_exec(db, "INSERT INTO settings (key, value, at) VALUES ($1, $2, $3) "
	    "ON CONFLICT (key) DO UPDATE SET value = excluded.value, at = excluded.at", "ssi", e,
	    key, text, now)
		 : err_set(e, E_NOMEM, "no memory for headings");
	free(text);
	return r < 0 ? r : 0;
}

/* note(x, c, field, kept, e): One choice, beside what the heading says by itself (x->m). */
static int
note(struct trial *x, size_t c, const char *field, json_t *kept, struct err *e)
{
	const struct register_match_col *own = &x->m.col[c];
	char key[2 * REGISTER_LABEL];
	int r = kept_key(x, c, key, e);

	if (r < 0 || !*key)
		return r;
	if (own->how == REGISTER_EXACT && field && strcmp(own->field, field) == 0) {
		(void)json_object_del(kept, key);
		return 0;
	}
	if (!json_object_get(kept, key) && json_object_size(kept) >= REGISTER_KEPT_MAX)
		return 0;
	return json_object_set_new(kept, key, json_pack("{s:s, s:I, s:s}", "label", x->name[c],
	    "nth", (json_int_t)nth(x, c), "field", field ? field : "")) < 0
	    ? err_set(e, E_NOMEM, "no memory for headings") : 0;
}

static int
keep_tx(struct db *db, void *cookie, struct err *e)
{
	const struct register_said none = {0};
	struct keeping *w = cookie;
	struct trial x;
	json_t *kept;
	int r = register_match_kept(db, w->k, &kept, e);

	if (r < 0)
		return r;
	r = trial_new(&x, w->k, w->t, &none, e);
	if (r < 0) {
		json_decref(kept);
		return r;
	}
	r = try_row(&x, w->m->head, e);
	for (size_t c = 0; c < w->m->n && r == 0; c++)
		if (w->m->col[c].how == REGISTER_CHOSEN)
			r = note(&x, c, w->m->col[c].field, kept, e);
	if (r == 0)
		r = store(db, w->k, kept, w->now, e);
	trial_free(&x);
	json_decref(kept);
	return r;
}

int
register_match_keep(struct db *db, const struct register_kind *k, const struct table *t,
    const struct register_match *m, int64_t now, struct err *e)
{
	struct keeping w = {k, t, m, now};
	bool any = false;

	for (size_t c = 0; c < m->n; c++)
		any = any || m->col[c].how == REGISTER_CHOSEN;
	if (!any || register_match_col(m, REGISTER_FIELD_ID) >= 0)
		return 0;
	return db_tx(db, keep_tx, &w, e);
}

int
register_match_forget(struct db *db, const struct register_kind *k, struct err *e)
{
	char key[64];
	json_t *kept;
	int r = register_match_kept(db, k, &kept, e), n;

	if (r < 0)
		return r;
	n = (int)json_object_size(kept);
	json_decref(kept);
	setting(k, key);
	r = db_exec(db, "DELETE FROM settings WHERE key = $1", "s", e, key);
	return r < 0 ? r : n;
}
