/* From the list to a PDF. */
#include <cairo-pdf.h>
#include <math.h>
#include <qrencode.h>
#include <string.h>

#include "mamori-render/glyphs.h"
#include "mamori-render/page.h"

enum { OUTLINE_DEPTH = 4 };

struct pen {
	struct flow *f;
	struct glyphs *glyphs;
	bool collect; /* the first pass: only look which glyphs are needed */
	cairo_surface_t *s;
	cairo_t *cr;
	size_t page; /* 0: none begun */
	double w, h;
	const size_t *section_page;
};

bool
qr_fits(const char *text)
{
	QRcode *q =
	    QRcode_encodeData((int)strlen(text), (const unsigned char *)text, 0, QR_ECLEVEL_M);
	bool ok = q != NULL;

	QRcode_free(q);
	return ok;
}

static void
qr(struct pen *p, const char *text, double x, double y, double side)
{
	QRcode *q;
	double m;

	if (p->collect)
		return;
	q = QRcode_encodeData((int)strlen(text), (const unsigned char *)text, 0, QR_ECLEVEL_M);
	if (!q)
		return; /* layout asked first */
	m = side / (q->width + 8); /* four modules of white around it belong to the code */
	for (int v = 0; v < q->width; v++)
		for (int u = 0; u < q->width; u++)
			if (q->data[v * q->width + u] & 1)
				cairo_rectangle(p->cr, x + (u + 4) * m, y + (v + 4) * m, m, m);
	cairo_fill(p->cr);
	QRcode_free(q);
}

static void
text(struct pen *p, PangoLayout *l, int first, int count, double x, double y)
{
	PangoLayoutIter *it = pango_layout_get_iter(l);
	int i = 0, y0, y1, top = 0;

	do {
		PangoLayoutLine *ll = pango_layout_iter_get_line_readonly(it);
		PangoRectangle r;

		if (i < first || i >= first + count)
			continue;
		if (p->collect) {
			glyphs_collect(p->glyphs, ll);
			continue;
		}
		pango_layout_iter_get_line_yrange(it, &y0, &y1);
		if (i == first)
			top = y0;
		pango_layout_iter_get_line_extents(it, NULL, &r);
		glyphs_show(p->glyphs, p->cr, ll, x + (double)r.x / PANGO_SCALE,
		    y + (double)(pango_layout_iter_get_baseline(it) - top) / PANGO_SCALE);
	} while (i++, pango_layout_iter_next_line(it));
	pango_layout_iter_free(it);
}

/* A line of the header or footer; cut rather than run into its neighbour. */
static void
margin(struct pen *p, const char *s, double x, double y, double w, enum report_align align)
{
	PangoLayout *l = flow_layout(p->f, s, BODY_PT, false, w, align);

	pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
	pango_layout_set_height(l, -1);
	text(p, l, 0, 1, x, y);
	g_object_unref(l);
}

static void
line(struct pen *p, double x, double y, double w, double h, double thick)
{
	if (p->collect)
		return;
	cairo_set_line_width(p->cr, thick);
	cairo_move_to(p->cr, x, y);
	cairo_line_to(p->cr, x + w, y + h);
	cairo_stroke(p->cr);
}

static void
check(struct pen *p, const struct op *o)
{
	double s = o->w;

	cairo_set_line_width(p->cr, 0.8);
	cairo_rectangle(p->cr, o->x, o->y, s, s);
	cairo_stroke(p->cr);
	if (!o->flag)
		return;
	cairo_set_line_width(p->cr, 1.7);
	cairo_move_to(p->cr, o->x + s * 0.18, o->y + s * 0.5);
	cairo_line_to(p->cr, o->x + s * 0.42, o->y + s * 0.78);
	cairo_line_to(p->cr, o->x + s * 0.86, o->y + s * 0.16);
	cairo_stroke(p->cr);
}

static void
link_code(struct pen *p, double left, double right, double y)
{
	const struct report *r = p->f->rep;
	double side = 20 * MM;

	qr(p, r->link, right - side, y, side);
	margin(p, r->lang[0] == 'e' ? "The record of this document:" : "この文書の記録（画面で開く）:", left,
	    y + 14, right - left - side - 8, REPORT_RIGHT);
	margin(p, r->link, left, y + 30, right - left - side - 8, REPORT_RIGHT);
}

