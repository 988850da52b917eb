/* Scanned paper: PDF 1.4, one grey image a page, filled like a form and written on by hand. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "practice/date.h"
#include "practice/names.h"
#include "practice/parts.h"
#include "practice/rng.h"
#include "practice/zip.h"

enum { WIDE = 827, HIGH = 1169, PAGE = WIDE * HIGH, SCAN_MAX = 16 << 20, SCAN_USUAL = 640 << 10 };

static const char *const forms[] = {"同意書", "紹介状", "問診票", "検査説明書", "保険証写し",
	"入院診療計画書"};

/* White paper with the scanner's noise. */
static void
paper(struct rng *r, uint8_t *px)
{
	rng_fill(r, px, PAGE);
	for (size_t i = 0; i < PAGE; i++)
		px[i] = (uint8_t)(0xe0 | (px[i] & 0x1f));
}

static void
dot(uint8_t *px, int x, int y, uint8_t ink)
{
	if (x >= 0 && x < WIDE && y >= 0 && y < HIGH)
		px[y * WIDE + x] = ink;
}

/* A line of handwriting: a pen that wanders, in words. */
static void
handwriting(struct rng *r, uint8_t *px, int x, int y, int end)
{
	int vx = 2, vy = 0;

	while (x < end) {
		int len = rng_range(r, 20, 60), base = y;

		for (int i = 0; i < len; i++) {
			uint8_t ink = (uint8_t)(20 + rng_below(r, 60));

			vx += rng_range(r, -1, 1);
			vy += rng_range(r, -2, 2);
			vx = vx > 2 ? 2 : vx < -1 ? -1 : vx;
			vy = vy > 3 ? 3 : vy < -3 ? -3 : vy;
			if (base + vy > y + 9 || base + vy < y - 9)
				vy = -vy;
			x += vx;
			base += vy;
			dot(px, x, base, ink);
			dot(px, x + 1, base, ink);
			dot(px, x, base + 1, (uint8_t)(ink + 40));
		}
		x += rng_range(r, 12, 26);
	}
}

static void
page_image(struct rng *r, uint8_t *px)
{
	paper(r, px);
	for (int y = 90; y < HIGH - 60; y += 44) {
		for (int x = 60; x < WIDE - 60; x++)
			dot(px, x, y, 120);
		if (rng_percent(r, 70))
			handwriting(r, px, 70, y - 16, rng_range(r, 200, WIDE - 80));
	}
	for (int y = 60; y < HIGH - 60; y++) {
		dot(px, 60, y, 120);
		dot(px, WIDE - 60, y, 120);
	}
}

/* A text string of the document information: UTF-16BE in hexadecimal. */
static int
put_utf16(struct buf *b, const char *s, struct err *e)
{
	const unsigned char *p = (const unsigned char *)s;
	int r = buf_str(b, "<FEFF", e);

	while (*p && r == 0) {
		uint32_t c = *p++;

		if (c >= 0xe0 && p[0] && p[1]) {
			c = (c & 0xf) << 12 | (uint32_t)(p[0] & 0x3f) << 6 | (p[1] & 0x3f);
			p += 2;
		} else if (c >= 0xc0 && p[0]) {
			c = (c & 0x1f) << 6 | (p[0] & 0x3f);
			p++;
		}
		r = buf_fmt(b, e, "%04X", (unsigned)c & 0xffff);
	}
	return r < 0 ? r : buf_str(b, ">", e);
}

static int
page_objects(struct buf *b, size_t *at, int page, const struct buf *packed, struct err *e)
{
	char draw[64];
	int base = 4 + page * 3, r;
	int n = snprintf(draw, sizeof(draw), "q 595 0 0 842 0 0 cm /I Do Q\n");

	at[base] = b->len;
	r = buf_fmt(b, e,
	    "%d 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources "
	    "<< /XObject << /I %d 0 R >> >> /Contents %d 0 R >>\nendobj\n", base, base + 2, base +
	    1);
	at[base + 1] = b->len;
	r = r < 0 ? r : buf_fmt(b, e, "%d 0 obj\n<< /Length %d >>\nstream\n%sendstream\nendobj\n",
	    base + 1, n, draw);
	at[base + 2] = b->len;
	r = r < 0 ? r : buf_fmt(b, e,
	    "%d 0 obj\n<< /Type /XObject /Subtype /Image /Width %d /Height "
	    "%d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode /Length %zu >>\n"
	    "stream\n", base + 2, WIDE, HIGH, packed->len);
	r = r < 0 ? r : buf_put(b, packed->p, packed->len, e);
	return r < 0 ? r : buf_str(b, "\nendstream\nendobj\n", e);
}

