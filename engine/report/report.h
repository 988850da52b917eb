/* Paper: the model of a document. A builder (binder.h, letters.h ...) turns records and facts into
 * a model; mamori-render turns a model into a PDF; nothing else knows both sides.
 *
 * A model is one JSON object of at most REPORT_MAX_JSON bytes:
 *
 *   {"report":1, "lang":"ja", "title":"立入検査の資料", "subtitle":"…", "facility":"…医院",
 *    "number":"MB-2026-001", "version":"第1版", "printed_at":"2026-11-25T21:00:00+09:00",
 *    "link":"https://…"            a QR code at the top of the first page; may be missing
 *    "landscape":false, "numbered_pages":true,
 *    "sections":[ {"title":"目次に出る名前", "landscape":true, "new_page":true, "toc":true,
 *                  "blocks":[ … ]} ]}
 *
 * Required: report, title, printed_at, sections. A section that has a title starts with it as a
 * heading (level 1) and stands in the outline. Blocks, by "type":
 *
 *   heading   text, level 1-3                          never alone at the foot of a page
 *   para      text, align left|center|right, bold, size (10.5 to 28 points), indent (mm)
 *   list      items [text], ordered
 *   note      text, title; a frame; strong: a thick frame
 *   kv        rows [{key,value}], key_width (mm): names and values, ruled
 *   table     columns [{title,width,align}], rows [[cell]] or [{"height":mm,"cells":[cell]}],
 *             caption; the header is repeated on every page. Widths are weights. A cell is a text,
 *             null, or {"text","check":bool,"mark","bold","align"}: check draws a box, ticked or
 *             not, before the text; mark is green|yellow|red|grey: ● ▲ ■ ？ and its word
 *   checks    items [{text,checked,note}], size        boxes to tick or ticked
 *   approval  boxes [text]                             決裁欄, to the right, 20 mm squares
 *   sign      rows [{label,value,seal}]                date and name lines; seal draws 印
 *   lines     count 1-40, label                        ruled lines to write on by hand
 *   bars      items [{label,value,text,own}], max, unit: one bar a line, own ones filled
 *   tree      root {title,text,children[]}             体制図, 連絡網: boxes and lines
 *   qr        data, caption, size (mm)
 *   toc                                                contents with page numbers
 *   space     mm
 *   page
 *
 * Every text is UTF-8; line breaks are kept, any other control character and marks of writing
 * direction become spaces. Unknown names are refused, so that a misspelt one is not lost. */
#ifndef MAMORI_REPORT_REPORT_H
#define MAMORI_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
	REPORT_MAX_JSON = 8 << 20,
	REPORT_MAX_SECTIONS = 500,
	REPORT_MAX_BLOCKS = 20000, /* in all */
	REPORT_MAX_ROWS = 20000,   /* of one table */
	REPORT_MAX_COLUMNS = 12,
	REPORT_MAX_CELLS = 200000, /* in all */
	REPORT_MAX_TEXT = 32768,   /* bytes of one text */
	REPORT_MAX_DEPTH = 8,      /* of a tree */
	REPORT_MAX_NODES = 1000,   /* of all trees */
	REPORT_MAX_PAGES = 2000,
	REPORT_MAX_QR = 1000,      /* bytes in one code */
};

enum report_type {
	REPORT_HEADING, REPORT_PARA, REPORT_LIST, REPORT_NOTE, REPORT_KV, REPORT_TABLE,
	REPORT_CHECKS, REPORT_APPROVAL, REPORT_SIGN, REPORT_LINES, REPORT_BARS, REPORT_TREE,
	REPORT_QR, REPORT_TOC, REPORT_SPACE, REPORT_PAGE,
};
enum report_align { REPORT_LEFT, REPORT_CENTER, REPORT_RIGHT };
enum report_mark { REPORT_NONE, REPORT_GREEN, REPORT_YELLOW, REPORT_RED, REPORT_GREY };
enum report_check { REPORT_NO_BOX, REPORT_BOX, REPORT_TICKED };

struct report_cell {
	const char *text; /* never NULL; "" when there is none */
	enum report_check check;
	enum report_mark mark;
	enum report_align align;
	bool bold;
};

struct report_column {
	const char *title;
	double width; /* weight > 0 */
	enum report_align align;
};

struct report_row {
	double height; /* mm at least; 0: as its text needs */
	const struct report_cell *cells; /* as many as there are columns */
};

struct report_item { /* of list, kv, checks, approval, sign, bars */
	const char *text;  /* text, key or label */
	const char *value; /* value, note, or text of a bar; "" when there is none */
	double number;     /* value of a bar */
	enum report_check check;
	bool flag; /* own (bars), seal (sign) */
};

struct report_node {
	const char *title, *text;
	const struct report_node *children;
	size_t n;
};

struct report_block {
	enum report_type type;
	const char *text;  /* text, caption, label or QR data; "" when there is none */
	const char *title; /* of a note; caption of a QR code; unit of bars */
	enum report_align align;
	bool bold;    /* para bold, list ordered, note strong */
	unsigned n;   /* level, or count of lines */
	double size; /* points of a para or check list; mm of key_width, qr and space; the scale of
			bars */
	double indent; /* mm */
	const struct report_item *items;
	size_t nitems;
	const struct report_column *columns;
	size_t ncolumns;
	const struct report_row *rows;
	size_t nrows;
	const struct report_node *root;
};

struct report_section {
	const char *title; /* "": none */
	bool landscape, new_page, toc;
	const struct report_block *blocks;
	size_t n;
};

struct report {
	struct arena mem; /* owns everything below */
	const char *lang, *title, *subtitle, *facility, *number, *version, *link;
	const char *printed_at; /* RFC 3339 */
	bool numbered_pages;
	const struct report_section *sections;
	size_t n;
	char mark[13]; /* the first 12 digits of SHA-256 over the model's bytes */
};

/* report_read(p, n, ret, e): Read and check a model. Everything points into ret->mem; give it back
 * with report_free. E_INVAL with the place in the message ("sections[2].blocks[5].rows[1]: …"),
 * E_LIMIT, E_NOMEM. */
MUST int report_read(const void *p, size_t n, struct report *ret, struct err *e);
void report_free(struct report *r);

/* report_date(b, s, e): The day of an RFC 3339 time or a plain YYYY-MM-DD for people:
 * 令和8年11月25日 (2026-11-25) in Japanese, 25 November 2026 otherwise; with the hour and minute if
 * ${clock}. Text that is no date is appended as it is. */
MUST int report_date(struct buf *b, const char *s, bool ja, bool clock, struct err *e);

/* report_render(self, model, n, out_fd, e): Start mamori-render, which belongs to the program
 * ${self}, with the model's bytes, and let it write the PDF to ${out_fd} (a file or a pipe somebody
 * reads). Waits at most REPORT_WAIT_SECONDS. The child sees no descriptor but these. E_INVAL: the
 * model is wrong (the message names the place); E_NOENT: no such program or no Japanese font;
 * E_SYS, E_LIMIT. Not for use inside a jail without JAIL_S_CHILDREN. */
enum { REPORT_WAIT_SECONDS = 120 };
MUST int report_render(const char *self, const void *model, size_t n, int out_fd, struct err *e);

#endif
