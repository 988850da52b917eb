#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "register/exchange.h"
#include "register/register_int.h"

size_t
register_columns(const struct register_kind *k)
{
	return k->nfields + 2;
}

const char *
register_column(const struct register_kind *k, size_t i, bool ja)
{
	if (i == 0)
		return ja ? "守りID" : "Mamori ID";
	if (i <= k->nfields)
		return ja ? k->fields[i - 1].ja : k->fields[i - 1].en;
	return ja ? "次の期日（見るだけ）" : "next date (read only)";
}

struct words {
	const struct register_field *f;
	json_t *titles;
	bool ja, bare; /* bare: ids only */
	struct buf *out;
};

static int
one_word(const char *word, void *cookie, struct err *e)
{
	const struct words *w = cookie;
	const struct register_choice *c = register_choice(w->f, word);
	const char *between = w->out->len ? (w->ja ? "、" : ", ") : "", *title;
	char key[2 * REGISTER_ID + 2];

	if (!w->f->ref)
		return buf_fmt(w->out, e, "%s%s", between, !c ? word : w->ja ? c->ja : c->en);
	(void)snprintf(key, sizeof(key), "%s/%s", w->f->ref, word);
	title = register_str(w->titles, key);
	if (!*title || w->bare)
		return buf_fmt(w->out, e, "%s%s", between, word);
	return buf_fmt(w->out, e, "%s%s [%s]", between, title, word);
}

/* separators(word, cookie, e): 1 when a title would be taken apart on the way back. */
static int
separators(const char *word, void *cookie, struct err *e)
{
	const struct words *w = cookie;
	char key[2 * REGISTER_ID + 2];
	const char *title;

	(void)e;
	(void)snprintf(key, sizeof(key), "%s/%s", w->f->ref, word);
	title = register_str(w->titles, key);
	return strpbrk(title, ",;/\n") || strstr(title, "、") || strstr(title, "，") ||
	    strstr(title, "；") || strstr(title, "／");
}

static int
put_value(struct table *t, size_t col, const struct register_field *f, const char *value,
    json_t *titles, bool ja, struct err *e)
{
	struct buf b;
	struct words w = {.f = f, .titles = titles, .ja = ja, .out = &b};
	int r = 0;

	if (!*value || (f->nchoices == 0 && !f->ref))
		return table_set(t, col, value, strlen(value), e);
	buf_init(&b, TABLE_MAX_CELL);
	if (f->type == REGISTER_REFS)
		w.bare = register_words(value, separators, &w, e) == 1;
	r = register_words(value, one_word, &w, e);
	if (r == 0)
		r = table_set(t, col, b.p, b.len, e);
	buf_free(&b);
	return r;
}

static int
put_record(struct table *t, const struct register_kind *k, json_t *record, json_t *titles, bool ja,
    size_t no, struct err *e)
{
	json_t *values = json_object_get(record, "values");
	const char *next = register_str(json_object_get(record, "next"), "date");
	char id[REGISTER_ID + 24];
	int r;

	table_begin(t, no);
	(void)snprintf(id, sizeof(id), "%s@%lld", register_str(record, "id"),
	    (long long)json_integer_value(json_object_get(record, "rev")));
	r = table_set(t, 0, id, strlen(id), e);
	for (size_t i = 0; i < k->nfields && r == 0; i++)
		r = put_value(t, i + 1, &k->fields[i], register_str(values, k->fields[i].key),
		    titles, ja, e);
	if (r == 0)
		r = table_set(t, k->nfields + 1, next, strlen(next), e);
	return r == 0 ? table_end(t, e) : r;
}

int
register_export(struct db *db, const struct register_kind *k, const struct register_query *q,
    bool ja, struct table *t, struct err *e)
{
	struct register_query all = *q;
	json_t *list, *records, *one;
	size_t i;
	int r;

	all.offset = 0;
	all.limit = REGISTER_MAX_PAGE;
	table_begin(t, 1);
	for (i = 0; i < register_columns(k); i++) {
		const char *label = register_column(k, i, ja);

		r = table_set(t, i, label, strlen(label), e);
		if (r < 0)
			return r;
	}
	r = table_end(t, e);
	if (r == 0)
		r = register_list(db, k, &all, &list, e);
	if (r < 0)
		return r;
	records = json_object_get(list, "records");
	json_array_foreach(records, i, one)
		if (r == 0)
			r = put_record(t, k, one, json_object_get(list, "titles"), ja, i + 2, e);
	json_decref(list);
	return r;
}
