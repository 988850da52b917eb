/* The picture archive: images/YYYY/MM/DD/<patient>/<accession>/<number>.dcm */
#include <stdio.h>

#include "practice/codes.h"
#include "practice/date.h"
#include "practice/dicom.h"
#include "practice/names.h"
#include "practice/parts.h"
#include "practice/pixels.h"
#include "practice/rng.h"

enum { SIDE_MAX = 2048, IMAGE_MAX = 40 << 20, ORDERS_MAX = 4 << 20 };
#define IMAGES_LARGE (UINT64_C(200) << 20)

void
images_init(struct images *im)
{
	vec_init(&im->orders, sizeof(struct ev), ORDERS_MAX);
}

void
images_free(struct images *im)
{
	vec_free(&im->orders);
}

int
images_note(struct images *im, const struct ev *ev, struct err *e)
{
	struct ev *slot;

	if (ev->kind != EV_OMG11 || ev->cancel)
		return 0;
	slot = vec_add(&im->orders);
	if (!slot)
		return err_set(e, E_NOMEM, "no memory");
	*slot = *ev;
	return 0;
}

/* Width, height and number of pictures of a study. */
static void
extent(const struct parts *p, const struct ev *ev, struct dicom_image *im, int *count)
{
	bool large = p->plan->images > IMAGES_LARGE;
	char m = codes_imaging[ev->item].modality[0], second = codes_imaging[ev->item].modality[1];

	if (m == 'U') {
		im->w = 640;
		im->h = 480;
		*count = 2 + (int)(ev->salt % 3);
	} else if (second == 'T') {
		im->w = im->h = large ? 512 : 384;
		*count = large ? 16 + (int)(ev->salt % 33) : 3;
	} else {
		im->w = large ? 2048 : 640;
		im->h = large ? 2048 : 800;
		*count = 1;
	}
}

static enum dicom_syntax
syntax_of(const struct ev *ev)
{
	uint64_t k = ev->salt % 10;

	if (codes_imaging[ev->item].modality[0] == 'U')
		return k < 5 ? DICOM_JPEG : k < 7 ? DICOM_RLE : DICOM_EXPLICIT_LE;
	return k < 4 ? DICOM_EXPLICIT_LE
	    : k < 6  ? DICOM_IMPLICIT_LE
	    : k < 7  ? DICOM_EXPLICIT_BE
	    : k < 8  ? DICOM_DEFLATED
		     : DICOM_RLE;
}

static int
study(const struct parts *p, const struct ev *ev, enum dicom_syntax syntax, struct buf *px,
    struct buf *file, struct err *e)
{
	struct dicom_image im = {.ev = ev, .seed = p->seed, .syntax = syntax,
		.half_kana = ev->salt / 16 % 4 == 0};
	char path[160], id[9];
	int count, r = 0, y, m, d;
	struct rng rng;

	extent(p, ev, &im, &count);
	rng_init(&rng, rng_hash(p->seed, ev->salt, 0x504958));
	names_id(ev->pt, id);
	date_split(date_of(ev->at), &y, &m, &d);
	im.px = (const uint16_t *)(const void *)px->p;
	for (int i = 1; i <= count && r == 0; i++) {
		im.number = i;
		pixels_paint(&rng, (uint16_t *)(void *)px->p, im.w, im.h,
		    codes_imaging[ev->item].modality[0] == 'U' ? 8 : 12);
		buf_clear(file);
		r = dicom_write(&im, p->enc, file, e);
		(void)snprintf(path, sizeof(path), "images/%04d/%02d/%02d/%s/A%015llu/%05d.dcm", y,
		    m,
		    d, id, (unsigned long long)ev->no, i);
		if (r == 0)
			r = tree_put(p->t, path, file->p, file->len, ev->at + i * INT64_C(2000), e);
	}
	return r;
}

/* A study from before the simulated days, so that the archive has its size. */
static struct ev
prior(const struct parts *p, uint32_t n)
{
	struct rng r;
	struct ev ev = {.kind = EV_OMG11, .bed = -1, .from_bed = -1};
	int y, m, d;

	rng_init(&r, rng_hash(p->seed, n, 0x5052494f52));
	ev.pt = rng_below(&r, p->h->known);
	ev.day = p->h->first - 1 - (int32_t)rng_below(&r, 1400);
	ev.at = date_stamp(ev.day, 32400000 + (int64_t)rng_below(&r, 28800000));
	ev.item = (uint8_t)rng_below(&r, (uint32_t)codes_nimaging);
	ev.salt = rng_next(&r);
	date_split(ev.day, &y, &m, &d);
	ev.no = ((uint64_t)y * 10000 + (uint64_t)m * 100 + (uint64_t)d) * 10000000 + 9000000 +
	    n % 1000000;
	return ev;
}

int
images_day(struct images *im, const struct parts *p, int32_t day, struct err *e)
{
	AUTO(buf_free) struct buf px = {0}, file = {0};
	uint64_t start = p->t->bytes, want = day == 0 ? p->plan->images : p->plan->images / 100;
	int r;

	buf_init(&px, (size_t)SIDE_MAX * SIDE_MAX * 2);
	buf_init(&file, IMAGE_MAX);
	r = buf_reserve(&px, (size_t)SIDE_MAX * SIDE_MAX * 2, e);
	/* one of each transfer syntax, however small the archive */
	for (uint32_t n = 0; day == 0 && r == 0 && n < DICOM_SYNTAXES; n++) {
		struct ev ev = prior(p, n);

		ev.item = (uint8_t)(n == DICOM_JPEG ? codes_nimaging - 1 : n % codes_nimaging);
		r = study(p, &ev, (enum dicom_syntax)n, &px, &file, e);
	}
	for (size_t i = 0; i < im->orders.len && r == 0 && p->t->bytes - start < want; i++) {
		const struct ev *ev = VEC_AT(&im->orders, struct ev, i);

		r = study(p, ev, syntax_of(ev), &px, &file, e);
	}
	im->orders.len = 0;
	for (uint32_t n = DICOM_SYNTAXES; day == 0 && r == 0 && p->t->bytes - start < want; n++) {
		struct ev ev = prior(p, n);

		r = study(p, &ev, syntax_of(&ev), &px, &file, e);
	}
	return r;
}
