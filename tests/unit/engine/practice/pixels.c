#include "practice/pixels.h"

#include <stdlib.h>

#include "tap.h"

/* PackBits as PS3.5 annex G.3.2 tells to decode it. */
static size_t
unpack(const uint8_t *p, size_t n, uint8_t *out, size_t want)
{
	size_t i = 0, k = 0;

	while (i < n && k < want) {
		int8_t c = (int8_t)p[i++];

		if (c >= 0) {
			for (int j = 0; j <= c && i < n && k < want; j++)
				out[k++] = p[i++];
		} else if (c != -128 && i < n) {
			for (int j = 0; j <= -c && k < want; j++)
				out[k++] = p[i];
			i++;
		}
	}
	return k;
}

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
rle(const uint16_t *px, int w, int h, const char *what)
{
	size_t n = (size_t)w * (size_t)h;
	uint8_t *hi = calloc(n, 1), *lo = calloc(n, 1);
	bool good;
	struct buf b;
	uint32_t one, two;

	buf_init(&b, 8 << 20);
	good = pixels_rle(px, w, h, 2, &b, NULL) == 0 && b.len > 64 && le32(b.p) == 2;
	one = good ? le32(b.p + 4) : 0;
	two = good ? le32(b.p + 8) : 0;
	good = good && one == 64 && two > one && two < b.len && two % 2 == 0 && b.len % 2 == 0;
	good = good && unpack(b.p + one, two - one, hi, n) == n &&
	    unpack(b.p + two, b.len - two, lo, n) == n;
	for (size_t i = 0; i < n && good; i++)
		good = px[i] == (hi[i] << 8 | lo[i]);
	OK(good, "RLE gives every pixel back: %s (%zu of %zu bytes)", what, b.len, n * 2);
	buf_free(&b);
	free(hi);
	free(lo);
}

int
main(void)
{
	enum { W = 256, H = 200 };
	uint16_t *px = calloc((size_t)W * H, sizeof(*px));
	bool inside = true;
	long step = 0;
	struct rng r;
	struct buf b;

	rng_init(&r, 1);
	pixels_paint(&r, px, W, H, 12);
	for (int i = 0; i < W * H; i++) {
		inside = inside && px[i] < 4096;
		step += i ? labs((long)px[i] - px[i - 1]) : 0;
	}
	OK(inside, "twelve bits");
	OK(step / (W * H) < 100 && step / (W * H) > 2, "smooth, but not flat");
	rle(px, W, H, "a picture");
	(void)memset(px, 0, (size_t)W * H * 2);
	rle(px, W, H, "black");
	for (int i = 0; i < W * H; i++)
		px[i] = (uint16_t)(i * 40503u >> 3);
	rle(px, W, H, "noise");
	for (int i = 0; i < W * H; i++)
		px[i] = (uint16_t)(i % 3 == 0 ? 7 : 8);
	rle(px, W, H, "short runs");
	rle(px, 1, 1, "one pixel");
	for (int i = 0; i < W * H; i++)
		px[i] = (uint16_t)(i % W);
	buf_init(&b, 1 << 20);
	OK(pixels_jpeg(px, W, H, &b, NULL) == 0, "JPEG");
	OK(b.len > 600 && b.p[0] == 0xff && b.p[1] == 0xd8 && b.p[b.len - 2] == 0xff &&
	    b.p[b.len - 1] == 0xd9, "begins and ends as it must");
	EQ_I(pixels_jpeg(px, 20, 16, &b, NULL), E_INVAL, "only whole blocks");
	buf_free(&b);
	buf_init(&b, 100);
	EQ_I(pixels_rle(px, W, H, 2, &b, NULL), E_LIMIT, "a buffer too small");
	buf_free(&b);
	free(px);
	return tap_done();
}
