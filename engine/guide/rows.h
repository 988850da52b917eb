/* Rows of the records database as JSON objects. Inside engine/guide. */
#ifndef MAMORI_ENGINE_GUIDE_ROWS_H
#define MAMORI_ENGINE_GUIDE_ROWS_H

#include <jansson.h>

#include "db/db.h"

enum { ROWS_MAX = 20000 };

/* What becomes of each column, in order: a name alone is a text; '#' before it an integer, '?' a
 * truth, '@' a time (RFC 3339, left out where 0), '{' JSON. */
struct rows {
	const char *const *cols;
	size_t n;
	json_t *list; /* the result, owned by the caller */
};

/* rows_take: a db_row_fn whose cookie is a struct rows. E_LIMIT past ROWS_MAX. */
MUST int rows_take(const struct db_row *row, void *cookie, struct err *e);
/* rows_begin(cols, n): With a new list; its list is NULL without memory. */
struct rows rows_begin(const char *const *cols, size_t n);
/* rows_end(rows, r, ret, e): Give the list to ${ret} when ${r} is 0, else drop it; returns ${r}. */
MUST int rows_end(struct rows *rows, int r, json_t **ret, struct err *e);
/* rows_one(rows, r, ret, e): The same for exactly one row; E_NOENT when there is none. */
MUST int rows_one(struct rows *rows, int r, json_t **ret, struct err *e);

#endif
