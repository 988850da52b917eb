/* Tables whose header is repeated on every page, and name-value lists. */
#include <stdlib.h>

#include "mamori-render/page.h"

static const double pad_x = 3.5, pad_y = 2, box = 9.5, thin = 0.5;

struct grid {
	const struct report_block *b;
	double x[REPORT_MAX_COLUMNS + 1]; /* the borders */
	double top;                       /* where this page's part begins */
	bool head, bold_first;
};

struct cells { /* the texts of one row */
	PangoLayout *l[REPORT_MAX_COLUMNS];
	int first[REPORT_MAX_COLUMNS], total[REPORT_MAX_COLUMNS];
	double height;
};

static const char *const marks_ja[] = {"", "● 緑", "▲ 黄", "■ 赤", "？ 灰"};
static const char *const marks_en[] = {"", "● green", "▲ yellow", "■ red", "？ grey"};

static double
indent(const struct report_cell *c)
{
	return c->check == REPORT_NO_BOX ? 0 : box + 5;
}

/* The text of a cell, with the shape and word of its mark before it. */
static PangoLayout *
cell_layout(struct flow *f, const struct report_cell *c, bool bold, double w)
{
	const char *mark = (f->rep->lang[0] == 'e' ? marks_en : marks_ja)[c->mark];
	PangoLayout *l;
	char *s = NULL;

	if (*mark)
		s = g_strdup_printf("%s%s%s", mark, *c->text ? "\n" : "", c->text);
	l = flow_layout(
	    f, s ? s : c->text, BODY_PT, bold || c->bold, w - 2 * pad_x - indent(c), c->align);
	g_free(s);
	return l;
}

static void
row_open(struct flow *f, const struct grid *g, const struct report_row *row, struct cells *ret)
{
	*ret = (struct cells){.height = row->height * MM};
	for (size_t i = 0; i < g->b->ncolumns; i++) {
		double h;

		ret->l[i] =
		    cell_layout(f, &row->cells[i], g->bold_first && i == 0, g->x[i + 1] - g->x[i]);
		ret->total[i] = pango_layout_get_line_count(ret->l[i]);
		h = layout_height(ret->l[i]) + 2 * pad_y;
		ret->height = h > ret->height ? h : ret->height;
	}
}

static void
row_close(const struct grid *g, struct cells *c)
{
	for (size_t i = 0; i < g->b->ncolumns; i++)
		g_object_unref(c->l[i]);
}

/* As much of the row as fits into ${room}; returns the height used. */
static double
row_part(struct flow *f, const struct grid *g, const struct report_row *row, struct cells *c,
    double room)
{
	double most = 0;

	flow_begin(f, "TR");
	for (size_t i = 0; i < g->b->ncolumns; i++) {
		const struct report_cell *cell = row ? &row->cells[i] : NULL;
		double h = 0, in = cell ? indent(cell) : 0;
		int n = layout_fit(c->l[i], c->first[i], room - 2 * pad_y, &h);

		if (n == 0 && c->first[i] < c->total[i])
			n = 1; /* no page is that low, but never stand still */
		if (cell && cell->check != REPORT_NO_BOX && c->first[i] == 0)
			flow_check(f, g->x[i] + pad_x, f->y + pad_y + 3, box,
			    cell->check == REPORT_TICKED);
		flow_begin(f, row && !(g->bold_first && i == 0) ? "TD" : "TH");
		if (n > 0)
			flow_put(f, c->l[i], c->first[i], n, g->x[i] + pad_x + in, f->y + pad_y);
		flow_end(f);
		c->first[i] += n;
		most = h > most ? h : most;
	}
	flow_end(f);
	return most + 2 * pad_y;
}

static bool
row_done(const struct grid *g, const struct cells *c)
{
	for (size_t i = 0; i < g->b->ncolumns; i++)
		if (c->first[i] < c->total[i])
			return false;
	return true;
}

static void
verticals(struct flow *f, const struct grid *g)
{
	for (size_t i = 0; i <= g->b->ncolumns; i++)
		flow_line(f, g->x[i], g->top, 0, f->y - g->top, thin);
}

static void
rule(struct flow *f, const struct grid *g, double thick)
{
	flow_line(f, g->x[0], f->y, g->x[g->b->ncolumns] - g->x[0], 0, thick);
}

