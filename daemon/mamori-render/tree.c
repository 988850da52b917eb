/* 体制図 and 連絡網: boxes below each other when they fit side by side, else a list with lines. */
#include "mamori-render/page.h"

static const double box_w = 112, gap_x = 10, gap_y = 22, pad = 4;

static size_t
leaves(const struct report_node *n)
{
	size_t k = 0;

	for (size_t i = 0; i < n->n; i++)
		k += leaves(&n->children[i]);
	return k ? k : 1;
}

/* Height of one box that is ${w} wide; drawn at x, y if ${paint}. */
static double
box(struct flow *f, const struct report_node *n, double x, double y, double w, bool paint,
    enum report_align align)
{
	PangoLayout *a = flow_layout(f, n->title, BODY_PT, true, w - 2 * pad, align);
	PangoLayout *b = flow_layout(f, n->text, BODY_PT, false, w - 2 * pad, align);
	double ha = layout_height(a), hb = *n->text ? layout_height(b) : 0,
	       h = ha + hb + 2 * pad - 2;

	if (paint) {
		flow_rect(f, x, y, w, h, 0.8);
		flow_begin(f, "P");
		flow_put(f, a, 0, pango_layout_get_line_count(a), x + pad, y + pad - 2);
		flow_end(f);
		if (*n->text) {
			flow_begin(f, "P");
			flow_put(
			    f, b, 0, pango_layout_get_line_count(b), x + pad, y + pad - 2 + ha);
			flow_end(f);
		}
	}
	g_object_unref(a);
	g_object_unref(b);
	return h;
}

/* The highest box of each level. */
static void
levels(struct flow *f, const struct report_node *n, unsigned depth, double h[REPORT_MAX_DEPTH])
{
	double own = box(f, n, 0, 0, box_w, false, REPORT_CENTER);

	h[depth] = own > h[depth] ? own : h[depth];
	for (size_t i = 0; i < n->n; i++)
		levels(f, &n->children[i], depth + 1, h);
}

static double
span(const struct report_node *n)
{
	return (double)leaves(n) * (box_w + gap_x);
}

/* The middle of the box of ${n} when its columns begin at x: above the middle of its children. */
static double
middle(const struct report_node *n, double x)
{
	double at = x, first = x + box_w / 2, last = first;

	for (size_t i = 0; i < n->n; i++) {
		last = middle(&n->children[i], at);
		first = i == 0 ? last : first;
		at += span(&n->children[i]);
	}
	return (first + last) / 2;
}

/* ${n} and all below it, in the columns from ${x} on. */
static void
down(struct flow *f, const struct report_node *n, unsigned depth, const double h[REPORT_MAX_DEPTH],
    double x, double y)
{
	double at = x, mid = middle(n, x), first = mid, last = mid, bus = y + h[depth] + gap_y / 2;
	double own = box(f, n, mid - box_w / 2, y, box_w, true, REPORT_CENTER);

	if (n->n == 0)
		return;
	flow_line(f, mid, y + own, 0, bus - y - own, 0.8);
	for (size_t i = 0; i < n->n; i++) {
		last = middle(&n->children[i], at);
		first = i == 0 ? last : first;
		flow_line(f, last, bus, 0, gap_y / 2, 0.8);
		down(f, &n->children[i], depth + 1, h, at, y + h[depth] + gap_y);
		at += span(&n->children[i]);
	}
	flow_line(f, first, bus, last - first, 0, 0.8);
}

/* ${trunk}: where the line of the parent stands on this page, from ${from} downwards. */
static void
listed(struct flow *f, const struct report_node *n, double x, double trunk, double *from)
{
	double w = f->right - x, h, mine;

	w = w > 300 ? 300 : w;
	h = box(f, n, x, 0, w, false, REPORT_LEFT);
	if (f->y + h > f->bottom && !f->fresh) {
		flow_page(f, f->landscape);
		*from = f->y;
	}
	(void)box(f, n, x, f->y, w, true, REPORT_LEFT);
	if (trunk > 0) {
		flow_line(f, trunk, f->y + h / 2, x - trunk, 0, 0.8);
		flow_line(f, trunk, *from, 0, f->y + h / 2 - *from, 0.8);
	}
	f->y += h;
	mine = f->y;
	f->y += 6;
	for (size_t i = 0; i < n->n && f->r == 0; i++) {
		size_t page = f->pages;

		listed(f, &n->children[i], x + 28, x + 12, &mine);
		if (f->pages != page) {
			mine = f->top; /* the line goes on from the head of the new page */
			*from = f->top;
		}
	}
}

void
lay_tree(struct flow *f, const struct report_block *b)
{
	double h[REPORT_MAX_DEPTH] = {0}, sum = 0, from = 0, w;
	size_t cols = leaves(b->root);

	flow_gap(f, 6);
	w = (double)cols * (box_w + gap_x) - gap_x;
	levels(f, b->root, 0, h);
	for (unsigned i = 0; i < REPORT_MAX_DEPTH; i++)
		sum += h[i] > 0 ? h[i] + gap_y : 0;
	if (w <= f->right - f->left && sum <= f->bottom - f->top) {
		flow_need(f, sum);
		down(f, b->root, 0, h, f->left + (f->right - f->left - w) / 2, f->y);
		f->y += sum;
	} else {
		listed(f, b->root, f->left, 0, &from);
		f->y += 6;
	}
}