/* What every page says of itself. */
static void
page_end(struct pen *p, bool landscape)
{
	const struct report *r = p->f->rep;
	bool en = r->lang[0] == 'e';
	double left = (landscape ? 14 : 20) * MM, right = p->w - 14 * MM, w = right - left;
	double top = (landscape ? 20 : 14) * MM - 5, foot = p->h - 14 * MM - 16;
	char s[512];
	struct buf b;

	(void)snprintf(s, sizeof(s), "%s%s%s", r->facility, *r->facility ? "　" : "", r->title);
	margin(p, s, left, top - 3, w * 0.66, REPORT_LEFT);
	(void)snprintf(s, sizeof(s), "%s%s%s", r->number, *r->number && *r->version ? "　" : "", r->version);
	margin(p, s, left + w * 0.67, top - 3, w * 0.33, REPORT_RIGHT);
	line(p, left, top + 14, w, 0, 0.4);
	if (p->page == 1 && *r->link)
		link_code(p, left, right, foot - 21 * MM);
	line(p, left, foot - 2, w, 0, 0.4);
	buf_init(&b, 256);
	if (buf_str(&b, en ? "Printed " : "印刷 ", NULL) == 0 &&
	    report_date(&b, r->printed_at, !en, true, NULL) == 0 && buf_cstr(&b, NULL))
		margin(p, buf_cstr(&b, NULL), left, foot, w * 0.5, REPORT_LEFT);
	buf_free(&b);
	if (r->numbered_pages) {
		(void)snprintf(s, sizeof(s), "%zu / %zu", p->page, p->f->pages);
		margin(p, s, left + w * 0.5, foot, w * 0.16, REPORT_CENTER);
	}
	(void)snprintf(s, sizeof(s), "%s %s", en ? "SHA-256" : "照合 SHA-256", r->mark);
	margin(p, s, left + w * 0.6, foot, w * 0.4, REPORT_RIGHT);
}

static void
begin(struct pen *p, const struct op *o)
{
	char attr[64];

	if (!o->flag) {
		cairo_tag_begin(p->cr, o->what, NULL);
		return;
	}
	(void)snprintf(attr, sizeof(attr), "dest='s%d'", o->first);
	cairo_tag_begin(p->cr, o->what, attr);
}

static void
page_begin(struct pen *p, const struct op *o)
{
	if (p->page > 0) {
		page_end(p, p->w > p->h);
		if (!p->collect)
			cairo_show_page(p->cr);
	}
	p->page++;
	p->w = o->w;
	p->h = o->h;
	if (!p->collect)
		cairo_pdf_surface_set_size(p->s, o->w, o->h);
}

static void
one(struct pen *p, const struct op *o)
{
	char s[64];

	if (p->collect && o->kind != OP_PAGE && o->kind != OP_TEXT && o->kind != OP_NUMBER)
		return;
	switch (o->kind) {
	case OP_PAGE:
		page_begin(p, o);
		break;
	case OP_BEGIN:
		begin(p, o);
		break;
	case OP_END:
		cairo_tag_end(p->cr, o->what);
		break;
	case OP_TEXT:
		text(p, o->layout, o->first, o->count, o->x, o->y);
		break;
	case OP_LINE:
		if (o->flag)
			cairo_set_dash(p->cr, (const double[]){1, 3}, 2, 0);
		line(p, o->x, o->y, o->w, o->h, o->size);
		cairo_set_dash(p->cr, NULL, 0, 0);
		break;
	case OP_RECT:
		cairo_rectangle(p->cr, o->x, o->y, o->w, o->h);
		cairo_set_line_width(p->cr, o->size);
		if (o->size > 0)
			cairo_stroke(p->cr);
		else
			cairo_fill(p->cr);
		break;
	case OP_CHECK:
		check(p, o);
		break;
	case OP_RING:
		cairo_set_line_width(p->cr, o->size);
		cairo_arc(p->cr, o->x + o->w / 2, o->y + o->w / 2, o->w / 2, 0, 2 * M_PI);
		cairo_stroke(p->cr);
		break;
	case OP_QR:
		qr(p, o->what, o->x, o->y, o->w);
		break;
	case OP_NUMBER:
		(void)snprintf(s, sizeof(s), "%zu", p->section_page[o->first]);
		margin(p, s, o->x - 34, o->y, 34, REPORT_RIGHT);
		break;
	case OP_DEST:
		(void)snprintf(s, sizeof(s), "name='s%d'", o->first);
		cairo_tag_begin(p->cr, CAIRO_TAG_DEST, s);
		cairo_tag_end(p->cr, CAIRO_TAG_DEST);
		break;
	}
}

