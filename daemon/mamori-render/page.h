/* Between layout and drawing: a list of what stands where. Layout fills it in one pass, so that
 * page numbers and the number of pages are known before anything is drawn. Lengths are points (1/72
 * inch) from the upper left corner of the page. Errors are sticky: the first one is kept in
 * ${f->r}. */
#ifndef MAMORI_RENDER_PAGE_H
#define MAMORI_RENDER_PAGE_H

#include <pango/pangocairo.h>

#include "base/vec.h"
#include "report/report.h"

#define MM (72.0 / 25.4)
#define BODY_PT 10.5

enum op_kind {
	OP_PAGE,  /* a new page; w, h: its size */
	OP_BEGIN, /* a structure tag: what; flag: a link to section first */
	OP_END,   /* of the tag what */
	OP_TEXT,  /* lines first .. first + count - 1 of layout, upper left corner at x, y */
	OP_LINE,  /* from x, y by w, h; size: its thickness; dash */
	OP_RECT,  /* frame of thickness size, or filled when that is 0 */
	OP_CHECK, /* a box of size w, ticked if flag */
	OP_RING,  /* a circle of diameter w */
	OP_QR,    /* what, w wide */
	OP_NUMBER, /* the page of section first, right-aligned at x */
	OP_DEST,  /* what links to section first lead to here */
};

struct op {
	enum op_kind kind;
	bool flag;
	int first, count;
	double x, y, w, h, size;
	const char *what; /* lives as long as the model */
	PangoLayout *layout;
};

struct mark { /* a line of the outline */
	const char *text;
	unsigned level;
	size_t page; /* from 1 */
	double y;
};

struct fonts {
	PangoFontMap *map;
	PangoContext *ctx;
	PangoFontDescription *plain, *bold;
};

struct flow {
	const struct report *rep;
	struct fonts *fonts;
	struct vec ops, marks;
	size_t pages;
	double w, h;                      /* of the page */
	double left, right, top, bottom;  /* of its body */
	double y;
	bool landscape;
	bool fresh; /* nothing on this page so far */
	const char *open[16]; /* tags */
	size_t nopen;
	int r;
	struct err *e;
};

/* fonts.c */
/* fonts_open(f, e): Only the fonts this program is made for, from the system's directories; E_NOENT
 * when there is no Japanese one. */
MUST int fonts_open(struct fonts *f, struct err *e);
void fonts_close(struct fonts *f);

/* page.c */
void flow_init(struct flow *f, const struct report *rep, struct fonts *fonts, struct err *e);
void flow_free(struct flow *f);
/* flow_page(f, landscape): Begin a new page. */
void flow_page(struct flow *f, bool landscape);
/* flow_need(f, h): Begin a new page unless ${h} points are left on this one. */
void flow_need(struct flow *f, double h);
/* flow_gap(f, h): White between two things; none at the top of a page. */
void flow_gap(struct flow *f, double h);
struct op *flow_op(struct flow *f, enum op_kind kind); /* never NULL; a spare one after an error */
void flow_begin(struct flow *f, const char *tag);
void flow_begin_link(struct flow *f, int section);
void flow_end(struct flow *f);
void flow_line(struct flow *f, double x, double y, double w, double h, double thick);
void flow_rect(struct flow *f, double x, double y, double w, double h, double thick);
void flow_check(struct flow *f, double x, double y, double size, bool ticked);
/* flow_layout(f, text, size, bold, width, align): A paragraph ready to be placed. Owned by the
 * caller until flow_put. */
PangoLayout *flow_layout(struct flow *f, const char *text, double size, bool bold, double width,
    enum report_align align);
double layout_height(PangoLayout *l);
/* layout_fit(l, first, room, ret_h): How many lines from ${first} on fit, and their height. */
int layout_fit(PangoLayout *l, int first, double room, double *ret_h);
/* flow_put(f, l, first, count, x, y): Takes its own reference. */
void flow_put(struct flow *f, PangoLayout *l, int first, int count, double x, double y);
/* flow_text(f, tag, l, x): Place all of it from the present y on, over pages if need be, each part
 * with the tag; takes ${l}. */
void flow_text(struct flow *f, const char *tag, PangoLayout *l, double x);
/* flow_label(f, tag, text, size, bold, x, y, width, align): One piece of text at a place of its
 * own; returns its height. */
double flow_label(struct flow *f, const char *tag, const char *text, double size, bool bold,
    double x, double y, double width, enum report_align align);

/* blocks.c, table.c, figures.c, tree.c */
void lay_document(struct flow *f);
void lay_table(struct flow *f, const struct report_block *b, bool head);
double table_start(struct flow *f, const struct report_block *b); /* height of head and first row */
void lay_kv(struct flow *f, const struct report_block *b);
void lay_approval(struct flow *f, const struct report_block *b);
void lay_sign(struct flow *f, const struct report_block *b);
void lay_lines(struct flow *f, const struct report_block *b);
void lay_bars(struct flow *f, const struct report_block *b);
void lay_qr(struct flow *f, const struct report_block *b);
void lay_toc(struct flow *f);
void lay_tree(struct flow *f, const struct report_block *b);

/* draw.c */
/* draw(f, write, cookie, e): The whole list as one PDF. E_SYS when ${write} failed or cairo did. */
MUST int draw(struct flow *f, cairo_write_func_t write, void *cookie, struct err *e);
/* qr_fits(text): Whether the text can be a QR code. */
bool qr_fits(const char *text);

#endif
