#include "practice/dicom.h"

#include <stdio.h>
#include <string.h>

#include "practice/codes.h"
#include "practice/content.h"
#include "practice/date.h"
#include "practice/names.h"
#include "practice/pixels.h"
#include "practice/zip.h"

enum { DATASET_MAX = 64 << 20 };

/* A data set being written. The first error sticks. */
struct ds {
	struct buf *b;
	struct err *e;
	int r;
	bool implicit, big;
};

const char *
dicom_uid(enum dicom_syntax s)
{
	static const char *const uids[DICOM_SYNTAXES] = {
		"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2",
		"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50",
	};

	return uids[s];
}

static void
put16(struct ds *d, uint16_t v)
{
	if (d->r == 0)
		d->r = buf_u16(d->b, d->big ? (uint16_t)(v >> 8 | v << 8) : v, d->e);
}

static void
put32(struct ds *d, uint32_t v)
{
	if (d->r == 0)
		d->r = buf_u32(d->b, d->big ? __builtin_bswap32(v) : v, d->e);
}

static bool
long_form(const char *vr)
{
	return strcmp(vr, "OB") == 0 || strcmp(vr, "OW") == 0 || strcmp(vr, "SQ") == 0;
}

static void
tag(struct ds *d, uint32_t t, const char *vr, uint32_t len)
{
	put16(d, (uint16_t)(t >> 16));
	put16(d, (uint16_t)t);
	if (d->implicit) {
		put32(d, len);
		return;
	}
	if (d->r == 0)
		d->r = buf_put(d->b, vr, 2, d->e);
	if (long_form(vr)) {
		put16(d, 0);
		put32(d, len);
	} else {
		put16(d, (uint16_t)len);
	}
}

static void
bytes(struct ds *d, uint32_t t, const char *vr, const void *p, size_t n)
{
	uint8_t pad = strcmp(vr, "UI") == 0 || strcmp(vr, "OB") == 0 ? 0 : ' ';

	tag(d, t, vr, (uint32_t)(n + n % 2));
	if (d->r == 0)
		d->r = buf_put(d->b, p, n, d->e);
	if (d->r == 0 && n % 2)
		d->r = buf_u8(d->b, pad, d->e);
}

static void
text(struct ds *d, uint32_t t, const char *vr, const char *s)
{
	bytes(d, t, vr, s, strlen(s));
}

static void
us(struct ds *d, uint32_t t, uint16_t v)
{
	tag(d, t, "US", 2);
	put16(d, v);
}

/* Japanese text; ISO 2022 returns to the initial set, which is JIS X 0201 when ${roman}. */
static int
japanese(struct enc *enc, const char *s, bool roman, struct buf *out, struct err *e)
{
	size_t old = out->len;
	int r = enc_jis(enc, s, strlen(s), out, e);

	for (size_t i = old; r == 0 && roman && i + 2 < out->len; i++)
		if (memcmp(out->p + i, "\x1b(B", 3) == 0)
			out->p[i + 2] = 'J';
	return r;
}

static void
person_name(struct ds *d, const struct dicom_image *im, struct enc *enc, const struct person *p)
{
	AUTO(buf_free) struct buf n = {0};
	char s[200];
	int r;

	buf_init(&n, 1024);
	if (im->half_kana) {
		(void)snprintf(s, sizeof(s), "%s^%s", p->family_kana, p->given_kana);
		r = enc_ir13(enc, s, &n, d->e);
	} else {
		r = buf_fmt(&n, d->e, "%s^%s", p->family_roman, p->given_roman);
	}
	(void)snprintf(s, sizeof(s), "=%s^%s=%s^%s", p->family, p->given, p->family_kana,
	    p->given_kana);
	r = r < 0 ? r : japanese(enc, s, im->half_kana, &n, d->e);
	if (r < 0)
		d->r = r;
	bytes(d, 0x00100010, "PN", n.p, n.len);
}

static void
japanese_element(struct ds *d, uint32_t t, const char *vr, const struct dicom_image *im,
    struct enc *enc, const char *s)
{
	AUTO(buf_free) struct buf b = {0};
	int r;

	buf_init(&b, 1024);
	r = japanese(enc, s, im->half_kana, &b, d->e);
	if (r < 0)
		d->r = r;
	bytes(d, t, vr, b.p, b.len);
}

static const char *
sop_class(const char *modality)
{
	return strcmp(modality, "CT") == 0 ? "1.2.840.10008.5.1.4.1.1.2"
	    : strcmp(modality, "US") == 0  ? "1.2.840.10008.5.1.4.1.1.6.1"
					   : "1.2.840.10008.5.1.4.1.1.1";
}

