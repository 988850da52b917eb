#include "text/mime.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/b64.h"
#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"

enum {
	WORD_MAX = 75, /* of an encoded word, RFC 2047 section 2 */
	WORD_SHELL = 12, /* =?UTF-8?B? and ?= */
	B64_LINE_BYTES = 57, /* 76 characters */
	LINE_PLAIN = 78,
};

/* -- addresses --------------------------------------------------------------------------------- */

static bool
atom(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '-';
}

bool
mime_addr_ok(const char *s)
{
	const char *at = s ? strchr(s, '@') : NULL;
	char last = '.';

	if (!at || at == s || at - s > 64 || strlen(s) >= MIME_ADDR)
		return false;
	for (const char *p = s; p < at; last = *p++)
		if (!atom(*p) && !(*p == '.' && last != '.'))
			return false;
	if (last == '.')
		return false;
	last = '.';
	for (const char *p = at + 1; *p; last = *p++)
		if (!(host_char(*p) && !(*p == '-' && last == '.')) && !(*p == '.' && last != '.' &&
		    last != '-'))
			return false;
	return last != '.' && last != '-';
}

/* -- headers ----------------------------------------------------------------------------------- */

static bool
controls(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) ||
		    (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)))
			return true;
	return false;
}

static bool
plain(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return false;
	/* a text that looks like an encoded word would be decoded; blanks at the ends get lost */
	return !strstr(s, "=?") && s[0] != ' ' && (!*s || s[strlen(s) - 1] != ' ');
}

/* chunk(s, room): How many bytes of ${s}, at most ${room}, end with a whole character; a variation
 * selector stays with its character. */
static size_t
chunk(const char *s, size_t room)
{
	size_t n = strlen(s), k;

	if (n <= room)
		return n;
	for (k = room; k > 0; k--) {
		const unsigned char *p = (const unsigned char *)s + k;

		if ((*p & 0xc0) == 0x80)
			continue;
		if ((p[0] == 0xf3 && p[1] == 0xa0) || (p[0] == 0xef && p[1] == 0xb8 &&
		    p[2] <= 0x8f))
			continue;
		return k;
	}
	for (k = room; k > 1 && ((unsigned char)s[k] & 0xc0) == 0x80;)
		k--; /* nothing but selectors */
	return k;
}

/* words(b, col, s, e): Encoded words, the first of which begins at column ${col}. */
static int
words(struct buf *b, size_t *col, const char *s, struct err *e)
{
	char text[WORD_MAX + 1];
	int r = 0;

	while (*s && r == 0) {
		size_t room = *col + WORD_MAX > MIME_LINE ? MIME_LINE - *col : WORD_MAX, n;

		room = room > WORD_SHELL + 4 ? (room - WORD_SHELL) / 4 * 3 : 0;
		if (room < 24) { /* too little of this line is left */
			r = buf_str(b, "\r\n ", e);
			*col = 1;
			continue;
		}
		n = chunk(s, room);
		b64_put(text, s, n);
		r = buf_fmt(b, e, "=?UTF-8?B?%s?=", text);
		*col += WORD_SHELL + strlen(text);
		s += n;
		if (*s && r == 0) {
			r = buf_str(b, "\r\n ", e);
			*col = 1;
		}
	}
	return r;
}

static int
text_ok(const char *name, const char *s, struct err *e)
{
	if (!utf8_ok(s, strlen(s)))
		return err_set(e, E_INVAL, "%s: not UTF-8", name);
	return controls(s) ? err_set(e, E_INVAL, "%s: a control character", name) : 0;
}

int
mime_header(struct buf *b, const char *name, const char *text, struct err *e)
{
	size_t col = strlen(name) + 2;
	int r = text_ok(name, text, e);

	if (r == 0)
		r = buf_fmt(b, e, "%s: ", name);
	if (r == 0 && plain(text) && col + strlen(text) <= MIME_LINE)
		r = buf_str(b, text, e);
	else if (r == 0)
		r = words(b, &col, text, e);
	return r == 0 ? buf_str(b, "\r\n", e) : r;
}