static void
head_open(struct flow *f, const struct grid *g, struct cells *ret)
{
	*ret = (struct cells){0};
	for (size_t i = 0; i < g->b->ncolumns; i++) {
		double h;

		ret->l[i] = flow_layout(f, g->b->columns[i].title, BODY_PT, true,
		    g->x[i + 1] - g->x[i] - 2 * pad_x, REPORT_CENTER);
		ret->total[i] = pango_layout_get_line_count(ret->l[i]);
		h = layout_height(ret->l[i]) + 2 * pad_y;
		ret->height = h > ret->height ? h : ret->height;
	}
}

/* The upper border and the header of this page's part. */
static void
part_begin(struct flow *f, struct grid *g)
{
	g->top = f->y;
	rule(f, g, g->head ? 1 : thin);
	if (g->head) {
		struct cells c;

		head_open(f, g, &c);
		(void)row_part(f, g, NULL, &c, 1e9);
		f->y += c.height;
		row_close(g, &c);
		rule(f, g, 1);
	}
}

static void
next_page(struct flow *f, struct grid *g)
{
	verticals(f, g);
	flow_page(f, f->landscape);
	part_begin(f, g);
}

static void
grid_init(struct flow *f, struct grid *g, const struct report_block *b, bool head)
{
	double sum = 0, at = f->left;

	*g = (struct grid){.b = b, .head = head, .bold_first = !head};
	for (size_t i = 0; i < b->ncolumns; i++)
		sum += b->columns[i].width;
	for (size_t i = 0; i < b->ncolumns; i++) {
		g->x[i] = at;
		at += (f->right - f->left) * b->columns[i].width / sum;
	}
	g->x[b->ncolumns] = f->right;
}

static void
lay_row(struct flow *f, struct grid *g, const struct report_row *row)
{
	double page = f->bottom - f->top;
	struct cells c;

	row_open(f, g, row, &c);
	/* a row stays whole unless that would leave much of a page white */
	if (f->y + c.height > f->bottom && c.height < page * 0.4 && f->y > f->top + 60)
		next_page(f, g);
	while (f->r == 0) {
		double used = row_part(f, g, row, &c, f->bottom - f->y);

		if (row_done(g, &c)) {
			f->y += c.height < f->bottom - f->y && used < c.height &&
				f->y + c.height <= f->bottom
			    ? c.height
			    : used;
			rule(f, g, thin);
			break;
		}
		f->y += used;
		rule(f, g, thin);
		next_page(f, g);
		c.height = 0; /* what is left is as high as its text */
	}
	row_close(g, &c);
}

double
table_start(struct flow *f, const struct report_block *b)
{
	struct grid g;
	struct cells c;
	double h;

	grid_init(f, &g, b, true);
	head_open(f, &g, &c);
	h = c.height + 12;
	row_close(&g, &c);
	if (b->nrows > 0) {
		row_open(f, &g, &b->rows[0], &c);
		h += c.height < 150 ? c.height : 150;
		row_close(&g, &c);
	}
	if (*b->text)
		h += 18;
	return h;
}

void
lay_table(struct flow *f, const struct report_block *b, bool head)
{
	struct grid g;

	flow_gap(f, 4);
	if (head)
		flow_need(f, table_start(f, b));
	else
		flow_need(f, 40);
	if (*b->text)
		flow_text(f, "P",
		    flow_layout(f, b->text, BODY_PT, true, f->right - f->left, REPORT_LEFT),
		    f->left);
	grid_init(f, &g, b, head);
	flow_begin(f, "Table");
	part_begin(f, &g);
	for (size_t i = 0; i < b->nrows && f->r == 0; i++)
		lay_row(f, &g, &b->rows[i]);
	verticals(f, &g);
	flow_end(f);
	f->y += 8;
}

void
lay_kv(struct flow *f, const struct report_block *b)
{
	double key = b->size * MM, rest = f->right - f->left - key;
	const struct report_column cols[2] = {
	    {.title = "", .width = key}, {.title = "", .width = rest}};
	struct report_row *rows = calloc(b->nitems, sizeof(*rows));
	struct report_cell *cells = calloc(b->nitems, 2 * sizeof(*cells));
	struct report_block t = {.type = REPORT_TABLE, .text = "", .title = "", .columns = cols,
	    .ncolumns = 2, .rows = rows, .nrows = b->nitems};

	if (!rows || !cells) {
		f->r = err_set(f->e, E_NOMEM, "no memory");
		t.nrows = 0;
	}
	for (size_t i = 0; i < t.nrows; i++) {
		cells[2 * i] = (struct report_cell){.text = b->items[i].text};
		cells[2 * i + 1] = (struct report_cell){.text = b->items[i].value};
		rows[i] = (struct report_row){.cells = &cells[2 * i]};
	}
	lay_table(f, &t, false);
	free(cells);
	free(rows);
}
