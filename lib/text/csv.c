#include "text/csv.h"

#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

enum { CSV_MAX_IN = 64 << 20 };

static const char *const names[CSV_ENCODINGS] = {"utf-8", "utf-8-bom", "cp932", "utf-16"};

const char *
csv_encoding_name(enum csv_encoding c)
{
	return names[c];
}

int
csv_encoding_get(const char *s, enum csv_encoding *ret)
{
	static const struct {
		const char *word;
		enum csv_encoding c;
	} t[] = {{"utf8", CSV_UTF8}, {"utf8bom", CSV_UTF8_BOM}, {"utf-8bom", CSV_UTF8_BOM},
	    {"utf8-bom", CSV_UTF8_BOM}, {"sjis", CSV_CP932}, {"shift_jis", CSV_CP932},
	    {"shift-jis", CSV_CP932}, {"windows-31j", CSV_CP932}, {"ms932", CSV_CP932},
	    {"utf16", CSV_UTF16}};

	for (size_t i = 0; i < CSV_ENCODINGS; i++)
		if (strcmp(s, names[i]) == 0) {
			*ret = (enum csv_encoding)i;
			return 0;
		}
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (strcmp(s, t[i].word) == 0) {
			*ret = t[i].c;
			return 0;
		}
	return E_INVAL;
}

/* -- formulas ---------------------------------------------------------------------------------- */

static bool
begins_formula(const char *s)
{
	static const char *const wide[] = {"＝", "＋", "－", "＠"};

	if (*s == '=' || *s == '+' || *s == '-' || *s == '@' || *s == '\t' || *s == '\r')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		if (strncmp(s, wide[i], strlen(wide[i])) == 0)
			return true;
	return false;
}

bool
csv_formula(const char *s)
{
	return begins_formula(s + strspn(s, "'"));
}

/* -- reading ----------------------------------------------------------------------------------- */

struct in {
	const unsigned char *p;
	size_t n, at;
	char delim;
	size_t line;    /* the line of the file, from 1 */
	struct buf raw; /* one cell as it stands in the file, without quotes */
	struct buf text;
	struct jis *jis;
	enum csv_encoding encoding;
	bool restore;
	struct table *t;
};

/* first_line(p, n): The length of the first line that has no quotes around its end. */
static size_t
first_line(const unsigned char *p, size_t n)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] == '"')
			quoted = !quoted;
		if (!quoted && (p[i] == '\n' || p[i] == '\r'))
			break;
	}
	return i;
}

static char
find_delimiter(const unsigned char *p, size_t n)
{
	size_t comma = 0, tab = 0, semi = 0;
	bool quoted = false;

	n = first_line(p, n);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		comma += p[i] == ',';
		tab += p[i] == '\t';
		semi += p[i] == ';';
	}
	if (tab > comma && tab >= semi)
		return '\t';
	return semi > comma ? ';' : ',';
}

/* decoded(in, e): The raw cell as UTF-8 in in->text. */
static int
decoded(struct in *in, size_t col, struct err *e)
{
	size_t at = 0;
	int r;

	buf_clear(&in->text);
	if (in->encoding == CSV_CP932) {
		r = jis_decode(in->jis, in->raw.p, in->raw.len, &in->text, &at, e);
	} else {
		r = utf8_ok(in->raw.p, in->raw.len) ? buf_put(&in->text, in->raw.p, in->raw.len, e)
						     : E_INVAL;
		while (r == E_INVAL && at < in->raw.len && utf8_ok(in->raw.p, at + 1))
			at++;
	}
	if (r == E_INVAL)
		return err_set(e, E_INVAL, "row %zu, column %zu: byte 0x%02x is not text in %s",
		    in->line, col + 1, at < in->raw.len ? in->raw.p[at] : 0,
		    csv_encoding_name(in->encoding));
	return r;
}