/* A mailbox: name <address>. */
static int
mailbox(struct buf *b, const char *header, const char *name, const char *addr, struct err *e)
{
	size_t col = strlen(header) + 2;
	int r;

	if (!mime_addr_ok(addr))
		return err_set(e, E_INVAL, "%s: \"%.80s\" is no address", header, addr);
	if (!name || !*name)
		return buf_fmt(b, e, "%s: %s\r\n", header, addr);
	r = text_ok(header, name, e);
	if (r == 0)
		r = buf_fmt(b, e, "%s: ", header);
	if (r == 0 && plain(name) && !strpbrk(name, "\"\\") &&
	    col + strlen(name) + 2 <= MIME_LINE) {
		r = buf_fmt(b, e, "\"%s\"", name);
		col += strlen(name) + 2;
	} else if (r == 0) {
		r = words(b, &col, name, e);
	}
	if (r == 0)
		r = buf_fmt(b, e, "%s<%s>\r\n", col + strlen(addr) + 3 > MIME_LINE ? "\r\n " : " ",
		    addr);
	return r;
}

void
mime_date(char out[MIME_DATE], int64_t us)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)(us / TIME_SEC);
	struct tm tm = {0};
	long off;

	(void)localtime_r(&t, &tm);
	off = tm.tm_gmtoff / 60;
	(void)snprintf(out, MIME_DATE, "%.3s, %02d %.3s %04d %02d:%02d:%02d %c%02ld%02ld",
	    days + 3 * (tm.tm_wday % 7), tm.tm_mday, months + 3 * (tm.tm_mon % 12),
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, off < 0 ? '-' : '+',
	    (off < 0 ? -off : off) / 60, (off < 0 ? -off : off) % 60);
}

/* -- bodies ------------------------------------------------------------------------------------ */

static int
base64(struct buf *b, const void *p, size_t n, struct err *e)
{
	char line[B64_LEN(B64_LINE_BYTES)];
	const char *s = p;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i += B64_LINE_BYTES) {
		b64_put(line, s + i, n - i < B64_LINE_BYTES ? n - i : B64_LINE_BYTES);
		r = buf_fmt(b, e, "%s\r\n", line);
	}
	return r;
}

/* crlf(out, s, e): ${s} with CRLF ends of lines. */
static int
crlf(struct buf *out, const char *s, struct err *e)
{
	int r = 0;

	while (*s && r == 0) {
		size_t n = strcspn(s, "\r\n");

		r = buf_put(out, s, n, e);
		s += n;
		if (*s == '\r')
			s++;
		else if (*s == '\n' && r == 0)
			r = buf_str(out, "\r\n", e), s++;
	}
	if (r == 0 && (out->len < 2 || out->p[out->len - 1] != '\n'))
		r = buf_str(out, "\r\n", e);
	return r;
}

static bool
short_ascii(const struct buf *t)
{
	size_t col = 0;

	for (size_t i = 0; i < t->len; i++) {
		unsigned char c = t->p[i];

		if (c == '\n') {
			col = 0;
			continue;
		}
		if (c > 0x7e || (c < 0x20 && c != '\r' && c != '\t') || ++col > LINE_PLAIN)
			return false;
	}
	return true;
}

static int
text_part(struct buf *b, const char *body, struct err *e)
{
	struct buf AUTO(buf_free) t = {0};
	int r;

	if (!utf8_ok(body, strlen(body)))
		return err_set(e, E_INVAL, "body: not UTF-8");
	for (const char *p = body; *p; p++)
		if (((unsigned char)*p < 0x20 && !strchr("\n\r\t", *p)) || *p == 0x7f)
			return err_set(e, E_INVAL, "body: a control character");
	buf_init(&t, b->max);
	r = crlf(&t, body, e);
	if (r == 0)
		r = buf_str(b, "Content-Type: text/plain; charset=UTF-8\r\n", e);
	if (r == 0 && short_ascii(&t)) {
		r = buf_str(b, "Content-Transfer-Encoding: 7bit\r\n\r\n", e);
		return r == 0 ? buf_put(b, t.p, t.len, e) : r;
	}
	if (r == 0)
		r = buf_str(b, "Content-Transfer-Encoding: base64\r\n\r\n", e);
	return r == 0 ? base64(b, t.p, t.len, e) : r;
}

