#include "mamori-render/page.h"

enum { OPS_MAX = 4000000, MARKS_MAX = 20000 };

/* A4. The 20 mm for two holes are on the left of an upright page, and on the edge that lies there
 * when a wide page is turned to be filed with the others: its top. */
static const double short_side = 210 * MM, long_side = 297 * MM, holes = 20 * MM, edge = 14 * MM,
		    header = 7 * MM, footer = 10 * MM, link_height = 22 * MM;

void
flow_init(struct flow *f, const struct report *rep, struct fonts *fonts, struct err *e)
{
	*f = (struct flow){.rep = rep, .fonts = fonts, .e = e};
	vec_init(&f->ops, sizeof(struct op), OPS_MAX);
	vec_init(&f->marks, sizeof(struct mark), MARKS_MAX);
}

void
flow_free(struct flow *f)
{
	for (size_t i = 0; i < f->ops.len; i++) {
		struct op *o = VEC_AT(&f->ops, struct op, i);

		if (o->layout)
			g_object_unref(o->layout);
	}
	vec_free(&f->ops);
	vec_free(&f->marks);
}

struct op *
flow_op(struct flow *f, enum op_kind kind)
{
	static struct op spare;
	struct op *o = f->r == 0 ? vec_add(&f->ops) : NULL;

	if (!o) {
		if (f->r == 0)
			f->r = err_set(f->e, E_LIMIT, "the document is too large for paper");
		spare = (struct op){0};
		return &spare;
	}
	o->kind = kind;
	return o;
}

void
flow_page(struct flow *f, bool landscape)
{
	struct op *o;

	if (f->pages >= REPORT_MAX_PAGES && f->r == 0)
		f->r =
		    err_set(f->e, E_LIMIT, "the document has more than %d pages", REPORT_MAX_PAGES);
	f->pages++;
	f->landscape = landscape;
	f->w = landscape ? long_side : short_side;
	f->h = landscape ? short_side : long_side;
	f->left = landscape ? edge : holes;
	f->right = f->w - edge;
	f->top = (landscape ? holes : edge) + header;
	f->bottom = f->h - edge - footer;
	if (f->pages == 1 && *f->rep->link)
		f->bottom -= link_height;
	f->y = f->top;
	f->fresh = true;
	o = flow_op(f, OP_PAGE);
	o->w = f->w;
	o->h = f->h;
	o->flag = landscape;
}

void
flow_need(struct flow *f, double h)
{
	if (f->y + h > f->bottom && !f->fresh)
		flow_page(f, f->landscape);
}

void
flow_gap(struct flow *f, double h)
{
	if (!f->fresh)
		f->y += h;
}

static struct op *
tag_begin(struct flow *f, const char *tag)
{
	struct op *o = flow_op(f, OP_BEGIN);

	o->what = tag;
	if (f->nopen < G_N_ELEMENTS(f->open))
		f->open[f->nopen] = tag;
	f->nopen++;
	return o;
}

void
flow_begin(struct flow *f, const char *tag)
{
	(void)tag_begin(f, tag);
}

void
flow_begin_link(struct flow *f, int section)
{
	struct op *o = tag_begin(f, CAIRO_TAG_LINK);

	o->flag = true;
	o->first = section;
}

void
flow_end(struct flow *f)
{
	f->nopen--; /* layout nests at most six deep */
	flow_op(f, OP_END)->what = f->open[f->nopen];
}

void
flow_line(struct flow *f, double x, double y, double w, double h, double thick)
{
	struct op *o = flow_op(f, OP_LINE);

	o->x = x;
	o->y = y;
	o->w = w;
	o->h = h;
	o->size = thick;
	f->fresh = false;
}

void
flow_rect(struct flow *f, double x, double y, double w, double h, double thick)
{
	struct op *o = flow_op(f, OP_RECT);

	o->x = x;
	o->y = y;
	o->w = w;
	o->h = h;
	o->size = thick;
	f->fresh = false;
}