static int
keep_cell(struct in *in, size_t col, bool quoted, struct err *e)
{
	const char *s;
	size_t n;
	int r;

	if (in->raw.len == 0)
		return 0;
	r = decoded(in, col, e);
	if (r < 0)
		return r;
	s = (const char *)in->text.p;
	n = in->text.len;
	/* ="0123" is how some programs keep a spreadsheet from eating zeros */
	if (!quoted && n >= 3 && s[0] == '=' && s[1] == '"' && s[n - 1] == '"' &&
	    !memchr(s + 2, '"', n - 3)) {
		s += 2;
		n -= 3;
	} else if (in->restore && s[0] == '\'') {
		if (!buf_cstr(&in->text, e))
			return E_NOMEM;
		s = (const char *)in->text.p; /* it may have moved */
		if (csv_formula(s)) {
			s++;
			n--;
		}
	}
	return table_set(in->t, col, s, n, e);
}

/* line_end(in): Pass a line end; false when there is none here. */
static bool
line_end(struct in *in)
{
	if (in->at >= in->n || (in->p[in->at] != '\r' && in->p[in->at] != '\n'))
		return false;
	if (in->p[in->at] == '\r' && in->at + 1 < in->n && in->p[in->at + 1] == '\n')
		in->at++;
	in->at++;
	in->line++;
	return true;
}

/* quoted(in, e): A part in quotes; the opening one was passed. */
static int
quoted_part(struct in *in, size_t *lines, struct err *e)
{
	int r = 0;

	while (in->at < in->n && r == 0) {
		unsigned char c = in->p[in->at++];

		if (c == '"') {
			if (in->at >= in->n || in->p[in->at] != '"')
				return 0;
			in->at++;
		}
		*lines += c == '\n' || (c == '\r' && (in->at >= in->n || in->p[in->at] != '\n'));
		r = buf_u8(&in->raw, c, e);
	}
	return r;
}

static int
read_cell(struct in *in, size_t col, size_t *lines, struct err *e)
{
	bool quoted = false, first = true;
	int r = 0;

	buf_clear(&in->raw);
	while (in->at < in->n && r == 0) {
		unsigned char c = in->p[in->at];

		if (c == (unsigned char)in->delim || c == '\r' || c == '\n')
			break;
		in->at++;
		if (c == '"' && first) {
			quoted = true;
			r = quoted_part(in, lines, e);
		} else {
			r = buf_u8(&in->raw, c, e);
		}
		first = false;
	}
	if (r == E_LIMIT)
		return err_set(e, r, "row %zu, column %zu: longer than %d bytes", in->line, col + 1,
		    TABLE_MAX_CELL);
	return r < 0 ? r : keep_cell(in, col, quoted, e);
}

static int
read_row(struct in *in, struct err *e)
{
	size_t lines = 0, col = 0;
	int r;

	table_begin(in->t, in->line);
	for (;;) {
		r = read_cell(in, col, &lines, e);
		if (r < 0)
			return r;
		if (in->at >= in->n || in->p[in->at] != (unsigned char)in->delim)
			break;
		in->at++;
		col++;
	}
	r = table_end(in->t, e);
	in->line += lines;
	(void)line_end(in);
	return r;
}

/* sep_line(in): `sep=;` alone in the first line names the delimiter. */
static void
sep_line(struct in *in)
{
	const unsigned char *p = in->p + in->at;
	size_t left = in->n - in->at;

	if (left < 5 || memcmp(p, "sep=", 4) != 0 || (left > 5 && p[5] != '\r' && p[5] != '\n'))
		return;
	in->delim = (char)p[4];
	in->at += 5;
	(void)line_end(in);
}

/* wide(p, n, big, out, e): UTF-16 as UTF-8. */
static int
wide(const unsigned char *p, size_t n, bool big, struct buf *out, struct err *e)
{
	union {
		const unsigned char *c;
		char *p;
	} in = {.c = p};
	iconv_t cd = iconv_open("UTF-8", big ? "UTF-16BE" : "UTF-16LE");
	size_t left = n, room = n * 2 + 8;
	int r = cd == (iconv_t)-1 ? err_sys(e, "this system does not know UTF-16")
				  : buf_reserve(out, room, e);
	char *to;

	if (r == 0) {
		to = (char *)out->p;
		if (iconv(cd, &in.p, &left, &to, &room) == (size_t)-1)
			r = err_set(e, E_INVAL, "byte %zu is not text in UTF-16", n - left);
		else
			out->len = (size_t)(to - (char *)out->p);
	}
	if (cd != (iconv_t)-1)
		(void)iconv_close(cd);
	return r;
}