struct names {
	char study[65], series[65], instance[65], accession[24], day[9], time[11];
};

static void
name_all(const struct dicom_image *im, struct names *n)
{
	char at[18];
	uint64_t k = rng_hash(im->ev->no, im->ev->pt, 0x534552);

	content_study(im->ev, n->study);
	(void)snprintf(n->series, sizeof(n->series), "2.25.%llu", (unsigned long long)k);
	(void)snprintf(n->instance, sizeof(n->instance), "2.25.%llu",
	    (unsigned long long)rng_hash(k, (uint64_t)im->number, 0x494e53));
	(void)snprintf(n->accession, sizeof(n->accession), "A%015llu",
	    (unsigned long long)im->ev->no);
	date_put17(at, im->ev->at);
	(void)snprintf(n->day, sizeof(n->day), "%.8s", at);
	(void)snprintf(n->time, sizeof(n->time), "%.6s.%.3s", at + 8, at + 14);
}

static void
study_part(struct ds *d, const struct dicom_image *im, struct enc *enc, const struct names *n)
{
	const struct imaging *k = &codes_imaging[im->ev->item];
	struct person p;
	char birth[9], sex[2] = "";

	names_person(im->seed, im->ev->pt, 0, &p);
	date_put8(birth, p.birth);
	sex[0] = p.sex;
	text(d, 0x00080005, "CS", im->half_kana ? "ISO 2022 IR 13\\ISO 2022 IR 87"
						 : "\\ISO 2022 IR 87");
	text(d, 0x00080016, "UI", sop_class(k->modality));
	text(d, 0x00080018, "UI", n->instance);
	text(d, 0x00080020, "DA", n->day);
	text(d, 0x00080021, "DA", n->day);
	text(d, 0x00080030, "TM", n->time);
	text(d, 0x00080031, "TM", n->time);
	text(d, 0x00080050, "SH", n->accession);
	text(d, 0x00080060, "CS", k->modality);
	text(d, 0x00080070, "LO", "KARI MEDICAL");
	japanese_element(d, 0x00080080, "LO", im, enc, "仮町立守病院");
	text(d, 0x00080090, "PN", "");
	japanese_element(d, 0x00081030, "LO", im, enc, k->name);
	person_name(d, im, enc, &p);
	text(d, 0x00100020, "LO", p.id);
	text(d, 0x00100030, "DA", birth);
	text(d, 0x00100040, "CS", sex);
	text(d, 0x00180015, "CS", k->part);
}

static void
image_part(struct ds *d, const struct dicom_image *im, const struct names *n, int bits)
{
	const struct imaging *k = &codes_imaging[im->ev->item];
	bool ct = strcmp(k->modality, "CT") == 0;
	char no[12], pos[40];

	text(d, 0x0020000d, "UI", n->study);
	text(d, 0x0020000e, "UI", n->series);
	text(d, 0x00200010, "SH", n->accession);
	text(d, 0x00200011, "IS", "1");
	(void)snprintf(no, sizeof(no), "%d", im->number);
	text(d, 0x00200013, "IS", no);
	if (ct) {
		(void)snprintf(pos, sizeof(pos), "-175\\-175\\%d", im->number * 5);
		text(d, 0x00200032, "DS", pos);
		text(d, 0x00200037, "DS", "1\\0\\0\\0\\1\\0");
		text(d, 0x00200052, "UI", n->series);
	}
	us(d, 0x00280002, 1);
	text(d, 0x00280004, "CS", "MONOCHROME2");
	us(d, 0x00280010, (uint16_t)im->h);
	us(d, 0x00280011, (uint16_t)im->w);
	if (ct)
		text(d, 0x00280030, "DS", "0.684\\0.684");
	us(d, 0x00280100, bits > 8 ? 16 : 8);
	us(d, 0x00280101, (uint16_t)bits);
	us(d, 0x00280102, (uint16_t)(bits - 1));
	us(d, 0x00280103, 0);
	text(d, 0x00281050, "DS", bits > 8 ? "2048" : "128");
	text(d, 0x00281051, "DS", bits > 8 ? "4096" : "256");
	if (ct) {
		text(d, 0x00281052, "DS", "-1024");
		text(d, 0x00281053, "DS", "1");
	}
	if (im->syntax == DICOM_JPEG)
		text(d, 0x00282110, "CS", "01");
}

