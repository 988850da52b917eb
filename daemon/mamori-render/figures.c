/* Things to stamp, sign and write on; bars; codes; the table of contents. */
#include "mamori-render/page.h"

void
lay_approval(struct flow *f, const struct report_block *b)
{
	double side = 20 * MM, head = 18, x = f->right - side * (double)b->nitems;

	flow_gap(f, 6);
	flow_need(f, side + head + 4);
	for (size_t i = 0; i < b->nitems; i++, x += side) {
		flow_rect(f, x, f->y, side, head, 0.7);
		flow_rect(f, x, f->y + head, side, side, 0.7);
		(void)flow_label(f, "P", b->items[i].text, BODY_PT, false, x, f->y + 1, side,
		    REPORT_CENTER);
	}
	f->y += side + head + 8;
}

void
lay_sign(struct flow *f, const struct report_block *b)
{
	double x = f->left + (f->right - f->left) * 0.3, label = 36 * MM, pitch = 26;

	flow_gap(f, 6);
	for (size_t i = 0; i < b->nitems; i++) {
		const struct report_item *it = &b->items[i];
		double end = f->right - (it->flag ? 22 : 0);

		flow_need(f, pitch + 8);
		(void)flow_label(f, "P", it->text, BODY_PT, false, x, f->y + 6, label, REPORT_LEFT);
		(void)flow_label(f, "P", it->value, 12, false, x + label, f->y + 4,
		    end - x - label - 4, REPORT_LEFT);
		flow_line(f, x + label, f->y + pitch - 2, end - x - label, 0, 0.6);
		if (it->flag) {
			struct op *ring = flow_op(f, OP_RING);

			ring->x = f->right - 19;
			ring->y = f->y + 4;
			ring->w = 19;
			ring->size = 0.6;
			(void)flow_label(f, "P", "印", BODY_PT, false, f->right - 19, f->y + 5.5, 19,
			    REPORT_CENTER);
		}
		f->y += pitch + 4;
	}
	f->y += 6;
}

void
lay_lines(struct flow *f, const struct report_block *b)
{
	double pitch = 9 * MM;

	flow_gap(f, 4);
	if (*b->text) {
		flow_need(f, 16 + 2 * pitch);
		flow_text(f, "P",
		    flow_layout(f, b->text, BODY_PT, true, f->right - f->left, REPORT_LEFT),
		    f->left);
	}
	for (unsigned i = 0; i < b->n; i++) {
		flow_need(f, pitch);
		f->y += pitch;
		flow_line(f, f->left, f->y, f->right - f->left, 0, 0.5);
	}
	f->y += 8;
}

void
lay_bars(struct flow *f, const struct report_block *b)
{
	double w = f->right - f->left, label = w * 0.34, bar = w * 0.44, x = f->left + label + 6;

	flow_gap(f, 4);
	for (size_t i = 0; i < b->nitems; i++) {
		const struct report_item *it = &b->items[i];
		double len = bar * it->number / b->size, h, h2;
		char number[48];
		PangoLayout *l = flow_layout(f, it->text, BODY_PT, it->flag, label, REPORT_RIGHT);

		h = layout_height(l);
		g_object_unref(l);
		flow_need(f, h + 4);
		(void)flow_label(
		    f, "P", it->text, BODY_PT, it->flag, f->left, f->y, label, REPORT_RIGHT);
		/* own ones are filled, others only outlined: both survive a fax */
		if (len > 0.5)
			flow_rect(f, x, f->y + 3, len, 10, it->flag ? 0 : 0.8);
		(void)snprintf(number, sizeof(number), "%.10g%s", it->number, b->title);
		h2 = flow_label(f, "P", *it->value ? it->value : number, BODY_PT, it->flag,
		    x + (len > 0 ? len : 0) + 4, f->y, f->right - x - len - 4, REPORT_LEFT);
		f->y += (h > h2 ? h : h2) + 4;
	}
	f->y += 6;
}

void
lay_qr(struct flow *f, const struct report_block *b)
{
	double side = b->size * MM;
	struct op *o;

	if (f->r == 0 && !qr_fits(b->text))
		f->r = err_set(f->e, E_INVAL, "a text is too long for a QR code: %.40s…", b->text);
	flow_gap(f, 6);
	flow_need(f, side);
	o = flow_op(f, OP_QR);
	o->what = b->text;
	o->x = f->left;
	o->y = f->y;
	o->w = side;
	f->fresh = false;
	if (*b->title)
		(void)flow_label(f, "P", b->title, BODY_PT, false, f->left + side + 10, f->y + 4,
		    f->right - f->left - side - 10, REPORT_LEFT);
	f->y += side + 6;
}

void
lay_toc(struct flow *f)
{
	double number = 34;

	for (size_t i = 0; i < f->rep->n && f->r == 0; i++) {
		const struct report_section *s = &f->rep->sections[i];
		PangoLayout *l;
		struct op *o;
		int tw;

		if (!s->toc || !*s->title)
			continue;
		l = flow_layout(f, s->title, 11, false, f->right - f->left - number, REPORT_LEFT);
		flow_need(f, layout_height(l) + 5);
		pango_layout_get_size(l, &tw, NULL);
		flow_begin(f, "TOCI");
		flow_begin_link(f, (int)i);
		flow_put(f, l, 0, pango_layout_get_line_count(l), f->left, f->y);
		flow_end(f);
		flow_end(f);
		o = flow_op(f, OP_LINE);
		o->flag = true; /* dots */
		o->x = f->left + (double)tw / PANGO_SCALE + 6;
		o->y = f->y + 10.5;
		o->w = f->right - number - o->x;
		o->size = 0.8;
		o = flow_op(f, OP_NUMBER);
		o->first = (int)i;
		o->x = f->right;
		o->y = f->y;
		f->y += layout_height(l) + 5;
		g_object_unref(l);
	}
	f->y += 6;
}
