/* Headings, text, lists, notes, check lists; and the walk through the document. */
#include "mamori-render/page.h"

enum { GAP = 6 };

static const double heading_size[] = {16, 13, 11.5};
static const char *const heading_tag[] = {"H1", "H2", "H3"};

static double
width(const struct flow *f)
{
	return f->right - f->left;
}

/* The height of the first lines of a text, so that a heading does not stand alone. */
static double
first_lines(struct flow *f, const char *text, double size, bool bold, double w)
{
	PangoLayout *l = flow_layout(f, text, size, bold, w, REPORT_LEFT);
	double h = 0, one;
	int n = pango_layout_get_line_count(l);

	h = layout_height(l);
	if (n > 3) {
		(void)layout_fit(l, 2, 1e9, &one);
		h -= one;
	}
	g_object_unref(l);
	return h;
}

/* start(f, b): How much of ${b} must stand on the same page as the heading before it. */
static double
start(struct flow *f, const struct report_block *b)
{
	switch (b->type) {
	case REPORT_TABLE:
		return table_start(f, b);
	case REPORT_PARA:
		return first_lines(f, b->text, b->size, b->bold, width(f)) + GAP;
	case REPORT_NOTE:
		return first_lines(f, b->text, BODY_PT, false, width(f) - 16) + 3 * GAP;
	case REPORT_HEADING:
		return first_lines(f, b->text, heading_size[b->n - 1], true, width(f)) + 40;
	case REPORT_SPACE:
		return b->size * MM;
	case REPORT_PAGE:
	case REPORT_TOC:
		return 0;
	case REPORT_QR:
		return b->size * MM;
	case REPORT_APPROVAL:
		return 30 * MM;
	default:
		return 50;
	}
}

static void
remember(struct flow *f, const char *text, unsigned level)
{
	struct mark *m = f->r == 0 ? vec_add(&f->marks) : NULL;

	if (m)
		*m = (struct mark){.text = text, .level = level, .page = f->pages, .y = f->y};
}

static void
heading(struct flow *f, const char *text, unsigned level, double next)
{
	double size = heading_size[level - 1];
	PangoLayout *l = flow_layout(f, text, size, true, width(f), REPORT_LEFT);
	double h = layout_height(l);

	flow_gap(f, level == 1 ? 16 : level == 2 ? 12 : 8);
	flow_need(f, h + 6 + next);
	remember(f, text, level);
	flow_text(f, heading_tag[level - 1], l, f->left);
	if (level == 1) {
		flow_line(f, f->left, f->y + 1, width(f), 0, 1.2);
		f->y += 3;
	}
	f->y += level == 1 ? 6 : 3;
}

static void
para(struct flow *f, const struct report_block *b)
{
	double in = b->indent * MM;

	flow_gap(f, b->size > 14 ? 4 : GAP - 2);
	/* an empty one is an empty line */
	flow_text(f, *b->text ? "P" : NULL,
	    flow_layout(f, b->text, b->size, b->bold, width(f) - in, b->align), f->left + in);
	f->y += GAP - 2;
}

static void
list(struct flow *f, const struct report_block *b)
{
	double in = b->bold ? 24 : 14;
	char label[24];

	flow_gap(f, 2);
	flow_begin(f, "L");
	for (size_t i = 0; i < b->nitems; i++) {
		PangoLayout *l = flow_layout(f, b->items[i].text, BODY_PT, false, width(f) - in,
		    REPORT_LEFT);

		flow_need(f, first_lines(f, b->items[i].text, BODY_PT, false, width(f) - in));
		if (b->bold)
			(void)snprintf(label, sizeof(label), "%zu.", i + 1);
		flow_begin(f, "LI");
		(void)flow_label(f, "Lbl", b->bold ? label : "・", BODY_PT, false, f->left, f->y, in,
		    REPORT_LEFT);
		flow_text(f, "LBody", l, f->left + in);
		flow_end(f);
		f->y += 2;
	}
	flow_end(f);
	f->y += GAP - 2;
}

static void
checks(struct flow *f, const struct report_block *b)
{
	double size = b->size, box = size * 0.9, in = size * 1.7;

	flow_gap(f, 2);
	flow_begin(f, "L");
	for (size_t i = 0; i < b->nitems; i++) {
		const struct report_item *it = &b->items[i];

		flow_need(f, first_lines(f, it->text, size, false, width(f) - in));
		flow_begin(f, "LI");
		flow_check(f, f->left + 2, f->y + size * 0.29, box, it->check == REPORT_TICKED);
		flow_text(f, "LBody",
		    flow_layout(f, it->text, size, false, width(f) - in, REPORT_LEFT),
		    f->left + in);
		if (*it->value)
			flow_text(f, "P",
			    flow_layout(
				f, it->value, BODY_PT, false, width(f) - in - 12, REPORT_LEFT),
			    f->left + in + 12);
		flow_end(f);
		f->y += size * 0.38;
	}
	flow_end(f);
	f->y += GAP - 2;
}