static void
native_pixels(struct ds *d, const struct dicom_image *im, int bits)
{
	size_t n = (size_t)im->w * (size_t)im->h;

	if (bits <= 8) {
		/* OB in explicit syntaxes, OW in the implicit one; the bytes are the same */
		tag(d, 0x7fe00010, d->implicit ? "OW" : "OB", (uint32_t)(n + n % 2));
		for (size_t i = 0; i < n && d->r == 0; i++)
			d->r = buf_u8(d->b, (uint8_t)im->px[i], d->e);
		if (d->r == 0 && n % 2)
			d->r = buf_u8(d->b, 0, d->e);
		return;
	}
	tag(d, 0x7fe00010, "OW", (uint32_t)(n * 2));
	if (!d->big) {
		if (d->r == 0)
			d->r = buf_put(d->b, im->px, n * 2, d->e);
		return;
	}
	for (size_t i = 0; i < n && d->r == 0; i++)
		put16(d, im->px[i]);
}

static void
packed_pixels(struct ds *d, const struct dicom_image *im, int bits)
{
	AUTO(buf_free) struct buf c = {0};
	int r;

	buf_init(&c, DATASET_MAX);
	if (im->syntax == DICOM_RLE)
		r = pixels_rle(im->px, im->w, im->h, bits > 8 ? 2 : 1, &c, d->e);
	else
		r = pixels_jpeg(im->px, im->w, im->h, &c, d->e);
	if (r == 0 && c.len % 2)
		r = buf_u8(&c, 0, d->e);
	if (r < 0 && d->r == 0)
		d->r = r;
	tag(d, 0x7fe00010, "OB", UINT32_MAX);
	put32(d, 0xe000fffe); /* an empty offset table */
	put32(d, 0);
	put32(d, 0xe000fffe);
	put32(d, (uint32_t)c.len);
	if (d->r == 0)
		d->r = buf_put(d->b, c.p, c.len, d->e);
	put32(d, 0xe0ddfffe);
	put32(d, 0);
}

static int
meta(const struct dicom_image *im, const struct names *n, struct buf *out, struct err *e)
{
	static const uint8_t zero[128], version[2] = {0, 1};
	AUTO(buf_free) struct buf b = {0};
	struct ds d = {.b = &b, .e = e}, front = {.b = out, .e = e};

	buf_init(&b, 4096);
	bytes(&d, 0x00020001, "OB", version, 2);
	text(&d, 0x00020002, "UI", sop_class(codes_imaging[im->ev->item].modality));
	text(&d, 0x00020003, "UI", n->instance);
	text(&d, 0x00020010, "UI", dicom_uid(im->syntax));
	text(&d, 0x00020012, "UI", "2.25.20260401");
	text(&d, 0x00020013, "SH", "MAMORI_PRACTICE");
	if (d.r < 0)
		return d.r;
	front.r = buf_put(out, zero, sizeof(zero), e);
	if (front.r == 0)
		front.r = buf_put(out, "DICM", 4, e);
	tag(&front, 0x00020000, "UL", 4);
	put32(&front, (uint32_t)b.len);
	return front.r < 0 ? front.r : buf_put(out, b.p, b.len, e);
}

int
dicom_write(const struct dicom_image *im, struct enc *enc, struct buf *out, struct err *e)
{
	AUTO(buf_free) struct buf plain = {0};
	bool sound = strcmp(codes_imaging[im->ev->item].modality, "US") == 0;
	int bits = sound ? 8 : 12, r;
	struct ds d = {.b = out, .e = e, .implicit = im->syntax == DICOM_IMPLICIT_LE,
		.big = im->syntax == DICOM_EXPLICIT_BE};
	struct names n;

	if (im->syntax == DICOM_JPEG && !sound)
		return err_set(e, E_INVAL, "baseline JPEG holds 8 bits");
	buf_init(&plain, DATASET_MAX);
	name_all(im, &n);
	if ((r = meta(im, &n, out, e)) < 0)
		return r;
	if (im->syntax == DICOM_DEFLATED)
		d.b = &plain;
	study_part(&d, im, enc, &n);
	image_part(&d, im, &n, bits);
	if (im->syntax == DICOM_RLE || im->syntax == DICOM_JPEG)
		packed_pixels(&d, im, bits);
	else
		native_pixels(&d, im, bits);
	if (d.r < 0 || im->syntax != DICOM_DEFLATED)
		return d.r;
	r = zip_deflate(plain.p, plain.len, true, true, out, e);
	return r == 0 && out->len % 2 ? buf_u8(out, 0, e) : r;
}
