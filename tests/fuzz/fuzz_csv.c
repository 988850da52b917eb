/* deps: base text */
/* A CSV file of strangers: refused, or a table that is the same when it is written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
same(const struct table *a, const struct table *b)
{
	if (table_rows(a) != table_rows(b))
		abort();
	for (size_t i = 0; i < table_rows(a); i++) {
		const struct table_row *x = table_row(a, i), *y = table_row(b, i);

		if (x->n != y->n)
			abort();
		for (size_t k = 0; k < x->n; k++)
			if (strcmp(table_cell(x, k), table_cell(y, k)) != 0)
				abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct csv_options o = {.restore = true};
	const struct csv_options again = {.restore = true, .given = true, .encoding = CSV_UTF8,
	    .delimiter = ','};
	struct csv_writer w;
	struct csv_found f;
	struct table t, u;
	struct buf b;
	int r;

	table_init(&t);
	table_init(&u);
	buf_init(&b, 64 << 20);
	r = csv_read(p, n, &o, &t, &f, NULL);
	if (r == 0 && csv_begin(&w, &b, CSV_UTF8, NULL) == 0) {
		for (size_t i = 0; i < table_rows(&t) && r == 0; i++) {
			const struct table_row *row = table_row(&t, i);

			for (size_t k = 0; k < row->n && r == 0; k++)
				r = csv_put(&w, table_cell(row, k), NULL);
			if (r == 0)
				r = csv_line(&w, NULL);
		}
		if (csv_end(&w, NULL) < 0)
			abort();
		/* doubled quotes may push a cell past the limit */
		if (r == 0 && csv_read(b.p, b.len, &again, &u, &f, NULL) == 0)
			same(&t, &u);
	}
	table_free(&t);
	table_free(&u);
	buf_free(&b);
	return 0;
}
