#include "report/read_int.h"

static void
columns(struct in *in, const json_t *o, struct report_block *b)
{
	struct report_column *c;
	const json_t *list;
	size_t n;

	list = in_array(in, o, "columns", REPORT_MAX_COLUMNS, &n);
	b->columns = c = in_alloc(in, n, sizeof(*c));
	b->ncolumns = c ? n : 0;
	for (size_t i = 0; c && i < n; i++) {
		size_t was = in_push(in, ".columns[%zu]", i);
		const json_t *v = json_array_get(list, i);

		if (json_is_string(v)) {
			c[i] = (struct report_column){.title = in_text(in, v), .width = 1};
		} else {
			in_only(in, v, "title width align");
			c[i].title = in_text_of(in, v, "title", false);
			c[i].width = in_number(in, v, "width", 0.01, 1000, 1);
			c[i].align =
			    (enum report_align)in_word(in, v, "align", "left center right");
		}
		in_pop(in, was);
	}
}

static void
cell(struct in *in, const json_t *v, enum report_align align, struct report_cell *ret)
{
	const json_t *check;

	*ret = (struct report_cell){.text = "", .align = align};
	if (!json_is_object(v)) {
		ret->text = in_text(in, v);
		return;
	}
	in_only(in, v, "text check mark bold align");
	ret->text = in_text_of(in, v, "text", false);
	check = json_object_get(v, "check");
	if (check && !json_is_null(check))
		ret->check = in_bool(in, v, "check", false) ? REPORT_TICKED : REPORT_BOX;
	ret->mark = (enum report_mark)in_word(in, v, "mark", "none green yellow red grey");
	ret->bold = in_bool(in, v, "bold", false);
	if (json_object_get(v, "align"))
		ret->align = (enum report_align)in_word(in, v, "align", "left center right");
}

static void
row(struct in *in, const json_t *v, const struct report_block *b, struct report_row *ret)
{
	struct report_cell *c;
	const json_t *list = v;

	if (json_is_object(v)) {
		in_only(in, v, "height cells");
		ret->height = in_number(in, v, "height", 0, 200, 0);
		list = json_object_get(v, "cells");
	}
	if (in->r == 0 && (!json_is_array(list) || json_array_size(list) != b->ncolumns))
		in_bad(in, E_INVAL, "a list of %zu cells is expected, one a column", b->ncolumns);
	in->cells += b->ncolumns;
	if (in->cells > REPORT_MAX_CELLS)
		in_bad(in, E_LIMIT, "more than %d cells", REPORT_MAX_CELLS);
	ret->cells = c = in_alloc(in, b->ncolumns, sizeof(*c));
	for (size_t i = 0; c && i < b->ncolumns; i++) {
		size_t was = in_push(in, "[%zu]", i);

		cell(in, json_array_get(list, i), b->columns[i].align, &c[i]);
		in_pop(in, was);
	}
}

void
in_table(struct in *in, const json_t *o, struct report_block *b)
{
	const json_t *list = json_object_get(o, "rows");
	size_t n = json_array_size(list);
	struct report_row *r;

	in_only(in, o, "type columns rows caption");
	b->text = in_text_of(in, o, "caption", false);
	columns(in, o, b);
	/* a table may be empty: that, too, is an answer */
	if (in->r == 0 && !json_is_array(list))
		in_bad(in, E_INVAL, "rows: a list is expected");
	if (n > REPORT_MAX_ROWS)
		in_bad(in, E_LIMIT, "rows: %zu; at most %d", n, REPORT_MAX_ROWS);
	b->rows = r = in_alloc(in, n, sizeof(*r));
	b->nrows = r ? n : 0;
	for (size_t i = 0; r && i < n && in->r == 0; i++) {
		size_t was = in_push(in, ".rows[%zu]", i);

		row(in, json_array_get(list, i), b, &r[i]);
		in_pop(in, was);
	}
}
