#include "guide/rows.h"

#include "base/time.h"

static json_t *
value_of(const struct db_row *row, int col, char kind)
{
	char at[TIME_TEXT];
	json_t *v;

	switch (kind) {
	case '#':
		return json_integer(db_col_i64(row, col));
	case '?':
		return json_boolean(db_col_i64(row, col) != 0);
	case '@':
		if (db_col_i64(row, col) == 0)
			return NULL;
		time_put(at, db_col_i64(row, col));
		return json_string(at);
	case '{':
		v = json_loads(db_col_text(row, col), JSON_REJECT_DUPLICATES, NULL);
		return v ? v : json_object();
	default:
		return json_string(db_col_text(row, col));
	}
}

int
rows_take(const struct db_row *row, void *cookie, struct err *e)
{
	struct rows *rows = cookie;
	json_t *o = json_object();

	if (json_array_size(rows->list) == ROWS_MAX) {
		json_decref(o);
		return err_set(e, E_LIMIT, "more than %d rows", ROWS_MAX);
	}
	for (size_t i = 0; i < rows->n; i++) {
		const char *name = rows->cols[i];
		char kind = *name;
		json_t *v = value_of(row, (int)i, kind);

		if (kind == '#' || kind == '?' || kind == '@' || kind == '{')
			name++;
		if (v && json_object_set_new(o, name, v) < 0)
			break;
	}
	if (!o || json_array_append_new(rows->list, o) < 0)
		return err_set(e, E_NOMEM, "no memory for rows");
	return 0;
}

struct rows
rows_begin(const char *const *cols, size_t n)
{
	return (struct rows){cols, n, json_array()};
}

int
rows_end(struct rows *rows, int r, json_t **ret, struct err *e)
{
	if (r == 0 && !rows->list)
		r = err_set(e, E_NOMEM, "no memory for rows");
	if (r == 0)
		*ret = rows->list;
	else
		json_decref(rows->list);
	rows->list = NULL;
	return r;
}

int
rows_one(struct rows *rows, int r, json_t **ret, struct err *e)
{
	json_t *list = NULL;

	r = rows_end(rows, r, &list, e);
	if (r == 0 && json_array_size(list) == 0)
		r = err_set(e, E_NOENT, "there is no such record");
	if (r == 0)
		*ret = json_incref(json_array_get(list, 0));
	json_decref(list);
	return r;
}