/* One part of a note on one page: the frame around what was placed since ${top}. */
static void
frame(struct flow *f, double top, bool strong)
{
	flow_rect(f, f->left, top, width(f), f->y - top, strong ? 1.8 : 0.7);
}

static void
note(struct flow *f, const struct report_block *b)
{
	double pad = 7, in = f->left + pad, w = width(f) - 2 * pad, top, h = 0;
	PangoLayout *text = flow_layout(f, b->text, BODY_PT, false, w, REPORT_LEFT);
	int first = 0, total = pango_layout_get_line_count(text);

	if (*b->title)
		h = first_lines(f, b->title, BODY_PT + 0.5, true, w) + 2;
	flow_gap(f, GAP);
	if (layout_height(text) + h + 2 * pad <= f->bottom - f->top)
		flow_need(f, layout_height(text) + h + 2 * pad);
	else
		flow_need(f, h + 60);
	top = f->y;
	f->y += pad - 2;
	if (*b->title)
		f->y +=
		    flow_label(f, "P", b->title, BODY_PT + 0.5, true, in, f->y, w, REPORT_LEFT) + 2;
	while (first < total && f->r == 0) {
		int n = layout_fit(text, first, f->bottom - f->y - pad, &h);

		if (n < 1) {
			n = 1;
			h = 16;
		}
		flow_begin(f, "P");
		flow_put(f, text, first, n, in, f->y);
		flow_end(f);
		f->y += h + pad;
		frame(f, top, b->bold);
		first += n;
		if (first < total) {
			flow_page(f, f->landscape);
			top = f->y;
			f->y += pad - 2;
		}
	}
	g_object_unref(text);
	f->y += GAP;
}

static void
block(struct flow *f, const struct report_block *b, const struct report_block *next)
{
	switch (b->type) {
	case REPORT_HEADING:
		heading(f, b->text, b->n, next ? start(f, next) : 0);
		break;
	case REPORT_PARA:
		para(f, b);
		break;
	case REPORT_LIST:
		list(f, b);
		break;
	case REPORT_NOTE:
		note(f, b);
		break;
	case REPORT_KV:
		lay_kv(f, b);
		break;
	case REPORT_TABLE:
		lay_table(f, b, true);
		break;
	case REPORT_CHECKS:
		checks(f, b);
		break;
	case REPORT_APPROVAL:
		lay_approval(f, b);
		break;
	case REPORT_SIGN:
		lay_sign(f, b);
		break;
	case REPORT_LINES:
		lay_lines(f, b);
		break;
	case REPORT_BARS:
		lay_bars(f, b);
		break;
	case REPORT_TREE:
		lay_tree(f, b);
		break;
	case REPORT_QR:
		lay_qr(f, b);
		break;
	case REPORT_TOC:
		lay_toc(f);
		break;
	case REPORT_SPACE:
		flow_gap(f, b->size * MM);
		break;
	case REPORT_PAGE:
		if (!f->fresh)
			flow_page(f, f->landscape);
		break;
	}
}

static void
section(struct flow *f, const struct report_section *s, int number)
{
	struct op *dest;

	if (s->landscape != f->landscape || (s->new_page && !f->fresh))
		flow_page(f, s->landscape);
	flow_begin(f, "Sect");
	/* after the heading found its page the link must point there: so room is made first */
	if (*s->title)
		flow_need(f, 50 + start(f, &s->blocks[0]));
	dest = flow_op(f, OP_DEST);
	dest->first = number;
	dest->y = f->y;
	if (*s->title)
		heading(f, s->title, 1, start(f, &s->blocks[0]));
	for (size_t i = 0; i < s->n && f->r == 0; i++)
		block(f, &s->blocks[i], i + 1 < s->n ? &s->blocks[i + 1] : NULL);
	flow_end(f);
}

void
lay_document(struct flow *f)
{
	if (*f->rep->link && !qr_fits(f->rep->link))
		f->r = err_set(f->e, E_INVAL, "link: too long for a QR code");
	/* before any tag: cairo forgets what was begun on a page whose size is set later */
	flow_page(f, f->rep->sections[0].landscape);
	flow_begin(f, "Document");
	for (size_t i = 0; i < f->rep->n && f->r == 0; i++)
		section(f, &f->rep->sections[i], (int)i);
	flow_end(f);
}
