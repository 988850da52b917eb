#include <string.h>
#include <xlsxwriter.h>

#include "base/num.h"
#include "text/day.h"
#include "text/xlsx.h"

struct out {
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *head, *text, *day;
};

/* escape_at(s): Whether _xHHHH_ stands here, which a spreadsheet would take for a character. */
static bool
escape_at(const char *s)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	return s[0] == '_' && s[1] == 'x' && strspn(s + 2, hex) >= 4 && s[6] == '_';
}

static lxw_error
put_text(struct out *o, lxw_row_t row, lxw_col_t col, const char *s)
{
	lxw_error x = LXW_ERROR_MEMORY_MALLOC_FAILED;
	struct buf b;
	int r = 0;

	if (!strstr(s, "_x"))
		return worksheet_write_string(o->sheet, row, col, s, o->text);
	buf_init(&b, 8 * (size_t)TABLE_MAX_CELL);
	for (; *s && r == 0; s++)
		r = escape_at(s) ? buf_str(&b, "_x005F_", NULL) : buf_u8(&b, (uint8_t)*s, NULL);
	if (r == 0 && buf_cstr(&b, NULL))
		x = worksheet_write_string(o->sheet, row, col, (const char *)b.p, o->text);
	buf_free(&b);
	return x;
}

static lxw_error
put(struct out *o, const struct xlsx_column *c, lxw_row_t row, lxw_col_t col, const char *s)
{
	uint64_t n;

	if (c->type == XLSX_NUMBER && (s[0] != '0' || !s[1]) &&
	    num_parse_u64(s, UINT64_C(999999999999999), &n, NULL) == 0)
		return worksheet_write_number(o->sheet, row, col, (double)n, NULL);
	if (c->type == XLSX_DAY && day_ok(s) && strcmp(s, "1900-03-01") >= 0)
		return worksheet_write_number(o->sheet, row, col,
		    (double)(day_number(s) - day_number("1899-12-30")), o->day);
	return put_text(o, row, col, s);
}

/* choices(o, c, col, rows): A list to choose from, where a spreadsheet can hold it. */
static void
choices(struct out *o, const struct xlsx_column *c, lxw_col_t col, size_t rows)
{
	union {
		const char *const *c;
		char **p;
	} list = {.c = c->list};
	lxw_data_validation v;

	(void)memset(&v, 0, sizeof(v));
	v.validate = LXW_VALIDATION_TYPE_LIST;
	v.value_list = list.p; /* only read */
	v.ignore_blank = LXW_VALIDATION_ON;
	v.dropdown = LXW_VALIDATION_ON;
	v.error_type = LXW_VALIDATION_ERROR_TYPE_WARNING;
	/* too long a list is refused by the library and then simply not offered */
	(void)worksheet_data_validation_range(o->sheet, 1, col, (lxw_row_t)rows + 200, col, &v);
}

static lxw_error
fill(struct out *o, const struct xlsx_column *columns, size_t ncols, const struct table *t)
{
	lxw_error x = LXW_NO_ERROR;

	for (size_t c = 0; c < ncols && x == LXW_NO_ERROR; c++) {
		lxw_row_col_options hide = {.hidden = columns[c].hidden};

		x = worksheet_set_column_opt(o->sheet, (lxw_col_t)c, (lxw_col_t)c,
		    columns[c].width > 0 ? columns[c].width : 12, o->text, &hide);
		if (x == LXW_NO_ERROR)
			x = worksheet_write_string(o->sheet, 0, (lxw_col_t)c, columns[c].label,
			    o->head);
		if (columns[c].list)
			choices(o, &columns[c], (lxw_col_t)c, table_rows(t));
	}
	for (size_t i = 0; i < table_rows(t); i++)
		for (size_t c = 0; c < ncols && x == LXW_NO_ERROR; c++) {
			const char *s = table_cell(table_row(t, i), c);

			if (*s)
				x = put(o, &columns[c], (lxw_row_t)(i + 1), (lxw_col_t)c, s);
		}
	return x;
}

int
xlsx_write(const char *path, const char *sheet, const struct xlsx_column *columns, size_t ncols,
    const struct table *t, struct err *e)
{
	struct out o = {.book = workbook_new(path)};
	lxw_error x, closed;

	if (!o.book)
		return err_set(e, E_NOMEM, "no memory for a spreadsheet");
	o.sheet = workbook_add_worksheet(o.book, sheet);
	o.head = workbook_add_format(o.book);
	o.text = workbook_add_format(o.book);
	o.day = workbook_add_format(o.book);
	if (!o.sheet || !o.head || !o.text || !o.day) {
		(void)workbook_close(o.book);
		return err_set(e, E_INVAL, "%s: not a name for a sheet", sheet);
	}
	format_set_bold(o.head);
	format_set_border(o.head, LXW_BORDER_THIN);
	format_set_num_format(o.text, "@"); /* a telephone number keeps its zero */
	format_set_num_format(o.day, "yyyy-mm-dd");
	x = fill(&o, columns, ncols, t);
	worksheet_freeze_panes(o.sheet, 1, 0);
	if (ncols > 0)
		(void)worksheet_autofilter(o.sheet, 0, 0, (lxw_row_t)table_rows(t),
		    (lxw_col_t)(ncols - 1));
	worksheet_set_landscape(o.sheet);
	worksheet_set_paper(o.sheet, 9); /* A4 */
	(void)worksheet_repeat_rows(o.sheet, 0, 0);
	worksheet_fit_to_pages(o.sheet, 1, 0);
	closed = workbook_close(o.book);
	if (x == LXW_NO_ERROR)
		x = closed;
	if (x == LXW_ERROR_MAX_STRING_LENGTH_EXCEEDED)
		return err_set(e, E_LIMIT, "a text is too long for a spreadsheet");
	return x == LXW_NO_ERROR ? 0 : err_set(e, E_SYS, "%s: %s", path, lxw_strerror(x));
}