/* which(p, n, o, in): The encoding; a byte order mark is passed. */
static enum csv_encoding
which(const unsigned char *p, size_t n, const struct csv_options *o, size_t *skip)
{
	bool bom = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0;
	bool le = n >= 2 && p[0] == 0xff && p[1] == 0xfe,
	     be = n >= 2 && p[0] == 0xfe && p[1] == 0xff;

	*skip = 0;
	if (bom && (!o->given || o->encoding != CSV_CP932)) {
		*skip = 3;
		return CSV_UTF8_BOM;
	}
	if (o->given)
		return o->encoding;
	if (le || be)
		return CSV_UTF16;
	return utf8_ok(p, n) ? CSV_UTF8 : CSV_CP932;
}

static int
read_all(struct in *in, const struct csv_options *o, struct csv_found *ret, struct err *e)
{
	int r = in->encoding == CSV_CP932 ? jis_new(&in->jis, e) : 0;

	in->line = 1;
	if (memchr(in->p, 0, in->n))
		r = err_set(e, E_INVAL, "this is not a text file");
	in->delim = o->delimiter ? o->delimiter : find_delimiter(in->p, in->n);
	if (!o->delimiter)
		sep_line(in);
	while (in->at < in->n && r == 0)
		r = read_row(in, e);
	*ret = (struct csv_found){in->encoding, in->delim};
	jis_free(in->jis);
	return r;
}

int
csv_read(const void *p, size_t n, const struct csv_options *o, struct table *t,
    struct csv_found *ret, struct err *e)
{
	struct in in = {.t = t, .restore = o->restore};
	struct buf all;
	size_t skip = 0;
	int r = 0;

	if (n == 0)
		p = ""; /* a pointer to nothing may not be moved, not even by nothing */
	if (n > CSV_MAX_IN)
		return err_set(e, E_LIMIT, "the file has more than %d MiB", CSV_MAX_IN >> 20);
	buf_init(&all, 3 * (size_t)CSV_MAX_IN);
	buf_init(&in.raw, TABLE_MAX_CELL);
	buf_init(&in.text, 5 * (size_t)TABLE_MAX_CELL);
	in.encoding = which(p, n, o, &skip);
	in.p = (const unsigned char *)p + skip;
	in.n = n - skip;
	if (in.encoding == CSV_UTF16) {
		bool big = n >= 2 && in.p[0] == 0xfe && in.p[1] == 0xff;
		bool mark = big || (n >= 2 && in.p[0] == 0xff && in.p[1] == 0xfe);

		r = wide(in.p + (mark ? 2 : 0), in.n - (mark ? 2 : 0), big, &all, e);
		in.p = all.len ? all.p : (const unsigned char *)"";
		in.n = all.len;
	}
	if (r == 0 && in.n > 0)
		r = read_all(&in, o, ret, e);
	else
		*ret = (struct csv_found){in.encoding, ','};
	buf_free(&all);
	buf_free(&in.raw);
	buf_free(&in.text);
	return r;
}

/* -- writing ----------------------------------------------------------------------------------- */

int
csv_begin(struct csv_writer *w, struct buf *out, enum csv_encoding encoding, struct err *e)
{
	(void)memset(w, 0, sizeof(*w));
	w->out = out;
	w->encoding = encoding;
	w->row = 1;
	buf_init(&w->cell, 2 * (size_t)TABLE_MAX_CELL + 16);
	if (encoding == CSV_UTF16)
		return err_set(e, E_INVAL, "UTF-16 is not written");
	if (encoding == CSV_CP932)
		return jis_new(&w->jis, e);
	return encoding == CSV_UTF8_BOM ? buf_put(out, "\xef\xbb\xbf", 3, e) : 0;
}

