/* CSV as RFC 4180 says and as spreadsheets really write it.
 *
 * Read: UTF-8 with and without BOM, CP932, UTF-16 with BOM; comma, tab or semicolon; `sep=;` in the
 * first line; CR, LF and CRLF; ="0123". Written: CRLF, quotes only where they are needed.
 *
 * A cell that begins like a formula (= + - @ tab CR, also in full width) is written with an
 * apostrophe in front, and so is one that begins with apostrophes and then like a formula. Reading
 * takes one apostrophe away again, so that every text comes back as it was. */
#ifndef MAMORI_TEXT_CSV_H
#define MAMORI_TEXT_CSV_H

#include <stdbool.h>

#include "base/buf.h"
#include "text/jis.h"
#include "text/table.h"

enum csv_encoding { CSV_UTF8, CSV_UTF8_BOM, CSV_CP932, CSV_UTF16, CSV_ENCODINGS };

struct csv_options {
	bool given;                 /* read as ${encoding}; else it is found out */
	enum csv_encoding encoding;
	char delimiter;             /* 0: found out */
	bool restore;               /* take the apostrophe of a neutralised formula away */
};

struct csv_found {
	enum csv_encoding encoding;
	char delimiter;
};

/* csv_read(p, n, o, t, ret, e): Read everything into an empty table. E_INVAL names row and column
 * of the first bytes that are no text in the encoding, E_LIMIT. Pure. */
MUST int csv_read(const void *p, size_t n, const struct csv_options *o, struct table *t,
    struct csv_found *ret, struct err *e);

const char *csv_encoding_name(enum csv_encoding c); /* utf-8 utf-8-bom cp932 utf-16 */
/* 0, or E_INVAL when there is no such word (utf8, sjis, shift_jis ... count, too). */
MUST int csv_encoding_get(const char *s, enum csv_encoding *ret);

/* csv_formula(s): Whether a spreadsheet could take the text for a formula. */
bool csv_formula(const char *s);

enum { CSV_BAD = 20 };

struct csv_bad { /* a character that the encoding does not have */
	size_t row, col; /* from 1 */
	char c[8];
	unsigned long code;
};

struct csv_writer {
	struct buf *out;
	enum csv_encoding encoding;
	struct jis *jis;
	struct buf cell;
	size_t row, col;
	struct csv_bad bad[CSV_BAD];
	size_t nbad; /* all of them; the first CSV_BAD are kept */
};

/* csv_begin(w, out, encoding, e): UTF-8 with or without BOM, or CP932. */
MUST int csv_begin(struct csv_writer *w, struct buf *out, enum csv_encoding encoding,
    struct err *e);
/* csv_put(w, s, e): One cell. A character that cannot be written is noted in ${w}->bad. */
MUST int csv_put(struct csv_writer *w, const char *s, struct err *e);
MUST int csv_line(struct csv_writer *w, struct err *e);
/* csv_end(w, e): Give back what csv_begin took. E_INVAL when there were such characters; the
 * message names the first ones, and what was written must not be used. */
MUST int csv_end(struct csv_writer *w, struct err *e);

#endif