static void
outline(struct pen *p)
{
	int parent[OUTLINE_DEPTH] = {CAIRO_PDF_OUTLINE_ROOT};
	unsigned depth = 0;

	for (size_t i = 0; i < p->f->marks.len; i++) {
		const struct mark *m = VEC_AT(&p->f->marks, struct mark, i);
		unsigned level = m->level < OUTLINE_DEPTH ? m->level : OUTLINE_DEPTH - 1;
		char attr[64];

		if (level > depth + 1)
			level = depth + 1; /* a level was left out */
		(void)snprintf(attr, sizeof(attr), "page=%zu pos=[0 %d]", m->page, (int)m->y);
		parent[level] = cairo_pdf_surface_add_outline(p->s, parent[level - 1], m->text,
		    attr, level == 1 ? CAIRO_PDF_OUTLINE_FLAG_OPEN : 0);
		depth = level;
	}
}

/* The title is cut, not refused, where cairo's field is too short for it. */
static void
metadata(struct pen *p)
{
	const struct report *r = p->f->rep;

	cairo_pdf_surface_set_metadata(p->s, CAIRO_PDF_METADATA_TITLE, r->title);
	cairo_pdf_surface_set_metadata(p->s, CAIRO_PDF_METADATA_AUTHOR, r->facility);
	cairo_pdf_surface_set_metadata(p->s, CAIRO_PDF_METADATA_SUBJECT, r->number);
	cairo_pdf_surface_set_metadata(p->s, CAIRO_PDF_METADATA_CREATOR, "Mamori " MAMORI_VERSION);
	/* the same model gives the same bytes: no clock but the model's */
	cairo_pdf_surface_set_metadata(p->s, CAIRO_PDF_METADATA_CREATE_DATE, r->printed_at);
	cairo_pdf_surface_set_metadata(p->s, CAIRO_PDF_METADATA_MOD_DATE, r->printed_at);
}

static int
find_sections(const struct flow *f, size_t *pages, struct err *e)
{
	size_t page = 0;

	for (size_t i = 0; i < f->ops.len; i++) {
		const struct op *o = VEC_AT(&f->ops, struct op, i);

		page += o->kind == OP_PAGE;
		if (o->kind == OP_DEST)
			pages[o->first] = page;
	}
	return page > 0 ? 0 : err_set(e, E_INVAL, "the document has no page");
}

/* Every operation once, in order. */
static void
pass(struct pen *p)
{
	p->page = 0;
	for (size_t i = 0; i < p->f->ops.len; i++)
		one(p, VEC_AT(&p->f->ops, struct op, i));
	page_end(p, p->w > p->h);
}

int
draw(struct flow *f, cairo_write_func_t write, void *cookie, struct err *e)
{
	size_t *pages = g_new0(size_t, f->rep->n + 1);
	struct pen p = {.f = f, .section_page = pages, .glyphs = glyphs_new(), .collect = true};
	cairo_status_t st;
	int r = find_sections(f, pages, e);

	if (r == 0) {
		pass(&p);
		r = glyphs_ready(p.glyphs, e);
	}
	if (r < 0)
		goto out;
	p.collect = false;
	p.s = cairo_pdf_surface_create_for_stream(write, cookie, 210 * MM, 297 * MM);
	p.cr = cairo_create(p.s);
	metadata(&p);
	pass(&p);
	cairo_show_page(p.cr);
	outline(&p);
	st = cairo_status(p.cr);
	cairo_destroy(p.cr);
	cairo_surface_finish(p.s);
	if (st == CAIRO_STATUS_SUCCESS)
		st = cairo_surface_status(p.s);
	cairo_surface_destroy(p.s);
	if (st != CAIRO_STATUS_SUCCESS)
		r = err_set(
		    e, E_SYS, "the PDF could not be written: %s", cairo_status_to_string(st));
out:
	glyphs_free(p.glyphs);
	g_free(pages);
	return r;
}
