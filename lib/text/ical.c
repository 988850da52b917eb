#include "text/ical.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "base/utf8.h"

enum { LINE = 75, TEXT_MAX = 8000 };

/* escape(b, s, e): A TEXT value, RFC 5545 section 3.3.11. */
static int
escape(struct buf *b, const char *s, struct err *e)
{
	int r = 0;

	for (; *s && r == 0; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '\\' || c == ';' || c == ',')
			r = buf_u8(b, '\\', e);
		if (c == '\n')
			r = buf_str(b, "\\n", e);
		else if (r == 0 && (c >= 0x20 || c == '\t') && c != 0x7f)
			r = buf_u8(b, c, e);
	}
	return r;
}

/* fold(b, p, n, e): Append one content line, folded, with its end. */
static int
fold(struct buf *b, const unsigned char *p, size_t n, struct err *e)
{
	size_t room = LINE;
	int r = 0;

	while (n > room && r == 0) {
		size_t k = room;

		while (k > 1 && (p[k] & 0xc0) == 0x80)
			k--;
		r = buf_put(b, p, k, e);
		if (r == 0)
			r = buf_str(b, "\r\n ", e);
		p += k;
		n -= k;
		room = LINE - 1; /* the space counts */
	}
	if (r == 0)
		r = buf_put(b, p, n, e);
	return r == 0 ? buf_str(b, "\r\n", e) : r;
}

int
ical_line(struct buf *b, const char *name, const char *text, struct err *e)
{
	struct buf AUTO(buf_free) t = {0};
	int r;

	if (!utf8_ok(text, strlen(text)))
		return err_set(e, E_INVAL, "%s: not UTF-8", name);
	buf_init(&t, TEXT_MAX);
	r = buf_fmt(&t, e, "%s:", name);
	if (r == 0)
		r = escape(&t, text, e);
	return r == 0 ? fold(b, t.p, t.len, e) : r;
}

int
ical_begin(struct buf *b, const char *name, struct err *e)
{
	int r = buf_str(b,
	    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Mamori//Mamori " MAMORI_VERSION "//JA\r\n"
	    "CALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\nREFRESH-INTERVAL;VALUE=DURATION:PT6H\r\n"
	    "X-PUBLISHED-TTL:PT6H\r\n", e);

	return r == 0 ? ical_line(b, "X-WR-CALNAME", name, e) : r;
}

int
ical_end(struct buf *b, struct err *e)
{
	return buf_str(b, "END:VCALENDAR\r\n", e);
}

static void
compact(const char *day, char out[9])
{
	(void)snprintf(out, 9, "%.4s%.2s%.2s", day, day + 5, day + 8);
}

int
ical_item(struct buf *b, const struct ical_item *it, struct err *e)
{
	char next[DAY_TEXT], from[9], to[9], utc[TIME_TEXT];
	const char *kind = it->todo ? "VTODO" : "VEVENT";
	int r;

	if (!day_ok(it->day))
		return err_set(e, E_INVAL, "\"%.20s\" is not a day", it->day);
	day_add(it->day, 0, 1, next);
	compact(it->day, from);
	compact(next, to);
	time_put_utc(utc, it->stamp); /* 2026-11-22T03:10:00.000000Z */
	r = buf_fmt(b, e, "BEGIN:%s\r\n", kind);
	if (r == 0)
		r = ical_line(b, "UID", it->uid, e);
	if (r == 0)
		r = buf_fmt(b, e, "DTSTAMP:%.4s%.2s%.2sT%.2s%.2s%.2sZ\r\n", utc, utc + 5, utc + 8,
		    utc + 11, utc + 14, utc + 17);
	if (r == 0 && it->todo)
		r = buf_fmt(b, e, "DUE;VALUE=DATE:%s\r\n", from);
	else if (r == 0)
		r = buf_fmt(b, e, "DTSTART;VALUE=DATE:%s\r\nDTEND;VALUE=DATE:%s\r\n"
		    "TRANSP:TRANSPARENT\r\n", from, to);
	if (r == 0)
		r = ical_line(b, "SUMMARY", it->summary, e);
	if (r == 0 && *it->detail)
		r = ical_line(b, "DESCRIPTION", it->detail, e);
	if (r == 0 && *it->url)
		r = ical_line(b, "URL", it->url, e);
	return r == 0 ? buf_fmt(b, e, "END:%s\r\n", kind) : r;
}
