/* A table of texts: what a CSV file or a sheet holds. Every cell is UTF-8 without NUL. */
#ifndef MAMORI_TEXT_TABLE_H
#define MAMORI_TEXT_TABLE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"

enum {
	TABLE_MAX_ROWS = 200000,
	TABLE_MAX_COLS = 256,
	TABLE_MAX_CELL = 128 << 10,  /* bytes */
	TABLE_MAX_BYTES = 128 << 20, /* of the whole table in memory */
};

struct table_row {
	char **cell; /* n texts; those at the end that are empty are left out */
	size_t n;
	size_t no; /* as a person counts: the line of the file or the row of the sheet */
};

struct table {
	struct arena mem;
	struct vec rows;          /* of struct table_row */
	char *now[TABLE_MAX_COLS]; /* the row that is being filled */
	size_t width;
	size_t no;
};

void table_init(struct table *t);
void table_free(struct table *t); /* NULL is fine */
/* table_begin(t, no): Begin a row. table_set(t, col, p, n, e): A cell of it. E_LIMIT (which row and
 * column), E_INVAL (NUL, not UTF-8), E_NOMEM. table_end(t, e): Keep the row; an empty one is passed
 * over. */
void table_begin(struct table *t, size_t no);
MUST int table_set(struct table *t, size_t col, const void *p, size_t n, struct err *e);
MUST int table_end(struct table *t, struct err *e);

static inline size_t
table_rows(const struct table *t)
{
	return t->rows.len;
}

/* table_row(t, i): The ${i}-th row. table_cell(row, col): Its text, "" where there is none. */
const struct table_row *table_row(const struct table *t, size_t i);
const char *table_cell(const struct table_row *row, size_t col);

/* table_pack(t, b, e): The table as bytes, to be handed from one process to another.
 * table_unpack(t, p, n, e): The inverse, into an empty table. E_PROTO, E_LIMIT. */
MUST int table_pack(const struct table *t, struct buf *b, struct err *e);
MUST int table_unpack(struct table *t, const void *p, size_t n, struct err *e);

#endif