static int
head(struct buf *b, size_t *at, const char *title, int pages, int64_t stamp, struct err *e)
{
	char when[15];
	int r = buf_str(b, "%PDF-1.4\n%\xe3\x81\x82\n", e);

	at[1] = b->len;
	r = r < 0 ? r : buf_str(b, "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n", e);
	at[2] = b->len;
	r = r < 0 ? r : buf_str(b, "2 0 obj\n<< /Type /Pages /Kids [", e);
	for (int i = 0; i < pages && r == 0; i++)
		r = buf_fmt(b, e, "%d 0 R ", 4 + i * 3);
	r = r < 0 ? r : buf_fmt(b, e, "] /Count %d >>\nendobj\n", pages);
	at[3] = b->len;
	date_put14(when, stamp);
	r = r < 0 ? r : buf_str(b, "3 0 obj\n<< /Title ", e);
	r = r < 0 ? r : put_utf16(b, title, e);
	return r < 0 ? r : buf_fmt(b, e, " /CreationDate (D:%s+09'00') >>\nendobj\n", when);
}

static int
tail(struct buf *b, const size_t *at, int objects, struct err *e)
{
	size_t xref = b->len;
	int r = buf_fmt(b, e, "xref\n0 %d\n0000000000 65535 f \n", objects + 1);

	for (int i = 1; i <= objects && r == 0; i++)
		r = buf_fmt(b, e, "%010zu 00000 n \n", at[i]);
	return r < 0 ? r : buf_fmt(b, e,
	    "trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\nstartxref\n"
	    "%zu\n%%%%EOF\n", objects + 1, xref);
}

static int
one_scan(const struct parts *p, struct buf *b, struct buf *px, uint64_t salt, int32_t day,
    struct err *e)
{
	AUTO(buf_free) struct buf packed = {0};
	size_t at[16] = {0};
	char path[160], when[9], id[9], title[100];
	struct rng r;
	int pages, code;
	int64_t stamp;
	int y, m, d;
	const char *form;

	rng_init(&r, salt);
	buf_init(&packed, SCAN_MAX);
	names_id(rng_below(&r, p->h->known), id);
	form = forms[rng_below(&r, (uint32_t)ARRAY_LEN(forms))];
	stamp = date_stamp(day, (int64_t)rng_range(&r, 30000, 64000) * 1000 + 77);
	date_split(day, &y, &m, &d);
	date_put8(when, day);
	(void)snprintf(path, sizeof(path), "scans/%04d/%02d/%s/%s_%s_%08x.pdf", y, m, when, id,
	    form,
	    (unsigned)(salt & 0xffffffff));
	(void)snprintf(title, sizeof(title), "%s %s", form, id);
	pages = rng_percent(&r, 25) ? 2 : 1;
	buf_clear(b);
	code = head(b, at, title, pages, stamp, e);
	for (int i = 0; i < pages && code == 0; i++) {
		page_image(&r, px->p);
		buf_clear(&packed);
		code = zip_deflate(px->p, PAGE, false, true, &packed, e);
		if (code == 0)
			code = page_objects(b, at, i, &packed, e);
	}
	if (code == 0)
		code = tail(b, at, 3 + pages * 3, e);
	return code < 0 ? code : tree_put(p->t, path, b->p, b->len, stamp, e);
}

int
scans_day(const struct parts *p, int32_t day, struct err *e)
{
	AUTO(buf_free) struct buf b = {0}, px = {0};
	uint64_t want = day == 0 ? p->plan->scans : p->plan->scans / 200;
	uint64_t start = p->t->bytes;
	uint32_t n = 0;
	int r;

	buf_init(&b, SCAN_MAX);
	buf_init(&px, PAGE);
	r = buf_reserve(&px, PAGE, e);
	while (r == 0 && p->t->bytes - start < want) {
		uint64_t salt = rng_hash(p->seed, (uint64_t)(day + 10000), 0x5343414e00000000 + n);

		if (want - (p->t->bytes - start) < SCAN_USUAL / 2 && n > 0)
			break;
		r = one_scan(p, &b, &px, salt, day > 0 ? day : -(int32_t)(n % 360), e);
		n++;
	}
	return r;
}