static unsigned long
code_point(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	return n == 1 ? u[0]
	    : n == 2  ? (u[0] & 0x1fUL) << 6 | (u[1] & 0x3f)
	    : n == 3  ? (u[0] & 0x0fUL) << 12 | (u[1] & 0x3fUL) << 6 | (u[2] & 0x3f)
		      : (u[0] & 0x07UL) << 18 | (u[1] & 0x3fUL) << 12 | (u[2] & 0x3fUL) << 6 |
	    (u[3] & 0x3f);
}

static void
note_bad(struct csv_writer *w, const char *s, size_t left, size_t *ret_len)
{
	size_t n = 1;

	while (n < left && n < 4 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	*ret_len = n;
	if (w->nbad++ < CSV_BAD) {
		struct csv_bad *b = &w->bad[w->nbad - 1];

		*b = (struct csv_bad){.row = w->row, .col = w->col, .code = code_point(s, n)};
		(void)memcpy(b->c, s, n);
	}
}

/* encoded(w, e): The cell into the output; each character that does not fit is noted. */
static int
encoded(struct csv_writer *w, struct err *e)
{
	const char *s = (const char *)w->cell.p;
	size_t left = w->cell.len, at = 0, k;
	int r = E_INVAL;

	if (!w->jis)
		return buf_put(w->out, w->cell.p, w->cell.len, e);
	while (r == E_INVAL) {
		r = jis_encode(w->jis, s, left, w->out, &at, e);
		if (r == E_INVAL) {
			note_bad(w, s + at, left - at, &k);
			s += at + k;
			left -= at + k;
		}
	}
	return r;
}

int
csv_put(struct csv_writer *w, const char *s, struct err *e)
{
	size_t n = strlen(s);
	/* the last: a cell that begins like a byte order mark is not taken for one */
	bool quote = strpbrk(s, ",\"\r\n\t;") || (n > 0 && (s[0] == ' ' || s[n - 1] == ' ')) ||
	    strncmp(s, "\xef\xbb\xbf", 3) == 0;
	int r = w->col++ ? buf_u8(w->out, ',', e) : 0;

	if (n > TABLE_MAX_CELL)
		return err_set(e, E_LIMIT, "row %zu, column %zu: longer than %d bytes", w->row,
		    w->col, TABLE_MAX_CELL);
	buf_clear(&w->cell);
	if (r == 0 && quote)
		r = buf_u8(&w->cell, '"', e);
	if (r == 0 && csv_formula(s))
		r = buf_u8(&w->cell, '\'', e);
	for (; *s && r == 0; s++) {
		r = buf_u8(&w->cell, (uint8_t)*s, e);
		if (r == 0 && *s == '"')
			r = buf_u8(&w->cell, '"', e);
	}
	if (r == 0 && quote)
		r = buf_u8(&w->cell, '"', e);
	return r < 0 || w->cell.len == 0 ? r : encoded(w, e);
}

int
csv_line(struct csv_writer *w, struct err *e)
{
	w->row++;
	w->col = 0;
	return buf_put(w->out, "\r\n", 2, e);
}

int
csv_end(struct csv_writer *w, struct err *e)
{
	char list[300];
	size_t n = 0;

	jis_free(w->jis);
	w->jis = NULL;
	buf_free(&w->cell);
	if (w->nbad == 0)
		return 0;
	list[0] = 0;
	for (size_t i = 0; i < w->nbad && i < CSV_BAD && n + 60 < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n,
		    "%s%s (U+%04lX, row %zu, column %zu)", i ? ", " : "", w->bad[i].c,
		    w->bad[i].code, w->bad[i].row, w->bad[i].col);
	return err_set(e, E_INVAL, "%zu characters are not in CP932: %s%s", w->nbad, list,
	    w->nbad > CSV_BAD ? " ..." : "");
}