void
flow_check(struct flow *f, double x, double y, double size, bool ticked)
{
	struct op *o = flow_op(f, OP_CHECK);

	o->x = x;
	o->y = y;
	o->w = size;
	o->flag = ticked;
	f->fresh = false;
}

PangoLayout *
flow_layout(struct flow *f, const char *text, double size, bool bold, double width,
    enum report_align align)
{
	static const PangoAlignment aligns[] = {PANGO_ALIGN_LEFT, PANGO_ALIGN_CENTER,
	    PANGO_ALIGN_RIGHT};
	PangoLayout *l = pango_layout_new(f->fonts->ctx);
	PangoFontDescription *d = bold ? f->fonts->bold : f->fonts->plain;

	pango_font_description_set_absolute_size(d, size * PANGO_SCALE);
	pango_layout_set_font_description(l, d);
	pango_layout_set_text(l, text, -1);
	pango_layout_set_width(l, (int)((width > 1 ? width : 1) * PANGO_SCALE));
	/* words stay whole where they can; a long address or digest is cut rather than lost */
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_alignment(l, aligns[align]);
	return l;
}

double
layout_height(PangoLayout *l)
{
	int h;

	pango_layout_get_size(l, NULL, &h);
	return (double)h / PANGO_SCALE;
}

int
layout_fit(PangoLayout *l, int first, double room, double *ret_h)
{
	PangoLayoutIter *it = pango_layout_get_iter(l);
	int n = 0, i = 0, top = 0, y0, y1;
	double h = 0;

	do {
		if (i++ < first)
			continue;
		pango_layout_iter_get_line_yrange(it, &y0, &y1);
		if (n == 0)
			top = y0;
		if ((double)(y1 - top) / PANGO_SCALE > room + 0.01)
			break;
		h = (double)(y1 - top) / PANGO_SCALE;
		n++;
	} while (pango_layout_iter_next_line(it));
	pango_layout_iter_free(it);
	*ret_h = h;
	return n;
}

void
flow_put(struct flow *f, PangoLayout *l, int first, int count, double x, double y)
{
	struct op *o = flow_op(f, OP_TEXT);

	o->layout = g_object_ref(l);
	if (f->r < 0)
		g_object_unref(l); /* nobody will see the spare one */
	o->first = first;
	o->count = count;
	o->x = x;
	o->y = y;
	f->fresh = false;
}

void
flow_text(struct flow *f, const char *tag, PangoLayout *l, double x)
{
	int total = pango_layout_get_line_count(l), first = 0;

	while (first < total && f->r == 0) {
		double h;
		int n = layout_fit(l, first, f->bottom - f->y, &h), left = total - first;

		/* no single line alone at the foot or the head of a page */
		if (n < left && n == left - 1 && n > 2)
			n--;
		if (n < left && n < 2 && !f->fresh) {
			flow_page(f, f->landscape);
			continue;
		}
		if (n < 1)
			n = 1; /* taller than a page: it must go somewhere */
		(void)layout_fit(l, first, 1e9, &h);
		if (n < left) {
			double rest;

			(void)layout_fit(l, first + n, 1e9, &rest);
			h -= rest;
		}
		if (tag)
			flow_begin(f, tag);
		flow_put(f, l, first, n, x, f->y);
		if (tag)
			flow_end(f);
		f->y += h;
		first += n;
		if (first < total)
			flow_page(f, f->landscape);
	}
	g_object_unref(l);
}

double
flow_label(struct flow *f, const char *tag, const char *text, double size, bool bold, double x,
    double y, double width, enum report_align align)
{
	PangoLayout *l = flow_layout(f, text, size, bold, width, align);
	double h = layout_height(l);

	if (*text) {
		flow_begin(f, tag);
		flow_put(f, l, 0, pango_layout_get_line_count(l), x, y);
		flow_end(f);
	}
	g_object_unref(l);
	return h;
}