static const char name_safe[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* ending(name): ".pdf", or "" where the name has no plain ending. */
static const char *
ending(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strlen(dot) <= 6 && strspn(dot + 1, name_safe) == strlen(dot + 1) ? dot : "";
}

/* name_2231(b, name, e): The file's name, in pieces of one line. */
static int
name_2231(struct buf *b, const char *name, struct err *e)
{
	int r = text_ok("file name", name, e), part = 0;
	size_t col = 0;

	if (r == 0)
		r = buf_str(b, "Content-Disposition: attachment", e);
	for (const char *p = name; *p && r == 0; p++) {
		if (part == 0 || (col > 60 && ((unsigned char)*p & 0xc0) != 0x80)) {
			r = buf_fmt(b, e, ";\r\n filename*%d*=%s", part, part ? "" : "UTF-8''");
			part++;
			col = 22;
		}
		if (r == 0 && strchr(name_safe, *p))
			r = buf_u8(b, (uint8_t)*p, e), col++;
		else if (r == 0)
			r = buf_fmt(b, e, "%%%02X", (unsigned)(unsigned char)*p), col += 3;
	}
	return r == 0 ? buf_str(b, "\r\n", e) : r;
}

static int
mixed(struct buf *b, const struct mime *m, struct err *e)
{
	/* no line of base64 or of the text's own shell begins with two dashes */
	int r = buf_fmt(b, e,
	    "Content-Type: multipart/mixed; boundary=\"=_%s\"\r\n\r\n--=_%s\r\n", m->id, m->id);

	if (r == 0)
		r = text_part(b, m->body, e);
	if (r == 0)
		r = buf_fmt(b, e, "\r\n--=_%s\r\nContent-Type: %s; name=\"file%s\"\r\n", m->id,
		    m->file->type, ending(m->file->name));
	if (r == 0)
		r = name_2231(b, m->file->name, e);
	if (r == 0)
		r = buf_str(b, "Content-Transfer-Encoding: base64\r\n\r\n", e);
	if (r == 0)
		r = base64(b, m->file->p, m->file->n, e);
	return r == 0 ? buf_fmt(b, e, "\r\n--=_%s--\r\n", m->id) : r;
}

static bool
id_ok(const char *s)
{
	return s && *s && strlen(s) <= 60 && strspn(s,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == strlen(s);
}

int
mime_write(struct buf *b, const struct mime *m, struct err *e)
{
	char date[MIME_DATE];
	int r;

	if (!id_ok(m->id))
		return err_set(e, E_INVAL, "id: letters and digits");
	if (m->file && (!m->file->type || strspn(m->file->type,
	    "abcdefghijklmnopqrstuvwxyz/-+.0123456789") != strlen(m->file->type)))
		return err_set(e, E_INVAL, "file: no type");
	r = mailbox(b, "From", m->from_name, m->from, e);
	if (r == 0)
		r = mailbox(b, "To", NULL, m->to, e);
	if (r == 0 && m->reply_to && *m->reply_to)
		r = mailbox(b, "Reply-To", NULL, m->reply_to, e);
	if (r == 0)
		r = mime_header(b, "Subject", m->subject, e);
	mime_date(date, m->date);
	if (r == 0)
		r = buf_fmt(b, e,
		    "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n"
		    "MIME-Version: 1.0\r\n", date, m->id, strchr(m->from, '@') + 1);
	if (r < 0)
		return r;
	return m->file ? mixed(b, m, e) : text_part(b, m->body, e);
}
