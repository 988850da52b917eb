#include "text/table.h"

#include <string.h>

#include "base/utf8.h"

void
table_init(struct table *t)
{
	(void)memset(t, 0, sizeof(*t));
	arena_init(&t->mem, TABLE_MAX_BYTES);
	vec_init(&t->rows, sizeof(struct table_row), TABLE_MAX_ROWS);
}

void
table_free(struct table *t)
{
	if (!t)
		return;
	arena_free(&t->mem);
	vec_free(&t->rows);
}

void
table_begin(struct table *t, size_t no)
{
	(void)memset(t->now, 0, t->width * sizeof(t->now[0]));
	t->width = 0;
	t->no = no;
}

int
table_set(struct table *t, size_t col, const void *p, size_t n, struct err *e)
{
	char *copy;

	if (n == 0)
		return 0;
	if (col >= TABLE_MAX_COLS)
		return err_set(e, E_LIMIT, "row %zu: more than %d columns", t->no, TABLE_MAX_COLS);
	if (n > TABLE_MAX_CELL)
		return err_set(e, E_LIMIT, "row %zu, column %zu: longer than %d bytes", t->no,
		    col + 1, TABLE_MAX_CELL);
	if (memchr(p, 0, n) || !utf8_ok(p, n))
		return err_set(e, E_INVAL, "row %zu, column %zu: not text", t->no, col + 1);
	copy = arena_dup(&t->mem, p, n);
	if (!copy)
		return err_set(e, E_LIMIT, "row %zu: the table is too large", t->no);
	while (t->width <= col)
		t->now[t->width++] = NULL;
	t->now[col] = copy;
	return 0;
}

int
table_end(struct table *t, struct err *e)
{
	struct table_row *row;
	char **cell;

	if (t->width == 0)
		return 0;
	if (t->rows.len >= TABLE_MAX_ROWS)
		return err_set(e, E_LIMIT, "more than %d rows", TABLE_MAX_ROWS);
	cell = arena_alloc(&t->mem, t->width * sizeof(*cell));
	row = cell ? vec_add(&t->rows) : NULL;
	if (!row)
		return err_set(e, E_LIMIT, "row %zu: the table is too large", t->no);
	(void)memcpy(cell, t->now, t->width * sizeof(*cell));
	row->cell = cell;
	row->n = t->width;
	row->no = t->no;
	return 0;
}

const struct table_row *
table_row(const struct table *t, size_t i)
{
	return VEC_AT(&t->rows, struct table_row, i);
}

const char *
table_cell(const struct table_row *row, size_t col)
{
	return col < row->n && row->cell[col] ? row->cell[col] : "";
}

int
table_pack(const struct table *t, struct buf *b, struct err *e)
{
	int r = buf_var(b, t->rows.len, e);

	for (size_t i = 0; i < t->rows.len && r == 0; i++) {
		const struct table_row *row = table_row(t, i);

		r = buf_var(b, row->no, e);
		if (r == 0)
			r = buf_var(b, row->n, e);
		for (size_t k = 0; k < row->n && r == 0; k++)
			r = buf_blob(b, table_cell(row, k), strlen(table_cell(row, k)), e);
	}
	return r;
}

int
table_unpack(struct table *t, const void *p, size_t n, struct err *e)
{
	struct rd rd = rd_init(p, n);
	uint64_t rows = rd_var(&rd);
	int r = rows <= TABLE_MAX_ROWS ? 0 : E_LIMIT;

	for (uint64_t i = 0; i < rows && r == 0 && !rd.bad; i++) {
		uint64_t no = rd_var(&rd), cells = rd_var(&rd);

		if (cells > TABLE_MAX_COLS)
			return err_set(e, E_PROTO, "a table from another process is damaged");
		table_begin(t, (size_t)no);
		for (uint64_t k = 0; k < cells && r == 0; k++) {
			size_t len = 0;
			const unsigned char *c = rd_blob(&rd, TABLE_MAX_CELL, &len);

			r = c ? table_set(t, (size_t)k, c, len, e) : E_PROTO;
		}
		if (r == 0)
			r = table_end(t, e);
	}
	if (r == 0 && !rd_end(&rd))
		r = E_PROTO;
	return r == E_PROTO ? err_set(e, r, "a table from another process is damaged") : r;
}
